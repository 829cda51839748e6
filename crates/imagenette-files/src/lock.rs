//! One process at a time fills a folder. What is locked is a file of its own that is never replaced; the system drops the
//! lock when its holder ends, however it ends, so that a dead process locks nobody out.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::FileError;

/// The lock's file name in the folder that is locked.
pub const LOCK_FILE: &str = ".lock";

/// Held while a process fills a folder; the folder is free again when this is dropped.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
    path: PathBuf,
}

impl FolderLock {
    /// Takes the lock of a folder that exists. `work` says what is done there, for whoever comes second: `train`.
    ///
    /// On a file system without locks the folder counts as free.
    ///
    /// # Errors
    /// [`FileError::InUse`] when another process has it; else when the lock's file cannot be made.
    pub fn acquire(folder: &Path, work: &str) -> Result<Self, FileError> {
        let path = folder.join(LOCK_FILE);
        loop {
            let mut options = File::options();
            let file = options.create(true).truncate(false).read(true).write(true).open(&path);
            let mut file = file.map_err(FileError::io("create", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(FileError::InUse { path: folder.to_owned(), holder: holder(&mut file) });
                }
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(FileError::io("lock", &path)(error)),
            }
            // The holder before may have removed the file between our opening and our locking it: then this lock is on a
            // file that nobody else will find.
            if !is_same_file(&file, &path) {
                continue;
            }
            // Who holds it is for messages alone; that it could not be written is no reason to stop.
            let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
            let _ = file.set_len(0);
            let _ = write!(file, "{work}\n{}\n{since}\n", std::process::id());
            return Ok(Self { file, path });
        }
    }

    /// Who holds a folder's lock now; `None` when it is free or nothing is known.
    pub fn holder(folder: &Path) -> Option<String> {
        let mut file = File::open(folder.join(LOCK_FILE)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&mut file).unwrap_or_else(|| "another process".into())),
            _ => None,
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Removed while it is held, so that whoever opens it next makes a new one; see `is_same_file`.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// What the holder wrote about itself: `train, process 4711, for 12 min`.
fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    // Another program's file of this name may hold anything.
    file.take(200).read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    let (work, process, since) = (lines.next()?, lines.next()?, lines.next()?.parse::<u64>().ok()?);
    let process: u32 = process.parse().ok()?;
    let work: String = work.chars().filter(|character| !character.is_control()).collect();
    let minutes = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs().saturating_sub(since) / 60;
    Some(format!("{work}, process {process}, for {minutes} min"))
}

#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same_file(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Hint;

    #[test]
    fn a_second_one_is_told_who_works_here_and_a_third_one_begins_when_the_first_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::acquire(folder.path(), "train").unwrap();
        let error = FolderLock::acquire(folder.path(), "train").unwrap_err();
        let expected = format!("(train, process {}, for 0 min)", std::process::id());
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(error.hint().is_some());
        assert!(FolderLock::holder(folder.path()).unwrap().contains("train"));
        drop(lock);
        assert_eq!(FolderLock::holder(folder.path()), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no lock stays");
        drop(FolderLock::acquire(folder.path(), "train").unwrap());
    }

    #[test]
    fn many_threads_are_never_in_the_folder_together() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, turns) = (std::sync::atomic::AtomicU32::new(0), std::sync::atomic::AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let Ok(lock) = FolderLock::acquire(folder.path(), "test") else { continue };
                        let others = inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        assert_eq!(others, 0);
                        turns.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(turns.into_inner() > 0);
    }

    #[test]
    fn a_lock_file_of_anything_else_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LOCK_FILE), "\u{1b}[31mrubbish").unwrap();
        let lock = FolderLock::acquire(folder.path(), "x").unwrap();
        drop(lock);
    }
}
