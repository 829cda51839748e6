//! The bytes of a file, as the JPEG decoder reads them. The decoder's own cursor calls `memcpy` with a length that is
//! only known at run time; the inner loop reads four bytes at a time. In all else this one behaves like that one.

use zune_jpeg::zune_core::bytestream::{ZByteIoError, ZByteReaderTrait, ZSeekFrom};

/// The bytes of a file, and the position of reading.
pub(super) struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl ZByteReaderTrait for Bytes<'_> {
    #[inline(always)]
    fn read_byte_no_error(&mut self) -> u8 {
        let Some(&byte) = self.bytes.get(self.at) else { return 0 };
        self.at += 1;
        byte
    }

    #[inline(always)]
    fn read_exact_bytes(&mut self, buffer: &mut [u8]) -> Result<(), ZByteIoError> {
        self.peek_exact_bytes(buffer)?;
        self.at += buffer.len();
        Ok(())
    }

    #[inline(always)]
    fn read_bytes(&mut self, buffer: &mut [u8]) -> Result<usize, ZByteIoError> {
        let read = self.peek_bytes(buffer)?;
        self.at += read;
        Ok(read)
    }

    #[inline(always)]
    fn peek_bytes(&mut self, buffer: &mut [u8]) -> Result<usize, ZByteIoError> {
        let read = buffer.len().min(self.rest().len());
        buffer[..read].copy_from_slice(&self.rest()[..read]);
        Ok(read)
    }

    #[inline(always)]
    fn peek_exact_bytes(&mut self, buffer: &mut [u8]) -> Result<(), ZByteIoError> {
        let rest = self.rest();
        let Some(next) = rest.get(..buffer.len()) else {
            buffer[..rest.len()].copy_from_slice(rest);
            return Err(ZByteIoError::NotEnoughBytes(rest.len(), buffer.len()));
        };
        buffer.copy_from_slice(next);
        Ok(())
    }

    #[inline(always)]
    fn z_seek(&mut self, from: ZSeekFrom) -> Result<u64, ZByteIoError> {
        let at = match from {
            ZSeekFrom::Start(at) => usize::try_from(at).ok(),
            ZSeekFrom::End(offset) => {
                isize::try_from(offset).ok().and_then(|by| self.bytes.len().checked_add_signed(by))
            }
            ZSeekFrom::Current(offset) => isize::try_from(offset).ok().and_then(|by| self.at.checked_add_signed(by)),
        };
        self.at = at.ok_or(ZByteIoError::SeekError("before the first byte"))?;
        Ok(self.at as u64)
    }

    #[inline(always)]
    fn is_eof(&mut self) -> Result<bool, ZByteIoError> {
        Ok(self.at >= self.bytes.len())
    }

    #[inline(always)]
    fn z_position(&mut self) -> Result<u64, ZByteIoError> {
        Ok(self.at as u64)
    }

    fn read_remaining(&mut self, sink: &mut Vec<u8>) -> Result<usize, ZByteIoError> {
        let rest = self.rest();
        sink.extend_from_slice(rest);
        self.at += rest.len();
        Ok(rest.len())
    }
}

#[cfg(test)]
mod tests {
    use zune_jpeg::zune_core::bytestream::ZCursor;

    use super::*;

    #[test]
    fn reading_is_the_same_as_with_the_decoders_own_cursor() {
        let file: Vec<u8> = (0..40).collect();
        let (mut ours, mut theirs) = (Bytes::new(&file), ZCursor::new(&file[..]));
        let mut state = 7_u32;
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (what, length) = (state >> 28, (state >> 20 & 7) as usize);
            let (mut a, mut b) = ([0; 8], [0; 8]);
            let offset = (state >> 8 & 63) as i64;
            match what {
                0..=3 => assert_eq!(ours.read_byte_no_error(), theirs.read_byte_no_error()),
                4..=6 => assert_eq!(
                    ours.read_exact_bytes(&mut a[..length]).is_ok(),
                    theirs.read_exact_bytes(&mut b[..length]).is_ok()
                ),
                7 => assert_eq!(
                    ours.peek_exact_bytes(&mut a[..length]).is_ok(),
                    theirs.peek_exact_bytes(&mut b[..length]).is_ok()
                ),
                8 => assert_eq!(ours.read_bytes(&mut a[..length]).ok(), theirs.read_bytes(&mut b[..length]).ok()),
                9 => assert_eq!(ours.peek_bytes(&mut a[..length]).ok(), theirs.peek_bytes(&mut b[..length]).ok()),
                10..=12 => {
                    let from = |what| match what {
                        10 => ZSeekFrom::Start(offset as u64),
                        11 => ZSeekFrom::End(offset - 60),
                        _ => ZSeekFrom::Current(offset - 50),
                    };
                    assert_eq!(ours.z_seek(from(what)).ok(), theirs.z_seek(from(what)).ok());
                }
                13 => {
                    let (mut rest, mut others) = (Vec::new(), Vec::new());
                    assert_eq!(ours.read_remaining(&mut rest).ok(), theirs.read_remaining(&mut others).ok());
                    assert_eq!(rest, others);
                }
                _ => assert_eq!(ours.is_eof().ok(), theirs.is_eof().ok()),
            }
            assert_eq!((a, ours.z_position().ok()), (b, theirs.z_position().ok()));
        }
    }
}
