//! The verbs of a program that was built without training.

#[path = "../commands/board.rs"]
pub(crate) mod board;
#[path = "check.rs"]
mod check;
#[path = "compare.rs"]
mod compare;
#[path = "../commands/score.rs"]
pub(crate) mod score;
#[path = "../commands/score_against.rs"]
mod score_against;

use std::process::ExitCode;

use crate::Program;
use crate::cli::Verb;
use crate::terminal::Terminal;

pub(crate) fn run_verb(verb: Verb, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Board(arguments) => board::run(&arguments, program, terminal),
        Verb::Check(arguments) => check::run(&arguments, terminal),
        Verb::Compare(arguments) => compare::run(&arguments),
        Verb::Score(arguments) => score::run(&arguments, terminal),
    }
}
