//! The operations on pixels, each as Pillow does it: an [`Operation`] goes in with a square, which is changed in place.

use super::super::MEAN_COLOR;
use super::settings::Resampling;
use super::{affine, color, filter, table};

/// A change of the pixels of a square.
///
/// Each gives the bytes that Pillow gives; the function of Pillow is named, `image` being the square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operation {
    /// Nothing.
    Identity,
    /// The darkest value of each channel becomes 0 and the lightest 255: `ImageOps.autocontrast(image)`.
    AutoContrast,
    /// Values of each channel become about equally frequent: `ImageOps.equalize(image)`.
    Equalize,
    /// Light becomes dark: `ImageOps.invert(image)`.
    Invert,
    /// Each value keeps its first bits: `ImageOps.posterize(image, bits)`.
    Posterize {
        /// How many, from 0 to 8.
        bits: u32,
    },
    /// Values from a threshold on are inverted: `ImageOps.solarize(image, threshold)`.
    Solarize {
        /// From 0, where all are, to 256, where none is.
        threshold: u32,
    },
    /// Colors are moved away from gray, or toward it: `ImageEnhance.Color(image).enhance(factor)`.
    Color(f32),
    /// Values are moved away from the mean gray, or toward it: `ImageEnhance.Contrast(image).enhance(factor)`.
    Contrast(f32),
    /// Values are multiplied: `ImageEnhance.Brightness(image).enhance(factor)`.
    Brightness(f32),
    /// Values are moved away from their neighbors', or toward them: `ImageEnhance.Sharpness(image).enhance(factor)`.
    Sharpness(f32),
    /// Turned around the middle, against the clock: `image.rotate(degrees, resampling, fillcolor=MEAN_COLOR)`.
    Rotate {
        /// By how much.
        degrees: f64,
        /// How pixels are read.
        resampling: Resampling,
    },
    /// Each row is moved left, by this share of its distance from the top:
    /// `image.transform(image.size, AFFINE, (1, share, 0, 0, 1, 0), resampling, fillcolor=MEAN_COLOR)`.
    ShearX {
        /// Pixels to the left for a pixel down.
        share: f64,
        /// How pixels are read.
        resampling: Resampling,
    },
    /// Each column is moved up, by this share of its distance from the left:
    /// `image.transform(image.size, AFFINE, (1, 0, 0, share, 1, 0), resampling, fillcolor=MEAN_COLOR)`.
    ShearY {
        /// Pixels up for a pixel to the right.
        share: f64,
        /// How pixels are read.
        resampling: Resampling,
    },
    /// Moved to the right: `image.transform(image.size, AFFINE, (1, 0, -px, 0, 1, 0), fillcolor=MEAN_COLOR)`.
    TranslateX {
        /// By how many pixels.
        px: i32,
    },
    /// Moved down: `image.transform(image.size, AFFINE, (1, 0, 0, 0, 1, -px), fillcolor=MEAN_COLOR)`.
    TranslateY {
        /// By how many pixels.
        px: i32,
    },
    /// The hue is turned, as torchvision's `adjust_hue` does it: to mode `HSV`, `shift` added to the first channel modulo
    /// 256, and back to `RGB`.
    Hue {
        /// A 255th of a turn for each unit.
        shift: u8,
    },
    /// Without color: `image.convert("L").convert("RGB")`.
    Grayscale,
    /// Blurred by boxes that are almost a Gaussian: `image.filter(ImageFilter.GaussianBlur(sigma_px))`.
    Blur {
        /// The standard deviation in pixels.
        sigma_px: f32,
    },
}

/// Memory that operations work in, so that they take none anew for each photo.
#[derive(Debug, Default)]
pub struct Scratch {
    /// A square.
    pub(super) square: Vec<u8>,
    /// Another square.
    pub(super) second: Vec<u8>,
    /// A sum for each value of a row.
    pub(super) sums: Vec<u32>,
    /// A sum of few values for each value of a row.
    pub(super) columns: Vec<i32>,
}

