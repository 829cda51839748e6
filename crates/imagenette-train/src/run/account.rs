//! What a run cost and reached: floating-point operations, and the record of a run that is finished.

use std::collections::HashMap;

use imagenette_data::edition::Split;
use imagenette_recipe::Recipe;
use imagenette_recipe::plan::PlannedStep;
use imagenette_results::RunRecord;
use imagenette_results::environment::Environment;
use imagenette_results::run_record::{Counts, DatasetRecord, HeldOut, ModelRecord};

use super::checkpoint::CheckpointHead;
use super::clock::Clock;
use super::job::TrainJob;
use super::learner::Learner;
use crate::compute::device::Device;
use crate::optimizer;

/// Multiply-adds of one photo of this resolution, forward.
fn multiply_adds(learner: &Learner, px: u32, device: &Device) -> u64 {
    learner.model.multiply_adds(learner.evaluated(), px, device)
}

/// Floating-point operations of all steps: two for a multiply-add, three times the forward pass for what is learned from, one
/// forward pass for what a selection looks at, and the optimizer's products of matrices.
fn training_flop(learner: &Learner, recipe: &Recipe, device: &Device) -> f64 {
    let mut by_px: HashMap<u32, u64> = HashMap::new();
    let update = optimizer::multiply_adds(&recipe.optimizer, learner.model.layout());
    let steps = (0..learner.plan.steps()).map(|step| {
        let PlannedStep { px, count, progress, .. } = *learner.plan.step(step);
        let forward = *by_px.entry(px).or_insert_with(|| multiply_adds(learner, px, device));
        let passes = match recipe.selection_at(progress) {
            Some(selection) => count + 3 * selection.count(count),
            None => 3 * count,
        };
        2.0 * (forward as f64 * passes as f64 + update as f64)
    });
    steps.sum()
}

/// The record of a run that reached `result` in its last epoch.
pub(super) fn record(
    job: &TrainJob,
    learner: &Learner,
    head: &CheckpointHead,
    result: Counts,
    clock: &mut Clock,
) -> RunRecord {
    let (recipe, manifest) = (&job.recipe, &job.dataset.manifest);
    let count = |split| manifest.samples(split).len() as u64;
    RunRecord {
        format: RunRecord::format(),
        // A record of version 2 has a provenance: whoever fills that in writes `RunRecord::version()` here.
        version: 1,
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
            multiply_adds: Some(multiply_adds(learner, recipe.evaluation.resolution, &job.device)),
        },
        environment: Environment::observe(
            &job.program,
            job.commit.as_deref(),
            &job.device.description(),
            rayon::current_num_threads(),
        ),
        epochs: recipe.epochs,
        steps: learner.plan.steps(),
        samples_drawn: learner.plan.samples(),
        training_flop: Some(training_flop(learner, recipe, &job.device)),
        seconds: clock.seconds(),
        dollars: None,
        resumed: head.resumed,
        held_out: recipe.hold_out.map(|share| HeldOut { share, photos: result.total }),
        result,
        by_epoch: head.by_epoch.clone(),
        provenance: None,
    }
}
