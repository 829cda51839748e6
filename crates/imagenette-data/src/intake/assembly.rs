//! Photos with their places go in, the manifest of a dataset comes out. Whatever the source, the same rules decide
//! what a dataset is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::class::Class;
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::image::Orientation;
use crate::intake::complete::{Taken, layout_hint};
use crate::intake::photos::Photo;
use crate::manifest::{ImageEntry, Manifest, OrientationRule, Source};

/// How many classes an error names.
const NAMED: usize = 5;

/// Makes the manifest of photos whose places are known.
///
/// `known` is the edition where the hash of the source tells it; otherwise the paths of the photos do. Photos of one's
/// own are turned upright unless `keep_orientation`. `origin` is for messages.
///
/// # Errors
/// When there are no photos, when a class is empty, when train and val do not have the same classes, or test has
/// others (official editions are exempt: their classes and counts are known).
pub(crate) fn assemble(
    origin: &Path,
    name: &str,
    source: Source,
    Taken { photos, classes }: Taken,
    keep_orientation: bool,
    known: Option<Edition>,
) -> Result<Manifest> {
    let malformed = |expected: &str, found: String, hint: &str| DataError::malformed(origin, expected, found, hint);
    let layout_hint = layout_hint();
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
    let (train, val, test) = (wnids(Split::Train), wnids(Split::Val), wnids(Split::Test));
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
        let unknown: Vec<String> = test.difference(&train).map(|wnid| describe(wnid)).collect();
        if !unknown.is_empty() {
            let found = format!("test with {}", list(&unknown));
            return Err(malformed("no other classes in test than in train", found, layout_hint));
        }
        let empty: Vec<String> = counts
            .iter()
            .filter(|((split, _), count)| **count == 0 && *split != Split::Test)
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
    let orientation = match edition {
        Edition::Own if !keep_orientation => OrientationRule::Upright,
        _ => OrientationRule::Stored,
    };
    let label = |wnid: &String| wnids.binary_search(wnid).expect("every photo's class was counted") as u16;
    let images = photos
        .into_iter()
        .map(|photo| {
            let turned = photo.orientation.filter(|_| orientation == OrientationRule::Upright);
            let (width_px, height_px) = Orientation::turned((photo.width_px, photo.height_px), turned);
            ImageEntry {
                split: photo.place.split,
                label: photo.place.wnid.as_ref().map(label),
                file_name: photo.place.file_name,
                width_px,
                height_px,
                bytes: photo.bytes,
                sha256: photo.sha256,
                turned,
            }
        })
        .collect();
    let classes = wnids.iter().map(|wnid| Class::of(wnid)).collect();
    let mut manifest = Manifest { name: name.into(), edition, size, source, orientation, classes, images };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::layout::Place;
    use crate::intake::photos::Photo;

    /// A photo that is stored turned, in each class and split.
    fn taken() -> Taken {
        let mut taken = Taken { photos: Vec::new(), classes: BTreeSet::new() };
        for split in [Split::Train, Split::Val] {
            for class in ["n01440764", "n02102040"] {
                taken.classes.insert((split, class.into()));
                taken.photos.push(Photo {
                    place: Place { split, wnid: Some(class.into()), file_name: "a.jpg".into() },
                    width_px: 30,
                    height_px: 20,
                    bytes: 1,
                    sha256: class.into(),
                    orientation: Some(Orientation::try_from(6).unwrap()),
                    dark: None,
                });
            }
        }
        taken
    }

    fn assembled(keep_orientation: bool, known: Option<Edition>) -> Manifest {
        let source = Source { from: "x".into(), sha256: None, archive: None };
        assemble(Path::new("x"), "x", source, taken(), keep_orientation, known).unwrap()
    }

    #[test]
    fn the_photos_of_official_editions_are_never_turned() {
        for edition in [Edition::ImagenetteV1, Edition::ImagenetteV2, Edition::ImagewoofV2, Edition::Imagewang] {
            let official = assembled(false, Some(edition));
            assert!(official.orientation.is_stored() && official.images.iter().all(|image| image.turned.is_none()));
            assert_eq!((official.images[0].width_px, official.images[0].height_px), (30, 20));
        }
        let own = assembled(false, None);
        assert_eq!((own.images[0].width_px, own.images[0].height_px), (20, 30));
        assert_eq!(own.images[0].turned.map(u8::from), Some(6));
        assert_ne!(own.identity(), assembled(true, None).identity());
        assert_eq!(assembled(true, None).identity(), assembled(false, Some(Edition::ImagenetteV2)).identity());
    }
}
