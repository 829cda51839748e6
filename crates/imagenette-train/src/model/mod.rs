//! The networks: a configuration becomes layers that know the places of their numbers, and photos become scores.

mod blocks;
mod fast;
pub mod layers;
pub mod module;
pub mod onnx;
pub mod own;
pub mod whitening;
mod xresnet;

use std::sync::Arc;

use burn::tensor::Tensor;
use imagenette_recipe::RecipeError;
use imagenette_recipe::initial::{HEAD, InitialWeights, NormalizationChoice};
use imagenette_recipe::model::{FastConfig, XResNetConfig};
use imagenette_recipe::self_supervised::SelfSupervised;

pub use fast::FastNetwork;
pub use layers::Pass;
pub use own::{OwnModel, OwnNetwork};
pub use xresnet::XResNet;

use crate::compute::device::Device;
use crate::compute::guard::{fault, guard};
use crate::compute::weights::{Layout, Role, SlotId, Weights, download};
use crate::error::Result;
use crate::ops::{self, Activation, Maps};

/// What the names of a projection's tensors begin with: they are no part of the network that is kept.
pub const PROJECTION: &str = "projection.";

/// A network without its numbers: layers and the list of what they need.
#[derive(Debug, Clone)]
pub struct Model {
    network: Network,
    layout: Layout,
    classes: usize,
    /// What the features go through where they are learned without labels.
    projection: Option<[layers::Linear; 2]>,
    /// The parts from elsewhere in it, as errors name them.
    own: Option<String>,
}

#[derive(Debug, Clone)]
enum Network {
    Fast(FastNetwork),
    XResNet(XResNet),
    Own(Arc<dyn OwnNetwork>),
}

impl Model {
    /// The fast network of a configuration, with this function between its layers.
    pub fn fast(config: &FastConfig, activation: Activation, classes: usize) -> Self {
        let (mut layout, own) = (Layout::default(), name_of(&activation));
        let network = Network::Fast(FastNetwork::new(config, activation, classes, &mut layout));
        Self { network, layout, classes, projection: None, own }
    }

    /// The residual network of a configuration, with this function between its layers.
    pub fn xresnet(config: &XResNetConfig, activation: Activation, classes: usize) -> Self {
        let (mut layout, own) = (Layout::default(), name_of(&activation));
        let network = Network::XResNet(XResNet::new(config, activation, classes, &mut layout));
        Self { network, layout, classes, projection: None, own }
    }

    /// A network from elsewhere, by the name that recipes give it.
    ///
    /// # Errors
    /// When its code panics or two of its tensors have one name.
    pub fn own(name: &str, model: &dyn OwnModel, classes: usize) -> Result<Self> {
        let (mut layout, own) = (Layout::default(), format!("model `{name}`"));
        let network = guard(&own, || model.build(classes, &mut layout))?;
        let mut names: Vec<&str> = layout.slots().iter().map(|slot| slot.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(fault(&own, format!("two of its tensors have the name `{}`", pair[0])));
        }
        Ok(Self { network: Network::Own(network.into()), layout, classes, projection: None, own: Some(own) })
    }

    /// The network with what these settings freeze left as it is: neither learned nor followed.
    ///
    /// # Errors
    /// When a name is none of its tensors', or nothing is left to learn.
    pub fn frozen(mut self, initial: Option<&InitialWeights>) -> Result<Self> {
        let changes = |initial: &&InitialWeights| {
            !initial.freeze.is_empty() || initial.normalization == NormalizationChoice::Frozen
        };
        let Some(initial) = initial.filter(changes) else { return Ok(self) };
        let refuse = |expected: &str, found: String, hint: String| {
            let key = "initial.freeze".into();
            Err(RecipeError::Setting { key, expected: expected.into(), found, hint }.into())
        };
        for name in &initial.freeze {
            let one = InitialWeights { freeze: vec![name.clone()], ..initial.clone() };
            if !self.layout.slots().iter().any(|slot| one.is_frozen(&slot.name)) {
                let mut parts: Vec<&str> =
                    self.layout.slots().iter().filter_map(|slot| slot.name.split('.').next()).collect();
                parts.dedup();
                let hint = format!("there are {}; `body` is everything but the head", parts.join(", "));
                return refuse("the beginning of a tensor's name", format!("`{}`", name.escape_debug()), hint);
            }
        }
        self.layout.freeze(|slot| {
            let is_normalization = matches!(slot.role, Role::Normalization | Role::Statistic);
            match initial.normalization {
                NormalizationChoice::Frozen if is_normalization => true,
                NormalizationChoice::Learned if is_normalization => false,
                _ => initial.is_frozen(&slot.name),
            }
        });
        if self.layout.learned() == 0 {
            let hint = "leave the head out of it: `freeze = [\"body\"]`".into();
            return refuse("something that is still learned", "everything frozen".into(), hint);
        }
        Ok(self)
    }

