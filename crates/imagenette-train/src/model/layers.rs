//! The layers that networks share, and the pass that carries their numbers through one forward run.

use std::cell::Cell;

use burn::tensor::{Gradients, Tensor, TensorData};
use imagenette_data::random::Random;

use super::onnx::{Convolved, Graph, Value};
use crate::compute::weights::{Initial, Layout, Role, SlotId, Weights};
use crate::ops::{self, Activation, Affine, Maps};

/// Added to variances, as PyTorch does.
const EPSILON: f64 = 1e-5;

/// One run through a network: its numbers (recording gradients when it learns) and the statistics it leaves behind.
pub struct Pass {
    tensors: Vec<Tensor<1>>,
    learns: bool,
    /// By place, while learning: what is neither learned nor followed.
    frozen: Vec<bool>,
    statistics: Vec<(SlotId, Tensor<1>)>,
    random: Option<Random>,
    multiply_adds: Cell<u64>,
}

impl Pass {
    /// A pass that learns: batches are normalized by their own statistics and gradients are recorded.
    pub fn learning(weights: &Weights, layout: &Layout) -> Self {
        let tensors = weights.tensors().iter().zip(layout.slots()).map(|(tensor, slot)| {
            if slot.role.is_learned() { tensor.clone().autodiff().require_grad() } else { tensor.clone() }
        });
        let frozen = layout.slots().iter().map(|slot| slot.role == Role::Frozen).collect();
        Self { learns: true, frozen, ..Self::of(tensors.collect()) }
    }

    /// A pass that evaluates: running statistics, no gradients.
    pub fn evaluating(weights: &Weights) -> Self {
        Self::of(weights.tensors().to_vec())
    }

    fn of(tensors: Vec<Tensor<1>>) -> Self {
        Self {
            tensors,
            learns: false,
            frozen: Vec::new(),
            statistics: Vec::new(),
            random: None,
            multiply_adds: Cell::new(0),
        }
    }

    /// The pass with a source of randomness, for what a network leaves out while it learns.
    #[must_use]
    pub fn with_random(self, random: Random) -> Self {
        Self { random: Some(random), ..self }
    }

    /// Multiply-adds of the convolutions and matrix products so far, for the whole batch.
    pub fn multiply_adds(&self) -> u64 {
        self.multiply_adds.get()
    }

    /// Notes multiply-adds of the whole batch, for what is not one of our layers: the record counts them.
    pub fn count(&self, multiply_adds: usize) {
        self.multiply_adds.set(self.multiply_adds.get() + multiply_adds as u64);
    }

    /// Whether the network learns.
    pub fn learns(&self) -> bool {
        self.learns
    }

    /// Leaves a statistic's new value behind.
    pub fn follow(&mut self, slot: SlotId, value: Tensor<1>) {
        self.statistics.push((slot, value));
    }

    /// Numbers without a gradient, on the pass's device.
    pub fn constant<const D: usize>(&self, numbers: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        let device = self.tensors.first().map_or_else(Default::default, |tensor| tensor.clone().inner().device());
        Tensor::from_data(TensorData::new(numbers, shape), &device)
    }

    /// For each of `count` samples 0 with the probability `rate`, else what makes the mean 1; `None` where nothing is
    /// left out.
    pub fn kept(&mut self, count: usize, rate: f64) -> Option<Vec<f32>> {
        let random = self.random.as_mut().filter(|_| self.learns && rate > 0.0)?;
        let size = (1.0 / (1.0 - rate)) as f32;
        Some((0..count).map(|_| if random.chance(rate) { 0.0 } else { size }).collect())
    }

    /// A seed for generators that are not ours: another one at each call, the same when the step is repeated.
    pub(super) fn next_seed(&mut self) -> u64 {
        self.random.as_mut().map_or(0, |random| u64::from(random.next_u32()) << 32 | u64::from(random.next_u32()))
    }

    /// The gradients of what is learned, and the new running statistics; both by place.
    pub fn finish(self, gradients: &mut Gradients) -> (Vec<Option<Tensor<1>>>, Vec<(SlotId, Tensor<1>)>) {
        (self.tensors.iter().map(|tensor| tensor.grad_remove(gradients)).collect(), self.statistics)
    }

