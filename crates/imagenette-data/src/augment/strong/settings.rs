//! What a recipe says about strong augmentation: plain data that is checked once and recorded completely.

use serde::{Deserialize, Serialize};

use super::super::settings::setting;
use super::operations::Operations;
use crate::error::Result;

/// How samples are changed beyond recognition of their pixels, and not of what they show.
///
/// # Example
/// ```
/// use imagenette_data::augment::Strong;
///
/// let strong: Strong = serde_json::from_str(r#"{ "kind": "rand-augment", "magnitude": 12 }"#)?;
/// strong.validate()?;
/// let Strong::RandAugment(rand_augment) = strong else { unreachable!() };
/// assert_eq!((rand_augment.operations, rand_augment.magnitude), (2, 12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Strong {
    /// Some operations, each equally likely, all of one magnitude.
    RandAugment(RandAugment),
    /// One operation of any magnitude, each equally likely.
    TrivialAugment(TrivialAugment),
    /// A distortion of colors and a blur.
    SimClr(SimClr),
}

/// Some operations one after another, drawn independently, all of one magnitude.
///
/// # Source
/// Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space", 2019, with the 14
/// operations and the ranges of torchvision's `RandAugment`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandAugment {
    /// How many operations follow each other.
    pub operations: u32,
    /// How far each operation goes, from 0 to 30.
    pub magnitude: u32,
    /// How pixels are read where the square is rotated or sheared.
    pub resampling: Resampling,
}

/// One operation for each sample, of a magnitude that is drawn too.
///
/// # Source
/// Müller and Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation", 2021, with the 14 operations and
/// the "wide" ranges of torchvision's `TrivialAugmentWide`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrivialAugment {
    /// How pixels are read where the square is rotated or sheared.
    pub resampling: Resampling,
}

/// Brightness, contrast, saturation and hue in random order, then gray, blurred and solarized, each by chance.
///
/// # Source
/// Chen et al., "A simple framework for contrastive learning of visual representations", 2020, appendix A, with the factors
/// of torchvision's `ColorJitter`; solarizing as Grill et al., "Bootstrap your own latent", 2020, appendix B.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimClr {
    /// How far colors are distorted: factors of 1 ± 0.8 × this, and a hue that is turned by up to 0.2 × this.
    pub strength: f64,
    /// The probability that brightness, contrast, saturation and hue are changed.
    pub jitter: f64,
    /// The probability that the colors are taken away.
    pub grayscale: f64,
    /// The probability that the sample is blurred.
    pub blur: f64,
    /// The smallest and the largest standard deviation of the blur, in pixels of the square.
    pub blur_sigma_px: [f64; 2],
    /// The probability that values of 128 or more are inverted.
    pub solarize: f64,
}

/// How pixels are read where the square is rotated or sheared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resampling {
    /// The nearest pixel, as the sources do.
    #[default]
    Nearest,
    /// Four pixels by their distances: smoother, and slower.
    Bilinear,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self { operations: 2, magnitude: 9, resampling: Resampling::Nearest }
    }
}

impl Default for SimClr {
    fn default() -> Self {
        Self { strength: 1.0, jitter: 0.8, grayscale: 0.2, blur: 0.5, blur_sigma_px: [0.1, 2.0], solarize: 0.0 }
    }
}

/// The largest magnitude: the sources divide every range into 30 equal parts.
pub(super) const LARGEST_MAGNITUDE: u32 = 30;
/// The most operations that can follow each other.
const MOST_OPERATIONS: u32 = Operations::MOST as u32;
/// With more the hue would go more than once around.
const LARGEST_STRENGTH: f64 = 2.5;
/// A wider blur leaves one color.
const LARGEST_SIGMA_PX: f64 = 100.0;

impl Strong {
    /// Checks every value.
    ///
    /// # Errors
    /// The key of the first setting that makes no sense (`strong.magnitude`), and what it accepts.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::RandAugment(settings) => settings.validate(),
            Self::TrivialAugment(_) => Ok(()),
            Self::SimClr(settings) => settings.validate(),
        }
    }
}

impl RandAugment {
    fn validate(&self) -> Result<()> {
        if !(1..=MOST_OPERATIONS).contains(&self.operations) {
            let expected = format!("a whole number from 1 to {MOST_OPERATIONS}");
            let hint = "2 is usual; leave `strong` out for none";
            return Err(setting("strong.operations", &expected, self.operations.to_string(), hint));
        }
        if self.magnitude > LARGEST_MAGNITUDE {
            let expected = format!("a whole number from 0 to {LARGEST_MAGNITUDE}");
            let hint = "9 and 10 are usual; other programs count to 10: three times theirs is the same";
            return Err(setting("strong.magnitude", &expected, self.magnitude.to_string(), hint));
        }
        Ok(())
    }
}

