//! Mean and variance of each channel over a batch.
#![expect(unsafe_code, reason = "each task writes the moments of its part")]

use super::block_len;
use super::moments::PartMoments;
use crate::level::{Level, Levels, Work};
use crate::number::Number;
use crate::simd::Simd;
use crate::tasks::for_each;

/// Mean and variance of each channel over all pixels of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics {
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The mean of the squared deviations from it (divided by the number of pixels, not by one less).
    pub variance: Vec<f32>,
}

impl BatchStatistics {
    /// Measures `input` `[.., channels]`: each block about its own mean, and then the blocks combined, so that a mean
    /// far from zero costs no accuracy.
    ///
    /// # Panics
    /// `input` is empty or not a whole number of pixels.
    #[must_use]
    pub fn measure<T: Number>(level: Level, input: &[T], channels: usize) -> Self {
        assert!(channels > 0 && !input.is_empty(), "statistics need at least one number");
        assert!(
            input.len().is_multiple_of(channels),
            "{} numbers are not a whole number of pixels with {channels} channels",
            input.len()
        );
        T::measure(level, input, channels)
    }

    pub(crate) fn measure_in<T: Number>(level: Level, input: &[T], channels: usize) -> Self {
        let block = block_len(channels);
        let mut parts = PartMoments::new(channels);
        let places = parts.places(input.chunks(block).map(|block| block.len() / channels).collect());
        for_each(input.len().div_ceil(block), |part| {
            let input = &input[part * block..input.len().min((part + 1) * block)];
            // SAFETY: each part is measured by one task.
            let [mean, deviations] = unsafe { places.of(part, 0..channels) };
            level.run(Moments { input, mean, deviations });
        });
        parts.combine()
    }
}

/// Mean and sum of squared deviations of one block.
struct Moments<'a, T> {
    input: &'a [T],
    mean: &'a mut [f32],
    deviations: &'a mut [f32],
}

impl<T: Number> Work for Moments<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        // Plain loops over equal slices: compiled here, they become this level's vectors.
        let Self { input, mean, deviations } = self;
        let channels = mean.len();
        for pixel in input.chunks_exact(channels) {
            for (mean, x) in mean.iter_mut().zip(pixel) {
                *mean += x.to_f32();
            }
        }
        let share = 1.0 / (input.len() / channels) as f32;
        for mean in mean.iter_mut() {
            *mean *= share;
        }
        for pixel in input.chunks_exact(channels) {
            for ((deviations, x), mean) in deviations.iter_mut().zip(pixel).zip(mean.iter()) {
                let deviation = x.to_f32() - mean;
                *deviations += deviation * deviation;
            }
        }
    }
}
