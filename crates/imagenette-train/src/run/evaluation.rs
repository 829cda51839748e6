//! Evaluating a network: every sample of the val split (or of what was held out) once, seen as the recipe says, without
//! test-time tricks.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Tensor;
use imagenette_data::DataError;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::loader::{BatchRequest, Loader, View};
use imagenette_data::packed::Packed;
use imagenette_kernels::loss::softmax;
use imagenette_recipe::EvaluationConfig;
use imagenette_recipe::model::ModelConfig;
use imagenette_results::Prediction;
use imagenette_results::probabilities::Probabilities;
use imagenette_results::run_record::{Counts, Judged};

use crate::compute::device::Device;
use crate::compute::weights::{Weights, download};
use crate::error::Result;
use crate::model::{Model, Pass};
use crate::ops::{self, Maps};
use crate::run::memory_use;
use crate::run::watch::TrainWatch;

/// Pixels evaluated at a time, in whole photos: transforming the weights is worth it for many photos, and memory holds
/// few large ones. Always the same, so that a saved network gives the same scores again.
const BATCH_PIXELS: usize = 128 * 64 * 64;

/// What a network says about each sample of [`EvaluationData`], in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// The label that it gives to each.
    pub labels: Vec<u16>,
    /// The probability of each class for each, row by row; empty where a score is not a finite number, or neighbors
    /// voted.
    pub probabilities: Vec<f32>,
    /// What else judged a network that learned without labels.
    pub judged: Vec<Judged>,
    /// The head of such a network, fitted when it was trained.
    pub head: Option<Vec<f32>>,
}

impl Predicted {
    /// The probabilities as a file beside the predictions holds them. `path` is that file's, which errors name, and
    /// `named` are the predictions, whose file has the hash `predictions_sha256`. `None` where a score is not a finite
    /// number: such a network has predictions and no probabilities.
    ///
    /// # Errors
    /// When they do not go with the predictions.
    pub fn as_file(
        &self,
        path: &Path,
        dataset: &Dataset,
        named: &[Prediction],
        predictions_sha256: &str,
    ) -> Result<Option<Probabilities>> {
        if self.probabilities.is_empty() {
            return Ok(None);
        }
        let classes: Vec<String> = dataset.manifest.classes.iter().map(|class| class.wnid.clone()).collect();
        Ok(Some(Probabilities::new(path, &classes, named, predictions_sha256, &self.probabilities)?))
    }
}

/// The data that a network is evaluated on.
#[derive(Debug, Clone)]
pub struct EvaluationData {
    packed: Arc<Packed>,
    labels: Arc<[u16]>,
    samples: Vec<u32>,
    config: EvaluationConfig,
    loader_threads: usize,
}

impl EvaluationData {
    /// The val split of a dataset, seen as `config` says.
    pub fn new(dataset: &Dataset, packed: Arc<Packed>, config: EvaluationConfig, loader_threads: usize) -> Self {
        Self::of(dataset, dataset.manifest.samples(Split::Val), packed, config, loader_threads)
    }

    /// Some samples of a dataset, seen as `config` says.
    pub fn of(
        dataset: &Dataset,
        samples: Vec<u32>,
        packed: Arc<Packed>,
        config: EvaluationConfig,
        loader_threads: usize,
    ) -> Self {
        Self { packed, labels: dataset.labels().into(), samples, config, loader_threads }
    }

    /// The first of them alone.
    pub(super) fn first(&self, count: usize) -> Self {
        Self { samples: self.samples.iter().copied().take(count).collect(), ..self.clone() }
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Checks that a network of this configuration can see the photos so, and that memory holds what it makes of them:
    /// the resolution may come from a file, or from a flag.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self, model: &ModelConfig, device: &Device) -> Result<()> {
        self.config.validate_for(model)?;
        memory_use::check_evaluation(model, self.batch().min(self.len()), self.config.resolution, device)
    }

    /// How many photos are evaluated at a time.
    fn batch(&self) -> usize {
        (BATCH_PIXELS / (self.config.resolution.max(1) as usize).pow(2)).clamp(16, 256)
    }

