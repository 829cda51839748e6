//! What to make: TOML or flags go in, a [`Spec`] that makes sense comes out, or an error with the nearest key.

mod values;

use imagenette_files::hash::sha256;
use imagenette_files::nearest::nearest;
use serde::{Deserialize, Serialize};

use crate::class;
use crate::error::{DataError, Result};
pub use crate::image::Subsampling;
use crate::make::original::address::is_wnid;
pub use values::{Family, Filter, Size, SplitRule};

/// Everything that decides which bytes come out, except for the copy of ImageNet that goes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The name of the dataset, to which sizes other than `full` are added: `imagenette2-160`.
    pub name: String,
    /// One of the official datasets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<Family>,
    /// An own choice of classes: WordNet ids or names of folders; `["all"]` takes all there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Which photos are for training and which for validation.
    pub split: SplitRule,
    /// The seed for everything that is drawn: splits, and labels that are wrong on purpose.
    #[serde(default)]
    pub seed: u64,
    /// The sizes to make.
    pub sizes: Vec<Size>,
    /// The filter that resizes; its support grows with the reduction, so that every pixel counts.
    #[serde(default)]
    pub filter: Filter,
    /// The quality of the JPEG files, 1 to 100.
    #[serde(default = "quality")]
    pub quality: u8,
    /// How much of the color the JPEG files keep.
    #[serde(default)]
    pub subsampling: Subsampling,
    /// Whether photos of one's own are made as they are stored, whatever orientation their cameras noted, instead of
    /// upright. Those of ImageNet's classes are never turned.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_orientation: bool,
    /// The percentages of a table of noisy labels; empty for no table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noise: Vec<u8>,
}

fn quality() -> u8 {
    90
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Spec {
    /// The spec of an official dataset.
    pub fn of(family: Family, split: SplitRule) -> Self {
        let name = match (family, split) {
            (Family::Imagenette, SplitRule::V1) => "imagenette".into(),
            (Family::Imagenette | Family::Imagewoof, SplitRule::V2) => format!("{}2", family.name()),
            (Family::Imagewang, _) => "imagewang".into(),
            (_, SplitRule::V1) => format!("{}-v1", family.name()),
            (_, SplitRule::Own) => format!("{}-own", family.name()),
            (_, SplitRule::Ratio(train, val)) => format!("{}-{train}-{val}", family.name()),
        };
        Self { edition: Some(family), ..Self::own(name, Vec::new(), split) }
    }

    /// The spec of an own choice of classes.
    pub fn own(name: String, classes: Vec<String>, split: SplitRule) -> Self {
        Self {
            name,
            edition: None,
            classes,
            split,
            seed: 0,
            sizes: vec![Size::Full, Size::Shortest(320), Size::Shortest(160)],
            filter: Filter::default(),
            quality: quality(),
            subsampling: Subsampling::default(),
            keep_orientation: false,
            noise: Vec::new(),
        }
    }

    /// Whether photos of a class are turned upright, as their cameras noted.
    pub fn turns(&self, wnid: &str) -> bool {
        self.edition.is_none() && !self.keep_orientation && !is_wnid(wnid)
    }

    /// Reads and checks a spec.
    ///
    /// # Errors
    /// When it is not TOML, when a key is unknown or missing, or when a value makes no sense.
    pub fn from_toml(text: &str) -> Result<Self> {
        let spec: Self = toml::from_str(text).map_err(|error| explain(error.message(), error.span(), text))?;
        spec.validate()?;
        Ok(spec)
    }

    /// The whole spec as TOML: this is what is recorded and hashed.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a spec has only strings, numbers and lists of them")
    }

    /// sha256 of [`Spec::to_toml`].
    pub fn sha256(&self) -> String {
        sha256(self.to_toml())
    }

    /// The name of the dataset in a size.
    pub fn dataset_name(&self, size: Size) -> String {
        match size {
            Size::Full => self.name.clone(),
            Size::Shortest(px) => format!("{}-{px}", self.name),
        }
    }

    /// Whether anything of a class is wanted.
    pub fn wants_class(&self, wnid: &str) -> bool {
        let of = |classes: Vec<class::Class>| classes.iter().any(|class| class.wnid == wnid);
        match self.edition {
            Some(Family::Imagenette) => of(class::imagenette()),
            Some(Family::Imagewoof) => of(class::imagewoof()),
            Some(Family::Imagewang) => of(class::imagewang()),
            None => self.takes_all() || self.classes.iter().any(|class| class == wnid),
        }
    }

    /// Whether all classes are taken.
    pub fn takes_all(&self) -> bool {
        self.classes == ["all"]
    }

    /// Checks what the types do not ensure.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        let setting = |key: &str, expected: &str, found: String, hint: &str| {
            Err(DataError::Setting { key: key.into(), expected: expected.into(), found, hint: hint.into() })
        };
        crate::store::check_name(&self.name)?;
        match (self.edition, self.classes.is_empty()) {
            (Some(_), false) => {
                return setting(
                    "classes",
                    "no classes together with an edition",
                    self.classes.join(","),
                    "leave one out",
                );
            }
            (None, true) => {
                return setting(
                    "classes",
                    "an edition or classes",
                    "neither".into(),
                    "for example edition = \"imagenette\" or classes = [\"all\"]",
                );
            }
            _ => {}
        }
        if self.edition.is_none() && self.split == SplitRule::V2 {
            let hint = "v2 is the official list of Imagenette and Imagewoof; own classes can have own, v1 or 70:30";
            return setting("split", "own, v1 or parts such as 70:30", "v2".into(), hint);
        }
        if self.edition == Some(Family::Imagewang) && self.split != SplitRule::V2 {
            return setting("split", "v2", self.split.to_string(), "Image网 has one split: leave --split out");
        }
        for class in &self.classes {
            // A misspelled WordNet id would silently give a smaller dataset.
            let looks_like_one =
                class.starts_with('n') && class.len() > 6 && class[1..].bytes().all(|b| b.is_ascii_digit());
            if looks_like_one && !is_wnid(class) {
                return setting(
                    "classes",
                    "WordNet ids (`n` and eight digits) or names of folders",
                    format!("`{class}`"),
                    "check the id",
                );
            }
            if class.contains(['/', '\\']) || class.starts_with('.') || class.is_empty() {
                return setting(
                    "classes",
                    "names of class folders",
                    format!("`{class}`"),
                    "name the folder alone, without its path",
                );
            }
        }
        for (number, size) in self.sizes.iter().enumerate() {
            if self.sizes[..number].contains(size) {
                return setting("sizes", "each size once", format!("{size} twice"), "leave one out");
            }
        }
        if self.sizes.is_empty() {
            return setting("sizes", "one size or more", "none".into(), "for example sizes = [\"full\", 320, 160]");
        }
        if !(1..=100).contains(&self.quality) {
            return setting("quality", "1 to 100", self.quality.to_string(), "90 looks like the original");
        }
        if let Some(percent) = self.noise.iter().find(|percent| !(1..=100).contains(*percent)) {
            return setting(
                "noise",
                "percentages of 1 to 100",
                percent.to_string(),
                "the official tables have 1, 5, 25 and 50",
            );
        }
        Ok(())
    }
}

