//! Depthwise convolutions of images in NHWC: each channel with a filter of its own; the output and both gradients.
//! Maps are f32 or `Bf16`; weights, their gradient, products and sums are f32.

pub(crate) mod reach;
pub mod twin;

use crate::level::{Level, Levels, Work};
use crate::number::Number;
use crate::shape::{ShapeError, check_len, elements, windows};
use crate::simd::Simd;
use crate::tasks::for_each_chunk;
use reach::{Border, Reach};
use std::ops::Range;

/// The most parts that the sums of a weight gradient are divided into; how many there are depends on the sizes alone.
const PARTS: usize = 16;

/// The sizes of a depthwise convolution; `y` before `x` in pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DepthwiseShape {
    /// Images in the batch.
    pub images: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Channels of input and output.
    pub channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Pixels from one output's window to the next.
    pub stride: [usize; 2],
    /// Rows and columns of zeros on each side of the image.
    pub padding: [usize; 2],
}

/// A depthwise convolution whose sizes were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Depthwise {
    shape: DepthwiseShape,
    output: [usize; 2],
}

impl Depthwise {
    /// Checks the sizes: at least one pixel and channel, a window that fits, no overflow.
    ///
    /// # Errors
    /// What is wrong with the sizes.
    pub fn new(shape: DepthwiseShape) -> Result<Self, ShapeError> {
        let DepthwiseShape { images, input, channels, kernel, stride, padding } = shape;
        if channels == 0 {
            return Err(ShapeError::Zero { what: "the number of channels" });
        }
        let output = [
            windows(input[0], kernel[0], stride[0], padding[0])?,
            windows(input[1], kernel[1], stride[1], padding[1])?,
        ];
        elements("the padded input", &[images, input[0] + 2 * padding[0], input[1] + 2 * padding[1], channels])?;
        elements("the output", &[images, output[0], output[1], channels])?;
        elements("the weights of all parts", &[PARTS, channels, kernel[0], kernel[1]])?;
        Ok(Self { shape, output })
    }

    /// The sizes it was made with.
    #[must_use]
    pub fn shape(&self) -> &DepthwiseShape {
        &self.shape
    }

    /// Height and width of the output.
    #[must_use]
    pub fn output(&self) -> [usize; 2] {
        self.output
    }

    /// Elements of the input, `[images, height, width, channels]`.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.shape.images * self.shape.input[0] * self.shape.input[1] * self.shape.channels
    }

    /// Elements of the output, `[images, height, width, channels]`.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.shape.images * self.output[0] * self.output[1] * self.shape.channels
    }

    /// Elements of the weights, `[channels, height, width]`.
    #[must_use]
    pub fn weights_len(&self) -> usize {
        self.shape.channels * self.taps()
    }

    /// Floating-point operations of the forward pass, two for each multiply-add; either gradient takes as many.
    #[must_use]
    pub fn flop(&self) -> f64 {
        2.0 * self.output_len() as f64 * self.taps() as f64
    }

    fn taps(&self) -> usize {
        self.shape.kernel[0] * self.shape.kernel[1]
    }

    /// For each axis, which inputs each output reads, and which outputs read each input.
    fn reach(&self) -> [[Reach; 2]; 2] {
        let DepthwiseShape { input, kernel, stride, padding, .. } = self.shape;
        [0, 1].map(|axis| {
            let window = [kernel[axis], stride[axis], padding[axis]];
            Reach::both_ways(input[axis], self.output[axis], window, Border::Zeros)
        })
    }

    /// Weights as `[tap][channel]`.
    fn transposed(&self, weights: &[f32]) -> Vec<f32> {
        let (taps, channels) = (self.taps(), self.shape.channels);
        (0..taps * channels).map(|i| weights[i % channels * taps + i / channels]).collect()
    }

    /// Each channel's image, filtered.
    ///
    /// # Shapes
    /// input `[images, height, width, channels]`, weights `[channels, height, width]`, output of the output's height
    /// and width.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn forward<T: Number>(&self, level: Level, input: &[T], weights: &[f32], output: &mut [T]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the weights", weights.len(), self.weights_len());
        check_len("the output", output.len(), self.output_len());
        T::depthwise(self, level, input, weights, output);
    }

    pub(crate) fn forward_in<T: Number>(&self, level: Level, input: &[T], weights: &[f32], output: &mut [T]) {
        let [[rows, _], [columns, _]] = self.reach();
        let channels = self.shape.channels;
        let filters = self.transposed(weights);
        let filtering = Filtering { side: self.shape.input, channels, taps_x: self.shape.kernel[1], filters: &filters };
        filtering.run(level, input, [&rows, &columns], self.output, output);
    }

    /// The gradient for the input, from the gradient for the output.
    ///
    /// # Shapes
    /// As in [`Self::forward`]; `output_gradient` as the output, `input_gradient` as the input.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn input_gradient<T: Number>(
        &self,
        level: Level,
        output_gradient: &[T],
        weights: &[f32],
        input_gradient: &mut [T],
    ) {
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the weights", weights.len(), self.weights_len());
        check_len("the input gradient", input_gradient.len(), self.input_len());
        T::depthwise_input_gradient(self, level, output_gradient, weights, input_gradient);
    }

    pub(crate) fn input_gradient_in<T: Number>(
        &self,
        level: Level,
        output_gradient: &[T],
        weights: &[f32],
        input_gradient: &mut [T],
    ) {
        let [[_, rows], [_, columns]] = self.reach();
        let channels = self.shape.channels;
        let filters = self.transposed(weights);
        let filtering = Filtering { side: self.output, channels, taps_x: self.shape.kernel[1], filters: &filters };
        filtering.run(level, output_gradient, [&rows, &columns], self.shape.input, input_gradient);
    }

    /// The gradient for the weights; the order of its sums depends on the sizes alone.
    ///
    /// # Shapes
    /// As in [`Self::forward`]; `output_gradient` as the output, `weight_gradient` as the weights.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn weight_gradient<T: Number>(
        &self,
        level: Level,
        input: &[T],
        output_gradient: &[T],
        weight_gradient: &mut [f32],
    ) {
        check_len("the input", input.len(), self.input_len());
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the weight gradient", weight_gradient.len(), self.weights_len());
        T::depthwise_weight_gradient(self, level, input, output_gradient, weight_gradient);
    }

    pub(crate) fn weight_gradient_in<T: Number>(
        &self,
        level: Level,
        input: &[T],
        output_gradient: &[T],
        weight_gradient: &mut [f32],
    ) {
        let [[rows, _], [columns, _]] = self.reach();
        let (taps, channels) = (self.taps(), self.shape.channels);
        let count = self.shape.images * self.output[0];
        let parts = PARTS.min(count).max(1);
        let mut sums = vec![0.0; parts * taps * channels];
        for_each_chunk(&mut sums[..], taps * channels, |part, sums| {
            level.run(Products {
                with: self,
                input,
                output_gradient,
                reach: [&rows, &columns],
                rows: count * part / parts..count * (part + 1) / parts,
                sums,
            });
        });
        for (i, gradient) in weight_gradient.iter_mut().enumerate() {
            let (channel, tap) = (i / taps, i % taps);
            *gradient = sums.chunks_exact(taps * channels).map(|sums| sums[tap * channels + channel]).sum();
        }
    }
}

