//! `completions`: what a shell needs to complete the program's verbs and flags.

use std::process::ExitCode;

use crate::Program;
use crate::cli::{self, Completions};

pub(crate) fn run(arguments: &Completions, program: &Program) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli::command(program), program.name(), &mut script);
    crate::terminal::print(String::from_utf8(script)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
