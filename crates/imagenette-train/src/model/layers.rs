//! The layers that networks share, and the pass that carries their numbers through one forward run.

use burn::tensor::{Gradients, Tensor};

use crate::ops::{self, Activation, Affine, Maps};
use crate::weights::{Initial, Layout, Role, SlotId, Weights};

/// Added to variances, as PyTorch does.
const EPSILON: f64 = 1e-5;

/// One run through a network: its numbers (recording gradients when it learns) and the statistics it leaves behind.
pub struct Pass {
    tensors: Vec<Tensor<1>>,
    learns: bool,
    statistics: Vec<(SlotId, Tensor<1>)>,
}

impl Pass {
    /// A pass that learns: batches are normalised by their own statistics and gradients are recorded.
    pub fn learning(weights: &Weights, layout: &Layout) -> Self {
        let tensors = weights.tensors().iter().zip(layout.slots()).map(|(tensor, slot)| {
            if slot.role.is_learned() { tensor.clone().autodiff().require_grad() } else { tensor.clone() }
        });
        Self { tensors: tensors.collect(), learns: true, statistics: Vec::new() }
    }

    /// A pass that judges: running statistics, no gradients.
    pub fn judging(weights: &Weights) -> Self {
        Self { tensors: weights.tensors().to_vec(), learns: false, statistics: Vec::new() }
    }

    /// The gradients of what is learned, and the new running statistics; both by place.
    pub fn finish(self, gradients: &mut Gradients) -> (Vec<Option<Tensor<1>>>, Vec<(SlotId, Tensor<1>)>) {
        (self.tensors.iter().map(|tensor| tensor.grad_remove(gradients)).collect(), self.statistics)
    }

    fn tensor(&self, slot: SlotId) -> Tensor<1> {
        self.tensors[slot.0].clone()
    }
}

/// A convolution without bias.
#[derive(Debug, Clone)]
pub(super) struct Convolution {
    pub(super) weight: SlotId,
    pub(super) shape: [usize; 4],
    stride: usize,
    padding: usize,
}

impl Convolution {
    /// A square convolution, padded so that only the stride makes the picture smaller.
    pub(super) fn new(
        layout: &mut Layout,
        name: &str,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        stride: usize,
        initial: Initial,
    ) -> Self {
        let shape = [outputs, inputs, kernel, kernel];
        let weight = layout.add(format!("{name}.weight"), Role::Weight, &shape, initial);
        Self { weight, shape, stride, padding: kernel / 2 }
    }

    /// One whose weights never change and are computed elsewhere.
    pub(super) fn frozen(layout: &mut Layout, name: &str, shape: [usize; 4], stride: usize, padding: usize) -> Self {
        let weight = layout.add(format!("{name}.weight"), Role::Frozen, &shape, Initial::HeNormal);
        Self { weight, shape, stride, padding }
    }

    pub(super) fn forward(&self, pass: &Pass, x: Maps) -> Maps {
        ops::convolution(x, pass.tensor(self.weight), self.shape, self.stride, self.padding)
    }
}

/// Batch normalisation. Running statistics follow PyTorch: the unbiased variance, `momentum` being the new batch's share.
#[derive(Debug, Clone)]
pub(super) struct Normalisation {
    scale: SlotId,
    shift: SlotId,
    mean: SlotId,
    variance: SlotId,
    momentum: f64,
}

impl Normalisation {
    pub(super) fn new(layout: &mut Layout, name: &str, channels: usize, momentum: f64, scale: Scale) -> Self {
        let (role, value) = match scale {
            Scale::Learned(value) => (Role::Normalisation, value),
            Scale::Frozen => (Role::Frozen, 1.0),
        };
        let mut add =
            |part: &str, role, value| layout.add(format!("{name}.{part}"), role, &[channels], Initial::Constant(value));
        Self {
            scale: add("weight", role, value),
            shift: add("bias", Role::Normalisation, 0.0),
            mean: add("running_mean", Role::Statistic, 0.0),
            variance: add("running_var", Role::Statistic, 1.0),
            momentum,
        }
    }

    /// Normalises, then adds the residual, then applies the activation.
    pub(super) fn forward(
        &self,
        pass: &mut Pass,
        x: Maps,
        residual: Option<Maps>,
        activation: Option<Activation>,
    ) -> Maps {
        let affine = Affine { scale: pass.tensor(self.scale), shift: pass.tensor(self.shift), epsilon: EPSILON };
        let (mean, variance) = (pass.tensor(self.mean), pass.tensor(self.variance));
        if !pass.learns {
            return ops::normalise_by(x, affine, [mean, variance], residual, activation);
        }
        let batch = ops::normalise_by_batch(x, affine, residual, activation);
        let follow = |old: Tensor<1>, new: Tensor<1>| old * (1.0 - self.momentum) + new * self.momentum;
        pass.statistics.push((self.mean, follow(mean, batch.mean)));
        pass.statistics.push((self.variance, follow(variance, batch.variance)));
        batch.output
    }
}

/// A normalisation's scale.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    /// Learned from this value on.
    Learned(f32),
    /// Always 1.
    Frozen,
}

/// A matrix with or without bias.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    weight: SlotId,
    bias: Option<SlotId>,
    outputs: usize,
}

impl Linear {
    pub(super) fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize, has_bias: bool) -> Self {
        let weight = layout.add(format!("{name}.weight"), Role::Weight, &[outputs, inputs], Initial::Uniform);
        let bias = has_bias.then(|| layout.add(format!("{name}.bias"), Role::Bias, &[outputs], Initial::Constant(0.0)));
        Self { weight, bias, outputs }
    }

    pub(super) fn forward(&self, pass: &Pass, x: Tensor<2>) -> Tensor<2> {
        ops::linear(x, pass.tensor(self.weight), self.outputs, self.bias.map(|bias| pass.tensor(bias)))
    }
}
