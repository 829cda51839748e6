//! How long a run with a budget is: from what its steps take on this machine and what it may spend to the samples that
//! it draws. No clock and no file: seconds go in, a length comes out.

use std::collections::{BTreeMap, VecDeque};

use imagenette_recipe::plan::{PlannedStep, StepPlan, Stretch};
use imagenette_recipe::{Budget, Recipe};
use imagenette_results::attempt::{Attempts, Price};
use imagenette_results::prices::charged_seconds;

use crate::error::TrainError;

/// The share of what an attempt may take that no plan counts on.
const MARGIN: f64 = 0.03;
/// The share of it by which a forecast may be off before the rest is planned again.
const TOLERANCE: f64 = 0.02;
/// The share of it that is kept for one more start at most.
const MOST_FOR_RESTART: f64 = 0.1;
/// Steps of a stage whose mean is what one takes: a machine may be slower than it was.
const RECENT: usize = 64;
/// Steps that a plan has at most; their history would fill the memory.
const MOST_STEPS: u64 = 4_000_000;

/// What the parts of a run take on this machine, in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// A step of so many samples at such a resolution, as it was measured before the run.
    measured: BTreeMap<(u32, usize), f64>,
    /// The last steps of each kind, as the run itself took them.
    seen: BTreeMap<(u32, usize), VecDeque<f64>>,
    /// An evaluation.
    pub(crate) evaluation: f64,
    /// A checkpoint; the files of the end are taken to need two.
    pub(crate) save: f64,
    /// All else, for each second of steps.
    pub(crate) overhead: f64,
}

impl Times {
    pub(crate) fn new(measured: BTreeMap<(u32, usize), f64>, evaluation: f64) -> Self {
        Self { measured, seen: BTreeMap::new(), evaluation, save: 0.5, overhead: 0.01 }
    }

    /// Notes a step of the run itself. The first of a kind is not counted: it may have waited for its batch.
    pub(crate) fn see(&mut self, step: &PlannedStep, seconds: f64) {
        let key = (step.px, step.count);
        match self.seen.get_mut(&key) {
            None => {
                self.seen.insert(key, VecDeque::new());
            }
            Some(known) => {
                known.push_back(seconds);
                if known.len() > RECENT {
                    known.pop_front();
                }
            }
        }
    }

    /// What a step takes: as the run's own last ones did; of a kind that it has not met, as measured, by as much
    /// slower or faster as the others turned out to be.
    pub(crate) fn of(&self, step: &PlannedStep) -> f64 {
        let key = (step.px, step.count);
        if let Some(mean) = self.seen.get(&key).and_then(mean) {
            return mean;
        }
        let told = |(key, seen): (&(u32, usize), &VecDeque<f64>)| {
            Some((mean(seen)?, *self.measured.get(key)?, seen.len() as f64))
        };
        let (found, expected) = self
            .seen
            .iter()
            .filter_map(told)
            .fold((0.0, 0.0), |(found, expected), told| (found + told.0 * told.2, expected + told.1 * told.2));
        let slower = if expected > 0.0 { found / expected } else { 1.0 };
        slower * self.measured.get(&key).copied().unwrap_or_else(|| self.by_pixels(step))
    }

    /// A kind of step that was not measured: as the nearest that was, by its pixels.
    fn by_pixels(&self, step: &PlannedStep) -> f64 {
        let pixels = |px: u32, count: usize| f64::from(px).powi(2) * count as f64;
        let own = pixels(step.px, step.count);
        let nearest = self.measured.iter().min_by(|(a, _), (b, _)| {
            let distance = |key: &(u32, usize)| (pixels(key.0, key.1) / own).ln().abs();
            distance(a).total_cmp(&distance(b))
        });
        nearest.map_or(0.0, |(&(px, count), seconds)| seconds * own / pixels(px, count))
    }

    /// The files of the end.
    pub(crate) fn closing(&self) -> f64 {
        2.0 * self.save
    }
}

fn mean(values: &VecDeque<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// What an attempt may take, in seconds from its process's start to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Allowance {
    /// All of it.
    pub(crate) seconds: f64,
    /// What one more start would cost of it.
    pub(crate) restart: f64,
}

