//! The convolution and its gradients against their twins, on random sizes and every level of this machine.

mod common;

use common::{
    Numbers, assert_close, assert_near, assert_near_on_average, assert_same_bits_for_any_threads, cases, nan, to_f32,
    to_f64,
};
use imagenette_kernels::convolution::{Convolution, ConvolutionShape, twin};
use imagenette_kernels::normalization::twin::statistics as statistics_twin;
use imagenette_kernels::{Bf16, Level, Number, ShapeError};

fn random_shape(random: &mut Numbers) -> ConvolutionShape {
    let kernel = [random.one_of(&[1, 1, 2, 3, 3, 3, 4, 5, 7]), random.one_of(&[1, 1, 2, 3, 3, 3, 4, 5, 7])];
    let kernel = if random.within(0, 3) > 0 { [kernel[0]; 2] } else { kernel };
    let padding = [random.within(0, kernel[0] - 1), random.within(0, kernel[1] - 1)];
    let side = |random: &mut Numbers, axis: usize| {
        random.within((kernel[axis]).saturating_sub(2 * padding[axis]).max(1), kernel[axis] + 12)
    };
    ConvolutionShape {
        // From six images on, small images are taken place by place.
        images: random.one_of(&[1, 1, 2, 3, 6, 9]),
        input: [side(random, 0), side(random, 1)],
        input_channels: random.one_of(&[1, 2, 3, 5, 7, 8, 12, 16, 17, 24, 33]),
        output_channels: random.one_of(&[1, 2, 3, 6, 8, 13, 16, 20, 24, 32, 48, 70]),
        kernel,
        stride: [random.within(1, 3), random.within(1, 3)],
        padding,
    }
}

fn shape(
    images: usize,
    side: usize,
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
) -> ConvolutionShape {
    ConvolutionShape {
        images,
        input: [side; 2],
        input_channels: channels[0],
        output_channels: channels[1],
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
    }
}

/// The shapes of our networks in miniature, and the corners.
fn chosen_shapes() -> Vec<ConvolutionShape> {
    vec![
        shape(1, 1, [1, 1], 1, 1, 0),
        shape(1, 1, [3, 5], 3, 1, 1),
        shape(1, 1, [16, 16], 3, 2, 1),
        shape(2, 9, [3, 48], 4, 2, 1),
        shape(1, 15, [3, 64], 7, 2, 3),
        shape(2, 8, [48, 64], 3, 1, 1),
        shape(3, 4, [96, 80], 3, 1, 1),
        shape(2, 7, [64, 96], 3, 2, 1),
        shape(2, 7, [64, 96], 1, 2, 0),
        shape(1, 5, [600, 40], 1, 1, 0),
        shape(1, 3, [310, 24], 3, 1, 1),
        shape(5, 30, [8, 16], 3, 1, 1),
        shape(8, 6, [8, 16], 3, 1, 1),
        shape(7, 5, [3, 16], 4, 2, 1),
        shape(9, 4, [32, 40], 3, 1, 1),
        shape(0, 4, [8, 16], 3, 1, 1),
        // Odd channels and odd kernels of few-channel inputs, whose last number has no neighbor.
        shape(1, 1, [1, 3], 1, 1, 0),
        shape(1, 5, [3, 16], 3, 1, 1),
        shape(2, 7, [1, 8], 5, 2, 2),
        shape(7, 3, [33, 17], 3, 1, 1),
        shape(1, 6, [301, 31], 3, 2, 1),
    ]
}

/// Relative to the sum of the products' magnitudes: f32 sums of a few thousand products.
const TOLERANCE: Tolerance = Tolerance::Each(2e-6);

/// The same where tiles are transformed: an output then has the rounding errors of all pixels of its tile, which may
/// be larger than its own.
const TRANSFORMED_TOLERANCE: Tolerance = Tolerance::Each(1e-5);

/// The root mean square of the errors relative to that of the results where transformed tiles are rounded to pairs of
/// `Bf16`: after the transform back they are about seven times those of the direct way, which rounds weights.
const TRANSFORMED_PAIRS_TOLERANCE: Tolerance = Tolerance::Average(0.016);

