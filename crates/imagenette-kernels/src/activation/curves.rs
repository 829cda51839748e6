//! The activations on vectors, each a type, so that each has passes compiled for it.

use crate::simd::Simd;

/// A function and its derivative on vectors.
pub(crate) trait Curve {
    fn value<S: Simd>(s: S, x: S::V) -> S::V;
    fn slope<S: Simd>(s: S, x: S::V) -> S::V;
}

/// x
pub(crate) struct Identity;
/// max(x, 0)
pub(crate) struct Relu;
/// x · Φ(x)
pub(crate) struct Gelu;
/// x · σ(x)
pub(crate) struct Silu;
/// x · tanh(ln(1 + eˣ))
pub(crate) struct Mish;

impl Curve for Identity {
    #[inline(always)]
    fn value<S: Simd>(_: S, x: S::V) -> S::V {
        x
    }
    #[inline(always)]
    fn slope<S: Simd>(s: S, _: S::V) -> S::V {
        s.splat(1.0)
    }
}

impl Curve for Relu {
    #[inline(always)]
    fn value<S: Simd>(s: S, x: S::V) -> S::V {
        let zero = s.splat(0.0);
        // Not `max`: NaN stays NaN, so that a run that diverges shows it.
        s.select_greater(zero, x, zero, x)
    }
    #[inline(always)]
    fn slope<S: Simd>(s: S, x: S::V) -> S::V {
        let zero = s.splat(0.0);
        s.select_greater(x, zero, s.splat(1.0), zero)
    }
}

impl Curve for Gelu {
    #[inline(always)]
    fn value<S: Simd>(s: S, x: S::V) -> S::V {
        let (distribution, _) = normal(s, x);
        s.mul(x, distribution)
    }
    #[inline(always)]
    fn slope<S: Simd>(s: S, x: S::V) -> S::V {
        let (distribution, bell) = normal(s, x);
        // φ(x) = e^(-x²/2) / √(2π)
        s.mul_add(s.mul(x, s.splat(0.398_942_3)), bell, distribution)
    }
}

impl Curve for Silu {
    #[inline(always)]
    fn value<S: Simd>(s: S, x: S::V) -> S::V {
        s.div(x, s.add(s.splat(1.0), exp(s, s.sub(s.splat(0.0), x))))
    }
    #[inline(always)]
    fn slope<S: Simd>(s: S, x: S::V) -> S::V {
        let one = s.splat(1.0);
        let logistic = s.div(one, s.add(one, exp(s, s.sub(s.splat(0.0), x))));
        s.mul(logistic, s.mul_add(x, s.sub(one, logistic), one))
    }
}

impl Curve for Mish {
    #[inline(always)]
    fn value<S: Simd>(s: S, x: S::V) -> S::V {
        let (tanh, _, _) = mish_parts(s, x);
        s.mul(x, tanh)
    }
    #[inline(always)]
    fn slope<S: Simd>(s: S, x: S::V) -> S::V {
        // With t = n/(n+2): 1 - t² = 4(n+1)/(n+2)², which does not cancel; and σ = u/(1+u).
        let (tanh, n, u) = mish_parts(s, x);
        let one = s.splat(1.0);
        let n_plus_two = s.add(n, s.splat(2.0));
        let four = s.splat(4.0);
        let steepness =
            s.div(s.mul(s.mul(four, s.add(n, one)), u), s.mul(s.mul(n_plus_two, n_plus_two), s.add(one, u)));
        s.mul_add(x, steepness, tanh)
    }
}

/// tanh(ln(1+u)) = n/(n+2) with u = eˣ and n = u(u+2); beyond x = 20 the quotient is one, and further on u² would
/// overflow.
#[inline(always)]
fn mish_parts<S: Simd>(s: S, x: S::V) -> (S::V, S::V, S::V) {
    let twenty = s.splat(20.0);
    let u = exp(s, s.select_greater(x, twenty, twenty, x));
    let n = s.mul(u, s.add(u, s.splat(2.0)));
    (s.div(n, s.add(n, s.splat(2.0))), n, u)
}

/// eˣ to about one unit in the last place, clamped to finite, normal numbers.
#[inline(always)]
fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    let (high, low) = (s.splat(88.0), s.splat(-87.0));
    // Comparisons that keep NaN.
    let x = s.select_greater(x, high, high, x);
    let x = s.select_greater(low, x, low, x);
    let n = s.round(s.mul(x, s.splat(std::f32::consts::LOG2_E)));
    // ln 2 in two parts, the first with few bits, so that n times it is exact.
    let r = s.mul_add(n, s.splat(-0.693_359_4), x);
    let r = s.mul_add(n, s.splat(2.121_944_4e-4), r);
    // The exponential series on ±ln(2)/2: the first term left out is below 6e-9.
    let mut power = s.splat(1.0 / 5040.0);
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        power = s.mul_add(power, r, s.splat(coefficient));
    }
    s.mul(power, s.power_of_two(n))
}

