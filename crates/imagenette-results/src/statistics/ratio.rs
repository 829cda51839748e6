//! A gain as a ratio of errors, which compares across budgets where points do not.

use super::Interval;
use super::distribution::student_t_upper_quantile;

/// The idea's errors over the baseline's: 0.95 is 5% fewer errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorRatio {
    /// The ratio.
    pub ratio: f64,
    /// The standard error of its logarithm.
    pub log_standard_error: f64,
    /// The degrees of freedom of that standard error.
    pub degrees_of_freedom: f64,
}

impl ErrorRatio {
    /// A ratio whose logarithm has a variance of two parts, each with its degrees of freedom.
    pub(crate) fn of_parts(ratio: f64, parts: [(f64, f64); 2]) -> Self {
        let total: f64 = parts.iter().map(|(variance, _)| variance).sum();
        let spread: f64 = parts.iter().map(|(variance, degrees)| variance * variance / degrees).sum();
        Self { ratio, log_standard_error: total.sqrt(), degrees_of_freedom: total * total / spread }
    }

    /// How many errors fewer the idea makes, a fraction; negative if it makes more.
    pub fn fewer(&self) -> f64 {
        1.0 - self.ratio
    }

    /// The two-sided interval of the ratio at a confidence in 0..1: exp(ln ratio ± t SE).
    pub fn interval(&self, confidence: f64) -> Interval {
        let t = student_t_upper_quantile((1.0 - confidence) / 2.0, self.degrees_of_freedom);
        let factor = (t * self.log_standard_error).exp();
        Interval { low: self.ratio / factor, high: self.ratio * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_of_a_ratio_is_symmetric_in_logarithms() {
        let errors = ErrorRatio::of_parts(0.95, [(0.0004, 6.0), (0.0004, 6.0)]);
        assert!((errors.degrees_of_freedom - 12.0).abs() < 1e-9);
        let interval = errors.interval(0.95);
        assert!((interval.low * interval.high - 0.95 * 0.95).abs() < 1e-12);
        // t(.975, 12) = 2.178813.
        assert!(((interval.high / 0.95).ln() - 2.178_813 * 0.0008_f64.sqrt()).abs() < 1e-7);
        assert!((errors.fewer() - 0.05).abs() < 1e-12);
    }
}
