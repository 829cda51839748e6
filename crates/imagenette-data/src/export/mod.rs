//! A dataset goes in, a folder that other tools read comes out: tar shards for WebDataset, or parquet files as on
//! Hugging Face.
//!
//! The bytes of an export follow from the dataset and the options alone. Photos are stored as they are, and checked
//! against the manifest on the way. The folder appears when all of it is written, or not at all.

mod output;
mod parquet;
mod plan;
mod webdataset;

use std::fs;
use std::path::{Path, PathBuf};

use imagenette_files::hash::sha256;
use imagenette_files::input;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::edition::Split;
use crate::error::{DataError, Result};
use crate::image::Format;
use crate::manifest::ImageEntry;
use crate::watch::{Unit, Watch};
use output::Output;
use plan::{Shard, plan};

/// The file that says what an export was made from.
pub const EXPORT_FILE: &str = "export.json";
const FORMAT: &str = "imagenette-export";
const VERSION: u32 = 1;

/// The tools that a dataset can be exported for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Tar shards (`train-000000.tar`) of `00000042.jpg`, `00000042.cls` (the label) and `00000042.json`.
    Webdataset,
    /// Parquet files (`train-00000-of-00003.parquet`) of `image` {bytes, path} and `label`, with the features' names.
    Parquet,
}

/// How a dataset is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportOptions {
    /// The tool.
    pub target: Target,
    /// About the largest size of a shard; photos are never divided.
    pub shard_bytes: u64,
    /// Shuffles the train photos with this seed, so that every shard has photos of every class, which tools need that
    /// read one shard after another; `None` keeps the order of the manifest. Val is never shuffled.
    pub shuffle_seed: Option<u64>,
}

impl ExportOptions {
    /// Shards of 300 MB, shuffled with seed 0.
    pub fn new(target: Target) -> Self {
        Self { target, shard_bytes: 300_000_000, shuffle_seed: Some(0) }
    }
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The folder.
    pub folder: PathBuf,
    /// The number of photos.
    pub photos: usize,
    /// The files, in the order in which they were written.
    pub files: Vec<ExportedFile>,
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// Its path in the folder.
    pub path: String,
    /// The split of its photos.
    pub split: Split,
    /// The number of its photos.
    pub photos: usize,
    /// Its length.
    pub bytes: u64,
    /// sha256 of the file.
    pub sha256: String,
}

/// What [`EXPORT_FILE`] says.
#[derive(Serialize)]
struct Account<'a> {
    format: &'static str,
    version: u32,
    dataset: &'a str,
    edition: crate::edition::Edition,
    size: &'a str,
    identity: String,
    source: &'a crate::manifest::Source,
    target: Target,
    shuffle_seed: Option<u64>,
    classes: &'a [crate::class::Class],
    files: &'a [ExportedFile],
}

/// Exports a dataset into a folder that must not exist yet.
///
/// # Errors
/// When there is something at the folder's place or another process is exporting there, when a photo is missing or is
/// not the one that the manifest says, when the disk is full or not writable, or when the caller interrupts. Nothing
/// is left behind.
pub fn export(dataset: &Dataset, folder: &Path, options: &ExportOptions, watch: &dyn Watch) -> Result<Exported> {
    if options.shard_bytes == 0 {
        return Err(DataError::Setting {
            key: "shard size".into(),
            expected: "1 byte or more".into(),
            found: "0".into(),
            hint: "leave it out for 300 MB".into(),
        });
    }
    let output = Output::begin(folder)?;
    let shards = plan(&dataset.manifest, options);
    let photos = dataset.manifest.images.len();
    watch.begin(&format!("exporting {}", dataset.manifest.name), Some(photos as u64), Unit::Photos);
    let files = match options.target {
        Target::Webdataset => webdataset::write(dataset, &shards, &output, watch)?,
        Target::Parquet => parquet::write(dataset, &shards, &output, watch)?,
    };
    let manifest = &dataset.manifest;
    let account = Account {
        format: FORMAT,
        version: VERSION,
        dataset: &manifest.name,
        edition: manifest.edition,
        size: &manifest.size,
        identity: manifest.identity(),
        source: &manifest.source,
        target: options.target,
        shuffle_seed: options.shuffle_seed,
        classes: &manifest.classes,
        files: &files,
    };
    let account = serde_json::to_vec_pretty(&account).expect("strings and numbers always serialize");
    let path = output.path(EXPORT_FILE);
    fs::write(&path, account).map_err(DataError::io("write", &path))?;
    output.finish()?;
    Ok(Exported { folder: folder.to_owned(), photos, files })
}

/// The file of a photo, if it is what the manifest says.
fn read_photo(dataset: &Dataset, sample: u32, image: &ImageEntry, watch: &dyn Watch) -> Result<(Vec<u8>, Format)> {
    if watch.interrupted() {
        return Err(DataError::Interrupted);
    }
    let path = dataset.path_of(sample);
    let bytes = input::read(&path, input::PHOTO_BYTES)?;
    let found = sha256(&bytes);
    if found != image.sha256 {
        return Err(DataError::Checksum { path, expected: image.sha256.clone(), found });
    }
    let format = Format::of(&bytes).map_err(|reason| DataError::Photo { path, reason })?;
    watch.advance(1);
    Ok((bytes, format))
}

/// The photos of a shard, with their sample numbers.
fn images<'a>(dataset: &'a Dataset, shard: &'a Shard) -> impl Iterator<Item = (u32, &'a ImageEntry)> {
    shard.samples.iter().map(|&sample| (sample, &dataset.manifest.images[sample as usize]))
}
