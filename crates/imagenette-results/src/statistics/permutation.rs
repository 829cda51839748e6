//! Exact tests that stand beside a verdict for information: permutation of runs, McNemar's of two networks.

use std::collections::BTreeMap;

use statrs::function::gamma::ln_gamma;

use super::distribution::chi_square_upper_tail;

/// More distinct sums than this are not counted: memory would run out before the answer mattered.
const MOST_SUMS: usize = 1_000_000;

/// The exact two-sided p of a difference of means when runs are dealt to the arms at random (Fisher 1935, The Design
/// of Experiments, §21; Pitman 1937, Suppl. J. R. Stat. Soc. 4:119): the share of all splits whose difference is at
/// least as large as the one seen, which is itself among them.
///
/// The counts right stay whole, so that equal sums are equal. With fewer than four runs an arm no p can be below 5%.
/// `None` if an arm is empty, or if the runs have more distinct sums than can be counted.
///
/// ```
/// use imagenette_results::statistics::permutation_p;
///
/// let without_whitening = [3530, 3513, 3519, 3504, 3512];
/// let whitening = [3538, 3527, 3540, 3540, 3543];
/// let p = permutation_p(&without_whitening, &whitening).unwrap();
/// assert!((p - 4.0 / 252.0).abs() < 1e-12);
/// ```
pub fn permutation_p(baseline: &[u64], idea: &[u64]) -> Option<f64> {
    if baseline.is_empty() || idea.is_empty() {
        return None;
    }
    // How many subsets of each size have each sum: run after run joins the subsets that there are.
    let mut subsets: Vec<BTreeMap<u128, f64>> = vec![BTreeMap::new(); idea.len() + 1];
    subsets[0].insert(0, 1.0);
    for correct in baseline.iter().chain(idea) {
        for size in (0..idea.len()).rev() {
            let joined: Vec<_> =
                subsets[size].iter().map(|(sum, count)| (sum + u128::from(*correct), *count)).collect();
            for (sum, count) in joined {
                *subsets[size + 1].entry(sum).or_default() += count;
            }
        }
        if subsets.iter().map(BTreeMap::len).sum::<usize>() > MOST_SUMS {
            return None;
        }
    }
    // A split's difference grows with its sum S alone: |S / n − (total − S) / m| is |S (n + m) − total n| / (n m).
    let sum = |runs: &[u64]| runs.iter().map(|run| u128::from(*run)).sum::<u128>();
    let (total, runs) = (sum(baseline) + sum(idea), (baseline.len() + idea.len()) as u128);
    let distance = |sum: u128| (sum * runs).abs_diff(total * idea.len() as u128);
    let seen = distance(sum(idea));
    let splits = subsets.last()?;
    let as_large: f64 = splits.iter().filter(|(sum, _)| distance(**sum) >= seen).map(|(_, count)| count).sum();
    Some(as_large / splits.values().sum::<f64>())
}

/// On how many photos exactly one of two networks is right (McNemar 1947, Psychometrika 12:153).
///
/// It compares two networks on new photos and says nothing about the recipes that they came from: for information,
/// never for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct McNemar {
    /// Photos that only the idea's network gets right: b.
    pub only_idea: u64,
    /// Photos that only the baseline's network gets right: c.
    pub only_baseline: u64,
}

impl McNemar {
    /// The exact two-sided p: twice the smaller tail of a binomial distribution with one half, at most 1.
    ///
    /// ```
    /// use imagenette_results::statistics::McNemar;
    ///
    /// let seed_1 = McNemar { only_idea: 107, only_baseline: 99 };
    /// assert!((seed_1.exact_p() - 0.625_861).abs() < 1e-6);
    /// ```
    pub fn exact_p(&self) -> f64 {
        let (least, most) = (self.only_idea.min(self.only_baseline), self.only_idea.max(self.only_baseline));
        if least == most {
            return 1.0;
        }
        // The terms of the tail, from the largest down: C(n, k) / 2ⁿ, and then each from the one before.
        let (n, mut k) = (least as f64 + most as f64, least as f64);
        let choose = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
        let mut term = (choose - n * std::f64::consts::LN_2).exp();
        let mut tail = 0.0;
        while term > tail * f64::EPSILON {
            tail += term;
            term *= k / (n - k + 1.0);
            k -= 1.0;
        }
        (2.0 * tail).min(1.0)
    }

