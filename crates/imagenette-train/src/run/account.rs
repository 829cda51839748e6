//! What a run cost and reached: floating-point operations, and the record of a run that is finished.

use std::collections::HashMap;

use imagenette_data::edition::Split;
use imagenette_recipe::plan::{PlannedStep, StepPlan};
use imagenette_recipe::{Budget, Recipe};
use imagenette_results::RunRecord;
use imagenette_results::environment::Arithmetic;
use imagenette_results::run_record::{
    Counts, DatasetRecord, HeldOut, Judged, LabelsRecord, ModelRecord, ParentRun, Provenance, Spending,
};

use super::checkpoint::CheckpointHead;
use super::clock::Clock;
use super::job::TrainJob;
use super::learner::Learner;
use crate::compute::device::{Device, Ops};
use crate::compute::weights::{Layout, Weights};
use crate::engine::ENGINE;
use crate::error::Result;
use crate::optimizer;
use crate::parts::Parts;

/// Multiply-adds of one photo of this resolution, forward.
fn multiply_adds(learner: &Learner, px: u32, device: &Device) -> Result<Option<u64>> {
    learner.model.multiply_adds(learner.evaluated(), px, device)
}

/// What a network costs, whatever its numbers are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// How many numbers are learned.
    pub parameters: u64,
    /// Multiply-adds of the forward pass for one photo at the resolution of the evaluation, where they are known.
    pub multiply_adds: Option<u64>,
    /// Floating-point operations of all training steps, where they are known.
    pub training_flop: Option<f64>,
}

impl Costs {
    /// The costs of a recipe's network with so many classes over so many training samples: one photo is passed through
    /// it at each resolution.
    ///
    /// # Errors
    /// When the parts lack one that the recipe names, or the network cannot be built.
    pub fn of(recipe: &Recipe, parts: &Parts, classes: usize, samples: usize, device: &Device) -> Result<Self> {
        Self::of_plan(recipe, parts, classes, &StepPlan::of(recipe, samples), device)
    }

    /// The same over the steps of a plan: how long a run with a budget is, its recipe does not say.
    ///
    /// # Errors
    /// As [`Costs::of`].
    pub fn of_plan(recipe: &Recipe, parts: &Parts, classes: usize, plan: &StepPlan, device: &Device) -> Result<Self> {
        let device = device.clone().with_precision(recipe.precision)?;
        let model = parts.model_of(&recipe.model, classes)?;
        let model = model.frozen(recipe.initial.as_ref())?.projecting(recipe.self_supervised.as_ref());
        let zeros = model.layout().slots().iter().map(|slot| vec![0.0; slot.len()]);
        let weights = Weights::from_host(zeros, &device);
        let at = |px: u32| model.multiply_adds(&weights, px, &device);
        Ok(Self {
            parameters: model.layout().learned(),
            multiply_adds: at(recipe.evaluation.resolution)?,
            training_flop: flop_of(recipe, plan, model.layout(), at)?,
        })
    }
}

/// Floating-point operations of all steps: two for a multiply-add, three times the forward pass for what is learned
/// from (once where only the head learns), one forward pass for what a selection or a teacher looks at, and the
/// optimizer's products of matrices.
fn flop_of(
    recipe: &Recipe,
    plan: &StepPlan,
    layout: &Layout,
    forward_at: impl Fn(u32) -> Result<Option<u64>>,
) -> Result<Option<f64>> {
    let mut by_px: HashMap<u32, u64> = HashMap::new();
    let update = optimizer::multiply_adds(&recipe.optimizer, layout);
    let mut flop = 0.0;
    for step in 0..plan.steps() {
        let PlannedStep { px, count, progress, .. } = *plan.step(step);
        let forward = match by_px.get(&px) {
            Some(&known) => known,
            None => {
                let Some(found) = forward_at(px)? else { return Ok(None) };
                by_px.insert(px, found);
                found
            }
        };
        let others = recipe.photos_each() - 1;
        let learned = recipe.learning_passes();
        let passes = match recipe.selection_at(progress) {
            Some(selection) => count + learned * selection.count(count),
            // Of photos without labels the teacher sees one view and the network learns from another.
            None => learned * count * recipe.views_each() + (1 + learned) * others * count,
        };
        flop += 2.0 * (forward as f64 * passes as f64 + update as f64);
    }
    // The numbers of an optimizer from elsewhere are not known.
    Ok(recipe.optimizer.own().is_none().then_some(flop))
}