impl Allowance {
    /// What is left of a budget after these attempts; `start_seconds` is how long it takes from the process's start to
    /// the first step. A budget of dollars is charged as clouds charge: a minute at least, and a minute for each start.
    pub(crate) fn of(budget: Budget, earlier: &Attempts, price: Option<&Price>, start_seconds: f64) -> Self {
        match (budget, price) {
            (Budget::Minutes(minutes), _) => {
                Self { seconds: 60.0 * minutes - earlier.seconds().unwrap_or(f64::INFINITY), restart: start_seconds }
            }
            (Budget::Dollars(dollars), Some(price)) => {
                let spent = earlier.dollars().unwrap_or(f64::INFINITY);
                let charged = (dollars - spent) / price.dollars_per_hour * 3600.0;
                // Of a start alone: what a moment is charged is its minute and that of the start.
                let start = charged_seconds(0.0) / 2.0;
                let seconds = (charged * (1.0 - 1e-9) - start).floor();
                // Less than a minute is charged as one.
                let seconds = if charged_seconds(seconds.max(0.0)) > charged { 0.0 } else { seconds };
                Self { seconds, restart: start + start_seconds }
            }
            (Budget::Dollars(_), None) => Self { seconds: 0.0, restart: 0.0 },
        }
    }
}

/// Plans a run with a budget.
#[derive(Debug, Clone)]
pub(crate) struct Planner {
    pub(crate) recipe: Recipe,
    /// Samples of an epoch.
    pub(crate) samples: usize,
    /// As [`super::job::TrainJob::evaluate_every`].
    pub(crate) evaluate_every: u32,
    pub(crate) allowance: Allowance,
    pub(crate) times: Times,
    /// Stretches of a run that is repeated, in place of what the clock says; those that come are left.
    pub(crate) follows: Option<VecDeque<Stretch>>,
    /// Whether the rest is to be planned again at the next step, as after an interruption.
    pub(crate) is_due: bool,
}

impl Planner {
    /// Seconds that the steps from `done` on take, with all that comes between them.
    pub(crate) fn forecast(&self, plan: &StepPlan, done: u64) -> f64 {
        let steps: f64 = (done..plan.steps()).map(|step| self.times.of(plan.step(step))).sum();
        let evaluations = match self.evaluate_every {
            0 => 0,
            // The last one is counted apart.
            every => {
                (plan.epoch_of(done)..plan.epochs().saturating_sub(1)).filter(|epoch| (epoch + 1) % every == 0).count()
            }
        };
        steps * (1.0 + self.times.overhead) + evaluations as f64 * self.times.evaluation
    }

    /// Seconds that are left for steps when `spent` are gone.
    fn left(&self, spent: f64) -> f64 {
        let Allowance { seconds, restart } = self.allowance;
        // Of a small budget a start would be a large part; after one the rest is planned again in any case.
        let restart = restart.min(MOST_FOR_RESTART * seconds);
        seconds * (1.0 - MARGIN) - restart - self.times.evaluation - self.times.closing() - spent
    }

    /// The longest plan that goes on from here and fits into what is left when `spent` seconds are gone; as long as
    /// what is done where not one step does. What is kept for a restart is used where nothing else is left.
    pub(crate) fn longest(&self, plan: &StepPlan, done: u64, spent: f64) -> Stretch {
        let left = self.left(spent);
        let all = self.allowance.seconds - self.times.evaluation - self.times.closing() - spent;
        let careful = self.longest_in(plan, done, left);
        if careful.samples > drawn(plan, done) { careful } else { self.longest_in(plan, done, all) }
    }

    fn longest_in(&self, plan: &StepPlan, done: u64, left: f64) -> Stretch {
        let drawn = drawn(plan, done);
        let stretch = |samples: u64| Stretch { step: done, samples };
        let fits = |samples: u64| {
            let plan = plan.stretched(&self.recipe, self.samples, stretch(samples));
            plan.steps() > done && self.forecast(&plan, done) <= left
        };
        let batch = u64::from(self.recipe.batch_size.max(1));
        // Doubled until it does not fit, then halved in between; all in whole batches.
        let (mut fitting, mut first) = (0_u64, 1_u64);
        while first <= MOST_STEPS && fits(drawn + first * batch) {
            (fitting, first) = (first, 2 * first);
        }
        let mut beyond = first;
        while beyond - fitting > 1 {
            let middle = fitting + (beyond - fitting) / 2;
            if fits(drawn + middle * batch) { fitting = middle } else { beyond = middle }
        }
        stretch(drawn + fitting * batch)
    }

