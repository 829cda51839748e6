//! Which batches a run asks for: a pure function of recipe, seed and step, so that a resumed run asks for the same
//! ones.

use std::sync::Arc;

use imagenette_data::augment::OwnAugmentations;
use imagenette_data::loader::{BatchRequest, MixRequest, View, balanced_order, epoch_order};

use super::step_plan::StepPlan;
use crate::balance::Sampler;
use crate::recipe::Recipe;

/// Samples in the order in which they are drawn, and the pass of each where some are drawn several times.
pub type EpochSamples = (Vec<u32>, Option<Vec<u32>>);

/// The samples of an epoch in the order in which they are drawn, and each one's pass where the recipe draws some several
/// times. `labels` has the label of every sample of the dataset.
pub fn epoch_samples(recipe: &Recipe, samples: &[u32], labels: &[u16], seed: u64, epoch: u32) -> EpochSamples {
    match recipe.sampler {
        Sampler::Shuffle => (epoch_order(samples, seed, epoch), None),
        Sampler::Balanced => {
            let (order, passes) = balanced_order(samples, |sample| labels[sample as usize], seed, epoch);
            (order, Some(passes))
        }
    }
}

/// The training batches from step `first` (from 0) to the end of the run, their samples changed by `own` too. `labels` has the
/// label of every sample of the dataset.
pub fn batches(
    recipe: &Recipe,
    seed: u64,
    samples: Vec<u32>,
    labels: Arc<[u16]>,
    plan: StepPlan,
    first: u64,
    own: OwnAugmentations,
) -> impl Iterator<Item = BatchRequest> + Send + use<> {
    let recipe = recipe.clone();
    let mut order: Option<(u32, EpochSamples)> = None;
    (first..plan.steps()).map(move |step| {
        let step = plan.step(step);
        if order.as_ref().is_none_or(|(known, _)| *known != step.epoch) {
            order = Some((step.epoch, epoch_samples(&recipe, &samples, &labels, seed, step.epoch)));
        }
        let (_, (order, passes)) = order.as_ref().expect("it was just made");
        let part = step.start..step.start + step.count;
        let (samples, passes) = (order[part.clone()].to_vec(), passes.as_ref().map(|passes| passes[part].to_vec()));
        let view = View::Train(recipe.augment.crop_and_flip(step.crop));
        // What the network itself is to select from is mixed after that.
        let mix = match recipe.selection_at(step.progress) {
            Some(_) => None,
            None => recipe.mix_at(step.progress).map(|mix| MixRequest { mix, start: step.start as u32 }),
        };
        let erase = recipe.erase_at(step.progress);
        BatchRequest {
            epoch: step.epoch,
            samples,
            passes,
            resolution_px: step.px,
            view,
            view_number: 0,
            own: own.clone(),
            strong: recipe.augment.strong,
            cutout: recipe.augment.cutout,
            erase,
            mix,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_asks_for_the_same_batches_and_no_epoch_repeats_a_sample() {
        let recipe = Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &[]).unwrap();
        let plan = StepPlan::of(&recipe, 200);
        let from = |recipe: &Recipe, first| -> Vec<BatchRequest> {
            let labels: Arc<[u16]> = (0..200).map(|sample| u16::from(sample >= 180)).collect();
            batches(recipe, 7, (0..200).collect(), labels, plan.clone(), first, OwnAugmentations::default()).collect()
        };
        let all = from(&recipe, 0);
        assert_eq!(all.len(), 15);
        for first in [1, 3, 8, 14] {
            assert_eq!(from(&recipe, first), all[first as usize..]);
        }
        for epoch in all.chunks(3) {
            let mut seen: Vec<u32> = epoch.iter().flat_map(|request| request.samples.clone()).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 192);
        }
        let sizes: Vec<u32> = all.iter().map(|request| request.resolution_px).collect();
        assert_eq!(sizes, [64, 64, 64, 64, 64, 64, 96, 96, 96, 96, 128, 128, 128, 128, 128]);

        // Balanced: 64 of a batch are 32 of each class, also of that with 20 photos; each showing has a pass of its own.
        let recipe = Recipe { sampler: Sampler::Balanced, ..recipe };
        let balanced = from(&recipe, 0);
        for first in [1, 3, 8, 14] {
            assert_eq!(from(&recipe, first), balanced[first as usize..]);
        }
        let mut showings: Vec<(u32, u32)> = Vec::new();
        for request in &balanced {
            assert_eq!(request.samples.iter().filter(|sample| **sample >= 180).count(), 32);
            showings.extend(request.samples.iter().copied().zip(request.passes.clone().unwrap()));
        }
        let total = showings.len();
        showings.sort_unstable();
        showings.dedup();
        assert_eq!(showings.len(), total);
    }
}
