//! What can go wrong with any file, and the trait with which every error of the house says what to do about it.

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
    /// Another process is working there.
    #[error("{}: another process is working here{}", path.display(), in_brackets(holder))]
    InUse {
        /// The folder or file.
        path: PathBuf,
        /// Which process, as far as known: `train, process 4711, for 12 min`.
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

fn in_brackets(holder: &Option<String>) -> String {
    holder.as_ref().map(|holder| format!(" ({holder})")).unwrap_or_default()
}

impl Hint for FileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, path, action } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    Some("free some disk space, then run the same command again".into())
                }
                io::ErrorKind::PermissionDenied if ["read", "open", "list"].contains(action) => {
                    Some("you may not read it: ask its owner, or see `ls -l`".into())
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Some("choose a folder that you may write to".into())
                }
                io::ErrorKind::NotADirectory => {
                    Some("there is a file where a folder should be; choose another path".into())
                }
                io::ErrorKind::NotFound => Some(match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                    Some(parent) if !parent.is_dir() => {
                        format!("there is no folder {}; check the path", parent.display())
                    }
                    _ => "check the path; a relative one begins at the current folder".into(),
                }),
                io::ErrorKind::WouldBlock if action.contains("thread") => Some(
                    "the system gives no more threads: raise `ulimit -u`, or ask for fewer with `--threads`".into(),
                ),
                io::ErrorKind::IsADirectory => Some("name a file; this is a folder".into()),
                io::ErrorKind::InvalidFilename => Some("choose a shorter name, of 255 bytes at most".into()),
                // The system's number, since the standard library has no name for it yet.
                _ if cfg!(target_os = "linux") && source.raw_os_error() == Some(40) => {
                    Some("a link there leads back to itself: remove it, or name the file".into())
                }
                _ => None,
            },
            Self::Malformed { hint, .. } => (!hint.is_empty()).then(|| hint.clone()),
            Self::InUse { .. } => Some("wait for it to end, or stop it with Ctrl-C; or choose another folder".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_does_not_exist_gets_a_hint_that_says_where_it_ends() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let hint = |path: PathBuf| {
            let error = std::fs::read(&path).map_err(FileError::io("read", &path)).expect_err("there is nothing");
            error.hint().expect("a hint")
        };
        assert!(hint(folder.path().join("no.jpg")).starts_with("check the path"));
        let missing = hint(folder.path().join("nowhere").join("no.jpg"));
        assert!(missing.contains("there is no folder") && missing.contains("nowhere;"), "{missing}");
        #[cfg(unix)]
        assert!(hint(folder.path().to_owned()).contains("is a folder"));
    }

    #[test]
    fn an_error_without_a_hint_says_none() {
        assert_eq!(FileError::malformed(Path::new("a"), "more", "less", "").hint(), None);
        assert!(FileError::malformed(Path::new("a"), "more", "less", "add some").hint().is_some());
    }
}