    /// The error of a budget that pays for more steps than are planned; `None` where it does not.
    pub(crate) fn too_large(&self, budget: Budget, stretch: Stretch) -> Option<TrainError> {
        let steps = stretch.samples / u64::from(self.recipe.batch_size.max(1));
        (steps >= MOST_STEPS).then(|| TrainError::Budget {
            key: budget.key().into(),
            expected: format!("a run of fewer than {MOST_STEPS} steps"),
            found: format!("{budget}, which pays for more on this machine"),
            hint: "give less: no recipe is known to gain from so many".into(),
        })
    }

    /// The error of a budget that does not pay for this epoch when `spent` seconds are gone, with what would.
    pub(crate) fn too_small(&self, budget: Budget, epoch: &StepPlan, spent: f64, price: Option<&Price>) -> TrainError {
        let Allowance { seconds, restart } = self.allowance;
        let of_epoch = self.forecast(epoch, 0) + self.times.evaluation + self.times.closing() + spent;
        let needed = (of_epoch / (1.0 - MARGIN - MOST_FOR_RESTART)).min((of_epoch + restart) / (1.0 - MARGIN));
        let (enough, example) = match (budget, price) {
            (Budget::Dollars(_), Some(price)) => {
                let dollars = (price.of_seconds(charged_seconds(needed)) * 1000.0).ceil() / 1000.0;
                (format!("${dollars}"), format!("`--budget {dollars}`"))
            }
            _ => {
                let minutes = (needed / 6.0).ceil() / 10.0;
                (format!("{minutes} minutes"), format!("`--minutes {minutes}`"))
            }
        };
        TrainError::Budget {
            key: budget.key().into(),
            expected: format!("enough for one epoch, about {enough} on this machine"),
            found: format!("{budget}, which leaves {:.0} s for a run of {of_epoch:.0} s", seconds.max(0.0)),
            hint: format!("give more: {example}; or take a smaller recipe, or a lower `--resolution`"),
        }
    }

    /// What is to be planned before the step after `done`, when `spent` seconds of the allowance are gone: nothing, a
    /// new length, or the end here.
    pub(crate) fn decide(&mut self, plan: &StepPlan, done: u64, spent: f64) -> Option<Stretch> {
        if let Some(follows) = &mut self.follows {
            return if follows.front().is_some_and(|next| next.step == done) { follows.pop_front() } else { None };
        }
        if done >= plan.steps() {
            return None;
        }
        let end = spent + self.times.of(plan.step(done)) + self.times.evaluation + self.times.closing();
        if done > 0 && end > self.allowance.seconds {
            return Some(Stretch { step: done, samples: drawn(plan, done) });
        }
        if !self.is_due && (done == 0 || plan.epoch_ended(done).is_none()) {
            return None;
        }
        self.is_due = false;
        let off = self.forecast(plan, done) - self.left(spent);
        (off.abs() > TOLERANCE * self.allowance.seconds).then(|| self.longest(plan, done, spent))
    }
}

/// Samples of the steps that are done.
pub(crate) fn drawn(plan: &StepPlan, done: u64) -> u64 {
    (0..done.min(plan.steps())).map(|step| plan.step(step).count as u64).sum()
}

#[cfg(test)]
mod tests {
    use imagenette_results::attempt::{Attempt, Ending};
    use imagenette_results::environment::Arithmetic;

    use super::*;

    const STAGES: &str = "[{ from = 0.0, px = 64 }, { from = 0.4, px = 96 }, { from = 0.7, px = 128 }]";

