//! What is settled before the first run: how many runs at most, which errors, which gain is worth having.

use super::{ComparisonError, Limit, Spending, group_sequential_limits};
use crate::statistics::VariancePrior;

/// More runs an arm than that are refused: each look costs an integration, and a gain that needs more is out of reach.
const MOST_RUNS: usize = 200;

/// A comparison's design. Everything in it is chosen before the first look: changing it afterwards costs the error
/// rates.
///
/// ```
/// use imagenette_results::comparison::Design;
///
/// let looks = Design::default().looks().unwrap();
/// assert_eq!((looks[0].idea_runs, looks[8].idea_runs), (2, 10));
/// assert!((looks[0].limit.p - 0.004_472).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// At most so many runs of the idea, and of the baseline unless more are stored.
    pub max_runs: usize,
    /// How often "helps" or "hurts" may be said in all if there is nothing to find, a fraction: two-sided α. "No gain
    /// worth having" has as much again, one-sided.
    pub alpha: f64,
    /// How α is spent over the looks.
    pub spending: Spending,
    /// The smallest gain worth having, a fraction; without it there is no stop for "no gain worth having".
    pub margin: Option<f64>,
    /// Whether "no gain worth having" waits while the idea looks worse by more than the margin, so that "hurts" can be
    /// said where it is so. Of losses of a point 98% are then told as losses, after 3.4 runs an arm, where it is 19%
    /// after 2.2 without. A gain costs what it did, and errors stay below those of a design without a margin.
    pub settle_losses: bool,
    /// What is believed of the spread of runs before there are any.
    pub prior: VariancePrior,
    /// After how many runs of the idea the first look comes; if it is not said after two, and after three without a
    /// prior, since two runs alone say next to nothing of their spread.
    pub first_look: Option<usize>,
    /// How many runs of the baseline are there before the first look. All of them count at each look.
    pub stored_baseline: usize,
    /// Whether the baseline runs along once the idea has as many runs as are stored; otherwise it stays as it is.
    pub baseline_grows: bool,
}

impl Default for Design {
    /// Ten runs an arm, α = 5%, spent as its power 1.5, a margin of half a point, steadied variances, nothing stored.
    fn default() -> Self {
        Self {
            max_runs: 10,
            alpha: 0.05,
            spending: Spending::Power { rho: 1.5 },
            margin: Some(0.005),
            settle_losses: false,
            prior: VariancePrior::STEADIED,
            first_look: None,
            stored_baseline: 0,
            baseline_grows: true,
        }
    }
}

/// One look of a design.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedLook {
    /// Which look, counted from 1.
    pub number: usize,
    /// How many runs of the baseline it takes.
    pub baseline_runs: usize,
    /// How many runs of the idea it takes.
    pub idea_runs: usize,
    /// The share of the last look's information, 0..=1: 1 / (1/n_A + 1/n_B) over the same at the last look.
    pub information: f64,
    /// The two-sided limit for "helps" and "hurts".
    pub limit: Limit,
    /// The limit for "no gain worth having", of which the upper tail counts; none without a margin.
    pub no_gain: Option<Limit>,
}

impl Design {
    /// A design with a single look after so many runs of both arms: the test at α, as for fresh seeds after a verdict
    /// or runs that are all there already.
    ///
    /// ```
    /// use imagenette_results::comparison::Design;
    ///
    /// let looks = Design::fixed(5).looks().unwrap();
    /// assert_eq!((looks.len(), looks[0].baseline_runs, looks[0].idea_runs), (1, 5, 5));
    /// assert!((looks[0].limit.p - 0.05).abs() < 1e-9);
    /// ```
    pub fn fixed(runs: usize) -> Self {
        Self { max_runs: runs, first_look: Some(runs), ..Self::default() }
    }

    /// The same design by plain Welch: nothing is believed of the spread beforehand.
    pub fn strict(self) -> Self {
        Self { prior: VariancePrior::NONE, ..self }
    }

    /// The looks with their limits.
    ///
    /// The limits for "helps" and "hurts" ignore the stop for "no gain worth having": it can only lower their error.
    ///
    /// # Errors
    /// When the design cannot be carried out: see [`ComparisonError::Design`].
    ///
    /// ```
    /// use imagenette_results::comparison::Design;
    ///
    /// let stored = Design { stored_baseline: 10, ..Design::default() };
    /// let looks = stored.looks().unwrap();
    /// assert_eq!((looks[0].baseline_runs, looks[0].idea_runs), (10, 2));
    /// assert!((looks[0].information - 0.333_333).abs() < 1e-6);
    /// assert!((looks[0].limit.z - 2.589_108).abs() < 1e-6);
    /// ```
    pub fn looks(&self) -> Result<Vec<PlannedLook>, ComparisonError> {
        let runs = self.runs()?;
        let information = |(baseline, idea): &(usize, usize)| 1.0 / (1.0 / *baseline as f64 + 1.0 / *idea as f64);
        let most = runs.last().map_or(1.0, information);
        let shares: Vec<f64> = runs.iter().map(|look| information(look) / most).collect();
        let limits = group_sequential_limits(&shares, self.alpha, self.spending)?;
        let no_gain = match self.margin {
            Some(_) => group_sequential_limits(&shares, 2.0 * self.alpha, self.spending)?,
            None => Vec::new(),
        };
        let look = |(index, (baseline_runs, idea_runs)): (usize, (usize, usize))| PlannedLook {
            number: index + 1,
            baseline_runs,
            idea_runs,
            information: shares[index],
            limit: limits[index],
            no_gain: no_gain.get(index).copied(),
        };
        Ok(runs.into_iter().enumerate().map(look).collect())
    }

