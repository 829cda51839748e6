//! What predictions are scored on: a split of a dataset, or what a tuning run held out of train.

use std::path::Path;

use anyhow::Context;
use imagenette_data::edition::Split;
use imagenette_data::hold_out::{hold_out, hold_out_rounded};
use imagenette_data::manifest::{ImageEntry, Manifest};
use imagenette_results::run_record::HeldOut;
use imagenette_results::{Prediction, predictions};

use crate::terminal::Refusal;

/// What predictions are scored on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scored {
    /// A split of the dataset.
    Split(Split),
    /// What a tuning run held out of the train split.
    HeldOut(HeldOut),
}

impl Scored {
    /// Its photos.
    ///
    /// # Errors
    /// When the dataset lacks the split, or has too few photos to hold some out.
    pub(crate) fn photos(self, manifest: &Manifest) -> anyhow::Result<Vec<&ImageEntry>> {
        let held_out = match self {
            Self::Split(split) => {
                let of_split: Vec<&ImageEntry> = manifest.images.iter().filter(|image| image.split == split).collect();
                return if of_split.is_empty() { Err(no_split(manifest, split)) } else { Ok(of_split) };
            }
            Self::HeldOut(held_out) => held_out,
        };
        let mut samples = hold_out(manifest, held_out.share)?.held_out;
        // Runs of before held out none of a small class.
        if samples.len() as u64 != held_out.photos {
            samples = hold_out_rounded(manifest, held_out.share)?.held_out;
        }
        Ok(samples.iter().map(|&sample| &manifest.images[sample as usize]).collect())
    }

    /// Scores predictions for these photos; `path` is what errors name.
    ///
    /// # Errors
    /// As [`Scored::photos`] and [`score`].
    pub(crate) fn score(
        self,
        path: &Path,
        predictions: &[Prediction],
        manifest: &Manifest,
    ) -> anyhow::Result<predictions::Score> {
        score(path, predictions, manifest, &self.photos(manifest)?)
    }
}

/// Scores predictions for these photos of a manifest; `path` is what errors name.
///
/// # Errors
/// When a photo has no label, or the predictions are not for each of the photos once.
pub(crate) fn score(
    path: &Path,
    predictions: &[Prediction],
    manifest: &Manifest,
    images: &[&ImageEntry],
) -> anyhow::Result<predictions::Score> {
    let truth: Vec<(String, usize)> = images
        .iter()
        .map(|image| Some((manifest.relative_path(image), usize::from(image.label?))))
        .collect::<Option<_>>()
        .context("photos without a label cannot be scored")?;
    let classes: Vec<String> = manifest.classes.iter().map(|class| class.wnid.clone()).collect();
    Ok(predictions::score(path, predictions, &truth, &classes)?)
}

/// The error about a dataset that lacks a split.
pub(crate) fn no_split(manifest: &Manifest, split: Split) -> anyhow::Error {
    let hint = match split {
        Split::Test => {
            "its val split is what there is: leave `--split test` out, or install photos that have a `test` folder"
        }
        _ => "use a dataset that has this split; `imagenette info` shows them",
    };
    Refusal::error(format!("{} has no {} split", manifest.name, split.name()), hint)
}
