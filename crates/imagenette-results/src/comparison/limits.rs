//! Group-sequential limits: how large a difference must be at each look, so that all looks together err in α of all
//! cases where there is nothing to find.

use super::ComparisonError;
use crate::statistics::{gauss_legendre, normal_two_sided, normal_upper_quantile, normal_upper_tail};

/// Two looks closer than that in their share of information are one: the integration would need too many nodes.
const LEAST_STEP: f64 = 1e-4;
/// No normal value lies farther out: the density is cut there where a look has no limit.
const REACH: f64 = 9.0;

/// How much of α may be used up by which share t of the information: a function from 0 at t = 0 to α at t = 1
/// (Lan & DeMets 1983, Biometrika 70:659).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spending {
    /// α t^ρ (Kim & DeMets 1987, Biometrika 74:149): the larger ρ, the more is left for the end.
    Power {
        /// The exponent, above 0.
        rho: f64,
    },
    /// 4 (1 − Φ(z_{α/4} / √t)), near to the limits of O'Brien & Fleming (1979, Biometrics 35:549).
    OBrienFleming,
    /// α ln(1 + (e − 1) t), near to the limits of Pocock (1977, Biometrika 64:191).
    Pocock,
}

impl Spending {
    /// How much of the two-sided `alpha` is spent at a share of information in 0..=1.
    ///
    /// ```
    /// use imagenette_results::comparison::Spending;
    ///
    /// assert!((Spending::OBrienFleming.spent(0.05, 0.5) - 0.003_051).abs() < 1e-6);
    /// assert!((Spending::Power { rho: 1.5 }.spent(0.05, 0.2) - 0.004_472).abs() < 1e-6);
    /// ```
    pub fn spent(&self, alpha: f64, fraction: f64) -> f64 {
        match self {
            Self::Power { rho } => alpha * fraction.powf(*rho),
            Self::OBrienFleming => 2.0 * normal_two_sided(normal_upper_quantile(alpha / 4.0) / fraction.sqrt()),
            Self::Pocock => alpha * ((std::f64::consts::E - 1.0) * fraction).ln_1p(),
        }
    }
}

/// The limit of one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// As a normal value: |z| must exceed it. Infinite where a look has nothing to spend.
    pub z: f64,
    /// As a two-sided p, which must stay below it. This is what the p of a t test is compared with, as Jennison &
    /// Turnbull advise for unknown variances (Group Sequential Methods, 2000, chapter 11).
    pub p: f64,
}

impl Limit {
    /// A limit given as a normal value.
    pub fn of_z(z: f64) -> Self {
        Self { z, p: normal_two_sided(z) }
    }

    /// The upper tail beyond it: half its p.
    pub fn tail(&self) -> f64 {
        self.p / 2.0
    }

    /// The confidence of the two-sided interval that excludes 0 where the limit is crossed: 1 − p.
    pub fn confidence(&self) -> f64 {
        1.0 - self.p
    }
}

/// The two-sided limits of looks at these shares of information, for a total error `alpha`.
///
/// By recursive integration (Armitage, McPherson & Rowe 1969, J. R. Stat. Soc. A 132:235) over the density of a sum
/// that no look has stopped yet: f_k(y) = ∫ f_{k−1}(x) φ((y − x) / √Δ) / √Δ dx within the limits. Each limit is the
/// one at which the look spends what the spending function has gained since the look before.
///
/// # Errors
/// Unless 0 < `alpha` < 1 and the fractions grow by at least 0.0001 within 0..=1.
///
/// ```
/// use imagenette_results::comparison::{Spending, group_sequential_limits};
///
/// let limits = group_sequential_limits(&[0.5, 1.0], 0.05, Spending::Pocock).unwrap();
/// assert!((limits[0].z - 2.1570).abs() < 5e-5 && (limits[1].z - 2.2010).abs() < 5e-5);
/// ```
pub fn group_sequential_limits(
    fractions: &[f64],
    alpha: f64,
    spending: Spending,
) -> Result<Vec<Limit>, ComparisonError> {
    check_fractions(fractions)?;
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(ComparisonError::design("alpha", "a fraction between 0 and 1", alpha));
    }
    if let Spending::Power { rho } = spending
        && !(rho > 0.0 && rho.is_finite())
    {
        return Err(ComparisonError::design("rho", "a number above 0", rho));
    }
    let mut looks = Looks::new(fractions);
    let mut spent = 0.0;
    let mut limits = Vec::with_capacity(fractions.len());
    for fraction in fractions {
        let total = spending.spent(alpha, *fraction);
        let limit = looks.limit(total - spent);
        spent = total;
        looks.pass(limit.z);
        limits.push(limit);
    }
    Ok(limits)
}

