//! Maps that two paths begin with: the gradients of both are added by a kernel of ours, on all threads. Burn would add
//! them on one thread, and bf16 through f32.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use imagenette_kernels::Level;
use imagenette_kernels::sum::add;

use crate::ops::buffers::{self, Stored, with_stored};
use crate::ops::profile::{self, Part};

/// The same map twice; the loss has to depend on both.
pub(super) fn record<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    level: Level,
) -> [FloatTensor<Autodiff<Flex, C>>; 2] {
    let first = Arc::new(Mutex::new(None));
    let nodes = [x.node(), x.node()];
    let x = x.into_primitive();
    nodes.map(|node| match Forked.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(Path { first: first.clone(), level }, x.clone()),
        OpsKind::UnTracked(node) => node.finish(x.clone()),
    })
}

#[derive(Debug)]
struct Forked;

/// One of the two paths back.
#[derive(Debug, Clone)]
struct Path {
    /// The gradient that came back first waits here for the other.
    first: Arc<Mutex<Option<FlexTensor>>>,
    level: Level,
}

impl Backward<Flex, 1> for Forked {
    type State = Path;

    fn backward(self, ops: Ops<Path, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let mut waiting = ops.state.first.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = waiting.take() else {
            *waiting = Some(gradient);
            return;
        };
        let [Some(node)] = ops.parents else { return };
        let sum = profile::time(
            Part::Backward,
            0.0,
            || with_stored!(first, T => together::<T>(first, gradient, ops.state.level)),
        );
        gradients.register::<Flex>(node.id, sum);
    }
}

fn together<T: Stored>(first: FlexTensor, second: FlexTensor, level: Level) -> FlexTensor {
    let shape = first.shape().dims::<4>();
    let mut sum = buffers::own::<T>(first);
    let second = buffers::stored::<T>(second).to_contiguous();
    add(level, buffers::slice(&second), &mut sum);
    buffers::give_tensor(second);
    buffers::tensor(sum, shape)
}
