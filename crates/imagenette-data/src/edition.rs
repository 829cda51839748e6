//! The datasets there are: their classes, their splits and how many photos each has.

use imagenette_files::hash::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::class::{self, Class};

/// A part of a dataset. Training sees `train`; the accuracy that counts is measured on the whole of `val`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Labeled photos to learn from.
    Train,
    /// Unlabeled photos (Image网 only).
    Unsup,
    /// Labeled photos to evaluate on.
    Val,
    /// Labeled photos kept apart: neither trained on nor what a run reports.
    Test,
}

impl Split {
    /// Every split, in the order of the manifest.
    pub const ALL: [Self; 4] = [Self::Train, Self::Unsup, Self::Val, Self::Test];

    /// The folder's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Unsup => "unsup",
            Self::Val => "val",
            Self::Test => "test",
        }
    }

    /// The split whose folder has this name in a dataset of this program.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.name() == name)
    }

    /// The split that people mean by the name of a folder, in any case: `Training`, `valid`, `validation`, `testing`.
    pub fn of_folder(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "unsup" => Some(Self::Unsup),
            "val" | "valid" | "validation" => Some(Self::Val),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// The membership of a dataset: which photos are in which split. The size of its photos is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Edition {
    /// Imagenette v1 (March 2019): ImageNet's own split.
    #[serde(rename = "imagenette")]
    ImagenetteV1,
    /// Imagenette v2 (December 2019): the 70/30 split that the leaderboards use.
    #[serde(rename = "imagenette2")]
    ImagenetteV2,
    /// Imagewoof v2: ten breeds of dogs.
    #[serde(rename = "imagewoof2")]
    ImagewoofV2,
    /// Image网: semi-supervised, twenty classes.
    #[serde(rename = "imagewang")]
    Imagewang,
    /// The dataset that this program draws.
    #[serde(rename = "drawn")]
    Drawn,
    /// Somebody's own photos in the same layout.
    #[serde(rename = "own")]
    Own,
}

/// sha256 of Imagenette v2's 13,394 sorted paths (`train/n01440764/….JPEG`), each followed by a newline.
const IMAGENETTE_V2_MEMBERS: &str = "57ff0fc0d74be0253dc0d5204b5621eb6c708333d7538db7b317ad1242b433a8";

impl Edition {
    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImagenetteV1 => "imagenette",
            Self::ImagenetteV2 => "imagenette2",
            Self::ImagewoofV2 => "imagewoof2",
            Self::Imagewang => "imagewang",
            Self::Drawn => "drawn",
            Self::Own => "own",
        }
    }

    /// The classes in label order; `None` for own photos, whose folders are their classes.
    pub fn classes(self) -> Option<Vec<Class>> {
        match self {
            Self::ImagenetteV1 | Self::ImagenetteV2 | Self::Drawn => Some(class::imagenette()),
            Self::ImagewoofV2 => Some(class::imagewoof()),
            Self::Imagewang => Some(class::imagewang()),
            Self::Own => None,
        }
    }

    /// How many photos a split has; `None` where that is not fixed.
    pub fn count(self, split: Split) -> Option<usize> {
        match (self, split) {
            (Self::ImagenetteV1, Split::Train) => Some(12_894),
            (Self::ImagenetteV1, Split::Val) => Some(500),
            (Self::ImagenetteV2, Split::Train) => Some(9_469),
            (Self::ImagenetteV2, Split::Val) => Some(3_925),
            (Self::ImagewoofV2, Split::Train) => Some(9_025),
            (Self::ImagewoofV2 | Self::Imagewang, Split::Val) => Some(3_929),
            (Self::Imagewang, Split::Train) => Some(14_669),
            (Self::Imagewang, Split::Unsup) => Some(7_750),
            (Self::Drawn, Split::Train) => Some(4_000),
            (Self::Drawn, Split::Val) => Some(1_000),
            (Self::Own, _) => None,
            (_, Split::Unsup | Split::Test) => Some(0),
        }
    }

    /// Recognizes an edition by the paths of its members (`split/wnid/file name`, sorted); all others are
    /// [`Edition::Own`].
    ///
    /// Imagenette v2 is recognized by every name, v1 by its rule (`ILSVRC2012_val_*` is val) and its counts, the
    /// others by their classes and counts.
    pub fn identify<'a>(sorted_paths: impl Iterator<Item = &'a str>) -> Self {
        let mut digest = Sha256::new();
        let (mut train, mut val, mut unsup, mut test, mut v1_rule) = (0, 0, 0, 0, true);
        let mut wnids = std::collections::BTreeSet::new();
        for path in sorted_paths {
            digest.update(path.as_bytes());
            digest.update(b"\n");
            let mut parts = path.split('/');
            let (split, wnid, name) = (parts.next(), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            match split {
                Some("train") => train += 1,
                Some("val") => val += 1,
                Some("test") => test += 1,
                _ => unsup += 1,
            }
            if split != Some("unsup") {
                wnids.insert(wnid);
            }
            v1_rule &= name.starts_with("ILSVRC2012_val_") == (split == Some("val"));
        }
        if hex(&digest.finalize()) == IMAGENETTE_V2_MEMBERS {
            return Self::ImagenetteV2;
        }
        [Self::ImagenetteV1, Self::ImagewoofV2, Self::Imagewang]
            .into_iter()
            .find(|edition| {
                edition.count(Split::Train) == Some(train)
                    && edition.count(Split::Val) == Some(val)
                    && edition.count(Split::Unsup) == Some(unsup)
                    && edition.count(Split::Test) == Some(test)
                    && (*edition != Self::ImagenetteV1 || v1_rule)
                    && edition
                        .classes()
                        .is_some_and(|classes| classes.iter().map(|c| c.wnid.as_str()).eq(wnids.iter().copied()))
            })
            .unwrap_or(Self::Own)
    }

    /// The split in which Imagenette **v1** has a photo, which follows from its file name.
    pub fn v1_split(file_name: &str) -> Split {
        if file_name.starts_with("ILSVRC2012_val_") { Split::Val } else { Split::Train }
    }
}

impl std::fmt::Display for Edition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
