//! The bytes of a tar: read at any offset, in a region with its own position, counted, or unpacked up to a limit.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::MultiGzDecoder;

/// The most unpacked bytes for each packed byte, once 64 MiB are unpacked: photos barely compress, zip bombs reach
/// 1,000.
pub(crate) const LARGEST_RATIO: u64 = 50;

/// Bytes that can be read at any offset: a file, or memory.
pub trait ReadAt {
    /// Reads some bytes at an offset; 0 at the end.
    ///
    /// # Errors
    /// When the system refuses to read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for &[u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let n = buffer.len().min(self.len() - from);
        buffer[..n].copy_from_slice(&self[from..from + n]);
        Ok(n)
    }
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, offset)
    }
}

/// A region of a source with its own position, so that a tar inside a tar needs neither a copy nor the outer reader.
pub(super) struct Region<'a> {
    source: &'a dyn ReadAt,
    start: u64,
    length: u64,
    at: u64,
}

impl<'a> Region<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, start: u64, length: u64) -> Self {
        Self { source, start, length, at: 0 }
    }
}

impl Read for Region<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        loop {
            match self.source.read_at(&mut buffer[..most], self.start + self.at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(n) => {
                    self.at += n as u64;
                    return Ok(n);
                }
            }
        }
    }
}

impl Seek for Region<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        match target {
            // A truncated tar must not look as if it ended here.
            Some(at) if at <= self.length.next_multiple_of(512) => {
                self.at = at;
                Ok(at)
            }
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A reader that counts its bytes: for the ratio, and to know where a tar ends.
pub(super) struct Counted<'a> {
    reader: &'a mut dyn Read,
    pub(super) bytes: u64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(reader: &'a mut dyn Read) -> Self {
        Self { reader, bytes: 0 }
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.bytes += n as u64;
        Ok(n)
    }
}

/// A reader of the unpacked bytes, which refuses when they are far more than photos could take.
pub(super) struct Unpacked<'a> {
    decoder: MultiGzDecoder<BufReader<Counted<'a>>>,
    bytes: u64,
}

impl<'a> Unpacked<'a> {
    pub(super) fn new(packed: BufReader<Counted<'a>>) -> Self {
        Self { decoder: MultiGzDecoder::new(packed), bytes: 0 }
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buffer)?;
        self.bytes += n as u64;
        let packed = self.decoder.get_ref().get_ref().bytes;
        if self.bytes > (64 << 20) && self.bytes / LARGEST_RATIO > packed {
            return Err(io::Error::other(format!("it unpacks to more than {LARGEST_RATIO} times its size")));
        }
        Ok(n)
    }
}
