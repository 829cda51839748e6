//! What ends a command about the board: as opposed to a [`Fault`](crate::Fault), which is told beside others.

use imagenette_files::{FileError, Hint};
use imagenette_recipe::RecipeError;
use imagenette_results::ResultsError;

/// The result of every fallible function of this crate.
pub type Result<T, E = BoardError> = std::result::Result<T, E>;

/// What went wrong with a board.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoardError {
    /// A file or folder cannot be read or written, or does not hold what its format promises.
    #[error(transparent)]
    File(#[from] FileError),
    /// A run's files cannot be used.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A recipe makes no sense.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// What was asked for cannot be done.
    #[error("{message}")]
    Refused {
        /// What was expected and found.
        message: String,
        /// What the user can do.
        hint: String,
    },
}

impl BoardError {
    pub(crate) fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), hint: hint.into() }
    }
}

impl Hint for BoardError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Results(error) => error.hint(),
            Self::Recipe(error) => error.hint(),
            Self::Refused { hint, .. } => Some(hint.clone()),
        }
    }
}