/// The normal distribution Φ(x), and e^(-x²/2).
///
/// The tail beyond |x| is e^(-x²/2) · t · p(t) with t = 1/(1 + 0.28|x|). The polynomial p interpolates the tail's
/// quotient by e^(-x²/2) · t at the Chebyshev points of t in 0..1, which leaves a relative error below 2e-7.
#[inline(always)]
fn normal<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let bell = exp(s, s.mul(s.mul(x, x), s.splat(-0.5)));
    let t = s.div(one, s.mul_add(s.abs(x), s.splat(0.28), one));
    let mut tail = s.splat(0.026_148_51);
    for coefficient in [
        -0.099_127_22,
        0.101_123_47,
        -0.013_551_332,
        0.075_982_87,
        0.082_845_54,
        0.103_178_83,
        0.111_695_51,
        0.111_703_89,
    ] {
        tail = s.mul_add(tail, t, s.splat(coefficient));
    }
    let tail = s.mul(s.mul(tail, t), bell);
    (s.select_greater(x, zero, s.sub(one, tail), tail), bell)
}

#[cfg(test)]
mod tests {
    use super::super::{Activation, twin, with_curve};
    use super::Curve;
    use crate::bf16::Bf16;
    use crate::level::{Level, Levels, Work};
    use crate::simd::{MAX_LANES, Simd};

    struct Evaluate {
        activation: Activation,
        x: f32,
    }

    impl Work for Evaluate {
        type Output = (f32, f32);
        const LEVELS: Levels = Levels::Plain;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> (f32, f32) {
            let (mut value, mut slope) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
            with_curve!(self.activation, C => {
                s.store(C::value(s, s.splat(self.x)), &mut value);
                s.store(C::slope(s, s.splat(self.x)), &mut slope);
            });
            (value[0], slope[S::LANES - 1])
        }
    }

    #[test]
    fn values_and_slopes_agree_with_the_twins() {
        for level in Level::available() {
            for activation in Activation::ALL {
                for i in -4000..=4000 {
                    let x = i as f32 / 100.0;
                    let (value, slope) = level.run(Evaluate { activation, x });
                    let expected = twin::value(activation, f64::from(x));
                    let error = (f64::from(value) - expected).abs();
                    assert!(error <= 5e-7 * expected.abs().max(1.0), "{activation:?}({x}) is {value}, not {expected}");
                    let expected = twin::slope(activation, f64::from(x));
                    let error = (f64::from(slope) - expected).abs();
                    assert!(error <= 1e-6, "{activation:?}'({x}) is {slope}, not {expected}");
                }
            }
        }
    }

    #[test]
    fn whole_slices_agree_with_single_numbers_whatever_their_length() {
        let numbers: Vec<f32> = (0..37).map(|i| i as f32 / 5.0 - 3.0).collect();
        for level in Level::available() {
            for activation in Activation::ALL {
                for len in [0, 1, 7, 16, 37] {
                    let (mut output, mut gradient) = (vec![f32::NAN; len], vec![2.0; len]);
                    activation.apply(level, &numbers[..len], &mut output);
                    activation.apply_gradient(level, &numbers[..len], &mut gradient);
                    for i in 0..len {
                        let (value, slope) = level.run(Evaluate { activation, x: numbers[i] });
                        assert_eq!((output[i], gradient[i]), (value, 2.0 * slope));
                    }
                }
            }
        }
    }

    #[test]
    fn slices_of_bf16_are_widened_and_rounded_once() {
        let numbers: Vec<Bf16> = (0..37).map(|i| Bf16::from_f32(i as f32 / 5.0 - 3.0)).collect();
        for level in Level::available() {
            for activation in Activation::ALL {
                let (mut output, mut gradient) = ([Bf16::default(); 37], [Bf16::from_f32(2.0); 37]);
                activation.apply(level, &numbers, &mut output);
                activation.apply_gradient(level, &numbers, &mut gradient);
                for i in 0..37 {
                    let (value, slope) = level.run(Evaluate { activation, x: numbers[i].to_f32() });
                    assert_eq!((output[i], gradient[i]), (Bf16::from_f32(value), Bf16::from_f32(2.0 * slope)));
                }
            }
        }
    }

    #[test]
    fn the_twins_slopes_agree_with_finite_differences() {
        for activation in Activation::ALL {
            for i in -100..100 {
                let x = f64::from(i) / 10.0 + 0.05;
                let difference = (twin::value(activation, x + 1e-5) - twin::value(activation, x - 1e-5)) / 2e-5;
                assert!((difference - twin::slope(activation, x)).abs() < 1e-8, "{activation:?} at {x}");
            }
        }
    }

    #[test]
    fn nan_stays_nan() {
        for level in Level::available() {
            for activation in Activation::ALL {
                assert!(level.run(Evaluate { activation, x: f32::NAN }).0.is_nan(), "{activation:?} on {level}");
            }
        }
    }
}
