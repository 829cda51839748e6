//! Signals that ask the work to stop at a safe place, with a checkpoint: Ctrl-C, SIGTERM, SIGUSR1 (batch systems send
//! it before the time is over) and SIGHUP (the terminal goes away). Only a second Ctrl-C ends the program at once: a
//! batch system or a container may well send SIGTERM twice, and must not cut a checkpoint with it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use imagenette_data::DataError;
use signal_hook::consts::{SIGINT, SIGTERM};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The exit status of work that was interrupted and can be resumed.
pub(crate) const INTERRUPTED: u8 = 33;
/// The exit status of a run whose budget ended before its plan.
pub(crate) const SPENT: u8 = 34;

/// Whether the machine's owner asked.
static TAKEN_BACK: AtomicBool = AtomicBool::new(false);

/// Asks the work to stop, since the machine's owner takes the machine back.
pub(crate) fn take_back() {
    TAKEN_BACK.store(true, Ordering::Relaxed);
    ASKED.get_or_init(Arc::default).store(true, Ordering::Relaxed);
}

/// Whether the work was asked to stop since the machine is taken back.
pub(crate) fn is_taken_back() -> bool {
    TAKEN_BACK.load(Ordering::Relaxed)
}

/// Starts listening.
pub(crate) fn listen() -> std::io::Result<()> {
    let asked = ASKED.get_or_init(Arc::default);
    let is_typed = Arc::new(AtomicBool::new(false));
    // In this order: the flag is not set yet at the first Ctrl-C, so only a second one ends the program.
    signal_hook::flag::register_conditional_shutdown(SIGINT, i32::from(INTERRUPTED), is_typed.clone())?;
    signal_hook::flag::register(SIGINT, is_typed)?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, asked.clone())?;
    }
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGUSR1};
        signal_hook::flag::register(SIGUSR1, asked.clone())?;
        if !unix::ignores_hangups() {
            signal_hook::flag::register(SIGHUP, asked.clone())?;
        }
    }
    Ok(())
}

/// Whether somebody asked the work to stop.
pub(crate) fn asked() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}

/// Ends work that keeps nothing, where somebody asked for it.
///
/// # Errors
/// [`DataError::Interrupted`].
pub(crate) fn check() -> Result<(), DataError> {
    if asked() { Err(DataError::Interrupted) } else { Ok(()) }
}

#[cfg(unix)]
mod unix {
    use std::process::{Command, Stdio};

    /// Whether SIGHUP is ignored since the start, as `nohup` asks for: then it stays so. Where that cannot be found
    /// out, nothing is changed about it either.
    pub(super) fn ignores_hangups() -> bool {
        if let Ok(status) = std::fs::read_to_string("/proc/self/status")
            && let Some(ignored) = ignored(&status)
        {
            return ignored & 1 != 0;
        }
        ignores_hangups_by_trial()
    }

    /// The signals that are ignored, a bit each, SIGHUP first, in what Linux says of a process.
    fn ignored(status: &str) -> Option<u64> {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    }

    /// The same by a child, which inherits what is ignored: it survives its own SIGHUP, or does not.
    fn ignores_hangups_by_trial() -> bool {
        let mut child = Command::new("sh");
        child.args(["-c", "kill -HUP $$; exit 0"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        child.status().map_or(true, |status| status.success())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn both_ways_to_learn_what_is_ignored_agree() {
            assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"), Some(0x1001));
            assert_eq!(ignored("Name:\tx\n"), None);
            assert_eq!(ignores_hangups(), ignores_hangups_by_trial());
        }
    }
}
