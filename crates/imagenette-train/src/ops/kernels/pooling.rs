//! Pooling as one node: of its input only the size is kept, and the place of each maximum.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use imagenette_kernels::{Level, Pooling};

use crate::ops::buffers::{self, with_stored};
use crate::ops::profile::{self, Part};

/// What a window becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolingKind {
    /// Its largest number.
    Max,
    /// The mean of its pixels.
    Average,
}

/// The output, and for a maximum the tap of each window that it was at.
pub(super) fn forward(x: &FlexTensor, kind: PoolingKind, with: Pooling, level: Level) -> (FlexTensor, Vec<u8>) {
    let ([height, width], shape) = (with.output(), with.shape());
    let mut choices = Vec::new();
    let output = with_stored!(x, T => {
        let mut output = buffers::take::<T>(with.output_len());
        match kind {
            PoolingKind::Max => {
                choices.resize(with.output_len(), 0);
                with.max(level, buffers::slice(x), &mut output, &mut choices);
            }
            PoolingKind::Average => with.average(level, buffers::slice(x), &mut output),
        }
        buffers::tensor(output, [shape.images, height, width, shape.channels])
    });
    (output, choices)
}

pub(super) fn record<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    kind: PoolingKind,
    with: Pooling,
    level: Level,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = [x.node()];
    let x = x.into_primitive().to_contiguous();
    let (output, choices) = forward(&x, kind, with, level);
    buffers::give_tensor(x);
    match Pooled.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(Kept { kind, with, choices, level }, output),
        OpsKind::UnTracked(node) => node.finish(output),
    }
}

#[derive(Debug)]
struct Pooled;

#[derive(Debug, Clone)]
struct Kept {
    kind: PoolingKind,
    with: Pooling,
    choices: Vec<u8>,
    level: Level,
}

impl Backward<Flex, 1> for Pooled {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let output = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let Kept { kind, with, choices, level } = ops.state;
        let [node] = ops.parents;
        let ([height, width], shape) = (with.shape().input, with.shape());
        let gradient = with_stored!(output, T => {
            let mut gradient = buffers::take::<T>(with.input_len());
            profile::time(Part::Pooling, 0.0, || match kind {
                PoolingKind::Max => with.max_gradient(level, buffers::slice(&output), &choices, &mut gradient),
                PoolingKind::Average => with.average_gradient(level, buffers::slice(&output), &mut gradient),
            });
            buffers::tensor(gradient, [shape.images, height, width, shape.channels])
        });
        buffers::give_tensor(output);
        if let Some(node) = node {
            gradients.register::<Flex>(node.id, gradient);
        }
    }
}