    /// The numbers of a place, flat; where the network learns, gradients go back through them.
    pub fn tensor(&self, slot: SlotId) -> Tensor<1> {
        self.tensors[slot.0].clone()
    }
}

/// A convolution without bias.
#[derive(Debug, Clone)]
pub struct Convolution {
    /// The place of its weights.
    pub weight: SlotId,
    /// `[out, in, height, width]`.
    pub shape: [usize; 4],
    /// Pixels from one place of the window to the next.
    pub stride: usize,
    /// Rows and columns of zeros around the picture.
    pub padding: usize,
}

impl Convolution {
    /// A square convolution from so many input channels to so many output channels (`[inputs, outputs]`), padded so that
    /// only the stride makes the picture smaller. Its weight is `{name}.weight`.
    pub fn new(
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

    /// One of any shape and padding whose weights are learned, or never change and are computed elsewhere.
    pub fn with_role(
        layout: &mut Layout,
        name: &str,
        role: Role,
        shape: [usize; 4],
        stride: usize,
        padding: usize,
    ) -> Self {
        let weight = layout.add(format!("{name}.weight"), role, &shape, Initial::HeNormal);
        Self { weight, shape, stride, padding }
    }

    /// [`Convolution::forward`] as ONNX, in so many groups.
    pub(super) fn write(&self, graph: &mut Graph, x: &Value, groups: usize) -> Value {
        let Self { shape, stride, padding, .. } = *self;
        graph.convolution(x, self.weight, &Convolved { shape, stride, padding, groups })
    }

    /// The convolution of maps.
    pub fn forward(&self, pass: &Pass, x: Maps) -> Maps {
        self.convolve(pass, x, ops::convolution)
    }

    /// [`Self::forward`] for maps that a normalization takes next.
    pub fn forward_to_normalize(&self, pass: &Pass, x: Maps) -> Maps {
        self.convolve(pass, x, if pass.learns { ops::convolution_measured } else { ops::convolution })
    }

    fn convolve(
        &self,
        pass: &Pass,
        x: Maps,
        operation: impl Fn(Maps, Tensor<1>, [usize; 4], usize, usize) -> Maps,
    ) -> Maps {
        let y = operation(x, pass.tensor(self.weight), self.shape, self.stride, self.padding);
        let ([n, outputs, height, width], [_, taps @ ..]) = (y.dims(), self.shape);
        pass.count(n * outputs * height * width * taps.iter().product::<usize>());
        y
    }
}

/// Batch normalization. Running statistics follow PyTorch: the unbiased variance, `momentum` being the new batch's
/// share.
#[derive(Debug, Clone)]
pub struct Normalization {
    gain: SlotId,
    bias: SlotId,
    mean: SlotId,
    variance: SlotId,
    momentum: f64,
}

impl Normalization {
    /// One of this many channels. `momentum` is the share of the new batch in the running statistics.
    pub fn new(layout: &mut Layout, name: &str, channels: usize, momentum: f64, gain: Gain) -> Self {
        let (role, value) = match gain {
            Gain::Learned(value) => (Role::Normalization, value),
            Gain::Frozen => (Role::Frozen, 1.0),
        };
        let mut add =
            |part: &str, role, value| layout.add(format!("{name}.{part}"), role, &[channels], Initial::Constant(value));
        Self {
            gain: add("weight", role, value),
            bias: add("bias", Role::Normalization, 0.0),
            mean: add("running_mean", Role::Statistic, 0.0),
            variance: add("running_var", Role::Statistic, 1.0),
            momentum,
        }
    }

