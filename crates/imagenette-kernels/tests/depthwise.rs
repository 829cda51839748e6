//! The depthwise convolution and its gradients against their twins, on random sizes and every level of this machine.

mod common;

use common::{Numbers, assert_near, assert_same_bits_for_any_threads, cases, nan, to_f64};
use imagenette_kernels::depthwise::{Depthwise, DepthwiseShape, twin};
use imagenette_kernels::{Bf16, Level, Number, ShapeError};

fn random_shape(random: &mut Numbers) -> DepthwiseShape {
    let kernel = [random.one_of(&[1, 2, 3, 3, 3, 5]), random.one_of(&[1, 2, 3, 3, 3, 5])];
    let padding = [random.within(0, kernel[0] - 1), random.within(0, kernel[1] - 1)];
    let side = |random: &mut Numbers, axis: usize| {
        random.within(kernel[axis].saturating_sub(2 * padding[axis]).max(1), kernel[axis] + 9)
    };
    DepthwiseShape {
        images: random.one_of(&[0, 1, 1, 2, 5]),
        input: [side(random, 0), side(random, 1)],
        channels: random.one_of(&[1, 2, 3, 8, 15, 16, 17, 33, 64]),
        kernel,
        stride: [random.within(1, 3), random.within(1, 3)],
        padding,
    }
}

/// Relative to the sum of the products' magnitudes.
const TOLERANCE: f64 = 1e-6;

fn check<T: Number>(level: Level, shape: DepthwiseShape, random: &mut Numbers) {
    let convolution = Depthwise::new(shape).expect("a valid shape");
    let input = random.stored::<T>(convolution.input_len());
    let weights = random.numbers(convolution.weights_len());
    let gradient = random.stored::<T>(convolution.output_len());
    let numbers = [to_f64(&input), to_f64(&weights), to_f64(&gradient)];
    let magnitudes = numbers.clone().map(|numbers| numbers.iter().map(|x| x.abs()).collect::<Vec<f64>>());
    let [both, absolute] = [&numbers, &magnitudes].map(|[input, weights, gradient]| {
        (
            twin::forward(&convolution, input, weights),
            twin::input_gradient(&convolution, gradient, weights),
            twin::weight_gradient(&convolution, input, gradient),
        )
    });
    let name = |what: &str| format!("{what} on {level} in {} of {shape:?}", T::PRECISION);

    let mut output = vec![nan::<T>(); convolution.output_len()];
    convolution.forward(level, &input, &weights, &mut output);
    assert_near(&name("output"), &output, &both.0, &absolute.0, TOLERANCE);
    let mut input_gradient = vec![nan::<T>(); convolution.input_len()];
    convolution.input_gradient(level, &gradient, &weights, &mut input_gradient);
    assert_near(&name("input gradient"), &input_gradient, &both.1, &absolute.1, TOLERANCE);
    let mut weight_gradient = vec![f32::NAN; convolution.weights_len()];
    convolution.weight_gradient(level, &input, &gradient, &mut weight_gradient);
    assert_near(&name("weight gradient"), &weight_gradient, &both.2, &absolute.2, TOLERANCE);
}

#[test]
fn random_shapes_agree_with_the_twins() {
    for level in Level::available() {
        for seed in cases(200) {
            let mut random = Numbers::new(seed);
            let shape = random_shape(&mut random);
            check::<f32>(level, shape, &mut random);
            check::<Bf16>(level, shape, &mut random);
        }
    }
}

#[test]
fn large_shapes_give_the_same_bits_for_any_number_of_threads() {
    for (stride, side) in [(1, 32), (2, 57)] {
        let shape = DepthwiseShape {
            images: 8,
            input: [side; 2],
            channels: 72,
            kernel: [3; 2],
            stride: [stride; 2],
            padding: [1; 2],
        };
        let convolution = Depthwise::new(shape).expect("a valid shape");
        let mut random = Numbers::new(5);
        let input = random.numbers(convolution.input_len());
        let weights = random.numbers(convolution.weights_len());
        let gradient = random.numbers(convolution.output_len());
        for level in Level::available() {
            assert_same_bits_for_any_threads(&format!("{shape:?} on {level}"), || {
                let mut output = vec![0.0; convolution.output_len()];
                let mut input_gradient = vec![0.0; convolution.input_len()];
                let mut weight_gradient = vec![0.0; convolution.weights_len()];
                convolution.forward(level, &input, &weights, &mut output);
                convolution.input_gradient(level, &gradient, &weights, &mut input_gradient);
                convolution.weight_gradient(level, &input, &gradient, &mut weight_gradient);
                [output, input_gradient, weight_gradient].concat()
            });
        }
    }
}

#[test]
fn impossible_sizes_are_refused() {
    let shape =
        DepthwiseShape { images: 1, input: [8, 8], channels: 4, kernel: [3, 3], stride: [1, 1], padding: [1, 1] };
    let error = |shape| Depthwise::new(shape).expect_err("an impossible size");
    assert!(matches!(error(DepthwiseShape { channels: 0, ..shape }), ShapeError::Zero { .. }));
    assert!(matches!(error(DepthwiseShape { kernel: [11, 3], ..shape }), ShapeError::WindowTooLarge { .. }));
    assert!(matches!(error(DepthwiseShape { padding: [3, 1], ..shape }), ShapeError::PaddingTooLarge { .. }));
    assert!(matches!(error(DepthwiseShape { images: usize::MAX / 8, ..shape }), ShapeError::Overflow { .. }));
}
