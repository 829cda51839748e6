//! `train`: from a recipe and the best data there is to a run's folder and its top-1.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Edition;
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_results::{RunRecord, statistics};
use imagenette_train::device::Device;
use imagenette_train::recipe::Recipe;
use imagenette_train::run_folder::RunFolder;
use imagenette_train::trainer::{self, Outcome, TrainJob};

use crate::cli::Train;
use crate::datasets;
use crate::interrupt::INTERRUPTED;
use crate::progress::Progress;
use crate::terminal::{Hint, Terminal, print, print_json, seconds, thousands};

/// The recipe for the drawn set and for photos of any size.
const SMALL_RECIPE: &str = "default";
/// The recipe for Imagenette's photos and others of ImageNet: the best of five epochs.
const PHOTOS_RECIPE: &str = "epochs-5";
/// Seconds between checkpoints within an epoch.
pub(crate) const CHECKPOINT_SECONDS: f64 = 60.0;

pub(crate) fn run(arguments: &Train, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if arguments.list {
        return list();
    }
    let began = Instant::now();
    let (device, threads) = datasets::machine(&arguments.machine)?;
    let store = Store::open_default()?;
    let job = |recipe: Recipe, seed, dataset, packed, folder, resume| TrainJob {
        recipe,
        seed,
        dataset,
        packed,
        folder,
        resume,
        device: device.clone(),
        loader_threads: threads,
        evaluate_every: arguments.evaluate_every,
        checkpoint_seconds: CHECKPOINT_SECONDS,
        prepared_seconds: began.elapsed().as_secs_f64(),
        program: env!("CARGO_PKG_VERSION").into(),
        commit: option_env!("IMAGENETTE_COMMIT").map(Into::into),
    };

    if let Some(run) = &arguments.resume {
        let folder = RunFolder::open(run)?;
        let (recipe, checkpoint) = (folder.recipe()?, folder.checkpoint()?);
        let dataset = match &recipe.dataset {
            Some(named) => datasets::named(named, &store)?,
            None => datasets::with_identity(&checkpoint.dataset_identity, &checkpoint.dataset, &store)?,
        };
        let packed = packed(&dataset, &store, threads, terminal)?;
        let job = job(recipe, checkpoint.seed, &dataset, packed, run.clone(), true);
        return finish(vec![one(&job, terminal)?], arguments);
    }

    let overrides = flags(arguments)?;
    let wanted = wanted(arguments.recipe.as_deref(), &overrides)?;
    let dataset = match &wanted.dataset {
        Some(named) => datasets::named(named, &store)?,
        None => datasets::best(&store, arguments.offline, terminal)?,
    };
    let recipe = match arguments.recipe {
        Some(_) => wanted,
        None => read_recipe(Some(usual_recipe(dataset.manifest.edition)), &overrides)?,
    };
    recipe.validate_for(&dataset.manifest)?;
    // Refused before anything is prepared; the trainer resolves it.
    device.clone().with_precision(recipe.precision)?;
    if let (Some(folder), true) = (&arguments.out, recipe.runs > 1) {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    }
    let packed = packed(&dataset, &store, threads, terminal)?;
    let mut outcomes = Vec::new();
    for number in 0..recipe.runs {
        let seed = recipe.seed + u64::from(number);
        let folder = match &arguments.out {
            Some(folder) if recipe.runs == 1 => folder.clone(),
            Some(folder) => folder.join(format!("s{seed}")),
            None => free_folder(&format!("{}-{}-s{seed}", recipe.name, dataset.manifest.name)),
        };
        outcomes.push(one(&job(recipe.clone(), seed, &dataset, packed.clone(), folder, false), terminal)?);
        if matches!(outcomes.last(), Some((_, Outcome::Interrupted { .. }))) {
            break;
        }
    }
    finish(outcomes, arguments)
}

/// The recipe that was named; where none was, one of the usual ones that the flags go with, to learn which dataset is meant.
fn wanted(named: Option<&str>, overrides: &[(String, String)]) -> anyhow::Result<Recipe> {
    if named.is_some() {
        return read_recipe(named, overrides);
    }
    read_recipe(Some(SMALL_RECIPE), overrides).or_else(|_| read_recipe(Some(PHOTOS_RECIPE), overrides))
}

/// What `train` runs on a dataset when no recipe is named.
fn usual_recipe(edition: Edition) -> &'static str {
    match edition {
        Edition::ImagenetteV1 | Edition::ImagenetteV2 | Edition::ImagewoofV2 | Edition::Imagewang => PHOTOS_RECIPE,
        Edition::Drawn | Edition::Own => SMALL_RECIPE,
    }
}

