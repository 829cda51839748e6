//! How often the whole procedure errs and what it costs, on runs whose truth is known.
//!
//! ```sh
//! cargo run --release -p imagenette-results --example simulate
//! ```
//!
//! Runs are drawn with normal accuracies, rounded to photos, and given to the procedure in their order, as `compare`
//! does. Each cell is what 20,000 trials give, with the figure of an independent simulation (numpy, as many trials of
//! its own) in brackets where there is one. Rates are percent, gains points; a rate's standard error is at most 0.35,
//! at 5% it is 0.15. The cells share their trials, so that they err together.

use std::time::Instant;

use imagenette_results::comparison::{Comparison, Decision, Design, Procedure, Runs, Spending};
use imagenette_results::statistics::{Sample, VariancePrior, welch};

const TRIALS: u64 = 20_000;
const PHOTOS: u64 = 3925;
/// What a run gets right on average in the table of errors: its prior standard deviation is .357 points.
const ACCURACY: f64 = 0.90;
/// The standard deviation of a run in the table of gains.
const DEVIATION: f64 = 0.003;

/// How runs spread.
#[derive(Clone, Copy)]
struct Spread {
    /// The standard deviation of a run in each arm, a fraction.
    baseline: f64,
    idea: f64,
    /// The correlation of runs that share a seed.
    correlation: f64,
    /// Student's t with five degrees of freedom instead of a normal distribution.
    heavy_tails: bool,
}

impl Spread {
    fn normal(baseline: f64, idea: f64) -> Self {
        Self { baseline, idea, correlation: 0.0, heavy_tails: false }
    }
}

/// Random numbers that depend on their place alone: every cell sees the same trials.
struct Trial(u64);

impl Trial {
    /// Uniform in 0..1, the ends left out: the mixing function of splitmix64 over a counter.
    fn uniform(&self, index: u64) -> f64 {
        let mut word = (self.0 << 20 | index).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((word ^ word >> 31) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON / 4.0
    }

    /// Standard normal (Box and Muller).
    fn normal(&self, index: u64) -> f64 {
        let (radius, angle) = (self.uniform(2 * index), self.uniform(2 * index + 1));
        (-2.0 * radius.ln()).sqrt() * (2.0 * std::f64::consts::PI * angle).cos()
    }

    /// A value of mean 0 and variance 1 for a run of an arm.
    fn value(&self, arm: u64, run: u64, spread: &Spread) -> f64 {
        let place = 64 * (3 * run + arm);
        let shared = self.normal(64 * (3 * run + 2));
        let value = spread.correlation.sqrt() * shared + (1.0 - spread.correlation).sqrt() * self.normal(place);
        if !spread.heavy_tails {
            return value;
        }
        let squares: f64 = (1..=5).map(|index| self.normal(place + index).powi(2)).sum();
        // The variance of Student's t with five degrees of freedom is 5/3.
        value / (squares / 5.0).sqrt() / (5.0_f64 / 3.0).sqrt()
    }

    /// How many photos each run of an arm gets right.
    fn correct(&self, arm: u64, runs: usize, mean: f64, spread: &Spread) -> Vec<u64> {
        let deviation = if arm == 0 { spread.baseline } else { spread.idea };
        let count = |run: u64| (mean + deviation * self.value(arm, run, spread)) * PHOTOS as f64;
        (0..runs as u64).map(|run| count(run).round().clamp(0.0, PHOTOS as f64) as u64).collect()
    }
}

/// What many trials of a procedure say.
#[derive(Default)]
struct Outcome {
    helps: u64,
    hurts: u64,
    no_gain: u64,
    not_clear: u64,
    baseline_runs: u64,
    idea_runs: u64,
    /// The sum of the gains reported with "helps".
    reported: f64,
}

impl Outcome {
    fn of(design: Design, accuracy: f64, gain: f64, spread: &Spread) -> Self {
        let procedure = Procedure::new(design).expect("the designs here can be carried out");
        let last = procedure.looks().last().expect("a design has looks");
        let (baseline_runs, idea_runs) = (last.baseline_runs, last.idea_runs);
        let mut outcome = Self::default();
        for trial in (0..TRIALS).map(Trial) {
            let baseline = trial.correct(0, baseline_runs, accuracy, spread);
            let idea = trial.correct(1, idea_runs, accuracy + gain, spread);
            let runs = |correct| Runs { correct, photos: PHOTOS };
            outcome.add(&procedure.compare(&runs(&baseline), &runs(&idea)).expect("all runs are there"));
        }
        outcome
    }

