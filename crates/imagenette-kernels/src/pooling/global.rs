//! One number for each image and channel: the largest or the mean of all its pixels. The output is f32 for maps of
//! either kind.

use crate::level::{Level, Levels, Work};
use crate::number::Number;
use crate::shape::{ShapeError, check_len, elements};
use crate::simd::Simd;
use crate::tasks::for_each_chunk;

/// Pooling over whole images `[images, pixels, channels]` to `[images, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalPooling {
    images: usize,
    pixels: usize,
    channels: usize,
}

impl GlobalPooling {
    /// Checks the sizes: at least one pixel and channel, pixels that can be numbered, no overflow.
    ///
    /// # Errors
    /// What is wrong with the sizes.
    pub fn new(images: usize, pixels: usize, channels: usize) -> Result<Self, ShapeError> {
        for (what, size) in [("the number of pixels", pixels), ("the number of channels", channels)] {
            if size == 0 {
                return Err(ShapeError::Zero { what });
            }
        }
        if u32::try_from(pixels).is_err() {
            return Err(ShapeError::Overflow { what: "an image, whose pixels are numbered in 32 bits," });
        }
        elements("the input", &[images, pixels, channels])?;
        Ok(Self { images, pixels, channels })
    }

    /// Images, pixels and channels of the input.
    #[must_use]
    pub fn input(&self) -> [usize; 3] {
        [self.images, self.pixels, self.channels]
    }

    /// Elements of the input.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.images * self.pixels * self.channels
    }

    /// Elements of the output.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.images * self.channels
    }

    /// The largest number of each image and channel, and in `choices` its pixel; of equal numbers the first.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn max<T: Number>(&self, level: Level, input: &[T], output: &mut [f32], choices: &mut [u32]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the output", output.len(), self.output_len());
        check_len("the choices", choices.len(), self.output_len());
        T::global_max(self, level, input, output, choices);
    }

    pub(crate) fn max_in<T: Number>(&self, level: Level, input: &[T], output: &mut [f32], choices: &mut [u32]) {
        let image = self.pixels * self.channels;
        for_each_chunk((output, choices), self.channels, |i, (output, choices)| {
            level.run(Max { input: &input[i * image..][..image], output, choices });
        });
    }

    /// The gradient for the input of [`Self::max`].
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn max_gradient<T: Number>(
        &self,
        level: Level,
        output_gradient: &[f32],
        choices: &[u32],
        input_gradient: &mut [T],
    ) {
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the choices", choices.len(), self.output_len());
        check_len("the input gradient", input_gradient.len(), self.input_len());
        T::global_max_gradient(self, level, output_gradient, choices, input_gradient);
    }

    pub(crate) fn max_gradient_in<T: Number>(
        &self,
        level: Level,
        output_gradient: &[f32],
        choices: &[u32],
        input_gradient: &mut [T],
    ) {
        for_each_chunk(input_gradient, self.pixels * self.channels, |i, input| {
            let numbers = i * self.channels..(i + 1) * self.channels;
            level.run(MaxGradient { input, output: &output_gradient[numbers.clone()], choices: &choices[numbers] });
        });
    }

    /// The mean of each image and channel.
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn average<T: Number>(&self, level: Level, input: &[T], output: &mut [f32]) {
        check_len("the input", input.len(), self.input_len());
        check_len("the output", output.len(), self.output_len());
        T::global_average(self, level, input, output);
    }

    pub(crate) fn average_in<T: Number>(&self, level: Level, input: &[T], output: &mut [f32]) {
        let image = self.pixels * self.channels;
        for_each_chunk(output, self.channels, |i, output| {
            level.run(Average { input: &input[i * image..][..image], output });
        });
    }

    /// The gradient for the input of [`Self::average`].
    ///
    /// # Panics
    /// A slice's length does not match its shape.
    pub fn average_gradient<T: Number>(&self, _level: Level, output_gradient: &[f32], input_gradient: &mut [T]) {
        check_len("the output gradient", output_gradient.len(), self.output_len());
        check_len("the input gradient", input_gradient.len(), self.input_len());
        T::global_average_gradient(self, output_gradient, input_gradient);
    }

    pub(crate) fn average_gradient_in<T: Number>(&self, output_gradient: &[f32], input_gradient: &mut [T]) {
        let share = 1.0 / self.pixels as f32;
        for_each_chunk(input_gradient, self.pixels * self.channels, |i, input| {
            let output = &output_gradient[i * self.channels..][..self.channels];
            for pixel in input.chunks_exact_mut(output.len()) {
                for (to, gradient) in pixel.iter_mut().zip(output) {
                    *to = T::from_f32(gradient * share);
                }
            }
        });
    }
}

struct Max<'a, T> {
    input: &'a [T],
    output: &'a mut [f32],
    choices: &'a mut [u32],
}

impl<T: Number> Work for Max<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.output.fill(f32::NEG_INFINITY);
        self.choices.fill(0);
        for (pixel, numbers) in self.input.chunks_exact(self.output.len()).enumerate() {
            for ((best, choice), &x) in self.output.iter_mut().zip(self.choices.iter_mut()).zip(numbers) {
                let x = x.to_f32();
                let better = x > *best || x.is_nan();
                *best = if better { x } else { *best };
                *choice = if better { pixel as u32 } else { *choice };
            }
        }
    }
}

struct MaxGradient<'a, T> {
    input: &'a mut [T],
    output: &'a [f32],
    choices: &'a [u32],
}

impl<T: Number> Work for MaxGradient<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (pixel, numbers) in self.input.chunks_exact_mut(self.output.len()).enumerate() {
            for ((to, gradient), choice) in numbers.iter_mut().zip(self.output).zip(self.choices) {
                *to = if *choice == pixel as u32 { T::from_f32(*gradient) } else { T::default() };
            }
        }
    }
}

struct Average<'a, T> {
    input: &'a [T],
    output: &'a mut [f32],
}

impl<T: Number> Work for Average<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.output.fill(0.0);
        for pixel in self.input.chunks_exact(self.output.len()) {
            for (sum, x) in self.output.iter_mut().zip(pixel) {
                *sum += x.to_f32();
            }
        }
        let share = self.output.len() as f32 / self.input.len() as f32;
        for sum in self.output {
            *sum *= share;
        }
    }
}
