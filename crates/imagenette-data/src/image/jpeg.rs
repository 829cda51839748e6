//! JPEG files to RGB by way of `zune-jpeg`.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::remark::Remark;
use super::{Pixels, check_size};

fn decoder(bytes: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}

fn size(decoder: &JpegDecoder<ZCursor<&[u8]>>) -> Result<(u32, u32), String> {
    let (width, height) = decoder.dimensions().ok_or("the header has no size")?;
    check_size(width as u64, height as u64)
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    let mut decoder = decoder(bytes);
    decoder.decode_headers().map_err(|error| error.to_string())?;
    size(&decoder)
}

pub(super) fn decode(bytes: &[u8], pixels: &mut Pixels) -> Result<Vec<Remark>, String> {
    let mut decoder = decoder(bytes);
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let (width_px, height_px) = size(&decoder)?;
    pixels.rgb.resize(width_px as usize * height_px as usize * 3, 0);
    (pixels.width_px, pixels.height_px) = (width_px, height_px);
    let mut remarks = Vec::new();
    if decoder.input_colorspace() == Some(ColorSpace::Luma) {
        remarks.push(Remark::GrayscaleConverted);
    }
    decoder.decode_into(&mut pixels.rgb).map_err(|error| error.to_string())?;
    Ok(remarks)
}
