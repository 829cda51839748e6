//! The learning step: a batch goes in, the network's numbers move, the loss comes out. Nothing here knows of files, of
//! the clock or of who watches.

use std::sync::Arc;

use imagenette_data::loader::{Batch, BatchRequest, Loader, View};
use imagenette_data::random::{Purpose, Random};
use imagenette_kernels::loss::cross_entropy_of_each;
use imagenette_recipe::Recipe;
use imagenette_recipe::plan::{PlannedStep, StepPlan};

use super::job::TrainJob;
use crate::compute::device::Device;
use crate::compute::weights::{Weights, download, upload};
use crate::error::Result;
use crate::learn::lookahead::Lookahead;
use crate::learn::{average, loss, selection};
use crate::model::whitening::PatchMoments;
use crate::model::{Model, Pass, WhitenedStem};
use crate::ops;
use crate::ops::profile::{self, Part};
use crate::optimizer::Optimizer;

/// Photos from which the whitened stem is computed.
const WHITENING_PHOTOS: usize = 1000;

/// A network that learns: its numbers, and all that is kept with them from step to step.
pub(crate) struct Learner {
    pub(crate) model: Model,
    pub(super) weights: Weights,
    pub(super) optimizer: Optimizer,
    /// Weights that follow these: an average, where it has begun, and Lookahead's.
    pub(super) average: Option<Weights>,
    pub(super) lookahead: Option<Lookahead>,
    pub(crate) plan: StepPlan,
    recipe: Recipe,
    seed: u64,
    device: Device,
}

impl Learner {
    /// A learner before its first step. A stem that will be whitened is still random: see [`Learner::whiten_stem`].
    pub(crate) fn new(job: &TrainJob, plan: &StepPlan) -> Self {
        let (recipe, device) = (job.recipe.clone(), job.device.clone());
        let model = Model::build(&recipe.model, job.dataset.manifest.classes.len());
        let weights = Weights::draw(model.layout(), job.seed, &device);
        let average = recipe.ema.filter(|ema| ema.from == 0.0).map(|_| weights.clone());
        let lookahead = recipe.lookahead().map(|config| Lookahead::new(config, &weights));
        let optimizer = Optimizer::new(&recipe.optimizer, model.layout(), &device);
        Self { model, weights, optimizer, average, lookahead, plan: plan.clone(), recipe, seed: job.seed, device }
    }

    /// The learning step: a batch gives a loss, the loss gradients, the gradients an update. `step` counts from 0; the
    /// loss comes out.
    pub(crate) fn step(&mut self, step: u64, batch: Batch) -> f64 {
        let planned = *self.plan.step(step);
        self.begin_average(step);
        let batch = self.select(batch, planned);

        // Forward.
        let photos = ops::photos(&batch.pixels, batch.samples.len(), batch.resolution_px as usize, &self.device);
        let layout = self.model.layout();
        let random = Random::new(self.seed, Purpose::Depth, planned.epoch, planned.start as u32);
        let mut pass = Pass::learning(&self.weights, layout).with_random(random);
        let scores = self.model.forward(&mut pass, photos);

        // Loss.
        let [_, classes] = scores.dims();
        let smoothing = self.recipe.loss.label_smoothing;
        let targets = loss::targets(&batch.labels, batch.mixtures.as_deref(), smoothing, classes);
        let loss = loss::cross_entropy(scores, targets, &self.device);

        // Gradients.
        let mut gradients = profile::time(Part::Backward, 0.0, || loss.backward());
        let (gradients, statistics) = pass.finish(&mut gradients);

        // Update.
        for (slot, statistic) in statistics {
            self.weights.set(slot, statistic);
        }
        let factor = self.recipe.schedule.factor(planned.progress);
        profile::time(Part::Optimizer, 0.0, || {
            self.optimizer.step(&mut self.weights, layout, gradients, factor, &self.device);
        });
        self.follow(step);
        loss.value()
    }