/// How likely it is that any look so far has crossed its two-sided limit when there is nothing to find: for each look
/// the probability up to and with it.
///
/// # Errors
/// Unless there are as many limits as fractions, none negative, and the fractions grow by at least 0.0001 within
/// 0..=1.
///
/// ```
/// use imagenette_results::comparison::crossing_probabilities;
///
/// // Looking five times with p < .05 errs in 14% (Armitage, McPherson & Rowe 1969).
/// let errors = crossing_probabilities(&[0.2, 0.4, 0.6, 0.8, 1.0], &[1.959_964; 5]).unwrap();
/// assert!((errors[0] - 0.05).abs() < 1e-6 && (errors[4] - 0.142).abs() < 5e-4);
/// ```
pub fn crossing_probabilities(fractions: &[f64], z: &[f64]) -> Result<Vec<f64>, ComparisonError> {
    check_fractions(fractions)?;
    if z.len() != fractions.len() || z.iter().any(|z| z.is_nan() || *z < 0.0) {
        let expected = format!("{} numbers, none negative", fractions.len());
        return Err(ComparisonError::design("limits", expected, format!("{z:?}")));
    }
    let mut looks = Looks::new(fractions);
    let mut crossed = 0.0;
    let mut probabilities = Vec::with_capacity(z.len());
    for z in z {
        crossed += looks.crossing(*z);
        looks.pass(*z);
        probabilities.push(crossed);
    }
    Ok(probabilities)
}

fn check_fractions(fractions: &[f64]) -> Result<(), ComparisonError> {
    let mut before = 0.0;
    for fraction in fractions {
        if !(fraction - before >= LEAST_STEP && *fraction <= 1.0 + 1e-12) {
            let expected = format!("numbers up to 1 that grow by at least {LEAST_STEP}");
            return Err(ComparisonError::design("information fractions", expected, format!("{fractions:?}")));
        }
        before = *fraction;
    }
    Ok(())
}

/// The looks on their way: what is known of the sum before the next one. The sum at share t of the information is
/// normal with variance t; its standardized value is z.
struct Looks<'a> {
    fractions: &'a [f64],
    /// How many looks are over.
    passed: usize,
    /// Where the sum may be after them without having crossed a limit, and with which probability: nodes and weights
    /// of a quadrature, multiplied by the density.
    going_on: Vec<(f64, f64)>,
}

impl<'a> Looks<'a> {
    fn new(fractions: &'a [f64]) -> Self {
        Self { fractions, passed: 0, going_on: vec![(0.0, 1.0)] }
    }

    /// The standard deviation of what the sum gains between the looks `look − 1` and `look`, counted from 0.
    fn step(&self, look: usize) -> f64 {
        let before = if look == 0 { 0.0 } else { self.fractions[look - 1] };
        (self.fractions[look] - before).sqrt()
    }

    /// How likely it is that the next look crosses this limit and none before it has.
    fn crossing(&self, z: f64) -> f64 {
        let (bound, step) = (z * self.fractions[self.passed].sqrt(), self.step(self.passed));
        // The density is symmetric, so that both sides are crossed alike.
        let upper = |(x, weight): &(f64, f64)| weight * normal_upper_tail((bound - x) / step);
        2.0 * self.going_on.iter().map(upper).sum::<f64>()
    }

    /// How fast that probability falls as the limit rises.
    fn slope(&self, z: f64) -> f64 {
        let (scale, step) = (self.fractions[self.passed].sqrt(), self.step(self.passed));
        let density = |x: f64| (-0.5 * ((z * scale - x) / step).powi(2)).exp();
        let sum = self.going_on.iter().map(|(x, weight)| weight * density(*x)).sum::<f64>();
        -2.0 * sum * scale / (step * (2.0 * std::f64::consts::PI).sqrt())
    }

