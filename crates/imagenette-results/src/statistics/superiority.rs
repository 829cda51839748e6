//! How often a run of the idea beats a run of the baseline.

use super::distribution::normal_upper_tail;

/// P(a run of the idea beats one of the baseline) for normal accuracies: Φ(D / √(s_A² + s_B²)).
///
/// The probability of outperforming of Bouthillier et al. (arXiv 2103.03098, MLSys 2021), who call 0.75 meaningful.
/// `difference` is a fraction, `variances` the sum of the variances of a run in both arms in fractions squared. NaN
/// if there is no difference and no variance.
///
/// ```
/// use imagenette_results::statistics::superiority_normal;
///
/// let probability = superiority_normal(0.560_510e-2, (0.068_092_012 + 0.091_552_830) * 1e-4);
/// assert!((probability - 0.919_666).abs() < 1e-6);
/// ```
pub fn superiority_normal(difference: f64, variances: f64) -> f64 {
    normal_upper_tail(-difference / variances.sqrt())
}

/// P(a run of the idea beats one of the baseline), counted over all pairs of runs with half of each tie: the
/// statistic of Mann & Whitney (1947, Ann. Math. Stat. 18:50) over its maximum, also known as Vargha and Delaney's A.
///
/// `None` if an arm has no runs.
///
/// ```
/// use imagenette_results::statistics::superiority_counted;
///
/// let without_whitening = [3530, 3513, 3519, 3504, 3512];
/// let whitening = [3538, 3527, 3540, 3540, 3543];
/// assert_eq!(superiority_counted(&without_whitening, &whitening), Some(0.96));
/// ```
pub fn superiority_counted<T: PartialOrd>(baseline: &[T], idea: &[T]) -> Option<f64> {
    let pairs = || idea.iter().flat_map(|idea| baseline.iter().map(move |baseline| (idea, baseline)));
    let wins = pairs().filter(|(idea, baseline)| idea > baseline).count();
    let ties = pairs().filter(|(idea, baseline)| idea == baseline).count();
    let count = idea.len() * baseline.len();
    (count > 0).then(|| (wins as f64 + 0.5 * ties as f64) / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        assert_eq!(superiority_counted(&[1, 2], &[2, 2]), Some(0.75));
        assert_eq!(superiority_counted(&[1, 2], &[1, 2]), Some(0.5));
        assert_eq!(superiority_counted::<u64>(&[], &[1]), None);
    }

    #[test]
    fn three_quarters_are_just_under_one_standard_deviation() {
        // Γ = .75 is a gain of .954 standard deviations of a run.
        assert!((superiority_normal(0.954, 2.0) - 0.75).abs() < 1e-4);
        assert_eq!(superiority_normal(0.0, 1.0), 0.5);
    }
}
