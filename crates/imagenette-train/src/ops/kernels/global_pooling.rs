//! Pooling of whole maps as one node: of what goes in only the size is kept, and for a maximum where it lay.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use imagenette_kernels::{GlobalPooling, Level};

use crate::ops::buffers;
use crate::ops::spent::{self, Part};

/// What of a map is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GlobalKind {
    /// Its largest number.
    Max,
    /// Its mean.
    Average,
}

/// The output, and for a maximum the pixel where it lay.
pub(super) fn forward(x: &FlexTensor, kind: GlobalKind, with: GlobalPooling, level: Level) -> (FlexTensor, Vec<u32>) {
    let mut output = buffers::take(with.output_len());
    let mut choices = Vec::new();
    match kind {
        GlobalKind::Max => {
            choices.resize(with.output_len(), 0);
            with.max(level, buffers::slice(x), &mut output, &mut choices);
        }
        GlobalKind::Average => with.average(level, buffers::slice(x), &mut output),
    }
    let [images, _, _, channels] = x.shape().dims::<4>();
    (buffers::tensor(output, [images, channels]), choices)
}

pub(super) fn record<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    kind: GlobalKind,
    with: GlobalPooling,
    level: Level,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = [x.node()];
    let x = x.into_primitive().to_contiguous();
    let (output, choices) = forward(&x, kind, with, level);
    let shape = x.shape().dims::<4>();
    buffers::give_tensor(x);
    match Pooled.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(Kept { kind, with, shape, choices, level }, output),
        OpsKind::UnTracked(node) => node.finish(output),
    }
}

#[derive(Debug)]
struct Pooled;

#[derive(Debug, Clone)]
struct Kept {
    kind: GlobalKind,
    with: GlobalPooling,
    /// Of what went in.
    shape: [usize; 4],
    choices: Vec<u32>,
    level: Level,
}

impl Backward<Flex, 1> for Pooled {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let output = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let Kept { kind, with, shape, choices, level } = ops.state;
        let [node] = ops.parents;
        let mut gradient = buffers::take(with.input_len());
        spent::time(Part::Pooling, 0.0, || match kind {
            GlobalKind::Max => with.max_gradient(level, buffers::slice(&output), &choices, &mut gradient),
            GlobalKind::Average => with.average_gradient(level, buffers::slice(&output), &mut gradient),
        });
        if let Some(node) = node {
            gradients.register::<Flex>(node.id, buffers::tensor(gradient, shape));
        }
    }
}
