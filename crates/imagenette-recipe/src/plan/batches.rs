//! Which batches a run asks for: a pure function of recipe, seed and step, so that a resumed run asks for the same
//! ones.

use std::sync::Arc;

use imagenette_data::augment::OwnAugmentations;
use imagenette_data::loader::{BatchRequest, MixRequest, View, balanced_order, epoch_order, repeated_order};
use imagenette_data::random::Purpose;
use imagenette_data::task::TaskSplit;

use super::step_plan::StepPlan;
use crate::balance::Sampler;
use crate::recipe::Recipe;

/// Samples in the order in which they are drawn, and the pass of each where some are drawn several times.
pub type EpochSamples = (Vec<u32>, Option<Vec<u32>>);

/// The labeled samples of an epoch in the order in which they are drawn, and each one's pass where some are drawn several
/// times. `labels` has the label of every sample of the dataset, `draws` says how many an epoch draws.
pub fn epoch_samples(
    recipe: &Recipe,
    samples: &[u32],
    labels: &[u16],
    draws: usize,
    (seed, epoch): (u64, u32),
) -> EpochSamples {
    let (order, passes) = match recipe.sampler {
        Sampler::Shuffle if draws == samples.len() => return (epoch_order(samples, seed, epoch), None),
        Sampler::Shuffle => repeated_order(samples, draws, seed, Purpose::Order, epoch),
        Sampler::Balanced => balanced_order(samples, |sample| labels[sample as usize], draws, seed, epoch),
    };
    (order, Some(passes))
}

/// What an epoch draws: with labels, and without.
struct Drawn {
    epoch: u32,
    labeled: EpochSamples,
    unlabeled: EpochSamples,
}

impl Drawn {
    fn of(recipe: &Recipe, split: &TaskSplit, labels: &[u16], seed: u64, epoch: u32) -> Self {
        let draws = recipe.labeled_draws(split);
        let unlabeled = recipe.unlabeled.as_ref().map_or_else(Default::default, |unlabeled| {
            let count = draws * unlabeled.ratio() as usize;
            let (order, passes) = repeated_order(&split.unlabeled, count, seed, Purpose::Unlabeled, epoch);
            (order, Some(passes))
        });
        Self { epoch, labeled: epoch_samples(recipe, recipe.learned(split), labels, draws, (seed, epoch)), unlabeled }
    }
}

/// Some samples that follow each other.
fn part((order, passes): &EpochSamples, start: usize, count: usize) -> EpochSamples {
    let part = start..start + count;
    (order[part.clone()].to_vec(), passes.as_ref().map(|passes| passes[part].to_vec()))
}

