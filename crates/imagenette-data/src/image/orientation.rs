//! The orientation that a camera noted in a photo's EXIF: how to turn and mirror the stored pixels to see the photo
//! upright. It is found without decoding, in JPEG (APP1), PNG (`eXIf`) and WebP (`EXIF`).

use serde::{Deserialize, Serialize};

use super::{Format, Pixels, jpeg};

/// How stored pixels must be turned: EXIF's numbers 2 to 8. 1, which is upright, is `None` wherever this is optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Orientation(u8);

impl TryFrom<u8> for Orientation {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if (2..=8).contains(&number) {
            return Ok(Self(number));
        }
        Err(format!("expected an EXIF orientation from 2 to 8, found {number}"))
    }
}

impl From<Orientation> for u8 {
    fn from(orientation: Orientation) -> Self {
        orientation.0
    }
}

impl std::fmt::Display for Orientation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Orientation {
    /// The orientation noted in a file; `None` where it is upright, where nothing is noted, or what is noted makes no
    /// sense.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let exif = match Format::of(bytes).ok()? {
            Format::Jpeg => jpeg::exif(bytes),
            Format::Png => png_exif(bytes),
            Format::Webp => webp_exif(bytes),
        };
        // Some programs write the marker of JPEG in the other formats too.
        let exif = exif?;
        noted(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
    }

    /// Whether the turned photo is as wide as the stored one is high.
    pub fn swaps_sides(self) -> bool {
        self.0 >= 5
    }

    /// Width and height of the turned photo.
    pub fn turned((width_px, height_px): (u32, u32), orientation: Option<Self>) -> (u32, u32) {
        if orientation.is_some_and(Self::swaps_sides) { (height_px, width_px) } else { (width_px, height_px) }
    }

    /// Turns stored pixels upright.
    ///
    /// # Panics
    /// When `pixels.rgb` is not as long as its sides say.
    pub fn turn(self, pixels: &mut Pixels) {
        let (width, height) = (pixels.width_px as usize, pixels.height_px as usize);
        let (wide, high) = if self.swaps_sides() { (height, width) } else { (width, height) };
        let mut turned = Vec::with_capacity(pixels.rgb.len());
        for y in 0..high {
            for x in 0..wide {
                // Where the pixel that is seen here is stored.
                let (column, row) = match self.0 {
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    _ => (width - 1 - y, x),
                };
                let at = (row * width + column) * 3;
                turned.extend_from_slice(&pixels.rgb[at..at + 3]);
            }
        }
        *pixels = Pixels { width_px: wide as u32, height_px: high as u32, rgb: turned };
    }
}

/// The content of the first chunk with EXIF, wherever it is in the file.
fn png_exif(bytes: &[u8]) -> Option<&[u8]> {
    const SIGNATURE_BYTES: usize = 8;
    const CHECKSUM_BYTES: usize = 4;
    let mut at = SIGNATURE_BYTES;
    loop {
        let header: [u8; 8] = bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let content = at + 8;
        let end = content.checked_add(length)?;
        match &header[4..] {
            b"eXIf" => return bytes.get(content..end),
            b"IEND" => return None,
            _ => at = end.checked_add(CHECKSUM_BYTES)?,
        }
    }
}

/// The content of the chunk with EXIF, which comes after the picture in an extended file.
fn webp_exif(bytes: &[u8]) -> Option<&[u8]> {
    const FILE_HEADER_BYTES: usize = 12;
    if bytes.get(12..16) != Some(b"VP8X") {
        return None;
    }
    let mut at = FILE_HEADER_BYTES;
    loop {
        let header: [u8; 8] = bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let content = at + 8;
        if &header[..4] == b"EXIF" {
            return bytes.get(content..content.checked_add(length)?);
        }
        at = content.checked_add(length)?.checked_add(length % 2)?;
    }
}

/// The orientation in a TIFF structure, which is what EXIF is.
fn noted(exif: &[u8]) -> Option<Orientation> {
    const ORIENTATION_TAG: u16 = 0x0112;
    const ENTRY_BYTES: usize = 12;
    let little = match exif.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let pair = exif.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let (first, second) = (u16_at(4)?, u16_at(6)?);
    let (high, low) = if little { (second, first) } else { (first, second) };
    let directory = usize::from(high) << 16 | usize::from(low);
    let entries = usize::from(u16_at(directory)?);
    let entry = (0..entries)
        .map(|number| directory + 2 + number * ENTRY_BYTES)
        .find(|&entry| u16_at(entry) == Some(ORIENTATION_TAG))?;
    u8::try_from(u16_at(entry + 8)?).ok()?.try_into().ok()
}
