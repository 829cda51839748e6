//! Normalization, residual and activation as one node: its inputs are kept, everything between is computed again. Maps
//! and their gradients are stored as the input is; statistics and parameters are f32.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex, TensorMetadata};
use imagenette_kernels::activation::own::Curve;
use imagenette_kernels::{Activation, BatchStatistics, GradientBuffers, Level, Normalization};

use crate::ops::buffers::{self, Stored, with_stored};
use crate::ops::profile::{self, Part};

/// What is not a tensor.
#[derive(Debug, Clone)]
pub(crate) struct After {
    /// Added to the variance.
    pub(super) epsilon: f32,
    pub(super) activation: Activation,
    /// An activation from elsewhere, by its curve; then `activation` is the identity.
    pub(super) curve: Option<Arc<dyn Curve>>,
    /// The batch's statistics, where the operation that made the maps measured them on the way.
    pub(super) measured: Option<BatchStatistics>,
}

/// All that output and gradients follow from.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    x: FlexTensor,
    gain: FlexTensor,
    bias: FlexTensor,
    mean: Vec<f32>,
    variance: Vec<f32>,
    residual: Option<FlexTensor>,
    after: After,
    level: Level,
}

impl Kept {
    /// By the batch's own statistics.
    pub(super) fn new(
        x: FlexTensor,
        gain: FlexTensor,
        bias: FlexTensor,
        residual: Option<FlexTensor>,
        mut after: After,
        level: Level,
    ) -> Self {
        let (x, gain) = (x.to_contiguous(), gain.to_contiguous());
        let channels = buffers::slice::<f32>(&gain).len();
        let BatchStatistics { mean, variance } = after.measured.take().unwrap_or_else(
            || with_stored!(x, T => BatchStatistics::measure::<T>(level, buffers::slice(&x), channels)),
        );
        let (bias, residual) = (bias.to_contiguous(), residual.map(|residual| residual.to_contiguous()));
        Self { x, gain, bias, mean, variance, residual, after, level }
    }

    /// By known statistics; then there is no backward pass.
    pub(super) fn by(
        x: FlexTensor,
        [gain, bias]: [FlexTensor; 2],
        statistics: [FlexTensor; 2],
        residual: Option<FlexTensor>,
        after: After,
        level: Level,
    ) -> Self {
        let [mean, variance] = statistics.map(|statistic| buffers::slice::<f32>(&statistic.to_contiguous()).to_vec());
        let (gain, bias) = (gain.to_contiguous(), bias.to_contiguous());
        let (x, residual) = (x.to_contiguous(), residual.map(|residual| residual.to_contiguous()));
        Self { x, gain, bias, mean, variance, residual, after, level }
    }

    fn normalization(&self) -> Normalization<'_> {
        Normalization {
            mean: &self.mean,
            variance: &self.variance,
            gain: buffers::slice(&self.gain),
            bias: buffers::slice(&self.bias),
            epsilon: self.after.epsilon,
            activation: self.after.activation,
            curve: self.after.curve.as_deref(),
        }
    }

    pub(super) fn apply(&self) -> FlexTensor {
        with_stored!(self.x, T => {
            let x = buffers::slice::<T>(&self.x);
            let mut output = buffers::take::<T>(x.len());
            self.normalization().apply(self.level, x, self.residual.as_ref().map(buffers::slice), &mut output);
            buffers::tensor(output, self.x.shape().dims::<4>())
        })
    }

    /// Mean and biased variance.
    pub(super) fn statistics(&self) -> [FlexTensor; 2] {
        tensors(BatchStatistics { mean: self.mean.clone(), variance: self.variance.clone() })
    }

    pub(super) fn give_back(self) {
        buffers::give_tensor(self.x);
        self.residual.into_iter().for_each(buffers::give_tensor);
    }
}

