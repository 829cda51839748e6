//! What may be typed after `board`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

#[cfg(feature = "train")]
use super::MachineFlags;
use super::values;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette board deal my-recipe.toml\n\
        \x20\x20imagenette board new CHALLENGE --from runs --title TITLE --author NAME --code LINK --runs-tried 12\n\
        \x20\x20imagenette board check\n\
        \x20\x20imagenette board rank\n\
        \x20\x20imagenette board site site\n\n\
        A board is a folder of files: seasons (what may be entered, and how it is judged), entries, confirmations.\n\
        docs/leaderboard.md has the rules on one page, what is checked, and what cannot be.")]
pub(crate) struct Board {
    #[command(subcommand)]
    pub(crate) verb: BoardVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BoardVerb {
    /// Make an entry from runs, or say what is missing
    New(BoardNew),
    /// Name the seeds that a recipe is run with: nobody chooses them
    Deal(BoardDeal),
    /// Check a board or one entry: each fault in a line
    Check(BoardCheck),
    /// Print who stands where, in groups of ties
    Rank(BoardRank),
    /// Train a run of an entry again and compare the bits
    #[cfg(feature = "train")]
    Replay(BoardReplay),
    /// Write the pages of a board
    Site(BoardSite),
}

#[derive(Debug, Args)]
pub(crate) struct BoardNew {
    /// Challenge: `imagenette board rank --all` lists them
    pub(crate) challenge: String,
    /// Folders of the runs, or folders in which they lie
    #[arg(long, required = true, num_args = 1.., value_name = "RUN|FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) from: Vec<PathBuf>,
    /// What it is, in a line
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: String,
    /// Whose it is
    #[arg(long, value_name = "NAME")]
    pub(crate) author: String,
    /// Link to the code, with the 40 digits of a commit in it
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) code: String,
    /// How many runs were made until it was found, its own included
    #[arg(long, value_name = "N", value_parser = values::at_least::<u64>(1))]
    pub(crate) runs_tried: u64,
    /// Machine's type in the season's price list
    #[arg(long, value_name = "TYPE")]
    pub(crate) machine: Option<String>,
    /// What was paid in fact, in dollars: it is shown, not ranked
    #[arg(long, value_name = "DOLLARS", value_parser = values::number)]
    pub(crate) paid: Option<f64>,
    /// Name of its folder, after the day [default: the title's letters]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// File with what there is to tell about it [default: the title]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) readme: Option<PathBuf>,
    /// Take seeds that were chosen, not dealt: such an entry is shown and not ranked
    #[arg(long)]
    pub(crate) chosen_seeds: bool,
    /// The board's folder
    #[arg(long, value_name = "FOLDER", default_value = "board", value_hint = ValueHint::DirPath)]
    pub(crate) board: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BoardDeal {
    /// Recipe: a shipped one's name or a .toml file; or the link to any program's code
    #[arg(value_name = "RECIPE|FILE|URL")]
    pub(crate) recipe: String,
    /// How many seeds [default: the season's]
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>(1..=9))]
    pub(crate) seeds: Option<u32>,
    /// Fresh seeds instead, as dealt after this commit took the entry in
    #[arg(long, value_name = "COMMIT")]
    pub(crate) fresh: Option<String>,
    /// The board's folder
    #[arg(long, value_name = "FOLDER", default_value = "board", value_hint = ValueHint::DirPath)]
    pub(crate) board: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Nothing of a board is executed, and nothing is written.\nExit status: 0 nothing is wrong, 1 something is, 2 bad usage."
)]
pub(crate) struct BoardCheck {
    /// A board's folder, or an entry's in it
    #[arg(default_value = "board", value_hint = ValueHint::DirPath)]
    pub(crate) path: PathBuf,
    /// What git says is changed since this branch or commit must be one new entry, which is checked
    #[arg(long, value_name = "REF")]
    pub(crate) changed_since: Option<String>,
    /// Print the result as JSON
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print the result as a Markdown table, for the summary of a request
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// A division, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DivisionName {
    Recipe,
    OwnParts,
    Open,
}

#[derive(Debug, Args)]
pub(crate) struct BoardRank {
    /// Challenge [default: all that have entries]
    pub(crate) challenge: Option<String>,
    /// Only this division
    #[arg(long, value_enum)]
    pub(crate) division: Option<DivisionName>,
    /// Name the challenges without entries too
    #[arg(long)]
    pub(crate) all: bool,
    /// The board's folder
    #[arg(long, value_name = "FOLDER", default_value = "board", value_hint = ValueHint::DirPath)]
    pub(crate) board: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(feature = "train")]
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
        \x20\x20imagenette board replay board/entries/CHALLENGE/NAME --epochs 1\n\
        \x20\x20IMAGENETTE_SIMD=avx2 imagenette board replay board/entries/CHALLENGE/NAME --seed 3\n\n\
        The bits are those of the entry's kernel level and precision: IMAGENETTE_SIMD sets the level.\n\
        Exit status: 0 the same bits, 1 others, or they cannot be compared here.")]
pub(crate) struct BoardReplay {
    /// The entry's folder
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) entry: PathBuf,
    /// Number of the seed: s1 is 1
    #[arg(short, long, value_name = "NUMBER", default_value_t = 1, value_parser = values::whole::<u32>(1..=9))]
    pub(crate) seed: u32,
    /// Repeat only so many epochs
    #[arg(short, long, value_name = "N", value_parser = values::at_least::<u32>(1))]
    pub(crate) epochs: Option<u32>,
    /// Dataset's name or folder [default: the run's own]
    #[arg(short, long, value_name = "NAME|FOLDER")]
    pub(crate) dataset: Option<String>,
    #[command(flatten)]
    pub(crate) machine: MachineFlags,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BoardSite {
    /// Folder for the pages: a new one, or one with a site, which is replaced
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// The board's folder
    #[arg(long, value_name = "FOLDER", default_value = "board", value_hint = ValueHint::DirPath)]
    pub(crate) board: PathBuf,
}
