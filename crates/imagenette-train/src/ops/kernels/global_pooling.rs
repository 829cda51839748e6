//! Pooling of whole maps as one node: of its input only size and precision are kept, and the place of each maximum. The
//! output is f32, and so is its gradient.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::tensor::DType;
use imagenette_kernels::{Bf16, GlobalPooling, Level};

use crate::ops::buffers::{self, Stored, with_stored};
use crate::ops::profile::{self, Part};

/// What a map becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GlobalKind {
    /// Its largest number.
    Max,
    /// Its mean.
    Average,
}

/// The output, and for a maximum the pixel that it was at.
pub(super) fn forward(x: &FlexTensor, kind: GlobalKind, with: GlobalPooling, level: Level) -> (FlexTensor, Vec<u32>) {
    let mut output = buffers::take(with.output_len());
    let mut choices = Vec::new();
    match kind {
        GlobalKind::Max => {
            choices.resize(with.output_len(), 0);
            with_stored!(x, T => with.max::<T>(level, buffers::slice(x), &mut output, &mut choices));
        }
        GlobalKind::Average => with_stored!(x, T => with.average::<T>(level, buffers::slice(x), &mut output)),
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
    let (shape, dtype) = (x.shape().dims::<4>(), x.dtype());
    buffers::give_tensor(x);
    match Pooled.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(Kept { kind, with, shape, dtype, choices, level }, output),
        OpsKind::UnTracked(node) => node.finish(output),
    }
}

#[derive(Debug)]
struct Pooled;

#[derive(Debug, Clone)]
struct Kept {
    kind: GlobalKind,
    with: GlobalPooling,
    /// The input's.
    shape: [usize; 4],
    dtype: DType,
    choices: Vec<u32>,
    level: Level,
}

impl Backward<Flex, 1> for Pooled {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let output = buffers::stored::<f32>(gradients.consume::<Flex>(&ops.node)).to_contiguous();
        let kept = ops.state;
        let [node] = ops.parents;
        let gradient = profile::time(Part::Pooling, 0.0, || match kept.dtype {
            DType::BF16 => kept.gradient::<Bf16>(buffers::slice(&output)),
            _ => kept.gradient::<f32>(buffers::slice(&output)),
        });
        if let Some(node) = node {
            gradients.register::<Flex>(node.id, gradient);
        }
    }
}

impl Kept {
    fn gradient<T: Stored>(&self, output: &[f32]) -> FlexTensor {
        let mut gradient = buffers::take::<T>(self.with.input_len());
        match self.kind {
            GlobalKind::Max => self.with.max_gradient(self.level, output, &self.choices, &mut gradient),
            GlobalKind::Average => self.with.average_gradient(self.level, output, &mut gradient),
        }
        buffers::tensor(gradient, self.shape)
    }
}
