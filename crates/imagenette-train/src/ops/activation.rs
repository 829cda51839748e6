//! The function between layers: one that our kernels have, a curve from elsewhere that they run, or any Burn code.

use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::Tensor;
use imagenette_kernels::activation::own::Curve;

/// An activation as any code of tensors.
///
/// It is easier to write than a [`Curve`] and slower: Burn's operations run it in f32, on one thread for most.
pub trait TensorActivation: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The function of every number; other numbers of the same tensor may be looked at.
    ///
    /// # Shapes
    /// `[N, C, H, W]` to the same.
    fn forward(&self, x: Tensor<4>) -> Tensor<4>;
}

/// The function between layers.
#[derive(Debug, Clone)]
pub enum Activation {
    /// One of the kernels' own. Normalizations apply it in their passes.
    Kernel(imagenette_kernels::Activation),
    /// A function of one number and its slope, with the name that recipes give it. Normalizations apply it block by block,
    /// while a block is in the cache.
    Curve(&'static str, Arc<dyn Curve>),
    /// Code of tensors, with the name that recipes give it.
    Tensors(&'static str, Arc<dyn TensorActivation>),
}

/// What follows a normalization in its passes.
#[derive(Debug, Clone)]
pub(super) struct Following {
    /// One of the kernels' own; the identity where there is a curve.
    pub(super) activation: imagenette_kernels::Activation,
    /// One from elsewhere.
    pub(super) curve: Option<Arc<dyn Curve>>,
}

impl Activation {
    /// x
    pub const IDENTITY: Self = Self::Kernel(imagenette_kernels::Activation::Identity);
    /// max(x, 0)
    pub const RELU: Self = Self::Kernel(imagenette_kernels::Activation::Relu);
    /// x · Φ(x)
    pub const GELU: Self = Self::Kernel(imagenette_kernels::Activation::Gelu);
    /// x · σ(x)
    pub const SILU: Self = Self::Kernel(imagenette_kernels::Activation::Silu);
    /// x · tanh(ln(1 + eˣ))
    pub const MISH: Self = Self::Kernel(imagenette_kernels::Activation::Mish);

    /// What a normalization applies in its own passes, and what is left to be applied after it. Curves from elsewhere are
    /// applied by our kernels alone.
    pub(super) fn split(&self, by_kernels: bool) -> (Following, Option<&Self>) {
        const IDENTITY: imagenette_kernels::Activation = imagenette_kernels::Activation::Identity;
        match self {
            Self::Kernel(activation) => (Following { activation: *activation, curve: None }, None),
            Self::Curve(_, curve) if by_kernels => {
                (Following { activation: IDENTITY, curve: Some(curve.clone()) }, None)
            }
            own => (Following { activation: IDENTITY, curve: None }, Some(own)),
        }
    }

    /// The function on rows of numbers, by Burn's operations.
    ///
    /// # Shapes
    /// `[N, C]` to the same.
    pub(crate) fn of_rows(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Kernel(activation) => super::stock::activate(x, *activation),
            own => {
                let [n, channels] = x.dims();
                own.of_maps(x.reshape([n, channels, 1, 1])).reshape([n, channels])
            }
        }
    }

    /// The function on `[N, C, H, W]`, by Burn's operations.
    pub(super) fn of_maps(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Kernel(activation) => super::stock::activate(x, *activation),
            Self::Curve(_, curve) => super::stock::curve(x, curve.as_ref()),
            Self::Tensors(name, activation) => {
                let shape = x.dims();
                let y = activation.forward(x);
                assert_eq!(y.dims(), shape, "the activation `{name}` gives a tensor of the shape that it gets");
                y
            }
        }
    }
}
