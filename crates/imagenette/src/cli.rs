//! What the user may type: verbs, flags and their help. Nothing is resolved here; the rooms in `commands/` do that.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

/// Imagenette in one program: fetch the dataset, feed it, train on it and score what was trained.
#[derive(Debug, Parser)]
#[command(name = "imagenette", version = crate::VERSION, arg_required_else_help = true, max_term_width = 110)]
#[command(
    after_help = "Start here:  imagenette train\n\nExit status: 0 done, 1 failed, 2 bad usage, 33 interrupted and resumable.\nDatasets live in IMAGENETTE_HOME, else in the user's cache folder."
)]
pub(crate) struct Cli {
    /// Only results and errors: no progress, no notices
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fetch a dataset, or take one from an archive or a folder
    Get(Get),
    /// Check a dataset against its manifest
    Verify(Verify),
    /// Say which datasets, devices and disk space there are
    Info(Info),
    /// Draw a contact sheet of samples, of a class or of an augmented batch
    Show(Show),
    /// Train a network and report its top-1 accuracy on the val split
    Train(Train),
    /// Evaluate a run's saved weights on a val split
    Eval(Eval),
    /// Say what a run's network sees in photos
    Predict(Predict),
    /// Recompute top-1 accuracy from predictions made by any program
    Score(Score),
    /// Measure this machine: decode, pack, load and train
    Bench(Bench),
    /// Write shell completions to standard output
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Dataset to fetch, for example imagenette2-160 or drawn (`--list` shows all)
    #[arg(required_unless_present_any = ["from", "list"], conflicts_with_all = ["from", "list"])]
    pub(crate) dataset: Option<String>,
    /// Take a local .tgz, .tar or folder instead of fetching
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) from: Option<PathBuf>,
    /// Name for the dataset taken with --from [default: the file's name]
    #[arg(long, requires = "from")]
    pub(crate) name: Option<String>,
    /// Replace a dataset of this name that is installed already
    #[arg(long)]
    pub(crate) force: bool,
    /// Keep the downloaded archive
    #[arg(long)]
    pub(crate) keep_archive: bool,
    /// List what can be fetched
    #[arg(long, conflicts_with = "from")]
    pub(crate) list: bool,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Dataset's name or folder [default: all that are installed]
    pub(crate) dataset: Option<String>,
    /// Hash every photo again, not only names and lengths
    #[arg(long)]
    pub(crate) deep: bool,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Dataset's name or folder [default: the best there is]
    pub(crate) dataset: Option<String>,
    /// Only this class: a name (tench), a WordNet id or a label
    #[arg(long)]
    pub(crate) class: Option<String>,
    /// Which split
    #[arg(long, value_enum, default_value_t = SplitName::Train)]
    pub(crate) split: SplitName,
    /// Show what the network would see: the first training batch of this recipe
    #[arg(long, value_name = "RECIPE", conflicts_with_all = ["class", "split"])]
    pub(crate) augmented: Option<String>,
    /// How many pictures
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub(crate) count: u32,
    /// Which pictures: another seed draws others
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Picture to write
    #[arg(short, long, value_name = "FILE", default_value = "contact-sheet.png", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitName {
    Train,
    Val,
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    /// Recipe: a name (`--list` shows them) or a .toml file [default: default]
    #[arg(short, long, value_name = "NAME|FILE")]
    pub(crate) recipe: Option<String>,
    /// Dataset's name or folder [default: the best there is]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Epochs to train
    #[arg(short, long)]
    pub(crate) epochs: Option<u32>,
    /// Resolution in pixels, constant over the run
    #[arg(long, value_name = "PX")]
    pub(crate) resolution: Option<u32>,
    /// Samples in a batch
    #[arg(short, long)]
    pub(crate) batch_size: Option<u32>,
    /// What feature maps are stored in; auto is bf16 where the processor has AVX-512 BF16, else f32 [default: the recipe's]
    #[arg(long, value_enum)]
    pub(crate) precision: Option<PrecisionName>,
    /// Peak learning rate
    #[arg(long, value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// Seed of all randomness
    #[arg(short, long)]
    pub(crate) seed: Option<u64>,
    /// Train this many seeds, one after the other, and report mean and standard deviation
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) runs: Option<u32>,
    /// Change any key of the recipe, for example --set optimizer.momentum=0.9
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Folder for the run [default: runs/RECIPE-DATASET-sSEED, numbered if taken]
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Go on with an interrupted run
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with_all = ["recipe", "dataset", "epochs", "resolution", "batch_size", "precision", "learning_rate", "seed", "runs", "set", "out"])]
    pub(crate) resume: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) machine: Machine,
    /// Never fetch: use what is installed, else the drawn set
    #[arg(long)]
    pub(crate) offline: bool,
    /// Evaluate after every N epochs as well (the last one always counts)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) evaluate_every: u32,
    /// List the recipes that ship
    #[arg(long)]
    pub(crate) list: bool,
    /// Print each run's record as JSON at the end
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionName {
    Auto,
    F32,
    Bf16,
}

