//! The run, top to bottom: recipe and data go in; steps, evaluations and checkpoints follow each other; a folder with
//! the record, the predictions and the weights comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use imagenette_data::DataError;
use imagenette_data::loader::Loader;
use imagenette_recipe::plan::{StepPlan, Stretch, batches};
use imagenette_recipe::{Budget, TaskSplit};
use imagenette_results::attempt::Attempts;
use imagenette_results::history::{History, HistoryLine};
use imagenette_results::run_folder::{HISTORY_FILE, RunFolder};

use imagenette_results::run_record::Seconds;

use super::choice;
use super::clock::{Activity, Clock, MachineTime, Time};
use super::evaluation::EvaluationData;
use super::heartbeat::Heartbeat;
use super::job::{Outcome, TrainJob};
use super::judge::Judge;
use super::measure;
use super::pace::{Pace, Speed};
use super::planner::{Allowance, Planner, Times};
use super::state::RunState;
use super::step_batch::StepBatch;
use super::watch::{EpochReport, Replanned, RunPlan, StepReport, TrainWatch};
use crate::error::{Result, TrainError};

/// Trains, evaluates and writes the run's folder; stops at the next step when the watch asks for it.
///
/// # Errors
/// When the recipe does not fit the dataset, the folder cannot be used, data cannot be read or files not written, or
/// the loss is not finite.
pub fn train(job: &TrainJob, watch: &dyn TrainWatch) -> Result<Outcome> {
    train_at(job, watch, &MachineTime::default())
}

/// The same by any clock.
fn train_at(job: &TrainJob, watch: &dyn TrainWatch, time: &dyn Time) -> Result<Outcome> {
    let began = time.now_seconds() - job.prepared_seconds;
    let choice::Settled { job, times } = choice::settle(job.resolved()?, watch, time, began)?;
    let job = &job;
    let recipe = &job.recipe;
    recipe.validate()?;
    recipe.validate_for(&job.dataset.manifest)?;
    let split = recipe.split(&job.dataset.manifest)?;
    let samples = recipe.labeled_draws(&split);
    let evaluated = split.evaluated.clone();
    let evaluation =
        EvaluationData::of(job.dataset, evaluated, job.packed.clone(), recipe.evaluation, job.loader_threads);
    evaluation.check(&recipe.model, &job.device)?;
    let ground = Ground { job, split: &split, evaluation: &evaluation, watch, time, began, times };
    let (mut state, folder, lock, planner) = if job.resume {
        let (folder, lock) = RunFolder::resume(&job.folder)?;
        let state = RunState::restore(job, samples, &folder)?;
        let planner = ground.planner(&state.head.attempts.earlier())?;
        let planner = planner.map(|planner| Planner { is_due: true, ..planner });
        (state, folder, lock, planner)
    } else {
        if recipe.budget.is_some() {
            RunFolder::check_new(&job.folder)?;
        }
        let mut planner = ground.planner(&Attempts::default())?;
        let (plan, stretch) = ground.first_plan(planner.as_mut())?;
        // The network is built first: what is wrong with its parts is said before anything is written.
        let mut state = RunState::begin(job, &plan)?;
        state.learner.begin_with(job)?;
        state.learner.probe()?;
        if let Some((stretch, budget)) = stretch.zip(recipe.budget) {
            state.record_plan(budget, stretch, plan.steps(), 0.0);
        }
        let (folder, lock) = RunFolder::begin(&job.folder, &recipe.to_toml(), source_of(job))?;
        (state, folder, lock, planner)
    };
    let plan = state.learner.plan.clone();
    let mut clock = Clock::start(time, state.head.seconds);
    watch.begin(&RunPlan {
        model: recipe.model.name(),
        parameters: state.learner.model.layout().learned(),
        train_photos: split.labeled.len(),
        unlabeled_photos: match recipe.unlabeled.is_some() || recipe.self_supervised.is_some() {
            true => split.unlabeled.len(),
            false => 0,
        },
        evaluation_photos: evaluation.len(),
        holds_out: recipe.held_out_share().is_some(),
        steps_per_epoch: plan.steps_per_epoch(),
        epochs: plan.epochs(),
        done_steps: state.head.step,
    });
    if !job.resume {
        state.learner.whiten_stem(job, recipe.learned(&split))?;
        state.record_initial_weights();
    }
    // A run that is killed at any moment from here on can be resumed, and the attempt that was killed is known.
    if job.is_charged() {
        state.head.attempts.took(time.now_seconds() - began);
    }
    state.save(&folder, &mut clock)?;
    let heartbeat = job.is_charged().then(|| Heartbeat::begin(folder.path(), time.now_seconds() - began));
    let batches = Batches { job, labels: split.labels(&job.dataset.manifest).into(), split };
    let loader = batches.loader(&plan, state.head.step)?;
    let pace = Pace::new(&plan, state.head.step, state.head.seconds.training);
    let written = folder.clone();
    let since = clock.seconds();
    let run = Run {
        job,
        watch,
        folder,
        plan,
        state,
        clock,
        evaluation,
        judge: Judge::of(job)?,
        batches,
        loader,
        pace,
        planner,
        time,
        began,
        first: since,
        since,
    };
    let outcome = run.learn();
    drop(heartbeat);
    // A part that breaks, or a run that diverges, before the first checkpoint leaves nothing to go on from: mended,
    // the same command starts anew.
    if let Err(TrainError::Part { .. } | TrainError::Diverged { .. } | TrainError::Data(DataError::Augmentation { .. })) =
        outcome
        && !job.resume
        && History::read(&written.file(HISTORY_FILE))?.steps() == 0
    {
        written.discard(lock)?;
    }
    outcome
}

