//! Strong augmentation: (settings, side, key of a sample) say which operations change its pixels, and how far, so that a
//! network learns what stays the same in two pictures that look different.

mod settings;

pub use settings::{RandAugment, Resampling, SimClr, Strong, TrivialAugment};
