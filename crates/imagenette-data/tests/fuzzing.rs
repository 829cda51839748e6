//! Everything in this crate that parses bytes, on inputs that were damaged at random: an answer or a typed error,
//! soon, and no file outside its folder. See `mutation` for how long it runs.

mod datasets;
mod mutation;
mod photos;

use std::fs;
use std::path::{Path, PathBuf};

use imagenette_data::audit::ImageNetId;
use imagenette_data::image::{Pixels, decode_into, dimensions};
use imagenette_data::intake::archive::{ExtractLimits, extract};
use imagenette_data::manifest::{MANIFEST_FILE, Manifest};
use imagenette_data::packed::Packed;
use imagenette_data::watch::Silent;
use imagenette_data::{DataError, FileError};

fn kept() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn golden(extensions: &[&str]) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| extensions.iter().any(|extension| path.extension().is_some_and(|found| found == *extension)));
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Decodes and checks what every answer must hold. Memory may not be taken beyond the photo itself.
fn decodes(extensions: &[&str], name: &str, words: &[&[u8]]) {
    let path = Path::new("train/n01440764/a.JPEG");
    let (mut pixels, mut read, mut caught) = (Pixels::default(), 0, 0);
    // A panic of a codec counts as an error of the file; its message must not fill the screen.
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.location().is_some_and(|location| location.file().contains("/registry/")) {
                usual(panic);
            }
        }));
    });
    mutation::fuzz(name, &golden(extensions), words, kept(), |bytes| {
        let header = dimensions(bytes, path);
        match decode_into(bytes, path, &mut pixels) {
            Ok(_) => {
                read += 1;
                let size = (pixels.width_px, pixels.height_px);
                assert_eq!(pixels.rgb.len(), size.0 as usize * size.1 as usize * 3);
                assert_eq!(header.ok(), Some(size), "the header says what is decoded");
            }
            Err(DataError::Photo { reason, path: named }) => {
                assert!(!reason.is_empty() && named == path);
                caught += u64::from(reason.contains("the decoder failed"));
            }
            Err(other) => panic!("{other}"),
        }
    });
    println!("{name}: {read} were read, {caught} made the codec panic");
}

#[test]
fn jpeg_files() {
    decodes(
        &["jpg"],
        "jpeg",
        &[
            b"\xFF\xD8",
            b"\xFF\xD9",
            b"\xFF\xDA",
            b"\xFF\xC0",
            b"\xFF\xC2",
            b"\xFF\xC4",
            b"\xFF\xDB",
            b"\xFF\xDD\0\x04\0\x01",
            b"\xFF\xD0",
            b"\xFF\xE1",
            b"Exif\0\0",
            b"Adobe",
            b"\xFF\xDC\0\x04",
        ],
    );
}

#[test]
fn png_files() {
    decodes(
        &["png"],
        "png",
        &[b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"zTXt", b"iCCP", b"eXIf"],
    );
}

#[test]
fn webp_files() {
    decodes(
        &["webp"],
        "webp",
        &[b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"ICCP", b"RIFF", b"\x9D\x01\x2A", b"\x2F"],
    );
}

#[test]
fn manifests() {
    let place = tempfile::tempdir().unwrap();
    let whole = datasets::dataset(&place.path().join("set"), 9);
    let text = fs::read(whole.root.join(MANIFEST_FILE)).unwrap();
    // Of version 1, too: without a checksum more of what is changed gets past the first look.
    let second = String::from_utf8(text.clone()).unwrap();
    let (_, sum) = second.lines().next().unwrap().rsplit_once(",\"sha256\":").unwrap();
    let old = second.replacen(&format!(",\"sha256\":{}", sum.trim_end_matches('}')), "", 1);
    let old = old.replacen("\"version\":2", "\"version\":1", 1).into_bytes();
    fs::write(whole.root.join(MANIFEST_FILE), &old).unwrap();
    assert_eq!(Manifest::read(&whole.root).unwrap(), whole.manifest, "a manifest of version 1 is read");
    let folder = place.path().join("fuzzed");
    fs::create_dir(&folder).unwrap();
    let words: [&[u8]; 9] = [
        b"null",
        b"\"val\"",
        b"-1",
        b"65536",
        b"4294967296",
        b"..",
        b"/",
        b"\n",
        b"{\"format\":\"imagenette-manifest\",\"version\":1",
    ];
    mutation::fuzz("manifest", &[text, old], &words, kept(), |bytes| {
        fs::write(folder.join(MANIFEST_FILE), bytes).unwrap();
        match Manifest::read(&folder) {
            // What is accepted must be what was written: the identity covers every name and hash.
            Ok(manifest) => {
                assert_eq!(manifest.identity(), whole.manifest.identity());
                manifest.images.iter().for_each(|image| drop(manifest.relative_path(image)));
            }
            Err(error) => assert!(matches!(error, DataError::File(_)), "{error}"),
        }
    });
}

