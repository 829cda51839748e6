//! Parquet files as Hugging Face's `datasets` writes them: `image` is a structure of the bytes and the name of the
//! file, `label` is a number, and the key `huggingface` in the metadata says that they are an Image and a ClassLabel.

use std::io;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::output::{HashedFile, Output};
use super::plan::Shard;
use super::{ExportedFile, images, read_photo};
use crate::dataset::Dataset;
use crate::edition::Split;
use crate::error::{DataError, Result};
use crate::manifest::{ImageEntry, Manifest};
use crate::watch::Watch;

/// Photos in a row group: what `datasets` uses for images, so that a reader can skip and a writer needs little memory.
const ROWS: usize = 100;
/// What stands for "no label" in Hugging Face's libraries.
const NO_LABEL: i64 = -1;
const SCHEMA: &str = "message schema {
    optional group image { optional binary bytes; optional binary path (STRING); }
    optional int64 label;
}";
/// The depth of the values: `image` and its parts may each be missing, and `label` itself.
const IN_IMAGE: i16 = 2;
const AT_TOP: i16 = 1;

pub(super) fn write(
    dataset: &Dataset,
    shards: &[Shard],
    output: &Output,
    watch: &dyn Watch,
) -> Result<Vec<ExportedFile>> {
    let folder = output.path("data");
    std::fs::create_dir(&folder).map_err(DataError::io("create", &folder))?;
    let features = features(&dataset.manifest);
    shards.iter().map(|shard| write_file(dataset, shard, &features, output, watch)).collect()
}

fn write_file(
    dataset: &Dataset,
    shard: &Shard,
    features: &str,
    output: &Output,
    watch: &dyn Watch,
) -> Result<ExportedFile> {
    let name = format!("data/{}-{:05}-of-{:05}.parquet", split_name(shard.split), shard.number, shard.of);
    let file = output.file(&name)?;
    let path = file.path().to_owned();
    let failed = |error: ParquetError| DataError::io("write", &path)(io_error(error));
    let schema = Arc::new(parse_message_type(SCHEMA).expect("the schema is part of this program, and tested"));
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![KeyValue::new("huggingface".to_owned(), features.to_owned())]))
        // Photos hardly compress, are not repeated and have no order.
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_write_batch_size(1)
        .build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(failed)?;
    let all: Vec<(u32, &ImageEntry)> = images(dataset, shard).collect();
    for rows in all.chunks(ROWS) {
        let photos: Result<Vec<ByteArray>> = rows
            .iter()
            .map(|(sample, image)| Ok(ByteArray::from(read_photo(dataset, *sample, image, watch)?.0)))
            .collect();
        let names: Vec<ByteArray> = rows.iter().map(|(_, image)| ByteArray::from(image.file_name.as_str())).collect();
        let labels: Vec<i64> = rows.iter().map(|(_, image)| image.label.map_or(NO_LABEL, i64::from)).collect();
        let mut group = writer.next_row_group().map_err(failed)?;
        write_rows(&mut group, &photos?, &names, &labels).map_err(failed)?;
        group.close().map_err(failed)?;
    }
    let file = writer.into_inner().map_err(failed)?;
    let (bytes, sha256) = file.finish()?;
    Ok(ExportedFile { path: name, split: shard.split, photos: shard.samples.len(), bytes, sha256 })
}

/// The columns in the order of the schema.
fn write_rows(
    group: &mut SerializedRowGroupWriter<'_, HashedFile>,
    photos: &[ByteArray],
    names: &[ByteArray],
    labels: &[i64],
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has three columns".into());
    for values in [photos, names] {
        let mut column = group.next_column()?.ok_or_else(missing)?;
        column.typed::<ByteArrayType>().write_batch(values, Some(&vec![IN_IMAGE; values.len()]), None)?;
        column.close()?;
    }
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<Int64Type>().write_batch(labels, Some(&vec![AT_TOP; labels.len()]), None)?;
    column.close()
}

/// The features as `datasets` writes them, with the classes' names in label order.
fn features(manifest: &Manifest) -> String {
    let names: Vec<&str> = manifest.classes.iter().map(|class| class.name.as_str()).collect();
    let distinct: std::collections::BTreeSet<&str> = names.iter().copied().collect();
    let wnids: Vec<&str> = manifest.classes.iter().map(|class| class.wnid.as_str()).collect();
    // `datasets` refuses a ClassLabel with the same name twice (ImageNet has two cranes).
    let names = if distinct.len() == names.len() { names } else { wnids };
    serde_json::json!({"info": {"features": {
        "image": {"_type": "Image"},
        "label": {"names": names, "_type": "ClassLabel"},
    }}})
    .to_string()
}

/// The split's name on Hugging Face.
fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Unsup => "unsupervised",
        Split::Val => "validation",
        Split::Test => "test",
    }
}

/// What the system said, where it was the system.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