/// Mean and biased variance.
pub(super) fn tensors(found: BatchStatistics) -> [FlexTensor; 2] {
    [found.mean, found.variance].map(|statistic| {
        let channels = statistic.len();
        buffers::tensor(statistic, [channels])
    })
}

/// Output, mean and biased variance.
pub(super) fn forward(
    x: FlexTensor,
    [gain, bias]: [FlexTensor; 2],
    residual: Option<FlexTensor>,
    after: After,
    level: Level,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let kept = Kept::new(x, gain, bias, residual, after, level);
    let (output, [mean, variance]) = (kept.apply(), kept.statistics());
    kept.give_back();
    (output, mean, variance)
}

/// Output, mean and variance.
type Outputs<C> = (FloatTensor<Autodiff<Flex, C>>, FloatTensor<Autodiff<Flex, C>>, FloatTensor<Autodiff<Flex, C>>);

pub(super) fn record<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    [gain, bias]: [FloatTensor<Autodiff<Flex, C>>; 2],
    residual: Option<FloatTensor<Autodiff<Flex, C>>>,
    after: After,
    level: Level,
) -> Outputs<C> {
    let nodes = [x.node(), gain.node(), bias.node()];
    let residual = residual.map(|residual| (residual.node(), residual.into_primitive()));
    let (residual_node, residual) = residual.unzip();
    let kept = Kept::new(x.into_primitive(), gain.into_primitive(), bias.into_primitive(), residual, after, level);
    let (output, [mean, variance]) = (kept.apply(), kept.statistics());
    let output = match residual_node {
        None => node::<C, 3>(nodes, kept, output),
        Some(residual) => {
            let [x, gain, bias] = nodes;
            node::<C, 4>([x, gain, bias, residual], kept, output)
        }
    };
    let without_gradient = <Autodiff<Flex, C> as AutodiffBackend>::from_inner;
    (output, without_gradient(mean), without_gradient(variance))
}

fn node<C: CheckpointStrategy, const N: usize>(
    nodes: [NodeGuard; N],
    kept: Kept,
    output: FlexTensor,
) -> FloatTensor<Autodiff<Flex, C>> {
    match Backward::<Flex, N>::prepare::<C>(Norm, nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(kept, output),
        OpsKind::UnTracked(node) => {
            kept.give_back();
            node.finish(output)
        }
    }
}

#[derive(Debug)]
struct Norm;

impl<const N: usize> Backward<Flex, N> for Norm {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        with_stored!(ops.state.x, T => backward::<T, N>(ops, gradients));
    }
}

fn backward<T: Stored, const N: usize>(ops: Ops<Kept, N>, gradients: &mut Gradients) {
    // It becomes the gradient for x in place.
    let mut gradient = buffers::own::<T>(gradients.consume::<Flex>(&ops.node));
    let (kept, shape) = (&ops.state, ops.state.x.shape().dims::<4>());
    let mut residual_gradient = kept.residual.as_ref().map(|_| buffers::take::<T>(gradient.len()));
    let parameters = profile::time(Part::Normalization, 0.0, || {
        kept.normalization().backward(
            kept.level,
            buffers::slice(&kept.x),
            kept.residual.as_ref().map(buffers::slice),
            GradientBuffers::InPlace(&mut gradient),
            residual_gradient.as_deref_mut(),
        )
    });
    ops.state.give_back();
    let channels = [parameters.gain.len()];
    let found = [
        Some(buffers::tensor(gradient, shape)),
        Some(buffers::tensor(parameters.gain, channels)),
        Some(buffers::tensor(parameters.bias, channels)),
        residual_gradient.map(|gradient| buffers::tensor(gradient, shape)),
    ];
    for (node, gradient) in ops.parents.into_iter().zip(found) {
        match (node, gradient) {
            (Some(node), Some(gradient)) => gradients.register::<Flex>(node.id, gradient),
            (None, Some(gradient)) => buffers::give_tensor(gradient),
            (_, None) => {}
        }
    }
}
