//! What a recipe does about classes that are not equally large: how often each is drawn, and how much each counts in the
//! loss.

use imagenette_data::manifest::Manifest;
use serde::{Deserialize, Serialize};

use crate::checks::require;
use crate::error::Result;
use crate::recipe::Recipe;

/// How the samples of an epoch are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// Every photo once in each epoch, in a random order.
    #[default]
    Shuffle,
    /// Every class equally often: see [`imagenette_data::loader::balanced_order`].
    Balanced,
}

/// How much each class counts in the loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Every photo counts the same.
    #[default]
    None,
    /// Every class counts the same: a photo of class c counts n / (k · n_c), where n_c of the n photos that are trained
    /// on are of class c, one of k.
    ///
    /// # Source
    /// scikit-learn's `class_weight="balanced"`, after King and Zeng, "Logistic regression in rare events data", 2001.
    Balanced,
}

impl ClassWeights {
    /// The weight of each class, of which there are so many photos; `None` where no class has another than the others.
    ///
    /// # Example
    /// ```
    /// use imagenette_recipe::balance::ClassWeights;
    ///
    /// assert_eq!(ClassWeights::Balanced.of(&[30, 10, 20]), Some(vec![60.0 / 90.0, 2.0, 1.0]));
    /// assert_eq!(ClassWeights::None.of(&[30, 10, 20]), None);
    /// ```
    pub fn of(self, photos: &[u64]) -> Option<Vec<f64>> {
        let (total, classes) = (photos.iter().sum::<u64>() as f64, photos.len() as f64);
        let weight = |&photos: &u64| total / (classes * photos as f64);
        match self {
            Self::None => None,
            Self::Balanced => Some(photos.iter().map(weight).collect()),
        }
    }
}

impl Recipe {
    /// The weight of each class in the loss, by label; `None` where no class has another than the others. `samples` are
    /// those that are trained on.
    pub fn class_weights(&self, manifest: &Manifest, samples: &[u32]) -> Option<Vec<f64>> {
        self.loss.class_weights.of(&photos_by_class(manifest, samples))
    }

    /// Checks that there are photos of every class to balance.
    ///
    /// # Errors
    /// When there is a class without.
    pub(crate) fn validate_balance(&self, manifest: &Manifest, samples: &[u32]) -> Result<()> {
        let balanced = [
            (self.sampler == Sampler::Balanced).then_some("sampler"),
            (self.loss.class_weights == ClassWeights::Balanced).then_some("loss.class_weights"),
        ];
        let photos = photos_by_class(manifest, samples);
        let empty = manifest.classes.iter().zip(&photos).find(|(_, photos)| **photos == 0);
        let (Some(key), Some((class, _))) = (balanced.into_iter().flatten().next(), empty) else { return Ok(()) };
        require(
            false,
            key,
            "photos of every class to train on (`balanced`)",
            format!("none of `{}`", class.wnid),
            &format!("add photos of it, or leave `{key}` out"),
        )
    }
}

/// How many of the samples are of each class, by label.
fn photos_by_class(manifest: &Manifest, samples: &[u32]) -> Vec<u64> {
    let mut photos = vec![0; manifest.classes.len()];
    for &sample in samples {
        if let Some(label) = manifest.images[sample as usize].label {
            photos[usize::from(label)] += 1;
        }
    }
    photos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_are_scikit_learns() {
        // from sklearn.utils.class_weight import compute_class_weight
        // compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 40 + [1] * 25 + [2] * 4)
        let weights = ClassWeights::Balanced.of(&[40, 25, 4]).unwrap();
        for (found, expected) in weights.iter().zip([0.575, 0.92, 5.75]) {
            assert!((found - expected).abs() < 1e-12, "{weights:?}");
        }
        // Of equal classes every photo counts 1.
        assert_eq!(ClassWeights::Balanced.of(&[7, 7]), Some(vec![1.0, 1.0]));
        assert_eq!(ClassWeights::default().of(&[1, 7]), None);
    }
}
