//! A dataset on disk: its folder and its manifest.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::manifest::Manifest;

/// A folder of photos with its manifest.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The dataset's folder.
    pub root: PathBuf,
    /// The list of its images.
    pub manifest: Manifest,
}

impl Dataset {
    /// Opens a dataset's folder.
    ///
    /// # Errors
    /// When the manifest is missing or damaged.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self { root: root.to_owned(), manifest: Manifest::read(root)? })
    }

    /// The file of a sample.
    pub fn path_of(&self, sample: u32) -> PathBuf {
        self.root.join(self.manifest.relative_path(&self.manifest.images[sample as usize]))
    }

    /// The labels by sample number; `0xFFFF` where a sample has none.
    pub fn labels(&self) -> Vec<u16> {
        self.manifest.images.iter().map(|image| image.label.unwrap_or(u16::MAX)).collect()
    }
}
