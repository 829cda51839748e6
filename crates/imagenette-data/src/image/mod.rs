//! Images: the bytes of a file go in, RGB pixels come out, with a remark on everything that was not plain decoding.
//! Only this module and `drawn/` use the codec crates.

mod bytes;
mod encode;
mod jpeg;
mod orientation;
mod png;
mod remark;
mod webp;

use std::path::Path;

use imagenette_files::panics::caught;

#[cfg(feature = "drawn")]
pub(crate) use encode::encode_drawing;
pub use encode::{Subsampling, encode_jpeg, encode_png, encode_preview};
pub use imagenette_resize::Resizer;
pub use orientation::Orientation;
pub use remark::Remark;

use crate::error::{DataError, Result};

/// The largest photo that is decoded: a header can promise any size, and memory is allocated for what it promises.
pub const LARGEST_PHOTO_PX: u64 = 100_000_000;
/// The most memory that decoding one photo may take, for its pixels and what the codec keeps besides: enough for the
/// largest photo in the usual forms, but not if it is progressive or lossless as well.
pub const LARGEST_DECODING_BYTES: u64 = 400_000_000;

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

/// Decodes a JPEG, PNG or WebP file, whatever its name, to RGB with 8 bits per channel. The path is for messages only.
///
/// Grayscale, CMYK, palettes, transparency and 16 bits are converted as by Pillow's `convert("RGB")`; an animation
/// gives its first picture; a truncated JPEG is decoded as far as possible when at least half of its rows are there.
/// [`Remark`]s say so. The orientation noted by a camera is not applied, as in the reference loaders of ImageNet's
/// datasets; [`decode_turned`] applies it.
///
/// # Errors
/// [`DataError::Photo`] when the bytes are not a photo, when too little of it is left, when it is too large, or when
/// it would take more work than any real photo.
pub fn decode(bytes: &[u8], path: &Path) -> Result<(Pixels, Vec<Remark>)> {
    let mut pixels = Pixels::default();
    let remarks = decode_into(bytes, path, &mut pixels)?;
    Ok((pixels, remarks))
}

/// As [`decode`], into pixels whose memory is reused.
///
/// # Errors
/// As [`decode`]; the pixels are then useless.
pub fn decode_into(bytes: &[u8], path: &Path, pixels: &mut Pixels) -> Result<Vec<Remark>> {
    let mut remarks = decode_stored(bytes, path, pixels)?;
    if Orientation::of(bytes).is_some() {
        remarks.push(Remark::OrientationIgnored);
    }
    Ok(remarks)
}

/// As [`decode_into`], and turns the pixels as an orientation says; `None` leaves them as they are stored.
///
/// # Errors
/// As [`decode_into`].
pub fn decode_turned(
    bytes: &[u8],
    path: &Path,
    orientation: Option<Orientation>,
    pixels: &mut Pixels,
) -> Result<Vec<Remark>> {
    let Some(orientation) = orientation else { return decode_into(bytes, path, pixels) };
    let mut remarks = decode_stored(bytes, path, pixels)?;
    orientation.turn(pixels);
    remarks.push(Remark::Turned);
    Ok(remarks)
}

/// The largest value of a PNG of 16 bits per channel, where it is below a quarter of the range: such photos are nearly
/// black once 8 bits are kept. `None` for every other file.
pub(crate) fn dark_sixteen_bits(bytes: &[u8]) -> Option<u16> {
    if !matches!(Format::of(bytes), Ok(Format::Png)) {
        return None;
    }
    guarded(|| png::dark_sixteen_bits(bytes)).ok().flatten()
}

fn decode_stored(bytes: &[u8], path: &Path, pixels: &mut Pixels) -> Result<Vec<Remark>> {
    let memory = std::mem::take(&mut pixels.rgb);
    let decoded = Format::of(bytes).and_then(|format| {
        guarded(move || match format {
            Format::Jpeg => jpeg::decode(bytes, memory),
            Format::Png => png::decode(bytes, memory),
            Format::Webp => webp::decode(bytes),
        })
    });
    let (decoded, remarks) = decoded.map_err(|reason| DataError::Photo { path: path.to_owned(), reason })?;
    *pixels = decoded;
    Ok(remarks)
}

/// Width and height in pixels, according to the header.
///
/// # Errors
/// [`DataError::Photo`] when the bytes do not begin like a photo, or when it is too large.
pub fn dimensions(bytes: &[u8], path: &Path) -> Result<(u32, u32)> {
    header(bytes).map(|(_, size)| size).map_err(|reason| DataError::Photo { path: path.to_owned(), reason })
}

