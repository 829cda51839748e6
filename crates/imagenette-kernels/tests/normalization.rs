//! Batch normalization with residual and activation against its twin, on every level of this machine.

mod common;

use common::{Numbers, assert_close, assert_same_bits_for_any_threads, cases, nan, rounding, to_f32, to_f64};
use imagenette_kernels::activation::Activation;
use imagenette_kernels::activation::own::{self, Curve};
use imagenette_kernels::normalization::twin;
use imagenette_kernels::{BatchStatistics, Bf16, GradientBuffers, Level, Normalization, Number};

struct Case<T> {
    channels: usize,
    input: Vec<T>,
    residual: Option<Vec<T>>,
    gain: Vec<f32>,
    bias: Vec<f32>,
    gradient: Vec<T>,
    activation: Activation,
}

const EPSILON: f32 = 1e-5;

impl<T: Number> Case<T> {
    fn random(random: &mut Numbers) -> Self {
        let channels = random.one_of(&[1, 2, 3, 5, 8, 15, 16, 17, 33, 64]);
        let len = channels * random.one_of(&[2, 3, 7, 20, 300]);
        let shifted = |(i, x): (usize, f32)| T::from_f32(x * 2.0 + (i % channels) as f32 * 0.05);
        let input = random.numbers(len).into_iter().enumerate().map(shifted).collect();
        Self {
            channels,
            input,
            residual: (random.within(0, 1) == 1).then(|| random.stored(len)),
            gain: random.numbers(channels),
            bias: random.numbers(channels),
            gradient: random.stored(len),
            activation: Activation::ALL[random.within(0, 4)],
        }
    }

    fn name(&self, level: Level) -> String {
        let residual = if self.residual.is_some() { " and a residual" } else { "" };
        let (len, channels, precision) = (self.input.len(), self.channels, T::PRECISION);
        format!("{len} numbers, {channels} channels, {:?}{residual} on {level} in {precision}", self.activation)
    }

    /// Output, input gradient, residual gradient, gain gradient, bias gradient.
    fn run(&self, level: Level, in_place: bool) -> [Vec<f32>; 5] {
        let statistics = BatchStatistics::measure(level, &self.input, self.channels);
        let normalization = Normalization {
            mean: &statistics.mean,
            variance: &statistics.variance,
            gain: &self.gain,
            bias: &self.bias,
            epsilon: EPSILON,
            activation: self.activation,
            curve: None,
        };
        let residual = self.residual.as_deref();
        let mut output = vec![nan::<T>(); self.input.len()];
        normalization.apply(level, &self.input, residual, &mut output);
        let mut residual_gradient = residual.map(|residual| vec![nan::<T>(); residual.len()]);
        let mut input_gradient = if in_place { self.gradient.clone() } else { vec![nan(); self.input.len()] };
        let buffers = if in_place {
            GradientBuffers::InPlace(&mut input_gradient)
        } else {
            GradientBuffers::Separate { output: &self.gradient, input: &mut input_gradient }
        };
        let parameters =
            normalization.backward(level, &self.input, residual, buffers, residual_gradient.as_deref_mut());
        let residual_gradient = residual_gradient.unwrap_or_default();
        let maps = [output, input_gradient, residual_gradient].map(|map| to_f32(&map));
        let [output, input_gradient, residual_gradient] = maps;
        [output, input_gradient, residual_gradient, parameters.gain, parameters.bias]
    }
}

#[test]
fn random_cases_agree_with_the_twin() {
    for level in Level::available() {
        for seed in cases(300) {
            agrees_with_the_twin(level, &Case::<f32>::random(&mut Numbers::new(seed)));
            agrees_with_the_twin(level, &Case::<Bf16>::random(&mut Numbers::new(seed)));
        }
    }
}

fn agrees_with_the_twin<T: Number>(level: Level, case: &Case<T>) {
    // On the way to the gradient for the input, the gradient before the activation may be rounded.
    let rounding = rounding::<T>();
    let name = case.name(level);
    let (input, gain, bias) = (to_f64(&case.input), to_f64(&case.gain), to_f64(&case.bias));
    let residual = case.residual.as_deref().map(to_f64);
    let residual = residual.as_deref();
    let epsilon = f64::from(EPSILON);
    let statistics = BatchStatistics::measure(level, &case.input, case.channels);
    let (mean, variance) = twin::statistics(&input, case.channels);
    assert_close(&format!("mean of {name}"), &statistics.mean, &mean, 1e-6);
    assert_close(&format!("variance of {name}"), &statistics.variance, &variance, 2e-6);

    let found = case.run(level, false);
    let expected = twin::forward(&input, residual, &gain, &bias, epsilon, case.activation);
    assert_close(&format!("output of {name}"), &found[0], &expected, 3e-6 + rounding);
    let gradient = to_f64(&case.gradient);
    let expected = twin::backward(&input, residual, &gain, &bias, epsilon, case.activation, &gradient);
    // Channels that hardly vary have large factors, which multiply what was rounded before.
    let scales = gain.iter().zip(&variance).map(|(gain, variance)| gain.abs() / (variance + epsilon).sqrt());
    let scale = scales.fold(1.0, f64::max);
    for (which, (what, tolerance)) in
        [("input", 2.0 * scale * rounding), ("residual", rounding), ("gain", 0.0), ("bias", 0.0)]
            .into_iter()
            .enumerate()
    {
        if what != "residual" || residual.is_some() {
            assert_close(&format!("{what} gradient of {name}"), &found[1 + which], &expected[which], 5e-5 + tolerance);
        }
    }
    assert!(case.run(level, true) == found, "in place of {name}");
}

