//! Everything that can go wrong with a run, each with where it happened and what to do about it.

use std::path::PathBuf;

use imagenette_data::DataError;
use imagenette_files::Hint;
use imagenette_files::memory::TooMuch;
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
    #[error("the loss became {loss} at step {step} (epoch {epoch}){}", with(parts))]
    Diverged {
        /// The step, counted from 1 over the whole run.
        step: u64,
        /// The epoch, counted from 1.
        epoch: u32,
        /// The loss.
        loss: f64,
        /// The parts of the recipe that are not shipped: ``optimizer `lion` ``.
        parts: Vec<String>,
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
    /// A part from elsewhere that does not do what is asked of such parts, or panics.
    #[error("{part}{}: {what}", step.map(|step| format!(", step {step}")).unwrap_or_default())]
    Part {
        /// The part: ``optimizer `lion` ``.
        part: String,
        /// The step, counted from 1 over the whole run, where it was seen in one.
        step: Option<u64>,
        /// What it did.
        what: String,
    },
    /// A checkpoint whose run had other parts than this program has.
    #[error("{}: its run was trained with {began}; this program has {now}", path.display())]
    OtherParts {
        /// The run's folder.
        path: PathBuf,
        /// The parts of the run, with the hashes of their source.
        began: String,
        /// The parts of this program.
        now: String,
        /// What the user can do.
        hint: String,
    },
    /// A budget that cannot be kept, or that pays for too little.
    #[error("{key}: expected {expected}, found {found}")]
    Budget {
        /// The key of the recipe: `budget.dollars`.
        key: String,
        /// What would do.
        expected: String,
        /// What there is.
        found: String,
        /// What the user can do.
        hint: String,
    },
    /// More than the machine's memory holds.
    #[error(transparent)]
    Memory(#[from] TooMuch),
    /// Threads to compute with that the system does not give.
    #[error("expected to start {threads} threads, found: {found}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system says.
        found: String,
    },
    /// A network that has no form as ONNX.
    #[error("{part} cannot be written as ONNX: it is code of a program of its own, of which ONNX has no operator")]
    NotOnnx {
        /// The part: ``activation `squared-relu` ``.
        part: String,
    },
    /// The data is wrong or unreachable.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run's results cannot be written or read.
    #[error(transparent)]
    Results(#[from] imagenette_results::ResultsError),
}

/// The parts that an error names at its end.
fn with(parts: &[String]) -> String {
    if parts.is_empty() { String::new() } else { format!(", with {}", parts.join(", ")) }
}

impl TrainError {
    /// The same error, of a part, with the step in which it was seen.
    #[must_use]
    pub(crate) fn at_step(self, number: u64) -> Self {
        match self {
            Self::Part { part, step: None, what } => Self::Part { part, step: Some(number), what },
            other => other,
        }
    }
}

impl Hint for TrainError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { hint, .. }
            | Self::RunFolder { hint, .. }
            | Self::Device { hint, .. }
            | Self::Budget { hint, .. }
            | Self::OtherParts { hint, .. } => {
                (!hint.is_empty()).then(|| hint.clone())
            }
            Self::Recipe(error) => error.hint(),
            Self::Memory(error) => error.hint(),
            Self::Threads { .. } => {
                Some("ask for fewer with `--threads 1`, or raise the limit of processes: see `ulimit -u`".into())
            }
            Self::Diverged { parts, .. } if !parts.is_empty() => Some(
                "lower the rate (`--set optimizer.learning_rate=…`); if it stays so, a part of your own gives no number: \
                 `imagenette::ideas::check` in a test looks for it"
                    .into(),
            ),
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
            Self::Part { .. } => Some(
                "mend the part and start the run again; `imagenette::ideas::check` in a test finds it sooner".into(),
            ),
            Self::NotOnnx { .. } => Some(
                "export a run whose network and activation are shipped; `weights.safetensors` in the run's folder has the \
                 numbers of any, by name"
                    .into(),
            ),
            Self::Data(error) => imagenette_files::Hint::hint(error),
            Self::Results(error) => imagenette_files::Hint::hint(error),
        }
    }
}
