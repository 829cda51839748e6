//! Tails and quantiles of Student's t, the normal and the chi-square distribution.
//!
//! Everything is said by the upper tail, since that is what a test reports and small tails keep their digits. The
//! functions are those of statrs, covered so that one place decides what happens outside a domain: the answer is NaN
//! there. A quantile of Student's t was wrong in statrs once; the tests here would notice.

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, StudentsT};
use statrs::function::{beta::checked_beta_reg, erf::erfc_inv, gamma::checked_gamma_ur};

/// P(Z > z) for a standard normal Z.
pub fn normal_upper_tail(z: f64) -> f64 {
    let half = 0.5 * normal_two_sided(z);
    if z < 0.0 { 1.0 - half } else { half }
}

/// P(|Z| > |z|) for a standard normal Z: the incomplete gamma function Q(1/2, z²/2) (Abramowitz & Stegun 26.4.19, one
/// degree of freedom), which keeps five digits more than the complementary error function of statrs.
pub fn normal_two_sided(z: f64) -> f64 {
    chi_square_upper_tail(z * z, 1.0)
}

/// The z with P(Z > z) = `tail` for a standard normal Z; NaN unless 0 ≤ `tail` ≤ 1.
///
/// ```
/// let z = imagenette_results::statistics::normal_upper_quantile(0.025);
/// assert!((z - 1.959_963_985).abs() < 1e-9);
/// ```
pub fn normal_upper_quantile(tail: f64) -> f64 {
    if !(0.0..=1.0).contains(&tail) {
        return f64::NAN;
    }
    std::f64::consts::SQRT_2 * erfc_inv(2.0 * tail)
}

/// P(|T| > |t|) for Student's t with `degrees` of freedom, which need not be whole; NaN unless `degrees` > 0.
///
/// By the regularized incomplete beta function: I_x(ν/2, 1/2) at x = ν / (ν + t²) (Abramowitz & Stegun 26.7.1 and
/// 26.5.27).
///
/// ```
/// let p = imagenette_results::statistics::student_t_two_sided(2.5, 3.7);
/// assert!((p - 7.182_202_291_183e-2).abs() < 1e-13);
/// ```
pub fn student_t_two_sided(t: f64, degrees: f64) -> f64 {
    if degrees == f64::INFINITY {
        return normal_two_sided(t);
    }
    if t.is_infinite() && degrees > 0.0 {
        return 0.0;
    }
    checked_beta_reg(degrees / 2.0, 0.5, degrees / (degrees + t * t)).unwrap_or(f64::NAN)
}

/// P(T > t) for Student's t with `degrees` of freedom; NaN unless `degrees` > 0.
pub fn student_t_upper_tail(t: f64, degrees: f64) -> f64 {
    let half = 0.5 * student_t_two_sided(t, degrees);
    if t < 0.0 { 1.0 - half } else { half }
}

/// The t with P(T > t) = `tail` for Student's t with `degrees` of freedom; NaN unless 0 ≤ `tail` ≤ 1 and
/// `degrees` > 0.
///
/// ```
/// let t = imagenette_results::statistics::student_t_upper_quantile(0.025, 6.810_434);
/// assert!((t - 2.378_032_493_2).abs() < 1e-9);
/// ```
pub fn student_t_upper_quantile(tail: f64, degrees: f64) -> f64 {
    if degrees == f64::INFINITY {
        return normal_upper_quantile(tail);
    }
    let Ok(distribution) = StudentsT::new(0.0, 1.0, degrees) else { return f64::NAN };
    if !(0.0..=1.0).contains(&tail) {
        return f64::NAN;
    }
    if tail > 0.5 {
        return -student_t_upper_quantile(1.0 - tail, degrees);
    }
    let mut t = -distribution.inverse_cdf(tail);
    if tail == 0.0 || tail == 0.5 || !t.is_finite() {
        return t.abs();
    }
    // statrs stops at nine digits, and earlier in far tails. Newton's method on the logarithm of the tail, which is
    // nearly straight in the logarithm of t, gives all digits that the tail has.
    for _ in 0..50 {
        let found = student_t_upper_tail(t, degrees);
        let step = found * (found / tail).ln() / (t * distribution.pdf(t));
        if !step.is_finite() {
            break;
        }
        t *= step.clamp(-1.0, 1.0).exp();
        if step.abs() < 1e-15 {
            break;
        }
    }
    t
}

/// P(X > x) for a chi-square X with `degrees` of freedom; NaN unless `degrees` > 0.
pub fn chi_square_upper_tail(x: f64, degrees: f64) -> f64 {
    if degrees > 0.0 && (x <= 0.0 || x == f64::INFINITY) {
        return if x > 0.0 { 0.0 } else { 1.0 };
    }
    checked_gamma_ur(degrees / 2.0, x / 2.0).unwrap_or(f64::NAN)
}