/// The memory that decoding a photo takes, according to its header, so that a caller who decodes several at once can
/// wait.
///
/// # Errors
/// As [`dimensions`].
#[cfg(feature = "make")]
pub(crate) fn decoding_bytes(bytes: &[u8], path: &Path) -> Result<u64> {
    let found = header(bytes).map(|(format, size)| {
        let beside = match format {
            Format::Jpeg => jpeg::bytes_beside(bytes, size),
            Format::Png => 0,
            Format::Webp => webp::bytes_beside(bytes, size),
        };
        rgb_bytes(size) + beside
    });
    found.map_err(|reason| DataError::Photo { path: path.to_owned(), reason })
}

fn header(bytes: &[u8]) -> Result<(Format, (u32, u32)), String> {
    let format = Format::of(bytes)?;
    let size = guarded(|| match format {
        Format::Jpeg => jpeg::dimensions(bytes),
        Format::Png => png::dimensions(bytes),
        Format::Webp => webp::dimensions(bytes),
    })?;
    Ok((format, size))
}

/// The format of a photo's file, by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
}

impl Format {
    /// The format that the first bytes tell, never the name: ImageNet has a PNG called `.JPEG`.
    ///
    /// # Errors
    /// When the file is not a photo; the text says what it is instead.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(&[0xFF, 0xD8]) {
            return Ok(Self::Jpeg);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Ok(Self::Png);
        }
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Ok(Self::Webp);
        }
        if bytes.is_empty() {
            return Err("the file is empty".into());
        }
        if let Some((_, name)) = OTHER_FORMATS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Err(format!("a {name} file; expected a JPEG, PNG or WebP"));
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            return Err("a HEIC, AVIF or video file; expected a JPEG, PNG or WebP".into());
        }
        if bytes.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
            return Err("the file holds text; expected a JPEG, PNG or WebP".into());
        }
        if bytes.iter().all(|&byte| byte == 0) {
            return Err("the file holds zeros only; expected a JPEG, PNG or WebP".into());
        }
        let first: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Err(format!("expected a JPEG, PNG or WebP, found a file that begins with {}", first.join(" ")))
    }

    /// The extension that other programs expect, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

/// What people often have where a photo should be.
const OTHER_FORMATS: [(&[u8], &str); 8] = [
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\x01\0", "Windows icon"),
    (b"%PDF", "PDF"),
    (b"\x1F\x8B", "gzip"),
    (b"PK\x03\x04", "zip"),
];

/// A codec that panics on a hostile file gives an error: for the caller, the file is at fault.
fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    caught(decode).unwrap_or_else(|_| Err("the decoder failed on it; the file is damaged".into()))
}

fn rgb_bytes((width_px, height_px): (u32, u32)) -> u64 {
    u64::from(width_px) * u64::from(height_px) * 3
}

/// Refuses photos that take too much memory: `beside` is what the codec needs besides the pixels, because it is `why`.
fn check_memory((width_px, height_px): (u32, u32), beside: u64, why: &str) -> Result<(), String> {
    let needed = rgb_bytes((width_px, height_px)) + beside;
    if needed <= LARGEST_DECODING_BYTES {
        return Ok(());
    }
    let (needed, most) = (needed.div_ceil(1_000_000), LARGEST_DECODING_BYTES / 1_000_000);
    Err(format!("{width_px}×{height_px} px of {why} take {needed} MB to decode; the limit is {most} MB"))
}

/// Refuses sizes that are empty or too large, before any memory is allocated. `capacity_px` is the largest number of
/// pixels that a file of this length can hold.
fn check_size(width_px: u64, height_px: u64, capacity_px: u64) -> Result<(u32, u32), String> {
    if width_px == 0 || height_px == 0 {
        return Err(format!("the header says {width_px}×{height_px} px"));
    }
    let area_px = width_px.saturating_mul(height_px);
    if area_px > LARGEST_PHOTO_PX {
        return Err(format!("the header says {width_px}×{height_px} px; the limit is {LARGEST_PHOTO_PX} pixels"));
    }
    if area_px > capacity_px {
        return Err(format!("the header says {width_px}×{height_px} px; so few bytes cannot hold them"));
    }
    let side = |px: u64| u32::try_from(px).expect("a side is at most the product, which fits");
    Ok((side(width_px), side(height_px)))
}
