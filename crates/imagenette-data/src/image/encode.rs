//! Pixels go in, a PNG or JPEG file comes out.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

use super::Pixels;
use crate::make::spec::Subsampling;

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
    encode_jpeg(pixels, QUALITY, Subsampling::Quarter, false).expect("a preview is small")
}

/// The pixels as a baseline JPEG file of this quality (1 to 100), with libjpeg's tables and averaged colour; gray pixels
/// give a file with one channel. The encoder's portable paths alone are used, so the bytes are the same on every machine.
///
/// # Errors
/// When a side is too long for the format (65,535 px).
///
/// # Panics
/// When `pixels.rgb` is not as long as its sides say.
pub fn encode_jpeg(pixels: &Pixels, quality: u8, subsampling: Subsampling, gray: bool) -> Result<Vec<u8>, String> {
    let side = |px: u32| u16::try_from(px).map_err(|_| format!("a side of {px} px is too long for JPEG"));
    let (width, height) = (side(pixels.width_px)?, side(pixels.height_px)?);
    let mut file = Vec::with_capacity(pixels.rgb.len() / 6 + 1024);
    let mut encoder = Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(match subsampling {
        Subsampling::Quarter => SamplingFactor::F_2_2,
        Subsampling::Half => SamplingFactor::F_2_1,
        Subsampling::None => SamplingFactor::F_1_1,
    });
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    let encoded = if gray {
        let luma: Vec<u8> = pixels.rgb.chunks_exact(3).map(|pixel| pixel[0]).collect();
        encoder.encode(&luma, width, height, ColorType::Luma)
    } else {
        encoder.encode(&pixels.rgb, width, height, ColorType::Rgb)
    };
    encoded.expect("memory takes every byte and the pixels are as many as the sides say");
    Ok(file)
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
