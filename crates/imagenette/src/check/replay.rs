//! A run trained again in a folder that is removed afterward, and compared with itself.

use std::sync::atomic::{AtomicBool, Ordering};

use imagenette_data::DataError;
use imagenette_data::watch::Watch;
use imagenette_results::RunRecord;
use imagenette_results::check::{Finding, Replay, RunCheck, Verdict};
use imagenette_train::compute::device::Device;
use imagenette_train::run::arithmetic;
use imagenette_train::run::watch::{EpochReport, RunPlan, StepReport, TrainWatch};
use imagenette_train::{Outcome, Recipe, TrainError, TrainJob};

use super::run::{Ground, failure, unknown};
use crate::datasets;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// Repeats a run, or its first epochs, and says whether the bits are the same.
pub(super) fn replay(ground: &Ground, check: &RunCheck, recipe: &Recipe) -> anyhow::Result<Vec<Finding>> {
    let record = &check.run.record;
    let one = |verdict: Verdict| Ok(vec![Finding::new("replay", verdict)]);
    let began = record.provenance.as_ref().map(|provenance| &provenance.parts[..]).unwrap_or_default();
    if began != ground.program.parts().account(recipe) {
        return one(unknown("its own parts are of other source here: its bits cannot be compared"));
    }
    let device = match ground.preparation.machine.device.clone().with_precision(recipe.precision) {
        Ok(device) => device,
        Err(error) => return one(unknown(error.to_string())),
    };
    let (changes, other_engine) = differences(record, &device);
    if !changes.is_empty() {
        return one(unknown(format!("its bits cannot be compared on this machine: {}", changes.join("; "))));
    }
    let Some(dataset) = ground.dataset(record) else {
        return one(unknown(format!("`{}` is not installed", record.dataset.name)));
    };
    recipe.validate_for(&dataset.manifest)?;
    if recipe.budget.is_some() && check.history.is_none() {
        return one(unknown("how long it is was planned while it ran, and its history is not here"));
    }
    let packed = ground.preparation.pixels(dataset)?;
    let place = datasets::passing_folder(&ground.preparation.store)?;
    let folder = place.path().join("replay");
    let epochs = ground.arguments.epochs.unwrap_or(record.epochs).min(record.epochs);
    let job = TrainJob {
        seed: record.seed,
        parts: ground.program.parts().clone(),
        loader_threads: ground.preparation.machine.threads,
        evaluate_every: evaluate_every(record),
        follows: recipe.budget.map(|_| check.history.as_ref().map(|history| history.stretches()).unwrap_or_default()),
        checkpoint_seconds: f64::INFINITY,
        program: ground.program.version().into(),
        commit: ground.program.commit().map(Into::into),
        ..TrainJob::new(recipe.clone(), dataset, packed, folder.clone(), device)
    };
    ground.terminal.say(&format!("repeating {}: {epochs} of {} epochs", check.run.folder.display(), record.epochs));
    let watch =
        Until { progress: Progress::of_run(ground.terminal), terminal: ground.terminal, epochs, is_over: false.into() };
    let outcome = imagenette_train::train(&job, &watch);
    ground.terminal.finish();
    match outcome {
        Ok(Outcome::Finished(_)) => {}
        Ok(Outcome::Interrupted { .. }) if watch.is_over.load(Ordering::Relaxed) => {}
        Ok(Outcome::Interrupted { .. }) => return Err(DataError::Interrupted.into()),
        Err(error @ TrainError::Diverged { .. }) => return one(failure(&check.run.folder, &error)),
        Err(error) => return Err(error.into()),
    }
    let findings = Replay { original: check, folder: &folder, epochs }.findings()?;
    Ok(findings.into_iter().map(|finding| on_engine(finding, other_engine.as_deref())).collect())
}

/// What makes other bits on this machine, and the change of the engine apart: its bits may be the same.
fn differences(record: &RunRecord, device: &Device) -> (Vec<String>, Option<String>) {
    let here = arithmetic(device);
    let Some(own) = record.arithmetic() else {
        let (own, here) = (&record.environment.device, here.to_string());
        let changes = if *own == here { Vec::new() } else { vec![format!("{own} → {here}")] };
        return (changes, Some("a record of version 1 does not name its engine".into()));
    };
    let (engine, mut changes): (Vec<String>, Vec<String>) =
        own.changes(&here).into_iter().partition(|change| change.starts_with("engine"));
    if record.provenance.as_ref().is_some_and(|provenance| provenance.changed_machine) {
        changes.push("the run was resumed with --changed-machine".into());
    }
    (changes, engine.into_iter().next())
}

/// After how many epochs each a run was evaluated.
fn evaluate_every(record: &RunRecord) -> u32 {
    match record.by_epoch.first().map(|known| known.epoch) {
        Some(first) if first < record.epochs => first,
        _ => 0,
    }
}

/// What another engine's bits say: the same ones as much as ever, others nothing.
fn on_engine(finding: Finding, engine: Option<&str>) -> Finding {
    let Some(engine) = engine else { return finding };
    let verdict = match finding.verdict {
        Verdict::Holds(said) => Verdict::Holds(format!("{said} ({engine})")),
        Verdict::Unknown(said) => Verdict::Unknown(said),
        Verdict::Fails(error) => {
            Verdict::Unknown(format!("other bits, which says nothing on another engine ({engine}): {error}"))
        }
    };
    Finding::new(finding.about, verdict)
}

/// Follows a run until so many epochs are done and evaluated: one step more.
struct Until<'t> {
    progress: Progress<'t>,
    terminal: &'t Terminal,
    epochs: u32,
    is_over: AtomicBool,
}

impl TrainWatch for Until<'_> {
    fn begin(&self, plan: &RunPlan) {
        self.progress.begin(plan);
    }

    fn step(&self, report: &StepReport) {
        if report.epoch > self.epochs {
            self.is_over.store(true, Ordering::Relaxed);
        } else {
            self.progress.step(report);
        }
    }

    fn evaluated(&self, done: usize, total: usize) {
        self.progress.evaluated(done, total);
    }

    fn epoch(&self, report: &EpochReport) {
        self.progress.epoch(report);
    }

    fn interrupted(&self) -> bool {
        self.is_over.load(Ordering::Relaxed) || self.terminal.interrupted()
    }
}
