//! What follows from a run's recipe: its seed, its epochs, steps and samples, its network, its operations.

use std::path::Path;

use imagenette_recipe::optimizer::OptimizerConfig;
use imagenette_recipe::plan::{StepPlan, Stretch};
use imagenette_recipe::{Folds, Recipe};

use super::{Verdict, malformed};
use crate::history::{History, HistoryLine};
use crate::run_record::{Plan, RunRecord};

/// Steps that are planned for a check at most. A longer run is not refused: its steps cannot be known here.
const MOST_STEPS: u64 = 4_000_000;
/// Plans that are laid one after the other at most: an honest run has some at its epochs.
const MOST_STRETCHES: usize = 1_000;
/// The share of the estimated operations that a record's may be from and up to: a network's maps do not shrink exactly
/// as its resolution does.
const OPERATIONS: (f64, f64) = (0.5, 2.0);

const NOT_READ: &str = "this program does not know every key of the recipe";

/// Whether the seed is one that the recipe plans, or at least the one that the history's chain begins with.
pub(super) fn seed(path: &Path, record: &RunRecord, recipe: Option<&Recipe>, history: Option<&History>) -> Verdict {
    // Where the chain begins with another one, the history was refused.
    if history.and_then(History::origin).is_some_and(|origin| origin.seed == record.seed) {
        return Verdict::Holds(format!("{}, with which the history's chain begins", record.seed));
    }
    let Some(recipe) = recipe else { return Verdict::Unknown(NOT_READ.into()) };
    let last = recipe.seed.saturating_add(u64::from(recipe.runs.max(1)) - 1);
    match (recipe.seed..=last).contains(&record.seed) {
        true => Verdict::Holds(format!("{}, as the recipe plans", record.seed)),
        // A sweep counts its seeds itself.
        false if recipe.runs == 1 => {
            Verdict::Unknown(format!("{} where the recipe says {}: as in a sweep", record.seed, recipe.seed))
        }
        false => malformed(path, format!("a seed from {} to {last}", recipe.seed), record.seed.to_string()).into(),
    }
}

/// The steps of a recipe over so many samples an epoch, for a run with a budget as its record says that they were
/// planned; `None` where these are too many to lay here, or a record with a budget has no plan.
pub fn planned_steps(record: &RunRecord, recipe: &Recipe, samples: u64) -> Option<StepPlan> {
    let progress = |part: u32| f64::from(part) / 100.0;
    let stages = (0..=100).filter_map(|part| recipe.resolution.batch_size(progress(part)));
    let least = u64::from(stages.chain([recipe.batch_size]).min().unwrap_or(1).max(1));
    if recipe.budget.is_none() {
        let steps = u64::from(recipe.epochs).checked_mul(samples / least)?;
        return (steps <= MOST_STEPS).then(|| StepPlan::of(recipe, samples as usize));
    }
    let plan = &record.provenance.as_ref()?.plan;
    let stretches: Vec<Stretch> = plan.iter().map(|plan| plan.stretch()).collect();
    // Each is laid to the end of the run.
    let steps = stretches.iter().fold(0_u64, |all, stretch| all.saturating_add(stretch.samples / least));
    let is_short = !stretches.is_empty() && steps <= 4 * MOST_STEPS && stretches.len() <= MOST_STRETCHES;
    is_short.then(|| StepPlan::within(recipe, samples as usize, &stretches))
}

/// A recipe planned over a record's photos.
pub(super) struct Planned<'r> {
    recipe: Option<&'r Recipe>,
    /// `None` where it cannot be planned.
    plan: Option<StepPlan>,
}

impl<'r> Planned<'r> {
    pub(super) fn of(record: &RunRecord, recipe: Option<&'r Recipe>) -> Self {
        let held_out = record.held_out.map_or(0, |held_out| held_out.photos);
        let plan = recipe.and_then(|recipe| {
            let samples = match &record.labels {
                Some(labels) => labels.epoch_photos / recipe.photos_each() as u64,
                None => record.dataset.train.checked_sub(held_out)?,
            };
            planned_steps(record, recipe, samples)
        });
        Self { recipe, plan }
    }

