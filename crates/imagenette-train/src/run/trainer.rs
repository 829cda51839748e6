//! The run, top to bottom: recipe and data go in; steps, evaluations and checkpoints follow each other; a folder with the
//! record, the predictions and the weights comes out.

use std::path::PathBuf;
use std::sync::Arc;

use imagenette_data::DataError;
use imagenette_data::dataset::Dataset;
use imagenette_data::loader::Loader;
use imagenette_data::packed::Packed;
use imagenette_recipe::Recipe;
use imagenette_recipe::plan::{StepPlan, batches};
use imagenette_results::RunRecord;

use crate::clock::{Activity, Clock, MachineTime};
use crate::device::Device;
use crate::error::{Result, TrainError};
use crate::evaluation::EvaluationData;
use crate::history::HistoryLine;
use crate::pace::{Pace, Speed};
use crate::precision;
use crate::run_folder::RunFolder;
use crate::training::Training;
use crate::watch::{EpochReport, RunPlan, StepReport, TrainWatch};

/// Everything that a run needs to be told.
#[derive(Debug, Clone)]
pub struct TrainJob<'a> {
    /// What to do.
    pub recipe: Recipe,
    /// The seed of all randomness.
    pub seed: u64,
    /// The photos' list.
    pub dataset: &'a Dataset,
    /// The photos' pixels.
    pub packed: Arc<Packed>,
    /// Where the run's files go: a new or empty folder, or with `resume` an interrupted run's.
    pub folder: PathBuf,
    /// Whether to go on with the run in the folder.
    pub resume: bool,
    /// Who computes.
    pub device: Device,
    /// Threads that make batches.
    pub loader_threads: usize,
    /// The network is judged after every so many epochs, and always after the last; 0 means only then.
    pub evaluate_every: u32,
    /// Seconds between checkpoints; there is one at each epoch's end too.
    pub checkpoint_seconds: f64,
    /// Seconds that were spent on the run before, on packing for example; they count in the total.
    pub prepared_seconds: f64,
    /// The program's version, for the record.
    pub program: String,
    /// The commit that the program was built from, for the record.
    pub commit: Option<String>,
}

impl TrainJob<'_> {
    /// The same job with the precision that the recipe's choice comes to on its device, which is what is recorded.
    fn resolved(&self) -> Result<Self> {
        let mut job = self.clone();
        job.device = job.device.with_precision(job.recipe.precision)?;
        job.recipe.precision = precision::choice_of(job.device.precision());
        Ok(job)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is finished; the record is in its folder too.
    Finished(Box<RunRecord>),
    /// It was interrupted, and its checkpoint written.
    Interrupted {
        /// Steps done.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
    },
}

/// Trains, evaluates and writes the run's folder; stops at the next step when the watch asks for it.
///
/// # Errors
/// When the recipe does not fit the dataset, the folder cannot be used, data cannot be read or files not written, or the
/// loss is not finite.
pub fn train(job: &TrainJob, watch: &dyn TrainWatch) -> Result<Outcome> {
    let job = &job.resolved()?;
    let (recipe, device) = (&job.recipe, &job.device);
    recipe.validate()?;
    recipe.validate_for(&job.dataset.manifest)?;
    let time = MachineTime::default();
    let folder = if job.resume { RunFolder::open(&job.folder)? } else { RunFolder::create(&job.folder, recipe)? };
    let _lock = folder.lock()?;
    let (samples, judged) = recipe.samples(&job.dataset.manifest)?;
    let plan = StepPlan::of(recipe, samples.len());
    let mut training = if job.resume { Training::restore(job, &plan, &folder)? } else { Training::begin(job, &plan) };
    let mut clock = Clock::start(&time, training.head.seconds);
    let evaluation = EvaluationData::of(job.dataset, judged, job.packed.clone(), recipe.evaluation, job.loader_threads);
    watch.begin(&RunPlan {
        model: recipe.model.name(),
        parameters: training.model.layout().learned(),
        train: samples.len(),
        judged: evaluation.len(),
        holds_out: recipe.hold_out.is_some(),
        steps_per_epoch: plan.steps_per_epoch(),
        epochs: recipe.epochs,
        done_steps: training.head.step,
    });
    if !job.resume {
        training.whiten_stem(job, &samples)?;
        // A run that is killed at any moment from here on can be resumed.
        training.save(&folder, &mut clock)?;
    }
    let labels: Arc<[u16]> = job.dataset.labels().into();
    let requests = batches(recipe, job.seed, samples, plan.clone(), training.head.step);
    let mut loader = Loader::new(job.packed.clone(), labels, job.seed, job.loader_threads, Box::new(requests))?;
    let mut pace = Pace::new(&plan, &training.head);

    let predicted = loop {
        let done = training.head.step;
        if let Some(epoch) = plan.epoch_ended(done) {
            let is_last = done == plan.steps();
            let is_due = is_last || (job.evaluate_every > 0 && epoch.is_multiple_of(job.evaluate_every));
            let mut predicted = None;
            // A resumed run may stand at the end of an epoch that was judged before.
            if is_due && (is_last || training.counts_of(epoch).is_none()) {
                clock.turn_to(Activity::Evaluation);
                predicted = match evaluation.predict(&training.model, training.judged(), device, watch) {
                    // The checkpoint of the epoch's end is there already.
                    Err(TrainError::Data(DataError::Interrupted)) => {
                        return Ok(Outcome::Interrupted { step: done, steps: plan.steps() });
                    }
                    predicted => Some(predicted?),
                };
            }
            let seconds = clock.seconds();
            clock.turn_to(Activity::Other);
            if let Some(predicted) = &predicted {
                training.record_evaluation(epoch, evaluation.count(predicted), seconds);
            }
            let (loss, counts) = (training.mean_loss_of(epoch), training.counts_of(epoch));
            watch.epoch(&EpochReport { epoch, loss, counts, seconds });
            if let Some(predicted) = predicted.filter(|_| is_last) {
                break predicted;
            }
        }

        clock.turn_to(Activity::Training);
        let batch = loader.next().expect("there is a request for each step that is left")?;
        let resolution_px = batch.resolution_px;
        let loss = training.step(batch, recipe, job.seed, device);
        let (epoch, step, steps) = (plan.epoch_of(done) + 1, done + 1, plan.steps());
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step, epoch, loss });
        }
        let training_seconds = clock.seconds().training;
        clock.turn_to(Activity::Other);
        let rate = recipe.optimizer.learning_rate() * recipe.schedule.factor(plan.progress(done));
        training.record_step(HistoryLine::Step { step, epoch, loss, rate, resolution_px, training_seconds });
        let Speed { images_per_second, waiting, seconds_left } =
            pace.after(step, resolution_px, training_seconds, loader.waited());
        watch.step(&StepReport {
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

        let is_interrupted = watch.interrupted();
        let is_due = clock.seconds().total - training.head.seconds.total >= job.checkpoint_seconds;
        if is_interrupted || is_due || plan.epoch_ended(step).is_some() {
            training.save(&folder, &mut clock)?;
        }
        if is_interrupted {
            return Ok(Outcome::Interrupted { step, steps });
        }
    };
    let named = evaluation.name(&predicted, job.dataset);
    let record = training.finish(job, &folder, &named, &mut clock)?;
    Ok(Outcome::Finished(Box::new(record)))
}
