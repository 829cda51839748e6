//! The official datasets: a name goes in, an installed dataset comes out: downloaded, checked, unpacked and listed.

use super::place::{Asked, install};
use super::{GetOptions, Installed};
use crate::archive::Archive;
use crate::error::{DataError, Result};
use crate::fetch::fetch;
use crate::folders::{create_folder, remove_file};
use crate::intake::archive::extract;
use crate::manifest::{Manifest, Source};
use crate::store::Store;
use crate::watch::Watch;

/// Installs an official dataset by its name (`imagenette2-160`).
///
/// # Errors
/// When no archive has this name (the hint has the nearest one), when the download fails or gives another file, when
/// the store cannot be written to, when the disk is full, when the caller interrupts, or when something else has the
/// dataset's place.
pub fn get(name: &str, store: &Store, options: &GetOptions, watch: &dyn Watch) -> Result<Installed> {
    get_archive(Archive::find(name)?, store, options, watch)
}

/// Installs a dataset from an archive that can be downloaded, official or not.
///
/// # Errors
/// As [`get`].
pub fn get_archive(archive: &Archive, store: &Store, options: &GetOptions, watch: &dyn Watch) -> Result<Installed> {
    let url = format!("{}{}", options.base_url, archive.file_name());
    let downloads = store.downloads_folder();
    let file = downloads.join(archive.file_name());
    // One that was made from a copy of ImageNet is as good as one that was fetched.
    let is_asked = |there: &Manifest| {
        let is_fetched = archive
            .generations
            .iter()
            .any(|generation| there.source.archive.as_deref() == Some(archive.generation_name(generation).as_str()));
        let is_made = there.edition == archive.edition && there.size == archive.size;
        if is_fetched || is_made { Asked::Yes } else { Asked::No }
    };
    let in_place = install(store, (&archive.name, &url), options.force, watch, is_asked, |folder| {
        create_folder(&downloads)?;
        fetch(&url, &file, &archive.generations, &options.fetch, watch)?;
        let extracted = extract(&file, folder, &options.limits, watch)?;
        let generation = archive
            .generations
            .iter()
            .find(|generation| generation.fits(extracted.bytes, &extracted.sha256, &extracted.md5))
            .ok_or_else(|| DataError::Checksum {
                path: file.clone(),
                expected: "the file that was downloaded a moment ago".into(),
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
    // While the lock is held: the next process may be about to download the same file.
    if !in_place.installed.was_there && !options.keep_archive {
        remove_file(&file)?;
    }
    Ok(in_place.installed)
}
