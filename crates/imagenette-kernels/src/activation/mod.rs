//! Activation functions and their slopes on vectors; the normalization applies them in its passes.

pub(crate) mod curves;
pub mod own;
pub mod twin;

use crate::level::{Level, Levels, Work};
use crate::number::Number;
use crate::shape::check_len;
use crate::simd::Simd;
use crate::tasks::for_each_chunk;
use curves::Curve;

/// Numbers per task.
const BLOCK: usize = 1 << 14;

/// The function after a normalization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0)
    Relu,
    /// x · Φ(x), with the normal distribution Φ itself rather than an approximation by tanh
    Gelu,
    /// x · σ(x), also known as Swish
    Silu,
    /// x · tanh(ln(1 + eˣ))
    Mish,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 5] = [Self::Identity, Self::Relu, Self::Gelu, Self::Silu, Self::Mish];

    /// The activation of every number, where no normalization comes before it.
    ///
    /// # Panics
    /// The lengths do not agree.
    pub fn apply<T: Number>(self, level: Level, input: &[T], output: &mut [T]) {
        check_len("the output", output.len(), input.len());
        T::activate(self, level, input, output);
    }

    pub(crate) fn apply_in<T: Number>(self, level: Level, input: &[T], output: &mut [T]) {
        for_each_chunk(output, BLOCK, |i, output| {
            level.run(Values { activation: self, input: &input[i * BLOCK..][..output.len()], output });
        });
    }

    /// Turns the gradient for the output of [`Self::apply`] into the gradient for its input, in place.
    ///
    /// # Panics
    /// The lengths do not agree.
    pub fn apply_gradient<T: Number>(self, level: Level, input: &[T], gradient: &mut [T]) {
        check_len("the gradient", gradient.len(), input.len());
        T::activation_gradient(self, level, input, gradient);
    }

    pub(crate) fn apply_gradient_in<T: Number>(self, level: Level, input: &[T], gradient: &mut [T]) {
        for_each_chunk(gradient, BLOCK, |i, gradient| {
            level.run(Slopes { activation: self, input: &input[i * BLOCK..][..gradient.len()], gradient });
        });
    }

    /// Whether computing the slope costs less than reading it back from memory.
    pub(crate) fn is_cheap(self) -> bool {
        matches!(self, Self::Identity | Self::Relu)
    }
}

struct Values<'a, T> {
    activation: Activation,
    input: &'a [T],
    output: &'a mut [T],
}

impl<T: Number> Work for Values<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        with_curve!(self.activation, C => {
            for (to, from) in self.output.chunks_mut(S::LANES).zip(self.input.chunks(S::LANES)) {
                s.store_some(C::value(s, s.load_some(from)), to);
            }
        });
    }
}

struct Slopes<'a, T> {
    activation: Activation,
    input: &'a [T],
    gradient: &'a mut [T],
}

impl<T: Number> Work for Slopes<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        with_curve!(self.activation, C => {
            for (gradient, from) in self.gradient.chunks_mut(S::LANES).zip(self.input.chunks(S::LANES)) {
                s.store_some(s.mul(s.load_some(gradient), C::slope(s, s.load_some(from))), gradient);
            }
        });
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
