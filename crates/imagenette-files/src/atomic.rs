//! Files and folders that are complete or absent: written under a temporary name in the same folder, then renamed.
//!
//! Whoever writes one holds its lock until it has its name. So what a process left that was killed is known by being
//! free, and the next one that writes in the same folder removes it, whatever else is at work there.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};

use crate::destination::Destination;
use crate::error::FileError;
use crate::lock::is_same_file;

/// How the names of unfinished files and folders begin. Such a one was left by a process that was killed, or is still
/// being written.
pub const UNFINISHED: &str = ".writing-";
/// How many letters and digits follow.
const RANDOM: usize = 6;

/// Writes a file through a temporary one in the same folder. When `content` fails, nothing is left behind; what killed
/// processes left in the folder is removed.
///
/// A link stays, and the file at its end is replaced; a device or a pipe is written to as it is.
///
/// # Errors
/// What `content` returns, or what the system says to creating, syncing and renaming.
pub fn write<E: From<FileError>>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    match Destination::of(path)? {
        Destination::Replaced(place) => {
            let folder = folder_of(&place);
            remove_abandoned(folder);
            let file = new_file(folder)?;
            fill(path, file.as_file(), content)?;
            file.as_file().sync_all().map_err(FileError::io("write", path))?;
            file.persist(place).map_err(|error| FileError::io("rename", path)(error.error))?;
            Ok(())
        }
        Destination::WrittenTo(place) => fill(path, &Destination::open(&place)?, content),
    }
}

fn fill<E: From<FileError>>(
    path: &Path,
    file: &File,
    content: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let mut out = BufWriter::with_capacity(1 << 20, file);
    content(&mut out)?;
    Ok(out.flush().map_err(FileError::io("write", path))?)
}

/// Whether a file can be written at this path: for who wants to know it before long work. Nothing stays there.
///
/// # Errors
/// As [`write()`].
pub fn check(path: &Path) -> Result<(), FileError> {
    match Destination::of(path)? {
        Destination::Replaced(place) => {
            let folder = folder_of(&place);
            if !std::fs::metadata(folder).map_err(FileError::io("write", path))?.is_dir() {
                return Err(FileError::io("write", path)(ErrorKind::NotADirectory.into()));
            }
            let refused = |error: std::io::Error| FileError::io("write", path)(error.kind().into());
            tempfile::tempfile_in(folder).map(drop).map_err(refused)
        }
        Destination::WrittenTo(place) => Destination::check_special(&place),
    }
}

fn folder_of(place: &Path) -> &Path {
    place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file with a temporary name, locked.
fn new_file(folder: &Path) -> Result<NamedTempFile, FileError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED).rand_bytes(RANDOM);
    #[cfg(unix)]
    {
        // The default of 0600 would lock other users out of a shared folder; the umask still applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    loop {
        let file = builder.tempfile_in(folder).map_err(FileError::io("create a file in", folder))?;
        // Another process may have looked between the making and the locking, and taken it for one that nobody writes.
        if is_taken(file.as_file(), file.path()) {
            return Ok(file);
        }
    }
}

/// Takes the lock of a new file or folder; whether it is still there then. Without locks on this file system others
/// cannot take it either, and leave it.
fn is_taken(file: &File, path: &Path) -> bool {
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && is_same_file(file, path)
}

/// A folder with a temporary name that is being filled. It is removed when this is dropped, and by the next process
/// that writes beside it if this one is killed.
#[derive(Debug)]
pub struct UnfinishedFolder {
    folder: TempDir,
    /// Holds the lock; none on systems whose folders cannot be opened.
    _lock: Option<File>,
}

