//! The fast network: a frozen stem that whitens patches, then groups of convolution, pooling, normalisation and activation.
//!
//! # Source
//! The parts are those of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024; sizes and the 4×4 stem with
//! stride 2 are ours, for photos of 64 to 128 px.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::layers::{Convolution, Linear, Normalisation, Pass, Scale};
use crate::error::Result;
use crate::ops::{self, Activation, Maps, Window};
use crate::recipe::checks::{positive, require};
use crate::weights::{Initial, Layout, SlotId};

/// The side of the stem's patches.
pub(super) const PATCH_PX: usize = 4;
const STEM_STRIDE: usize = 2;
/// What a stem can have at most: each of a patch's 48 directions, both ways.
const MOST_STEM_CHANNELS: u32 = 2 * 3 * (PATCH_PX * PATCH_PX) as u32;

/// The fast network's sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastConfig {
    /// Channels of the whitened stem: half of them leading directions, the other half the same ones turned round.
    pub stem: u32,
    /// Channels of each group; each group halves the picture.
    pub widths: Vec<u32>,
    /// The function between layers.
    #[serde(default = "gelu")]
    pub activation: Activation,
    /// The share of the new batch in the running statistics.
    #[serde(default = "momentum")]
    pub normalisation_momentum: f64,
    /// Whether the normalisations' scales are learned; if not they stay 1.
    #[serde(default = "yes")]
    pub learned_scale: bool,
    /// What the scores are multiplied with.
    #[serde(default = "two_ninths")]
    pub output_scale: f64,
}

fn gelu() -> Activation {
    Activation::Gelu
}

fn momentum() -> f64 {
    0.4
}

fn yes() -> bool {
    true
}

fn two_ninths() -> f64 {
    2.0 / 9.0
}

impl FastConfig {
    pub(super) fn validate(&self) -> Result<()> {
        require(
            self.stem >= 2 && self.stem.is_multiple_of(2) && self.stem <= MOST_STEM_CHANNELS,
            "model.stem",
            &format!("an even number from 2 to {MOST_STEM_CHANNELS}"),
            self.stem.to_string(),
            "each direction is there both ways, so the number is even",
        )?;
        let sensible = !self.widths.is_empty() && self.widths.len() <= 6 && self.widths.iter().all(|&width| width >= 1);
        require(
            sensible,
            "model.widths",
            "1 to 6 numbers of channels, each 1 or more",
            format!("{:?}", self.widths),
            "for example `widths = [64, 192, 384, 512]`",
        )?;
        let share = self.normalisation_momentum;
        require(
            share > 0.0 && share <= 1.0,
            "model.normalisation_momentum",
            "above 0 and up to 1",
            share.to_string(),
            "it is the new batch's share, as in PyTorch: 0.1 to 0.6",
        )?;
        positive("model.output_scale", self.output_scale)
    }

    pub(super) fn smallest_resolution_px(&self) -> u32 {
        (STEM_STRIDE as u32) << self.widths.len()
    }
}

/// The fast network's layers.
#[derive(Debug, Clone)]
pub struct FastNetwork {
    stem: Convolution,
    groups: Vec<Group>,
    head: Linear,
    activation: Activation,
    output_scale: f64,
}

#[derive(Debug, Clone)]
struct Group {
    first: Convolution,
    first_norm: Normalisation,
    second: Convolution,
    second_norm: Normalisation,
}

impl FastNetwork {
    pub(super) fn new(config: &FastConfig, classes: usize, layout: &mut Layout) -> Self {
        let stem_channels = config.stem as usize;
        let stem = Convolution::frozen(layout, "stem", [stem_channels, 3, PATCH_PX, PATCH_PX], STEM_STRIDE, 1);
        let scale = if config.learned_scale { Scale::Learned(1.0) } else { Scale::Frozen };
        let momentum = config.normalisation_momentum;
        let mut inputs = stem_channels;
        let mut groups = Vec::new();
        for (number, &width) in config.widths.iter().enumerate() {
            let width = width as usize;
            let name = |part: &str| format!("groups.{number}.{part}");
            groups.push(Group {
                first: Convolution::new(layout, &name("first"), [inputs, width], 3, 1, Initial::Identity),
                first_norm: Normalisation::new(layout, &name("first_norm"), width, momentum, scale),
                second: Convolution::new(layout, &name("second"), [width, width], 3, 1, Initial::Identity),
                second_norm: Normalisation::new(layout, &name("second_norm"), width, momentum, scale),
            });
            inputs = width;
        }
        let head = Linear::new(layout, "head", inputs, classes, false);
        Self { stem, groups, head, activation: config.activation, output_scale: config.output_scale }
    }

    pub(super) fn stem(&self) -> (SlotId, usize) {
        (self.stem.weight, self.stem.shape[0])
    }

    pub(super) fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let activation = Some(self.activation);
        // Neither the photos nor the stem learn, so nothing is recorded until the first group.
        let mut x = ops::activate(self.stem.forward(pass, photos), self.activation); // [N, stem, H/2, W/2]
        for group in &self.groups {
            let halved = Window { side: 2, stride: 2, padding: 0 };
            x = ops::max_pool(group.first.forward(pass, x), halved); // [N, width, H/2, W/2]
            x = group.first_norm.forward(pass, x, None, activation);
            x = group.second.forward(pass, x);
            x = group.second_norm.forward(pass, x, None, activation);
        }
        self.head.forward(pass, ops::global_max_pool(x)) * self.output_scale
    }
}
