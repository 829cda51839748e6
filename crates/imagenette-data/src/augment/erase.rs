//! Random erasing: (settings, seed, epoch, sample) say which box of the square is painted over, so that the network
//! learns not to rely on a single part of an object.
//!
//! # Source
//! Zhong et al., "Random erasing data augmentation", 2017, algorithm 1; ten tries and rounding as torchvision's
//! `RandomErasing`, the color being ImageNet's mean (zero once photos are normalized).

use serde::{Deserialize, Serialize};

use super::MEAN_COLOR;
use super::settings::setting;
use crate::error::Result;
use crate::random::{Purpose, SampleKey};

/// How boxes are erased.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// The probability that a sample is erased from, in each epoch.
    pub probability: f64,
    /// The smallest and the largest share of the square that a box covers.
    #[serde(default = "area")]
    pub area: [f64; 2],
    /// The smallest and the largest aspect ratio, height over width.
    #[serde(default = "aspect")]
    pub aspect: [f64; 2],
    /// The share of the run after which nothing is erased.
    #[serde(default = "one")]
    pub until: f64,
}

fn area() -> [f64; 2] {
    [0.02, 0.33]
}

fn aspect() -> [f64; 2] {
    [0.3, 3.3]
}

fn one() -> f64 {
    1.0
}

/// A box of whole pixels in a square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// Pixels from the left edge.
    pub left: usize,
    /// Pixels from the top edge.
    pub top: usize,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

impl Erase {
    /// Checks every value.
    ///
    /// # Errors
    /// The key of the first setting that makes no sense, and what it accepts.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.probability) {
            let found = self.probability.to_string();
            return Err(setting("erase.probability", "a probability from 0 to 1", found, "0.1 to 0.5 are usual"));
        }
        let [smallest, largest] = self.area;
        if !(smallest > 0.0 && smallest <= largest && largest < 1.0) {
            let found = format!("[{smallest}, {largest}]");
            let expected = "two shares of the square, smaller first, above 0 and below 1";
            return Err(setting("erase.area", expected, found, "`area = [0.02, 0.33]` is usual"));
        }
        let [lowest, highest] = self.aspect;
        if !(lowest > 0.0 && lowest <= highest && highest.is_finite()) {
            let found = format!("[{lowest}, {highest}]");
            let expected = "two ratios of height to width, smaller first, above 0";
            return Err(setting("erase.aspect", expected, found, "`aspect = [0.3, 3.3]` is usual"));
        }
        if !(self.until > 0.0 && self.until <= 1.0) {
            let expected = "a share of the run above 0 and up to 1";
            return Err(setting(
                "erase.until",
                expected,
                self.until.to_string(),
                "leave `[erase]` out to erase nothing",
            ));
        }
        Ok(())
    }

    /// The box that is erased from this sample, if any. The settings must have passed [`Erase::validate`].
    pub fn plan(&self, side_px: usize, key: SampleKey) -> Option<Patch> {
        let mut random = key.random(Purpose::Erase);
        if !random.chance(self.probability) {
            return None;
        }
        let log_aspect = self.aspect.map(libm::log);
        for _ in 0..10 {
            let pixels = (side_px * side_px) as f64 * random.between(self.area[0], self.area[1]);
            let aspect = libm::exp(random.between(log_aspect[0], log_aspect[1]));
            let height = libm::sqrt(pixels * aspect).round_ties_even() as usize;
            let width = libm::sqrt(pixels / aspect).round_ties_even() as usize;
            if height < side_px && width < side_px {
                let top = random.below((side_px - height + 1) as u32) as usize;
                let left = random.below((side_px - width + 1) as u32) as usize;
                return Some(Patch { left, top, width, height });
            }
        }
        None
    }

    /// Erases the planned box of one sample, if any: uint8 `[side, side, 3]`.
    pub fn photo(&self, pixels: &mut [u8], side_px: usize, key: SampleKey) {
        if let Some(patch) = self.plan(side_px, key) {
            paint(pixels, side_px, patch);
        }
    }

    /// Erases the planned box of each sample of a batch: uint8 `[N, side, side, 3]`.
    pub fn batch(&self, pixels: &mut [u8], samples: &[u32], side_px: usize, seed: u64, epoch: u32) {
        for (photo, &sample) in pixels.chunks_exact_mut(side_px * side_px * 3).zip(samples) {
            self.photo(photo, side_px, SampleKey::new(seed, epoch, sample));
        }
    }
}

/// Fills a box of a square with the mean color.
pub(super) fn paint(photo: &mut [u8], side_px: usize, Patch { left, top, width, height }: Patch) {
    for row in photo.chunks_exact_mut(side_px * 3).skip(top).take(height) {
        row[left * 3..(left + width) * 3].as_chunks_mut::<3>().0.fill(MEAN_COLOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Erase = Erase { probability: 0.25, area: [0.02, 0.33], aspect: [0.3, 3.3], until: 1.0 };

    #[test]
    fn boxes_have_the_frequency_areas_and_aspects_asked_for() {
        let patches: Vec<Patch> =
            (0..8000).filter_map(|sample| USUAL.plan(128, SampleKey::new(1, 3, sample))).collect();
        assert!((patches.len() as f64 / 8000.0 - 0.25).abs() < 0.02, "{}", patches.len());
        let area = |patch: &Patch| (patch.width * patch.height) as f64 / 128.0 / 128.0;
        assert!(patches.iter().all(|patch| (0.018..0.34).contains(&area(patch))));
        let mean = patches.iter().map(area).sum::<f64>() / patches.len() as f64;
        assert!((mean - 0.175).abs() < 0.02, "{mean}");
        for patch in &patches {
            assert!(patch.left + patch.width <= 128 && patch.top + patch.height <= 128);
            let aspect = patch.height as f64 / patch.width as f64;
            assert!((0.25..4.0).contains(&aspect), "{patch:?}");
        }
        assert_eq!(USUAL.plan(128, SampleKey::new(1, 3, 7)), USUAL.plan(128, SampleKey::new(1, 3, 7)));
        assert!((0..99).any(
            |sample| USUAL.plan(128, SampleKey::new(1, 3, sample)) != USUAL.plan(128, SampleKey::new(1, 4, sample))
        ));
    }

    #[test]
    fn only_the_box_changes_its_color() {
        let always = Erase { probability: 1.0, ..USUAL };
        let mut pixels: Vec<u8> = vec![7; 2 * 20 * 20 * 3];
        always.batch(&mut pixels, &[5, 9], 20, 0, 0);
        for (number, sample) in [5, 9].into_iter().enumerate() {
            let patch = always.plan(20, SampleKey::new(0, 0, sample)).unwrap();
            for (place, pixel) in pixels[number * 1200..][..1200].chunks(3).enumerate() {
                let (row, column) = (place / 20, place % 20);
                let inside = (patch.top..patch.top + patch.height).contains(&row)
                    && (patch.left..patch.left + patch.width).contains(&column);
                assert_eq!(pixel, if inside { [124, 116, 104] } else { [7; 3] }, "{row} {column}");
            }
        }
    }

    #[test]
    fn invalid_settings_are_refused() {
        for wrong in [
            Erase { probability: 1.5, ..USUAL },
            Erase { area: [0.5, 0.2], ..USUAL },
            Erase { aspect: [0.0, 1.0], ..USUAL },
            Erase { until: 0.0, ..USUAL },
        ] {
            assert!(wrong.validate().is_err(), "{wrong:?}");
        }
        assert!(USUAL.validate().is_ok());
    }
}
