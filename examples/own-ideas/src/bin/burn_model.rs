//! A network of plain Burn modules: three convolutions with normalization. Burn's operations run it.

use imagenette::burn;
use imagenette::burn::module::Module;
use imagenette::burn::nn::conv::{Conv2d, Conv2dConfig};
use imagenette::burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use imagenette::burn::tensor::activation::relu;
use imagenette::ideas::{BurnModel, Deserialize, Parts, Serialize, Tensor};

#[derive(Debug, Serialize, Deserialize)]
struct Plain {
    widths: [usize; 3],
}

#[derive(Module, Debug)]
struct Layers {
    convolutions: Vec<Conv2d>,
    norms: Vec<BatchNorm>,
    head: Linear,
}

impl BurnModel for Plain {
    type Module = Layers;

    fn init(&self, classes: usize, device: &burn::tensor::Device) -> Layers {
        let [a, b, c] = self.widths;
        let convolution = |[inputs, outputs]: [usize; 2]| {
            let config = Conv2dConfig::new([inputs, outputs], [3, 3]).with_stride([2, 2]).with_bias(false);
            config.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(device)
        };
        Layers {
            convolutions: [[3, a], [a, b], [b, c]].map(convolution).into(),
            norms: self.widths.map(|width| BatchNormConfig::new(width).init(device)).into(),
            head: LinearConfig::new(c, classes).init(device),
        }
    }

    fn forward(&self, layers: &Layers, photos: Tensor<4>) -> Tensor<2> {
        let mut x = photos; // [N, 3, H, W]
        for (convolution, norm) in layers.convolutions.iter().zip(&layers.norms) {
            x = relu(norm.forward(convolution.forward(x)));
        }
        let [n, channels, ..] = x.dims();
        let means: Tensor<3> = x.reshape([n as i32, channels as i32, -1]).mean_dim(2);
        layers.head.forward(means.reshape([n, channels]))
    }

    fn smallest_resolution_px(&self) -> u32 {
        8
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().burn_model::<Plain>("plain"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    let recipe = include_str!("../../recipes/burn_model.toml");
    println!("{}", imagenette::ideas::check(&program(), recipe).unwrap());
}
