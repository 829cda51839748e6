//! The facts about all photos go in, groups of photos that show one picture come out: the same file, the same pixels,
//! or nearly.
//!
//! Near ones are found in two steps: by hashes that differ in a few bits (with an index, without comparing all of
//! them), and then by the photos themselves, small and in color, since different photos may have the same hash.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::listing::Subject;
use super::neighbors::Index;
use super::perceptual::{PerceptualHash, Proof};
use super::photo::{Facts, Reader};
use super::{AuditOptions, Member};
use crate::error::{DataError, Result};
use crate::watch::{Unit, Watch};

/// Photos that correlate less do not show the same picture.
pub const LEAST_LIKENESS: f32 = 0.95;
/// The most photos that each photo is compared with among those of the same hash.
const COMPARED_OF_A_HASH: usize = 16;
/// The most pairs of near hashes; a dataset with more is not one of photos.
const MOST_PAIRS: usize = 1_000_000;

/// In what way two photos are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sameness {
    /// The files are the same, byte by byte.
    File,
    /// The files differ, the decoded pixels do not.
    Pixels,
    /// The pictures are nearly the same, with another size, quality, brightness or crop.
    Near,
    /// One is nearly the mirror image of the other, which training sees anyway.
    Mirrored,
}

/// Photos that show one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DuplicateGroup {
    /// In what way they are the same; in a larger group, the weakest link.
    pub sameness: Sameness,
    /// Whether some are in `val` and others are not: then evaluation asks for what was seen in training.
    pub across_splits: bool,
    /// Whether they are in different classes: then one of the labels is wrong, or the picture shows both.
    pub across_classes: bool,
    /// The largest number of bits in which the hashes of a linked pair differ; 0 for exact duplicates.
    pub distance: u32,
    /// The smallest correlation of a linked pair; 1 for exact duplicates.
    pub likeness: f32,
    /// The photos, sorted by path.
    pub photos: Vec<Member>,
}

/// What was found, and whether everything was compared.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    pub(super) groups: Vec<DuplicateGroup>,
    pub(super) is_complete: bool,
}

/// Finds all groups; those across splits come first.
pub(super) fn find(
    subject: &Subject,
    facts: &[Option<Facts>],
    options: &AuditOptions,
    watch: &dyn Watch,
) -> Result<Duplicates> {
    let all: Vec<u32> = (0..).zip(facts).filter(|(_, facts)| facts.is_some()).map(|(sample, _)| sample).collect();
    let of = |sample: u32| facts[sample as usize].as_ref().expect("only photos that were read are listed");
    let group = |sameness, distance, likeness, samples: &[u32]| {
        let items = || samples.iter().map(|&sample| &subject.items[sample as usize]);
        let mut photos: Vec<Member> = samples.iter().map(|&sample| Member::of(subject, sample)).collect();
        photos.sort_by(|a, b| a.path.cmp(&b.path));
        DuplicateGroup {
            sameness,
            across_splits: super::are_across(items()),
            across_classes: items()
                .filter(|item| item.label.is_some())
                .any(|item| items().any(|other| other.label.is_some() && other.label != item.label)),
            distance,
            likeness,
            photos,
        }
    };
    let mut groups = Vec::new();
    // Each step continues with one photo of each group of the step before.
    let (one_a_file, files) = grouped(&all, |sample| of(sample).file);
    groups.extend(files.iter().map(|samples| group(Sameness::File, 0, 1.0, samples)));
    let (one_a_picture, pictures) = grouped(&one_a_file, |sample| of(sample).pixels);
    groups.extend(pictures.iter().map(|samples| group(Sameness::Pixels, 0, 1.0, samples)));
    let hashed: Vec<(u32, PerceptualHash)> =
        one_a_picture.iter().filter_map(|&sample| Some((sample, of(sample).perceptual?))).collect();
    let (pairs, is_complete) = near_pairs(&hashed, options, watch)?;
    let links = confirmed(subject, &pairs, options, watch)?;
    groups.extend(
        joined(&links).into_iter().map(|(link, samples)| group(link.sameness, link.distance, link.likeness, &samples)),
    );
    groups.sort_by(|a, b| {
        (!a.across_splits, !a.across_classes, a.sameness)
            .cmp(&(!b.across_splits, !b.across_classes, b.sameness))
            .then(b.likeness.total_cmp(&a.likeness))
            .then_with(|| a.photos[0].path.cmp(&b.photos[0].path))
    });
    Ok(Duplicates { groups, is_complete })
}

