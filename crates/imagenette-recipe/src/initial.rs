//! Where a run's weights begin: at random, or where another run's ended.

use imagenette_files::hash;
use serde::{Deserialize, Serialize};

use crate::checks::require;
use crate::defaults::{is_default, ratio};
use crate::error::Result;
use crate::recipe::Recipe;

/// The name of everything but the head, where parts are frozen.
pub const BODY: &str = "body";
/// What the names of a head's tensors begin with.
pub const HEAD: &str = "head.";

/// The weights that a run begins with instead of random ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialWeights {
    /// A finished run's folder, or a safetensors file. It says where they were found, not what they are.
    #[serde(default)]
    pub from: String,
    /// sha256 of that file; filled in when the run begins, and checked where it is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
    /// What they came from, in words; filled in when the run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What becomes of the last layer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub head: HeadChoice,
    /// What stays as it was: `body`, or the beginnings of tensors' names (`stem`, `groups.0`). What is frozen is normalized by
    /// the statistics that it came with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// What becomes of normalizations, their gains, biases and statistics.
    #[serde(default, skip_serializing_if = "is_default")]
    pub normalization: NormalizationChoice,
    /// How fast everything but the head learns beside it: a factor of each update, 0 to 1.
    #[serde(default = "ratio::<1, 1>", skip_serializing_if = "is_one")]
    pub body_rate_factor: f64,
    /// By how much each part learns more slowly than the one behind it, from the head to the stem: a factor of each
    /// update, above 0 to 1. The parts are the stem, then each of `groups` or `stages`.
    #[serde(default = "ratio::<1, 1>", skip_serializing_if = "is_one")]
    pub layer_rate_decay: f64,
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}

/// What becomes of normalizations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormalizationChoice {
    /// What becomes of the layers that they stand in.
    #[default]
    Auto,
    /// They stay as they came, also where the layers around them learn.
    Frozen,
    /// They learn, and follow the batches, also where the layers around them are frozen.
    Learned,
}

/// What becomes of the last layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadChoice {
    /// It is kept where the classes are the same and the task is, and drawn anew elsewhere.
    #[default]
    Auto,
    /// It is drawn anew.
    New,
    /// It is kept.
    Kept,
}

impl InitialWeights {
    /// Those of a run, without more.
    pub fn of(from: impl Into<String>) -> Self {
        Self {
            from: from.into(),
            weights_sha256: None,
            origin: None,
            head: HeadChoice::default(),
            freeze: Vec::new(),
            normalization: NormalizationChoice::default(),
            body_rate_factor: 1.0,
            layer_rate_decay: 1.0,
        }
    }

    /// Whether a tensor of this name stays as it was.
    pub fn is_frozen(&self, name: &str) -> bool {
        self.freeze.iter().any(|frozen| {
            if frozen == BODY {
                !name.starts_with(HEAD)
            } else {
                name == frozen || name.starts_with(&format!("{frozen}."))
            }
        })
    }

    pub(crate) fn validate(&self) -> Result<()> {
        require(
            !self.from.is_empty() || self.weights_sha256.is_some(),
            "initial.from",
            "a run's folder or a safetensors file",
            "nothing".into(),
            "name one: `initial.from = \"runs/first\"`, or `train --initial runs/first`",
        )?;
        if let Some(known) = &self.weights_sha256 {
            require(
                known.len() == hash::sha256("").len() && known.bytes().all(|digit| digit.is_ascii_hexdigit()),
                "initial.weights_sha256",
                "64 hexadecimal digits",
                known.escape_default().to_string(),
                "leave it out: it is filled in when the run begins",
            )?;
        }
        require(
            (0.0..=1.0).contains(&self.body_rate_factor),
            "initial.body_rate_factor",
            "a factor from 0 to 1",
            self.body_rate_factor.to_string(),
            "0.1 is usual; `freeze = [\"body\"]` does not train it at all",
        )?;
        require(
            self.layer_rate_decay > 0.0 && self.layer_rate_decay <= 1.0,
            "initial.layer_rate_decay",
            "a factor above 0, at most 1",
            self.layer_rate_decay.to_string(),
            "0.7 is usual; 1 trains all parts alike",
        )?;
        require(
            !self.freeze.iter().any(String::is_empty),
            "initial.freeze",
            "names of tensors or their beginnings",
            "an empty one".into(),
            "`body` is everything but the head",
        )
    }
}

impl Recipe {
    /// How many times the forward pass a step costs for each photo that is learned from: three times with what goes back
    /// through the whole network, once where all of it but the head is frozen.
    pub fn learning_passes(&self) -> usize {
        let is_frozen = |initial: &InitialWeights| {
            initial.normalization != NormalizationChoice::Learned && initial.freeze.iter().any(|frozen| frozen == BODY)
        };
        if self.initial.as_ref().is_some_and(is_frozen) { 1 } else { 3 }
    }

    pub(crate) fn validate_initial(&self) -> Result<()> {
        self.initial.as_ref().map_or(Ok(()), InitialWeights::validate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frozen_is_known_by_the_beginning_of_its_name() {
        let initial = InitialWeights { freeze: vec!["groups.1".into(), "stem".into()], ..InitialWeights::of("runs/a") };
        let frozen = ["stem.weight", "groups.1.first.weight", "groups.10.first.weight", "head.weight", "stems.weight"];
        assert_eq!(frozen.map(|name| initial.is_frozen(name)), [true, true, false, false, false]);
        let body = InitialWeights { freeze: vec![BODY.into()], ..initial };
        assert_eq!(
            ["groups.10.weight", "head.weight", "head.bias"].map(|name| body.is_frozen(name)),
            [true, false, false]
        );
    }

    #[test]
    fn where_weights_were_found_is_not_what_they_are() {
        let read = |initial: &str| {
            let overrides = [("initial".to_owned(), initial.to_owned())];
            Recipe::from_toml(Recipe::shipped_text("default").unwrap(), &overrides).unwrap()
        };
        let hash = "ab".repeat(32);
        let one = read(&format!("{{ from = 'runs/a', weights_sha256 = '{hash}' }}"));
        let other = read(&format!("{{ from = '/elsewhere/b', weights_sha256 = '{hash}', origin = 'told' }}"));
        assert_eq!(one.canonical_sha256(), other.canonical_sha256());
        assert_ne!(one.canonical_sha256(), read("{ from = 'runs/a' }").canonical_sha256());
        let again = Recipe::from_toml(&one.canonical(), &[]).unwrap();
        assert_eq!(again.canonical(), one.canonical());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        for (value, key) in [
            ("{ }", "initial.from"),
            ("{ from = 'a', weights_sha256 = '12' }", "initial.weights_sha256"),
            ("{ from = 'a', body_rate_factor = 2.0 }", "initial.body_rate_factor"),
            ("{ from = 'a', freeze = [''] }", "initial.freeze"),
            ("{ from = 'a', layer_rate_decay = 0.0 }", "initial.layer_rate_decay"),
            ("{ from = 'a', normalization = 'old' }", "initial"),
            ("{ from = 'a', head = 'old' }", "initial"),
        ] {
            let overrides = [("initial".to_owned(), value.to_owned())];
            let error = Recipe::from_toml(Recipe::shipped_text("default").unwrap(), &overrides).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
