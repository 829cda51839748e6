//! Poly-1: cross-entropy + ε (1 − p of the target). Leng et al., "PolyLoss", 2022, equation 4.

use imagenette::burn::tensor::activation::log_softmax;
use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Poly {
    epsilon: f64,
}

impl Default for Poly {
    fn default() -> Self {
        Self { epsilon: 1.0 }
    }
}

impl OwnLoss for Poly {
    fn loss(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let log_p = log_softmax(scores, 1); // [N, classes]
        let cross_entropy = (log_p.clone() * targets.clone()).sum_dim(1).neg(); // [N, 1]
        let p = (log_p.exp() * targets).sum_dim(1);
        (cross_entropy - (p - 1.0) * self.epsilon).mean()
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().loss::<Poly>("poly"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/loss.toml")).unwrap());
}
