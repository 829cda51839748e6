//! WebP files to RGB through `image-webp`, after all sizes in the file were checked.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::remark::Remark;
use super::{Pixels, check_memory, check_size};

/// The longest side that the reference encoder makes; the container's header could state a thousand times that.
const MOST_SIDE_PX: u64 = 16_383;
/// How many times as large as its largest picture a canvas may be: the codec fills all of it, whatever is on it.
const MOST_CANVAS: u64 = 16;
/// More chunks than any real file has.
const MOST_CHUNKS: usize = 100_000;

/// An area of one color takes no bits at all, so the length of a file says nothing about its size.
const CAPACITY_PX: u64 = u64::MAX;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    let decoder = decoder(bytes)?;
    let (width_px, height_px) = decoder.dimensions();
    check_size(width_px.into(), height_px.into(), CAPACITY_PX)
}

/// Decodes; an animation gives its first picture, transparency is dropped.
pub(super) fn decode(bytes: &[u8]) -> Result<(Pixels, Vec<Remark>), String> {
    let mut decoder = decoder(bytes)?;
    let (width_px, height_px) = decoder.dimensions();
    let size = check_size(width_px.into(), height_px.into(), CAPACITY_PX)?;
    check_memory(size, bytes_beside(bytes, size), "such a WebP")?;
    let mut remarks = vec![Remark::WebpFile];
    let mut rgb = vec![0; decoder.output_buffer_size().ok_or("a picture larger than memory")?];
    decoder.read_image(&mut rgb).map_err(|error| error.to_string())?;
    if decoder.has_alpha() {
        remarks.insert(0, Remark::TransparencyDropped);
        let pixels = rgb.len() / 4;
        for pixel in 0..pixels {
            rgb.copy_within(pixel * 4..pixel * 4 + 3, pixel * 3);
        }
        rgb.truncate(pixels * 3);
    }
    if decoder.is_animated() {
        remarks.push(Remark::FirstPictureOnly);
    }
    Ok((Pixels { width_px, height_px, rgb }, remarks))
}

/// What decoding needs besides the pixels: planes of brightness and color or four channels, and a canvas for
/// animations.
pub(super) fn bytes_beside(bytes: &[u8], (width_px, height_px): (u32, u32)) -> u64 {
    const ANIMATED: u8 = 2;
    let is_animated = bytes.get(20).is_some_and(|flags| flags & ANIMATED != 0);
    let halves = match bytes.get(12..16) {
        Some(b"VP8 ") => 3,
        Some(b"VP8X") if is_animated => 18,
        _ => 8,
    };
    u64::from(width_px) * u64::from(height_px) * halves / 2
}

fn decoder(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, String> {
    check_pictures(bytes)?;
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    decoder.set_memory_limit(bytes.len());
    Ok(decoder)
}

/// Checks the size of every picture inside and of the canvas around them. The container may state a small size, while
/// the codec allocates memory for the picture's own before it compares them; or a vast size around almost nothing.
fn check_pictures(bytes: &[u8]) -> Result<(), String> {
    const FILE_HEADER_BYTES: usize = 12;
    const FRAME_HEADER_BYTES: usize = 16;
    let mut at = FILE_HEADER_BYTES;
    let (mut canvas_px, mut largest_px) = (0_u64, 0_u64);
    for _ in 0..MOST_CHUNKS {
        let Some(header) = bytes.get(at..at + 8) else {
            let is_vast = canvas_px > largest_px.saturating_mul(MOST_CANVAS);
            return if is_vast { Err("a canvas far larger than the pictures on it".into()) } else { Ok(()) };
        };
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        match (&header[..4], side_fields(&header[..4], &bytes[at + 8..])) {
            // The pictures of an animation are inside such chunks, after their own headers.
            (b"ANMF", _) => {
                at += 8 + FRAME_HEADER_BYTES;
                continue;
            }
            (kind, Some((width_px, height_px))) => {
                check_size(width_px, height_px, CAPACITY_PX)?;
                if width_px.max(height_px) > MOST_SIDE_PX {
                    return Err(format!(
                        "the header says {width_px}×{height_px} px; a WebP has {MOST_SIDE_PX} at most"
                    ));
                }
                let area_px = if kind == b"VP8X" { &mut canvas_px } else { &mut largest_px };
                *area_px = (*area_px).max(width_px * height_px);
            }
            _ => {}
        }
        at += 8 + length.next_multiple_of(2);
    }
    Err(format!("more than {MOST_CHUNKS} chunks"))
}

/// The width and height that a chunk of this kind states.
fn side_fields(kind: &[u8], content: &[u8]) -> Option<(u64, u64)> {
    let number = |at: usize, bytes: usize| {
        let field = content.get(at..at + bytes)?;
        Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    match kind {
        b"VP8 " => Some((number(6, 2)? & 0x3FFF, number(8, 2)? & 0x3FFF)),
        b"VP8L" => number(1, 4).map(|bits| ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)),
        b"VP8X" => Some((number(4, 3)? + 1, number(7, 3)? + 1)),
        _ => None,
    }
}
