//! PNG files to RGB by way of `image`.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{ColorType, DynamicImage, ImageDecoder, Limits};

use super::remark::Remark;
use super::{Pixels, check_size};

fn decoder(bytes: &[u8]) -> Result<PngDecoder<Cursor<&[u8]>>, String> {
    PngDecoder::with_limits(Cursor::new(bytes), Limits::default()).map_err(|error| error.to_string())
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    let (width_px, height_px) = decoder(bytes)?.dimensions();
    check_size(width_px.into(), height_px.into())
}

pub(super) fn decode(bytes: &[u8], pixels: &mut Pixels) -> Result<Vec<Remark>, String> {
    let decoder = decoder(bytes)?;
    let (width_px, height_px) = decoder.dimensions();
    check_size(width_px.into(), height_px.into())?;
    let mut remarks = vec![Remark::PngFile];
    let color = decoder.color_type();
    if matches!(color, ColorType::L8 | ColorType::La8 | ColorType::L16 | ColorType::La16) {
        remarks.push(Remark::GrayscaleConverted);
    }
    if color.has_alpha() {
        remarks.push(Remark::TransparencyDropped);
    }
    if color.bytes_per_pixel() / color.channel_count() == 2 {
        remarks.push(Remark::SixteenBitsReduced);
    }
    let image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    *pixels = Pixels { width_px, height_px, rgb: image.into_rgb8().into_raw() };
    Ok(remarks)
}
