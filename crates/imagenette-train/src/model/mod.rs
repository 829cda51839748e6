//! The networks: a configuration becomes layers that know the places of their numbers, and photos become scores.

mod blocks;
mod fast;
mod layers;
pub mod whitening;
mod xresnet;

use burn::tensor::Tensor;
use imagenette_recipe::model::ModelConfig;

pub use fast::FastNetwork;
pub use layers::Pass;
pub use xresnet::XResNet;

use crate::compute::device::Device;
use crate::compute::weights::{Layout, SlotId, Weights, download};
use crate::ops::{self, Maps};

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
    /// The network of a configuration, for this many classes.
    pub fn build(config: &ModelConfig, classes: usize) -> Self {
        let mut layout = Layout::default();
        let network = match config {
            ModelConfig::Fast(config) => Network::Fast(FastNetwork::new(config, classes, &mut layout)),
            ModelConfig::Xresnet(config) => Network::XResNet(XResNet::new(config, classes, &mut layout)),
        };
        Self { network, layout }
    }

    /// Which numbers the network has.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Scores (logits) of normalized photos.
    ///
    /// # Shapes
    /// Maps of 3 channels to `[N, classes]`.
    pub fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        match &self.network {
            Network::Fast(network) => network.forward(pass, photos),
            Network::XResNet(network) => network.forward(pass, photos),
        }
    }

    /// Multiply-adds of one photo of this resolution, forward. Training costs about three times as many.
    pub fn multiply_adds(&self, weights: &Weights, px: u32, device: &Device) -> u64 {
        let side = px as usize;
        let mut pass = Pass::evaluating(weights);
        // The scores are read so that everything is computed before the memory is given back.
        download(&self.forward(&mut pass, ops::photos(&vec![0; side * side * 3], 1, side, device)));
        pass.multiply_adds()
    }

    /// The frozen stem that is computed from photos, where there is one.
    pub fn whitened_stem(&self) -> Option<WhitenedStem> {
        match &self.network {
            Network::Fast(network) => network.whitened_stem(),
            Network::XResNet(_) => None,
        }
    }
}

/// A frozen stem whose filters are computed from photos ([`whitening`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhitenedStem {
    /// The filters' place in the layout.
    pub slot: SlotId,
    /// How many filters.
    pub filters: usize,
    /// The side of the patches that they see.
    pub patch_px: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Learned numbers, and multiply-adds at a resolution.
    fn sizes(config: &str, px: u32) -> (u64, u64) {
        let config: ModelConfig = toml::from_str(config).unwrap();
        config.validate().unwrap();
        let (model, device) = (Model::build(&config, 10), Device::cpu());
        // What is counted does not depend on the numbers.
        let weights = Weights::from_host(model.layout().slots().iter().map(|slot| vec![0.0; slot.len()]), &device);
        (model.layout().learned(), model.multiply_adds(&weights, px, &device))
    }

    // Measured with hooks on the convolutions and matrices of the networks in tests/networks.py, 10 classes, 128 px.
    // (The literature's count of xse_resnext50 at 128 px is 1.46 GMAC, too.)
    #[test]
    fn residual_networks_have_the_sizes_that_pytorch_counts() {
        assert_eq!(sizes("kind = 'xresnet'\ndepth = 18", 128), (11_200_874, 670_438_400));
        assert_eq!(sizes("kind = 'xresnet'\ndepth = 50", 64).0, 23_547_754);
        let xse = "kind = 'xresnet'\ndepth = 50\ngroups = 32\ngate_reduction = 16";
        assert_eq!(sizes(xse, 128), (25_550_618, 1_461_497_856));
        assert_eq!(sizes(&format!("{xse}\nself_attention = true"), 64).0, 25_616_155);
    }

    /// The table of sizes that these networks were designed by, in GMAC.
    #[test]
    fn the_fast_networks_have_the_sizes_they_were_designed_with() {
        let s = "kind = 'fast'\nstem = 32\nwidths = [48, 128, 256, 384]";
        let m = "kind = 'fast'\nstem = 48\nwidths = [64, 192, 384, 512]";
        let small = "kind = 'fast'\nstem = 24\nstem_patch_px = 2\nresidual = true\npool = 'max-blur'";
        let l = format!("{small}\nwidths = [48, 96, 192, 384, 512]\ndepths = [0, 1, 2, 2, 2]");
        let xl = format!("{small}\nwidths = [64, 128, 256, 512, 512]\ndepths = [1, 2, 3, 3, 2]");
        let table =
            [(s, 64, 0.092), (s, 96, 0.208), (s, 112, 0.279), (s, 128, 0.370), (m, 128, 0.764), (&l, 128, 1.298)];
        for (config, px, expected) in table.into_iter().chain([(xl.as_str(), 64, 2.723 / 4.0)]) {
            let found = sizes(config, px).1 as f64 / 1e9;
            assert!((found / expected - 1.0).abs() < 0.01, "{config} at {px} px: {found}");
        }
    }

    #[test]
    fn a_stem_that_learns_costs_the_same_and_is_counted() {
        let s = "kind = 'fast'\nstem = 32\nwidths = [48, 128]";
        let learned = format!("{s}\nstem_weights = 'learned'\ninitial_weights = 'he-normal'");
        let (whitened, other) = (sizes(s, 64), sizes(&learned, 64));
        assert_eq!((other.0 - whitened.0, other.1), (32 * 3 * 4 * 4, whitened.1));
        let read = |text: &str| toml::from_str::<ModelConfig>(text).unwrap();
        assert!(
            Model::build(&read(s), 10).whitened_stem().is_some()
                && Model::build(&read(&learned), 10).whitened_stem().is_none()
        );
        assert_eq!(read(&learned).name(), "fast-32-48-128-learned-stem-he-normal");
        // Of the first convolution's 48 filters 32 pass a channel on, or none does.
        let ones = |text: &str| {
            let model = Model::build(&read(text), 10);
            let weights = Weights::draw(model.layout(), 1, &Device::cpu());
            let place = model.layout().slots().iter().position(|slot| slot.name == "groups.0.first.weight").unwrap();
            download(&weights.tensors()[place]).iter().filter(|&&number| number == 1.0).count()
        };
        assert_eq!((ones(s), ones(&learned)), (32, 0));
    }
}
