//! Mean and squared deviations of the parts of a map, and how the parts are combined. The tasks that write a map also
//! measure their parts of it, while what they wrote is still in the caches.
#![expect(unsafe_code, reason = "tasks that share a part write the moments of different channels")]

use super::BatchStatistics;
use crate::scattered::Scattered;
use std::ops::Range;

/// The moments of each part: `[part][2][channels]`, the means and then the sums of squared deviations from them.
pub(crate) struct PartMoments {
    channels: usize,
    /// How many pixels each part has.
    pixels: Vec<usize>,
    numbers: Vec<f32>,
}

/// Where tasks write the moments of their parts.
#[derive(Clone, Copy)]
pub(crate) struct MomentPlaces<'a> {
    channels: usize,
    numbers: Scattered<'a>,
}

impl PartMoments {
    pub(crate) fn new(channels: usize) -> Self {
        Self { channels, pixels: Vec::new(), numbers: Vec::new() }
    }

    /// Room for parts with these numbers of pixels.
    pub(crate) fn places(&mut self, pixels: Vec<usize>) -> MomentPlaces<'_> {
        self.numbers = vec![0.0; pixels.len() * 2 * self.channels];
        self.pixels = pixels;
        MomentPlaces { channels: self.channels, numbers: Scattered::new(&mut self.numbers) }
    }

    /// The whole map's statistics; the parts are combined in their order.
    pub(crate) fn combine(&self) -> BatchStatistics {
        let channels = self.channels;
        // Two groups of n and m numbers: their deviations, plus n·m/(n+m) times the squared distance of their means.
        let (mut count, mut mean, mut deviations) = (0.0f64, vec![0.0f64; channels], vec![0.0f64; channels]);
        for (moments, &pixels) in self.numbers.chunks_exact(2 * channels).zip(&self.pixels) {
            let more = pixels as f64;
            let (share, weight) = (more / (count + more), count * more / (count + more));
            let (part_means, part_deviations) = moments.split_at(channels);
            let sums = mean.iter_mut().zip(&mut deviations);
            for ((mean, deviations), (of_part, more)) in sums.zip(part_means.iter().zip(part_deviations)) {
                let distance = f64::from(*of_part) - *mean;
                *deviations += f64::from(*more) + distance * distance * weight;
                *mean += distance * share;
            }
            count += more;
        }
        BatchStatistics {
            mean: mean.iter().map(|&mean| mean as f32).collect(),
            variance: deviations.iter().map(|deviations| (deviations / count) as f32).collect(),
        }
    }
}

impl<'a> MomentPlaces<'a> {
    /// Means and squared deviations of some channels of a part.
    ///
    /// # Safety
    /// While they live, nothing else touches these channels of this part.
    pub(crate) unsafe fn of(&self, part: usize, channels: Range<usize>) -> [&'a mut [f32]; 2] {
        [0, 1].map(|which| {
            let first = (2 * part + which) * self.channels + channels.start;
            // SAFETY: the caller's promise; the two moments do not overlap.
            unsafe { self.numbers.slice(first, channels.len()) }
        })
    }
}
