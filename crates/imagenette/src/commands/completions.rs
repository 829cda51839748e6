//! `completions`: what a shell needs to complete this program's verbs and flags.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Cli, Completions};

pub(crate) fn run(arguments: &Completions) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "imagenette", &mut script);
    crate::terminal::print(String::from_utf8(script)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
