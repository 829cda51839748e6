//! Does a gain at a short budget last? The interaction of idea and budget.

use crate::statistics::TTest;

/// What happens to a gain at the longer budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The gain at the longer budget is larger, whether it is one or not.
    Grows,
    /// The gain at the longer budget is smaller.
    Shrinks,
    /// The two gains differ by less than the margin.
    Holds,
    /// The runs do not say.
    NotKnown,
}

/// The gain at a longer budget minus that at a shorter one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction {
    /// X = D_long − D_short, fractions, with its standard error and degrees of freedom.
    pub test: TTest,
}

impl Interaction {
    /// The interaction of two gains that were measured with runs of their own: SE_X² = SE_long² + SE_short², the
    /// degrees of freedom after Satterthwaite (1946, Biometrics Bulletin 2:110), the same as over all four arms at
    /// once.
    ///
    /// After early stops both gains are overstated, and so may be what is between them.
    ///
    /// `None` if a standard error is 0 or not a number.
    ///
    /// ```
    /// use imagenette_results::comparison::{Change, Interaction};
    /// use imagenette_results::statistics::TTest;
    ///
    /// let gain = |difference| TTest { difference, standard_error: 0.002, degrees_of_freedom: 8.0 };
    /// let interaction = Interaction::new(&gain(0.012), &gain(0.002)).unwrap();
    /// assert!((interaction.test.difference + 0.01).abs() < 1e-12);
    /// assert!((interaction.test.degrees_of_freedom - 16.0).abs() < 1e-9);
    /// assert_eq!(interaction.change(0.95, 0.005), Change::Shrinks);
    /// ```
    pub fn new(short: &TTest, long: &TTest) -> Option<Self> {
        let part = |test: &TTest| (test.standard_error.powi(2), test.degrees_of_freedom);
        TTest::of_parts(long.difference - short.difference, [part(long), part(short)]).map(|test| Self { test })
    }

    /// What the interval of X at this confidence says. It must exclude 0 for a change; the gain holds if the interval
    /// lies within ± `margin` (a fraction; the confidence interval form of the equivalence test of Schuirmann 1987,
    /// J. Pharmacokinet. Biopharm. 15:657, at a stricter level). A change by less than the margin is a change.
    pub fn change(&self, confidence: f64, margin: f64) -> Change {
        let interval = self.test.interval(confidence);
        if interval.low > 0.0 {
            Change::Grows
        } else if interval.high < 0.0 {
            Change::Shrinks
        } else if interval.low > -margin && interval.high < margin {
            Change::Holds
        } else {
            Change::NotKnown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::worked_examples::{EPOCHS_5, NO_MUON, NO_WHITENING, PHOTOS, accuracies, close};
    use crate::statistics::{Sample, VariancePrior, steadied_welch};

    fn gain(difference: f64, standard_error: f64) -> TTest {
        TTest { difference, standard_error, degrees_of_freedom: 10.0 }
    }

    fn change(short: TTest, long: TTest) -> Change {
        Interaction::new(&short, &long).unwrap().change(0.95, 0.005)
    }

    #[test]
    fn a_change_needs_an_interval_without_zero() {
        assert_eq!(change(gain(0.005, 0.001), gain(0.015, 0.001)), Change::Grows);
        assert_eq!(change(gain(0.015, 0.001), gain(0.005, 0.001)), Change::Shrinks);
        assert_eq!(change(gain(0.010, 0.001), gain(0.011, 0.001)), Change::Holds);
        assert_eq!(change(gain(0.010, 0.004), gain(0.011, 0.004)), Change::NotKnown);
        // A small change that is known well is a change.
        assert_eq!(change(gain(0.010, 0.000_1), gain(0.011, 0.000_1)), Change::Grows);
    }

    #[test]
    fn degrees_of_freedom_are_those_of_all_four_arms() {
        let sample = |correct: &[u64]| Sample::of(&accuracies(correct)).unwrap();
        let test = |baseline: &[u64]| {
            steadied_welch(&sample(baseline), &sample(&EPOCHS_5), PHOTOS, &VariancePrior::STEADIED).unwrap()
        };
        let (whitening, muon) = (test(&NO_WHITENING), test(&NO_MUON));
        let interaction = Interaction::new(&whitening.test, &muon.test).unwrap();
        let arms = [whitening.baseline, whitening.idea, muon.baseline, muon.idea];
        let parts = arms.map(|arm| (arm.variance / 5.0, arm.degrees_of_freedom));
        let total: f64 = parts.iter().map(|(variance, _)| variance).sum();
        let spread: f64 = parts.iter().map(|(variance, degrees)| variance * variance / degrees).sum();
        close(interaction.test.standard_error, total.sqrt(), 1e-12);
        close(interaction.test.degrees_of_freedom, total * total / spread, 1e-9);
        close(100.0 * interaction.test.difference, 1.467_516 - 0.560_510, 2e-6);
    }

    #[test]
    fn what_has_no_standard_error_has_no_interaction() {
        assert_eq!(Interaction::new(&gain(0.0, 0.0), &gain(0.0, 0.0)), None);
        assert_eq!(Interaction::new(&gain(0.0, f64::NAN), &gain(0.0, 0.001)), None);
    }
}
