//! Muon's update against its twin, on every level of this machine.

mod common;

use common::{Numbers, assert_close, assert_same_bits_for_any_threads, to_f64};
use imagenette_kernels::muon::{Muon, Size, twin};
use imagenette_kernels::{Level, Precision};

fn settings(number: usize) -> Muon {
    let size = if number.is_multiple_of(2) { Size::Norm(3.0) } else { Size::Times(0.99) };
    let (nesterov, iterations) = (number % 3 != 1, 1 + number as u32 % 5);
    Muon { rate: 0.1, momentum: 0.6, nesterov, iterations, size, precision: Precision::F32 }
}

#[test]
fn updates_agree_with_the_twin() {
    let shapes = [[1, 2], [2, 3], [3, 27], [16, 24], [17, 40], [48, 433], [64, 144], [99, 150], [131, 211]];
    for level in Level::available() {
        for (number, shape) in shapes.into_iter().enumerate() {
            let mut random = Numbers::new(number as u64);
            let muon = settings(number);
            let len = shape[0] * shape[1];
            let mut weights = random.numbers(len);
            let mut momentum = vec![0.0; len];
            let (mut weights64, mut momentum64) = (to_f64(&weights), to_f64(&momentum));
            for step in 0..3 {
                let gradient = random.numbers(len);
                muon.update(level, shape, &mut weights, &gradient, &mut momentum);
                twin::update(&muon, shape, &mut weights64, &to_f64(&gradient), &mut momentum64);
                let name = |what: &str| format!("{what} of {shape:?} after step {step} on {level}");
                assert_close(&name("weights"), &weights, &weights64, 1e-5);
                assert_close(&name("momentum"), &momentum, &momentum64, 1e-6);
            }
        }
    }
}

/// The root mean square of what a step moves weights by, and of its error.
fn moved_and_error(level: Level, precision: Precision, number: usize, shape: [usize; 2], decay: f32) -> [f64; 2] {
    let mut random = Numbers::new(number as u64);
    let muon = Muon { size: Size::Times(1.0), precision, ..settings(number) };
    let len = shape[0] * shape[1];
    let (before, mut gradient) = (random.numbers(len), random.numbers(len));
    // Ever smaller rows: singular values of very different sizes, as gradients have.
    for (row, gradient) in gradient.chunks_mut(shape[1]).enumerate() {
        gradient.iter_mut().for_each(|x| *x /= 1.0 + decay * row as f32);
    }
    let (mut weights, mut momentum) = (before.clone(), vec![0.0; len]);
    muon.update(level, shape, &mut weights, &gradient, &mut momentum);
    let mut exact = to_f64(&before);
    twin::update(&muon, shape, &mut exact, &to_f64(&gradient), &mut vec![0.0; len]);
    let root_mean_square =
        |of: &dyn Fn(usize) -> f64| ((0..len).map(|i| of(i) * of(i)).sum::<f64>() / len as f64).sqrt();
    [root_mean_square(&|i| exact[i] - f64::from(before[i])), root_mean_square(&|i| exact[i] - f64::from(weights[i]))]
}

#[test]
fn rounded_products_stay_close_to_the_twin() {
    let shapes = [[2, 3], [3, 27], [16, 24], [17, 41], [48, 433], [64, 144], [99, 150], [131, 211], [256, 2304]];
    for level in Level::available() {
        for (number, shape) in shapes.into_iter().enumerate() {
            for decay in [0.0, 1.0] {
                let [moved, error] = moved_and_error(level, Precision::Bf16, number, shape, decay);
                assert!(error < 0.04 * moved, "{shape:?} on {level}: an error of {error} in a step of {moved}");
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for level in Level::available() {
        let mut random = Numbers::new(9);
        let (weights, gradient) = (random.numbers(96 * 700), random.numbers(96 * 700));
        for precision in [Precision::F32, Precision::Bf16] {
            assert_same_bits_for_any_threads(&format!("Muon in {precision} on {level}"), || {
                let (mut weights, mut momentum) = (weights.clone(), gradient.clone());
                let muon = Muon { precision, ..settings(2) };
                muon.update(level, [96, 700], &mut weights, &gradient, &mut momentum);
                [weights, momentum].concat()
            });
        }
    }
}

#[test]
#[should_panic(expected = "wider than tall")]
fn a_tall_matrix_is_refused() {
    settings(0).update(Level::PORTABLE, [3, 2], &mut [0.0; 6], &[0.0; 6], &mut [0.0; 6]);
}
