//! Which batches a run asks for: a pure function of recipe, seed and step, so that a resumed run asks for the same
//! ones.

use imagenette_data::augment::{Augment, OwnAugmentations};
use imagenette_data::loader::{BatchRequest, MixRequest, View, epoch_order};

use super::step_plan::StepPlan;
use crate::recipe::Recipe;

/// The training batches from step `first` (from 0) to the end of the run, their samples changed by `own` too.
pub fn batches(
    recipe: &Recipe,
    seed: u64,
    samples: Vec<u32>,
    plan: StepPlan,
    first: u64,
    own: OwnAugmentations,
) -> impl Iterator<Item = BatchRequest> + Send + use<> {
    let recipe = recipe.clone();
    let mut order: Option<(u32, Vec<u32>)> = None;
    (first..plan.steps()).map(move |step| {
        let step = plan.step(step);
        if order.as_ref().is_none_or(|(known, _)| *known != step.epoch) {
            order = Some((step.epoch, epoch_order(&samples, seed, step.epoch)));
        }
        let (_, order) = order.as_ref().expect("it was just made");
        let samples = order[step.start..step.start + step.count].to_vec();
        let view = View::Train(Augment { crop: step.crop.unwrap_or(recipe.augment.crop), ..recipe.augment });
        // What the network itself is to select from is mixed after that.
        let mix = match recipe.selection_at(step.progress) {
            Some(_) => None,
            None => recipe.mix_at(step.progress).map(|mix| MixRequest { mix, start: step.start as u32 }),
        };
        let erase = recipe.erase_at(step.progress);
        BatchRequest { epoch: step.epoch, samples, resolution_px: step.px, view, own: own.clone(), erase, mix }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_asks_for_the_same_batches_and_no_epoch_repeats_a_sample() {
        let recipe = Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &[]).unwrap();
        let plan = StepPlan::of(&recipe, 200);
        let all: Vec<_> =
            batches(&recipe, 7, (0..200).collect(), plan.clone(), 0, OwnAugmentations::default()).collect();
        assert_eq!(all.len(), 15);
        for first in [1, 3, 8, 14] {
            let rest: Vec<_> =
                batches(&recipe, 7, (0..200).collect(), plan.clone(), first, OwnAugmentations::default()).collect();
            assert_eq!(rest, all[first as usize..]);
        }
        for epoch in all.chunks(3) {
            let mut seen: Vec<u32> = epoch.iter().flat_map(|request| request.samples.clone()).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 192);
        }
        let sizes: Vec<u32> = all.iter().map(|request| request.resolution_px).collect();
        assert_eq!(sizes, [64, 64, 64, 64, 64, 64, 96, 96, 96, 96, 128, 128, 128, 128, 128]);
    }
}
