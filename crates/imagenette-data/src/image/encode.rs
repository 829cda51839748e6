//! Pixels go in, a PNG file or a small JPEG to look at comes out.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::Pixels;

/// The pixels as a PNG file.
///
/// # Panics
/// When `pixels.rgb` is not as long as its sides say.
pub fn encode_png(pixels: &Pixels) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file)
        .write_image(&pixels.rgb, pixels.width_px, pixels.height_px, ExtendedColorType::Rgb8)
        .expect("writing to memory cannot fail and the pixels are as many as the sides say");
    file
}

/// The pixels as a JPEG file of modest quality, for looking at.
///
/// # Panics
/// When `pixels.rgb` is not as long as its sides say, or a side is longer than the 65,535 pixels of the format.
pub fn encode_preview(pixels: &Pixels) -> Vec<u8> {
    const QUALITY: u8 = 75;
    let side = |px: u32| u16::try_from(px).expect("a preview is small");
    let mut file = Vec::new();
    jpeg_encoder::Encoder::new(&mut file, QUALITY)
        .encode(&pixels.rgb, side(pixels.width_px), side(pixels.height_px), jpeg_encoder::ColorType::Rgb)
        .expect("writing to memory cannot fail and the pixels are as many as the sides say");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_the_same_pixels() {
        let pixels = Pixels { width_px: 3, height_px: 2, rgb: (0..18).map(|value| value * 14).collect() };
        let (decoded, _) = super::super::decode(&encode_png(&pixels), std::path::Path::new("a.png")).unwrap();
        assert_eq!((decoded.width_px, decoded.height_px, decoded.rgb), (3, 2, pixels.rgb));
    }
}
