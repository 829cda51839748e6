//! The learning-rate range test: some steps at rates that grow exponentially, with the loss of each. Where the loss
//! falls fastest, and where it is lowest, tell which peak rates to try.
//!
//! # Source
//! Smith, "Cyclical learning rates for training neural networks", 2015, section 3.3; the end is that of fastai's
//! `lr_find`. Its smoothing, a mean of the losses so far, lags behind by half of a hundred steps; here the curve follows
//! its dots.

use std::sync::Arc;

use imagenette_data::DataError;
use imagenette_data::loader::Loader;
use imagenette_recipe::plan::{StepPlan, batches};
use imagenette_recipe::schedule::{Resolution, Schedule};
use imagenette_recipe::{positive, require};

use crate::error::{Result, TrainError};
use crate::run::job::TrainJob;
use crate::run::learner::Learner;
use crate::run::step_batch::StepBatch;
use crate::run::watch::TrainWatch;

/// The width of smoothing (the standard deviation of its weights) as a share of all steps.
const WIDTH: f64 = 0.04;
/// The suggestion is the rate of the lowest loss divided by this. It was chosen on four recipes whose rates were tuned: it
/// is 0.8 to 1.4 times theirs (LOG.md).
const BELOW_LOWEST: f64 = 3.0;
/// The share of the mean of the losses so far that stays at each step: it decides when the test ends.
const STAYS: f64 = 0.98;
/// The test ends when the mean of the losses so far is this multiple of its minimum.
const DIVERGED: f64 = 4.0;
/// Steps at either end whose slope is ignored: smoothing knows too little there, or the loss jumps already.
const MARGINS: (usize, usize) = (10, 5);

/// The most steps of a test: more say nothing more.
const MOST_STEPS: u32 = 1_000_000;

/// Which rates are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeTest {
    /// The first rate.
    pub lowest: f64,
    /// The last rate.
    pub highest: f64,
    /// Steps from the one to the other.
    pub steps: u32,
}

/// One step of the test.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct RangePoint {
    /// The optimizer's first learning rate; any other was scaled by the same factor.
    pub rate: f64,
    /// The batch's loss.
    pub loss: f64,
    /// The mean of the losses around it, near ones counting more.
    pub smoothed: f64,
}

/// A rate to try first.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Suggestion {
    /// The recipe's key: `optimizer.learning_rate`.
    pub key: String,
    /// The peak rate.
    pub rate: f64,
}

/// What the test says.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RangeResult {
    /// Every step, until the last rate or until the loss diverged.
    pub points: Vec<RangePoint>,
    /// The rate at which the smoothed loss falls fastest.
    pub steepest: Option<f64>,
    /// For every rate of the optimizer a third of what it was where the smoothed loss is lowest: Muon's, for example,
    /// and that of its `rest`, in the recipe's ratio. Empty where there were too few steps.
    pub suggestions: Vec<Suggestion>,
}

