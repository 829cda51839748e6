//! A program that is started, watched and, where it must be, ended with all that it started: its output goes into a
//! file and its last lines into messages.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use imagenette_files::FileError;

use super::shell::{Signal, tell_group};

/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long after its end its last output may take to arrive: a process that left the group may hold the pipe open.
const DRAIN: Duration = Duration::from_secs(2);
/// So much of the output is kept in its file; the rest is counted, so that a command that prints without end fills no
/// disk.
const FILE_BYTES: usize = 4 << 20;
/// So much of the end of the output is remembered.
const TAIL_BYTES: usize = 8 << 10;
/// The lines of it that a message shows.
const TAIL_LINES: usize = 12;
/// The letters of a line that a message shows.
const TAIL_LETTERS: usize = 200;

/// What ends a child early, and how.
pub(super) struct Manners {
    /// It may take so long.
    pub(super) timeout: Option<Duration>,
    /// What it is told first when it is to stop.
    pub(super) first: Signal,
    /// How long it may take to do so before it is killed.
    pub(super) grace: Duration,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// After the timeout, by us.
    TimedOut,
    /// Because the work was asked to stop.
    Stopped,
}

/// A child that has ended: how, after how long, and the last lines that it printed.
pub(super) struct Report {
    pub(super) ended: Ended,
    pub(super) seconds: f64,
    pub(super) last_lines: Vec<String>,
}

/// Runs a command to its end, with its output in the file `log`. `stop` says whether the work is to stop.
pub(super) fn run(
    mut command: Command,
    log: &Path,
    manners: &Manners,
    stop: &dyn Fn() -> bool,
) -> Result<Report, FileError> {
    let file = File::create(log).map_err(FileError::io("create", log))?;
    let (reader, writer) = std::io::pipe().map_err(FileError::io("make a pipe for", log))?;
    let errors = writer.try_clone().map_err(FileError::io("make a pipe for", log))?;
    command.stdin(Stdio::null()).stdout(writer).stderr(errors);
    let began = Instant::now();
    let started = command.spawn();
    // Both ends for writing are the child's alone from here on.
    drop(command);
    let mut child = started.map_err(FileError::io("start a command for", log))?;
    let tail = Arc::new(Mutex::new(VecDeque::new()));
    let (done, is_done) = mpsc::channel();
    {
        let tail = tail.clone();
        // Not joined: what left the group may keep the pipe open for as long as it likes.
        let read = std::thread::Builder::new().spawn(move || {
            keep(reader, file, &tail);
            let _ = done.send(());
        });
        if let Err(error) = read {
            tell_group(&mut child, Signal::Kill);
            return Err(FileError::io("start a thread to write", log)(error));
        }
    }
    let ended = watch(&mut child, began, manners, stop).map_err(FileError::io("wait for a command of", log));
    // What it left running would go on writing.
    tell_group(&mut child, Signal::Kill);
    let ended = ended?;
    let seconds = began.elapsed().as_secs_f64();
    let _ = is_done.recv_timeout(DRAIN);
    let bytes: Vec<u8> = tail.lock().expect("no thread panics while it reads").iter().copied().collect();
    Ok(Report { ended, seconds, last_lines: last_lines(&bytes) })
}

fn watch(child: &mut Child, began: Instant, manners: &Manners, stop: &dyn Fn() -> bool) -> std::io::Result<Ended> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::Exited(status));
        }
        let is_late = manners.timeout.is_some_and(|timeout| began.elapsed() >= timeout);
        if is_late || stop() {
            end(child, manners)?;
            return Ok(if is_late { Ended::TimedOut } else { Ended::Stopped });
        }
        std::thread::sleep(LOOK);
    }
}

