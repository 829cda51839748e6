//! A tar goes in, perhaps with tars inside it, and its photos come out in one pass: what is not wanted is skipped by
//! seeking, or by reading where the tar is compressed.
//!
//! Nothing in a tar is trusted: no member is ever written under its own path, links and devices are refused, and a
//! member that claims more bytes than are left ends its tar.

use std::io::{self, BufRead, BufReader, Read};

use tar::EntryType;

use super::address::{self, Named};
pub use super::bytes::ReadAt;
use super::bytes::{Counted, Region, Unpacked};
use super::{Content, Visitor};
use crate::error::Result;
use crate::file_name::printable;
use crate::tar_headers::HeaderGuard;

/// How deep tars may be nested: the copy, its splits, their classes.
const DEEPEST: usize = 3;
/// The most bytes of one photo: ImageNet's largest has 15 MB.
pub(crate) const LARGEST_BYTES: u64 = 64 << 20;

/// How the reading of a tar ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarEnd {
    /// At its end mark.
    Whole,
    /// Before its end mark, for this reason.
    Broken(String),
}

/// Shows a tar's photos to the visitor. `name` is the path of the tar, with which the paths of its members begin.
///
/// # Errors
/// What the visitor returns; damage to this tar is part of the result, since the caller knows whether to continue.
pub fn read(source: &dyn ReadAt, length: u64, name: &str, visitor: &mut dyn Visitor) -> Result<TarEnd> {
    region(source, 0, length, name, 1, visitor)
}

fn region(
    source: &dyn ReadAt,
    start: u64,
    length: u64,
    name: &str,
    depth: usize,
    visitor: &mut dyn Visitor,
) -> Result<TarEnd> {
    let guard = HeaderGuard::default();
    let mut archive = tar::Archive::new(guard.watch(Region::new(source, start, length)));
    let mut entries = match archive.entries_with_seek() {
        Ok(entries) => entries,
        Err(error) => return Ok(broken("", &error)),
    };
    let (mut end, mut last) = (0, String::new());
    while let Some(entry) = guard.next(&mut entries) {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Ok(broken(&last, &error)),
        };
        let (at, size) = (entry.raw_file_position(), entry.size());
        visitor.passed(name, at.saturating_sub(end))?;
        end = at.saturating_add(size).checked_next_multiple_of(512).unwrap_or(u64::MAX);
        let claims_too_much = at.saturating_add(size) > length;
        // A tar that is read inside this one reports its own progress.
        let mut reported = false;
        match check(&entry, name, depth, visitor)? {
            Checked::Skip => {}
            Checked::Photo(..) if claims_too_much => {}
            Checked::Archive(path) => {
                reported = true;
                let left = size.min(length.saturating_sub(at));
                let ended = if is_gzip(source, start + at) {
                    stream(&mut entry, &path, depth + 1, visitor)?
                } else {
                    region(source, start + at, left, &path, depth + 1, visitor)?
                };
                if let TarEnd::Broken(reason) = ended {
                    visitor.trouble(&printable(&path), &reason)?;
                }
            }
            Checked::Photo(address, path) => {
                let mut bytes = Vec::with_capacity(size as usize);
                if let Err(error) = entry.read_to_end(&mut bytes) {
                    return Ok(broken(&path, &error));
                }
                visitor.photo(address, &path, Content::Bytes(bytes))?;
            }
        }
        last = printable(&String::from_utf8_lossy(&entry.path_bytes()));
        if claims_too_much {
            return Ok(TarEnd::Broken(format!(
                "`{last}` claims {size} bytes, and {} are left",
                length.saturating_sub(at)
            )));
        }
        visitor.passed(name, if reported { 0 } else { end - at })?;
    }
    let mut mark = [1; 512];
    let read = source.read_at(&mut mark, start + end).unwrap_or(0);
    if end + 512 > length || read < 512 || mark != [0; 512] {
        return Ok(TarEnd::Broken(format!("it ends after `{last}` without its end mark: it is cut off")));
    }
    visitor.passed(name, length.saturating_sub(end))?;
    Ok(TarEnd::Whole)
}

/// Shows the photos of a compressed tar, which can only be read from its beginning to its end.
///
/// # Errors
/// As [`read`].
pub fn read_gzip(source: &mut dyn Read, name: &str, visitor: &mut dyn Visitor) -> Result<TarEnd> {
    stream(source, name, 1, visitor)
}

fn stream(source: &mut dyn Read, name: &str, depth: usize, visitor: &mut dyn Visitor) -> Result<TarEnd> {
    let mut packed = BufReader::with_capacity(1 << 17, Counted::new(source));
    let is_gzip = match packed.fill_buf() {
        Ok(first) => first.starts_with(&[0x1F, 0x8B]),
        Err(error) => return Ok(broken("", &error)),
    };
    if !is_gzip {
        return entries(&mut packed, name, depth, visitor);
    }
    let mut unpacked = Unpacked::new(packed);
    let ended = entries(&mut unpacked, name, depth, visitor)?;
    // Reading to the end checks the checksum of the gzip stream.
    Ok(match (ended, io::copy(&mut unpacked, &mut io::sink())) {
        (TarEnd::Whole, Err(error)) => broken("", &error),
        (ended, _) => ended,
    })
}

