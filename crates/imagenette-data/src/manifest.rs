//! The list of a dataset's images with their hashes: what a dataset *is*, wherever it is stored.
//!
//! On disk it is `manifest.jsonl` in the dataset's folder: a header, then a line for each image, sorted by (split,
//! wnid, file name). The position of an image in this list is its sample number everywhere else.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use imagenette_files::format::Format;
use imagenette_files::{FileError, atomic, input, plain, visible};
// Its home is the crate for files; callers in other crates still look for it here.
pub use imagenette_files::hash::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::class::Class;
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::image::Orientation;

/// The manifest's file name inside a dataset's folder.
pub const MANIFEST_FILE: &str = "manifest.jsonl";
/// The file beside it in the folder of a made dataset that says what became of every photo.
pub const SUMMARY_FILE: &str = "made.jsonl";
/// The file beside it in the folder of a made dataset that holds its spec.
pub const SPEC_FILE: &str = "made.toml";
/// What to do about a damaged manifest.
const FETCH_AGAIN: &str = "fetch the dataset again with `imagenette get`";
/// The most bytes of a manifest: ImageNet's 1.3 million photos take 0.3 GB.
const MOST_BYTES: u64 = 4 << 30;
/// The most bytes of its first line, which names the classes.
const HEADER_BYTES: u64 = 64 << 20;
/// The most bytes of a line about an image.
const LINE_BYTES: u64 = 64 << 10;
/// The fewest bytes of such a line: the hash and the names of the fields alone take more.
const LEAST_LINE_BYTES: u64 = 128;
/// The most bytes of a name. Systems allow 255 in a file's.
const LONGEST_TEXT_BYTES: usize = 4096;
/// The format. Version 1 had no checksum, and neither test photos nor turned ones.
const FORMAT: Format = Format { name: "imagenette-manifest", oldest: 1, newest: 2 };
/// The version from which on a manifest has a checksum.
const WITH_CHECKSUM: u32 = 2;

/// Where a dataset came from, so that a result can name its source archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it was made from: the URL or file name of an archive, the name of a folder, or `drawn:<seed>`.
    pub from: String,
    /// sha256 of the archive, where there was one.
    pub sha256: Option<String>,
    /// Which official archive it was (`imagenette2-160.tgz (now)`); `None` where it was not one.
    pub archive: Option<String>,
}

/// One image of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageEntry {
    /// Its split.
    pub split: Split,
    /// Its label, which is a position in [`Manifest::classes`]; `None` for unlabeled ones.
    pub label: Option<u16>,
    /// Its file name, without folders.
    pub file_name: String,
    /// Width in pixels, as its header says; of the turned photo where it is turned.
    pub width_px: u32,
    /// Height in pixels, likewise.
    pub height_px: u32,
    /// The file's length in bytes.
    pub bytes: u64,
    /// sha256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// How its pixels are turned, as its EXIF says; `None` where they are used as they are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<Orientation>,
}

/// What becomes of photos whose EXIF says that they are stored turned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrientationRule {
    /// They are used as they are stored: so it is in ImageNet's editions, and with the loaders that people compare
    /// with.
    #[default]
    Stored,
    /// They are turned upright.
    Upright,
}

impl OrientationRule {
    /// Whether photos are used as they are stored.
    pub fn is_stored(&self) -> bool {
        *self == Self::Stored
    }
}

/// The images of a dataset, sorted by (split, wnid, file name), and what is known about them as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The dataset's name, which is also its folder's: `imagenette2-160`.
    pub name: String,
    /// Which photos are in which split.
    pub edition: Edition,
    /// `full`, `320`, `160`; of own photos their shortest side where all have the same, or else `full`.
    pub size: String,
    /// Where it came from.
    pub source: Source,
    /// What becomes of photos whose EXIF says that they are stored turned.
    pub orientation: OrientationRule,
    /// The classes in label order.
    pub classes: Vec<Class>,
    /// Every image.
    pub images: Vec<ImageEntry>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    name: String,
    edition: Edition,
    size: String,
    source: Source,
    #[serde(default, skip_serializing_if = "OrientationRule::is_stored")]
    orientation: OrientationRule,
    classes: Vec<Class>,
    images: usize,
    identity: String,
    /// sha256 of the header without this field and of every line after it, each with its line's end. The identity covers
    /// what a dataset is; this covers sizes, lengths and names too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Header {
    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialize")
    }

    /// The checksum's beginning: the lines follow.
    fn digest(&self) -> Sha256 {
        let plain = Self { sha256: None, ..self.clone() };
        Sha256::new().chain_update(plain.to_json()).chain_update("\n")
    }

    /// Refuses what no program writes; the error is (expected, found).
    fn check(&self) -> Result<(), (String, String)> {
        if self.images > 0 && self.classes.is_empty() {
            return Err(("a class at least".into(), "none".into()));
        }
        for class in &self.classes {
            check_name(&class.wnid, "class")?;
            check_text(&class.name, "name of a class")?;
        }
        [&self.name, &self.size, &self.source.from].into_iter().try_for_each(|text| check_text(text, "text"))
    }
}

