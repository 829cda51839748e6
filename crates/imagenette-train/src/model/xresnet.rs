//! Residual networks of 18, 34 and 50 layers with the "xresnet" tweaks: a stem of three convolutions, shortcuts that
//! average instead of skipping pixels, and residual branches that begin at zero. As options what the leaderboards' networks
//! add: convolutions in groups, gates by channel, self-attention, pooling that blurs, and a stem that keeps every pixel.
//!
//! # Source
//! He et al., "Deep residual learning", 2015; He et al., "Bag of tricks for image classification", 2018, figure 2 and
//! section 3.1; Xie et al., "Aggregated residual transformations", 2016, with fastai's `xse_resnext50` for the sizes.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::blocks::{Gate, GroupedConvolution, Halving, SelfAttention};
use super::layers::{Linear, Normalisation, Pass, Scale, finish};
use crate::error::Result;
use crate::ops::{self, Activation, Maps, Window};
use crate::recipe::checks::{below_one, require};
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
    /// How the stem's maps are halved.
    #[serde(default, skip_serializing_if = "Halving::is_max")]
    pub pool: Halving,
    /// By how much the stem's first convolution makes the picture smaller: 2, or 1 for four times the work.
    #[serde(default = "two", skip_serializing_if = "is_two")]
    pub stem_stride: u32,
    /// Groups of the blocks' middle convolutions, each 4 channels wide in the first stage (ResNeXt); needs 50 layers.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: u32,
    /// Gates by channel whose inner layer is so many times narrower (squeeze and excitation); absent means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate_reduction: Option<u32>,
    /// Whether the first stage ends with self-attention.
    #[serde(default, skip_serializing_if = "is_false")]
    pub self_attention: bool,
    /// The probability with which the last block's branch is left out while training, per photo; blocks before it have their
    /// share of it, by depth.
    ///
    /// # Source
    /// Huang et al., "Deep networks with stochastic depth", 2016, equation 4.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stochastic_depth: f64,
    /// The share of the new batch in the running statistics.
    #[serde(default = "momentum")]
    pub normalisation_momentum: f64,
}

fn relu() -> Activation {
    Activation::Relu
}

