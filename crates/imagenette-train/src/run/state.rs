//! The state of a run: the learner, and what has happened so far. What a checkpoint keeps, and what is written when the
//! run is over.

use std::path::Path;

use imagenette_data::DataError;
use imagenette_files::hash;
use imagenette_recipe::plan::{StepPlan, Stretch};
use imagenette_recipe::{Budget, Recipe};
use imagenette_results::attempt::{Attempt, Attempts, Ending};
use imagenette_results::history::{History, HistoryLine, Origin, weights_sha256};
use imagenette_results::run_folder::{
    CHECKPOINT_FILE, HISTORY_FILE, PREDICTIONS_FILE, PROBABILITIES_FILE, RunFolder, WEIGHTS_FILE,
};
use imagenette_results::run_record::{Counts, EpochCounts, Seconds};
use imagenette_results::{Prediction, RunRecord, predictions};

use super::account::{self, Hashes};
use super::checkpoint::{self, Checkpoint, CheckpointHead};
use super::clock::Clock;
use super::evaluation::Predicted;
use super::heartbeat::Heartbeat;
use super::job::TrainJob;
use super::learner::Learner;
use super::saved_network;
use crate::error::{Result, TrainError};

/// A learner with the account of its run so far.
pub(super) struct RunState {
    pub(super) learner: Learner,
    pub(super) head: CheckpointHead,
}

impl RunState {
    /// The state before the first step. The stem is not whitened yet.
    ///
    /// # Errors
    /// As [`Learner::new`].
    pub(super) fn begin(job: &TrainJob, plan: &StepPlan) -> Result<Self> {
        let manifest = &job.dataset.manifest;
        let origin = Origin {
            recipe_canonical_sha256: job.recipe.canonical_sha256(),
            dataset_identity: manifest.identity(),
            seed: job.seed,
            arithmetic: account::arithmetic(&job.device),
            parts: job.parts.account(&job.recipe),
        };
        let mut attempts = Attempts::default();
        attempts.begin(attempt(job, 0));
        let head = CheckpointHead {
            format: CheckpointHead::format(),
            version: CheckpointHead::version(),
            recipe_sha256: job.recipe.sha256(),
            dataset_identity: origin.dataset_identity.clone(),
            dataset: manifest.name.clone(),
            seed: job.seed,
            step: 0,
            started: imagenette_results::clock::now(),
            attempts,
            initial_weights_sha256: String::new(),
            seconds: Seconds { total: job.prepared_seconds, ..Seconds::default() },
            history: History::begin(origin),
            by_epoch: Vec::new(),
            sha256: String::new(),
        };
        Ok(Self { learner: Learner::new(job, plan)?, head })
    }

    /// The state that the folder's checkpoint holds.
    pub(super) fn restore(job: &TrainJob, samples: usize, folder: &RunFolder) -> Result<Self> {
        let path = folder.file(CHECKPOINT_FILE);
        let checkpoint = Checkpoint::read(&path)?;
        let plan = &match job.recipe.budget {
            None => StepPlan::of(&job.recipe, samples),
            Some(_) => StepPlan::within(&job.recipe, samples, &checkpoint.head.history.stretches()),
        };
        checkpoint.head.check(&path, &recipe_sha256(job, folder)?, &job.dataset.manifest.identity(), job.seed)?;
        checkpoint.head.check_parts(folder, &job.parts)?;
        checkpoint.head.check_plan(&path, plan)?;
        let changes = changes(job, &checkpoint.head);
        if !changes.is_empty() && !job.changed_machine {
            return Err(TrainError::OtherBits { path: folder.path().to_owned(), changes });
        }
        let mut learner = Learner::new(job, plan)?;
        if let Some(last) = checkpoint.head.step.checked_sub(1) {
            learner.average = learner.average_number(last).map(|_| learner.weights.clone());
        }
        let Learner { model, weights, average, lookahead, optimizer, .. } = &mut learner;
        let mut parts = vec![("weights", weights)];
        parts.extend(average.as_mut().map(|average| ("average", average)));
        parts.extend(lookahead.as_mut().map(|lookahead| ("slow", lookahead.slow_mut())));
        let mut head = checkpoint.restore(&path, model.layout(), parts, optimizer, &job.device)?;
        check_weights(&path, &learner, &head)?;
        if !changes.is_empty() {
            let (step, training_seconds) = (head.step, head.seconds.training);
            let arithmetic = account::arithmetic(&job.device);
            head.history.push(HistoryLine::ChangedMachine { step, arithmetic, training_seconds });
        }
        // One that was killed is charged to its last sign of life, and for the silence after it.
        if let Some(last) = head.attempts.last().filter(|last| last.ending == Ending::Running)
            && let Some(seconds) = last.seconds
        {
            let seconds = Heartbeat::last(folder.path()).map_or(seconds, |seen| seen.max(seconds));
            head.attempts.took(seconds + Heartbeat::silence(folder.path()));
        }
        head.attempts.begin(attempt(job, head.step));
        head.seconds.total += job.prepared_seconds;
        Ok(Self { learner, head })
    }

