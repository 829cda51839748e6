//! How the weights follow the gradient: the recipe's configuration says what moves each tensor, and here is the state
//! that goes on from step to step.

mod adamw;
mod groups;
mod muon;
pub mod own;
mod ranger;
mod sgd;

use std::sync::Arc;

use burn::tensor::Tensor;
use imagenette_recipe::optimizer::{AdamWConfig, MuonConfig, OptimizerConfig, RangerConfig, RestConfig, SgdConfig};

use crate::compute::device::Device;
use crate::compute::guard::{fault, guard};
use crate::compute::weights::{Layout, Slot, SlotId, Weights, download, upload};
use crate::error::Result;
use crate::ops;
use muon::matrix;
use own::Own;
pub use own::{Now, OwnOptimizer};

/// Multiply-adds of the matrix products in one step: Muon has some, the other shipped ones have none; what those from
/// elsewhere have is not known and not counted.
pub fn multiply_adds(config: &OptimizerConfig, layout: &Layout) -> u64 {
    let of_slot = |slot: &Slot| match rule(config, slot) {
        Rule::Muon(config, shape) => muon::multiply_adds(config, shape),
        Rule::Sgd(_) | Rule::AdamW(_) | Rule::Ranger(_) | Rule::Own => 0,
    };
    layout.slots().iter().map(of_slot).sum()
}

/// What moves a tensor.
fn rule<'c>(config: &'c OptimizerConfig, slot: &Slot) -> Rule<'c> {
    match config {
        OptimizerConfig::Sgd(config) => Rule::Sgd(config),
        OptimizerConfig::AdamW(config) => Rule::AdamW(config),
        OptimizerConfig::Ranger(config) => Rule::Ranger(config),
        OptimizerConfig::Muon(config) => match (matrix(slot), &config.rest) {
            (Some(shape), _) => Rule::Muon(config, shape),
            (None, RestConfig::Sgd(rest)) => Rule::Sgd(rest),
            (None, RestConfig::AdamW(rest)) => Rule::AdamW(rest),
        },
        OptimizerConfig::Own(_) => Rule::Own,
    }
}

