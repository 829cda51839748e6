//! The mean of each window over those of its pixels that are within the image.

use super::Pooling;
use crate::buffer::Aligned;
use crate::level::{Level, Levels, Work};
use crate::number::Number;
use crate::shape::check_len;
use crate::simd::Simd;
use crate::tasks::for_each_chunk;

impl Pooling {
    /// The mean of each window's pixels; padding is left out, and does not count as pixels.
    ///
    /// # Shapes
    /// `input` `[images, height, width, channels]`; `output` of the output's height and width.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn average<T: Number>(&self, level: Level, input: &[T], output: &mut [T]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the output", output.len(), self.output_len());
        T::average_pool(self, level, input, output);
    }

    pub(crate) fn average_in<T: Number>(&self, level: Level, input: &[T], output: &mut [T]) {
        let row = self.output[1] * self.shape.channels;
        for_each_chunk(output, row, |row, output| {
            level.run(AverageRow { pooling: self, input, row, output });
        });
    }

    /// The gradient for the input of [`Self::average`].
    ///
    /// # Shapes
    /// `output_gradient` as the output, `input_gradient` as the input.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn average_gradient<T: Number>(&self, level: Level, output_gradient: &[T], input_gradient: &mut [T]) {
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the input gradient", input_gradient.len(), self.input_len());
        T::average_pool_gradient(self, level, output_gradient, input_gradient);
    }

    pub(crate) fn average_gradient_in<T: Number>(&self, level: Level, output_gradient: &[T], input_gradient: &mut [T]) {
        let row = self.shape.input[1] * self.shape.channels;
        for_each_chunk(input_gradient, row, |row, input_gradient| {
            level.run(AverageGradientRow { pooling: self, output_gradient, row, input_gradient });
        });
    }

    /// One divided by the number of pixels of an output's window; a window of padding alone has the mean zero.
    fn share(&self, oy: usize, ox: usize) -> f32 {
        let pixels = self.inside(0, oy).0.len() * self.inside(1, ox).0.len();
        if pixels == 0 { 0.0 } else { 1.0 / pixels as f32 }
    }
}

/// One row of outputs.
struct AverageRow<'a, T> {
    pooling: &'a Pooling,
    input: &'a [T],
    row: usize,
    output: &'a mut [T],
}

impl<T: Number> Work for AverageRow<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let shape = self.pooling.shape;
        let (image, oy) = (self.row / self.pooling.output[0], self.row % self.pooling.output[0]);
        let (taps_y, first_y) = self.pooling.inside(0, oy);
        let mut sums = Aligned::<f32>::scratch(shape.channels);
        for (ox, output) in self.output.chunks_exact_mut(shape.channels).enumerate() {
            let (taps_x, first_x) = self.pooling.inside(1, ox);
            sums.fill(0.0);
            for y in first_y..first_y + taps_y.len() {
                for x in first_x..first_x + taps_x.len() {
                    let first = ((image * shape.input[0] + y) * shape.input[1] + x) * shape.channels;
                    for (sum, x) in sums.iter_mut().zip(&self.input[first..first + shape.channels]) {
                        *sum += x.to_f32();
                    }
                }
            }
            let share = self.pooling.share(oy, ox);
            for (to, sum) in output.iter_mut().zip(sums.iter()) {
                *to = T::from_f32(sum * share);
            }
        }
    }
}

/// One row of inputs: each sums over the windows that hold it, in their order.
struct AverageGradientRow<'a, T> {
    pooling: &'a Pooling,
    output_gradient: &'a [T],
    row: usize,
    input_gradient: &'a mut [T],
}

impl<T: Number> Work for AverageGradientRow<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Pooling { shape, output } = *self.pooling;
        let (image, y) = (self.row / shape.input[0], self.row % shape.input[0]);
        let mut sums = Aligned::<f32>::scratch(shape.channels);
        for (x, to) in self.input_gradient.chunks_exact_mut(shape.channels).enumerate() {
            sums.fill(0.0);
            for (oy, _) in self.pooling.read_by(0, y) {
                for (ox, _) in self.pooling.read_by(1, x) {
                    let first = ((image * output[0] + oy) * output[1] + ox) * shape.channels;
                    let share = self.pooling.share(oy, ox);
                    for (sum, gradient) in sums.iter_mut().zip(&self.output_gradient[first..first + shape.channels]) {
                        *sum += gradient.to_f32() * share;
                    }
                }
            }
            for (to, sum) in to.iter_mut().zip(sums.iter()) {
                *to = T::from_f32(*sum);
            }
        }
    }
}