    /// The weights that count: an average where there is one.
    pub(crate) fn evaluated(&self) -> &Weights {
        let slow = self.lookahead.as_ref().and_then(Lookahead::evaluated);
        self.average.as_ref().or(slow).unwrap_or(&self.weights)
    }

    /// What remains of a batch where samples are selected. The loader has erased and mixed; what the network itself selects
    /// it could not mix, so that is done here.
    fn select(&self, mut batch: Batch, planned: PlannedStep) -> Batch {
        let PlannedStep { epoch, start, progress, .. } = planned;
        let Some(choice) = self.recipe.selection_at(progress) else { return batch };
        let side_px = batch.resolution_px as usize;
        let photos = ops::photos(&batch.pixels, batch.samples.len(), side_px, &self.device);
        let scores = download(&self.model.forward(&mut Pass::evaluating(&self.weights), photos));
        let losses = cross_entropy_of_each(&scores, &batch.labels, scores.len() / batch.labels.len());
        selection::select(&choice, &mut batch, &losses);
        let key = (self.seed, epoch, start as u32);
        batch.mixtures = self.recipe.mix_at(progress).and_then(|mix| mix.batch(&mut batch.pixels, side_px, key));
        batch
    }

    /// Begins the average as the weights are when its time has come.
    fn begin_average(&mut self, step: u64) {
        if self.average.is_none() && self.average_number(step).is_some() {
            self.average = Some(self.weights.clone());
        }
    }

    /// How many steps, this one included, the average has followed; `None` before it begins.
    pub(super) fn average_number(&self, step: u64) -> Option<u64> {
        self.plan.number_since(self.recipe.ema?.from, step)
    }

    /// Moves what follows the weights, after a step.
    fn follow(&mut self, step: u64) {
        let (done, layout) = (step + 1, self.model.layout());
        if let Some(lookahead) = &mut self.lookahead {
            let progress = done as f64 / self.plan.steps() as f64;
            lookahead.after_step(&mut self.weights, layout, done, progress, &self.device);
        }
        let number = self.average_number(step);
        if let (Some(average), Some(ema), Some(number)) = (&mut self.average, self.recipe.ema, number) {
            average::follow(average, &self.weights, layout, ema.decay, number, &self.device);
        }
    }

    /// Computes the frozen stem, where the network has one, from train photos that the seed chooses.
    pub(crate) fn whiten_stem(&mut self, job: &TrainJob, samples: &[u32]) -> Result<()> {
        let Some(WhitenedStem { slot, filters, patch_px }) = self.model.whitened_stem() else { return Ok(()) };
        let mut chosen = samples.to_vec();
        Random::new(job.seed, Purpose::Whitening, 0, 0).shuffle(&mut chosen);
        chosen.truncate(WHITENING_PHOTOS);
        let config = job.recipe.evaluation;
        let (resolution_px, view) = (config.resolution, View::Evaluation(config.geometry));
        let requests: Vec<BatchRequest> = chosen
            .chunks(64)
            .map(|samples| BatchRequest {
                epoch: 0,
                samples: samples.to_vec(),
                resolution_px,
                view,
                erase: None,
                mix: None,
            })
            .collect();
        let labels: Arc<[u16]> = job.dataset.labels().into();
        let loader =
            Loader::new(job.packed.clone(), labels, job.seed, job.loader_threads, Box::new(requests.into_iter()))?;
        let (mut moments, side_px) = (PatchMoments::new(patch_px), resolution_px as usize);
        for batch in loader {
            batch?.pixels.chunks_exact(side_px * side_px * 3).for_each(|photo| moments.add(photo, side_px));
        }
        self.weights.set(slot, upload(moments.filters(filters), &job.device));
        // What follows the weights begins as they are.
        if self.average.is_some() {
            self.average = Some(self.weights.clone());
        }
        self.lookahead = job.recipe.lookahead().map(|config| Lookahead::new(config, &self.weights));
        Ok(())
    }
}
