//! Batch normalization and what follows it, an optional residual and the activation, in one pass forward and two
//! backward. Maps and their gradients are f32 or `Bf16`; statistics, parameters and their gradients are f32.

mod moments;
mod passes;
mod statistics;
pub mod twin;

use crate::activation::Activation;
use crate::activation::own::{self, Curve};
use crate::level::Level;
use crate::number::Number;
use crate::scattered::Scattered;
use crate::shape::check_len;
use crate::tasks::{for_each, for_each_chunk};
pub(crate) use moments::{MomentPlaces, PartMoments};
use passes::{Apply, Finish, Sums};
pub use statistics::BatchStatistics;

/// Numbers that a task works on at a time: they stay in the second-level cache from one reading to the next.
const BLOCK_NUMBERS: usize = 1 << 14;

/// `activation((x - mean) / √(variance + epsilon) · gain + bias + residual)`, channel by channel.
#[derive(Clone, Copy, Debug)]
pub struct Normalization<'a> {
    /// The mean of each channel.
    pub mean: &'a [f32],
    /// The variance of each channel, as a mean of squares.
    pub variance: &'a [f32],
    /// The gain of each channel, which multiplies it.
    pub gain: &'a [f32],
    /// The bias of each channel, which is added to it.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
    /// The activation that follows; the identity where `curve` follows.
    pub activation: Activation,
    /// An activation from elsewhere that follows. What goes into it is rounded as maps are.
    pub curve: Option<&'a dyn Curve>,
}

/// Where the gradient for the output is and where that for the input goes.
#[derive(Debug)]
pub enum GradientBuffers<'a, T = f32> {
    /// The gradient for the output stays as it is.
    Separate {
        /// The gradient for the output.
        output: &'a [T],
        /// Becomes the gradient for the input.
        input: &'a mut [T],
    },
    /// The gradient for the output becomes the gradient for the input.
    InPlace(&'a mut [T]),
}

/// The gradients for the gains and the biases.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterGradients {
    /// For the gain of each channel.
    pub gain: Vec<f32>,
    /// For the bias of each channel.
    pub bias: Vec<f32>,
}

/// What the passes need of each channel.
struct Channels {
    mean: Vec<f32>,
    /// gain / √(variance + epsilon)
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl Normalization<'_> {
    /// Normalizes, adds the residual and applies the activation.
    ///
    /// # Shapes
    /// `input`, `residual` and `output` `[.., channels]`.
    ///
    /// # Panics
    /// The lengths do not agree.
    pub fn apply<T: Number>(&self, level: Level, input: &[T], residual: Option<&[T]>, output: &mut [T]) {
        self.check(input.len());
        check_len("the output", output.len(), input.len());
        if let Some(residual) = residual {
            check_len("the residual", residual.len(), input.len());
        }
        T::normalize(self, level, input, residual, output);
    }

    pub(crate) fn apply_in<T: Number>(&self, level: Level, input: &[T], residual: Option<&[T]>, output: &mut [T]) {
        let block = block_len(self.mean.len());
        let parameters = self.channels();
        for_each_chunk(output, block, |i, output| {
            let range = i * block..i * block + output.len();
            level.run(Apply {
                activation: self.activation,
                channels: &parameters,
                input: &input[range.clone()],
                residual: residual.map(|residual| &residual[range]),
                output: &mut *output,
            });
            // While the block is in the cache.
            if let Some(curve) = self.curve {
                own::change(level, curve, output);
            }
        });
    }

    /// The gradients, with mean and variance those of `input` itself, on which they depend.
    ///
    /// # Shapes
    /// All `[.., channels]`; `residual` is what [`Self::apply`] was given, and `residual_gradient` goes with it.
    ///
    /// # Panics
    /// The lengths do not agree, or a residual comes without a place for its gradient.
    pub fn backward<T: Number>(
        &self,
        level: Level,
        input: &[T],
        residual: Option<&[T]>,
        gradients: GradientBuffers<'_, T>,
        residual_gradient: Option<&mut [T]>,
    ) -> ParameterGradients {
        self.check(input.len());
        T::normalization_backward(self, level, input, residual, gradients, residual_gradient)
    }

