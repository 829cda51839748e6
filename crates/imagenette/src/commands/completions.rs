//! `completions`: what a shell needs to complete the program's verbs and flags.

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use imagenette_train::Recipe;

use crate::Program;
use crate::cli::{self, Completions};

pub(crate) fn run(arguments: &Completions, program: &Program) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    let mut command = with_recipes(cli::command(program));
    clap_complete::generate(arguments.shell, &mut command, program.name(), &mut script);
    crate::terminal::print(String::from_utf8(script)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// The command with the shipped recipes as the values of whatever takes a recipe. For completing alone: a file may be named
/// there as well.
fn with_recipes(mut command: clap::Command) -> clap::Command {
    let takes_recipe = |verb: &str, name: &str| match name {
        "augmented" => true,
        "recipe" => verb != "make",
        "base" | "idea" => verb == "compare",
        _ => false,
    };
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for verb in verbs {
        command = command.mut_subcommand(&verb, |command| {
            command.mut_args(|arg| match takes_recipe(&verb, arg.get_id().as_str()) {
                true => arg.value_parser(PossibleValuesParser::new(Recipe::shipped().iter().map(|(name, _)| *name))),
                false => arg,
            })
        });
    }
    command
}