/// What a run is planned on.
pub(super) struct Ground<'g> {
    pub(super) job: &'g TrainJob<'g>,
    pub(super) split: &'g TaskSplit,
    pub(super) evaluation: &'g EvaluationData,
    pub(super) watch: &'g dyn TrainWatch,
    pub(super) time: &'g dyn Time,
    /// When the process began, by that clock.
    pub(super) began: f64,
    /// What steps take here, where that is known already.
    pub(super) times: Option<Times>,
}

impl Ground<'_> {
    fn samples(&self) -> usize {
        self.job.recipe.labeled_draws(self.split)
    }

    /// What plans a run with a budget, which has begun after these attempts; `None` without one. What steps take here
    /// is measured now, unless a run is repeated.
    fn planner(&self, earlier: &Attempts) -> Result<Option<Planner>> {
        let Some(budget) = self.job.recipe.budget else { return Ok(None) };
        self.planner_in(budget, earlier).map(Some)
    }

    fn planner_in(&self, budget: Budget, earlier: &Attempts) -> Result<Planner> {
        let Self { job, time, began, .. } = *self;
        // One more start would not choose again.
        let start_seconds = if self.times.is_some() { job.prepared_seconds } else { time.now_seconds() - began };
        let times = match (&job.follows, &self.times) {
            (Some(_), _) => Times::new(BTreeMap::new(), 0.0),
            (None, Some(times)) => times.clone(),
            (None, None) => measure::times(job, self.split, self.evaluation, self.watch, time)?,
        };
        if let (Budget::Dollars(_), None, None) = (budget, &job.price, &job.follows) {
            return Err(TrainError::Budget {
                key: budget.key().into(),
                expected: "to know what this machine's time costs".into(),
                found: "no price".into(),
                hint: "name the machine, or say its price: `--machine c7a.large`, `--price-per-hour 0.045`".into(),
            });
        }
        Ok(Planner {
            recipe: job.recipe.clone(),
            samples: self.samples(),
            evaluate_every: job.evaluate_every,
            allowance: Allowance::of(budget, earlier, job.price.as_ref(), start_seconds),
            times,
            follows: job.follows.clone().map(Into::into),
            is_due: false,
        })
    }

    /// The plan of a run that would begin now, with or without a budget, and what its parts take here.
    pub(super) fn planned(&self) -> Result<(Planner, StepPlan)> {
        let nothing = Attempts::default();
        match self.planner(&nothing)? {
            None => Ok((self.planner_in(Budget::Minutes(0.0), &nothing)?, self.first_plan(None)?.0)),
            Some(mut planner) => {
                let (plan, _) = self.first_plan(Some(&mut planner))?;
                Ok((planner, plan))
            }
        }
    }

    /// What plans a run that would begin now, and the samples that fit into its budget; none where not one step does.
    pub(super) fn longest(&self) -> Result<(Planner, u64)> {
        let budget = self.job.recipe.budget.unwrap_or(Budget::Minutes(0.0));
        let planner = self.planner_in(budget, &Attempts::default())?;
        let nothing = StepPlan::within(&self.job.recipe, self.samples(), &[]);
        let samples = planner.longest(&nothing, 0, self.time.now_seconds() - self.began).samples;
        Ok((planner, samples))
    }

    /// The plan of a run that begins; with a budget also how long it is by that.
    ///
    /// # Errors
    /// When the budget does not pay for one epoch.
    fn first_plan(&self, planner: Option<&mut Planner>) -> Result<(StepPlan, Option<Stretch>)> {
        let recipe = &self.job.recipe;
        let epoch = StepPlan::of(recipe, self.samples());
        let Some((planner, budget)) = planner.zip(recipe.budget) else { return Ok((epoch, None)) };
        let nothing = StepPlan::within(recipe, self.samples(), &[]);
        let stretch = match &mut planner.follows {
            Some(follows) => follows.pop_front().unwrap_or(Stretch { step: 0, samples: epoch.samples() }),
            None => planner.longest(&nothing, 0, self.time.now_seconds() - self.began),
        };
        if planner.follows.is_none() && stretch.samples < epoch.samples() {
            return Err(planner.too_small(
                budget,
                &epoch,
                self.time.now_seconds() - self.began,
                self.job.price.as_ref(),
            ));
        }
        if planner.follows.is_none()
            && let Some(error) = planner.too_large(budget, stretch)
        {
            return Err(error);
        }
        Ok((nothing.stretched(recipe, self.samples(), stretch), Some(stretch)))
    }
}

