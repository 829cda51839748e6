//! Antialiased resizing of a part of a photo, with the semantics of Pillow's `resize(size, BILINEAR, box=…)`: a triangle
//! filter whose support grows with the reduction, so that every source pixel counts.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::U8x3;
use fir::{FilterType, ResizeAlg, ResizeOptions};

use crate::augment::CropBox;

/// Resizes RGB pixels; it keeps the memory that it needs between calls, so each thread has its own.
#[derive(Debug, Default)]
pub struct Resizer {
    resizer: fir::Resizer,
}

impl Resizer {
    /// A resizer with no memory taken yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills `target` (`target_height × target_width × 3`) with the part `crop` of `source` (`height × width × 3`).
    /// A box that leaves the photo is cut to it.
    ///
    /// # Panics
    /// When a slice is shorter than its sizes say, or a size is zero: the caller owns both.
    pub fn resize(
        &mut self,
        source: &[u8],
        source_px: (u32, u32),
        crop: CropBox,
        target: &mut [u8],
        target_px: (u32, u32),
    ) {
        self.resize_with(FilterType::Bilinear, source, source_px, crop, target, target_px);
    }

    /// Resizes a whole photo with Lanczos' filter of three lobes, as Pillow's `resize(size, LANCZOS)`.
    ///
    /// # Panics
    /// As [`Resizer::resize`].
    pub fn resize_sharply(&mut self, source: &[u8], source_px: (u32, u32), target: &mut [u8], target_px: (u32, u32)) {
        let (width, height) = (f64::from(source_px.0), f64::from(source_px.1));
        let whole = CropBox { left: 0.0, top: 0.0, width, height };
        self.resize_with(FilterType::Lanczos3, source, source_px, whole, target, target_px);
    }

    fn resize_with(
        &mut self,
        filter: FilterType,
        source: &[u8],
        source_px: (u32, u32),
        crop: CropBox,
        target: &mut [u8],
        target_px: (u32, u32),
    ) {
        assert!(source_px.0.min(source_px.1).min(target_px.0).min(target_px.1) > 0, "an image has at least one pixel");
        let (left, width) = inside(crop.left, crop.width, source_px.0);
        let (top, height) = inside(crop.top, crop.height, source_px.1);
        // Typed: the library is compiled for this one kind of pixel, not for all that it knows.
        let source = TypedImageRef::<U8x3>::from_buffer(source_px.0, source_px.1, source)
            .expect("the source slice is as long as its size says");
        let mut target = TypedImage::<U8x3>::from_buffer(target_px.0, target_px.1, target)
            .expect("the target slice is as long as its size says");
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(filter))
            .crop(left, top, width, height)
            .use_alpha(false);
        self.resizer.resize_typed(&source, &mut target, &options).expect("the box was cut to the photo");
    }
}

/// The part of `start..start + length` that lies in `0..side`, never empty; rounding may not push it out again.
fn inside(start: f64, length: f64, side_px: u32) -> (f64, f64) {
    let side = f64::from(side_px);
    let smallest = 1e-3;
    let start = if start.is_nan() { 0.0 } else { start.clamp(0.0, side - smallest) };
    let mut length = if length.is_nan() { smallest } else { length.clamp(smallest, side) };
    if start + length > side {
        length = side - start;
        while start + length > side {
            length = length.next_down();
        }
    }
    (start, length)
}
