//! The numbers that feature maps are stored in: f32, or `Bf16` at half the memory. Kernels are written once for both:
//! they widen what they read to f32, sum in f32, and round once when they write.

use crate::bf16::Bf16;
use crate::compiled::Compiled;

/// What maps are stored in between two kernels; sums, statistics and parameters are f32 with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// The upper 16 of the 32 bits.
    Bf16,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

/// A stored number. `f32` and [`Bf16`] are the only kinds: other crates cannot add any, since the supertrait is
/// hidden.
pub trait Number: Compiled + bytemuck::Pod + Default + PartialEq + std::fmt::Debug + Send + Sync {
    /// Which of the two it is.
    const PRECISION: Precision;

    /// The number as an f32, exactly.
    fn to_f32(self) -> f32;

    /// The nearest number.
    fn from_f32(x: f32) -> Self;
}

impl Number for f32 {
    const PRECISION: Precision = Precision::F32;
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        x
    }
}

impl Number for Bf16 {
    const PRECISION: Precision = Precision::Bf16;
    #[inline(always)]
    fn to_f32(self) -> f32 {
        Self::to_f32(self)
    }
    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        Self::from_f32(x)
    }
}

/// Numbers in each of the 32-bit words that the products of convolutions work on: one f32, or a pair of `Bf16`.
pub(crate) const fn per_word<T: Number>() -> usize {
    4 / size_of::<T>()
}

/// Whether `T` is `Bf16`; known when the code is compiled.
pub(crate) const fn is_bf16<T: Number>() -> bool {
    matches!(T::PRECISION, Precision::Bf16)
}
