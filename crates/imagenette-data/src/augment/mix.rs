//! Mixing: each sample of a batch gets a share of another one, blended (mixup) or as a box (cutmix); the shares come
//! out, for the targets. How a batch is mixed depends on its seed, its epoch and its place alone.
//!
//! # Source
//! Zhang et al., "mixup: beyond empirical risk minimization", 2017, with a share for each sample, of which at least
//! half is its own, as fastai does; Yun et al., "CutMix", 2019, algorithm 1, with a box for each sample.

use serde::{Deserialize, Serialize};

use super::erase::Patch;
use super::settings::setting;
use crate::error::Result;
use crate::random::{Purpose, Random};

/// How samples are mixed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// Blending, with shares from Beta(this, this). Leave it out for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f64>,
    /// Boxes, with the share outside from Beta(this, this). Leave it out for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutmix: Option<f64>,
    /// The share of batches with boxes where both are asked for.
    #[serde(default = "half")]
    pub cutmix_share: f64,
    /// The share of batches that are mixed.
    #[serde(default = "one")]
    pub probability: f64,
    /// The share of the run after which mixing begins.
    #[serde(default)]
    pub from: f64,
    /// The share of the run after which mixing ends.
    #[serde(default = "one")]
    pub until: f64,
}

fn half() -> f64 {
    0.5
}

fn one() -> f64 {
    1.0
}

/// What a sample was mixed with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// The place of the other sample in the batch.
    pub partner: usize,
    /// The share that is still its own, in 0..1.
    pub share: f32,
}

impl Mix {
    /// Checks every value.
    ///
    /// # Errors
    /// The key of the first setting that makes no sense, and what it accepts.
    pub fn validate(&self) -> Result<()> {
        if self.mixup.is_none() && self.cutmix.is_none() {
            let expected = "`mixup`, `cutmix` or both";
            return Err(setting("mix", expected, "neither".into(), "`mixup = 0.2` or `cutmix = 1.0`"));
        }
        for (key, alpha) in [("mix.mixup", self.mixup), ("mix.cutmix", self.cutmix)] {
            // Below a hundredth the shares are 0 or 1 to the last digit.
            if let Some(alpha) = alpha.filter(|alpha| !(0.01..=100.0).contains(alpha)) {
                let hint = "0.2 to 1.0 are usual; leave it out for none";
                return Err(setting(key, "a number from 0.01 to 100", alpha.to_string(), hint));
            }
        }
        for (key, share) in [("mix.cutmix_share", self.cutmix_share), ("mix.probability", self.probability)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(setting(key, "a share from 0 to 1", share.to_string(), "0.5 is half of the batches"));
            }
        }
        if !(0.0..1.0).contains(&self.from) {
            let found = self.from.to_string();
            return Err(setting(
                "mix.from",
                "a share of the run, 0 or more and below 1",
                found,
                "0 begins with the run",
            ));
        }
        if !(self.until > self.from && self.until <= 1.0) {
            let expected = format!("a share of the run above `from` ({}) and up to 1", self.from);
            let hint = "mixing would end before it begins; leave `[mix]` out for none";
            return Err(setting("mix.until", &expected, self.until.to_string(), hint));
        }
        Ok(())
    }

    /// Whether samples are mixed at this progress of the run.
    pub fn is_on(&self, progress: f64) -> bool {
        self.from <= progress && progress < self.until
    }

    /// Mixes a batch, uint8 `[N, side, side, 3]`; `None` where it stays as it is. The key is (seed, epoch, start): the
    /// batch begins at place `start` of its epoch. The settings must have passed [`Mix::validate`].
    pub fn batch(&self, pixels: &mut [u8], side_px: usize, key: (u64, u32, u32)) -> Option<Vec<Mixture>> {
        self.batch_beside(pixels, side_px, key, &mut Vec::new())
    }

    /// As [`Mix::batch`]; `before` is for a copy of the batch, so that its memory can be reused.
    pub(crate) fn batch_beside(
        &self,
        pixels: &mut [u8],
        side_px: usize,
        (seed, epoch, start): (u64, u32, u32),
        before: &mut Vec<u8>,
    ) -> Option<Vec<Mixture>> {
        let photo = side_px * side_px * 3;
        let count = pixels.len() / photo.max(1);
        let mut random = Random::new(seed, Purpose::Mix, epoch, start);
        if !random.chance(self.probability) {
            return None;
        }
        let cutmix = self.cutmix.filter(|_| self.mixup.is_none() || random.chance(self.cutmix_share));
        let mut partners: Vec<usize> = (0..count).collect();
        random.shuffle(&mut partners);
        before.clear();
        before.extend_from_slice(pixels);
        let mixtures = partners.into_iter().zip(pixels.chunks_exact_mut(photo)).map(|(partner, own)| {
            let other = &before[partner * photo..][..photo];
            let share = match (cutmix, self.mixup) {
                (Some(alpha), _) => paste(own, other, side_px, beta(alpha, &mut random), &mut random),
                (None, alpha) => {
                    let share = beta(alpha.unwrap_or(1.0), &mut random);
                    let share = share.max(1.0 - share) as f32;
                    blend(own, other, share);
                    share
                }
            };
            Mixture { partner, share }
        });
        Some(mixtures.collect())
    }
}