    fn recipe(budget: Budget) -> Recipe {
        let overrides = [("resolution", STAGES), (budget.key(), &budget.amount().to_string())];
        let overrides = overrides.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &overrides).unwrap()
    }

    fn attempt(price: Option<Price>, steps_before: u64) -> Attempt {
        let text = || "x".to_owned();
        let arithmetic = Arithmetic { engine: text(), device: text(), ops: text(), level: None, precision: text() };
        Attempt { price, ..Attempt::start("0", None, arithmetic, 2, steps_before) }
    }

    fn price(dollars_per_hour: f64) -> Price {
        Price { machine: "c7a.large".into(), dollars_per_hour, source: "user".into(), zone: None }
    }

    /// A machine of a fake run: seconds of a square pixel, which change with time.
    struct Machine<'m> {
        speed: &'m dyn Fn(f64) -> f64,
        /// How much slower it was when it was measured.
        measured: f64,
        price: Option<Price>,
        start: f64,
    }

    /// What a fake run came to.
    struct Ended {
        plan: StepPlan,
        stretches: Vec<Stretch>,
        attempts: Attempts,
        last_progress: f64,
        is_cut: bool,
    }

    /// Runs a recipe with a budget on machines that are taken away after so many seconds each, by the decisions that a
    /// real run makes. A machine that is killed loses what it did since the epoch began.
    fn run(recipe: &Recipe, samples: usize, machines: &[(Machine, f64, Ending)]) -> Ended {
        let (mut attempts, mut stretches, mut done) = (Attempts::default(), Vec::<Stretch>::new(), 0_u64);
        let mut plan = StepPlan::within(recipe, samples, &[]);
        let mut is_cut = false;
        for (machine, taken_after, ending) in machines {
            let allowance = Allowance::of(recipe.budget.unwrap(), &attempts, machine.price.as_ref(), machine.start);
            attempts.begin(attempt(machine.price.clone(), done));
            let cost = |step: &PlannedStep, now: f64| {
                (machine.speed)(now) * f64::from(step.px).powi(2) * step.count as f64 / 1e6
            };
            let one = StepPlan::of(recipe, samples);
            let kinds = (0..one.steps()).map(|step| *one.step(step));
            let measured = kinds.map(|step| ((step.px, step.count), machine.measured * cost(&step, 0.0))).collect();
            let mut planner = Planner {
                recipe: recipe.clone(),
                samples,
                evaluate_every: 1,
                allowance,
                times: Times::new(measured, 4.0),
                follows: None,
                is_due: done > 0,
            };
            let mut now = machine.start + 6.0;
            if stretches.is_empty() {
                let first = planner.longest(&plan, 0, now);
                stretches.push(first);
                plan = plan.stretched(recipe, samples, first);
            }
            let mut saved = done;
            let ended = loop {
                if let Some(next) = planner.decide(&plan, done, now) {
                    is_cut |= next.samples == drawn(&plan, done);
                    stretches.push(next);
                    plan = plan.stretched(recipe, samples, next);
                }
                if done >= plan.steps() {
                    now += planner.times.evaluation + planner.times.closing();
                    break Ending::Finished;
                }
                let step = *plan.step(done);
                let seconds = cost(&step, now);
                planner.times.see(&step, seconds);
                (now, done) = (now + seconds * 1.01, done + 1);
                if plan.epoch_ended(done).is_some() && done < plan.steps() {
                    (now, saved) = (now + 4.5, done);
                }
                if now >= *taken_after {
                    break *ending;
                }
            };
            if ended == Ending::Killed {
                (done, now) = (saved, now + 10.0);
            }
            attempts.took(now);
            attempts.end(ended, done);
            if ended == Ending::Finished {
                break;
            }
        }
        let last_progress = plan.progress_after(done);
        Ended { plan, stretches, attempts, last_progress, is_cut }
    }

    fn machine(speed: &dyn Fn(f64) -> f64) -> Machine<'_> {
        Machine { speed, measured: 1.0, price: None, start: 3.0 }
    }

    #[test]
    fn a_run_of_minutes_fills_them_and_its_rate_comes_to_its_end() {
        for (speed, noise) in [(0.5, 0.0), (0.1, 0.015), (2.0, 0.01)] {
            let recipe = recipe(Budget::Minutes(10.0));
            let pace = |now: f64| speed * (1.0 + noise * (now * 7.0).sin());
            let ended = run(&recipe, 9_469, &[(machine(&pace), f64::INFINITY, Ending::Finished)]);
            let seconds = ended.attempts.seconds().unwrap();
            assert!((540.0..=600.0).contains(&seconds), "{seconds} seconds at {speed}");
            assert!((ended.last_progress - 1.0).abs() < 1e-9 && !ended.is_cut);
            assert_eq!(StepPlan::within(&recipe, 9_469, &ended.stretches), ended.plan, "it can be repeated");
        }
    }

    #[test]
    fn a_machine_that_was_measured_wrong_or_becomes_slower_is_planned_again_and_keeps_within_the_minutes() {
        let recipe = recipe(Budget::Minutes(20.0));
        let halved = |now: f64| if now < 500.0 { 0.4 } else { 0.8 };
        let steady = |_: f64| 0.5;
        let cases = [
            (machine(&halved), "half as fast midway"),
            (Machine { measured: 0.6, ..machine(&steady) }, "measured too fast"),
            (Machine { measured: 1.5, ..machine(&steady) }, "measured too slow"),
        ];
        for (machine, what) in cases {
            let ended = run(&recipe, 4_000, &[(machine, f64::INFINITY, Ending::Finished)]);
            let seconds = ended.attempts.seconds().unwrap();
            assert!(ended.stretches.len() > 1, "{what}");
            assert!((1_050.0..=1_200.0).contains(&seconds), "{what}: {seconds}");
            assert!((ended.last_progress - 1.0).abs() < 1e-9, "{what}: {}", ended.last_progress);
        }
    }

    #[test]
    fn notices_kills_and_other_machines_never_cost_more_than_the_budget() {
        let fast = |_: f64| 0.2;
        let slow = |_: f64| 0.9;
        let on = |speed, dollars| Machine { price: Some(price(dollars)), ..machine(speed) };
        for dollars in [0.02, 0.05, 0.10] {
            let recipe = recipe(Budget::Dollars(dollars));
            let third = dollars / 0.1 * 3600.0 / 3.0;
            for way in 0..3 {
                let machines = match way {
                    // A notice at 30%.
                    0 => vec![
                        (on(&fast, 0.1), third, Ending::Preempted),
                        (on(&fast, 0.1), f64::INFINITY, Ending::Finished),
                    ],
                    // Three restarts.
                    1 => (0..3)
                        .map(|_| (on(&fast, 0.1), third / 3.0, Ending::Killed))
                        .chain([(on(&fast, 0.1), f64::INFINITY, Ending::Finished)])
                        .collect(),
                    // Another machine, slower and at another price.
                    _ => vec![
                        (on(&fast, 0.1), third, Ending::Interrupted),
                        (on(&slow, 0.2), f64::INFINITY, Ending::Finished),
                    ],
                };
                let ended = run(&recipe, 4_000, &machines);
                let spent = ended.attempts.dollars().unwrap();
                assert!(spent <= dollars, "{way}: ${spent} of ${dollars}");
                assert!(spent > 0.80 * dollars, "{way}: ${spent} of ${dollars}");
                assert!(
                    (ended.last_progress - 1.0).abs() < 1e-9 || ended.is_cut,
                    "{way}: {} of ${dollars}",
                    ended.last_progress
                );
                assert!(way == 1 || !ended.is_cut, "{way}: ${dollars}");
                assert_eq!(StepPlan::within(&recipe, 4_000, &ended.stretches), ended.plan);
            }
        }
    }

    #[test]
    fn budgets_that_pay_for_nothing_allow_nothing() {
        let none = Attempts::default();
        let seconds = |dollars: f64, per_hour: f64| {
            Allowance::of(Budget::Dollars(dollars), &none, Some(&price(per_hour)), 0.0).seconds
        };
        // A dollar a second: the first minute and that of the start are charged in any case.
        assert_eq!([119.0, 120.0, 121.0, 500.0].map(|dollars| seconds(dollars, 3600.0)), [0.0, 59.0, 60.0, 439.0]);
        assert_eq!(Allowance::of(Budget::Dollars(1.0), &none, None, 0.0).seconds, 0.0);
        assert_eq!(Allowance::of(Budget::Minutes(2.0), &none, None, 3.0), Allowance { seconds: 120.0, restart: 3.0 });
    }

    #[test]
    fn a_budget_for_more_steps_than_a_history_holds_is_refused() {
        let recipe = recipe(Budget::Dollars(1000.0));
        let planner = Planner {
            samples: 9_469,
            evaluate_every: 1,
            allowance: Allowance { seconds: 1e9, restart: 0.0 },
            times: Times::new(BTreeMap::new(), 1.0),
            follows: None,
            is_due: false,
            recipe,
        };
        let of = |steps: u64| Stretch { step: 0, samples: steps * u64::from(planner.recipe.batch_size) };
        assert!(planner.too_large(Budget::Dollars(1000.0), of(MOST_STEPS - 1)).is_none());
        let error = planner.too_large(Budget::Dollars(1000.0), of(MOST_STEPS)).unwrap();
        assert!(error.to_string().contains("fewer than 4000000 steps, found $1000"), "{error}");
    }

    #[test]
    fn a_kind_of_step_that_was_not_met_is_as_much_slower_as_the_others() {
        let step = |px| PlannedStep { epoch: 0, start: 0, count: 64, px, crop: None, progress: 0.0 };
        let mut times = Times::new(BTreeMap::from([((64, 64), 1.0), ((128, 64), 4.0)]), 1.0);
        assert_eq!([64, 128, 256].map(|px| times.of(&step(px))), [1.0, 4.0, 16.0]);
        for seconds in [9.0, 2.0, 2.0] {
            times.see(&step(64), seconds);
        }
        assert_eq!([64, 128].map(|px| times.of(&step(px))), [2.0, 8.0], "the first is not counted");
    }
}
