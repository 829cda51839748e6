//! Mean teacher: the network is to say of a changed photo without a label what the average of its weights says of the plain
//! one. Tarvainen and Valpola, "Mean teachers are better role models", 2017.

use imagenette::burn::tensor::activation::{log_softmax, softmax};
use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct MeanTeacher {
    weight: f64,
    ramp: f64,
}

impl Default for MeanTeacher {
    fn default() -> Self {
        Self { weight: 10.0, ramp: 0.4 }
    }
}

impl OwnMethod for MeanTeacher {
    fn validate(&self) -> Result<(), String> {
        if self.weight >= 0.0 { Ok(()) } else { Err(format!("a weight of {}: it is 0 or more", self.weight)) }
    }

    fn loss(&self, step: TwoStreams) -> Tensor<1> {
        // As in the paper the weight rises slowly: a teacher that knows nothing teaches nothing.
        let away = (1.0 - step.progress / self.ramp).max(0.0);
        let weight = self.weight * (-5.0 * away * away).exp();
        let right = (log_softmax(step.labeled, 1) * step.targets).sum_dim(1).neg().mean();
        let apart = (softmax(step.strong, 1) - softmax(step.teacher, 1)).powi_scalar(2).sum_dim(1).mean();
        right + apart * weight
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().method::<MeanTeacher>("mean-teacher"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/method.toml")).unwrap());
}
