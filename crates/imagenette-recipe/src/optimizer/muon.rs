//! The settings of Muon: the momentum of a convolution's weights, made orthogonal, is the step; everything else follows
//! another optimizer.
//!
//! # Source
//! Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. That weights keep a fixed norm is
//! airbench94's.

use serde::{Deserialize, Serialize};

use super::{AdamWConfig, SgdConfig};
use crate::defaults::{ratio, whole, yes};

/// Muon for convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuonConfig {
    /// The peak rate of the convolutions.
    pub learning_rate: f64,
    /// The share of the momentum that stays.
    #[serde(default = "ratio::<95, 100>")]
    pub momentum: f64,
    /// Whether a step looks ahead along the momentum.
    #[serde(default = "yes")]
    pub nesterov: bool,
    /// Newton-Schulz iterations.
    #[serde(default = "whole::<5>")]
    pub steps: u32,
    /// How large an orthogonal step is.
    #[serde(default)]
    pub scale: MuonScale,
    /// Whether each weight is brought to the norm √outputs before its step, as airbench94 does; decay then means
    /// nothing.
    #[serde(default, alias = "normalise_weights")]
    pub normalize_weights: bool,
    /// The share of a weight, times the rate, that each step takes away.
    #[serde(default)]
    pub weight_decay: f64,
    /// What everything but the convolutions follows.
    pub rest: RestConfig,
}

/// How large an orthogonal step is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MuonScale {
    /// × √max(1, outputs / inputs), the authors' later choice.
    #[default]
    Shape,
    /// × 0.2 √max(outputs, inputs), so that it moves weights about as AdamW does (Liu et al., "Muon is scalable for LLM
    /// training", 2025, section 2.2).
    AdamLike,
    /// As it is, airbench94's choice.
    Plain,
}

/// The optimizer of what is not a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum RestConfig {
    /// Gradient descent with momentum.
    Sgd(SgdConfig),
    /// Adam with decoupled weight decay.
    AdamW(AdamWConfig),
}