/// Where to compute.
#[derive(Debug, Clone, Args)]
pub(crate) struct Machine {
    /// Device to compute on (`info` lists them)
    #[arg(long, value_name = "DEVICE", default_value = "flex")]
    pub(crate) device: String,
    /// Whose operations compute on the CPU
    #[arg(long, value_enum, default_value_t = OpsName::Kernels)]
    pub(crate) ops: OpsName,
    /// Threads for computing and loading [default: all cores]
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OpsName {
    /// This program's own kernels
    Kernels,
    /// Burn's
    Stock,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The run's folder
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
    /// Dataset's name or folder [default: the run's own]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Resolution in pixels [default: the recipe's]
    #[arg(long, value_name = "PX")]
    pub(crate) resolution: Option<u32>,
    /// Write the predictions to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) machine: Machine,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// The run's folder
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
    /// Photos
    #[arg(required = true, value_name = "IMAGE", value_hint = ValueHint::FilePath)]
    pub(crate) images: Vec<PathBuf>,
    /// How many classes to name for each photo
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) top: u32,
    #[command(flatten)]
    pub(crate) machine: Machine,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Score {
    /// A predictions.csv (header `sample,class`), or a run's folder
    #[arg(value_name = "PREDICTIONS|RUN", value_hint = ValueHint::AnyPath)]
    pub(crate) predictions: PathBuf,
    /// Dataset's name or folder [default: the run's own, else the installed one whose val split fits]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Show the confusion matrix
    #[arg(long)]
    pub(crate) confusion: bool,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Dataset's name or folder [default: the best that is installed, else the drawn set]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Photos to measure with
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(64..=10_000_000))]
    pub(crate) photos: u32,
    /// Training steps alone: rate, share of the processor's peak, where the time goes, memory
    #[arg(long, conflicts_with_all = ["only", "photos"])]
    pub(crate) train: bool,
    /// With --train: how many steps to measure
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) steps: u32,
    /// With --train: samples in a batch [default: the recipe's]
    #[arg(short, long, requires = "train")]
    pub(crate) batch_size: Option<u32>,
    /// With --train: change any key of the recipe, for example --set model.depth=50
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "train")]
    pub(crate) set: Vec<String>,
    /// Resolution of the loader's crops and of the steps, in pixels
    #[arg(long, default_value_t = 128, value_name = "PX", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) resolution: u32,
    /// Recipe whose training step is measured
    #[arg(short, long, value_name = "NAME|FILE", default_value = "default")]
    pub(crate) recipe: String,
    /// Measure only these
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<BenchPart>,
    #[command(flatten)]
    pub(crate) machine: Machine,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchPart {
    Decode,
    Pack,
    Load,
    Train,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