    /// What the network says about each sample.
    ///
    /// # Errors
    /// When the data cannot be read, or [`DataError::Interrupted`].
    pub fn predict(
        &self,
        model: &Model,
        weights: &Weights,
        device: &Device,
        watch: &dyn TrainWatch,
    ) -> Result<Predicted> {
        let mut labels = Vec::with_capacity(self.samples.len());
        let (mut probabilities, mut are_finite) = (Vec::new(), true);
        let forward = |photos| model.forward(&mut Pass::evaluating(weights), photos);
        self.look(device, watch, forward, |scores, classes| {
            for scores in scores.chunks_exact(classes) {
                labels.push(best(scores));
                are_finite &= scores.iter().all(|score| score.is_finite());
                probabilities.extend(softmax(scores).into_iter().map(|probability| probability as f32));
            }
        })?;
        if !are_finite {
            probabilities.clear();
        }
        Ok(Predicted { labels, probabilities, judged: Vec::new(), head: None })
    }

    /// What the network's head is given of each sample, row by row.
    ///
    /// # Errors
    /// As [`EvaluationData::predict`].
    pub(super) fn features(
        &self,
        model: &Model,
        weights: &Weights,
        device: &Device,
        watch: &dyn TrainWatch,
    ) -> Result<Vec<f32>> {
        let mut features = Vec::new();
        let forward = |photos| model.features(&mut Pass::evaluating(weights), photos);
        self.look(device, watch, forward, |rows, _| features.extend_from_slice(rows))?;
        Ok(features)
    }

    /// Shows each batch of the samples to a network and takes what comes out, row by row, with a row's width.
    fn look(
        &self,
        device: &Device,
        watch: &dyn TrainWatch,
        forward: impl Fn(Maps) -> Result<Tensor<2>>,
        mut take: impl FnMut(&[f32], usize),
    ) -> Result<()> {
        let EvaluationConfig { resolution: resolution_px, geometry } = self.config;
        let view = View::Evaluation(geometry);
        let batch = self.batch();
        let requests: Vec<BatchRequest> =
            self.samples.chunks(batch).map(|samples| BatchRequest::plain(0, samples, resolution_px, view)).collect();
        let threads = self.loader_threads;
        let loader = Loader::new(self.packed.clone(), self.labels.clone(), 0, threads, Box::new(requests.into_iter()))?;
        let mut done = 0;
        for batch in loader {
            let batch = batch?;
            if watch.interrupted() {
                return Err(DataError::Interrupted.into());
            }
            let photos = ops::photos(&batch.pixels, batch.samples.len(), resolution_px as usize, device);
            let rows = forward(photos)?;
            let [count, width] = rows.dims();
            take(&download(&rows), width);
            done += count;
            watch.evaluated(done, self.samples.len());
        }
        Ok(())
    }

    /// How many of the predictions are right.
    pub fn count(&self, predicted: &Predicted) -> Counts {
        self.count_of(&predicted.labels)
    }

    /// How many of these labels are right, one for each sample.
    pub(super) fn count_of(&self, labels: &[u16]) -> Counts {
        let right = self.samples.iter().zip(labels).filter(|(sample, label)| self.labels[**sample as usize] == **label);
        Counts { correct: right.count() as u64, total: self.samples.len() as u64 }
    }

    /// The predictions by name, as they are written down.
    pub fn name(&self, predicted: &Predicted, dataset: &Dataset) -> Vec<Prediction> {
        let manifest = &dataset.manifest;
        let named = self.samples.iter().zip(&predicted.labels).map(|(&sample, &label)| Prediction {
            sample: manifest.relative_path(&manifest.images[sample as usize]),
            class: manifest.classes[usize::from(label)].wnid.clone(),
        });
        named.collect()
    }
}

/// The position of the largest score, the first of equals.
fn best(scores: &[f32]) -> u16 {
    let (mut best, mut largest) = (0, f32::NEG_INFINITY);
    for (label, &score) in (0..).zip(scores) {
        if score > largest {
            (best, largest) = (label, score);
        }
    }
    best
}
