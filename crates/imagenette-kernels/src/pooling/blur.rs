//! Blur pooling: every second pixel of an image that a binomial filter has smoothed first, so that a shift by one
//! pixel changes little.
//!
//! # Source
//! Zhang, "Making convolutional networks shift-invariant again", 2019, section 3.2, with the filter [1, 2, 1] and a
//! mirrored border.

use crate::depthwise::Filtering;
use crate::depthwise::reach::{Border, Reach};
use crate::level::Level;
use crate::number::Number;
use crate::shape::{ShapeError, check_len, elements};

/// The weights of a row of the filter; the filter is their product over both axes.
const BINOMIAL: [f32; 3] = [0.25, 0.5, 0.25];

/// Blur pooling of `[images, height, width, channels]` to half the height and width, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlurPooling {
    images: usize,
    input: [usize; 2],
    channels: usize,
}

impl BlurPooling {
    /// Checks the sizes: at least one pixel and channel, no overflow.
    ///
    /// # Errors
    /// What is wrong with the sizes.
    pub fn new(images: usize, input: [usize; 2], channels: usize) -> Result<Self, ShapeError> {
        for (what, size) in
            [("the image's height", input[0]), ("the image's width", input[1]), ("the number of channels", channels)]
        {
            if size == 0 {
                return Err(ShapeError::Zero { what });
            }
        }
        elements("the input", &[images, input[0], input[1], channels])?;
        Ok(Self { images, input, channels })
    }

    /// Images, height, width and channels of the input.
    #[must_use]
    pub fn input(&self) -> [usize; 4] {
        [self.images, self.input[0], self.input[1], self.channels]
    }

    /// Height and width of the output.
    #[must_use]
    pub fn output(&self) -> [usize; 2] {
        self.input.map(|side| side.div_ceil(2))
    }

    /// Elements of the input.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.input().iter().product()
    }

    /// Elements of the output.
    #[must_use]
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output();
        self.images * height * width * self.channels
    }

    /// For each axis, which inputs each output reads, and which outputs read each input.
    fn reach(&self) -> [[Reach; 2]; 2] {
        self.input.map(|side| Reach::both_ways(side, side.div_ceil(2), [3, 2, 1], Border::Mirror))
    }

    /// The filter of every channel, `[tap][channel]`.
    fn filters(&self) -> Vec<f32> {
        let taps = BINOMIAL.iter().flat_map(|y| BINOMIAL.iter().map(move |x| y * x));
        taps.flat_map(|weight| std::iter::repeat_n(weight, self.channels)).collect()
    }

    /// Smooths and takes every second pixel of every second row, beginning with the first.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn forward<T: Number>(&self, level: Level, input: &[T], output: &mut [T]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the output", output.len(), self.output_len());
        T::blur_pool(self, level, input, output);
    }

    pub(crate) fn forward_in<T: Number>(&self, level: Level, input: &[T], output: &mut [T]) {
        let [[rows, _], [columns, _]] = self.reach();
        let filters = self.filters();
        let filtering = Filtering { side: self.input, channels: self.channels, taps_x: 3, filters: &filters };
        filtering.run(level, input, [&rows, &columns], self.output(), output);
    }

    /// The gradient for the input.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn gradient<T: Number>(&self, level: Level, output_gradient: &[T], input_gradient: &mut [T]) {
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the input gradient", input_gradient.len(), self.input_len());
        T::blur_pool_gradient(self, level, output_gradient, input_gradient);
    }

    pub(crate) fn gradient_in<T: Number>(&self, level: Level, output_gradient: &[T], input_gradient: &mut [T]) {
        let [[_, rows], [_, columns]] = self.reach();
        let filters = self.filters();
        let filtering = Filtering { side: self.output(), channels: self.channels, taps_x: 3, filters: &filters };
        filtering.run(level, output_gradient, [&rows, &columns], self.input, input_gradient);
    }
}
