//! Complete parts go in, finished datasets come out: each photo in its split, a manifest, a summary of all that was not
//! plain, and everything renamed into place at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::membership::{Membership, draw_split, split_by_rule};
use super::noise::NoisyLabels;
use super::part::{Done, Entry, PartHeader, Status, photo_path};
use super::spec::{Size, Spec, SplitRule};
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::manifest::{MANIFEST_FILE, Manifest, Source};
use crate::source::intake::Photo;
use crate::source::layout::Place;
use crate::watch::{Unit, Watch};

/// The summary's file name in a made dataset's folder.
pub const SUMMARY_FILE: &str = "made.jsonl";
/// The spec's file name in a made dataset's folder.
pub const SPEC_FILE: &str = "made.toml";

/// A complete part, as it was read.
pub(crate) struct Complete {
    pub(crate) folder: PathBuf,
    pub(crate) header: PartHeader,
    pub(crate) entries: Vec<Entry>,
    pub(crate) done: Done,
}

/// What became of the photos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Photos in the dataset.
    pub photos: usize,
    /// Of these, how many were made RGB or gray JPEG files of something else.
    pub converted: usize,
    /// Of these, how many were damaged and kept as far as readable.
    pub repaired: usize,
    /// Of these, how many carry an orientation that is not applied.
    pub noted: usize,
    /// Photos and members that cannot be used.
    pub skipped: usize,
    /// Photos that the list of members names and the copy does not have.
    pub missing: usize,
    /// Files that are no photos.
    pub others: u64,
    /// Every file that was not plain, and why.
    pub files: Vec<SummaryLine>,
}

/// A file that was not plain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SummaryLine {
    /// What became of it.
    pub status: Status,
    /// Its path in the copy.
    pub source: String,
    /// Its path in the dataset, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why.
    pub reason: String,
}

/// A photo with its place in the dataset.
struct Placed<'a> {
    part: &'a Path,
    entry: &'a Entry,
    place: Place,
}

/// The parts together: which photo goes where, in which editions.
pub(crate) struct Joined<'a> {
    spec: &'a Spec,
    placed: Vec<Placed<'a>>,
    source: Source,
    edition: Edition,
    /// Whether the parts stay where they are.
    stays: bool,
    pub(crate) summary: Summary,
}

