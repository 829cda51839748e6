//! Where the bytes of a file go that somebody names: a link stays a link, and a device, a pipe or a terminal is written
//! to. Only a file, or nothing, is replaced.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::FileError;

/// How many links are followed, as on Linux.
const MOST_LINKS: usize = 40;

/// Where bytes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A file's place, at the end of all links: what is there is replaced when the new one is complete.
    Replaced(PathBuf),
    /// What is written to as it is.
    WrittenTo(PathBuf),
}

impl Destination {
    /// What a path leads to.
    ///
    /// # Errors
    /// When it is a folder, or its links lead nowhere.
    pub(crate) fn of(path: &Path) -> Result<Self, FileError> {
        let refused = |kind: ErrorKind| FileError::io("write", path)(kind.into());
        let mut place = path.to_owned();
        for _ in 0..MOST_LINKS {
            let known = match std::fs::symlink_metadata(&place) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::Replaced(place)),
                known => known.map_err(FileError::io("write", path))?.file_type(),
            };
            if known.is_dir() {
                return Err(refused(ErrorKind::IsADirectory));
            }
            if known.is_file() {
                return Ok(Self::Replaced(place));
            }
            // `/dev/stdout` is a link whose end has no name of its own.
            if !known.is_symlink() || is_of_the_system(&place) {
                return Ok(Self::WrittenTo(place));
            }
            let end = std::fs::read_link(&place).map_err(FileError::io("read", &place))?;
            place = match place.parent() {
                Some(folder) => folder.join(end),
                None => end,
            };
        }
        let (expected, found) = ("a path to a file", format!("more than {MOST_LINKS} links, one after the other"));
        Err(FileError::malformed(path, expected, found, "name a file, or remove the link"))
    }

    /// Whether what is written to as it is can be opened. A pipe is left alone: its reader would take our closing it for
    /// the end.
    pub(crate) fn check_special(place: &Path) -> Result<(), FileError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            if std::fs::metadata(place).is_ok_and(|metadata| metadata.file_type().is_fifo()) {
                return Ok(());
            }
        }
        Self::open(place).map(drop)
    }

    /// Opens what is written to as it is.
    pub(crate) fn open(place: &Path) -> Result<File, FileError> {
        let mut options = File::options();
        options.append(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
            let known = std::fs::metadata(place).map_err(FileError::io("write", place))?.file_type();
            // Without a reader a pipe would be waited for without end; with one, opening it again does not wait.
            if known.is_fifo() {
                let mut asked = options.clone();
                asked.custom_flags(crate::input::NONBLOCK);
                let _reader_is_there = asked.open(place).map_err(|error| {
                    let found = format!("a pipe that nobody reads ({error})");
                    FileError::malformed(place, "a file", found, "start its reader first")
                })?;
                return options.open(place).map_err(FileError::io("write", place));
            }
        }
        options.open(place).map_err(FileError::io("write", place))
    }
}

/// Whether a path is among those that the system makes up.
fn is_of_the_system(place: &Path) -> bool {
    let folder = place.parent().and_then(|folder| folder.canonicalize().ok());
    folder.is_some_and(|folder| folder.starts_with("/dev") || folder.starts_with("/proc"))
}
