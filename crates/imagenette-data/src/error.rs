//! Everything that can be wrong with the data, each with where it happened and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The result of every fallible function of this crate.
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// What went wrong with the data. The message says what, where, expected and found; [`DataError::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused to read or write.
    #[error("failed to {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `create`, `rename`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A file exists but does not hold what its format promises.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Malformed {
        /// The file or folder.
        path: PathBuf,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
        /// What the user can do.
        hint: String,
    },
    /// Something that was named is not there.
    #[error("{what} not found: {}", path.display())]
    Missing {
        /// What it should have been: `dataset`, `archive`.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// What the user can do.
        hint: String,
    },
    /// A value that the caller chose makes no sense.
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
    /// An archive's member that is refused: a link, a path that leaves the folder, a bomb.
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
    /// The bytes that arrived are not the bytes that were announced.
    #[error("{}: checksum differs: expected {expected}, found {found}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The known hash (or hashes, joined by ` or `).
        expected: String,
        /// The file's hash.
        found: String,
    },
    /// Another process is at work on the same dataset.
    #[error("{}: another process is working here", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The caller asked to stop (Ctrl-C).
    #[error("interrupted; what was finished is kept")]
    Interrupted,
}

impl DataError {
    /// Wraps an I/O error with what was tried and where: `.map_err(DataError::io("read", path))`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// What the user can do about it, in one line.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, path, action } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    Some("free some disk space, or set IMAGENETTE_HOME to a folder on another disk; then run the same command again".into())
                }
                io::ErrorKind::PermissionDenied if ["read", "open", "list"].contains(action) => {
                    Some("you may not read it: ask its owner, or see `ls -l`".into())
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Some("choose a folder that you may write to: with --out where there is one, else set IMAGENETTE_HOME".into())
                }
                io::ErrorKind::NotADirectory => Some("a file lies where a folder should be; choose another path".into()),
                io::ErrorKind::NotFound => Some(match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                    Some(parent) if !parent.is_dir() => format!("there is no folder {}; check the path", parent.display()),
                    _ => "check the path; a relative one begins at the current folder".into(),
                }),
                io::ErrorKind::IsADirectory => Some("name a file; this is a folder".into()),
                _ => None,
            },
            Self::Malformed { hint, .. } | Self::Missing { hint, .. } | Self::Setting { hint, .. } => Some(hint.clone()),
            Self::Photo { .. } => Some("replace or remove the photo, or fetch the dataset again with `imagenette get`".into()),
            Self::Member { .. } => Some("nothing was unpacked; use an archive from a source that you trust".into()),
            Self::Download { .. } => {
                Some("run the same command again to resume, or fetch the file by other means and use `imagenette get --from FILE`".into())
            }
            Self::Checksum { .. } => Some("the file is damaged or is another one; delete it and run the same command again".into()),
            Self::Locked { .. } => Some("wait for the other process to end, then run the same command again".into()),
            Self::Interrupted => Some("run the same command again to go on".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_there_gets_a_hint_that_says_where_it_ends() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let hint = |path: PathBuf| {
            let error = std::fs::read(&path).map_err(DataError::io("read", &path)).expect_err("there is nothing");
            error.hint().expect("a hint")
        };
        assert!(hint(folder.path().join("no.jpg")).starts_with("check the path"));
        let missing = hint(folder.path().join("nowhere").join("no.jpg"));
        assert!(missing.contains("there is no folder") && missing.contains("nowhere;"), "{missing}");
        #[cfg(unix)]
        assert!(hint(folder.path().to_owned()).contains("is a folder"));
    }
}
