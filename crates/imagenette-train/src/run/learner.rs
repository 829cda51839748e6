//! The learning step: a batch goes in, the network's numbers move, the loss comes out. Nothing here knows of files, of
//! the clock or of who watches.

use std::sync::Arc;

use burn::tensor::Tensor;
use imagenette_data::loader::{Batch, BatchRequest, Loader, View};
use imagenette_data::random::{Purpose, Random};
use imagenette_kernels::loss::cross_entropy_of_each;
use imagenette_recipe::Recipe;
use imagenette_recipe::plan::{PlannedStep, StepPlan};
use imagenette_recipe::unlabeled::Unlabeled;

use super::initial;
use super::job::TrainJob;
use super::memory_use;
use super::step_batch::{StepBatch, Views};
use crate::compute::device::Device;
use crate::compute::guard::guard;
use crate::compute::weights::{SlotId, Weights, download, upload};
use crate::error::Result;
use crate::learn::average;
use crate::learn::contrastive;
use crate::learn::fix_match;
use crate::learn::lookahead::Lookahead;
use crate::learn::loss::{self, Loss, LossRule};
use crate::learn::own::{Judged, OwnMethod};
use crate::learn::schedule::ScheduleRule;
use crate::learn::selection::{self, SelectionRule};
use crate::model::whitening::PatchMoments;
use crate::model::{Model, Pass, WhitenedStem};
use crate::ops::profile::{self, Part};
use crate::ops::{self, Maps};
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
    loss: LossRule,
    /// Photos without labels that the teacher was sure of, and all that it looked at, since they were last asked for.
    taught: (u64, u64),
    /// How much each class counts in the loss, by label; `None` where all count the same.
    class_weights: Option<Vec<f64>>,
    /// By how much the update of each tensor is shortened; `None` where all learn alike.
    rate_factors: Option<Arc<[f64]>>,
    schedule: ScheduleRule,
    selection: SelectionRule,
    /// How photos without labels are learned from, where the way is not shipped, by its name.
    method: Option<(String, Arc<dyn OwnMethod>)>,
    recipe: Recipe,
    seed: u64,
    device: Device,
}

/// What a step's outputs are to be.
#[derive(Clone)]
enum Goal {
    /// So much of each class.
    Targets(Vec<f32>),
    /// What a method from elsewhere makes of these targets of the first photos, and of the teacher's scores of the others.
    Method(Vec<f32>, Vec<f32>),
    /// Alike for two views of a photo, and unlike for others.
    Pairs,
}

/// What a loss and its gradients leave.
struct Slopes {
    loss: Loss,
    /// By place in the layout.
    gradients: Vec<Option<Tensor<1>>>,
    /// New running statistics.
    statistics: Vec<(SlotId, Tensor<1>)>,
}

impl Learner {
    /// A learner before its first step. A stem that will be whitened is still random: see [`Learner::whiten_stem`].
    ///
    /// # Errors
    /// When the job's parts lack one that its recipe names, or one cannot be built.
    pub(crate) fn new(job: &TrainJob, plan: &StepPlan) -> Result<Self> {
        let (recipe, device, parts) = (job.recipe.clone(), job.device.clone(), &job.parts);
        let manifest = &job.dataset.manifest;
        let model = parts.model_of(&recipe.model, manifest.classes.len())?;
        let model = model.frozen(recipe.initial.as_ref())?.projecting(recipe.self_supervised.as_ref());
        memory_use::check_training(&recipe, model.layout(), plan, &device)?;
        let class_weights = recipe.class_weights(manifest, &recipe.split(manifest)?.labeled);
        let weights = Weights::draw(model.layout(), job.seed, &device);
        let average = recipe.ema.filter(|ema| ema.from == 0.0).map(|_| weights.clone());
        let lookahead = recipe.lookahead().map(|config| Lookahead::new(config, &weights));
        Ok(Self {
            optimizer: parts.optimizer_of(&recipe.optimizer, model.layout(), &device)?,
            loss: parts.loss_of(&recipe.loss)?,
            class_weights,
            rate_factors: model.rate_factors(recipe.initial.as_ref()).map(Into::into),
            taught: (0, 0),
            schedule: parts.schedule_of(&recipe.schedule)?,
            selection: parts.selection_of(&recipe)?,
            method: parts.method_of(&recipe)?,
            model,
            weights,
            average,
            lookahead,
            plan: plan.clone(),
            recipe,
            seed: job.seed,
            device,
        })
    }

