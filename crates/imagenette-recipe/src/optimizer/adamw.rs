//! The settings of Adam with decay apart from the gradient.
//!
//! # Source
//! Loshchilov and Hutter, "Decoupled weight decay regularization", 2017, algorithm 2.

use serde::{Deserialize, Serialize};

use super::Groups;

/// Adam with decay apart from the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamWConfig {
    /// The peak rate.
    pub learning_rate: f64,
    /// The share of the mean gradient that stays.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// The share of a weight, times the rate, that each step takes away; normalisation and biases are spared.
    #[serde(default = "decay")]
    pub weight_decay: f64,
    /// The factor of the rate for the normalisations' scales and shifts.
    #[serde(default = "one")]
    pub normalisation_rate_factor: f64,
    /// Rates and decays of the small groups.
    #[serde(default, skip_serializing_if = "Groups::is_usual")]
    pub groups: Groups,
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.99
}

fn epsilon() -> f64 {
    1e-5
}

fn decay() -> f64 {
    0.01
}

fn one() -> f64 {
    1.0
}
