//! What a step learns from: a batch with labels, and where the recipe learns from photos without, two views of those; or
//! two views of photos, and no labels at all.

use imagenette_data::loader::{Batch, Loader};
use imagenette_recipe::Recipe;

use crate::error::Result;

/// What a step learns from.
#[derive(Debug)]
pub enum StepBatch {
    /// Photos with labels, and maybe others without.
    Labeled {
        /// Photos with labels.
        labeled: Batch,
        /// Photos without.
        unlabeled: Option<Views>,
    },
    /// Two views of the same photos, in one order: neither is looked at for labels.
    Pair(Batch, Batch),
}

/// Two views of the same photos, in one order.
#[derive(Debug)]
pub struct Views {
    /// What the teacher looks at: cropped and mirrored.
    pub plain: Batch,
    /// What the network learns from: cropped otherwise and changed strongly.
    pub strong: Batch,
}

impl StepBatch {
    /// The batches of the loader's next step; `None` at its end.
    pub fn next(loader: &mut Loader, recipe: &Recipe) -> Option<Result<Self>> {
        let labeled = loader.next()?;
        if recipe.self_supervised.is_some() {
            let other = loader.next()?;
            return Some((|| Ok(Self::Pair(labeled?, other?)))());
        }
        let views = recipe.unlabeled.as_ref().and_then(|_| loader.next().zip(loader.next()));
        let unlabeled = || -> Result<Option<Views>> {
            let Some((plain, strong)) = views else { return Ok(None) };
            Ok(Some(Views { plain: plain?, strong: strong? }))
        };
        Some(unlabeled().and_then(|unlabeled| Ok(Self::Labeled { labeled: labeled?, unlabeled })))
    }

    /// The square that the network sees, in pixels.
    pub fn resolution_px(&self) -> u32 {
        let (Self::Labeled { labeled: batch, .. } | Self::Pair(batch, _)) = self;
        batch.resolution_px
    }
}

impl From<Batch> for StepBatch {
    fn from(labeled: Batch) -> Self {
        Self::Labeled { labeled, unlabeled: None }
    }
}
