//! What a comparison could have seen, and how many runs another would need.
//!
//! Both use the normal approximation of a test's power (Lachin 1981, Control. Clin. Trials 2:93): a true gain g is
//! found with probability `power` if g = (z + z_power) SE, where z is the limit of the last look.

use super::distribution::normal_upper_quantile;

/// The smallest true gain that would have been seen with probability `power`, a fraction: (z + z_power) SE.
///
/// `limit_z` is the two-sided limit of the look as a normal z, `standard_error` the difference's, a fraction.
///
/// ```
/// use imagenette_results::statistics::smallest_gain;
///
/// // 10 + 10 runs with a standard deviation of .37 points, at the last look's limit.
/// let standard_error = 0.0037 * f64::sqrt(2.0 / 10.0);
/// assert!((100.0 * smallest_gain(2.241_454, standard_error, 0.8) - 0.510_153).abs() < 1e-6);
/// ```
pub fn smallest_gain(limit_z: f64, standard_error: f64, power: f64) -> f64 {
    (limit_z + normal_upper_quantile(1.0 - power)) * standard_error
}

/// How many runs an arm needs to see a true gain with probability `power`: (s_A² + s_B²) (z + z_power)² / g². Round it
/// up.
///
/// `gain` is a fraction, `variances` the sum of the variances of a run in both arms in fractions squared. Infinite for
/// a gain of 0.
///
/// ```
/// use imagenette_results::statistics::runs_needed;
///
/// // A gain of .3 points, a standard deviation of .37 in both arms: 29 runs.
/// let runs = runs_needed(0.003, 2.241_454, 2.0 * 0.0037 * 0.0037, 0.8);
/// assert!((runs - 28.917).abs() < 1e-3);
/// ```
pub fn runs_needed(gain: f64, limit_z: f64, variances: f64, power: f64) -> f64 {
    variances * ((limit_z + normal_upper_quantile(1.0 - power)) / gain).powi(2)
}

#[cfg(test)]
mod tests {
    use super::super::worked_examples::close;
    use super::*;

    #[test]
    fn ten_runs_see_half_a_point_and_three_tenths_need_29() {
        close(100.0 * smallest_gain(2.241_454, 0.0037 * 0.2_f64.sqrt(), 0.8), 0.510_153, 1e-6);
        close(runs_needed(0.003, 2.241_454, 2.0 * 0.0037_f64.powi(2), 0.8), 28.917, 5e-4);
        assert_eq!(runs_needed(0.0, 2.0, 1e-5, 0.8), f64::INFINITY);
    }

    #[test]
    fn the_runs_that_a_gain_needs_see_that_gain() {
        let variance: f64 = 1.3e-5;
        let runs = runs_needed(0.004, 2.3, 2.0 * variance, 0.9);
        close(smallest_gain(2.3, (2.0 * variance / runs).sqrt(), 0.9), 0.004, 1e-12);
    }
}
