//! One process at a time works on a dataset's name. The system drops the lock when its holder ends, however it ends, so
//! the lock file of a dead process locks nobody out.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use crate::error::{DataError, Result};
use crate::store::Store;
use crate::watch::Watch;

/// How often a waiting process looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Held while a dataset of some name is fetched or installed.
#[derive(Debug)]
pub(crate) struct NameLock {
    _file: File,
}

impl NameLock {
    /// Takes the lock of a name; waits, with a notice, while another process has it.
    ///
    /// # Errors
    /// When the lock file cannot be made (a read-only store), or when the caller interrupts the waiting.
    pub(crate) fn acquire(store: &Store, name: &str, watch: &dyn Watch) -> Result<Self> {
        let folder = store.locks_folder();
        fs::create_dir_all(&folder).map_err(DataError::io("create", &folder))?;
        Self::acquire_file(&folder.join(format!("{name}.lock")), name, watch)
    }

    /// Takes the lock of a file in a folder that exists; as [`NameLock::acquire`].
    ///
    /// # Errors
    /// As [`NameLock::acquire`].
    pub(crate) fn acquire_file(path: &Path, name: &str, watch: &dyn Watch) -> Result<Self> {
        // The file stays when the lock is gone: removing it would let two later processes lock two different files.
        let file = File::options().create(true).append(true).open(path).map_err(DataError::io("create", path))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        watch.notice(&format!("another process is at work on {name}; waiting until it is done"));
                        told = true;
                    }
                    if watch.interrupted() {
                        return Err(DataError::Interrupted);
                    }
                    std::thread::sleep(LOOK_AGAIN);
                }
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                    watch.notice("this file system has no locks: run one process at a time");
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::Error(error)) => return Err(DataError::io("lock", path)(error)),
            }
        }
    }
}
