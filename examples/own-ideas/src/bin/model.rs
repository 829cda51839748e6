//! A small ConvMixer: patches, then depthwise and pointwise convolutions. Trockman and Kolter, "Patches are all you need?",
//! 2022, figure 2.

use imagenette::ideas::*;

#[derive(Debug, Serialize, Deserialize)]
struct ConvMixer {
    width: usize,
    depth: usize,
    patch_px: usize,
    kernel: usize,
}

#[derive(Debug)]
struct Layers {
    patches: (Convolution, Normalization),
    /// Depthwise, then pointwise.
    mixers: Vec<(SlotId, Normalization, Convolution, Normalization)>,
    head: Linear,
    kernel: usize,
}

impl OwnModel for ConvMixer {
    fn validate(&self) -> Result<(), String> {
        if self.kernel % 2 == 1 { Ok(()) } else { Err(format!("kernel is odd, not {}", self.kernel)) }
    }

    fn build(&self, classes: usize, layout: &mut Layout) -> Box<dyn OwnNetwork> {
        let Self { width, depth, patch_px, kernel } = *self;
        let norm = |layout: &mut Layout, name: &str| Normalization::new(layout, name, width, 0.1, Gain::Learned(1.0));
        let shape = [width, 3, patch_px, patch_px];
        let patches = Convolution::with_role(layout, "patches", Role::Weight, shape, patch_px, 0);
        let patches = (patches, norm(layout, "patches_norm"));
        let mixers = (0..depth).map(|i| {
            let name = |part: &str| format!("mixers.{i}.{part}");
            let depthwise = layout.add(name("depthwise"), Role::Weight, &[width, 1, kernel, kernel], Initial::HeNormal);
            let depthwise_norm = norm(layout, &name("depthwise_norm"));
            let point = Convolution::new(layout, &name("point"), [width; 2], 1, 1, Initial::HeNormal);
            (depthwise, depthwise_norm, point, norm(layout, &name("point_norm")))
        });
        let mixers = mixers.collect();
        Box::new(Layers { patches, mixers, head: Linear::new(layout, "head", width, classes, true), kernel })
    }

    fn smallest_resolution_px(&self) -> u32 {
        self.patch_px as u32
    }
}

impl OwnNetwork for Layers {
    fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let mut x = self.patches.0.forward_to_normalize(pass, photos); // [N, width, H/patch, W/patch]
        x = self.patches.1.forward(pass, x, None, &Activation::GELU);
        for (depthwise, depthwise_norm, point, point_norm) in &self.mixers {
            let [branch, around] = x.fork();
            let y = ops::depthwise(branch, pass.tensor(*depthwise), self.kernel, 1, self.kernel / 2);
            x = depthwise_norm.forward(pass, y, None, &Activation::GELU).plus(around);
            x = point.forward_to_normalize(pass, x);
            x = point_norm.forward(pass, x, None, &Activation::GELU);
        }
        self.head.forward(pass, ops::global_average_pool(x))
    }
}

fn program() -> imagenette::Program {
    imagenette::program!().with(Parts::shipped().model::<ConvMixer>("conv-mixer"))
}

fn main() -> std::process::ExitCode {
    imagenette::run(program())
}

#[test]
fn it_keeps_what_the_shipped_ones_promise() {
    println!("{}", check(&program(), include_str!("../../recipes/model.toml")).unwrap());
}
