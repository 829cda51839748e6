//! The moments of one arm's runs.

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
}
