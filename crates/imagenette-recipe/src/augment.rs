//! How a training sample is made from its photo: the crop and the flip, and what changes its pixels after them.

use imagenette_data::augment::{Augment, Crop, Cutout, Flip, Strong};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::validate::inside;

/// How a training sample is made from its photo.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentConfig {
    /// Which part of the photo.
    pub crop: Crop,
    /// Whether it is mirrored.
    pub flip: Flip,
    /// How its pixels are changed strongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strong: Option<Strong>,
    /// What square is cut out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<Cutout>,
}

impl AugmentConfig {
    /// The crop and the flip; `stage` is the crop of a stage of the resolution, which takes the place of the recipe's.
    pub fn crop_and_flip(&self, stage: Option<Crop>) -> Augment {
        Augment { crop: stage.unwrap_or(self.crop), flip: self.flip }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        self.crop_and_flip(None)
            .validate()
            .and_then(|()| self.strong.map_or(Ok(()), |strong| strong.validate()))
            .and_then(|()| self.cutout.map_or(Ok(()), |cutout| cutout.validate()))
            .map_err(|error| inside(error, "augment"))
    }
}
