//! How a caller follows long work and stops it. Libraries never print: they report here, and the command line draws.

/// What is counted while work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown as MB.
    Bytes,
    /// Photos.
    Photos,
}

/// Follows long work. Every method has a silent default, so tests pass [`Silent`].
///
/// Methods are called from worker threads at the same time.
pub trait Watch: Sync {
    /// A phase begins: `downloading imagenette2-160.tgz`, with the total where it is known.
    fn begin(&self, phase: &str, total: Option<u64>, unit: Unit) {
        let _ = (phase, total, unit);
    }

    /// This much more of the phase is done.
    fn advance(&self, amount: u64) {
        let _ = amount;
    }

    /// Something that the user should know and that does not stop the work: a retry, a repaired photo.
    fn notice(&self, message: &str) {
        let _ = message;
    }

    /// Whether the work should stop at the next safe place; it then returns [`crate::DataError::Interrupted`].
    fn interrupted(&self) -> bool {
        false
    }
}

/// Follows nothing and never interrupts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Watch for Silent {}
