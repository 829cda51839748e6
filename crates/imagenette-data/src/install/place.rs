//! A dataset's place in the store: filled under a hidden name, listed, and renamed into place.
//!
//! Whatever is not finished has a hidden name, and only a finished dataset has its own. So a process may be killed at
//! any moment, and the same command continues from what is there.

use std::fs;
use std::path::{Path, PathBuf};

use imagenette_files::atomic;
use imagenette_files::lock::FolderLock;

use super::Installed;
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::folders::{create_folder, put_in_place, remove_folder};
use crate::lock::wait_for;
use crate::manifest::Manifest;
use crate::store::{Store, check_name, replaced};
use crate::watch::Watch;

/// A dataset in its place, and the lock of that place for as long as this is kept; none when nothing had to be done.
pub(super) struct InPlace {
    pub(super) installed: Installed,
    _lock: Option<FolderLock>,
}

/// Whether what is installed under a name is what was asked for.
pub(super) enum Asked {
    /// It is.
    Yes,
    /// It is something else: a name may belong to other photos.
    No,
    /// That takes the photos themselves.
    Unknown,
}

/// Fills the place of a dataset: `fill` makes the folder that it is given and returns the manifest. What is installed
/// there already is enough when it is what was asked for, from `source`: `is_asked` says so as far as it can.
pub(super) fn install(
    store: &Store,
    (name, source): (&str, &str),
    force: bool,
    watch: &dyn Watch,
    is_asked: impl Fn(&Manifest) -> Asked,
    fill: impl FnOnce(&Path) -> Result<Manifest>,
) -> Result<InPlace> {
    check_name(name)?;
    let place = store.dataset_folder(name);
    // Checked before anything is written: what is installed in a read-only store can be used.
    if !force
        && let Some(dataset) = installed_at(&place, watch)?
        && is_enough(&dataset, source, &is_asked)?
    {
        return Ok(InPlace { installed: Installed { dataset, was_there: true }, _lock: None });
    }
    let datasets = store.datasets_folder();
    create_folder(&datasets)?;
    let lock = Some(wait_for(&place, "get", name, watch)?);
    let unfinished = Hidden(datasets.join(format!(".installing-{name}")));
    let replaced = replaced(&place);
    // The holder of the lock owns the hidden folders: what is in them was left by a process that was killed.
    remove_folder(&unfinished.0)?;
    if !place.exists() && replaced.exists() {
        fs::rename(&replaced, &place).map_err(DataError::io("rename", &replaced))?;
    }
    remove_folder(&replaced)?;
    atomic::remove_abandoned(&datasets);
    let there = if force { None } else { installed_at(&place, watch)? };
    if let Some(dataset) = &there
        && is_enough(dataset, source, &is_asked)?
    {
        let dataset = dataset.clone();
        return Ok(InPlace { installed: Installed { dataset, was_there: true }, _lock: lock });
    }

    let manifest = fill(&unfinished.0)?;
    if let Some(dataset) = there {
        // The same photos may come in another archive.
        if dataset.manifest.identity() != manifest.identity() {
            let is_same = hashes(&dataset.manifest) == hashes(&manifest);
            return Err(if is_same { taken_otherwise(&dataset, source) } else { other_photos(&dataset, source) });
        }
        return Ok(InPlace { installed: Installed { dataset, was_there: true }, _lock: lock });
    }
    manifest.write(&unfinished.0)?;
    put_in_place(&unfinished.0, &place, &replaced)?;
    let installed = Installed { dataset: Dataset { root: place, manifest }, was_there: false };
    Ok(InPlace { installed, _lock: lock })
}

/// Whether an installed dataset is known to be what was asked for; an error when it is known to be something else.
fn is_enough(dataset: &Dataset, source: &str, is_asked: impl Fn(&Manifest) -> Asked) -> Result<bool> {
    match is_asked(&dataset.manifest) {
        Asked::Yes => Ok(true),
        Asked::No => Err(other_photos(dataset, source)),
        Asked::Unknown => Ok(false),
    }
}

fn other_photos(dataset: &Dataset, source: &str) -> DataError {
    DataError::malformed(
        &dataset.root,
        format!("the photos of {source}"),
        format!("other photos, installed from {}", dataset.manifest.source.from),
        "use --force to replace them, or `get --from` with another --name to keep both",
    )
}

/// The photos' hashes, whatever their places.
pub(super) fn hashes(manifest: &Manifest) -> Vec<&str> {
    let mut hashes: Vec<&str> = manifest.images.iter().map(|image| image.sha256.as_str()).collect();
    hashes.sort_unstable();
    hashes
}

fn taken_otherwise(dataset: &Dataset, source: &str) -> DataError {
    DataError::malformed(
        &dataset.root,
        format!("the photos of {source}, split and turned as is asked for"),
        "the same photos, split or turned otherwise",
        "use --force to replace them, or another --name to keep both",
    )
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
