//! How single photos came out on both sides: by class, and which of them changed sides.

use std::collections::BTreeMap;

use imagenette_data::class::Class;
use imagenette_results::statistics::{ArmPhotos, PhotosAndSeeds, photos_and_seeds};
use serde::Serialize;

use super::outcome::SideRun;

/// In how many runs of each side each photo was right.
pub(super) struct Tally {
    samples: Vec<String>,
    runs: [u32; 2],
    right: [Vec<u32>; 2],
}

/// One class on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ClassChange {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) photos: u64,
    /// The share of photos that are right in a run of the baseline, meaned over runs.
    pub(super) baseline: f64,
    pub(super) idea: f64,
}

impl ClassChange {
    /// What the idea gains, a fraction.
    pub(super) fn gain(&self) -> f64 {
        self.idea - self.baseline
    }
}

/// Photos that are right in most runs of one side and wrong in most of the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Changed {
    /// Right with the idea.
    pub(super) gained: Vec<String>,
    /// Right without it.
    pub(super) lost: Vec<String>,
}

impl Tally {
    /// Counts the predictions of all runs; `None` where some are not there, or are of other photos.
    pub(super) fn of(base: &[SideRun], idea: &[SideRun]) -> anyhow::Result<Option<Self>> {
        let mut counts: BTreeMap<String, ([u32; 2], [u32; 2])> = BTreeMap::new();
        for (arm, runs) in [base, idea].into_iter().enumerate() {
            for run in runs {
                let Some(predictions) = run.predictions()? else { return Ok(None) };
                for prediction in predictions {
                    // `val/n01440764/n01440764_10042.JPEG`: the folder is the class.
                    let is_right = prediction.sample.split('/').nth(1) == Some(prediction.class.as_str());
                    let (right, seen) = counts.entry(prediction.sample).or_default();
                    right[arm] += u32::from(is_right);
                    seen[arm] += 1;
                }
            }
        }
        let runs = [base.len() as u32, idea.len() as u32];
        if counts.values().any(|(_, seen)| *seen != runs) {
            return Ok(None);
        }
        let (samples, counts): (Vec<String>, Vec<[u32; 2]>) =
            counts.into_iter().map(|(sample, (right, _))| (sample, right)).unzip();
        let right = [0, 1].map(|arm: usize| counts.iter().map(|right| right[arm]).collect());
        Ok(Some(Self { samples, runs, right }))
    }

    /// Photos and seeds taken apart.
    pub(super) fn photos_and_seeds(&self, seeds_standard_error: f64) -> Option<PhotosAndSeeds> {
        let arm = |arm: usize| ArmPhotos { runs: self.runs[arm], right: &self.right[arm] };
        photos_and_seeds(&arm(0), &arm(1), seeds_standard_error)
    }

    /// The classes in the order of their WordNet ids.
    pub(super) fn classes(&self) -> Vec<ClassChange> {
        let mut sums: BTreeMap<&str, (u64, [u64; 2])> = BTreeMap::new();
        for (place, sample) in self.samples.iter().enumerate() {
            let (photos, right) = sums.entry(class_of(sample)).or_default();
            *photos += 1;
            (0..2).for_each(|arm| right[arm] += u64::from(self.right[arm][place]));
        }
        let change = |(class, (photos, right)): (&str, (u64, [u64; 2]))| {
            let share = |arm: usize| right[arm] as f64 / (photos * u64::from(self.runs[arm].max(1))) as f64;
            ClassChange {
                class: class.to_owned(),
                name: Class::of(class).name,
                photos,
                baseline: share(0),
                idea: share(1),
            }
        };
        sums.into_iter().map(change).collect()
    }

    /// The photos that changed sides, by their names.
    pub(super) fn changed(&self) -> Changed {
        let mut changed = Changed::default();
        for (place, sample) in self.samples.iter().enumerate() {
            let twice = |arm: usize| (2 * self.right[arm][place]).cmp(&self.runs[arm]);
            match (twice(0), twice(1)) {
                (std::cmp::Ordering::Less, std::cmp::Ordering::Greater) => changed.gained.push(sample.clone()),
                (std::cmp::Ordering::Greater, std::cmp::Ordering::Less) => changed.lost.push(sample.clone()),
                _ => {}
            }
        }
        changed
    }

    /// In how many runs of each side a photo was right, in words: `1 of 5 → 4 of 5`.
    pub(super) fn said(&self, sample: &str) -> String {
        let Ok(place) = self.samples.binary_search_by(|known| known.as_str().cmp(sample)) else { return "?".into() };
        let [without, with] = [0, 1].map(|arm: usize| format!("{} of {}", self.right[arm][place], self.runs[arm]));
        format!("{without} → {with}")
    }
}

fn class_of(sample: &str) -> &str {
    sample.split('/').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_change_sides_when_most_runs_of_both_sides_disagree() {
        let names = ["val/n01440764/a.JPEG", "val/n01440764/b.JPEG", "val/n03028079/c.JPEG", "val/n03028079/d.JPEG"];
        let tally = Tally {
            samples: names.map(String::from).to_vec(),
            runs: [3, 2],
            right: [vec![1, 3, 2, 3], vec![2, 2, 0, 1]],
        };
        let changed = tally.changed();
        assert_eq!(changed.gained, ["val/n01440764/a.JPEG"]);
        // One of two is no majority: `d` is on neither side.
        assert_eq!(changed.lost, ["val/n03028079/c.JPEG"]);
        assert_eq!(tally.said("val/n01440764/a.JPEG"), "1 of 3 → 2 of 2");
        let classes = tally.classes();
        assert_eq!((classes[0].name.as_str(), classes[0].photos), ("tench", 2));
        assert!((classes[0].baseline - 4.0 / 6.0).abs() < 1e-12 && (classes[0].idea - 1.0).abs() < 1e-12);
        assert!((classes[1].gain() - (1.0 / 4.0 - 5.0 / 6.0)).abs() < 1e-12);
    }
}