/// How near a kernel must be to its twin.
#[derive(Clone, Copy)]
enum Tolerance {
    /// Relative to the sum of the products' magnitudes, each number.
    Each(f64),
    /// Relative to the results, on average.
    Average(f64),
}

fn magnitudes(numbers: &[f64]) -> Vec<f64> {
    numbers.iter().map(|x| x.abs()).collect()
}

fn check<T: Number>(level: Level, shape: ConvolutionShape, tolerance: Tolerance, random: &mut Numbers) {
    let convolution = Convolution::new(shape).expect("a valid shape");
    let input = random.stored::<T>(convolution.input_len());
    let weights = random.numbers(convolution.weights_len());
    let gradient = random.stored::<T>(convolution.output_len());
    // The kernels round the weights as they round maps.
    let rounded: Vec<T> = weights.iter().map(|&w| T::from_f32(w)).collect();
    let (input64, weights64, gradient64) = (to_f64(&input), to_f64(&rounded), to_f64(&gradient));
    let absolute = [&input64, &weights64, &gradient64].map(|numbers| magnitudes(numbers));
    let name = |what: &str| format!("{what} on {level} in {} of {shape:?}", T::PRECISION);

    // What was in the outputs before must not matter.
    let mut output = vec![nan::<T>(); convolution.output_len()];
    convolution.forward(level, &input, &weights, &mut output);
    let expected = twin::forward(&convolution, &input64, &weights64);
    let magnitudes = twin::forward(&convolution, &absolute[0], &absolute[1]);
    assert_as_near(&name("output"), &output, &expected, &magnitudes, tolerance);
    check_measured(level, &convolution, &input, &weights, &output);

    let mut input_gradient = vec![nan::<T>(); convolution.input_len()];
    convolution.input_gradient(level, &gradient, &weights, &mut input_gradient);
    let expected = twin::input_gradient(&convolution, &gradient64, &weights64);
    let magnitudes = twin::input_gradient(&convolution, &absolute[2], &absolute[1]);
    assert_as_near(&name("input gradient"), &input_gradient, &expected, &magnitudes, tolerance);

    let mut weight_gradient = vec![f32::NAN; convolution.weights_len()];
    convolution.weight_gradient(level, &input, &gradient, &mut weight_gradient);
    let expected = twin::weight_gradient(&convolution, &input64, &gradient64);
    let magnitudes = twin::weight_gradient(&convolution, &absolute[0], &absolute[2]);
    assert_as_near(&name("weight gradient"), &weight_gradient, &expected, &magnitudes, tolerance);
}

fn assert_as_near<T: Number>(what: &str, found: &[T], expected: &[f64], magnitudes: &[f64], tolerance: Tolerance) {
    match tolerance {
        Tolerance::Each(tolerance) => assert_near(what, found, expected, magnitudes, tolerance),
        Tolerance::Average(tolerance) => assert_near_on_average(what, found, expected, tolerance),
    }
}

/// Measuring changes nothing in the output, and finds the statistics of what was stored.
fn check_measured<T: Number>(level: Level, convolution: &Convolution, input: &[T], weights: &[f32], output: &[T]) {
    if output.is_empty() {
        return;
    }
    let name = format!("on {level} in {} of {:?}", T::PRECISION, convolution.shape());
    let mut measured = vec![nan::<T>(); output.len()];
    let statistics = convolution.forward_measured(level, input, weights, &mut measured);
    assert!(measured == output, "measuring changed the output {name}");
    let (mean, variance) = statistics_twin(&to_f64(output), convolution.shape().output_channels);
    let deviation = variance.iter().fold(1.0f64, |most, x| most.max(x.sqrt()));
    assert_close(&format!("mean {name}"), &statistics.mean, &mean, 3e-6 * deviation);
    assert_close(&format!("variance {name}"), &statistics.variance, &variance, 4e-6);
}

