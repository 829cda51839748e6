//! What may be typed after `train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{BudgetFlags, MachineFlags, values};

/// Flags that make no sense with `--resume`: the run was begun with them.
pub(crate) const WHAT_IS_TRAINED: [&str; 21] = [
    "recipe",
    "quick",
    "dataset",
    "epochs",
    "budget",
    "minutes",
    "dry_run",
    "resolution",
    "batch_size",
    "precision",
    "learning_rate",
    "seed",
    "runs",
    "hold_out",
    "folds",
    "task",
    "draw",
    "initial",
    "more",
    "set",
    "out",
];

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette train --recipe epochs-10 --runs 3\n\
        \x20\x20imagenette train --minutes 10\n\
        \x20\x20imagenette train --budget 0.05 --machine c7a.large --dry-run\n\n\
        Ctrl-C, SIGTERM, SIGUSR1 and a terminal that closes pause a run with a checkpoint, exit status 33; under nohup \
        a closed terminal is nothing. A second Ctrl-C ends it at once.")]
pub(crate) struct Train {
    /// Recipe: a name (`--list` shows them) or a .toml file [default: epochs-5 for photos of ImageNet, else default]
    #[arg(short, long, value_name = "NAME|FILE")]
    pub(crate) recipe: Option<String>,
    /// For a first look: the recipe `quick`
    #[arg(long, conflicts_with = "recipe")]
    pub(crate) quick: bool,
    /// Dataset's name or folder [default: the best there is]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Epochs to train
    #[arg(short, long, value_parser = values::at_least::<u32>(1))]
    pub(crate) epochs: Option<u32>,
    /// Resolution in pixels, the same for the whole run
    #[arg(long, value_name = "PX", value_parser = values::at_least::<u32>(1))]
    pub(crate) resolution: Option<u32>,
    /// Samples in a batch
    #[arg(short, long, value_parser = values::at_least::<u32>(1))]
    pub(crate) batch_size: Option<u32>,
    /// How feature maps are stored; auto is bf16 where the processor has AVX-512 BF16, else f32 [default: the
    /// recipe's]
    #[arg(long, value_enum)]
    pub(crate) precision: Option<PrecisionName>,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", value_parser = values::number)]
    pub(crate) learning_rate: Option<f64>,
    /// Seed of all randomness [default: the recipe's]
    #[arg(short, long, value_parser = values::at_least::<u64>(0))]
    pub(crate) seed: Option<u64>,
    /// Train this many seeds one after the other, and report mean and standard deviation
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>(1..=10_000))]
    pub(crate) runs: Option<u32>,
    /// Hold out this share of each class's train photos, for example 0.1, and evaluate on them instead of val: for
    /// tuning
    #[arg(long, value_name = "SHARE", value_parser = values::number)]
    pub(crate) hold_out: Option<f64>,
    /// Hold out each labeled photo once, in so many runs, and evaluate it there: an honest accuracy of few photos, with its
    /// interval
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>(2..=100), conflicts_with_all = ["hold_out", "runs", "dry_run"])]
    pub(crate) folds: Option<u32>,
    /// What is to be learned from little, for example labels-10%: says which labels may be used (`task --list`)
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Which of the task's fixed draws [default: 1]
    #[arg(long, value_name = "N", value_parser = values::at_least::<u32>(1))]
    pub(crate) draw: Option<u32>,
    /// Begin with the weights of this finished run, or of a safetensors file, instead of random ones; the head is drawn
    /// anew where the classes or the task are others
    #[arg(long, value_name = "RUN|FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) initial: Option<String>,
    /// Train a finished run on for so many epochs, as its recipe says, under a new schedule: a new run
    #[arg(long, num_args = 2, value_names = ["EPOCHS", "RUN"], conflicts_with_all = ["recipe", "quick", "epochs", "initial"])]
    pub(crate) more: Option<Vec<String>>,
    /// Change any key of the recipe, for example --set optimizer.momentum=0.9
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Folder for the run [default: runs/RECIPE-DATASET-sSEED with what --set changes after RECIPE, numbered if taken]; with --runs for all of them, each in
    /// sSEED below it [default: runs/RECIPE-DATASET]
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Resume the interrupted run in this folder, or all that is not finished of the runs of --runs
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with_all = WHAT_IS_TRAINED)]
    pub(crate) resume: Option<PathBuf>,
    /// Resume even where the bits will not be those of the machine or program that began the run; its record says so
    #[arg(long, requires = "resume")]
    pub(crate) changed_machine: bool,
    /// Evaluate after every N epochs; the last epoch is always evaluated
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::at_least::<u32>(0))]
    pub(crate) evaluate_every: u32,
    /// Write what happens as events for TensorBoard too, in the run's folder
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Write what happens as a table too, `history.csv` in the run's folder
    #[arg(long)]
    pub(crate) csv: bool,
    /// List the recipes that ship with the program
    #[arg(long)]
    pub(crate) list: bool,
    /// What computes: the program itself, or PyTorch by the Python package, which is the way to NVIDIA's GPUs
    #[arg(long, value_enum, default_value_t = EngineName::Own, conflicts_with = "resume")]
    pub(crate) engine: EngineName,
    #[command(flatten)]
    pub(crate) budget: BudgetFlags,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Never fetch: use what is installed, else the drawn set
    #[arg(long)]
    pub(crate) offline: bool,
    /// Print each run's record as JSON at the end
    #[arg(long)]
    pub(crate) json: bool,
}

/// What computes a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// This program
    Own,
    /// PyTorch, by the Python package
    Torch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionName {
    Auto,
    F32,
    Bf16,
}
