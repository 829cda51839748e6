//! Pooling and its gradients against their twins, on random sizes and every level of this machine.

mod common;

use common::{
    Numbers, assert_close, assert_near, assert_same_bits_for_any_threads, cases, nan, rounding, to_f32, to_f64,
};
use imagenette_kernels::pooling::{BlurPooling, GlobalPooling, Pooling, PoolingShape, twin};
use imagenette_kernels::{Bf16, Level, Number, ShapeError};

fn random_pooling(random: &mut Numbers) -> Pooling {
    let window = [random.within(1, 4), random.within(1, 4)];
    let padding = [random.within(0, window[0] - 1), random.within(0, window[1] - 1)];
    Pooling::new(PoolingShape {
        images: random.within(0, 3),
        input: [random.within(window[0], 12), random.within(window[1], 12)],
        channels: random.one_of(&[1, 2, 3, 8, 15, 16, 33, 64]),
        window,
        stride: [random.within(1, 4), random.within(1, 4)],
        padding,
        keep_partial: random.within(0, 1) == 1,
    })
    .expect("valid sizes")
}

#[test]
fn random_shapes_agree_with_the_twins() {
    for level in Level::available() {
        for seed in cases(200) {
            agrees_with_the_twins::<f32>(level, seed);
            agrees_with_the_twins::<Bf16>(level, seed);
        }
    }
}

fn agrees_with_the_twins<T: Number>(level: Level, seed: u64) {
    let rounding = rounding::<T>();
    let mut random = Numbers::new(seed);
    let pooling = random_pooling(&mut random);
    // Few different numbers, so that there are ties.
    let input: Vec<T> = (0..pooling.input_len()).map(|_| T::from_f32(random.within(0, 5) as f32 - 2.5)).collect();
    let gradient = random.stored::<T>(pooling.output_len());
    let name = format!("{pooling:?} on {level} in {}", T::PRECISION);

    let (mut output, mut choices) = (vec![nan::<T>(); pooling.output_len()], vec![0; pooling.output_len()]);
    pooling.max(level, &input, &mut output, &mut choices);
    let (expected, expected_choices) = twin::max(&pooling, &to_f64(&input));
    assert_close(&format!("maximum of {name}"), &to_f32(&output), &expected, 0.0);
    assert_eq!(choices, expected_choices, "choices of {name}");
    let mut input_gradient = vec![nan::<T>(); pooling.input_len()];
    pooling.max_gradient(level, &gradient, &choices, &mut input_gradient);
    let expected = twin::max_gradient(&pooling, &choices, &to_f64(&gradient));
    let name_of = |what: &str| format!("{what} of {name}");
    assert_close(&name_of("maximum's gradient"), &to_f32(&input_gradient), &expected, 1e-6 + rounding);

    pooling.average(level, &input, &mut output);
    assert_close(&name_of("mean"), &to_f32(&output), &twin::average(&pooling, &to_f64(&input)), 1e-6 + rounding);
    let mut input_gradient = vec![nan::<T>(); pooling.input_len()];
    pooling.average_gradient(level, &gradient, &mut input_gradient);
    let expected = twin::average_gradient(&pooling, &to_f64(&gradient));
    assert_close(&name_of("mean's gradient"), &to_f32(&input_gradient), &expected, 1e-6 + rounding);
}

#[test]
fn global_pooling_agrees_with_a_window_as_large_as_the_image() {
    for level in Level::available() {
        for (side, channels) in [([1, 1], 1), ([2, 3], 16), ([7, 5], 33), ([4, 4], 512)] {
            global_agrees_with_window::<f32>(level, side, channels);
            global_agrees_with_window::<Bf16>(level, side, channels);
        }
    }
}

