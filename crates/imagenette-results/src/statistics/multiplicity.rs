//! Several ideas against one baseline.

/// Holm's adjusted p (Holm 1979, Scand. J. Stat. 6:65), in the order given: whoever believes all that lie below α is
/// wrong about one or more with probability α at most, whatever the tests have in common. Use it for "these beat the
/// baseline".
///
/// ```
/// use imagenette_results::statistics::holm;
///
/// let adjusted = holm(&[0.0074, 0.00001, 0.03, 0.04, 0.2]);
/// for (found, expected) in adjusted.iter().zip([0.0296, 0.00005, 0.09, 0.09, 0.2]) {
///     assert!((found - expected).abs() < 1e-12);
/// }
/// ```
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in ascending(p).into_iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[index]).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

/// Benjamini and Hochberg's adjusted p (1995, J. R. Stat. Soc. B 57:289), in the order given: of those below α a share
/// of α is wrong on average, if the tests depend on each other positively, as those against one baseline do. For
/// display, never for a verdict.
///
/// ```
/// use imagenette_results::statistics::benjamini_hochberg;
///
/// let adjusted = benjamini_hochberg(&[0.0074, 0.00001, 0.03, 0.04, 0.2]);
/// for (found, expected) in adjusted.iter().zip([0.0185, 0.00005, 0.05, 0.05, 0.2]) {
///     assert!((found - expected).abs() < 1e-12);
/// }
/// ```
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut least: f64 = 1.0;
    for (rank, index) in ascending(p).into_iter().enumerate().rev() {
        least = least.min(p.len() as f64 / (rank + 1) as f64 * p[index]);
        adjusted[index] = least;
    }
    adjusted
}

/// The limit that the smallest p among so many ideas must stay below: α / k, Holm's first step.
///
/// ```
/// let limit = imagenette_results::statistics::holm_first_limit(0.05, 7);
/// assert!((limit - 0.0071).abs() < 5e-5);
/// ```
pub fn holm_first_limit(alpha: f64, ideas: usize) -> f64 {
    alpha / ideas.max(1) as f64
}

/// The places of values from the smallest to the largest.
fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::super::worked_examples::close;
    use super::*;

    const P: [f64; 5] = [0.0074, 0.00001, 0.03, 0.04, 0.2];

    #[test]
    fn five_ideas_are_adjusted_as_by_scipy() {
        for (found, expected) in holm(&P).into_iter().zip([0.0296, 0.00005, 0.09, 0.09, 0.2]) {
            close(found, expected, 1e-12);
        }
        for (found, expected) in benjamini_hochberg(&P).into_iter().zip([0.0185, 0.00005, 0.05, 0.05, 0.2]) {
            close(found, expected, 1e-12);
        }
    }

    #[test]
    fn adjusted_p_stay_within_one_and_keep_their_order() {
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(benjamini_hochberg(&[0.9, 0.8]), [0.9, 0.9]);
        assert_eq!(holm(&[0.03]), [0.03]);
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
    }

    #[test]
    fn the_limit_shrinks_with_the_ideas_tried() {
        close(holm_first_limit(0.05, 7), 0.007_142_857, 1e-9);
        assert_eq!(holm_first_limit(0.05, 0), 0.05);
    }
}
