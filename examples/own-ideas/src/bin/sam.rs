//! SAM: the gradient is taken a second time, uphill. Foret et al., "Sharpness-aware minimization", 2020, algorithm 1.

use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Sam {
    learning_rate: f64,
    momentum: f64,
    weight_decay: f64,
    rho: f64,
}

impl Default for Sam {
    fn default() -> Self {
        Self { learning_rate: 0.08, momentum: 0.85, weight_decay: 5e-4, rho: 0.05 }
    }
}

impl OwnOptimizer for Sam {
    fn states(&self, slot: &Slot) -> Vec<Vec<usize>> {
        vec![slot.shape.clone()]
    }

    fn look_ahead(&self, weights: &[Tensor<1>], gradients: &[Option<Tensor<1>>]) -> Option<Vec<Tensor<1>>> {
        let squares = gradients.iter().flatten().map(|g| (g.clone() * g.clone()).sum());
        let step = (squares.reduce(|a, b| a + b)?.sqrt() + 1e-12).recip() * self.rho; // [1]
        let moved = |(w, g): (&Tensor<1>, &Option<Tensor<1>>)| match g {
            Some(g) => w.clone() + g.clone() * step.clone(),
            None => w.clone(),
        };
        Some(weights.iter().zip(gradients).map(moved).collect())
    }

    fn update(&self, now: &Now, weight: Tensor<1>, gradient: Tensor<1>, states: &mut [Tensor<1>]) -> Tensor<1> {
        let gradient = gradient + weight.clone() * now.decay(self.weight_decay);
        states[0] = states[0].clone() * self.momentum + gradient;
        weight - states[0].clone() * now.rate
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().optimizer::<Sam>("sam"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/sam.toml")).unwrap());
}