    /// The network as it is trained without labels: its features go through a projection, and its head stays as it is
    /// until labels judge. As it is where a recipe learns from labels, or features are not known.
    #[must_use]
    pub fn projecting(mut self, method: Option<&SelfSupervised>) -> Self {
        let Some((settings, width)) = method.map(SelfSupervised::contrast).zip(self.width()) else { return self };
        let (hidden, outputs) = (settings.hidden as usize, settings.outputs as usize);
        self.layout.freeze(|slot| slot.name.starts_with(HEAD));
        self.projection = Some([
            layers::Linear::new(&mut self.layout, "projection.first", width, hidden, true),
            layers::Linear::new(&mut self.layout, "projection.second", hidden, outputs, false),
        ]);
        self
    }

    /// How many features a photo has before the head; `None` for a network from elsewhere.
    pub fn width(&self) -> Option<usize> {
        match &self.network {
            Network::Fast(network) => Some(network.width()),
            Network::XResNet(network) => Some(network.width()),
            Network::Own(_) => None,
        }
    }

    /// By what the head's outputs are multiplied.
    pub fn output_scale(&self) -> f64 {
        match &self.network {
            Network::Fast(network) => network.output_scale(),
            Network::XResNet(_) | Network::Own(_) => 1.0,
        }
    }

    /// What the head is given: numbers that say what a photo is like. Of a network from elsewhere its scores.
    ///
    /// # Shapes
    /// Maps of 3 channels to `[N, width]`.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn features(&self, pass: &mut Pass, photos: Maps) -> Result<Tensor<2>> {
        let features = |pass: &mut Pass| match &self.network {
            Network::Fast(network) => network.features(pass, photos),
            Network::XResNet(network) => network.features(pass, photos),
            Network::Own(network) => network.forward(pass, photos),
        };
        match &self.own {
            None => Ok(features(pass)),
            Some(own) => guard(own, || features(pass)),
        }
    }

    /// What the loss is given: the scores, or the projected features where the network learns without labels.
    ///
    /// # Shapes
    /// Maps of 3 channels to `[N, classes]` or `[N, outputs]`.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn outputs(&self, pass: &mut Pass, photos: Maps) -> Result<Tensor<2>> {
        let Some([first, second]) = &self.projection else { return self.forward(pass, photos) };
        let features = self.features(pass, photos)?;
        let hidden = burn::tensor::activation::relu(first.forward(pass, features));
        Ok(second.forward(pass, hidden))
    }

    /// By how much the update of each tensor is shortened, by place, where weights to begin with learn more slowly than
    /// the head; `None` where all learn alike.
    pub(crate) fn rate_factors(&self, initial: Option<&InitialWeights>) -> Option<Vec<f64>> {
        let slowed = |initial: &&InitialWeights| initial.body_rate_factor != 1.0 || initial.layer_rate_decay != 1.0;
        let initial = initial.filter(slowed)?;
        let slots = self.layout.slots();
        let (mut parts, mut factors) = (Vec::new(), vec![1.0; slots.len()]);
        for (slot, factor) in slots.iter().zip(&mut factors).rev() {
            if slot.name.starts_with(HEAD) || slot.name.starts_with(PROJECTION) {
                continue;
            }
            let part = part_of(&slot.name);
            if parts.last() != Some(&part) {
                parts.push(part);
            }
            *factor = initial.body_rate_factor * initial.layer_rate_decay.powi(parts.len() as i32);
        }
        Some(factors)
    }

    /// Which numbers the network has.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The parts from elsewhere in it, as errors name them.
    pub(crate) fn own_parts(&self) -> Option<&str> {
        self.own.as_deref()
    }

    /// Scores (logits) of normalized photos.
    ///
    /// # Shapes
    /// Maps of 3 channels to `[N, classes]`.
    ///
    /// # Errors
    /// When code from elsewhere panics, or gives scores of another shape.
    pub fn forward(&self, pass: &mut Pass, photos: Maps) -> Result<Tensor<2>> {
        let [count, ..] = photos.dims();
        let scores = |pass: &mut Pass| match &self.network {
            Network::Fast(network) => network.forward(pass, photos),
            Network::XResNet(network) => network.forward(pass, photos),
            Network::Own(network) => network.forward(pass, photos),
        };
        let Some(own) = &self.own else { return Ok(scores(pass)) };
        let scores = guard(own, || scores(pass))?;
        let (found, expected) = (scores.dims(), [count, self.classes]);
        if found != expected {
            return Err(fault(own, format!("expected scores of the shape {expected:?}, found {found:?}")));
        }
        Ok(scores)
    }

    /// Multiply-adds of one photo of this resolution, forward. Training costs about three times as many. `None` for a
    /// network from elsewhere that counts none.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn multiply_adds(&self, weights: &Weights, px: u32, device: &Device) -> Result<Option<u64>> {
        let side = px as usize;
        let mut pass = Pass::evaluating(weights);
        // The scores are read so that everything is computed before the memory is given back.
        download(&self.outputs(&mut pass, ops::photos(&vec![0; side * side * 3], 1, side, device))?);
        let is_known = pass.multiply_adds() > 0 || !matches!(self.network, Network::Own(_));
        Ok(is_known.then(|| pass.multiply_adds()))
    }

    /// The frozen stem that is computed from photos, where there is one.
    pub fn whitened_stem(&self) -> Option<WhitenedStem> {
        match &self.network {
            Network::Fast(network) => network.whitened_stem(),
            Network::XResNet(_) | Network::Own(_) => None,
        }
    }
}

