//! Datasets of one's own: a local archive or a folder goes in, an installed dataset comes out.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use imagenette_files::hash::sha256_of_file;

use super::place::{Asked, install};
use super::{GetOptions, Installed};
use crate::archive::Archive;
use crate::error::{DataError, Result};
use crate::intake::archive::{extract, stem};
use crate::intake::folder;
use crate::manifest::{Manifest, Source};
use crate::store::Store;
use crate::watch::Watch;

/// Installs a dataset from a local archive (`.tgz`, `.tar`) or a folder, which is copied. Without a name it gets the
/// name of the file, without the extension.
///
/// An archive that is not an official one is accepted when its layout fits, and the manifest says so
/// (`Source::archive` is
/// `None`).
///
/// # Errors
/// When there is nothing at the path, when the archive is truncated, damaged or hostile, when the layout does not fit,
/// when the disk is full, when the caller interrupts, or when something else has the dataset's place.
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
    let is_asked = |there: &Manifest| {
        if metadata.is_dir() {
            let source = Source { from: String::new(), sha256: None, archive: None };
            return match folder::scan(&absolute, &name, source, watch) {
                Ok(found) if found.identity() == there.identity() => Asked::Yes,
                Ok(_) => Asked::No,
                // What is wrong with it is said when it is copied.
                Err(_) => Asked::Unknown,
            };
        }
        match (sha256_of_file(path), &there.source.sha256) {
            (Ok(found), Some(known)) if found == *known => Asked::Yes,
            _ => Asked::Unknown,
        }
    };
    let source = path.display().to_string();
    install(store, (&name, &source), options.force, watch, is_asked, |folder| {
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
                "{} is not an official archive; its layout fits, and results will name its sha256",
                path.display()
            )),
        }
        Ok(manifest)
    })
    .map(|in_place| in_place.installed)
}

fn from_folder(from: &Path, to: &Path, name: &str, watch: &dyn Watch) -> Result<Manifest> {
    fs::create_dir(to).map_err(DataError::io("create", to))?;
    // Only its name: records are published, and a path would tell whose machine it was.
    let folder_name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = Source { from: folder_name, sha256: None, archive: None };
    let mut manifest = folder::copy(from, to, name, source, watch)?;
    // An unchanged copy of a dataset is that dataset: its manifest knows where it came from.
    if let Ok(original) = Manifest::read(from)
        && original.identity() == manifest.identity()
    {
        manifest = Manifest { name: name.into(), ..original };
    }
    Ok(manifest)
}
