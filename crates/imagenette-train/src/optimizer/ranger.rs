//! Ranger: Adam whose first steps are rectified, under Lookahead. Settings, and what they mean for one step of one tensor;
//! the slow weights are in [`crate::lookahead`].
//!
//! # Source
//! Liu et al., "On the variance of the adaptive learning rate and beyond", 2019, algorithm 2; Zhang et al., "Lookahead
//! optimizer: k steps forward, 1 step back", 2019. Together they are Wright's "Ranger", with fastai's defaults here.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::groups::Groups;
use crate::device::Device;
use crate::ops::{self, AdamWStep};
use crate::weights::Slot;

/// Rectified Adam under Lookahead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangerConfig {
    /// The peak rate.
    pub learning_rate: f64,
    /// The share of the mean gradient that stays.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// The share of a weight, times the rate, that each step takes away; normalisation and biases are spared.
    #[serde(default = "decay")]
    pub weight_decay: f64,
    /// The factor of the rate for the normalisations' scales and shifts.
    #[serde(default = "one")]
    pub normalisation_rate_factor: f64,
    /// Steps from one look of the slow weights to the next.
    #[serde(default = "every")]
    pub lookahead_every: u32,
    /// How far the slow weights go towards the fast ones then, above 0 and up to 1.
    #[serde(default = "share")]
    pub lookahead_share: f64,
    /// Rates and decays of the small groups.
    #[serde(default, skip_serializing_if = "Groups::is_usual")]
    pub groups: Groups,
}

fn beta1() -> f64 {
    0.95
}

fn beta2() -> f64 {
    0.99
}

fn epsilon() -> f64 {
    1e-6
}

fn decay() -> f64 {
    0.01
}

fn one() -> f64 {
    1.0
}

fn every() -> u32 {
    6
}

fn share() -> f64 {
    0.5
}

impl RangerConfig {
    /// One step of the rectified Adam; gives weight, mean and mean square. `number` counts the steps from 1.
    pub(super) fn update(
        &self,
        slot: &Slot,
        [weight, mean, square]: [Tensor<1>; 3],
        gradient: Tensor<1>,
        factor: f64,
        number: u64,
        device: &Device,
    ) -> [Tensor<1>; 3] {
        let (rate_factor, decay) = self.groups.of(slot, self.normalisation_rate_factor, self.weight_decay);
        let rate = self.learning_rate * factor * rate_factor;
        let (beta1, beta2) = (self.beta1, self.beta2);
        if let Some(rectification) = rectification(beta2, number) {
            // Adam's step with a smaller rate, while the decay keeps its own.
            let (rate, decay) = (rate * rectification, decay / rectification);
            let step = AdamWStep { rate, beta1, beta2, epsilon: self.epsilon, decay, number };
            let (weight, mean, square) = ops::adamw_update(weight, mean, square, gradient, step, device.ops());
            return [weight, mean, square];
        }
        // The variance of so few squares is not bounded: the mean gradient alone gives the step.
        let mean = mean * beta1 + gradient.clone() * (1.0 - beta1);
        let square = square * beta2 + gradient.clone() * gradient * (1.0 - beta2);
        let unbiased = rate / (1.0 - beta1.powi(number.min(i32::MAX as u64) as i32));
        [weight * (1.0 - rate * decay) - mean.clone() * unbiased, mean, square]
    }
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
