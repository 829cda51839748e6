//! Residual networks of 18, 34 and 50 layers with the "xresnet" tweaks: a stem of three convolutions, shortcuts that
//! average instead of skipping pixels, and residual branches that begin at zero.
//!
//! # Source
//! He et al., "Deep residual learning", 2015; He et al., "Bag of tricks for image classification", 2018, figure 2 and
//! section 3.1.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::layers::{Convolution, Linear, Normalisation, Pass, Scale};
use crate::error::Result;
use crate::ops::{self, Activation, Maps, Window};
use crate::recipe::checks::require;
use crate::weights::{Initial, Layout};

/// How many layers have weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum Depth {
    /// Two blocks of two convolutions a stage.
    Layers18,
    /// Three to six blocks of two convolutions a stage.
    Layers34,
    /// Three to six blocks of three convolutions a stage.
    Layers50,
}

impl TryFrom<u32> for Depth {
    type Error = String;

    fn try_from(layers: u32) -> Result<Self, String> {
        match layers {
            18 => Ok(Self::Layers18),
            34 => Ok(Self::Layers34),
            50 => Ok(Self::Layers50),
            other => Err(format!("invalid value: {other}, expected 18, 34 or 50 layers")),
        }
    }
}

impl From<Depth> for u32 {
    fn from(depth: Depth) -> Self {
        match depth {
            Depth::Layers18 => 18,
            Depth::Layers34 => 34,
            Depth::Layers50 => 50,
        }
    }
}

/// A residual network's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XResNetConfig {
    /// 18, 34 or 50.
    pub depth: Depth,
    /// The function between layers.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// The share of the new batch in the running statistics.
    #[serde(default = "momentum")]
    pub normalisation_momentum: f64,
}

fn relu() -> Activation {
    Activation::Relu
}

fn momentum() -> f64 {
    0.1
}

impl XResNetConfig {
    pub(super) fn validate(&self) -> Result<()> {
        let share = self.normalisation_momentum;
        require(
            share > 0.0 && share <= 1.0,
            "model.normalisation_momentum",
            "above 0 and up to 1",
            share.to_string(),
            "it is the new batch's share, as in PyTorch: 0.1",
        )
    }
}

/// A convolution with its normalisation.
#[derive(Debug, Clone)]
struct Unit {
    convolution: Convolution,
    norm: Normalisation,
}

impl Unit {
    fn forward(&self, pass: &mut Pass, x: Maps, residual: Option<Maps>, activation: Option<Activation>) -> Maps {
        let x = self.convolution.forward(pass, x);
        self.norm.forward(pass, x, residual, activation)
    }
}

/// A residual block.
#[derive(Debug, Clone)]
struct Block {
    branch: Vec<Unit>,
    /// Whether the shortcut averages squares of 2 × 2.
    halves: bool,
    shortcut: Option<Unit>,
}

/// A residual network's layers.
#[derive(Debug, Clone)]
pub struct XResNet {
    stem: Vec<Unit>,
    blocks: Vec<Block>,
    head: Linear,
    activation: Activation,
}

impl XResNet {
    pub(super) fn new(config: &XResNetConfig, classes: usize, layout: &mut Layout) -> Self {
        let momentum = config.normalisation_momentum;
        let unit = |layout: &mut Layout, name: String, channels: [usize; 2], kernel, stride, scale| Unit {
            convolution: Convolution::new(
                layout,
                &format!("{name}.convolution"),
                channels,
                kernel,
                stride,
                Initial::HeNormal,
            ),
            norm: Normalisation::new(layout, &format!("{name}.norm"), channels[1], momentum, Scale::Learned(scale)),
        };
        let (stages, is_bottleneck) = match config.depth {
            Depth::Layers18 => ([2, 2, 2, 2], false),
            Depth::Layers34 => ([3, 4, 6, 3], false),
            Depth::Layers50 => ([3, 4, 6, 3], true),
        };
        let stem = [([3, 32], 2), ([32, 32], 1), ([32, 64], 1)];
        let stem = stem.into_iter().enumerate();
        let stem = stem.map(|(i, (channels, stride))| unit(layout, format!("stem.{i}"), channels, 3, stride, 1.0));
        let stem = stem.collect();
        let mut inputs = 64;
        let mut blocks = Vec::new();
        for (stage, count) in stages.into_iter().enumerate() {
            let width = 64 << stage;
            let outputs = if is_bottleneck { 4 * width } else { width };
            for number in 0..count {
                let stride = if stage > 0 && number == 0 { 2 } else { 1 };
                let name = |part: &str| format!("stages.{stage}.{number}.{part}");
                // The last normalisation of a branch begins at zero, so that every block begins as its shortcut.
                let branch = if is_bottleneck {
                    vec![
                        unit(layout, name("branch.0"), [inputs, width], 1, 1, 1.0),
                        unit(layout, name("branch.1"), [width, width], 3, stride, 1.0),
                        unit(layout, name("branch.2"), [width, outputs], 1, 1, 0.0),
                    ]
                } else {
                    vec![
                        unit(layout, name("branch.0"), [inputs, width], 3, stride, 1.0),
                        unit(layout, name("branch.1"), [width, outputs], 3, 1, 0.0),
                    ]
                };
                let shortcut =
                    (inputs != outputs).then(|| unit(layout, name("shortcut"), [inputs, outputs], 1, 1, 1.0));
                blocks.push(Block { branch, halves: stride == 2, shortcut });
                inputs = outputs;
            }
        }
        let head = Linear::new(layout, "head", inputs, classes, true);
        Self { stem, blocks, head, activation: config.activation }
    }

    pub(super) fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let activation = Some(self.activation);
        let mut x = photos;
        for unit in &self.stem {
            x = unit.forward(pass, x, None, activation); // [N, 64, H/2, W/2] after the last
        }
        x = ops::max_pool(x, Window { side: 3, stride: 2, padding: 1 }); // [N, 64, H/4, W/4]
        for block in &self.blocks {
            let mut shortcut = x.clone();
            if block.halves {
                shortcut = ops::average_pool(shortcut);
            }
            if let Some(unit) = &block.shortcut {
                shortcut = unit.forward(pass, shortcut, None, None);
            }
            let mut shortcut = Some(shortcut);
            let last = block.branch.len() - 1;
            for (i, unit) in block.branch.iter().enumerate() {
                let residual = if i == last { shortcut.take() } else { None };
                x = unit.forward(pass, x, residual, activation);
            }
        }
        self.head.forward(pass, ops::global_average_pool(x))
    }
}
