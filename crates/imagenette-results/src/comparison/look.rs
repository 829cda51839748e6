//! The numbers of a verdict.

use super::{Decision, Limit, PlannedLook};
use crate::statistics::{ErrorRatio, Interval, SteadiedWelch, TTest, runs_needed, smallest_gain};

/// One look at the runs so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The look as it was planned, with its limits.
    pub planned: PlannedLook,
    /// Both arms and the test.
    pub steadied: SteadiedWelch,
    /// What the look says.
    pub decision: Decision,
    /// P(a run of the idea beats one of the baseline) as counted, ties half:
    /// [`superiority_counted`](crate::statistics::superiority_counted).
    pub counted_superiority: f64,
    /// The limit of the design's last look.
    pub(super) last_limit: Limit,
}

impl Look {
    /// The chance with which a gain counts as "would have been seen".
    pub const POWER: f64 = 0.8;

    /// Difference, standard error, degrees of freedom, t and p.
    pub fn test(&self) -> &TTest {
        &self.steadied.test
    }

    /// The interval of the gain at the look's own level, fractions: it excludes 0 where the verdict is "helps" or
    /// "hurts". It is one of the repeated intervals of Jennison & Turnbull (1989, J. R. Stat. Soc. B 51:305): all
    /// looks together hold the true gain in 1 − α of all cases.
    ///
    /// ```
    /// use imagenette_results::comparison::{Design, Procedure, Runs};
    ///
    /// let without_whitening = Runs { correct: &[3530, 3513, 3519, 3504, 3512], photos: 3925 };
    /// let whitening = Runs { correct: &[3538, 3527, 3540, 3540, 3543], photos: 3925 };
    /// let procedure = Procedure::new(Design::default()).unwrap();
    /// let comparison = procedure.compare(&without_whitening, &whitening).unwrap();
    /// // "helps: +0.56 points (0.02 to 1.10), 5 + 5 runs, p 0.0074 < 0.0096 at this look"
    /// let interval = comparison.last().interval();
    /// assert!((100.0 * interval.low - 0.023_089).abs() < 1e-6);
    /// assert!((100.0 * interval.high - 1.097_931).abs() < 1e-6);
    /// ```
    pub fn interval(&self) -> Interval {
        self.test().interval(self.planned.limit.confidence())
    }

    /// The 95% interval of the gain as if this were the only look, fractions. After an early stop it is too narrow.
    pub fn interval_95(&self) -> Interval {
        self.test().interval(0.95)
    }

    /// What the gain lies below with the confidence that this look has for "no gain worth having", a fraction. All
    /// looks together are right in 1 − α of all cases. None without a margin.
    pub fn upper_bound(&self) -> Option<f64> {
        self.planned.no_gain.map(|limit| self.test().upper_bound(1.0 - limit.tail()))
    }

    /// The idea's errors over the baseline's.
    pub fn error_ratio(&self) -> ErrorRatio {
        self.steadied.error_ratio()
    }

    /// The interval of the ratio of errors at the look's own level.
    pub fn error_ratio_interval(&self) -> Interval {
        self.error_ratio().interval(self.planned.limit.confidence())
    }

    /// P(a run of the idea beats one of the baseline) for normal runs.
    pub fn normal_superiority(&self) -> f64 {
        self.steadied.superiority()
    }

    /// The smallest true gain that this look would have seen in 80% of all cases, a fraction: see [`smallest_gain`].
    pub fn smallest_gain(&self) -> f64 {
        smallest_gain(self.planned.limit.z, self.test().standard_error, Self::POWER)
    }

    /// How many runs an arm needs to see a true gain of this size (a fraction) in 80% of all cases, at the limit of
    /// the design's last look and the spread of these runs: see [`runs_needed`]. Round it up.
    pub fn runs_needed(&self, gain: f64) -> f64 {
        let variances = self.steadied.idea.variance + self.steadied.baseline.variance;
        runs_needed(gain, self.last_limit.z, variances, Self::POWER)
    }
}
