//! A dataset goes in, what a person should know before trusting it comes out: duplicates within and across splits,
//! photos in the wrong place, broken and repaired files, sizes, shapes, colors and the balance of the classes.
//!
//! [`audit`] reads every photo once, [`report::html`] makes a page with pictures of what was found.

mod duplicates;
mod findings;
mod listing;
mod measures;
mod names;
mod neighbors;
mod perceptual;
mod photo;
pub mod report;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use duplicates::{DuplicateGroup, LEAST_LIKENESS, Sameness};
pub use findings::{Finding, Severity};
pub use listing::Subject;
pub use measures::{Bin, Distribution, Extreme, Measures, SizeCount};
pub use names::{ImageNetId, Misplaced, NameFault};

use crate::class::Class;
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::image::{Format, Remark};
use crate::threads::{map, thread_count};
use crate::watch::{Unit, Watch};
use photo::{Facts, Reader};

const FORMAT: &str = "imagenette-audit";
const VERSION: u32 = 1;
/// The largest distance that can be asked for: beyond it, even photos with nothing in common are near.
pub const LARGEST_DISTANCE: u32 = 16;
/// How many photos are named for each remark.
const NAMED: usize = 12;

/// How an audit is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditOptions {
    /// Threads that read and decode.
    pub threads: usize,
    /// In how many of 64 bits the hashes of two photos may differ for the photos to be compared: 10 finds slight crops
    /// and copies with another size, quality or color, 0 only those with the same hash; at most [`LARGEST_DISTANCE`].
    pub distance: u32,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { threads: thread_count(), distance: 10 }
    }
}

/// A photo of the audited dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its path in the folder.
    pub path: String,
    /// Its split.
    pub split: Split,
    /// The name of its class; `None` for unlabeled ones.
    pub class: Option<String>,
}

impl Member {
    fn of(subject: &Subject, sample: u32) -> Self {
        let item = &subject.items[sample as usize];
        let class = item.label.and_then(|label| subject.classes.get(usize::from(label)));
        Self { path: item.path.clone(), split: item.split, class: class.map(|class| class.name.clone()) }
    }
}

/// A file that is listed as a photo, but is not one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The file.
    pub photo: Member,
    /// Why it is not a photo.
    pub reason: String,
}

/// The photos with the same remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemarkCount {
    /// The remark in words: `grayscale, converted`.
    pub remark: &'static str,
    /// Whether a part of the photo is lost.
    pub is_repair: bool,
    /// How many photos.
    pub photos: usize,
    /// The first of them; all of them for repairs.
    pub first: Vec<Member>,
}

/// The photos of a format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormatCount {
    /// The extension that fits the content.
    pub format: &'static str,
    /// How many photos.
    pub photos: usize,
}

/// How many photos a class has in each split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class's folder.
    pub wnid: String,
    /// Its name.
    pub name: String,
    /// Photos in `train`.
    pub train: usize,
    /// Photos in `val`.
    pub val: usize,
    /// Photos in `test`; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub test: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How many photos and bytes a split has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitCount {
    /// The split.
    pub split: Split,
    /// Its photos.
    pub photos: usize,
    /// The bytes of those that could be read.
    pub bytes: u64,
}

/// Which of ImageNet's splits the photos of a split come from, by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The split here.
    pub split: Split,
    /// Photos of ImageNet's training set.
    pub imagenet_train: usize,
    /// Photos of ImageNet's validation set.
    pub imagenet_val: usize,
    /// Photos whose names do not say.
    pub unknown: usize,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// `imagenette-audit`.
    pub format: &'static str,
    /// The version of this structure.
    pub version: u32,
    /// The dataset's name.
    pub name: String,
    /// Its edition.
    pub edition: Edition,
    /// The hash of its content according to its manifest; `None` for a folder without one.
    pub identity: Option<String>,
    /// The number of photos.
    pub photos: usize,
    /// What matters, the worst first.
    pub findings: Vec<Finding>,
    /// Photos and bytes of each split.
    pub splits: Vec<SplitCount>,
    /// Photos of each class.
    pub classes: Vec<ClassCount>,
    /// Groups of photos that show one picture.
    pub duplicates: Vec<DuplicateGroup>,
    /// The number of bits up to which hashes count as near.
    pub distance: u32,
    /// Whether all near photos were compared; where very many photos are alike, not all are.
    pub is_complete: bool,
    /// Photos of ImageNet where they should not be.
    pub misplaced: Vec<Misplaced>,
    /// Which of ImageNet's splits the photos come from.
    pub provenance: Vec<Provenance>,
    /// Files that are not photos.
    pub broken: Vec<Broken>,
    /// Photos that are not those that the manifest lists.
    pub changed: Vec<Member>,
    /// Files that are not part of the dataset.
    pub strays: Vec<String>,
    /// Photos of one color.
    pub blank: Vec<Member>,
    /// Colors, repairs and other remarks.
    pub remarks: Vec<RemarkCount>,
    /// File formats.
    pub formats: Vec<FormatCount>,
    /// Sides, shapes and bytes.
    pub measures: Measures,
}

impl Audit {
    /// How many photos of `val` and `test` are certainly in another split too: by their ImageNet id, their files or
    /// their pixels.
    pub fn leaks(&self) -> usize {
        let exact = |group: &&DuplicateGroup| group.sameness <= Sameness::Pixels && group.across_splits;
        let by_name = |misplaced: &&Misplaced| misplaced.fault == NameFault::InBothSplits;
        let duplicates = self.duplicates.iter().filter(exact).flat_map(|group| &group.photos);
        let misplaced = self.misplaced.iter().filter(by_name).flat_map(|misplaced| &misplaced.photos);
        let of_val = duplicates.chain(misplaced).filter(|photo| is_evaluated(photo.split));
        of_val.map(|photo| &photo.path).collect::<BTreeSet<_>>().len()
    }

