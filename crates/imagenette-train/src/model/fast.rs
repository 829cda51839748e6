//! The fast network: a stem that whitens patches, then groups of convolution, pooling, normalization and activation.
//!
//! # Source
//! The parts are those of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, and the later convolutions with
//! a shortcut around them those of its airbench96; sizes and the 4×4 stem with stride 2 are ours, for photos of 64 to 128 px.

use burn::tensor::Tensor;
use imagenette_recipe::model::{FastConfig, InitialWeights, StemWeights};

use super::WhitenedStem;
use super::blocks::halve;
use super::layers::{Convolution, Gain, Linear, Normalization, Pass};
use super::onnx::{Graph, Value};
use crate::compute::weights::{Initial, Layout, Role};
use crate::ops::{self, Activation, Maps, Window};

fn initial(weights: InitialWeights) -> Initial {
    match weights {
        InitialWeights::Identity => Initial::Identity,
        InitialWeights::HeNormal => Initial::HeNormal,
    }
}

/// The fast network's layers.
#[derive(Debug, Clone)]
pub struct FastNetwork {
    stem: Convolution,
    groups: Vec<Group>,
    head: Linear,
    activation: Activation,
    config: FastConfig,
}

#[derive(Debug, Clone)]
struct Group {
    first: (Convolution, Normalization),
    later: Vec<(Convolution, Normalization)>,
    /// The probability that the shortcut stands alone.
    left_out: f64,
}

/// The names of a group's convolutions after the first.
const LATER: [&str; 8] = ["second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];

impl FastNetwork {
    pub(super) fn new(config: &FastConfig, activation: Activation, classes: usize, layout: &mut Layout) -> Self {
        let (stem_channels, patch_px) = (config.stem as usize, config.stem_patch_px as usize);
        let shape = [stem_channels, 3, patch_px, patch_px];
        let role = match config.stem_weights {
            StemWeights::Whitened => Role::Frozen,
            StemWeights::Learned => Role::Weight,
        };
        let stem = Convolution::with_role(layout, "stem", role, shape, config.stem_stride(), 1);
        let gain = if config.learned_gain { Gain::Learned(1.0) } else { Gain::Frozen };
        let mut inputs = stem_channels;
        let mut groups = Vec::new();
        for (number, &width) in config.widths.iter().enumerate() {
            let width = width as usize;
            let mut unit = |name: &str, inputs| {
                let name = format!("groups.{number}.{name}");
                let convolution =
                    Convolution::new(layout, &name, [inputs, width], 3, 1, initial(config.initial_weights));
                let momentum = config.normalization_momentum;
                (convolution, Normalization::new(layout, &format!("{name}_norm"), width, momentum, gain))
            };
            let first = unit("first", inputs);
            let depth = config.depths.get(number).map_or(1, |&depth| depth as usize);
            let later = LATER.iter().take(depth).map(|name| unit(name, width)).collect();
            let left_out = config.stochastic_depth * (number + 1) as f64 / config.widths.len() as f64;
            groups.push(Group { first, later, left_out });
            inputs = width;
        }
        let head = Linear::new(layout, "head", inputs, classes, false);
        Self { stem, groups, head, activation, config: config.clone() }
    }

    /// The frozen stem, where it whitens.
    pub(super) fn whitened_stem(&self) -> Option<WhitenedStem> {
        let is_whitened = self.config.stem_weights == StemWeights::Whitened;
        let [filters, _, patch_px, _] = self.stem.shape;
        is_whitened.then_some(WhitenedStem { slot: self.stem.weight, filters, patch_px })
    }

    /// [`FastNetwork::forward`] of a network that is evaluated, as ONNX.
    pub(super) fn write(&self, graph: &mut Graph, photos: Value) -> Value {
        let activation = &self.activation;
        let mut x = self.stem.write(graph, &photos, 1);
        if self.config.stem_stride() == 1 {
            x = graph.without_first(&x);
        }
        x = graph.activate(x, activation);
        for group in &self.groups {
            let (convolution, norm) = &group.first;
            x = convolution.write(graph, &x, 1);
            x = graph.halve(self.config.pool, &x, Window { side: 2, stride: 2, padding: 0 });
            x = norm.write(graph, &x, None, activation);
            let mut shortcut = (self.config.residual && !group.later.is_empty()).then(|| x.clone());
            for (number, (convolution, norm)) in group.later.iter().enumerate() {
                let is_last = number + 1 == group.later.len();
                x = convolution.write(graph, &x, 1);
                x = norm.write(graph, &x, if is_last { shortcut.take() } else { None }, activation);
            }
        }
        let largest = graph.global_max_pool(&x);
        let scores = self.head.write(graph, &largest);
        graph.times_number(&scores, self.config.output_scale)
    }

    /// How many features a photo has.
    pub(super) fn width(&self) -> usize {
        self.head.inputs()
    }

    pub(super) fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let features = self.features(pass, photos);
        self.head.forward(pass, features) * self.config.output_scale
    }

    /// By what the head's outputs are multiplied.
    pub(super) fn output_scale(&self) -> f64 {
        self.config.output_scale
    }

    /// What the head is given.
    pub(super) fn features(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let activation = &self.activation;
        let [_, _, px, _] = photos.dims();
        // Neither photos nor a whitened stem need gradients, so nothing is recorded until the first group.
        let mut x = self.stem.forward(pass, photos); // [N, stem, H/2, W/2], or [N, stem, H+1, W+1] with small patches
        if self.config.stem_stride() == 1 {
            x = x.change(|x| x.narrow(2, 1, px).narrow(3, 1, px)); // [N, stem, H, W]
        }
        x = ops::activate(x, activation);
        for group in &self.groups {
            let (convolution, norm) = &group.first;
            x = convolution.forward(pass, x);
            x = halve(self.config.pool, x, Window { side: 2, stride: 2, padding: 0 }); // [N, width, H/2, W/2]
            x = norm.forward(pass, x, None, activation);
            let mut shortcut = None;
            if self.config.residual && !group.later.is_empty() {
                let [branch, other] = x.fork();
                (x, shortcut) = (branch, Some(other));
            }
            for (number, (convolution, norm)) in group.later.iter().enumerate() {
                let is_last = number + 1 == group.later.len();
                x = convolution.forward_to_normalize(pass, x);
                let shortcut = if is_last { shortcut.take() } else { None };
                x = norm.join(pass, x, shortcut, activation, group.left_out);
            }
        }
        ops::global_max_pool(x)
    }
}
