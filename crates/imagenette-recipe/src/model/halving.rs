//! How networks halve their maps.

use serde::{Deserialize, Serialize};

/// How maps are halved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Halving {
    /// The largest of each window.
    #[default]
    Max,
    /// The largest of each square of 2 × 2 at every place, then a blur that keeps every other place, so that a shift of
    /// the photo by one pixel changes little.
    ///
    /// # Source
    /// Zhang, "Making convolutional networks shift-invariant again", 2019, section 3.2, with the filter [1, 2, 1]; borders
    /// as kornia's `MaxBlurPool2d`.
    MaxBlur,
}
