//! What a run would come to on this machine, without training it.

use imagenette_recipe::plan::StepPlan;

use super::choice;
use super::clock::{MachineTime, Time};
use super::evaluation::EvaluationData;
use super::job::TrainJob;
use super::planner::Planner;
use super::trainer::Ground;
use super::watch::TrainWatch;
use crate::error::Result;

/// What a run would come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Epochs; of a run with a budget the last may be a part.
    pub epochs: u32,
    /// Steps of the optimizer.
    pub steps: u64,
    /// Samples that are drawn, in epochs of the train split.
    pub passes: f64,
    /// Seconds from the process's start to its end.
    pub seconds: f64,
    /// Seconds that may be spent, where there is a budget.
    pub allowed: Option<f64>,
}

/// Measures some steps and an evaluation on this machine, and says what the whole run would come to. Nothing is
/// written.
///
/// # Errors
/// As [`super::train`] before its first step: a recipe that does not fit, a budget that pays for too little.
pub fn forecast(job: &TrainJob, watch: &dyn TrainWatch) -> Result<Forecast> {
    let time = MachineTime::default();
    let began = time.now_seconds() - job.prepared_seconds;
    let choice::Settled { job, times } = choice::settle(job.resolved()?, watch, &time, began)?;
    let job = &job;
    let recipe = &job.recipe;
    recipe.validate()?;
    recipe.validate_for(&job.dataset.manifest)?;
    let split = recipe.split(&job.dataset.manifest)?;
    let evaluated = split.evaluated.clone();
    let evaluation =
        EvaluationData::of(job.dataset, evaluated, job.packed.clone(), recipe.evaluation, job.loader_threads);
    evaluation.check(&recipe.model, &job.device)?;
    let ground = Ground { job, split: &split, evaluation: &evaluation, watch, time: &time, began, times };
    let (planner, plan): (Planner, StepPlan) = ground.planned()?;
    let spent = time.now_seconds() - began;
    let epoch = StepPlan::of(&imagenette_recipe::Recipe { epochs: 1, budget: None, ..recipe.clone() }, planner.samples);
    Ok(Forecast {
        epochs: plan.epochs(),
        steps: plan.steps(),
        passes: plan.samples() as f64 / epoch.samples().max(1) as f64,
        seconds: spent + planner.forecast(&plan, 0) + planner.times.evaluation + planner.times.closing(),
        allowed: recipe.budget.map(|_| planner.allowance.seconds),
    })
}
