//! What a recipe says about crops and flips: plain data that is checked once and recorded completely.

use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};

/// Which part of a photo a training sample shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Crop {
    /// A box with a random area and aspect ratio at a random place.
    ///
    /// # Source
    /// Szegedy et al., "Going deeper with convolutions", 2014, section 6, in the form of torchvision's
    /// `RandomResizedCrop`: ten tries, aspect ratio uniform in its logarithm, then the center.
    RandomResized {
        /// The smallest and the largest share of the photo's area, in 0..1.
        area: [f64; 2],
        /// The smallest and the largest aspect ratio, width over height.
        aspect: [f64; 2],
    },
    /// The photo is resized until its short side is `scale` × the resolution, then a square is cut at a random place.
    Light {
        /// The short side after resizing, in units of the resolution; 1 or more.
        scale: f64,
    },
}

/// Whether a training sample is mirrored left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flip {
    /// Never.
    None,
    /// By a coin toss in each epoch.
    Random,
    /// By a coin toss in epoch 0, then the opposite in each epoch that follows, so that two epochs in a row show both.
    ///
    /// # Source
    /// Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.6.
    Alternating,
}

/// How a training sample is made from its photo.
///
/// # Example
/// ```
/// use imagenette_data::augment::{Augment, Crop, Flip};
///
/// let augment: Augment = serde_json::from_str(
///     r#"{ "crop": { "kind": "random-resized", "area": [0.35, 1.0], "aspect": [0.75, 1.3333] }, "flip": "random" }"#,
/// )?;
/// augment.validate()?;
/// assert_eq!(augment.flip, Flip::Random);
/// assert!(Augment { crop: Crop::Light { scale: 0.5 }, flip: Flip::None }.validate().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// Which part of the photo.
    pub crop: Crop,
    /// Whether it is mirrored.
    pub flip: Flip,
}

/// Which part of a photo is seen when a network is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum EvaluationGeometry {
    /// The whole photo, squashed to the square.
    Whole,
    /// The photo is resized until its short side is `ratio` × the resolution, then the square in its center is cut.
    #[serde(alias = "centre")]
    Center {
        /// The short side after resizing, in units of the resolution; 1 or more.
        ratio: f64,
    },
}

/// The largest factor by which a photo may be resized beyond the resolution: more is surely a typing error.
const LARGEST_SCALE: f64 = 16.0;

impl Augment {
    /// Checks every value.
    ///
    /// # Errors
    /// The key of the first setting that makes no sense (`crop.area`), and what it accepts.
    pub fn validate(&self) -> Result<()> {
        match self.crop {
            Crop::RandomResized { area, aspect } => {
                let [smallest, largest] = area;
                if !(smallest > 0.0 && smallest <= largest && largest <= 1.0) {
                    return Err(setting(
                        "crop.area",
                        "two shares of the photo's area, smaller first, above 0 and up to 1",
                        format!("[{smallest}, {largest}]"),
                        "0.35 to 1.0 suits short runs: `area = [0.35, 1.0]`",
                    ));
                }
                let [narrowest, widest] = aspect;
                if !(narrowest > 0.0 && narrowest <= widest && widest.is_finite()) {
                    return Err(setting(
                        "crop.aspect",
                        "two ratios of width to height, smaller first, above 0",
                        format!("[{narrowest}, {widest}]"),
                        "3:4 to 4:3 is usual: `aspect = [0.75, 1.3333]`",
                    ));
                }
                Ok(())
            }
            Crop::Light { scale } => check_scale("crop.scale", scale, "1.125 is usual: `scale = 1.125`"),
        }
    }
}

impl EvaluationGeometry {
    /// Checks every value.
    ///
    /// # Errors
    /// When the ratio is not a number from 1 to 16.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Whole => Ok(()),
            Self::Center { ratio } => {
                check_scale("evaluation.ratio", ratio, "1.143 (256 to 224) is usual: `ratio = 1.143`")
            }
        }
    }
}

fn check_scale(key: &str, scale: f64, hint: &str) -> Result<()> {
    // Below 1 the resized photo would not fill the square. A range refuses NaN too.
    if (1.0..=LARGEST_SCALE).contains(&scale) {
        Ok(())
    } else {
        Err(setting(key, "a number from 1 to 16", scale.to_string(), hint))
    }
}

pub(super) fn setting(key: &str, expected: &str, found: String, hint: &str) -> DataError {
    DataError::Setting { key: key.into(), expected: expected.into(), found, hint: hint.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(result: Result<()>) -> Option<String> {
        match result {
            Err(DataError::Setting { key, hint, .. }) => {
                assert!(!hint.is_empty());
                Some(key)
            }
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn invalid_settings_are_refused_by_their_keys() {
        let resized =
            |area, aspect| Augment { crop: Crop::RandomResized { area, aspect }, flip: Flip::None }.validate();
        let usual = [0.75, 4.0 / 3.0];
        assert_eq!(key_of(resized([0.35, 1.0], usual)), None);
        assert_eq!(key_of(resized([1.0, 1.0], [1.0, 1.0])), None);
        for area in [[0.0, 1.0], [-0.1, 1.0], [0.5, 1.1], [0.9, 0.5], [f64::NAN, 1.0], [0.5, f64::NAN]] {
            assert_eq!(key_of(resized(area, usual)).as_deref(), Some("crop.area"), "{area:?}");
        }
        for aspect in [[0.0, 1.0], [2.0, 1.0], [-1.0, 1.0], [1.0, f64::INFINITY], [f64::NAN, 1.0]] {
            assert_eq!(key_of(resized([0.5, 1.0], aspect)).as_deref(), Some("crop.aspect"), "{aspect:?}");
        }
        for scale in [0.0, 0.99, -1.0, 17.0, f64::NAN, f64::INFINITY] {
            let light = Augment { crop: Crop::Light { scale }, flip: Flip::None }.validate();
            assert_eq!(key_of(light).as_deref(), Some("crop.scale"), "{scale}");
            let center = EvaluationGeometry::Center { ratio: scale }.validate();
            assert_eq!(key_of(center).as_deref(), Some("evaluation.ratio"), "{scale}");
        }
        assert_eq!(key_of(EvaluationGeometry::Whole.validate()), None);
    }

    #[test]
    fn settings_survive_writing_and_reading_and_unknown_keys_are_refused() {
        let augment = Augment { crop: Crop::Light { scale: 1.125 }, flip: Flip::Alternating };
        let text = serde_json::to_string(&augment).unwrap();
        assert_eq!(text, r#"{"crop":{"kind":"light","scale":1.125},"flip":"alternating"}"#);
        assert_eq!(serde_json::from_str::<Augment>(&text).unwrap(), augment);
        let typo = r#"{"crop":{"kind":"light","scale":1.125,"scael":2},"flip":"alternating"}"#;
        assert!(serde_json::from_str::<Augment>(typo).unwrap_err().to_string().contains("scael"));
        assert_eq!(serde_json::to_string(&EvaluationGeometry::Whole).unwrap(), r#"{"kind":"whole"}"#);
        // Older recipes have the British spelling.
        let center = EvaluationGeometry::Center { ratio: 1.25 };
        assert_eq!(serde_json::to_string(&center).unwrap(), r#"{"kind":"center","ratio":1.25}"#);
        for spelling in ["center", "centre"] {
            let text = format!(r#"{{"kind":"{spelling}","ratio":1.25}}"#);
            assert_eq!(serde_json::from_str::<EvaluationGeometry>(&text).unwrap(), center);
        }
    }
}
