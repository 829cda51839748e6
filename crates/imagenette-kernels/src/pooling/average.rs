//! The mean of each window over the pixels that lie within the image.

use super::Pooling;
use crate::level::{Level, Work};
use crate::shape::check_len;
use crate::simd::Simd;
use rayon::prelude::*;

impl Pooling {
    /// The mean of each window's pixels; padding counts for nothing, not even in the number of pixels.
    ///
    /// # Shapes
    /// `input` `[images, height, width, channels]`; `output` of the output's height and width.
    ///
    /// # Panics
    /// A slice has another length than its shape.
    pub fn average(&self, level: Level, input: &[f32], output: &mut [f32]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the output", output.len(), self.output_len());
        let row = self.output[1] * self.shape.channels;
        output.par_chunks_exact_mut(row).enumerate().for_each(|(row, output)| {
            level.run(AverageRow { pooling: self, input, row, output });
        });
    }

    /// The gradient for the input of [`Self::average`].
    ///
    /// # Shapes
    /// `output_gradient` as the output, `input_gradient` as the input.
    ///
    /// # Panics
    /// A slice has another length than its shape.
    pub fn average_gradient(&self, level: Level, output_gradient: &[f32], input_gradient: &mut [f32]) {
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the input gradient", input_gradient.len(), self.input_len());
        let row = self.shape.input[1] * self.shape.channels;
        input_gradient.par_chunks_exact_mut(row).enumerate().for_each(|(row, input_gradient)| {
            level.run(AverageGradientRow { pooling: self, output_gradient, row, input_gradient });
        });
    }

    /// One over the number of pixels of an output's window; a window of nothing but padding has the mean zero.
    fn share(&self, oy: usize, ox: usize) -> f32 {
        let pixels = self.inside(0, oy).0.len() * self.inside(1, ox).0.len();
        if pixels == 0 { 0.0 } else { 1.0 / pixels as f32 }
    }
}

/// One row of outputs.
struct AverageRow<'a> {
    pooling: &'a Pooling,
    input: &'a [f32],
    row: usize,
    output: &'a mut [f32],
}

impl Work for AverageRow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let shape = self.pooling.shape;
        let (image, oy) = (self.row / self.pooling.output[0], self.row % self.pooling.output[0]);
        let (taps_y, first_y) = self.pooling.inside(0, oy);
        for (ox, output) in self.output.chunks_exact_mut(shape.channels).enumerate() {
            let (taps_x, first_x) = self.pooling.inside(1, ox);
            output.fill(0.0);
            for y in first_y..first_y + taps_y.len() {
                for x in first_x..first_x + taps_x.len() {
                    let first = ((image * shape.input[0] + y) * shape.input[1] + x) * shape.channels;
                    for (sum, x) in output.iter_mut().zip(&self.input[first..first + shape.channels]) {
                        *sum += x;
                    }
                }
            }
            let share = self.pooling.share(oy, ox);
            for sum in output {
                *sum *= share;
            }
        }
    }
}

/// One row of inputs: each gathers from the windows that hold it, in their order.
struct AverageGradientRow<'a> {
    pooling: &'a Pooling,
    output_gradient: &'a [f32],
    row: usize,
    input_gradient: &'a mut [f32],
}

impl Work for AverageGradientRow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Pooling { shape, output } = *self.pooling;
        let (image, y) = (self.row / shape.input[0], self.row % shape.input[0]);
        for (x, to) in self.input_gradient.chunks_exact_mut(shape.channels).enumerate() {
            to.fill(0.0);
            for (oy, _) in self.pooling.seen_by(0, y) {
                for (ox, _) in self.pooling.seen_by(1, x) {
                    let first = ((image * output[0] + oy) * output[1] + ox) * shape.channels;
                    let share = self.pooling.share(oy, ox);
                    for (to, gradient) in to.iter_mut().zip(&self.output_gradient[first..first + shape.channels]) {
                        *to += gradient * share;
                    }
                }
            }
        }
    }
}