impl<'a> Joined<'a> {
    /// Assigns every photo of the parts its split.
    ///
    /// # Errors
    /// When two parts hold the same photo, or when the rule gives a photo no split.
    pub(crate) fn of(parts: &'a [Complete], membership: &Membership, stays: bool) -> Result<Self> {
        let spec = &parts[0].header.spec;
        let mut entries: Vec<(&Path, &Entry)> =
            parts.iter().flat_map(|part| part.entries.iter().map(|entry| (part.folder.as_path(), entry))).collect();
        entries.sort_unstable_by_key(|(_, entry)| *entry);
        if let Some(pair) = entries.windows(2).find(|pair| {
            let key = |entry: &'a Entry| (&entry.wnid, &entry.name, entry.origin);
            key(pair[0].1) == key(pair[1].1)
        }) {
            return Err(DataError::Malformed {
                path: pair[1].0.to_owned(),
                expected: "parts without common photos".into(),
                found: format!("{}/{} in {} too", pair[1].1.wnid, pair[1].1.name, pair[0].0.display()),
                hint: "remove the part that does not belong, and make it again".into(),
            });
        }
        let mut placed = Vec::with_capacity(entries.len());
        let mut taken = HashSet::new();
        for class in entries.chunk_by(|(_, a), (_, b)| a.wnid == b.wnid) {
            let drawn = match (spec.split, membership) {
                (SplitRule::Ratio(train, val), Membership::Classes) => {
                    let names: Vec<String> =
                        class.iter().map(|(_, entry)| format!("{}/{}", entry.origin.name(), entry.name)).collect();
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    Some(draw_split(spec.seed, (train, val), &class[0].1.wnid, &names))
                }
                _ => None,
            };
            for (at, &(part, entry)) in class.iter().enumerate() {
                let split = match (&drawn, membership.listed(&entry.name)) {
                    (Some(drawn), _) => Some(drawn[at]),
                    (None, Some(listed)) => Some(listed.split),
                    (None, None) => split_by_rule(spec.split, entry.origin, &entry.name),
                };
                let split = split.ok_or_else(|| DataError::Malformed {
                    path: part.to_owned(),
                    expected: "photos whose split is known".into(),
                    found: entry.source.clone(),
                    hint: "draw a split with --split 70:30".into(),
                })?;
                let wnid = (split != Split::Unsup).then(|| entry.wnid.clone());
                let mut place = Place { split, wnid, file_name: entry.name.clone() };
                // Train and val of someone's own photos may hold the same name, and a drawn split may bring them together.
                if !taken.insert(place.relative().to_lowercase()) {
                    place.file_name = format!("{}-{}", entry.origin.name(), entry.name);
                    taken.insert(place.relative().to_lowercase());
                }
                placed.push(Placed { part, entry, place });
            }
        }
        placed.sort_unstable_by(|a, b| a.place.cmp(&b.place));
        let summary = summary(parts, &placed, membership);
        let is_whole = summary.missing == 0 && summary.photos > 0;
        let edition = if is_whole { membership.edition() } else { Edition::Own };
        let names: BTreeSet<&str> = parts.iter().map(|part| part.header.from.as_str()).collect();
        let from = names.into_iter().collect::<Vec<_>>().join(" + ");
        Ok(Self { spec, placed, source: Source { from, sha256: None, archive: None }, edition, stays, summary })
    }

    /// The manifest of a size.
    pub(crate) fn manifest(&self, size: Size, origin: &Path) -> Result<Manifest> {
        let photos = self.placed.iter().map(|placed| {
            let output =
                placed.entry.outputs.iter().find(|output| output.size == size).expect("every entry has every size");
            let (width_px, height_px, bytes) = (output.width_px, output.height_px, output.bytes);
            Photo { place: placed.place.clone(), width_px, height_px, bytes, sha256: output.sha256.clone() }
        });
        let classes: BTreeSet<(Split, String)> = match self.spec.edition {
            Some(family) => family
                .edition(SplitRule::V2)
                .classes()
                .unwrap_or_default()
                .into_iter()
                .flat_map(|class| [(Split::Train, class.wnid.clone()), (Split::Val, class.wnid)])
                .collect(),
            None if self.spec.takes_all() => BTreeSet::new(),
            None => self
                .spec
                .classes
                .iter()
                .flat_map(|class| [(Split::Train, class.clone()), (Split::Val, class.clone())])
                .collect(),
        };
        // Image网's splits have different classes by design.
        let is_wang = self.spec.edition == Some(super::spec::Family::Imagewang);
        let (classes, known) = if is_wang { (BTreeSet::new(), Edition::Imagewang) } else { (classes, self.edition) };
        let name = self.spec.dataset_name(size);
        let mut manifest =
            crate::source::assemble(origin, &name, self.source.clone(), photos.collect(), &classes, Some(known))?;
        manifest.edition = self.edition;
        manifest.size = size.to_string();
        Ok(manifest)
    }

