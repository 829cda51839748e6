//! `sweep`: every combination of some values of a recipe, several seeds each, and a table of what they reached.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_data::dataset::Dataset;
use imagenette_data::store::Store;
use imagenette_results::run_record::RECORD_FILE;
use imagenette_results::{RunRecord, statistics};
use imagenette_train::TrainError;
use imagenette_train::checkpoint::CHECKPOINT_FILE;
use imagenette_train::sweep::{Axis, Trial, trials};
use imagenette_train::trainer::{Outcome, TrainJob};

use super::train::{CHECKPOINT_SECONDS, one, packed, read_recipe};
use crate::cli::Sweep;
use crate::datasets;
use crate::interrupt::INTERRUPTED;
use crate::terminal::{Hint, Terminal, print, print_json, seconds};

/// One run of a trial.
enum Run {
    Finished {
        folder: PathBuf,
        record: Box<RunRecord>,
    },
    /// The loss became infinite or not a number: a result too, and resuming would meet it again.
    Diverged {
        seed: u64,
        step: u64,
    },
}

pub(crate) fn run(arguments: &Sweep, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (device, threads) = datasets::machine(&arguments.machine)?;
    let store = Store::open_default()?;
    let axes: Vec<Axis> = arguments.set.iter().map(|text| Axis::parse(text)).collect::<Result<_, _>>()?;
    let mut overrides = Vec::new();
    if arguments.hold_out != 0.0 {
        overrides.push(("hold_out".to_owned(), format!("{:?}", arguments.hold_out)));
    }
    overrides.extend(arguments.dataset.as_ref().map(|named| ("dataset".to_owned(), format!("'{named}'"))));
    let recipe = read_recipe(Some(&arguments.recipe), &overrides)?;
    let trials = trials(&recipe, &axes)?;
    let dataset = match &recipe.dataset {
        Some(named) => datasets::named(named, &store)?,
        None => datasets::best(&store, arguments.offline, terminal)?,
    };
    for trial in &trials {
        trial.recipe.validate_for(&dataset.manifest)?;
    }
    let folder = arguments
        .out
        .clone()
        .unwrap_or_else(|| Path::new("runs").join(format!("sweep-{}-{}", recipe.name, dataset.manifest.name)));
    let packed = packed(&dataset, &store, threads, terminal)?;
    if recipe.hold_out.is_none() {
        terminal.say(
            "judged on val: what is chosen by these figures is flattered by them; `--hold-out 0.1` keeps val unseen",
        );
    }

    let mut done: Vec<Vec<Run>> = trials.iter().map(|_| Vec::new()).collect();
    let mut interrupted = false;
    // Seed by seed, so that an interrupted sweep has something to say of each trial.
    let first = arguments.seed.unwrap_or(recipe.seed);
    'seeds: for seed in first..first + u64::from(arguments.runs) {
        for (trial, runs) in trials.iter().zip(&mut done) {
            let run_folder = folder.join(trial.folder_name(&axes, seed));
            if let Some(record) = finished(&run_folder, trial, seed, &dataset)? {
                runs.push(Run::Finished { folder: run_folder, record: Box::new(record) });
                continue;
            }
            let job = TrainJob {
                recipe: trial.recipe.clone(),
                seed,
                dataset: &dataset,
                packed: packed.clone(),
                resume: run_folder.join(CHECKPOINT_FILE).is_file(),
                folder: run_folder,
                device: device.clone(),
                loader_threads: threads,
                evaluate_every: 0,
                checkpoint_seconds: CHECKPOINT_SECONDS,
                prepared_seconds: 0.0,
                program: env!("CARGO_PKG_VERSION").into(),
                commit: option_env!("IMAGENETTE_COMMIT").map(Into::into),
            };
            match one(&job, terminal) {
                Ok((folder, Outcome::Finished(record))) => runs.push(Run::Finished { folder, record }),
                Ok((_, Outcome::Interrupted { .. })) => {
                    interrupted = true;
                    break 'seeds;
                }
                Err(error) => match error.downcast_ref() {
                    Some(TrainError::Diverged { step, .. }) => {
                        terminal.say(&format!("{error}; the sweep goes on"));
                        runs.push(Run::Diverged { seed, step: *step });
                    }
                    _ => return Err(error),
                },
            }
        }
    }
    if arguments.json {
        print_json(&json(&axes, &trials, &done))?;
    } else {
        table(&axes, &trials, &done)?;
    }
    if interrupted {
        terminal.say("hint: the same command again goes on where this one stopped");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// The record of this trial's run where it is finished.
fn finished(folder: &Path, trial: &Trial, seed: u64, dataset: &Dataset) -> anyhow::Result<Option<RunRecord>> {
    if !folder.join(RECORD_FILE).is_file() {
        return Ok(None);
    }
    let record = RunRecord::read(folder)?;
    let expected = (trial.recipe.sha256(), seed, dataset.manifest.identity());
    if (&record.recipe_sha256, record.seed, &record.dataset.identity) != (&expected.0, expected.1, &expected.2) {
        return Err(Hint::error(
            format!("{}: holds a run of another recipe, seed or dataset", folder.display()),
            "name another folder for this sweep with --out",
        ));
    }
    Ok(Some(record))
}

/// Accuracies and training seconds of the runs that are finished.
fn figures(runs: &[Run]) -> (Vec<f64>, Vec<f64>) {
    let records = runs.iter().filter_map(|run| match run {
        Run::Finished { record, .. } => Some(record),
        Run::Diverged { .. } => None,
    });
    records.map(|record| (record.result.accuracy(), record.seconds.training)).unzip()
}

fn table(axes: &[Axis], trials: &[Trial], done: &[Vec<Run>]) -> anyhow::Result<()> {
    let holds_out = trials.iter().any(|trial| trial.recipe.hold_out.is_some());
    let mut header: Vec<String> = axes.iter().map(|axis| axis.key.clone()).collect();
    header.extend(["n", if holds_out { "held-out top-1" } else { "top-1" }, "training"].map(String::from));
    let mut lines = vec![header];
    for (trial, runs) in trials.iter().zip(done) {
        let (accuracies, training) = figures(runs);
        let mut line = trial.values.clone();
        line.push(accuracies.len().to_string());
        let mut said = match (statistics::mean(&accuracies), statistics::standard_deviation(&accuracies)) {
            (Some(mean), Some(sd)) => format!("{:.2}% ± {:.2}", 100.0 * mean, 100.0 * sd),
            (Some(mean), None) => format!("{:.2}%", 100.0 * mean),
            (None, _) => "-".into(),
        };
        let diverged = runs.len() - accuracies.len();
        if diverged > 0 {
            said += &format!(" ({diverged} diverged)");
        }
        line.push(said);
        line.push(statistics::mean(&training).map_or("-".into(), seconds));
        lines.push(line);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        print(cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn json(axes: &[Axis], trials: &[Trial], done: &[Vec<Run>]) -> serde_json::Value {
    let rows = trials.iter().zip(done).map(|(trial, runs)| {
        let (accuracies, _) = figures(runs);
        let settings: serde_json::Map<String, serde_json::Value> =
            axes.iter().zip(&trial.values).map(|(axis, value)| (axis.key.clone(), value.as_str().into())).collect();
        let runs: Vec<_> = runs
            .iter()
            .map(|run| match run {
                Run::Finished { folder, record } => serde_json::json!({
                    "folder": folder, "seed": record.seed, "correct": record.result.correct,
                    "total": record.result.total, "training_seconds": record.seconds.training,
                }),
                Run::Diverged { seed, step } => serde_json::json!({ "seed": seed, "diverged_at_step": step }),
            })
            .collect();
        serde_json::json!({
            "settings": settings, "recipe_sha256": trial.recipe.sha256(), "hold_out": trial.recipe.hold_out, "runs": runs,
            "mean": statistics::mean(&accuracies), "standard_deviation": statistics::standard_deviation(&accuracies),
        })
    });
    rows.collect()
}
