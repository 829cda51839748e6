//! The procedure on runs that are in `records/`, and on one recipe against itself.

use super::*;
use crate::statistics::worked_examples::{
    BF16, EPOCHS_5, F32, NO_MUON, NO_WHITENING, ONE_RECIPE, PHOTOS, accuracies, close,
};
use crate::statistics::{Sample, welch};

fn runs(correct: &[u64]) -> Runs<'_> {
    Runs { correct, photos: PHOTOS }
}

fn compare(baseline: &[u64], idea: &[u64]) -> Comparison {
    Procedure::new(Design::default()).unwrap().compare(&runs(baseline), &runs(idea)).unwrap()
}

#[test]
fn whitening_is_found_to_help_at_the_fourth_look() {
    let comparison = compare(&NO_WHITENING, &EPOCHS_5);
    let looks = comparison.looks();
    assert_eq!(looks.len(), 4);
    let (difference, error): (Vec<f64>, Vec<f64>) =
        looks.iter().map(|look| (100.0 * look.test().difference, 100.0 * look.test().standard_error)).unzip();
    close(difference[0], 0.280_255, 1e-6);
    close(error[0], 0.336_918, 1e-6);
    close(looks[0].test().degrees_of_freedom, 7.958_927, 1e-6);
    close(looks[0].test().p(), 0.429_760, 1e-6);
    close(difference[1], 0.365_180, 1e-6);
    close(error[1], 0.249_471, 1e-6);
    close(looks[1].test().degrees_of_freedom, 9.974_883, 1e-6);
    close(looks[1].test().p(), 0.174_031, 1e-6);
    close(difference[2], 0.5032, 5e-5);
    close(error[2], 0.2125, 5e-5);
    close(looks[2].test().degrees_of_freedom, 11.69, 5e-3);
    close(looks[2].test().p(), 0.03604, 5e-6);
    close(looks[3].test().p(), 0.007_443, 5e-7);
    close(looks[3].planned.limit.p, 0.009_598, 5e-7);
    let decisions: Vec<_> = looks.iter().map(|look| look.decision).collect();
    assert_eq!(decisions, [Decision::GoesOn, Decision::GoesOn, Decision::GoesOn, Decision::Helps]);
}

#[test]
fn the_verdict_on_whitening_has_all_its_numbers() {
    let comparison = compare(&NO_WHITENING, &EPOCHS_5);
    let last = comparison.last();
    close(100.0 * last.interval().low, 0.023_089, 1e-6);
    close(100.0 * last.interval().high, 1.097_931, 1e-6);
    close(100.0 * last.interval_95().low, 0.176_487, 1e-6);
    close(100.0 * last.interval_95().high, 0.944_533, 1e-6);
    close(last.normal_superiority(), 0.919_666, 1e-6);
    close(last.counted_superiority, 0.96, 1e-12);
    close(last.error_ratio().fewer(), 0.053_737, 1e-6);
    assert!(last.error_ratio_interval().high < 1.0);
    close(100.0 * last.smallest_gain(), (2.589_996 + 0.841_621) * 0.178_687, 2e-6);
    close(last.runs_needed(0.003), (0.068_092 + 0.091_553) * (2.241_454_f64 + 0.841_621).powi(2) / 0.09, 1e-3);
    assert!(last.upper_bound().unwrap() > last.test().difference);
}

#[test]
fn muon_is_found_to_help_at_the_second_look_and_to_hurt_the_other_way_round() {
    let comparison = compare(&NO_MUON, &EPOCHS_5);
    let looks = comparison.looks();
    close(100.0 * looks[0].test().difference, 1.324_841, 1e-6);
    close(100.0 * looks[0].test().standard_error, 0.375_364, 1e-6);
    close(looks[0].test().degrees_of_freedom, 7.521_478, 1e-6);
    close(looks[0].test().p(), 8.545_904e-3, 1e-9);
    close(looks[0].planned.limit.p, 0.004_472, 1e-6);
    close(100.0 * looks[1].test().standard_error, 0.2787, 5e-5);
    close(looks[1].test().p(), 0.000_87, 5e-6);
    assert_eq!((looks.len(), comparison.decision()), (2, Decision::Helps));
    assert_eq!(comparison.unused, (2, 2));

    // At a loss as large there is soon no gain worth having: it is said a look earlier than "hurts" would be.
    let reverse = compare(&EPOCHS_5, &NO_MUON);
    assert_eq!((reverse.looks().len(), reverse.decision()), (1, Decision::NoGain));
    for design in [Design { margin: None, ..Design::default() }, Design { settle_losses: true, ..Design::default() }] {
        let reverse = Procedure::new(design).unwrap().compare(&runs(&EPOCHS_5), &runs(&NO_MUON)).unwrap();
        assert_eq!((reverse.looks().len(), reverse.decision()), (2, Decision::Hurts));
    }
}

