//! The largest number of each window, and which it was.

use super::Pooling;
use crate::level::{Level, Work};
use crate::shape::check_len;
use crate::simd::Simd;
use rayon::prelude::*;

impl Pooling {
    /// Each window's largest number, and in `choices` the tap where it lay, row by row; the first of equals. A window
    /// that holds something that is not a number gives that.
    ///
    /// # Shapes
    /// `input` `[images, height, width, channels]`; `output` and `choices` of the output's height and width.
    ///
    /// # Panics
    /// A slice has another length than its shape.
    pub fn max(&self, level: Level, input: &[f32], output: &mut [f32], choices: &mut [u8]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the output", output.len(), self.output_len());
        check_len("the choices", choices.len(), self.output_len());
        let row = self.output[1] * self.shape.channels;
        output
            .par_chunks_exact_mut(row)
            .zip(choices.par_chunks_exact_mut(row))
            .enumerate()
            .for_each(|(row, (output, choices))| level.run(MaxRow { pooling: self, input, row, output, choices }));
    }

    /// The gradient for the input of [`Self::max`]: each output's gradient goes where its number came from.
    ///
    /// # Shapes
    /// `output_gradient` and `choices` as the output, `input_gradient` as the input.
    ///
    /// # Panics
    /// A slice has another length than its shape.
    pub fn max_gradient(&self, level: Level, output_gradient: &[f32], choices: &[u8], input_gradient: &mut [f32]) {
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the choices", choices.len(), self.output_len());
        check_len("the input gradient", input_gradient.len(), self.input_len());
        let row = self.shape.input[1] * self.shape.channels;
        input_gradient.par_chunks_exact_mut(row).enumerate().for_each(|(row, input_gradient)| {
            level.run(MaxGradientRow { pooling: self, output_gradient, choices, row, input_gradient });
        });
    }
}

/// One row of outputs.
struct MaxRow<'a> {
    pooling: &'a Pooling,
    input: &'a [f32],
    row: usize,
    output: &'a mut [f32],
    choices: &'a mut [u8],
}

impl Work for MaxRow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        // Plain loops over equal slices: compiled here, they become this level's vectors.
        let shape = self.pooling.shape;
        let (image, oy) = (self.row / self.pooling.output[0], self.row % self.pooling.output[0]);
        let (taps_y, first_y) = self.pooling.inside(0, oy);
        let channels = shape.channels;
        let pixels = self.output.chunks_exact_mut(channels).zip(self.choices.chunks_exact_mut(channels));
        for (ox, (output, choices)) in pixels.enumerate() {
            let (taps_x, first_x) = self.pooling.inside(1, ox);
            output.fill(f32::NEG_INFINITY);
            choices.fill((taps_y.start * shape.window[1] + taps_x.start) as u8);
            for tap_y in taps_y.clone() {
                for tap_x in taps_x.clone() {
                    let y = first_y + tap_y - taps_y.start;
                    let x = first_x + tap_x - taps_x.start;
                    let from =
                        &self.input[((image * shape.input[0] + y) * shape.input[1] + x) * channels..][..channels];
                    let tap = (tap_y * shape.window[1] + tap_x) as u8;
                    for ((best, choice), &x) in output.iter_mut().zip(choices.iter_mut()).zip(from) {
                        let better = x > *best || x.is_nan();
                        *best = if better { x } else { *best };
                        *choice = if better { tap } else { *choice };
                    }
                }
            }
        }
    }
}

/// One row of inputs: each gathers from the windows that hold it, in their order.
struct MaxGradientRow<'a> {
    pooling: &'a Pooling,
    output_gradient: &'a [f32],
    choices: &'a [u8],
    row: usize,
    input_gradient: &'a mut [f32],
}

impl Work for MaxGradientRow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Pooling { shape, output } = *self.pooling;
        let (image, y) = (self.row / shape.input[0], self.row % shape.input[0]);
        let channels = shape.channels;
        for (x, to) in self.input_gradient.chunks_exact_mut(channels).enumerate() {
            let mut fresh = true;
            for (oy, tap_y) in self.pooling.seen_by(0, y) {
                for (ox, tap_x) in self.pooling.seen_by(1, x) {
                    let first = ((image * output[0] + oy) * output[1] + ox) * channels;
                    let gradient = &self.output_gradient[first..first + channels];
                    let choices = &self.choices[first..first + channels];
                    let tap = (tap_y * shape.window[1] + tap_x) as u8;
                    if fresh {
                        for ((to, gradient), choice) in to.iter_mut().zip(gradient).zip(choices) {
                            *to = if *choice == tap { *gradient } else { 0.0 };
                        }
                    } else {
                        for ((to, gradient), choice) in to.iter_mut().zip(gradient).zip(choices) {
                            *to += if *choice == tap { *gradient } else { 0.0 };
                        }
                    }
                    fresh = false;
                }
            }
            if fresh {
                to.fill(0.0);
            }
        }
    }
}
