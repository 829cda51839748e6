//! What sets groups of tensors apart: weights, the head, normalizations and biases may have rates and decays of their
//! own.

use serde::{Deserialize, Serialize};

use crate::checks::{not_negative, positive};
use crate::error::Result;

/// How the small groups differ from the convolutions' weights. What is left out is as usual: no decay of normalizations
/// and biases, everything else as for weights.
///
/// # Source
/// That normalizations and biases are spared the decay: He et al., "Bag of tricks for image classification", 2018,
/// section 3.1. A decay of normalizations' biases is what airbench does (Jordan, "94% on CIFAR-10 in 3.29 seconds", 2024).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Groups {
    /// The factor of the rate for biases.
    pub bias_rate_factor: f64,
    /// The factor of the rate for the head's matrix.
    pub head_rate_factor: f64,
    /// The decay of the normalizations' gains and biases.
    #[serde(alias = "normalisation_decay")]
    pub normalization_decay: f64,
    /// The decay of biases.
    pub bias_decay: f64,
    /// The decay of the head's matrix; absent means that of weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_decay: Option<f64>,
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            bias_rate_factor: 1.0,
            head_rate_factor: 1.0,
            normalization_decay: 0.0,
            bias_decay: 0.0,
            head_decay: None,
        }
    }
}

impl Groups {
    pub(super) fn validate(&self, table: &str) -> Result<()> {
        positive(&format!("{table}.groups.bias_rate_factor"), self.bias_rate_factor)?;
        positive(&format!("{table}.groups.head_rate_factor"), self.head_rate_factor)?;
        not_negative(&format!("{table}.groups.normalization_decay"), self.normalization_decay)?;
        not_negative(&format!("{table}.groups.bias_decay"), self.bias_decay)?;
        not_negative(&format!("{table}.groups.head_decay"), self.head_decay.unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decay_below_zero_and_a_factor_of_zero_are_refused_by_their_keys() {
        for (groups, key) in [
            (Groups { bias_decay: -1.0, ..Groups::default() }, "optimizer.groups.bias_decay"),
            (Groups { head_rate_factor: 0.0, ..Groups::default() }, "optimizer.groups.head_rate_factor"),
        ] {
            let error = groups.validate("optimizer").unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
