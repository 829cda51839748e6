//! What steps and evaluations take on this machine, measured before the first of them: a few of each kind, with a
//! network of which nothing is kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use imagenette_data::loader::Loader;
use imagenette_data::task::TaskSplit;
use imagenette_recipe::plan::{PlannedStep, StepPlan, batches};

use super::clock::Time;
use super::evaluation::EvaluationData;
use super::job::TrainJob;
use super::learner::Learner;
use super::planner::Times;
use super::step_batch::StepBatch;
use super::watch::TrainWatch;
use crate::error::{Result, TrainError};

/// Steps of each kind that are timed, after one that warms the machine up.
const TIMED: usize = 3;
/// A kind of step that took so many seconds already is timed no more.
const ENOUGH_SECONDS: f64 = 2.0;
/// Photos that are evaluated to time it.
const EVALUATED: usize = 256;

/// Times the steps of each resolution and batch size, and an evaluation.
///
/// # Errors
/// When photos cannot be read, or the work is interrupted.
pub(super) fn times(
    job: &TrainJob,
    split: &TaskSplit,
    evaluation: &EvaluationData,
    watch: &dyn TrainWatch,
    time: &dyn Time,
) -> Result<Times> {
    // An epoch has steps of every kind, unless it is very short: then the others go by their pixels.
    let plan = StepPlan::of(&job.recipe, job.recipe.labeled_draws(split));
    let mut learner = Learner::new(job, &plan)?;
    let labels: Arc<[u16]> = split.labels(&job.dataset.manifest).into();
    let mut firsts: BTreeMap<(u32, usize), u64> = BTreeMap::new();
    for step in 0..plan.steps() {
        let PlannedStep { px, count, .. } = *plan.step(step);
        firsts.entry((px, count)).or_insert(step);
    }
    let mut measured = BTreeMap::new();
    for (&kind, &first) in &firsts {
        let augmentations = job.parts.augmentations_of(&job.recipe)?;
        let of_step = if job.recipe.unlabeled.is_some() { 3 } else { job.recipe.views_each() };
        let requests =
            batches(&job.recipe, job.seed, split.clone(), labels.clone(), plan.clone(), first, augmentations)
                .take((TIMED + 1) * of_step);
        let mut loader =
            Loader::new(job.packed.clone(), labels.clone(), job.seed, job.loader_threads, Box::new(requests))?;
        let (mut seconds, mut steps, began) = (0.0, 0, Instant::now());
        for number in 0..=TIMED as u64 {
            if watch.interrupted() {
                return Err(imagenette_data::DataError::Interrupted.into());
            }
            let start = time.now_seconds();
            let Some(batch) = StepBatch::next(&mut loader, &job.recipe) else { break };
            let loss = learner.step((first + number).min(plan.steps() - 1), batch?)?;
            if !loss.is_finite() {
                let (step, epoch, parts) = (number + 1, 1, job.parts.named_in(&job.recipe));
                return Err(TrainError::Diverged { step, epoch, loss, parts });
            }
            // The first waits for its batch, and for pages of memory.
            if number > 0 || began.elapsed().as_secs_f64() > ENOUGH_SECONDS {
                (seconds, steps) = (seconds + time.now_seconds() - start, steps + 1);
            }
            if steps > 0 && began.elapsed().as_secs_f64() > ENOUGH_SECONDS {
                break;
            }
        }
        measured.insert(kind, seconds / f64::from(steps.max(1)));
    }
    let some = evaluation.first(EVALUATED);
    let start = time.now_seconds();
    some.predict(&learner.model, learner.evaluated(), &job.device, &Quiet(watch))?;
    // Where labels judge only in the end, the photos that have them are looked at too.
    let judges = if job.recipe.self_supervised.is_some() { job.recipe.judges(&job.dataset.manifest)?.len() } else { 0 };
    let of_all = (evaluation.len() + judges) as f64 / some.len().max(1) as f64;
    Ok(Times::new(measured, (time.now_seconds() - start) * of_all))
}

/// Can be interrupted, and says nothing.
struct Quiet<'w>(&'w dyn TrainWatch);

impl TrainWatch for Quiet<'_> {
    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}
