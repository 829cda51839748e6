//! Jitter of colors: each sample is made brighter or darker, harder or softer, and more or less colorful.
//!
//! # Source
//! Howard, "Some improvements on deep convolutional neural network based image classification", 2013, section 2, with the
//! factors of torchvision's `ColorJitter`, always in the order brightness, contrast, saturation.

use serde::{Deserialize, Serialize};

use super::OwnAugmentation;
use crate::random::Random;

/// By how much colors are changed: a factor of each is drawn from 1 − x to 1 + x.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jitter {
    /// Of all values.
    pub brightness: f64,
    /// Of the distance from the picture's mean gray.
    pub contrast: f64,
    /// Of the distance from each pixel's gray.
    pub saturation: f64,
}

impl Default for Jitter {
    fn default() -> Self {
        Self { brightness: 0.2, contrast: 0.2, saturation: 0.2 }
    }
}

/// The gray of a pixel, by the weights of ITU-R BT.601.
fn gray(pixel: &[u8]) -> f32 {
    0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2])
}

/// A value moved away from `center` or toward it.
fn scaled(value: u8, center: f32, factor: f32) -> u8 {
    (center + (f32::from(value) - center) * factor).round().clamp(0.0, 255.0) as u8
}

impl OwnAugmentation for Jitter {
    fn validate(&self) -> Result<(), String> {
        for (key, value) in
            [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)]
        {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("{key} is from 0 to 1, not {value}"));
            }
        }
        Ok(())
    }

    fn change(&self, rgb: &mut [u8], _side_px: usize, random: &mut Random) {
        let mut factor = |reach: f64| random.between(1.0 - reach, 1.0 + reach) as f32;
        let [brightness, contrast, saturation] =
            [factor(self.brightness), factor(self.contrast), factor(self.saturation)];
        rgb.iter_mut().for_each(|value| *value = scaled(*value, 0.0, brightness));
        // In f64: a sum of many values, the same for every order of additions that a compiler could choose.
        let sum: f64 = rgb.chunks_exact(3).map(|pixel| f64::from(gray(pixel))).sum();
        let mean = (sum / (rgb.len() / 3).max(1) as f64) as f32;
        rgb.iter_mut().for_each(|value| *value = scaled(*value, mean, contrast));
        for pixel in rgb.chunks_exact_mut(3) {
            let gray = gray(pixel);
            pixel.iter_mut().for_each(|value| *value = scaled(*value, gray, saturation));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    fn changed(jitter: Jitter, rgb: &[u8], sample: u32) -> Vec<u8> {
        let mut rgb = rgb.to_vec();
        jitter.change(&mut rgb, 2, &mut Random::new(0, Purpose::Test, 0, sample));
        rgb
    }

    const PICTURE: [u8; 12] = [200, 40, 10, 90, 90, 90, 0, 255, 128, 30, 60, 250];

    #[test]
    fn without_reach_nothing_changes_and_gray_stays_gray() {
        let none = Jitter { brightness: 0.0, contrast: 0.0, saturation: 0.0 };
        assert_eq!(changed(none, &PICTURE, 0), PICTURE);
        for sample in 0..20 {
            let picture = changed(Jitter { brightness: 1.0, contrast: 1.0, saturation: 1.0 }, &PICTURE, sample);
            let [a, b, c] = picture[3..6] else { unreachable!() };
            assert!(a.abs_diff(b) <= 1 && b.abs_diff(c) <= 1, "{picture:?}");
        }
    }

    #[test]
    fn each_factor_does_what_it_is_named_for() {
        let mean = |rgb: &[u8]| rgb.iter().map(|&value| f64::from(value)).sum::<f64>() / rgb.len() as f64;
        let spread = |rgb: &[u8]| rgb.iter().map(|&value| (f64::from(value) - mean(rgb)).powi(2)).sum::<f64>();
        let only = |brightness, contrast, saturation| Jitter { brightness, contrast, saturation };
        let (mut brighter, mut harder, mut duller) = (0, 0, 0);
        for sample in 0..40 {
            brighter += u32::from(mean(&changed(only(0.5, 0.0, 0.0), &PICTURE, sample)) > mean(&PICTURE));
            harder += u32::from(spread(&changed(only(0.0, 0.5, 0.0), &PICTURE, sample)) > spread(&PICTURE));
            let reach = |rgb: &[u8]| rgb[0].abs_diff(rgb[2]);
            duller += u32::from(reach(&changed(only(0.0, 0.0, 0.5), &PICTURE, sample)) < reach(&PICTURE));
        }
        for count in [brighter, harder, duller] {
            assert!((8..=32).contains(&count), "{brighter} {harder} {duller}");
        }
    }

    #[test]
    fn settings_out_of_reach_are_refused() {
        assert!(Jitter::default().validate().is_ok());
        for wrong in
            [Jitter { contrast: -0.1, ..Jitter::default() }, Jitter { saturation: f64::NAN, ..Jitter::default() }]
        {
            assert!(wrong.validate().is_err(), "{wrong:?}");
        }
    }
}