    /// The learning step: a batch gives a loss, the loss gradients, the gradients an update. `step` counts from 0; the
    /// loss comes out.
    ///
    /// # Errors
    /// When a part from elsewhere does what it must not, with the step.
    pub(crate) fn step(&mut self, step: u64, batch: impl Into<StepBatch>) -> Result<f64> {
        self.learn(step, batch.into()).map_err(|error| error.at_step(step + 1))
    }

    fn learn(&mut self, step: u64, batch: StepBatch) -> Result<f64> {
        let planned = *self.plan.step(step);
        self.begin_average(step);
        let (photos, goal) = match batch {
            StepBatch::Pair(first, second) => (self.photos_of(&first, &second), Goal::Pairs),
            StepBatch::Labeled { labeled, unlabeled } => {
                let labeled = self.select(labeled, planned)?;
                match unlabeled {
                    None => (self.photos(&labeled), Goal::Targets(self.targets(&labeled))),
                    Some(views) => match self.consistent(&labeled, &views, planned)? {
                        Some(taught) => taught,
                        // A teacher without finite scores has nothing to teach: the run has diverged.
                        None => return Ok(f64::NAN),
                    },
                }
            }
        };

        // Forward, loss, gradients; and again where the optimizer looks at two places.
        let looks_ahead = self.optimizer.may_look_ahead().then(|| (photos.clone(), goal.clone()));
        let Slopes { loss, mut gradients, statistics } = self.slopes(&self.weights, photos, goal, planned)?;
        if let Some((photos, goal)) = looks_ahead
            && let Some(ahead) = self.optimizer.look_ahead(&self.weights, &gradients)?
        {
            gradients = self.slopes(&ahead, photos, goal, planned)?.gradients;
        }

        // Update.
        for (slot, statistic) in statistics {
            self.weights.set(slot, statistic);
        }
        let factor = self.schedule.factor(planned.progress)?;
        let slowed = self.rate_factors.clone().map(|factors| (factors, self.weights.clone()));
        profile::time(Part::Optimizer, 0.0, || {
            self.optimizer.step(&mut self.weights, self.model.layout(), gradients, factor, &self.device)
        })?;
        if let Some((factors, before)) = slowed {
            self.slow_down(&factors, &before);
        }
        self.follow(step);
        Ok(loss.value())
    }

    fn photos(&self, batch: &Batch) -> Maps {
        ops::photos(&batch.pixels, batch.samples.len(), batch.resolution_px as usize, &self.device)
    }

    /// The photos of two batches, one behind the other.
    fn photos_of(&self, first: &Batch, second: &Batch) -> Maps {
        let pixels = [&first.pixels[..], &second.pixels[..]].concat();
        let count = first.samples.len() + second.samples.len();
        ops::photos(&pixels, count, first.resolution_px as usize, &self.device)
    }

    /// A step's labeled photos and behind them the strong views of the others, with what is wanted of both: of the others
    /// what the teacher says of their plain views. `None` where the teacher's scores are not finite.
    fn consistent(&mut self, labeled: &Batch, views: &Views, planned: PlannedStep) -> Result<Option<(Maps, Goal)>> {
        let teacher = self.average.as_ref().unwrap_or(&self.weights);
        let scores = download(&self.model.forward(&mut Pass::evaluating(teacher), self.photos(&views.plain))?);
        let own = self.targets(labeled);
        let goal = match &self.recipe.unlabeled {
            Some(Unlabeled::FixMatch(settings)) => {
                let weight = settings.weight_at(planned.progress);
                let taught = fix_match::targets(&own, &scores, self.model.classes(), settings, weight);
                let Some((targets, sure)) = taught else { return Ok(None) };
                self.taught.0 += sure as u64;
                self.taught.1 += views.plain.samples.len() as u64;
                Goal::Targets(targets)
            }
            _ if scores.iter().any(|score| !score.is_finite()) => return Ok(None),
            _ => Goal::Method(own, scores),
        };
        Ok(Some((self.photos_of(labeled, &views.strong), goal)))
    }

    /// How much of each class every sample of a batch is, and how much that counts.
    fn targets(&self, batch: &Batch) -> Vec<f32> {
        let (labels, mixtures) = (&batch.labels[..], batch.mixtures.as_deref());
        let mut targets = loss::targets(labels, mixtures, self.recipe.loss.label_smoothing, self.model.classes());
        if let Some(weights) = &self.class_weights {
            loss::weigh(&mut targets, labels, mixtures, weights);
        }
        targets
    }

