//! Files that are complete or absent: written under a temporary name in the same folder, synced, then renamed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::FileError;

/// How the names of unfinished files begin. Such a file was left by a process that was killed, or is still being
/// written.
pub const UNFINISHED: &str = ".writing-";

/// Writes a file through a temporary one in the same folder. When `content` fails, nothing is left behind.
///
/// # Errors
/// What `content` returns, or what the system says to creating, syncing and renaming.
pub fn write<E: From<FileError>>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        // The default of 0600 would lock other users out of a shared folder; the umask still applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder).map_err(FileError::io("create a file in", folder))?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file());
    content(&mut out)?;
    out.flush().map_err(FileError::io("write", path))?;
    drop(out);
    file.as_file().sync_all().map_err(FileError::io("write", path))?;
    file.persist(path).map_err(|error| FileError::io("rename", path)(error.error))?;
    Ok(())
}

/// Writes these bytes as a file: complete or absent.
///
/// # Errors
/// What the system says to creating, writing, syncing and renaming.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write(path, |out| out.write_all(bytes).map_err(FileError::io("write", path)))
}

/// Removes the unfinished files that a killed process left in a folder. Call it only under the folder's lock.
///
/// # Errors
/// When the folder cannot be read, or one of the files cannot be removed.
pub fn remove_unfinished(folder: &Path) -> Result<(), FileError> {
    for entry in std::fs::read_dir(folder).map_err(FileError::io("read", folder))?.flatten() {
        if is_unfinished(&entry.file_name()) {
            std::fs::remove_file(entry.path()).map_err(FileError::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// Whether a file name is that of an unfinished file.
pub fn is_unfinished(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(UNFINISHED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_complete_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_bytes(&path, b"first").unwrap();
        let failed: Result<(), FileError> = write(&path, |out| {
            out.write_all(b"half").map_err(FileError::io("write", &path))?;
            Err(FileError::malformed(&path, "more", "less", ""))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn unfinished_files_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".writing-abc", "kept", ".kept"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        remove_unfinished(folder.path()).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
        left.sort();
        assert_eq!(left, [".kept", "kept"]);
    }
}
