//! What is asked of the maker, and what it says when it is done.

use std::path::{Path, PathBuf};

use super::spec::Spec;
use super::summary::Summary;
use crate::manifest::Manifest;

/// What a dataset is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A folder with its manifest.
    Folder,
    /// A tar.
    Tar,
    /// A compressed tar, as the official archives are.
    Tgz,
}

/// A making.
#[derive(Debug, Clone)]
pub struct MakeJob {
    /// What to make.
    pub spec: Spec,
    /// The copy: folders, tars, parquet files.
    pub from: Vec<PathBuf>,
    /// The classes of validation photos, where the copy has no list of them.
    pub val_list: Option<PathBuf>,
    /// A list of members that stands for the shipped one: a text, a dataset's folder, an archive.
    pub members: Option<PathBuf>,
    /// A table of noisy labels to put beside the photos.
    pub noise_from: Option<PathBuf>,
    /// The folder in which the datasets come to lie, each under its name.
    pub out: PathBuf,
    /// What they are written as.
    pub form: Form,
    /// Make only this shard, counted from 1, of so many.
    pub shard: Option<(u32, u32)>,
    /// End at the first photo that cannot be used.
    pub strict: bool,
    /// Replace what is there, and begin anew what is unfinished.
    pub force: bool,
    /// Threads that decode and encode.
    pub threads: usize,
}

/// What a making left.
#[derive(Debug)]
pub enum Made {
    /// Finished datasets, and what became of the photos; no summary when all of them were there before.
    Datasets(Vec<MadeDataset>, Option<Summary>),
    /// A shard: its folder, how many photos it made and how many files it could not use.
    Shard {
        /// Where it lies.
        folder: PathBuf,
        /// Photos in it.
        photos: usize,
        /// Photos and members that cannot be used.
        skipped: usize,
    },
}

/// A finished dataset.
#[derive(Debug)]
pub struct MadeDataset {
    /// Its folder or archive.
    pub path: PathBuf,
    /// What is in it; for an archive that was there before, nothing is known.
    pub manifest: Option<Manifest>,
    /// Whether it was there before.
    pub was_there: bool,
}

/// How shards are joined.
#[derive(Debug, Clone)]
pub struct MergeJob {
    /// As in [`MakeJob::members`](MakeJob::members): the list that the shards were made with.
    pub members: Option<PathBuf>,
    /// As in [`MakeJob::noise_from`](MakeJob::noise_from).
    pub noise_from: Option<PathBuf>,
    /// As in [`MakeJob::out`](MakeJob::out); beside the shards' folder when there is none.
    pub out: Option<PathBuf>,
    /// As in [`MakeJob::form`](MakeJob::form).
    pub form: Form,
    /// As in [`MakeJob::force`](MakeJob::force).
    pub force: bool,
}

/// Where the shards of a spec lie.
pub fn parts_folder(out: &Path, spec: &Spec) -> PathBuf {
    out.join(format!("{}.parts", spec.name))
}
