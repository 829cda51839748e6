//! Everything that can be wrong with the data, each with where it happened and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use imagenette_files::{FileError, Hint};

use crate::store::Store;

/// The result of every fallible function of this crate.
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// What went wrong with the data. The message says what, where, expected and found; [`Hint::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder that cannot be read or written, does not hold what its format promises, or is in use.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something that was named does not exist.
    #[error("{what} not found: {}", path.display())]
    Missing {
        /// What it should have been: `dataset`, `archive`.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What the user can do.
        hint: String,
    },
    /// A value that makes no sense.
    #[error("{key}: expected {expected}, found {found}")]
    Setting {
        /// The setting's name.
        key: String,
        /// The accepted values.
        expected: String,
        /// The value given.
        found: String,
        /// What the user can do.
        hint: String,
    },
    /// A photo that could not be turned into pixels.
    #[error("{}: not a readable photo: {reason}", path.display())]
    Photo {
        /// The photo.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A member of an archive that is refused: a link, a path that leaves the folder, a bomb.
    #[error("{}: member `{member}` refused: {reason}", archive.display())]
    Member {
        /// The archive.
        archive: PathBuf,
        /// The member's path as the archive has it.
        member: String,
        /// Why it is refused.
        reason: String,
    },
    /// A download that did not arrive.
    #[error("failed to download {url}: {reason}")]
    Download {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// A file with other bytes than it should have.
    #[error("{}: checksum differs: expected {expected}, found {found}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The known hash (or hashes, joined by ` or `).
        expected: String,
        /// The file's hash.
        found: String,
    },
    /// An augmentation from elsewhere that panicked.
    #[error("augmentation `{name}`, sample {sample} in epoch {}: {what}", epoch + 1)]
    Augmentation {
        /// The name that recipes give it.
        name: String,
        /// The epoch, from 0.
        epoch: u32,
        /// The sample, by its number in the manifest.
        sample: u32,
        /// What it said.
        what: String,
    },
    /// The caller asked to stop (Ctrl-C).
    #[error("interrupted; what was finished is kept")]
    Interrupted,
}

impl DataError {
    /// Wraps an I/O error with what was tried and where: `.map_err(DataError::io("read", path))`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let wrap = FileError::io(action, path);
        |error| wrap(error).into()
    }

    /// A file that does not hold what its format promises, or a folder that is not what it should be.
    pub fn malformed(
        path: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        FileError::malformed(path, expected, found, hint).into()
    }

    /// Whether this is about a file that does not hold what its format promises.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::File(FileError::Malformed { .. }))
    }
}

impl Hint for DataError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => store_hint(error).map(str::to_owned).or_else(|| error.hint()),
            Self::Missing { hint, .. } | Self::Setting { hint, .. } => Some(hint.clone()),
            Self::Photo { .. } => {
                Some("replace or remove the photo, or fetch the dataset again with `imagenette get`".into())
            }
            Self::Member { .. } => Some("nothing was unpacked; use an archive from a source that you trust".into()),
            Self::Download { .. } => Some(
                "run the same command again to resume, or download the file by other means and use \
                 `imagenette get --from FILE`"
                    .into(),
            ),
            Self::Checksum { .. } => {
                Some("the file is damaged or a different one; delete it and run the same command again".into())
            }
            Self::Augmentation { .. } => Some("mend its `change`: it must work on squares of every size".into()),
            Self::Interrupted => Some("run the same command again to continue".into()),
        }
    }
}

/// What to do about a disk that is full or cannot be written to, where the store can be moved.
fn store_hint(error: &FileError) -> Option<&'static str> {
    let FileError::Io { source, action, path } = error else { return None };
    let is_in_store = || Store::open_default().is_ok_and(|store| path.starts_with(store.root()));
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some(match is_in_store() {
                true => {
                    "free some disk space, or set IMAGENETTE_HOME to a folder on another disk; then run the same command again"
                }
                false => {
                    "free some disk space, or name a folder on another disk with --out where there is one; then run the \
                 same command again"
                }
            })
        }
        io::ErrorKind::PermissionDenied if ["read", "open", "list"].contains(action) => None,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("choose a folder that you may write to: with --out where there is one, or set IMAGENETTE_HOME")
        }
        _ => None,
    }
}
