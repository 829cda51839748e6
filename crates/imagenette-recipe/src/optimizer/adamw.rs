//! The settings of Adam with decoupled weight decay.
//!
//! # Source
//! Loshchilov and Hutter, "Decoupled weight decay regularization", 2017, algorithm 2.

use serde::{Deserialize, Serialize};

use super::Groups;
use crate::defaults::{is_default, ratio};

/// Adam with decoupled weight decay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamWConfig {
    /// The peak rate.
    pub learning_rate: f64,
    /// The share of the mean gradient that stays.
    #[serde(default = "ratio::<9, 10>")]
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    #[serde(default = "ratio::<99, 100>")]
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    #[serde(default = "ratio::<1, 100_000>")]
    pub epsilon: f64,
    /// The share of a weight, times the rate, that each step takes away; normalizations and biases are spared.
    #[serde(default = "ratio::<1, 100>")]
    pub weight_decay: f64,
    /// The factor of the rate for the normalizations' gains and biases.
    #[serde(default = "ratio::<1, 1>", alias = "normalisation_rate_factor")]
    pub normalization_rate_factor: f64,
    /// Rates and decays of the small groups.
    #[serde(default, skip_serializing_if = "is_default")]
    pub groups: Groups,
}
