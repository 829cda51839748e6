//! A part of the train split that is held out for tuning, so that val stays unseen: the same photos for everybody, and
//! the same share of every class.

use crate::edition::Split;
use crate::error::{DataError, Result};
use crate::manifest::Manifest;
use crate::random::{Purpose, Random};

/// The train split in two parts, each in the order of its sample numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldOut {
    /// The samples to train on.
    pub train: Vec<u32>,
    /// The samples to evaluate on.
    pub held_out: Vec<u32>,
}

/// Holds out `share` of each class's train photos, rounded to whole photos: at least one, and not all of them. A class
/// with a single photo keeps it. Which ones depends on the manifest alone,
/// never on a run's seed, so that all runs of a comparison are evaluated on the same photos.
///
/// # Errors
/// When the share is not above 0 and below 1.
///
/// # Example
/// ```no_run
/// # fn example(dataset: &imagenette_data::dataset::Dataset) -> imagenette_data::Result<()> {
/// let split = imagenette_data::hold_out::hold_out(&dataset.manifest, 0.1)?;
/// assert!(split.held_out.iter().all(|sample| !split.train.contains(sample)));
/// # Ok(())
/// # }
/// ```
pub fn hold_out(manifest: &Manifest, share: f64) -> Result<HoldOut> {
    hold_out_of(manifest, manifest.samples(Split::Train), share)
}

/// As [`hold_out`], of these photos of the train split alone.
///
/// # Errors
/// As [`hold_out`].
pub fn hold_out_of(manifest: &Manifest, samples: Vec<u32>, share: f64) -> Result<HoldOut> {
    // A class with two photos or more is on both sides: what is held out must say something about each.
    draw(manifest, samples, share, |photos, rounded| 0..rounded.max(1).min(photos.saturating_sub(1)))
}

/// Of these photos of the train split one part of several: `fold` of `folds`, from 1. Each photo is held out in one of
/// them alone, and parts differ by a photo of each class at most. Which ones depends on the manifest alone, as in
/// [`hold_out`].
///
/// # Errors
/// When there are fewer than two folds, or this is none of them.
pub fn fold_of(manifest: &Manifest, samples: Vec<u32>, folds: u32, fold: u32) -> Result<HoldOut> {
    if folds < 2 || !(1..=folds).contains(&fold) {
        return Err(DataError::Setting {
            key: "fold".into(),
            expected: "a fold from 1 to `folds`, of 2 or more".into(),
            found: format!("{fold} of {folds}"),
            hint: "`train --folds 5` trains them all".into(),
        });
    }
    let edge = |photos: usize, part: u32| photos * part as usize / folds as usize;
    draw(manifest, samples, 1.0 / f64::from(folds), |photos, _| edge(photos, fold - 1)..edge(photos, fold))
}

/// As [`hold_out`] was until November 2026: of a class with few photos none was held out. For runs of that time.
///
/// # Errors
/// As [`hold_out`].
pub fn hold_out_rounded(manifest: &Manifest, share: f64) -> Result<HoldOut> {
    draw(manifest, manifest.samples(Split::Train), share, |_, rounded| 0..rounded)
}

