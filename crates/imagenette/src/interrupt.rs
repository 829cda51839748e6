//! Ctrl-C and SIGTERM: the first asks the work to stop at a safe place, the second ends the program at once.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The exit status of work that was interrupted and can be resumed.
pub(crate) const INTERRUPTED: u8 = 33;

/// Starts listening.
pub(crate) fn listen() -> std::io::Result<()> {
    let asked = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        // In this order: the flag is not set yet at the first signal, so only a second one ends the program.
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), asked.clone())?;
        signal_hook::flag::register(signal, asked.clone())?;
    }
    Ok(())
}

/// Whether somebody asked the work to stop.
pub(crate) fn asked() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}
