//! `train`: from a recipe and the best data there is to a run's folder and its top-1.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use imagenette_data::edition::Edition;
use imagenette_results::run_folder::RunFolder;
use imagenette_results::{RunRecord, statistics};
use imagenette_train::{Outcome, Recipe, TrainJob};

use crate::cli::Train;
use crate::interrupt::INTERRUPTED;
use crate::numbers::{counted, seconds, thousands};
use crate::prepared::{Preparation, Prepared};
use crate::recipes::Overrides;
use crate::terminal::{Terminal, print, print_json};
use crate::{Program, datasets, recipes, runs};

/// The recipe for the drawn set and for photos of any size.
const SMALL_RECIPE: &str = "default";
/// The recipe for Imagenette's photos and others of ImageNet: the best of five epochs.
const PHOTOS_RECIPE: &str = "epochs-5";

pub(crate) fn run(arguments: &Train, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if arguments.list {
        return list();
    }
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    match &arguments.resume {
        Some(run) => resume(run, preparation, arguments, (program, terminal)),
        None => begin(preparation, arguments, (program, terminal)),
    }
}

/// Resumes an interrupted run: its folder says what is trained, and on what.
fn resume(
    run: &Path,
    preparation: Preparation,
    arguments: &Train,
    (program, terminal): (&Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    let (recipe, checkpoint) = imagenette_train::run::unfinished(run, preparation.parts())?;
    let dataset = match &recipe.dataset {
        Some(named) => datasets::named(named, &preparation.store)?,
        None => datasets::with_identity(&checkpoint.dataset_identity, &checkpoint.dataset, &preparation.store)?,
    };
    let prepared = preparation.finish(recipe, dataset)?;
    let job = prepared.first_job(checkpoint.seed, run.to_owned());
    let job = TrainJob {
        resume: true,
        changed_machine: arguments.changed_machine,
        evaluate_every: arguments.evaluate_every,
        ..job
    };
    let outcome = runs::train(&job, terminal)?;
    finish(&[(run.to_owned(), outcome)], arguments, program, terminal)
}

/// Trains new runs, one for each seed.
fn begin(
    preparation: Preparation,
    arguments: &Train,
    (program, terminal): (&Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    let overrides = flags(arguments)?;
    let wanted = wanted(arguments.recipe.as_deref(), &overrides, &preparation)?;
    // Before anything is fetched, drawn or packed for it.
    if let (Some(folder), 1) = (&arguments.out, wanted.runs) {
        RunFolder::check_new(folder)?;
    }
    let dataset = preparation.dataset(&wanted, arguments.offline)?;
    let recipe = match arguments.recipe {
        Some(_) => wanted,
        None => preparation.recipe(usual_recipe(dataset.manifest.edition), &overrides)?,
    };
    if let (Some(folder), true) = (&arguments.out, recipe.runs > 1) {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    }
    let prepared = preparation.finish(recipe, dataset)?;
    let mut outcomes = Vec::new();
    for number in 0..prepared.recipe.runs {
        let seed = prepared.recipe.seed + u64::from(number);
        let folder = folder_of(seed, arguments.out.as_deref(), &prepared);
        // What was fetched, drawn and packed counts once.
        let job =
            if number == 0 { prepared.first_job(seed, folder.clone()) } else { prepared.job(seed, folder.clone()) };
        let job = TrainJob { evaluate_every: arguments.evaluate_every, ..job };
        outcomes.push((folder, runs::train(&job, terminal)?));
        if matches!(outcomes.last(), Some((_, Outcome::Interrupted { .. }))) {
            break;
        }
    }
    finish(&outcomes, arguments, program, terminal)
}

/// The recipe that was named; where none was, the first of the usual ones that the flags go with, to learn which
/// dataset is meant.
fn wanted(named: Option<&str>, overrides: &Overrides, preparation: &Preparation) -> anyhow::Result<Recipe> {
    let read = |name| preparation.recipe(name, overrides);
    named.map_or_else(|| read(SMALL_RECIPE).or_else(|_| read(PHOTOS_RECIPE)), read)
}

/// What `train` runs on a dataset when no recipe is named.
fn usual_recipe(edition: Edition) -> &'static str {
    match edition {
        Edition::ImagenetteV1 | Edition::ImagenetteV2 | Edition::ImagewoofV2 | Edition::Imagewang => PHOTOS_RECIPE,
        Edition::Drawn | Edition::Own => SMALL_RECIPE,
    }
}

/// Where the run of a seed goes.
fn folder_of(seed: u64, out: Option<&Path>, prepared: &Prepared) -> PathBuf {
    match out {
        Some(folder) if prepared.recipe.runs == 1 => folder.to_owned(),
        Some(folder) => folder.join(format!("s{seed}")),
        None => runs::free_folder(&format!("{}-{}-s{seed}", prepared.recipe.name, prepared.dataset.manifest.name)),
    }
}

/// The flags as keys and values that are put over a recipe.
fn flags(arguments: &Train) -> anyhow::Result<Overrides> {
    let mut overrides = Overrides::new();
    let mut put = |key: &str, value: Option<String>| overrides.extend(value.map(|value| (key.to_owned(), value)));
    put("epochs", arguments.epochs.map(|epochs| epochs.to_string()));
    put("batch_size", arguments.batch_size.map(|size| size.to_string()));
    put("resolution", arguments.resolution.map(|px| px.to_string()));
    put("evaluation.resolution", arguments.resolution.map(|px| px.to_string()));
    put("precision", arguments.precision.and_then(|name| Some(name.to_possible_value()?.get_name().to_owned())));
    // `{:?}` keeps a point or an exponent, so that TOML reads a float.
    put("optimizer.learning_rate", arguments.learning_rate.map(|rate| format!("{rate:?}")));
    put("hold_out", arguments.hold_out.map(|share| format!("{share:?}")));
    put("seed", arguments.seed.map(|seed| seed.to_string()));
    put("runs", arguments.runs.map(|runs| runs.to_string()));
    overrides.extend(recipes::dataset(arguments.dataset.as_deref()));
    overrides.extend(recipes::settings(&arguments.set)?);
    Ok(overrides)
}

/// Prints every finished run and, of several, their mean and standard deviation; says how to resume an interrupted
/// one.
fn finish(
    outcomes: &[(PathBuf, Outcome)],
    arguments: &Train,
    program: &Program,
    terminal: &Terminal,
) -> anyhow::Result<ExitCode> {
    let mut finished: Vec<(&Path, &RunRecord)> = Vec::new();
    for (folder, outcome) in outcomes {
        match outcome {
            Outcome::Finished(record) => finished.push((folder, record)),
            Outcome::Interrupted { .. } => {
                // A part of one's own is in its own program alone.
                let name = program.name();
                terminal.say(&format!("hint: resume it with `{name} train --resume {}`", folder.display()));
            }
        }
    }
    let is_whole = finished.len() == outcomes.len();
    if arguments.json {
        let records: Vec<&RunRecord> = finished.iter().map(|(_, record)| *record).collect();
        match records.as_slice() {
            [record] if is_whole => print_json(record)?,
            records => print_json(&records)?,
        }
    } else {
        finished.iter().try_for_each(|(folder, record)| print(&as_text(folder, record)))?;
        let accuracies: Vec<f64> = finished.iter().map(|(_, record)| record.result.accuracy()).collect();
        if let (Some(mean), Some(deviation)) =
            (statistics::mean(&accuracies), statistics::standard_deviation(&accuracies))
        {
            print(&format!(
                "mean {:.2}% ± {:.2} points (sd of {} runs)",
                100.0 * mean,
                100.0 * deviation,
                accuracies.len()
            ))?;
        }
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
}

/// A finished run in one line.
fn as_text(folder: &Path, record: &RunRecord) -> String {
    let what = if record.held_out.is_some() { "held-out top-1" } else { "top-1" };
    format!(
        "{what} {:.2}%  ({} of {}; seed {}; {}; trained in {}, {} in all; {})",
        100.0 * record.result.accuracy(),
        thousands(record.result.correct),
        thousands(record.result.total),
        record.seed,
        counted(record.epochs.into(), "epoch"),
        seconds(record.seconds.training),
        seconds(record.seconds.total),
        folder.display()
    )
}

/// Prints what each shipped recipe is, what it should reach and what it costs: the header of its file.
fn list() -> anyhow::Result<ExitCode> {
    for (name, text) in Recipe::shipped() {
        let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
        print(&format!("{name:<12} {}", header.join("\n             ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
