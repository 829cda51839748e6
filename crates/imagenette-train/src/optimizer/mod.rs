//! How the weights follow the gradient: a configuration, and the state that goes on from step to step.
//!
//! Three groups are told apart: weights (with decay), normalisation (its own rate, no decay) and biases (no decay).

mod adamw;
mod sgd;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

pub use adamw::AdamWConfig;
pub use sgd::SgdConfig;

use crate::device::Device;
use crate::error::Result;
use crate::ops;
use crate::recipe::checks::{below_one, not_negative, positive};
use crate::weights::{Layout, Role, Slot, SlotId, Weights, download, upload};

/// Which optimizer, with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum OptimizerConfig {
    /// Gradient descent with momentum.
    Sgd(SgdConfig),
    /// Adam with decay apart from the gradient.
    AdamW(AdamWConfig),
}

impl OptimizerConfig {
    /// The peak learning rate.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(config) => config.learning_rate,
            Self::AdamW(config) => config.learning_rate,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        positive("optimizer.learning_rate", self.learning_rate())?;
        match self {
            Self::Sgd(config) => {
                below_one("optimizer.momentum", config.momentum)?;
                not_negative("optimizer.weight_decay", config.weight_decay)?;
                positive("optimizer.normalisation_rate_factor", config.normalisation_rate_factor)
            }
            Self::AdamW(config) => {
                below_one("optimizer.beta1", config.beta1)?;
                below_one("optimizer.beta2", config.beta2)?;
                positive("optimizer.epsilon", config.epsilon)?;
                not_negative("optimizer.weight_decay", config.weight_decay)?;
                positive("optimizer.normalisation_rate_factor", config.normalisation_rate_factor)
            }
        }
    }

    /// How many tensors of state a weight has.
    fn states(&self) -> usize {
        match self {
            Self::Sgd(_) => 1,
            Self::AdamW(_) => 2,
        }
    }
}

/// The factor of the rate and the decay of a tensor's group.
fn group(slot: &Slot, normalisation_rate_factor: f64, weight_decay: f64) -> (f64, f64) {
    match slot.role {
        Role::Weight => (1.0, weight_decay),
        Role::Normalisation => (normalisation_rate_factor, 0.0),
        Role::Bias | Role::Statistic | Role::Frozen => (1.0, 0.0),
    }
}

/// The optimizer at work: its configuration and its state, one or two tensors for each that is learned.
#[derive(Debug, Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    /// By place in the layout; empty for what is not learned.
    states: Vec<Vec<Tensor<1>>>,
    steps: u64,
}

impl Optimizer {
    /// The state before the first step.
    pub fn new(config: &OptimizerConfig, layout: &Layout, device: &Device) -> Self {
        let states = layout.slots().iter().map(|slot| {
            let count = if slot.role.is_learned() { config.states() } else { 0 };
            (0..count).map(|_| upload(vec![0.0; slot.len()], device)).collect()
        });
        Self { config: config.clone(), states: states.collect(), steps: 0 }
    }

