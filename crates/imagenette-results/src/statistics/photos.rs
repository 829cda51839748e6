//! Photos and seeds: what a gain on these photos says about other photos of the same classes.

use super::Interval;
use super::distribution::{normal_two_sided, normal_upper_quantile};

/// One arm photo by photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArmPhotos<'a> {
    /// How many runs the arm has.
    pub runs: u32,
    /// For each photo in how many of them it was right, in the same order for both arms.
    pub right: &'a [u32],
}

impl ArmPhotos<'_> {
    /// The share of runs that get a photo right, photo by photo.
    fn shares(&self) -> impl Iterator<Item = f64> {
        let runs = f64::from(self.runs);
        self.right.iter().map(move |right| f64::from(*right) / runs)
    }

    /// Whether there are runs and photos enough for variances, and no photo that is right more often than there are
    /// runs.
    fn is_usable(&self) -> bool {
        self.runs > 1 && self.right.len() > 1 && self.right.iter().all(|right| *right <= self.runs)
    }
}

/// How much single photos flip between the runs of one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhotoSpread {
    /// How many photos.
    pub photos: usize,
    /// How many of them are right in some runs and wrong in others.
    pub flipping: usize,
    /// The variance of a photo's 0 or 1 between runs, unbiased, meaned over photos: v̄.
    pub mean_variance: f64,
}

impl PhotoSpread {
    /// The standard deviation that a run's accuracy would have if photos flipped on their own, a fraction: √(v̄ / N).
    /// Real runs spread more: it is no substitute for the runs' own spread.
    pub fn churn(&self) -> f64 {
        (self.mean_variance / self.photos as f64).sqrt()
    }

    /// The variance between runs of the accuracy on the whole distribution of photos, in fractions squared, unbiased:
    /// N / (N − 1) (s² − v̄ / N) after Jordan (arXiv 2304.01910). `run_variance` is s², the sample variance of the
    /// runs' accuracies. Negative values mean that none is seen.
    pub fn distribution_variance(&self, run_variance: f64) -> f64 {
        let photos = self.photos as f64;
        photos / (photos - 1.0) * (run_variance - self.mean_variance / photos)
    }
}

/// How much photos flip in one arm: v_i = n / (n − 1) p_i (1 − p_i), the unbiased variance of photo i over n runs.
///
/// `None` for fewer than two runs or photos, or counts above the number of runs.
///
/// ```
/// use imagenette_results::statistics::{ArmPhotos, photo_spread};
///
/// // Four photos, two runs: the second and the fourth flip.
/// let spread = photo_spread(&ArmPhotos { runs: 2, right: &[2, 1, 0, 1] }).unwrap();
/// assert_eq!((spread.flipping, spread.mean_variance), (2, 0.25));
/// ```
pub fn photo_spread(arm: &ArmPhotos<'_>) -> Option<PhotoSpread> {
    let photos = arm.right.len();
    arm.is_usable().then(|| {
        let runs = f64::from(arm.runs);
        let variances: f64 = arm.shares().map(|share| share * (1.0 - share)).sum();
        PhotoSpread {
            photos,
            flipping: arm.right.iter().filter(|right| **right > 0 && **right < arm.runs).count(),
            mean_variance: runs / (runs - 1.0) * variances / photos as f64,
        }
    })
}

/// The two sources of chance in a difference, photos and seeds, taken apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhotosAndSeeds {
    /// The idea's mean accuracy minus the baseline's, a fraction: D.
    pub difference: f64,
    /// The sample variance over photos of the difference of shares: S_d².
    pub difference_variance: f64,
    /// How much photos flip in the baseline's arm.
    pub baseline: PhotoSpread,
    /// How much photos flip in the idea's arm.
    pub idea: PhotoSpread,
    /// How much the true difference varies from photo to photo: σ_δ², at least 0.
    pub photo_variance: f64,
    /// The standard error that comes from the photos, a fraction: √(σ_δ² / N).
    pub photos_standard_error: f64,
    /// The standard error for new photos and new seeds, a fraction.
    pub standard_error: f64,
}

