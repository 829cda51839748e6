//! One step of Ranger, of one tensor: Adam whose first steps are rectified. The slow weights are Lookahead's.
//!
//! # Source
//! Liu et al., "On the variance of the adaptive learning rate and beyond", 2019, algorithm 2; Zhang et al., "Lookahead
//! optimizer: k steps forward, 1 step back", 2019. Together they are Wright's "Ranger".

use burn::tensor::Tensor;
use imagenette_recipe::optimizer::RangerConfig;

use super::groups;
use crate::compute::device::Device;
use crate::compute::weights::Slot;
use crate::ops::{self, AdamWStep};

/// One step of the rectified Adam; gives weight, mean and mean square. `number` counts the steps from 1.
pub(super) fn update(
    config: &RangerConfig,
    slot: &Slot,
    [weight, mean, square]: [Tensor<1>; 3],
    gradient: Tensor<1>,
    factor: f64,
    number: u64,
    device: &Device,
) -> [Tensor<1>; 3] {
    let (rate_factor, decay) = groups::of(&config.groups, slot, config.normalization_rate_factor, config.weight_decay);
    let rate = config.learning_rate * factor * rate_factor;
    let (beta1, beta2) = (config.beta1, config.beta2);
    if let Some(rectification) = rectification(beta2, number) {
        // Adam's step with a smaller rate, while the decay keeps its own.
        let (rate, decay) = (rate * rectification, decay / rectification);
        let step = AdamWStep { rate, beta1, beta2, epsilon: config.epsilon, decay, number };
        let (weight, mean, square) = ops::adamw_update(weight, mean, square, gradient, step, device.ops());
        return [weight, mean, square];
    }
    // The variance of so few squares is not bounded: the mean gradient alone gives the step.
    let mean = mean * beta1 + gradient.clone() * (1.0 - beta1);
    let square = square * beta2 + gradient.clone() * gradient * (1.0 - beta2);
    let unbiased = rate / (1.0 - beta1.powi(number.min(i32::MAX as u64) as i32));
    [weight * (1.0 - rate * decay) - mean.clone() * unbiased, mean, square]
}

/// The factor of step `number`'s rate; `None` while the mean square knows too little.
fn rectification(beta2: f64, number: u64) -> Option<f64> {
    let longest = 2.0 / (1.0 - beta2) - 1.0;
    let power = beta2.powi(number.min(i32::MAX as u64) as i32);
    let length = longest - 2.0 * number as f64 * power / (1.0 - power);
    (length > 5.0)
        .then(|| ((length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_have_no_rectified_rate_and_later_ones_come_near_to_adams() {
        assert_eq!(rectification(0.99, 5), None);
        let factors: Vec<f64> = [6, 20, 100, 10_000].map(|number| rectification(0.99, number).unwrap()).into();
        assert!(factors.is_sorted() && factors[0] < 0.2 && factors[3] > 0.999_9, "{factors:?}");
    }
}
