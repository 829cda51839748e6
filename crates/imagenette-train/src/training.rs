//! The state of a run: what a step changes, what a checkpoint keeps, and what is written when it is over.

use std::collections::HashMap;
use std::sync::Arc;

use imagenette_data::augment::Mixture;
use imagenette_data::loader::{Batch, BatchRequest, Loader, View};
use imagenette_data::random::{Purpose, Random};
use imagenette_results::environment::Environment;
use imagenette_results::run_record::{Counts, DatasetRecord, EpochCounts, HeldOut, ModelRecord, Seconds};
use imagenette_results::{Prediction, RunRecord, predictions};

use crate::checkpoint::{self, CHECKPOINT_FILE, CheckpointHead};
use crate::clock::Clock;
use crate::device::Device;
use crate::error::Result;
use crate::history::{self, HistoryLine};
use crate::limit::{Limit, PlannedStep};
use crate::lookahead::Lookahead;
use crate::loss::cross_entropy_of_mixed;
use crate::model::whitening::PatchMoments;
use crate::model::{Model, Pass};
use crate::ops::spent::{self, Part};
use crate::optimizer::Optimizer;
use crate::recipe::Recipe;
use crate::run_folder::{HISTORY_FILE, PREDICTIONS_FILE, RunFolder, WEIGHTS_FILE};
use crate::selection::losses;
use crate::trainer::TrainJob;
use crate::weights::{Weights, download, upload};
use crate::{average, ops, saved};

/// Photos from which the whitened stem is computed.
const WHITENING_PHOTOS: usize = 1000;

/// What a step changes, with what is known about it.
pub(crate) struct Training {
    pub(crate) model: Model,
    weights: Weights,
    average: Option<Weights>,
    lookahead: Option<Lookahead>,
    optimizer: Optimizer,
    limit: Limit,
    pub(crate) head: CheckpointHead,
}

