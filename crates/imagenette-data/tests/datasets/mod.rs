//! Small datasets of synthetic photos, for the tests that need one.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::path::Path;

use imagenette_data::class;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::{Edition, Split};
use imagenette_data::manifest::{ImageEntry, Manifest, OrientationRule, Source};
use imagenette_data::random::{Purpose, Random};
use imagenette_files::hash::sha256;

/// A JPEG of noise over a gradient.
pub(crate) fn jpeg(width_px: u16, height_px: u16, salt: u32) -> Vec<u8> {
    let mut random = Random::new(2, Purpose::Test, 0, salt);
    let mut rgb = Vec::new();
    for y in 0..u32::from(height_px) {
        for x in 0..u32::from(width_px) {
            let noise = random.next_u32() % 64;
            rgb.extend([(x * 2 + noise) as u8, (y * 3 + noise) as u8, (salt * 40 + noise) as u8]);
        }
    }
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 85);
    encoder.encode(&rgb, width_px, height_px, jpeg_encoder::ColorType::Rgb).expect("memory takes it all");
    bytes
}

/// Writes `photos` JPEGs of many sizes (one in four is for validation) and their manifest.
pub(crate) fn dataset(root: &Path, photos: u32) -> Dataset {
    let files = (0..photos).map(|i| (jpeg(20 + (i * 7 % 30) as u16, 18 + (i * 5 % 40) as u16, i), None)).collect();
    dataset_of(root, files)
}

/// The bytes of a photo, and the size that the manifest states when it is not the one in the header.
pub(crate) type File = (Vec<u8>, Option<(u32, u32)>);

/// Writes these files as photos; a given size goes into the manifest in place of the one in the header.
pub(crate) fn dataset_of(root: &Path, files: Vec<File>) -> Dataset {
    std::fs::create_dir_all(root).unwrap();
    let classes = class::imagenette();
    let mut images = Vec::new();
    for (number, (bytes, size)) in files.iter().enumerate() {
        let label = (number % classes.len()) as u16;
        let (width_px, height_px) =
            size.unwrap_or_else(|| imagenette_data::image::dimensions(bytes, root).expect("the test made a photo"));
        images.push(ImageEntry {
            split: if number % 4 == 3 { Split::Val } else { Split::Train },
            label: Some(label),
            file_name: format!("{}_{number:05}.JPEG", classes[usize::from(label)].wnid),
            width_px,
            height_px,
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
            turned: None,
        });
    }
    let source = Source { from: "test".into(), sha256: None, archive: None };
    let (name, size, orientation) = ("made".into(), "small".into(), OrientationRule::Stored);
    let mut manifest = Manifest { name, edition: Edition::Own, size, source, orientation, classes, images };
    for (image, (bytes, _)) in manifest.images.iter().zip(&files) {
        let path = root.join(manifest.relative_path(image));
        std::fs::create_dir_all(path.parent().expect("a class folder")).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    manifest.sort();
    manifest.write(root).unwrap();
    Dataset::open(root).unwrap()
}