/// One sample for each key, and the samples of each key that has several; both in order.
fn grouped<K: Eq + Hash>(samples: &[u32], key: impl Fn(u32) -> K) -> (Vec<u32>, Vec<Vec<u32>>) {
    let mut places: HashMap<K, usize> = HashMap::with_capacity(samples.len());
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for &sample in samples {
        let place = *places.entry(key(sample)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(sample);
    }
    let first = groups.iter().map(|samples| samples[0]).collect();
    groups.retain(|samples| samples.len() > 1);
    (first, groups)
}

/// Two photos whose hashes are near, or that were found to show one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Link {
    a: u32,
    b: u32,
    sameness: Sameness,
    distance: u32,
    likeness: f32,
}

/// The pairs whose hashes are near, upright or mirrored, sorted; and whether these are all.
fn near_pairs(
    hashed: &[(u32, PerceptualHash)],
    options: &AuditOptions,
    watch: &dyn Watch,
) -> Result<(Vec<Link>, bool)> {
    // Photos with the same hash are looked up once.
    let mut by_hash: Vec<(PerceptualHash, u32)> = hashed.iter().map(|(sample, hash)| (*hash, *sample)).collect();
    by_hash.sort_unstable();
    let runs: Vec<&[(PerceptualHash, u32)]> = by_hash.chunk_by(|a, b| a.0 == b.0).collect();
    let hashes: Vec<u64> = runs.iter().map(|run| run[0].0.upright).collect();
    let index = Index::new(&hashes, options.distance);
    let pairs = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let in_run = |run: usize| runs[run].iter().map(|(_, sample)| *sample).take(COMPARED_OF_A_HASH);
    watch.begin("comparing hashes", Some(hashed.len() as u64), Unit::Photos);
    let work = || {
        let mut mine = Vec::new();
        loop {
            let run = next.fetch_add(1, Ordering::Relaxed);
            if run >= runs.len() {
                return;
            }
            if watch.interrupted() || pairs.lock().expect("no thread panics with the lock").len() > MOST_PAIRS {
                return;
            }
            for (position, (_, later)) in runs[run].iter().enumerate() {
                let earlier = &runs[run][position.saturating_sub(COMPARED_OF_A_HASH)..position];
                mine.extend(earlier.iter().map(|(_, earlier)| link(*earlier, *later, Sameness::Near, 0)));
            }
            let hash = runs[run][0].0;
            for (wanted, sameness) in [(hash.upright, Sameness::Near), (hash.mirrored, Sameness::Mirrored)] {
                index.near(wanted, |other, distance| {
                    // Each pair is taken once, from its earlier run.
                    if other as usize > run {
                        for a in in_run(run) {
                            mine.extend(in_run(other as usize).map(|b| link(a, b, sameness, distance)));
                        }
                    }
                });
            }
            watch.advance(runs[run].len() as u64);
            pairs.lock().expect("no thread panics with the lock").append(&mut mine);
        }
    };
    imagenette_files::threads::share(options.threads, work);
    if watch.interrupted() {
        return Err(DataError::Interrupted);
    }
    let mut pairs = pairs.into_inner().expect("no thread panics with the lock");
    pairs.sort_by_key(|pair: &Link| (pair.a, pair.b, pair.sameness, pair.distance));
    // A picture that is its own mirror image is found in both ways: the plain one counts.
    pairs.dedup_by_key(|pair| (pair.a, pair.b));
    let is_complete = pairs.len() <= MOST_PAIRS;
    pairs.truncate(MOST_PAIRS);
    Ok((pairs, is_complete))
}

fn link(a: u32, b: u32, sameness: Sameness, distance: u32) -> Link {
    Link { a: a.min(b), b: a.max(b), sameness, distance, likeness: 0.0 }
}

