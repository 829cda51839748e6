//! Convolutions of images in NHWC with weights in OIHW: the output, the gradient for the input and the gradient for
//! the weights, as register-blocked products that read the image in place. Maps are f32 or `Bf16`; weights and their
//! gradient are f32, and so are all sums. Weights are rounded to `Bf16` where maps are `Bf16`.

mod gather;
mod pack;
mod tile;
pub mod twin;
pub(crate) mod weight_gradient;
mod winograd;

use crate::bf16::Bf16;
use crate::buffer::widened;
use crate::level::Level;
use crate::normalization::{BatchStatistics, PartMoments};
use crate::number::{Number, is_bf16, per_word};
use crate::shape::{ShapeError, check_len, elements, windows};
use crate::tasks::for_each_chunk;
use gather::Gather;

/// The sizes of a convolution; `y` before `x` in pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvolutionShape {
    /// Images in the batch.
    pub images: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Channels of the input.
    pub input_channels: usize,
    /// Channels of the output.
    pub output_channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Pixels from one output's window to the next.
    pub stride: [usize; 2],
    /// Rows and columns of zeros on each side of the image.
    pub padding: [usize; 2],
}

/// A convolution whose sizes were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Convolution {
    shape: ConvolutionShape,
    output: [usize; 2],
}

impl Convolution {
    /// Checks the sizes: at least one pixel and channel, a window that fits, no overflow.
    ///
    /// # Errors
    /// What is wrong with the sizes.
    pub fn new(shape: ConvolutionShape) -> Result<Self, ShapeError> {
        let ConvolutionShape { images, input, input_channels, output_channels, kernel, stride, padding } = shape;
        for (what, size) in
            [("the number of input channels", input_channels), ("the number of output channels", output_channels)]
        {
            if size == 0 {
                return Err(ShapeError::Zero { what });
            }
        }
        let output = [
            windows(input[0], kernel[0], stride[0], padding[0])?,
            windows(input[1], kernel[1], stride[1], padding[1])?,
        ];
        elements("the padded input", &[images, input[0] + 2 * padding[0], input[1] + 2 * padding[1], input_channels])?;
        elements("the output", &[images, output[0], output[1], output_channels])?;
        // Packed weights are rounded up to whole vectors of channels on either side.
        elements("the weights", &[output_channels + 64, input_channels + 64, kernel[0], kernel[1]])?;
        Ok(Self { shape, output })
    }

    /// The sizes it was made with.
    #[must_use]
    pub fn shape(&self) -> &ConvolutionShape {
        &self.shape
    }

    /// Height and width of the output.
    #[must_use]
    pub fn output(&self) -> [usize; 2] {
        self.output
    }