    /// The statistic (b − c)² / (b + c), without a correction for continuity; 0 if the networks agree everywhere.
    ///
    /// ```
    /// use imagenette_results::statistics::McNemar;
    ///
    /// let seed_1 = McNemar { only_idea: 107, only_baseline: 99 };
    /// assert!((seed_1.chi_square() - 0.310_680).abs() < 1e-6);
    /// ```
    pub fn chi_square(&self) -> f64 {
        let (b, c) = (self.only_idea as f64, self.only_baseline as f64);
        if b + c > 0.0 { (b - c).powi(2) / (b + c) } else { 0.0 }
    }

    /// The p of [`McNemar::chi_square`] at one degree of freedom.
    pub fn chi_square_p(&self) -> f64 {
        chi_square_upper_tail(self.chi_square(), 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::worked_examples::{EPOCHS_5, NO_WHITENING, ONE_RECIPE, close};
    use super::*;

    #[test]
    fn four_of_252_splits_differ_as_much_as_whitening() {
        close(permutation_p(&NO_WHITENING, &EPOCHS_5).unwrap(), 0.015_873, 1e-6);
        close(permutation_p(&EPOCHS_5, &NO_WHITENING).unwrap(), 0.015_873, 1e-6);
    }

    #[test]
    fn a_permutation_of_few_runs_cannot_decide() {
        for (runs, least) in [(2, 1.0 / 3.0), (3, 0.1), (4, 1.0 / 35.0), (5, 1.0 / 126.0)] {
            let baseline: Vec<u64> = (0..runs).collect();
            let idea: Vec<u64> = (0..runs).map(|run| 100 + run).collect();
            close(permutation_p(&baseline, &idea).unwrap(), least, 1e-12);
        }
    }

    #[test]
    fn many_runs_are_counted_and_not_enumerated() {
        // C(24, 12) = 2,704,156 splits with a few thousand sums.
        let p = permutation_p(&ONE_RECIPE[..12], &ONE_RECIPE[12..]).unwrap();
        assert!((0.0..1.0).contains(&p), "{p}");
        assert_eq!(permutation_p(&[5, 5, 5], &[5, 5, 5]), Some(1.0));
    }

    #[test]
    fn arms_of_unequal_size_are_split_as_they_are() {
        // Of the three ways to pick one run of 1, 2, 9 the one seen is the most extreme.
        close(permutation_p(&[1, 2], &[9]).unwrap(), 1.0 / 3.0, 1e-12);
        assert_eq!(permutation_p(&[], &[9]), None);
    }

    #[test]
    fn sums_without_end_are_given_up() {
        let far_apart: Vec<u64> = (0..60).map(|power| 1 << power).collect();
        assert_eq!(permutation_p(&far_apart[..30], &far_apart[30..]), None);
    }

    #[test]
    fn two_networks_of_one_seed_do_not_differ() {
        let seed_1 = McNemar { only_idea: 107, only_baseline: 99 };
        close(seed_1.exact_p(), 0.625_861, 1e-6);
        close(seed_1.chi_square(), 0.310_680, 1e-6);
        close(seed_1.chi_square_p(), 0.577, 5e-4);
    }

    #[test]
    fn mcnemar_of_many_photos_is_nearly_normal() {
        // (|b − c| − 1)² / (b + c) is chi-square to four digits.
        let many = McNemar { only_idea: 25_100, only_baseline: 24_700 };
        close(many.exact_p(), chi_square_upper_tail(399.0 * 399.0 / 49_800.0, 1.0), 1e-4);
    }

    #[test]
    fn mcnemar_of_a_handful_is_the_binomial_by_hand() {
        // 2 (1 + 6) / 2⁶ = .21875.
        close(McNemar { only_idea: 1, only_baseline: 5 }.exact_p(), 0.218_75, 1e-12);
        close(McNemar { only_idea: 0, only_baseline: 5 }.exact_p(), 0.062_5, 1e-12);
        assert_eq!(McNemar { only_idea: 0, only_baseline: 0 }.exact_p(), 1.0);
        assert_eq!(McNemar { only_idea: 0, only_baseline: 0 }.chi_square_p(), 1.0);
        assert_eq!(McNemar { only_idea: 7, only_baseline: 7 }.exact_p(), 1.0);
        assert_eq!(McNemar { only_idea: 7, only_baseline: 8 }.exact_p(), 1.0);
    }
}
