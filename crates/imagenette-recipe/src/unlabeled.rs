//! How photos without labels are learned from beside those with.

use imagenette_data::augment::{RandAugment, Strong};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};

use crate::checks::{not_negative, require};
use crate::defaults::{ratio, whole};
use crate::error::Result;
use crate::own::{OwnPart, PartKind, deserialize_with, serialize_with, shipped_or_own};
use crate::recipe::Recipe;
use crate::validate::inside;
use crate::window::Window;

/// The method.
#[derive(Debug, Clone, PartialEq)]
pub enum Unlabeled {
    /// FixMatch: what a teacher is sure of in a plain view of a photo is taught to the network in a strongly changed one.
    FixMatch(FixMatch),
    /// A part that is not shipped: its loss sees both kinds of photos, and the teacher.
    Own(OwnMethod),
}

/// A method that is not shipped.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnMethod {
    /// Photos without a label in a step for each one with.
    pub ratio: u32,
    /// How the view is changed that the network learns from.
    pub strong: Strong,
    /// Its name and its own settings.
    pub part: OwnPart,
}

/// The shipped methods, as recipes write them.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Shipped {
    FixMatch(FixMatch),
}

/// What every own method has.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    #[serde(default = "whole::<3>")]
    ratio: u32,
    #[serde(default = "two_operations")]
    strong: Strong,
}

impl Serialize for Unlabeled {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::FixMatch(settings) => Shipped::FixMatch(*settings).serialize(serializer),
            Self::Own(OwnMethod { ratio, strong, part }) => {
                serialize_with(&Shared { ratio: *ratio, strong: *strong }, Some(part), serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Unlabeled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let table = Table::deserialize(deserializer)?;
        if OwnPart::of(PartKind::Method, &table).is_none() {
            let of = |shipped: Shipped| {
                let Shipped::FixMatch(settings) = shipped;
                Self::FixMatch(settings)
            };
            let read = |value: Value| value.try_into().map(of);
            return shipped_or_own(Value::Table(table), PartKind::Method, read, |_| unreachable!("it is shipped"))
                .map_err(serde::de::Error::custom);
        }
        let (Shared { ratio, strong }, part) =
            deserialize_with(PartKind::Method, Value::Table(table)).map_err(serde::de::Error::custom)?;
        Ok(Self::Own(OwnMethod { ratio, strong, part: part.expect("its name is none of a shipped one") }))
    }
}

/// FixMatch's settings.
///
/// The teacher is the average of the weights where the recipe has one (`[ema]`), as in mean teacher; else the network
/// itself.
///
/// # Source
/// Sohn et al., "FixMatch: simplifying semi-supervised learning with consistency and confidence", 2020; the teacher of
/// Tarvainen and Valpola, "Mean teachers are better role models", 2017.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixMatch {
    /// Photos without a label in a step for each one with.
    #[serde(default = "whole::<3>")]
    pub ratio: u32,
    /// How sure the teacher must be of a photo's class, from 0 to 1; others are not learned from.
    #[serde(default = "ratio::<95, 100>")]
    pub threshold: f64,
    /// How much the photos without labels count beside those with.
    #[serde(default = "ratio::<1, 1>")]
    pub weight: f64,
    /// The share of the run over which that weight rises from nothing, in a line.
    #[serde(default, skip_serializing_if = "crate::defaults::is_default")]
    pub ramp: f64,
    /// How the view is changed that the network learns from.
    #[serde(default = "two_operations")]
    pub strong: Strong,
}

fn two_operations() -> Strong {
    Strong::RandAugment(RandAugment::default())
}

impl Default for FixMatch {
    fn default() -> Self {
        Self { ratio: 3, threshold: 0.95, weight: 1.0, ramp: 0.0, strong: two_operations() }
    }
}

impl FixMatch {
    /// How much the photos without labels count at this progress of the run.
    pub fn weight_at(&self, progress: f64) -> f64 {
        if progress >= self.ramp { self.weight } else { self.weight * progress / self.ramp }
    }

    fn validate(&self) -> Result<()> {
        require(
            self.threshold > 0.0 && self.threshold < 1.0,
            "unlabeled.threshold",
            "a probability above 0 and below 1",
            self.threshold.to_string(),
            "0.95 is the paper's; 0.8 takes more photos in short runs",
        )?;
        not_negative("unlabeled.weight", self.weight)?;
        require(
            (0.0..=1.0).contains(&self.ramp),
            "unlabeled.ramp",
            "a share of the run, from 0 to 1",
            self.ramp.to_string(),
            "0.2 is usual; 0 counts them from the start",
        )
    }
}

impl Unlabeled {
    /// Photos without a label in a step for each one with.
    pub fn ratio(&self) -> u32 {
        match self {
            Self::FixMatch(settings) => settings.ratio,
            Self::Own(method) => method.ratio,
        }
    }