#[test]
fn measuring_a_mean_far_from_zero_costs_no_accuracy() {
    // The direct way, several panels and a ragged one; transformed tiles that end within the image, and many of them.
    for shape in [shape(5, 9, [8, 72], 3, 2, 1), shape(40, 10, [16, 32], 3, 1, 1), shape(64, 32, [16, 16], 3, 1, 1)] {
        let convolution = Convolution::new(shape).expect("a valid shape");
        let mut random = Numbers::new(5);
        let input: Vec<f32> = random.numbers(convolution.input_len()).iter().map(|x| 30.0 + x).collect();
        let weights: Vec<f32> = random.numbers(convolution.weights_len()).iter().map(|x| 0.1 * (1.0 + x)).collect();
        for level in Level::available() {
            let mut output = vec![0.0; convolution.output_len()];
            let statistics = convolution.forward_measured(level, &input, &weights, &mut output);
            let (_, variance) = statistics_twin(&to_f64(&output), shape.output_channels);
            for (found, expected) in statistics.variance.iter().zip(variance) {
                assert!((f64::from(*found) / expected - 1.0).abs() < 1e-4, "{found} for {expected} on {level}");
            }
        }
    }
}

#[test]
fn chosen_shapes_agree_with_the_twins() {
    for level in Level::available() {
        for (i, shape) in chosen_shapes().into_iter().enumerate() {
            check::<f32>(level, shape, TOLERANCE, &mut Numbers::new(i as u64));
            check::<Bf16>(level, shape, TOLERANCE, &mut Numbers::new(i as u64));
        }
    }
}

#[test]
fn random_shapes_agree_with_the_twins() {
    for level in Level::available() {
        for seed in cases(150) {
            let mut random = Numbers::new(1000 + seed);
            let shape = random_shape(&mut random);
            check::<f32>(level, shape, TOLERANCE, &mut random);
            check::<Bf16>(level, shape, TOLERANCE, &mut random);
        }
    }
}

