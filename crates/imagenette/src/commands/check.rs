//! `check`: what of runs, parts and recipes holds, what does not, and what cannot be known without running again.

use std::path::PathBuf;
use std::process::ExitCode;

use imagenette_results::check::Twins;
use imagenette_results::run_folder;

use crate::Program;
use crate::check::part::{self, CheckedPart};
use crate::check::run::{CheckedRun, Ground};
use crate::check::table;
use crate::cli::Check;
use crate::interrupt;
use crate::terminal::{Refusal, Terminal, kept_whole_or_not, print, print_json, print_words};

/// How many levels below a named folder are searched for runs.
const DEPTH: u32 = 6;

pub(crate) fn run(arguments: &Check, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    kept_whole_or_not(checked(arguments, program, terminal))
}

fn checked(arguments: &Check, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let own = part::own_names(program.parts());
    let what = match arguments.what.as_slice() {
        [] if own.is_empty() => vec!["runs".to_owned()],
        [] => own,
        what => what.to_vec(),
    };
    let ground = Ground::begin(arguments, program, terminal)?;
    let (mut runs, mut parts): (Vec<CheckedRun>, Vec<CheckedPart>) = (Vec::new(), Vec::new());
    for named in &what {
        match Check::folder(named) {
            Some(folder) => {
                for folder in folders(folder)? {
                    interrupt::check()?;
                    runs.push(ground.check(&folder)?);
                }
            }
            None => parts.push(part::check(named, program)?),
        }
    }
    refuse_twins(&mut runs);
    if arguments.json {
        print_json(&serde_json::json!({ "runs": runs, "parts": parts, "failed": has_failed(&runs, &parts) }))?;
    } else {
        parts.iter().try_for_each(|part| print(&part.line()))?;
        match runs.as_slice() {
            [] => {}
            [run] => print_words(&table::of_run(run))?,
            runs => print_words(&table::of_runs(runs))?,
        }
    }
    let hints = runs.iter().filter_map(CheckedRun::hint).chain(parts.iter().filter_map(|part| part.hint.clone()));
    if let Some(hint) = hints.into_iter().next() {
        terminal.say(&format!("hint: {}", crate::terminal::by_name(&hint, program.name())));
    }
    Ok(if has_failed(&runs, &parts) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The folders of runs in a folder, finished or not.
fn folders(folder: PathBuf) -> anyhow::Result<Vec<PathBuf>> {
    let found = run_folder::find(&folder, DEPTH)?;
    let all: Vec<PathBuf> = found.finished.into_iter().chain(found.unfinished).collect();
    if all.is_empty() {
        return Err(Refusal::error(
            format!("{}: expected a run's folder, or one in which runs lie, found none", folder.display()),
            "a run is a folder with its recipe.toml, as `imagenette train --out RUN` leaves it",
        ));
    }
    Ok(all)
}

/// Fails runs that are another one's copy under another seed.
fn refuse_twins(runs: &mut [CheckedRun]) {
    for place in 1..runs.len() {
        let (before, rest) = runs.split_at_mut(place);
        let Some(run) = rest[0].run() else { continue };
        let twins = before.iter().filter_map(CheckedRun::run).find_map(|known| Twins::of(known, run));
        if let Some(twins) = twins {
            rest[0].fail("other seeds", twins.error());
        }
    }
}

fn has_failed(runs: &[CheckedRun], parts: &[CheckedPart]) -> bool {
    runs.iter().any(CheckedRun::has_failed) || parts.iter().any(|part| !part.holds)
}
