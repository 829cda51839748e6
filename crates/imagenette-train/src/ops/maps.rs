//! Feature maps in the layout that the operations of their device prefer, so that networks are written once and nothing
//! is rearranged between two layers.

use burn::tensor::{DType, FloatDType, Tensor};
use imagenette_kernels::BatchStatistics;

use super::kernels;
use crate::compute::device::{Device, Ops};
use crate::compute::precision::Precision;

/// A batch of feature maps: `[N, H, W, C]` in memory for our kernels, of f32 or bf16; `[N, C, H, W]` of f32 for Burn's
/// operations.
#[derive(Debug, Clone)]
pub struct Maps {
    pub(super) tensor: Tensor<4>,
    pub(super) ops: Ops,
    /// Mean and variance of each channel, where the operation that made the maps measured them on the way.
    pub(super) measured: Option<BatchStatistics>,
}

impl Maps {
    /// Takes a tensor `[N, C, H, W]` of the device into the layout and precision that its operations prefer.
    pub fn from_nchw(tensor: Tensor<4>, device: &Device) -> Self {
        Self::enter(tensor, device.ops(), device.precision())
    }

    /// The tensor as `[N, C, H, W]` of f32, for operations that are not ours; gradients go on through it.
    pub fn into_nchw(self) -> Tensor<4> {
        match self.ops {
            Ops::Kernels(_) => as_stored(self.tensor, Precision::F32).permute([0, 3, 1, 2]),
            Ops::Stock => self.tensor,
        }
    }

    /// Lets any Burn code change the maps, seen as `[N, C, H, W]` of f32.
    pub fn change(self, change: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Self {
        let (ops, precision) = (self.ops, self.precision());
        Self::enter(change(self.into_nchw()), ops, precision)
    }

    /// Images, channels, height and width, whatever the layout.
    pub fn dims(&self) -> [usize; 4] {
        let sizes = self.tensor.dims();
        match self.ops {
            Ops::Kernels(_) => [0, 3, 1, 2].map(|dimension| sizes[dimension]),
            Ops::Stock => sizes,
        }
    }

    /// What the numbers are stored in.
    pub fn precision(&self) -> Precision {
        if self.tensor.dtype() == DType::BF16 { Precision::Bf16 } else { Precision::F32 }
    }

    /// The same maps in this precision; nothing is converted if they are in it already.
    #[must_use]
    pub(super) fn stored_in(self, precision: Precision) -> Self {
        Self::new(as_stored(self.tensor, precision), self.ops)
    }

    /// The same maps twice, for two paths that meet again. The loss has to depend on both; their gradients are added on
    /// all threads.
    #[must_use]
    pub fn fork(self) -> [Self; 2] {
        match self.ops {
            Ops::Stock => [self.clone(), self],
            Ops::Kernels(level) => kernels::fork(self.tensor, level)
                .map(|tensor| Self { measured: self.measured.clone(), ..Self::new(tensor, self.ops) }),
        }
    }

    /// The sum with maps of the same device and sizes.
    pub fn plus(self, other: Self) -> Self {
        let other = other.stored_in(self.precision());
        Self::new(self.tensor + other.tensor, self.ops)
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
        let factors = as_stored(factors.reshape(shape), self.precision());
        Self::new(self.tensor * factors, self.ops)
    }

    /// Whose operations these maps are for.
    pub fn ops(&self) -> Ops {
        self.ops
    }

    fn enter(tensor: Tensor<4>, ops: Ops, precision: Precision) -> Self {
        let tensor = match ops {
            Ops::Kernels(_) => as_stored(tensor.permute([0, 2, 3, 1]), precision),
            Ops::Stock => tensor,
        };
        Self::new(tensor, ops)
    }

    /// Maps of a tensor that has the layout of `ops` already.
    pub(super) fn new(tensor: Tensor<4>, ops: Ops) -> Self {
        Self { tensor, ops, measured: None }
    }
}

fn as_stored(tensor: Tensor<4>, precision: Precision) -> Tensor<4> {
    let wanted = match precision {
        Precision::F32 => FloatDType::F32,
        Precision::Bf16 => FloatDType::BF16,
    };
    if tensor.dtype() == DType::from(wanted) { tensor } else { tensor.cast(wanted) }
}
