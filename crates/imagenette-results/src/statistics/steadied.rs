//! Welch's test with variances steadied by what calibration predicts: the test that verdicts rest on.

use super::distribution::chi_square_upper_tail;
use super::{ErrorRatio, Sample, TTest, superiority_normal};

/// How much is believed beforehand about the spread of training runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VariancePrior {
    /// How many degrees of freedom the prior is worth: d₀. 0 is plain Welch.
    pub degrees_of_freedom: f64,
    /// An arm whose spread would be that rare if the prior held is taken for itself: a tail of chi-square, 0.05.
    pub guard: Option<f64>,
}

impl VariancePrior {
    /// Three degrees of freedom, and none for an arm whose spread refutes the prior at 5%. The simulation in
    /// `examples/simulate.rs` shows the errors of this choice and of its neighbors.
    pub const STEADIED: Self = Self { degrees_of_freedom: 3.0, guard: Some(0.05) };
    /// Nothing is believed: plain Welch.
    pub const NONE: Self = Self { degrees_of_freedom: 0.0, guard: None };

    /// Whether every arm stands for itself.
    pub fn is_none(&self) -> bool {
        self.degrees_of_freedom <= 0.0
    }
}

/// One arm of the test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteadiedArm {
    /// Its runs, with their own mean and variance.
    pub sample: Sample,
    /// The mean error, a fraction; half a photo if there was none.
    pub error: f64,
    /// What calibration predicts for the variance of a run, in fractions squared: v₀.
    pub prior_variance: f64,
    /// Whether the runs spread so much that the prior is left out.
    pub prior_refuted: bool,
    /// The variance of a run that the test uses, in fractions squared: t_X.
    pub variance: f64,
    /// Its degrees of freedom: f_X.
    pub degrees_of_freedom: f64,
}

impl SteadiedArm {
    /// Steadies the variance of an arm. The prior is Jordan's (arXiv 2304.01910): with calibrated runs and photos
    /// that go wrong on their own, the variance of a run's accuracy is v₀ = error / (2 N). It is weighed in as by
    /// Smyth (2004, Stat. Appl. Genet. Mol. Biol. 3:3): t = (d₀ v₀ + (n − 1) s²) / (d₀ + n − 1), in each arm alone.
    ///
    /// An arm with (n − 1) s² / v₀ beyond chi-square's upper 5% at n − 1 degrees keeps its own variance. Without a
    /// prior the variance is at least 1 / (12 N²), the rounding to whole photos, so that runs that happen to agree
    /// do not divide by zero.
    ///
    /// `None` for fewer than two runs or no photos.
    ///
    /// ```
    /// use imagenette_results::statistics::{Sample, SteadiedArm, VariancePrior};
    ///
    /// // Two runs 0.8 points apart in standard deviation where .355 are foreseen: 5.09 > 3.84.
    /// let sample = Sample { runs: 2, mean: 0.901_3, variance: 0.008 * 0.008 };
    /// let arm = SteadiedArm::of(&sample, 3925, &VariancePrior::STEADIED).unwrap();
    /// assert!((1e4 * arm.prior_variance - 0.1257).abs() < 1e-4);
    /// assert!(arm.prior_refuted && arm.degrees_of_freedom == 1.0);
    /// ```
    pub fn of(sample: &Sample, photos: u64, prior: &VariancePrior) -> Option<Self> {
        if sample.runs < 2 || photos == 0 {
            return None;
        }
        let photos = photos as f64;
        let error = (1.0 - sample.mean).max(0.5 / photos);
        let prior_variance = error / (2.0 * photos);
        let own_degrees = (sample.runs - 1) as f64;
        let squares = own_degrees * sample.variance;
        let prior_refuted = prior.guard.is_some_and(|tail| {
            // The quantile lies above its degrees of freedom for every tail that a guard has: most arms need no tail.
            sample.variance > prior_variance && chi_square_upper_tail(squares / prior_variance, own_degrees) < tail
        });
        let prior_degrees = if prior_refuted { 0.0 } else { prior.degrees_of_freedom.max(0.0) };
        let degrees_of_freedom = prior_degrees + own_degrees;
        let variance = (prior_degrees * prior_variance + squares) / degrees_of_freedom;
        let rounding = 1.0 / (12.0 * photos * photos);
        Some(Self {
            sample: *sample,
            error,
            prior_variance,
            prior_refuted,
            variance: variance.max(rounding),
            degrees_of_freedom,
        })
    }

    /// The variance of the mean: t_X / n.
    fn variance_of_mean(&self) -> f64 {
        self.variance / self.sample.runs as f64
    }
}

/// The steadied test of two arms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteadiedWelch {
    /// The baseline's arm.
    pub baseline: SteadiedArm,
    /// The idea's arm.
    pub idea: SteadiedArm,
    /// Difference, standard error and degrees of freedom.
    pub test: TTest,
}