/// What moves one tensor.
enum Rule<'c> {
    Sgd(&'c SgdConfig),
    AdamW(&'c AdamWConfig),
    Ranger(&'c RangerConfig),
    Muon(&'c MuonConfig, [usize; 2]),
    /// Code from elsewhere.
    Own,
}

/// The optimizer at work: its configuration and its state, some tensors for each that is learned.
#[derive(Debug, Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    own: Option<Own>,
    /// By place in the layout; empty for what is not learned.
    shapes: Vec<Vec<Vec<usize>>>,
    states: Vec<Vec<Tensor<1>>>,
    steps: u64,
}

impl Optimizer {
    /// A shipped optimizer before its first step.
    pub fn shipped(config: &OptimizerConfig, layout: &Layout, device: &Device) -> Self {
        let shapes = layout.slots().iter().map(|slot| {
            let count = match rule(config, slot) {
                _ if !slot.role.is_learned() => 0,
                Rule::Sgd(_) | Rule::Muon(..) => 1,
                Rule::AdamW(_) | Rule::Ranger(_) => 2,
                Rule::Own => 0,
            };
            vec![slot.shape.clone(); count]
        });
        Self::with(config, None, shapes.collect(), device)
    }

    /// An optimizer from elsewhere, by the name that recipes give it, before its first step.
    ///
    /// # Errors
    /// When its code panics.
    pub fn own(
        config: &OptimizerConfig,
        name: &str,
        rule: Arc<dyn OwnOptimizer>,
        layout: &Layout,
        device: &Device,
    ) -> Result<Self> {
        let own = Own { part: format!("optimizer `{name}`"), rule, learning_rate: config.learning_rate() };
        let shapes = own.shapes(layout)?;
        Ok(Self::with(config, Some(own), shapes, device))
    }

    fn with(config: &OptimizerConfig, own: Option<Own>, shapes: Vec<Vec<Vec<usize>>>, device: &Device) -> Self {
        let zeros = |shape: &Vec<usize>| upload(vec![0.0; shape.iter().product()], device);
        let states = shapes.iter().map(|shapes| shapes.iter().map(zeros).collect()).collect();
        Self { config: config.clone(), own, shapes, states, steps: 0 }
    }

    /// Whether it is code from elsewhere, which may want a second gradient.
    pub fn may_look_ahead(&self) -> bool {
        self.own.is_some()
    }

    /// Where the gradient is taken again before the step, where the optimizer wants that.
    ///
    /// # Errors
    /// When code from elsewhere panics, or gives other tensors than there are weights.
    pub fn look_ahead(&self, weights: &Weights, gradients: &[Option<Tensor<1>>]) -> Result<Option<Weights>> {
        let Some(own) = &self.own else { return Ok(None) };
        let Some(found) = guard(&own.part, || own.rule.look_ahead(weights.tensors(), gradients))? else {
            return Ok(None);
        };
        let sizes = |tensors: &[Tensor<1>]| tensors.iter().map(|tensor| tensor.dims()[0]).collect::<Vec<_>>();
        if sizes(&found) != sizes(weights.tensors()) {
            return Err(fault(&own.part, "`look_ahead` gives tensors of the numbers and sizes of the weights"));
        }
        Ok(Some(Weights::of(found)))
    }

    /// Moves every learned tensor by its gradient; `factor` is the schedule's.
    ///
    /// # Errors
    /// When code from elsewhere panics, or gives tensors of other sizes.
    pub fn step(
        &mut self,
        weights: &mut Weights,
        layout: &Layout,
        gradients: Vec<Option<Tensor<1>>>,
        factor: f64,
        device: &Device,
    ) -> Result<()> {
        self.steps += 1;
        for (place, ((slot, gradient), state)) in layout.slots().iter().zip(gradients).zip(&mut self.states).enumerate()
        {
            // What the loss does not depend on has no gradient and stays.
            let Some(gradient) = gradient.filter(|_| slot.role.is_learned()) else { continue };
            let weight = weights.take(SlotId(place), device);
            if let Some(own) = &self.own {
                weights.set(SlotId(place), own.step((slot, self.steps, factor), weight, gradient, state)?);
                continue;
            }
            let mut before = std::mem::take(state).into_iter();
            let mut next = || before.next().expect("the state was made for this configuration");
            let weight = match rule(&self.config, slot) {
                Rule::Sgd(config) => {
                    let (weight, velocity) =
                        ops::sgd_update(weight, next(), gradient, sgd::step(config, slot, factor), device.ops());
                    *state = vec![velocity];
                    weight
                }
                Rule::AdamW(config) => {
                    let step = adamw::step(config, slot, factor, self.steps);
                    let (weight, mean, square) =
                        ops::adamw_update(weight, next(), next(), gradient, step, device.ops());
                    *state = vec![mean, square];
                    weight
                }
                Rule::Ranger(config) => {
                    let before = [weight, next(), next()];
                    let [weight, mean, square] =
                        ranger::update(config, slot, before, gradient, factor, self.steps, device);
                    *state = vec![mean, square];
                    weight
                }
                Rule::Muon(config, shape) => {
                    let before = [weight, next()];
                    let [weight, velocity] =
                        muon::update(config, shape, before, gradient, factor, device.ops(), device.precision());
                    *state = vec![velocity];
                    weight
                }
                Rule::Own => unreachable!("it was taken out above"),
            };
            weights.set(SlotId(place), weight);
        }
        Ok(())
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The shape of each state, by place in the layout.
    pub fn shapes(&self) -> &[Vec<Vec<usize>>] {
        &self.shapes
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
    use imagenette_recipe::model::ModelConfig;
    use imagenette_recipe::optimizer::Groups;

    use super::*;
    use crate::compute::weights::{Initial, Role};
    use crate::learn::lookahead::Lookahead;
    use crate::parts::Parts;

    fn three_steps(config: OptimizerConfig) -> Vec<Vec<f32>> {
        steps(config, 3)
    }

    /// Two weights, one normalization gain and one bias, moved `count` times by known gradients.
    fn steps(config: OptimizerConfig, count: usize) -> Vec<Vec<f32>> {
        let device = Device::cpu();
        let mut layout = Layout::default();
        layout.add("weight".into(), Role::Weight, &[1, 2], Initial::Constant(0.5));
        layout.add("gain".into(), Role::Normalization, &[1], Initial::Constant(0.5));
        layout.add("bias".into(), Role::Bias, &[1], Initial::Constant(0.5));
        layout.add("frozen".into(), Role::Frozen, &[1], Initial::Constant(0.5));
        let mut weights = Weights::draw(&layout, 0, &device);
        let mut optimizer = Optimizer::shipped(&config, &layout, &device);
        let mut lookahead = config.lookahead().map(|config| Lookahead::new(config, &weights));
        for gradient in [1.0f32, -0.5, 0.25].into_iter().cycle().take(count) {
            let gradients = [vec![gradient, 2.0 * gradient], vec![gradient], vec![gradient], vec![gradient]];
            let gradients = gradients.map(|values| Some(upload(values, &device))).into();
            optimizer.step(&mut weights, &layout, gradients, 0.5, &device).unwrap();
            if let Some(lookahead) = &mut lookahead {
                lookahead.after_step(&mut weights, &layout, optimizer.steps(), 0.0, &device);
            }
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
            normalization_rate_factor: 8.0,
            groups: Groups::default(),
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
            normalization_rate_factor: 2.0,
            groups: Groups::default(),
        };
        agree(
            &three_steps(OptimizerConfig::AdamW(config)),
            [0.482442004053, 0.482441911368, 0.467835695585, 0.483917847792],
        );
    }

    // import math, torch; torch.set_default_dtype(torch.double)
    // def ranger(steps, lr=.01, mom=.95, sq=.99, eps=1e-6, wd=.1, k=6, alpha=.5):
    //     for p, l, d, s in ((torch.full((2,), .5), lr, wd, [1., 2.]), (torch.full((1,), .5), 2 * lr, 0, [1.]), (torch.full((1,), .5), lr, 0, [1.])):
    //         m, v, slow = torch.zeros_like(p), torch.zeros_like(p), p.clone()
    //         for t in range(1, steps + 1):
    //             g = [1., -.5, .25][(t - 1) % 3] * torch.tensor(s)
    //             p *= 1 - l * d
    //             m = mom * m + (1 - mom) * g; v = sq * v + (1 - sq) * g * g
    //             ri = 2 / (1 - sq) - 1; r = ri - 2 * t * sq ** t / (1 - sq ** t)
    //             f = math.sqrt((r - 4) * (r - 2) * ri / ((ri - 4) * (ri - 2) * r)) if r > 5 else 1
    //             p -= l * f / (1 - mom ** t) * m / (((v / (1 - sq ** t)).sqrt() + eps) if r > 5 else 1)
    //             if t % k == 0: slow += alpha * (p - slow); p.copy_(slow)
    //         print(p.tolist())
    // ranger(3); ranger(8)    (without Lookahead and with eps=1e-12, torch.optim.RAdam gives the same)
    #[test]
    fn ranger_agrees_with_the_published_steps_before_and_after_rectification_begins() {
        let config: OptimizerConfig = toml::from_str(
            "kind = \"ranger\"\nlearning_rate = 0.02\nweight_decay = 0.1\nnormalization_rate_factor = 2.0",
        )
        .unwrap();
        agree(&steps(config.clone(), 3), [0.483840995332, 0.469180491163, 0.470634396279, 0.485317198139]);
        agree(&steps(config, 8), [0.485750860363, 0.475081319534, 0.476365431390, 0.488182715695]);
    }

    #[test]
    fn muon_leaves_everything_but_convolutions_to_the_rest() {
        // What is a matrix but not a convolution, the gain and the bias go as gradient descent takes them.
        let rest =
            "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\nweight_decay = 0.01\nnormalization_rate_factor = 8.0";
        let inner = rest.replace('\n', ", ");
        let text = format!("kind = \"muon\"\nlearning_rate = 0.3\nrest = {{ {inner} }}");
        let muon = three_steps(toml::from_str(&text).unwrap());
        assert_eq!(muon, three_steps(toml::from_str(rest).unwrap()));
    }

    #[test]
    fn a_recipe_knows_without_building_it_whether_its_network_has_something_that_muon_moves() {
        for (network, expected) in [
            ("kind = 'fast'\nstem = 2\nwidths = [1]\ndepths = [3]", false),
            ("kind = 'fast'\nstem = 2\nwidths = [1]\nstem_weights = 'learned'", true),
            ("kind = 'fast'\nstem = 2\nwidths = [1, 2]\ndepths = [0, 0]", true),
            ("kind = 'xresnet'\ndepth = 18", true),
        ] {
            let config: ModelConfig = toml::from_str(network).unwrap();
            let model = Parts::shipped().model_of(&config, 2).unwrap();
            assert_eq!(model.layout().slots().iter().any(|slot| matrix(slot).is_some()), expected, "{network}");
            assert_eq!(config.learns_matrices(), expected, "{network}");
        }
    }

    #[test]
    fn a_restored_optimizer_goes_on_as_if_it_had_never_stopped() {
        let rest = "rest = { kind = \"adamw\", learning_rate = 0.1 }";
        goes_on("kind = \"sgd\"\nlearning_rate = 0.1");
        goes_on("kind = \"adamw\"\nlearning_rate = 0.1");
        goes_on("kind = \"ranger\"\nlearning_rate = 0.1");
        goes_on(&format!("kind = \"muon\"\nlearning_rate = 0.1\n{rest}"));
    }

    fn goes_on(config: &str) {
        let device = Device::cpu();
        let mut layout = Layout::default();
        layout.add("weight".into(), Role::Weight, &[2, 2, 1, 1], Initial::Constant(0.5));
        layout.add("head.weight".into(), Role::Weight, &[1, 2], Initial::Constant(0.5));
        let config: OptimizerConfig = toml::from_str(config).unwrap();
        let gradient =
            || [vec![1.0, -0.3, 0.5, 2.0], vec![0.1, -0.2]].map(|values| Some(upload(values, &device))).into();
        let mut weights = Weights::draw(&layout, 0, &device);
        let mut optimizer = Optimizer::shipped(&config, &layout, &device);
        optimizer.step(&mut weights, &layout, gradient(), 1.0, &device).unwrap();
        let mut other_weights = Weights::from_host(weights.to_host(), &device);
        let mut other = Optimizer::shipped(&config, &layout, &device);
        other.restore(optimizer.to_host(), optimizer.steps(), &device);
        optimizer.step(&mut weights, &layout, gradient(), 1.0, &device).unwrap();
        other.step(&mut other_weights, &layout, gradient(), 1.0, &device).unwrap();
        assert_eq!(weights.to_host(), other_weights.to_host());
        assert_eq!(optimizer.to_host(), other.to_host());
    }
}
