//! RGB pixels and a box in them go in, the box comes out at another size: antialiased as by Pillow's
//! `resize(size, BILINEAR, box=…)`, with a triangle filter whose support grows with the reduction, so that every source
//! pixel counts.
//!
//! It is a crate of its own because the library behind it is compiled for every precision of its integers and every
//! instruction set: a fifth of the code of the data crate, which would be compiled again with every change there.

use std::f64::consts::PI;

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::U8x3;
use fir::{Filter, FilterType, ResizeAlg, ResizeOptions};

/// A part of a photo, in the pixels of the photo; edges may be between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CropBox {
    /// Distance of the left edge from the left edge of the photo.
    pub left: f64,
    /// Distance of the top edge from the top edge of the photo.
    pub top: f64,
    /// Width, above 0.
    pub width: f64,
    /// Height, above 0.
    pub height: f64,
}

/// Resizes RGB pixels. It keeps its memory between calls, so each thread has its own.
#[derive(Debug, Default)]
pub struct Resizer {
    resizer: fir::Resizer,
}

impl Resizer {
    /// A resizer that has no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills `target` (`target_height × target_width × 3`) with the part `crop` of `source` (`height × width × 3`).
    /// A box that reaches beyond the photo is cut at its edges.
    ///
    /// # Panics
    /// When a slice is shorter than its size says, or a size is zero.
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

    /// Resizes a whole photo with the Lanczos filter of three lobes, as by Pillow's `resize(size, LANCZOS)`.
    ///
    /// # Panics
    /// As [`Resizer::resize`].
    pub fn resize_sharply(&mut self, source: &[u8], source_px: (u32, u32), target: &mut [u8], target_px: (u32, u32)) {
        let (width, height) = (f64::from(source_px.0), f64::from(source_px.1));
        let whole = CropBox { left: 0.0, top: 0.0, width, height };
        let filter = Filter::new("Lanczos", lanczos, 3.0).expect("three lobes are a finite number");
        self.resize_with(FilterType::Custom(filter), source, source_px, whole, target, target_px);
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
        // Typed, so that the library is compiled for this kind of pixel and not for all of them.
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

/// The Lanczos window of three lobes, sinc(x) · sinc(x / 3), from one sine: sin 3θ = 3 sin θ − 4 sin³ θ. The library's
/// own calls the platform's sine twice, which takes longer than the transforms of the encoder and has other last bits
/// elsewhere.
fn lanczos(x: f64) -> f64 {
    let x = x.abs();
    if x >= 3.0 {
        return 0.0;
    }
    if x < 1e-9 {
        return 1.0;
    }
    let s = sine(x * (PI / 3.0));
    s * s * (3.0 - 4.0 * s * s) / (x * x * (PI * PI / 3.0))
}

/// The sine of 0 to π by its power series around the nearer end, to 1e-15.
fn sine(angle: f64) -> f64 {
    // 1 / (2k (2k + 1)), from the last term to the first.
    const STEPS: [f64; 10] = [
        1.0 / 420.0,
        1.0 / 342.0,
        1.0 / 272.0,
        1.0 / 210.0,
        1.0 / 156.0,
        1.0 / 110.0,
        1.0 / 72.0,
        1.0 / 42.0,
        1.0 / 20.0,
        1.0 / 6.0,
    ];
    let angle = if angle > PI / 2.0 { PI - angle } else { angle };
    let square = angle * angle;
    angle * STEPS.iter().fold(1.0, |rest, step| 1.0 - square * step * rest)
}

/// The part of `start..start + length` within `0..side`, never empty; rounding must not push it out again.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_that_of_lanczos() {
        for step in -3_500..=3_500 {
            let x = f64::from(step) / 1_000.0;
            let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
            let expected = if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
            assert!((lanczos(x) - expected).abs() < 1e-14, "{x}: {} for {expected}", lanczos(x));
        }
        assert_eq!((lanczos(0.0), lanczos(1e-12)), (1.0, 1.0));
    }

    #[test]
    fn sharp_resizing_gives_the_pixels_of_the_librarys_own_window() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for (source_px, target_px) in
            [((500, 375), (213, 160)), ((97, 131), (31, 42)), ((40, 30), (39, 29)), ((300, 8), (37, 1))]
        {
            let source: Vec<u8> = (0..source_px.0 * source_px.1 * 3).map(|_| noise()).collect();
            let whole = CropBox { left: 0.0, top: 0.0, width: f64::from(source_px.0), height: f64::from(source_px.1) };
            let (mut ours, mut theirs) = (vec![0; (target_px.0 * target_px.1 * 3) as usize], Vec::new());
            theirs.clone_from(&ours);
            let mut resizer = Resizer::new();
            resizer.resize_sharply(&source, source_px, &mut ours, target_px);
            resizer.resize_with(FilterType::Lanczos3, &source, source_px, whole, &mut theirs, target_px);
            assert_eq!(ours, theirs, "{source_px:?} to {target_px:?}");
        }
    }
}
