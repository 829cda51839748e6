//! A folder that is complete or absent: one process at a time fills it under a hidden name, then renames it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use imagenette_files::hash::hex;
use imagenette_files::lock::FolderLock;
use sha2::{Digest, Sha256};

use crate::error::{DataError, Result};
use crate::folders::{create_folder, remove_folder};

/// A folder that is being filled. Dropped before [`Output::finish`], it is removed.
pub(super) struct Output {
    place: PathBuf,
    hidden: PathBuf,
    is_finished: bool,
    /// Beside the folder, so that it is held until the folder has its name.
    _lock: FolderLock,
}

impl Output {
    /// Makes the hidden folder; what a killed process left is removed.
    pub(super) fn begin(place: &Path) -> Result<Self> {
        check_absent(place)?;
        let absolute = std::path::absolute(place).map_err(DataError::io("find", place))?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(occupied(place));
        };
        create_folder(parent)?;
        let lock = FolderLock::acquire_beside(&absolute, "export")?;
        // The holder before may have finished meanwhile.
        check_absent(place)?;
        let hidden = parent.join(format!(".exporting-{}", name.to_string_lossy()));
        let output = Self { place: absolute, hidden, is_finished: false, _lock: lock };
        remove_folder(&output.hidden)?;
        fs::create_dir(&output.hidden).map_err(DataError::io("create", &output.hidden))?;
        Ok(output)
    }

    /// The path of something in the folder.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.hidden.join(relative)
    }

    /// A new file in the folder, which counts and hashes what is written to it.
    pub(super) fn file(&self, relative: &str) -> Result<HashedFile> {
        let path = self.path(relative);
        let file = File::create_new(&path).map_err(DataError::io("create", &path))?;
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok(HashedFile { path, out, bytes: 0, digest: Sha256::new() })
    }

    /// Gives the folder its name.
    pub(super) fn finish(mut self) -> Result<()> {
        check_absent(&self.place)?;
        fs::rename(&self.hidden, &self.place).map_err(DataError::io("rename", &self.hidden))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_finished {
            // The first error is the one that counts; the next export removes what could not be removed now.
            let _ = fs::remove_dir_all(&self.hidden);
        }
    }
}

/// Checks that there is nothing at the place, or an empty folder, which may be replaced.
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
        "no such folder, or an empty one",
        "something else",
        "choose another folder, or remove this one first",
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

    /// Writes what is left and syncs it; returns length and sha256.
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
