//! Networks from elsewhere: of our layers, of any Burn code, or Burn modules as they are ([`super::module`]).

use std::fmt::Debug;

use burn::tensor::Tensor;

use super::layers::Pass;
use crate::compute::weights::Layout;
use crate::ops::Maps;

/// The settings of a network, from which it is built.
pub trait OwnModel: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// Adds what the network learns to the layout and gives its layers.
    ///
    /// It is not told the resolution, which may change during a run: what depends on the photos' size is found from their
    /// shape in [`OwnNetwork::forward`], or is a setting of the model.
    fn build(&self, classes: usize, layout: &mut Layout) -> Box<dyn OwnNetwork>;

    /// The smallest square, in pixels, that it can be shown.
    fn smallest_resolution_px(&self) -> u32 {
        1
    }
}

/// Layers that know the places of their numbers.
pub trait OwnNetwork: Debug + Send + Sync {
    /// Scores (logits) of normalized photos. The numbers come from the pass: [`Pass::tensor`].
    ///
    /// # Shapes
    /// Maps of 3 channels to `[N, classes]`.
    fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2>;
}
