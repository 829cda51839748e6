//! What the user may type: verbs, flags and their help. Nothing is resolved here; `commands/` does that.

mod board;
mod budget;
mod check;
mod data;
mod headings;
mod prices;
mod runs;
mod score;
mod submit;
mod task;
mod train;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};

#[cfg(feature = "train")]
pub(crate) use board::BoardReplay;
pub(crate) use board::{Board, BoardCheck, BoardDeal, BoardNew, BoardRank, BoardSite, BoardVerb, DivisionName};
pub(crate) use budget::BudgetFlags;
pub(crate) use check::Check;
pub(crate) use data::{Audit, Export, ExportTarget, FormName, Get, Info, Make, Show, Verify};
pub(crate) use prices::{Prices, PricesUpdate, PricesVerb, SortBy, measured};
pub(crate) use runs::{Eval, Plot, Predict, Report, Runs};
pub(crate) use score::{EvaluatedSplit, Score};
pub(crate) use submit::{Engine, Gather, Submit};
pub(crate) use task::{Task, TaskShow, TaskVerb};
pub(crate) use train::{EngineName, Train, WHAT_IS_TRAINED};

use crate::Program;

/// The place of a flag that comes after a verb's own and before `--help`.
const LAST: usize = 900;

/// Imagenette in one program: fetch the dataset, load it, train on it and score the result.
#[derive(Debug, Parser)]
#[command(arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Start here:  imagenette train\n\n\
        Exit status: 0 done, 1 failed, 2 bad usage, 33 interrupted and resumable,\n\
        34 a budget that ended before its plan.\n\
        Datasets are kept in IMAGENETTE_HOME, or else in your cache folder.")]
pub(crate) struct Cli {
    /// Print only results and errors: no progress, no notices
    #[arg(short, long, global = true, display_order = LAST)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// A time as it is typed: `90s`, `30m`, `2h`, or seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|letter: char| letter.is_ascii_alphabetic()) {
        Some(place) => (&text[..place], &text[place..]),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("expected a time like 90s, 30m or 2h, found `{text}`")),
    };
    let time = number.trim().parse().ok().map(|number: f64| number * seconds).filter(|time| *time > 0.0);
    let time = time.and_then(|time| Duration::try_from_secs_f64(time).ok());
    time.ok_or_else(|| format!("expected a time like 90s, 30m or 2h, found `{text}`"))
}

/// The command line of a program: its verbs and flags under its name and version.
pub(crate) fn command(program: &Program) -> clap::Command {
    // Made once in a process, and kept by the parser until its end.
    let version: &'static str = program.full_version().leak();
    let mut command = by_name(Cli::command().name(program.name()).version(version), program);
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let quiet = command.get_arguments().find(|arg| arg.get_id() == "quiet").expect("a flag of all verbs").clone();
    for verb in verbs {
        command = command.mut_subcommand(verb, |verb| by_name(headings::grouped(verb, &quiet), program));
    }
    command
}

