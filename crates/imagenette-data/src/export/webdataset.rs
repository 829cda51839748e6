//! Shards for WebDataset: tar files in which members with the same name up to the first dot are one sample.
//!
//! Names count the samples (`00000042.jpg`, `.cls`, `.json`), since the name of a photo may have dots and need not be
//! unique.

use serde::Serialize;

use super::output::{HashedFile, Output};
use super::plan::Shard;
use super::{ExportedFile, images, read_photo};
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::watch::Watch;

/// The `.json` of a sample.
#[derive(Serialize)]
struct Description<'a> {
    sample: u32,
    path: String,
    label: Option<u16>,
    wnid: Option<&'a str>,
    class: Option<&'a str>,
    width_px: u32,
    height_px: u32,
    sha256: &'a str,
}

pub(super) fn write(
    dataset: &Dataset,
    shards: &[Shard],
    output: &Output,
    watch: &dyn Watch,
) -> Result<Vec<ExportedFile>> {
    shards.iter().map(|shard| write_shard(dataset, shard, output, watch)).collect()
}

fn write_shard(dataset: &Dataset, shard: &Shard, output: &Output, watch: &dyn Watch) -> Result<ExportedFile> {
    let name = format!("{}-{:06}.tar", shard.split.name(), shard.number);
    let file = output.file(&name)?;
    let path = file.path().to_owned();
    let mut tar = tar::Builder::new(file);
    let mut append =
        |name: String, content: &[u8]| append(&mut tar, &name, content).map_err(DataError::io("write", &path));
    for (sample, image) in images(dataset, shard) {
        let (photo, format) = read_photo(dataset, sample, image, watch)?;
        let class = image.label.map(|label| &dataset.manifest.classes[usize::from(label)]);
        let description = Description {
            sample,
            path: dataset.manifest.relative_path(image),
            label: image.label,
            wnid: class.map(|class| class.wnid.as_str()),
            class: class.map(|class| class.name.as_str()),
            width_px: image.width_px,
            height_px: image.height_px,
            sha256: &image.sha256,
        };
        let description = serde_json::to_vec(&description).expect("strings and numbers always serialize");
        // Sorted by extension, which is the order in an unpacked and sorted folder.
        if let Some(label) = image.label {
            append(format!("{sample:08}.cls"), label.to_string().as_bytes())?;
        }
        if format.extension() < "json" {
            append(format!("{sample:08}.{}", format.extension()), &photo)?;
            append(format!("{sample:08}.json"), &description)?;
        } else {
            append(format!("{sample:08}.json"), &description)?;
            append(format!("{sample:08}.{}", format.extension()), &photo)?;
        }
    }
    let file = tar.into_inner().map_err(DataError::io("write", &path))?;
    let (bytes, sha256) = file.finish()?;
    Ok(ExportedFile { path: name, split: shard.split, photos: shard.samples.len(), bytes, sha256 })
}

/// Appends a member without owner and time, so that the same photos give the same bytes.
fn append(tar: &mut tar::Builder<HashedFile>, name: &str, content: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, content)
}
