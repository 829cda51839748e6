//! The format of the packed file: a manifest determines where everything is, so many threads can write it at once, and
//! it can be checked when it is opened.
//!
//! All numbers are little-endian. Preamble of 96 bytes: magic (8), version u32, number of photos u32, manifest
//! identity (32), offset of the pixels u64, length of the file u64, sha256 of the rest of the header (32). Index: for
//! each photo, offset u64, width u32, height u32, bits of remarks u32, CRC-32 of its pixels u32. Zeros up to a page. The
//! pixels of one photo after another. Trailer (8). Version 1 had zero in the checksums' place; it is not read.

use imagenette_files::hash::hex;
use sha2::{Digest, Sha256};

use crate::manifest::Manifest;

const MAGIC: [u8; 8] = *b"IMGNPACK";
const VERSION: u32 = 2;
/// The last bytes of the file.
pub(super) const TRAILER: [u8; 8] = *b"PACKDONE";
/// The length of the part before the index.
pub(super) const PREAMBLE_BYTES: usize = 96;
const CHECKSUM: std::ops::Range<usize> = 64..96;
const PLACE_BYTES: usize = 24;
const PAGE_BYTES: u64 = 4096;

/// Where a photo is, and the remarks on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    pub(super) remarks: u32,
    /// CRC-32 of the pixels.
    pub(super) checksum: u32,
}

impl Place {
    pub(super) fn bytes(&self) -> u64 {
        (u64::from(self.width_px) * u64::from(self.height_px)).saturating_mul(3)
    }
}

/// Where everything is, which follows from the manifest.
#[derive(Debug)]
pub(super) struct Layout {
    identity: String,
    pub(super) places: Vec<Place>,
    pixels_offset: u64,
    pub(super) total_bytes: u64,
}

impl Layout {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let header_bytes = PREAMBLE_BYTES as u64 + manifest.images.len() as u64 * PLACE_BYTES as u64;
        let pixels_offset = header_bytes.next_multiple_of(PAGE_BYTES);
        let mut offset = pixels_offset;
        let mut places = Vec::with_capacity(manifest.images.len());
        for image in &manifest.images {
            let place = Place { offset, width_px: image.width_px, height_px: image.height_px, remarks: 0, checksum: 0 };
            // A manifest with impossible sizes gives a length for which no disk has space, and an error that says so.
            offset = offset.saturating_add(place.bytes());
            places.push(place);
        }
        let total_bytes = offset.saturating_add(TRAILER.len() as u64);
        Self { identity: manifest.identity(), places, pixels_offset, total_bytes }
    }

    pub(super) fn index_bytes(&self) -> u64 {
        self.places.len() as u64 * PLACE_BYTES as u64
    }

    pub(super) fn trailer_offset(&self) -> u64 {
        self.total_bytes - TRAILER.len() as u64
    }

    /// The header with what was found of each photo: its remarks and the checksum of its pixels.
    pub(super) fn encode(&self, found: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PREAMBLE_BYTES + self.places.len() * PLACE_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((self.places.len() as u32).to_le_bytes());
        bytes.extend(unhex(&self.identity));
        bytes.extend(self.pixels_offset.to_le_bytes());
        bytes.extend(self.total_bytes.to_le_bytes());
        bytes.extend([0; 32]);
        for (place, (remarks, checksum)) in self.places.iter().zip(found) {
            bytes.extend(place.offset.to_le_bytes());
            for number in [place.width_px, place.height_px, *remarks, *checksum] {
                bytes.extend(number.to_le_bytes());
            }
        }
        let sum = checksum(&bytes);
        bytes[CHECKSUM].copy_from_slice(&sum);
        bytes
    }
}

/// What a packed file says about itself.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) places: Vec<Place>,
}

impl Header {
    /// Reads a header and compares it with the manifest's. An error is (expected, found).
    pub(super) fn decode(bytes: &[u8], layout: &Layout) -> Result<Self, (String, String)> {
        let expected = |expected: String, found: String| Err((expected, found));
        if bytes.len() < 12 || bytes[..8] != MAGIC {
            return expected(
                "a packed dataset".into(),
                format!("a file that begins with {}", hex(&bytes[..bytes.len().min(8)])),
            );
        }
        // The version is read first: in a later one, the rest may mean anything.
        let version = u32_at(bytes, 8);
        if version != VERSION {
            return expected(format!("packed format version {VERSION}"), format!("version {version}"));
        }
        let header_bytes = PREAMBLE_BYTES + layout.places.len() * PLACE_BYTES;
        if bytes.len() < PREAMBLE_BYTES {
            return expected(format!("a header of {header_bytes} bytes"), format!("{} bytes", bytes.len()));
        }
        let identity = hex(&bytes[16..48]);
        if identity != layout.identity {
            return expected(format!("the pixels of dataset {}", layout.identity), format!("those of {identity}"));
        }
        if bytes.len() < header_bytes {
            return expected(format!("a header of {header_bytes} bytes"), format!("{} bytes", bytes.len()));
        }
        if checksum(&bytes[..header_bytes]) != bytes[CHECKSUM] {
            return expected("a header that matches its checksum".into(), "a damaged one".into());
        }
        let places: Vec<Place> = bytes[PREAMBLE_BYTES..header_bytes]
            .chunks_exact(PLACE_BYTES)
            .map(|bytes| Place {
                offset: u64::from(u32_at(bytes, 0)) | u64::from(u32_at(bytes, 4)) << 32,
                width_px: u32_at(bytes, 8),
                height_px: u32_at(bytes, 12),
                remarks: u32_at(bytes, 16),
                checksum: u32_at(bytes, 20),
            })
            .collect();
        // The identity covers names and hashes, not the sizes that a manifest states: photos must be where they are
        // looked for.
        let moved = places.iter().zip(&layout.places).position(|(place, planned)| {
            (place.offset, place.width_px, place.height_px) != (planned.offset, planned.width_px, planned.height_px)
        });
        match moved {
            Some(sample) => expected(
                format!("photo {sample} of {}×{} px", layout.places[sample].width_px, layout.places[sample].height_px),
                format!("{}×{} px at another place", places[sample].width_px, places[sample].height_px),
            ),
            None => Ok(Self { places }),
        }
    }
}

/// sha256 of a header, except for the place of the checksum itself.
fn checksum(header: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(&header[..CHECKSUM.start]);
    digest.update(&header[CHECKSUM.end..]);
    digest.finalize().into()
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes were cut"))
}

fn unhex(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(pair).expect("an identity is hexadecimal");
        *byte = u8::from_str_radix(digits, 16).expect("an identity is hexadecimal");
    }
    bytes
}
