//! What sets groups of tensors apart: weights, the head, normalizations and biases may have rates and decays of their own.

use serde::{Deserialize, Serialize};

use crate::checks::{not_negative, positive};
use crate::error::Result;

/// How the small groups differ from the convolutions' weights; what is left out follows custom: no decay of normalisations
/// and biases, everything else as for weights.
///
/// # Source
/// That normalisations and biases are spared the decay: He et al., "Bag of tricks for image classification", 2018,
/// section 3.1. A decay of normalisations' shifts is what airbench does (Jordan, "94% on CIFAR-10 in 3.29 seconds", 2024).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Groups {
    /// The factor of the rate for biases.
    #[serde(default = "one")]
    pub bias_rate_factor: f64,
    /// The factor of the rate for the head's matrix.
    #[serde(default = "one")]
    pub head_rate_factor: f64,
    /// The decay of the normalisations' scales and shifts.
    #[serde(default)]
    pub normalisation_decay: f64,
    /// The decay of biases.
    #[serde(default)]
    pub bias_decay: f64,
    /// The decay of the head's matrix; absent means that of weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_decay: Option<f64>,
}

fn one() -> f64 {
    1.0
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            bias_rate_factor: 1.0,
            head_rate_factor: 1.0,
            normalisation_decay: 0.0,
            bias_decay: 0.0,
            head_decay: None,
        }
    }
}

impl Groups {
    /// Whether nothing was set, so that nothing need be written down.
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn validate(&self, table: &str) -> Result<()> {
        positive(&format!("{table}.groups.bias_rate_factor"), self.bias_rate_factor)?;
        positive(&format!("{table}.groups.head_rate_factor"), self.head_rate_factor)?;
        not_negative(&format!("{table}.groups.normalisation_decay"), self.normalisation_decay)?;
        not_negative(&format!("{table}.groups.bias_decay"), self.bias_decay)?;
        not_negative(&format!("{table}.groups.head_decay"), self.head_decay.unwrap_or(0.0))
    }
}
