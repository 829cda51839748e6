//! The fused updates against the formulas in plain f64.

mod common;

use common::{Numbers, assert_close, assert_same_bits_for_any_threads, to_f64};
use imagenette_kernels::Level;
use imagenette_kernels::optimizer::{AdamW, Sgd, move_average};

/// Long enough for several tasks, with an odd remainder.
const COUNT: usize = 40_003;

#[test]
fn sgd_follows_its_formula_over_several_steps() {
    for level in Level::available() {
        for nesterov in [false, true] {
            let sgd = Sgd { rate: 0.1, momentum: 0.85, nesterov, decay: 0.01 };
            let mut random = Numbers::new(1);
            let mut weights = random.numbers(COUNT);
            let mut momentum = vec![0.0; COUNT];
            let (mut expected, mut velocity) = (to_f64(&weights), vec![0.0f64; COUNT]);
            for _ in 0..3 {
                let gradient = random.numbers(COUNT);
                sgd.update(level, &mut weights, &gradient, &mut momentum);
                for i in 0..COUNT {
                    let g = f64::from(gradient[i]) + 0.01 * expected[i];
                    velocity[i] = 0.85 * velocity[i] + g;
                    expected[i] -= 0.1 * if nesterov { g + 0.85 * velocity[i] } else { velocity[i] };
                }
            }
            assert_close(&format!("weights on {level}"), &weights, &expected, 1e-6);
            assert_close(&format!("momentum on {level}"), &momentum, &velocity, 1e-6);
        }
    }
}

#[test]
fn adamw_follows_its_formula_over_several_steps() {
    for level in Level::available() {
        let mut random = Numbers::new(2);
        let mut weights = random.numbers(COUNT);
        let (mut mean, mut square) = (vec![0.0; COUNT], vec![0.0; COUNT]);
        let mut expected = to_f64(&weights);
        let (mut m, mut v) = (vec![0.0f64; COUNT], vec![0.0f64; COUNT]);
        // The betas to the power of the step.
        let mut powers = [1.0, 1.0];
        for step in 1..=4 {
            powers = [powers[0] * 0.9, powers[1] * 0.99];
            let gradient = random.numbers(COUNT);
            let adam = AdamW { rate: 0.01, betas: [0.9, 0.99], epsilon: 1e-6, decay: 0.1, step };
            adam.update(level, &mut weights, &gradient, &mut mean, &mut square);
            for i in 0..COUNT {
                let g = f64::from(gradient[i]);
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.99 * v[i] + 0.01 * g * g;
                let (m, v) = (m[i] / (1.0 - powers[0]), v[i] / (1.0 - powers[1]));
                expected[i] = expected[i] * (1.0 - 0.01 * 0.1) - 0.01 * m / (v.sqrt() + 1e-6);
            }
        }
        assert_close(&format!("weights on {level}"), &weights, &expected, 1e-5);
    }
}

#[test]
fn the_average_moves_by_its_share() {
    for level in Level::available() {
        let mut random = Numbers::new(3);
        let (mut average, weights) = (random.numbers(COUNT), random.numbers(COUNT));
        let blend = |a: f32, w: f32| f64::from(a) + 0.25 * (f64::from(w) - f64::from(a));
        let expected: Vec<f64> = average.iter().zip(&weights).map(|(&a, &w)| blend(a, w)).collect();
        move_average(level, &mut average, &weights, 0.25);
        assert_close("average", &average, &expected, 1e-6);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for level in Level::available() {
        assert_same_bits_for_any_threads("updates", || {
            let mut random = Numbers::new(4);
            let (mut weights, gradient) = (random.numbers(COUNT), random.numbers(COUNT));
            let (mut mean, mut square) = (vec![0.0; COUNT], vec![0.0; COUNT]);
            let adam = AdamW { rate: 0.01, betas: [0.9, 0.99], epsilon: 1e-6, decay: 0.1, step: 1 };
            adam.update(level, &mut weights, &gradient, &mut mean, &mut square);
            weights
        });
    }
}
