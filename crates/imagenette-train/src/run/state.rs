//! The state of a run: the learner, and what has happened so far. What a checkpoint keeps, and what is written when the run is
//! over.

use imagenette_data::DataError;
use imagenette_files::hash;
use imagenette_recipe::plan::StepPlan;
use imagenette_results::run_record::{Counts, EpochCounts, Seconds};
use imagenette_results::{Prediction, RunRecord, predictions};

use super::account;
use super::checkpoint::{self, CHECKPOINT_FILE, CheckpointHead};
use super::clock::Clock;
use super::folder::{HISTORY_FILE, PREDICTIONS_FILE, RECIPE_FILE, RunFolder, WEIGHTS_FILE};
use super::history::{self, HistoryLine};
use super::job::TrainJob;
use super::learner::Learner;
use super::saved_network;
use crate::error::Result;

/// A learner with the account of its run so far.
pub(super) struct RunState {
    pub(super) learner: Learner,
    pub(super) head: CheckpointHead,
}

impl RunState {
    /// The state before the first step. The stem is not whitened yet.
    pub(super) fn begin(job: &TrainJob, plan: &StepPlan) -> Self {
        let manifest = &job.dataset.manifest;
        let head = CheckpointHead {
            format: CheckpointHead::format(),
            version: CheckpointHead::version(),
            recipe_sha256: job.recipe.sha256(),
            dataset_identity: manifest.identity(),
            dataset: manifest.name.clone(),
            seed: job.seed,
            step: 0,
            started: jiff::Timestamp::now(),
            resumed: 0,
            seconds: Seconds { total: job.prepared_seconds, ..Seconds::default() },
            history: Vec::new(),
            by_epoch: Vec::new(),
        };
        Self { learner: Learner::new(job, plan), head }
    }

    /// The state that the folder's checkpoint holds.
    pub(super) fn restore(job: &TrainJob, plan: &StepPlan, folder: &RunFolder) -> Result<Self> {
        let checkpoint = folder.read_checkpoint()?;
        let path = folder.file(CHECKPOINT_FILE);
        checkpoint.head.check(&path, &recipe_sha256(job, folder)?, &job.dataset.manifest.identity(), job.seed)?;
        let mut learner = Learner::new(job, plan);
        if let Some(last) = checkpoint.head.step.checked_sub(1) {
            learner.average = learner.average_number(last).map(|_| learner.weights.clone());
        }
        let Learner { model, weights, average, lookahead, optimizer, .. } = &mut learner;
        let mut parts = vec![("weights", weights)];
        parts.extend(average.as_mut().map(|average| ("average", average)));
        parts.extend(lookahead.as_mut().map(|lookahead| ("slow", lookahead.slow_mut())));
        let mut head = checkpoint.restore(&path, model.layout(), parts, optimizer, &job.device)?;
        head.resumed += 1;
        head.seconds.total += job.prepared_seconds;
        Ok(Self { learner, head })
    }

    /// Notes a step that is done.
    pub(super) fn record_step(&mut self, line: HistoryLine) {
        self.head.step += 1;
        self.head.history.push(line);
    }

    /// Notes an evaluation.
    pub(super) fn record_evaluation(&mut self, epoch: u32, counts: Counts, seconds: Seconds) {
        self.head.by_epoch.retain(|known| known.epoch != epoch);
        self.head.by_epoch.push(EpochCounts { epoch, counts });
        let (training_seconds, evaluation_seconds) = (seconds.training, seconds.evaluation);
        self.head.history.push(HistoryLine::Evaluation { epoch, counts, training_seconds, evaluation_seconds });
    }

    /// What was right after this epoch, where that is known.
    pub(super) fn counts_of(&self, epoch: u32) -> Option<Counts> {
        self.head.by_epoch.iter().find(|known| known.epoch == epoch).map(|known| known.counts)
    }

    /// The mean loss of an epoch's steps.
    pub(super) fn mean_loss_of(&self, wanted: u32) -> f64 {
        let losses = self.head.history.iter().filter_map(|line| match line {
            HistoryLine::Step { epoch, loss, .. } if *epoch == wanted => Some(*loss),
            _ => None,
        });
        imagenette_results::statistics::mean(&losses.collect::<Vec<_>>()).unwrap_or(f64::NAN)
    }

    /// Writes checkpoint and history.
    pub(super) fn save(&mut self, folder: &RunFolder, clock: &mut Clock) -> Result<()> {
        self.head.seconds = clock.seconds();
        let Learner { model, weights, average, lookahead, optimizer, .. } = &self.learner;
        let mut parts = vec![("weights", weights)];
        parts.extend(average.as_ref().map(|average| ("average", average)));
        parts.extend(lookahead.as_ref().map(|lookahead| ("slow", lookahead.slow())));
        checkpoint::write(&folder.file(CHECKPOINT_FILE), &self.head, model.layout(), &parts, optimizer)?;
        history::write(&folder.file(HISTORY_FILE), &self.head.history)
    }

    /// Writes what a finished run leaves behind, the record last, and removes the checkpoint.
    pub(super) fn finish(
        &self,
        job: &TrainJob,
        folder: &RunFolder,
        named: &[Prediction],
        clock: &mut Clock,
    ) -> Result<RunRecord> {
        let (learner, classes) = (&self.learner, &job.dataset.manifest.classes);
        history::write(&folder.file(HISTORY_FILE), &self.head.history)?;
        let weights = folder.file(WEIGHTS_FILE);
        saved_network::write(&weights, &job.recipe, &learner.model, learner.evaluated(), classes)?;
        predictions::write(&folder.file(PREDICTIONS_FILE), named)?;
        let result = self.counts_of(job.recipe.epochs).expect("the last epoch was just evaluated");
        let record = account::record(job, learner, &self.head, result, clock);
        record.write(folder.path())?;
        let checkpoint = folder.file(CHECKPOINT_FILE);
        std::fs::remove_file(&checkpoint).map_err(DataError::io("remove", &checkpoint))?;
        Ok(record)
    }
}

/// The hash of the recipe that a run in this folder began with, if it is the job's: that of the folder's own text, since an
/// earlier program may have spelled keys otherwise.
fn recipe_sha256(job: &TrainJob, folder: &RunFolder) -> Result<String> {
    if folder.recipe()? != job.recipe {
        return Ok(job.recipe.sha256());
    }
    let path = folder.file(RECIPE_FILE);
    Ok(hash::sha256(std::fs::read(&path).map_err(DataError::io("read", &path))?))
}