    /// Whether epochs, steps and samples are those that the recipe plans over the photos, and the history's steps are
    /// these.
    pub(super) fn steps(&self, path: &Path, record: &RunRecord, history: Option<&History>) -> Verdict {
        if record.epochs == 0 || record.steps == 0 || record.samples_drawn == 0 {
            let found = format!("{} epochs, {} steps, {} samples", record.epochs, record.steps, record.samples_drawn);
            return malformed(path, "a run of an epoch or more", found).into();
        }
        let Some(recipe) = self.recipe else { return Verdict::Unknown(NOT_READ.into()) };
        let plan = record.provenance.as_ref().map(|provenance| &provenance.plan[..]).unwrap_or_default();
        if recipe.budget.is_none() && record.epochs != recipe.epochs {
            let expected = format!("{} epochs, as the recipe says", recipe.epochs);
            return malformed(path, expected, record.epochs.to_string()).into();
        }
        if recipe.budget.is_none() != plan.is_empty() {
            let expected = "a plan where the recipe has a budget, and none where it has epochs";
            return malformed(path, expected, format!("{} plans", plan.len())).into();
        }
        if let Some((expected, found)) = strange_plan(plan, history) {
            return malformed(path, expected, found).into();
        }
        if record.held_out.and_then(|held_out| held_out.folds) != recipe.folds {
            let said = |folds: Option<Folds>| {
                folds.map_or("no fold".into(), |folds| format!("fold {} of {}", folds.fold, folds.of))
            };
            let expected = format!("{}, as the recipe says", said(recipe.folds));
            return malformed(path, expected, said(record.held_out.and_then(|held_out| held_out.folds))).into();
        }
        if record.held_out.map(|held_out| held_out.share) != recipe.held_out_share() {
            let share = |share: Option<f64>| share.map_or("nothing".into(), |share| share.to_string());
            let expected = format!("held out: {}, as the recipe says", share(recipe.held_out_share()));
            return malformed(path, expected, share(record.held_out.map(|held_out| held_out.share))).into();
        }
        let Some(plan) = &self.plan else {
            return Verdict::Unknown("a run too long to plan its steps here, or without photos to train on".into());
        };
        if record.labels.is_some()
            != (recipe.task.is_some() || recipe.unlabeled.is_some() || recipe.self_supervised.is_some())
        {
            let expected = "labels in the record where the recipe has a task or learns from photos without";
            let found = if record.labels.is_some() { "labels that the recipe does not speak of" } else { "none" };
            return malformed(path, expected, found).into();
        }
        let others = plan.samples() * (recipe.photos_each() as u64 - 1);
        if let Some(labels) = &record.labels {
            if (&labels.task, labels.draw) != (&recipe.task, recipe.draw) {
                let said = |task: &Option<String>, draw: u32| match task {
                    Some(task) => format!("`{}`, draw {draw}", task.escape_debug()),
                    None => "no task".to_owned(),
                };
                let expected = format!("the task of the recipe ({})", said(&recipe.task, recipe.draw));
                return malformed(path, expected, said(&labels.task, labels.draw)).into();
            }
            if (labels.unlabeled_drawn, labels.teacher_passes) != (others, others) {
                let expected = format!("{others} photos without labels, each seen by the teacher, as the recipe plans");
                let found = format!("{} and {}", labels.unlabeled_drawn, labels.teacher_passes);
                return malformed(path, expected, found).into();
            }
        }
        if let Some(provenance) = &record.provenance {
            let parent = provenance.parent.as_ref().map(|parent| &parent.weights_sha256);
            let begun = recipe.initial.as_ref().and_then(|initial| initial.weights_sha256.as_ref());
            if provenance.task != recipe.task || parent != begun {
                let expected = "the task and the first weights of the recipe in `provenance`";
                return malformed(path, expected, format!("{:?} and {parent:?}", provenance.task)).into();
            }
        }
        if recipe.budget.is_some() && record.epochs != plan.epochs() {
            let expected = format!("{} epochs, as was planned while it ran", plan.epochs());
            return malformed(path, expected, record.epochs.to_string()).into();
        }
        if (record.steps, record.samples_drawn) != (plan.steps(), plan.samples()) {
            let photos = record.dataset.train - record.held_out.map_or(0, |held_out| held_out.photos);
            let (steps, samples) = (plan.steps(), plan.samples());
            let expected = format!("{steps} steps of {samples} samples, as the recipe plans over {photos} photos");
            return malformed(path, expected, format!("{} of {}", record.steps, record.samples_drawn)).into();
        }
        if let Some((expected, found)) = history.and_then(|history| strange_step(history, plan)) {
            return malformed(path, expected, found).into();
        }
        Verdict::Holds(format!("{} epochs, {} steps, {} samples", record.epochs, record.steps, record.samples_drawn))
    }