    /// Fills a folder with the dataset of a size. Photos of a part that goes away are linked where the disk can; those of
    /// shards, which stay, are copied, so that no change to a shard is one to the dataset.
    pub(crate) fn fill(
        &self,
        folder: &Path,
        size: Size,
        noise: Option<&NoisyLabels>,
        watch: &dyn Watch,
    ) -> Result<Manifest> {
        let manifest = self.manifest(size, folder)?;
        watch.begin(&format!("arranging {}", manifest.name), Some(self.placed.len() as u64), Unit::Photos);
        let mut folders = HashSet::new();
        for placed in &self.placed {
            if watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            let below = placed.place.folder();
            if folders.insert(below.clone()) {
                let path = folder.join(&below);
                fs::create_dir_all(&path).map_err(DataError::io("create", &path))?;
            }
            let from = placed.path(size);
            let to = folder.join(placed.place.relative());
            if self.stays || fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to).map_err(DataError::io("copy", &from))?;
            }
            watch.advance(1);
        }
        self.write_tables(folder, &manifest, noise)?;
        super::part::sync(folder);
        manifest.write(folder)?;
        Ok(manifest)
    }

    /// Writes a size as an archive, whose bytes follow from the photos alone: names in order, no times, no owners.
    pub(crate) fn archive(
        &self,
        file: &Path,
        gzip: bool,
        size: Size,
        noise: Option<&NoisyLabels>,
        watch: &dyn Watch,
    ) -> Result<Manifest> {
        let manifest = self.manifest(size, file)?;
        let folder = file.parent().expect("the path was made by joining a name to a folder");
        let tables = tempfile::Builder::new()
            .prefix(crate::atomic::UNFINISHED)
            .tempdir_in(folder)
            .map_err(DataError::io("create a folder in", folder))?;
        self.write_tables(tables.path(), &manifest, noise)?;
        manifest.write(tables.path())?;
        watch.begin(&format!("writing {}", file.display()), Some(self.placed.len() as u64), Unit::Photos);
        crate::atomic::write(file, |out| {
            let written = if gzip {
                // Photos do not compress: the fastest level costs least.
                let mut encoder = flate2::GzBuilder::new().mtime(0).write(out, flate2::Compression::fast());
                self.write_tar(&mut encoder, tables.path(), &manifest, size, watch)
                    .and_then(|()| encoder.finish().map(drop).map_err(DataError::io("write", file)))
            } else {
                self.write_tar(out, tables.path(), &manifest, size, watch)
            };
            written.map_err(|error| match error {
                DataError::Io { source, action, path } if path.as_os_str().is_empty() => {
                    DataError::Io { source, action, path: file.to_owned() }
                }
                other => other,
            })
        })?;
        Ok(manifest)
    }

    fn write_tar(
        &self,
        out: &mut dyn Write,
        tables: &Path,
        manifest: &Manifest,
        size: Size,
        watch: &dyn Watch,
    ) -> Result<()> {
        let mut builder = tar::Builder::new(out);
        let unnamed = |error: io::Error| DataError::Io { action: "write", path: PathBuf::new(), source: error };
        let mut append = |path: String, from: &Path| -> Result<()> {
            let file = File::open(from).map_err(DataError::io("open", from))?;
            let length = file.metadata().map_err(DataError::io("read", from))?.len();
            let mut header = tar::Header::new_ustar();
            header.set_size(length);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_entry_type(tar::EntryType::Regular);
            builder.append_data(&mut header, path, file).map_err(unnamed)
        };
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(tables).map_err(DataError::io("list", tables))? {
            names.push(entry.map_err(DataError::io("list", tables))?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        names.iter().try_for_each(|name| append(format!("{}/{name}", manifest.name), &tables.join(name)))?;
        for placed in &self.placed {
            if watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            append(format!("{}/{}", manifest.name, placed.place.relative()), &placed.path(size))?;
            watch.advance(1);
        }
        builder.finish().map_err(unnamed)
    }

    /// The summary, the spec and the noisy labels.
    fn write_tables(&self, folder: &Path, manifest: &Manifest, noise: Option<&NoisyLabels>) -> Result<()> {
        let path = folder.join(SUMMARY_FILE);
        crate::atomic::write(&path, |out| {
            let mut line = |value: serde_json::Value| writeln!(out, "{value}").map_err(DataError::io("write", &path));
            let summary = &self.summary;
            line(serde_json::json!({
                "format": "imagenette-made", "version": 1, "name": manifest.name, "photos": summary.photos,
                "converted": summary.converted, "repaired": summary.repaired, "noted": summary.noted,
                "skipped": summary.skipped, "missing": summary.missing, "others": summary.others,
            }))?;
            summary
                .files
                .iter()
                .try_for_each(|file| line(serde_json::to_value(file).expect("strings always serialise")))
        })?;
        let path = folder.join(SPEC_FILE);
        crate::atomic::write(&path, |out| {
            out.write_all(self.spec.to_toml().as_bytes()).map_err(DataError::io("write", &path))
        })?;
        let drawn;
        let noise = match (noise, self.spec.noise.is_empty()) {
            (Some(official), _) => {
                official.check(manifest).map_err(|found| DataError::Malformed {
                    path: "--noise-from".into(),
                    expected: format!("a table of the photos of {}", manifest.name),
                    found,
                    hint: "leave it out, or draw a table with --noise 1,5,25,50".into(),
                })?;
                Some(official)
            }
            (None, false) => {
                drawn = NoisyLabels::draw(manifest, &self.spec.noise, self.spec.seed)?;
                Some(&drawn)
            }
            (None, true) => None,
        };
        let family = match self.spec.edition {
            Some(family) => family.name(),
            None => &self.spec.name,
        };
        noise.map_or(Ok(()), |noise| noise.write(&folder.join(format!("noisy_{family}.csv"))))
    }
}

impl Placed<'_> {
    fn path(&self, size: Size) -> PathBuf {
        photo_path(self.part, size, self.entry.origin, &self.entry.wnid, &self.entry.name)
    }
}

