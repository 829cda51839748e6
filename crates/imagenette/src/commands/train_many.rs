//! Several runs of one `train`: one for each seed, or one for each part of a cross-validation. Those that are finished are
//! taken as they are, an interrupted one goes on, so that the same command can be given again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_results::run_folder::CHECKPOINT_FILE;
use imagenette_results::run_record::Counts;
use imagenette_results::statistics;
use imagenette_train::recipe::Folds;
use imagenette_train::{Outcome, Recipe, TrainJob};

use super::train::{finish, price, tables};
use crate::cli::Train;
use crate::interrupt::INTERRUPTED;
use crate::numbers::{counted, thousands};
use crate::prepared::Prepared;
use crate::terminal::{Terminal, print};
use crate::{Program, run_set, runs};

/// Trains one run for each seed, each in a folder of its own below this one.
pub(super) fn seeds(
    prepared: &Prepared,
    folder: &Path,
    arguments: &Train,
    (program, terminal): (&Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    let places = run_set::places(folder, &prepared.recipe);
    let runs = places.into_iter().map(|(seed, run)| (prepared.recipe.clone(), seed, run));
    let outcomes = in_turn(prepared, runs, folder, arguments, terminal)?;
    finish(&outcomes, folder, arguments, (program, terminal))
}

/// Trains one run for each fold, each in a folder of its own below this one, and says what all of them were right about.
pub(super) fn folds(
    prepared: &Prepared,
    of: u32,
    folder: &Path,
    arguments: &Train,
    (program, terminal): (&Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    let runs = (1..=of).map(|fold| {
        let recipe = Recipe { folds: Some(Folds { of, fold }), ..prepared.recipe.clone() };
        (recipe, prepared.recipe.seed, folder.join(format!("f{fold}")))
    });
    let outcomes = in_turn(prepared, runs, folder, arguments, terminal)?;
    if outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Interrupted { .. })) {
        terminal.say("hint: give the same command again to go on");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let status = finish(&outcomes, folder, arguments, (program, terminal))?;
    if !arguments.json {
        let counts = outcomes.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Finished(record) => Some(record.result),
            Outcome::Interrupted { .. } => None,
        });
        print(&pooled(counts))?;
    }
    Ok(status)
}

/// Trains the runs in turn, each a recipe, a seed and a place, until one is interrupted.
fn in_turn(
    prepared: &Prepared,
    runs: impl Iterator<Item = (Recipe, u64, PathBuf)>,
    folder: &Path,
    arguments: &Train,
    terminal: &Terminal,
) -> anyhow::Result<Vec<(PathBuf, Outcome)>> {
    let price = price(&prepared.recipe, arguments, terminal)?;
    let mut outcomes = Vec::new();
    let mut trained = 0;
    for (recipe, seed, run) in runs {
        // What was fetched, drawn and packed counts once.
        let job = if trained == 0 { prepared.first_job(seed, run.clone()) } else { prepared.job(seed, run.clone()) };
        let job = TrainJob {
            recipe,
            resume: run.join(CHECKPOINT_FILE).is_file(),
            changed_machine: arguments.changed_machine,
            evaluate_every: arguments.evaluate_every,
            price: price.clone(),
            ..job
        };
        if let Some(record) = runs::finished(&job)? {
            outcomes.push((run, Outcome::Finished(Box::new(record))));
            continue;
        }
        trained += 1;
        outcomes.push((run, runs::train_with(&job, tables(arguments), terminal)?));
        if matches!(outcomes.last(), Some((_, Outcome::Interrupted { .. }))) {
            break;
        }
    }
    if trained == 0 {
        terminal.say(&format!("{}: every run is finished, nothing was trained", folder.display()));
    }
    Ok(outcomes)
}

/// What all parts of a cross-validation were right about, in a line.
fn pooled(counts: impl Iterator<Item = Counts>) -> String {
    let (correct, total) = counts.fold((0, 0), |all, counts| (all.0 + counts.correct, all.1 + counts.total));
    let (low, high) = statistics::accuracy_interval(correct, total, 0.95).unwrap_or((0.0, 1.0));
    format!(
        "cross-validated top-1 {:.2}%  ({} of {}, each judged by a network that had not seen it; 95% interval of new photos \
         {:.1}% to {:.1}%)",
        100.0 * correct as f64 / total.max(1) as f64,
        thousands(correct),
        counted(total, "labeled photo"),
        100.0 * low,
        100.0 * high
    )
}
