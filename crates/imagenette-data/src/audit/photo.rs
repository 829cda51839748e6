//! A file goes in, what an audit keeps of it comes out: hashes, size and remarks, or why it is not a photo.

use std::path::Path;

use imagenette_files::hash::hex;
use imagenette_files::input;
use sha2::{Digest, Sha256};

use super::perceptual::{Hasher, PerceptualHash};
use crate::error::DataError;
use crate::image::{Format, Orientation, Pixels, Remark, decode_turned};

/// 128 bits of a sha256: enough to tell a billion photos apart, in half the memory.
pub(super) type Fingerprint = [u8; 16];

/// What is kept of a photo.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) format: Format,
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    pub(super) bytes: u64,
    pub(super) remarks: Vec<Remark>,
    /// Of the file.
    pub(super) file: Fingerprint,
    /// Of the decoded pixels with their width.
    pub(super) pixels: Fingerprint,
    /// `None` for a photo with one color.
    pub(super) perceptual: Option<PerceptualHash>,
    /// Whether the file is not the one that the manifest lists.
    pub(super) is_changed: bool,
}

/// How a photo is turned before anything is learned of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// As the dataset's manifest says.
    As(Option<Orientation>),
    /// As its EXIF says: so it will be when it is installed.
    Noted,
}

/// Reads files. It keeps its memory, so each thread has its own.
#[derive(Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    pixels: Pixels,
    hasher: Hasher,
}

impl Reader {
    /// The facts about a file, or the reason why there are none.
    pub(super) fn facts(&mut self, path: &Path, turn: Turn, expected_sha256: Option<&str>) -> Result<Facts, String> {
        self.read(path)?;
        let sha256 = Sha256::digest(&self.bytes);
        let remarks = decode(&self.bytes, path, turn, &mut self.pixels)?;
        let mut pixels = Sha256::new();
        pixels.update(self.pixels.width_px.to_le_bytes());
        pixels.update(&self.pixels.rgb);
        Ok(Facts {
            format: Format::of(&self.bytes)?,
            width_px: self.pixels.width_px,
            height_px: self.pixels.height_px,
            bytes: self.bytes.len() as u64,
            remarks,
            file: fingerprint(&sha256),
            pixels: fingerprint(&pixels.finalize()),
            perceptual: self.hasher.hash(&self.pixels),
            is_changed: expected_sha256.is_some_and(|expected| expected != hex(&sha256)),
        })
    }

    /// The pixels of a photo, read once more.
    pub(super) fn pixels(&mut self, path: &Path, turn: Turn) -> Result<&Pixels, String> {
        self.read(path)?;
        decode(&self.bytes, path, turn, &mut self.pixels)?;
        Ok(&self.pixels)
    }

    /// The picture by which a photo is compared with others.
    pub(super) fn proof(&mut self, path: &Path, turn: Turn) -> Result<super::perceptual::Proof, String> {
        self.pixels(path, turn)?;
        Ok(self.hasher.proof(&self.pixels))
    }

    fn read(&mut self, path: &Path) -> Result<(), String> {
        input::read_into(path, input::PHOTO_BYTES, &mut self.bytes).map_err(|error| error.to_string())
    }
}

fn decode(bytes: &[u8], path: &Path, turn: Turn, pixels: &mut Pixels) -> Result<Vec<Remark>, String> {
    let orientation = match turn {
        Turn::As(orientation) => orientation,
        Turn::Noted => Orientation::of(bytes),
    };
    decode_turned(bytes, path, orientation, pixels).map_err(|error| match error {
        DataError::Photo { reason, .. } => reason,
        other => other.to_string(),
    })
}

fn fingerprint(sha256: &[u8]) -> Fingerprint {
    sha256[..16].try_into().expect("a sha256 has 32 bytes")
}
