//! Gains over a named baseline: groups of runs and kept verdicts go in; what each group gains, and where the gain lies,
//! comes out.

use std::path::{Path, PathBuf};

use imagenette_results::index::changes_of_shipped;
use imagenette_results::run_group::{LeftOut, Run, RunGroup};
use imagenette_results::statistics::{Sample, VariancePrior, steadied_welch};

use crate::kept_verdict::{KeptVerdict, Side};
use crate::plot::Gain;
use crate::terminal::Refusal;

/// The confidence of an interval that no comparison has settled.
const CONFIDENCE: f64 = 0.95;

/// What a baseline is known by.
pub(crate) enum Baseline {
    /// A recipe's name, or a group's.
    Name(String),
    /// The folders of its runs, and what was typed.
    Runs(String, Vec<PathBuf>),
}

/// The verdicts in a folder and below it, down to a depth; what cannot be read is named.
pub(crate) fn verdicts_below(folder: &Path, depth: u32, left_out: &mut Vec<LeftOut>) -> Vec<KeptVerdict> {
    let mut found = Vec::new();
    match KeptVerdict::read(folder) {
        Ok(verdict) => found.extend(verdict),
        Err(error) => left_out.push(LeftOut::because(folder, &error)),
    }
    let Some(depth) = depth.checked_sub(1) else { return found };
    // A folder that cannot be read was named when runs were looked for.
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut below: Vec<PathBuf> = entries.flatten().filter(is_folder).map(|entry| entry.path()).collect();
    below.sort();
    below.iter().for_each(|folder| found.extend(verdicts_below(folder, depth, left_out)));
    found
}

/// The folders of a side's runs.
pub(crate) fn folders(side: &Side) -> impl Iterator<Item = PathBuf> {
    side.runs.iter().map(|run| run.folder.clone())
}

/// The place of the baseline among the groups.
pub(crate) fn find(baseline: &Baseline, groups: &[RunGroup]) -> anyhow::Result<usize> {
    let (named, places): (&str, Vec<usize>) = match baseline {
        Baseline::Name(name) => (name, places_where(groups, |group| group.name == *name)),
        Baseline::Runs(named, folders) => {
            let is_its = |run: &Run| folders.iter().any(|folder| is_same(folder, &run.folder));
            (named, places_where(groups, |group| group.runs.iter().any(is_its)))
        }
    };
    let of_recipe = || match baseline {
        Baseline::Name(name) => places_where(groups, |group| group.runs[0].record.recipe == *name),
        Baseline::Runs(..) => Vec::new(),
    };
    let places = if places.is_empty() { of_recipe() } else { places };
    // Of several that have one name the one that is nearest to what ships, and none where two are as near.
    let changes = |place: usize| changes_of_shipped(&groups[place].runs[0]);
    let least = places.iter().filter_map(|&place| changes(place)).min();
    let is_nearest = |place: &usize| !Path::new(named).is_dir() && changes(*place) == least;
    let nearest: Vec<usize> = places.iter().copied().filter(is_nearest).collect();
    let names = |places: &[usize]| {
        places.iter().map(|&place| format!("`{}`", groups[place].name)).collect::<Vec<_>>().join(", ")
    };
    let all: Vec<usize> = (0..groups.len()).collect();
    match (places.as_slice(), nearest.as_slice()) {
        ([place], _) | (_, [place]) => Ok(*place),
        ([], _) => Err(Refusal::error(
            format!("--baseline: expected a recipe of these runs or a folder of runs, found `{named}`"),
            format!("there are {}", names(&all)),
        )),
        (several, _) => Err(Refusal::error(
            format!(
                "--baseline: expected the runs of one recipe, found those of {}: {}",
                several.len(),
                names(several)
            ),
            "name one of them in full, or the folder of its runs",
        )),
    }
}

fn places_where(groups: &[RunGroup], is_one: impl Fn(&RunGroup) -> bool) -> Vec<usize> {
    (0..groups.len()).filter(|&place| is_one(&groups[place])).collect()
}

/// Whether two paths are one folder.
fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    one == other || whole(one) == whole(other)
}

/// What each group but the baseline gains over it. A comparison of the same two recipes on the same photos keeps its
/// own interval: it is wider than one at 95%, since it was looked at more than once.
pub(crate) fn over(baseline: usize, groups: &[RunGroup], verdicts: &[KeptVerdict]) -> Vec<Gain> {
    let base = &groups[baseline];
    let others = groups.iter().enumerate().filter(|(place, _)| *place != baseline);
    let of_group = |(_, group): (usize, &RunGroup)| {
        let name = group.name.clone();
        if let Some(known) = verdicts.iter().find(|known| is_about(known, base, group)) {
            let KeptVerdict { verdict, runs, gain, interval, .. } = known.clone();
            return Gain { name, gain, interval: Some(interval), runs, verdict: Some(verdict) };
        }
        let [of_base, own] = [base, group].map(accuracies);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let photos = group.runs[0].record.result.total;
        let test = Sample::of(&of_base)
            .zip(Sample::of(&own))
            .and_then(|(base, own)| steadied_welch(&base, &own, photos, &VariancePrior::STEADIED));
        let interval = test.map(|test| test.test.interval(CONFIDENCE));
        Gain { name, gain: mean(&own) - mean(&of_base), interval, runs: (of_base.len(), own.len()), verdict: None }
    };
    others.map(of_group).collect()
}

fn accuracies(group: &RunGroup) -> Vec<f64> {
    group.runs.iter().map(|run| run.record.result.accuracy()).collect()
}

/// Whether a verdict compared these two recipes on these photos.
fn is_about(known: &KeptVerdict, base: &RunGroup, group: &RunGroup) -> bool {
    // The runs say which recipe it was, and on which photos.
    let is_side = |side: &Side, group: &RunGroup| {
        folders(side).any(|folder| group.runs.iter().any(|run| is_same(&folder, &run.folder)))
    };
    is_side(&known.baseline, base) && is_side(&known.idea, group)
}
