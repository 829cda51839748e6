//! The settings of Ranger: Adam whose first steps are rectified, under Lookahead.
//!
//! # Source
//! Liu et al., "On the variance of the adaptive learning rate and beyond", 2019, algorithm 2; Zhang et al., "Lookahead
//! optimizer: k steps forward, 1 step back", 2019. Together they are Wright's "Ranger", with fastai's defaults here.

use serde::{Deserialize, Serialize};

use super::Groups;

/// Rectified Adam under Lookahead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangerConfig {
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
    /// Steps from one look of the slow weights to the next.
    #[serde(default = "every")]
    pub lookahead_every: u32,
    /// How far the slow weights go towards the fast ones then, above 0 and up to 1.
    #[serde(default = "share")]
    pub lookahead_share: f64,
    /// Rates and decays of the small groups.
    #[serde(default, skip_serializing_if = "Groups::is_usual")]
    pub groups: Groups,
}

fn beta1() -> f64 {
    0.95
}

fn beta2() -> f64 {
    0.99
}

fn epsilon() -> f64 {
    1e-6
}

fn decay() -> f64 {
    0.01
}

fn one() -> f64 {
    1.0
}

fn every() -> u32 {
    6
}

fn share() -> f64 {
    0.5
}
