//! An activation alone as one node, which keeps its input.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use imagenette_kernels::Level;
use imagenette_kernels::activation::own;

use crate::ops::Activation;
use crate::ops::buffers::{self, with_stored};
use crate::ops::profile::{self, Part};

pub(super) fn forward(x: &FlexTensor, activation: &Activation, level: Level) -> FlexTensor {
    with_stored!(x, T => {
        let numbers = buffers::slice::<T>(x);
        let mut output = buffers::take::<T>(numbers.len());
        match activation {
            Activation::Kernel(activation) => activation.apply(level, numbers, &mut output),
            Activation::Curve(_, curve) => own::apply(level, curve.as_ref(), numbers, &mut output),
            Activation::Tensors(..) => unreachable!("tensors are Burn's"),
        }
        buffers::tensor(output, x.shape().dims::<4>())
    })
}

pub(super) fn record<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    activation: Activation,
    level: Level,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = [x.node()];
    let x = x.into_primitive().to_contiguous();
    let output = forward(&x, &activation, level);
    match Activated.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish((x, activation, level), output),
        OpsKind::UnTracked(node) => {
            buffers::give_tensor(x);
            node.finish(output)
        }
    }
}

#[derive(Debug)]
struct Activated;

impl Backward<Flex, 1> for Activated {
    type State = (FlexTensor, Activation, Level);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let output = gradients.consume::<Flex>(&ops.node);
        let (x, activation, level) = ops.state;
        let [node] = ops.parents;
        let shape = x.shape().dims::<4>();
        let gradient = with_stored!(x, T => {
            let mut gradient = buffers::own::<T>(output);
            profile::time(Part::Normalization, 0.0, || {
                let x = buffers::slice(&x);
                match &activation {
                    Activation::Kernel(activation) => activation.apply_gradient(level, x, &mut gradient),
                    Activation::Curve(_, curve) => own::apply_gradient(level, curve.as_ref(), x, &mut gradient),
                    Activation::Tensors(..) => unreachable!("tensors are Burn's"),
                }
            });
            buffers::tensor(gradient, shape)
        });
        buffers::give_tensor(x);
        if let Some(node) = node {
            gradients.register::<Flex>(node.id, gradient);
        }
    }
}
