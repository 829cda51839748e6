//! What feature maps and their gradients are stored in on a device, and how a recipe then calls it.

pub use imagenette_kernels::Precision;
pub use imagenette_recipe::precision::PrecisionChoice;

/// The choice that names this precision: what a recipe that is recorded says.
pub fn choice_of(precision: Precision) -> PrecisionChoice {
    match precision {
        Precision::F32 => PrecisionChoice::F32,
        Precision::Bf16 => PrecisionChoice::Bf16,
    }
}
