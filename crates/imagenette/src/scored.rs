//! What predictions are scored on: a split of a dataset, or what a tuning run held out of train.

use std::path::Path;

use anyhow::Context;
use imagenette_data::edition::Split;
use imagenette_data::hold_out::{HoldOut, fold_of, hold_out_of, hold_out_rounded};
use imagenette_data::manifest::{ImageEntry, Manifest};
use imagenette_data::task::Task;
use imagenette_results::RunRecord;
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

/// The photos that a run was evaluated on: val, or what it held out; of those what its task says.
///
/// # Errors
/// As [`Scored::photos`], and when this program does not know the task.
pub(crate) fn evaluated<'m>(record: &RunRecord, manifest: &'m Manifest) -> anyhow::Result<Vec<&'m ImageEntry>> {
    match of_task(record, manifest)? {
        Some(samples) => Ok(samples.iter().map(|&sample| &manifest.images[sample as usize]).collect()),
        None => record.held_out.map_or(Scored::Split(Split::Val), Scored::HeldOut).photos(manifest),
    }
}

/// The samples that a run under a task was evaluated on; `None` of a run without one.
///
/// # Errors
/// When this program does not know the task, or the photos are others.
pub(crate) fn of_task(record: &RunRecord, manifest: &Manifest) -> anyhow::Result<Option<Vec<u32>>> {
    let task = record.labels.as_ref().and_then(|labels| Some((labels.task.as_deref()?, labels.draw)));
    let Some((task, draw)) = task else { return Ok(None) };
    let split = Task::named(task)?.split(manifest, draw)?;
    Ok(Some(match record.held_out {
        Some(held_out) => parts(manifest, split.labeled, held_out)?.held_out,
        None => split.evaluated,
    }))
}

/// Photos with labels in two parts, as a record says that they were held out.
///
/// # Errors
/// When it says what cannot be.
pub(crate) fn parts(manifest: &Manifest, labeled: Vec<u32>, held_out: HeldOut) -> anyhow::Result<HoldOut> {
    Ok(match held_out.folds {
        Some(folds) => fold_of(manifest, labeled, folds.of, folds.fold)?,
        None => hold_out_of(manifest, labeled, held_out.share)?,
    })
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
        let mut samples = parts(manifest, manifest.samples(Split::Train), held_out)?.held_out;
        // Runs of before held out none of a small class.
        if samples.len() as u64 != held_out.photos {
            samples = hold_out_rounded(manifest, held_out.share)?.held_out;
        }
        Ok(samples.iter().map(|&sample| &manifest.images[sample as usize]).collect())
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
