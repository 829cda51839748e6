//! What can go wrong with any file, and the trait by which every error of the house says what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// An error that knows what the user can do about it.
pub trait Hint {
    /// What to do, in one line; `None` where the message says all there is to say.
    fn hint(&self) -> Option<String>;
}

/// What went wrong with a file or folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
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
    /// Another process is at work in the folder.
    #[error("{}: another process is working here{}", path.display(), holder.as_ref().map(|holder| format!(" ({holder})")).unwrap_or_default())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who, as far as it is known: `train, process 4711, for 12 min`.
        holder: Option<String>,
    },
}

impl FileError {
    /// Wraps an I/O error with what was tried and where: `.map_err(FileError::io("read", path))`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// A file that does not hold what its format promises.
    pub fn malformed(
        path: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Malformed { path: path.to_owned(), expected: expected.into(), found: found.into(), hint: hint.into() }
    }
}

impl Hint for FileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Some("free some disk space, then run the same command again".into()),
                io::ErrorKind::PermissionDenied => Some("check who may read and write there".into()),
                _ => None,
            },
            Self::Malformed { hint, .. } => (!hint.is_empty()).then(|| hint.clone()),
            Self::InUse { .. } => Some("wait for it to end, or stop it with Ctrl-C; or choose another folder".into()),
        }
    }
}