/// A command whose examples begin with the program's own name: a program of somebody's own has another one.
fn by_name(command: clap::Command, program: &Program) -> clap::Command {
    // `--epochs -1` is a wrong number, not a flag that nobody knows.
    let command = command.mut_args(|arg| {
        let takes_values = arg.get_action().takes_values();
        arg.allow_negative_numbers(takes_values)
    });
    match command.get_after_help().map(ToString::to_string) {
        Some(help) => command.after_help(help.replace("  imagenette ", &format!("  {} ", program.name()))),
        None => command,
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fetch a dataset, or install one from an archive or a folder
    Get(Get),
    /// Make Imagenette, or a dataset of your own, from a copy of ImageNet or a folder of class folders
    Make(Make),
    /// Check a dataset against its manifest
    Verify(Verify),
    /// Look for leaks, duplicates, and broken or odd photos; write a report with pictures
    Audit(Audit),
    /// Write a dataset for other tools (WebDataset, Hugging Face parquet), or a run's network as ONNX
    Export(Export),
    /// Show the installed datasets, the devices and the free disk space
    Info(Info),
    /// Draw a contact sheet of samples, of one class or of an augmented batch
    Show(Show),
    /// Train a network and report its top-1 accuracy on the val split
    Train(Train),
    /// Train every combination of the values given for a recipe's keys, and compare them
    Sweep(Sweep),
    /// Say whether an idea helps: train it beside a baseline, seed by seed, until the answer is clear
    Compare(Compare),
    /// Run some steps at growing learning rates, plot their losses and suggest a peak rate
    FindLr(FindLr),
    /// Write a crate for an idea of your own, from a worked one of the same kind
    New(New),
    /// Plot the accuracy of runs over epochs, seconds and FLOP, and print it as a table
    Plot(Plot),
    /// Write a page about a run: curves, confusion, mistakes and where the network looked, the recipe explained
    Report(Report),
    /// List finished runs: recipe, seeds, top-1 and what made them
    Runs(Runs),
    /// Say what of runs holds, what fails and what cannot be known; or check a part or a recipe
    Check(Check),
    /// Evaluate a run's saved weights on a val split
    Eval(Eval),
    /// Classify photos with a run's network
    Predict(Predict),
    /// Recompute top-1 accuracy from predictions made by any program
    Score(Score),
    /// Measure how fast this machine decodes, packs, loads and trains
    Bench(Bench),
    /// List the tasks of little data, or show one: its rules, its photos, its wrong labels
    Task(Task),
    /// Write a job file that spreads the runs of a command over many machines, for an engine that is there
    Submit(Submit),
    /// Take finished runs from many places into one folder, each checked
    Gather(Gather),
    /// Say what machines of clouds cost, and on which of them a recipe costs least
    Prices(Prices),
    /// The leaderboard: name seeds, make and check entries, rank them, write its pages
    Board(Board),
    /// Read the course: nine lessons of ten minutes, from a photo to an honest answer
    Learn(Learn),
    /// Say how the name is said
    Pronounce(Pronounce),
    /// Print completions for a shell
    Completions(Completions),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette new squared-relu\n\
        \x20\x20imagenette new my-optimizer --kind optimizer\n\
        \x20\x20imagenette new --torch my_idea.py\n\n\
        Inside a clone of the project the crate goes to ideas/NAME, elsewhere to NAME. It is the whole command line with\n\
        the idea in it: `cargo run --release -p NAME -- train --recipe ideas/NAME/recipe.toml`.")]
pub(crate) struct New {
    /// Name of the crate and of the idea in recipes, for example squared-relu; with --torch of a file
    pub(crate) name: String,
    /// Write a recipe in plain PyTorch as one file, NAME.py, instead of a crate
    #[arg(long, conflicts_with_all = ["kind", "git"])]
    pub(crate) torch: bool,
    /// What the idea is
    #[arg(long, value_enum, default_value = "activation")]
    pub(crate) kind: IdeaKind,
    /// Repository of imagenette to depend on, instead of the clone that this program was built from
    #[arg(long, value_name = "URL", requires = "rev")]
    pub(crate) git: Option<String>,
    /// Revision of the repository
    #[arg(long, requires = "git")]
    pub(crate) rev: Option<String>,
}

/// What an idea is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdeaKind {
    /// A function between layers
    Activation,
    /// What is minimized
    Loss,
    /// How the weights follow the gradient
    Optimizer,
    /// The learning rate over the run
    Schedule,
    /// What is done to pixels
    Augmentation,
    /// A network
    Model,
    /// Which samples are learned from
    Selection,
    /// How photos without labels are learned from
    Method,
    /// One of each
    All,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:  imagenette sweep m128 --set optimizer.learning_rate=0.02,0.04,0.08 --runs 2\n\n\
        Repeat the same command to resume an interrupted sweep; add values or runs to widen it.")]
pub(crate) struct Sweep {
    /// Recipe: a name (`train --list` shows them) or a .toml file
    #[arg(value_name = "NAME|FILE")]
    pub(crate) recipe: String,
    /// Key of the recipe and the values to try; repeat it to combine several keys
    #[arg(long = "set", value_name = "KEY=VALUE,VALUE", required = true)]
    pub(crate) set: Vec<String>,
    /// Epochs [default: the recipe's]
    #[arg(short, long, value_parser = values::at_least::<u32>(1))]
    pub(crate) epochs: Option<u32>,
    /// Seeds per combination
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = values::whole::<u32>(1..=1000))]
    pub(crate) runs: u32,
    /// First seed [default: the recipe's]
    #[arg(short, long, value_parser = values::at_least::<u64>(0))]
    pub(crate) seed: Option<u64>,
    /// Share of each class's train photos to hold out and evaluate on; 0 evaluates on val
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = values::number)]
    pub(crate) hold_out: f64,
    /// Dataset's name or folder [default: the best there is]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Folder for the runs [default: runs/sweep-RECIPE-DATASET]
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Resume runs even where the bits will not be those of the machine or program that began them; their records say
    /// so
    #[arg(long)]
    pub(crate) changed_machine: bool,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Never fetch: use what is installed, else the drawn set
    #[arg(long)]
    pub(crate) offline: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette compare fast-85 --set model.activation=silu\n\
        \x20\x20imagenette compare fast-85 mine.toml --max-runs 5\n\
        \x20\x20imagenette compare records/epochs-5 records/without-whitening\n\
        \x20\x20imagenette compare --base-command 'sh a.sh {seed} {out}' --idea-command 'sh b.sh {seed} {out}'\n\n\
        A side that is a recipe is trained, seed by seed; a side that is a folder of finished runs is taken as it is; \
        a command is run for each seed and leaves {out}/predictions.csv (`sample,class`).\n\
        In a command stand {seed}, {out}, {dataset} (its folder), {epochs}, {train_list} and {val_list} (files: path \
        below the dataset, tab, class).\n\
        Runs of a baseline are kept and serve the next idea. Repeat the same command to go on after an interruption.\n\
        Exit status: 0 helps, 10 no gain worth having, 11 hurts, 12 not clear; 1 failed, 2 bad usage, 33 interrupted.")]
