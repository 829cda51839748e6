//! Optimizers from elsewhere: a tensor, its gradient and states of any number and shape go in, the tensor's new value
//! and the new states come out.

use std::fmt::Debug;

use burn::tensor::Tensor;

use super::groups;
use crate::compute::guard::{fault, guard};
use crate::compute::weights::{Layout, Slot};
use crate::error::Result;

/// An optimizer: its settings, and what it does to one tensor. Its settings have a number `learning_rate`, the peak.
///
/// It must not keep anything from step to step but its states: they alone are in checkpoints.
pub trait OwnOptimizer: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The shape of each state that is kept for a tensor, as many as there are; they begin as zeros. What is usual: one
    /// or two of the tensor's own shape, `slot.shape`.
    fn states(&self, slot: &Slot) -> Vec<Vec<usize>>;

    /// The tensor after the step. The states are changed in place.
    ///
    /// # Shapes
    /// All flat: `weight` and `gradient` as many numbers as [`Slot::len`], each state as many as its shape has;
    /// `reshape` to [`Slot::shape`] where that matters.
    fn update(&self, now: &Now, weight: Tensor<1>, gradient: Tensor<1>, states: &mut [Tensor<1>]) -> Tensor<1>;

    /// Where the gradient is taken again before the step, for rules that look at two places: all weights by their place
    /// in the layout, from the weights and their gradients. The step is then made from `weights` with the gradients
    /// found there. `None`, as here, is one gradient a step.
    fn look_ahead(&self, weights: &[Tensor<1>], gradients: &[Option<Tensor<1>>]) -> Option<Vec<Tensor<1>>> {
        let _ = (weights, gradients);
        None
    }
}

/// What an update needs to know of the moment and the tensor.
#[derive(Debug, Clone, Copy)]
pub struct Now<'s> {
    /// The tensor's name, role and shape.
    pub slot: &'s Slot,
    /// The learning rate: the optimizer's, times the schedule's factor.
    pub rate: f64,
    /// Steps taken with this one, from 1.
    pub step: u64,
}

impl Now<'_> {
    /// The decay of this tensor where weights have `decay`: none for normalizations and biases, as is usual.
    pub fn decay(&self, decay: f64) -> f64 {
        groups::of(&Default::default(), self.slot, 1.0, decay).1
    }
}

/// An optimizer from elsewhere, with the name that recipes give it.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) part: String,
    pub(super) rule: std::sync::Arc<dyn OwnOptimizer>,
    pub(super) learning_rate: f64,
}

impl Own {
    /// The shapes of the states of each tensor.
    pub(super) fn shapes(&self, layout: &Layout) -> Result<Vec<Vec<Vec<usize>>>> {
        let of = |slot: &Slot| match slot.role.is_learned() {
            true => guard(&self.part, || self.rule.states(slot)),
            false => Ok(Vec::new()),
        };
        layout.slots().iter().map(of).collect()
    }

    /// One step of one tensor.
    pub(super) fn step(
        &self,
        (slot, step, factor): (&Slot, u64, f64),
        weight: Tensor<1>,
        gradient: Tensor<1>,
        states: &mut [Tensor<1>],
    ) -> Result<Tensor<1>> {
        let now = Now { slot, rate: self.learning_rate * factor, step };
        let before: Vec<[usize; 1]> = states.iter().map(Tensor::dims).collect();
        let weight = guard(&self.part, || self.rule.update(&now, weight, gradient, states))?;
        let expect = |what: String, expected: usize, found: usize| match expected == found {
            true => Ok(()),
            false => Err(fault(
                &self.part,
                format!("expected {what} of `{}` to have {expected} numbers, found {found}", slot.name),
            )),
        };
        expect("the weight".into(), slot.len(), weight.dims()[0])?;
        for (number, (before, after)) in before.iter().zip(states.iter()).enumerate() {
            expect(format!("state {number}"), before[0], after.dims()[0])?;
        }
        Ok(weight)
    }
}