    /// Notes the weights before the first step, the stem whitened.
    pub(super) fn record_initial_weights(&mut self) {
        self.head.initial_weights_sha256 = self.weights_sha256();
    }

    fn weights_sha256(&self) -> String {
        weights_sha256_of(&self.learner)
    }

    /// Hash of the optimizer's state: tensors of the weights' shapes, named `slot/number`.
    fn optimizer_sha256(&self) -> String {
        let (layout, states) = (self.learner.model.layout(), self.learner.optimizer.to_host());
        let mut named = Vec::new();
        for ((slot, shapes), states) in layout.slots().iter().zip(self.learner.optimizer.shapes()).zip(&states) {
            for (number, (shape, values)) in shapes.iter().zip(states).enumerate() {
                named.push((format!("{}/{number}", slot.name), shape, values));
            }
        }
        weights_sha256(named.iter().map(|(name, shape, values)| (name.as_str(), &shape[..], &values[..])))
    }

    /// Notes the end of an epoch, once: a resumed run may stand there.
    pub(super) fn record_epoch(&mut self, epoch: u32, training_seconds: f64) {
        let is_it = |line: &HistoryLine| matches!(line, HistoryLine::Epoch { epoch: known, .. } if *known == epoch);
        if self.head.history.lines().iter().rev().any(is_it) {
            return;
        }
        let (weights_sha256, optimizer_sha256) = (self.weights_sha256(), Some(self.optimizer_sha256()));
        let step = self.head.step;
        self.head.history.push(HistoryLine::Epoch { epoch, step, weights_sha256, optimizer_sha256, training_seconds });
    }

    /// Notes that the run is interrupted here.
    pub(super) fn record_interruption(&mut self, is_preempted: bool) {
        let ending = if is_preempted { Ending::Preempted } else { Ending::Interrupted };
        self.head.attempts.end(ending, self.head.step);
    }

