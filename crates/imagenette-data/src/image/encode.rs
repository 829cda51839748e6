//! Pixels go in, a PNG or JPEG file comes out.

use jpeg_encoder::{ChromaSubsamplingMethod, Encoder, ImageBuffer, JpegColorType, SamplingFactor, rgb_to_ycbcr};
use serde::{Deserialize, Serialize};

use super::Pixels;

/// How much of the color a JPEG file keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subsampling {
    /// A quarter of the color, as libjpeg and Pillow do by default.
    #[default]
    #[serde(rename = "4:2:0")]
    Quarter,
    /// Half of it.
    #[serde(rename = "4:2:2")]
    Half,
    /// All of it.
    #[serde(rename = "4:4:4")]
    None,
}

/// The pixels as a PNG file.
///
/// # Panics
/// When `pixels.rgb` is not as long as its sides say.
pub fn encode_png(pixels: &Pixels) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels.width_px, pixels.height_px);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Adaptive);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels.rgb))
        .expect("writing to memory cannot fail and the pixels are as many as the sides say");
    file
}

/// The pixels as a JPEG file of modest quality, to look at.
///
/// # Panics
/// When `pixels.rgb` is not as long as its sides say, or a side is longer than the 65,535 pixels of the format.
pub fn encode_preview(pixels: &Pixels) -> Vec<u8> {
    const QUALITY: u8 = 75;
    encode_jpeg(pixels, QUALITY, Subsampling::Quarter, false).expect("a preview is small")
}

/// The pixels as a baseline JPEG file of this quality (1 to 100), with libjpeg's tables and averaged color; gray
/// pixels give a file with one channel. Only the encoder's portable code is used, so the bytes are the same on every
/// machine.
///
/// # Errors
/// When a side is too long for the format (65,535 px).
///
/// # Panics
/// When `pixels.rgb` is not as long as its sides say.
pub fn encode_jpeg(pixels: &Pixels, quality: u8, subsampling: Subsampling, gray: bool) -> Result<Vec<u8>, String> {
    let color = if gray { JpegColorType::Luma } else { JpegColorType::Ycbcr };
    encode(pixels, quality, subsampling, color, ChromaSubsamplingMethod::Average)
}

/// The pixels as a JPEG file with a quarter of the color, each taken from one pixel of four instead of their average.
#[cfg(feature = "drawn")]
pub(crate) fn encode_drawing(pixels: &Pixels, quality: u8) -> Result<Vec<u8>, String> {
    encode(pixels, quality, Subsampling::Quarter, JpegColorType::Ycbcr, ChromaSubsamplingMethod::Nearest)
}

fn encode(
    pixels: &Pixels,
    quality: u8,
    subsampling: Subsampling,
    color: JpegColorType,
    method: ChromaSubsamplingMethod,
) -> Result<Vec<u8>, String> {
    let side = |px: u32| u16::try_from(px).map_err(|_| format!("a side of {px} px is too long for JPEG"));
    let (width, height) = (side(pixels.width_px)?, side(pixels.height_px)?);
    let mut file = Vec::with_capacity(pixels.rgb.len() / 6 + 1024);
    let mut encoder = Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(match subsampling {
        Subsampling::Quarter => SamplingFactor::F_2_2,
        Subsampling::Half => SamplingFactor::F_2_1,
        Subsampling::None => SamplingFactor::F_1_1,
    });
    encoder.set_chroma_subsampling_method(method);
    encoder
        .encode_image(Rows { rgb: &pixels.rgb, width, height, color })
        .expect("memory takes every byte and the pixels are as many as the sides say");
    Ok(file)
}

/// Pixels that the encoder takes row by row, as brightness alone or as brightness and two colors. The encoder's own
/// buffers grow pixel by pixel, and it compiles its whole code once more for each kind of buffer: hence one kind.
struct Rows<'a> {
    rgb: &'a [u8],
    width: u16,
    height: u16,
    color: JpegColorType,
}

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        self.color
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let stride = usize::from(self.width) * 3;
        let row = &self.rgb[usize::from(y) * stride..][..stride];
        if self.color == JpegColorType::Luma {
            // Gray pixels have three equal channels.
            buffers[0].extend(row.iter().step_by(3));
            return;
        }
        let [luma, blue, red, _] = buffers.each_mut().map(|buffer| {
            let begin = buffer.len();
            buffer.resize(begin + usize::from(self.width), 0);
            &mut buffer[begin..]
        });
        for (((pixel, luma), blue), red) in row.chunks_exact(3).zip(luma).zip(blue).zip(red) {
            (*luma, *blue, *red) = rgb_to_ycbcr(pixel[0], pixel[1], pixel[2]);
        }
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::hash::hex;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn an_encoded_picture_decodes_to_the_same_pixels() {
        let pixels = Pixels { width_px: 3, height_px: 2, rgb: (0..18).map(|value| value * 14).collect() };
        let (decoded, _) = super::super::decode(&encode_png(&pixels), std::path::Path::new("a.png")).unwrap();
        assert_eq!((decoded.width_px, decoded.height_px, decoded.rgb), (3, 2, pixels.rgb));
    }

    #[test]
    fn a_png_is_the_file_that_the_image_crate_writes() {
        let pixels =
            Pixels { width_px: 31, height_px: 17, rgb: (0..31 * 17 * 3).map(|i| (i * i % 251) as u8).collect() };
        let mut expected = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_raw(31, 17, pixels.rgb.clone())
            .expect("as many pixels as the sides say")
            .write_to(&mut expected, image::ImageFormat::Png)
            .expect("memory takes it all");
        assert!(encode_png(&pixels) == expected.into_inner());
    }

    /// The encoder's feature `simd` rounds differently, and a new release might too: that would change every file that
    /// is made.
    #[test]
    fn the_encoded_bytes_never_change() {
        let mut hash = Sha256::new();
        for (width_px, height_px) in [(1, 1), (8, 8), (17, 9), (213, 160), (160, 97)] {
            for noise in [0, 1, 255] {
                let mut state: u32 = width_px * 31 + height_px;
                let mut value = |at: u32| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    // Smooth, with detail, and from one end of the scale to the other: the largest coefficients there
                    // are.
                    if noise == 255 { 255 * (state >> 31) } else { (at / 3 * 2 + (state >> 27) * noise) % 256 }
                };
                let rgb: Vec<u8> = (0..width_px * height_px * 3).map(|at| value(at) as u8).collect();
                let pixels = Pixels { width_px, height_px, rgb };
                for subsampling in [Subsampling::Quarter, Subsampling::Half, Subsampling::None] {
                    for (quality, gray) in [(1, false), (90, false), (90, true), (100, false)] {
                        hash.update(encode_jpeg(&pixels, quality, subsampling, gray).unwrap());
                    }
                }
            }
        }
        assert_eq!(hex(&hash.finalize()), "f52fd3c01390f6a67d337053e11d7523ca4887012d841812595931c2bee59001");
    }
}
