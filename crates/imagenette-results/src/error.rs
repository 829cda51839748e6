//! Everything that can be wrong with a run's files, each with where it happened and what to do about it.

use std::path::{Path, PathBuf};

use imagenette_files::{FileError, Hint};

use crate::prices::PriceError;
use crate::prices::catalogue::CatalogueError;

/// The result of every fallible function of this crate.
pub type Result<T, E = ResultsError> = std::result::Result<T, E>;

/// What went wrong with a run's files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// A file or folder cannot be read or written, does not hold what its format promises, or is in use.
    #[error(transparent)]
    File(#[from] FileError),
    /// Predictions that do not cover each sample of the split exactly once.
    #[error("{}: {problem}", path.display())]
    Samples {
        /// The predictions.
        path: PathBuf,
        /// Which samples are missing, unknown or there twice.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// A run's folder that cannot be used for what was asked.
    #[error("{}: {reason}", path.display())]
    RunFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// What the user can do.
        hint: String,
    },
    /// A price that is none, or that nobody knows.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// A catalogue of prices that is none.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl ResultsError {
    /// A file that does not hold what its format promises.
    pub(crate) fn malformed(
        path: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        FileError::malformed(path, expected, found, hint).into()
    }
}

impl Hint for ResultsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Price(error) => error.hint(),
            Self::Catalogue(error) => error.hint(),
            Self::Samples { hint, .. } | Self::RunFolder { hint, .. } => Some(hint.clone()),
        }
    }
}