fn one() -> u32 {
    1
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

fn two() -> u32 {
    2
}

fn is_two(value: &u32) -> bool {
    *value == 2
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn momentum() -> f64 {
    0.1
}

impl XResNetConfig {
    pub(super) fn validate(&self) -> Result<()> {
        require(
            self.stem_stride == 1 || self.stem_stride == 2,
            "model.stem_stride",
            "1 or 2",
            self.stem_stride.to_string(),
            "1 keeps every pixel and costs four times as much",
        )?;
        require(
            self.groups == 1 || (self.depth == Depth::Layers50 && self.groups <= 64),
            "model.groups",
            "1, or with `depth = 50` up to 64",
            self.groups.to_string(),
            "32 is ResNeXt-50",
        )?;
        require(
            self.gate_reduction.is_none_or(|reduction| (1..=64).contains(&reduction)),
            "model.gate_reduction",
            "1 to 64",
            format!("{:?}", self.gate_reduction.unwrap_or_default()),
            "16 is usual; leave it out for no gates",
        )?;
        below_one("model.stochastic_depth", self.stochastic_depth)?;
        let share = self.normalisation_momentum;
        require(
            share > 0.0 && share <= 1.0,
            "model.normalisation_momentum",
            "above 0 and up to 1",
            share.to_string(),
            "it is the new batch's share, as in PyTorch: 0.1",
        )
    }

    pub(super) fn smallest_resolution_px(&self) -> u32 {
        16 * self.stem_stride
    }

    /// The usual name, with what sets the network apart.
    pub(super) fn name(&self) -> String {
        let gate = if self.gate_reduction.is_some() { "se_" } else { "" };
        let kind = if self.groups > 1 { "resnext" } else { "resnet" };
        let mut name = format!("x{gate}{kind}{}", u32::from(self.depth));
        if self.groups > 1 {
            name += &format!("-{}x4d", self.groups);
        }
        if self.self_attention {
            name += "-attention";
        }
        if self.pool == Halving::MaxBlur {
            name += "-blur";
        }
        if self.stem_stride == 1 {
            name += "-stem1";
        }
        name
    }
}

/// A convolution with its normalisation.
#[derive(Debug, Clone)]
struct Unit {
    convolution: GroupedConvolution,
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
    gate: Option<Gate>,
    attention: Option<SelfAttention>,
    /// Whether the shortcut averages squares of 2 × 2.
    halves: bool,
    shortcut: Option<Unit>,
    /// The probability of the shortcut alone.
    left_out: f64,
}

impl Block {
    fn forward(&self, pass: &mut Pass, x: Maps, activation: Option<Activation>) -> Maps {
        let [mut x, mut shortcut] = x.fork();
        if self.halves {
            shortcut = ops::average_pool(shortcut);
        }
        if let Some(unit) = &self.shortcut {
            shortcut = unit.forward(pass, shortcut, None, None);
        }
        let (last, first) = self.branch.split_last().expect("a branch has convolutions");
        for unit in first {
            x = unit.forward(pass, x, None, activation);
        }
        x = last.convolution.forward(pass, x);
        let [count, ..] = x.dims();
        if self.gate.is_none() && self.attention.is_none() {
            return last.norm.join(pass, x, Some(shortcut), activation, (count, self.left_out));
        }
        x = last.norm.forward(pass, x, None, None);
        if let Some(gate) = &self.gate {
            x = gate.forward(pass, x);
        }
        if let Some(attention) = &self.attention {
            x = attention.forward(pass, x);
        }
        if let Some(kept) = pass.kept(count, self.left_out) {
            x = x.times(pass.constant(kept, [count, 1]));
        }
        finish(x, Some(shortcut), activation)
    }
}

/// A residual network's layers.
#[derive(Debug, Clone)]
pub struct XResNet {
    stem: Vec<Unit>,
    pool: Halving,
    blocks: Vec<Block>,
    head: Linear,
    activation: Activation,
}

impl XResNet {
    pub(super) fn new(config: &XResNetConfig, classes: usize, layout: &mut Layout) -> Self {
        let unit = |layout: &mut Layout, name: String, channels: [usize; 2], with: [usize; 3], scale| Unit {
            convolution: GroupedConvolution::new(
                layout,
                &format!("{name}.convolution"),
                channels,
                with,
                Initial::HeNormal,
            ),
            norm: Normalisation::new(
                layout,
                &format!("{name}.norm"),
                channels[1],
                config.normalisation_momentum,
                Scale::Learned(scale),
            ),
        };
        let (stages, is_bottleneck) = match config.depth {
            Depth::Layers18 => ([2, 2, 2, 2], false),
            Depth::Layers34 => ([3, 4, 6, 3], false),
            Depth::Layers50 => ([3, 4, 6, 3], true),
        };
        let stem = [([3, 32], config.stem_stride as usize), ([32, 32], 1), ([32, 64], 1)];
        let stem = stem.into_iter().enumerate();
        let stem = stem.map(|(i, (channels, stride))| unit(layout, format!("stem.{i}"), channels, [3, stride, 1], 1.0));
        let stem = stem.collect();
        let mut inputs = 64;
        let mut blocks = Vec::new();
        let total: usize = stages.iter().sum();
        for (stage, count) in stages.into_iter().enumerate() {
            let width = 64 << stage;
            let outputs = if is_bottleneck { 4 * width } else { width };
            let groups = config.groups as usize;
            // ResNeXt: groups of 4 channels in the first stage, of twice as many in each next one.
            let inner = if groups > 1 { groups * (4 << stage) } else { width };
            for number in 0..count {
                let stride = if stage > 0 && number == 0 { 2 } else { 1 };
                let name = |part: &str| format!("stages.{stage}.{number}.{part}");
                // The last normalisation of a branch begins at zero, so that every block begins as its shortcut.
                let branch = if is_bottleneck {
                    vec![
                        unit(layout, name("branch.0"), [inputs, inner], [1, 1, 1], 1.0),
                        unit(layout, name("branch.1"), [inner, inner], [3, stride, groups], 1.0),
                        unit(layout, name("branch.2"), [inner, outputs], [1, 1, 1], 0.0),
                    ]
                } else {
                    vec![
                        unit(layout, name("branch.0"), [inputs, width], [3, stride, 1], 1.0),
                        unit(layout, name("branch.1"), [width, outputs], [3, 1, 1], 0.0),
                    ]
                };
                let gate = config
                    .gate_reduction
                    .map(|reduction| Gate::new(layout, &name("gate"), outputs, reduction as usize, config.activation));
                let attends = config.self_attention && stage == 0 && number + 1 == count;
                let attention = attends.then(|| SelfAttention::new(layout, &name("attention"), outputs));
                let shortcut =
                    (inputs != outputs).then(|| unit(layout, name("shortcut"), [inputs, outputs], [1, 1, 1], 1.0));
                let left_out = config.stochastic_depth * (blocks.len() + 1) as f64 / total as f64;
                blocks.push(Block { branch, gate, attention, halves: stride == 2, shortcut, left_out });
                inputs = outputs;
            }
        }
        let head = Linear::new(layout, "head", inputs, classes, true);
        Self { stem, pool: config.pool, blocks, head, activation: config.activation }
    }

    pub(super) fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let activation = Some(self.activation);
        let mut x = photos;
        for unit in &self.stem {
            x = unit.forward(pass, x, None, activation); // [N, 64, H/2, W/2] after the last
        }
        x = self.pool.forward(x, Window { side: 3, stride: 2, padding: 1 }); // [N, 64, H/4, W/4]
        for block in &self.blocks {
            x = block.forward(pass, x, activation);
        }
        self.head.forward(pass, ops::global_average_pool(x))
    }
}