/// Sums over taps with a filter for each channel: what the forward pass and the input's gradient have in common.
pub(crate) struct Filtering<'a> {
    /// Height and width of the source.
    pub(crate) side: [usize; 2],
    pub(crate) channels: usize,
    /// Taps of a row of the kernel.
    pub(crate) taps_x: usize,
    /// `[tap][channel]`.
    pub(crate) filters: &'a [f32],
}

impl Filtering<'_> {
    /// Fills the target, whose pixels read the source's pixels as `reach` says for rows and columns.
    pub(crate) fn run<T: Number>(
        &self,
        level: Level,
        source: &[T],
        reach: [&Reach; 2],
        [target_rows, target_columns]: [usize; 2],
        target: &mut [T],
    ) {
        let image = self.side[0] * self.side[1] * self.channels;
        for_each_chunk(target, target_columns * self.channels, |row, target| {
            let source = &source[row / target_rows * image..][..image];
            level.run(Row { filtering: self, source, reach, row: row % target_rows, target });
        });
    }
}

/// One row of the target, from one image of the source.
struct Row<'a, T> {
    filtering: &'a Filtering<'a>,
    source: &'a [T],
    reach: [&'a Reach; 2],
    row: usize,
    target: &'a mut [T],
}

impl<T: Number> Work for Row<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { filtering, source, reach: [rows, columns], row, target } = self;
        let channels = filtering.channels;
        for (column, target) in target.chunks_exact_mut(channels).enumerate() {
            for first in (0..channels).step_by(S::LANES) {
                let count = S::LANES.min(channels - first);
                let mut sum = s.splat(0.0);
                for &(y, tap_y) in rows.of(row) {
                    for &(x, tap_x) in columns.of(column) {
                        let pixel = (y * filtering.side[1] + x) * channels + first;
                        let filter = (tap_y * filtering.taps_x + tap_x) * channels + first;
                        sum = s.mul_add(
                            s.load_some(&source[pixel..pixel + count]),
                            s.load_some(&filtering.filters[filter..filter + count]),
                            sum,
                        );
                    }
                }
                s.store_some(sum, &mut target[first..first + count]);
            }
        }
    }
}

/// Products of inputs and output gradients over some rows of outputs, summed for each tap.
struct Products<'a, T> {
    with: &'a Depthwise,
    input: &'a [T],
    output_gradient: &'a [T],
    reach: [&'a Reach; 2],
    /// Rows of all images' outputs, one image after the other.
    rows: Range<usize>,
    /// `[tap][channel]`
    sums: &'a mut [f32],
}

impl<T: Number> Work for Products<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { with, input, output_gradient, reach: [rows, columns], rows: range, sums } = self;
        let DepthwiseShape { input: side, channels, kernel, .. } = with.shape;
        for row in range {
            let (image, output_y) = (row / with.output[0], row % with.output[0]);
            for column in 0..with.output[1] {
                let gradient = &output_gradient[(row * with.output[1] + column) * channels..][..channels];
                for &(y, tap_y) in rows.of(output_y) {
                    for &(x, tap_x) in columns.of(column) {
                        let pixel = ((image * side[0] + y) * side[1] + x) * channels;
                        let input = &input[pixel..pixel + channels];
                        let sums = &mut sums[(tap_y * kernel[1] + tap_x) * channels..][..channels];
                        for first in (0..channels).step_by(S::LANES) {
                            let lanes = first..channels.min(first + S::LANES);
                            let sum = s.mul_add(
                                s.load_some(&input[lanes.clone()]),
                                s.load_some(&gradient[lanes.clone()]),
                                s.load_some(&sums[lanes.clone()]),
                            );
                            s.store_some(sum, &mut sums[lanes]);
                        }
                    }
                }
            }
        }
    }
}
