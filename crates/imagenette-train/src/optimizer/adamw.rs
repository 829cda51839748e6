//! One step of Adam with decoupled weight decay, of one tensor.
//!
//! # Source
//! Loshchilov and Hutter, "Decoupled weight decay regularization", 2017, algorithm 2.

use imagenette_recipe::optimizer::AdamWConfig;

use super::groups;
use crate::compute::weights::Slot;
use crate::ops::AdamWStep;

pub(super) fn step(config: &AdamWConfig, slot: &Slot, factor: f64, number: u64) -> AdamWStep {
    let (rate_factor, decay) = groups::of(&config.groups, slot, config.normalization_rate_factor, config.weight_decay);
    let rate = config.learning_rate * factor * rate_factor;
    let AdamWConfig { beta1, beta2, epsilon, .. } = *config;
    AdamWStep { rate, beta1, beta2, epsilon, decay, number }
}
