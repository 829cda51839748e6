//! Folders that are made together with those above them, folders that take another's place, and folders and files that
//! are removed, whether they exist or not.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{DataError, Result};

pub(crate) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(DataError::io("create", path))
}

pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    removed(fs::remove_dir_all(path), path)
}

/// Gives a finished folder its name. What has the name is replaced in one step where the system can exchange two names:
/// then there is no moment without it. Elsewhere it is first renamed to `aside`; [`Store::installed`] and the next
/// installation bring it back if the process is killed between the two renames.
///
/// [`Store::installed`]: crate::store::Store::installed
pub(crate) fn put_in_place(from: &Path, to: &Path, aside: &Path) -> Result<()> {
    let rename = |from: &Path, to: &Path| fs::rename(from, to).map_err(DataError::io("rename", from));
    if !to.exists() {
        return rename(from, to);
    }
    if exchange(from, to).map_err(DataError::io("rename", from))? {
        return remove_folder(from);
    }
    remove_folder(aside)?;
    rename(to, aside)?;
    rename(from, to)?;
    remove_folder(aside)
}

/// Exchanges the names of two folders in one step; `false` where the system or the file system cannot do that.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    // Some of these are one number on one system and two on another.
    let cannot = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::PERM];
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(error) if cannot.contains(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(feature = "fetch")]
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    removed(fs::remove_file(path), path)
}

fn removed(result: io::Result<()>, path: &Path) -> Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DataError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    #[test]
    fn a_folder_that_is_replaced_is_there_at_every_moment() {
        let place = tempfile::tempdir().unwrap();
        let (to, from, aside) = (place.path().join("set"), place.path().join("new"), place.path().join("aside"));
        fs::create_dir(&to).unwrap();
        fs::write(to.join("number"), "0").unwrap();
        // A file system that cannot exchange names has nothing to be tested here.
        fs::create_dir(&from).unwrap();
        if !exchange(&from, &to).unwrap() {
            println!("skipped: this file system cannot exchange two names");
            return;
        }
        assert!(exchange(&from, &to).unwrap());
        fs::remove_dir(&from).unwrap();
        let (is_done, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    assert!(to.is_dir(), "the folder was gone at a look");
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
            let mut number = 0;
            while (number < 300 || looks.load(Ordering::Relaxed) < 1000) && !looking.is_finished() {
                number += 1;
                fs::create_dir(&from).unwrap();
                fs::write(from.join("number"), number.to_string()).unwrap();
                put_in_place(&from, &to, &aside).unwrap();
                assert_eq!(fs::read_to_string(to.join("number")).unwrap(), number.to_string());
            }
            is_done.store(true, Ordering::Relaxed);
            looking.join().unwrap();
        });
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "the old folder is removed");
    }
}