pub(crate) struct Compare {
    /// What the idea is compared with: a recipe (a name or a .toml file), or a folder of runs
    #[arg(value_name = "NAME|FILE|RUNS")]
    pub(crate) base: Option<String>,
    /// The idea: a recipe or a folder of runs [default: the baseline's recipe with what --set changes]
    #[arg(value_name = "NAME|FILE|RUNS")]
    pub(crate) idea: Option<String>,
    /// Change a key of the idea's recipe; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Change a key of the baseline's recipe, and of the idea's where that is the same one; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) base_set: Vec<String>,
    /// The baseline as a command in any language, with {seed} and {out}
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub(crate) base_command: Option<String>,
    /// The idea as a command in any language, with {seed} and {out}
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub(crate) idea_command: Option<String>,
    /// End a command's run after this long, for example 90s, 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Budgets in epochs for both sides: with several, a verdict at each and whether the gain grows, holds or shrinks
    #[arg(short, long, value_name = "N,N", value_delimiter = ',', value_parser = values::at_least::<u32>(1))]
    pub(crate) epochs: Vec<u32>,
    /// Runs of each side at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = values::whole::<u32>(2..=200))]
    pub(crate) max_runs: u32,
    /// Smallest gain worth having, in points of top-1; with 0 it is never said that there is none
    #[arg(long, value_name = "POINTS", default_value_t = 0.5, value_parser = values::number)]
    pub(crate) margin: f64,
    /// Believe nothing of the spread of runs beforehand: plain Welch tests
    #[arg(long)]
    pub(crate) strict: bool,
    /// After `helps` or `hurts`, run so many fresh seeds of both sides and say what they alone say
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>(2..=200))]
    pub(crate) confirm: Option<u32>,
    /// Only fill the store with so many runs of the baseline, which then serve every idea
    #[arg(long, value_name = "N", conflicts_with_all = ["confirm", "out"], value_parser = values::whole::<u32>(1..=200))]
    pub(crate) only_base: Option<u32>,
    /// Hold out this share of each class's train photos, for example 0.1, and judge on them instead of val: for tuning
    #[arg(long, value_name = "SHARE", value_parser = values::number)]
    pub(crate) hold_out: Option<f64>,
    /// Make so many runs side by side, each in a process of its own with its share of the threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::whole::<u32>(1..=64))]
    pub(crate) parallel: u32,
    /// First seed
    #[arg(short, long, default_value_t = 1, value_parser = values::at_least::<u64>(0))]
    pub(crate) seed: u64,
    /// Compare runs of unequal cost too; the verdict then says so
    #[arg(long)]
    pub(crate) unequal_cost: bool,
    /// Dataset's name or folder [default: the best there is]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Folder for the idea's runs and the verdict [default: runs/compare-BASE-IDEA-DATASET]
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Never fetch: use what is installed, else the drawn set
    #[arg(long)]
    pub(crate) offline: bool,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FindLr {
    /// Recipe: a name (`train --list` shows them) or a .toml file
    #[arg(value_name = "NAME|FILE")]
    pub(crate) recipe: String,
    /// Lowest rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-5, value_parser = values::number)]
    pub(crate) lowest: f64,
    /// Highest rate
    #[arg(long, value_name = "RATE", default_value_t = 10.0, value_parser = values::number)]
    pub(crate) highest: f64,
    /// Steps from the lowest to the highest rate
    #[arg(long, default_value_t = 100, value_parser = values::at_least::<u32>(1))]
    pub(crate) steps: u32,
    /// What is to be learned from little, for example labels-10%: says which labels may be used (`task --list`)
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Which of the task's fixed draws [default: 1]
    #[arg(long, value_name = "N", value_parser = values::at_least::<u32>(1))]
    pub(crate) draw: Option<u32>,
    /// Change any key of the recipe, for example --set batch_size=32
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Seed of all randomness [default: the recipe's]
    #[arg(short, long, value_parser = values::at_least::<u64>(0))]
    pub(crate) seed: Option<u64>,
    /// Dataset's name or folder [default: the best there is]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// SVG file to write
    #[arg(short, long, value_name = "FILE", default_value = "learning-rates.svg", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Never fetch: use what is installed, else the drawn set
    #[arg(long)]
    pub(crate) offline: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where to compute.
#[derive(Debug, Clone, Args)]
pub(crate) struct MachineFlags {
    /// Device to compute on (`info` lists them)
    #[arg(long, value_name = "DEVICE", default_value = "flex")]
    pub(crate) device: String,
    /// Whose operations run on the CPU
    #[arg(long, value_enum, default_value_t = OpsName::Kernels)]
    pub(crate) ops: OpsName,
    /// Threads for computing and loading [default: all cores]
    #[arg(short, long, value_parser = values::whole::<u16>(1..=1024))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OpsName {
    /// This program's own kernels
    Kernels,
    /// Burn's own operations
    Stock,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Dataset's name or folder [default: the best that is installed, else the drawn set]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Photos to measure with
    #[arg(long, default_value_t = 2000, value_parser = values::whole::<u32>(64..=10_000_000))]
    pub(crate) photos: u32,
    /// Measure training steps alone: rate, share of the processor's peak, where the time goes, memory
    #[arg(long, conflicts_with_all = ["only", "photos"])]
    pub(crate) train: bool,
    /// With --train: number of steps to measure
    #[arg(long, default_value_t = 10, value_parser = values::whole::<u32>(1..=10_000))]
    pub(crate) steps: u32,
    /// With --train: samples in a batch [default: the recipe's]
    #[arg(short, long, requires = "train", value_parser = values::at_least::<u32>(1))]
    pub(crate) batch_size: Option<u32>,
    /// With --train: change any key of the recipe, for example --set model.depth=50
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "train")]
    pub(crate) set: Vec<String>,
    /// Resolution in pixels of the loader's crops, and with --train of the steps; without it training is measured at
    /// the recipe's own
    #[arg(long, default_value_t = 128, value_name = "PX", value_parser = values::whole::<u32>(1..=1024))]
    pub(crate) resolution: u32,
    /// Recipe whose training is measured
    #[arg(short, long, value_name = "NAME|FILE", default_value = "default")]
    pub(crate) recipe: String,
    /// Measure only these, separated by commas; strong augmentation (augment) is measured only where it is named
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<BenchPart>,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchPart {
    Decode,
    Pack,
    Load,
    Augment,
    Train,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Shell to print completions for
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette learn 1\n\
        \x20\x20imagenette learn 3 --dataset imagenette2-160")]
pub(crate) struct Learn {
    /// Number of the lesson [default: their list]
    pub(crate) lesson: Option<usize>,
    /// Print its commands for this dataset, a name or a folder; the numbers of the lesson stay those of the drawn set
    #[arg(short, long, value_name = "NAME|FOLDER", requires = "lesson")]
    pub(crate) dataset: Option<String>,
    /// Print the answer to its question too
    #[arg(long)]
    pub(crate) answer: bool,
    /// Print titles, text and commands as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Pronounce {
    /// As French speakers are to say it, whatever the language of this machine
    #[arg(long)]
    pub(crate) french: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
