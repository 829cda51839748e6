//! One process at a time works at a place: the lock of `imagenette-files` beside it, waited for with a notice, until
//! the caller interrupts.

use std::path::Path;

use imagenette_files::lock::FolderLock;

use crate::error::{DataError, Result};
use crate::watch::Watch;

/// Takes the lock of a folder or file that is to appear at `place`; waits, with one notice, while another process has
/// it.
/// `work` and `name` say in messages what is done with what: `make`, `imagenette2-160`.
///
/// # Errors
/// When the lock file cannot be made (a read-only folder), or when the caller interrupts the waiting.
pub(crate) fn wait_for(place: &Path, work: &str, name: &str, watch: &dyn Watch) -> Result<FolderLock> {
    let mut is_told = false;
    let lock = FolderLock::wait_beside(place, work, |holder| {
        if !is_told {
            let holder = holder.map_or_else(String::new, |holder| format!(" ({holder})"));
            watch.notice(&format!("another process is at work on {name}{holder}; waiting until it is done"));
            is_told = true;
        }
        !watch.interrupted()
    })?;
    let lock = lock.ok_or(DataError::Interrupted)?;
    if !lock.is_exclusive() {
        watch.notice("this file system has no locks: run one process at a time");
    }
    Ok(lock)
}