    /// The limit that the next look crosses with this probability: Newton's method on the probability's logarithm,
    /// with bisection where a step would leave what is known to hold the limit.
    fn limit(&self, probability: f64) -> Limit {
        let (mut low, mut high) = (0.0, REACH);
        if probability <= self.crossing(high) {
            return Limit::of_z(f64::INFINITY);
        }
        let mut z = normal_upper_quantile(probability / 2.0).clamp(low, high);
        for _ in 0..100 {
            let crossing = self.crossing(z);
            if crossing > probability {
                low = z
            } else {
                high = z
            }
            let newton = z - (crossing / probability).ln() * crossing / self.slope(z);
            let next = if newton >= low && newton <= high { newton } else { 0.5 * (low + high) };
            let moved = (next - z).abs();
            z = next;
            if moved < 1e-11 {
                break;
            }
        }
        Limit::of_z(z)
    }

    /// Goes past the next look: the sum has stayed within its limit.
    fn pass(&mut self, z: f64) {
        let (look, step) = (self.passed, self.step(self.passed));
        self.passed += 1;
        if self.passed == self.fractions.len() {
            return;
        }
        let bound = z.min(REACH) * self.fractions[look].sqrt();
        // The density is as smooth as the narrower of the two steps beside it; four nodes for each of its standard
        // deviations give ten digits.
        let widths = 2.0 * bound / step.min(self.step(self.passed));
        let nodes = 40 + (4.0 * widths) as usize;
        let density = |y: f64| {
            let kernel = |(x, weight): &(f64, f64)| weight * (-0.5 * ((y - x) / step).powi(2)).exp();
            self.going_on.iter().map(kernel).sum::<f64>() / (step * (2.0 * std::f64::consts::PI).sqrt())
        };
        let scaled = |(node, weight): (f64, f64)| (bound * node, bound * weight * density(bound * node));
        self.going_on = gauss_legendre(nodes).into_iter().map(scaled).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::worked_examples::close;

    const POWER: Spending = Spending::Power { rho: 1.5 };

    fn equal(looks: usize) -> Vec<f64> {
        (1..=looks).map(|look| look as f64 / looks as f64).collect()
    }

    fn compare(fractions: &[f64], alpha: f64, spending: Spending, expected: &[f64], tolerance: f64) {
        let limits = group_sequential_limits(fractions, alpha, spending).unwrap();
        assert_eq!(limits.len(), expected.len());
        for (limit, expected) in limits.iter().zip(expected) {
            close(limit.z, *expected, tolerance);
        }
    }

    #[test]
    fn looks_from_two_to_ten_runs_have_the_limits_of_the_design() {
        let fractions: Vec<f64> = (2..=10).map(|runs| f64::from(runs) / 10.0).collect();
        let z = [2.842784, 2.786738, 2.682942, 2.589996, 2.507169, 2.432350, 2.363882, 2.300552, 2.241454];
        compare(&fractions, 0.05, POWER, &z, 6e-7);
        let p = [0.004472, 0.005324, 0.007298, 0.009598, 0.012170, 0.015001, 0.018085, 0.021417, 0.024997];
        for (limit, p) in group_sequential_limits(&fractions, 0.05, POWER).unwrap().iter().zip(p) {
            close(limit.p, p, 6e-7);
            close(limit.tail(), p / 2.0, 3e-7);
            close(limit.confidence(), 1.0 - p, 6e-7);
        }
        let no_gain = [2.614177, 2.541012, 2.423660, 2.318345, 2.223989, 2.138248, 2.059305, 1.985829, 1.916831];
        compare(&fractions, 0.10, POWER, &no_gain, 6e-7);
    }

    #[test]
    fn a_stored_baseline_of_ten_has_the_limits_of_the_design() {
        let fractions: Vec<f64> = (2..=10).map(|runs| 1.0 / (0.1 + 1.0 / f64::from(runs)) / 5.0).collect();
        let shares = [0.333333, 0.461538, 0.571429, 0.666667, 0.750000, 0.823529, 0.888889, 0.947368, 1.000000];
        for (fraction, expected) in fractions.iter().zip(shares) {
            close(*fraction, expected, 6e-7);
        }
        let z = [2.589108, 2.572169, 2.506071, 2.450047, 2.403687, 2.364866, 2.331883, 2.303488, 2.278764];
        compare(&fractions, 0.05, POWER, &z, 6e-7);
        let no_gain = [2.340751, 2.304580, 2.225371, 2.158639, 2.103270, 2.056721, 2.017010, 1.982691, 1.952699];
        compare(&fractions, 0.10, POWER, &no_gain, 6e-7);
    }

    #[test]
    fn other_designs_have_their_limits() {
        compare(&[0.5, 1.0], 0.05, POWER, &[2.3723, 2.0562], 6e-5);
        compare(&[0.5, 1.0], 0.05, Spending::Pocock, &[2.1570, 2.2010], 6e-5);
        compare(&[0.5, 1.0], 0.05, Spending::OBrienFleming, &[2.9626, 1.9686], 6e-5);
        close(Spending::OBrienFleming.spent(0.05, 0.5), 0.003_051, 6e-7);
        compare(&[1.0], 0.05, Spending::OBrienFleming, &[1.959_964], 1e-6);
    }

    #[test]
    fn limits_agree_with_published_ones() {
        // Lan & DeMets' functions after O'Brien & Fleming and after Pocock, five equal looks, as programs have printed
        // them since Reboussin et al. (2000, Control. Clin. Trials 21:190). They integrated coarsely: the second limit
        // is 3.357012 by Simpson's rule with 4,000 steps.
        compare(&equal(5), 0.05, Spending::OBrienFleming, &[4.8769, 3.3569, 2.6803, 2.2898, 2.0310], 2e-4);
        compare(&equal(2), 0.05, Spending::OBrienFleming, &[2.9626, 1.9686], 6e-5);
        compare(&equal(5), 0.05, Spending::Pocock, &[2.4380, 2.4268, 2.4101, 2.3966, 2.3859], 2e-4);
        // The README of SeqBounds.jl, one-sided .05.
        compare(&equal(4), 0.10, Spending::OBrienFleming, &[3.74955, 2.53993, 2.01604, 1.72014], 2e-4);
    }

    #[test]
    fn repeated_looks_err_as_often_as_armitage_mcpherson_and_rowe_found() {
        for (looks, expected) in [(1, 0.050), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193)] {
            let errors = crossing_probabilities(&equal(looks), &vec![1.959_964; looks]).unwrap();
            close(errors[looks - 1], expected, 5e-4);
        }
    }