/// Refuses names that would lead out of the dataset's folder, or are none: photos are looked for by them.
fn check_name(name: &str, what: &str) -> Result<(), (String, String)> {
    let leads_elsewhere = name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']);
    if leads_elsewhere {
        let found = format!("`{}`", visible::shortened(name, 100));
        return Err((format!("a {what} within the dataset's folder"), found));
    }
    check_text(name, what)
}

fn check_text(text: &str, what: &str) -> Result<(), (String, String)> {
    if text.len() <= LONGEST_TEXT_BYTES && !text.contains(char::is_control) {
        return Ok(());
    }
    let expected = format!("a {what} of at most {LONGEST_TEXT_BYTES} bytes without control codes");
    Err((expected, format!("`{}`", visible::shortened(text, 100))))
}

/// The lines of a manifest, none longer than it may be.
struct Lines<'a> {
    reader: BufReader<File>,
    path: &'a Path,
}

impl Lines<'_> {
    fn next(&mut self, most_bytes: u64) -> Result<Option<String>> {
        let mut line = String::new();
        let read = (&mut self.reader).take(most_bytes + 1).read_line(&mut line);
        let read = read.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                DataError::malformed(self.path, "lines of text in UTF-8", "other bytes", FETCH_AGAIN)
            }
            _ => DataError::io("read", self.path)(error),
        })?;
        if read as u64 > most_bytes {
            let expected = format!("lines of at most {most_bytes} bytes");
            return Err(DataError::malformed(self.path, expected, "a longer one", FETCH_AGAIN));
        }
        if line.ends_with('\n') {
            line.pop();
            if line.ends_with('\r') {
                line.pop();
            }
        }
        Ok((read > 0).then_some(line))
    }
}

impl Manifest {
    /// The path of an image below the dataset's folder: `train/n01440764/n01440764_10026.JPEG`. This is also the
    /// sample's name in `predictions.csv`.
    pub fn relative_path(&self, image: &ImageEntry) -> String {
        match image.label {
            Some(label) => {
                format!("{}/{}/{}", image.split.name(), self.classes[usize::from(label)].wnid, image.file_name)
            }
            None => format!("{}/{}", image.split.name(), image.file_name),
        }
    }

    /// The sample numbers of a split, in order.
    pub fn samples(&self, split: Split) -> Vec<u32> {
        (0..).zip(&self.images).filter(|(_, image)| image.split == split).map(|(sample, _)| sample).collect()
    }

    /// Puts the images into the order of sample numbers.
    pub fn sort(&mut self) {
        self.images.sort_by(|a, b| (a.split, a.label, &a.file_name).cmp(&(b.split, b.label, &b.file_name)));
    }

    /// A hash of the content alone (classes, paths, image hashes and how images are turned), in lower-case
    /// hexadecimal. All copies of a dataset have the same one, wherever they come from.
    pub fn identity(&self) -> String {
        let mut digest = Sha256::new();
        for class in &self.classes {
            digest.update(class.wnid.as_bytes());
            digest.update(b"\n");
        }
        for image in &self.images {
            digest.update(self.relative_path(image).as_bytes());
            digest.update(b" ");
            digest.update(image.sha256.as_bytes());
            if let Some(turned) = image.turned {
                digest.update(format!(" turned {turned}"));
            }
            digest.update(b"\n");
        }
        hex(&digest.finalize())
    }

