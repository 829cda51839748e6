//! A folder of class folders goes in, its manifest comes out. With a destination, the photos are copied on the way.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::IntakeOptions;
use super::assembly::{assemble, list};
use super::complete::{Taken, layout_hint, no_splits};
use super::left_out::LeftOut;
use crate::edition::Split;
use crate::error::{DataError, Result};
use crate::file_name::{is_clutter, is_photo, is_table};
use crate::intake::layout::{Layout, Member, Place};
use crate::intake::photos::{Content, Intake};
use crate::manifest::{Manifest, Source};
use crate::watch::{Unit, Watch};
use imagenette_files::input;

/// Lists, hashes and measures the photos of a folder (`train/<class>/<photo>`, `val/<class>/<photo>` and perhaps
/// `test/<class>/<photo>` and `unsup/<photo>`) on all cores. Nothing is written.
///
/// # Errors
/// When there is no such folder, when a class is empty or in only one split, when there are no photos, or when photos
/// have names that not every system takes.
pub fn scan(folder: &Path, name: &str, source: Source, watch: &dyn Watch) -> Result<Manifest> {
    take_in((folder, None), name, source, &IntakeOptions::default(), true, watch)
}

/// As [`scan`], of a folder that need not be named as a dataset is: what [`copy`] would give.
pub(crate) fn look(
    folder: &Path,
    name: &str,
    source: Source,
    options: &IntakeOptions,
    watch: &dyn Watch,
) -> Result<Manifest> {
    take_in((folder, None), name, source, options, false, watch)
}

/// As [`look`], and copies every photo and the tables beside the splits (`*.csv`) to `destination`.
pub(crate) fn copy(
    (folder, destination): (&Path, &Path),
    name: &str,
    source: Source,
    options: &IntakeOptions,
    watch: &dyn Watch,
) -> Result<Manifest> {
    take_in((folder, Some(destination)), name, source, options, false, watch)
}

fn take_in(
    (folder, destination): (&Path, Option<&Path>),
    name: &str,
    source: Source,
    options: &IntakeOptions,
    in_place: bool,
    watch: &dyn Watch,
) -> Result<Manifest> {
    let layout = if options.split.is_some() { Layout::unsplit(true) } else { Layout::default() };
    let left_out = LeftOut::default();
    let mut listing = Listing { folder, in_place, layout, left_out, photos: Vec::new(), tables: Vec::new() };
    listing.top(options, watch)?;
    if let Some(more) = &options.unlabeled {
        listing.unlabeled(more, watch)?;
    }
    let Listing { layout, left_out, photos, tables, .. } = listing;
    left_out.say(folder, options.strict, watch)?;
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
    let taken = Taken { photos, classes: layout.classes };
    // Where photos stay, none can be moved to a val split.
    let taken = if in_place { taken } else { taken.complete((folder, destination), options, watch)? };
    let manifest = assemble(folder, name, source, taken, options.keep_orientation, None)?;
    check_unlabeled(folder, &manifest, watch)?;
    Ok(manifest)
}

/// Refuses photos without labels that judge too, and says where they are labeled elsewhere. The same photo is known by its
/// bytes.
fn check_unlabeled(folder: &Path, manifest: &Manifest, watch: &dyn Watch) -> Result<()> {
    let of = |split: Split| manifest.images.iter().filter(move |image| image.split == split);
    let known: HashMap<&str, &str> = of(Split::Unsup).map(|image| (&image.sha256[..], &image.file_name[..])).collect();
    for split in [Split::Val, Split::Test] {
        if let Some((image, name)) = of(split).find_map(|image| Some((image, known.get(&image.sha256[..])?))) {
            return Err(DataError::malformed(
                folder,
                format!("photos without labels that {} does not hold too", split.name()),
                format!("{}, which is {name} among them", manifest.relative_path(image)),
                "a network that has seen them is not judged by them: take them out of the folder of unlabeled photos",
            ));
        }
    }
    let labeled = of(Split::Train).filter(|image| known.contains_key(&image.sha256[..])).count();
    if labeled > 0 {
        watch.notice(&format!("{labeled} photos of train are among those without labels too"));
    }
    Ok(())
}

