//! What a network takes of memory, before it is taken: sizes come from recipes, flags and files.

use imagenette_files::memory;
use imagenette_recipe::Recipe;
use imagenette_recipe::model::ModelConfig;
use imagenette_recipe::plan::StepPlan;

use crate::compute::device::Device;
use crate::compute::weights::Layout;
use crate::error::Result;

/// Bytes of a number.
const NUMBER: u64 = 4;
/// Batches that wait, or are made, while one is computed.
const BATCHES: u64 = 4;

/// Checks that a run's weights and the feature maps of its largest batch fit.
///
/// # Errors
/// When they do not.
pub(crate) fn check_training(recipe: &Recipe, layout: &Layout, plan: &StepPlan, device: &Device) -> Result<()> {
    // Weights and gradients; the optimizers keep one number for each weight at least.
    let copies = 3 + u64::from(recipe.ema.is_some()) + u64::from(recipe.lookahead().is_some());
    // Elsewhere a device has memory of its own, of which nobody says how much.
    layout.check_memory(if device.is_processor() { copies } else { 1 })?;
    let largest = (0..plan.steps())
        .map(|step| plan.step(step))
        // Those without labels are in it too.
        .map(|step| (step.count.saturating_mul(recipe.photos_each() * recipe.views_each()), step.px))
        .max_by_key(|&(count, px)| (count as u64).saturating_mul(of_photo(&recipe.model, px, device)));
    let Some((count, px)) = largest else { return Ok(()) };
    let what = format!("a batch of {count} photos of {px} px (`batch_size`, `resolution`)");
    let bytes = (count as u64).saturating_mul(of_photo(&recipe.model, px, device));
    Ok(memory::check(&what, bytes, "set `batch_size` or `resolution` lower")?)
}

/// Checks that the feature maps of so many photos fit.
///
/// # Errors
/// When they do not.
pub(crate) fn check_evaluation(model: &ModelConfig, photos: usize, px: u32, device: &Device) -> Result<()> {
    let what = format!("{photos} photos of {px} px (`evaluation.resolution`)");
    let bytes = (photos as u64).saturating_mul(of_photo(model, px, device));
    Ok(memory::check(&what, bytes, "choose a lower resolution")?)
}

/// Bytes of one photo: its pixels in each batch that waits, and as numbers, and its feature maps where the processor
/// computes them.
fn of_photo(model: &ModelConfig, px: u32, device: &Device) -> u64 {
    let pixels = 3 * u64::from(px) * u64::from(px);
    let maps = if device.is_processor() { model.map_numbers(px) } else { 0 };
    pixels.saturating_mul(BATCHES + NUMBER).saturating_add(maps.saturating_mul(NUMBER))
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;
    use imagenette_recipe::plan::StepPlan;

    use super::*;
    use crate::compute::weights::{Initial, Role};
    use crate::error::TrainError;

    fn said(checked: Result<()>) -> String {
        let Err(error @ TrainError::Memory(_)) = checked else { panic!("{checked:?}") };
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    }

    #[test]
    fn what_shipped_recipes_take_is_there_and_numbers_of_ten_digits_are_refused_by_name() {
        let recipe = |text: &str, overrides: &[(&str, &str)]| {
            let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            Recipe::from_toml(text, &overrides).unwrap()
        };
        let default = Recipe::shipped_text("default").unwrap();
        let known = recipe(default, &[]);
        let (layout, plan) = (Layout::default(), StepPlan::of(&known, 4_000));
        check_training(&known, &layout, &plan, &Device::cpu()).unwrap();
        check_evaluation(&known.model, 256, 64, &Device::cpu()).unwrap();
        assert!(
            said(check_evaluation(&known.model, usize::MAX, 4096, &Device::cpu())).contains("`evaluation.resolution`")
        );
        let wide = recipe(default, &[("model.widths", "[4294967295,4294967295]")]);
        assert!(said(check_training(&wide, &layout, &plan, &Device::cpu())).contains("`batch_size`"));
        let mut layout = Layout::default();
        layout.add("a".into(), Role::Weight, &[usize::MAX, usize::MAX, 3, 3], Initial::HeNormal);
        assert!(said(layout.check_memory(1)).contains("weights (`model`)"));
        let long = Recipe { epochs: u32::MAX, ..known };
        assert!(long.check_steps(4_000).unwrap_err().to_string().contains("`epochs`"));
    }
}
