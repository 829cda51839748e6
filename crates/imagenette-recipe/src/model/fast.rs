//! The fast network's settings: a stem that whitens patches, then groups of convolution, pooling, normalization and
//! activation.
//!
//! # Source
//! The parts are those of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, and the later convolutions with
//! a shortcut around them those of its airbench96; sizes and the 4×4 stem with stride 2 are ours, for photos of 64 to 128 px.

use serde::{Deserialize, Serialize};

use super::{ActivationConfig, Halving};
use crate::checks::{below_one, positive, require};
use crate::defaults::{is_default, is_whole, ratio, whole, yes};
use crate::error::Result;

/// The fast network's sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastConfig {
    /// Channels of the stem; of a whitened one half are leading directions, the other half their negatives.
    pub stem: u32,
    /// The side of the stem's patches: 4, and the stem halves the picture; or 2, and it does not.
    #[serde(default = "whole::<4>", skip_serializing_if = "is_whole::<4>")]
    pub stem_patch_px: u32,
    /// Whether the stem whitens and stays as it is, or learns.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stem_weights: StemWeights,
    /// How the convolutions of the groups begin.
    #[serde(default, skip_serializing_if = "is_default")]
    pub initial_weights: InitialWeights,
    /// Channels of each group; each group halves the picture.
    pub widths: Vec<u32>,
    /// How many convolutions follow the first one of each group; absent means one each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depths: Vec<u32>,
    /// Whether a shortcut leads around these.
    #[serde(default, skip_serializing_if = "is_default")]
    pub residual: bool,
    /// How groups halve the picture.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pool: Halving,
    /// The probability with which the last group's shortcut stands alone while training, per photo; groups before it
    /// have their share of it, by depth.
    ///
    /// # Source
    /// Huang et al., "Deep networks with stochastic depth", 2016, equation 4.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stochastic_depth: f64,
    /// The function between layers.
    #[serde(default = "ActivationConfig::gelu")]
    pub activation: ActivationConfig,
    /// The share of the new batch in the running statistics.
    #[serde(default = "ratio::<2, 5>", alias = "normalisation_momentum")]
    pub normalization_momentum: f64,
    /// Whether the normalizations' gains are learned; if not they stay 1.
    #[serde(default = "yes", alias = "learned_scale")]
    pub learned_gain: bool,
    /// What the scores are multiplied with.
    #[serde(default = "ratio::<2, 9>")]
    pub output_scale: f64,
}

/// Where the weights of the fast network's stem come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StemWeights {
    /// Computed from patches of train photos, so that its outputs are uncorrelated, and frozen.
    ///
    /// # Source
    /// Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.2.
    #[default]
    Whitened,
    /// Normal at first, then learned like those of any other convolution.
    Learned,
}

/// How the convolutions of the fast network's groups begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitialWeights {
    /// As many filters as there are input channels pass one of them through each (Dirac); the others are normal.
    ///
    /// # Source
    /// Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.3.
    #[default]
    Identity,
    /// Normal with variance 2 / inputs.
    ///
    /// # Source
    /// He et al., "Delving deep into rectifiers", 2015, equation 10.
    HeNormal,
}

impl FastConfig {
    pub(super) fn validate(&self) -> Result<()> {
        let patch_px = self.stem_patch_px;
        require(
            patch_px == 2 || patch_px == 4,
            "model.stem_patch_px",
            "2 or 4",
            patch_px.to_string(),
            "4 halves the picture and is four times as fast",
        )?;
        // Each direction of a patch and its negative.
        let most = 2 * 3 * patch_px * patch_px;
        require(
            self.stem >= 2 && self.stem.is_multiple_of(2) && self.stem <= most,
            "model.stem",
            &format!("an even number from 2 to {most}"),
            self.stem.to_string(),
            "each direction comes with its negative, so the number is even",
        )?;
        let sensible = !self.widths.is_empty() && self.widths.len() <= 6 && self.widths.iter().all(|&width| width >= 1);
        require(
            sensible,
            "model.widths",
            "1 to 6 numbers of channels, each 1 or more",
            format!("{:?}", self.widths),
            "for example `widths = [64, 192, 384, 512]`",
        )?;
        require(
            self.depths.is_empty() || (self.depths.len() == self.widths.len() && self.depths.iter().all(|&n| n <= 8)),
            "model.depths",
            &format!("{} numbers from 0 to 8, one for each of `widths`", self.widths.len()),
            format!("{:?}", self.depths),
            "leave it out for one each",
        )?;
        below_one("model.stochastic_depth", self.stochastic_depth)?;
        require(
            self.stochastic_depth == 0.0 || self.residual,
            "model.stochastic_depth",
            "0 in a network without shortcuts",
            self.stochastic_depth.to_string(),
            "set `residual = true`",
        )?;
        let share = self.normalization_momentum;
        require(
            share > 0.0 && share <= 1.0,
            "model.normalization_momentum",
            "above 0 and up to 1",
            share.to_string(),
            "it is the new batch's share, as in PyTorch: 0.1 to 0.6",
        )?;
        positive("model.output_scale", self.output_scale)
    }

    /// By how much the stem makes the picture smaller.
    pub fn stem_stride(&self) -> usize {
        self.stem_patch_px as usize / 2
    }

    /// Whether any learned convolution has two outputs or more.
    pub(super) fn learns_matrices(&self) -> bool {
        self.stem_weights == StemWeights::Learned || self.widths.iter().any(|&width| width > 1)
    }

    pub(super) fn smallest_resolution_px(&self) -> u32 {
        // A blur needs neighbors.
        let last = if self.pool == Halving::MaxBlur { 2 } else { 1 };
        ((last * self.stem_stride()) as u32) << self.widths.len()
    }

    /// At least so many numbers are in the maps of one photo: those of its convolutions.
    pub(super) fn map_numbers(&self, px: u32) -> u64 {
        let area = |px: u32| u64::from(px) * u64::from(px);
        let stem_px = px / self.stem_stride().max(1) as u32;
        let group = |(place, &width): (usize, &u32)| {
            let more = self.depths.get(place).copied().unwrap_or(1);
            let (first_px, then_px) = (stem_px >> place, stem_px >> (place + 1));
            u64::from(width).saturating_mul(area(first_px) + u64::from(more) * area(then_px))
        };
        let groups = self.widths.iter().enumerate().map(group).fold(0, u64::saturating_add);
        groups.saturating_add(u64::from(self.stem) * area(stem_px))
    }

    /// Widths, with what sets the network apart from the plain one.
    pub(super) fn name(&self) -> String {
        let list = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("-");
        let mut name = format!("fast-{}-{}", self.stem, list(&self.widths));
        if !self.depths.is_empty() {
            name += &format!("-{}{}", if self.residual { "residual-" } else { "depths-" }, list(&self.depths));
        }
        if self.stem_patch_px != 4 {
            name += &format!("-patch{}", self.stem_patch_px);
        }
        if self.pool == Halving::MaxBlur {
            name += "-blur";
        }
        if self.stem_weights == StemWeights::Learned {
            name += "-learned-stem";
        }
        if self.initial_weights == InitialWeights::HeNormal {
            name += "-he-normal";
        }
        name
    }
}
