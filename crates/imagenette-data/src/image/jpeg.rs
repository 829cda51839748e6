//! JPEG files to RGB through `zune-jpeg`, made strict about damage and safe against the decoder's own mistakes.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::bytes::Bytes;
use super::remark::Remark;
use super::{LARGEST_PHOTO_PX, Pixels, check_memory, check_size};

type Decoder<'a> = JpegDecoder<Bytes<'a>>;

/// The value of pixels that were never read: the middle of the scale, as in other decoders.
const UNREAD: u8 = 128;
/// A block of 64 pixels takes at least one bit, and a photo is kept when half of it is there.
const MOST_PX_A_BYTE: u64 = 8 * 64 * 2;
/// The most scans of a photo. Encoders make about 10; a file with a scan for every coefficient has 192.
const MOST_SCANS: usize = 500;
/// The most pixels over all scans: 20 scans of the largest photo.
const MOST_SCANNED_PX: u64 = 20 * LARGEST_PHOTO_PX;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    headers(bytes).map(|(_, size)| size)
}

/// Decodes into `rgb`, whose memory is reused.
pub(super) fn decode(bytes: &[u8], mut rgb: Vec<u8>) -> Result<(Pixels, Vec<Remark>), String> {
    let (mut decoder, size) = headers(bytes)?;
    check_work(bytes, size)?;
    check_memory(size, bytes_beside(bytes, size), "a JPEG in several scans")?;
    let mut remarks = remarks(&decoder);
    rgb.resize(size.0 as usize * size.1 as usize * 3, UNREAD);
    let whole = fill(&mut decoder, &mut rgb, true).is_ok() && has_end(bytes);
    if !whole {
        remarks.push(Remark::Truncated);
        let (mut decoder, _) = headers(bytes)?;
        fill(&mut decoder, &mut rgb, false)?;
        check_rows(&rgb, size)?;
    }
    Ok((Pixels { width_px: size.0, height_px: size.1, rgb }, remarks))
}

/// Refuses a photo with more scans than any encoder makes, or too many for its size: each scan visits the whole photo.
fn check_work(bytes: &[u8], (width_px, height_px): (u32, u32)) -> Result<(), String> {
    let scans = count_scans(bytes);
    let pixels = u64::from(width_px) * u64::from(height_px);
    if scans > MOST_SCANS || pixels.saturating_mul(scans as u64) > MOST_SCANNED_PX.max(pixels * 3) {
        return Err(format!("{scans} scans over {width_px}×{height_px} px are more than a photo needs"));
    }
    Ok(())
}

fn count_scans(bytes: &[u8]) -> usize {
    const START_OF_SCAN: [u8; 2] = [0xFF, 0xDA];
    let from = scan_start(bytes).unwrap_or(bytes.len());
    // Inside compressed data 0xFF is always followed by a zero or a restart marker.
    memchr::memmem::find_iter(&bytes[from..], &START_OF_SCAN).count()
}

/// What decoding needs besides the pixels: every coefficient, where the colors are spread over several scans.
pub(super) fn bytes_beside(bytes: &[u8], (width_px, height_px): (u32, u32)) -> u64 {
    const BYTES_A_COEFFICIENT: u64 = 2;
    const PROGRESSIVE: u8 = 0xC2;
    let frame = frame(bytes);
    if frame.is_none_or(|frame| frame[1] != PROGRESSIVE) && count_scans(bytes) < 2 {
        return 0;
    }
    // How many samples each component has where the finest one has `most`.
    let samples = frame.and_then(|frame| frame.get(10..10 + usize::from(*frame.get(9)?) * 3)).unwrap_or_default();
    let counts = samples.chunks_exact(3).map(|part| u64::from(part[1] >> 4) * u64::from(part[1] & 15));
    let most = counts.clone().max().unwrap_or(1).max(1);
    u64::from(width_px) * u64::from(height_px) * counts.sum::<u64>().max(1) / most * BYTES_A_COEFFICIENT
}

/// The segment with size and colors, from its marker on.
fn frame(bytes: &[u8]) -> Option<&[u8]> {
    segments(bytes).find(|segment| matches!(segment[1], 0xC0..=0xC2))
}

/// Reads up to the first scan.
fn headers(bytes: &[u8]) -> Result<(Decoder<'_>, (u32, u32)), String> {
    let mut decoder = JpegDecoder::new_with_options(Bytes::new(bytes), options());
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("the header has no size")?;
    let size = check_size(width as u64, height as u64, bytes.len() as u64 * MOST_PX_A_BYTE)?;
    Ok((decoder, size))
}

/// Allows the longest sides of the format; [`check_size`] limits their product.
fn options() -> DecoderOptions {
    DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .set_strict_mode(false)
        .jpeg_set_max_scans(MOST_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB)
}

/// Decodes the scans. Only they are read strictly: oddities between header segments are common and cost no pixel.
fn fill(decoder: &mut Decoder, rgb: &mut [u8], strict: bool) -> Result<(), String> {
    // The memory is reused, and some damage leaves rows untouched: they must not show the previous photo.
    rgb.fill(UNREAD);
    decoder.set_options(options().set_strict_mode(strict));
    decoder.decode_into(rgb).map_err(|error| error.to_string())
}

/// Refuses a damaged photo when less than half of its rows could be read.
fn check_rows(rgb: &[u8], (width_px, height_px): (u32, u32)) -> Result<(), String> {
    let unread = |row: &&[u8]| row.iter().all(|&value| value == UNREAD);
    let lost = rgb.rchunks_exact(width_px as usize * 3).take_while(unread).count();
    let read = height_px as usize - lost;
    if read * 2 < height_px as usize {
        return Err(format!("damaged or cut short: {read} of {height_px} rows could be read"));
    }
    Ok(())
}

fn remarks(decoder: &Decoder) -> Vec<Remark> {
    let mut remarks = Vec::new();
    match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => remarks.push(Remark::GrayscaleConverted),
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => remarks.push(Remark::CmykConverted),
        _ => {}
    }
    remarks
}

/// The EXIF structure of a camera, in the first segment that has one.
pub(super) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    const APP1: u8 = 0xE1;
    segments(bytes).find_map(|segment| {
        let length = usize::from(u16::from_be_bytes([segment[2], segment[3]]));
        let content = segment.get(4..2 + length)?;
        if segment[1] == APP1 { content.strip_prefix(b"Exif\0\0") } else { None }
    })
}

/// Whether the end marker follows the first scan. Compressed data never contains it, but a preview in the header may.
fn has_end(bytes: &[u8]) -> bool {
    const END: [u8; 2] = [0xFF, 0xD9];
    bytes.ends_with(&END) || {
        let scan = scan_start(bytes).unwrap_or(bytes.len());
        memchr::memmem::rfind(&bytes[scan..], &END).is_some()
    }
}

/// Where the first scan begins.
fn scan_start(bytes: &[u8]) -> Option<usize> {
    let scan = segments(bytes).find(|segment| segment[1] == 0xDA)?;
    Some(bytes.len() - scan.len())
}

/// The segments up to the first scan, each with everything after it: a marker, a length, and that many bytes.
fn segments(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 2;
    std::iter::from_fn(move || {
        loop {
            match *bytes.get(at..at + 4)? {
                [0xFF, 0xFF, ..] => at += 1,
                [0xFF, marker, high, low] => {
                    let from = at;
                    let length = usize::from(u16::from_be_bytes([high, low])).max(2);
                    at = if marker == 0xDA { bytes.len() } else { at + 2 + length };
                    return Some(&bytes[from..]);
                }
                _ => at += 1,
            }
        }
    })
}
