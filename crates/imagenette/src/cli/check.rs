//! What may be typed after `check`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::MachineFlags;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette check runs/epochs-5-imagenette2-160-s1\n\
        \x20\x20imagenette check records\n\
        \x20\x20imagenette check RUN --replay --epochs 1\n\
        \x20\x20imagenette check gelu\n\n\
        Of a run: whether its files belong together, its counts are those of its predictions, and seed, steps, samples, \
        seconds and operations follow from its recipe; what only another run could tell is said too. --replay makes \
        that run.\n\
        Of a part or a recipe: whether gradients agree with differences, and runs give the same bits with 1 and 2 \
        threads and after an interruption.\n\
        Exit status: 0 nothing fails, 1 something does, 2 bad usage, 33 interrupted.")]
pub(crate) struct Check {
    /// Runs' folders or folders in which runs lie, parts or recipes [default: the program's own parts, else runs]
    #[arg(value_name = "RUN|FOLDER|PART|RECIPE", value_hint = ValueHint::AnyPath)]
    pub(crate) what: Vec<String>,
    /// Train each run again, in a folder that is removed afterward, and compare the bits
    #[arg(long)]
    pub(crate) replay: bool,
    /// Repeat only so many epochs
    #[arg(short, long, value_name = "N", requires = "replay", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) epochs: Option<u32>,
    /// Dataset's name or folder [default: each run's own]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Check {
    /// The folders that are named.
    pub(crate) fn folder(named: &str) -> Option<PathBuf> {
        Some(PathBuf::from(named)).filter(|path| path.is_dir())
    }
}
