//! Small synthetic photos for tests.
#![allow(dead_code, reason = "each test program uses its own part of this module")]

use std::fs;
use std::path::Path;

/// A JPEG of one color with these sides.
pub(crate) fn jpeg(width_px: u16, height_px: u16, gray: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels = vec![gray; usize::from(width_px) * usize::from(height_px) * 3];
    jpeg_encoder::Encoder::new(&mut bytes, 80)
        .encode(&pixels, width_px, height_px, jpeg_encoder::ColorType::Rgb)
        .expect("a small JPEG");
    bytes
}

/// The classes of the small sets.
pub(crate) const CLASSES: [&str; 3] = ["n01440764", "n02102040", "zebra"];

/// A set of three classes with `n` train photos and one val photo each: paths and bytes.
pub(crate) fn small_set(n: u8) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (label, class) in (0u8..).zip(CLASSES) {
        for i in 0..n {
            files.push((format!("train/{class}/{i}.JPEG"), jpeg(24 + u16::from(i), 20, 40 * label + i)));
        }
        files.push((format!("val/{class}/v.JPEG"), jpeg(20, 30, 200 + label)));
    }
    files
}

/// Writes files below a folder.
pub(crate) fn write_files<'a>(folder: &Path, files: impl IntoIterator<Item = &'a (String, Vec<u8>)>) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        fs::write(path, bytes).expect("a file is written");
    }
}

/// A tar of these files below a top folder (empty: none), with entries for its folders.
pub(crate) fn tar_of(top: &str, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let join = |path: &str| if top.is_empty() { path.to_owned() } else { format!("{top}/{path}") };
    let mut folders: Vec<String> = Vec::new();
    for (path, bytes) in files {
        let folder = join(path.rsplit_once('/').map_or("", |(folder, _)| folder));
        if !folder.is_empty() && !folders.contains(&folder) {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            builder.append_data(&mut header, format!("{folder}/"), &[][..]).expect("a member");
            folders.push(folder);
        }
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, join(path), &bytes[..]).expect("a member");
    }
    builder.into_inner().expect("a tar")
}

/// The same bytes, compressed.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// A zip of these files below a top folder, each deflated or stored.
pub(crate) fn zip_of(top: &str, files: &[(String, Vec<u8>)], is_deflated: bool) -> Vec<u8> {
    use std::io::Write;
    let mut out = Vec::new();
    let mut zip = rawzip::ZipArchiveWriter::new(&mut out);
    zip.new_dir(format!("{top}/")).create().unwrap();
    for (path, bytes) in files {
        let method = if is_deflated { rawzip::CompressionMethod::DEFLATE } else { rawzip::CompressionMethod::STORE };
        let (mut entry, config) = zip.new_file(format!("{top}/{path}")).compression_method(method).start().unwrap();
        if is_deflated {
            let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
            let mut writer = config.wrap(encoder);
            writer.write_all(bytes).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(bytes).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
    }
    zip.finish().unwrap();
    out
}

/// The same bytes in bzip2.
pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The same bytes in one frame of zstd.
pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}
