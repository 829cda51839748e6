//! The best of several: how much better it looks than it is, and estimates that allow for it.

use super::{gauss_legendre, mean, normal_upper_tail, variance};

/// The expected maximum of k independent standard normal values (David & Nagaraja, Order Statistics, 2003, §2.3):
/// k ∫ x φ(x) Φ(x)^(k−1) dx. The best of k equal candidates looks better than it is by this many standard errors.
///
/// 0 for `count` 0, for which there is no maximum, and for 1.
///
/// ```
/// use imagenette_results::statistics::expected_maximum;
///
/// assert!((expected_maximum(2) - 0.564_190).abs() < 1e-6);
/// assert!((expected_maximum(10) - 1.538_753).abs() < 1e-6);
/// ```
pub fn expected_maximum(count: u32) -> f64 {
    if count < 2 {
        return 0.0;
    }
    // Beyond ten standard deviations there is nothing, even for as many as u32 can count.
    let reach = 10.0;
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let terms = gauss_legendre(400).into_iter().map(|(node, weight)| {
        let x = reach * node;
        let below = (f64::from(count - 1) * (-normal_upper_tail(x)).ln_1p()).exp();
        reach * weight * x * density(x) * below
    });
    f64::from(count) * terms.sum::<f64>()
}

/// A candidate of a sweep: its gain over the baseline as it was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The gain over the baseline, a fraction.
    pub gain: f64,
    /// Its standard error, a fraction.
    pub standard_error: f64,
}

/// The gains of a sweep's candidates, drawn together by what they have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrinkage {
    /// The mean gain, a fraction.
    pub mean: f64,
    /// How much true gains differ between candidates, in fractions squared: τ², at least 0.
    pub between_variance: f64,
    /// The shrunken gains in the order given, fractions.
    pub gains: Vec<f64>,
}

/// Shrinks the gains of a sweep's candidates towards their mean by empirical Bayes (Efron & Morris 1975, J. Am. Stat.
/// Assoc. 70:311): τ² = max(0, var(D) − mean SE²), and each D becomes mean + (D − mean) τ² / (τ² + SE²).
///
/// For ranking and display. `None` for fewer than two candidates.
///
/// ```
/// use imagenette_results::statistics::{Candidate, shrink};
///
/// // Gains of 0, .4 and .8 points, each ± .2: their variance is .16, of which .04 are chance.
/// let sweep = [0.0, 0.004, 0.008].map(|gain| Candidate { gain, standard_error: 0.002 });
/// let shrunken = shrink(&sweep).unwrap();
/// assert!((1e4 * shrunken.between_variance - 0.12).abs() < 1e-12);
/// assert!((100.0 * shrunken.gains[2] - 0.7).abs() < 1e-12);
/// ```
pub fn shrink(candidates: &[Candidate]) -> Option<Shrinkage> {
    let gains: Vec<f64> = candidates.iter().map(|candidate| candidate.gain).collect();
    let chance: Vec<f64> = candidates.iter().map(|candidate| candidate.standard_error.powi(2)).collect();
    let (center, between_variance) = (mean(&gains)?, (variance(&gains)? - mean(&chance)?).max(0.0));
    let shrunken = |(gain, chance): (&f64, &f64)| {
        let all = between_variance + chance;
        let kept = if all > 0.0 { between_variance / all } else { 1.0 };
        center + (gain - center) * kept
    };
    Some(Shrinkage { mean: center, between_variance, gains: gains.iter().zip(&chance).map(shrunken).collect() })
}

#[cfg(test)]
mod tests {
    use super::super::worked_examples::close;
    use super::*;

    #[test]
    fn the_best_of_equal_candidates_looks_better_than_it_is() {
        for (count, expected) in [
            (1, 0.0),
            (2, 0.564_190),
            (3, 0.846_284),
            (5, 1.162_964),
            (8, 1.423_600),
            (10, 1.538_753),
            (15, 1.735_913),
            (20, 1.867_475),
        ] {
            close(expected_maximum(count), expected, 6e-7);
        }
        // Two values: 1 / √π.
        close(expected_maximum(2), 1.0 / std::f64::consts::PI.sqrt(), 1e-12);
        let many = expected_maximum(u32::MAX);
        assert!((6.0..7.0).contains(&many), "{many}");
    }

    #[test]
    fn candidates_that_differ_by_chance_alone_become_one() {
        let sweep = [0.001, 0.002, 0.003].map(|gain| Candidate { gain, standard_error: 0.004 });
        let shrunken = shrink(&sweep).unwrap();
        assert_eq!(shrunken.between_variance, 0.0);
        assert!(shrunken.gains.iter().all(|gain| (gain - 0.002).abs() < 1e-15));
    }

    #[test]
    fn a_candidate_that_is_known_well_is_moved_little() {
        let candidate = |gain, standard_error| Candidate { gain, standard_error };
        let sweep = [candidate(0.0, 0.001), candidate(0.010, 0.001), candidate(0.010, 0.004)];
        let shrunken = shrink(&sweep).unwrap();
        assert!(shrunken.gains[1] > shrunken.gains[2]);
        assert_eq!(shrink(&sweep[..1]), None);
        let exact = [candidate(0.1, 0.0), candidate(0.1, 0.0)];
        assert_eq!(shrink(&exact).unwrap().gains, [0.1, 0.1]);
    }
}
