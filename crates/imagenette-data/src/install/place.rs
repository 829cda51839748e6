//! A dataset's place in the store: filled under a hidden name, listed, and renamed into place.
//!
//! Whatever is not finished has a hidden name, and only a finished dataset has its own. So a process may be killed at
//! any moment, and the same command continues from what is there.

use std::fs;
use std::path::{Path, PathBuf};

use imagenette_files::lock::FolderLock;

use super::Installed;
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::folders::{create_folder, remove_folder};
use crate::lock::wait_for;
use crate::manifest::Manifest;
use crate::store::{Store, check_name};
use crate::watch::Watch;

/// A dataset in its place, and the lock of that place for as long as this is kept; none when nothing had to be done.
pub(super) struct InPlace {
    pub(super) installed: Installed,
    _lock: Option<FolderLock>,
}

/// Fills the place of a dataset: `fill` makes the folder that it is given and returns the manifest.
pub(super) fn install(
    store: &Store,
    name: &str,
    force: bool,
    watch: &dyn Watch,
    fill: impl FnOnce(&Path) -> Result<Manifest>,
) -> Result<InPlace> {
    check_name(name)?;
    let place = store.dataset_folder(name);
    // Checked before anything is written: what is installed in a read-only store can be used.
    if !force && let Some(dataset) = installed_at(&place, watch)? {
        return Ok(InPlace { installed: Installed { dataset, was_there: true }, _lock: None });
    }
    let datasets = store.datasets_folder();
    create_folder(&datasets)?;
    let lock = Some(wait_for(&place, "get", name, watch)?);
    let unfinished = Hidden(datasets.join(format!(".installing-{name}")));
    let replaced = datasets.join(format!(".replaced-{name}"));
    // The holder of the lock owns the hidden folders: what is in them was left by a process that was killed.
    remove_folder(&unfinished.0)?;
    if !place.exists() && replaced.exists() {
        fs::rename(&replaced, &place).map_err(DataError::io("rename", &replaced))?;
    }
    remove_folder(&replaced)?;
    if !force && let Some(dataset) = installed_at(&place, watch)? {
        return Ok(InPlace { installed: Installed { dataset, was_there: true }, _lock: lock });
    }

    let manifest = fill(&unfinished.0)?;
    manifest.write(&unfinished.0)?;
    if place.exists() {
        fs::rename(&place, &replaced).map_err(DataError::io("rename", &place))?;
    }
    fs::rename(&unfinished.0, &place).map_err(DataError::io("rename", &unfinished.0))?;
    remove_folder(&replaced)?;
    let installed = Installed { dataset: Dataset { root: place, manifest }, was_there: false };
    Ok(InPlace { installed, _lock: lock })
}

/// The dataset at a place, if it is complete; `None` when there is nothing.
fn installed_at(place: &Path, watch: &dyn Watch) -> Result<Option<Dataset>> {
    if !place.exists() {
        return Ok(None);
    }
    let hint = "use --force to replace it, or another name with --name";
    let dataset = match Dataset::open(place) {
        Err(DataError::Missing { what: "manifest", path, .. }) => {
            return Err(DataError::Missing {
                what: "manifest",
                path,
                hint: format!("this folder is not a dataset; {hint}"),
            });
        }
        opened => opened?,
    };
    let report = dataset.verify(false, watch)?;
    match report.problems.first() {
        None => Ok(Some(dataset)),
        Some(first) => Err(DataError::malformed(
            place,
            "the dataset as it was installed",
            format!("{} differences, the first: {first}", report.problems.len()),
            hint,
        )),
    }
}

/// A folder that is removed when this is dropped; after a rename there is nothing left to remove.
struct Hidden(PathBuf);

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nobody is left to tell; the next process that installs this name removes it or says why it cannot.
        let _ = fs::remove_dir_all(&self.0);
    }
}