/// Blends `share` of one photo with the rest of the other, rounded.
fn blend(own: &mut [u8], other: &[u8], share: f32) {
    for (own, &other) in own.iter_mut().zip(other) {
        *own = (share * f32::from(*own) + (1.0 - share) * f32::from(other) + 0.5) as u8;
    }
}

/// Pastes a box of the other photo, about 1 − `share` of the square, around a random place; returns the share that is
/// left.
fn paste(own: &mut [u8], other: &[u8], side_px: usize, share: f64, random: &mut Random) -> f32 {
    let length = side_px as f64 * libm::sqrt(1.0 - share);
    let mut edges = || {
        let center = f64::from(random.below(side_px as u32));
        let inside = |place: f64| place.clamp(0.0, side_px as f64) as usize;
        (inside(center - length / 2.0), inside(center + length / 2.0))
    };
    let ((left, right), (top, bottom)) = (edges(), edges());
    let patch = Patch { left, top, width: right - left, height: bottom - top };
    for row in patch.top..patch.top + patch.height {
        let part = (row * side_px + left) * 3..(row * side_px + right) * 3;
        own[part.clone()].copy_from_slice(&other[part]);
    }
    1.0 - (patch.width * patch.height) as f32 / (side_px * side_px) as f32
}

/// A number from Beta(alpha, alpha).
fn beta(alpha: f64, random: &mut Random) -> f64 {
    let (a, b) = (gamma(alpha, random), gamma(alpha, random));
    if a + b > 0.0 { a / (a + b) } else { 0.5 }
}