#[test]
fn packed_files() {
    let place = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&place.path().join("set"), 6);
    let packed = Packed::open_or_build(&dataset, place.path(), 1, &Silent).unwrap();
    let whole = fs::read(packed.path()).unwrap();
    let number = std::cell::Cell::new(0_u64);
    mutation::fuzz("packed", std::slice::from_ref(&whole), &[b"IMGNPACK", b"PACKDONE"], kept(), |bytes| {
        // A new file each time: one that is mapped must not change.
        number.set(number.get() + 1);
        let path = place.path().join(format!("{}.packed", number.get()));
        fs::write(&path, bytes).unwrap();
        match Packed::open(&path, &dataset.manifest) {
            // Only pixels are not covered by a checksum.
            Ok(packed) => (0..packed.len() as u32).for_each(|sample| {
                let photo = packed.photo(sample);
                assert_eq!(photo.rgb.len(), photo.width_px as usize * photo.height_px as usize * 3);
                drop(packed.remarks(sample));
            }),
            Err(error) => assert!(error.is_malformed(), "{error}"),
        }
        fs::remove_file(&path).unwrap();
    });
}

#[test]
fn archives() {
    let place = tempfile::tempdir().unwrap();
    let tar = photos::tar_of("set", &photos::small_set(2));
    let xz = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/small.tar.xz")).unwrap();
    let seeds = [
        photos::gzip(&tar),
        photos::tar_of("", &photos::small_set(1)),
        photos::zip_of("set", &photos::small_set(1), true),
        photos::zip_of("set", &photos::small_set(1), false),
        photos::bzip2(&tar),
        photos::zstd(&tar),
        xz,
        tar,
    ];
    let words: [&[u8]; 12] = [
        b"PK\x01\x02",
        b"PK\x03\x04",
        b"\x28\xB5\x2F\xFD",
        b"../",
        b"/etc/passwd",
        b"train/",
        b"val/",
        b"ustar\0",
        b"ustar  \0",
        b"77777777777",
        b"./././@LongLink",
        b"\0\0\0\0",
    ];
    let limits = ExtractLimits { members: 100, member_bytes: 1 << 20, total_bytes: 4 << 20, ratio: 20 };
    let archive = place.path().join("a.tgz");
    let folder = place.path().join("out");
    mutation::fuzz("archive", &seeds, &words, kept(), |bytes| {
        // Valid checksums, so that damage gets past them; sometimes.
        let bytes = if bytes.len() % 2 == 0 { with_checksums(bytes) } else { bytes.to_vec() };
        fs::write(&archive, &bytes).unwrap();
        match extract(&archive, &folder, &limits, &Silent) {
            Ok(_) => fs::remove_dir_all(&folder).unwrap(),
            Err(error) => {
                assert!(!matches!(error, DataError::Interrupted | DataError::File(FileError::Io { .. })), "{error}");
                assert!(!folder.exists(), "a refused archive leaves nothing");
            }
        }
        let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["a.tgz"], "nothing is written next to the folder");
    });
}

/// Sets the checksum of every block that looks like a tar header.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for header in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

#[test]
fn file_names() {
    let seeds: Vec<Vec<u8>> = ["n01440764_10026.JPEG", "ILSVRC2012_val_00000293.JPEG", "n01440764_1_n01440764.JPEG"]
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    mutation::fuzz("file name", &seeds, &["ä".as_bytes(), b"_", b"99999999999"], kept(), |bytes| {
        let name = String::from_utf8_lossy(bytes);
        if let Some(id) = ImageNetId::of(&name) {
            assert_eq!(ImageNetId::of(&id.to_string()), Some(id), "{name}");
        }
    });
}
