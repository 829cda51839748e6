//! Judging a network that learned without labels: its features of photos with labels vote on those of val, and in the end
//! a linear layer is fitted to them.

use imagenette_results::run_record::Judged;

use super::evaluation::{EvaluationData, Predicted};
use super::job::TrainJob;
use super::saved_network::HEAD_WEIGHT;
use super::watch::TrainWatch;
use crate::compute::device::Device;
use crate::compute::weights::{SlotId, Weights, upload};
use crate::error::Result;
use crate::learn::neighbors::{self, Features};
use crate::learn::probe;
use crate::model::Model;

/// How many neighbors vote: their top-1 is the run's.
const NEIGHBORS: usize = 20;
/// How many vote in public benchmarks.
const MORE_NEIGHBORS: usize = 200;

/// Photos whose labels judge.
#[derive(Debug, Clone)]
pub(super) struct Judge {
    bank: EvaluationData,
    labels: Vec<u16>,
    classes: usize,
}

impl Judge {
    /// The judge of a job whose recipe learns without labels; `None` of another.
    ///
    /// # Errors
    /// When the recipe does not fit the dataset.
    pub(super) fn of(job: &TrainJob) -> Result<Option<Self>> {
        if job.recipe.self_supervised.is_none() {
            return Ok(None);
        }
        let (samples, labels): (Vec<u32>, _) = job.recipe.judges(&job.dataset.manifest)?.into_iter().unzip();
        let (packed, threads) = (job.packed.clone(), job.loader_threads);
        let bank = EvaluationData::of(job.dataset, samples, packed, job.recipe.evaluation, threads);
        Ok(Some(Self { bank, labels, classes: job.dataset.manifest.classes.len() }))
    }

    /// What the neighbors of each evaluated photo say; after the last epoch also what a linear layer does.
    ///
    /// # Errors
    /// As [`EvaluationData::predict`].
    pub(super) fn predict(
        &self,
        evaluation: &EvaluationData,
        (model, weights, device): (&Model, &Weights, &Device),
        watch: &dyn TrainWatch,
        is_last: bool,
    ) -> Result<Predicted> {
        let width = model.width().expect("networks from elsewhere are refused without labels");
        let known = self.bank.features(model, weights, device, watch)?;
        let asked = evaluation.features(model, weights, device, watch)?;
        let (voters, voted_on) = (Features::new(known.clone(), width), Features::new(asked, width));
        let counts = [NEIGHBORS, MORE_NEIGHBORS];
        let voted = neighbors::vote(&voted_on, &voters, &self.labels, self.classes, &counts, device);
        let by = |by: &str, labels: &[u16]| Judged { by: by.into(), counts: evaluation.count_of(labels) };
        let mut judged = vec![by("k-nn-20", &voted[0]), by("k-nn-200", &voted[1])];
        let mut head = None;
        if is_last {
            // The network multiplies what its head gives.
            let scale = model.output_scale() as f32;
            let fitted = probe::fit(&known, width, &self.labels, self.classes);
            let fitted: Vec<f32> = fitted.into_iter().map(|weight| weight / scale).collect();
            // As the network that is kept says, whoever evaluates it again.
            let kept = with_head(model, weights, &fitted, device);
            judged.push(by("linear", &evaluation.predict(model, &kept, device, watch)?.labels));
            head = Some(fitted);
        }
        let [labels, _] = <[Vec<u16>; 2]>::try_from(voted).expect("a list for each count of neighbors");
        Ok(Predicted { labels, probabilities: Vec::new(), judged, head })
    }
}

/// The weights with this matrix in the head's place.
fn with_head(model: &Model, weights: &Weights, head: &[f32], device: &Device) -> Weights {
    let mut kept = weights.clone();
    let place = model.layout().slots().iter().position(|slot| slot.name == HEAD_WEIGHT);
    kept.set(SlotId(place.expect("shipped networks have a head")), upload(head.to_vec(), device));
    kept
}
