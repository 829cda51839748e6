//! What may be typed after `score`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use imagenette_data::edition::Split;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette score runs/default-drawn-s0\n\
        \x20\x20imagenette score mine.csv --dataset imagenette2-160\n\
        \x20\x20imagenette score mine.csv --against board\n\
        \x20\x20imagenette score 93.27 --against board --challenge imagenette2-160-128px-epochs-60\n\n\
        In a table columns are separated by commas, semicolons or tabs; a header may be missing. Photos are written as \
        val/CLASS/PHOTO, without val/ or by file name, with / or \\; classes by id, by name or by label from 0. Columns \
        p_CLASS behind them, one for each class, are probabilities: the loss is then said too. What was read is said.")]
pub(crate) struct Score {
    /// A table of predictions, a line a photo (`sample,class`), or a run's folder; with --against also a top-1 in
    /// percent
    #[arg(value_name = "PREDICTIONS|RUN|PERCENT", value_hint = ValueHint::AnyPath)]
    pub(crate) predictions: PathBuf,
    /// Dataset's name or folder [default: the run's own, else the installed one whose val split fits]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Split that the predictions are for
    #[arg(long, value_enum, default_value_t = EvaluatedSplit::Val)]
    pub(crate) split: EvaluatedSplit,
    /// Print the confusion matrix as well; of more than 20 classes the mistakes that are made most often
    #[arg(long)]
    pub(crate) confusion: bool,
    /// Say where it would stand on the board in this folder, photo by photo; takes no dataset
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["dataset", "split", "confusion", "out"], value_hint = ValueHint::DirPath)]
    pub(crate) against: Option<PathBuf>,
    /// Only in this challenge
    #[arg(long, value_name = "NAME", requires = "against")]
    pub(crate) challenge: Option<String>,
    /// SVG file to write the confusion matrix to
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A split that a network can be evaluated on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvaluatedSplit {
    /// What a run reports
    #[default]
    Val,
    /// What is kept apart
    Test,
}

impl From<EvaluatedSplit> for Split {
    fn from(split: EvaluatedSplit) -> Self {
        match split {
            EvaluatedSplit::Val => Self::Val,
            EvaluatedSplit::Test => Self::Test,
        }
    }
}
