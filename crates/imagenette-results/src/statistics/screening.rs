//! A sweep's candidates against their baseline: which of them beat it, and how good the best of them is likely to be.

use super::{Candidate, Sample, SteadiedArm, TTest, VariancePrior, holm, mean, shrink, steadied_welch};

/// What a sweep says about one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Screened {
    /// Its mean accuracy minus the baseline's, a fraction.
    pub gain: f64,
    /// The gain drawn towards the mean of all candidates' gains: what it is likely to be worth, and what to rank by.
    /// The gain itself where there is one candidate.
    pub shrunken: f64,
    /// The steadied test; `None` unless both sides have two runs or more.
    pub test: Option<TTest>,
    /// Holm's adjusted p over all candidates that have a test: below α the candidate beats the baseline.
    pub adjusted_p: Option<f64>,
}

/// Compares the accuracies (fractions) of each candidate's runs with those of the baseline's, on so many photos:
/// [`steadied_welch`] with [`holm`], and [`shrink`].
///
/// For shrinking, a side of a single run has the variance that calibration predicts. `None` for a candidate without
/// runs, and for all of them where the baseline has none.
///
/// ```
/// use imagenette_results::statistics::{holm, screen};
///
/// let accuracies = |correct: [u32; 5]| correct.map(|correct| f64::from(correct) / 3925.0);
/// let epochs_5 = accuracies([3538, 3527, 3540, 3540, 3543]);
/// let no_whitening = accuracies([3530, 3513, 3519, 3504, 3512]);
/// let no_muon = accuracies([3466, 3495, 3487, 3481, 3471]);
/// let found = screen(&epochs_5, &[&no_whitening, &no_muon], 3925);
/// let [whitening, muon] = [found[0].unwrap(), found[1].unwrap()];
/// assert!((100.0 * muon.gain + 1.467_516).abs() < 1e-6);
/// // Holm doubles the smaller p alone.
/// assert!((muon.adjusted_p.unwrap() - 2.0 * 3.060_759e-6).abs() < 1e-11);
/// assert!((whitening.adjusted_p.unwrap() - 7.442_950e-3).abs() < 1e-9);
/// // Both are drawn towards −1.014.
/// assert!(whitening.shrunken < whitening.gain && muon.shrunken > muon.gain);
/// ```
pub fn screen(baseline: &[f64], candidates: &[&[f64]], photos: u64) -> Vec<Option<Screened>> {
    let one = |candidate: &&[f64]| {
        let gain = mean(candidate)? - mean(baseline)?;
        let test = Sample::of(baseline).zip(Sample::of(candidate)).and_then(|(baseline, candidate)| {
            Some(steadied_welch(&baseline, &candidate, photos, &VariancePrior::STEADIED)?.test)
        });
        let standard_error = match &test {
            Some(test) => test.standard_error,
            None => (variance_of_mean(baseline, photos)? + variance_of_mean(candidate, photos)?).sqrt(),
        };
        Some((Candidate { gain, standard_error }, test))
    };
    let found: Vec<Option<(Candidate, Option<TTest>)>> = candidates.iter().map(one).collect();
    let gains: Vec<Candidate> = found.iter().flatten().map(|(candidate, _)| *candidate).collect();
    let p: Vec<f64> = found.iter().flatten().filter_map(|(_, test)| test.map(|test| test.p())).collect();
    let shrunken =
        shrink(&gains).map_or_else(|| gains.iter().map(|candidate| candidate.gain).collect(), |all| all.gains);
    let (mut shrunken, mut adjusted) = (shrunken.into_iter(), holm(&p).into_iter());
    let mut of_one = |(candidate, test): (Candidate, Option<TTest>)| Screened {
        gain: candidate.gain,
        shrunken: shrunken.next().unwrap_or(candidate.gain),
        test,
        adjusted_p: test.and_then(|_| adjusted.next()),
    };
    found.into_iter().map(|found| found.map(&mut of_one)).collect()
}

/// The variance of the mean of some runs: the steadied one, or for a single run what calibration predicts.
fn variance_of_mean(accuracies: &[f64], photos: u64) -> Option<f64> {
    let known = Sample::of(accuracies).and_then(|sample| SteadiedArm::of(&sample, photos, &VariancePrior::STEADIED));
    let error = (1.0 - mean(accuracies)?).max(0.5 / photos as f64);
    let variance = known.map_or(error / (2.0 * photos as f64), |arm| arm.variance);
    Some(variance / accuracies.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::worked_examples::{EPOCHS_5, NO_MUON, NO_WHITENING, PHOTOS, accuracies, close};
    use super::*;

    #[test]
    fn candidates_are_adjusted_for_each_other_in_whatever_order_they_come() {
        let [base, one, other] = [&EPOCHS_5, &NO_WHITENING, &NO_MUON].map(|correct| accuracies(correct));
        let found = screen(&base, &[&one, &[], &other], PHOTOS);
        assert_eq!(found[1], None);
        let turned = screen(&base, &[&other, &one], PHOTOS);
        assert_eq!((found[0], found[2]), (turned[1], turned[0]));
        // By hand: gains −.560510 and −1.467516, SE .178687 and .190356; var .411330, mean SE² .034082.
        let (tau2, center) = (0.411_330 - 0.034_082, -1.014_013);
        close(100.0 * found[0].unwrap().shrunken, center + 0.453_503 * tau2 / (tau2 + 0.178_687f64.powi(2)), 1e-4);
    }

    #[test]
    fn single_runs_have_no_p_and_are_drawn_together_by_what_calibration_predicts() {
        let found = screen(&[0.9], &[&[0.901], &[0.899], &[0.9]], 1000);
        let found: Vec<Screened> = found.into_iter().flatten().collect();
        assert!(found.iter().all(|one| one.test.is_none() && one.adjusted_p.is_none()));
        // A tenth of a point at a spread of 0.7: chance alone.
        assert!(found.iter().all(|one| one.shrunken.abs() < 1e-12), "{found:?}");
        close(found[0].gain, 0.001, 1e-12);
        let far = screen(&[0.5], &[&[0.5], &[0.9]], 1000);
        assert!(far[1].unwrap().shrunken > 0.39);
    }

    #[test]
    fn without_a_baseline_or_with_one_candidate_nothing_is_made_up() {
        assert_eq!(screen(&[], &[&[0.9, 0.91]], 1000), [None]);
        assert!(screen(&[0.9], &[], 1000).is_empty());
        let one = screen(&[0.90, 0.91], &[&[0.93, 0.92]], 1000)[0].unwrap();
        close(one.shrunken, 0.02, 1e-12);
        close(one.adjusted_p.unwrap(), one.test.unwrap().p(), 1e-15);
    }
}
