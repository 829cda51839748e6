//! A dataset on disk: its folder and its manifest, and the check that they still agree.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use imagenette_files::FileError;
use imagenette_files::hash::sha256_of_file;

use crate::edition::Split;
use crate::error::{DataError, Result};
use crate::file_name::is_clutter;
use crate::manifest::{ImageEntry, Manifest};
use crate::threads::{map, thread_count};
use crate::watch::{Unit, Watch};

/// What stands for the label of a sample without one; never an index.
pub const UNLABELED: u16 = 0xFFFF;

/// A dataset's folder and the list of what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The dataset's folder.
    pub root: PathBuf,
    /// Its images.
    pub manifest: Manifest,
}

impl Dataset {
    /// Opens the dataset in a folder. Only the manifest is read; [`Dataset::verify`] checks the photos.
    ///
    /// # Errors
    /// When there is no such folder, or when its manifest is missing (it was never completely installed) or damaged.
    pub fn open(root: &Path) -> Result<Self> {
        if !root.is_dir() {
            return Err(DataError::Missing {
                what: "dataset",
                path: root.to_owned(),
                hint: "`imagenette info` lists what is installed; `imagenette get NAME` fetches one".into(),
            });
        }
        Ok(Self { root: root.to_owned(), manifest: Manifest::read(root)? })
    }

    /// The path of a sample's photo.
    ///
    /// # Panics
    /// When the manifest has no such sample.
    pub fn path_of(&self, sample: u32) -> PathBuf {
        self.root.join(self.manifest.relative_path(&self.manifest.images[sample as usize]))
    }

    /// The label of every sample; [`UNLABELED`] for those without one.
    pub fn labels(&self) -> Vec<u16> {
        self.manifest.images.iter().map(|image| image.label.unwrap_or(UNLABELED)).collect()
    }

    /// Compares the folder with the manifest and lists everything that differs.
    ///
    /// A shallow check asks whether every listed photo is there, with its length, and nothing else is in the folders
    /// of the splits. A deep one also reads and hashes every byte, on all cores.
    ///
    /// # Errors
    /// When a folder cannot be listed, or when the caller interrupts. What is wrong with photos is in the report.
    pub fn verify(&self, deep: bool, watch: &dyn Watch) -> Result<VerifyReport> {
        let images = &self.manifest.images;
        watch.begin(if deep { "hashing photos" } else { "checking photos" }, Some(images.len() as u64), Unit::Photos);
        // Boxed, since of a million photos hardly one has a problem.
        let found = map(images, thread_count(), watch, |(): &mut (), image| self.check(image, deep).map(Box::new))?;
        let mut problems: Vec<Problem> = found.into_iter().flatten().map(|problem| *problem).collect();
        problems.extend(self.extras()?);
        problems.sort();
        Ok(VerifyReport { photos: images.len(), bytes: images.iter().map(|image| image.bytes).sum(), deep, problems })
    }

    fn check(&self, image: &ImageEntry, deep: bool) -> Option<Problem> {
        let relative = self.manifest.relative_path(image);
        let path = self.root.join(&relative);
        let fault = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Fault::Missing,
            Err(error) => Fault::Unreadable { reason: error.to_string() },
            Ok(metadata) if !metadata.is_file() => Fault::Unreadable { reason: "it is not a file".into() },
            Ok(metadata) if metadata.len() != image.bytes => {
                Fault::Length { expected_bytes: image.bytes, found_bytes: metadata.len() }
            }
            Ok(_) if !deep => return None,
            Ok(_) => match sha256_of_file(&path) {
                Ok(found) if found == image.sha256 => return None,
                Ok(found) => Fault::Content { expected_sha256: image.sha256.clone(), found_sha256: found },
                // The problem names the path itself.
                Err(FileError::Io { source, .. }) => Fault::Unreadable { reason: source.to_string() },
                Err(error) => Fault::Unreadable { reason: error.to_string() },
            },
        };
        Some(Problem { path: relative, fault })
    }

    /// Everything in the split folders that the manifest does not list.
    fn extras(&self) -> Result<Vec<Problem>> {
        let listed: std::collections::HashSet<String> =
            self.manifest.images.iter().map(|image| self.manifest.relative_path(image)).collect();
        let mut folders = vec![];
        for split in Split::ALL {
            if self.root.join(split.name()).is_dir() {
                folders.push(split.name().to_owned());
            }
        }
        let mut extras = Vec::new();
        while let Some(folder) = folders.pop() {
            let path = self.root.join(&folder);
            for entry in fs::read_dir(&path).map_err(DataError::io("list", &path))? {
                let entry = entry.map_err(DataError::io("list", &path))?;
                let name = entry.file_name();
                let relative = format!("{folder}/{}", name.to_string_lossy());
                let is_class = folder.find('/').is_none() && entry.path().is_dir();
                if is_class && self.manifest.classes.iter().any(|class| name == class.wnid.as_str()) {
                    folders.push(relative);
                } else if !listed.contains(&relative) && !is_clutter(&name.to_string_lossy()) {
                    extras.push(Problem { path: relative, fault: Fault::Extra });
                }
            }
        }
        Ok(extras)
    }
}

/// What [`Dataset::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many photos the manifest lists; all of them were checked.
    pub photos: usize,
    /// How many bytes they have together.
    pub bytes: u64,
    /// Whether every byte was hashed.
    pub deep: bool,
    /// Every difference, sorted by path.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// Whether the folder holds what the manifest says.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One difference between a dataset's folder and its manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The photo's path below the dataset's folder.
    pub path: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.fault)
    }
}

/// What can be wrong with a photo of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is listed, but not there.
    Missing,
    /// It is there, but not listed.
    Extra,
    /// It has another length.
    Length {
        /// The manifest's.
        expected_bytes: u64,
        /// The file's.
        found_bytes: u64,
    },
    /// It has other content.
    Content {
        /// The manifest's.
        expected_sha256: String,
        /// The file's.
        found_sha256: String,
    },
    /// It cannot be read.
    Unreadable {
        /// What the system said.
        reason: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "missing"),
            Self::Extra => write!(f, "not in the manifest"),
            Self::Length { expected_bytes, found_bytes } => {
                write!(f, "expected {expected_bytes} bytes, found {found_bytes}")
            }
            Self::Content { expected_sha256, found_sha256 } => {
                write!(f, "expected sha256 {expected_sha256}, found {found_sha256}")
            }
            Self::Unreadable { reason } => write!(f, "unreadable: {reason}"),
        }
    }
}