    /// Writes `manifest.jsonl` into the folder: complete or absent.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(MANIFEST_FILE);
        let header = Header {
            format: FORMAT.name.into(),
            version: FORMAT.newest,
            name: self.name.clone(),
            edition: self.edition,
            size: self.size.clone(),
            source: self.source.clone(),
            orientation: self.orientation,
            classes: self.classes.clone(),
            images: self.images.len(),
            identity: self.identity(),
            sha256: None,
        };
        let json = |image: &ImageEntry| serde_json::to_string(image).expect("strings and numbers always serialize");
        let sum =
            self.images.iter().fold(header.digest(), |sum, image| sum.chain_update(json(image)).chain_update("\n"));
        let header = Header { sha256: Some(hex(&sum.finalize())), ..header };
        let line = |out: &mut dyn Write, text: String| -> Result<()> {
            writeln!(out, "{text}").map_err(DataError::io("write", &path))
        };
        atomic::write(&path, |out| {
            line(out, header.to_json())?;
            self.images.iter().try_for_each(|image| line(out, json(image)))
        })
    }

    /// Reads the manifest in a dataset's folder and checks that it is whole.
    ///
    /// # Errors
    /// When there is none, when it has another version, or when it is damaged.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST_FILE);
        let (file, length) = input::open(&path, MOST_BYTES).map_err(|error| match error {
            FileError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => DataError::Missing {
                what: "manifest",
                path: path.clone(),
                hint: "make one from a folder of photos with `imagenette get --from FOLDER`".into(),
            },
            error => error.into(),
        })?;
        let malformed = |expected: String, found: String| DataError::malformed(&path, expected, found, FETCH_AGAIN);
        let mut lines = Lines { reader: BufReader::new(file), path: &path };
        let first = lines.next(HEADER_BYTES)?.unwrap_or_default();
        let version = FORMAT.check_json(&path, &first, FETCH_AGAIN)?;
        let header: Header = serde_json::from_str(&first)
            .map_err(|error| malformed("a complete header".into(), plain::json_error(&error)))?;
        if header.sha256.is_some() != (version >= WITH_CHECKSUM) {
            return Err(malformed(
                "a checksum from version 2 on, and none before".into(),
                format!("version {version}"),
            ));
        }
        header.check().map_err(|(expected, found)| malformed(expected, format!("line 1: {found}")))?;
        let mut sum = header.digest();
        // What the header says is believed as far as the file is long enough.
        let possible = usize::try_from(length / LEAST_LINE_BYTES).unwrap_or(usize::MAX);
        let mut images = Vec::with_capacity(header.images.min(possible));
        let mut number = 1;
        while let Some(line) = lines.next(LINE_BYTES)? {
            number += 1;
            sum.update(&line);
            sum.update("\n");
            let image: ImageEntry = serde_json::from_str(&line)
                .map_err(|error| malformed("an image on each line".into(), plain::json_line_error(number, &error)))?;
            if image.label.is_some_and(|label| usize::from(label) >= header.classes.len()) {
                return Err(malformed(
                    format!("labels below {}", header.classes.len()),
                    format!("line {number}: {line}"),
                ));
            }
            // Training and evaluation use labels as indices: only unsup may lack them.
            if image.label.is_none() && image.split != Split::Unsup {
                let found = format!("line {number}: an image without a label");
                return Err(malformed(format!("a label for every image of {}", image.split.name()), found));
            }
            check_name(&image.file_name, "file name")
                .map_err(|(expected, found)| malformed(expected, format!("line {number}: {found}")))?;
            images.push(image);
        }
        let (sum, expected_sum) = (hex(&sum.finalize()), header.sha256);
        let manifest = Self {
            name: header.name,
            edition: header.edition,
            size: header.size,
            source: header.source,
            orientation: header.orientation,
            classes: header.classes,
            images,
        };
        if manifest.images.len() != header.images {
            return Err(malformed(format!("{} images", header.images), format!("{}", manifest.images.len())));
        }
        let identity = manifest.identity();
        if identity != header.identity {
            return Err(malformed(format!("images that hash to {}", header.identity), identity));
        }
        // Last, since what is said above says more.
        if let Some(expected) = expected_sum.filter(|expected| *expected != sum) {
            return Err(malformed(format!("lines with the checksum {expected}"), format!("{sum}: they were changed")));
        }
        Ok(manifest)
    }
}