    pub(crate) fn backward_in<T: Number>(
        &self,
        level: Level,
        input: &[T],
        residual: Option<&[T]>,
        gradients: GradientBuffers<'_, T>,
        residual_gradient: Option<&mut [T]>,
    ) -> ParameterGradients {
        let count = self.mean.len();
        let (output_gradient, input_gradient) = match gradients {
            GradientBuffers::Separate { output, input } => (Some(output), input),
            GradientBuffers::InPlace(gradient) => (None, gradient),
        };
        check_len("the input gradient", input_gradient.len(), input.len());
        check_len("the output gradient", output_gradient.map_or(input.len(), <[T]>::len), input.len());
        check_len("the residual", residual.map_or(input.len(), <[T]>::len), input.len());
        check_len("the residual gradient", residual_gradient.as_ref().map_or(input.len(), |r| r.len()), input.len());
        assert!(
            residual.is_some() == residual_gradient.is_some(),
            "a residual and a place for its gradient go together"
        );
        if input.is_empty() {
            return ParameterGradients { gain: vec![0.0; count], bias: vec![0.0; count] };
        }

        let block = block_len(count);
        let blocks = input.len().div_ceil(block);
        let parameters = self.channels();
        // The second pass computes the slope again where that is cheaper than storing it in the first.
        let recompute = self.activation.is_cheap() && self.curve.is_none() && residual.is_none();
        let mut partial = vec![0.0f32; blocks * 2 * count];
        let input_target = Scattered::new(input_gradient);
        let residual_target = residual_gradient.map(Scattered::new);
        for_each_chunk(&mut partial[..], 2 * count, |i, sums| {
            let range = i * block..input.len().min((i + 1) * block);
            let input_gradient = passes::part(input_target, &range);
            let mut gradient = output_gradient.map(|gradient| &gradient[range.clone()]);
            // Its slope is applied block by block, on what went into it: from then on the identity follows.
            if let Some(curve) = self.curve {
                if let Some(gradient) = gradient.take() {
                    input_gradient.copy_from_slice(gradient);
                }
                let mut before = vec![T::default(); range.len()];
                level.run(Apply {
                    activation: self.activation,
                    channels: &parameters,
                    input: &input[range.clone()],
                    residual: residual.map(|residual| &residual[range.clone()]),
                    output: &mut before,
                });
                own::change_gradient(level, curve, &before, input_gradient);
            }
            level.run(Sums {
                activation: self.activation,
                channels: &parameters,
                input: &input[range.clone()],
                residual: residual.map(|residual| &residual[range.clone()]),
                gradient,
                input_gradient,
                residual_gradient: residual_target.map(|target| passes::part(target, &range)),
                keep: !recompute,
                sums,
            });
        });

        let pixels = (input.len() / count) as f64;
        let mut parameter_gradients = ParameterGradients { gain: vec![0.0; count], bias: vec![0.0; count] };
        // gradient = scale · slope - constant - (x - mean) · factor
        let (mut constant, mut factor) = (vec![0.0f32; count], vec![0.0f32; count]);
        let mut totals = vec![0.0f64; 2 * count];
        for sums in partial.chunks_exact(2 * count) {
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total += f64::from(*sum);
            }
        }
        for channel in 0..count {
            let (sum, product) = (totals[channel], totals[count + channel]);
            let inverse_variance = 1.0 / (f64::from(self.variance[channel]) + f64::from(self.epsilon));
            let scale = f64::from(self.gain[channel]) * inverse_variance.sqrt();
            parameter_gradients.bias[channel] = sum as f32;
            parameter_gradients.gain[channel] = (product * inverse_variance.sqrt()) as f32;
            constant[channel] = (scale * sum / pixels) as f32;
            factor[channel] = (scale * inverse_variance * product / pixels) as f32;
        }

        for_each(blocks, |i| {
            let range = i * block..input.len().min((i + 1) * block);
            let kept = residual_target.map(|target| &*passes::part(target, &range));
            level.run(Finish {
                activation: self.activation,
                channels: &parameters,
                input: &input[range.clone()],
                gradient: if recompute { output_gradient.map(|gradient| &gradient[range.clone()]) } else { kept },
                input_gradient: passes::part(input_target, &range),
                recompute,
                constant: &constant,
                factor: &factor,
            });
        });
        parameter_gradients
    }

    /// Checks that all parameters and `len` agree with the number of channels.
    fn check(&self, len: usize) {
        let channels = self.mean.len();
        assert!(
            self.curve.is_none() || self.activation == Activation::Identity,
            "one activation follows a normalization, not two"
        );
        assert!(channels > 0, "a normalization needs at least one channel");
        check_len("the variance", self.variance.len(), channels);
        check_len("the gain", self.gain.len(), channels);
        check_len("the bias", self.bias.len(), channels);
        assert!(
            len.is_multiple_of(channels),
            "{len} numbers are not a whole number of pixels with {channels} channels"
        );
    }

    fn channels(&self) -> Channels {
        let scale = self.gain.iter().zip(self.variance);
        Channels {
            mean: self.mean.to_vec(),
            scale: scale.map(|(gain, variance)| gain / (variance + self.epsilon).sqrt()).collect(),
            bias: self.bias.to_vec(),
        }
    }
}

/// Numbers of a block: about `BLOCK_NUMBERS`, in whole pixels.
fn block_len(channels: usize) -> usize {
    (BLOCK_NUMBERS / channels).max(1) * channels
}