fn summary(parts: &[Complete], placed: &[Placed<'_>], membership: &Membership) -> Summary {
    let mut files = Vec::new();
    let mut counts: BTreeMap<Status, usize> = BTreeMap::new();
    for placed in placed {
        let entry = placed.entry;
        *counts.entry(entry.status).or_default() += 1;
        if entry.status != Status::Plain {
            let path = Some(placed.place.relative());
            files.push(SummaryLine {
                status: entry.status,
                source: entry.source.clone(),
                path,
                reason: entry.remarks.join("; "),
            });
        }
    }
    // A shard does not know what the others see: what all of them passed over is told once.
    let troubles: BTreeSet<_> = parts.iter().flat_map(|part| &part.done.troubles).collect();
    let skipped = troubles.len();
    files.extend(troubles.into_iter().map(|trouble| SummaryLine {
        status: Status::Skipped,
        source: trouble.path.clone(),
        path: None,
        reason: trouble.reason.clone(),
    }));
    let mut missing = 0;
    if let Membership::List { members, .. } = membership {
        let made: HashSet<&str> = placed.iter().map(|placed| placed.entry.name.as_str()).collect();
        for (name, listed) in members.iter().filter(|(name, _)| !made.contains(name.as_str())) {
            missing += 1;
            let source = format!("{}/{name}", listed.wnid);
            let reason = format!("the list has it in {}, and the copy does not give it", listed.split.name());
            files.push(SummaryLine { status: Status::Missing, source, path: None, reason });
        }
    }
    files.sort_unstable();
    let count = |status| counts.get(&status).copied().unwrap_or(0);
    Summary {
        photos: placed.len(),
        converted: count(Status::Converted),
        repaired: count(Status::Repaired),
        noted: count(Status::Noted),
        skipped,
        missing,
        others: parts.iter().map(|part| part.done.others).max().unwrap_or(0),
        files,
    }
}

/// Whether a folder of a dataset was made with this spec, the sizes aside.
pub(crate) fn was_made_with(folder: &Path, spec: &Spec) -> bool {
    let read = fs::read_to_string(folder.join(SPEC_FILE)).ok().and_then(|text| Spec::from_toml(&text).ok());
    folder.join(MANIFEST_FILE).is_file() && read.is_some_and(|read| Spec { sizes: spec.sizes.clone(), ..read } == *spec)
}
