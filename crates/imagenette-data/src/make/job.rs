//! What the maker is asked to do, and what it says when it is done.

use std::path::{Path, PathBuf};

use super::spec::Spec;
use super::summary::Summary;
use crate::manifest::Manifest;

/// The form in which a dataset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A folder with its manifest.
    Folder,
    /// A tar.
    Tar,
    /// A compressed tar, like the official archives.
    Tgz,
}

/// A job for [`make`](super::make()).
#[derive(Debug, Clone)]
pub struct MakeJob {
    /// What to make.
    pub spec: Spec,
    /// The copy of ImageNet: folders, tars, parquet files.
    pub from: Vec<PathBuf>,
    /// A list of the classes of validation photos, for a copy without one.
    pub val_list: Option<PathBuf>,
    /// A list of members instead of the shipped one: a text, the folder of a dataset, or an archive.
    pub members: Option<PathBuf>,
    /// A table of noisy labels to add.
    pub noise_from: Option<PathBuf>,
    /// The folder for the datasets.
    pub out: PathBuf,
    /// The form in which they are written.
    pub form: Form,
    /// Make only this shard, counted from 1, of this many.
    pub shard: Option<(u32, u32)>,
    /// Stop at the first photo that cannot be used.
    pub strict: bool,
    /// Replace what is there, and begin unfinished work again.
    pub force: bool,
    /// Threads that decode and encode.
    pub threads: usize,
}

/// What came of a job.
#[derive(Debug)]
pub enum Made {
    /// Finished datasets, and what became of the photos; no summary when all datasets were there before.
    Datasets(Vec<MadeDataset>, Option<Summary>),
    /// A shard.
    Shard {
        /// Its folder.
        folder: PathBuf,
        /// How many photos it has.
        photos: usize,
        /// How many photos and members could not be used.
        skipped: usize,
    },
}

/// A finished dataset.
#[derive(Debug)]
pub struct MadeDataset {
    /// Its folder or archive.
    pub path: PathBuf,
    /// Its manifest; `None` for an archive that was there before.
    pub manifest: Option<Manifest>,
    /// Whether it was there before.
    pub was_there: bool,
}

/// How shards are joined.
#[derive(Debug, Clone)]
pub struct MergeJob {
    /// As in [`MakeJob::members`]: the list that the shards were made with.
    pub members: Option<PathBuf>,
    /// As in [`MakeJob::noise_from`].
    pub noise_from: Option<PathBuf>,
    /// As in [`MakeJob::out`]; when there is none, the folder that has the shards' folder.
    pub out: Option<PathBuf>,
    /// As in [`MakeJob::form`].
    pub form: Form,
    /// As in [`MakeJob::force`].
    pub force: bool,
}

/// The folder for the shards of a spec.
pub fn parts_folder(out: &Path, spec: &Spec) -> PathBuf {
    out.join(format!("{}.parts", spec.name))
}
