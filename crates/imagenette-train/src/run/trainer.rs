//! The run, top to bottom: recipe and data go in; steps, evaluations and checkpoints follow each other; a folder with
//! the record, the predictions and the weights comes out.

use std::sync::Arc;

use imagenette_data::DataError;
use imagenette_data::loader::Loader;
use imagenette_recipe::plan::{StepPlan, batches};
use imagenette_results::history::{History, HistoryLine};
use imagenette_results::run_folder::{HISTORY_FILE, RunFolder};

use super::clock::{Activity, Clock, MachineTime};
use super::evaluation::EvaluationData;
use super::job::{Outcome, TrainJob};
use super::pace::{Pace, Speed};
use super::state::RunState;
use super::step_batch::StepBatch;
use super::watch::{EpochReport, RunPlan, StepReport, TrainWatch};
use crate::error::{Result, TrainError};

/// Trains, evaluates and writes the run's folder; stops at the next step when the watch asks for it.
///
/// # Errors
/// When the recipe does not fit the dataset, the folder cannot be used, data cannot be read or files not written, or the
/// loss is not finite.
pub fn train(job: &TrainJob, watch: &dyn TrainWatch) -> Result<Outcome> {
    let job = &job.resolved()?;
    let recipe = &job.recipe;
    recipe.validate()?;
    recipe.validate_for(&job.dataset.manifest)?;
    let time = MachineTime::default();
    let split = recipe.split(&job.dataset.manifest)?;
    let plan = StepPlan::of(recipe, recipe.labeled_draws(&split));
    let evaluated = split.evaluated.clone();
    let evaluation =
        EvaluationData::of(job.dataset, evaluated, job.packed.clone(), recipe.evaluation, job.loader_threads);
    evaluation.check(&recipe.model, &job.device)?;
    let (mut state, folder, lock) = if job.resume {
        let (folder, lock) = RunFolder::resume(&job.folder)?;
        (RunState::restore(job, &plan, &folder)?, folder, lock)
    } else {
        // The network is built first: what is wrong with its parts is said before anything is written.
        let mut state = RunState::begin(job, &plan)?;
        state.learner.begin_with(job)?;
        state.learner.probe()?;
        let (folder, lock) = RunFolder::begin(&job.folder, &recipe.to_toml(), source_of(job))?;
        (state, folder, lock)
    };
    let mut clock = Clock::start(&time, state.head.seconds);
    watch.begin(&RunPlan {
        model: recipe.model.name(),
        parameters: state.learner.model.layout().learned(),
        train_photos: split.labeled.len(),
        unlabeled_photos: if recipe.unlabeled.is_some() { split.unlabeled.len() } else { 0 },
        evaluation_photos: evaluation.len(),
        holds_out: recipe.hold_out.is_some(),
        steps_per_epoch: plan.steps_per_epoch(),
        epochs: recipe.epochs,
        done_steps: state.head.step,
    });
    if !job.resume {
        state.learner.whiten_stem(job, &split.labeled)?;
        state.record_initial_weights();
    }
    // A run that is killed at any moment from here on can be resumed, and the attempt that was killed is known.
    state.save(&folder, &mut clock)?;
    let labels: Arc<[u16]> = split.labels(&job.dataset.manifest).into();
    let augmentations = job.parts.augmentations_of(recipe)?;
    let requests = batches(recipe, job.seed, split, labels.clone(), plan.clone(), state.head.step, augmentations);
    let loader = Loader::new(job.packed.clone(), labels, job.seed, job.loader_threads, Box::new(requests))?;
    let pace = Pace::new(&plan, state.head.step, state.head.seconds.training);
    let written = folder.clone();
    let outcome = Run { job, watch, folder, plan, state, clock, evaluation, loader, pace }.learn();
    // A part that breaks, or a run that diverges, before the first checkpoint leaves nothing to go on from: mended, the same
    // command starts anew.
    if let Err(TrainError::Part { .. } | TrainError::Diverged { .. } | TrainError::Data(DataError::Augmentation { .. })) =
        outcome
        && !job.resume
        && History::read(&written.file(HISTORY_FILE))?.steps() == 0
    {
        written.discard(lock)?;
    }
    outcome
}

/// The source of the parts that are not shipped, where the recipe names any.
fn source_of<'j>(job: &'j TrainJob) -> Option<&'j str> {
    let source = job.parts.source().map(|source| source.text.as_str());
    source.filter(|_| !job.parts.own_of(&job.recipe).is_empty())
}

/// A run under way: the learner, and beside it what accounts, saves and reports.
struct Run<'r> {
    job: &'r TrainJob<'r>,
    watch: &'r dyn TrainWatch,
    folder: RunFolder,
    plan: StepPlan,
    state: RunState,
    clock: Clock<'r>,
    evaluation: EvaluationData,
    loader: Loader,
    pace: Pace,
}

