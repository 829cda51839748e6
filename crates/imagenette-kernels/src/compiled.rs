//! The kernels, compiled in this crate for each kind of number that maps are stored in. A generic function is compiled
//! in every crate that calls it; these are not generic, so that changing a network recompiles no kernel.

use crate::activation::Activation;
use crate::bf16::Bf16;
use crate::convolution::Convolution;
use crate::depthwise::Depthwise;
use crate::level::Level;
use crate::normalization::{BatchStatistics, GradientBuffers, Normalization, ParameterGradients};
use crate::pooling::{BlurPooling, GlobalPooling, Pooling};

/// Declares the kernels as functions of a trait, and compiles each for f32 and for `Bf16`.
macro_rules! kernels {
    ($($name:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)? => $body:expr;)*) => {
        /// What the public kernels call, once for each kind of number.
        pub trait Compiled: Sized {
            $(#[doc(hidden)] fn $name($($argument: $kind),*) $(-> $result)?;)*
        }
        impl Compiled for f32 {
            $(#[inline(never)] fn $name($($argument: $kind),*) $(-> $result)? { $body })*
        }
        impl Compiled for Bf16 {
            $(#[inline(never)] fn $name($($argument: $kind),*) $(-> $result)? { $body })*
        }
    };
}

kernels! {
    convolve(with: &Convolution, level: Level, input: &[Self], weights: &[f32], output: &mut [Self]) =>
        with.forward_in(level, input, weights, output, None);
    convolve_measured(
        with: &Convolution, level: Level, input: &[Self], weights: &[f32], output: &mut [Self]
    ) -> BatchStatistics => with.forward_measured_in(level, input, weights, output);
    convolution_input_gradient(
        with: &Convolution, level: Level, gradient: &[Self], weights: &[f32], input_gradient: &mut [Self]
    ) => with.input_gradient_in(level, gradient, weights, input_gradient);
    convolution_weight_gradient(
        with: &Convolution, level: Level, input: &[Self], gradient: &[Self], weight_gradient: &mut [f32]
    ) => crate::convolution::weight_gradient::run(with, level, input, gradient, weight_gradient);

    depthwise(with: &Depthwise, level: Level, input: &[Self], weights: &[f32], output: &mut [Self]) =>
        with.forward_in(level, input, weights, output);
    depthwise_input_gradient(
        with: &Depthwise, level: Level, gradient: &[Self], weights: &[f32], input_gradient: &mut [Self]
    ) => with.input_gradient_in(level, gradient, weights, input_gradient);
    depthwise_weight_gradient(
        with: &Depthwise, level: Level, input: &[Self], gradient: &[Self], weight_gradient: &mut [f32]
    ) => with.weight_gradient_in(level, input, gradient, weight_gradient);

    measure(level: Level, input: &[Self], channels: usize) -> BatchStatistics =>
        BatchStatistics::measure_in(level, input, channels);
    normalize(with: &Normalization<'_>, level: Level, input: &[Self], residual: Option<&[Self]>, output: &mut [Self]) =>
        with.apply_in(level, input, residual, output);
    normalization_backward(
        with: &Normalization<'_>, level: Level, input: &[Self], residual: Option<&[Self]>,
        gradients: GradientBuffers<'_, Self>, residual_gradient: Option<&mut [Self]>
    ) -> ParameterGradients => with.backward_in(level, input, residual, gradients, residual_gradient);

    activate(activation: Activation, level: Level, input: &[Self], output: &mut [Self]) =>
        activation.apply_in(level, input, output);
    activation_gradient(activation: Activation, level: Level, input: &[Self], gradient: &mut [Self]) =>
        activation.apply_gradient_in(level, input, gradient);

    add(level: Level, from: &[Self], to: &mut [Self]) => crate::sum::add_in(level, from, to);

    normalize_pixels(bytes: &[u8], mean: [f32; 3], deviation: [f32; 3], output: &mut [Self]) =>
        crate::pixels::normalize_pixels_in(bytes, mean, deviation, output);

    max_pool(with: &Pooling, level: Level, input: &[Self], output: &mut [Self], choices: &mut [u8]) =>
        with.max_in(level, input, output, choices);
    max_pool_gradient(
        with: &Pooling, level: Level, gradient: &[Self], choices: &[u8], input_gradient: &mut [Self]
    ) => with.max_gradient_in(level, gradient, choices, input_gradient);
    average_pool(with: &Pooling, level: Level, input: &[Self], output: &mut [Self]) =>
        with.average_in(level, input, output);
    average_pool_gradient(with: &Pooling, level: Level, gradient: &[Self], input_gradient: &mut [Self]) =>
        with.average_gradient_in(level, gradient, input_gradient);

    blur_pool(with: &BlurPooling, level: Level, input: &[Self], output: &mut [Self]) =>
        with.forward_in(level, input, output);
    blur_pool_gradient(with: &BlurPooling, level: Level, gradient: &[Self], input_gradient: &mut [Self]) =>
        with.gradient_in(level, gradient, input_gradient);

    global_max(
        with: &GlobalPooling, level: Level, input: &[Self], output: &mut [f32], choices: &mut [u32]
    ) => with.max_in(level, input, output, choices);
    global_max_gradient(
        with: &GlobalPooling, level: Level, gradient: &[f32], choices: &[u32], input_gradient: &mut [Self]
    ) => with.max_gradient_in(level, gradient, choices, input_gradient);
    global_average(with: &GlobalPooling, level: Level, input: &[Self], output: &mut [f32]) =>
        with.average_in(level, input, output);
    global_average_gradient(with: &GlobalPooling, gradient: &[f32], input_gradient: &mut [Self]) =>
        with.average_gradient_in(gradient, input_gradient);
}
