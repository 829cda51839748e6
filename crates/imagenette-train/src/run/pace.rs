//! How fast a run goes and how long it will still take.

use std::time::Duration;

use imagenette_recipe::plan::StepPlan;

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
    start: Moment,
    /// When the resolution last changed.
    stage: Moment,
    resolution_px: u32,
}

/// A moment of the run.
#[derive(Debug, Clone, Copy)]
struct Moment {
    steps: u64,
    training_seconds: f64,
}

impl Pace {
    /// The pace of a run that has done `step` steps in `seconds` of training.
    pub(crate) fn new(plan: &StepPlan, step: u64, seconds: f64) -> Self {
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
        let start = Moment { steps: step, training_seconds: seconds };
        Self { drawn, area_left, start, stage: start, resolution_px: plan.step(step).px }
    }

    /// The pace after this many steps.
    pub(crate) fn after(&mut self, steps: u64, resolution_px: u32, training_seconds: f64, waited: Duration) -> Speed {
        if resolution_px != self.resolution_px {
            // The step that brought the change belongs to the new stage; how long it took alone is not known.
            (self.resolution_px, self.stage) = (resolution_px, Moment { steps, training_seconds });
        }
        let since = |moment: Moment| (training_seconds - moment.training_seconds).max(f64::MIN_POSITIVE);
        let (since_stage, since_start) = (since(self.stage), since(self.start));
        let drawn = self.drawn[steps as usize] - self.drawn[self.stage.steps as usize];
        let images_per_second = drawn as f64 / since_stage;
        let area_done = self.area_left[self.start.steps as usize] - self.area_left[steps as usize];
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

    use super::*;

    #[test]
    fn the_time_left_counts_the_pixels_that_are_still_to_be_seen() {
        let text = Recipe::shipped_text("m128").unwrap();
        let stages = "[{ from = 0.0, px = 64 }, { from = 0.5, px = 128 }]";
        let overrides = [("resolution", stages), ("epochs", "1")].map(|(key, value)| (key.into(), value.into()));
        let recipe = Recipe::from_toml(text, &overrides).unwrap();
        let plan = StepPlan::of(&recipe, 640);
        let mut pace = Pace::new(&plan, 0, 0.0);
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