struct Listing<'a> {
    folder: &'a Path,
    /// Whether the photos stay where they are: then their paths must be their places.
    in_place: bool,
    layout: Layout,
    left_out: LeftOut,
    photos: Vec<(Place, PathBuf)>,
    tables: Vec<String>,
}

impl Listing<'_> {
    fn top(&mut self, options: &IntakeOptions, watch: &dyn Watch) -> Result<()> {
        if !self.folder.is_dir() {
            return Err(DataError::Missing {
                what: "folder",
                path: self.folder.to_owned(),
                hint: "name a folder that has `train` and `val` in it".into(),
            });
        }
        // People keep notes and lists beside the splits: only what belongs to the layout is taken.
        let mut ignored = Vec::new();
        let top = entries(self.folder)?;
        let has_splits =
            top.iter().any(|(name, path)| Split::of_folder(&name.to_string_lossy()).is_some() && path.is_dir());
        let takes_all = options.split.is_some() && !has_splits;
        for (name, path) in &top {
            let Some(name) = name.to_str() else {
                self.not_utf8("", name, path);
                continue;
            };
            if (takes_all || Split::of_folder(name).is_some()) && !is_clutter(name) && path.is_dir() {
                self.member(name, path, watch)?;
            } else if path.is_file() && is_table(name) {
                self.tables.push(name.to_owned());
            } else if !is_clutter(name) {
                ignored.push(name.to_owned());
            }
        }
        if self.photos.is_empty() && self.layout.classes.is_empty() {
            // What must be renamed comes first: it may be all there is.
            self.left_out.say(self.folder, false, &crate::watch::Silent)?;
            if let Some(example) = unsplit_photo(&top) {
                return Err(no_splits(self.folder, &example));
            }
            return Err(DataError::malformed(
                self.folder,
                "the folders `train` and `val`, with a folder of photos for each class",
                if ignored.is_empty() { "an empty folder".into() } else { list(&ignored) },
                layout_hint(),
            ));
        }
        if !ignored.is_empty() {
            watch.notice(&format!("{}: not part of a dataset, left out: {}", self.folder.display(), list(&ignored)));
        }
        Ok(())
    }

    /// The photos in a folder and all folders below it, as photos without labels.
    fn unlabeled(&mut self, folder: &Path, watch: &dyn Watch) -> Result<()> {
        if folder.exists() && !folder.is_dir() {
            return Err(DataError::malformed(
                folder,
                "a folder of photos without labels",
                "a file",
                "name the folder that it is in; folders in it are looked into",
            ));
        }
        if !folder.is_dir() {
            return Err(DataError::Missing {
                what: "folder of photos without labels",
                path: folder.to_owned(),
                hint: "name a folder of photos; folders in it are looked into".into(),
            });
        }
        let before = self.photos.len();
        let mut folders = vec![(String::new(), folder.to_owned())];
        while let Some((below, folder)) = folders.pop() {
            for (name, path) in entries(&folder)? {
                if watch.interrupted() {
                    return Err(DataError::Interrupted);
                }
                let Some(name) = name.to_str() else {
                    self.not_utf8(&below, &name, &path);
                    continue;
                };
                if is_clutter(name) {
                    self.left_out.hidden();
                } else if fs::metadata(&path).map_err(DataError::io("read", &path))?.is_dir() {
                    folders.push((format!("{below}{name}/"), path));
                } else {
                    // Two folders may have photos of one name.
                    let named = |name: &str| format!("{}/{name}", Split::Unsup.name());
                    let place = self.layout.place(&named(name), false);
                    let place = place
                        .or_else(|_| self.layout.place(&named(&format!("{below}{name}").replace('/', "_")), false));
                    match place {
                        Ok(Member::Photo(place)) => self.photos.push((place, path)),
                        Ok(Member::Misnamed(named, reason)) => self.left_out.misnamed(&named, reason),
                        Ok(_) => self.left_out.stray(&format!("{below}{name}")),
                        Err(reason) => {
                            return Err(DataError::malformed(
                                &path,
                                "a photo with a name of its own",
                                reason,
                                "rename it",
                            ));
                        }
                    }
                }
            }
        }
        if self.photos.len() > before {
            return Ok(());
        }
        Err(DataError::malformed(
            folder,
            "photos without labels, in it or in folders below it",
            "none",
            "name the folder of your unlabeled photos (JPEG, PNG or WebP)",
        ))
    }

    /// What is in a folder that belongs to the layout.
    fn below(&mut self, relative: &str, folder: &Path, watch: &dyn Watch) -> Result<()> {
        for (name, path) in entries(folder)? {
            if watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            match name.to_str() {
                Some(name) => self.member(&format!("{relative}/{name}"), &path, watch)?,
                None => self.not_utf8(&format!("{relative}/"), &name, &path),
            }
        }
        Ok(())
    }

    fn member(&mut self, relative: &str, path: &Path, watch: &dyn Watch) -> Result<()> {
        if relative.rsplit('/').next().is_some_and(is_clutter) {
            self.left_out.hidden();
            return Ok(());
        }
        // Links are followed: people link to the class folders of a copy of ImageNet.
        let is_folder = fs::metadata(path).map_err(DataError::io("read", path))?.is_dir();
        match self.layout.place(relative, is_folder) {
            Ok(Member::Folder) => self.below(relative, path, watch)?,
            Ok(Member::Photo(place)) if self.in_place && place.relative() != relative => {
                return Err(DataError::malformed(
                    path,
                    format!("it as `{}`", place.relative()),
                    format!("`{relative}`"),
                    "install it with `imagenette get --from FOLDER`, which moves it",
                ));
            }
            Ok(Member::Photo(place)) => self.photos.push((place, path.to_owned())),
            Ok(Member::Stray(named)) => self.left_out.stray(&named),
            Ok(Member::Misnamed(named, reason)) => self.left_out.misnamed(&named, reason),
            Ok(Member::Clutter) => self.left_out.hidden(),
            Ok(Member::Table(_) | Member::Unsplit) => {}
            Err(reason) => {
                return Err(DataError::malformed(path, "a photo in (train|val|test)/<class>/", reason, layout_hint()));
            }
        }
        Ok(())
    }

    fn not_utf8(&mut self, before: &str, name: &std::ffi::OsStr, path: &Path) {
        let name = name.to_string_lossy();
        let shown = format!("{before}{name}");
        if path.is_dir() || is_photo(&name) {
            self.left_out.misnamed(&shown, "it is not UTF-8".into());
        } else {
            self.left_out.stray(&shown);
        }
    }
}

/// A photo in one of these folders, where they are class folders.
fn unsplit_photo(top: &[(std::ffi::OsString, PathBuf)]) -> Option<String> {
    let mut folders = top.iter().filter(|(name, path)| !is_clutter(&name.to_string_lossy()) && path.is_dir());
    folders.find_map(|(class, path)| {
        let found = entries(path).ok()?.into_iter().find(|(name, _)| is_photo(&name.to_string_lossy()))?;
        Some(format!("{}/{}", class.to_string_lossy(), found.0.to_string_lossy()))
    })
}

/// The entries of a folder, sorted by name, so that errors are the same on every system.
fn entries(folder: &Path) -> Result<Vec<(std::ffi::OsString, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let entry = entry.map_err(DataError::io("list", folder))?;
        entries.push((entry.file_name(), entry.path()));
    }
    entries.sort();
    Ok(entries)
}
