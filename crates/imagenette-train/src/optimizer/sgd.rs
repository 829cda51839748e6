//! One step of gradient descent with momentum, of one tensor.

use imagenette_recipe::optimizer::SgdConfig;

use super::groups;
use crate::compute::weights::Slot;
use crate::ops::SgdStep;

pub(super) fn step(config: &SgdConfig, slot: &Slot, factor: f64) -> SgdStep {
    let (rate_factor, decay) = groups::of(&config.groups, slot, config.normalization_rate_factor, config.weight_decay);
    let rate = config.learning_rate * factor * rate_factor;
    SgdStep { rate, momentum: config.momentum, nesterov: config.nesterov, decay }
}
