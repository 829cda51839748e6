//! Mean and variance of each channel over a batch.

use super::block_len;
use crate::level::{Level, Work};
use crate::number::Number;
use crate::simd::Simd;
use rayon::prelude::*;

/// Mean and variance of each channel over all pixels of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics {
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The mean square of the deviations from it (divided by the number of pixels, not by one less).
    pub variance: Vec<f32>,
}

impl BatchStatistics {
    /// Measures `input` `[.., channels]`: deviations within blocks, then the blocks together, so that a mean far from
    /// zero costs no accuracy.
    ///
    /// # Panics
    /// `input` is empty or no whole number of pixels.
    #[must_use]
    pub fn measure<T: Number>(level: Level, input: &[T], channels: usize) -> Self {
        assert!(channels > 0 && !input.is_empty(), "statistics need at least one number");
        assert!(input.len().is_multiple_of(channels), "no whole number of pixels with {channels} channels");
        T::measure(level, input, channels)
    }

    pub(crate) fn measure_in<T: Number>(level: Level, input: &[T], channels: usize) -> Self {
        let block = block_len(channels);
        let mut partial = vec![0.0f32; input.len().div_ceil(block) * 2 * channels];
        partial.par_chunks_exact_mut(2 * channels).zip(input.par_chunks(block)).for_each(|(moments, input)| {
            let (mean, deviations) = moments.split_at_mut(channels);
            level.run(Moments { input, mean, deviations });
        });

        // Two groups of n and m numbers: the deviations add up, and n·m/(n+m) of the squared distance of the means.
        let (mut count, mut mean, mut deviations) = (0.0f64, vec![0.0f64; channels], vec![0.0f64; channels]);
        for (moments, input) in partial.chunks_exact(2 * channels).zip(input.chunks(block)) {
            let more = (input.len() / channels) as f64;
            let (share, weight) = (more / (count + more), count * more / (count + more));
            let (block_means, block_deviations) = moments.split_at(channels);
            let sums = mean.iter_mut().zip(&mut deviations);
            for ((mean, deviations), (of_block, more)) in sums.zip(block_means.iter().zip(block_deviations)) {
                let distance = f64::from(*of_block) - *mean;
                *deviations += f64::from(*more) + distance * distance * weight;
                *mean += distance * share;
            }
            count += more;
        }
        Self {
            mean: mean.iter().map(|&mean| mean as f32).collect(),
            variance: deviations.iter().map(|deviations| (deviations / count) as f32).collect(),
        }
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
