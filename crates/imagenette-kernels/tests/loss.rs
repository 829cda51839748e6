//! Loss and pixels against their twins on random sizes.

mod common;

use common::{Numbers, assert_close, assert_same_bits_for_any_threads, cases, to_f64};
use imagenette_kernels::loss::{softmax_cross_entropy, twin};
use imagenette_kernels::pixels::normalize_pixels;

#[test]
fn the_loss_and_its_gradient_agree_with_the_twin() {
    for seed in cases(200) {
        let mut random = Numbers::new(seed);
        let (samples, classes) = (random.within(1, 70), random.one_of(&[1, 2, 3, 10, 17, 100]));
        let smoothing = random.one_of(&[0, 1, 2, 9]) as f32 / 10.0;
        let logits: Vec<f32> = random.numbers(samples * classes).iter().map(|x| 8.0 * x).collect();
        let labels: Vec<u16> = (0..samples).map(|_| random.within(0, classes - 1) as u16).collect();
        let mut gradient = vec![f32::NAN; logits.len()];
        let loss = softmax_cross_entropy(&logits, &labels, classes, smoothing, &mut gradient);
        let (expected, expected_gradient) =
            twin::softmax_cross_entropy(&to_f64(&logits), &labels, classes, f64::from(smoothing));
        assert_close(&format!("loss of seed {seed}"), &[loss], &[expected], 1e-6);
        assert_close(&format!("gradient of seed {seed}"), &gradient, &expected_gradient, 1e-6);
    }
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
