//! File names go in, the ImageNet ids in them come out, and what is wrong: one photo in both splits, or in two
//! classes. ImageNet's names survive resizing, so they find what hashes may miss.

use std::collections::HashMap;

use serde::Serialize;

use super::listing::{Item, Subject};
use super::{Member, Provenance};
use crate::edition::{Edition, Split};

/// The id of a photo in ImageNet (ILSVRC 2012), according to its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageNetId {
    /// `n01440764_10026`: a photo of the training set, with its class.
    Train {
        /// The number of the class, without the `n`.
        wnid: u32,
        /// The number of the photo in its class.
        number: u32,
    },
    /// `ILSVRC2012_val_00000293`: a photo of the validation set.
    Val(u32),
}

impl ImageNetId {
    /// The id in a file name, whatever follows it (there are names such as `n01440764_10026_n01440764.JPEG`).
    pub fn of(file_name: &str) -> Option<Self> {
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '_']);
        if let Some(rest) = file_name.strip_prefix("ILSVRC2012_val_") {
            let (number, rest) = digits(rest, 8)?;
            return ends(rest).then_some(Self::Val(number));
        }
        let (wnid, rest) = wnid_number(file_name)?;
        let (number, rest) = digits(rest.strip_prefix('_')?, 9)?;
        ends(rest).then_some(Self::Train { wnid, number })
    }
}

impl std::fmt::Display for ImageNetId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Train { wnid, number } => write!(f, "n{wnid:08}_{number}"),
            Self::Val(number) => write!(f, "ILSVRC2012_val_{number:08}"),
        }
    }
}

/// The number at the beginning of a text, which has at most so many digits, and what follows it.
fn digits(text: &str, most: usize) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    (1..=most).contains(&length).then(|| (text[..length].parse().expect("few digits fit"), &text[length..]))
}

/// The number of a WordNet id (`n01440764`) at the beginning of a text, and what follows it.
fn wnid_number(text: &str) -> Option<(u32, &str)> {
    let digits = text.strip_prefix('n')?;
    let number = digits.get(..8).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((number.parse().expect("eight digits"), &digits[8..]))
}

/// A photo of ImageNet in a place where it should not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misplaced {
    /// The id: `n01440764_10026`.
    pub id: String,
    /// What is wrong.
    pub fault: NameFault,
    /// The files with this id.
    pub photos: Vec<Member>,
}

/// What can be wrong with the place of an ImageNet photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameFault {
    /// It is in `val` or `test` and in another split.
    InBothSplits,
    /// It is in more than one class.
    UnderTwoClasses,
    /// It is more than once in the same class of the same split.
    Twice,
    /// It is in another class than its name says.
    UnderAnotherClass,
}

/// Every misplaced photo, the worst first.
pub(super) fn misplaced(subject: &Subject) -> Vec<Misplaced> {
    let mut places: HashMap<ImageNetId, Vec<u32>> = HashMap::new();
    let mut misplaced = Vec::new();
    for (sample, item) in (0..).zip(&subject.items) {
        let Some(id) = ImageNetId::of(item.file_name()) else { continue };
        places.entry(id).or_default().push(sample);
        if let (ImageNetId::Train { wnid, .. }, Some(label)) = (id, item.label)
            && let Some((folder, "")) = wnid_number(&subject.classes[usize::from(label)].wnid)
            && folder != wnid
        {
            let photos = vec![Member::of(subject, sample)];
            misplaced.push(Misplaced { id: id.to_string(), fault: NameFault::UnderAnotherClass, photos });
        }
    }
    for (id, samples) in places.into_iter().filter(|(_, samples)| samples.len() > 1) {
        let items: Vec<&Item> = samples.iter().map(|&sample| &subject.items[sample as usize]).collect();
        let fault = if super::are_across(items.iter().copied()) {
            NameFault::InBothSplits
        } else if items.iter().any(|item| item.label.is_some() && item.label != items[0].label) {
            NameFault::UnderTwoClasses
        } else {
            NameFault::Twice
        };
        let photos = samples.iter().map(|&sample| Member::of(subject, sample)).collect();
        misplaced.push(Misplaced { id: id.to_string(), fault, photos });
    }
    misplaced.sort_by(|a, b| (a.fault, &a.id).cmp(&(b.fault, &b.id)));
    misplaced
}

/// Which of ImageNet's splits the photos of each split come from, by their names.
pub(super) fn provenance(subject: &Subject) -> Vec<Provenance> {
    Split::ALL
        .into_iter()
        .filter_map(|split| {
            let mut counts = Provenance { split, imagenet_train: 0, imagenet_val: 0, unknown: 0 };
            for item in subject.items.iter().filter(|item| item.split == split) {
                match ImageNetId::of(item.file_name()) {
                    Some(ImageNetId::Train { .. }) => counts.imagenet_train += 1,
                    Some(ImageNetId::Val(_)) => counts.imagenet_val += 1,
                    None => counts.unknown += 1,
                }
            }
            (counts.imagenet_train + counts.imagenet_val + counts.unknown > 0).then_some(counts)
        })
        .collect()
}

/// Whether an edition keeps ImageNet's own split, so that a validation photo in `train` is a mistake.
pub(super) fn keeps_imagenet_split(edition: Edition) -> bool {
    matches!(edition, Edition::ImagenetteV1 | Edition::Own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_every_form_of_name() {
        let train = ImageNetId::Train { wnid: 1_440_764, number: 10_026 };
        for name in ["n01440764_10026.JPEG", "n01440764_10026", "n01440764_10026_n01440764.JPEG", "n01440764_10026.jpg"]
        {
            assert_eq!(ImageNetId::of(name), Some(train), "{name}");
        }
        assert_eq!(ImageNetId::of("ILSVRC2012_val_00000293.JPEG"), Some(ImageNetId::Val(293)));
        assert_eq!(ImageNetId::of("ILSVRC2012_val_00000293_n01440764.JPEG"), Some(ImageNetId::Val(293)));
        for name in ["drawn_n01440764_00001.JPEG", "n0144_1.JPEG", "n01440764.JPEG", "n01440764_x.JPEG", "", "nÄÄÄÄ_1"]
        {
            assert_eq!(ImageNetId::of(name), None, "{name}");
        }
        assert_eq!(ImageNetId::of("n01440764_99999999999.JPEG"), None);
        assert_eq!(train.to_string(), "n01440764_10026");
        assert_eq!(ImageNetId::Val(293).to_string(), "ILSVRC2012_val_00000293");
    }
}