fn entries(source: &mut dyn Read, name: &str, depth: usize, visitor: &mut dyn Visitor) -> Result<TarEnd> {
    let mut source = Counted::new(source);
    let (mut end, mut last) = (0_u64, String::new());
    {
        let guard = HeaderGuard::default();
        let mut archive = tar::Archive::new(guard.watch(&mut source));
        let mut entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return Ok(broken("", &error)),
        };
        while let Some(entry) = guard.next(&mut entries) {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Ok(broken(&last, &error)),
            };
            let size = entry.size();
            end = entry.raw_file_position().saturating_add(size).checked_next_multiple_of(512).unwrap_or(u64::MAX);
            visitor.passed(name, 0)?;
            match check(&entry, name, depth, visitor)? {
                Checked::Skip => {}
                Checked::Archive(path) => {
                    if let TarEnd::Broken(reason) = stream(&mut entry, &path, depth + 1, visitor)? {
                        visitor.trouble(&printable(&path), &reason)?;
                    }
                }
                Checked::Photo(address, path) => {
                    let mut bytes = Vec::new();
                    match entry.read_to_end(&mut bytes) {
                        Ok(n) if n as u64 == size => visitor.photo(address, &path, Content::Bytes(bytes))?,
                        Ok(n) => {
                            return Ok(TarEnd::Broken(format!("`{path}` claims {size} bytes, and {n} are left")));
                        }
                        Err(error) => return Ok(broken(&path, &error)),
                    }
                }
            }
            last = printable(&String::from_utf8_lossy(&entry.path_bytes()));
            // What nobody wants is read here: what is read before the next member are headers alone.
            if let Err(error) = io::copy(&mut entry, &mut io::sink()) {
                return Ok(broken(&last, &error));
            }
        }
    }
    // The last member may end in zeros too, so the block after it is what counts.
    if source.bytes < end.saturating_add(512) {
        return Ok(TarEnd::Broken(format!("it ends after `{last}` without its end mark: it is cut off")));
    }
    Ok(TarEnd::Whole)
}

/// What to do with a member.
enum Checked {
    Skip,
    Archive(String),
    Photo(address::Address, String),
}

/// Checks a member by its header alone: what is not wanted is never read.
fn check<R: Read>(entry: &tar::Entry<'_, R>, name: &str, depth: usize, visitor: &mut dyn Visitor) -> Result<Checked> {
    let kind = entry.header().entry_type();
    if matches!(kind, EntryType::Directory | EntryType::XGlobalHeader) {
        return Ok(Checked::Skip);
    }
    let bytes = entry.path_bytes();
    let Ok(path) = std::str::from_utf8(&bytes) else {
        let shown = printable(&format!("{name}/{}", String::from_utf8_lossy(&bytes)));
        visitor.trouble(&shown, "a name that is not UTF-8")?;
        return Ok(Checked::Skip);
    };
    let shown = printable(&format!("{name}/{path}"));
    let refused = match kind {
        EntryType::Regular | EntryType::Continuous => None,
        EntryType::Symlink | EntryType::Link => Some("a link; only files are read".to_owned()),
        other => Some(format!("neither a file nor a folder ({other:?})")),
    };
    let named = if path.starts_with('/') { address::read(path) } else { address::read(&format!("{name}/{path}")) };
    let refused = refused.or_else(|| named.as_ref().err().cloned());
    if let Some(reason) = refused {
        visitor.trouble(&shown, &reason)?;
        return Ok(Checked::Skip);
    }
    match named {
        Ok(Named::Archive) => {
            if address::class_of_container(path).is_some_and(|wnid| !visitor.wants_class(wnid)) {
                return Ok(Checked::Skip);
            }
            if depth >= DEEPEST {
                visitor.trouble(&shown, &format!("an archive nested in more than {} archives", DEEPEST - 1))?;
                return Ok(Checked::Skip);
            }
            Ok(Checked::Archive(format!("{name}/{path}")))
        }
        Ok(Named::Photo(mut address)) => {
            if !visitor.wants(&mut address, &shown)? {
                return Ok(Checked::Skip);
            }
            if entry.size() > LARGEST_BYTES {
                visitor.trouble(&shown, &format!("{} bytes; the limit is {LARGEST_BYTES}", entry.size()))?;
                return Ok(Checked::Skip);
            }
            Ok(Checked::Photo(address, shown))
        }
        _ => {
            visitor.other();
            Ok(Checked::Skip)
        }
    }
}

fn is_gzip(source: &dyn ReadAt, at: u64) -> bool {
    let mut magic = [0; 2];
    matches!(source.read_at(&mut magic, at), Ok(2)) && magic == [0x1F, 0x8B]
}

fn broken(last: &str, error: &io::Error) -> TarEnd {
    let after = if last.is_empty() { String::new() } else { format!(" after `{last}`") };
    let what = if error.kind() == io::ErrorKind::UnexpectedEof { "it is cut off" } else { "it is damaged" };
    TarEnd::Broken(format!("{what}{after} ({error})"))
}
