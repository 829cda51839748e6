//! Folders go in; a sorted list of what holds photos comes out (class folders, tars, parquet files), and later the
//! photos of a folder. Only names are read, so that listing a copy on a network drive takes seconds.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::address::{self, Named, Origin, archive_stem, class_of_container};
use super::{Content, Original, ValidationList, Visitor, devkit};
use crate::error::{DataError, Result};
use crate::file_name::{is_photo, printable};
use crate::watch::Watch;
use imagenette_files::input;

/// How deep folders are followed: links may form a cycle.
const DEEPEST: usize = 8;
/// Folders of ImageNet that hold more than a million files, and no photos.
const WITHOUT_PHOTOS: [&str; 2] = ["Annotations", "ImageSets"];
/// The names that the list of validation classes has in the copies in use.
const LISTS: [&str; 5] = [
    "LOC_val_solution.csv",
    "ILSVRC2012_validation_ground_truth.txt",
    "imagenet_2012_validation_synset_labels.txt",
    "synset_labels.txt",
    "val.txt",
];

/// Something that holds photos.
#[derive(Debug)]
pub(super) enum Item {
    /// A folder with photos directly in it.
    Folder { path: PathBuf, relative: String },
    /// A tar, compressed or not.
    Tar { path: PathBuf, relative: String },
    /// A parquet file.
    Parquet { path: PathBuf, relative: String },
}

struct Look<'a> {
    wants_class: &'a dyn Fn(&str) -> bool,
    watch: &'a dyn Watch,
    found: Original,
    lists: Vec<PathBuf>,
}

pub(super) fn look_through(
    from: &[PathBuf],
    wants_class: &dyn Fn(&str) -> bool,
    watch: &dyn Watch,
) -> Result<Original> {
    let found = Original { items: Vec::new(), folder_photos: 0, container_bytes: 0, list: None, name: String::new() };
    let mut look = Look { wants_class, watch, found, lists: Vec::new() };
    let mut names = Vec::new();
    for path in from {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => DataError::Missing {
                what: "copy of ImageNet",
                path: path.clone(),
                hint: "check the path given with --from".into(),
            },
            _ => DataError::io("read", path)(error),
        })?;
        let absolute = std::path::absolute(path).map_err(DataError::io("find", path))?;
        let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if metadata.is_dir() {
            // Only a split's name says something about the contents of the folder; any other name is up to the user.
            let top = match address::read(&format!("{name}/a.JPEG")) {
                Ok(Named::Photo(address)) if address.origin != Origin::Unknown => name.clone(),
                _ => String::new(),
            };
            look.folder(path, &top, 0)?;
        } else if name.ends_with(".parquet") {
            look.container(path, metadata.len(), |path, relative| Item::Parquet { path, relative }, name.clone());
        } else if devkit::is_devkit(&name) || LISTS.contains(&name.as_str()) {
            look.lists.push(path.clone());
        } else {
            // A file given by hand is taken for a tar whatever its name is, and `test.tar` for the user's own.
            let relative = if archive_stem(&name).is_some_and(|stem| stem != "test" && stem != "unsup") {
                name.clone()
            } else {
                format!("_{name}.tar")
            };
            look.container(path, metadata.len(), |path, relative| Item::Tar { path, relative }, relative);
        }
        names.push(name);
    }
    let Look { mut found, lists, .. } = look;
    found.name = names.join(" + ");
    for list in &lists {
        match read_list(list) {
            Ok(read) => {
                found.list = Some(read);
                break;
            }
            Err(error) if from.contains(list) => return Err(error),
            // Whoever needs the list is told how to give one; many folders hold a `val.txt` of another kind.
            Err(error) => watch.notice(&format!("not used as a list of validation classes: {error}")),
        }
    }
    if found.items.is_empty() {
        return Err(DataError::malformed(
            from.first().map_or(Path::new(""), PathBuf::as_path),
            "folders of photos, tars or parquet files",
            "nothing with photos of the wanted classes",
            "give the folder, or each file with a --from of its own: ILSVRC2012_img_train.tar, a folder with train/ \
             and val/, Kaggle's ILSVRC/, Hugging Face's data/, or a folder of class folders",
        ));
    }
    Ok(found)
}

