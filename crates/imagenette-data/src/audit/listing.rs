//! A dataset, or any folder with its layout, goes in; the list of what to audit comes out. Unlike `get`, this refuses
//! nothing in a folder: finding what is wrong is what an audit is for.

use std::fs;
use std::path::{Path, PathBuf};

use super::photo::Turn;
use crate::class::Class;
use crate::dataset::{Dataset, Fault};
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::file_name::{is_clutter, is_photo};
use crate::watch::Silent;

/// What is audited: a dataset with its manifest, or a folder without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The dataset's name, or the folder's.
    pub name: String,
    /// The folder.
    pub root: PathBuf,
    /// Its edition; [`Edition::Own`] where nothing tells it.
    pub edition: Edition,
    /// The size of its photos according to the manifest.
    pub size: Option<String>,
    /// The hash of its content according to the manifest.
    pub identity: Option<String>,
    /// The classes in label order.
    pub classes: Vec<Class>,
    pub(super) items: Vec<Item>,
    /// Files that are not part of the dataset, or that the manifest does not list.
    pub(super) strays: Vec<String>,
}

/// A file that should be a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) split: Split,
    pub(super) label: Option<u16>,
    /// Its path in the root, with `/`.
    pub(super) path: String,
    pub(super) turn: Turn,
    /// Its sha256 according to the manifest.
    pub(super) sha256: Option<String>,
}

impl Item {
    pub(super) fn file_name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }
}

impl Subject {
    /// A dataset with its manifest.
    ///
    /// # Errors
    /// When its folders cannot be listed.
    pub fn of_dataset(dataset: &Dataset) -> Result<Self> {
        let manifest = &dataset.manifest;
        let report = dataset.verify(false, &Silent)?;
        let strays = report.problems.into_iter().filter(|problem| problem.fault == Fault::Extra);
        Ok(Self {
            name: manifest.name.clone(),
            root: dataset.root.clone(),
            edition: manifest.edition,
            size: Some(manifest.size.clone()),
            identity: Some(manifest.identity()),
            classes: manifest.classes.clone(),
            items: manifest
                .images
                .iter()
                .map(|image| Item {
                    split: image.split,
                    label: image.label,
                    path: manifest.relative_path(image),
                    turn: Turn::As(image.turned),
                    sha256: Some(image.sha256.clone()),
                })
                .collect(),
            strays: strays.map(|problem| problem.path).collect(),
        })
    }

    /// A folder without a manifest, with `train/<class>/<photo>` and perhaps `val/<class>/<photo>`,
    /// `test/<class>/<photo>` and `unsup/<photo>`, under any of the names that people give to these. Photos are turned as `get` would.
    ///
    /// # Errors
    /// When there is no such folder, when it has none of these, or when something in it cannot be listed.
    pub fn of_folder(root: &Path) -> Result<Self> {
        let (mut found, mut strays) = (Vec::new(), Vec::new());
        let mut wnids = Vec::new();
        let top = if root.is_dir() { entries(root)? } else { Vec::new() };
        let mut folders: Vec<(Split, String, PathBuf)> = top
            .into_iter()
            .filter(|(_, path)| path.is_dir())
            .filter_map(|(name, path)| Some((Split::of_folder(&name)?, name, path)))
            .collect();
        folders.sort();
        for (split, split_name, folder) in folders {
            for (name, path) in entries(&folder)? {
                let relative = format!("{split_name}/{name}");
                if is_clutter(&name) {
                    continue;
                }
                if !path.is_dir() {
                    file(split, None, relative, split == Split::Unsup, &mut found, &mut strays);
                    continue;
                }
                let wnid = (split != Split::Unsup).then_some(&name);
                wnids.extend(wnid.cloned());
                for (file_name, path) in entries(&path)? {
                    let relative = format!("{relative}/{file_name}");
                    file(split, wnid.cloned(), relative, !path.is_dir(), &mut found, &mut strays);
                }
            }
        }
        if found.is_empty() {
            return Err(DataError::Missing {
                what: "folder `train` or `val` with photos",
                path: root.to_owned(),
                hint: "name an installed dataset, or a folder with train/<class>/<photo> and val/<class>/<photo>"
                    .into(),
            });
        }
        wnids.sort();
        wnids.dedup();
        let label = |wnid: &String| u16::try_from(wnids.binary_search(wnid).expect("it was collected")).ok();
        let absolute = std::path::absolute(root).map_err(DataError::io("find", root))?;
        Ok(Self {
            name: absolute.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            root: root.to_owned(),
            edition: Edition::Own,
            size: None,
            identity: None,
            items: found
                .into_iter()
                .map(|(split, wnid, path)| Item {
                    split,
                    label: wnid.as_ref().and_then(label),
                    path,
                    turn: Turn::Noted,
                    sha256: None,
                })
                .collect(),
            classes: wnids.iter().map(|wnid| Class::of(wnid)).collect(),
            strays,
        })
    }
}

type Found = (Split, Option<String>, String);

fn file(
    split: Split,
    wnid: Option<String>,
    relative: String,
    is_in_place: bool,
    found: &mut Vec<Found>,
    strays: &mut Vec<String>,
) {
    let name = relative.rsplit_once('/').map_or(&*relative, |(_, name)| name);
    if is_clutter(name) {
        return;
    }
    if is_in_place && is_photo(name) {
        found.push((split, wnid, relative));
    } else {
        strays.push(relative);
    }
}

/// The entries of a folder, sorted by name. Names that are not UTF-8 get replacement characters, and are then not
/// found.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let entry = entry.map_err(DataError::io("list", folder))?;
        entries.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    entries.sort();
    Ok(entries)
}