/// A shipped recipe by its name, or one of the user's by its file; none named means `default`.
pub(crate) fn read_recipe(named: Option<&str>, overrides: &[(String, String)]) -> anyhow::Result<Recipe> {
    let named = named.unwrap_or(SMALL_RECIPE);
    let is_file = named.ends_with(".toml") || named.contains(std::path::MAIN_SEPARATOR);
    if !is_file {
        return Ok(Recipe::from_toml(Recipe::shipped_text(named)?, overrides)?);
    }
    let text = std::fs::read_to_string(named).with_context(|| format!("failed to read the recipe {named}"))?;
    Recipe::from_toml(&text, overrides).with_context(|| named.to_owned())
}

/// A run of which nothing is kept: for what is measured on the way. `place` is for files that it may need.
pub(super) fn unkept_job<'a>(
    recipe: imagenette_train::Recipe,
    dataset: &'a Dataset,
    packed: Arc<Packed>,
    threads: usize,
    device: &Device,
    place: &Path,
) -> TrainJob<'a> {
    TrainJob {
        recipe,
        seed: 0,
        dataset,
        packed,
        folder: place.join("run"),
        resume: false,
        device: device.clone(),
        loader_threads: threads,
        evaluate_every: 0,
        checkpoint_seconds: f64::INFINITY,
        prepared_seconds: 0.0,
        program: env!("CARGO_PKG_VERSION").into(),
        commit: None,
    }
}

/// Keys and values of `--set`.
pub(crate) fn overrides(set: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let pair = |pair: &String| match pair.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err(Hint::error(
            format!("--set: expected KEY=VALUE, found `{pair}`"),
            "for example --set optimizer.momentum=0.9",
        )),
    };
    set.iter().map(pair).collect()
}

/// The flags, as keys and values that are put over a recipe.
fn flags(arguments: &Train) -> anyhow::Result<Vec<(String, String)>> {
    let mut overrides: Vec<(String, String)> = Vec::new();
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
    // Quoted, since a folder's name may look like anything.
    put("dataset", arguments.dataset.as_ref().map(|named| format!("'{named}'")));
    overrides.extend(self::overrides(&arguments.set)?);
    Ok(overrides)
}

/// The photos' pixels, decoded now if they are not yet.
pub(crate) fn packed(
    dataset: &Dataset,
    store: &Store,
    threads: usize,
    terminal: &Terminal,
) -> anyhow::Result<Arc<Packed>> {
    let packed = Packed::open_or_build(dataset, &store.packed_folder(), threads, terminal);
    terminal.finish();
    Ok(Arc::new(packed?))
}

/// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`, … that is not taken.
fn free_folder(name: &str) -> PathBuf {
    let candidates = (1..).map(|number| match number {
        1 => Path::new("runs").join(name),
        _ => Path::new("runs").join(format!("{name}-{number}")),
    });
    candidates.into_iter().find(|folder| !folder.exists()).expect("there is always a larger number")
}

/// Trains one run and says what happens.
pub(crate) fn one(job: &TrainJob, terminal: &Terminal) -> anyhow::Result<(PathBuf, Outcome)> {
    let manifest = &job.dataset.manifest;
    let recipe = &job.recipe;
    let what = if job.resume { "resuming" } else { "training" };
    terminal.say(&format!(
        "{what} `{}` on {} ({}, size {}), seed {}, into {}",
        recipe.name,
        manifest.name,
        manifest.edition,
        manifest.size,
        job.seed,
        job.folder.display()
    ));
    let progress = Progress::new(terminal);
    let outcome = trainer::train(job, &progress);
    terminal.finish();
    let outcome = outcome?;
    if let Outcome::Interrupted { step, steps } = outcome {
        terminal.say(&format!("interrupted after step {} of {}", thousands(step), thousands(steps)));
        terminal.say(&format!("hint: go on with `imagenette train --resume {}`", job.folder.display()));
    }
    Ok((job.folder.clone(), outcome))
}

/// Prints every run and, of several, their mean and standard deviation.
fn finish(outcomes: Vec<(PathBuf, Outcome)>, arguments: &Train) -> anyhow::Result<ExitCode> {
    let mut finished: Vec<(&Path, &RunRecord)> = Vec::new();
    for (folder, outcome) in &outcomes {
        if let Outcome::Finished(record) = outcome {
            finished.push((folder, record));
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
        for (folder, record) in &finished {
            let what = if record.held_out.is_some() { "held-out top-1" } else { "top-1" };
            print(&format!(
                "{what} {:.2}%  ({} of {}; seed {}; {} epochs; trained in {}, {} in all; {})",
                100.0 * record.result.accuracy(),
                thousands(record.result.correct),
                thousands(record.result.total),
                record.seed,
                record.epochs,
                seconds(record.seconds.training),
                seconds(record.seconds.total),
                folder.display()
            ))?;
        }
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

fn list() -> anyhow::Result<ExitCode> {
    for (name, text) in Recipe::shipped() {
        // The header of each recipe says what it is, what it should reach and what it costs.
        let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
        print(&format!("{name:<12} {}", header.join("\n             ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