/// The x with P(X > x) = `tail` for a chi-square X with `degrees` of freedom; NaN unless 0 ≤ `tail` ≤ 1 and
/// `degrees` > 0.
///
/// ```
/// let x = imagenette_results::statistics::chi_square_upper_quantile(0.05, 1.0);
/// assert!((x - 3.841_459).abs() < 1e-6);
/// ```
pub fn chi_square_upper_quantile(tail: f64, degrees: f64) -> f64 {
    match ChiSquared::new(degrees) {
        Ok(distribution) if (0.0..=1.0).contains(&tail) => distribution.inverse_cdf(1.0 - tail),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relative(found: f64, expected: f64) -> f64 {
        (found / expected - 1.0).abs()
    }

    #[test]
    fn tails_of_students_t_agree_with_scipy() {
        assert!(relative(student_t_two_sided(2.5, 3.7), 7.182_202_291_183e-2) < 1e-12);
        assert!(relative(student_t_two_sided(1.0, 1.0), 0.5) < 1e-12);
        assert!(relative(student_t_two_sided(40.0, 2.0), 6.244_146_721_847e-4) < 1e-12);
        assert_eq!(student_t_two_sided(0.0, 5.0), 1.0);
    }

    #[test]
    fn quantiles_of_students_t_agree_with_scipy() {
        for (tail, degrees, expected) in [
            (0.025, 4.0, 2.776_445_105_2),
            (0.025, 2.0, 4.302_652_729_7),
            (0.025, 6.810_434, 2.378_032_493_2),
            (0.005, 13.704_045, 2.986_717_720_5),
        ] {
            let found = student_t_upper_quantile(tail, degrees);
            assert!((found - expected).abs() < 6e-11, "{found} {expected}");
        }
    }

    #[test]
    fn tails_and_quantiles_of_students_t_are_inverse_to_each_other() {
        for degrees in [1.0, 1.5, 2.0, 3.7, 9.0, 13.704, 58.2, 400.0, 1e4] {
            for tail in [1e-12, 1e-9, 1e-5, 0.002_236, 0.01, 0.025, 0.2, 0.49, 0.5, 0.9, 0.999] {
                let back = student_t_upper_tail(student_t_upper_quantile(tail, degrees), degrees);
                assert!(relative(back, tail) < 1e-10, "{degrees} {tail} {back}");
            }
        }
    }

    #[test]
    fn with_two_degrees_the_quantile_has_a_closed_form() {
        // t² = 2 (1 − 2p)² / (1 − (1 − 2p)²)
        for tail in [1e-6, 0.001, 0.1, 0.3] {
            let u: f64 = 1.0 - 2.0 * tail;
            let expected = (2.0 * u * u / (1.0 - u * u)).sqrt();
            assert!(relative(student_t_upper_quantile(tail, 2.0), expected) < 1e-9);
        }
    }

    #[test]
    fn students_t_becomes_normal_with_many_degrees() {
        for degrees in [1e4, 1e6, 1e8] {
            let found = student_t_two_sided(1.96, degrees);
            assert!((found - normal_two_sided(1.96)).abs() < 1.0 / degrees, "{degrees} {found}");
        }
        assert_eq!(student_t_two_sided(1.96, f64::INFINITY), normal_two_sided(1.96));
    }

    #[test]
    fn the_normal_distribution_agrees_with_its_tables() {
        assert!((normal_upper_tail(1.0) - 0.158_655_253_931_457).abs() < 1e-14);
        assert!((normal_upper_quantile(0.2) - 0.841_621_233_572_914).abs() < 1e-13);
        assert!((normal_upper_quantile(0.975) + 1.959_963_984_540_054).abs() < 1e-13);
        assert!(relative(normal_upper_tail(8.0), 6.220_960_574_271_782e-16) < 1e-12);
        assert!((normal_upper_tail(-1.0) - 0.841_344_746_068_543).abs() < 1e-14);
        assert_eq!(normal_upper_quantile(0.0), f64::INFINITY);
        assert_eq!((normal_upper_tail(0.0), normal_upper_tail(f64::INFINITY)), (0.5, 0.0));
        assert_eq!(normal_upper_tail(f64::NEG_INFINITY), 1.0);
    }

    #[test]
    fn quantiles_of_chi_square_agree_with_its_table() {
        let table =
            [3.841_459, 5.991_465, 7.814_728, 9.487_729, 11.070_498, 12.591_587, 14.067_140, 15.507_313, 16.918_978];
        for (degrees, expected) in (1..).zip(table) {
            let found = chi_square_upper_quantile(0.05, f64::from(degrees));
            assert!((found - expected).abs() < 6e-7, "{degrees} {found}");
            assert!((chi_square_upper_tail(found, f64::from(degrees)) - 0.05).abs() < 1e-9);
        }
    }

    #[test]
    fn outside_their_domains_functions_say_nan() {
        for value in [
            normal_upper_quantile(-0.1),
            normal_upper_quantile(f64::NAN),
            student_t_two_sided(f64::NAN, 3.0),
            student_t_two_sided(1.0, 0.0),
            student_t_two_sided(1.0, f64::NAN),
            student_t_upper_quantile(1.5, 3.0),
            student_t_upper_quantile(0.1, -1.0),
            chi_square_upper_quantile(0.5, 0.0),
            chi_square_upper_quantile(2.0, 1.0),
            chi_square_upper_tail(1.0, -1.0),
            chi_square_upper_tail(f64::NAN, 1.0),
        ] {
            assert!(value.is_nan(), "{value}");
        }
        assert_eq!(student_t_two_sided(f64::INFINITY, 3.0), 0.0);
        assert_eq!(chi_square_upper_tail(0.0, 3.0), 1.0);
        assert_eq!(student_t_upper_quantile(0.0, 3.0), f64::INFINITY);
    }
}