impl SteadiedWelch {
    /// The idea's errors over the baseline's, with an interval on the scale of logarithms (the delta method): SE² =
    /// t_A / (n_A e_A²) + t_B / (n_B e_B²).
    ///
    /// ```
    /// use imagenette_results::statistics::{Sample, VariancePrior, steadied_welch};
    ///
    /// let sample = |correct: [u32; 5]| Sample::of(&correct.map(|correct| f64::from(correct) / 3925.0)).unwrap();
    /// let (without, with) = (sample([3530, 3513, 3519, 3504, 3512]), sample([3538, 3527, 3540, 3540, 3543]));
    /// let errors = steadied_welch(&without, &with, 3925, &VariancePrior::STEADIED).unwrap().error_ratio();
    /// // 9.870064% instead of 10.430573% wrong: 5.4% fewer errors.
    /// assert!((errors.fewer() - 0.053_737).abs() < 1e-6);
    /// ```
    pub fn error_ratio(&self) -> ErrorRatio {
        let part = |arm: &SteadiedArm| (arm.variance_of_mean() / arm.error.powi(2), arm.degrees_of_freedom);
        ErrorRatio::of_parts(self.idea.error / self.baseline.error, [part(&self.idea), part(&self.baseline)])
    }

    /// P(a run of the idea beats one of the baseline) for normal runs with the steadied variances: see
    /// [`superiority_normal`].
    pub fn superiority(&self) -> f64 {
        superiority_normal(self.test.difference, self.idea.variance + self.baseline.variance)
    }
}

/// Welch's test with both arms' variances steadied by the prior: SE² = t_A/n_A + t_B/n_B, the degrees of freedom
/// after Satterthwaite over f_A and f_B. It speaks about new seeds on these photos. Accuracies are fractions.
///
/// Two arms and no pooled variance, since an idea may well be noisier than its baseline. With
/// [`VariancePrior::NONE`] it is [`welch`](super::welch).
///
/// `None` if an arm has fewer than two runs or there are no photos.
///
/// ```
/// use imagenette_results::statistics::{Sample, VariancePrior, steadied_welch};
///
/// let sample = |correct: [u32; 5]| Sample::of(&correct.map(|correct| f64::from(correct) / 3925.0)).unwrap();
/// let without_whitening = sample([3530, 3513, 3519, 3504, 3512]);
/// let whitening = sample([3538, 3527, 3540, 3540, 3543]);
/// let steadied = steadied_welch(&without_whitening, &whitening, 3925, &VariancePrior::STEADIED).unwrap();
/// let test = steadied.test;
/// assert!((100.0 * test.standard_error - 0.178_687).abs() < 1e-6);
/// assert!((test.degrees_of_freedom - 13.704_045).abs() < 1e-6);
/// assert!((test.t() - 3.136_827).abs() < 1e-6);
/// assert!((test.p() - 7.442_950e-3).abs() < 1e-9);
/// assert!((100.0 * test.interval(0.95).low - 0.176_487).abs() < 1e-6);
/// assert!((100.0 * test.interval(0.95).high - 0.944_533).abs() < 1e-6);
/// assert!((steadied.superiority() - 0.919_666).abs() < 1e-6);
/// ```
pub fn steadied_welch(baseline: &Sample, idea: &Sample, photos: u64, prior: &VariancePrior) -> Option<SteadiedWelch> {
    let baseline = SteadiedArm::of(baseline, photos, prior)?;
    let idea = SteadiedArm::of(idea, photos, prior)?;
    let part = |arm: &SteadiedArm| (arm.variance_of_mean(), arm.degrees_of_freedom);
    let test = TTest::of_parts(idea.sample.mean - baseline.sample.mean, [part(&idea), part(&baseline)])?;
    Some(SteadiedWelch { baseline, idea, test })
}

#[cfg(test)]
mod tests {
    use super::super::worked_examples::{BF16, EPOCHS_5, F32, NO_MUON, NO_WHITENING, PHOTOS, accuracies, close};
    use super::super::{chi_square_upper_quantile, welch};
    use super::*;

    fn steadied(baseline: &[u64], idea: &[u64]) -> SteadiedWelch {
        let sample = |correct| Sample::of(&accuracies(correct)).unwrap();
        steadied_welch(&sample(baseline), &sample(idea), PHOTOS, &VariancePrior::STEADIED).unwrap()
    }

