//! Pooling of images in NHWC: the maximum or the mean of each window or of a whole image, and blur pooling, all with
//! gradients.

mod average;
mod blur;
mod global;
mod max;
pub mod twin;

pub use blur::BlurPooling;
pub use global::GlobalPooling;

use crate::shape::{ShapeError, elements, windows, windows_begun};

/// The sizes of a pooling; `y` before `x` in pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolingShape {
    /// Images in the batch.
    pub images: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Channels of input and output.
    pub channels: usize,
    /// Height and width of the window.
    pub window: [usize; 2],
    /// Pixels from one output's window to the next.
    pub stride: [usize; 2],
    /// Rows and columns beyond each side of the image that windows may reach into; they hold no pixels.
    pub padding: [usize; 2],
    /// Whether a window that reaches past the padded image is kept, as with PyTorch's `ceil_mode`.
    pub keep_partial: bool,
}

/// A pooling whose sizes were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pooling {
    shape: PoolingShape,
    output: [usize; 2],
}

impl Pooling {
    /// Checks the sizes: at least one pixel and channel, a window that fits, no overflow.
    ///
    /// # Errors
    /// What is wrong with the sizes.
    pub fn new(shape: PoolingShape) -> Result<Self, ShapeError> {
        let PoolingShape { images, input, channels, window, stride, padding, keep_partial } = shape;
        if channels == 0 {
            return Err(ShapeError::Zero { what: "the number of channels" });
        }
        if elements("the window", &window)? > 256 {
            return Err(ShapeError::Overflow { what: "the window, whose pixels are numbered in a byte," });
        }
        let count = if keep_partial { windows_begun } else { windows };
        let output =
            [count(input[0], window[0], stride[0], padding[0])?, count(input[1], window[1], stride[1], padding[1])?];
        elements("the input", &[images, input[0], input[1], channels])?;
        elements("the output", &[images, output[0], output[1], channels])?;
        Ok(Self { shape, output })
    }

    /// The sizes it was made with.
    #[must_use]
    pub fn shape(&self) -> &PoolingShape {
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

    /// The taps of an output's window that are within the image along an axis, and the first one's coordinate.
    fn inside(&self, axis: usize, output: usize) -> (std::ops::Range<usize>, usize) {
        let start = output * self.shape.stride[axis];
        let padding = self.shape.padding[axis];
        let first = padding.saturating_sub(start);
        let end = self.shape.window[axis].min((self.shape.input[axis] + padding).saturating_sub(start));
        (first..end.max(first), (start + first).saturating_sub(padding))
    }

    /// The outputs whose windows hold an input coordinate along an axis, and the tap through which each reads it.
    fn read_by(&self, axis: usize, input: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
        let (stride, window) = (self.shape.stride[axis], self.shape.window[axis]);
        let place = input + self.shape.padding[axis];
        let first = (place + 1).saturating_sub(window).div_ceil(stride);
        let end = (place / stride + 1).min(self.output[axis]);
        (first..end).map(move |output| (output, place - output * stride))
    }
}