    /// How many runs of the baseline and of the idea each look takes.
    fn runs(&self) -> Result<Vec<(usize, usize)>, ComparisonError> {
        let least = if self.prior.is_none() { 3 } else { 2 };
        let first = self.first_look.unwrap_or(least);
        let refuse = |what, expected: String, found: String| Err(ComparisonError::design(what, expected, found));
        if !(least..=MOST_RUNS).contains(&self.max_runs) {
            return refuse("the most runs", format!("{least} to {MOST_RUNS}"), self.max_runs.to_string());
        }
        if !(least..=self.max_runs).contains(&first) {
            return refuse("the runs at the first look", format!("{least} to {}", self.max_runs), first.to_string());
        }
        if !self.baseline_grows && self.stored_baseline < least {
            let expected = format!("{least} or more, or a baseline that runs along");
            return refuse("the stored runs of the baseline", expected, self.stored_baseline.to_string());
        }
        // Twice α is spent one-sided on "no gain worth having".
        if !(self.alpha > 0.0 && self.alpha < 0.5) {
            return refuse("alpha", "a fraction between 0 and 0.5".into(), self.alpha.to_string());
        }
        if let Some(margin) = self.margin
            && !(margin > 0.0 && margin < 1.0)
        {
            return refuse("the margin", "a fraction between 0 and 1".into(), margin.to_string());
        }
        let VariancePrior { degrees_of_freedom, guard } = self.prior;
        if !(degrees_of_freedom >= 0.0 && degrees_of_freedom.is_finite()) {
            let expected = "degrees of freedom, 0 or more".into();
            return refuse("the prior's weight", expected, degrees_of_freedom.to_string());
        }
        // The guard counts on chi-square's quantile lying above its degrees of freedom.
        if let Some(guard) = guard
            && !(guard > 0.0 && guard <= 0.2)
        {
            return refuse("the prior's guard", "a tail between 0 and 0.2".into(), guard.to_string());
        }
        let baseline = |idea: usize| match self.baseline_grows {
            true => self.stored_baseline.max(idea),
            false => self.stored_baseline,
        };
        Ok((first..=self.max_runs).map(|idea| (baseline(idea), idea)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::worked_examples::close;

    #[test]
    fn the_default_looks_after_every_pair_from_the_second_on() {
        let looks = Design::default().looks().unwrap();
        let runs: Vec<_> = looks.iter().map(|look| (look.baseline_runs, look.idea_runs)).collect();
        assert_eq!(runs, (2..=10).map(|runs| (runs, runs)).collect::<Vec<_>>());
        close(looks[3].limit.p, 0.009_598, 6e-7);
        close(looks[3].no_gain.unwrap().z, 2.318_345, 6e-7);
        close(looks[8].information, 1.0, 1e-12);
    }

    #[test]
    fn strict_looks_from_the_third_pair_on() {
        let looks = Design::default().strict().looks().unwrap();
        assert_eq!((looks.len(), looks[0].idea_runs), (8, 3));
    }

    #[test]
    fn stored_runs_count_from_the_first_look_on() {
        let design = Design { stored_baseline: 5, ..Design::default() };
        let baseline =
            |design: Design| design.looks().unwrap().iter().map(|look| look.baseline_runs).collect::<Vec<_>>();
        assert_eq!(baseline(design), [5, 5, 5, 5, 6, 7, 8, 9, 10]);
        assert_eq!(baseline(Design { baseline_grows: false, ..design }), [5; 9]);
        assert_eq!(baseline(Design { stored_baseline: 20, ..design }), [20; 9]);
    }

    #[test]
    fn without_a_margin_there_is_no_such_stop() {
        let looks = Design { margin: None, ..Design::default() }.looks().unwrap();
        assert!(looks.iter().all(|look| look.no_gain.is_none()));
    }

    #[test]
    fn designs_that_cannot_be_carried_out_are_refused() {
        let good = Design::default();
        for bad in [
            Design { max_runs: 1, ..good },
            Design { max_runs: 1000, ..good },
            Design { max_runs: 2, ..good }.strict(),
            Design { first_look: Some(1), ..good },
            Design { first_look: Some(11), ..good },
            Design { first_look: Some(2), ..good }.strict(),
            Design { stored_baseline: 1, baseline_grows: false, ..good },
            Design { alpha: 0.0, ..good },
            Design { alpha: 0.5, ..good },
            Design { alpha: f64::NAN, ..good },
            Design { spending: Spending::Power { rho: -1.0 }, ..good },
            Design { margin: Some(0.0), ..good },
            Design { margin: Some(f64::NAN), ..good },
            Design { prior: VariancePrior { degrees_of_freedom: -1.0, guard: None }, ..good },
            Design { prior: VariancePrior { degrees_of_freedom: 3.0, guard: Some(0.9) }, ..good },
        ] {
            let error = bad.looks().unwrap_err();
            assert!(matches!(error, ComparisonError::Design { .. }), "{error}");
            assert!(!error.hint().is_empty());
        }
    }
}
