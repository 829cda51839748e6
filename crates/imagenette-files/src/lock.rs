//! One process at a time fills a folder. What is locked is a file of its own that is never replaced; the system
//! releases the lock when its holder ends, however it ends, so a dead process keeps nobody out.
//!
//! A folder that is filled where it is (a run's) has its lock inside. A folder or file that appears whole, by a
//! rename, has its lock beside it: a lock inside would move away with it.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::FileError;
use crate::input;

/// The name of the lock file in a folder that is filled where it is.
pub const LOCK_FILE: &str = ".lock";
/// How often a waiting process tries again.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// How often, and how long between, the second process looks for the name of the first, which may be about to write
/// it.
const LOOKS_FOR_A_NAME: (u32, Duration) = (10, Duration::from_millis(5));

/// Held while a process fills a folder; the folder is free again when this is dropped.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
    path: PathBuf,
    is_exclusive: bool,
}

impl FolderLock {
    /// Takes the lock of a folder that exists and is filled where it is. `work` says what is done there, for a process
    /// that comes second: `train`.
    ///
    /// On a file system without locks the folder counts as free; [`FolderLock::is_exclusive`] says so.
    ///
    /// # Errors
    /// [`FileError::InUse`] when another process has it; other errors when the lock file cannot be made.
    pub fn acquire(folder: &Path, work: &str) -> Result<Self, FileError> {
        Self::take(&folder.join(LOCK_FILE), work)?
            .map_err(|holder| FileError::InUse { path: folder.to_owned(), holder })
    }

    /// Takes the lock of a folder or file that is to appear whole at `place`, by a rename. The folder above it must
    /// exist.
    ///
    /// # Errors
    /// As [`FolderLock::acquire`].
    pub fn acquire_beside(place: &Path, work: &str) -> Result<Self, FileError> {
        Self::take(&beside(place), work)?.map_err(|holder| FileError::InUse { path: place.to_owned(), holder })
    }

    /// As [`FolderLock::acquire_beside`], but waits while another process has the lock: `waiting` is told which one,
    /// ten times a second, and says whether to go on. `None` when it says no.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn wait_beside(
        place: &Path,
        work: &str,
        mut waiting: impl FnMut(Option<&str>) -> bool,
    ) -> Result<Option<Self>, FileError> {
        loop {
            match Self::take(&beside(place), work)? {
                Ok(lock) => return Ok(Some(lock)),
                Err(holder) if waiting(holder.as_deref()) => std::thread::sleep(TRY_AGAIN),
                Err(_) => return Ok(None),
            }
        }
    }

    /// Whether the system keeps others out: not so on a file system without locks.
    pub fn is_exclusive(&self) -> bool {
        self.is_exclusive
    }

    /// Which process holds a folder's lock now; `None` when it is free.
    pub fn holder(folder: &Path) -> Option<String> {
        let (mut file, _) = input::open(&folder.join(LOCK_FILE), u64::MAX).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&mut file).unwrap_or_else(|| "another process".into())),
            _ => None,
        }
    }

    /// The inner error is the process that has the lock, as far as known.
    fn take(path: &Path, work: &str) -> Result<Result<Self, Option<String>>, FileError> {
        loop {
            // A pipe or a device there is no lock of ours, and reading it would not end.
            if std::fs::metadata(path).is_ok_and(|known| !known.is_file()) {
                drop(input::open(path, u64::MAX)?);
            }
            let mut options = File::options();
            let file = options.create(true).truncate(false).read(true).write(true).open(path);
            let mut file = file.map_err(FileError::io("create", path))?;
            let is_exclusive = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => return Ok(Err(name_of_holder(&mut file))),
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => false,
                Err(TryLockError::Error(error)) => return Err(FileError::io("lock", path)(error)),
            };
            // The holder before may have removed the file between our opening and our locking it: then this lock is on
            // a file that nobody else will find.
            if !is_same_file(&file, path) {
                continue;
            }
            // Which process holds it is for messages alone; that it could not be written is no reason to stop.
            let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
            let _ = file.set_len(0);
            let _ = file.write_all(format!("{work}\n{}\n{since}\n", std::process::id()).as_bytes());
            return Ok(Ok(Self { file, path: path.to_owned(), is_exclusive }));
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Removed while it is held, so that the next process makes a new one; see `take`. When somebody removed ours,
        // the file that is there now is another's.
        if is_same_file(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

/// Where the lock file of a place is: `.NAME.lock` in the same folder.
fn beside(place: &Path) -> PathBuf {
    let Some(name) = place.file_name() else { return place.join(LOCK_FILE) };
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(LOCK_FILE);
    place.with_file_name(hidden)
}

fn name_of_holder(file: &mut File) -> Option<String> {
    let (looks, pause) = LOOKS_FOR_A_NAME;
    (0..looks).find_map(|look| {
        if look > 0 {
            std::thread::sleep(pause);
        }
        holder(file)
    })
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

/// Whether an open file is still what has this path.
#[cfg(unix)]
pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(crate) fn is_same_file(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::Hint;

    #[test]
    fn a_second_process_is_told_which_one_works_here_and_a_third_begins_when_the_first_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::acquire(folder.path(), "train").unwrap();
        assert!(lock.is_exclusive());
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
    fn many_threads_are_never_at_one_place_together() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let (inside, turns) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (place, inside, turns) = (&place, &inside, &turns);
                scope.spawn(move || {
                    // Who waits looks only ten times a second.
                    for _ in 0..if thread == 0 { 20 } else { 200 } {
                        let lock = match thread {
                            0 => FolderLock::wait_beside(place, "test", |_| true).unwrap(),
                            _ => FolderLock::acquire_beside(place, "test").ok(),
                        };
                        let Some(lock) = lock else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        turns.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(turns.into_inner() >= 20, "who waits gets its turn each time");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no lock stays");
    }

    #[test]
    fn who_waits_is_told_for_whom_and_may_give_up() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let lock = FolderLock::acquire_beside(&place, "get").unwrap();
        let mut told = Vec::new();
        let waited = FolderLock::wait_beside(&place, "get", |holder| {
            told.push(holder.unwrap_or_default().to_owned());
            told.len() < 3
        });
        assert!(waited.unwrap().is_none());
        assert!(told.len() == 3 && told[0].starts_with("get, process "), "{told:?}");
        drop(lock);
        assert!(FolderLock::wait_beside(&place, "get", |_| false).unwrap().is_some());
    }

    #[test]
    fn the_folder_may_be_replaced_while_the_lock_beside_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let lock = FolderLock::acquire_beside(&place, "export").unwrap();
        for _ in 0..3 {
            std::fs::create_dir(&place).unwrap();
            assert!(matches!(FolderLock::acquire_beside(&place, "export"), Err(FileError::InUse { .. })));
            std::fs::remove_dir(&place).unwrap();
        }
        drop(lock);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_that_was_taken_away_does_not_take_away_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::acquire(folder.path(), "first").unwrap();
        std::fs::remove_file(folder.path().join(LOCK_FILE)).unwrap();
        let second = FolderLock::acquire(folder.path(), "second").unwrap();
        drop(first);
        assert!(FolderLock::acquire(folder.path(), "third").unwrap_err().to_string().contains("second"));
        drop(second);
    }

    #[test]
    fn a_lock_file_of_anything_else_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LOCK_FILE), "\u{1b}[31mrubbish").unwrap();
        let lock = FolderLock::acquire(folder.path(), "x").unwrap();
        drop(lock);
    }
}
