//! Images: a file's bytes go in, RGB pixels come out, with a remark on all that was not plain decoding. Together with
//! `drawn/` the only room that names the codec crates.

mod encode;
mod jpeg;
mod png;
mod remark;
mod resize;

use std::path::Path;

pub use encode::{encode_jpeg, encode_png};
pub use remark::Remark;
pub use resize::Resizer;

use crate::error::{DataError, Result};

/// The largest photo that is decoded: a header can promise any size, and memory is taken on its word.
pub const LARGEST_PHOTO_PX: u64 = 100_000_000;

/// Decoded pixels: rows from top to bottom, each pixel red, green, blue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pixels {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// `height × width × 3` bytes.
    pub rgb: Vec<u8>,
}

/// Decodes a JPEG or PNG file, whatever its name says, to RGB with 8 bits a channel. The path is for messages only.
///
/// Grayscale, CMYK, palettes, transparency and 16 bits are converted as Pillow's `convert("RGB")` does; a JPEG that
/// breaks off is kept as far as it goes when at least half of its rows are there. [`Remark`]s say so. The orientation
/// that a camera noted is not applied, as in the datasets' reference loaders.
///
/// # Errors
/// [`DataError::Photo`] when the bytes are no photo, when too little of it is left, or when it is too large.
pub fn decode(bytes: &[u8], path: &Path) -> Result<(Pixels, Vec<Remark>)> {
    let mut pixels = Pixels::default();
    let remarks = decode_into(bytes, path, &mut pixels)?;
    Ok((pixels, remarks))
}

/// As [`decode`], into pixels whose memory is used again.
///
/// # Errors
/// As [`decode`]; the pixels then hold nothing of use.
pub fn decode_into(bytes: &[u8], path: &Path, pixels: &mut Pixels) -> Result<Vec<Remark>> {
    let decoded = match Format::of(bytes) {
        Ok(Format::Jpeg) => jpeg::decode(bytes, pixels),
        Ok(Format::Png) => png::decode(bytes, pixels),
        Err(reason) => Err(reason),
    };
    decoded.map_err(|reason| DataError::Photo { path: path.to_owned(), reason })
}

/// Width and height in pixels as the header says, without decoding.
///
/// # Errors
/// [`DataError::Photo`] when the bytes do not begin like a photo, or when it is too large.
pub fn dimensions(bytes: &[u8], path: &Path) -> Result<(u32, u32)> {
    let found = match Format::of(bytes) {
        Ok(Format::Jpeg) => jpeg::dimensions(bytes),
        Ok(Format::Png) => png::dimensions(bytes),
        Err(reason) => Err(reason),
    };
    found.map_err(|reason| DataError::Photo { path: path.to_owned(), reason })
}

enum Format {
    Jpeg,
    Png,
}

impl Format {
    /// By the first bytes, never by the name: ImageNet has a PNG called `.JPEG`.
    fn of(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(&[0xFF, 0xD8]) {
            Ok(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Ok(Self::Png)
        } else if bytes.is_empty() {
            Err("the file is empty".into())
        } else if bytes.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
            Err("the file holds text; expected a JPEG or PNG".into())
        } else {
            let first: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            Err(format!("expected a JPEG or PNG, found a file that begins with {}", first.join(" ")))
        }
    }
}

/// Refuses sizes that are empty or too large, before any memory is taken.
fn check_size(width_px: u64, height_px: u64) -> Result<(u32, u32), String> {
    if width_px == 0 || height_px == 0 {
        return Err(format!("the header says {width_px}×{height_px} px"));
    }
    if width_px.saturating_mul(height_px) > LARGEST_PHOTO_PX {
        return Err(format!("the header says {width_px}×{height_px} px; the limit is {LARGEST_PHOTO_PX} pixels"));
    }
    let side = |px: u64| u32::try_from(px).expect("a side is at most the product, which fits");
    Ok((side(width_px), side(height_px)))
}
