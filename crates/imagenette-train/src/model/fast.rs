//! The fast network: a stem that whitens patches, then groups of convolution, pooling, normalisation and activation.
//!
//! # Source
//! The parts are those of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, and the later convolutions with
//! a shortcut around them those of its airbench96; sizes and the 4×4 stem with stride 2 are ours, for photos of 64 to 128 px.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::blocks::Halving;
use super::layers::{Convolution, Linear, Normalisation, Pass, Scale};
use crate::error::Result;
use crate::ops::{self, Activation, Maps, Window};
use crate::recipe::checks::{below_one, positive, require};
use crate::weights::{Initial, Layout, Role, SlotId};

/// The fast network's sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastConfig {
    /// Channels of the stem; of a whitened one half are leading directions, the other half the same ones turned round.
    pub stem: u32,
    /// The side of the stem's patches: 4, and the stem halves the picture; or 2, and it does not.
    #[serde(default = "four", skip_serializing_if = "is_four")]
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
    #[serde(default, skip_serializing_if = "Halving::is_max")]
    pub pool: Halving,
    /// The probability with which the last group's shortcut stands alone while training, per photo; groups before it have
    /// their share of it, by depth.
    ///
    /// # Source
    /// Huang et al., "Deep networks with stochastic depth", 2016, equation 4.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stochastic_depth: f64,
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

impl InitialWeights {
    fn initial(self) -> Initial {
        match self {
            Self::Identity => Initial::Identity,
            Self::HeNormal => Initial::HeNormal,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn four() -> u32 {
    4
}

fn is_four(value: &u32) -> bool {
    *value == 4
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
        let patch_px = self.stem_patch_px;
        require(
            patch_px == 2 || patch_px == 4,
            "model.stem_patch_px",
            "2 or 4",
            patch_px.to_string(),
            "4 halves the picture and is four times as fast",
        )?;
        // Each direction of a patch, both ways.
        let most = 2 * 3 * patch_px * patch_px;
        require(
            self.stem >= 2 && self.stem.is_multiple_of(2) && self.stem <= most,
            "model.stem",
            &format!("an even number from 2 to {most}"),
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

    /// By how much the stem makes the picture smaller.
    fn stem_stride(&self) -> usize {
        self.stem_patch_px as usize / 2
    }

    pub(super) fn smallest_resolution_px(&self) -> u32 {
        // A blur needs neighbours.
        let last = if self.pool == Halving::MaxBlur { 2 } else { 1 };
        ((last * self.stem_stride()) as u32) << self.widths.len()
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

/// The fast network's layers.
#[derive(Debug, Clone)]
pub struct FastNetwork {
    stem: Convolution,
    groups: Vec<Group>,
    head: Linear,
    config: FastConfig,
}

#[derive(Debug, Clone)]
struct Group {
    first: (Convolution, Normalisation),
    later: Vec<(Convolution, Normalisation)>,
    /// The probability of the shortcut alone.
    left_out: f64,
}

/// The names of a group's convolutions after the first.
const LATER: [&str; 8] = ["second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];

impl FastNetwork {
    pub(super) fn new(config: &FastConfig, classes: usize, layout: &mut Layout) -> Self {
        let (stem_channels, patch_px) = (config.stem as usize, config.stem_patch_px as usize);
        let shape = [stem_channels, 3, patch_px, patch_px];
        let role = match config.stem_weights {
            StemWeights::Whitened => Role::Frozen,
            StemWeights::Learned => Role::Weight,
        };
        let stem = Convolution::with_role(layout, "stem", role, shape, config.stem_stride(), 1);
        let scale = if config.learned_scale { Scale::Learned(1.0) } else { Scale::Frozen };
        let mut inputs = stem_channels;
        let mut groups = Vec::new();
        for (number, &width) in config.widths.iter().enumerate() {
            let width = width as usize;
            let mut unit = |name: &str, inputs| {
                let name = format!("groups.{number}.{name}");
                let convolution =
                    Convolution::new(layout, &name, [inputs, width], 3, 1, config.initial_weights.initial());
                let momentum = config.normalisation_momentum;
                (convolution, Normalisation::new(layout, &format!("{name}_norm"), width, momentum, scale))
            };
            let first = unit("first", inputs);
            let depth = config.depths.get(number).map_or(1, |&depth| depth as usize);
            let later = LATER.iter().take(depth).map(|name| unit(name, width)).collect();
            let left_out = config.stochastic_depth * (number + 1) as f64 / config.widths.len() as f64;
            groups.push(Group { first, later, left_out });
            inputs = width;
        }
        let head = Linear::new(layout, "head", inputs, classes, false);
        Self { stem, groups, head, config: config.clone() }
    }

    /// The frozen stem that is to be whitened, with its number of filters and the side of its patches.
    pub(super) fn whitened_stem(&self) -> Option<(SlotId, usize, usize)> {
        let is_whitened = self.config.stem_weights == StemWeights::Whitened;
        is_whitened.then(|| (self.stem.weight, self.stem.shape[0], self.stem.shape[2]))
    }

    pub(super) fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        let activation = Some(self.config.activation);
        let [n, _, px, _] = photos.dims();
        // Neither the photos nor a whitened stem learn, so nothing is recorded until the first group.
        let mut x = self.stem.forward(pass, photos); // [N, stem, H/2, W/2], or [N, stem, H+1, W+1] with small patches
        if self.config.stem_stride() == 1 {
            x = x.change(|x| x.narrow(2, 1, px).narrow(3, 1, px)); // [N, stem, H, W]
        }
        x = ops::activate(x, self.config.activation);
        for group in &self.groups {
            let (convolution, norm) = &group.first;
            x = convolution.forward(pass, x);
            x = self.config.pool.forward(x, Window { side: 2, stride: 2, padding: 0 }); // [N, width, H/2, W/2]
            x = norm.forward(pass, x, None, activation);
            let mut shortcut = None;
            if self.config.residual && !group.later.is_empty() {
                let [branch, other] = x.fork();
                (x, shortcut) = (branch, Some(other));
            }
            for (number, (convolution, norm)) in group.later.iter().enumerate() {
                let is_last = number + 1 == group.later.len();
                x = convolution.forward_to_normalise(pass, x);
                let shortcut = if is_last { shortcut.take() } else { None };
                x = norm.join(pass, x, shortcut, activation, (n, group.left_out));
            }
        }
        self.head.forward(pass, ops::global_max_pool(x)) * self.config.output_scale
    }
}