    /// Elements of the input, `[images, height, width, input_channels]`.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.shape.images * self.shape.input[0] * self.shape.input[1] * self.shape.input_channels
    }

    /// Elements of the output, `[images, height, width, output_channels]`.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.output_pixels() * self.shape.output_channels
    }

    /// Elements of the weights, `[output_channels, input_channels, height, width]`.
    #[must_use]
    pub fn weights_len(&self) -> usize {
        self.shape.output_channels * self.shape.input_channels * self.taps()
    }

    /// Floating-point operations of the forward pass, two for each multiply-add; either gradient takes as many.
    #[must_use]
    pub fn flop(&self) -> f64 {
        2.0 * self.output_len() as f64 * (self.shape.input_channels * self.taps()) as f64
    }

    fn taps(&self) -> usize {
        self.shape.kernel[0] * self.shape.kernel[1]
    }

    fn output_pixels(&self) -> usize {
        self.shape.images * self.output[0] * self.output[1]
    }

    /// With few input channels, the pixels of a kernel row are read as one run, which needs a padded copy of the
    /// image.
    fn merges_rows(&self) -> bool {
        self.shape.input_channels < 16 && self.shape.kernel[1] > 1
    }

    /// `output = input ∗ weights`, summed in f32 and rounded once.
    ///
    /// # Shapes
    /// input `[images, height, width, input_channels]`, weights `[output_channels, input_channels, height, width]`,
    /// output `[images, height, width, output_channels]`.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn forward<T: Number>(&self, level: Level, input: &[T], weights: &[f32], output: &mut [T]) {
        self.check_forward(input, weights, output);
        T::convolve(self, level, input, weights, output);
    }

    /// [`Self::forward`], and the mean and variance of each channel of what it wrote, for the normalization that
    /// follows: each task measures the pixels that it has just written, while they are in the caches, which saves a
    /// pass over the output.
    ///
    /// # Shapes
    /// As in [`Self::forward`].
    ///
    /// # Panics
    /// As [`Self::forward`], and when there is no image.
    #[must_use]
    pub fn forward_measured<T: Number>(
        &self,
        level: Level,
        input: &[T],
        weights: &[f32],
        output: &mut [T],
    ) -> BatchStatistics {
        assert!(self.shape.images > 0, "statistics need at least one number");
        self.check_forward(input, weights, output);
        T::convolve_measured(self, level, input, weights, output)
    }

    fn check_forward<T>(&self, input: &[T], weights: &[f32], output: &[T]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the weights", weights.len(), self.weights_len());
        check_len("the output", output.len(), self.output_len());
    }

    pub(crate) fn forward_measured_in<T: Number>(
        &self,
        level: Level,
        input: &[T],
        weights: &[f32],
        output: &mut [T],
    ) -> BatchStatistics {
        let mut moments = PartMoments::new(self.shape.output_channels);
        self.forward_in(level, input, weights, output, Some(&mut moments));
        moments.combine()
    }

    pub(crate) fn forward_in<T: Number>(
        &self,
        level: Level,
        input: &[T],
        weights: &[f32],
        output: &mut [T],
        moments: Option<&mut PartMoments>,
    ) {
        if self.is_worth_transforming::<T>(level) {
            self.transformed(winograd::Pass::Output, level, input, weights, output, moments);
        } else if const { is_bf16::<T>() } {
            if level.multiplies_pairs() {
                self.forward_reading::<Bf16, T>(level, bytemuck::cast_slice(input), weights, output, moments);
            } else {
                self.forward_reading::<f32, T>(level, &widened(level, input), weights, output, moments);
            }
        } else {
            self.forward_reading::<f32, T>(level, bytemuck::cast_slice(input), weights, output, moments);
        }
    }

    /// The forward pass over an input whose numbers are read as `W`.
    fn forward_reading<W: Number, T: Number>(
        &self,
        level: Level,
        input: &[W],
        weights: &[f32],
        output: &mut [T],
        moments: Option<&mut PartMoments>,
    ) {
        let ConvolutionShape { images, input: side, input_channels, output_channels, kernel, stride, padding } =
            self.shape;
        let taps: Vec<usize> = (0..self.taps()).collect();
        let run = if self.merges_rows() { kernel[1] * input_channels } else { input_channels };
        let packed = pack::Panels::pack::<W, T>(
            level,
            weights,
            run,
            &pack::Order {
                outputs: output_channels,
                output_stride: input_channels * self.taps(),
                inputs: input_channels,
                input_stride: self.taps(),
                taps: &taps,
            },
        );
        let rearranged;
        let mut gather = Gather {
            source: input,
            images,
            side,
            channels: input_channels,
            run,
            taps: Vec::new(),
            step: stride,
            grid: self.output,
            weights: &packed,
            target_side: self.output,
            target_channels: output_channels,
            target_step: [1, 1],
            target_first: [0, 0],
        };
        if self.merges_rows() {
            rearranged = pack::border(input, images, side, input_channels, padding);
            gather.source = &rearranged;
            gather.side = [side[0] + 2 * padding[0], side[1] + 2 * padding[1]];
            gather.taps = (0..kernel[0]).map(|y| [y as isize, 0]).collect();
        } else {
            gather.taps = window(kernel, |y, x| [y as isize - padding[0] as isize, x as isize - padding[1] as isize]);
            if !input_channels.is_multiple_of(per_word::<W>()) {
                rearranged = pack::with_one_more(input, input_channels);
                gather.source = &rearranged;
                gather.channels += 1;
            }
        }
        gather.run(level, output, moments);
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
        T::convolution_input_gradient(self, level, output_gradient, weights, input_gradient);
    }

    pub(crate) fn input_gradient_in<T: Number>(
        &self,
        level: Level,
        output_gradient: &[T],
        weights: &[f32],
        input_gradient: &mut [T],
    ) {
        if self.is_worth_transforming::<T>(level) {
            self.transformed(winograd::Pass::InputGradient, level, output_gradient, weights, input_gradient, None);
        } else if const { is_bf16::<T>() } {
            if level.multiplies_pairs() {
                let output_gradient = bytemuck::cast_slice(output_gradient);
                self.input_gradient_reading::<Bf16, T>(level, output_gradient, weights, input_gradient);
            } else {
                let output_gradient = widened(level, output_gradient);
                self.input_gradient_reading::<f32, T>(level, &output_gradient, weights, input_gradient);
            }
        } else {
            let output_gradient = bytemuck::cast_slice(output_gradient);
            self.input_gradient_reading::<f32, T>(level, output_gradient, weights, input_gradient);
        }
    }

    /// The input's gradient from an output's gradient whose numbers are read as `W`.
    fn input_gradient_reading<W: Number, T: Number>(
        &self,
        level: Level,
        output_gradient: &[W],
        weights: &[f32],
        input_gradient: &mut [T],
    ) {
        let ConvolutionShape { images, input: side, input_channels, output_channels, kernel, stride, padding } =
            self.shape;
        if kernel[0] < stride[0] || kernel[1] < stride[1] {
            // Some pixels are reached through no tap at all.
            for_each_chunk(&mut *input_gradient, 1 << 14, |_, part| part.fill(T::default()));
        }
        let rearranged;
        let (mut source, mut channels) = (output_gradient, output_channels);
        if !output_channels.is_multiple_of(per_word::<W>()) {
            rearranged = pack::with_one_more(output_gradient, output_channels);
            (source, channels) = (&rearranged, output_channels + 1);
        }
        // Input pixels whose coordinates leave the same remainders by the stride are reached by the same taps: each
        // such class is a convolution with stride 1 of the output's gradient.
        for [first_y, first_x] in window([stride[0].min(side[0]), stride[1].min(side[1])], |y, x| [y, x]) {
            let mut taps = Vec::new();
            let mut offsets = Vec::new();
            for [y, x] in window(kernel, |y, x| [y, x]) {
                let (dy, dx) = (first_y + padding[0], first_x + padding[1]);
                // Output row o sees this input row through tap y if o * stride + y = row + padding.
                if dy % stride[0] == y % stride[0] && dx % stride[1] == x % stride[1] {
                    taps.push(y * kernel[1] + x);
                    offsets.push([
                        (dy as isize - y as isize) / stride[0] as isize,
                        (dx as isize - x as isize) / stride[1] as isize,
                    ]);
                }
            }
            if taps.is_empty() {
                continue;
            }
            let packed = pack::Panels::pack::<W, T>(
                level,
                weights,
                output_channels,
                &pack::Order {
                    outputs: input_channels,
                    output_stride: self.taps(),
                    inputs: output_channels,
                    input_stride: input_channels * self.taps(),
                    taps: &taps,
                },
            );
            let gather = Gather {
                source,
                images,
                side: self.output,
                channels,
                run: output_channels,
                taps: offsets,
                step: [1, 1],
                grid: [(side[0] - first_y).div_ceil(stride[0]), (side[1] - first_x).div_ceil(stride[1])],
                weights: &packed,
                target_side: side,
                target_channels: input_channels,
                target_step: stride,
                target_first: [first_y, first_x],
            };
            gather.run(level, input_gradient, None);
        }
    }

    /// The gradient for the weights, from the input and the gradient for the output. It is f32 for maps of either
    /// kind, and the order of its sums depends on the sizes alone.
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
        T::convolution_weight_gradient(self, level, input, output_gradient, weight_gradient);
    }
}

/// `of(y, x)` for every position of a window, row by row.
fn window<T>(sides: [usize; 2], of: impl Fn(usize, usize) -> T) -> Vec<T> {
    (0..sides[0]).flat_map(|y| (0..sides[1]).map(move |x| (y, x))).map(|(y, x)| of(y, x)).collect()
}