fn global_agrees_with_window<T: Number>(level: Level, side: [usize; 2], channels: usize) {
    let mut random = Numbers::new(9);
    let shape = PoolingShape {
        images: 2,
        input: side,
        channels,
        window: side,
        stride: [1, 1],
        padding: [0, 0],
        keep_partial: false,
    };
    let window = Pooling::new(shape).expect("valid sizes");
    let global = GlobalPooling::new(2, side[0] * side[1], channels).expect("valid sizes");
    let input = random.stored::<T>(global.input_len());
    // The output of the global one is f32, and so is its gradient: these are numbers that both kinds can hold.
    let gradient = random.stored::<T>(global.output_len());
    let wide_gradient = to_f32(&gradient);
    let len = global.output_len();

    let (mut expected, mut expected_choices) = (vec![T::default(); len], vec![0; len]);
    window.max(level, &input, &mut expected, &mut expected_choices);
    let (mut output, mut choices) = (vec![f32::NAN; len], vec![7; len]);
    global.max(level, &input, &mut output, &mut choices);
    assert_eq!(output, to_f32(&expected));
    assert_eq!(choices, expected_choices.iter().map(|&choice| u32::from(choice)).collect::<Vec<_>>());

    let mut expected = vec![T::default(); global.input_len()];
    window.max_gradient(level, &gradient, &expected_choices, &mut expected);
    let mut found = vec![nan::<T>(); global.input_len()];
    global.max_gradient(level, &wide_gradient, &choices, &mut found);
    assert_eq!(found, expected);

    global.average(level, &input, &mut output);
    assert_close("mean", &output, &twin::average(&window, &to_f64(&input)), 1e-6);
    global.average_gradient(level, &wide_gradient, &mut found);
    let expected = twin::average_gradient(&window, &to_f64(&gradient));
    assert_close("gradient", &to_f32(&found), &expected, 1e-6 + rounding::<T>());
}

