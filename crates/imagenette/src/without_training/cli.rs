//! What may be typed where the program was built without training: the verbs that read finished runs.

#[path = "../cli/board.rs"]
mod board;
#[path = "../cli/score.rs"]
mod score;
#[path = "../cli/values.rs"]
mod values;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};

pub(crate) use board::{Board, BoardCheck, BoardDeal, BoardNew, BoardRank, BoardSite, BoardVerb, DivisionName};
pub(crate) use score::Score;

use crate::Program;

/// What reads finished runs of imagenette: board, check, score and compare. It was built without training.
#[derive(Debug, Parser)]
#[command(arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 bad usage.")]
pub(crate) struct Cli {
    /// Print only results and errors: no progress, no notices
    #[arg(short, long, global = true, display_order = 900)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The command line of a program: its verbs and flags under its name and version.
pub(crate) fn command(program: &Program) -> clap::Command {
    // Made once in a process, and kept by the parser until its end.
    let version: &'static str = program.full_version().leak();
    Cli::command().name(program.name()).version(version)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// The leaderboard: name seeds, make and check entries, rank them, write its pages
    Board(Board),
    /// Say what of finished runs holds, what fails and what cannot be known
    Check(Check),
    /// Say whether the runs in one folder are better than those in another
    Compare(Compare),
    /// Recompute top-1 accuracy from predictions made by any program
    Score(Score),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Runs' folders, or folders in which runs lie
    #[arg(required = true, value_name = "RUN|FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) what: Vec<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:  imagenette compare records/without-whitening records/epochs-5")]
pub(crate) struct Compare {
    /// Folder of the baseline's runs
    #[arg(value_name = "RUNS", value_hint = ValueHint::DirPath)]
    pub(crate) base: PathBuf,
    /// Folder of the idea's runs
    #[arg(value_name = "RUNS", value_hint = ValueHint::DirPath)]
    pub(crate) idea: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
