//! Cutout: (settings, key of a sample) say which square is painted over, around any place, so that it may reach beyond
//! the edges.
//!
//! # Source
//! DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017, with ImageNet's mean
//! color (zero once photos are normalized).

use serde::{Deserialize, Serialize};

use super::erase::{Patch, paint};
use super::settings::setting;
use crate::error::Result;
use crate::random::{Purpose, SampleKey};

/// How squares are cut out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutout {
    /// The side of what is cut out, as a share of the sample's side.
    pub size: f64,
    /// The probability that a sample is cut from, in each epoch.
    #[serde(default = "one")]
    pub probability: f64,
}

fn one() -> f64 {
    1.0
}

impl Cutout {
    /// Checks every value.
    ///
    /// # Errors
    /// The key of the first setting that makes no sense, and what it accepts.
    pub fn validate(&self) -> Result<()> {
        // Ranges refuse NaN too.
        if !(self.size > 0.0 && self.size <= 1.0) {
            let expected = "a share of the side, above 0 and up to 1";
            let hint = "0.5 is usual; leave `cutout` out for none";
            return Err(setting("cutout.size", expected, self.size.to_string(), hint));
        }
        if !(0.0..=1.0).contains(&self.probability) {
            let found = self.probability.to_string();
            return Err(setting("cutout.probability", "a probability from 0 to 1", found, "1.0 is usual"));
        }
        Ok(())
    }

    /// What is cut out of this sample, if anything: the part of the square that is inside. The settings must have passed
    /// [`Cutout::validate`], and the side be at least one pixel.
    pub fn plan(&self, side_px: usize, key: SampleKey) -> Option<Patch> {
        let mut random = key.random(Purpose::Cutout);
        if !random.chance(self.probability) {
            return None;
        }
        let size_px = ((self.size * side_px as f64).round() as usize).max(1);
        // The middle is any pixel, so that edges are cut from as often as the center.
        let mut span = || {
            let middle = random.below(side_px as u32) as usize;
            let begin = (middle + size_px.div_ceil(2)).saturating_sub(size_px);
            let end = (middle + size_px.div_ceil(2)).min(side_px);
            (begin, end - begin)
        };
        let ((left, width), (top, height)) = (span(), span());
        Some(Patch { left, top, width, height })
    }

    /// Cuts the planned square out of one sample, if any: uint8 `[side, side, 3]`.
    pub fn photo(&self, pixels: &mut [u8], side_px: usize, key: SampleKey) {
        if let Some(patch) = self.plan(side_px, key) {
            paint(pixels, side_px, patch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_lie_around_every_pixel_equally_often_and_end_at_the_edges() {
        let cutout = Cutout { size: 0.5, probability: 1.0 };
        let patches: Vec<Patch> =
            (0..16_000).map(|sample| cutout.plan(8, SampleKey::new(1, 0, sample)).unwrap()).collect();
        // Four pixels wide: two to the left of the middle, the middle itself and one to the right.
        let mut places = [0u32; 8];
        for patch in &patches {
            let middle = if patch.left == 0 { patch.width as i64 - 2 } else { patch.left as i64 + 2 };
            places[usize::try_from(middle).unwrap()] += 1;
            let whole = (2..=6).contains(&middle);
            assert_eq!(patch.width == 4, whole, "{patch:?}");
            assert!(patch.left + patch.width <= 8 && patch.top + patch.height <= 8 && patch.height >= 2);
        }
        assert!(places.iter().all(|&count| (1800..2200).contains(&count)), "{places:?}");
        let half = Cutout { probability: 0.5, ..cutout };
        let cut = (0..4000).filter(|&sample| half.plan(8, SampleKey::new(1, 0, sample)).is_some()).count();
        assert!((1900..2100).contains(&cut), "{cut}");
    }

    #[test]
    fn any_size_of_any_side_stays_inside() {
        for side in 1..40 {
            for size in [1e-9, 0.3, 0.5, 1.0] {
                for sample in 0..30 {
                    let cutout = Cutout { size, probability: 1.0 };
                    let mut pixels = vec![9; side * side * 3];
                    let key = SampleKey::new(5, 0, sample);
                    cutout.photo(&mut pixels, side, key);
                    let patch = cutout.plan(side, key).unwrap();
                    let painted = pixels.chunks(3).filter(|pixel| **pixel == super::super::MEAN_COLOR).count();
                    assert_eq!(painted, patch.width * patch.height);
                    assert!(painted > 0);
                }
            }
        }
    }

    #[test]
    fn invalid_settings_are_refused() {
        for (size, probability) in [(0.0, 1.0), (1.1, 1.0), (f64::NAN, 1.0), (0.5, -0.1), (0.5, f64::NAN)] {
            assert!(Cutout { size, probability }.validate().is_err(), "{size} {probability}");
        }
        assert!(Cutout { size: 1.0, probability: 0.0 }.validate().is_ok());
    }
}