#[test]
fn hurts_is_said_rather_than_no_gain_at_the_same_look() {
    let comparison = compare(&[3530, 3532], &[3400, 3402]);
    assert_eq!(comparison.decision(), Decision::Hurts);
    assert!(comparison.last().upper_bound().unwrap() < 0.0);
}

#[test]
fn bfloat16_against_float32_goes_on_after_five() {
    let comparison = compare(&F32, &BF16);
    assert_eq!((comparison.looks().len(), comparison.decision()), (4, Decision::GoesOn));
    let test = comparison.last().test();
    close(100.0 * test.difference, 0.219_108, 1e-6);
    close(100.0 * test.standard_error, 0.275_169, 1e-6);
    close(test.degrees_of_freedom, 12.717_515, 1e-6);
    close(test.p(), 0.440_488, 1e-6);
    assert_eq!(comparison.unused, (0, 0));
}

#[test]
fn the_decision_is_what_the_intervals_say() {
    let mut shuffled = Shuffled { runs: ONE_RECIPE, state: 7 };
    for shift in [-40, -15, 0, 10, 25, 60] {
        for _ in 0..40 {
            let (baseline, idea) = shuffled.split();
            let idea = idea.map(|correct| correct.saturating_add_signed(shift));
            for look in compare(&baseline, &idea).looks() {
                let (interval, bound) = (look.interval(), look.upper_bound().unwrap());
                let expected = if interval.low > 0.0 {
                    Decision::Helps
                } else if interval.high < 0.0 {
                    Decision::Hurts
                } else if bound < 0.005 {
                    Decision::NoGain
                } else if look.planned.idea_runs == 10 {
                    Decision::NotClear
                } else {
                    Decision::GoesOn
                };
                assert_eq!(look.decision, expected);
            }
        }
    }
}

#[test]
fn the_next_look_says_which_runs_are_missing() {
    let procedure = Procedure::new(Design { stored_baseline: 5, ..Design::default() }).unwrap();
    let missing = |baseline, idea| {
        let look = procedure.next_look(baseline, idea)?;
        Some((look.baseline_runs, look.idea_runs))
    };
    assert_eq!(missing(5, 0), Some((5, 2)));
    assert_eq!(missing(5, 5), Some((6, 6)));
    assert_eq!(missing(6, 5), Some((6, 6)));
    assert_eq!(missing(10, 10), None);
}

#[test]
fn one_look_of_all_runs_is_a_plain_test() {
    let procedure = Procedure::new(Design::fixed(5).strict()).unwrap();
    let comparison = procedure.compare(&runs(&NO_WHITENING), &runs(&EPOCHS_5)).unwrap();
    assert_eq!((comparison.looks().len(), comparison.decision()), (1, Decision::Helps));
    close(comparison.last().test().p(), 3.855_167e-3, 1e-9);
    let procedure = Procedure::new(Design::fixed(5)).unwrap();
    let comparison = procedure.compare(&runs(&F32), &runs(&BF16)).unwrap();
    assert_eq!(comparison.decision(), Decision::NotClear);
}

#[test]
fn strict_does_not_stop_at_runs_that_agree_by_chance() {
    let procedure = Procedure::new(Design::default().strict()).unwrap();
    let comparison = procedure.compare(&runs(&[3500, 3500, 3500]), &runs(&[3500, 3500, 3500])).unwrap();
    let test = comparison.last().test();
    assert!(test.standard_error > 0.0 && test.p() == 1.0);
}