impl PhotosAndSeeds {
    /// D over the standard error for new photos and seeds.
    pub fn z(&self) -> f64 {
        self.difference / self.standard_error
    }

    /// The two-sided p of [`PhotosAndSeeds::z`] by the normal distribution: there are thousands of photos.
    pub fn p(&self) -> f64 {
        normal_two_sided(self.z())
    }

    /// The interval of the difference on new photos and seeds at a confidence in 0..1.
    pub fn interval(&self, confidence: f64) -> Interval {
        Interval::around(self.difference, normal_upper_quantile((1.0 - confidence) / 2.0) * self.standard_error)
    }

    /// The standard error of a paired test over photos alone, a fraction: √(S_d² / N). It is right for new photos and
    /// seeds if runs are independent given the photos; with one run an arm it is McNemar's.
    pub fn simple_standard_error(&self) -> f64 {
        (self.difference_variance / self.baseline.photos as f64).sqrt()
    }
}

/// Takes photos and seeds apart, by moments: with d_i the difference of the shares of runs that get photo i right,
/// σ_δ² = max(0, S_d² − v̄_A / n_A − v̄_B / n_B), and SE² = SE_seeds² + σ_δ² / N for new photos and new seeds. The
/// components are those of a mixed model with photos and runs crossed (Owen 2007, Ann. Appl. Stat. 1:386).
///
/// `seeds_standard_error` is that of the difference on these photos, from [`steadied_welch`](super::steadied_welch).
/// `None` unless both arms have at least two runs and the same photos, two or more.
///
/// ```
/// use imagenette_results::statistics::{ArmPhotos, photos_and_seeds};
///
/// // In how many of five runs without whitening (row) and with it (column) a photo of the val split was right.
/// let joint = [
///     [137, 30, 15, 7, 2, 2],
///     [28, 29, 16, 15, 14, 7],
///     [8, 13, 18, 17, 13, 19],
///     [10, 9, 10, 19, 21, 31],
///     [4, 2, 11, 28, 49, 88],
///     [1, 2, 9, 30, 89, 3122],
/// ];
/// let (mut without, mut with) = (Vec::new(), Vec::new());
/// for (baseline, row) in (0..).zip(joint) {
///     for (idea, photos) in (0..).zip(row) {
///         without.extend(std::iter::repeat_n(baseline, photos));
///         with.extend(std::iter::repeat_n(idea, photos));
///     }
/// }
/// let arm = |right| ArmPhotos { runs: 5, right };
/// let both = photos_and_seeds(&arm(&without), &arm(&with), 0.178_687e-2).unwrap();
/// assert!((both.photo_variance - 0.006_021_481).abs() < 1e-9);
/// assert!((100.0 * both.photos_standard_error - 0.123_860).abs() < 1e-6);
/// assert!((100.0 * both.standard_error - 0.217_417).abs() < 1e-6);
/// assert!((both.z() - 2.5780).abs() < 1e-4);
/// ```
pub fn photos_and_seeds(
    baseline: &ArmPhotos<'_>,
    idea: &ArmPhotos<'_>,
    seeds_standard_error: f64,
) -> Option<PhotosAndSeeds> {
    let spreads = (photo_spread(baseline)?, photo_spread(idea)?);
    if baseline.right.len() != idea.right.len() {
        return None;
    }
    let photos = baseline.right.len() as f64;
    let differences = || idea.shares().zip(baseline.shares()).map(|(idea, baseline)| idea - baseline);
    let difference = differences().sum::<f64>() / photos;
    let difference_variance = differences().map(|value| (value - difference).powi(2)).sum::<f64>() / (photos - 1.0);
    let from_seeds =
        spreads.0.mean_variance / f64::from(baseline.runs) + spreads.1.mean_variance / f64::from(idea.runs);
    let photo_variance = (difference_variance - from_seeds).max(0.0);
    Some(PhotosAndSeeds {
        difference,
        difference_variance,
        baseline: spreads.0,
        idea: spreads.1,
        photo_variance,
        photos_standard_error: (photo_variance / photos).sqrt(),
        standard_error: (seeds_standard_error.powi(2) + photo_variance / photos).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::worked_examples::{
        EPOCHS_5, JOINT, JOINT_PRECISIONS, NO_WHITENING, PHOTOS, accuracies, close, photos,
    };
    use super::super::{Sample, VariancePrior, steadied_welch, variance};
    use super::*;

    #[test]
    fn whitening_gains_on_new_photos_too() {
        let (without, with) = photos(JOINT);
        let sample = |correct| Sample::of(&accuracies(correct)).unwrap();
        let steadied = steadied_welch(&sample(&NO_WHITENING), &sample(&EPOCHS_5), PHOTOS, &VariancePrior::STEADIED);
        let seeds = steadied.unwrap().test.standard_error;
        let arm = |right| ArmPhotos { runs: 5, right };
        let both = photos_and_seeds(&arm(&without), &arm(&with), seeds).unwrap();
        assert_eq!(both.baseline.photos as u64, PHOTOS);
        close(100.0 * both.difference, 0.560_510, 1e-6);
        close(both.difference_variance, 0.017_624_029, 1e-9);
        close(both.idea.mean_variance, 0.028_815_287, 1e-9);
        close(both.baseline.mean_variance, 0.029_197_452, 1e-9);
        close(both.photo_variance, 0.006_021_481, 1e-9);
        close(100.0 * both.photos_standard_error, 0.123_860, 1e-6);
        close(100.0 * both.standard_error, 0.217_417, 1e-6);
        close(both.z(), 2.5780, 1e-4);
        close(both.p(), 0.009_94, 5e-6);
        close(100.0 * both.simple_standard_error(), 0.211_901, 1e-6);
        let interval = both.interval(0.95);
        close(100.0 * interval.low, 0.560_510 - 1.959_964 * 0.217_417, 2e-6);
    }

    #[test]
    fn photos_flip_less_together_than_runs_spread() {
        let (without, with) = photos(JOINT);
        let spread = |right| photo_spread(&ArmPhotos { runs: 5, right }).unwrap();
        let (without, with) = (spread(&without), spread(&with));
        assert_eq!((with.flipping, without.flipping), (468, 479));
        close(100.0 * with.churn(), 0.270_952, 1e-6);
        close(100.0 * without.churn(), 0.272_742, 1e-6);
        let of_runs = |correct| variance(&accuracies(correct)).unwrap();
        close(1e4 * with.distribution_variance(of_runs(&EPOCHS_5)), -0.048_566_067, 1e-9);
        close(1e4 * without.distribution_variance(of_runs(&NO_WHITENING)), -0.013_829_642, 1e-9);
    }

    #[test]
    fn a_variance_of_photos_that_comes_out_negative_is_zero() {
        let (float32, bfloat16) = photos(JOINT_PRECISIONS);
        let arm = |right| ArmPhotos { runs: 5, right };
        let both = photos_and_seeds(&arm(&float32), &arm(&bfloat16), 0.002_751_69).unwrap();
        let from_seeds = (both.baseline.mean_variance + both.idea.mean_variance) / 5.0;
        close(both.difference_variance - from_seeds, -0.005_688, 5e-7);
        assert_eq!(both.photo_variance, 0.0);
        close(both.standard_error, 0.002_751_69, 1e-12);
    }

    #[test]
    fn equal_arms_vary_by_seeds_alone() {
        let right = [0, 1, 2, 2, 1, 0];
        let arm = ArmPhotos { runs: 2, right: &right };
        let both = photos_and_seeds(&arm, &arm, 0.003).unwrap();
        assert_eq!((both.difference, both.photo_variance, both.standard_error), (0.0, 0.0, 0.003));
    }

    #[test]
    fn what_does_not_fit_together_has_no_answer() {
        let arm = |runs, right| ArmPhotos { runs, right };
        assert_eq!(photo_spread(&arm(1, &[1, 0, 1])), None);
        assert_eq!(photo_spread(&arm(2, &[3, 0])), None);
        assert_eq!(photo_spread(&arm(2, &[1])), None);
        assert_eq!(photos_and_seeds(&arm(2, &[1, 2]), &arm(2, &[1, 2, 0]), 0.1), None);
    }
}
