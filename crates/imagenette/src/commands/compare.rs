//! `compare`: does an idea help? The wing `compare/` does the work.

use std::process::ExitCode;

use crate::cli::Compare;
use crate::terminal::Terminal;
use crate::{Program, compare};

pub(crate) fn run(arguments: &Compare, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    compare::run(arguments, program, terminal)
}