    fn add(&mut self, comparison: &Comparison) {
        let last = comparison.last();
        self.baseline_runs += last.planned.baseline_runs as u64;
        self.idea_runs += last.planned.idea_runs as u64;
        match comparison.decision() {
            Decision::Helps => {
                self.helps += 1;
                self.reported += last.test().difference;
            }
            Decision::Hurts => self.hurts += 1,
            Decision::NoGain => self.no_gain += 1,
            Decision::NotClear | Decision::GoesOn => self.not_clear += 1,
        }
    }

    fn percent(count: u64) -> f64 {
        100.0 * count as f64 / TRIALS as f64
    }

    /// How often either verdict was wrong where nothing is to be found.
    fn errors(&self) -> f64 {
        Self::percent(self.helps + self.hurts)
    }

    /// The mean number of runs of the idea.
    fn runs(&self) -> f64 {
        self.idea_runs as f64 / TRIALS as f64
    }

    /// The mean gain reported with "helps", in points.
    fn reported(&self) -> f64 {
        100.0 * self.reported / self.helps as f64
    }
}

/// A figure beside that of the other simulation, if there is one.
fn beside(found: f64, other: &str, decimals: usize) -> String {
    let found = if found.is_nan() { "-".into() } else { format!("{found:.decimals$}") };
    if other.is_empty() { found } else { format!("{found} [{other}]") }
}

/// Errors of the whole procedure, without a stop for "no gain", under the prior's truth and others.
fn errors() {
    println!("## Errors where there is nothing to find, equal arms / a stored baseline of ten\n");
    println!("| truth against prior | d0 = 0 | d0 = 2 | d0 = 3 | d0 = 3 + guard | d0 = 4 |\n|--|--|--|--|--|--|");
    let prior = ((1.0 - ACCURACY) / (2.0 * PHOTOS as f64)).sqrt();
    let normal = |baseline: f64, idea: f64| Spread::normal(baseline * prior, idea * prior);
    let rows: [(&str, Spread, [[&str; 2]; 5]); 8] = [
        (
            "sd 0.9 of the prior",
            normal(0.9, 0.9),
            [["4.8", "8.5"], ["3.1", "3.0"], ["2.9", "2.8"], ["3.2", "2.9"], ["2.7", "2.6"]],
        ),
        (
            "sd as the prior",
            normal(1.0, 1.0),
            [["4.8", "8.5"], ["4.0", "3.8"], ["3.9", "3.8"], ["4.1", "3.8"], ["3.9", "3.7"]],
        ),
        (
            "both 1.5 times",
            normal(1.5, 1.5),
            [["4.8", "8.5"], ["6.8", "7.1"], ["7.9", "7.9"], ["6.9", "6.7"], ["9.1", "8.8"]],
        ),
        (
            "both 2 times",
            normal(2.0, 2.0),
            [["4.8", "8.5"], ["9.2", "10.0"], ["11.7", "11.9"], ["8.2", "8.6"], ["14.2", "13.7"]],
        ),
        (
            "only the idea 1.5 times",
            normal(1.0, 1.5),
            [["5.0", "11.0"], ["5.7", "7.2"], ["6.2", "8.0"], ["5.9", "7.5"], ["6.8", "8.7"]],
        ),
        (
            "only the idea 2 times",
            normal(1.0, 2.0),
            [["5.4", "12.3"], ["7.8", "10.5"], ["9.4", "12.8"], ["7.7", "11.1"], ["10.7", "14.7"]],
        ),
        (
            "seeds correlated by .3",
            Spread { correlation: 0.3, ..normal(1.0, 1.0) },
            [["2.1", ""], ["1.2", ""], ["1.1", ""], ["", ""], ["1.1", ""]],
        ),
        (
            "tails of Student's t(5)",
            Spread { heavy_tails: true, ..normal(1.0, 1.0) },
            [["4.3", ""], ["3.1", ""], ["3.0", ""], ["", ""], ["3.0", ""]],
        ),
    ];
    // Next to nothing instead of nothing: plain Welch from the second pair on. `--strict` begins with the third.
    let weights = [(1e-9, None), (2.0, None), (3.0, None), (3.0, Some(0.05)), (4.0, None)];
    for (name, spread, expected) in rows {
        print!("| {name} |");
        for ((degrees_of_freedom, guard), expected) in weights.into_iter().zip(expected) {
            let prior = VariancePrior { degrees_of_freedom, guard };
            let design = Design { margin: None, prior, ..Design::default() };
            let equal = Outcome::of(design, ACCURACY, 0.0, &spread).errors();
            print!(" {}", beside(equal, expected[0], 1));
            if !expected[1].is_empty() {
                let stored = Design { stored_baseline: 10, ..design };
                print!(" / {}", beside(Outcome::of(stored, ACCURACY, 0.0, &spread).errors(), expected[1], 1));
            }
            print!(" |");
        }
        println!();
    }
    println!();
    let strict = Design { margin: None, ..Design::default() }.strict();
    let stored = Design { stored_baseline: 10, ..strict };
    let errors = |design| Outcome::of(design, ACCURACY, 0.0, &normal(1.0, 1.0)).errors();
    println!("`--strict` (plain Welch, from the third pair on): {:.1} / {:.1}", errors(strict), errors(stored));
    println!("Looking after every pair with Welch's p < .05: {}\n", beside(peeking(prior), "16.1", 1));
}

/// How often looking after each pair from the second on with p < .05 finds something where nothing is.
fn peeking(deviation: f64) -> f64 {
    let spread = Spread::normal(deviation, deviation);
    let finds = |trial: Trial| {
        let accuracies = |arm| {
            let correct = trial.correct(arm, 10, ACCURACY, &spread);
            correct.into_iter().map(|correct| correct as f64 / PHOTOS as f64).collect::<Vec<_>>()
        };
        let (baseline, idea) = (accuracies(0), accuracies(1));
        (2..=10).any(|runs| {
            let samples = Sample::of(&baseline[..runs]).zip(Sample::of(&idea[..runs]));
            samples.and_then(|(baseline, idea)| welch(&baseline, &idea)).is_some_and(|test| test.p() < 0.05)
        })
    };
    Outcome::percent((0..TRIALS).filter(|trial| finds(Trial(*trial))).count() as u64)
}

/// The accuracy at which the prior's variance is 1.25 times that of the table of gains, as measured.
fn accuracy_of_gains() -> f64 {
    1.0 - 1.25 * DEVIATION * DEVIATION * 2.0 * PHOTOS as f64
}

/// Verdicts and cost of the default design.
fn gains() {
    println!("## Verdicts of the default design\n");
    println!("Standard deviation .3 points in both arms, margin .5 points, at most 10 + 10 runs.\n");
    println!(
        "| true gain | helps | hurts | no gain >= .5 | not clear | runs an arm | reported gain when \"helps\" \
         | new runs with a stored baseline of 10 |\n|--|--|--|--|--|--|--|--|"
    );
    let rows = [
        (-1.0, [""; 7]),
        (-0.5, [""; 7]),
        (0.0, ["1.4", ".0", "95.2", "3.4", "5.9", ".43", "4.7"]),
        (0.2, ["21.4", "0", "60.1", "18.5", "7.7", ".45", "6.8"]),
        (0.3, ["45.8", "0", "32.8", "21.4", "8.0", ".48", "7.1"]),
        (0.5, ["89.9", "0", "3.5", "6.6", "6.6", ".58", "5.5"]),
        (0.7, ["99.6", "0", ".1", ".3", "4.8", ".76", "3.7"]),
        (1.0, ["100", "0", "0", "0", "3.4", "1.06", "2.6"]),
        (1.5, ["100", "0", "0", "0", "2.3", "1.53", "2.1"]),
    ];
    for (gain, design) in rows {
        let outcome = gained(Design::default(), gain);
        let stored = gained(Design { stored_baseline: 10, ..Design::default() }, gain);
        let shares = [outcome.helps, outcome.hurts, outcome.no_gain, outcome.not_clear].map(Outcome::percent);
        let mut cells: Vec<String> =
            shares.iter().zip(design).map(|(share, design)| beside(*share, design, 1)).collect();
        cells.push(beside(outcome.runs(), design[4], 1));
        cells.push(beside(outcome.reported(), design[5], 2));
        cells.push(beside(stored.runs(), design[6], 1));
        println!("| {gain:.1} | {} |", cells.join(" | "));
    }
    println!();
}

/// The outcome at a true gain in points.
fn gained(design: Design, gain: f64) -> Outcome {
    Outcome::of(design, accuracy_of_gains(), gain / 100.0, &Spread::normal(DEVIATION, DEVIATION))
}

/// What other choices cost.
fn other_designs() {
    println!("## Other designs\n");
    println!(
        "| design | true gain | helps | hurts | no gain | not clear | new runs of the idea | of the baseline |\n\
         |--|--|--|--|--|--|--|--|"
    );
    let row = |name: &str, design: Design, gain: f64, expected: [&str; 5]| {
        let outcome = gained(design, gain);
        let shares = [outcome.helps, outcome.hurts, outcome.no_gain, outcome.not_clear].map(Outcome::percent);
        let cells: Vec<String> =
            shares.iter().zip(expected).map(|(share, expected)| beside(*share, expected, 1)).collect();
        // Stored runs cost nothing; what joins them does.
        let baseline = outcome.baseline_runs as f64 / TRIALS as f64 - design.stored_baseline as f64;
        let runs = beside(outcome.runs(), expected[4], 1);
        println!("| {name} | {gain:.1} | {} | {runs} | {:.1} |", cells.join(" | "), baseline.max(0.0));
    };
    let default = Design::default();
    let stored = Design { stored_baseline: 5, baseline_grows: false, ..default };
    row("stored baseline of 5", stored, 0.3, ["26", "", "", "", ""]);
    row("stored baseline of 5", stored, 0.5, ["69", "", "", "", ""]);
    let grows = Design { baseline_grows: true, ..stored };
    row("stored baseline of 5 that grows", grows, 0.3, [""; 5]);
    row("stored baseline of 5 that grows", grows, 0.5, [""; 5]);
    let twenty = Design { max_runs: 20, ..default };
    row("20 an arm", twenty, 0.0, ["", "", "", "", "7.3"]);
    row("20 an arm", twenty, 0.3, ["61", "", "", "", "11.1"]);
    row("20 an arm", twenty, 0.5, ["98", "", "", "", "8.2"]);
    let five = Design { max_runs: 5, ..default };
    row("5 an arm", five, 0.0, ["", "", "", "27", ""]);
    row("5 an arm", five, 0.5, ["57", "", "", "", ""]);
    let one_point = Design { margin: Some(0.01), ..five };
    row("5 an arm, margin 1", one_point, 0.0, ["", "", "", "", "2.5"]);
    row("5 an arm, margin 1", one_point, 0.5, ["", "", "55", "", ""]);
    for (rho, power, runs) in [(1.0, "89", "3.0"), (1.5, "90", "3.3"), (2.0, "91", "3.6"), (3.0, "93", "4.1")] {
        let design = Design { spending: Spending::Power { rho }, ..default };
        row(&format!("rho {rho}"), design, 0.5, [power, "", "", "", ""]);
        row(&format!("rho {rho}"), design, 1.0, ["", "", "", "", runs]);
    }
    let settle = Design { settle_losses: true, ..default };
    for gain in [-1.5, -1.0, -0.5, 0.0] {
        row("losses are settled", settle, gain, [""; 5]);
    }
    println!();
}

fn main() {
    let start = Instant::now();
    println!("{TRIALS} trials a cell; in brackets the figure of an independent simulation.\n");
    errors();
    gains();
    other_designs();
    println!("{:.0} s", start.elapsed().as_secs_f64());
}
