//! What a step learns from: a batch with labels, and where the recipe learns from photos without, two views of those.

use imagenette_data::loader::{Batch, Loader};
use imagenette_recipe::Recipe;

use crate::error::Result;

/// What a step learns from.
#[derive(Debug)]
pub struct StepBatch {
    /// Photos with labels.
    pub labeled: Batch,
    /// Photos without.
    pub unlabeled: Option<Views>,
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
        let views = recipe.unlabeled.and_then(|_| loader.next().zip(loader.next()));
        let unlabeled = || -> Result<Option<Views>> {
            let Some((plain, strong)) = views else { return Ok(None) };
            Ok(Some(Views { plain: plain?, strong: strong? }))
        };
        Some(unlabeled().and_then(|unlabeled| Ok(Self { labeled: labeled?, unlabeled })))
    }
}

impl From<Batch> for StepBatch {
    fn from(labeled: Batch) -> Self {
        Self { labeled, unlabeled: None }
    }
}
