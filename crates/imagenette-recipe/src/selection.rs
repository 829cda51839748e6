//! Selection by loss: of each batch that is drawn only some samples are learned from, as the network itself finds them: those
//! with the highest loss, which teach most, or those with the lowest, where labels may be wrong. Every sample drawn counts as
//! drawn, in an epoch and in the record.
//!
//! # Source
//! Of the highest, Jiang et al., "Accelerating deep learning by focusing on the biggest losers", 2019, in the form of a fixed share of each
//! batch; airbench96's fast variant keeps the half (and lets a smaller network choose).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::checks::require;
use crate::defaults::{is_default, ratio};
use crate::error::Result;
use crate::own::{OwnPart, PartKind, deserialize_with, serialize_with};
use crate::window::Window;

/// Which losses are learned from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Losses {
    /// The highest: what the network does not know yet.
    #[default]
    Highest,
    /// The lowest: samples whose label is surely right, where many are not. Networks learn those first.
    ///
    /// # Source
    /// Han et al., "Co-teaching: robust training of deep neural networks with extremely noisy labels", 2018, with one network
    /// instead of two.
    Lowest,
}

/// Which share of a batch is learned from, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The share of each batch that is kept, above 0 and below 1; of an own rule the most that it may keep.
    pub keep: f64,
    /// Whether those with the highest losses are kept, or those with the lowest.
    pub losses: Losses,
    /// The share of the run after which samples are selected.
    pub from: f64,
    /// The share of the run after which every sample is learned from again.
    pub until: f64,
    /// The rule, where it is not the shipped one, by which the highest losses are kept.
    pub own: Option<OwnPart>,
}

/// What every selection has.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    keep: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    losses: Losses,
    #[serde(default)]
    from: f64,
    #[serde(default = "ratio::<1, 1>")]
    until: f64,
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { keep, losses, from, until, own } = self;
        let shared = Shared { keep: *keep, losses: *losses, from: *from, until: *until };
        serialize_with(&shared, own.as_ref(), serializer)
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (Shared { keep, losses, from, until }, own) = deserialize_with(PartKind::Selection, deserializer)?;
        Ok(Self { keep, losses, from, until, own })
    }
}

impl Selection {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        require(
            self.keep > 0.0 && self.keep < 1.0,
            "selection.keep",
            "a share above 0 and below 1",
            self.keep.to_string(),
            "0.5 learns from half of each batch; leave `[selection]` out to learn from all of it",
        )?;
        require(
            self.own.is_none() || self.losses == Losses::Highest,
            "selection.losses",
            "none beside a rule of one\'s own, which chooses by itself",
            "`lowest`".into(),
            "leave it out",
        )?;
        self.window().validate("selection")
    }

    /// When samples are selected.
    pub fn window(&self) -> Window {
        Window { from: self.from, until: self.until }
    }

    /// How many of a batch's samples are kept: at least two, which normalization needs.
    pub fn count(&self, batch: usize) -> usize {
        ((self.keep * batch as f64).round() as usize).clamp(2.min(batch), batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_the_batch_and_begins_and_ends_when_it_should() {
        let selection = Selection { keep: 0.5, losses: Losses::Highest, from: 0.5, until: 0.9, own: None };
        assert_eq!([64, 3, 2, 1].map(|batch| selection.count(batch)), [32, 2, 2, 1]);
        let on = [0.49, 0.5, 0.9].map(|progress| selection.window().contains(progress));
        assert_eq!(on, [false, true, false]);
        assert!(selection.validate().is_ok());
        for wrong in [
            Selection { keep: 1.0, ..selection.clone() },
            Selection { keep: 0.0, ..selection.clone() },
            Selection { until: 0.5, ..selection.clone() },
            Selection { from: 1.0, ..selection.clone() },
        ] {
            assert!(wrong.validate().is_err(), "{wrong:?}");
        }
    }
}
