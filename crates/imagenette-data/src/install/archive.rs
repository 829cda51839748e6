//! A name or a file goes in, an installed dataset comes out: fetched, checked, unpacked, listed and renamed into place.
//!
//! Whatever is not finished lies under a hidden name, and only a finished dataset has its own. So a process may be killed
//! at any moment, and the same command goes on from what is there.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::archive::{Archive, BASE_URL};
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::fetch::{FetchOptions, fetch};
use crate::intake::archive::{ExtractLimits, extract, stem};
use crate::intake::folder;
use crate::lock::NameLock;
use crate::manifest::{Manifest, Source};
use crate::store::{Store, check_name};
use crate::watch::Watch;

/// How a dataset is installed.
#[derive(Debug, Clone, PartialEq)]
pub struct GetOptions {
    /// Replaces a dataset that is already installed under the name.
    pub force: bool,
    /// Keeps the fetched archive in the store's downloads folder.
    pub keep_archive: bool,
    /// Where the official archives are fetched from, with a `/` at the end: [`BASE_URL`] or a mirror of it.
    pub base_url: String,
    /// How patient the download is.
    pub fetch: FetchOptions,
    /// What an archive may ask for.
    pub limits: ExtractLimits,
}

impl Default for GetOptions {
    fn default() -> Self {
        Self {
            force: false,
            keep_archive: false,
            base_url: BASE_URL.into(),
            fetch: FetchOptions::default(),
            limits: ExtractLimits::default(),
        }
    }
}

/// A dataset that is in the store.
#[derive(Debug)]
pub struct Installed {
    /// The dataset.
    pub dataset: Dataset,
    /// Whether it was there before; then nothing was done but a shallow check.
    pub was_there: bool,
}

/// Installs an official dataset by its name (`imagenette2-160`).
///
/// # Errors
/// When no archive has the name (the hint has the nearest), when the download fails or is another file than it should be,
/// when the store cannot be written to, when the disk is full, when the caller interrupts; when something else is at the
/// dataset's place.
pub fn get(name: &str, store: &Store, options: &GetOptions, watch: &dyn Watch) -> Result<Installed> {
    get_archive(Archive::find(name)?, store, options, watch)
}

/// Installs a dataset from an archive that can be fetched, official or not.
///
/// # Errors
/// As [`get`].
pub fn get_archive(archive: &Archive, store: &Store, options: &GetOptions, watch: &dyn Watch) -> Result<Installed> {
    let url = format!("{}{}", options.base_url, archive.file_name());
    let downloads = store.downloads_folder();
    let file = downloads.join(archive.file_name());
    let installed = install(store, &archive.name, options.force, watch, |folder| {
        fs::create_dir_all(&downloads).map_err(DataError::io("create", &downloads))?;
        fetch(&url, &file, &archive.generations, &options.fetch, watch)?;
        let extracted = extract(&file, folder, &options.limits, watch)?;
        let generation = archive
            .generations
            .iter()
            .find(|generation| generation.fits(extracted.bytes, &extracted.sha256, &extracted.md5))
            .ok_or_else(|| DataError::Checksum {
                path: file.clone(),
                expected: "the file that was fetched a moment ago".into(),
                found: format!("sha256 {}", extracted.sha256),
            })?;
        let source = Source {
            from: url.clone(),
            sha256: Some(extracted.sha256.clone()),
            archive: Some(archive.generation_name(generation)),
        };
        let mut manifest = extracted.manifest(&file, &archive.name, source, Some(archive.edition))?;
        archive.size.clone_into(&mut manifest.size);
        Ok(manifest)
    })?;
    if !installed.was_there && !options.keep_archive {
        remove_file(&file)?;
    }
    Ok(installed)
}

