//! `sweep`: every combination of some values of a recipe, several seeds each, and a table of what they reached.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_results::run_folder::CHECKPOINT_FILE;
use imagenette_results::{RunRecord, statistics};
use imagenette_train::recipe::plan::{Axis, Trial, trials};
use imagenette_train::{Outcome, TrainError, TrainJob};

use crate::cli::Sweep;
use crate::interrupt::INTERRUPTED;
use crate::numbers::seconds;
use crate::prepared::{Preparation, Prepared};
use crate::recipes::Overrides;
use crate::terminal::{Terminal, print, print_json};
use crate::{Program, recipes, runs};

/// One run of a trial.
enum Run {
    Finished {
        folder: PathBuf,
        record: Box<RunRecord>,
    },
    /// The loss became infinite or NaN: a result too, and resuming would end there again.
    Diverged {
        seed: u64,
        step: u64,
    },
}

/// What a sweep trains.
struct Plan {
    axes: Vec<Axis>,
    trials: Vec<Trial>,
    seeds: Range<u64>,
    folder: PathBuf,
    changed_machine: bool,
}

/// What a sweep has trained: the runs of each trial.
struct Done {
    runs: Vec<Vec<Run>>,
    is_interrupted: bool,
}

pub(crate) fn run(arguments: &Sweep, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    let axes: Vec<Axis> = arguments.set.iter().map(|text| Axis::parse(text)).collect::<Result<_, _>>()?;
    let recipe = preparation.recipe(&arguments.recipe, &overrides(arguments))?;
    let trials = trials(&recipe, &axes, preparation.parts())?;
    trials.iter().try_for_each(|trial| preparation.check(&trial.recipe))?;
    let dataset = preparation.dataset(&recipe, arguments.offline)?;
    trials.iter().try_for_each(|trial| trial.recipe.validate_for(&dataset.manifest))?;
    let folder = arguments
        .out
        .clone()
        .unwrap_or_else(|| Path::new(runs::FOLDER).join(format!("sweep-{}-{}", recipe.name, dataset.manifest.name)));
    let first = arguments.seed.unwrap_or(recipe.seed);
    let plan = Plan {
        axes,
        trials,
        seeds: first..first + u64::from(arguments.runs),
        folder,
        changed_machine: arguments.changed_machine,
    };
    let prepared = preparation.finish(recipe, dataset)?;
    if prepared.recipe.hold_out.is_none() {
        terminal.say("evaluating on val: figures that choose a recipe flatter it; `--hold-out 0.1` keeps val unseen");
    }
    let done = train_all(&plan, &prepared, terminal)?;
    if arguments.json {
        print_json(&json(&plan, &done.runs))?;
    } else {
        table(&plan, &done.runs)?;
    }
    if done.is_interrupted {
        terminal.say("hint: repeat the same command to resume the sweep");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// The flags as keys and values that are put over the recipe.
fn overrides(arguments: &Sweep) -> Overrides {
    let mut overrides = Overrides::new();
    if arguments.hold_out != 0.0 {
        overrides.push(("hold_out".to_owned(), format!("{:?}", arguments.hold_out)));
    }
    overrides.extend(recipes::dataset(arguments.dataset.as_deref()));
    overrides
}

/// Trains whatever is not finished yet. Seed by seed, so that an interrupted sweep has results for each trial.
fn train_all(plan: &Plan, prepared: &Prepared, terminal: &Terminal) -> anyhow::Result<Done> {
    let mut done = Done { runs: plan.trials.iter().map(|_| Vec::new()).collect(), is_interrupted: false };
    for seed in plan.seeds.clone() {
        for (trial, runs) in plan.trials.iter().zip(&mut done.runs) {
            match train_one(trial, seed, plan, prepared, terminal)? {
                Some(run) => runs.push(run),
                None => {
                    done.is_interrupted = true;
                    return Ok(done);
                }
            }
        }
    }
    Ok(done)
}

/// The run of a trial with a seed, trained now if it is not finished yet; `None` when it was interrupted.
fn train_one(
    trial: &Trial,
    seed: u64,
    plan: &Plan,
    prepared: &Prepared,
    terminal: &Terminal,
) -> anyhow::Result<Option<Run>> {
    let folder = plan.folder.join(trial.folder_name(&plan.axes, seed));
    let job = TrainJob {
        recipe: trial.recipe.clone(),
        resume: folder.join(CHECKPOINT_FILE).is_file(),
        changed_machine: plan.changed_machine,
        ..prepared.job(seed, folder.clone())
    };
    if let Some(record) = runs::finished(&job)? {
        return Ok(Some(Run::Finished { folder, record: Box::new(record) }));
    }
    match runs::train(&job, terminal) {
        Ok(Outcome::Finished(record)) => Ok(Some(Run::Finished { folder, record })),
        Ok(Outcome::Interrupted { .. }) => Ok(None),
        Err(error) => match error.downcast_ref() {
            Some(TrainError::Diverged { step, .. }) => {
                terminal.say(&format!("{error}; the sweep continues"));
                Ok(Some(Run::Diverged { seed, step: *step }))
            }
            _ => Err(error),
        },
    }
}

/// Accuracies and training seconds of the runs that are finished.
fn figures(runs: &[Run]) -> (Vec<f64>, Vec<f64>) {
    let records = runs.iter().filter_map(|run| match run {
        Run::Finished { record, .. } => Some(record),
        Run::Diverged { .. } => None,
    });
    records.map(|record| (record.result.accuracy(), record.seconds.training)).unzip()
}

fn table(Plan { axes, trials, .. }: &Plan, done: &[Vec<Run>]) -> anyhow::Result<()> {
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

fn json(Plan { axes, trials, .. }: &Plan, done: &[Vec<Run>]) -> serde_json::Value {
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
            "settings": settings, "recipe_sha256": trial.recipe.sha256(), "hold_out": trial.recipe.hold_out,
            "runs": runs, "mean": statistics::mean(&accuracies),
            "standard_deviation": statistics::standard_deviation(&accuracies),
        })
    });
    rows.collect()
}
