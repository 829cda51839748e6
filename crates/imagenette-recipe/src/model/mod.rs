//! Which network is trained, with everything that sets it apart: settings alone, from which `imagenette-train` builds
//! layers.

mod activation;
mod fast;
mod halving;
mod xresnet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use activation::ActivationConfig;
pub use fast::{FastConfig, InitialWeights, StemWeights};
pub use halving::Halving;
pub use xresnet::{Depth, XResNetConfig};

use crate::error::Result;
use crate::own::{OwnPart, PartKind, shipped_or_own};

/// Which network, with everything that sets it apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "kind", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// The small network that learns fast.
    Fast(FastConfig),
    /// A residual network with the "xresnet" tweaks.
    Xresnet(XResNetConfig),
    /// One that is not shipped.
    #[serde(skip)]
    Own(OwnPart),
}

impl Serialize for ModelConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(part) => part.serialize(serializer),
            shipped => Self::serialize(shipped, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shipped_or_own(deserializer, PartKind::Model, Self::deserialize, Self::Own)
    }
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
            // Its program has checked it.
            Self::Own(_) => Ok(()),
        }
    }

    /// The smallest square, in pixels, that does not vanish on its way through the network. Of a network that is not
    /// shipped its program knows more.
    pub fn smallest_resolution_px(&self) -> u32 {
        match self {
            Self::Fast(config) => config.smallest_resolution_px(),
            Self::Xresnet(config) => config.smallest_resolution_px(),
            Self::Own(_) => 1,
        }
    }

    /// At least so many numbers are in the maps of one photo of this resolution; 0 of a network that is not shipped.
    pub fn map_numbers(&self, px: u32) -> u64 {
        match self {
            Self::Fast(config) => config.map_numbers(px),
            Self::Xresnet(config) => config.map_numbers(px),
            Self::Own(_) => 0,
        }
    }

    /// The name in records, with what sets the network apart.
    pub fn name(&self) -> String {
        match self {
            Self::Fast(config) => config.name(),
            Self::Xresnet(config) => config.name(),
            Self::Own(part) => part.name.clone(),
        }
    }

    /// Whether any learned convolution has two outputs or more: what Muon moves.
    pub fn learns_matrices(&self) -> bool {
        match self {
            Self::Fast(config) => config.learns_matrices(),
            // They all have 32 or more.
            Self::Xresnet(_) => true,
            // Nobody knows before it is built.
            Self::Own(_) => true,
        }
    }

    /// The function between layers, of networks that are shipped.
    pub fn activation(&self) -> Option<&ActivationConfig> {
        match self {
            Self::Fast(config) => Some(&config.activation),
            Self::Xresnet(config) => Some(&config.activation),
            Self::Own(_) => None,
        }
    }

    /// The part, where it is not shipped.
    pub fn own(&self) -> Option<&OwnPart> {
        match self {
            Self::Own(part) => Some(part),
            _ => None,
        }
    }

    pub(crate) fn own_mut(&mut self) -> Option<&mut OwnPart> {
        match self {
            Self::Own(part) => Some(part),
            _ => None,
        }
    }

    pub(crate) fn own_activation_mut(&mut self) -> Option<&mut OwnPart> {
        let activation = match self {
            Self::Fast(config) => &mut config.activation,
            Self::Xresnet(config) => &mut config.activation,
            Self::Own(_) => return None,
        };
        match activation {
            ActivationConfig::Own(part) => Some(part),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_an_earlier_program_wrote_beside_its_weights_are_read() {
        let read = |text: &str| toml::from_str::<ModelConfig>(text).unwrap();
        let fast = "kind = 'fast'\nstem = 4\nwidths = [8]\n";
        assert_eq!(
            read(&format!("{fast}normalisation_momentum = 0.3\nlearned_scale = false")),
            read(&format!("{fast}normalization_momentum = 0.3\nlearned_gain = false"))
        );
        let residual = "kind = 'xresnet'\ndepth = 18\n";
        assert_eq!(
            read(&format!("{residual}normalisation_momentum = 0.3")),
            read(&format!("{residual}normalization_momentum = 0.3"))
        );
    }
}
