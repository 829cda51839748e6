//! A folder that is complete or absent: filled under a hidden name beside its place by one process at a time, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use imagenette_files::FileError;
use imagenette_files::hash::hex;
use sha2::{Digest, Sha256};

use crate::error::{DataError, Result};

/// The lock inside the hidden folder; the system frees it when the process ends, however it ends.
const LOCK_FILE: &str = ".lock";

/// A folder that is being filled. Dropped before [`Output::finish`], it is removed.
pub(super) struct Output {
    place: PathBuf,
    hidden: PathBuf,
    lock: Option<File>,
}

impl Output {
    /// Makes the hidden folder. What a killed process left in it is removed.
    pub(super) fn begin(place: &Path) -> Result<Self> {
        check_absent(place)?;
        let absolute = std::path::absolute(place).map_err(DataError::io("find", place))?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(occupied(place));
        };
        fs::create_dir_all(parent).map_err(DataError::io("create", parent))?;
        let hidden = parent.join(format!(".exporting-{}", name.to_string_lossy()));
        fs::create_dir_all(&hidden).map_err(DataError::io("create", &hidden))?;
        let lock = hidden.join(LOCK_FILE);
        let file = File::options().create(true).write(true).truncate(false).open(&lock);
        let file = file.map_err(DataError::io("create", &lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(FileError::InUse { path: absolute, holder: None }.into()),
            // Without locks renaming still keeps the folder whole.
            Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(fs::TryLockError::Error(error)) => return Err(DataError::io("lock", &lock)(error)),
        }
        let output = Self { place: absolute, hidden, lock: Some(file) };
        for entry in fs::read_dir(&output.hidden).map_err(DataError::io("list", &output.hidden))? {
            let path = entry.map_err(DataError::io("list", &output.hidden))?.path();
            if path != lock {
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(DataError::io("remove", &path))?;
            }
        }
        // Whoever held the lock before has perhaps finished meanwhile.
        check_absent(place)?;
        Ok(output)
    }

    /// A path in the folder.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.hidden.join(relative)
    }

    /// A file in the folder, which counts and hashes what is written to it.
    pub(super) fn file(&self, relative: &str) -> Result<HashedFile> {
        let path = self.path(relative);
        let file = File::create_new(&path).map_err(DataError::io("create", &path))?;
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok(HashedFile { path, out, bytes: 0, digest: Sha256::new() })
    }

    /// Brings the folder to its place.
    pub(super) fn finish(mut self) -> Result<()> {
        let lock = self.path(LOCK_FILE);
        fs::remove_file(&lock).map_err(DataError::io("remove", &lock))?;
        check_absent(&self.place)?;
        fs::rename(&self.hidden, &self.place).map_err(DataError::io("rename", &self.hidden))?;
        self.lock = None;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // After finishing there is nothing at the hidden place that would be ours to remove.
        if self.lock.is_some() {
            let _ = fs::remove_dir_all(&self.hidden);
        }
    }
}

/// An empty folder may be replaced, anything else not.
fn check_absent(place: &Path) -> Result<()> {
    let is_absent = match fs::read_dir(place) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(mut entries) => entries.next().is_none(),
    };
    if is_absent { Ok(()) } else { Err(occupied(place)) }
}

fn occupied(place: &Path) -> DataError {
    DataError::malformed(
        place,
        "a place for a new folder",
        "something that is there already",
        "name another folder, or remove this one first",
    )
}

/// A file that knows its length and hash.
pub(super) struct HashedFile {
    path: PathBuf,
    out: BufWriter<File>,
    bytes: u64,
    digest: Sha256,
}

impl HashedFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is left and brings it to the disk; length and sha256.
    pub(super) fn finish(mut self) -> Result<(u64, String)> {
        let path = self.path;
        self.out.flush().map_err(DataError::io("write", &path))?;
        self.out.get_ref().sync_all().map_err(DataError::io("write", &path))?;
        Ok((self.bytes, hex(&self.digest.finalize())))
    }
}

impl Write for HashedFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.digest.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
