//! What lies between the members of a tar: a member's name may be as long as its archive says, and is kept in memory
//! while it is read. So the bytes of headers are limited, before they are kept.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// The most bytes of all headers of one member. Names are of some hundred bytes, and other programs add a few lines.
pub(crate) const HEADER_BYTES: u64 = 1 << 20;

/// Limits what is read to find the next member of a tar.
#[derive(Debug)]
pub(crate) struct HeaderGuard {
    /// The bytes that may still be read.
    left: Rc<Cell<u64>>,
}

impl Default for HeaderGuard {
    fn default() -> Self {
        Self { left: Rc::new(Cell::new(u64::MAX)) }
    }
}

impl HeaderGuard {
    /// A reader of the tar that obeys the limit.
    pub(crate) fn watch<R>(&self, reader: R) -> Watched<R> {
        Watched { reader, left: self.left.clone() }
    }

    /// The next member. What is unread of the one before counts as its headers, unless the reader can seek.
    pub(crate) fn next<'a, R: Read>(
        &self,
        entries: &mut tar::Entries<'a, Watched<R>>,
    ) -> Option<io::Result<tar::Entry<'a, Watched<R>>>> {
        self.left.set(HEADER_BYTES);
        let entry = entries.next();
        self.left.set(u64::MAX);
        entry
    }
}

/// A reader whose headers are limited.
#[derive(Debug)]
pub(crate) struct Watched<R> {
    reader: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            let reason = format!("the headers of one member have more than {HEADER_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.reader.read(&mut buffer[..most])?;
        if left != u64::MAX {
            self.left.set(left - read as u64);
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tar with one member whose name is in an extended header of this type.
    fn with_name(kind: tar::EntryType, name: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(name.len() as u64);
        header.set_cksum();
        builder.append(&header, name).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_path("short").unwrap();
        header.set_size(3);
        header.set_cksum();
        builder.append(&header, &b"abc"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    fn names(tar: &[u8]) -> io::Result<Vec<usize>> {
        let guard = HeaderGuard::default();
        let mut archive = tar::Archive::new(guard.watch(tar));
        let mut entries = archive.entries()?;
        let mut names = Vec::new();
        while let Some(entry) = guard.next(&mut entries) {
            let mut entry = entry?;
            names.push(entry.path_bytes().len());
            io::copy(&mut entry, &mut io::sink())?;
        }
        Ok(names)
    }

    #[test]
    fn names_of_a_few_kilobytes_are_read_and_those_of_megabytes_refused() {
        assert_eq!(names(&with_name(tar::EntryType::GNULongName, &[b'x'; 5_000])).unwrap(), [5_000]);
        for kind in [tar::EntryType::GNULongName, tar::EntryType::GNULongLink, tar::EntryType::XHeader] {
            let error = names(&with_name(kind, &vec![b'x'; 3 << 20])).unwrap_err();
            assert!(error.to_string().contains("headers of one member have more than 1048576 bytes"), "{error}");
        }
        // Content may be as long as it is.
        assert_eq!(names(&with_name(tar::EntryType::Regular, &vec![0; 3 << 20])).unwrap(), [0, 5]);
    }
}
