//! Datasets of one's own: a local archive or a folder goes in, an installed dataset comes out.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use imagenette_files::hash::sha256_of_file;

use super::place::{Asked, hashes, install};
use super::{GetOptions, Installed};
use crate::archive::Archive;
use crate::edition::Edition;
use crate::error::{DataError, Result};
use crate::intake::archive::{extract_as, stem};
use crate::intake::complete::possible_name;
use crate::intake::{IntakeOptions, folder};
use crate::manifest::{Manifest, OrientationRule, Source};
use crate::store::{Store, check_name};
use crate::watch::{Unit, Watch};

/// Installs a dataset from a local archive (a tar, compressed or not, or a zip) or a folder, which is copied. Without a
/// name it gets the name of the file, without the extension.
///
/// An archive that is not an official one is accepted when its layout fits, and the manifest says so
/// (`Source::archive` is `None`).
///
/// # Errors
/// When there is nothing at the path, when the archive is truncated, damaged or hostile, when the layout does not fit,
/// when the disk is full, when the caller interrupts, or when something else has the dataset's place.
pub fn get_from(
    path: &Path,
    store: &Store,
    name: Option<&str>,
    options: &GetOptions,
    watch: &dyn Watch,
) -> Result<Installed> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => DataError::Missing {
            what: "archive or folder",
            path: path.to_owned(),
            hint: "check the path; `imagenette get NAME` fetches an official dataset".into(),
        },
        _ => DataError::io("read", path)(error),
    })?;
    if let Some(more) = options.intake.unlabeled.as_ref().filter(|_| !metadata.is_dir()) {
        return Err(DataError::malformed(
            path,
            "a folder, beside a folder of photos without labels",
            format!("an archive beside {}", more.display()),
            "unpack it first, or put them into its folder `unsup`",
        ));
    }
    let absolute = std::path::absolute(path).map_err(DataError::io("find", path))?;
    let name = name.map_or_else(|| name_of(&absolute), |name| Ok(name.to_owned()))?;
    let is_asked = |there: &Manifest| {
        if metadata.is_dir() {
            let source = Source { from: String::new(), sha256: None, archive: None };
            let intake = options_for(&absolute, options.intake.clone());
            return match folder::look(&absolute, &name, source, &intake, &Unheard(watch)) {
                Ok(found) if found.identity() == there.identity() => Asked::Yes,
                // What differs is said when they are copied.
                Ok(found) if hashes(&found) == hashes(there) => Asked::Unknown,
                Ok(_) => Asked::No,
                // What is wrong with it is said when it is copied.
                Err(_) => Asked::Unknown,
            };
        }
        // The same archive may be taken in otherwise.
        let rule = if options.intake.keep_orientation { OrientationRule::Stored } else { OrientationRule::Upright };
        if options.intake.split.is_some() || there.edition == Edition::Own && there.orientation != rule {
            return Asked::Unknown;
        }
        match (sha256_of_file(path), &there.source.sha256) {
            (Ok(found), Some(known)) if found == *known => Asked::Yes,
            _ => Asked::Unknown,
        }
    };
    let source = path.display().to_string();
    install(store, (&name, &source), options.force, watch, is_asked, |folder| {
        if metadata.is_dir() {
            return from_folder((&absolute, folder), &name, &options.intake, watch);
        }
        let extracted = extract_as((path, folder), &options.limits, &options.intake, watch)?;
        let file_name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = Archive::recognize(extracted.bytes, &extracted.sha256, &extracted.md5);
        let source = Source {
            from: file_name,
            sha256: Some(extracted.sha256.clone()),
            archive: known.map(|(archive, generation)| archive.generation_name(generation)),
        };
        let mut manifest = extracted.manifest(path, &name, source, known.map(|(archive, _)| archive.edition))?;
        match known {
            Some((archive, _)) => archive.size.clone_into(&mut manifest.size),
            None => {
                watch.notice(&format!(
                    "{} is not an official archive; its layout fits, and results will name its sha256",
                    path.display()
                ));
                say(&manifest, watch);
            }
        }
        Ok(manifest)
    })
    .map(|in_place| in_place.installed)
}

/// The name of a dataset that was given none: that of its folder or archive.
fn name_of(path: &Path) -> Result<String> {
    let name = stem(path);
    if check_name(&name).is_ok() {
        return Ok(name);
    }
    Err(DataError::Setting {
        key: "dataset name".into(),
        expected: "up to 100 letters, digits, `-`, `_` or `.`, beginning with a letter or digit".into(),
        found: format!("`{name}`, which is what {} is called", path.display()),
        hint: format!("give it another name, for example `--name {}`", possible_name(&name)),
    })
}

/// What concerns the dataset as a whole and is easily overlooked.
fn say(manifest: &Manifest, watch: &dyn Watch) {
    let turned = manifest.images.iter().filter(|image| image.turned.is_some()).count();
    if turned > 0 {
        watch.notice(&format!(
            "turned upright, as their EXIF says: {turned} of {} photos (--keep-orientation uses them as they are \
             stored)",
            manifest.images.len()
        ));
    }
    if let [class] = &manifest.classes[..] {
        watch.notice(&format!("one class, `{}`: there is nothing to tell apart, and training refuses it", class.name));
    }
}

/// A dataset's folder keeps what its manifest says about turning.
fn options_for(folder: &Path, options: IntakeOptions) -> IntakeOptions {
    let is_stored = || Manifest::read(folder).is_ok_and(|manifest| manifest.orientation.is_stored());
    IntakeOptions { keep_orientation: options.keep_orientation || is_stored(), ..options }
}

/// Follows the work without its notices, which come again when the photos are copied.
struct Unheard<'w>(&'w dyn Watch);

impl Watch for Unheard<'_> {
    fn begin(&self, phase: &str, total: Option<u64>, unit: Unit) {
        self.0.begin(phase, total, unit);
    }

    fn advance(&self, amount: u64) {
        self.0.advance(amount);
    }

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}

fn from_folder((from, to): (&Path, &Path), name: &str, options: &IntakeOptions, watch: &dyn Watch) -> Result<Manifest> {
    fs::create_dir(to).map_err(DataError::io("create", to))?;
    // Only its name: records are published, and a path would tell whose machine it was.
    let folder_name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = Source { from: folder_name, sha256: None, archive: None };
    let mut manifest = folder::copy((from, to), name, source, &options_for(from, options.clone()), watch)?;
    // An unchanged copy of a dataset is that dataset: its manifest knows where it came from.
    if let Ok(original) = Manifest::read(from)
        && original.identity() == manifest.identity()
    {
        manifest = Manifest { name: name.into(), ..original };
    }
    say(&manifest, watch);
    Ok(manifest)
}
