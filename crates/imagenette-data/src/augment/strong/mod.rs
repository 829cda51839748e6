//! Strong augmentation: (settings, side, key of a sample) say which operations change its pixels, and how far, so that a
//! network learns what stays the same in two pictures that look different.

mod affine;
mod color;
mod filter;
mod operation;
mod operations;
mod policy;
mod settings;
mod table;

pub use operation::{Operation, Scratch};
pub use operations::Operations;
pub use settings::{RandAugment, Resampling, SimClr, Strong, TrivialAugment};
