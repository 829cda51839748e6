//! Feature maps in the layout that the operations of their device like, so that networks are written once and nothing is
//! rearranged between two layers.

use burn::tensor::Tensor;
pub use imagenette_kernels::Level;

use crate::device::Device;

/// Whose operations compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ops {
    /// Our kernels, on this instruction set: only for numbers in the host's memory.
    Kernels(Level),
    /// Burn's own operations, on any device.
    Stock,
}

impl std::fmt::Display for Ops {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kernels(level) => write!(out, "kernels ({level})"),
            Self::Stock => write!(out, "stock"),
        }
    }
}

/// A batch of feature maps: `[N, H, W, C]` in memory for our kernels, `[N, C, H, W]` for Burn's operations.
#[derive(Debug, Clone)]
pub struct Maps {
    pub(super) tensor: Tensor<4>,
    pub(super) ops: Ops,
}

impl Maps {
    /// Takes a tensor `[N, C, H, W]` of the device into the layout that its operations like.
    pub fn from_nchw(tensor: Tensor<4>, device: &Device) -> Self {
        Self::enter(tensor, device.ops())
    }

    /// The tensor as `[N, C, H, W]`, for operations that are not ours; gradients go on through it.
    pub fn into_nchw(self) -> Tensor<4> {
        match self.ops {
            Ops::Kernels(_) => self.tensor.permute([0, 3, 1, 2]),
            Ops::Stock => self.tensor,
        }
    }

    /// Lets any Burn code change the maps, seen as `[N, C, H, W]`.
    pub fn change(self, change: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Self {
        let ops = self.ops;
        Self::enter(change(self.into_nchw()), ops)
    }

    /// Images, channels, height and width, whatever the layout.
    pub fn dims(&self) -> [usize; 4] {
        let sizes = self.tensor.dims();
        match self.ops {
            Ops::Kernels(_) => [0, 3, 1, 2].map(|dimension| sizes[dimension]),
            Ops::Stock => sizes,
        }
    }

    /// The sum with maps of the same device and sizes.
    pub fn plus(self, other: Self) -> Self {
        Self { tensor: self.tensor + other.tensor, ops: self.ops }
    }

    /// Each channel of each image multiplied with a number of its own.
    ///
    /// # Shapes
    /// `factors` `[N, C]`, or `[N, 1]` for one number an image.
    pub fn times(self, factors: Tensor<2>) -> Self {
        let [n, channels] = factors.dims();
        let shape = match self.ops {
            Ops::Kernels(_) => [n, 1, 1, channels],
            Ops::Stock => [n, channels, 1, 1],
        };
        Self { tensor: self.tensor * factors.reshape(shape), ops: self.ops }
    }

    /// Whose operations these maps are for.
    pub fn ops(&self) -> Ops {
        self.ops
    }

    fn enter(tensor: Tensor<4>, ops: Ops) -> Self {
        let tensor = match ops {
            Ops::Kernels(_) => tensor.permute([0, 2, 3, 1]),
            Ops::Stock => tensor,
        };
        Self { tensor, ops }
    }

    /// Maps of a tensor that has the layout of `ops` already.
    pub(super) fn new(tensor: Tensor<4>, ops: Ops) -> Self {
        Self { tensor, ops }
    }
}
