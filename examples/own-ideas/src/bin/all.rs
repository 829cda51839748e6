//! One idea of each kind in one program: recipes name any of them. Each is small; the papers are named beside them.

use imagenette::burn::tensor::activation::log_softmax;
use imagenette::ideas::*;

/// max(x, 0)²: So et al., "Primer", 2021.
#[derive(Debug, Serialize, Deserialize)]
struct SquaredRelu {}

impl OwnActivation for SquaredRelu {
    fn value(&self, x: f32) -> f32 {
        x.max(0.0) * x.max(0.0)
    }
    fn slope(&self, x: f32) -> f32 {
        2.0 * x.max(0.0)
    }
}

/// (1 − p)^γ × cross-entropy: Lin et al., "Focal loss for dense object detection", 2017.
#[derive(Debug, Serialize, Deserialize)]
struct Focal {
    gamma: f32,
}

impl OwnLoss for Focal {
    fn loss(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let log_p = log_softmax(scores, 1); // [N, classes]
        let doubt = (log_p.clone().exp().neg() + 1.0).powf_scalar(self.gamma);
        (doubt * log_p * targets).sum_dim(1).neg().mean()
    }
}

/// The sign of the gradient: Bernstein et al., "signSGD", 2018.
#[derive(Debug, Serialize, Deserialize)]
struct SignSgd {
    learning_rate: f64,
}

impl OwnOptimizer for SignSgd {
    fn states(&self, _: &Slot) -> Vec<Vec<usize>> {
        Vec::new()
    }
    fn update(&self, now: &Now, weight: Tensor<1>, gradient: Tensor<1>, _: &mut [Tensor<1>]) -> Tensor<1> {
        weight - gradient.sign() * now.rate
    }
}

/// A root that falls: Hägele et al., "Scaling laws and compute-optimal training", 2024.
#[derive(Debug, Serialize, Deserialize)]
struct Root {}

impl OwnSchedule for Root {
    fn factor(&self, progress: f64) -> f64 {
        (1.0 - progress).sqrt()
    }
}

/// Light becomes dark above a threshold: Cubuk et al., "AutoAugment", 2018.
#[derive(Debug, Serialize, Deserialize)]
struct Solarize {
    probability: f64,
}

impl OwnAugmentation for Solarize {
    fn change(&self, rgb: &mut [u8], _side_px: usize, random: &mut Random) {
        if random.chance(self.probability) {
            let threshold = 128 + random.below(128) as u8;
            rgb.iter_mut().filter(|value| **value >= threshold).for_each(|value| *value = 255 - *value);
        }
    }
}

/// One matrix from colors to classes: softmax regression, as old as it is.
#[derive(Debug, Serialize, Deserialize)]
struct Colors {}

impl OwnModel for Colors {
    fn build(&self, classes: usize, layout: &mut Layout) -> Box<dyn OwnNetwork> {
        Box::new(Head(Linear::new(layout, "head", 3, classes, true)))
    }
}

#[derive(Debug)]
struct Head(Linear);

impl OwnNetwork for Head {
    fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        self.0.forward(pass, ops::global_average_pool(photos))
    }
}

/// The samples in the middle, neither easy nor hopeless: after Mindermann et al., "Prioritized training", 2022.
#[derive(Debug, Serialize, Deserialize)]
struct Middle {}

impl OwnSelection for Middle {
    fn select(&self, batch: &Judged, count: usize, _: &mut Random) -> Vec<usize> {
        let mut order: Vec<usize> = (0..batch.losses.len()).collect();
        order.sort_by(|&a, &b| batch.losses[a].total_cmp(&batch.losses[b]));
        order[(order.len() - count) / 2..][..count].to_vec()
    }
}

fn program() -> imagenette::Program {
    let parts = Parts::shipped()
        .activation::<SquaredRelu>("squared-relu")
        .loss::<Focal>("focal")
        .optimizer::<SignSgd>("sign-sgd")
        .schedule::<Root>("root")
        .augmentation::<Solarize>("solarize")
        .model::<Colors>("colors")
        .selection::<Middle>("middle");
    imagenette::program!().with(parts)
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn they_keep_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/all.toml")).unwrap());
}