/// The part of the network that a tensor belongs to, by its name: `stem`, `groups.0`, `blocks.3`.
fn part_of(name: &str) -> &str {
    let first = name.split('.').next().unwrap_or(name);
    let is_one_of_many = matches!(first, "groups" | "blocks" | "stages" | "layers");
    match name[first.len()..].strip_prefix('.').and_then(|rest| rest.split('.').next()).filter(|_| is_one_of_many) {
        Some(second) => &name[..first.len() + 1 + second.len()],
        None => first,
    }
}

/// How errors name an activation from elsewhere.
fn name_of(activation: &Activation) -> Option<String> {
    match activation {
        Activation::Kernel(_) => None,
        Activation::Curve(name, _) | Activation::Tensors(name, _) => Some(format!("activation `{name}`")),
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
    use imagenette_recipe::model::ModelConfig;

    use super::*;

    fn build(config: &ModelConfig) -> Model {
        let (activation, classes) = (Activation::Kernel(imagenette_kernels::Activation::Gelu), 10);
        match config {
            ModelConfig::Fast(config) => Model::fast(config, activation, classes),
            ModelConfig::Xresnet(config) => Model::xresnet(config, activation, classes),
            ModelConfig::Own(_) => unreachable!("these tests have shipped networks"),
        }
    }

    /// Learned numbers, and multiply-adds at a resolution.
    fn sizes(config: &str, px: u32) -> (u64, u64) {
        let config: ModelConfig = toml::from_str(config).unwrap();
        config.validate().unwrap();
        let (model, device) = (build(&config), Device::cpu());
        // What is counted does not depend on the numbers.
        let weights = Weights::from_host(model.layout().slots().iter().map(|slot| vec![0.0; slot.len()]), &device);
        (model.layout().learned(), model.multiply_adds(&weights, px, &device).unwrap().unwrap())
    }

    #[test]
    fn parts_learn_the_more_slowly_the_further_they_are_from_the_head() {
        let model = build(&toml::from_str("kind = 'fast'\nstem = 8\nwidths = [8, 8]\ndepths = [1, 0]").unwrap());
        let initial = InitialWeights { body_rate_factor: 0.5, layer_rate_decay: 0.1, ..InitialWeights::of("a") };
        let factors = model.rate_factors(Some(&initial)).unwrap();
        for (slot, factor) in model.layout().slots().iter().zip(factors) {
            let expected = match part_of(&slot.name) {
                "head" => 1.0,
                "groups.1" => 0.05,
                "groups.0" => 0.005,
                "stem" => 0.0005,
                part => panic!("{part}"),
            };
            assert!((factor / expected - 1.0f64).abs() < 1e-9, "{}: {factor}", slot.name);
        }
        assert_eq!(model.rate_factors(Some(&InitialWeights::of("a"))), None);
        assert_eq!(model.rate_factors(None), None);
    }

    #[test]
    fn normalizations_are_frozen_or_learned_whatever_their_layers_are() {
        let config: ModelConfig = toml::from_str("kind = 'fast'\nstem = 8\nwidths = [8]").unwrap();
        let is_learned = |freeze: &[&str], normalization, name: &str| {
            let freeze = freeze.iter().map(|&name| name.to_owned()).collect();
            let initial = InitialWeights { freeze, normalization, ..InitialWeights::of("a") };
            let model = build(&config).frozen(Some(&initial)).unwrap();
            let slot = model.layout().slots().iter().find(|slot| slot.name == name).unwrap().clone();
            slot.role.is_learned()
        };
        let (weight, bias) = ("groups.0.first.weight", "groups.0.first_norm.bias");
        for (freeze, normalization, expected) in [
            (&["body"][..], NormalizationChoice::Auto, [false, false]),
            (&["body"], NormalizationChoice::Learned, [false, true]),
            (&[], NormalizationChoice::Frozen, [true, false]),
            (&[], NormalizationChoice::Auto, [true, true]),
        ] {
            let found = [weight, bias].map(|name| is_learned(freeze, normalization, name));
            assert_eq!(found, expected, "{freeze:?}, {normalization:?}");
        }
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
        assert!(build(&read(s)).whitened_stem().is_some() && build(&read(&learned)).whitened_stem().is_none());
        assert_eq!(read(&learned).name(), "fast-32-48-128-learned-stem-he-normal");
        // Of the first convolution's 48 filters 32 pass a channel on, or none does.
        let ones = |text: &str| {
            let model = build(&read(text));
            let weights = Weights::draw(model.layout(), 1, &Device::cpu());
            let place = model.layout().slots().iter().position(|slot| slot.name == "groups.0.first.weight").unwrap();
            download(&weights.tensors()[place]).iter().filter(|&&number| number == 1.0).count()
        };
        assert_eq!((ones(s), ones(&learned)), (32, 0));
    }
}
