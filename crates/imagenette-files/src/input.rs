//! Files that are read whole: their kind and size are known before a byte of them is read, so that a pipe that never
//! ends, a device, or a file of terabytes without content is an error at once, and never a wait or all memory.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::error::FileError;
use crate::memory;

/// The most bytes of a text that people write: a recipe, a spec, a list of photos' labels. ImageNet's has 2 MB.
pub const TEXT_BYTES: u64 = 64 << 20;
/// The most bytes of a table or an account with a line for each photo or step.
pub const TABLE_BYTES: u64 = 1 << 30;
/// The most bytes of a photo's file: ImageNet's largest has 15 MB.
pub const PHOTO_BYTES: u64 = 512 << 20;
/// The most bytes of tensors. What the machine's memory holds is less on most.
pub const TENSORS_BYTES: u64 = 1 << 40;

/// Opens a file for reading; gives it with its length in bytes.
///
/// # Errors
/// When it cannot be opened, is no file, or has more than `most_bytes`.
///
/// # Example
/// ```
/// use imagenette_files::{Hint, input};
///
/// let folder = tempfile::tempdir().unwrap();
/// let error = input::open(folder.path(), input::TEXT_BYTES).unwrap_err();
/// assert!(error.to_string().contains("expected a file, found a folder"));
/// assert!(error.hint().is_some());
/// ```
pub fn open(path: &Path, most_bytes: u64) -> Result<(File, u64), FileError> {
    // Asked before it is opened, since to open a device may do something; and after, since it may be another by then.
    check_kind(path, &std::fs::metadata(path).map_err(FileError::io("open", path))?)?;
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // To open a pipe waits for its other end otherwise.
        options.custom_flags(NONBLOCK);
    }
    let file = options.open(path).map_err(FileError::io("open", path))?;
    let metadata = file.metadata().map_err(FileError::io("read", path))?;
    check_kind(path, &metadata)?;
    check_length(path, metadata.len(), most_bytes)?;
    Ok((file, metadata.len()))
}

/// `O_NONBLOCK`, which has no effect on files.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const NONBLOCK: i32 = 0o4000;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) const NONBLOCK: i32 = 0x4;

/// Reads a file whole.
///
/// # Errors
/// As [`open`]; when it cannot be read, or does not fit into memory.
pub fn read(path: &Path, most_bytes: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    read_into(path, most_bytes, &mut bytes)?;
    Ok(bytes)
}

/// As [`read`], into memory that is used again: what was in it is lost.
///
/// # Errors
/// As [`read`].
pub fn read_into(path: &Path, most_bytes: u64, bytes: &mut Vec<u8>) -> Result<(), FileError> {
    bytes.clear();
    let (file, length) = open(path, most_bytes)?;
    let too_large = |_| {
        let found = format!("a file of {length} bytes");
        let hint = "read it on a machine with more memory, or take another copy of the file";
        FileError::malformed(path, "a file that fits into memory", found, hint)
    };
    memory::check("this file", length, "").map_err(too_large)?;
    bytes
        .try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX))
        .map_err(|_| too_large(memory::TooMuch::of(length)))?;
    // It may have grown since, and some systems say 0 of files that they make up.
    file.take(most_bytes.saturating_add(1)).read_to_end(bytes).map_err(FileError::io("read", path))?;
    check_length(path, bytes.len() as u64, most_bytes)
}

/// Reads a text whole.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, most_bytes: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, most_bytes)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        FileError::malformed(
            path,
            "a text in UTF-8",
            format!("other bytes at byte {at}"),
            "check that this is the right file",
        )
    })
}

fn check_length(path: &Path, length: u64, most_bytes: u64) -> Result<(), FileError> {
    if length <= most_bytes {
        return Ok(());
    }
    let (expected, found) = (format!("at most {most_bytes} bytes"), format!("{length} bytes"));
    Err(FileError::malformed(path, expected, found, "check that this is the right file"))
}

fn check_kind(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    if metadata.is_file() {
        return Ok(());
    }
    let (found, hint) = match metadata.is_dir() {
        true => ("a folder", "name a file"),
        false => (special(metadata), "write what it gives into a file first, and name that"),
    };
    Err(FileError::malformed(path, "a file", found, hint))
}

/// What something is that is neither a file nor a folder.
#[cfg(unix)]
fn special(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

#[cfg(not(unix))]
fn special(_: &Metadata) -> &'static str {
    "a device"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Hint;

    fn refused(path: &Path, most_bytes: u64) -> String {
        let error = read(path, most_bytes).expect_err("it is refused");
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_not_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"seven b").unwrap();
        assert_eq!(read(&path, 7).unwrap(), b"seven b");
        assert_eq!(read_text(&path, TEXT_BYTES).unwrap(), "seven b");
        assert!(refused(&path, 6).contains("expected at most 6 bytes, found 7 bytes"));
        assert!(refused(folder.path(), 6).contains("expected a file, found a folder"));
        assert!(refused(&folder.path().join("none"), 6).contains("failed to open"));
        std::fs::write(&path, b"ab\xFF").unwrap();
        assert!(read_text(&path, 7).unwrap_err().to_string().contains("other bytes at byte 2"));
    }

    #[test]
    fn a_file_of_terabytes_without_content_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("giant");
        let file = File::create(&path).unwrap();
        // Some file systems have no files as large.
        if file.set_len(1 << 42).is_ok() {
            assert!(refused(&path, TABLE_BYTES).contains("found 4398046511104 bytes"));
            assert!(refused(&path, u64::MAX).contains("that fits into memory"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn pipes_devices_and_links_that_lead_to_themselves_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(refused(&pipe, 9).contains("expected a file, found a pipe"));
        assert!(refused(Path::new("/dev/zero"), 9).contains("expected a file, found a device"));
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(refused(&socket, 9).contains("expected a file, found a socket"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert!(refused(&link, 9).contains("failed to open"));
    }
}
