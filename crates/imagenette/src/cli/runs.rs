//! What the user may type about finished runs: to look at them, to judge them, to use their networks.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{EvaluatedSplit, MachineFlags, values};

#[derive(Debug, Args)]
#[command(after_help = "Example:  imagenette plot runs/ --out plots\n\n\
        Runs of one recipe with different seeds become one curve: mean, standard deviation and n. Drawn are top-1 and \
        training loss over epochs, seconds and FLOP, what each recipe reached for its cost, and a row for each; \
        pictures on which nothing would move are left out. Results on \
        held-out photos and on val are never mixed.")]
pub(crate) struct Plot {
    /// Folders of runs, or folders that contain them
    #[arg(required = true, value_name = "RUN|FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) runs: Vec<PathBuf>,
    /// Draw gains over this baseline, with intervals: a recipe's name, or a folder of its runs or of a verdict
    #[arg(long, value_name = "NAME|FOLDER")]
    pub(crate) baseline: Option<String>,
    /// Folder for the plots
    #[arg(short, long, value_name = "FOLDER", default_value = "plots", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Title of the plots [default: what was measured, and the dataset]
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette report runs/default-drawn-s0 --open\n\
        \x20\x20imagenette report runs/one runs/other --out both.html\n\n\
        The page needs no network and no other file. Photos in it are the dataset's: ImageNet's terms hold for them, so \
        keep it for yourself, or make one to publish with --no-photos.")]
pub(crate) struct Report {
    /// Folders of finished runs; several are shown side by side
    #[arg(required = true, value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub(crate) runs: Vec<PathBuf>,
    /// File of the page [default: report.html in the run's folder, or here for several]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Open the page in a browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Leave out all photos: a page to publish
    #[arg(long)]
    pub(crate) no_photos: bool,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:  imagenette runs records --markdown > index.md\n\nRuns of one recipe in one folder are one row. What cannot be read is named and left out."
)]
pub(crate) struct Runs {
    /// Runs' folders, or folders in which runs lie [default: runs]
    #[arg(value_name = "RUN|FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// A Markdown table that links to the folders
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The run's folder
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
    /// Dataset's name or folder [default: the run's own]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    /// Split to evaluate on
    #[arg(long, value_enum, default_value_t = EvaluatedSplit::Val)]
    pub(crate) split: EvaluatedSplit,
    /// Resolution in pixels [default: the recipe's]
    #[arg(long, value_name = "PX", value_parser = values::at_least::<u32>(1))]
    pub(crate) resolution: Option<u32>,
    /// File to write the predictions to
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Go on though the source of the network's own parts was changed since
    #[arg(long)]
    pub(crate) changed_source: bool,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette predict runs/default-drawn-s0 photo.jpg\n\
        \x20\x20imagenette predict runs/default-drawn-s0 photos/ --explain looked.png\n\n\
        In the picture of --explain parts are dark where covering them changes nothing: the network did not look there.")]
pub(crate) struct Predict {
    /// The run's folder
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
    /// Photos to classify, folders of photos at any depth, or - for a photo on stdin
    #[arg(required = true, value_name = "PHOTO|FOLDER", value_hint = ValueHint::AnyPath)]
    pub(crate) images: Vec<PathBuf>,
    /// PNG file to write: each photo beside where the network looked
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) explain: Option<PathBuf>,
    /// Classes to name for each photo
    #[arg(long, default_value_t = 3, value_parser = values::whole::<u32>(1..=1000))]
    pub(crate) top: u32,
    /// Go on though the source of the network's own parts was changed since
    #[arg(long)]
    pub(crate) changed_source: bool,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
