//! Evaluating a network: every sample of the val split (or of what was held out) once, seen as the recipe says, without
//! test-time tricks.

use std::sync::Arc;

use imagenette_data::DataError;
use imagenette_data::augment::OwnAugmentations;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::loader::{BatchRequest, Loader, View};
use imagenette_data::packed::Packed;
use imagenette_recipe::EvaluationConfig;
use imagenette_results::Prediction;
use imagenette_results::run_record::Counts;

use crate::compute::device::Device;
use crate::compute::weights::{Weights, download};
use crate::error::Result;
use crate::model::{Model, Pass};
use crate::ops;
use crate::run::watch::TrainWatch;

/// Pixels evaluated at a time, in whole photos: transforming the weights is worth it for many photos, and memory holds
/// few large ones. Always the same, so that a saved network gives the same scores again.
const BATCH_PIXELS: usize = 128 * 64 * 64;

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

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The label that the network gives to each sample, in their order.
    ///
    /// # Errors
    /// When the data cannot be read, or [`DataError::Interrupted`].
    pub fn predict(
        &self,
        model: &Model,
        weights: &Weights,
        device: &Device,
        watch: &dyn TrainWatch,
    ) -> Result<Vec<u16>> {
        let EvaluationConfig { resolution: resolution_px, geometry } = self.config;
        let view = View::Evaluation(geometry);
        let batch = (BATCH_PIXELS / (resolution_px as usize).pow(2)).clamp(16, 256);
        let requests: Vec<BatchRequest> = self
            .samples
            .chunks(batch)
            .map(|samples| BatchRequest {
                epoch: 0,
                samples: samples.to_vec(),
                resolution_px,
                view,
                own: OwnAugmentations::default(),
                erase: None,
                mix: None,
            })
            .collect();
        let threads = self.loader_threads;
        let loader = Loader::new(self.packed.clone(), self.labels.clone(), 0, threads, Box::new(requests.into_iter()))?;
        let mut predicted = Vec::with_capacity(self.samples.len());
        for batch in loader {
            let batch = batch?;
            if watch.interrupted() {
                return Err(DataError::Interrupted.into());
            }
            let photos = ops::photos(&batch.pixels, batch.samples.len(), resolution_px as usize, device);
            let scores = model.forward(&mut Pass::evaluating(weights), photos)?;
            let [_, classes] = scores.dims();
            predicted.extend(download(&scores).chunks_exact(classes).map(best));
            watch.evaluated(predicted.len(), self.samples.len());
        }
        Ok(predicted)
    }

    /// How many of the predictions are right.
    pub fn count(&self, predicted: &[u16]) -> Counts {
        let right =
            self.samples.iter().zip(predicted).filter(|(sample, label)| self.labels[**sample as usize] == **label);
        Counts { correct: right.count() as u64, total: self.samples.len() as u64 }
    }

    /// The predictions by name, as they are written down.
    pub fn name(&self, predicted: &[u16], dataset: &Dataset) -> Vec<Prediction> {
        let manifest = &dataset.manifest;
        let named = self.samples.iter().zip(predicted).map(|(&sample, &label)| Prediction {
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
