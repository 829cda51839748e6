//! Swish: x · σ(βx). Ramachandran et al., "Searching for activation functions", 2017.

use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Swish {
    beta: f32,
}

impl Default for Swish {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl OwnActivation for Swish {
    fn value(&self, x: f32) -> f32 {
        x * sigmoid(self.beta * x)
    }

    fn slope(&self, x: f32) -> f32 {
        let s = sigmoid(self.beta * x);
        s + self.beta * x * s * (1.0 - s)
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().activation::<Swish>("swish"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/activation.toml")).unwrap());
}