/// `part` says which of a class's photos are held out, in their drawn order, from their number and the share of them,
/// rounded.
fn draw(
    manifest: &Manifest,
    samples: Vec<u32>,
    share: f64,
    part: impl Fn(usize, usize) -> std::ops::Range<usize>,
) -> Result<HoldOut> {
    if !(share > 0.0 && share < 1.0) {
        return Err(DataError::Setting {
            key: "hold_out".into(),
            expected: "a share above 0 and below 1".into(),
            found: share.to_string(),
            hint: "0.1 holds out a tenth of the train split".into(),
        });
    }
    let label_of = |sample: u32| manifest.images[sample as usize].label;
    let mut held_out = Vec::new();
    for label in 0..manifest.classes.len() as u16 {
        let mut of_class: Vec<u32> =
            samples.iter().copied().filter(|&sample| label_of(sample) == Some(label)).collect();
        let part = part(of_class.len(), (share * of_class.len() as f64).round() as usize);
        Random::new(0, Purpose::HoldOut, 0, label.into()).shuffle(&mut of_class);
        held_out.extend(of_class.into_iter().skip(part.start).take(part.len()));
    }
    held_out.sort_unstable();
    let train = samples.into_iter().filter(|sample| held_out.binary_search(sample).is_err()).collect();
    Ok(HoldOut { train, held_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Class;
    use crate::edition::Edition;
    use crate::manifest::{ImageEntry, OrientationRule, Source};

    /// Classes of 40, 25 and 4 train photos and 7 val photos each.
    fn manifest() -> Manifest {
        let classes = ["n01", "n02", "n03"].map(|wnid| Class { wnid: wnid.into(), name: wnid.into() });
        let image = |split, label: u16, number: usize| ImageEntry {
            split,
            label: Some(label),
            file_name: format!("{number}.JPEG"),
            width_px: 9,
            height_px: 9,
            bytes: 1,
            sha256: format!("{label}{number}"),
            turned: None,
        };
        let mut images = Vec::new();
        for (label, count) in [(0, 40), (1, 25), (2, 4)] {
            images.extend((0..count).map(|number| image(Split::Train, label, number)));
            images.extend((0..7).map(|number| image(Split::Val, label, number)));
        }
        let source = Source { from: "made".into(), sha256: None, archive: None };
        let mut manifest = Manifest {
            name: "made".into(),
            edition: Edition::Own,
            size: "9".into(),
            source,
            orientation: OrientationRule::Stored,
            classes: classes.into(),
            images,
        };
        manifest.sort();
        manifest
    }

    #[test]
    fn every_class_gives_its_share_and_no_photo_is_in_both_parts() {
        let manifest = manifest();
        let split = hold_out(&manifest, 0.1).unwrap();
        let held_of = |label| {
            split.held_out.iter().filter(|&&sample| manifest.images[sample as usize].label == Some(label)).count()
        };
        // A tenth of 40, 25 and 4, rounded, and at least one.
        assert_eq!([0, 1, 2].map(held_of), [4, 3, 1]);
        let before = hold_out_rounded(&manifest, 0.1).unwrap().held_out;
        assert!(before.len() == 7 && before.iter().all(|sample| split.held_out.contains(sample)));
        let mut all = [split.train.clone(), split.held_out.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, manifest.samples(Split::Train));
        assert!(split.train.is_sorted() && split.held_out.is_sorted());
        assert_eq!(split, hold_out(&manifest, 0.1).unwrap());
        // Not simply the first ones of each class.
        assert_ne!(split.held_out[..4], manifest.samples(Split::Train)[..4]);
    }

    #[test]
    fn each_photo_is_held_out_in_one_fold_and_trained_on_in_all_others() {
        let manifest = manifest();
        let all = manifest.samples(Split::Train);
        for folds in [2, 3, 5, 7] {
            let parts: Vec<HoldOut> =
                (1..=folds).map(|fold| fold_of(&manifest, all.clone(), folds, fold).unwrap()).collect();
            let mut held: Vec<u32> = parts.iter().flat_map(|part| part.held_out.clone()).collect();
            held.sort_unstable();
            assert_eq!(held, all, "{folds}");
            for part in &parts {
                assert_eq!(part.train.len() + part.held_out.len(), all.len());
                assert!(part.held_out.iter().all(|sample| part.train.binary_search(sample).is_err()));
                // 40 and 25 photos, in parts that differ by one at most, and 4 that not every fold has one of.
                for (label, photos) in [(0, 40), (1, 25), (2, 4)] {
                    let is_of = |sample: &&u32| manifest.images[**sample as usize].label == Some(label);
                    let count = part.held_out.iter().filter(is_of).count();
                    assert!((photos / folds as usize..=photos.div_ceil(folds as usize)).contains(&count), "{count}");
                }
            }
        }
        for (folds, fold) in [(1, 1), (0, 0), (5, 0), (5, 6)] {
            assert!(matches!(fold_of(&manifest, all.clone(), folds, fold), Err(DataError::Setting { .. })));
        }
    }

    #[test]
    fn a_share_that_leaves_one_part_empty_is_refused() {
        for share in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(matches!(hold_out(&manifest(), share), Err(DataError::Setting { .. })), "{share}");
        }
    }
}