/// The source of the parts that are not shipped, where the recipe names any.
fn source_of<'j>(job: &'j TrainJob) -> Option<&'j str> {
    let source = job.parts.source().map(|source| source.text.as_str());
    source.filter(|_| !job.parts.own_of(&job.recipe).is_empty())
}

/// What a run asks for its batches with.
struct Batches<'r> {
    job: &'r TrainJob<'r>,
    split: TaskSplit,
    labels: Arc<[u16]>,
}

impl Batches<'_> {
    /// The batches of a plan from a step on.
    fn loader(&self, plan: &StepPlan, step: u64) -> Result<Loader> {
        let Self { job, split, labels } = self;
        let augmentations = job.parts.augmentations_of(&job.recipe)?;
        let requests = batches(&job.recipe, job.seed, split.clone(), labels.clone(), plan.clone(), step, augmentations);
        Ok(Loader::new(job.packed.clone(), labels.clone(), job.seed, job.loader_threads, Box::new(requests))?)
    }
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
    /// Of a run that learns without labels.
    judge: Option<Judge>,
    batches: Batches<'r>,
    loader: Loader,
    pace: Pace,
    /// Of a run with a budget.
    planner: Option<Planner>,
    time: &'r dyn Time,
    /// When the process began, by that clock.
    began: f64,
    /// Where the time had gone when the attempt's first step began.
    first: Seconds,
    /// The same when a step and an evaluation were last looked at.
    since: Seconds,
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

            if self.plan_again(done)? {
                continue;
            }
            self.clock.turn_to(Activity::Training);
            let next = StepBatch::next(&mut self.loader, &self.job.recipe);
            let batch = next.expect("there is a request for each step that is left")?;
            let resolution_px = batch.resolution_px();
            let loss = self.state.learner.step(done, batch)?;
            self.end_step(loss, resolution_px)?;

            let is_interrupted = self.watch.interrupted();
            if is_interrupted {
                self.state.record_interruption(self.watch.preempted());
            }
            if is_interrupted || self.is_time_to_save() {
                self.save()?;
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
        if let Some(planner) = &mut self.planner {
            planner.times.see(self.plan.step(done), training_seconds - self.since.training);
            self.since.training = training_seconds;
        }
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
        // A resumed run may stand at the end of an epoch that was evaluated before; so may one whose budget ends
        // there. What it predicts is needed again, and told already.
        let is_told = self.state.counts_of(epoch).is_some();
        if is_due && (is_last || !is_told) {
            self.clock.turn_to(if is_told { Activity::Other } else { Activity::Evaluation });
            let learner = &self.state.learner;
            let (model, weights, device) = (&learner.model, learner.evaluated(), &job.device);
            let now = match &self.judge {
                None => self.evaluation.predict(model, weights, device, self.watch),
                Some(judge) => judge.predict(&self.evaluation, (model, weights, device), self.watch, is_last),
            };
            predicted = match now {
                // The checkpoint of the epoch's end is there already; it does not say yet how the attempt ends.
                Err(TrainError::Data(DataError::Interrupted)) => {
                    self.state.record_interruption(self.watch.preempted());
                    self.save()?;
                    return Ok(Some(self.interrupted()));
                }
                predicted => Some(predicted?),
            };
        }
        let seconds = self.clock.seconds();
        self.clock.turn_to(Activity::Other);
        if let Some(planner) = self.planner.as_mut().filter(|_| predicted.is_some() && !is_told) {
            planner.times.evaluation = seconds.evaluation - self.since.evaluation;
            self.since.evaluation = seconds.evaluation;
        }
        if let Some(predicted) = predicted.as_ref().filter(|_| !is_told) {
            self.state.record_evaluation(epoch, self.evaluation.count(predicted), seconds);
        }
        let (loss, counts) = (self.state.mean_loss_of(epoch), self.state.counts_of(epoch));
        let taught = self.state.learner.take_taught();
        self.watch.epoch(&EpochReport { epoch, loss, counts, taught, seconds });
        let Some(predicted) = predicted.filter(|_| is_last) else { return Ok(None) };
        let named = self.evaluation.name(&predicted, job.dataset);
        let (time, began) = (self.time, self.began);
        let taken = || time.now_seconds() - began;
        let record = self.state.finish(job, &self.folder, &named, &predicted, &mut self.clock, &taken)?;
        Ok(Some(Outcome::Finished(Box::new(record))))
    }

    /// Writes checkpoint and history.
    fn save(&mut self) -> Result<()> {
        let before = self.time.now_seconds();
        if self.job.is_charged() {
            self.state.head.attempts.took(before - self.began);
        }
        self.state.save(&self.folder, &mut self.clock)?;
        if let Some(planner) = &mut self.planner {
            planner.times.save = self.time.now_seconds() - before;
        }
        Ok(())
    }

    /// Plans the rest of a run with a budget again where that is due; whether it is over.
    fn plan_again(&mut self, done: u64) -> Result<bool> {
        let Some(planner) = &mut self.planner else { return Ok(false) };
        let spent = self.time.now_seconds() - self.began;
        let seconds = self.clock.seconds();
        let other = |at: Seconds| at.total - at.training - at.evaluation;
        let training = seconds.training - self.first.training;
        if training > 1.0 {
            planner.times.overhead = ((other(seconds) - other(self.first)) / training).clamp(0.0, 1.0);
        }
        let Some(stretch) = planner.decide(&self.plan, done, spent) else { return Ok(false) };
        self.plan = self.plan.stretched(&self.job.recipe, planner.samples, stretch);
        self.state.head.attempts.took(spent);
        let budget = self.job.recipe.budget.expect("only a run with a budget is planned again");
        self.state.record_plan(budget, stretch, self.plan.steps(), seconds.training);
        self.state.learner.plan = self.plan.clone();
        let (steps, epochs, is_end) = (self.plan.steps(), self.plan.epochs(), self.plan.steps() == done);
        self.watch.replanned(&Replanned { step: done, steps, epochs, is_end });
        if !is_end {
            self.loader = self.batches.loader(&self.plan, done)?;
            self.pace = Pace::new(&self.plan, done, seconds.training);
        }
        Ok(is_end)
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