/// x / (1 + |x|)
#[derive(Debug)]
struct Softer;

impl Curve for Softer {
    fn value(&self, x: f32) -> f32 {
        x / (1.0 + x.abs())
    }
    fn slope(&self, x: f32) -> f32 {
        1.0 / ((1.0 + x.abs()) * (1.0 + x.abs()))
    }
}

/// A curve in the passes gives the bits of a normalization and then the curve, each alone.
#[test]
fn a_curve_from_elsewhere_follows_as_if_it_were_applied_alone() {
    fn check<T: Number>(level: Level, case: &Case<T>) {
        let (name, len) = (case.name(level), case.input.len());
        let statistics = BatchStatistics::measure(level, &case.input, case.channels);
        let alone = Normalization {
            mean: &statistics.mean,
            variance: &statistics.variance,
            gain: &case.gain,
            bias: &case.bias,
            epsilon: EPSILON,
            activation: Activation::Identity,
            curve: None,
        };
        let followed = Normalization { curve: Some(&Softer), ..alone };
        let residual = case.residual.as_deref();
        let (mut before, mut expected, mut found) = (vec![nan::<T>(); len], vec![nan(); len], vec![nan(); len]);
        alone.apply(level, &case.input, residual, &mut before);
        own::apply(level, &Softer, &before, &mut expected);
        followed.apply(level, &case.input, residual, &mut found);
        assert!(found == expected, "output of {name}");

        let mut gradient = case.gradient.clone();
        own::apply_gradient(level, &Softer, &before, &mut gradient);
        let backward = |normalization: &Normalization, output: &[T], in_place: bool| {
            let mut residual_gradient = residual.map(|residual| vec![nan::<T>(); residual.len()]);
            let mut input = if in_place { output.to_vec() } else { vec![nan(); len] };
            let buffers = match in_place {
                true => GradientBuffers::InPlace(&mut input),
                false => GradientBuffers::Separate { output, input: &mut input },
            };
            let found = normalization.backward(level, &case.input, residual, buffers, residual_gradient.as_deref_mut());
            (input, residual_gradient, found)
        };
        for in_place in [false, true] {
            let expected = backward(&alone, &gradient, in_place);
            let found = backward(&followed, &case.gradient, in_place);
            assert!(found == expected, "gradients of {name}, in place: {in_place}");
        }
    }
    for level in Level::available() {
        for seed in cases(100) {
            check(level, &Case::<f32>::random(&mut Numbers::new(seed)));
            check(level, &Case::<Bf16>::random(&mut Numbers::new(seed)));
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    fn check<T: Number>(level: Level) {
        let mut random = Numbers::new(5);
        let mut case = Case::<T>::random(&mut random);
        case.channels = 24;
        case.input = random.stored(24 * 5000);
        case.residual = None;
        case.gradient = random.stored(24 * 5000);
        (case.gain, case.bias) = (random.numbers(24), random.numbers(24));
        for activation in Activation::ALL {
            case.activation = activation;
            assert_same_bits_for_any_threads(&case.name(level), || case.run(level, false).concat());
        }
    }
    for level in Level::available() {
        check::<f32>(level);
        check::<Bf16>(level);
    }
}

#[test]
fn a_mean_far_from_zero_costs_no_accuracy() {
    for level in Level::available() {
        let input: Vec<f32> = Numbers::new(1).numbers(40_000).iter().map(|x| 1000.0 + x).collect();
        let statistics = BatchStatistics::measure(level, &input, 4);
        let (_, variance) = twin::statistics(&to_f64(&input), 4);
        for (found, expected) in statistics.variance.iter().zip(variance) {
            assert!((f64::from(*found) / expected - 1.0).abs() < 1e-4, "{found} for {expected}");
        }
    }
}

#[test]
fn the_twins_gradients_agree_with_finite_differences() {
    let mut random = Numbers::new(11);
    for activation in [Activation::Identity, Activation::Gelu, Activation::Silu, Activation::Mish] {
        let (mut input, residual) = (to_f64(&random.numbers(24)), to_f64(&random.numbers(24)));
        let (gain, bias) = (to_f64(&random.numbers(3)), to_f64(&random.numbers(3)));
        let gradient = to_f64(&random.numbers(24));
        let found = twin::backward(&input, Some(&residual), &gain, &bias, 1e-5, activation, &gradient);
        for i in 0..24 {
            let x = input[i];
            let mut loss = |x: f64| -> f64 {
                input[i] = x;
                let output = twin::forward(&input, Some(&residual), &gain, &bias, 1e-5, activation);
                output.iter().zip(&gradient).map(|(y, g)| y * g).sum()
            };
            let difference = (loss(x + 1e-5) - loss(x - 1e-5)) / 2e-5;
            input[i] = x;
            assert!((difference - found[0][i]).abs() < 1e-6, "{activation:?}: {difference} for {}", found[0][i]);
        }
    }
}
