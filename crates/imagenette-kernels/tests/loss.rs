//! The loss and the normalization of pixels against their twins, on random sizes.

mod common;

use common::{Numbers, assert_close, assert_near, assert_same_bits_for_any_threads, cases, to_f64};
use imagenette_kernels::loss::{cross_entropy, cross_entropy_of_each, softmax, twin};
use imagenette_kernels::pixels::normalize_pixels;

#[test]
fn the_loss_and_its_gradient_agree_with_the_twin() {
    for seed in cases(200) {
        let mut random = Numbers::new(seed);
        let (samples, classes) = (random.within(1, 70), random.one_of(&[1, 2, 3, 10, 17, 100]));
        let scores: Vec<f32> = random.numbers(samples * classes).iter().map(|x| 8.0 * x).collect();
        // Targets that do not sum to one, a third of them zero.
        let target = |x: f32| if x < -0.33 { 0.0 } else { x + 0.33 };
        let targets: Vec<f32> = random.numbers(scores.len()).into_iter().map(target).collect();
        let mut gradient = vec![f32::NAN; scores.len()];
        let loss = cross_entropy(&scores, &targets, classes, &mut gradient);
        let (expected, expected_gradient) = twin::cross_entropy(&to_f64(&scores), &to_f64(&targets), classes);
        let ones = vec![1.0; scores.len()];
        assert!((loss - expected).abs() <= 1e-13 * expected.abs().max(1.0), "seed {seed}: {loss} for {expected}");
        assert_near(&format!("gradient of seed {seed}"), &gradient, &expected_gradient, &ones, 1e-14);
    }
}

#[test]
fn the_loss_of_each_sample_and_its_probabilities_agree_with_the_twins() {
    for seed in cases(200) {
        let mut random = Numbers::new(seed);
        let (samples, classes) = (random.within(0, 70), random.one_of(&[1, 2, 3, 10, 17, 100]));
        let scores: Vec<f32> = random.numbers(samples * classes).iter().map(|x| 8.0 * x).collect();
        let labels: Vec<u16> = (0..samples).map(|_| random.within(0, classes - 1) as u16).collect();
        let losses = cross_entropy_of_each(&scores, &labels, classes);
        let expected = twin::cross_entropy_of_each(&to_f64(&scores), &labels, classes);
        assert_eq!(losses.len(), samples);
        for (loss, expected) in losses.iter().zip(expected) {
            assert!((loss - expected).abs() <= 1e-13 * expected.max(1.0), "seed {seed}: {loss} for {expected}");
        }
        for scores in scores.chunks_exact(classes) {
            for (found, expected) in softmax(scores).iter().zip(twin::softmax(&to_f64(scores))) {
                assert!((found - expected).abs() <= 1e-13 * expected, "seed {seed}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn the_loss_has_the_same_bits_for_any_number_of_threads() {
    assert_same_bits_for_any_threads("the loss", || {
        let mut random = Numbers::new(1);
        let (scores, targets) = (random.numbers(64 * 10), random.numbers(64 * 10));
        let mut gradient = vec![f32::NAN; scores.len()];
        let loss = cross_entropy(&scores, &targets, 10, &mut gradient);
        gradient.push(loss as f32);
        gradient
    });
}

#[test]
fn pixels_of_any_number_agree_with_the_formula_on_any_number_of_threads() {
    let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    for count in [0, 1, 7, 16_384, 50_001] {
        let mut random = Numbers::new(count as u64);
        let bytes: Vec<u8> = (0..3 * count).map(|_| random.bits() as u8).collect();
        let normalized = || {
            let mut output = vec![f32::NAN; bytes.len()];
            normalize_pixels(&bytes, mean, deviation, &mut output);
            output
        };
        let of =
            |(i, &byte): (usize, &u8)| (f64::from(byte) / 255.0 - f64::from(mean[i % 3])) / f64::from(deviation[i % 3]);
        let expected: Vec<f64> = bytes.iter().enumerate().map(of).collect();
        assert_close("pixels", &normalized(), &expected, 1e-6);
        assert_same_bits_for_any_threads("pixels", normalized);
    }
}
