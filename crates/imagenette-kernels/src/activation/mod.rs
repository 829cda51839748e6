//! Activation functions and their slopes on vectors; the normalisation applies them in its passes.

pub(crate) mod curves;
pub mod twin;

/// The function after a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0)
    Relu,
    /// x · Φ(x), with the normal distribution's Φ itself rather than an approximation by tanh
    Gelu,
    /// x · σ(x), also known as Swish
    Silu,
    /// x · tanh(ln(1 + eˣ))
    Mish,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 5] = [Self::Identity, Self::Relu, Self::Gelu, Self::Silu, Self::Mish];

    /// Whether the slope costs less than reading it back from memory.
    pub(crate) fn is_cheap(self) -> bool {
        matches!(self, Self::Identity | Self::Relu)
    }
}

/// Runs `$body` with `$curve` naming the activation's type.
macro_rules! with_curve {
    ($activation:expr, $curve:ident => $body:expr) => {
        match $activation {
            $crate::activation::Activation::Identity => {
                type $curve = $crate::activation::curves::Identity;
                $body
            }
            $crate::activation::Activation::Relu => {
                type $curve = $crate::activation::curves::Relu;
                $body
            }
            $crate::activation::Activation::Gelu => {
                type $curve = $crate::activation::curves::Gelu;
                $body
            }
            $crate::activation::Activation::Silu => {
                type $curve = $crate::activation::curves::Silu;
                $body
            }
            $crate::activation::Activation::Mish => {
                type $curve = $crate::activation::curves::Mish;
                $body
            }
        }
    };
}
pub(crate) use with_curve;