/// 3×3 and stride 1, with enough images for the products to be those of transformed tiles.
#[test]
fn transformed_products_agree_with_the_twins() {
    let random_shape = |random: &mut Numbers| ConvolutionShape {
        images: random.within(20, 60),
        input: [random.within(3, 13), random.within(3, 13)],
        input_channels: random.one_of(&[16, 24, 32, 48]),
        output_channels: random.one_of(&[8, 16, 24, 32, 40]),
        kernel: [3; 2],
        stride: [1; 2],
        padding: [random.within(0, 2), random.within(0, 2)],
    };
    for level in Level::available() {
        let of_bf16 = if level.has_bf16_products() { TRANSFORMED_PAIRS_TOLERANCE } else { TRANSFORMED_TOLERANCE };
        for seed in cases(40) {
            let mut random = Numbers::new(2000 + seed);
            let shape = random_shape(&mut random);
            check::<f32>(level, shape, TRANSFORMED_TOLERANCE, &mut random);
            check::<Bf16>(level, shape, of_bf16, &mut random);
        }
        // Fewer and more blocks of tiles than share their transformed tiles; several rounds of a weight gradient.
        for (seed, shape) in [shape(24, 8, [96, 80], 3, 1, 1), shape(40, 17, [16, 64], 3, 1, 1)].into_iter().enumerate()
        {
            check::<f32>(level, shape, TRANSFORMED_TOLERANCE, &mut Numbers::new(seed as u64));
            check::<Bf16>(level, shape, of_bf16, &mut Numbers::new(seed as u64));
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    fn check<T: Number>(level: Level, shape: ConvolutionShape) {
        let convolution = Convolution::new(shape).expect("a valid shape");
        let mut random = Numbers::new(7);
        let input = random.stored::<T>(convolution.input_len());
        let weights = random.numbers(convolution.weights_len());
        let gradient = random.stored::<T>(convolution.output_len());
        assert_same_bits_for_any_threads(&format!("{shape:?} on {level} in {}", T::PRECISION), || {
            let mut output = vec![T::default(); convolution.output_len()];
            let mut input_gradient = vec![T::default(); convolution.input_len()];
            let mut weight_gradient = vec![0.0; convolution.weights_len()];
            convolution.forward(level, &input, &weights, &mut output);
            convolution.input_gradient(level, &gradient, &weights, &mut input_gradient);
            convolution.weight_gradient(level, &input, &gradient, &mut weight_gradient);
            let statistics = convolution.forward_measured(level, &input, &weights, &mut output);
            [to_f32(&output), to_f32(&input_gradient), weight_gradient, statistics.mean, statistics.variance].concat()
        });
    }
    let shapes = [
        shape(3, 20, [24, 40], 3, 1, 1),
        shape(4, 17, [20, 33], 3, 2, 1),
        shape(2, 33, [3, 48], 4, 2, 1),
        // As large as in our networks: many blocks, slabs and chunks.
        shape(20, 16, [192, 130], 3, 1, 1),
        shape(48, 4, [256, 200], 3, 1, 1),
        shape(64, 7, [64, 96], 3, 1, 1),
        shape(30, 18, [32, 80], 3, 1, 1),
    ];
    for level in Level::available() {
        for shape in shapes {
            check::<f32>(level, shape);
            check::<Bf16>(level, shape);
        }
    }
}

#[test]
fn the_twins_gradients_agree_with_finite_differences() {
    let convolution = Convolution::new(shape(2, 5, [2, 3], 3, 2, 1)).expect("a valid shape");
    let mut random = Numbers::new(3);
    let mut input = to_f64(&random.numbers(convolution.input_len()));
    let mut weights = to_f64(&random.numbers(convolution.weights_len()));
    let gradient = to_f64(&random.numbers(convolution.output_len()));
    let loss = |input: &[f64], weights: &[f64]| -> f64 {
        twin::forward(&convolution, input, weights).iter().zip(&gradient).map(|(y, g)| y * g).sum()
    };
    let step = 1e-4;
    let input_gradient = twin::input_gradient(&convolution, &gradient, &weights);
    for i in 0..input.len() {
        let x = input[i];
        input[i] = x + step;
        let up = loss(&input, &weights);
        input[i] = x - step;
        let down = loss(&input, &weights);
        input[i] = x;
        assert!(((up - down) / (2.0 * step) - input_gradient[i]).abs() < 1e-8);
    }
    let weight_gradient = twin::weight_gradient(&convolution, &input, &gradient);
    for i in 0..weights.len() {
        let w = weights[i];
        weights[i] = w + step;
        let up = loss(&input, &weights);
        weights[i] = w - step;
        let down = loss(&input, &weights);
        weights[i] = w;
        assert!(((up - down) / (2.0 * step) - weight_gradient[i]).abs() < 1e-8);
    }
}

#[test]
fn impossible_sizes_are_refused() {
    let error = |change: &dyn Fn(&mut ConvolutionShape)| {
        let mut shape = shape(1, 4, [8, 8], 3, 1, 1);
        change(&mut shape);
        Convolution::new(shape).expect_err("an impossible size")
    };
    assert!(matches!(error(&|s| s.input_channels = 0), ShapeError::Zero { .. }));
    assert!(matches!(error(&|s| s.stride = [0, 1]), ShapeError::Zero { .. }));
    assert!(matches!(error(&|s| s.kernel = [9, 9]), ShapeError::WindowTooLarge { .. }));
    assert!(matches!(error(&|s| s.padding = [3, 1]), ShapeError::PaddingTooLarge { .. }));
    assert!(matches!(error(&|s| s.images = usize::MAX / 8), ShapeError::Overflow { .. }));
    assert!(matches!(error(&|s| s.input = [usize::MAX, usize::MAX]), ShapeError::Overflow { .. }));
}

#[test]
#[should_panic(expected = "the weights should have 9 elements, not 1")]
fn a_slice_of_the_wrong_length_is_refused() {
    let convolution = Convolution::new(shape(1, 2, [1, 1], 3, 1, 1)).expect("a valid shape");
    convolution.forward(Level::PORTABLE, &[0.0; 4], &[0.0], &mut [0.0; 4]);
}