    /// How the view is changed that the network learns from.
    pub fn strong(&self) -> Strong {
        match self {
            Self::FixMatch(settings) => settings.strong,
            Self::Own(method) => method.strong,
        }
    }

    /// The part that is not shipped, where it is one.
    pub fn own(&self) -> Option<&OwnPart> {
        match self {
            Self::FixMatch(_) => None,
            Self::Own(method) => Some(&method.part),
        }
    }

    pub(crate) fn own_mut(&mut self) -> Option<&mut OwnPart> {
        match self {
            Self::FixMatch(_) => None,
            Self::Own(method) => Some(&mut method.part),
        }
    }
}

impl Recipe {
    /// Photos that a step sees for each one with a label: itself, and those without.
    pub fn photos_each(&self) -> usize {
        1 + self.unlabeled.as_ref().map_or(0, |unlabeled| unlabeled.ratio() as usize)
    }

    pub(crate) fn validate_unlabeled(&self) -> Result<()> {
        let Some(method) = &self.unlabeled else { return Ok(()) };
        require(
            (1..=64).contains(&method.ratio()),
            "unlabeled.ratio",
            "a whole number from 1 to 64",
            method.ratio().to_string(),
            "3 draws three photos without a label for each with one; leave `[unlabeled]` out to use none",
        )?;
        method.strong().validate().map_err(|error| inside(error, "unlabeled"))?;
        require(
            self.selection.is_none(),
            "selection",
            "none beside `[unlabeled]`, which selects by the teacher\'s sureness",
            "both".into(),
            "leave one of them out",
        )?;
        require(
            self.loss.own.is_none(),
            "loss.kind",
            "cross-entropy beside `[unlabeled]`",
            "an own loss".into(),
            "leave one of them out",
        )?;
        if let Unlabeled::FixMatch(settings) = method {
            settings.validate()?;
            // Scores that are taught to be less sure than that never are surer.
            let surest = 1.0 - self.loss.label_smoothing;
            require(
                settings.threshold <= surest,
                "unlabeled.threshold",
                &format!(
                    "at most {surest}, as sure as `loss.label_smoothing` = {} lets a teacher be",
                    self.loss.label_smoothing
                ),
                settings.threshold.to_string(),
                "set `loss.label_smoothing=0`, or the threshold lower",
            )?;
        }
        // A teacher that begins later would jump.
        let late = self.ema.filter(|ema| ema.window() != Window { from: 0.0, until: 1.0 });
        require(
            late.is_none(),
            "ema.from",
            "0 with `[unlabeled]`, whose teacher the average is from the start",
            late.map_or(0.0, |ema| ema.from).to_string(),
            "leave `ema.from` out",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(overrides: &[(&str, &str)]) -> Result<Recipe> {
        let smoothing = [("loss.label_smoothing", "0.0")];
        let overrides: Vec<_> =
            smoothing.iter().chain(overrides).map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(Recipe::shipped_text("fast-85").unwrap(), &overrides)
    }

    #[test]
    fn defaults_are_the_papers_and_are_written_down() {
        let recipe = read(&[("unlabeled.kind", "fix-match")]).unwrap();
        assert_eq!(recipe.unlabeled, Some(Unlabeled::FixMatch(FixMatch::default())));
        assert_eq!(recipe.photos_each(), 4);
        assert_eq!(Recipe::from_toml(&recipe.to_toml(), &[]).unwrap(), recipe);
        let british = read(&[("unlabelled.kind", "fix-match"), ("unlabelled.ratio", "7")]).unwrap();
        assert_eq!(british.photos_each(), 8);
        assert_eq!(read(&[]).unwrap().photos_each(), 1);
    }

    #[test]
    fn the_weight_rises_in_a_line() {
        let settings = FixMatch { ramp: 0.5, weight: 2.0, ..FixMatch::default() };
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|progress| settings.weight_at(progress)), [0.0, 1.0, 2.0, 2.0]);
        assert_eq!(FixMatch::default().weight_at(0.0), 1.0);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        for (key, value) in [
            ("unlabeled.ratio", "0"),
            ("unlabeled.threshold", "1.0"),
            ("unlabeled.threshold", "nan"),
            ("unlabeled.weight", "-1.0"),
            ("unlabeled.ramp", "1.5"),
        ] {
            let error = read(&[("unlabeled.kind", "fix-match"), (key, value)]).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        let unsure = read(&[("unlabeled.kind", "fix-match"), ("loss.label_smoothing", "0.1")]).unwrap_err().to_string();
        assert!(unsure.contains("unlabeled.threshold: expected at most 0.9"), "{unsure}");
        let both = read(&[("unlabeled.kind", "fix-match"), ("selection", "{ keep = 0.5 }")]).unwrap_err().to_string();
        assert!(both.contains("selection"), "{both}");
        let late = read(&[("unlabeled.kind", "fix-match"), ("ema", "{ decay = 0.99, from = 0.5 }")]).unwrap_err();
        assert!(late.to_string().contains("ema.from"), "{late}");
    }
}
