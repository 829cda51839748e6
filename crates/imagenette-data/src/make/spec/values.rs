//! The values in a spec, as they are written in TOML and on the command line.

use serde::{Deserialize, Serialize};

use crate::edition::Edition;

/// The official datasets that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Ten classes that are easy to tell apart.
    Imagenette,
    /// Ten breeds of dogs.
    Imagewoof,
    /// Both, semi-supervised.
    Imagewang,
}

impl Family {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imagenette => "imagenette",
            Self::Imagewoof => "imagewoof",
            Self::Imagewang => "imagewang",
        }
    }

    /// The edition of this family and split.
    pub fn edition(self, split: SplitRule) -> Edition {
        match (self, split) {
            (Self::Imagenette, SplitRule::V1) => Edition::ImagenetteV1,
            (Self::Imagenette, SplitRule::V2) => Edition::ImagenetteV2,
            (Self::Imagewoof, SplitRule::V2) => Edition::ImagewoofV2,
            (Self::Imagewang, SplitRule::V2) => Edition::Imagewang,
            _ => Edition::Own,
        }
    }
}

/// Which photos are for training and which for validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitRule {
    /// As in ImageNet: `ILSVRC2012_val_*` is for validation.
    V1,
    /// The official 70/30 split of December 2019, from its list of names.
    V2,
    /// As in the copy: its `train` and `val`.
    Own,
    /// Drawn for each class: this many parts for training, this many for validation.
    Ratio(u32, u32),
}

impl std::fmt::Display for SplitRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::V1 => f.write_str("v1"),
            Self::V2 => f.write_str("v2"),
            Self::Own => f.write_str("own"),
            Self::Ratio(train, val) => write!(f, "{train}:{val}"),
        }
    }
}

impl std::str::FromStr for SplitRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ratio = || {
            let (train, val) = text.split_once(':')?;
            let part = |text: &str| text.parse().ok().filter(|part| (1..=1_000_000).contains(part));
            Some(Self::Ratio(part(train)?, part(val)?))
        };
        match text {
            "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            "own" => Ok(Self::Own),
            _ => ratio().ok_or_else(|| format!("expected v1, v2, own or parts such as 70:30, found `{text}`")),
        }
    }
}

impl Serialize for SplitRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SplitRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A size of photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Size {
    /// As they are.
    Full,
    /// The shortest side resized to this many pixels, with the aspect ratio kept and nothing enlarged.
    Shortest(u32),
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Shortest(px) => write!(f, "{px}"),
        }
    }
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("full", _) => Ok(Self::Full),
            (_, Ok(px @ 8..=4096)) => Ok(Self::Shortest(px)),
            _ => Err(format!("expected full or 8 to 4096 pixels, found `{text}`")),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Full => serializer.serialize_str("full"),
            Self::Shortest(px) => serializer.serialize_u32(*px),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u32),
            Text(String),
        }
        let text = match Either::deserialize(deserializer)? {
            Either::Number(px) => px.to_string(),
            Either::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The filter that resizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Windowed sinc with three lobes: sharper.
    #[default]
    Lanczos,
    /// A triangle: softer, as in the loaders of networks.
    Bilinear,
}