/// Turns an error message of serde into key, expected, found and hint.
fn explain(message: &str, span: Option<std::ops::Range<usize>>, text: &str) -> DataError {
    let line = span.map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let meant = quoted.split_first().and_then(|(found, known)| nearest(found, known.iter().copied()));
    let (found, expected) = message.split_once(", expected ").unwrap_or((message, "a spec"));
    DataError::Setting {
        key: format!("spec, line {line}"),
        expected: expected.trim().into(),
        found: found.trim().into(),
        hint: meant.map_or_else(
            || "docs/making-at-scale.md has an example of every key".into(),
            |near| format!("did you mean `{near}`?"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;

    #[test]
    fn a_spec_survives_its_toml() {
        let spec =
            Spec { noise: vec![1, 50], ..Spec::own("cats".into(), vec!["n02123045".into()], SplitRule::Ratio(70, 30)) };
        assert_eq!(Spec::from_toml(&spec.to_toml()).unwrap(), spec);
        let short = "name = \"mine\"\nedition = \"imagewoof\"\nsplit = \"v2\"\nsizes = [160]\n";
        let spec = Spec::from_toml(short).unwrap();
        assert_eq!(
            (spec.quality, spec.filter, spec.dataset_name(Size::Shortest(160))),
            (90, Filter::Lanczos, "mine-160".into())
        );
    }

    #[test]
    fn typos_and_nonsense_get_a_hint() {
        let base = "name = \"mine\"\nclasses = [\"all\"]\nsplit = \"own\"\nsizes = [160]\n";
        for (more, says) in [
            ("qualty = 3\n", "did you mean `quality`?"),
            ("filter = \"lancos\"\n", "did you mean `lanczos`?"),
            ("quality = 0\n", "90 looks"),
            ("noise = [0]\n", "1, 5, 25"),
            ("edition = \"imagenette\"\n", "leave one out"),
        ] {
            let error = Spec::from_toml(&format!("{base}{more}")).expect_err(more);
            assert!(error.hint().is_some_and(|hint| hint.contains(says)), "{more}: {error} {:?}", error.hint());
        }
        for (from, to) in [
            ("\"own\"", "\"v2\""),
            ("\"own\"", "\"70:0\""),
            ("[160]", "[]"),
            ("[160]", "[160, 160]"),
            ("[160]", "[5]"),
            ("all", "n123456789"),
            ("all", "a/b"),
            ("mine", "../mine"),
        ] {
            let error = Spec::from_toml(&base.replace(from, to)).expect_err(to);
            assert!(error.hint().is_some(), "{error}");
        }
    }
}
