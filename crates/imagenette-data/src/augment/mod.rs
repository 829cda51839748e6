//! Augmentation: (settings, photo size, seed, epoch, sample) go in, a [`Plan`] comes out: which box of the photo fills
//! the square, and whether it is mirrored. How a sample is changed strongly, what is erased and how batches are mixed
//! follows from such keys too. All of it are pure functions, so a batch is the same wherever and whenever it is made.

mod cutout;
mod erase;
mod jitter;
mod mix;
mod own;
mod plan;
mod settings;
mod strong;

pub use cutout::Cutout;
pub use erase::{Erase, Patch};
pub use imagenette_resize::CropBox;
pub use jitter::Jitter;
pub use mix::{Mix, Mixture};
pub use own::{OwnAugmentation, OwnAugmentations};
pub use plan::{Plan, plan_evaluation, plan_train};
pub use settings::{Augment, Crop, EvaluationGeometry, Flip};
pub use strong::{Operation, Operations, RandAugment, Resampling, Scratch, SimClr, Strong, TrivialAugment};

/// The mean of ImageNet's training photos for each channel (red, green, blue), for values in 0..1.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];

/// [`IMAGENET_MEAN`] as a pixel: what takes the place of pixels that are not there. It is zero once photos are normalized.
pub const MEAN_COLOR: [u8; 3] = [124, 116, 104];

/// The standard deviation of ImageNet's training photos for each channel (red, green, blue), for values in 0..1.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];
