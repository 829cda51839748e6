//! A synthetic ImageNet of a few small photos, written in every layout in use.
#![allow(dead_code, reason = "each test program uses its own part of this module")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// The classes: three of Imagenette and one that is not.
pub(crate) const CLASSES: [&str; 4] = ["n01440764", "n02102040", "n02979186", "n01443537"];
/// Their labels, which are not their numbers in `meta.mat`.
pub(crate) const LABELS: [i64; 4] = [0, 217, 482, 1];

/// A photo of the synthetic ImageNet.
pub(crate) struct Photo {
    pub(crate) wnid: &'static str,
    pub(crate) name: String,
    pub(crate) is_val: bool,
    pub(crate) bytes: Vec<u8>,
}

/// A JPEG of waves; sides and colors follow from the salt.
pub(crate) fn jpeg(width_px: u16, height_px: u16, salt: u32) -> Vec<u8> {
    let mut rgb = Vec::new();
    for y in 0..u32::from(height_px) {
        for x in 0..u32::from(width_px) {
            let wave = ((x * (salt % 5 + 1) + y * (salt % 3 + 1)) % 64) as u8;
            rgb.extend([wave * 3, wave.wrapping_add((salt * 31) as u8), (salt * 57) as u8]);
        }
    }
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 85);
    encoder.encode(&rgb, width_px, height_px, jpeg_encoder::ColorType::Rgb).expect("memory takes it all");
    bytes
}

/// Six train photos and two val photos per class. Names are ImageNet's own; of Imagenette's classes, v2 has four of
/// the train photos in train and two in val, and both val photos in train.
pub(crate) fn photos() -> Vec<Photo> {
    let train: [[u32; 6]; 4] =
        [[18, 36, 37, 39, 141, 172], [5, 30, 35, 37, 43, 132], [7, 11, 35, 40, 66, 73], [2, 3, 5, 7, 11, 13]];
    let val: [[u32; 2]; 4] = [[293, 2138], [665, 1968], [557, 2034], [236, 262]];
    let mut photos = Vec::new();
    for (class, wnid) in CLASSES.into_iter().enumerate() {
        for (at, number) in (0u32..).zip(train[class]) {
            let salt = class as u32 * 10 + at;
            let bytes = jpeg(60 + at as u16 * 4, 50 + class as u16, salt);
            photos.push(Photo { wnid, name: format!("{wnid}_{number}.JPEG"), is_val: false, bytes });
        }
        for (at, number) in (0u32..).zip(val[class]) {
            let bytes = jpeg(44, 70 + at as u16, class as u32 * 10 + 7 + at);
            photos.push(Photo { wnid, name: format!("ILSVRC2012_val_{number:08}.JPEG"), is_val: true, bytes });
        }
    }
    photos
}

/// The tar of these members, in order.
pub(crate) fn tar_of<'a>(members: impl IntoIterator<Item = (String, &'a [u8])>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).expect("memory takes it all");
    }
    builder.into_inner().expect("memory takes it all")
}

/// The train tar: a tar for each class.
pub(crate) fn train_tar(photos: &[Photo]) -> Vec<u8> {
    let classes: Vec<(String, Vec<u8>)> = CLASSES
        .into_iter()
        .map(|wnid| {
            let of = photos.iter().filter(|photo| photo.wnid == wnid && !photo.is_val);
            (format!("{wnid}.tar"), tar_of(of.map(|photo| (photo.name.clone(), &photo.bytes[..]))))
        })
        .collect();
    tar_of(classes.iter().map(|(name, bytes)| (name.clone(), &bytes[..])))
}

/// The flat val tar.
pub(crate) fn val_tar(photos: &[Photo]) -> Vec<u8> {
    tar_of(photos.iter().filter(|photo| photo.is_val).map(|photo| (photo.name.clone(), &photo.bytes[..])))
}

/// A list of `name wnid` lines for the val photos.
pub(crate) fn val_list(photos: &[Photo]) -> String {
    photos.iter().filter(|photo| photo.is_val).map(|photo| format!("{} {}\n", photo.name, photo.wnid)).collect()
}