/// What decides the bits that a device computes, beside recipe, dataset and seed.
pub fn arithmetic(device: &Device) -> Arithmetic {
    let (ops, level) = match device.ops() {
        Ops::Kernels(level) => ("kernels", Some(level.to_string())),
        Ops::Stock => ("stock", None),
    };
    Arithmetic {
        engine: ENGINE.into(),
        device: device.name().into(),
        ops: ops.into(),
        level,
        precision: device.precision().to_string(),
    }
}

/// The hashes of the files that a finished run leaves.
pub(super) struct Hashes {
    pub(super) history: String,
    pub(super) predictions: String,
    /// `None` where there are none.
    pub(super) probabilities: Option<String>,
    pub(super) weights: String,
}

/// What a run spent of its budget.
fn spending(budget: Budget, head: &CheckpointHead) -> Spending {
    let charged = match budget {
        Budget::Minutes(_) => head.attempts.seconds(),
        Budget::Dollars(_) => head.attempts.charged_seconds(),
    };
    // The end of a plan that was kept is before all that it allows.
    let ended_early = head.history.stretches().last().is_some_and(|last| last.step == head.step);
    Spending { charged_seconds: charged.expect("attempts at a run with a budget count their seconds"), ended_early }
}

/// The record of a run that reached `result` in its last epoch.
pub(super) fn record(
    job: &TrainJob,
    learner: &Learner,
    head: &CheckpointHead,
    result: Counts,
    hashes: Hashes,
    judged: Vec<Judged>,
    clock: &mut Clock,
) -> Result<RunRecord> {
    let (recipe, manifest) = (&job.recipe, &job.dataset.manifest);
    let count = |split| manifest.samples(split).len() as u64;
    let split = recipe.split(manifest)?;
    let labels = LabelsRecord::of(recipe, &split, learner.plan.samples());
    Ok(RunRecord {
        format: RunRecord::format(),
        version: RunRecord::version(labels.as_ref(), job.is_charged() || recipe.folds.is_some(), &judged),
        started: head.started,
        recipe: recipe.name.clone(),
        recipe_sha256: head.recipe_sha256.clone(),
        seed: job.seed,
        dataset: DatasetRecord {
            name: manifest.name.clone(),
            edition: manifest.edition.name().into(),
            size: manifest.size.clone(),
            identity: head.dataset_identity.clone(),
            source: manifest.source.from.clone(),
            source_sha256: manifest.source.sha256.clone(),
            train: count(Split::Train),
            val: count(Split::Val),
        },
        model: ModelRecord {
            name: recipe.model.name(),
            parameters: learner.model.layout().learned(),
            multiply_adds: multiply_adds(learner, recipe.evaluation.resolution, &job.device)?,
        },
        environment: head.attempts.last().expect("this attempt was begun").environment(),
        epochs: learner.plan.epochs(),
        steps: learner.plan.steps(),
        samples_drawn: learner.plan.samples(),
        labels,
        training_flop: flop_of(recipe, &learner.plan, learner.model.layout(), |px| {
            multiply_adds(learner, px, &job.device)
        })?,
        seconds: clock.seconds(),
        dollars: head.attempts.dollars(),
        resumed: head.attempts.resumed(),
        held_out: recipe.held_out_share().map(|share| HeldOut { share, photos: result.total, folds: recipe.folds }),
        result,
        judged,
        by_epoch: head.by_epoch.clone(),
        provenance: Some(Provenance {
            recipe_canonical_sha256: recipe.canonical_sha256(),
            engine: ENGINE.into(),
            parts: job.parts.account(recipe),
            changed_machine: head.attempts.have_changed(),
            attempts: head.attempts.clone(),
            history_sha256: hashes.history,
            chain: head.history.link().expect("a history that begins here has a chain").into(),
            predictions_sha256: hashes.predictions,
            probabilities_sha256: hashes.probabilities,
            weights_sha256: hashes.weights,
            initial_weights_sha256: Some(head.initial_weights_sha256.clone()),
            parent: recipe
                .initial
                .as_ref()
                .and_then(|initial| Some(ParentRun { weights_sha256: initial.weights_sha256.clone()?, chain: None })),
            task: recipe.task.clone(),
            plan: head.history.plans(),
            spending: recipe.budget.map(|budget| spending(budget, head)),
            notes: serde_json::Map::new(),
        }),
    })
}
