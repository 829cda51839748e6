//! Every step of a run, planned before it begins: its epoch, its samples' place in the epoch's order, its batch size,
//! its resolution and the run's progress in 0..1.

use std::sync::Arc;

use imagenette_data::augment::Crop;

use serde::{Deserialize, Serialize};

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

/// How long a run is whose length follows from a budget: from a step on, so many samples are drawn in the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// Steps that are done by then, and stay as they were.
    pub step: u64,
    /// Samples of the whole run, those of these steps included. As many as there are ends the run.
    pub samples: u64,
}

/// The part of a run from one stretch to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    /// Steps and progress before it.
    step: u64,
    progress: f64,
    /// Samples in it, if it went on to the end of the run.
    samples: u64,
}

/// All steps of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepPlan {
    epochs: u32,
    steps: Arc<[PlannedStep]>,
    /// Of a run with a budget.
    pieces: Vec<Piece>,
}

impl StepPlan {
    /// The steps of a recipe over `samples` samples. An epoch is as many full batches as there are; as the order is
    /// another one in each epoch, so are the samples that are left over. Stages may have batch sizes of their own. Of a
    /// recipe with a budget it is one epoch: how many there are, [`StepPlan::within`] knows.
    pub fn of(recipe: &Recipe, samples: usize) -> Self {
        let (resolution, epochs) = (&recipe.resolution, recipe.epochs.max(1));
        let size = |progress: f64| resolution.batch_size(progress).unwrap_or(recipe.batch_size) as usize;
        let mut steps = Vec::new();
        // Stages begin at their share of all samples, since it is not known yet how many will be left over. With one
        // batch size the two agree: each epoch leaves the same number over.
        let per_epoch = |batch: usize| samples / batch * batch;
        let whole = match resolution.has_batch_sizes() {
            false => f64::from(epochs) * per_epoch(recipe.batch_size as usize) as f64,
            true => f64::from(epochs) * samples as f64,
        };
        let mut drawn = 0;
        for epoch in 0..epochs {
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
        Self { epochs, steps: steps.into(), pieces: Vec::new() }
    }

    /// The steps of a recipe with a budget over `samples` samples, as they were planned and planned again. Each stretch
    /// is laid from where the one before had come to the end of the run, so that progress never falls and ends at 1.
    pub fn within(recipe: &Recipe, samples: usize, stretches: &[Stretch]) -> Self {
        let nothing = Self { epochs: 0, steps: Arc::new([]), pieces: Vec::new() };
        stretches.iter().fold(nothing, |plan, &stretch| plan.stretched(recipe, samples, stretch))
    }

    /// The same steps up to a stretch, and then as many whole ones as its samples come to. An epoch is as in
    /// [`StepPlan::of`]; the last one may be a part.
    #[must_use]
    pub fn stretched(&self, recipe: &Recipe, samples: usize, stretch: Stretch) -> Self {
        let resolution = &recipe.resolution;
        let size = |progress: f64| resolution.batch_size(progress).unwrap_or(recipe.batch_size) as usize;
        let kept = (stretch.step as usize).min(self.steps.len());
        let mut steps = self.steps[..kept].to_vec();
        let before: u64 = steps.iter().map(|step| step.count as u64).sum();
        let reached = self.progress_after(kept as u64);
        let whole = stretch.samples.saturating_sub(before);
        let progress = |drawn: f64, whole: u64| reached + (1.0 - reached) * (drawn / whole as f64).min(1.0);
        let (mut epoch, mut start) = steps.last().map_or((0, 0), |step| (step.epoch, step.start + step.count));
        let mut drawn = 0;
        while drawn < whole {
            // The next batch's size may follow from its own middle; the size before the step decides.
            let middle = |count: usize| progress(drawn as f64 + count as f64 / 2.0, whole);
            let count = size(middle(size(progress(drawn as f64, whole))));
            if drawn + count as u64 > whole || count > samples {
                break;
            }
            if start + count > samples {
                (epoch, start) = (epoch + 1, 0);
            }
            let (px, crop) = (resolution.px(middle(count)), resolution.crop(middle(count)));
            steps.push(PlannedStep { epoch, start, count, px, crop, progress: middle(count) });
            start += count;
            drawn += count as u64;
        }
        // What would not fill a batch is not drawn: progress ends with the last step.
        let mut so_far = 0;
        for step in &mut steps[kept..] {
            step.progress = progress(so_far as f64 + step.count as f64 / 2.0, drawn);
            so_far += step.count as u64;
        }
        let mut pieces: Vec<Piece> = self.pieces.iter().copied().filter(|piece| piece.step < kept as u64).collect();
        pieces.push(Piece { step: kept as u64, progress: reached, samples: drawn });
        Self { epochs: steps.last().map_or(0, |step| step.epoch + 1), steps: steps.into(), pieces }
    }

    /// How far the run is after so many steps, in 0..1, counted in samples where its length follows from a budget, else
    /// in steps.
    pub fn progress_after(&self, done: u64) -> f64 {
        let Some(piece) = self.pieces.iter().rev().find(|piece| piece.step < done) else {
            return if self.pieces.is_empty() { done as f64 / self.steps().max(1) as f64 } else { 0.0 };
        };
        let last = self.step(done.saturating_sub(1));
        last.progress + (1.0 - piece.progress) * (last.count as f64 / 2.0) / piece.samples as f64
    }

    /// Epochs of the whole run; of one with a budget the last may be a part.
    pub fn epochs(&self) -> u32 {
        self.epochs
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
        Self { epochs: steps.last().map_or(0, |step| step.epoch + 1), steps: steps.into(), pieces: Vec::new() }
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

    #[test]
    fn a_budget_of_whole_epochs_plans_the_steps_of_that_many_epochs() {
        for stages in ["[{ from = 0.0, px = 64 }, { from = 0.4, px = 96 }, { from = 0.7, px = 128 }]", "96"] {
            let overrides = [("resolution", stages), ("batch_size", "64"), ("epochs", "3")];
            let epochs = StepPlan::of(&recipe(&overrides), 1000);
            let budget = recipe(&[("resolution", stages), ("batch_size", "64"), ("budget.minutes", "3")]);
            let within = StepPlan::within(&budget, 1000, &[Stretch { step: 0, samples: 3 * 960 }]);
            assert_eq!((within.steps(), within.epochs(), within.samples()), (45, 3, 2880));
            for step in 0..45 {
                let (one, other) = (epochs.step(step), within.step(step));
                assert!((one.progress - other.progress).abs() < 1e-12);
                assert_eq!(PlannedStep { progress: 0.0, ..*one }, PlannedStep { progress: 0.0, ..*other });
            }
            assert!((within.progress_after(45) - 1.0).abs() < 1e-12 && within.progress_after(0) == 0.0);
            assert_eq!([14, 15, 45].map(|steps| within.epoch_ended(steps)), [None, Some(1), Some(3)]);
        }
    }

    /// Any stretches in any order of lengths: what was done stays, progress rises and ends at 1, no epoch repeats a
    /// sample, and nothing is drawn beyond the last stretch.
    #[test]
    fn however_often_it_is_planned_again_a_run_stays_one_run() {
        let stages = "[{ from = 0.0, px = 64, batch_size = 96 }, { from = 0.5, px = 128 }]";
        let recipe = recipe(&[("resolution", stages), ("batch_size", "32"), ("budget.minutes", "3")]);
        let mut state = 12345_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let samples = 100 + random(900) as usize;
            let mut stretches = vec![Stretch { step: 0, samples: samples as u64 + random(9_000) }];
            let mut plan = StepPlan::within(&recipe, samples, &stretches);
            for _ in 0..random(5) {
                // A run that is over is not planned again.
                let step = random(plan.steps().max(1));
                let drawn: u64 = (0..step).map(|step| plan.step(step).count as u64).sum();
                let next = Stretch { step, samples: drawn + random(4_000) };
                let longer = plan.stretched(&recipe, samples, next);
                assert!((0..step).all(|step| plan.step(step) == longer.step(step)), "what was done stays");
                stretches.push(next);
                plan = longer;
            }
            assert_eq!(StepPlan::within(&recipe, samples, &stretches), plan, "a plan follows from its stretches");
            let last = stretches.last().unwrap();
            assert!(plan.samples() <= last.samples && last.samples - plan.samples() < 96 || plan.steps() == last.step);
            let steps: Vec<PlannedStep> = (0..plan.steps()).map(|step| *plan.step(step)).collect();
            for pair in steps.windows(2) {
                assert!(pair[0].progress < pair[1].progress && pair[1].progress < 1.0, "{pair:?}");
                let goes_on = pair[0].epoch == pair[1].epoch && pair[1].start == pair[0].start + pair[0].count;
                assert!(goes_on || (pair[0].epoch + 1 == pair[1].epoch && pair[1].start == 0), "{pair:?}");
            }
            assert!(steps.iter().all(|step| step.start + step.count <= samples));
            // Cut short it ends where it is; else the end of the last step is the end of the run.
            if plan.steps() > last.step {
                assert!((plan.progress_after(plan.steps()) - 1.0).abs() < 1e-9);
            }
            assert_eq!(plan.epoch_ended(plan.steps()), Some(plan.epochs()));
        }
    }
}
