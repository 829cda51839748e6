//! The settings of residual networks of 18, 34 and 50 layers with the "xresnet" tweaks: a stem of three convolutions,
//! shortcuts that average instead of skipping pixels, and residual branches that begin at zero. As options what the
//! leaderboards' networks add: convolutions in groups, gates by channel, self-attention, pooling that blurs, and a stem
//! that keeps every pixel.
//!
//! # Source
//! He et al., "Deep residual learning", 2015; He et al., "Bag of tricks for image classification", 2018, figure 2 and
//! section 3.1; Xie et al., "Aggregated residual transformations", 2016, with fastai's `xse_resnext50` for the sizes.

use serde::{Deserialize, Serialize};

use super::{ActivationConfig, Halving};
use crate::checks::{below_one, require};
use crate::defaults::{is_default, is_whole, ratio, whole};
use crate::error::Result;

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
    #[serde(default = "ActivationConfig::relu")]
    pub activation: ActivationConfig,
    /// How the stem's maps are halved.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pool: Halving,
    /// By how much the stem's first convolution makes the picture smaller: 2, or 1 for four times the work.
    #[serde(default = "whole::<2>", skip_serializing_if = "is_whole::<2>")]
    pub stem_stride: u32,
    /// Groups of the blocks' middle convolutions, each 4 channels wide in the first stage (ResNeXt); needs 50 layers.
    #[serde(default = "whole::<1>", skip_serializing_if = "is_whole::<1>")]
    pub groups: u32,
    /// Gates by channel whose inner layer is narrower by this factor (squeeze and excitation); absent means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate_reduction: Option<u32>,
    /// Whether the first stage ends with self-attention.
    #[serde(default, skip_serializing_if = "is_default")]
    pub self_attention: bool,
    /// The probability with which the last block's branch is left out while training, per photo; blocks before it have
    /// their share of it, by depth.
    ///
    /// # Source
    /// Huang et al., "Deep networks with stochastic depth", 2016, equation 4.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stochastic_depth: f64,
    /// The share of the new batch in the running statistics.
    #[serde(default = "ratio::<1, 10>", alias = "normalisation_momentum")]
    pub normalization_momentum: f64,
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
            self.groups == 1 || (self.depth == Depth::Layers50 && (1..=64).contains(&self.groups)),
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
        let share = self.normalization_momentum;
        require(
            share > 0.0 && share <= 1.0,
            "model.normalization_momentum",
            "above 0 and up to 1",
            share.to_string(),
            "it is the new batch's share, as in PyTorch: 0.1",
        )
    }

    pub(super) fn smallest_resolution_px(&self) -> u32 {
        16 * self.stem_stride
    }

    /// At least so many numbers are in the maps of one photo: those of the stem, and two of each block's.
    pub(super) fn map_numbers(&self, px: u32) -> u64 {
        let area = |px: u32| u64::from(px) * u64::from(px);
        let stem_px = px / self.stem_stride.max(1);
        let stages = (0..4u32).map(|stage| (64 << stage) * area(stem_px >> (stage + 1)) * 4);
        (32 + 32 + 64) * area(stem_px) + stages.sum::<u64>()
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