/// Reads a list of validation classes, with the `meta.mat` next to it, or both from the development kit.
pub(crate) fn read_list(path: &Path) -> Result<ValidationList> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (text, matlab) = if devkit::is_devkit(&name) {
        devkit::read(path)?
    } else {
        let text = input::read(path, input::TEXT_BYTES)?;
        (text, input::read(&path.with_file_name("meta.mat"), input::TEXT_BYTES).ok())
    };
    let hint = "give another list with --val-list: LOC_val_solution.csv, 50,000 lines of WordNet ids, or lines of \
                `file name, class`";
    ValidationList::parse(&text, matlab.as_deref())
        .map_err(|found| DataError::malformed(path, "the class of each validation photo", found, hint))
}

impl Look<'_> {
    fn container(&mut self, path: &Path, bytes: u64, item: fn(PathBuf, String) -> Item, relative: String) {
        self.found.container_bytes += bytes;
        self.found.items.push(item(path.to_owned(), relative));
    }

    fn folder(&mut self, folder: &Path, relative: &str, depth: usize) -> Result<()> {
        if self.watch.interrupted() {
            return Err(DataError::Interrupted);
        }
        let join = |name: &str| if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
        let mut photos = 0;
        for (name, path, kind) in entries(folder)? {
            let Some(name) = name.to_str() else {
                // It is reported when the folder is read; a folder with such a name cannot hold a wanted class.
                photos += u64::from(kind == Kind::File);
                continue;
            };
            let class_is_unwanted = class_of_container(name).is_some_and(|wnid| !(self.wants_class)(wnid));
            match kind {
                _ if name.starts_with('.') => {}
                Kind::Folder => {
                    if depth < DEEPEST && !class_is_unwanted && !WITHOUT_PHOTOS.contains(&name) {
                        self.folder(&path, &join(name), depth + 1)?;
                    }
                }
                Kind::File if is_photo(name) => photos += 1,
                Kind::File if devkit::is_devkit(name) || LISTS.contains(&name) => self.lists.push(path),
                Kind::File if archive_stem(name).is_some() || name.ends_with(".parquet") => {
                    if !class_is_unwanted {
                        let bytes = fs::metadata(&path).map_err(DataError::io("read", &path))?.len();
                        let item: fn(PathBuf, String) -> Item = if name.ends_with(".parquet") {
                            |path, relative| Item::Parquet { path, relative }
                        } else {
                            |path, relative| Item::Tar { path, relative }
                        };
                        self.container(&path, bytes, item, join(name));
                    }
                }
                Kind::File | Kind::Other => photos += u64::from(kind == Kind::Other && is_photo(name)),
            }
        }
        if photos > 0 {
            self.found.folder_photos += photos;
            self.found.items.push(Item::Folder { path: folder.to_owned(), relative: relative.to_owned() });
        }
        Ok(())
    }
}

/// Shows the photos that are directly in a folder to the visitor.
pub(super) fn read_folder(folder: &Path, relative: &str, visitor: &mut dyn Visitor) -> Result<()> {
    for (name, path, kind) in entries(folder)? {
        visitor.passed(relative, 0)?;
        if kind == Kind::Folder {
            continue;
        }
        let Some(name) = name.to_str() else {
            let shown = format!("{relative}/{}", printable(&name.to_string_lossy()));
            visitor.trouble(&shown, "a name that is not UTF-8")?;
            continue;
        };
        let shown = if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
        match address::read(&shown) {
            Ok(Named::Photo(_)) if kind == Kind::Other => visitor.trouble(&shown, "neither a file nor a folder")?,
            Ok(Named::Photo(mut address)) => {
                if visitor.wants(&mut address, &shown)? {
                    visitor.photo(address, &shown, Content::File(path))?;
                }
            }
            Ok(Named::Other) => visitor.other(),
            Ok(Named::Archive) => {}
            Err(reason) => visitor.trouble(&printable(&shown), &reason)?,
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A device, a pipe, a broken link.
    Other,
}

/// The entries of a folder, sorted by name so that every system gives the same order. Links are followed.
fn entries(folder: &Path) -> Result<Vec<(std::ffi::OsString, PathBuf, Kind)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let entry = entry.map_err(DataError::io("list", folder))?;
        let mut kind = entry.file_type().map_err(DataError::io("read", &entry.path()))?;
        if kind.is_symlink() {
            match fs::metadata(entry.path()) {
                Ok(metadata) => kind = metadata.file_type(),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(DataError::io("read", &entry.path())(error)),
            }
        }
        let kind = if kind.is_dir() {
            Kind::Folder
        } else if kind.is_file() {
            Kind::File
        } else {
            Kind::Other
        };
        entries.push((entry.file_name(), entry.path(), kind));
    }
    entries.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    Ok(entries)
}
