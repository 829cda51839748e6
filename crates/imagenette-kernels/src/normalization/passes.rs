//! The passes over memory of a normalization, each over one block of pixels on one thread.
#![expect(unsafe_code, reason = "two passes over the same memory, block by block")]

use super::Channels;
use crate::activation::curves::Curve;
use crate::activation::{Activation, with_curve};
use crate::level::{Levels, Work};
use crate::number::Number;
use crate::scattered::Scattered;
use crate::simd::Simd;
use std::ops::Range;

/// A block of a gradient that several blocks' tasks write at once.
pub(super) fn part<'a, T>(target: Scattered<'a, T>, range: &Range<usize>) -> &'a mut [T] {
    // SAFETY: each task asks for its own block, once in a pass, and drops it before the next pass begins.
    unsafe { target.slice(range.start, range.len()) }
}

/// Forward: normalize, add the residual, apply the activation.
pub(super) struct Apply<'a, T> {
    pub(super) activation: Activation,
    pub(super) channels: &'a Channels,
    pub(super) input: &'a [T],
    pub(super) residual: Option<&'a [T]>,
    pub(super) output: &'a mut [T],
}

impl<T: Number> Work for Apply<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        with_curve!(self.activation, C => match self.residual {
            Some(residual) => apply::<S, T, C, true>(s, self.channels, self.input, residual, self.output),
            None => apply::<S, T, C, false>(s, self.channels, self.input, &[], self.output),
        });
    }
}

#[inline(always)]
fn apply<S: Simd, T: Number, C: Curve, const RESIDUAL: bool>(
    s: S,
    channels: &Channels,
    input: &[T],
    residual: &[T],
    output: &mut [T],
) {
    let count = channels.mean.len();
    for (pixel, output) in output.chunks_exact_mut(count).enumerate() {
        let input = &input[pixel * count..][..count];
        let residual = if RESIDUAL { &residual[pixel * count..][..count] } else { input };
        for first in (0..count).step_by(S::LANES) {
            let range = first..count.min(first + S::LANES);
            let deviation = s.sub(s.load_some(&input[range.clone()]), s.load_some(&channels.mean[range.clone()]));
            let mut x = s.mul_add(
                deviation,
                s.load_some(&channels.scale[range.clone()]),
                s.load_some(&channels.bias[range.clone()]),
            );
            if RESIDUAL {
                x = s.add(x, s.load_some(&residual[range.clone()]));
            }
            s.store_some(C::value(s, x), &mut output[range]);
        }
    }
}

/// Backward, first pass: the gradient before the activation, its sum and its sum with the deviations.
pub(super) struct Sums<'a, T> {
    pub(super) activation: Activation,
    pub(super) channels: &'a Channels,
    pub(super) input: &'a [T],
    pub(super) residual: Option<&'a [T]>,
    /// The output's gradient, or `None` if `input_gradient` holds it.
    pub(super) gradient: Option<&'a [T]>,
    pub(super) input_gradient: &'a mut [T],
    pub(super) residual_gradient: Option<&'a mut [T]>,
    /// Whether to keep the gradient before the activation, in `residual_gradient` or else in `input_gradient`.
    pub(super) keep: bool,
    /// `[2, channels]`.
    pub(super) sums: &'a mut [f32],
}

impl<T: Number> Work for Sums<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        with_curve!(self.activation, C => sums::<S, T, C>(s, self));
    }
}

#[inline(always)]
fn sums<S: Simd, T: Number, C: Curve>(s: S, work: Sums<'_, T>) {
    let Sums { channels, input, residual, gradient, input_gradient, mut residual_gradient, keep, sums, .. } = work;
    let count = channels.mean.len();
    let (sum, product) = sums.split_at_mut(count);
    for (pixel, input) in input.chunks_exact(count).enumerate() {
        for first in (0..count).step_by(S::LANES) {
            let lanes = first..count.min(first + S::LANES);
            let range = pixel * count + lanes.start..pixel * count + lanes.end;
            let deviation = s.sub(s.load_some(&input[lanes.clone()]), s.load_some(&channels.mean[lanes.clone()]));
            let mut x = s.mul_add(
                deviation,
                s.load_some(&channels.scale[lanes.clone()]),
                s.load_some(&channels.bias[lanes.clone()]),
            );
            if let Some(residual) = residual {
                x = s.add(x, s.load_some(&residual[range.clone()]));
            }
            let gradient = s.load_some(&gradient.unwrap_or(input_gradient)[range.clone()]);
            let before = s.mul(gradient, C::slope(s, x));
            s.store_some(s.add(s.load_some(&sum[lanes.clone()]), before), &mut sum[lanes.clone()]);
            s.store_some(s.mul_add(before, deviation, s.load_some(&product[lanes.clone()])), &mut product[lanes]);
            if let Some(residual_gradient) = &mut residual_gradient {
                s.store_some(before, &mut residual_gradient[range]);
            } else if keep {
                s.store_some(before, &mut input_gradient[range]);
            }
        }
    }
}

/// Backward, second pass: the gradient for the input.
pub(super) struct Finish<'a, T> {
    pub(super) activation: Activation,
    pub(super) channels: &'a Channels,
    pub(super) input: &'a [T],
    /// The gradient to start from, or `None` if `input_gradient` holds it.
    pub(super) gradient: Option<&'a [T]>,
    pub(super) input_gradient: &'a mut [T],
    /// Whether `gradient` is the output's, to which the slope is yet to be applied.
    pub(super) recompute: bool,
    pub(super) constant: &'a [f32],
    pub(super) factor: &'a [f32],
}

impl<T: Number> Work for Finish<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.recompute {
            with_curve!(self.activation, C => finish::<S, T, C, true>(s, self));
        } else {
            finish::<S, T, crate::activation::curves::Identity, false>(s, self);
        }
    }
}

#[inline(always)]
fn finish<S: Simd, T: Number, C: Curve, const RECOMPUTE: bool>(s: S, work: Finish<'_, T>) {
    let Finish { channels, input, gradient, input_gradient, constant, factor, .. } = work;
    let count = channels.mean.len();
    for (pixel, input_gradient) in input_gradient.chunks_exact_mut(count).enumerate() {
        let input = &input[pixel * count..][..count];
        let gradient = gradient.map(|gradient| &gradient[pixel * count..][..count]);
        for first in (0..count).step_by(S::LANES) {
            let range = first..count.min(first + S::LANES);
            let scale = s.load_some(&channels.scale[range.clone()]);
            let deviation = s.sub(s.load_some(&input[range.clone()]), s.load_some(&channels.mean[range.clone()]));
            let mut before = s.load_some(&gradient.unwrap_or(input_gradient)[range.clone()]);
            if RECOMPUTE {
                let x = s.mul_add(deviation, scale, s.load_some(&channels.bias[range.clone()]));
                before = s.mul(before, C::slope(s, x));
            }
            let constant = s.load_some(&constant[range.clone()]);
            let less = s.mul_add(deviation, s.load_some(&factor[range.clone()]), constant);
            s.store_some(s.sub(s.mul(before, scale), less), &mut input_gradient[range]);
        }
    }
}
