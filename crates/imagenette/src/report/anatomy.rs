//! The network as a row of layers with their shapes and parameters, and the filters of its first layer.

use std::fmt::Write;

use imagenette_data::image::Pixels;
use imagenette_train::compute::weights::Slot;
use imagenette_train::run::saved_network::SavedNetwork;

use super::pictures;
use crate::numbers::thousands;
use crate::page::escaped;
use crate::subject::Subject;
use imagenette_train::recipe::model::ModelConfig;

/// Filters of the first layer that are shown.
const FILTERS: usize = 64;

/// A layer, or a group of them, as one line.
struct Layer {
    name: String,
    /// Channels, height and width of what leaves it, where they are known.
    shape: Option<[usize; 3]>,
    /// The shapes of its tensors that have more than one dimension.
    tensors: Vec<String>,
    /// Numbers that are learned in it.
    learned: u64,
}

/// The part of a tensor's name that is its layer: `groups.0`, `stages.1.0`, `stem`, `head`.
fn layer_of(name: &str) -> &str {
    let parts = match name.split('.').next() {
        Some("stages") => 3,
        Some("groups") => 2,
        _ => 1,
    };
    name.match_indices('.').nth(parts - 1).map_or(name, |(place, _)| &name[..place])
}

fn layers(slots: &[Slot], model: &ModelConfig, px: u32) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for slot in slots {
        let name = layer_of(&slot.name);
        if layers.last().is_none_or(|layer| layer.name != name) {
            layers.push(Layer { name: name.into(), shape: None, tensors: Vec::new(), learned: 0 });
        }
        let Some(layer) = layers.last_mut() else { continue };
        if slot.shape.len() > 1 {
            layer.tensors.push(slot.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×"));
        }
        layer.learned += if slot.role.is_learned() { slot.len() as u64 } else { 0 };
    }
    shapes(&mut layers, slots, model, px as usize);
    layers
}

/// What leaves each layer of the networks that are known here.
fn shapes(layers: &mut [Layer], slots: &[Slot], model: &ModelConfig, px: usize) {
    let is_known = matches!(model, ModelConfig::Fast(_) | ModelConfig::Xresnet(_));
    let mut side = px;
    for layer in layers.iter_mut().filter(|_| is_known) {
        let of_layer = slots.iter().filter(|slot| layer_of(&slot.name) == layer.name && slot.shape.len() == 4);
        // The widest of its convolutions is what the others lead to.
        let Some(channels) = of_layer.map(|slot| slot.shape[0]).max() else { continue };
        side = match (model, layer.name.as_str()) {
            (ModelConfig::Fast(config), "stem") => side / config.stem_stride(),
            (ModelConfig::Fast(_), name) if name.starts_with("groups.") => side / 2,
            // The pooling after the stem of a residual network is told as a part of it.
            (ModelConfig::Xresnet(config), "stem") => side.div_ceil(config.stem_stride as usize).div_ceil(2),
            (ModelConfig::Xresnet(_), name) if name.ends_with(".0") && name != "stages.0.0" => side.div_ceil(2),
            _ => side,
        };
        layer.shape = Some([channels, side, side]);
    }
}

