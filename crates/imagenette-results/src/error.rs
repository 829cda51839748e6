//! Everything that can be wrong with a run's files, each with where it happened and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The result of every fallible function of this crate.
pub type Result<T, E = ResultsError> = std::result::Result<T, E>;

/// What went wrong with a run's files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The operating system refused to read or write.
    #[error("failed to {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A file does not hold what its format promises.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
        /// What the user can do.
        hint: String,
    },
    /// Predictions that do not answer for exactly the samples of the split.
    #[error("{}: {problem}", path.display())]
    Samples {
        /// The predictions.
        path: PathBuf,
        /// Which samples are missing, doubled or unknown.
        problem: String,
        /// What the user can do.
        hint: String,
    },
}

impl ResultsError {
    /// Wraps an I/O error with what was tried and where.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// What the user can do about it, in one line.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some disk space, then run the same command again")
            }
            Self::Io { .. } => None,
            Self::Malformed { hint, .. } | Self::Samples { hint, .. } => Some(hint),
        }
    }
}