impl SimClr {
    fn validate(&self) -> Result<()> {
        // Ranges refuse NaN too.
        if !(0.0..=LARGEST_STRENGTH).contains(&self.strength) {
            let expected = format!("a number from 0 to {LARGEST_STRENGTH}");
            let hint = "0.5 suits small photos, 1.0 is the paper's for ImageNet";
            return Err(setting("strong.strength", &expected, self.strength.to_string(), hint));
        }
        for (key, probability, hint) in [
            ("strong.jitter", self.jitter, "0.8 is usual; 0 changes no color"),
            ("strong.grayscale", self.grayscale, "0.2 is usual; 0 leaves every sample its colors"),
            ("strong.blur", self.blur, "0.5 is usual; 0 blurs nothing"),
            ("strong.solarize", self.solarize, "0.2 is usual where it is done at all; 0 is none"),
        ] {
            if !(0.0..=1.0).contains(&probability) {
                return Err(setting(key, "a probability from 0 to 1", probability.to_string(), hint));
            }
        }
        let [smallest, largest] = self.blur_sigma_px;
        if !(smallest > 0.0 && smallest <= largest && largest <= LARGEST_SIGMA_PX) {
            let expected = format!("two numbers of pixels, smaller first, above 0 and up to {LARGEST_SIGMA_PX}");
            let hint = "`blur_sigma_px = [0.1, 2.0]` is usual; `blur = 0.0` blurs nothing";
            return Err(setting("strong.blur_sigma_px", &expected, format!("[{smallest}, {largest}]"), hint));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DataError;

    #[test]
    fn what_is_left_out_is_usual_and_unknown_keys_are_refused() {
        let read = |text: &str| serde_json::from_str::<Strong>(text);
        assert_eq!(read(r#"{"kind":"rand-augment"}"#).unwrap(), Strong::RandAugment(RandAugment::default()));
        assert_eq!(read(r#"{"kind":"trivial-augment"}"#).unwrap(), Strong::TrivialAugment(TrivialAugment::default()));
        let half = read(r#"{"kind":"sim-clr","strength":0.5}"#).unwrap();
        assert_eq!(half, Strong::SimClr(SimClr { strength: 0.5, ..SimClr::default() }));
        assert_eq!(read(&serde_json::to_string(&half).unwrap()).unwrap(), half);
        for (text, word) in [
            (r#"{"kind":"rand-augment","magnitud":3}"#, "magnitud"),
            (r#"{"kind":"trivial-augment","magnitude":3}"#, "magnitude"),
            (r#"{"kind":"auto-augment"}"#, "auto-augment"),
            (r#"{"kind":"rand-augment","resampling":"bicubic"}"#, "bicubic"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn invalid_settings_are_refused_by_their_keys() {
        let rand_augment = |operations, magnitude| {
            Strong::RandAugment(RandAugment { operations, magnitude, ..RandAugment::default() })
        };
        let usual = SimClr::default();
        for (wrong, key) in [
            (rand_augment(0, 9), "strong.operations"),
            (rand_augment(9, 9), "strong.operations"),
            (rand_augment(2, 31), "strong.magnitude"),
            (Strong::SimClr(SimClr { strength: -0.1, ..usual }), "strong.strength"),
            (Strong::SimClr(SimClr { strength: f64::NAN, ..usual }), "strong.strength"),
            (Strong::SimClr(SimClr { strength: 2.6, ..usual }), "strong.strength"),
            (Strong::SimClr(SimClr { jitter: 1.1, ..usual }), "strong.jitter"),
            (Strong::SimClr(SimClr { grayscale: -1.0, ..usual }), "strong.grayscale"),
            (Strong::SimClr(SimClr { blur: f64::NAN, ..usual }), "strong.blur"),
            (Strong::SimClr(SimClr { solarize: 2.0, ..usual }), "strong.solarize"),
            (Strong::SimClr(SimClr { blur_sigma_px: [0.0, 2.0], ..usual }), "strong.blur_sigma_px"),
            (Strong::SimClr(SimClr { blur_sigma_px: [2.0, 1.0], ..usual }), "strong.blur_sigma_px"),
            (Strong::SimClr(SimClr { blur_sigma_px: [0.1, f64::INFINITY], ..usual }), "strong.blur_sigma_px"),
        ] {
            match wrong.validate() {
                Err(DataError::Setting { key: found, hint, .. }) => {
                    assert!(found == key && !hint.is_empty(), "{found}")
                }
                other => panic!("{key}: {other:?}"),
            }
        }
        for right in [rand_augment(8, 30), rand_augment(1, 0), Strong::SimClr(usual)] {
            assert!(right.validate().is_ok());
        }
    }
}