#[test]
fn nan_is_passed_on() {
    let shape = PoolingShape {
        images: 1,
        input: [2, 2],
        channels: 1,
        window: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        keep_partial: false,
    };
    let pooling = Pooling::new(shape).expect("valid sizes");
    for level in Level::available() {
        for place in 0..4 {
            let mut input = [1.0, 2.0, 3.0, 4.0];
            input[place] = f32::NAN;
            let (mut output, mut choices) = ([0.0], [9]);
            pooling.max(level, &input, &mut output, &mut choices);
            assert!(output[0].is_nan() && usize::from(choices[0]) == place);
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let shape = PoolingShape {
        images: 3,
        input: [15, 17],
        channels: 20,
        window: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
        keep_partial: false,
    };
    let pooling = Pooling::new(shape).expect("valid sizes");
    let mut random = Numbers::new(1);
    let (input, gradient) = (random.numbers(pooling.input_len()), random.numbers(pooling.output_len()));
    for level in Level::available() {
        assert_same_bits_for_any_threads("pooling", || {
            let (mut output, mut choices) = (vec![0.0; pooling.output_len()], vec![0; pooling.output_len()]);
            pooling.max(level, &input, &mut output, &mut choices);
            let mut input_gradient = vec![0.0; pooling.input_len()];
            pooling.max_gradient(level, &gradient, &choices, &mut input_gradient);
            [output, input_gradient].concat()
        });
    }
}

#[test]
fn odd_sides_end_in_a_partial_window_where_it_is_kept() {
    let sides = |side, window, stride, padding| {
        let shape = PoolingShape {
            images: 1,
            input: [side, side],
            channels: 1,
            window: [window; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            keep_partial: true,
        };
        Pooling::new(shape).expect("valid sizes").output()[0]
    };
    assert_eq!(sides(5, 2, 2, 0), 3);
    assert_eq!(sides(4, 2, 2, 0), 2);
    assert_eq!(sides(1, 2, 2, 0), 1);
    assert_eq!(sides(6, 3, 2, 1), 4);
    // The fourth window would begin after the image.
    assert_eq!(sides(5, 2, 3, 1), 2);
}

#[test]
fn impossible_sizes_are_refused() {
    let shape = PoolingShape {
        images: 1,
        input: [4, 4],
        channels: 8,
        window: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        keep_partial: false,
    };
    let error = |shape| Pooling::new(shape).expect_err("impossible sizes");
    assert!(matches!(error(PoolingShape { channels: 0, ..shape }), ShapeError::Zero { .. }));
    assert!(matches!(error(PoolingShape { window: [5, 2], ..shape }), ShapeError::WindowTooLarge { .. }));
    assert!(matches!(error(PoolingShape { padding: [2, 0], ..shape }), ShapeError::PaddingTooLarge { .. }));
    assert!(matches!(error(PoolingShape { images: usize::MAX, ..shape }), ShapeError::Overflow { .. }));
    assert!(matches!(GlobalPooling::new(1, 0, 1), Err(ShapeError::Zero { .. })));
}

#[test]
fn global_pooling_agrees_with_its_twins_on_random_shapes() {
    for level in Level::available() {
        for seed in cases(60) {
            let mut random = Numbers::new(seed);
            let channels = random.one_of(&[1, 2, 3, 8, 15, 16, 33, 64]);
            let pooling = GlobalPooling::new(random.within(0, 3), random.within(1, 40), channels).expect("valid sizes");
            // Few different numbers, so that there are ties.
            let input: Vec<f32> = (0..pooling.input_len()).map(|_| random.within(0, 5) as f32 - 2.5).collect();
            let gradient = random.numbers(pooling.output_len());
            let name = format!("{pooling:?} on {level}");

            let (mut output, mut choices) = (vec![f32::NAN; pooling.output_len()], vec![0; pooling.output_len()]);
            pooling.max(level, &input, &mut output, &mut choices);
            let (expected, expected_choices) = twin::global_max(&pooling, &to_f64(&input));
            assert_close(&format!("maximum of {name}"), &output, &expected, 0.0);
            assert_eq!(choices, expected_choices, "choices of {name}");
            let mut input_gradient = vec![f32::NAN; pooling.input_len()];
            pooling.max_gradient(level, &gradient, &choices, &mut input_gradient);
            let expected = twin::global_max_gradient(&pooling, &choices, &to_f64(&gradient));
            assert_close(&format!("maximum's gradient of {name}"), &input_gradient, &expected, 0.0);

            pooling.average(level, &input, &mut output);
            assert_close(&format!("mean of {name}"), &output, &twin::global_average(&pooling, &to_f64(&input)), 1e-6);
            pooling.average_gradient(level, &gradient, &mut input_gradient);
            let expected = twin::global_average_gradient(&pooling, &to_f64(&gradient));
            assert_close(&format!("mean's gradient of {name}"), &input_gradient, &expected, 1e-6);
        }
    }
}

#[test]
fn blur_pooling_agrees_with_its_twins_on_random_shapes() {
    fn check<T: Number>(level: Level, seed: u64) {
        let mut random = Numbers::new(seed);
        let side = [random.within(1, 12), random.within(1, 12)];
        let channels = random.one_of(&[1, 2, 3, 8, 15, 16, 33, 64]);
        let pooling = BlurPooling::new(random.within(0, 3), side, channels).expect("valid sizes");
        let (input, gradient) = (random.stored::<T>(pooling.input_len()), random.stored::<T>(pooling.output_len()));
        let name = format!("{pooling:?} on {level} in {}", T::PRECISION);
        let mut output = vec![nan::<T>(); pooling.output_len()];
        pooling.forward(level, &input, &mut output);
        let expected = twin::blur(&pooling, &to_f64(&input));
        // No sum of weights is above one.
        let ones = vec![1.0; expected.len()];
        assert_near(&format!("blur of {name}"), &output, &expected, &ones, 1e-6);
        let mut input_gradient = vec![nan::<T>(); pooling.input_len()];
        pooling.gradient(level, &gradient, &mut input_gradient);
        let expected = twin::blur_gradient(&pooling, &to_f64(&gradient));
        let ones = vec![1.0; expected.len()];
        assert_near(&format!("gradient of {name}"), &input_gradient, &expected, &ones, 1e-6);
    }
    for level in Level::available() {
        for seed in cases(100) {
            check::<f32>(level, seed);
            check::<Bf16>(level, seed);
        }
    }
}

#[test]
fn blurring_an_even_image_changes_nothing() {
    for side in [[1, 1], [2, 3], [7, 8]] {
        let pooling = BlurPooling::new(1, side, 5).expect("valid sizes");
        let mut output = vec![0.0; pooling.output_len()];
        pooling.forward(Level::best(), &vec![0.7; pooling.input_len()], &mut output);
        assert!(output.iter().all(|x| (x - 0.7).abs() < 1e-6), "{output:?}");
    }
}

#[test]
fn large_images_give_the_same_bits_for_any_number_of_threads() {
    let mut random = Numbers::new(3);
    let global = GlobalPooling::new(40, 256, 96).expect("valid sizes");
    let blur = BlurPooling::new(9, [33, 64], 48).expect("valid sizes");
    let (whole, image) = (random.numbers(global.input_len()), random.numbers(blur.input_len()));
    for level in Level::available() {
        assert_same_bits_for_any_threads("global and blur pooling", || {
            let (mut largest, mut choices) = (vec![0.0; global.output_len()], vec![0; global.output_len()]);
            global.max(level, &whole, &mut largest, &mut choices);
            let mut mean = vec![0.0; global.output_len()];
            global.average(level, &whole, &mut mean);
            let (mut blurred, mut gradient) = (vec![0.0; blur.output_len()], vec![0.0; blur.input_len()]);
            blur.forward(level, &image, &mut blurred);
            blur.gradient(level, &blurred, &mut gradient);
            [largest, mean, blurred, gradient].concat()
        });
    }
}