fn end(child: &mut Child, manners: &Manners) -> std::io::Result<()> {
    tell_group(child, manners.first);
    let asked = Instant::now();
    while asked.elapsed() < manners.grace {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    tell_group(child, Signal::Kill);
    child.wait().map(drop)
}

/// Takes in all output: the beginning into the file, the end into memory.
fn keep(mut output: impl Read, mut file: File, tail: &Mutex<VecDeque<u8>>) {
    let mut buffer = vec![0; 1 << 16];
    let (mut written, mut left_out) = (0, 0);
    loop {
        let count = match output.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        let room = FILE_BYTES.saturating_sub(written).min(count);
        // On a full disk the output is lost, and the run need not be.
        if file.write_all(&buffer[..room]).is_ok() {
            written += room;
        }
        left_out += count - room;
        let mut tail = tail.lock().expect("no thread panics while it reads");
        tail.extend(&buffer[..count]);
        let over = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..over);
    }
    if left_out > 0 {
        let tail: Vec<u8> = tail.lock().expect("no thread panics while it reads").iter().copied().collect();
        let _ = writeln!(file, "\n... {left_out} bytes are left out here, all but the last {} ...", tail.len());
        let _ = file.write_all(&tail);
    }
}

/// The last lines of an output, short and without control characters.
fn last_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    // A progress bar writes over its line again and again.
    let lines = text.lines().map(|line| line.trim_end().rsplit('\r').next().unwrap_or_default());
    let short = |line: &str| -> String {
        let mut letters: String = line.chars().filter(|letter| !letter.is_control()).take(TAIL_LETTERS).collect();
        if line.chars().count() > TAIL_LETTERS {
            letters.push('…');
        }
        letters
    };
    let lines: Vec<String> = lines.map(short).filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].to_vec()
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::shell;
    use super::*;

    fn run_line(line: &str, timeout_ms: Option<u64>, stop: &dyn Fn() -> bool) -> (Report, String) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("output.txt");
        let timeout = timeout_ms.map(Duration::from_millis);
        let manners = Manners { timeout, first: Signal::Terminate, grace: Duration::from_millis(300) };
        let report = run(shell::command(line), &log, &manners, stop).unwrap();
        (report, std::fs::read_to_string(&log).unwrap())
    }

    #[test]
    fn output_and_errors_are_kept_in_order_and_the_last_lines_told() {
        let (report, log) = run_line("for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 3", None, &|| false);
        assert!(matches!(report.ended, Ended::Exited(status) if status.code() == Some(3)));
        assert_eq!(log, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
        assert_eq!(report.last_lines.last().unwrap(), "err 3");
    }

    #[test]
    fn megabytes_fill_no_disk() {
        let (report, log) = run_line("yes 0123456789abcdef | head -c 12000000; echo; echo the end", None, &|| false);
        assert!(log.len() < 5_000_000 && log.ends_with("the end\n"), "{}", log.len());
        assert!(log.contains("bytes are left out here"));
        assert_eq!(report.last_lines.last().unwrap(), "the end");
    }

    #[test]
    fn a_hang_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        // Both the shell and its child are deaf to the first signal.
        let line = format!("trap '' TERM; sh -c 'trap \"\" TERM; sleep 60' & echo $! > {}; wait", pid.display());
        let (report, _) = run_line(&line, Some(400), &|| false);
        assert_eq!(report.ended, Ended::TimedOut);
        assert!(report.seconds < 10.0, "{}", report.seconds);
        let pid = std::fs::read_to_string(&pid).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    }

    #[test]
    fn who_asks_to_stop_is_heard_and_what_a_command_leaves_running_does_not_hold_it_up() {
        assert_eq!(run_line("sleep 60", None, &|| true).0.ended, Ended::Stopped);
        let began = Instant::now();
        let (report, _) = run_line("sleep 60 & exit 0", None, &|| false);
        assert!(matches!(report.ended, Ended::Exited(status) if status.success()));
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn last_lines_are_few_short_and_printable() {
        let text = format!("{}\x1b[31mred\n{}\n\n 10%\r 20%\n", "line\n".repeat(50), "x".repeat(500));
        let lines = last_lines(text.as_bytes());
        assert_eq!(lines.len(), TAIL_LINES);
        assert_eq!(lines[TAIL_LINES - 1], " 20%");
        assert_eq!(lines[TAIL_LINES - 2].chars().count(), TAIL_LETTERS + 1);
        assert!(lines.contains(&"[31mred".to_owned()));
    }
}