    /// Normalizes, then adds the residual, then applies the activation.
    pub fn forward(&self, pass: &mut Pass, x: Maps, residual: Option<Maps>, activation: &Activation) -> Maps {
        let affine = Affine { gain: pass.tensor(self.gain), bias: pass.tensor(self.bias), epsilon: EPSILON };
        let (mean, variance) = (pass.tensor(self.mean), pass.tensor(self.variance));
        // What is frozen is normalized as it was when it was trained.
        if !pass.learns || pass.frozen[self.mean.0] {
            return ops::normalize_by(x, affine, [mean, variance], residual, activation);
        }
        let batch = ops::normalize_by_batch(x, affine, residual, activation);
        let follow = |old: Tensor<1>, new: Tensor<1>| old * (1.0 - self.momentum) + new * self.momentum;
        pass.statistics.push((self.mean, follow(mean, batch.mean)));
        pass.statistics.push((self.variance, follow(variance, batch.variance)));
        batch.output
    }
}

impl Normalization {
    /// [`Normalization::forward`] of a network that is evaluated, as ONNX.
    pub(super) fn write(
        &self,
        graph: &mut Graph,
        x: &Value,
        residual: Option<Value>,
        activation: &Activation,
    ) -> Value {
        let mut y = graph.normalization(x, [self.gain, self.bias, self.mean, self.variance], EPSILON);
        if let Some(residual) = residual {
            y = graph.add_values(y, residual);
        }
        graph.activate(y, activation)
    }

    /// Normalizes the end of a branch, adds the shortcut and applies the activation. While learning, the branch of each
    /// photo is left out with probability `rate`.
    pub fn join(&self, pass: &mut Pass, x: Maps, shortcut: Option<Maps>, activation: &Activation, rate: f64) -> Maps {
        let [count, ..] = x.dims();
        let Some(kept) = pass.kept(count, rate).filter(|_| shortcut.is_some()) else {
            return self.forward(pass, x, shortcut, activation);
        };
        let branch = self.forward(pass, x, None, &Activation::IDENTITY);
        finish(branch.times(pass.constant(kept, [count, 1])), shortcut, activation)
    }
}

/// Adds the shortcut and applies the activation.
pub fn finish(x: Maps, shortcut: Option<Maps>, activation: &Activation) -> Maps {
    let x = match shortcut {
        Some(shortcut) => x.plus(shortcut),
        None => x,
    };
    ops::activate(x, activation)
}

/// A normalization's gain.
#[derive(Debug, Clone, Copy)]
pub enum Gain {
    /// Learned from this value on.
    Learned(f32),
    /// Always 1.
    Frozen,
}

/// A matrix with or without bias.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: SlotId,
    bias: Option<SlotId>,
    sizes: [usize; 2],
}

impl Linear {
    /// One from so many inputs to so many outputs that begins uniform within ± 1 / √inputs. Its weight is `{name}.weight`,
    /// its bias `{name}.bias`.
    pub fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize, has_bias: bool) -> Self {
        Self::with(layout, name, [inputs, outputs], has_bias, Initial::Uniform)
    }

    /// One from so many inputs to so many outputs (`[inputs, outputs]`) whose weight begins otherwise.
    pub fn with(
        layout: &mut Layout,
        name: &str,
        [inputs, outputs]: [usize; 2],
        has_bias: bool,
        initial: Initial,
    ) -> Self {
        let weight = layout.add(format!("{name}.weight"), Role::Weight, &[outputs, inputs], initial);
        let bias = has_bias.then(|| layout.add(format!("{name}.bias"), Role::Bias, &[outputs], Initial::Constant(0.0)));
        Self { weight, bias, sizes: [inputs, outputs] }
    }

    /// [`Linear::forward`] as ONNX.
    pub(super) fn write(&self, graph: &mut Graph, x: &Value) -> Value {
        graph.linear(x, self.weight, self.bias, self.sizes[1])
    }

    /// How many numbers go in.
    pub(super) fn inputs(&self) -> usize {
        self.sizes[0]
    }

    /// The product with the matrix.
    ///
    /// # Shapes
    /// `[N, in]` to `[N, out]`.
    pub fn forward(&self, pass: &Pass, x: Tensor<2>) -> Tensor<2> {
        let [inputs, outputs] = self.sizes;
        pass.count(x.dims()[0] * inputs * outputs);
        ops::linear(x, pass.tensor(self.weight), outputs, self.bias.map(|bias| pass.tensor(bias)))
    }
}