    /// Moves every learned tensor by its gradient; `factor` is the schedule's.
    pub fn step(
        &mut self,
        weights: &mut Weights,
        layout: &Layout,
        gradients: Vec<Option<Tensor<1>>>,
        factor: f64,
        device: &Device,
    ) {
        self.steps += 1;
        for (place, ((slot, gradient), state)) in layout.slots().iter().zip(gradients).zip(&mut self.states).enumerate()
        {
            // What the loss does not depend on has no gradient and stays.
            let Some(gradient) = gradient.filter(|_| slot.role.is_learned()) else { continue };
            let weight = weights.take(SlotId(place), device);
            let mut before = std::mem::take(state).into_iter();
            let mut next = || before.next().expect("the state was made for this configuration");
            let weight = match &self.config {
                OptimizerConfig::Sgd(config) => {
                    let (weight, velocity) =
                        ops::sgd_update(weight, next(), gradient, config.step(slot, factor), device.ops());
                    *state = vec![velocity];
                    weight
                }
                OptimizerConfig::AdamW(config) => {
                    let step = config.step(slot, factor, self.steps);
                    let (weight, mean, square) =
                        ops::adamw_update(weight, next(), next(), gradient, step, device.ops());
                    *state = vec![mean, square];
                    weight
                }
            };
            weights.set(SlotId(place), weight);
        }
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// A copy of the state, by place in the layout.
    pub fn to_host(&self) -> Vec<Vec<Vec<f32>>> {
        self.states.iter().map(|states| states.iter().map(download).collect()).collect()
    }

    /// Goes on from a state that [`Optimizer::to_host`] gave.
    pub fn restore(&mut self, states: Vec<Vec<Vec<f32>>>, steps: u64, device: &Device) {
        self.steps = steps;
        self.states =
            states.into_iter().map(|states| states.into_iter().map(|state| upload(state, device)).collect()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Initial;

    /// Two weights, one normalisation scale and one bias, moved three times by known gradients.
    fn three_steps(config: OptimizerConfig) -> Vec<Vec<f32>> {
        let device = Device::cpu();
        let mut layout = Layout::default();
        layout.add("weight".into(), Role::Weight, &[1, 2], Initial::Constant(0.5));
        layout.add("scale".into(), Role::Normalisation, &[1], Initial::Constant(0.5));
        layout.add("bias".into(), Role::Bias, &[1], Initial::Constant(0.5));
        layout.add("frozen".into(), Role::Frozen, &[1], Initial::Constant(0.5));
        let mut weights = Weights::draw(&layout, 0, &device);
        let mut optimizer = Optimizer::new(&config, &layout, &device);
        for gradient in [1.0f32, -0.5, 0.25] {
            let gradients = [vec![gradient, 2.0 * gradient], vec![gradient], vec![gradient], vec![gradient]];
            let gradients = gradients.map(|values| Some(upload(values, &device))).into();
            optimizer.step(&mut weights, &layout, gradients, 0.5, &device);
        }
        weights.to_host()
    }

    #[track_caller]
    fn agree(found: &[Vec<f32>], expected: [f64; 4]) {
        for (found, expected) in found.concat().iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} and {expected}");
        }
        assert_eq!(found[3], [0.5], "what is frozen stays");
    }

    // import torch
    // def run(make):
    //     w, n, b = (torch.full((k,), .5, dtype=torch.double, requires_grad=True) for k in (2, 1, 1))
    //     o = make(w, n, b)
    //     for g in (1., -.5, .25):
    //         w.grad, n.grad, b.grad = torch.tensor([g, 2 * g]).double(), torch.tensor([g]).double(), torch.tensor([g]).double()
    //         o.step()
    //     print([*w.tolist(), *n.tolist(), *b.tolist()])
    // run(lambda w, n, b: torch.optim.SGD([dict(params=[w], weight_decay=.01), dict(params=[n], lr=.4), dict(params=[b])],
    //     lr=.05, momentum=.9, nesterov=True))
    // run(lambda w, n, b: torch.optim.AdamW([dict(params=[w], weight_decay=.1), dict(params=[n], lr=.02), dict(params=[b])],
    //     lr=.01, betas=(.9, .99), eps=1e-5, weight_decay=0))
    #[test]
    fn sgd_agrees_with_pytorch_and_keeps_its_groups_apart() {
        let config = SgdConfig {
            learning_rate: 0.1,
            momentum: 0.9,
            nesterov: true,
            weight_decay: 0.01,
            normalisation_rate_factor: 8.0,
        };
        agree(
            &three_steps(OptimizerConfig::Sgd(config)),
            [0.370251727334, 0.242513966596, -0.523600000000, 0.372050000000],
        );
    }

    #[test]
    fn adamw_agrees_with_pytorch_and_keeps_its_groups_apart() {
        let config = AdamWConfig {
            learning_rate: 0.02,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-5,
            weight_decay: 0.1,
            normalisation_rate_factor: 2.0,
        };
        agree(
            &three_steps(OptimizerConfig::AdamW(config)),
            [0.482442004053, 0.482441911368, 0.467835695585, 0.483917847792],
        );
    }

    #[test]
    fn a_restored_optimizer_goes_on_as_if_it_had_never_stopped() {
        let device = Device::cpu();
        let mut layout = Layout::default();
        layout.add("weight".into(), Role::Weight, &[1, 2], Initial::Constant(0.5));
        let config: OptimizerConfig = toml::from_str("kind = \"adamw\"\nlearning_rate = 0.1").unwrap();
        let gradient = || vec![Some(upload(vec![1.0, -0.3], &device))];
        let mut weights = Weights::draw(&layout, 0, &device);
        let mut optimizer = Optimizer::new(&config, &layout, &device);
        optimizer.step(&mut weights, &layout, gradient(), 1.0, &device);
        let mut other_weights = Weights::from_host(weights.to_host(), &device);
        let mut other = Optimizer::new(&config, &layout, &device);
        other.restore(optimizer.to_host(), optimizer.steps(), &device);
        optimizer.step(&mut weights, &layout, gradient(), 1.0, &device);
        other.step(&mut other_weights, &layout, gradient(), 1.0, &device);
        assert_eq!(weights.to_host(), other_weights.to_host());
        assert_eq!(optimizer.to_host(), other.to_host());
    }
}
