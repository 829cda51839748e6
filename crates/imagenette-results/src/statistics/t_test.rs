//! Tests of a difference of means by Student's t: Welch's and the paired one.

use super::distribution::{student_t_two_sided, student_t_upper_quantile};
use super::{Sample, mean, variance};

/// From where to where a number lies, at the confidence that it was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Center and half width.
    pub(crate) fn around(center: f64, half_width: f64) -> Self {
        Self { low: center - half_width, high: center + half_width }
    }

    /// Whether the value lies in the interval; its ends belong to it.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// A difference of means with its standard error and degrees of freedom: all that Student's t needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// The idea's mean minus the baseline's, a fraction: D.
    pub difference: f64,
    /// The standard error of the difference, a fraction: SE.
    pub standard_error: f64,
    /// The degrees of freedom, which need not be whole: ν.
    pub degrees_of_freedom: f64,
}

impl TTest {
    /// The test statistic t = D / SE.
    pub fn t(&self) -> f64 {
        self.difference / self.standard_error
    }

    /// The two-sided p: how often a difference as large would be seen if there were none.
    pub fn p(&self) -> f64 {
        student_t_two_sided(self.t(), self.degrees_of_freedom)
    }

    /// The two-sided interval of the difference at a confidence in 0..1 (0.95 for 95%): D ± t SE.
    pub fn interval(&self, confidence: f64) -> Interval {
        let t = student_t_upper_quantile((1.0 - confidence) / 2.0, self.degrees_of_freedom);
        Interval::around(self.difference, t * self.standard_error)
    }

    /// What the difference lies below with this confidence, one-sided: D + t SE.
    pub fn upper_bound(&self, confidence: f64) -> f64 {
        self.difference + student_t_upper_quantile(1.0 - confidence, self.degrees_of_freedom) * self.standard_error
    }

    /// The difference of the idea's and the baseline's mean, whose variances are `parts` of it with their degrees of
    /// freedom (Satterthwaite 1946, Biometrics Bulletin 2:110, eq. 17): ν = (Σ v)² / Σ (v² / f).
    pub(crate) fn of_parts(difference: f64, parts: [(f64, f64); 2]) -> Option<Self> {
        let total: f64 = parts.iter().map(|(variance, _)| variance).sum();
        let spread: f64 = parts.iter().map(|(variance, degrees)| variance * variance / degrees).sum();
        let usable = total > 0.0 && total.is_finite() && difference.is_finite();
        usable.then(|| Self { difference, standard_error: total.sqrt(), degrees_of_freedom: total * total / spread })
    }
}

/// Welch's test of two arms with variances of their own (Welch 1947, Biometrika 34:28): SE² = s_A²/n_A + s_B²/n_B,
/// the degrees of freedom after Satterthwaite. Accuracies are fractions.
///
/// `None` if an arm has fewer than two runs or none of them differ in either arm.
///
/// ```
/// use imagenette_results::statistics::{Sample, welch};
///
/// let accuracies = |correct: [u32; 5]| correct.map(|correct| f64::from(correct) / 3925.0);
/// let without_whitening = Sample::of(&accuracies([3530, 3513, 3519, 3504, 3512])).unwrap();
/// let whitening = Sample::of(&accuracies([3538, 3527, 3540, 3540, 3543])).unwrap();
/// let test = welch(&without_whitening, &whitening).unwrap();
/// assert!((test.t() - 4.288_246).abs() < 1e-6);
/// assert!((test.degrees_of_freedom - 6.810_434).abs() < 1e-6);
/// assert!((test.p() - 3.855_167e-3).abs() < 1e-9);
/// assert!((100.0 * test.interval(0.95).low - 0.249_681).abs() < 1e-6);
/// assert!((100.0 * test.interval(0.95).high - 0.871_338).abs() < 1e-6);
/// ```
pub fn welch(baseline: &Sample, idea: &Sample) -> Option<TTest> {
    let enough = baseline.runs > 1 && idea.runs > 1;
    let part = |sample: &Sample| (sample.variance_of_mean(), (sample.runs.saturating_sub(1)) as f64);
    TTest::of_parts(idea.mean - baseline.mean, [part(idea), part(baseline)]).filter(|_| enough)
}