    /// Notes how long the run is planned to be from here on.
    pub(super) fn record_plan(&mut self, budget: Budget, stretch: Stretch, steps: u64, training_seconds: f64) {
        let attempts = &self.head.attempts;
        let charged = match budget {
            Budget::Minutes(_) => attempts.seconds(),
            Budget::Dollars(_) => attempts.charged_seconds(),
        };
        let Stretch { step, samples } = stretch;
        self.head.history.push(HistoryLine::Plan {
            step,
            samples,
            steps,
            training_seconds,
            charged_seconds: charged.unwrap_or_default(),
            dollars: self.head.attempts.dollars(),
        });
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

    /// How many were right after this epoch, where that is known.
    pub(super) fn counts_of(&self, epoch: u32) -> Option<Counts> {
        self.head.by_epoch.iter().find(|known| known.epoch == epoch).map(|known| known.counts)
    }

    /// The mean loss of an epoch's steps.
    pub(super) fn mean_loss_of(&self, wanted: u32) -> f64 {
        let losses = self.head.history.lines().iter().filter_map(|line| match line {
            HistoryLine::Step { epoch, loss, .. } if *epoch == wanted => Some(*loss),
            _ => None,
        });
        imagenette_results::statistics::mean(&losses.collect::<Vec<_>>()).unwrap_or(f64::NAN)
    }

    /// Writes checkpoint and history.
    pub(super) fn save(&mut self, folder: &RunFolder, clock: &mut Clock) -> Result<()> {
        self.head.seconds = clock.seconds();
        if self.head.attempts.last().is_some_and(|attempt| attempt.ending == Ending::Running) {
            self.head.attempts.reach(self.head.step);
        }
        let Learner { model, weights, average, lookahead, optimizer, .. } = &self.learner;
        let mut parts = vec![("weights", weights)];
        parts.extend(average.as_ref().map(|average| ("average", average)));
        parts.extend(lookahead.as_ref().map(|lookahead| ("slow", lookahead.slow())));
        checkpoint::write(&folder.file(CHECKPOINT_FILE), &self.head, model.layout(), &parts, optimizer)?;
        self.head.history.write(&folder.file(HISTORY_FILE))?;
        Ok(())
    }

    /// Writes what a finished run leaves behind, the record last, and removes the checkpoint.
    pub(super) fn finish(
        &mut self,
        job: &TrainJob,
        folder: &RunFolder,
        named: &[Prediction],
        predicted: &Predicted,
        clock: &mut Clock,
        attempt_seconds: &dyn Fn() -> f64,
    ) -> Result<RunRecord> {
        let (learner, manifest) = (&self.learner, &job.dataset.manifest);
        let history = self.head.history.write(&folder.file(HISTORY_FILE))?;
        let (weights_file, predictions_file) = (folder.file(WEIGHTS_FILE), folder.file(PREDICTIONS_FILE));
        let head = predicted.head.as_deref();
        saved_network::write(&weights_file, &job.recipe, &learner.model, learner.evaluated(), head, manifest)?;
        let predictions = predictions::write(&predictions_file, named)?;
        let probabilities_file = folder.file(PROBABILITIES_FILE);
        let probabilities = predicted.as_file(&probabilities_file, job.dataset, named, &predictions)?;
        probabilities.as_ref().map(|probabilities| probabilities.write(&probabilities_file)).transpose()?;
        let hash = |path| hash::sha256_of_file(path).map_err(DataError::from);
        let hashes = Hashes {
            history,
            predictions,
            probabilities: probabilities.map(|_| hash(&probabilities_file)).transpose()?,
            weights: hash(&weights_file)?,
        };
        if job.is_charged() {
            self.head.attempts.took(attempt_seconds());
        }
        self.head.attempts.end(Ending::Finished, self.head.step);
        let result = self.counts_of(self.learner.plan.epochs()).expect("the last epoch was just evaluated");
        let record = account::record(job, &self.learner, &self.head, result, hashes, predicted.judged.clone(), clock)?;
        record.write(folder.path())?;
        folder.remove_checkpoint()?;
        Ok(record)
    }
}

fn weights_sha256_of(learner: &Learner) -> String {
    let (layout, values) = (learner.model.layout(), learner.weights.to_host());
    let slots = layout.slots().iter().zip(&values);
    weights_sha256(slots.map(|(slot, values)| (slot.name.as_str(), &slot.shape[..], &values[..])))
}

/// Refuses weights that are not those that the history tells of this step, where it tells: at an epoch's end.
fn check_weights(path: &Path, learner: &Learner, head: &CheckpointHead) -> Result<()> {
    let told = head.history.lines().iter().rev().find_map(|line| match line {
        HistoryLine::Epoch { step, weights_sha256, .. } if *step == head.step => Some(weights_sha256),
        _ => None,
    });
    let found = weights_sha256_of(learner);
    if told.is_none_or(|told| *told == found) {
        return Ok(());
    }
    Err(TrainError::Malformed {
        path: path.to_owned(),
        expected: format!("the weights that the history tells of step {}", head.step),
        found: format!("others (sha256 {})", hash::short(&found)),
        hint: "start the run again in a new folder".into(),
    })
}

/// An attempt at the job that begins after so many steps.
fn attempt(job: &TrainJob, steps_before: u64) -> Attempt {
    let threads = rayon::current_num_threads();
    let arithmetic = account::arithmetic(&job.device);
    let attempt = Attempt::start(&job.program, job.commit.as_deref(), arithmetic, threads, steps_before);
    Attempt { price: job.price.clone(), ..attempt }
}

/// What would give the run other bits than those of its last attempt.
fn changes(job: &TrainJob, head: &CheckpointHead) -> Vec<String> {
    let last = head.attempts.last().map(|attempt| &attempt.arithmetic);
    last.map(|last| last.changes(&account::arithmetic(&job.device))).unwrap_or_default()
}

/// The hash of the recipe that a run in this folder began with, if it is the job's: that of the folder's own text,
/// since an earlier program may have spelled keys otherwise.
fn recipe_sha256(job: &TrainJob, folder: &RunFolder) -> Result<String> {
    let text = folder.recipe_text()?;
    let is_the_same = Recipe::from_toml_with(&text, &[], job.parts.as_ref())? == job.recipe;
    Ok(if is_the_same { hash::sha256(text) } else { job.recipe.sha256() })
}