    /// The loss of a batch at these weights, and its gradients.
    fn slopes(&self, weights: &Weights, photos: Maps, goal: Goal, planned: PlannedStep) -> Result<Slopes> {
        let random = Random::new(self.seed, Purpose::Depth, planned.epoch, planned.start as u32);
        let mut pass = Pass::learning(weights, self.model.layout()).with_random(random);
        let outputs = self.model.outputs(&mut pass, photos)?;
        let loss = match goal {
            Goal::Targets(targets) => self.loss.of(outputs, targets, &self.device)?,
            Goal::Pairs => {
                let method = self.recipe.self_supervised.as_ref();
                let method = method.expect("two views are asked for by recipes that learn without labels");
                contrastive::loss(outputs, method.contrast().temperature, &self.device)
            }
            Goal::Method(targets, teacher) => {
                let (name, rule) = self.method.as_ref().expect("a recipe that learns so names a method");
                let seen = (targets, teacher);
                loss::of_method(name, rule.as_ref(), outputs, seen, planned.progress, &self.device)?
            }
        };
        let backward = || profile::time(Part::Backward, 0.0, || loss.backward());
        let mut gradients = match self.own_slopes() {
            None => backward(),
            Some(parts) => guard(&parts, backward)?,
        };
        let (gradients, statistics) = pass.finish(&mut gradients);
        Ok(Slopes { loss, gradients, statistics })
    }

    /// Shows a black photo of each size to a network with code from elsewhere, so that what it does wrong with shapes
    /// is known before anything is written.
    ///
    /// # Errors
    /// What it does wrong.
    pub(crate) fn probe(&self) -> Result<()> {
        if self.model.own_parts().is_some() {
            let (resolution, evaluation) = (&self.recipe.resolution, self.recipe.evaluation);
            for px in [resolution.smallest_px(), resolution.largest_px(), evaluation.resolution] {
                self.model.multiply_adds(&self.weights, px, &self.device)?;
            }
        }
        Ok(())
    }

    /// The weights, by place in the layout.
    pub(crate) fn weights_on_host(&self) -> Vec<Vec<f32>> {
        self.weights.to_host()
    }

    /// The loss of a batch at these weights and its gradients, as in the first step; empty where there is none. The first
    /// batch has labels; where a method from elsewhere is looked at, the second has none, and its teacher's scores are
    /// those of the network as it is now.
    pub(crate) fn loss_and_gradients(
        &self,
        weights: &[Vec<f32>],
        batch: &Batch,
        others: Option<&Batch>,
    ) -> Result<(f64, Vec<Vec<f32>>)> {
        let targets = self.targets(batch);
        let (photos, goal) = match others.filter(|_| self.method.is_some()) {
            None => (self.photos(batch), Goal::Targets(targets)),
            Some(others) => {
                let scores = self.model.forward(&mut Pass::evaluating(&self.weights), self.photos(others))?;
                (self.photos_of(batch, others), Goal::Method(targets, download(&scores)))
            }
        };
        let weights = Weights::from_host(weights.iter().cloned(), &self.device);
        let Slopes { loss, gradients, .. } = self.slopes(&weights, photos, goal, *self.plan.step(0))?;
        let numbers = |gradient: Option<Tensor<1>>| gradient.map_or_else(Vec::new, |gradient| download(&gradient));
        Ok((loss.value(), gradients.into_iter().map(numbers).collect()))
    }

    /// The parts from elsewhere whose slopes are taken, as errors name them.
    fn own_slopes(&self) -> Option<String> {
        let loss = match &self.loss {
            LossRule::CrossEntropy => None,
            LossRule::Own(name, _) => Some(format!("loss `{name}`")),
        };
        let method = self.method.as_ref().map(|(name, _)| format!("method `{name}`"));
        let parts: Vec<String> = self.model.own_parts().map(Into::into).into_iter().chain(loss).chain(method).collect();
        (!parts.is_empty()).then(|| format!("gradient of {}", parts.join(" or ")))
    }

    /// The factor of the learning rate in a step, from 0.
    ///
    /// # Errors
    /// As [`ScheduleRule::factor`].
    pub(crate) fn rate_factor(&self, step: u64) -> Result<f64> {
        self.schedule.factor(self.plan.progress(step))
    }

    /// The share of the photos without labels that were learned from since this was last asked; `None` where none was
    /// looked at.
    pub(crate) fn take_taught(&mut self) -> Option<f64> {
        let (sure, all) = std::mem::take(&mut self.taught);
        (all > 0).then(|| sure as f64 / all as f64)
    }

    /// The weights that count: an average where there is one.
    pub(crate) fn evaluated(&self) -> &Weights {
        let slow = self.lookahead.as_ref().and_then(Lookahead::evaluated);
        self.average.as_ref().or(slow).unwrap_or(&self.weights)
    }

