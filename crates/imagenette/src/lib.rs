//! The whole command line of imagenette as a library: a [`Program`] goes in, an exit status comes out.
//!
//! [`run`] parses what was typed, calls the other crates once and prints. The binary `imagenette` is a call of it, and
//! so is a researcher's own program: [`ideas`] has all that it needs. [`plot`] draws runs as SVG and tables them, for
//! whoever wants pictures without a command line.

// What reads finished runs shares rooms with what trains, and does not use all of them.
#![cfg_attr(not(feature = "train"), allow(dead_code))]

#[cfg(feature = "train")]
mod attention;
#[cfg(feature = "train")]
mod charged;
#[cfg(feature = "train")]
mod check;
#[cfg_attr(not(feature = "train"), path = "without_training/cli.rs")]
mod cli;
#[cfg(feature = "train")]
mod cloud;
#[cfg_attr(not(feature = "train"), path = "without_training/commands.rs")]
mod commands;
#[cfg(feature = "train")]
mod compare;
#[cfg(feature = "train")]
mod curves;
#[cfg(feature = "train")]
mod datasets;
#[cfg(not(feature = "train"))]
#[path = "found_dataset.rs"]
mod datasets;
#[cfg(feature = "train")]
mod first_batch;
#[cfg(feature = "train")]
mod found_dataset;
#[cfg(feature = "train")]
mod gains;
#[cfg(feature = "train")]
mod gather;
#[cfg(feature = "train")]
pub mod ideas;
mod interrupt;
#[cfg(feature = "train")]
mod kept_verdict;
#[cfg(feature = "train")]
mod machine;
mod narrow;
#[cfg(feature = "train")]
mod notice;
mod numbers;
mod out_file;
mod page;
#[cfg(feature = "train")]
mod photo_paths;
#[cfg(feature = "train")]
pub mod plot;
#[cfg(feature = "train")]
mod prepared;
#[cfg(feature = "train")]
mod prices;
mod program;
#[cfg(feature = "train")]
mod progress;
#[cfg(feature = "train")]
mod recipes;
#[cfg(feature = "train")]
mod report;
#[cfg(feature = "train")]
mod run_set;
#[cfg(feature = "train")]
mod run_tables;
#[cfg(feature = "train")]
mod runs;
mod scored;
#[cfg(feature = "train")]
mod shell_words;
#[cfg(feature = "train")]
mod sparkline;
#[cfg(feature = "train")]
mod subject;
#[cfg(feature = "train")]
mod submit;
mod terminal;
#[cfg(feature = "train")]
mod terms;

use std::borrow::Cow;
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;
use imagenette_files::visible;

use cli::Cli;
#[cfg(feature = "train")]
use cli::Verb;
use terminal::Terminal;

#[cfg(feature = "train")]
pub use imagenette_train::burn;
#[cfg(feature = "train")]
pub use imagenette_train::parts::Parts;
pub use program::Program;

/// The commit of imagenette that this library was built from, with `-dirty` where files were changed since; `None`
/// where there was no checkout.
pub const COMMIT: Option<&str> = option_env!("IMAGENETTE_COMMIT");

/// Runs the command line of this process to its end; gives the exit status.
pub fn run(program: Program) -> ExitCode {
    // What a part of one's own panics with is said once, in the error that names it.
    let _kept = imagenette_files::panics::keep();
    let parsed = cli::command(&program).try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing typed is a question, not a mistake: the help answers it, on stdout as any that was asked for.
            if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && std::env::args_os().len() < 2 {
                return match terminal::print(error.render().to_string().trim_end()) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => terminal::report(&error, program.name()),
                };
            }
            let status = if error.use_stderr() { 2 } else { 0 };
            return match printed(&error) {
                Ok(()) => ExitCode::from(status),
                Err(error) => terminal::report(&error, program.name()),
            };
        }
    };
    if let Err(error) = interrupt::listen() {
        terminal::tell(&format!("warning: Ctrl-C will end the program without a checkpoint: {error}"));
    }
    let terminal = Terminal::new(program.name(), cli.quiet);
    #[cfg(feature = "train")]
    let names = program.parts().check_names().map_err(anyhow::Error::from);
    #[cfg(not(feature = "train"))]
    let names: anyhow::Result<()> = Ok(());
    match names.and_then(|()| run_verb(cli.verb, &program, &terminal)) {
        Ok(status) => status,
        Err(error) => {
            terminal.finish();
            terminal::report(&error, program.name())
        }
    }
}

/// Prints what clap has to say. Help that was asked for is a result; a complaint about usage is not worth one.
fn printed(message: &clap::Error) -> anyhow::Result<()> {
    let text = message.render().to_string();
    // What was typed is said again: a pattern of the shell may have put a file's name there.
    if let Cow::Owned(shown) = visible::on_terminal(&text) {
        return if message.use_stderr() {
            terminal::tell(&shown);
            Ok(())
        } else {
            terminal::print(&shown)
        };
    }
    let written = message.print();
    if message.use_stderr() {
        return Ok(());
    }
    written.map_err(terminal::Unprinted::from)?;
    terminal::flush(&mut std::io::stdout())
}

#[cfg(not(feature = "train"))]
use commands::run_verb;

#[cfg(feature = "train")]
fn run_verb(verb: Verb, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Get(arguments) => commands::get::run(&arguments, terminal),
        Verb::Make(arguments) => commands::make::run(&arguments, terminal),
        Verb::Verify(arguments) => commands::verify::run(&arguments, terminal),
        Verb::Audit(arguments) => commands::audit::run(&arguments, terminal),
        Verb::Export(arguments) => commands::export::run(&arguments, program, terminal),
        Verb::Info(arguments) => commands::info::run(&arguments, program),
        Verb::Show(arguments) => commands::show::run(&arguments, program, terminal),
        Verb::Train(arguments) => commands::train::run(&arguments, program, terminal),
        Verb::Sweep(arguments) => commands::sweep::run(&arguments, program, terminal),
        Verb::Compare(arguments) => commands::compare::run(&arguments, program, terminal),
        Verb::FindLr(arguments) => commands::find_lr::run(&arguments, program, terminal),
        Verb::New(arguments) => commands::new::run(&arguments),
        Verb::Plot(arguments) => commands::plot::run(&arguments, terminal),
        Verb::Report(arguments) => commands::report::run(&arguments, program, terminal),
        Verb::Runs(arguments) => commands::runs::run(&arguments, terminal),
        Verb::Check(arguments) => commands::check::run(&arguments, program, terminal),
        Verb::Eval(arguments) => commands::eval::run(&arguments, program, terminal),
        Verb::Predict(arguments) => commands::predict::run(&arguments, program, terminal),
        Verb::Score(arguments) => commands::score::run(&arguments, terminal),
        Verb::Bench(arguments) => commands::bench::run(&arguments, program, terminal),
        Verb::Task(arguments) => commands::task::run(&arguments, terminal),
        Verb::Learn(arguments) => commands::learn::run(&arguments, terminal),
        Verb::Submit(arguments) => commands::submit::run(&arguments, program, terminal),
        Verb::Gather(arguments) => commands::gather::run(&arguments, terminal),
        Verb::Prices(arguments) => commands::prices::run(&arguments, program, terminal),
        Verb::Board(arguments) => commands::board::run(&arguments, program, terminal),
        Verb::Pronounce(arguments) => commands::pronounce::run(&arguments, terminal),
        Verb::Completions(arguments) => commands::completions::run(&arguments, program),
    }
}