/// The pairs that show one picture when they are compared. Each of their photos is read once more, a part of them at a
/// time, so that memory stays bounded.
fn confirmed(subject: &Subject, pairs: &[Link], options: &AuditOptions, watch: &dyn Watch) -> Result<Vec<Link>> {
    /// Pairs whose small pictures are in memory at once, 2 × 1.7 kB for each.
    const PAIRS_AT_ONCE: usize = 20_000;
    let mut links = Vec::new();
    let involved = |pairs: &[Link]| {
        let mut samples: Vec<u32> = pairs.iter().flat_map(|pair| [pair.a, pair.b]).collect();
        samples.sort_unstable();
        samples.dedup();
        samples
    };
    let photos = pairs.chunks(PAIRS_AT_ONCE).map(|part| involved(part).len() as u64).sum();
    watch.begin("comparing near photos", Some(photos), Unit::Photos);
    for part in pairs.chunks(PAIRS_AT_ONCE) {
        let samples = involved(part);
        let proofs: Vec<Option<Proof>> =
            crate::threads::map(&samples, options.threads, watch, |reader: &mut Reader, sample| {
                let item = &subject.items[*sample as usize];
                reader.proof(&subject.root.join(&item.path), item.turn).ok()
            })?;
        let proof = |sample: u32| samples.binary_search(&sample).ok().and_then(|place| proofs[place].as_ref());
        for pair in part {
            let (Some(a), Some(b)) = (proof(pair.a), proof(pair.b)) else { continue };
            let likeness = match pair.sameness {
                Sameness::Mirrored => a.mirrored_likeness(b),
                _ => a.likeness(b),
            };
            if likeness >= LEAST_LIKENESS {
                links.push(Link { likeness, ..*pair });
            }
        }
    }
    Ok(links)
}

/// Joins linked photos into groups, each with the weakest of its links.
fn joined(links: &[Link]) -> Vec<(Link, Vec<u32>)> {
    let mut parents: HashMap<u32, u32> = HashMap::new();
    fn root(parents: &mut HashMap<u32, u32>, sample: u32) -> u32 {
        let mut at = sample;
        while let Some(&parent) = parents.get(&at).filter(|parent| **parent != at) {
            at = parent;
        }
        // Shortens the way for the next search.
        parents.insert(sample, at);
        at
    }
    for link in links {
        let (a, b) = (root(&mut parents, link.a), root(&mut parents, link.b));
        parents.insert(a.max(b), a.min(b));
    }
    let mut groups: HashMap<u32, (Link, Vec<u32>)> = HashMap::new();
    for link in links {
        let (weakest, samples) = groups.entry(root(&mut parents, link.a)).or_insert_with(|| (*link, Vec::new()));
        weakest.sameness = weakest.sameness.max(link.sameness);
        weakest.distance = weakest.distance.max(link.distance);
        weakest.likeness = weakest.likeness.min(link.likeness);
        samples.extend([link.a, link.b]);
    }
    let mut groups: Vec<(Link, Vec<u32>)> = groups.into_values().collect();
    for (_, samples) in &mut groups {
        samples.sort_unstable();
        samples.dedup();
    }
    groups.sort_by_key(|(_, samples)| samples[0]);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_join_into_groups_with_their_weakest_link() {
        let near = |a, b, likeness| Link { likeness, ..link(a, b, Sameness::Near, 3) };
        let links = [near(1, 2, 0.99), near(5, 6, 0.97), near(2, 9, 0.96), near(9, 5, 0.98), near(20, 30, 1.0)];
        let groups = joined(&links);
        assert_eq!(
            groups.iter().map(|(_, samples)| samples.clone()).collect::<Vec<_>>(),
            [vec![1, 2, 5, 6, 9], vec![20, 30]]
        );
        assert_eq!((groups[0].0.likeness, groups[1].0.likeness), (0.96, 1.0));
    }

    #[test]
    fn ten_thousand_photos_with_one_hash_are_not_compared_pair_by_pair() {
        let hash = PerceptualHash { upright: 7, mirrored: 9 };
        let hashed: Vec<(u32, PerceptualHash)> = (0..10_000).map(|sample| (sample, hash)).collect();
        let options = AuditOptions { threads: 2, distance: 8 };
        let (pairs, is_complete) = near_pairs(&hashed, &options, &crate::watch::Silent).unwrap();
        assert!(is_complete && pairs.len() <= 10_000 * COMPARED_OF_A_HASH, "{}", pairs.len());
        assert_eq!(joined(&pairs).len(), 1, "all are linked through their neighbors");
    }
}