/// The training batches from step `first` (from 0) to the end of the run, their samples changed by `own` too. `labels` has the
/// label of every sample of the dataset.
///
/// A step that learns from photos without labels too has three batches in turn: the labeled ones, the others as they are, and
/// the same others changed strongly. One that learns without labels at all has two: two views of the same photos.
pub fn batches(
    recipe: &Recipe,
    seed: u64,
    split: TaskSplit,
    labels: Arc<[u16]>,
    plan: StepPlan,
    first: u64,
    own: OwnAugmentations,
) -> impl Iterator<Item = BatchRequest> + Send + use<> {
    let recipe = recipe.clone();
    let mut drawn: Option<Drawn> = None;
    (first..plan.steps()).flat_map(move |step| {
        let step = plan.step(step);
        if drawn.as_ref().is_none_or(|drawn| drawn.epoch != step.epoch) {
            drawn = Some(Drawn::of(&recipe, &split, &labels, seed, step.epoch));
        }
        let drawn = drawn.as_ref().expect("it was just made");
        let (samples, passes) = part(&drawn.labeled, step.start, step.count);
        // What the network itself is to select from is mixed after that.
        let mix = match recipe.selection_at(step.progress) {
            Some(_) => None,
            None => recipe.mix_at(step.progress).map(|mix| MixRequest { mix, start: step.start as u32 }),
        };
        let labeled = BatchRequest {
            epoch: step.epoch,
            samples,
            passes,
            resolution_px: step.px,
            view: View::Train(recipe.augment.crop_and_flip(step.crop)),
            view_number: 0,
            own: own.clone(),
            strong: recipe.strong(),
            cutout: recipe.augment.cutout,
            erase: recipe.erase_at(step.progress),
            mix,
        };
        let others = recipe.unlabeled.as_ref().map(|unlabeled| {
            let ratio = unlabeled.ratio() as usize;
            let (samples, passes) = part(&drawn.unlabeled, step.start * ratio, step.count * ratio);
            let plain =
                BatchRequest { samples, passes, strong: None, cutout: None, erase: None, mix: None, ..labeled.clone() };
            let strong = BatchRequest { view_number: 1, strong: Some(unlabeled.strong()), ..plain.clone() };
            [plain, strong]
        });
        let other_view = recipe.self_supervised.map(|_| BatchRequest { view_number: 1, ..labeled.clone() });
        std::iter::once(labeled).chain(other_view).chain(others.into_iter().flatten())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many samples with labels, then so many without.
    fn split(labeled: u32, unlabeled: u32) -> TaskSplit {
        TaskSplit {
            labeled: (0..labeled).collect(),
            unlabeled: (labeled..labeled + unlabeled).collect(),
            evaluated: Vec::new(),
            wrong: std::collections::BTreeMap::new(),
            epoch_photos: (labeled + unlabeled) as usize,
        }
    }

    #[test]
    fn a_step_with_photos_without_labels_has_three_batches_of_which_two_show_the_same_photos() {
        let overrides = [
            ("unlabeled.kind", "fix-match"),
            ("batch_size", "8"),
            ("unlabeled.ratio", "3"),
            ("epochs", "2"),
            ("loss.label_smoothing", "0.0"),
        ];
        let overrides = overrides.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let recipe = Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &overrides).unwrap();
        let split = split(20, 300);
        assert_eq!(recipe.labeled_draws(&split), 80);
        let plan = StepPlan::of(&recipe, recipe.labeled_draws(&split));
        assert_eq!(plan.steps(), 20);
        let from = |first| -> Vec<BatchRequest> {
            let labels: Arc<[u16]> = vec![0; 320].into();
            batches(&recipe, 7, split.clone(), labels, plan.clone(), first, OwnAugmentations::default()).collect()
        };
        let all = from(0);
        assert_eq!(all.len(), 60);
        for first in [1, 9, 10, 19] {
            assert_eq!(from(first), all[3 * first as usize..]);
        }
        let mut others = Vec::new();
        for step in all.chunks(3) {
            let [labeled, plain, strong] = step else { panic!("three batches a step") };
            assert_eq!((labeled.samples.len(), plain.samples.len()), (8, 24));
            assert!(
                labeled.samples.iter().all(|sample| *sample < 20) && plain.samples.iter().all(|sample| *sample >= 20)
            );
            assert_eq!((&plain.samples, &plain.passes), (&strong.samples, &strong.passes));
            assert_eq!((plain.view_number, strong.view_number), (0, 1));
            assert!(plain.strong.is_none() && strong.strong.is_some());
            others.extend(plain.samples.clone());
        }
        // 480 draws of 300 photos: each once, then 180 again.
        let mut first = others[..300].to_vec();
        first.sort_unstable();
        assert!(first.into_iter().eq(20..320));
        // Without the method the task costs the same: four times as many labeled photos are drawn.
        let plain = Recipe { unlabeled: None, ..recipe.clone() };
        assert_eq!(plain.labeled_draws(&split), 320);
    }

    #[test]
    fn a_step_without_labels_has_two_views_of_the_same_photos_and_an_epoch_has_all() {
        let overrides = [
            ("self_supervised.kind", "sim-clr"),
            ("batch_size", "8"),
            ("epochs", "2"),
            ("loss.label_smoothing", "0.0"),
        ];
        let overrides = overrides.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let recipe = Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &overrides).unwrap();
        let split = split(0, 80);
        let plan = StepPlan::of(&recipe, recipe.labeled_draws(&split));
        assert_eq!(plan.steps(), 20);
        let from = |first| -> Vec<BatchRequest> {
            let labels: Arc<[u16]> = vec![0; 80].into();
            batches(&recipe, 7, split.clone(), labels, plan.clone(), first, OwnAugmentations::default()).collect()
        };
        let all = from(0);
        assert_eq!(all.len(), 40);
        for first in [1, 9, 10, 19] {
            assert_eq!(from(first), all[2 * first as usize..]);
        }
        for step in all.chunks(2) {
            assert_eq!(BatchRequest { view_number: 1, ..step[0].clone() }, step[1]);
            assert!(step[0].view_number == 0 && step[0].strong.is_some());
        }
        let mut seen: Vec<u32> = all.chunks(2).take(10).flat_map(|step| step[0].samples.clone()).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..80));
    }

    #[test]
    fn a_resumed_run_asks_for_the_same_batches_and_no_epoch_repeats_a_sample() {
        let recipe = Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &[]).unwrap();
        let plan = StepPlan::of(&recipe, 200);
        let from = |recipe: &Recipe, first| -> Vec<BatchRequest> {
            let labels: Arc<[u16]> = (0..200).map(|sample| u16::from(sample >= 180)).collect();
            batches(recipe, 7, split(200, 0), labels, plan.clone(), first, OwnAugmentations::default()).collect()
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