impl RangeTest {
    /// Checks that the rates and the steps make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn validate(&self) -> Result<()> {
        let Self { lowest, highest, steps } = *self;
        positive("find-lr.lowest", lowest)?;
        require(
            highest > lowest && highest.is_finite(),
            "find-lr.highest",
            &format!("a finite rate above the lowest ({lowest})"),
            highest.to_string(),
            "1e-5 to 10 is usual",
        )?;
        let least = 2 + (MARGINS.0 + MARGINS.1) as u32;
        let expected = format!("{least} to {MOST_STEPS}");
        require((least..=MOST_STEPS).contains(&steps), "find-lr.steps", &expected, steps.to_string(), "100 is usual")?;
        Ok(())
    }

    /// Runs the test: a network that begins as a run of this job would, at the recipe's first resolution and its
    /// precision. Nothing is written.
    ///
    /// # Errors
    /// When the rates make no sense, the recipe does not fit the dataset, data cannot be read, or
    /// [`DataError::Interrupted`].
    pub fn run(&self, job: &TrainJob, watch: &dyn TrainWatch) -> Result<RangeResult> {
        self.validate()?;
        let (lowest, highest) = (self.lowest, self.highest);
        let mut job = job.resolved()?;
        let recipe = &mut job.recipe;
        let rates = recipe.optimizer.learning_rates();
        let peak = recipe.optimizer.learning_rate();
        recipe.schedule = Schedule::Exponential { start: lowest / peak, end: highest / peak };
        recipe.resolution = Resolution::Fixed(recipe.resolution.px(0.0));
        // Nothing is evaluated, so there is nothing to keep rules for: the first resolution may be the smallest.
        (recipe.ema, recipe.selection, recipe.rules) = (None, None, None);
        recipe.validate()?;
        recipe.validate_for(&job.dataset.manifest)?;
        let split = recipe.split(&job.dataset.manifest)?;
        let draws = recipe.labeled_draws(&split);
        let per_epoch = (draws as u32 / recipe.batch_size).max(1);
        recipe.epochs = self.steps.div_ceil(per_epoch);
        let plan = StepPlan::of(recipe, draws).first(self.steps.into());

        let mut learner = Learner::new(&job, &plan)?;
        learner.begin_with(&job)?;
        learner.whiten_stem(&job, job.recipe.learned(&split))?;
        let labels: Arc<[u16]> = split.labels(&job.dataset.manifest).into();
        let augmentations = job.parts.augmentations_of(&job.recipe)?;
        let requests = batches(&job.recipe, job.seed, split, labels.clone(), plan.clone(), 0, augmentations);
        let mut loader = Loader::new(job.packed.clone(), labels, job.seed, job.loader_threads, Box::new(requests))?;
        let (mut points, mut mean, mut best) = (Vec::new(), 0.0, f64::INFINITY);
        let batches = std::iter::from_fn(|| StepBatch::next(&mut loader, &job.recipe));
        for (step, batch) in (0u64..).zip(batches) {
            if watch.interrupted() {
                return Err(DataError::Interrupted.into());
            }
            let rate = peak * learner.rate_factor(step)?;
            let loss = learner.step(step, batch?)?;
            if !loss.is_finite() {
                break;
            }
            mean = STAYS * mean + (1.0 - STAYS) * loss;
            let so_far = mean / (1.0 - STAYS.powi(step as i32 + 1));
            points.push(RangePoint { rate, loss, smoothed: loss });
            watch.evaluated(points.len(), self.steps as usize);
            if so_far > DIVERGED * best {
                break;
            }
            best = best.min(so_far);
        }
        if points.is_empty() {
            return Err(TrainError::Diverged {
                step: 1,
                epoch: 1,
                loss: f64::NAN,
                parts: job.parts.named_in(&job.recipe),
            });
        }
        smooth(&mut points, f64::from(self.steps) * WIDTH);
        Ok(RangeResult::of(points, &rates))
    }
}

/// Smooths the losses by Gaussian weights of this width in steps.
fn smooth(points: &mut [RangePoint], width: f64) {
    let losses: Vec<f64> = points.iter().map(|point| point.loss).collect();
    // What is further away weighs nothing.
    let reach = (4.0 * width).ceil() as usize;
    for (place, point) in points.iter_mut().enumerate() {
        let around = place.saturating_sub(reach)..(place + reach + 1).min(losses.len());
        let weighed =
            around.map(|other| ((-0.5 * (other.abs_diff(place) as f64 / width).powi(2)).exp(), losses[other]));
        let (weights, sum) =
            weighed.fold((0.0, 0.0), |(weights, sum), (weight, loss)| (weights + weight, sum + weight * loss));
        point.smoothed = sum / weights;
    }
}

impl RangeResult {
    /// The rate at which the smoothed loss is lowest; `None` where there were too few steps.
    pub fn lowest(&self) -> Option<f64> {
        let lowest = self.points.iter().skip(MARGINS.0).min_by(|a, b| a.smoothed.total_cmp(&b.smoothed));
        lowest.map(|point| point.rate)
    }

