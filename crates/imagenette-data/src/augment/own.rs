//! Augmentations from elsewhere: they change a sample's pixels after it was cropped and mirrored, in the loader's threads.

use std::fmt::Debug;
use std::sync::Arc;

use imagenette_files::panics::caught;

use crate::error::{DataError, Result};
use crate::random::{Random, SampleKey};

/// What is done to the pixels of a training sample.
pub trait OwnAugmentation: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> std::result::Result<(), String> {
        Ok(())
    }

    /// Changes a sample in place. All that is random comes from `random`, which is keyed by (seed, the augmentation's
    /// name, epoch, sample, view), so that a sample is the same whichever thread makes it.
    ///
    /// # Shapes
    /// `rgb` is `[side_px, side_px, 3]`: row, column, channel (red, green, blue).
    fn change(&self, rgb: &mut [u8], side_px: usize, random: &mut Random);
}

/// The augmentations from elsewhere of a run with the names that recipes give them, in their order.
#[derive(Debug, Clone, Default)]
pub struct OwnAugmentations(Arc<[(String, Arc<dyn OwnAugmentation>)]>);

impl OwnAugmentations {
    /// These, in this order.
    pub fn new(parts: Vec<(String, Arc<dyn OwnAugmentation>)>) -> Self {
        Self(parts.into())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes a sample by each of them.
    pub(crate) fn change(&self, rgb: &mut [u8], side_px: usize, key: SampleKey) -> Result<()> {
        for (name, part) in self.0.iter() {
            let mut random = key.own(name);
            // A panic of somebody else's code is not this program's: it ends the run with an error.
            caught(|| part.change(rgb, side_px, &mut random)).map_err(|what| DataError::Augmentation {
                name: name.clone(),
                epoch: key.epoch,
                sample: key.sample,
                what,
            })?;
        }
        Ok(())
    }
}

impl PartialEq for OwnAugmentations {
    /// The same parts, not only parts that are alike.
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&(String, Arc<_>), &(String, Arc<_>))| Arc::ptr_eq(&one.1, &other.1);
        self.0.len() == other.0.len() && self.0.iter().zip(other.0.iter()).all(same)
    }
}
