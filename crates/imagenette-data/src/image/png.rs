//! PNG files to RGB by way of `image`.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, Limits};

use super::remark::Remark;
use super::{Pixels, check_size};

/// DEFLATE packs at most 1,032 bytes into one, and a byte holds 8 pixels of one bit.
const MOST_PX_A_BYTE: u64 = 1_032 * 8;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    let (width_px, height_px) = decoder(bytes)?.dimensions();
    check_size(width_px.into(), height_px.into(), bytes.len() as u64 * MOST_PX_A_BYTE)
}

/// Of an animation the picture that viewers show which know no animations.
pub(super) fn decode(bytes: &[u8]) -> Result<(Pixels, Vec<Remark>), String> {
    let decoder = decoder(bytes)?;
    let (width_px, height_px) = decoder.dimensions();
    check_size(width_px.into(), height_px.into(), bytes.len() as u64 * MOST_PX_A_BYTE)?;
    let is_animated = decoder.is_apng().unwrap_or(false);
    let image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    let mut remarks = remarks(bytes, image.color().has_alpha());
    if is_animated {
        remarks.push(Remark::FirstPictureOnly);
    }
    let rgb = if remarks.contains(&Remark::SixteenBitsReduced) {
        // The upper byte, as Pillow does, and not the nearest of 256 levels.
        image.into_rgb16().into_raw().into_iter().map(|value| (value >> 8) as u8).collect()
    } else {
        image.into_rgb8().into_raw()
    };
    Ok((Pixels { width_px, height_px, rgb }, remarks))
}

fn decoder(bytes: &[u8]) -> Result<PngDecoder<Cursor<&[u8]>>, String> {
    PngDecoder::with_limits(Cursor::new(bytes), Limits::default()).map_err(|error| error.to_string())
}

/// From bit depth and colour type, which stand at a fixed place in a file that was just decoded.
fn remarks(bytes: &[u8], has_alpha: bool) -> Vec<Remark> {
    let (bit_depth, color_type) = (bytes[24], bytes[25]);
    let mut remarks = vec![Remark::PngFile];
    match color_type {
        0 | 4 => remarks.push(Remark::GrayscaleConverted),
        3 => remarks.push(Remark::PaletteConverted),
        _ => {}
    }
    if has_alpha {
        remarks.push(Remark::TransparencyDropped);
    }
    if bit_depth == 16 {
        remarks.push(Remark::SixteenBitsReduced);
    }
    remarks
}