impl Run<'_> {
    /// The loop. What a step does is [`super::learner::Learner::step`]: batch, loss, gradients, update.
    fn learn(mut self) -> Result<Outcome> {
        loop {
            let done = self.state.head.step;
            if let Some(epoch) = self.plan.epoch_ended(done)
                && let Some(outcome) = self.end_epoch(epoch)?
            {
                return Ok(outcome);
            }

            self.clock.turn_to(Activity::Training);
            let next = StepBatch::next(&mut self.loader, &self.job.recipe);
            let batch = next.expect("there is a request for each step that is left")?;
            let resolution_px = batch.labeled.resolution_px;
            let loss = self.state.learner.step(done, batch)?;
            self.end_step(loss, resolution_px)?;

            let is_interrupted = self.watch.interrupted();
            if is_interrupted {
                self.state.record_interruption();
            }
            if is_interrupted || self.is_time_to_save() {
                self.state.save(&self.folder, &mut self.clock)?;
            }
            if is_interrupted {
                return Ok(self.interrupted());
            }
        }
    }

    /// Accounts for a step and reports it.
    fn end_step(&mut self, loss: f64, resolution_px: u32) -> Result<()> {
        let (done, steps, recipe) = (self.state.head.step, self.plan.steps(), &self.job.recipe);
        let (epoch, step) = (self.plan.epoch_of(done) + 1, done + 1);
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step, epoch, loss, parts: self.job.parts.named_in(recipe) });
        }
        let training_seconds = self.clock.seconds().training;
        self.clock.turn_to(Activity::Other);
        let rate = recipe.optimizer.learning_rate() * self.state.learner.rate_factor(done)?;
        self.state.record_step(HistoryLine::Step { step, epoch, loss, rate, resolution_px, training_seconds });
        let Speed { images_per_second, waiting, seconds_left } =
            self.pace.after(step, resolution_px, training_seconds, self.loader.waited());
        self.watch.step(&StepReport {
            epoch,
            step,
            steps,
            loss,
            rate,
            resolution_px,
            images_per_second,
            waiting,
            seconds_left,
        });
        Ok(())
    }

    /// Evaluates where that is due and reports the epoch; after the last one the run is over, and its outcome comes
    /// out.
    fn end_epoch(&mut self, epoch: u32) -> Result<Option<Outcome>> {
        let (job, done) = (self.job, self.state.head.step);
        let is_last = done == self.plan.steps();
        let training_seconds = self.clock.seconds().training;
        self.state.record_epoch(epoch, training_seconds);
        let is_due = is_last || (job.evaluate_every > 0 && epoch.is_multiple_of(job.evaluate_every));
        let mut predicted = None;
        // A resumed run may stand at the end of an epoch that was evaluated before.
        if is_due && (is_last || self.state.counts_of(epoch).is_none()) {
            self.clock.turn_to(Activity::Evaluation);
            let learner = &self.state.learner;
            predicted = match self.evaluation.predict(&learner.model, learner.evaluated(), &job.device, self.watch) {
                // The checkpoint of the epoch's end is there already; it does not say yet how the attempt ends.
                Err(TrainError::Data(DataError::Interrupted)) => {
                    self.state.record_interruption();
                    self.state.save(&self.folder, &mut self.clock)?;
                    return Ok(Some(self.interrupted()));
                }
                predicted => Some(predicted?),
            };
        }
        let seconds = self.clock.seconds();
        self.clock.turn_to(Activity::Other);
        if let Some(predicted) = &predicted {
            self.state.record_evaluation(epoch, self.evaluation.count(predicted), seconds);
        }
        let (loss, counts) = (self.state.mean_loss_of(epoch), self.state.counts_of(epoch));
        let taught = self.state.learner.take_taught();
        self.watch.epoch(&EpochReport { epoch, loss, counts, taught, seconds });
        let Some(predicted) = predicted.filter(|_| is_last) else { return Ok(None) };
        let named = self.evaluation.name(&predicted, job.dataset);
        let record = self.state.finish(job, &self.folder, &named, &predicted, &mut self.clock)?;
        Ok(Some(Outcome::Finished(Box::new(record))))
    }

    /// Whether a checkpoint is due: an epoch is done, or the last checkpoint is old.
    fn is_time_to_save(&mut self) -> bool {
        let age_seconds = self.clock.seconds().total - self.state.head.seconds.total;
        age_seconds >= self.job.checkpoint_seconds || self.plan.epoch_ended(self.state.head.step).is_some()
    }

    fn interrupted(&self) -> Outcome {
        Outcome::Interrupted { step: self.state.head.step, steps: self.plan.steps() }
    }
}
