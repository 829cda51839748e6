//! Depthwise convolution and blur pooling, each as one node, in the precision of their input.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use imagenette_kernels::{BlurPooling, Depthwise, Level};

use crate::ops::buffers::{self, Stored, with_stored};
use crate::ops::profile::{self, Part};

pub(super) fn forward(x: &FlexTensor, weight: &FlexTensor, with: Depthwise, level: Level) -> FlexTensor {
    let ([height, width], shape) = (with.output(), with.shape());
    with_stored!(x, T => {
        let mut output = buffers::take::<T>(with.output_len());
        with.forward(level, buffers::slice(x), buffers::slice(weight), &mut output);
        buffers::tensor(output, [shape.images, height, width, shape.channels])
    })
}

pub(super) fn record<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    weight: FloatTensor<Autodiff<Flex, C>>,
    with: Depthwise,
    level: Level,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = [x.node(), weight.node()];
    let (x, weight) = (x.into_primitive().to_contiguous(), weight.into_primitive().to_contiguous());
    let output = forward(&x, &weight, with, level);
    match Convolved.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(Kept { x, weight, with, level }, output),
        OpsKind::UnTracked(node) => {
            buffers::give_tensor(x);
            node.finish(output)
        }
    }
}

#[derive(Debug)]
struct Convolved;

#[derive(Debug, Clone)]
struct Kept {
    x: FlexTensor,
    weight: FlexTensor,
    with: Depthwise,
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
        let mut gradient = buffers::take::<f32>(with.weights_len());
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
        let gradient = buffers::tensor(gradient, [shape.images, height, width, shape.channels]);
        gradients.register::<Flex>(node.id, gradient);
    }
    buffers::give_tensor(output);
}

pub(super) fn blur(x: &FlexTensor, with: BlurPooling, level: Level) -> FlexTensor {
    let ([images, .., channels], [height, width]) = (with.input(), with.output());
    with_stored!(x, T => {
        let mut output = buffers::take::<T>(with.output_len());
        with.forward(level, buffers::slice(x), &mut output);
        buffers::tensor(output, [images, height, width, channels])
    })
}

pub(super) fn record_blur<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    with: BlurPooling,
    level: Level,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = [x.node()];
    let x = x.into_primitive().to_contiguous();
    let output = blur(&x, with, level);
    buffers::give_tensor(x);
    match Blurred.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish((with, level), output),
        OpsKind::UnTracked(node) => node.finish(output),
    }
}

#[derive(Debug)]
struct Blurred;

impl Backward<Flex, 1> for Blurred {
    type State = (BlurPooling, Level);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let output = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let ((with, level), [node]) = (ops.state, ops.parents);
        if let Some(node) = node {
            // The gradient is stored as the output was.
            let gradient = with_stored!(output, T => {
                let mut gradient = buffers::take::<T>(with.input_len());
                profile::time(Part::Pooling, 0.0, || with.gradient::<T>(level, buffers::slice(&output), &mut gradient));
                buffers::tensor(gradient, with.input())
            });
            gradients.register::<Flex>(node.id, gradient);
        }
        buffers::give_tensor(output);
    }
}
