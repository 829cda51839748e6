//! The command line of imagenette: parse, call the library once, print.

mod cli;
mod commands;
mod datasets;
mod interrupt;
mod plot;
mod progress;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cli::{Cli, Verb};
use terminal::Terminal;

/// The program's version and the commit it was built from.
pub(crate) const VERSION: &str = env!("IMAGENETTE_VERSION");

/// Runs the command line of this process to its end; gives the exit status.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let status = if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                2
            } else {
                0
            };
            // A closed pipe is no reason to complain about a help text.
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    if let Err(error) = interrupt::listen() {
        eprintln!("warning: Ctrl-C will end the program without a checkpoint: {error}");
    }
    let terminal = Terminal::new(cli.quiet);
    match run_verb(cli.verb, &terminal) {
        Ok(status) => status,
        Err(error) => {
            terminal.finish();
            terminal::report(&error)
        }
    }
}

fn run_verb(verb: Verb, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Get(arguments) => commands::get::run(&arguments, terminal),
        Verb::Make(arguments) => commands::make::run(&arguments, terminal),
        Verb::Verify(arguments) => commands::verify::run(&arguments, terminal),
        Verb::Audit(arguments) => commands::audit::run(&arguments, terminal),
        Verb::Export(arguments) => commands::export::run(&arguments, terminal),
        Verb::Info(arguments) => commands::info::run(&arguments),
        Verb::Show(arguments) => commands::show::run(&arguments, terminal),
        Verb::Train(arguments) => commands::train::run(&arguments, terminal),
        Verb::Sweep(arguments) => commands::sweep::run(&arguments, terminal),
        Verb::FindLr(arguments) => commands::find_lr::run(&arguments, terminal),
        Verb::Plot(arguments) => commands::plot::run(&arguments, terminal),
        Verb::Eval(arguments) => commands::eval::run(&arguments, terminal),
        Verb::Predict(arguments) => commands::predict::run(&arguments, terminal),
        Verb::Score(arguments) => commands::score::run(&arguments),
        Verb::Bench(arguments) => commands::bench::run(&arguments, terminal),
        Verb::Completions(arguments) => commands::completions::run(&arguments),
    }
}
