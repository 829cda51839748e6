//! A copy of ImageNet, or any folder of class folders, in the form in which people keep it: paths go in, photos with
//! their addresses come out, in one pass and in an order that depends on the copy alone.
//!
//! A new way of naming photos is a rule in [`address`]; a new container is one file next to [`tar`] and [`parquet`].

pub mod address;
pub(crate) mod bytes;
mod devkit;
mod listing;
pub mod parquet;
pub mod synsets;
pub mod tar;
pub mod validation;

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Result};
use crate::intake::compression::Kind;
use crate::watch::Watch;
use address::Address;
use imagenette_files::input;
use listing::Item;
pub(crate) use listing::read_list;
use tar::TarEnd;
pub use validation::ValidationList;

/// Where a photo's bytes are.
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Bytes(Vec<u8>),
    /// In a file that whoever decodes the photo reads.
    File(PathBuf),
}

/// Receives the photos of a copy, and says which of them it wants before they are read.
pub trait Visitor {
    /// Whether anything of a class is wanted; asked for folders and tars whose name is a WordNet id.
    fn wants_class(&self, wnid: &str) -> bool;

    /// Whether a photo is wanted; fills in its class where its path does not say it.
    ///
    /// # Errors
    /// When reading should stop.
    fn wants(&mut self, address: &mut Address, path: &str) -> Result<bool>;

    /// Takes a photo that is wanted.
    ///
    /// # Errors
    /// When reading should stop.
    fn photo(&mut self, address: Address, path: &str, content: Content) -> Result<()>;

    /// Is told of something that cannot be used, and why.
    ///
    /// # Errors
    /// When reading should stop.
    fn trouble(&mut self, path: &str, reason: &str) -> Result<()>;

    /// Is told of a file that is not a photo.
    fn other(&mut self);

    /// Is told that this many bytes of a container were read or skipped.
    ///
    /// # Errors
    /// When reading should stop.
    fn passed(&mut self, container: &str, bytes: u64) -> Result<()>;
}

/// A copy of ImageNet whose folders were listed: what there is to read, and how much.
#[derive(Debug)]
pub struct Original {
    items: Vec<Item>,
    /// Photos in folders.
    pub folder_photos: u64,
    /// Bytes of tars and parquet files.
    pub container_bytes: u64,
    /// The list of validation classes in the copy, if there is one.
    pub list: Option<ValidationList>,
    /// The names of the paths given, for the record.
    pub name: String,
}

impl Original {
    /// Lists a copy without reading photos. `wants_class` says which class folders and tars matter.
    ///
    /// # Errors
    /// When a path does not exist or cannot be read, when nothing below the paths can hold photos, or when a list of
    /// validation classes that was given cannot be understood.
    pub fn open(from: &[PathBuf], wants_class: &dyn Fn(&str) -> bool, watch: &dyn Watch) -> Result<Self> {
        listing::look_through(from, wants_class, watch)
    }

    /// The folders that are classes, by their paths in the copy.
    pub(super) fn class_folders(&self) -> HashSet<String> {
        let of_folder = |item: &Item| match item {
            Item::Folder { relative, .. } if address::is_class_folder(relative) => Some(relative.clone()),
            _ => None,
        };
        self.items.iter().filter_map(of_folder).collect()
    }

    /// Shows every photo to the visitor, once, in one pass. Compressed tars report their progress to the watch
    /// themselves.
    ///
    /// # Errors
    /// What the visitor returns; when the system refuses to read; when a tar or parquet file is damaged. A damaged tar
    /// inside a tar is reported to the visitor as trouble, and the rest is read.
    pub fn read(&self, visitor: &mut dyn Visitor, watch: Option<&dyn Watch>) -> Result<()> {
        for item in &self.items {
            match item {
                Item::Folder { path, relative } => listing::read_folder(path, relative, visitor)?,
                Item::Tar { path, relative } => self.read_tar(path, relative, visitor, watch)?,
                Item::Parquet { path, relative } => {
                    let (file, _) = input::open(path, u64::MAX)?;
                    if let Some(reason) = parquet::read(file, relative, visitor)? {
                        let hint = "Hugging Face's imagenet-1k can be read: uncompressed, snappy or gzip, with the \
                                    columns image and label; fetch the file again if it is damaged";
                        return Err(damaged(path, "a parquet file with photos", reason, hint));
                    }
                }
            }
        }
        Ok(())
    }

    fn read_tar(
        &self,
        path: &Path,
        relative: &str,
        visitor: &mut dyn Visitor,
        watch: Option<&dyn Watch>,
    ) -> Result<()> {
        let (mut file, length) = input::open(path, u64::MAX)?;
        let mut begin = [0; 512];
        let read = tar::ReadAt::read_at(&file, &mut begin, 0).map_err(DataError::io("read", path))?;
        let kind = Kind::of(&begin[..read]);
        if let Some(name) = kind.name() {
            let hint = "unpack it and give the folder, or install it as it is with `imagenette get --from FILE` (with \
                        `--split 70:30` where it has no val)";
            return Err(damaged(path, "a tar, in gzip or as it is", name.into(), hint));
        }
        let ended = if kind == Kind::Gzip {
            tar::read_gzip(&mut Followed { reader: &mut file, watch }, relative, visitor)?
        } else if length == 0 {
            TarEnd::Broken("an empty file".into())
        } else {
            tar::read(&file, length, relative, visitor)?
        };
        match ended {
            TarEnd::Whole => Ok(()),
            TarEnd::Broken(reason) => {
                let hint = "fetch this file again, then run the same command: what was finished is kept";
                Err(damaged(path, "a whole tar", reason, hint))
            }
        }
    }
}

fn damaged(path: &Path, expected: &str, found: String, hint: &str) -> DataError {
    DataError::malformed(path, expected, found, hint)
}

/// A file whose reading a watch follows.
struct Followed<'a> {
    reader: &'a mut File,
    watch: Option<&'a dyn Watch>,
}

impl Read for Followed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.reader.read(buffer)?;
        if let Some(watch) = self.watch {
            watch.advance(n as u64);
        }
        Ok(n)
    }
}
