//! The first training batch of a recipe, cropped, flipped, changed, erased and mixed as a network would see it.

use std::sync::Arc;

use anyhow::Context;
use imagenette_data::class::Class;
use imagenette_data::dataset::Dataset;
use imagenette_data::image::Pixels;
use imagenette_data::loader::{Batch, BatchRequest, Loader, MixRequest, View};
use imagenette_data::packed::Packed;
use imagenette_train::Recipe;
use imagenette_train::parts::Parts;
use imagenette_train::recipe::plan::{EpochSamples, epoch_samples};

/// The first samples of the first epoch under a seed, and the pass of each where some are drawn several times.
pub(crate) fn first_samples(
    recipe: &Recipe,
    dataset: &Dataset,
    (seed, count): (u64, usize),
) -> anyhow::Result<EpochSamples> {
    let split = recipe.split(&dataset.manifest)?;
    let labels = split.labels(&dataset.manifest);
    let draws = recipe.labeled_draws(&split);
    let (mut order, mut passes) = epoch_samples(recipe, recipe.learned(&split), &labels, draws, (seed, 0));
    order.truncate(count);
    if let Some(passes) = &mut passes {
        passes.truncate(count);
    }
    Ok((order, passes))
}

/// The batch of the first samples of the first epoch under a seed.
///
/// # Errors
/// When an augmentation of the recipe is unknown, or the pixels cannot be read.
pub(crate) fn first_batch(
    recipe: &Recipe,
    dataset: &Dataset,
    packed: Arc<Packed>,
    parts: &Parts,
    (seed, count): (u64, usize),
) -> anyhow::Result<Batch> {
    let resolution_px = recipe.resolution.px(0.0);
    let labels = recipe.split(&dataset.manifest)?.labels(&dataset.manifest);
    let (samples, passes) = first_samples(recipe, dataset, (seed, count))?;
    let view = View::Train(recipe.augment.crop_and_flip(recipe.resolution.crop(0.0)));
    let mix = recipe.mix.filter(|mix| mix.is_on(0.0)).map(|mix| MixRequest { mix, start: 0 });
    let (own, erase) = (parts.augmentations_of(recipe)?, recipe.erase_at(0.0));
    let request = BatchRequest {
        epoch: 0,
        samples,
        passes,
        resolution_px,
        view,
        view_number: 0,
        own,
        strong: recipe.strong(),
        cutout: recipe.augment.cutout,
        erase,
        mix,
    };
    let requests = Box::new(std::iter::once(request));
    let mut loader = Loader::new(packed, labels.into(), seed, 1, requests)?;
    Ok(loader.next().context("the loader gives one batch for one request")??)
}

/// The pictures of a batch.
pub(crate) fn pictures(batch: &Batch) -> Vec<Pixels> {
    let side = batch.resolution_px;
    let picture = |rgb: &[u8]| Pixels { width_px: side, height_px: side, rgb: rgb.to_vec() };
    batch.pixels.chunks_exact((side * side * 3) as usize).map(picture).collect()
}

/// What each picture of a batch is taught as: its class, or both of a mixture with their shares.
pub(crate) fn labels(batch: &Batch, classes: &[Class]) -> Vec<String> {
    let class = |place: usize| {
        let label = batch.labels.get(place).map(|label| usize::from(*label));
        label.and_then(|label| classes.get(label)).map_or("?", |class| class.name.as_str())
    };
    let of = |place: usize| match batch.mixtures.as_ref().and_then(|mixtures| mixtures.get(place)) {
        Some(mixture) if mixture.share < 0.999 && mixture.partner != place => format!(
            "{} {:.0}% + {} {:.0}%",
            class(place),
            100.0 * mixture.share,
            class(mixture.partner),
            100.0 * (1.0 - mixture.share)
        ),
        _ => class(place).to_owned(),
    };
    (0..batch.samples.len()).map(of).collect()
}