/// A number from the gamma distribution of this shape.
///
/// # Source
/// Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; for shapes below 1 the remark in its
/// section 6.
fn gamma(shape: f64, random: &mut Random) -> f64 {
    if shape < 1.0 {
        let boost = libm::pow(1.0 - random.uniform(), 1.0 / shape);
        return gamma(shape + 1.0, random) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = random.normal();
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        if libm::log(1.0 - random.uniform()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Mix =
        Mix { mixup: Some(0.2), cutmix: None, cutmix_share: 0.5, probability: 1.0, from: 0.0, until: 0.9 };
    const CUT: Mix = Mix { mixup: None, cutmix: Some(1.0), ..PLAIN };
    const SIDE: usize = 16;

    /// Photos of one color each: photo i is 10 i everywhere.
    fn photos(count: usize) -> Vec<u8> {
        (0..count).flat_map(|i| vec![10 * i as u8; SIDE * SIDE * 3]).collect()
    }

    #[test]
    fn shares_have_the_moments_of_beta() {
        let mut random = Random::new(3, Purpose::Test, 0, 0);
        for alpha in [0.2, 1.0, 4.0] {
            let n = 40_000;
            let numbers: Vec<f64> = (0..n).map(|_| beta(alpha, &mut random)).collect();
            let mean = numbers.iter().sum::<f64>() / f64::from(n);
            let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
            // Variance of Beta(a, a): 1 / (4 (2 a + 1)).
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!(
                (mean - 0.5).abs() < 0.01 && (variance / expected - 1.0).abs() < 0.03,
                "{alpha}: {mean} {variance}"
            );
        }
    }

    #[test]
    fn blended_photos_lie_between_themselves_and_their_partners() {
        let mut pixels = photos(24);
        let mixtures = PLAIN.batch(&mut pixels, SIDE, (1, 2, 64)).unwrap();
        for (i, mixture) in mixtures.iter().enumerate() {
            assert!((0.5..=1.0).contains(&mixture.share));
            let expected = mixture.share * 10.0 * i as f32 + (1.0 - mixture.share) * 10.0 * mixture.partner as f32;
            let found = &pixels[i * SIDE * SIDE * 3..][..SIDE * SIDE * 3];
            assert!(found.iter().all(|&x| (f32::from(x) - expected).abs() <= 0.51), "{expected} {}", found[0]);
        }
        let mut partners: Vec<usize> = mixtures.iter().map(|mixture| mixture.partner).collect();
        partners.sort_unstable();
        assert_eq!(partners, (0..24).collect::<Vec<_>>());
    }

    #[test]
    fn the_share_of_a_pasted_photo_is_what_is_visible_of_it() {
        let mut pixels = photos(24);
        let mixtures = CUT.batch(&mut pixels, SIDE, (1, 2, 64)).unwrap();
        for (i, mixture) in mixtures.iter().enumerate().filter(|(i, mixture)| mixture.partner != *i) {
            let found = &pixels[i * SIDE * SIDE * 3..][..SIDE * SIDE * 3];
            let own = found.iter().filter(|&&x| x == 10 * i as u8).count() as f32 / found.len() as f32;
            assert!((own - mixture.share).abs() < 1e-6, "{own} {}", mixture.share);
            assert!(found.iter().all(|&x| x == 10 * i as u8 || x == 10 * mixture.partner as u8));
        }
    }

    #[test]
    fn a_batch_is_mixed_the_same_way_each_time_and_others_in_other_ways() {
        let mixed = |mix: Mix, key| {
            let mut pixels = photos(24);
            let mixtures = mix.batch(&mut pixels, SIDE, key);
            (pixels, mixtures)
        };
        let both = Mix { cutmix: Some(1.0), ..PLAIN };
        assert_eq!(mixed(both, (1, 2, 64)), mixed(both, (1, 2, 64)));
        for other in [(2, 2, 64), (1, 3, 64), (1, 2, 128)] {
            assert_ne!(mixed(both, other), mixed(both, (1, 2, 64)));
        }
        let seldom = Mix { probability: 0.25, ..both };
        let count = (0..400).filter(|&start| mixed(seldom, (1, 0, start)).1.is_some()).count();
        assert!((70..130).contains(&count), "{count}");
        assert!(PLAIN.is_on(0.0) && PLAIN.is_on(0.89) && !PLAIN.is_on(0.9));
    }

    #[test]
    fn mixing_that_ends_before_it_begins_is_refused() {
        let refused = |mix: Mix| match mix.validate() {
            Err(crate::DataError::Setting { key, hint, .. }) => {
                assert!(!hint.is_empty());
                key
            }
            other => panic!("{mix:?}: {other:?}"),
        };
        assert_eq!(refused(Mix { from: 0.5, until: 0.4, ..PLAIN }), "mix.until");
        assert_eq!(refused(Mix { until: 0.0, ..PLAIN }), "mix.until");
        assert_eq!(refused(Mix { mixup: None, ..PLAIN }), "mix");
        assert_eq!(refused(Mix { mixup: Some(0.0), ..PLAIN }), "mix.mixup");
        assert_eq!(refused(Mix { probability: 2.0, ..PLAIN }), "mix.probability");
        assert!(PLAIN.validate().is_ok() && CUT.validate().is_ok());
    }
}