impl Operation {
    /// Changes a square in place.
    ///
    /// # Shapes
    /// `rgb` is `[side_px, side_px, 3]`, with at least one pixel.
    ///
    /// # Example
    /// ```
    /// use imagenette_data::augment::{Operation, Scratch};
    ///
    /// let mut rgb = [10, 20, 30];
    /// Operation::Invert.apply(&mut rgb, 1, &mut Scratch::default());
    /// assert_eq!(rgb, [245, 235, 225]);
    /// ```
    pub fn apply(self, rgb: &mut [u8], side_px: usize, scratch: &mut Scratch) {
        debug_assert_eq!(rgb.len(), side_px * side_px * 3);
        match self {
            Self::Identity => {}
            Self::AutoContrast => table::auto_contrast(rgb),
            Self::Equalize => table::equalize(rgb),
            Self::Invert => rgb.iter_mut().for_each(|value| *value = !*value),
            Self::Posterize { bits } => {
                let mask = (0xFF00u32 >> bits.min(8)) as u8;
                rgb.iter_mut().for_each(|value| *value &= mask);
            }
            Self::Solarize { threshold } => {
                let solarized = |value: u8| if u32::from(value) < threshold { value } else { !value };
                rgb.iter_mut().for_each(|value| *value = solarized(*value));
            }
            Self::Color(factor) => color::saturate(rgb, factor, scratch),
            Self::Contrast(factor) => table::blend_with(rgb, color::mean_gray(rgb), factor),
            Self::Brightness(factor) => table::blend_with(rgb, 0, factor),
            Self::Sharpness(factor) => filter::sharpen(rgb, side_px, factor, scratch),
            Self::Rotate { degrees, resampling } => {
                affine::transform(rgb, side_px, affine::rotation(degrees, side_px), resampling, scratch);
            }
            Self::ShearX { share, resampling } => {
                affine::transform(rgb, side_px, [1.0, share, 0.0, 0.0, 1.0, 0.0], resampling, scratch);
            }
            Self::ShearY { share, resampling } => {
                affine::transform(rgb, side_px, [1.0, 0.0, 0.0, share, 1.0, 0.0], resampling, scratch);
            }
            Self::TranslateX { px } => translate_rows(rgb, side_px, px),
            Self::TranslateY { px } => translate(rgb, i64::from(px) * side_px as i64),
            Self::Hue { shift } => color::turn_hue(rgb, shift),
            Self::Grayscale => color::to_gray(rgb),
            Self::Blur { sigma_px } => filter::blur(rgb, side_px, sigma_px, scratch),
        }
    }
}

/// Moves all pixels on by `by` pixels, or back where it is negative; what comes in is the mean color.
fn translate(rgb: &mut [u8], by: i64) {
    let pixels = rgb.as_chunks_mut::<3>().0;
    let count = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX).min(pixels.len());
    let stay = pixels.len() - count;
    if by < 0 {
        pixels.copy_within(count.., 0);
        pixels[stay..].fill(MEAN_COLOR);
    } else {
        pixels.copy_within(..stay, count);
        pixels[..count].fill(MEAN_COLOR);
    }
}

fn translate_rows(rgb: &mut [u8], side_px: usize, px: i32) {
    rgb.chunks_exact_mut(side_px * 3).for_each(|row| translate(row, px.into()));
}

/// Pillow's `Image.blend` of two values: `from` for a factor of 0 and `value` for 1; cut off to a whole number, and in range
/// where the factor is beyond 0..1.
#[inline(always)]
pub(super) fn blended(from: f32, value: u8, factor: f32) -> u8 {
    let moved = (from + factor * (f32::from(value) - from)).clamp(0.0, 255.0);
    let nearest = rounded(moved);
    as_byte(if nearest > moved { nearest - 1.0 } else { nearest })
}

/// From here on the numbers that an f32 has are the whole ones.
const WHOLE: f32 = 8_388_608.0;

/// To the nearest whole number, of 0 to 255. Written with what every processor does to several numbers at once, as a
/// conversion that minds its range is not.
#[inline(always)]
pub(super) fn rounded(value: f32) -> f32 {
    value + WHOLE - WHOLE
}

/// A whole number of 0 to 255 as a byte.
#[inline(always)]
fn as_byte(whole: f32) -> u8 {
    (whole + WHOLE).to_bits() as u8
}