    /// Whether there are no leaks and no broken, missing or changed files.
    pub fn is_sound(&self) -> bool {
        self.leaks() == 0 && self.broken.is_empty() && self.changed.is_empty()
    }
}

/// Audits every photo.
///
/// # Errors
/// When the distance is too large, or when the caller interrupts. A photo that cannot be read is in the audit instead.
pub fn audit(subject: &Subject, options: &AuditOptions, watch: &dyn Watch) -> Result<Audit> {
    if options.distance > LARGEST_DISTANCE {
        return Err(DataError::Setting {
            key: "distance".into(),
            expected: format!("0 to {LARGEST_DISTANCE} bits"),
            found: options.distance.to_string(),
            hint: "10 finds slight crops and copies with another size and quality".into(),
        });
    }
    watch.begin(&format!("auditing {}", subject.name), Some(subject.items.len() as u64), Unit::Photos);
    let read = map(&subject.items, options.threads, watch, |reader: &mut Reader, item| {
        reader.facts(&subject.root.join(&item.path), item.turn, item.sha256.as_deref())
    })?;
    let member = |sample: usize| Member::of(subject, sample as u32);
    let mut broken = Vec::new();
    let facts: Vec<Option<Facts>> = read
        .into_iter()
        .enumerate()
        .map(|(sample, facts)| facts.map_err(|reason| broken.push(Broken { photo: member(sample), reason })).ok())
        .collect();
    let duplicates = duplicates::find(subject, &facts, options, watch)?;
    let samples_where = |holds: &dyn Fn(&Facts) -> bool| -> Vec<Member> {
        let held = facts.iter().enumerate().filter(|(_, facts)| facts.as_ref().is_some_and(holds));
        held.map(|(sample, _)| member(sample)).collect()
    };
    let mut audit = Audit {
        format: FORMAT,
        version: VERSION,
        name: subject.name.clone(),
        edition: subject.edition,
        identity: subject.identity.clone(),
        photos: subject.items.len(),
        findings: Vec::new(),
        splits: splits(subject, &facts),
        classes: classes(subject),
        duplicates: duplicates.groups,
        distance: options.distance,
        is_complete: duplicates.is_complete,
        misplaced: names::misplaced(subject),
        provenance: names::provenance(subject),
        broken,
        changed: samples_where(&|facts| facts.is_changed),
        strays: subject.strays.clone(),
        blank: samples_where(&|facts| facts.perceptual.is_none()),
        remarks: remarks(subject, &facts),
        formats: formats(&facts),
        measures: measures::measure(subject, &facts),
    };
    audit.findings = findings::findings(&audit);
    Ok(audit)
}

/// Whether accuracies are measured on a split.
fn is_evaluated(split: Split) -> bool {
    matches!(split, Split::Val | Split::Test)
}

/// Whether one of these photos is in a split on which accuracies are measured, and another is in another split.
fn are_across<'a>(items: impl Iterator<Item = &'a listing::Item> + Clone) -> bool {
    let first = items.clone().next().map(|item| item.split);
    items.clone().any(|item| is_evaluated(item.split)) && items.clone().any(|item| Some(item.split) != first)
}

fn splits(subject: &Subject, facts: &[Option<Facts>]) -> Vec<SplitCount> {
    let mut counts: BTreeMap<Split, (usize, u64)> = BTreeMap::new();
    for (item, facts) in subject.items.iter().zip(facts) {
        let (photos, bytes) = counts.entry(item.split).or_default();
        *photos += 1;
        *bytes += facts.as_ref().map_or(0, |facts| facts.bytes);
    }
    counts.into_iter().map(|(split, (photos, bytes))| SplitCount { split, photos, bytes }).collect()
}

fn classes(subject: &Subject) -> Vec<ClassCount> {
    let count =
        |Class { wnid, name }: &Class| ClassCount { wnid: wnid.clone(), name: name.clone(), train: 0, val: 0, test: 0 };
    let mut counts: Vec<ClassCount> = subject.classes.iter().map(count).collect();
    for item in &subject.items {
        if let Some(count) = item.label.and_then(|label| counts.get_mut(usize::from(label))) {
            match item.split {
                Split::Train => count.train += 1,
                Split::Val => count.val += 1,
                Split::Test => count.test += 1,
                Split::Unsup => {}
            }
        }
    }
    counts
}

fn remarks(subject: &Subject, facts: &[Option<Facts>]) -> Vec<RemarkCount> {
    let of = |remark: Remark| {
        let made = facts
            .iter()
            .enumerate()
            .filter(move |(_, facts)| facts.as_ref().is_some_and(|facts| facts.remarks.contains(&remark)));
        let samples: Vec<usize> = made.map(|(sample, _)| sample).collect();
        let named = if remark.is_repair() { usize::MAX } else { NAMED };
        let first = samples.iter().take(named).map(|&sample| Member::of(subject, sample as u32)).collect();
        RemarkCount { remark: remark.text(), is_repair: remark.is_repair(), photos: samples.len(), first }
    };
    Remark::ALL.into_iter().map(of).filter(|count| count.photos > 0).collect()
}

fn formats(facts: &[Option<Facts>]) -> Vec<FormatCount> {
    let mut counts: BTreeMap<Format, usize> = BTreeMap::new();
    for facts in facts.iter().flatten() {
        *counts.entry(facts.format).or_default() += 1;
    }
    counts.into_iter().map(|(format, photos)| FormatCount { format: format.extension(), photos }).collect()
}