/// Installs a dataset from a local archive (`.tgz`, `.tar`) or a folder, which is copied. Without a name it gets the
/// file's own without its extension.
///
/// An archive that is none of the official ones is accepted when its layout fits, and recorded as such
/// (`Source::archive` is `None`).
///
/// # Errors
/// When there is nothing at the path, when the archive is truncated, damaged or hostile, when the layout does not fit,
/// and as [`get`] otherwise.
pub fn get_from(
    path: &Path,
    store: &Store,
    name: Option<&str>,
    options: &GetOptions,
    watch: &dyn Watch,
) -> Result<Installed> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => DataError::Missing {
            what: "archive or folder",
            path: path.to_owned(),
            hint: "check the path; `imagenette get NAME` fetches an official dataset".into(),
        },
        _ => DataError::io("read", path)(error),
    })?;
    let absolute = std::path::absolute(path).map_err(DataError::io("find", path))?;
    let name = name.map_or_else(|| stem(&absolute), str::to_owned);
    install(store, &name, options.force, watch, |folder| {
        if metadata.is_dir() {
            return from_folder(&absolute, folder, &name, watch);
        }
        let extracted = extract(path, folder, &options.limits, watch)?;
        let file_name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = Archive::recognize(extracted.bytes, &extracted.sha256, &extracted.md5);
        let source = Source {
            from: file_name,
            sha256: Some(extracted.sha256.clone()),
            archive: known.map(|(archive, generation)| archive.generation_name(generation)),
        };
        let mut manifest = extracted.manifest(path, &name, source, known.map(|(archive, _)| archive.edition))?;
        match known {
            Some((archive, _)) => archive.size.clone_into(&mut manifest.size),
            None => watch.notice(&format!(
                "{} is none of the official archives; its layout fits, and results will name its sha256",
                path.display()
            )),
        }
        Ok(manifest)
    })
}

fn from_folder(from: &Path, to: &Path, name: &str, watch: &dyn Watch) -> Result<Manifest> {
    fs::create_dir(to).map_err(DataError::io("create", to))?;
    // Its name alone: records are published, and a path would tell whose machine it was.
    let folder_name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = Source { from: folder_name, sha256: None, archive: None };
    let mut manifest = folder::copy(from, to, name, source, watch)?;
    // A copy of a dataset is that dataset: what its manifest knows of its source stays known, if nothing was changed.
    if let Ok(original) = Manifest::read(from)
        && original.identity() == manifest.identity()
    {
        manifest = Manifest { name: name.into(), ..original };
    }
    Ok(manifest)
}

/// Brings a dataset to its place: `fill` makes the folder that it is given and returns the manifest.
pub(super) fn install(
    store: &Store,
    name: &str,
    force: bool,
    watch: &dyn Watch,
    fill: impl FnOnce(&Path) -> Result<Manifest>,
) -> Result<Installed> {
    check_name(name)?;
    let place = store.dataset_folder(name);
    // Looked at before anything is written: what is installed in a read-only store can be used.
    if !force && let Some(dataset) = installed_at(&place, watch)? {
        return Ok(Installed { dataset, was_there: true });
    }
    let datasets = store.datasets_folder();
    fs::create_dir_all(&datasets).map_err(DataError::io("create", &datasets))?;
    let _lock = NameLock::acquire(store, name, watch)?;
    let unfinished = Hidden(datasets.join(format!(".installing-{name}")));
    let replaced = datasets.join(format!(".replaced-{name}"));
    // Whoever holds the lock owns the hidden folders: what is in them was left by a process that was killed.
    remove_folder(&unfinished.0)?;
    if !place.exists() && replaced.exists() {
        fs::rename(&replaced, &place).map_err(DataError::io("rename", &replaced))?;
    }
    remove_folder(&replaced)?;
    if !force && let Some(dataset) = installed_at(&place, watch)? {
        return Ok(Installed { dataset, was_there: true });
    }

    let manifest = fill(&unfinished.0)?;
    manifest.write(&unfinished.0)?;
    if place.exists() {
        fs::rename(&place, &replaced).map_err(DataError::io("rename", &place))?;
    }
    fs::rename(&unfinished.0, &place).map_err(DataError::io("rename", &unfinished.0))?;
    remove_folder(&replaced)?;
    Ok(Installed { dataset: Dataset { root: place, manifest }, was_there: false })
}

/// The sound dataset at a place, or nothing when nothing is there.
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
                hint: format!("this folder is no dataset; {hint}"),
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
            format!("{} differences, the first of them {first}", report.problems.len()),
            hint,
        )),
    }
}

/// A folder that is removed when it goes out of scope; after a rename there is nothing left to remove.
struct Hidden(PathBuf);

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nobody is left to tell; whoever installs this name next removes it or reports why not.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DataError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DataError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
