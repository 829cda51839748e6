//! Convolution as one node: its input and weights are kept, the gradient for the input is made only if it is wanted.
//! The output and the gradient for the input are stored as the input is; weights and their gradient are f32.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use imagenette_kernels::{BatchStatistics, Convolution, Level};

use crate::ops::buffers::{self, Stored, with_stored};
use crate::ops::profile::{self, Part};

/// The output and, if `measured`, its statistics.
pub(super) fn forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    with: Convolution,
    level: Level,
    measured: bool,
) -> (FlexTensor, Option<BatchStatistics>) {
    let ([height, width], shape) = (with.output(), with.shape());
    with_stored!(x, T => {
        let mut output = buffers::take::<T>(with.output_len());
        let (x, weight) = (buffers::slice(x), buffers::slice(weight));
        let found = if measured {
            Some(with.forward_measured(level, x, weight, &mut output))
        } else {
            with.forward(level, x, weight, &mut output);
            None
        };
        (buffers::tensor(output, [shape.images, height, width, shape.output_channels]), found)
    })
}

pub(super) fn record<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    weight: FloatTensor<Autodiff<Flex, C>>,
    with: Convolution,
    level: Level,
    measured: bool,
) -> (FloatTensor<Autodiff<Flex, C>>, Option<BatchStatistics>) {
    let nodes = [x.node(), weight.node()];
    let (x, weight) = (x.into_primitive().to_contiguous(), weight.into_primitive().to_contiguous());
    let (output, found) = forward(&x, &weight, with, level, measured);
    let output = match Convolved.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(Kept { x, weight, with, level }, output),
        OpsKind::UnTracked(node) => {
            buffers::give_tensor(x);
            node.finish(output)
        }
    };
    (output, found)
}

#[derive(Debug)]
struct Convolved;

#[derive(Debug, Clone)]
struct Kept {
    x: FlexTensor,
    weight: FlexTensor,
    with: Convolution,
    level: Level,
}

impl Backward<Flex, 2> for Convolved {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        with_stored!(ops.state.x, T => backward::<T>(ops, gradients));
    }
}

fn backward<T: Stored>(ops: Ops<Kept, 2>, gradients: &mut Gradients) {
    let output = buffers::stored::<T>(gradients.consume::<Flex>(&ops.node)).to_contiguous();
    let Kept { x, weight, with, level } = ops.state;
    let [x_node, weight_node] = ops.parents;
    if let Some(node) = weight_node {
        let mut gradient = buffers::take(with.weights_len());
        profile::time(Part::WeightGradients, with.flop(), || {
            with.weight_gradient::<T>(level, buffers::slice(&x), buffers::slice(&output), &mut gradient);
        });
        gradients.register::<Flex>(node.id, buffers::tensor(gradient, [with.weights_len()]));
    }
    // The input's gradient may then take the input's memory.
    buffers::give_tensor(x);
    if let Some(node) = x_node {
        let mut gradient = buffers::take::<T>(with.input_len());
        profile::time(Part::InputGradients, with.flop(), || {
            with.input_gradient(level, buffers::slice(&output), buffers::slice(&weight), &mut gradient);
        });
        let shape = with.shape();
        let [height, width] = shape.input;
        let gradient = buffers::tensor(gradient, [shape.images, height, width, shape.input_channels]);
        gradients.register::<Flex>(node.id, gradient);
    }
    buffers::give_tensor(output);
}