/// The section of a page.
pub(super) fn section(page: &mut String, subject: &Subject) {
    let Some(network) = &subject.network else { return };
    let px = network.head.evaluation.resolution;
    let layers = layers(network.model.layout().slots(), &network.head.model, px);
    let most = layers.iter().map(|layer| layer.learned).max().unwrap_or(1).max(1);
    let model = &subject.run.record.model;
    let cost = model.multiply_adds.map_or(String::new(), |adds| {
        format!(", {} million multiply-adds for a photo of {px} px", thousands(adds / 1_000_000))
    });
    let _ = writeln!(
        page,
        "<h2>The network</h2>\n<p class=\"soft\"><code>{}</code>: {} parameters{cost}. From a photo to the scores of {} \
         classes; the bar is a layer's share of the parameters.</p>\n\
         <div class=\"wide\" tabindex=\"0\"><table class=\"layers\">\n\
         <tr><th>layer</th><th>channels × height × width</th><th>weights</th><th>parameters</th><th>share</th></tr>\n\
         <tr><th>photo</th><td>3 × {px} × {px}</td><td></td><td></td><td></td></tr>",
        escaped(&model.name),
        thousands(model.parameters),
        subject.classes.len()
    );
    for layer in &layers {
        let shape = layer.shape.map_or(String::new(), |[c, h, w]| format!("{c} × {h} × {w}"));
        let shape = if layer.name == "head" { format!("{} scores", network.model.classes()) } else { shape };
        let mut tensors = layer.tensors.clone();
        let more = tensors.len().saturating_sub(3);
        tensors.truncate(3);
        if more > 0 {
            tensors.push(format!("and {more} more"));
        }
        let _ = writeln!(
            page,
            "<tr><th>{}</th><td>{shape}</td><td>{}</td><td>{}</td>\
             <td><span class=\"bar\" style=\"width:{:.0}px\"></span></td></tr>",
            escaped(&layer.name),
            escaped(&tensors.join(", ")),
            thousands(layer.learned),
            (120.0 * layer.learned as f64 / most as f64).ceil()
        );
    }
    page.push_str("</table></div>\n");
    if let Some(filters) = filters(network) {
        let _ = writeln!(
            page,
            "<p class=\"soft\">What the first layer looks for: each of its filters as the colors that it answers to most. \
             Edges and pairs of opposite colors are what a network finds first.</p>\n\
             <img class=\"filters\" alt=\"filters of the first layer\" src=\"{filters}\">"
        );
    }
}

/// The filters of the first layer as one picture, a pixel for each weight; `None` where it does not see colors.
fn filters(network: &SavedNetwork) -> Option<String> {
    let slots = network.model.layout().slots();
    let first = slots.iter().position(|slot| slot.shape.len() == 4)?;
    let [count, 3, height, width] = slots[first].shape[..] else { return None };
    let values = network.weights.to_host().swap_remove(first);
    Some(pictures::png(&sheet(&values, [count.min(FILTERS), height, width])))
}

/// Filters beside each other: each spread over the whole range of colors, gray for zero.
fn sheet(values: &[f32], [count, height, width]: [usize; 3]) -> Pixels {
    let columns = count.clamp(1, 16);
    let rows = count.div_ceil(columns);
    let (wide, high) = (columns * (width + 1) + 1, rows * (height + 1) + 1);
    let mut rgb = vec![128; wide * high * 3];
    for (number, filter) in values.chunks_exact(3 * height * width).take(count).enumerate() {
        let most = filter.iter().fold(0.0f32, |most, value| most.max(value.abs())).max(f32::MIN_POSITIVE);
        let (left, top) = (1 + number % columns * (width + 1), 1 + number / columns * (height + 1));
        for (place, value) in filter.iter().enumerate() {
            let (channel, y, x) = (place / (height * width), place / width % height, place % width);
            let color = 128.0 + 127.0 * value / most;
            rgb[((top + y) * wide + left + x) * 3 + channel] = color.clamp(0.0, 255.0) as u8;
        }
    }
    Pixels { width_px: wide as u32, height_px: high as u32, rgb }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_belongs_to_its_layer() {
        for (name, layer) in [
            ("stem.weight", "stem"),
            ("groups.0.first.weight", "groups.0"),
            ("stages.1.0.branch.0.convolution.weight", "stages.1.0"),
            ("head.weight", "head"),
            ("weight", "weight"),
        ] {
            assert_eq!(layer_of(name), layer);
        }
    }

    #[test]
    fn filters_fill_their_places() {
        let values: Vec<f32> = (0..2 * 3 * 2 * 2).map(|place| if place == 0 { -2.0 } else { 0.0 }).collect();
        let sheet = sheet(&values, [2, 2, 2]);
        assert_eq!((sheet.width_px, sheet.height_px), (7, 4));
        // The first red weight of the first filter is the strongest below zero.
        assert_eq!(sheet.rgb[(7 + 1) * 3], 1);
        assert!(sheet.rgb.iter().skip(9 * 3).all(|value| *value == 128));
    }
}
