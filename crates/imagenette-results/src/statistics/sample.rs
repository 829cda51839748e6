//! The moments of one arm's runs.

use super::distribution::normal_upper_quantile;

/// The arithmetic mean; `None` if there are no values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample variance (divided by n − 1); `None` for fewer than two values.
pub fn variance(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some(squares / (values.len() - 1) as f64)
}

/// The sample standard deviation (divided by n − 1); `None` for fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    variance(values).map(f64::sqrt)
}

/// The standard error of an accuracy that comes from the finite number of photos: √(p (1 − p) / n).
pub fn accuracy_standard_error(correct: u64, total: u64) -> Option<f64> {
    let p = (total > 0).then(|| correct as f64 / total as f64)?;
    Some((p * (1.0 - p) / total as f64).sqrt())
}

/// The interval of an accuracy that comes from so many photos, at a confidence in 0..1: with few of them it is not
/// symmetric, and never leaves 0..1. `None` without photos.
///
/// # Source
/// Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
pub fn accuracy_interval(correct: u64, total: u64, confidence: f64) -> Option<(f64, f64)> {
    let (n, z) = (total as f64, normal_upper_quantile((1.0 - confidence) / 2.0));
    let p = (total > 0).then(|| correct as f64 / n)?;
    let (middle, half) = (p + z * z / (2.0 * n), z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt());
    let whole = 1.0 + z * z / n;
    Some((((middle - half) / whole).max(0.0), ((middle + half) / whole).min(1.0)))
}

/// What the tests need of one arm: how many runs, their mean and their sample variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// How many runs.
    pub runs: usize,
    /// Their mean accuracy, a fraction.
    pub mean: f64,
    /// Their sample variance (divided by n − 1), in fractions squared.
    pub variance: f64,
}

impl Sample {
    /// The moments of accuracies (fractions); `None` for fewer than two runs, which have no variance.
    pub fn of(accuracies: &[f64]) -> Option<Self> {
        Some(Self { runs: accuracies.len(), mean: mean(accuracies)?, variance: variance(accuracies)? })
    }

    /// The variance of the mean: s² / n.
    pub(crate) fn variance_of_mean(&self) -> f64 {
        self.variance / self.runs as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five published runs at 128 px, 5 epochs (facts: mean .874344, sd 0.42 points).
    const RUNS: [f64; 5] = [0.876_688, 0.872_611, 0.868_280, 0.874_904, 0.879_236];

    #[test]
    fn published_runs_give_their_published_mean_and_deviation() {
        assert!((mean(&RUNS).unwrap() - 0.874_344).abs() < 1e-6);
        assert!((standard_deviation(&RUNS).unwrap() - 0.0042).abs() < 5e-5);
    }

    #[test]
    fn too_few_values_have_no_deviation() {
        assert_eq!(mean(&[]), None);
        assert_eq!(standard_deviation(&[0.5]), None);
        assert_eq!(accuracy_standard_error(0, 0), None);
        assert_eq!(Sample::of(&[0.5]), None);
    }

    #[test]
    fn the_finite_val_split_gives_half_a_point_at_87_percent() {
        let error = accuracy_standard_error(3430, 3925).unwrap();
        assert!((error - 0.0053).abs() < 1e-4, "{error}");
    }

    #[test]
    fn an_interval_of_few_photos_is_wilsons() {
        // 8 of 10 at 95%: 0.4902 to 0.9433, as tables have it.
        let (low, high) = accuracy_interval(8, 10, 0.95).unwrap();
        assert!((low - 0.490_16).abs() < 1e-4 && (high - 0.943_32).abs() < 1e-4, "{low} {high}");
        let (low, high) = accuracy_interval(0, 20, 0.95).unwrap();
        assert!((0.0..1e-12).contains(&low) && (high - 0.161_13).abs() < 1e-4, "{low} {high}");
        assert!((1.0 - accuracy_interval(20, 20, 0.95).unwrap().1).abs() < 1e-12);
        assert_eq!(accuracy_interval(0, 0, 0.95), None);
    }
}
