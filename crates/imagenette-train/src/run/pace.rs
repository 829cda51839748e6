//! How fast a run goes and how long it will still take.

use std::time::Duration;

use imagenette_recipe::plan::StepPlan;

use crate::run::checkpoint::CheckpointHead;

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Speed {
    /// Samples a second since the resolution last changed.
    pub(crate) images_per_second: f64,
    /// The share of the training time since the start that was spent waiting for batches, in 0..1.
    pub(crate) waiting: f64,
    /// Training seconds that are probably left.
    pub(crate) seconds_left: f64,
}

/// Follows the speed of a run from its start (or resuming) on.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Samples drawn before each step, the end included.
    drawn: Vec<u64>,
    /// Square pixels that are left before each step, the end included.
    area_left: Vec<f64>,
    /// (step, training seconds) at the start.
    start: (u64, f64),
    /// (resolution, step, training seconds) when the resolution last changed.
    stage: (u32, u64, f64),
}

impl Pace {
    /// The pace of a run that stands at this checkpoint.
    pub(crate) fn new(plan: &StepPlan, head: &CheckpointHead) -> Self {
        let mut area_left = vec![0.0];
        for step in (0..plan.steps()).rev() {
            let step = plan.step(step);
            let px = f64::from(step.px);
            area_left.push(step.count as f64 * px * px + area_left.last().expect("it begins with one"));
        }
        area_left.reverse();
        let mut drawn = vec![0];
        for step in 0..plan.steps() {
            drawn.push(plan.step(step).count as u64 + drawn.last().expect("it begins with one"));
        }
        let (step, seconds) = (head.step, head.seconds.training);
        Self { drawn, area_left, start: (step, seconds), stage: (plan.step(step).px, step, seconds) }
    }

    /// The pace after this many steps.
    pub(crate) fn after(&mut self, steps: u64, resolution_px: u32, training_seconds: f64, waited: Duration) -> Speed {
        if resolution_px != self.stage.0 {
            // The step that brought the change belongs to the new stage; its own time is not known apart.
            self.stage = (resolution_px, steps, training_seconds);
        }
        let (_, stage_step, stage_seconds) = self.stage;
        let since_stage = (training_seconds - stage_seconds).max(f64::MIN_POSITIVE);
        let since_start = (training_seconds - self.start.1).max(f64::MIN_POSITIVE);
        let images_per_second = (self.drawn[steps as usize] - self.drawn[stage_step as usize]) as f64 / since_stage;
        let area_done = self.area_left[self.start.0 as usize] - self.area_left[steps as usize];
        Speed {
            images_per_second,
            waiting: (waited.as_secs_f64() / since_start).clamp(0.0, 1.0),
            seconds_left: self.area_left[steps as usize] * since_start / area_done.max(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use imagenette_recipe::Recipe;
    use imagenette_results::run_record::Seconds;

    use super::*;

    #[test]
    fn the_time_left_counts_the_pixels_that_are_still_to_be_seen() {
        let text = Recipe::shipped_text("m128").unwrap();
        let stages = "[{ from = 0.0, px = 64 }, { from = 0.5, px = 128 }]";
        let overrides = [("resolution", stages), ("epochs", "1")].map(|(key, value)| (key.into(), value.into()));
        let recipe = Recipe::from_toml(text, &overrides).unwrap();
        let plan = StepPlan::of(&recipe, 640);
        let head = CheckpointHead {
            format: String::new(),
            version: 1,
            recipe_sha256: String::new(),
            dataset_identity: String::new(),
            dataset: String::new(),
            seed: 0,
            step: 0,
            started: jiff::Timestamp::UNIX_EPOCH,
            resumed: 0,
            seconds: Seconds::default(),
            history: Vec::new(),
            by_epoch: Vec::new(),
        };
        let mut pace = Pace::new(&plan, &head);
        // Five steps at 64 px took 10 s; five at 128 px have four times as many pixels.
        let report = pace.after(5, 64, 10.0, Duration::from_secs(1));
        assert!((report.images_per_second - 32.0).abs() < 1e-9);
        assert!((report.waiting - 0.1).abs() < 1e-9);
        assert!((report.seconds_left - 40.0).abs() < 1e-9);
        pace.after(6, 128, 18.0, Duration::ZERO);
        let report = pace.after(8, 128, 34.0, Duration::ZERO);
        assert!((report.images_per_second - 8.0).abs() < 1e-9, "{report:?}");
    }
}
