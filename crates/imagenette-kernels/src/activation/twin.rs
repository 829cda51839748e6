//! The activations in plain f64.

use super::Activation;
use std::f64::consts::{PI, SQRT_2};

/// The activation's value.
#[must_use]
pub fn value(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Gelu => x * normal_distribution(x),
        Activation::Silu => x * logistic(x),
        Activation::Mish => x * libm::tanh(libm::log1p(libm::exp(x))),
    }
}

/// The activation's derivative.
#[must_use]
pub fn slope(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => 1.0,
        Activation::Relu => f64::from(u8::from(x > 0.0)),
        Activation::Gelu => normal_distribution(x) + x * libm::exp(-x * x / 2.0) / (2.0 * PI).sqrt(),
        Activation::Silu => logistic(x) * (1.0 + x * (1.0 - logistic(x))),
        Activation::Mish => {
            let t = libm::tanh(libm::log1p(libm::exp(x)));
            t + x * logistic(x) * (1.0 - t * t)
        }
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// Φ(x) = (1 + erf(x/√2)) / 2.
fn normal_distribution(x: f64) -> f64 {
    0.5 * (1.0 + error_function(x / SQRT_2))
}

/// erf by its series for small arguments and the continued fraction of erfc for large ones.
fn error_function(x: f64) -> f64 {
    if x < 0.0 {
        return -error_function(-x);
    }
    if x < 3.0 {
        // erf x = 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)), all terms positive.
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 2.0 / PI.sqrt() * libm::exp(-x * x) * sum;
    }
    let mut fraction = x;
    for k in (1..60).rev() {
        fraction = x + f64::from(k) / 2.0 / fraction;
    }
    1.0 - libm::exp(-x * x) / (PI.sqrt() * fraction)
}
