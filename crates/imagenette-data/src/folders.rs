//! Folders that are made together with those above them, and folders and files that are removed, whether they exist or
//! not.

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