    #[test]
    fn the_constants_of_pocock_and_of_obrien_and_fleming_spend_five_percent() {
        // Jennison & Turnbull 2000, tables 2.1 and 2.3.
        for (looks, pocock, obrien_fleming) in
            [(2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (5, 2.413, 2.040), (10, 2.555, 2.087)]
        {
            let fractions = equal(looks);
            let last = |z: &[f64]| crossing_probabilities(&fractions, z).unwrap()[looks - 1];
            close(last(&vec![pocock; looks]), 0.05, 1e-4);
            let falling: Vec<f64> = fractions.iter().map(|fraction| obrien_fleming / fraction.sqrt()).collect();
            close(last(&falling), 0.05, 1e-4);
        }
    }

    #[test]
    fn every_design_spends_its_alpha_and_no_more() {
        for fractions in [equal(1), equal(30), vec![0.01, 0.0102, 0.5, 1.0], equal(60)] {
            for spending in [POWER, Spending::Power { rho: 3.0 }, Spending::OBrienFleming, Spending::Pocock] {
                let limits = group_sequential_limits(&fractions, 0.05, spending).unwrap();
                let z: Vec<f64> = limits.iter().map(|limit| limit.z).collect();
                let spent = crossing_probabilities(&fractions, &z).unwrap();
                close(spent[spent.len() - 1], 0.05, 1e-8);
            }
        }
    }

    #[test]
    fn a_look_with_nothing_to_spend_has_no_limit() {
        let limits = group_sequential_limits(&[0.01, 1.0], 0.05, Spending::OBrienFleming).unwrap();
        assert_eq!((limits[0].z, limits[0].p), (f64::INFINITY, 0.0));
        close(limits[1].z, 1.959_964, 1e-6);
    }

    #[test]
    fn what_are_no_fractions_is_refused() {
        for fractions in [&[0.5, 0.5][..], &[0.5, 0.4], &[0.0], &[0.5, 1.1], &[f64::NAN], &[0.5, 0.500_01]] {
            assert!(group_sequential_limits(fractions, 0.05, POWER).is_err(), "{fractions:?}");
        }
        for alpha in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(group_sequential_limits(&[1.0], alpha, POWER).is_err(), "{alpha}");
        }
        for rho in [0.0, f64::NAN, f64::INFINITY] {
            assert!(group_sequential_limits(&[1.0], 0.05, Spending::Power { rho }).is_err(), "{rho}");
        }
        assert!(crossing_probabilities(&[1.0], &[]).is_err());
        assert!(crossing_probabilities(&[1.0], &[-1.0]).is_err());
        assert!(group_sequential_limits(&[], 0.05, POWER).unwrap().is_empty());
    }
}
