//! The part of a file that has arrived: bytes on disk, their running hashes, and a note of what they belong to.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use imagenette_files::atomic;
use imagenette_files::hash::hex;
use imagenette_files::input;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{DataError, Result};
use crate::folders::remove_file;
use crate::watch::{Unit, Watch};

/// The file that the bytes belong to, as the server described it. Kept as JSON in a second file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) total_bytes: Option<u64>,
}

/// `<file>.partial` and `<file>.partial.json`.
pub(super) struct Partial {
    pub(super) path: PathBuf,
    note_path: PathBuf,
    file: File,
    pub(super) note: Option<Note>,
    pub(super) bytes: u64,
    sha256: Sha256,
    md5: Md5,
}

impl Partial {
    /// Opens what an earlier process left and hashes it again, or begins an empty file.
    pub(super) fn open(target: &Path, url: &str, watch: &dyn Watch) -> Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = target.with_file_name(&name);
        name.push(".json");
        let note_path = target.with_file_name(name);
        let mut file =
            File::options().create(true).read(true).append(true).open(&path).map_err(DataError::io("create", &path))?;
        let bytes = file.metadata().map_err(DataError::io("read", &path))?.len();
        let note =
            input::read(&note_path, input::TEXT_BYTES).ok().and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        // Bytes without a note, or from another address, could be anything.
        let note = note.filter(|note| note.url == url && note.total_bytes.is_none_or(|total| bytes <= total));
        let mut hashes = Hashes::default();
        let usable = note.is_some();
        if usable && bytes > 0 {
            hashes.read(&mut file, bytes, &path, watch)?;
        }
        let Hashes { sha256, md5 } = hashes;
        let mut partial = Self { path, note_path, file, note, bytes, sha256, md5 };
        if !usable {
            partial.restart()?;
        }
        Ok(partial)
    }

    /// Forgets everything and begins again.
    pub(super) fn restart(&mut self) -> Result<()> {
        if self.bytes > 0 {
            self.file.set_len(0).map_err(DataError::io("write", &self.path))?;
        }
        (self.bytes, self.sha256, self.md5, self.note) = (0, Sha256::new(), Md5::new(), None);
        Ok(())
    }

    /// Notes which file the next bytes belong to.
    pub(super) fn describe(&mut self, note: Note) -> Result<()> {
        let text = serde_json::to_vec(&note).expect("strings and numbers always serialize");
        atomic::write_bytes(&self.note_path, &text)?;
        self.note = Some(note);
        Ok(())
    }

    /// Adds bytes that have arrived.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(DataError::io("write", &self.path))?;
        self.sha256.update(bytes);
        self.md5.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// sha256 and md5 of what is here so far.
    pub(super) fn hashes(&self) -> (String, String) {
        (hex(&self.sha256.clone().finalize()), hex(&self.md5.clone().finalize()))
    }

    /// Gives the file its name.
    pub(super) fn finish(self, target: &Path) -> Result<()> {
        self.file.sync_all().map_err(DataError::io("write", &self.path))?;
        fs::rename(&self.path, target).map_err(DataError::io("rename", &self.path))?;
        remove_file(&self.note_path)
    }
}

/// The running hashes of a file.
#[derive(Default)]
pub(super) struct Hashes {
    sha256: Sha256,
    md5: Md5,
}

impl Hashes {
    /// Hashes the next `bytes` bytes of a file.
    fn read(&mut self, file: &mut File, bytes: u64, path: &Path, watch: &dyn Watch) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        watch.begin(&format!("checking {name}"), Some(bytes), Unit::Bytes);
        let mut buffer = vec![0; 1 << 18];
        let mut rest = file.take(bytes);
        loop {
            if watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            match rest.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    self.sha256.update(&buffer[..n]);
                    self.md5.update(&buffer[..n]);
                    watch.advance(n as u64);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(DataError::io("read", path)(error)),
            }
        }
    }

    /// Length, sha256 and md5 of a whole file.
    pub(super) fn of(path: &Path, watch: &dyn Watch) -> Result<(u64, String, String)> {
        let (mut file, bytes) = input::open(path, u64::MAX)?;
        let mut hashes = Self::default();
        hashes.read(&mut file, bytes, path, watch)?;
        Ok((bytes, hex(&hashes.sha256.finalize()), hex(&hashes.md5.finalize())))
    }
}
