//! Photos as they stand in a page: small JPEG or PNG files, inlined.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use imagenette_data::augment::CropBox;
use imagenette_data::dataset::Dataset;
use imagenette_data::image::{Pixels, Resizer, encode_png, encode_preview};

use crate::datasets;

/// The longest side of a photo.
const PHOTO_PX: u32 = 128;

/// A photo of a dataset, small; `None` where it is gone or cannot be read.
pub(super) fn photo(dataset: &Dataset, sample: &str) -> Option<String> {
    Some(jpeg(&fitted(&datasets::photo_at(dataset, sample)?)))
}

/// The pixels, small, as the address of an inlined JPEG.
pub(super) fn jpeg(pixels: &Pixels) -> String {
    format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(encode_preview(pixels)))
}

/// The pixels as the address of an inlined PNG: every pixel as it is.
pub(super) fn png(pixels: &Pixels) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(encode_png(pixels)))
}

/// A photo made small where it is large.
pub(super) fn fitted(photo: &Pixels) -> Pixels {
    let scale = f64::from(PHOTO_PX) / f64::from(photo.width_px.max(photo.height_px).max(1));
    let fit = |side: u32| ((f64::from(side) * scale.min(1.0)).round() as u32).clamp(1, PHOTO_PX);
    scaled(photo, fit(photo.width_px), fit(photo.height_px))
}

/// A picture of another size.
pub(super) fn scaled(photo: &Pixels, width_px: u32, height_px: u32) -> Pixels {
    let whole = CropBox { left: 0.0, top: 0.0, width: photo.width_px.into(), height: photo.height_px.into() };
    let mut rgb = vec![0; (width_px * height_px * 3) as usize];
    Resizer::new().resize(&photo.rgb, (photo.width_px, photo.height_px), whole, &mut rgb, (width_px, height_px));
    Pixels { width_px, height_px, rgb }
}
