//! A folder of class folders goes in, its manifest comes out. With a destination, the photos are copied on the way.

use std::fs;
use std::path::{Path, PathBuf};

use crate::edition::Split;
use crate::error::{DataError, Result};
use crate::file_name::is_table;
use crate::intake::assembly::assemble;
use crate::intake::layout::{Layout, Member, Place};
use crate::intake::photos::{Content, Intake};
use crate::manifest::{Manifest, Source};
use crate::watch::{Unit, Watch};
use imagenette_files::input;

/// Lists, hashes and measures the photos of a folder (`train/<class>/<photo>`, `val/<class>/<photo>` and perhaps
/// `unsup/<photo>`) on all cores. Nothing is written.
///
/// # Errors
/// When there is no such folder, when a class is empty or in only one split, when there are no photos, or when files
/// in the class folders are not photos (the error names the first five).
pub fn scan(folder: &Path, name: &str, source: Source, watch: &dyn Watch) -> Result<Manifest> {
    take_in(folder, None, name, source, watch)
}

/// As [`scan`], and copies every photo and the tables beside the splits (`*.csv`) to `destination`.
pub(crate) fn copy(
    folder: &Path,
    destination: &Path,
    name: &str,
    source: Source,
    watch: &dyn Watch,
) -> Result<Manifest> {
    take_in(folder, Some(destination), name, source, watch)
}

fn take_in(
    folder: &Path,
    destination: Option<&Path>,
    name: &str,
    source: Source,
    watch: &dyn Watch,
) -> Result<Manifest> {
    let in_place = destination.is_none();
    let mut listing = Listing { folder, in_place, layout: Layout::default(), photos: Vec::new(), tables: Vec::new() };
    listing.top(watch)?;
    let Listing { layout, photos, tables, .. } = listing;
    let phase = if destination.is_some() { "copying photos" } else { "hashing photos" };
    watch.begin(phase, Some(photos.len() as u64), Unit::Photos);
    let photos = Intake { origin: folder, destination, decodes: !in_place, count_photos: true, watch }
        .run(|feeder| photos.into_iter().try_for_each(|(place, path)| feeder.push(place, Content::File(path))))?;
    if let Some(destination) = destination {
        for table in tables {
            let (from, to) = (folder.join(&table), destination.join(&table));
            input::open(&from, input::TABLE_BYTES)?;
            fs::copy(&from, &to).map_err(DataError::io("copy", &from))?;
        }
    }
    assemble(folder, name, source, photos, &layout.classes, None)
}

struct Listing<'a> {
    folder: &'a Path,
    /// Whether the photos stay where they are: then their paths must be their places.
    in_place: bool,
    layout: Layout,
    photos: Vec<(Place, PathBuf)>,
    tables: Vec<String>,
}

impl Listing<'_> {
    fn top(&mut self, watch: &dyn Watch) -> Result<()> {
        if !self.folder.is_dir() {
            return Err(DataError::Missing {
                what: "folder",
                path: self.folder.to_owned(),
                hint: "name a folder that has `train` and `val` in it".into(),
            });
        }
        // People keep notes and lists beside the splits: only what belongs to the layout is taken.
        let mut ignored = Vec::new();
        for (name, path) in entries(self.folder)? {
            if Split::named(&name).is_some() && path.is_dir() {
                self.below(&name, &path, watch)?;
            } else if path.is_file() && is_table(&name) {
                self.tables.push(name);
            } else if name != crate::manifest::MANIFEST_FILE && !name.starts_with('.') {
                ignored.push(name);
            }
        }
        if self.photos.is_empty() && self.layout.classes.is_empty() {
            return Err(DataError::malformed(
                self.folder,
                "the folders `train` and `val`, with a folder of photos for each class",
                if ignored.is_empty() { "an empty folder".into() } else { super::assembly::list(&ignored) },
                "name the folder that has `train` and `val` in it",
            ));
        }
        if !ignored.is_empty() {
            watch.notice(&format!(
                "{}: not part of a dataset, left out: {}",
                self.folder.display(),
                super::assembly::list(&ignored)
            ));
        }
        Ok(())
    }

    fn below(&mut self, relative: &str, folder: &Path, watch: &dyn Watch) -> Result<()> {
        for (name, path) in entries(folder)? {
            if watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            let relative = format!("{relative}/{name}");
            // Links are followed: people link to the class folders of a copy of ImageNet.
            let is_folder = fs::metadata(&path).map_err(DataError::io("read", &path))?.is_dir();
            match self.layout.place(&relative, is_folder) {
                Ok(Member::Folder) => self.below(&relative, &path, watch)?,
                Ok(Member::Photo(place)) if self.in_place && place.relative() != relative => {
                    return Err(DataError::malformed(
                        &path,
                        "unlabeled photos directly in `unsup`",
                        "a folder in between",
                        "install it with `imagenette get --from FOLDER`, which moves them",
                    ));
                }
                Ok(Member::Photo(place)) => self.photos.push((place, path)),
                Ok(Member::Table(_) | Member::Clutter) => {}
                Err(reason) => {
                    return Err(DataError::malformed(
                        &path,
                        "a photo in (train|val)/<class>/",
                        reason,
                        "move what is not a photo out of the class folders",
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The entries of a folder, sorted by name, so that errors are the same on every system.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let path = entry.map_err(DataError::io("list", folder))?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) => entries.push((name.to_owned(), path)),
            None => {
                return Err(DataError::malformed(&path, "a name in UTF-8", "other bytes", "rename the file"));
            }
        }
    }
    entries.sort();
    Ok(entries)
}