    /// Whether the network is the recipe's, by its name.
    pub(super) fn network(&self, path: &Path, record: &RunRecord) -> Verdict {
        let Some(recipe) = self.recipe else { return Verdict::Unknown(NOT_READ.into()) };
        if record.recipe != recipe.name {
            return malformed(path, format!("the recipe `{}`", recipe.name), format!("`{}`", record.recipe)).into();
        }
        match recipe.model.name() {
            name if name == record.model.name => Verdict::Holds(format!("{name}, as the recipe says")),
            name => malformed(path, format!("the network {name}"), record.model.name.clone()).into(),
        }
    }

    /// Whether the operations are about those of the network's for the samples, each at the resolution of its step.
    pub(super) fn flop(&self, path: &Path, record: &RunRecord) -> Verdict {
        let (Some(recipe), Some(plan)) = (self.recipe, &self.plan) else { return Verdict::Unknown(NOT_READ.into()) };
        let (Some(flop), Some(forward)) = (record.training_flop, record.model.multiply_adds) else {
            return Verdict::Unknown("the record does not name them".into());
        };
        let evaluated_px = f64::from(recipe.evaluation.resolution);
        let learned = recipe.learning_passes();
        let of_step = |step: u64| {
            let step = plan.step(step);
            let passes = match recipe.selection_at(step.progress) {
                Some(selection) => step.count + learned * selection.count(step.count),
                None => learned * step.count + (1 + learned) * (recipe.photos_each() - 1) * step.count,
            };
            2.0 * forward as f64 * (f64::from(step.px) / evaluated_px).powi(2) * passes as f64
        };
        let passes: f64 = (0..plan.steps()).map(of_step).sum();
        // Products of matrices in the update: some fifteen for each, of no more than its smaller side.
        let update = match &recipe.optimizer {
            OptimizerConfig::Muon(_) => {
                let parameters = record.model.parameters as f64;
                2.0 * 15.0 * parameters * parameters.sqrt() * plan.steps() as f64
            }
            _ => 0.0,
        };
        let (least, most) = (OPERATIONS.0 * passes, OPERATIONS.1 * passes + update);
        if !(least..=most).contains(&flop) {
            let expected = format!("{least:.1e} to {most:.1e} floating-point operations of {}", record.model.name);
            return malformed(path, expected, format!("{flop:.3e}")).into();
        }
        Verdict::Holds(format!("{flop:.3e}, near what network and samples come to"))
    }
}

/// A plan of the record that is not the history's, as expected and found.
fn strange_plan(plan: &[Plan], history: Option<&History>) -> Option<(String, String)> {
    let told = history?.plans();
    (told != plan).then(|| (format!("the {} plans of the history", told.len()), format!("{} plans", plan.len())))
}

/// A step of the history that is not the plan's, as expected and found.
fn strange_step(history: &History, plan: &StepPlan) -> Option<(String, String)> {
    let mut number = 0;
    for line in history.lines() {
        let HistoryLine::Step { step, epoch, resolution_px, loss, .. } = line else { continue };
        let planned = plan.step(number);
        number += 1;
        if (*step, *epoch, *resolution_px) != (number, planned.epoch + 1, planned.px) || !loss.is_finite() {
            let expected =
                format!("step {number} in epoch {} at {} px with a finite loss", planned.epoch + 1, planned.px);
            return Some((expected, format!("step {step} in epoch {epoch} at {resolution_px} px, loss {loss}")));
        }
    }
    (number != plan.steps()).then(|| (format!("a history of {} steps", plan.steps()), number.to_string()))
}