/// Writes a file, and the folders above it.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder can be made");
    fs::write(path, bytes).expect("a file can be written");
}

/// The name of every layout.
pub(crate) const LAYOUTS: [&str; 5] = ["tars", "folders", "kaggle", "parquet", "classes"];

/// Writes the photos in a layout.
pub(crate) fn write_layout(folder: &Path, layout: &str, photos: &[Photo]) {
    match layout {
        "tars" => {
            write(&folder.join("ILSVRC2012_img_train.tar"), train_tar(photos));
            write(&folder.join("ILSVRC2012_img_val.tar"), val_tar(photos));
            write(&folder.join("val.txt"), val_list(photos));
        }
        "folders" => photos.iter().for_each(|photo| {
            let split = if photo.is_val { "val" } else { "train" };
            write(&folder.join(split).join(photo.wnid).join(&photo.name), &photo.bytes);
        }),
        "kaggle" => {
            for photo in photos {
                let root = folder.join("ILSVRC/Data/CLS-LOC");
                let below = if photo.is_val { root.join("val") } else { root.join("train").join(photo.wnid) };
                write(&below.join(&photo.name), &photo.bytes);
            }
            write(&folder.join("ILSVRC/Annotations/CLS-LOC/train/n01440764/x.xml"), "<annotation/>");
            let lines = photos.iter().filter(|photo| photo.is_val);
            let lines = lines.map(|photo| format!("{},{} 1 2 3 4\n", photo.name.trim_end_matches(".JPEG"), photo.wnid));
            write(
                &folder.join("LOC_val_solution.csv"),
                "ImageId,PredictionString\n".to_owned() + &lines.collect::<String>(),
            );
        }
        "parquet" => {
            for (split, is_val) in [("train", false), ("validation", true)] {
                let rows: Vec<&Photo> = photos.iter().filter(|photo| photo.is_val == is_val).collect();
                write(&folder.join(format!("data/{split}-00000-of-00001.parquet")), parquet_of(&rows));
            }
        }
        "classes" => photos.iter().for_each(|photo| write(&folder.join(photo.wnid).join(&photo.name), &photo.bytes)),
        other => panic!("no layout {other}"),
    }
}

/// A parquet file like Hugging Face's, with the class at the end of each name.
pub(crate) fn parquet_of(rows: &[&Photo]) -> Vec<u8> {
    let schema = "message schema {
        OPTIONAL group image { OPTIONAL BYTE_ARRAY bytes; OPTIONAL BYTE_ARRAY path (UTF8); }
        OPTIONAL INT64 label;
    }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::new(properties)).expect("a writer");
    // Several row groups, as the datasets library writes them.
    for rows in rows.chunks(7) {
        let mut group = writer.next_row_group().expect("a row group");
        let strings = [
            rows.iter().map(|photo| ByteArray::from(photo.bytes.clone())).collect::<Vec<_>>(),
            rows.iter()
                .map(|photo| {
                    let stem = photo.name.trim_end_matches(".JPEG");
                    ByteArray::from(format!("{stem}_{}.JPEG", photo.wnid).into_bytes())
                })
                .collect(),
        ];
        for values in strings {
            let mut column = group.next_column().expect("a column").expect("a column");
            column.typed::<ByteArrayType>().write_batch(&values, Some(&vec![2; values.len()]), None).expect("values");
            column.close().expect("a column");
        }
        let labels: Vec<i64> = rows
            .iter()
            .map(|photo| LABELS[CLASSES.iter().position(|wnid| *wnid == photo.wnid).expect("a class")])
            .collect();
        let mut column = group.next_column().expect("a column").expect("a column");
        column.typed::<Int64Type>().write_batch(&labels, Some(&vec![1; labels.len()]), None).expect("values");
        column.close().expect("a column");
        group.close().expect("a row group");
    }
    writer.close().expect("a file");
    file
}