#[test]
fn runs_that_make_no_comparison_are_refused() {
    let procedure = Procedure::new(Design::default()).unwrap();
    let refused = |baseline: &[u64], idea: &[u64]| {
        let error = procedure.compare(&runs(baseline), &runs(idea)).unwrap_err();
        assert!(!error.to_string().is_empty() && !error.hint().is_empty());
        error
    };
    for (baseline, idea) in [(&[][..], &[][..]), (&[3500], &[3500]), (&[3500, 3501], &[3500])] {
        assert!(matches!(refused(baseline, idea), ComparisonError::TooFewRuns { idea_needed: 2, .. }));
    }
    let eleven = [3500; 11];
    let error = ComparisonError::TooManyRuns { arm: Arm::Idea, planned: 10, found: 11 };
    assert_eq!(refused(&eleven[..10], &eleven), error);
    let error = ComparisonError::TooManyRuns { arm: Arm::Baseline, planned: 10, found: 11 };
    assert_eq!(refused(&eleven, &eleven[..2]), error);
    let error = ComparisonError::CountAboveTotal { arm: Arm::Idea, run: 2, correct: 3926, photos: 3925 };
    assert_eq!(refused(&[3500, 3501], &[3500, 3926]), error);
    let other = Runs { correct: &[900, 901], photos: 1000 };
    let error = procedure.compare(&runs(&[3500, 3501]), &other).unwrap_err();
    assert_eq!(error, ComparisonError::OtherTotals { baseline: 3925, idea: 1000 });
    let none = Runs { correct: &[0, 0], photos: 0 };
    assert_eq!(procedure.compare(&none, &none).unwrap_err(), ComparisonError::NoPhotos);
    assert_eq!(
        refused(&[3500], &[3500]).to_string(),
        "too few runs: the first look needs 2 of the baseline and 2 of the idea, found 1 and 1"
    );
    let strict = Procedure::new(Design::default().strict()).unwrap();
    let error = strict.compare(&runs(&[3500, 3501]), &runs(&[3500, 3501])).unwrap_err();
    assert!(matches!(error, ComparisonError::TooFewRuns { idea_needed: 3, baseline_needed: 3, .. }));
}

/// Runs in another order each time (Fisher and Yates' shuffle).
struct Shuffled {
    runs: [u64; 24],
    state: u64,
}

impl Shuffled {
    /// Ten runs and ten others.
    fn split(&mut self) -> ([u64; 10], [u64; 10]) {
        for place in (1..self.runs.len()).rev() {
            let other = self.below(place as u64 + 1) as usize;
            self.runs.swap(place, other);
        }
        (std::array::from_fn(|run| self.runs[run]), std::array::from_fn(|run| self.runs[10 + run]))
    }

    /// A number below `end`: the upper bits of a product with a congruential generator's state, after Lehmer.
    fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.state) * u128::from(end)) >> 64) as u64
    }
}

/// One recipe against itself on real photos: 24 seeds, dealt to two arms of ten in 20,000 ways. The ways share runs,
/// so that this is a check of sanity and no proof.
#[test]
fn a_recipe_does_not_beat_itself() {
    let all = Sample::of(&accuracies(&ONE_RECIPE)).unwrap();
    let prior = (1.0 - all.mean) / (2.0 * PHOTOS as f64);
    close(100.0 * all.mean, 78.73, 5e-3);
    close(100.0 * all.variance.sqrt(), 0.398, 5e-4);
    close(100.0 * prior.sqrt(), 0.521, 5e-4);
    close(all.variance / prior, 0.59, 1e-2);

    let procedure = Procedure::new(Design::default()).unwrap();
    let mut shuffled = Shuffled { runs: ONE_RECIPE, state: 1 };
    let trials = 20_000;
    let (mut helps, mut hurts, mut no_gain, mut not_clear, mut runs_used, mut peeked) = (0, 0, 0, 0, 0, 0);
    for _ in 0..trials {
        let (baseline, idea) = shuffled.split();
        let comparison = procedure.compare(&runs(&baseline), &runs(&idea)).unwrap();
        match comparison.decision() {
            Decision::Helps => helps += 1,
            Decision::Hurts => hurts += 1,
            Decision::NoGain => no_gain += 1,
            Decision::NotClear => not_clear += 1,
            Decision::GoesOn => unreachable!("ten runs decide"),
        }
        runs_used += comparison.last().planned.idea_runs;
        let significant = |runs: usize| {
            let sample = |correct: &[u64]| Sample::of(&accuracies(correct));
            let samples = sample(&baseline[..runs]).zip(sample(&idea[..runs]));
            samples.and_then(|(baseline, idea)| welch(&baseline, &idea)).is_some_and(|test| test.p() < 0.05)
        };
        peeked += usize::from((2..=10).any(significant));
    }
    let share = |count: usize| 100.0 * count as f64 / trials as f64;
    close(share(helps), 0.96, 0.3);
    assert_eq!(hurts, 0);
    close(share(no_gain), 75.3, 1.0);
    close(share(not_clear), 23.7, 1.0);
    close(runs_used as f64 / trials as f64, 7.7, 0.1);
    close(share(peeked), 16.2, 0.9);
}
