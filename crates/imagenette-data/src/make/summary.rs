//! The account of the work: parts and the places of their photos go in, every file that was not plain comes out, with
//! the reason.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;

use super::join::{Complete, Placed};
use super::journal::Status;
use super::membership::Membership;

/// What became of the photos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Photos in the dataset.
    pub photos: usize,
    /// Those that were made into RGB or gray JPEG files from something else.
    pub converted: usize,
    /// Those that were damaged and kept as far as readable.
    pub repaired: usize,
    /// Those with an orientation that was not applied.
    pub noted: usize,
    /// Photos and members that cannot be used.
    pub skipped: usize,
    /// Photos that the list of members has, but the copy does not.
    pub missing: usize,
    /// Files that are not photos.
    pub others: u64,
    /// Every file that was not plain, and the reason.
    pub files: Vec<SummaryLine>,
}

/// A file that was not plain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SummaryLine {
    /// What became of it.
    pub status: Status,
    /// Its path in the copy.
    pub source: String,
    /// Its path in the dataset, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why.
    pub reason: String,
}

/// Sums up what became of every photo of the parts.
pub(super) fn summary(parts: &[Complete], placed: &[Placed<'_>], membership: &Membership) -> Summary {
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
    // A shard does not know what the others see: what all of them left out is reported once.
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
            let reason = format!("the list has it in {}, but the copy does not have it", listed.split.name());
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