    /// What remains of a batch where samples are selected. The loader has erased and mixed; what the network itself
    /// selects it could not mix, so that is done here.
    fn select(&self, mut batch: Batch, planned: PlannedStep) -> Result<Batch> {
        let PlannedStep { epoch, start, progress, .. } = planned;
        let Some(choice) = self.recipe.selection_at(progress) else { return Ok(batch) };
        let side_px = batch.resolution_px as usize;
        let photos = ops::photos(&batch.pixels, batch.samples.len(), side_px, &self.device);
        let scores = download(&self.model.forward(&mut Pass::evaluating(&self.weights), photos)?);
        let losses = cross_entropy_of_each(&scores, &batch.labels, scores.len() / batch.labels.len());
        let key = (self.seed, epoch, start as u32);
        let (labels, samples) = (&batch.labels[..], &batch.samples[..]);
        let judged = Judged { losses: &losses, scores: &scores, labels, samples, progress };
        let places = self.selection.places(choice, &judged, key)?;
        selection::keep(&mut batch, &places);
        batch.mixtures = self.recipe.mix_at(progress).and_then(|mix| mix.batch(&mut batch.pixels, side_px, key));
        Ok(batch)
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

    /// Shortens the updates of what learns more slowly than the head.
    fn slow_down(&mut self, factors: &[f64], before: &Weights) {
        for (place, (slot, &factor)) in self.model.layout().slots().iter().zip(factors).enumerate() {
            if slot.role.is_learned() && factor != 1.0 {
                let (id, device) = (SlotId(place), &self.device);
                let moved = ops::move_average(
                    before.tensor(id).clone(),
                    self.weights.take(id, device),
                    1.0 - factor,
                    device.ops(),
                );
                self.weights.set(id, moved);
            }
        }
    }

    /// Moves what follows the weights, after a step.
    fn follow(&mut self, step: u64) {
        let (done, layout) = (step + 1, self.model.layout());
        if let Some(lookahead) = &mut self.lookahead {
            let progress = self.plan.progress_after(done);
            lookahead.after_step(&mut self.weights, layout, done, progress, &self.device);
        }
        let number = self.average_number(step);
        if let (Some(average), Some(ema), Some(number)) = (&mut self.average, self.recipe.ema, number) {
            average::follow(average, &self.weights, layout, ema.decay, number, &self.device);
        }
    }

    /// Puts the weights in place that the recipe begins with, where it names any.
    ///
    /// # Errors
    /// When they cannot be read, or do not fit the network.
    pub(crate) fn begin_with(&mut self, job: &TrainJob) -> Result<()> {
        let Some(initial) = &self.recipe.initial else { return Ok(()) };
        let fitted = initial::fitted(initial, self.model.layout(), &job.dataset.manifest, job)?;
        for (place, values) in fitted.values.into_iter().enumerate() {
            if let Some(values) = values {
                self.weights.set(SlotId(place), upload(values, &self.device));
            }
        }
        self.restart_followers();
        Ok(())
    }

    /// What follows the weights begins as they are.
    fn restart_followers(&mut self) {
        if self.average.is_some() {
            self.average = Some(self.weights.clone());
        }
        self.lookahead = self.recipe.lookahead().map(|config| Lookahead::new(config, &self.weights));
    }

    /// Computes the frozen stem, where the network has one, from train photos that the seed chooses.
    pub(crate) fn whiten_stem(&mut self, job: &TrainJob, samples: &[u32]) -> Result<()> {
        let Some(WhitenedStem { slot, filters, patch_px }) = self.model.whitened_stem() else { return Ok(()) };
        // Weights that came along have the stem that they were trained with.
        if self.recipe.initial.is_some() {
            return Ok(());
        }
        let mut chosen = samples.to_vec();
        Random::new(job.seed, Purpose::Whitening, 0, 0).shuffle(&mut chosen);
        chosen.truncate(WHITENING_PHOTOS);
        let config = job.recipe.evaluation;
        let (resolution_px, view) = (config.resolution, View::Evaluation(config.geometry));
        let requests: Vec<BatchRequest> =
            chosen.chunks(64).map(|samples| BatchRequest::plain(0, samples, resolution_px, view)).collect();
        let labels: Arc<[u16]> = job.dataset.labels().into();
        let loader =
            Loader::new(job.packed.clone(), labels, job.seed, job.loader_threads, Box::new(requests.into_iter()))?;
        let (mut moments, side_px) = (PatchMoments::new(patch_px), resolution_px as usize);
        for batch in loader {
            batch?.pixels.chunks_exact(side_px * side_px * 3).for_each(|photo| moments.add(photo, side_px));
        }
        self.weights.set(slot, upload(moments.filters(filters), &job.device));
        self.restart_followers();
        Ok(())
    }
}