impl Training {
    /// The state before the first step. The stem is not whitened yet.
    pub(crate) fn begin(job: &TrainJob, limit: &Limit) -> Self {
        let (recipe, device, manifest) = (&job.recipe, &job.device, &job.dataset.manifest);
        let model = recipe.model.build(manifest.classes.len());
        let weights = Weights::draw(model.layout(), job.seed, device);
        let average = recipe.ema.filter(|ema| ema.from == 0.0).map(|_| weights.clone());
        let lookahead = recipe.lookahead().map(|config| Lookahead::new(config, &weights));
        let optimizer = Optimizer::new(&recipe.optimizer, model.layout(), device);
        let head = CheckpointHead {
            format: CheckpointHead::format(),
            version: CheckpointHead::version(),
            recipe_sha256: recipe.sha256(),
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
        Self { model, weights, average, lookahead, optimizer, limit: limit.clone(), head }
    }

    /// The state that the folder's checkpoint holds.
    pub(crate) fn restore(job: &TrainJob, limit: &Limit, folder: &RunFolder) -> Result<Self> {
        let checkpoint = folder.read_checkpoint()?;
        let path = folder.file(CHECKPOINT_FILE);
        checkpoint.head.check(&path, &job.recipe.sha256(), &job.dataset.manifest.identity(), job.seed)?;
        let mut training = Self::begin(job, limit);
        if let (Some(ema), Some(last)) = (job.recipe.ema, checkpoint.head.step.checked_sub(1)) {
            training.average = limit.number_since(ema.from, last).map(|_| training.weights.clone());
        }
        let Self { model, weights, average, lookahead, optimizer, head, .. } = &mut training;
        let mut parts = vec![("weights", weights)];
        parts.extend(average.as_mut().map(|average| ("average", average)));
        parts.extend(lookahead.as_mut().map(|lookahead| ("slow", lookahead.slow_mut())));
        *head = checkpoint.restore(&path, model.layout(), parts, optimizer, &job.device)?;
        head.resumed += 1;
        head.seconds.total += job.prepared_seconds;
        Ok(training)
    }

    /// Computes the frozen stem, where the network has one, from train photos chosen by the seed.
    pub(crate) fn whiten_stem(&mut self, job: &TrainJob, samples: &[u32]) -> Result<()> {
        let Some((slot, channels, patch_px)) = self.model.whitened_stem() else { return Ok(()) };
        let mut chosen = samples.to_vec();
        Random::new(job.seed, Purpose::Whitening, 0, 0).shuffle(&mut chosen);
        chosen.truncate(WHITENING_PHOTOS);
        let config = job.recipe.evaluation;
        let (resolution_px, view) = (config.resolution, View::Evaluation(config.geometry));
        let requests: Vec<BatchRequest> = chosen
            .chunks(64)
            .map(|samples| BatchRequest { epoch: 0, samples: samples.to_vec(), resolution_px, view })
            .collect();
        let labels: Arc<[u16]> = job.dataset.labels().into();
        let loader =
            Loader::new(job.packed.clone(), labels, job.seed, job.loader_threads, Box::new(requests.into_iter()))?;
        let (mut moments, side) = (PatchMoments::new(patch_px), resolution_px as usize);
        for batch in loader {
            batch?.pixels.chunks_exact(side * side * 3).for_each(|photo| moments.add(photo, side));
        }
        self.weights.set(slot, upload(moments.filters(channels), &job.device));
        if self.average.is_some() {
            self.average = Some(self.weights.clone());
        }
        self.lookahead = job.recipe.lookahead().map(|config| Lookahead::new(config, &self.weights));
        Ok(())
    }

    /// What remains of a batch once it is erased from, selected and mixed, and how it is mixed.
    fn prepare(
        &self,
        mut batch: Batch,
        planned: PlannedStep,
        recipe: &Recipe,
        seed: u64,
        device: &Device,
    ) -> (Batch, Option<Vec<Mixture>>) {
        let (side, PlannedStep { epoch, progress, .. }) = (batch.resolution_px as usize, planned);
        if let Some(erase) = recipe.erase.filter(|erase| progress < erase.until) {
            erase.batch(&mut batch.pixels, &batch.samples, side, seed, epoch);
        }
        if let Some(selection) = recipe.selection.filter(|selection| selection.is_on(progress)) {
            let photos = ops::photos(&batch.pixels, batch.samples.len(), side, device);
            let scores = download(&self.model.forward(&mut Pass::judging(&self.weights), photos));
            let losses = losses(&scores, &batch.labels);
            selection.select(&mut batch, &losses);
        }
        let key = (seed, epoch, planned.start as u32);
        let mix = recipe.mix.filter(|mix| mix.is_on(progress));
        let mixtures = mix.and_then(|mix| mix.batch(&mut batch.pixels, side, key));
        (batch, mixtures)
    }

    /// Forward, loss, backward, update; gives the loss.
    pub(crate) fn step(&mut self, batch: Batch, recipe: &Recipe, seed: u64, device: &Device) -> f64 {
        let (done, steps) = (self.head.step, self.limit.steps());
        let planned = *self.limit.step(done);
        let (batch, mixtures) = self.prepare(batch, planned, recipe, seed, device);
        let factor = recipe.schedule.factor(planned.progress);
        let average_number = recipe.ema.and_then(|ema| self.limit.number_since(ema.from, done));
        if average_number.is_some() && self.average.is_none() {
            self.average = Some(self.weights.clone());
        }
        let layout = self.model.layout();
        let side = batch.resolution_px as usize;
        let photos = ops::photos(&batch.pixels, batch.samples.len(), side, device);
        let random = Random::new(seed, Purpose::Depth, planned.epoch, planned.start as u32);
        let mut pass = Pass::learning(&self.weights, layout).with_random(random);
        let scores = self.model.forward(&mut pass, photos);
        let smoothing = recipe.loss.label_smoothing;
        let loss = cross_entropy_of_mixed(scores, &batch.labels, mixtures.as_deref(), smoothing, device);
        let mut gradients = spent::time(Part::Backward, 0.0, || loss.backward());
        let loss = f64::from(download(&loss.inner())[0]);
        let (gradients, statistics) = pass.finish(&mut gradients);
        for (slot, tensor) in statistics {
            self.weights.set(slot, tensor);
        }
        spent::time(Part::Optimizer, 0.0, || {
            self.optimizer.step(&mut self.weights, layout, gradients, factor, device);
        });
        if let Some(lookahead) = &mut self.lookahead {
            let progress = (done + 1) as f64 / steps as f64;
            lookahead.after_step(&mut self.weights, layout, done + 1, progress, device);
        }
        if let (Some(average), Some(ema), Some(number)) = (&mut self.average, recipe.ema, average_number) {
            average::follow(average, &self.weights, layout, ema.decay, number, device);
        }
        loss
    }

    /// The weights that count: an average where there is one.
    pub(crate) fn judged(&self) -> &Weights {
        let slow = self.lookahead.as_ref().and_then(Lookahead::judged);
        self.average.as_ref().or(slow).unwrap_or(&self.weights)
    }

    fn multiply_adds(&self, px: u32, device: &Device) -> u64 {
        self.model.multiply_adds(self.judged(), px, device)
    }

    /// Floating-point operations of all steps: two for a multiplication with an addition, three times the forward pass for
    /// what is learned from, one forward pass for what a selection judges, and the optimizer's products of matrices.
    fn training_flop(&self, recipe: &Recipe, device: &Device) -> f64 {
        let mut by_px: HashMap<u32, u64> = HashMap::new();
        let update = recipe.optimizer.multiply_adds(self.model.layout());
        let steps = (0..self.limit.steps()).map(|step| {
            let PlannedStep { px, count, progress, .. } = *self.limit.step(step);
            let forward = *by_px.entry(px).or_insert_with(|| self.multiply_adds(px, device));
            let passes = match recipe.selection.filter(|selection| selection.is_on(progress)) {
                Some(selection) => count + 3 * selection.count(count),
                None => 3 * count,
            };
            2.0 * (forward as f64 * passes as f64 + update as f64)
        });
        steps.sum()
    }

    /// Notes a step that is done.
    pub(crate) fn record_step(&mut self, line: HistoryLine) {
        self.head.step += 1;
        self.head.history.push(line);
    }

    /// Notes an evaluation.
    pub(crate) fn record_evaluation(&mut self, epoch: u32, counts: Counts, seconds: Seconds) {
        self.head.by_epoch.retain(|known| known.epoch != epoch);
        self.head.by_epoch.push(EpochCounts { epoch, counts });
        let (training_seconds, evaluation_seconds) = (seconds.training, seconds.evaluation);
        self.head.history.push(HistoryLine::Evaluation { epoch, counts, training_seconds, evaluation_seconds });
    }

    /// What was right after this epoch, where that is known.
    pub(crate) fn counts_of(&self, epoch: u32) -> Option<Counts> {
        self.head.by_epoch.iter().find(|known| known.epoch == epoch).map(|known| known.counts)
    }

    /// The mean loss of an epoch's steps.
    pub(crate) fn mean_loss_of(&self, wanted: u32) -> f64 {
        let losses = self.head.history.iter().filter_map(|line| match line {
            HistoryLine::Step { epoch, loss, .. } if *epoch == wanted => Some(*loss),
            _ => None,
        });
        imagenette_results::statistics::mean(&losses.collect::<Vec<_>>()).unwrap_or(f64::NAN)
    }

    /// Writes checkpoint and history.
    pub(crate) fn save(&mut self, folder: &RunFolder, clock: &mut Clock) -> Result<()> {
        self.head.seconds = clock.seconds();
        let path = folder.file(CHECKPOINT_FILE);
        let mut parts = vec![("weights", &self.weights)];
        parts.extend(self.average.as_ref().map(|average| ("average", average)));
        parts.extend(self.lookahead.as_ref().map(|lookahead| ("slow", lookahead.slow())));
        checkpoint::write(&path, &self.head, self.model.layout(), &parts, &self.optimizer)?;
        history::write(&folder.file(HISTORY_FILE), &self.head.history)
    }

    /// Writes what a finished run leaves behind, the record last, and removes the checkpoint.
    pub(crate) fn finish(
        &mut self,
        job: &TrainJob,
        folder: &RunFolder,
        named: &[Prediction],
        clock: &mut Clock,
    ) -> Result<RunRecord> {
        let (recipe, manifest) = (&job.recipe, &job.dataset.manifest);
        history::write(&folder.file(HISTORY_FILE), &self.head.history)?;
        let weights_path = folder.file(WEIGHTS_FILE);
        saved::write(&weights_path, recipe, &self.model, self.judged(), &manifest.classes)?;
        predictions::write(&folder.file(PREDICTIONS_FILE), named)?;
        let result = self.counts_of(recipe.epochs).expect("the last epoch was just evaluated");
        let count = |split| manifest.samples(split).len() as u64;
        let record = RunRecord {
            format: RunRecord::format(),
            // A record of version 2 has a provenance: whoever fills that in writes `RunRecord::version()` here.
            version: 1,
            started: self.head.started,
            recipe: recipe.name.clone(),
            recipe_sha256: self.head.recipe_sha256.clone(),
            seed: job.seed,
            dataset: DatasetRecord {
                name: manifest.name.clone(),
                edition: manifest.edition.name().into(),
                size: manifest.size.clone(),
                identity: self.head.dataset_identity.clone(),
                source: manifest.source.from.clone(),
                source_sha256: manifest.source.sha256.clone(),
                train: count(imagenette_data::edition::Split::Train),
                val: count(imagenette_data::edition::Split::Val),
            },
            model: ModelRecord {
                name: recipe.model.name(),
                parameters: self.model.layout().learned(),
                multiply_adds: Some(self.multiply_adds(recipe.evaluation.resolution, &job.device)),
            },
            environment: Environment::observe(
                &job.program,
                job.commit.as_deref(),
                &job.device.description(),
                rayon::current_num_threads(),
            ),
            epochs: recipe.epochs,
            steps: self.limit.steps(),
            samples_drawn: self.limit.samples(),
            training_flop: Some(self.training_flop(recipe, &job.device)),
            seconds: clock.seconds(),
            dollars: None,
            resumed: self.head.resumed,
            held_out: recipe.hold_out.map(|share| HeldOut { share, photos: result.total }),
            result,
            by_epoch: self.head.by_epoch.clone(),
            provenance: None,
        };
        record.write(folder.path())?;
        let checkpoint = folder.file(CHECKPOINT_FILE);
        std::fs::remove_file(&checkpoint).map_err(imagenette_data::DataError::io("remove", &checkpoint))?;
        Ok(record)
    }
}
