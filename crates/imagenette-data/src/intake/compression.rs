//! What an archive is, by its first bytes, and the readers that unpack compressed tars. All of them are Rust: nothing
//! has to be installed for them.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

/// The most memory that unpacking takes: `xz -9` takes 65 MiB, `zstd --ultra` 128 MiB.
const MOST_MEMORY_BYTES: u64 = 160 << 20;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A tar, as it is.
    Tar,
    /// A tar in gzip.
    Gzip,
    /// A tar in bzip2.
    Bzip2,
    /// A tar in xz.
    Xz,
    /// A tar in zstd.
    Zstd,
    /// A zip.
    Zip,
    /// An archive that is not read: its name.
    Foreign(&'static str),
    /// Something else.
    Unknown,
}

/// The first bytes of archives that are not read here.
const FOREIGN: [(&[u8], &str); 8] = [
    (b"Rar!\x1A\x07", "a RAR archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"\x04\x22\x4D\x18", "an lz4 file"),
    (b"LZIP", "an lzip file"),
    (b"\x5D\x00\x00", "an lzma file"),
    (b"\x1F\x9D", "a file of `compress`"),
    (b"MSCF", "a cabinet file"),
    (b"xar!", "a xar archive"),
];

impl Kind {
    /// What the first 512 bytes of a file say, or all of a shorter one.
    pub(crate) fn of(begin: &[u8]) -> Self {
        if begin.get(257..262) == Some(b"ustar") {
            return Self::Tar;
        }
        if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| begin.starts_with(magic)) {
            return Self::Foreign(name);
        }
        match begin {
            [0x1F, 0x8B, ..] => Self::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Self::Zstd,
            // Skippable frames, with which parallel compressors begin.
            [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Self::Zstd,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            // The oldest tars have no mark: a name that ends within its field.
            _ if begin.len() >= 512 && begin[..100].contains(&0) => Self::Tar,
            _ => Self::Unknown,
        }
    }

    /// In words, where it is not read in some place: `a zip archive`.
    #[cfg(feature = "make")]
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Bzip2 => Some("a bzip2 file"),
            Self::Xz => Some("an xz file"),
            Self::Zstd => Some("a zstd file"),
            Self::Zip => Some("a zip archive"),
            Self::Foreign(name) => Some(name),
            Self::Tar | Self::Gzip | Self::Unknown => None,
        }
    }

    /// The bytes of the tar in a file of this kind; `None` where it holds none.
    pub(crate) fn unpacked<'a>(self, packed: &'a mut dyn BufRead) -> Option<Box<dyn Read + 'a>> {
        Some(match self {
            Self::Tar => Box::new(packed),
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(packed)),
            Self::Xz => Box::new(XzReader::new_mem_limit(packed, true, (MOST_MEMORY_BYTES >> 10) as u32)),
            Self::Zstd => Box::new(ZstdReader::new(packed)),
            Self::Zip | Self::Foreign(_) | Self::Unknown => return None,
        })
    }
}

/// The extensions of archives that are read, longest first.
const EXTENSIONS: [&str; 11] =
    [".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz", ".tbz2", ".tbz", ".txz", ".tzst", ".tar", ".zip"];

/// A file's name without the extension of an archive.
pub(crate) fn without_extension(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    let extension = EXTENSIONS.into_iter().find(|extension| lower.ends_with(extension));
    &name[..name.len() - extension.map_or(0, str::len)]
}

/// All frames of a zstd file, one after another: the library reads one.
struct ZstdReader<'a> {
    source: &'a mut dyn BufRead,
    decoder: FrameDecoder,
    is_in_frame: bool,
}

impl<'a> ZstdReader<'a> {
    fn new(source: &'a mut dyn BufRead) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MOST_MEMORY_BYTES);
        Self { source, decoder, is_in_frame: false }
    }

    /// Begins the next frame; false at the end of the file.
    fn begin_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.source).take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl Read for ZstdReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use ruzstd::decoding::BlockDecodingStrategy::UptoBlocks;
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_in_frame {
                if !self.begin_frame()? {
                    return Ok(0);
                }
                self.is_in_frame = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder.decode_blocks(&mut self.source, UptoBlocks(1)).map_err(io::Error::other)?;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            let sums = self.decoder.get_checksum_from_data().zip(self.decoder.get_calculated_checksum());
            if sums.is_some_and(|(written, computed)| written != computed) {
                return Err(io::Error::other("a frame with another checksum"));
            }
            self.is_in_frame = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_extension_of_an_archive() {
        for (name, stem) in
            [("a.tar.xz", "a"), ("A.ZIP", "A"), ("a.b.tgz", "a.b"), ("photos", "photos"), ("a.rar", "a.rar")]
        {
            assert_eq!(without_extension(name), stem, "{name}");
        }
    }

    #[test]
    fn frames_of_zstd_follow_each_other_and_skippable_ones_are_skipped() {
        // Raw blocks: header of a frame without window and checksum, then `abc`.
        let frame: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD, 0x20, 3, 0x19, 0, 0, b'a', b'b', b'c'];
        let skipped: &[u8] = &[0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9];
        let file = [skipped, frame, skipped, frame].concat();
        assert_eq!(Kind::of(&file), Kind::Zstd);
        let mut text = String::new();
        Kind::Zstd.unpacked(&mut &file[..]).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcabc");
        for end in 1..file.len() {
            let read = Kind::Zstd.unpacked(&mut &file[..end]).unwrap().read_to_end(&mut Vec::new());
            let is_between_frames =
                [skipped.len(), skipped.len() + frame.len(), file.len() - frame.len()].contains(&end);
            assert_eq!(read.is_ok(), is_between_frames, "{end}");
        }
    }
}
