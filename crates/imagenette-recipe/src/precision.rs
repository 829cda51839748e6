//! What feature maps and their gradients are stored in. Parameters, their gradients and the optimizer's state are f32
//! in any case; the products of Muon's iteration follow the maps.

use serde::{Deserialize, Serialize};

/// What a recipe asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    /// bf16 where the processor multiplies it faster than f32 (AVX-512 BF16) by our kernels, else f32. A recipe that is
    /// recorded never says this, but what it came to.
    #[default]
    Auto,
    /// 32 bits.
    F32,
    /// The upper 16 bits of f32: half the memory; sums are f32.
    Bf16,
}

impl std::fmt::Display for PrecisionChoice {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}
