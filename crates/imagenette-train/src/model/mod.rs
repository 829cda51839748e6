//! The networks: a configuration becomes layers that know the places of their numbers, and photos become scores.

mod fast;
mod layers;
pub mod whitening;
mod xresnet;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

pub use fast::{FastConfig, FastNetwork};
pub use layers::Pass;
pub use xresnet::{Depth, XResNet, XResNetConfig};

use crate::error::Result;
use crate::ops::Maps;
use crate::weights::{Layout, SlotId};

/// Which network, with everything that sets it apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// The small network that learns fast.
    Fast(FastConfig),
    /// A residual network with the "xresnet" tweaks.
    Xresnet(XResNetConfig),
}

impl ModelConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Fast(config) => config.validate(),
            Self::Xresnet(config) => config.validate(),
        }
    }

    /// The smallest square, in pixels, that does not vanish on its way through the network.
    pub fn smallest_resolution_px(&self) -> u32 {
        match self {
            Self::Fast(config) => config.smallest_resolution_px(),
            Self::Xresnet(_) => 32,
        }
    }

    /// The name in records, with what sets the network apart.
    pub fn name(&self) -> String {
        match self {
            Self::Fast(config) => {
                let widths: Vec<String> = config.widths.iter().map(u32::to_string).collect();
                format!("fast-{}-{}", config.stem, widths.join("-"))
            }
            Self::Xresnet(config) => format!("xresnet{}", u32::from(config.depth)),
        }
    }

    /// The network for this many classes.
    pub fn build(&self, classes: usize) -> Model {
        let mut layout = Layout::default();
        let network = match self {
            Self::Fast(config) => Network::Fast(FastNetwork::new(config, classes, &mut layout)),
            Self::Xresnet(config) => Network::XResNet(XResNet::new(config, classes, &mut layout)),
        };
        Model { network, layout }
    }
}

/// A network without its numbers: layers and the list of what they need.
#[derive(Debug, Clone)]
pub struct Model {
    network: Network,
    layout: Layout,
}

#[derive(Debug, Clone)]
enum Network {
    Fast(FastNetwork),
    XResNet(XResNet),
}

impl Model {
    /// Which numbers the network has.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Scores (logits) of normalised photos.
    ///
    /// # Shapes
    /// Maps of 3 channels to `[N, classes]`.
    pub fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        match &self.network {
            Network::Fast(network) => network.forward(pass, photos),
            Network::XResNet(network) => network.forward(pass, photos),
        }
    }

    /// The frozen stem that is to be computed from photos, with its number of filters; `None` where there is none.
    pub fn whitened_stem(&self) -> Option<(SlotId, usize)> {
        match &self.network {
            Network::Fast(network) => Some(network.stem()),
            Network::XResNet(_) => None,
        }
    }
}
