//! The settings of Ranger: Adam whose first steps are rectified, under Lookahead.
//!
//! # Source
//! Liu et al., "On the variance of the adaptive learning rate and beyond", 2019, algorithm 2; Zhang et al., "Lookahead
//! optimizer: k steps forward, 1 step back", 2019. Together they are Wright's "Ranger", with fastai's defaults here.

use serde::{Deserialize, Serialize};

use super::Groups;
use crate::defaults::{is_default, ratio, whole};

/// Rectified Adam under Lookahead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangerConfig {
    /// The peak rate.
    pub learning_rate: f64,
    /// The share of the mean gradient that stays.
    #[serde(default = "ratio::<95, 100>")]
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    #[serde(default = "ratio::<99, 100>")]
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    #[serde(default = "ratio::<1, 1_000_000>")]
    pub epsilon: f64,
    /// The share of a weight, times the rate, that each step takes away; normalizations and biases are spared.
    #[serde(default = "ratio::<1, 100>")]
    pub weight_decay: f64,
    /// The factor of the rate for the normalizations' gains and biases.
    #[serde(default = "ratio::<1, 1>", alias = "normalisation_rate_factor")]
    pub normalization_rate_factor: f64,
    /// Steps from one move of the slow weights to the next.
    #[serde(default = "whole::<6>")]
    pub lookahead_every: u32,
    /// How far the slow weights go toward the fast ones then, above 0 and up to 1.
    #[serde(default = "ratio::<1, 2>")]
    pub lookahead_share: f64,
    /// Rates and decays of the small groups.
    #[serde(default, skip_serializing_if = "is_default")]
    pub groups: Groups,
}