    /// What these points say of an optimizer with these rates, by key; the first is the one that the points name.
    pub fn of(points: Vec<RangePoint>, rates: &[(&str, f64)]) -> Self {
        let (before, after) = MARGINS;
        let inner = points.get(before..points.len().saturating_sub(after)).unwrap_or(&[]);
        let slope = |pair: &[RangePoint]| (pair[1].smoothed - pair[0].smoothed) / (pair[1].rate / pair[0].rate).ln();
        let steepest = inner.windows(2).map(|pair| (slope(pair), pair[0].rate)).filter(|(slope, _)| *slope < 0.0);
        let steepest = steepest.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, rate)| rate);
        let lowest = points.iter().skip(before).min_by(|a, b| a.smoothed.total_cmp(&b.smoothed));
        let peak = rates.first().map_or(1.0, |(_, rate)| *rate);
        let suggestion = |point: &RangePoint| {
            let factor = point.rate / BELOW_LOWEST / peak;
            let of_key = |(place, (key, rate)): (usize, &(&str, f64))| Suggestion {
                key: (*key).to_owned(),
                // The first is the point's own rate, without the rounding of the way there and back.
                rate: if place == 0 { point.rate / BELOW_LOWEST } else { factor * rate },
            };
            rates.iter().enumerate().map(of_key).collect()
        };
        let suggestions = lowest.map(suggestion).unwrap_or_default();
        Self { points, steepest, suggestions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steepest_fall_and_a_third_of_the_rate_of_the_lowest_loss_are_found() {
        // A valley over the logarithm of the rate: falls around 1e-3, is lowest at 1e-1, then rises.
        let points: Vec<RangePoint> = (0..=100)
            .map(|i| {
                let exponent = -5.0 + 0.05 * f64::from(i);
                let smoothed =
                    2.0 - 1.0 / (1.0 + (-4.0 * (exponent + 3.0)).exp()) + 0.3 * (exponent + 1.0).max(0.0).powi(2);
                RangePoint { rate: 10f64.powf(exponent), loss: smoothed, smoothed }
            })
            .collect();
        let found = RangeResult::of(points, &[("optimizer.learning_rate", 0.5), ("optimizer.rest.learning_rate", 2.0)]);
        let near = |rate: Option<f64>, expected: f64| (rate.unwrap() / expected).ln().abs() < 0.25;
        assert!(near(found.steepest, 1e-3), "{:?}", found.steepest);
        let [first, rest] = found.suggestions.as_slice() else { panic!("{:?}", found.suggestions) };
        assert_eq!(
            (first.key.as_str(), rest.key.as_str()),
            ("optimizer.learning_rate", "optimizer.rest.learning_rate")
        );
        assert!(near(Some(first.rate), 1e-1 / 3.0), "{first:?}");
        assert!((rest.rate / first.rate - 4.0).abs() < 1e-12, "the recipe's ratio stays: {first:?} {rest:?}");
    }

    #[test]
    fn the_smoothed_loss_follows_the_losses_and_does_not_lag() {
        // A valley with noise that alternates: what is left is the valley, with its lowest point where it is.
        let valley = |step: i32| f64::from((step - 60).abs()) / 50.0;
        let point = |step: i32| RangePoint {
            rate: 1e-4 * 1.1f64.powi(step),
            loss: valley(step) + if step % 2 == 0 { 0.3 } else { -0.3 },
            smoothed: f64::NAN,
        };
        let mut points: Vec<RangePoint> = (0..100).map(point).collect();
        smooth(&mut points, 4.0);
        let lowest = (0..100).min_by(|a, b| points[*a].smoothed.total_cmp(&points[*b].smoothed)).unwrap();
        assert!(lowest.abs_diff(60) <= 1, "{lowest}");
        assert!((20..50).all(|step| (points[step as usize].smoothed - valley(step)).abs() < 0.01));
        let mut few = vec![RangePoint { rate: 1.0, loss: 2.0, smoothed: 0.0 }];
        smooth(&mut few, 0.4);
        assert_eq!(few[0].smoothed, 2.0);
    }

    #[test]
    fn too_few_points_have_no_slope() {
        let point = RangePoint { rate: 0.1, loss: 1.0, smoothed: 1.0 };
        let found = RangeResult::of(vec![point; 4], &[("optimizer.learning_rate", 0.5)]);
        assert_eq!((found.steepest, found.suggestions), (None, Vec::new()));
    }
}
