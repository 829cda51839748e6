//! Which network is trained, with everything that sets it apart: settings alone, from which `imagenette-train` builds
//! layers.

mod activation;
mod fast;
mod halving;
mod xresnet;

use serde::{Deserialize, Serialize};

pub use activation::ActivationName;
pub use fast::{FastConfig, InitialWeights, StemWeights};
pub use halving::Halving;
pub use xresnet::{Depth, XResNetConfig};

use crate::error::Result;

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
            Self::Xresnet(config) => config.smallest_resolution_px(),
        }
    }

    /// The name in records, with what sets the network apart.
    pub fn name(&self) -> String {
        match self {
            Self::Fast(config) => config.name(),
            Self::Xresnet(config) => config.name(),
        }
    }

    /// Whether any learned convolution has two outputs or more: what Muon moves.
    pub fn learns_matrices(&self) -> bool {
        match self {
            Self::Fast(config) => config.learns_matrices(),
            // They all have 32 or more.
            Self::Xresnet(_) => true,
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
