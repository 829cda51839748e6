//! Photos with their places go in, the manifest of a dataset comes out. Whatever the source, the same rules decide
//! what a dataset is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::class::Class;
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::intake::photos::Photo;
use crate::manifest::{ImageEntry, Manifest, Source};

/// How many classes an error names.
const NAMED: usize = 5;

/// Makes the manifest of photos whose places are known.
///
/// `classes` are the class folders that were seen, with or without photos. `known` is the edition where the hash of
/// the source tells it; otherwise the paths of the photos do. `origin` is for messages.
///
/// # Errors
/// When there are no photos, when a class is empty, or when train and val do not have the same classes (official
/// editions are exempt: their classes and counts are known).
pub(crate) fn assemble(
    origin: &Path,
    name: &str,
    source: Source,
    photos: Vec<Photo>,
    classes: &BTreeSet<(Split, String)>,
    known: Option<Edition>,
) -> Result<Manifest> {
    let malformed = |expected: &str, found: String, hint: &str| DataError::malformed(origin, expected, found, hint);
    let layout_hint = "the layout is train/<class>/<photo> and val/<class>/<photo>, with the same classes in both";
    if photos.is_empty() {
        return Err(malformed("photos in train/<class>/ and val/<class>/", "none".into(), layout_hint));
    }
    let edition = known.unwrap_or_else(|| {
        let mut paths: Vec<String> = photos.iter().map(|photo| photo.place.relative()).collect();
        paths.sort_unstable();
        Edition::identify(paths.iter().map(String::as_str))
    });
    let mut counts: BTreeMap<(Split, &str), usize> =
        classes.iter().map(|(split, wnid)| ((*split, wnid.as_str()), 0)).collect();
    for photo in &photos {
        if let Some(wnid) = &photo.place.wnid {
            *counts.entry((photo.place.split, wnid)).or_default() += 1;
        }
    }
    let wnids = |split: Split| -> BTreeSet<&str> {
        counts.keys().filter(|(of, _)| *of == split).map(|(_, wnid)| *wnid).collect()
    };
    let (train, val) = (wnids(Split::Train), wnids(Split::Val));
    if edition == Edition::Own {
        for (split, here) in [(Split::Train, &train), (Split::Val, &val)] {
            if here.is_empty() {
                return Err(malformed("train and val", format!("no classes in {}", split.name()), layout_hint));
            }
        }
        let lacks: Vec<String> = [(Split::Val, &train, &val), (Split::Train, &val, &train)]
            .into_iter()
            .filter_map(|(split, of, other)| {
                let missing: Vec<String> = of.difference(other).map(|wnid| describe(wnid)).collect();
                (!missing.is_empty()).then(|| format!("{} without {}", split.name(), list(&missing)))
            })
            .collect();
        if !lacks.is_empty() {
            return Err(malformed("the same classes in train and val", lacks.join(" and "), layout_hint));
        }
        let empty: Vec<String> = counts
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|((split, wnid), _)| format!("{}/{wnid}", split.name()))
            .collect();
        if !empty.is_empty() {
            let found = format!("no photos in {}", list(&empty));
            return Err(malformed(
                "photos in every class",
                found,
                "add photos, or remove the empty class from both splits",
            ));
        }
    }
    let wnids: Vec<String> = train.union(&val).map(|wnid| (*wnid).to_owned()).collect();
    if wnids.len() >= usize::from(crate::dataset::UNLABELED) {
        return Err(malformed("fewer than 65,535 classes", wnids.len().to_string(), layout_hint));
    }
    let size = size_of(&photos);
    let label = |wnid: &String| wnids.binary_search(wnid).expect("every photo's class was counted") as u16;
    let images = photos
        .into_iter()
        .map(|photo| ImageEntry {
            split: photo.place.split,
            label: photo.place.wnid.as_ref().map(label),
            file_name: photo.place.file_name,
            width_px: photo.width_px,
            height_px: photo.height_px,
            bytes: photo.bytes,
            sha256: photo.sha256,
        })
        .collect();
    let classes = wnids.iter().map(|wnid| Class::of(wnid)).collect();
    let mut manifest = Manifest { name: name.into(), edition, size, source, classes, images };
    manifest.sort();
    Ok(manifest)
}

/// The shortest side, where all photos have the same (`160`, `320`, `224`), or else `full`.
fn size_of(photos: &[Photo]) -> String {
    let mut sides = photos.iter().map(|photo| photo.width_px.min(photo.height_px));
    match sides.next() {
        Some(first) if sides.all(|side| side == first) => first.to_string(),
        _ => "full".into(),
    }
}

fn describe(wnid: &str) -> String {
    let class = Class::of(wnid);
    if class.name == wnid { wnid.into() } else { format!("{wnid} ({})", class.name) }
}

pub(super) fn list(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}
