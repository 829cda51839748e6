//! Everything that can go wrong with a run, each with where it happened and what to do about it.

use std::path::PathBuf;

use imagenette_data::DataError;
use imagenette_files::Hint;
use imagenette_recipe::RecipeError;

/// The result of every fallible function of this crate.
pub type Result<T, E = TrainError> = std::result::Result<T, E>;

/// What went wrong with a run. The message says what, where, expected and found; its [`Hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A recipe, or a setting beside one, that makes no sense.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A run that diverged: its loss is infinite or NaN.
    #[error("the loss became {loss} at step {step} (epoch {epoch})")]
    Diverged {
        /// The step, counted from 1 over the whole run.
        step: u64,
        /// The epoch, counted from 1.
        epoch: u32,
        /// The loss.
        loss: f64,
    },
    /// A file of a run that does not hold what its format promises, or belongs to another run.
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
    /// A device that this program or machine does not have.
    #[error("device `{name}` is not available: {reason}")]
    Device {
        /// The name as given.
        name: String,
        /// Why not.
        reason: String,
        /// What the user can do.
        hint: String,
    },
    /// A run that would go on to other bits than those it began with.
    #[error("{}: the run would go on with other bits than it began with ({})", path.display(), changes.join("; "))]
    OtherBits {
        /// The run's folder.
        path: PathBuf,
        /// What differs: `kernel level: avx2 → portable`.
        changes: Vec<String>,
    },
    /// The data is wrong or unreachable.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run's results cannot be written or read.
    #[error(transparent)]
    Results(#[from] imagenette_results::ResultsError),
}

impl Hint for TrainError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { hint, .. } | Self::RunFolder { hint, .. } | Self::Device { hint, .. } => {
                (!hint.is_empty()).then(|| hint.clone())
            }
            Self::Recipe(error) => error.hint(),
            Self::Diverged { .. } => Some(
                "lower the rate, for example with `--set optimizer.learning_rate=…`, or lengthen the warm-up: \
                 `--set schedule.warm_up=0.3`"
                    .into(),
            ),
            Self::OtherBits { .. } => Some(
                "resume it as it began (same program, `--device`, `--ops` and IMAGENETTE_SIMD), or add `--changed-machine`: \
                 the record will say so"
                    .into(),
            ),
            Self::Data(error) => imagenette_files::Hint::hint(error),
            Self::Results(error) => imagenette_files::Hint::hint(error),
        }
    }
}