impl UnfinishedFolder {
    /// Makes a folder in this one, and removes what killed processes left there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin(parent: &Path) -> Result<Self, FileError> {
        remove_abandoned(parent);
        loop {
            let folder = tempfile::Builder::new().prefix(UNFINISHED).rand_bytes(RANDOM).tempdir_in(parent);
            let folder = folder.map_err(FileError::io("create a folder in", parent))?;
            match File::open(folder.path()) {
                Ok(lock) if is_taken(&lock, folder.path()) => return Ok(Self { folder, _lock: Some(lock) }),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(_) => return Ok(Self { folder, _lock: None }),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn finish(self, path: &Path) -> Result<(), FileError> {
        std::fs::rename(self.folder.path(), path).map_err(FileError::io("rename", path))?;
        // It has another name now: there is nothing to remove.
        let _ = self.folder.keep();
        Ok(())
    }
}

/// Removes the unfinished files and folders of which nobody holds the lock. What cannot be removed stays: it is in
/// nobody's way.
pub fn remove_abandoned(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        // Nothing but what has exactly our names: the folder is a user's, and pipes must not be opened.
        if !is_our_name(&entry.file_name()) || !(kind.is_file() || kind.is_dir()) {
            continue;
        }
        let Ok(file) = File::options().read(true).write(kind.is_file()).open(&path) else { continue };
        if file.try_lock().is_ok() && is_same_file(&file, &path) {
            let _ = if kind.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        }
    }
}

fn is_our_name(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(UNFINISHED));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
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
    fn what_nobody_writes_any_more_is_removed_and_what_somebody_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let mut names: Vec<_> =
                std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
            names.sort();
            names
        };
        std::fs::write(folder.path().join(".writing-killed"), "half").unwrap();
        std::fs::create_dir(folder.path().join(".writing-folder")).unwrap();
        std::fs::write(folder.path().join(".writing-folder/inside"), "half").unwrap();
        // Names that are not quite ours.
        std::fs::write(folder.path().join(".writing-a-letter"), "to a friend").unwrap();
        std::fs::create_dir(folder.path().join(".writing")).unwrap();
        let others = [".writing", ".writing-a-letter"];
        assert_eq!(names().len(), 4);
        let file = new_file(folder.path()).unwrap();
        let unfinished = UnfinishedFolder::begin(folder.path()).unwrap();
        remove_abandoned(folder.path());
        assert_eq!(names().len(), 4, "{:?}", names());
        assert!(file.path().exists() && unfinished.path().exists());
        write_bytes(&folder.path().join("a"), b"whole").unwrap();
        unfinished.finish(&folder.path().join("b")).unwrap();
        drop(file);
        assert_eq!(names(), [others[0], others[1], "a", "b"]);
        drop(UnfinishedFolder::begin(folder.path()).unwrap());
        assert_eq!(names(), [others[0], others[1], "a", "b"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_is_at_its_end_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("below")).unwrap();
        for (link, end) in [("first", "second"), ("second", "below/file"), ("loop", "loop"), ("folder", "below")] {
            std::os::unix::fs::symlink(end, at(link)).unwrap();
        }
        for content in [b"made", b"over"] {
            write_bytes(&at("first"), content).unwrap();
            assert!(at("first").is_symlink() && at("second").is_symlink());
            assert_eq!(std::fs::read(at("below/file")).unwrap(), content);
        }
        check(&at("first")).unwrap();
        for refused in ["loop", "folder", "below", "no/such"] {
            assert!(write_bytes(&at(refused), b"").is_err() && check(&at(refused)).is_err(), "{refused}");
        }
        assert!(at("loop").is_symlink() && at("folder").is_symlink());
        assert_eq!(std::fs::read_dir(at("below")).unwrap().count(), 1, "no temporary file stays");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_or_a_pipe_is_written_to_and_never_replaced() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("/dev/null", at("null")).unwrap();
        check(&at("null")).unwrap();
        write_bytes(&at("null"), b"lost").unwrap();
        assert!(at("null").is_symlink() && std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        assert!(write_bytes(&at("pipe"), b"x").unwrap_err().to_string().contains("a pipe that nobody reads"));
        let reader = std::thread::spawn({
            let pipe = at("pipe");
            move || std::fs::read(pipe).unwrap()
        });
        while write_bytes(&at("pipe"), b"through").is_err() {
            std::thread::yield_now();
        }
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(std::fs::metadata(at("pipe")).unwrap().file_type().is_fifo());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
    }

    #[test]
    fn many_that_write_and_clean_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..6 {
                let folder = folder.path();
                scope.spawn(move || {
                    for round in 0..50 {
                        let path = folder.join(format!("{thread}"));
                        write_bytes(&path, format!("{round}").as_bytes()).unwrap();
                        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{round}"));
                        let unfinished = UnfinishedFolder::begin(folder).unwrap();
                        std::fs::write(unfinished.path().join("file"), "x").unwrap();
                        unfinished.finish(&folder.join(format!("{thread}-{round}"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6 + 6 * 50, "nothing half-written stays");
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
