//! Every step of a run, planned before it begins: its epoch, its samples' place in the epoch's order, its batch size,
//! its resolution and the run's progress in 0..1.

use std::sync::Arc;

use imagenette_data::augment::Crop;

use crate::recipe::Recipe;

/// A step of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedStep {
    /// The epoch, from 0.
    pub epoch: u32,
    /// The place in the epoch's order of the first sample.
    pub start: usize,
    /// How many samples.
    pub count: usize,
    /// The resolution in pixels.
    pub px: u32,
    /// The crop of this stage, where it has one of its own.
    pub crop: Option<Crop>,
    /// How far the run is in the middle of this step, in 0..1, counted in samples. The middle, so that a line from or
    /// to zero wastes neither the first step nor the last.
    pub progress: f64,
}

/// All steps of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepPlan {
    epochs: u32,
    steps: Arc<[PlannedStep]>,
}

impl StepPlan {
    /// The steps of a recipe over `samples` samples. An epoch is as many full batches as there are; as the order is
    /// another one in each epoch, so are the samples that are left over. Stages may have batch sizes of their own.
    pub fn of(recipe: &Recipe, samples: usize) -> Self {
        let resolution = &recipe.resolution;
        let size = |progress: f64| resolution.batch_size(progress).unwrap_or(recipe.batch_size) as usize;
        let mut steps = Vec::new();
        // Stages begin at their share of all samples, since it is not known yet how many will be left over. With one
        // batch size the two agree: each epoch leaves the same number over.
        let per_epoch = |batch: usize| samples / batch * batch;
        let whole = match resolution.has_batch_sizes() {
            false => f64::from(recipe.epochs) * per_epoch(recipe.batch_size as usize) as f64,
            true => f64::from(recipe.epochs) * samples as f64,
        };
        let mut drawn = 0;
        for epoch in 0..recipe.epochs {
            let mut start = 0;
            loop {
                // The next batch's size may follow from its own middle; the size before the step decides.
                let middle = |count: usize| ((drawn as f64 + count as f64 / 2.0) / whole).min(1.0);
                let count = size(middle(size(drawn as f64 / whole)));
                if start + count > samples {
                    break;
                }
                let progress = middle(count);
                let (px, crop) = (resolution.px(progress), resolution.crop(progress));
                steps.push(PlannedStep { epoch, start, count, px, crop, progress });
                start += count;
                drawn += count;
            }
        }
        if resolution.has_batch_sizes() {
            let mut before = 0;
            for step in &mut steps {
                step.progress = (before as f64 + step.count as f64 / 2.0) / drawn as f64;
                before += step.count;
            }
        }
        Self { epochs: recipe.epochs, steps: steps.into() }
    }

    /// The first `count` steps alone, as if they were the whole run.
    #[must_use]
    pub fn first(&self, count: u64) -> Self {
        let mut steps: Vec<PlannedStep> = self.steps.iter().take(count as usize).copied().collect();
        let drawn: usize = steps.iter().map(|step| step.count).sum();
        let mut before = 0;
        for step in &mut steps {
            step.progress = (before as f64 + step.count as f64 / 2.0) / drawn as f64;
            before += step.count;
        }
        Self { epochs: steps.last().map_or(0, |step| step.epoch + 1), steps: steps.into() }
    }

    /// Steps in the first epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.steps.iter().take_while(|step| step.epoch == 0).count() as u64
    }

    /// Steps in the whole run.
    pub fn steps(&self) -> u64 {
        self.steps.len() as u64
    }

    /// A step, from 0; the last one for any later number.
    ///
    /// # Panics
    /// When the run has no steps: a recipe was checked against its dataset before.
    pub fn step(&self, step: u64) -> &PlannedStep {
        let last = self.steps.len().checked_sub(1).expect("a batch was checked to be no larger than the dataset");
        &self.steps[(step as usize).min(last)]
    }

    /// Samples that are drawn in the whole run.
    pub fn samples(&self) -> u64 {
        self.steps.iter().map(|step| step.count as u64).sum()
    }

    /// The epoch (from 0) of a step (from 0).
    pub fn epoch_of(&self, step: u64) -> u32 {
        self.step(step).epoch
    }

    /// How far the run is in the middle of this step (from 0), in 0..1.
    pub fn progress(&self, step: u64) -> f64 {
        self.step(step).progress
    }

    /// How many epochs are done after `steps` steps, if that is where an epoch ends.
    pub fn epoch_ended(&self, steps: u64) -> Option<u32> {
        let before = self.steps.get((steps as usize).checked_sub(1)?)?.epoch;
        let after = self.steps.get(steps as usize).map_or(self.epochs, |step| step.epoch);
        (after != before).then_some(before + 1)
    }

    /// How many steps, this one (from 0) included, since progress passed `from`; `None` before.
    pub fn number_since(&self, from: f64, step: u64) -> Option<u64> {
        let first = self.steps.partition_point(|step| step.progress < from) as u64;
        (step >= first).then(|| step - first + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(overrides: &[(&str, &str)]) -> Recipe {
        let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &overrides).unwrap()
    }

    #[test]
    fn an_epoch_has_as_many_steps_as_there_are_full_batches() {
        let plan = StepPlan::of(&recipe(&[]), 9_469);
        assert_eq!((plan.steps_per_epoch(), plan.steps(), plan.samples()), (147, 735, 735 * 64));
        assert_eq!([0, 146, 147, 734].map(|step| plan.epoch_of(step)), [0, 0, 1, 4]);
        assert_eq!([0, 146, 147, 735].map(|steps| plan.epoch_ended(steps)), [None, None, Some(1), Some(5)]);
        for step in [0, 100, 734] {
            assert!((plan.progress(step) - (step as f64 + 0.5) / 735.0).abs() < 1e-12);
        }
        assert_eq!([0, 366, 367, 734].map(|step| plan.number_since(0.5, step)), [None, None, Some(1), Some(368)]);
        assert_eq!(plan.number_since(0.0, 0), Some(1));
    }

    #[test]
    fn stages_may_have_batches_and_crops_of_their_own_and_no_epoch_repeats_a_sample() {
        let stages = "[{ from = 0.0, px = 64, batch_size = 96 }, \
                      { from = 0.5, px = 128, crop = { kind = 'light', scale = 1.25 } }]";
        let plan = StepPlan::of(&recipe(&[("resolution", stages), ("batch_size", "32"), ("epochs", "4")]), 1000);
        let steps: Vec<PlannedStep> = (0..plan.steps()).map(|step| *plan.step(step)).collect();
        assert!(steps.iter().all(|step| (step.count, step.px) == if step.px == 64 { (96, 64) } else { (32, 128) }));
        assert!(steps.iter().all(|step| step.crop.is_some() == (step.px == 128)));
        for pair in steps.windows(2) {
            assert!(pair[0].progress < pair[1].progress);
            let goes_on = pair[0].epoch == pair[1].epoch && pair[1].start == pair[0].start + pair[0].count;
            let begins = pair[0].epoch + 1 == pair[1].epoch && pair[1].start == 0;
            assert!(goes_on || begins, "{pair:?}");
        }
        assert!(steps.iter().all(|step| step.start + step.count <= 1000));
        // Two epochs of 10 batches of 96; the first batch of the third still has its middle before the half of all
        // samples; then 28 and 31 batches of 32.
        assert_eq!(plan.samples(), 2 * 960 + (96 + 28 * 32) + 31 * 32);
        assert_eq!(plan.steps(), 80);
        assert_eq!([20, 49, 80].map(|steps| plan.epoch_ended(steps)), [Some(2), Some(3), Some(4)]);
    }
}
