//! Everything that can be wrong with a recipe, each with its key and what to do about it.

use imagenette_data::DataError;
use imagenette_files::Hint;
use imagenette_files::memory::TooMuch;

/// The result of every fallible function of this crate.
pub type Result<T, E = RecipeError> = std::result::Result<T, E>;

/// What is wrong with a recipe. The message says where, expected and found; its [`Hint`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A key or a value that makes no sense.
    #[error("recipe: {key}: expected {expected}, found {found}")]
    Setting {
        /// The key, with its tables: `optimizer.learning_rate`.
        key: String,
        /// The accepted values.
        expected: String,
        /// The value given.
        found: String,
        /// What the user can do.
        hint: String,
    },
    /// Text that is not TOML.
    #[error("recipe: {message}")]
    Syntax {
        /// What the parser says, with line and column.
        message: String,
    },
    /// More than the machine's memory holds.
    #[error("recipe: {0}")]
    Memory(#[from] TooMuch),
    /// The dataset does not allow what the recipe asks of it.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl Hint for RecipeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Setting { hint, .. } => (!hint.is_empty()).then(|| hint.clone()),
            Self::Syntax { .. } => Some("a recipe is a TOML file; see the ones in recipes/".into()),
            Self::Memory(error) => error.hint(),
            Self::Data(error) => error.hint(),
        }
    }
}
