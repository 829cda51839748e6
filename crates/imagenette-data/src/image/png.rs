//! PNG files to RGB, row by row, so that a photo takes no more memory than its pixels, whatever its bit depth.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, InterlaceInfo, Limits, Reader, Transformations};

use super::remark::Remark;
use super::{Pixels, check_size};

type Source<'a> = Decoder<Cursor<&'a [u8]>>;

/// DEFLATE packs at most 1,032 bytes into one, and a byte can hold 8 pixels of one bit.
const MOST_PX_A_BYTE: u64 = 1_032 * 8;
/// A photo of 16 bits whose values are all below this, a quarter of the range, is dark.
const BRIGHT: u16 = 1 << 14;
/// The most memory for unpacking chunks other than the pixels.
const MOST_SIDE_BYTES: usize = 64 << 20;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    headers(bytes).map(|(_, size)| size)
}

/// Decodes into `rgb`, whose memory is reused. An animation gives the picture that a viewer without animations shows.
pub(super) fn decode(bytes: &[u8], mut rgb: Vec<u8>) -> Result<(Pixels, Vec<Remark>), String> {
    let (decoder, (width_px, height_px)) = headers(bytes)?;
    let mut reader = decoder.read_info().map_err(text)?;
    let stride = width_px as usize * 3;
    // No row of the previous photo may be left where the first picture of an animation is smaller than it should be.
    rgb.clear();
    rgb.resize(stride * height_px as usize, 0);
    let (color, _) = reader.output_color_type();
    let mut remarks = remarks(reader.info().bit_depth, reader.info().color_type, color);
    if reader.info().animation_control.is_some() {
        remarks.push(Remark::FirstPictureOnly);
    }
    read_rows(&mut reader, color, &mut rgb, stride).map_err(text)?;
    let is_dark = || rgb.iter().all(|&upper| u16::from(upper) << 8 < BRIGHT);
    if remarks.contains(&Remark::SixteenBitsReduced) && is_dark() {
        remarks.push(Remark::SixteenBitsDark);
    }
    Ok((Pixels { width_px, height_px, rgb }, remarks))
}

/// The largest value of a photo of 16 bits, where it is dark.
pub(super) fn dark_sixteen_bits(bytes: &[u8]) -> Result<Option<u16>, String> {
    const DEPTH_AT: usize = 24;
    if bytes.get(DEPTH_AT) != Some(&16) {
        return Ok(None);
    }
    let (mut decoder, _) = headers(bytes)?;
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(text)?;
    let samples = reader.output_color_type().0.samples();
    let colors = if samples > 2 { 3 } else { 1 };
    let mut largest = 0;
    while let Some(row) = reader.next_row().map_err(text)? {
        for pixel in row.data().chunks_exact(samples * 2) {
            let values = pixel[..colors * 2].chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            largest = values.fold(largest, u16::max);
        }
        if largest >= BRIGHT {
            return Ok(None);
        }
    }
    Ok(Some(largest))
}

fn read_rows(
    reader: &mut Reader<Cursor<&[u8]>>,
    color: ColorType,
    rgb: &mut [u8],
    stride: usize,
) -> Result<(), DecodingError> {
    let mut pass = Vec::new();
    let mut y = 0;
    while let Some(row) = reader.next_interlaced_row()? {
        match row.interlace() {
            InterlaceInfo::Null(_) => {
                if let Some(target) = rgb.get_mut(y * stride..(y + 1) * stride) {
                    to_rgb(row.data(), color, target);
                }
                y += 1;
            }
            InterlaceInfo::Adam7(place) => {
                pass.resize(row.data().len() / color.samples() * 3, 0);
                to_rgb(row.data(), color, &mut pass);
                png::expand_interlaced_row(rgb, stride, &pass, place, 24);
            }
        }
    }
    Ok(())
}

/// Converts a row of 8 bits per channel without a palette, which is what the reader is asked for.
fn to_rgb(row: &[u8], color: ColorType, target: &mut [u8]) {
    let samples = color.samples();
    for (pixel, target) in row.chunks_exact(samples).zip(target.chunks_exact_mut(3)) {
        match pixel {
            [red, green, blue, ..] => target.copy_from_slice(&[*red, *green, *blue]),
            [gray, ..] => target.fill(*gray),
            [] => {}
        }
    }
}

/// Reads only the header. Of 16 bits the upper 8 are kept, as by Pillow, not the nearest of 256 levels.
fn headers(bytes: &[u8]) -> Result<(Source<'_>, (u32, u32)), String> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MOST_SIDE_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let info = decoder.read_header_info().map_err(text)?;
    let size = check_size(info.width.into(), info.height.into(), bytes.len() as u64 * MOST_PX_A_BYTE)?;
    Ok((decoder, size))
}

fn text(error: DecodingError) -> String {
    error.to_string()
}

/// What is remarkable about the file and how it was read.
fn remarks(depth: BitDepth, stored: ColorType, read: ColorType) -> Vec<Remark> {
    let mut remarks = vec![Remark::PngFile];
    match stored {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => remarks.push(Remark::GrayscaleConverted),
        ColorType::Indexed => remarks.push(Remark::PaletteConverted),
        ColorType::Rgb | ColorType::Rgba => {}
    }
    if matches!(read, ColorType::GrayscaleAlpha | ColorType::Rgba) {
        remarks.push(Remark::TransparencyDropped);
    }
    if depth == BitDepth::Sixteen {
        remarks.push(Remark::SixteenBitsReduced);
    }
    remarks
}
