//! Signs of life: a run that spends a budget writes every few seconds how long its process has been at work, so that
//! it is known of one that was killed.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use imagenette_files::atomic;
use imagenette_results::attempt::SILENCE_SECONDS;
use imagenette_results::run_folder::HEARTBEAT_FILE;

/// Writes signs of life until it is dropped; the last one is removed then.
#[derive(Debug)]
pub(super) struct Heartbeat {
    path: PathBuf,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Begins, with a process that has been at work for so many seconds.
    pub(super) fn begin(folder: &Path, seconds: f64) -> Self {
        let path = folder.join(HEARTBEAT_FILE);
        let (end, ended) = channel();
        let (began, written) = (Instant::now(), path.clone());
        let beat = move || loop {
            // A disk that is full ends the run elsewhere, with what it says.
            let now = seconds + began.elapsed().as_secs_f64();
            let _ = atomic::write_bytes(&written, format!("{now}\n").as_bytes());
            match ended.recv_timeout(Duration::from_secs_f64(SILENCE_SECONDS)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        };
        let thread = std::thread::Builder::new().name("heartbeat".into()).spawn(beat).ok();
        Self { path, end: Some(end), thread }
    }

    /// The last sign of life in a folder: seconds of the process that left it.
    pub(super) fn last(folder: &Path) -> Option<f64> {
        let text = std::fs::read_to_string(folder.join(HEARTBEAT_FILE)).ok()?;
        text.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
    }

    /// How long the process may have lived on after it, in seconds: until the next sign, and not into this moment.
    pub(super) fn silence(folder: &Path) -> f64 {
        let written = std::fs::metadata(folder.join(HEARTBEAT_FILE)).and_then(|file| file.modified());
        let since = written.ok().and_then(|written| written.elapsed().ok());
        since.map_or(SILENCE_SECONDS, |since| since.as_secs_f64().min(SILENCE_SECONDS))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_is_there_while_it_lives_and_gone_after() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Heartbeat::last(folder.path()), None);
        let heartbeat = Heartbeat::begin(folder.path(), 12.0);
        let seen = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(5));
            Heartbeat::last(folder.path())
        });
        let seconds = seen.take(2000).flatten().next().unwrap();
        assert!((12.0..30.0).contains(&seconds), "{seconds}");
        assert!((0.0..=SILENCE_SECONDS).contains(&Heartbeat::silence(folder.path())));
        drop(heartbeat);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(Heartbeat::silence(folder.path()), SILENCE_SECONDS, "nobody knows");
        for damaged in ["", "soon", "-3", "nan", "inf"] {
            std::fs::write(folder.path().join(HEARTBEAT_FILE), damaged).unwrap();
            assert_eq!(Heartbeat::last(folder.path()), None, "{damaged}");
        }
    }
}