    #[test]
    fn whitening_is_seen_with_five_runs() {
        let steadied = steadied(&NO_WHITENING, &EPOCHS_5);
        assert!(!steadied.idea.prior_refuted && !steadied.baseline.prior_refuted);
        close(1e4 * steadied.idea.prior_variance, 0.125_733_295, 1e-9);
        close(1e4 * steadied.baseline.prior_variance, 0.132_873_545, 1e-9);
        close(1e4 * steadied.idea.variance, 0.068_092_012, 1e-9);
        close(1e4 * steadied.baseline.variance, 0.091_552_830, 1e-9);
        let test = steadied.test;
        close(100.0 * test.standard_error, 0.178_687, 1e-6);
        close(test.degrees_of_freedom, 13.704_045, 1e-6);
        close(test.t(), 3.136_827, 1e-6);
        close(test.p(), 7.442_950e-3, 1e-9);
        close(100.0 * test.interval(0.95).low, 0.176_487, 1e-6);
        close(100.0 * test.interval(0.95).high, 0.944_533, 1e-6);
        close(steadied.superiority(), 0.919_666, 1e-6);
    }

    #[test]
    fn muon_is_seen_with_five_runs() {
        let test = steadied(&NO_MUON, &EPOCHS_5).test;
        close(100.0 * test.standard_error, 0.190_356, 1e-6);
        close(test.degrees_of_freedom, 13.186_759, 1e-6);
        close(test.t(), 7.709_327, 1e-6);
        close(test.p(), 3.060_759e-6, 1e-12);
    }

    #[test]
    fn bfloat16_is_not_told_from_float32() {
        let test = steadied(&F32, &BF16).test;
        close(100.0 * test.standard_error, 0.275_169, 1e-6);
        close(test.degrees_of_freedom, 12.717_515, 1e-6);
        close(test.p(), 0.440_488, 1e-6);
    }

    #[test]
    fn an_arm_that_spreads_too_much_stands_for_itself() {
        let sample = Sample { runs: 2, mean: 0.9013, variance: 0.64e-4 };
        let arm = SteadiedArm::of(&sample, PHOTOS, &VariancePrior::STEADIED).unwrap();
        close(sample.variance / arm.prior_variance, 5.09, 5e-3);
        assert!(sample.variance / arm.prior_variance > chi_square_upper_quantile(0.05, 1.0));
        assert!(arm.prior_refuted);
        assert_eq!(arm.degrees_of_freedom, 1.0);
        assert_eq!(arm.variance, sample.variance);
    }

    #[test]
    fn the_guard_begins_where_chi_square_has_its_quantile() {
        for runs in 2..=10 {
            let refuted = |factor: f64| {
                let prior = 0.1 / (2.0 * PHOTOS as f64);
                let quantile = chi_square_upper_quantile(0.05, (runs - 1) as f64);
                let sample = Sample { runs, mean: 0.9, variance: factor * prior * quantile / (runs - 1) as f64 };
                SteadiedArm::of(&sample, PHOTOS, &VariancePrior::STEADIED).unwrap().prior_refuted
            };
            assert!(refuted(1.0001) && !refuted(0.9999), "{runs} runs");
        }
    }

    #[test]
    fn without_a_prior_it_is_welch() {
        let sample = |correct| Sample::of(&accuracies(correct)).unwrap();
        let (baseline, idea) = (sample(&NO_MUON), sample(&EPOCHS_5));
        let strict = steadied_welch(&baseline, &idea, PHOTOS, &VariancePrior::NONE).unwrap().test;
        let welch = welch(&baseline, &idea).unwrap();
        close(strict.standard_error, welch.standard_error, 1e-15);
        close(strict.degrees_of_freedom, welch.degrees_of_freedom, 1e-9);
    }

    #[test]
    fn runs_that_agree_and_make_no_error_have_a_variance_nevertheless() {
        let perfect = Sample::of(&[1.0, 1.0, 1.0]).unwrap();
        let arm = SteadiedArm::of(&perfect, 1000, &VariancePrior::STEADIED).unwrap();
        close(arm.error, 0.0005, 1e-15);
        assert!(arm.variance > 0.0);
        let arm = SteadiedArm::of(&perfect, 1000, &VariancePrior::NONE).unwrap();
        close(arm.variance, 1.0 / 12e6, 1e-20);
        assert!(steadied_welch(&perfect, &perfect, 1000, &VariancePrior::NONE).is_some());
    }

    #[test]
    fn one_run_and_no_photos_have_none() {
        let one = Sample { runs: 1, mean: 0.9, variance: 0.0 };
        assert_eq!(SteadiedArm::of(&one, PHOTOS, &VariancePrior::STEADIED), None);
        let two = Sample { runs: 2, ..one };
        assert_eq!(SteadiedArm::of(&two, 0, &VariancePrior::STEADIED), None);
    }

    #[test]
    fn the_ratio_of_errors_has_its_interval() {
        let errors = steadied(&NO_WHITENING, &EPOCHS_5).error_ratio();
        close(errors.ratio, 9.870_064 / 10.430_573, 1e-6);
        // By hand: √(.068092012 / 5 / 9.870064² + .091552830 / 5 / 10.430573²) = .017553.
        close(errors.log_standard_error, 0.017_553, 1e-6);
        let interval = errors.interval(0.95);
        assert!(interval.low < errors.ratio && errors.ratio < interval.high && interval.high < 1.0);
    }
}
