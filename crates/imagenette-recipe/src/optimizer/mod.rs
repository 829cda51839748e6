//! How the weights follow the gradient: settings alone, from which `imagenette-train` makes steps.
//!
//! Groups are told apart: weights (with decay), normalization (its own rate, no decay) and biases (no decay), unless
//! [`Groups`] says otherwise.

mod adamw;
mod groups;
mod muon;
mod ranger;
mod sgd;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use adamw::AdamWConfig;
pub use groups::Groups;
pub use muon::{MuonConfig, MuonScale, RestConfig};
pub use ranger::RangerConfig;
pub use sgd::SgdConfig;

use crate::checks::{below_one, not_negative, positive, require};
use crate::error::Result;
use crate::lookahead::LookaheadConfig;
use crate::model::ModelConfig;
use crate::own::{OwnPart, PartKind, shipped_or_own};

/// Which optimizer, with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "kind", rename_all = "lowercase")]
pub enum OptimizerConfig {
    /// Gradient descent with momentum.
    Sgd(SgdConfig),
    /// Adam with decoupled weight decay.
    AdamW(AdamWConfig),
    /// Rectified Adam under Lookahead.
    Ranger(RangerConfig),
    /// Orthogonal steps for convolutions, another optimizer for the rest.
    Muon(MuonConfig),
    /// One that is not shipped. It has a setting `learning_rate`, which find-lr and schedules scale.
    #[serde(skip)]
    Own(OwnPart),
}

impl Serialize for OptimizerConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(part) => part.serialize(serializer),
            shipped => Self::serialize(shipped, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OptimizerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shipped_or_own(deserializer, PartKind::Optimizer, Self::deserialize, Self::Own)
    }
}

impl OptimizerConfig {
    /// The peak learning rate.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(config) => config.learning_rate,
            Self::AdamW(config) => config.learning_rate,
            Self::Ranger(config) => config.learning_rate,
            Self::Muon(config) => config.learning_rate,
            // It was checked that there is one.
            Self::Own(part) => part.number("learning_rate").unwrap_or(f64::NAN),
        }
    }

    /// The part, where it is not shipped.
    pub fn own(&self) -> Option<&OwnPart> {
        match self {
            Self::Own(part) => Some(part),
            _ => None,
        }
    }

    pub(crate) fn own_mut(&mut self) -> Option<&mut OwnPart> {
        match self {
            Self::Own(part) => Some(part),
            _ => None,
        }
    }

    /// Every peak learning rate with its key, the first being [`OptimizerConfig::learning_rate`]: a schedule scales
    /// them all.
    pub fn learning_rates(&self) -> Vec<(&'static str, f64)> {
        let mut rates = vec![("optimizer.learning_rate", self.learning_rate())];
        if let Self::Muon(config) = self {
            let rate = match &config.rest {
                RestConfig::Sgd(rest) => rest.learning_rate,
                RestConfig::AdamW(rest) => rest.learning_rate,
            };
            rates.push(("optimizer.rest.learning_rate", rate));
        }
        rates
    }

    /// The Lookahead that is part of the optimizer.
    pub fn lookahead(&self) -> Option<LookaheadConfig> {
        match self {
            Self::Ranger(RangerConfig { lookahead_every, lookahead_share, .. }) => {
                Some(LookaheadConfig::Steady { every: *lookahead_every, share: *lookahead_share })
            }
            _ => None,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Sgd(config) => validate_sgd("optimizer", config),
            Self::AdamW(config) => validate_adamw("optimizer", config),
            Self::Ranger(config) => {
                positive("optimizer.learning_rate", config.learning_rate)?;
                below_one("optimizer.beta1", config.beta1)?;
                below_one("optimizer.beta2", config.beta2)?;
                positive("optimizer.epsilon", config.epsilon)?;
                not_negative("optimizer.weight_decay", config.weight_decay)?;
                positive("optimizer.normalization_rate_factor", config.normalization_rate_factor)?;
                let (every, share) = (config.lookahead_every, config.lookahead_share);
                require(every >= 1, "optimizer.lookahead_every", "1 or more", every.to_string(), "6 steps are usual")?;
                require(
                    share > 0.0 && share <= 1.0,
                    "optimizer.lookahead_share",
                    "above 0 and up to 1",
                    share.to_string(),
                    "0.5 is usual; 1 switches it off",
                )?;
                config.groups.validate("optimizer")
            }
            Self::Muon(config) => {
                positive("optimizer.learning_rate", config.learning_rate)?;
                below_one("optimizer.momentum", config.momentum)?;
                not_negative("optimizer.weight_decay", config.weight_decay)?;
                require(
                    (1..=50).contains(&config.steps),
                    "optimizer.steps",
                    "1 to 50 iterations",
                    config.steps.to_string(),
                    "5 are usual",
                )?;
                require(
                    !(config.normalize_weights && config.weight_decay > 0.0),
                    "optimizer.weight_decay",
                    "0 where `normalize_weights` gives weights their norm",
                    config.weight_decay.to_string(),
                    "leave one of the two out",
                )?;
                match &config.rest {
                    RestConfig::Sgd(rest) => validate_sgd("optimizer.rest", rest),
                    RestConfig::AdamW(rest) => validate_adamw("optimizer.rest", rest),
                }
            }
            Self::Own(part) => {
                let rate = part.number("learning_rate");
                let found = format!("none among the settings of `{}`", part.name);
                let hint = "an own optimizer needs the setting `learning_rate`: its peak, which schedules scale";
                require(rate.is_some(), "optimizer.learning_rate", "a number", found, hint)?;
                positive("optimizer.learning_rate", rate.unwrap_or(f64::NAN))
            }
        }
    }

    /// Checks that the optimizer has something to move in a network.
    ///
    /// # Errors
    /// When it is Muon and no learned convolution is a matrix.
    pub fn validate_for(&self, model: &ModelConfig) -> Result<()> {
        require(
            !matches!(self, Self::Muon(_)) || model.learns_matrices(),
            "optimizer.kind",
            "an optimizer that has something to move: Muon moves learned convolutions of two outputs or more",
            "`muon` for a network without one".into(),
            "use `sgd` or `adamw`, or wider layers",
        )
    }
}

fn validate_sgd(table: &str, config: &SgdConfig) -> Result<()> {
    positive(&format!("{table}.learning_rate"), config.learning_rate)?;
    below_one(&format!("{table}.momentum"), config.momentum)?;
    not_negative(&format!("{table}.weight_decay"), config.weight_decay)?;
    positive(&format!("{table}.normalization_rate_factor"), config.normalization_rate_factor)?;
    config.groups.validate(table)
}

fn validate_adamw(table: &str, config: &AdamWConfig) -> Result<()> {
    positive(&format!("{table}.learning_rate"), config.learning_rate)?;
    below_one(&format!("{table}.beta1"), config.beta1)?;
    below_one(&format!("{table}.beta2"), config.beta2)?;
    positive(&format!("{table}.epsilon"), config.epsilon)?;
    not_negative(&format!("{table}.weight_decay"), config.weight_decay)?;
    positive(&format!("{table}.normalization_rate_factor"), config.normalization_rate_factor)?;
    config.groups.validate(table)
}
