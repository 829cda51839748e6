//! How a caller follows long work and stops it. Libraries never print: they report here, and the command line shows
//! it.

/// What is counted while work is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown as MB.
    Bytes,
    /// Photos.
    Photos,
}

/// Follows long work. Every method does nothing by default; tests pass [`Silent`].
///
/// Worker threads call these methods at the same time.
pub trait Watch: Sync {
    /// A phase begins: `downloading imagenette2-160.tgz`. `total` is what there is to do, where it is known.
    fn begin(&self, phase: &str, total: Option<u64>, unit: Unit) {
        let _ = (phase, total, unit);
    }

    /// This much more of the phase is done.
    fn advance(&self, amount: u64) {
        let _ = amount;
    }

    /// Something that the user should know, but that does not stop the work: another attempt, a repaired photo.
    fn notice(&self, message: &str) {
        let _ = message;
    }

    /// Whether the work should stop at the next safe moment; it then returns [`crate::DataError::Interrupted`].
    fn interrupted(&self) -> bool {
        false
    }
}

/// Follows nothing and never interrupts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Watch for Silent {}
