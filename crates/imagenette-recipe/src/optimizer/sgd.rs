//! The settings of gradient descent with momentum.

use serde::{Deserialize, Serialize};

use super::Groups;
use crate::defaults::{is_default, ratio, yes};

/// Gradient descent with momentum (dampening 0).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SgdConfig {
    /// The peak rate, for the mean loss of a batch.
    pub learning_rate: f64,
    /// The share of the velocity that stays.
    #[serde(default = "ratio::<9, 10>")]
    pub momentum: f64,
    /// Whether a step looks ahead along the velocity.
    #[serde(default = "yes")]
    pub nesterov: bool,
    /// The share of a weight that is added to its gradient; normalizations and biases are spared.
    #[serde(default)]
    pub weight_decay: f64,
    /// The factor of the rate for the normalizations' gains and biases.
    #[serde(default = "ratio::<1, 1>", alias = "normalisation_rate_factor")]
    pub normalization_rate_factor: f64,
    /// Rates and decays of the small groups.
    #[serde(default, skip_serializing_if = "is_default")]
    pub groups: Groups,
}
