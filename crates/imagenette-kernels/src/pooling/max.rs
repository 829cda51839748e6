//! The largest number of each window, and which one it is.

use super::Pooling;
use crate::buffer::{Aligned, widened};
use crate::level::{Level, Levels, Work};
use crate::number::{Number, is_bf16};
use crate::shape::check_len;
use crate::simd::{MAX_LANES, Simd};
use crate::tasks::for_each_chunk;

impl Pooling {
    /// Each window's largest number, and in `choices` its tap, counted row by row; of equal numbers the first. A
    /// window with a NaN gives NaN.
    ///
    /// # Shapes
    /// `input` `[images, height, width, channels]`; `output` and `choices` of the output's height and width.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn max<T: Number>(&self, level: Level, input: &[T], output: &mut [T], choices: &mut [u8]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the output", output.len(), self.output_len());
        check_len("the choices", choices.len(), self.output_len());
        T::max_pool(self, level, input, output, choices);
    }

    pub(crate) fn max_in<T: Number>(&self, level: Level, input: &[T], output: &mut [T], choices: &mut [u8]) {
        let row = self.output[1] * self.shape.channels;
        for_each_chunk((output, choices), row, |row, (output, choices)| {
            level.run(MaxRow { pooling: self, input, row, output, choices });
        });
    }

    /// The gradient for the input of [`Self::max`]: each output's gradient goes where its number came from.
    ///
    /// # Shapes
    /// `output_gradient` and `choices` as the output, `input_gradient` as the input.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn max_gradient<T: Number>(
        &self,
        level: Level,
        output_gradient: &[T],
        choices: &[u8],
        input_gradient: &mut [T],
    ) {
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the choices", choices.len(), self.output_len());
        check_len("the input gradient", input_gradient.len(), self.input_len());
        T::max_pool_gradient(self, level, output_gradient, choices, input_gradient);
    }

    pub(crate) fn max_gradient_in<T: Number>(
        &self,
        level: Level,
        output_gradient: &[T],
        choices: &[u8],
        input_gradient: &mut [T],
    ) {
        let row = self.shape.input[1] * self.shape.channels;
        // A gradient is read for every pixel of its window, so it is widened once beforehand.
        let wide;
        let output_gradient = if const { is_bf16::<T>() } {
            wide = widened(level, output_gradient);
            &wide
        } else {
            bytemuck::cast_slice(output_gradient)
        };
        for_each_chunk(input_gradient, row, |row, input_gradient| {
            level.run(MaxGradientRow { pooling: self, output_gradient, choices, row, input_gradient });
        });
    }
}

/// One row of outputs.
struct MaxRow<'a, T> {
    pooling: &'a Pooling,
    input: &'a [T],
    row: usize,
    output: &'a mut [T],
    choices: &'a mut [u8],
}

impl<T: Number> Work for MaxRow<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let shape = self.pooling.shape;
        let (image, oy) = (self.row / self.pooling.output[0], self.row % self.pooling.output[0]);
        let (taps_y, first_y) = self.pooling.inside(0, oy);
        let channels = shape.channels;
        let pixels = self.output.chunks_exact_mut(channels).zip(self.choices.chunks_exact_mut(channels));
        for (ox, (output, choices)) in pixels.enumerate() {
            let (taps_x, first_x) = self.pooling.inside(1, ox);
            let first_tap = (taps_y.start * shape.window[1] + taps_x.start) as u32;
            let first_pixel = (image * shape.input[0] + first_y) * shape.input[1] + first_x;
            for first in (0..channels).step_by(S::LANES) {
                let count = S::LANES.min(channels - first);
                let mut best = s.splat(f32::NEG_INFINITY);
                // The tap is kept as the bits of an f32, which is only selected, never calculated with.
                let mut choice = s.splat(f32::from_bits(first_tap));
                for tap_y in 0..taps_y.len() {
                    for tap_x in 0..taps_x.len() {
                        let pixel = first_pixel + tap_y * shape.input[1] + tap_x;
                        let tap = first_tap + (tap_y * shape.window[1] + tap_x) as u32;
                        let x = s.load_some(&self.input[pixel * channels + first..][..count]);
                        choice = s.select_better(x, best, s.splat(f32::from_bits(tap)), choice);
                        best = s.select_better(x, best, x, best);
                    }
                }
                s.store_some(best, &mut output[first..first + count]);
                let mut bits = [0.0; MAX_LANES];
                s.store(choice, &mut bits);
                for (choice, bits) in choices[first..first + count].iter_mut().zip(bits) {
                    *choice = bits.to_bits() as u8;
                }
            }
        }
    }
}

/// One row of inputs: each sums over the windows that hold it, in their order.
struct MaxGradientRow<'a, T> {
    pooling: &'a Pooling,
    output_gradient: &'a [f32],
    choices: &'a [u8],
    row: usize,
    input_gradient: &'a mut [T],
}

impl<T: Number> Work for MaxGradientRow<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Pooling { shape, output } = *self.pooling;
        let (image, y) = (self.row / shape.input[0], self.row % shape.input[0]);
        let channels = shape.channels;
        // Sums are f32: in the target itself if that is f32, else here.
        let mut sums = Aligned::<f32>::scratch(if is_bf16::<T>() { channels } else { 0 });
        for (x, to) in self.input_gradient.chunks_exact_mut(channels).enumerate() {
            let mut fresh = true;
            for (oy, tap_y) in self.pooling.read_by(0, y) {
                for (ox, tap_x) in self.pooling.read_by(1, x) {
                    let first = ((image * output[0] + oy) * output[1] + ox) * channels;
                    let gradient = &self.output_gradient[first..first + channels];
                    let choices = &self.choices[first..first + channels];
                    let tap = (tap_y * shape.window[1] + tap_x) as u8;
                    if const { is_bf16::<T>() } {
                        add_chosen(&mut sums, gradient, choices, tap, fresh);
                    } else {
                        add_chosen(to, gradient, choices, tap, fresh);
                    }
                    fresh = false;
                }
            }
            if fresh {
                to.fill(T::default());
            } else {
                for (to, sum) in to.iter_mut().zip(sums.iter()) {
                    *to = T::from_f32(*sum);
                }
            }
        }
    }
}

/// Adds the gradients of the windows that chose this tap; a fresh sum begins with them.
#[inline(always)]
fn add_chosen<N: Number>(sums: &mut [N], gradient: &[f32], choices: &[u8], tap: u8, fresh: bool) {
    let chosen = |gradient: &f32, choice: &u8| if *choice == tap { *gradient } else { 0.0 };
    if fresh {
        for ((sum, gradient), choice) in sums.iter_mut().zip(gradient).zip(choices) {
            *sum = N::from_f32(chosen(gradient, choice));
        }
    } else {
        for ((sum, gradient), choice) in sums.iter_mut().zip(gradient).zip(choices) {
            *sum = N::from_f32(sum.to_f32() + chosen(gradient, choice));
        }
    }
}
