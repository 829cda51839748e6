//! Complete parts go in, finished datasets come out: each photo in its split, a manifest, a summary of everything that
//! was not plain, and all of it renamed into place in one step.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use imagenette_files::atomic;
use imagenette_files::input;

use super::journal::{Done, Entry, PartHeader, Status, photo_path};
use super::membership::{Membership, split_by_rule};
use super::noise::NoisyLabels;
use super::spec::{Size, Spec, SplitRule};
use super::summary::{Summary, summary};
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::intake::complete::Taken;
use crate::intake::draw::{draw_split, val_count};
use crate::intake::layout::Place;
use crate::intake::photos::Photo;
use crate::manifest::{MANIFEST_FILE, Manifest, OrientationRule, SPEC_FILE, SUMMARY_FILE, Source};
use crate::watch::{Unit, Watch};

/// A complete part, as it was read.
pub(crate) struct Complete {
    pub(crate) folder: PathBuf,
    pub(crate) header: PartHeader,
    pub(crate) entries: Vec<Entry>,
    pub(crate) done: Done,
}

/// A photo with its place in the dataset.
pub(super) struct Placed<'a> {
    part: &'a Path,
    pub(super) entry: &'a Entry,
    pub(super) place: Place,
}

/// All parts together: which photo goes where, and which edition it is.
pub(crate) struct Joined<'a> {
    spec: &'a Spec,
    pub(super) placed: Vec<Placed<'a>>,
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
    /// When two parts have the same photo, or when the rule has no split for a photo.
    pub(crate) fn of(parts: &'a [Complete], membership: &Membership, stays: bool) -> Result<Self> {
        let spec = &parts[0].header.spec;
        let mut entries: Vec<(&Path, &Entry)> =
            parts.iter().flat_map(|part| part.entries.iter().map(|entry| (part.folder.as_path(), entry))).collect();
        entries.sort_unstable_by_key(|(_, entry)| *entry);
        if let Some(pair) = entries.windows(2).find(|pair| {
            let key = |entry: &'a Entry| (&entry.wnid, &entry.name, entry.origin);
            key(pair[0].1) == key(pair[1].1)
        }) {
            return Err(DataError::malformed(
                pair[1].0,
                "parts without common photos",
                format!("{}/{}, which is in {} too", pair[1].1.wnid, pair[1].1.name, pair[0].0.display()),
                "remove the part that does not belong here, and make it again",
            ));
        }
        let mut placed = Vec::with_capacity(entries.len());
        let mut taken = HashSet::new();
        for class in entries.chunk_by(|(_, a), (_, b)| a.wnid == b.wnid) {
            let drawn = match (spec.split, membership) {
                (SplitRule::Ratio(train, val), Membership::Classes) => {
                    let names: Vec<String> =
                        class.iter().map(|(_, entry)| format!("{}/{}", entry.origin.name(), entry.name)).collect();
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    Some(draw_split(spec.seed, val_count((train, val), names.len()), &class[0].1.wnid, &names))
                }
                _ => None,
            };
            for (at, &(part, entry)) in class.iter().enumerate() {
                let split = match (&drawn, membership.listed(&entry.name)) {
                    (Some(drawn), _) => Some(drawn[at]),
                    (None, Some(listed)) => Some(listed.split),
                    (None, None) => split_by_rule(spec.split, entry.origin, &entry.name),
                };
                let split = split.ok_or_else(|| {
                    DataError::malformed(
                        part,
                        "photos whose split is known",
                        entry.source.clone(),
                        "draw a split with --split 70:30",
                    )
                })?;
                let wnid = (split != Split::Unsup).then(|| entry.wnid.clone());
                let mut place = Place { split, wnid, file_name: entry.name.clone() };
                // Train and val of own photos may have the same name, and a drawn split may bring them together.
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

    /// Checks that there is something to make a dataset from.
    ///
    /// # Errors
    /// When no photo could be used, with the first reason; when a split is empty.
    pub(crate) fn check(&self) -> Result<()> {
        let count = |split| self.placed.iter().filter(|placed| placed.place.split == split).count();
        let (train, val) = (count(Split::Train), count(Split::Val));
        if train > 0 && val > 0 {
            return self.check_classes();
        }
        let skipped = self.summary.files.iter().find(|file| file.status == Status::Skipped);
        let reason = skipped.map_or(String::new(), |file| {
            let others = if self.summary.skipped > 1 {
                format!(" and {} more", self.summary.skipped - 1)
            } else {
                String::new()
            };
            format!("; left out: {} ({}){others}", file.source, file.reason)
        });
        let hint = match self.summary.photos {
            0 => "name the folder above the class folders with --from, and check --classes",
            _ => "a split needs two or more photos of a class: draw one with --split 70:30, or name the copy's val too",
        };
        Err(DataError::malformed(
            Path::new(&self.source.from),
            "photos for train and val",
            format!("{train} and {val}{reason}"),
            hint,
        ))
    }

    /// Checks that every named class has photos: a misspelled one must not give a smaller dataset.
    fn check_classes(&self) -> Result<()> {
        let made: HashSet<&str> = self.placed.iter().map(|placed| placed.entry.wnid.as_str()).collect();
        let named = if self.spec.takes_all() { &[][..] } else { &self.spec.classes[..] };
        let lacking: Vec<&str> = named.iter().map(String::as_str).filter(|class| !made.contains(class)).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        Err(DataError::malformed(
            Path::new(&self.source.from),
            "photos of every class that is named",
            format!("none of {}", lacking.join(", ")),
            "check the spelling of --classes; classes are the names of folders or tars",
        ))
    }

    /// The manifest of a size.
    pub(crate) fn manifest(&self, size: Size, origin: &Path) -> Result<Manifest> {
        let photos = self.placed.iter().map(|placed| {
            let output =
                placed.entry.outputs.iter().find(|output| output.size == size).expect("every entry has every size");
            let (width_px, height_px, bytes) = (output.width_px, output.height_px, output.bytes);
            Photo {
                place: placed.place.clone(),
                width_px,
                height_px,
                bytes,
                sha256: output.sha256.clone(),
                // What is made is written upright, or as it was stored, and without a note.
                orientation: None,
                dark: None,
            }
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
        // The splits of Image网 have different classes by design.
        let is_wang = self.spec.edition == Some(super::spec::Family::Imagewang);
        let (classes, known) = if is_wang { (BTreeSet::new(), Edition::Imagewang) } else { (classes, self.edition) };
        let name = self.spec.dataset_name(size);
        let mut manifest = crate::intake::assembly::assemble(
            origin,
            &name,
            self.source.clone(),
            Taken { photos: photos.collect(), classes },
            true,
            Some(known),
        )?;
        manifest.edition = self.edition;
        manifest.size = size.to_string();
        if manifest.classes.iter().any(|class| self.spec.turns(&class.wnid)) {
            manifest.orientation = OrientationRule::Upright;
        }
        Ok(manifest)
    }

    /// Fills a folder with the dataset of a size. The photos of a part that will be removed are linked where the disk
    /// can do that; those of shards, which stay, are copied, so that a change to a shard does not change the dataset.
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

    /// The summary, the spec and the noisy labels.
    pub(super) fn write_tables(&self, folder: &Path, manifest: &Manifest, noise: Option<&NoisyLabels>) -> Result<()> {
        let path = folder.join(SUMMARY_FILE);
        atomic::write(&path, |out| {
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
                .try_for_each(|file| line(serde_json::to_value(file).expect("strings always serialize")))
        })?;
        atomic::write_bytes(&folder.join(SPEC_FILE), self.spec.to_toml().as_bytes())?;
        let drawn;
        let noise = match (noise, self.spec.noise.is_empty()) {
            (Some(official), _) => {
                official.check(manifest).map_err(|found| {
                    DataError::malformed(
                        Path::new("--noise-from"),
                        format!("a table of the photos of {}", manifest.name),
                        found,
                        "leave it out, or draw a table with --noise 1,5,25,50",
                    )
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
    pub(super) fn path(&self, size: Size) -> PathBuf {
        photo_path(self.part, size, self.entry.origin, &self.entry.wnid, &self.entry.name)
    }
}

/// Whether the dataset in a folder was made with this spec, whatever its sizes.
pub(crate) fn was_made_with(folder: &Path, spec: &Spec) -> bool {
    let read =
        input::read_text(&folder.join(SPEC_FILE), input::TEXT_BYTES).ok().and_then(|text| Spec::from_toml(&text).ok());
    folder.join(MANIFEST_FILE).is_file() && read.is_some_and(|read| Spec { sizes: spec.sizes.clone(), ..read } == *spec)
}
