//! Lion: the sign of a mean of gradients. Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2.

use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Lion {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
}

impl Default for Lion {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.99, weight_decay: 0.1 }
    }
}

impl OwnOptimizer for Lion {
    fn validate(&self) -> Result<(), String> {
        let is_share = |beta: f64| (0.0..1.0).contains(&beta);
        if is_share(self.beta1) && is_share(self.beta2) {
            Ok(())
        } else {
            Err("beta1 and beta2 are from 0 to 1".into())
        }
    }

    fn states(&self, slot: &Slot) -> Vec<Vec<usize>> {
        vec![slot.shape.clone()]
    }

    fn update(&self, now: &Now, weight: Tensor<1>, gradient: Tensor<1>, states: &mut [Tensor<1>]) -> Tensor<1> {
        let mean = states[0].clone();
        let direction = (mean.clone() * self.beta1 + gradient.clone() * (1.0 - self.beta1)).sign();
        states[0] = mean * self.beta2 + gradient * (1.0 - self.beta2);
        weight * (1.0 - now.rate * now.decay(self.weight_decay)) - direction * now.rate
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().optimizer::<Lion>("lion"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/optimizer.toml")).unwrap());
}