/// The paired t test (Student 1908, Biometrika 6:1) of runs that share a seed: the one-sample t of their differences.
/// Accuracies are fractions, in the same order of seeds.
///
/// `None` unless there are at least two pairs whose differences differ, and as many runs on both sides.
///
/// ```
/// use imagenette_results::statistics::paired;
///
/// let accuracies = |correct: [u32; 5]| correct.map(|correct| f64::from(correct) / 3925.0);
/// let without_whitening = accuracies([3530, 3513, 3519, 3504, 3512]);
/// let whitening = accuracies([3538, 3527, 3540, 3540, 3543]);
/// let test = paired(&without_whitening, &whitening).unwrap();
/// assert!((test.t() - 4.241_764).abs() < 1e-6);
/// assert!((test.p() - 1.324_487e-2).abs() < 1e-8);
/// ```
pub fn paired(baseline: &[f64], idea: &[f64]) -> Option<TTest> {
    if baseline.len() != idea.len() {
        return None;
    }
    let differences: Vec<f64> = idea.iter().zip(baseline).map(|(idea, baseline)| idea - baseline).collect();
    let variance = variance(&differences)? / differences.len() as f64;
    (variance > 0.0).then_some(TTest {
        difference: mean(&differences)?,
        standard_error: variance.sqrt(),
        degrees_of_freedom: (differences.len() - 1) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::super::worked_examples::{BF16, EPOCHS_5, F32, NO_MUON, NO_WHITENING, accuracies, close};
    use super::*;

    fn samples(baseline: &[u64], idea: &[u64]) -> (Sample, Sample) {
        (Sample::of(&accuracies(baseline)).unwrap(), Sample::of(&accuracies(idea)).unwrap())
    }

    #[test]
    fn whitening_gains_half_a_point_by_welch() {
        let (without, with) = samples(&NO_WHITENING, &EPOCHS_5);
        close(100.0 * with.mean, 90.129_936, 1e-6);
        close(100.0 * without.mean, 89.569_427, 1e-6);
        close(100.0 * with.variance.sqrt(), 0.157_674, 1e-6);
        close(100.0 * without.variance.sqrt(), 0.246_094, 1e-6);
        let test = welch(&without, &with).unwrap();
        close(100.0 * test.difference, 0.560_510, 1e-6);
        close(test.t(), 4.288_246, 1e-6);
        close(test.degrees_of_freedom, 6.810_434, 1e-6);
        close(test.p(), 3.855_167e-3, 1e-9);
        close(100.0 * test.interval(0.95).low, 0.249_681, 1e-6);
        close(100.0 * test.interval(0.95).high, 0.871_338, 1e-6);
    }

    #[test]
    fn whitening_gains_half_a_point_by_pairs_too() {
        let test = paired(&accuracies(&NO_WHITENING), &accuracies(&EPOCHS_5)).unwrap();
        close(test.t(), 4.241_764, 1e-6);
        // Seeds have nothing in common: the correlation is what is missing in the variance of the differences.
        let (without, with) = samples(&NO_WHITENING, &EPOCHS_5);
        let shared = with.variance + without.variance - 5.0 * test.standard_error.powi(2);
        close(shared / (2.0 * (with.variance * without.variance).sqrt()), -0.024_256, 1e-6);
        close(test.degrees_of_freedom, 4.0, 1e-12);
        close(test.p(), 1.324_487e-2, 1e-8);
        close(100.0 * test.interval(0.95).low, 0.193_628, 1e-6);
        close(100.0 * test.interval(0.95).high, 0.927_391, 1e-6);
    }

    #[test]
    fn muon_gains_a_point_and_a_half() {
        let (without, with) = samples(&NO_MUON, &EPOCHS_5);
        let test = welch(&without, &with).unwrap();
        close(100.0 * test.difference, 1.467_516, 1e-6);
        close(test.t(), 9.700_214, 1e-6);
        close(test.degrees_of_freedom, 6.061_500, 1e-6);
        close(test.p(), 6.474_581e-5, 1e-11);
        close(100.0 * test.interval(0.95).low, 1.098_239, 1e-6);
        close(100.0 * test.interval(0.95).high, 1.836_793, 1e-6);
        let test = paired(&accuracies(&NO_MUON), &accuracies(&EPOCHS_5)).unwrap();
        close(test.t(), 7.790_901, 1e-6);
        close(test.p(), 1.464_013e-3, 1e-9);
        close(100.0 * test.interval(0.95).low, 0.944_537, 1e-6);
        close(100.0 * test.interval(0.95).high, 1.990_495, 1e-6);
    }

    #[test]
    fn after_two_runs_welch_sees_nothing_of_muon() {
        let (without, with) = samples(&NO_MUON[..2], &EPOCHS_5[..2]);
        close(welch(&without, &with).unwrap().p(), 0.139, 5e-4);
    }

    #[test]
    fn bfloat16_and_float32_do_not_differ() {
        let (float32, bfloat16) = samples(&F32, &BF16);
        let test = welch(&float32, &bfloat16).unwrap();
        close(100.0 * test.difference, 0.219_108, 1e-6);
        close(test.t(), 0.835_700, 1e-6);
        close(test.degrees_of_freedom, 5.850_996, 1e-6);
        close(test.p(), 0.436_114, 1e-6);
    }

    #[test]
    fn what_has_no_spread_cannot_be_tested() {
        let equal = Sample::of(&[0.5, 0.5]).unwrap();
        assert_eq!(welch(&equal, &equal), None);
        assert_eq!(paired(&[0.5, 0.5], &[0.6, 0.6]), None);
        assert_eq!(paired(&[0.5], &[0.6]), None);
        assert_eq!(paired(&[0.5, 0.6], &[0.6]), None);
        let one = Sample { runs: 1, mean: 0.5, variance: 0.1 };
        assert_eq!(welch(&one, &one), None);
    }

    #[test]
    fn a_one_sided_bound_is_the_end_of_an_interval_at_twice_the_tail() {
        let test = TTest { difference: 0.001, standard_error: 0.002, degrees_of_freedom: 7.5 };
        close(test.upper_bound(0.95), test.interval(0.9).high, 1e-12);
    }
}
