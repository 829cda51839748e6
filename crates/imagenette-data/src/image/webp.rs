//! WebP files to RGB by way of `image-webp`, which is asked only for sizes that were checked before.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::remark::Remark;
use super::{Pixels, check_size};

/// More chunks than an honest file has pictures.
const MOST_CHUNKS: usize = 100_000;

/// A plain surface takes no bits at all, so a file's length says nothing about its size.
const CAPACITY_PX: u64 = u64::MAX;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    let decoder = decoder(bytes)?;
    let (width_px, height_px) = decoder.dimensions();
    check_size(width_px.into(), height_px.into(), CAPACITY_PX)
}

/// Of an animation the first picture; transparency is dropped.
pub(super) fn decode(bytes: &[u8]) -> Result<(Pixels, Vec<Remark>), String> {
    let mut decoder = decoder(bytes)?;
    let (width_px, height_px) = decoder.dimensions();
    check_size(width_px.into(), height_px.into(), CAPACITY_PX)?;
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

fn decoder(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, String> {
    check_pictures(bytes)?;
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    decoder.set_memory_limit(bytes.len());
    Ok(decoder)
}

/// Checks the size of every picture inside: the container may state a small one, and the codec takes memory for the
/// picture's own before it compares them.
fn check_pictures(bytes: &[u8]) -> Result<(), String> {
    const FILE_HEADER_BYTES: usize = 12;
    const FRAME_HEADER_BYTES: usize = 16;
    let mut at = FILE_HEADER_BYTES;
    for _ in 0..MOST_CHUNKS {
        let Some(header) = bytes.get(at..at + 8) else { return Ok(()) };
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let content = &bytes[at + 8..];
        let size = match &header[..4] {
            b"VP8 " => content.get(6..10).map(|at| {
                let side = |low: u8, high: u8| u64::from(u16::from_le_bytes([low, high]) & 0x3FFF);
                (side(at[0], at[1]), side(at[2], at[3]))
            }),
            b"VP8L" => content.get(1..5).map(|at| {
                let bits = u32::from_le_bytes([at[0], at[1], at[2], at[3]]);
                (u64::from(bits & 0x3FFF) + 1, u64::from(bits >> 14 & 0x3FFF) + 1)
            }),
            // Pictures of an animation lie inside such a chunk, behind its own header.
            b"ANMF" => {
                at += 8 + FRAME_HEADER_BYTES;
                continue;
            }
            _ => None,
        };
        if let Some((width_px, height_px)) = size {
            check_size(width_px, height_px, CAPACITY_PX)?;
        }
        at += 8 + length.next_multiple_of(2);
    }
    Err(format!("more than {MOST_CHUNKS} chunks"))
}
