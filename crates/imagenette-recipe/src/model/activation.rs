//! The functions between layers, by the names that recipes give them.

use serde::{Deserialize, Serialize};

/// The function between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationName {
    /// max(x, 0).
    Relu,
    /// x Φ(x), Φ being the normal distribution function.
    Gelu,
    /// x σ(x), also known as Swish.
    Silu,
    /// x tanh(ln(1 + eˣ)).
    ///
    /// # Source
    /// Misra, "Mish: a self regularized non-monotonic activation function", 2019, equation 1.
    Mish,
}

impl ActivationName {
    // What networks use when a recipe names none.
    pub(super) fn relu() -> Self {
        Self::Relu
    }

    pub(super) fn gelu() -> Self {
        Self::Gelu
    }
}
