//! Muon's update against its twin, on every level of this machine.

mod common;

use common::{Numbers, assert_close, assert_same_bits_for_any_threads, to_f64};
use imagenette_kernels::Level;
use imagenette_kernels::muon::{Muon, Size, twin};

fn settings(number: usize) -> Muon {
    let size = if number.is_multiple_of(2) { Size::Norm(3.0) } else { Size::Times(0.99) };
    Muon { rate: 0.1, momentum: 0.6, nesterov: number % 3 != 1, iterations: 1 + number as u32 % 5, size }
}

#[test]
fn updates_agree_with_the_twin() {
    let shapes = [[1, 2], [2, 3], [3, 27], [16, 24], [17, 40], [48, 433], [64, 144]];
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

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for level in Level::available() {
        let mut random = Numbers::new(9);
        let (weights, gradient) = (random.numbers(96 * 700), random.numbers(96 * 700));
        assert_same_bits_for_any_threads(&format!("Muon on {level}"), || {
            let (mut weights, mut momentum) = (weights.clone(), gradient.clone());
            settings(2).update(level, [96, 700], &mut weights, &gradient, &mut momentum);
            [weights, momentum].concat()
        });
    }
}

#[test]
#[should_panic(expected = "longer than wide")]
fn a_tall_matrix_is_refused() {
    settings(0).update(Level::PORTABLE, [3, 2], &mut [0.0; 6], &[0.0; 6], &mut [0.0; 6]);
}
