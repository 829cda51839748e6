//! Runs of one recipe with different seeds: finished runs go in; groups come out, with the mean and the spread of
//! what their runs reached after how many epochs, seconds and floating-point operations.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use imagenette_files::Hint;
use imagenette_files::hash::short;
use imagenette_files::lock::FolderLock;
use serde::{Serialize, Serializer};
use toml::{Table, Value};

use crate::check::{CHANGED, Twins};
use crate::error::{Result, ResultsError};
pub use crate::run::Run;
use crate::run::is_same_recipe;
pub use crate::run_folder::RECIPE_FILE;
use crate::run_folder::{FoundRuns, RECORD_FILE, RunFolder};
use crate::run_record::Counts;
use crate::statistics;

/// Folders that a line about several names at most.
const NAMED: usize = 5;

/// Mean and spread of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub n: usize,
    /// Their arithmetic mean.
    pub mean: f64,
    /// Their sample standard deviation; `None` for a single number.
    pub standard_deviation: Option<f64>,
}

impl Spread {
    /// The spread of these numbers; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mean = statistics::mean(values)?;
        Some(Self { n: values.len(), mean, standard_deviation: statistics::standard_deviation(values) })
    }
}

/// What a group's runs had reached after an epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Epochs trained by then.
    pub epoch: u32,
    /// Top-1 as a fraction, over all runs.
    pub accuracy: Spread,
    /// Seconds of training by then, on average; `None` where a run does not say.
    pub seconds: Option<f64>,
    /// Floating-point operations of training by then; `None` where a run does not say.
    pub flop: Option<f64>,
}

/// Epochs of some runs as people read them: `4`, or from the fewest to the most where they differ: `10.9 to 14.9`.
pub(crate) fn epochs_shown(runs: &[Run]) -> String {
    let mut all: Vec<String> = runs.iter().map(|run| run.record.epochs_shown()).collect();
    let number = |text: &String| text.parse().unwrap_or(0.0_f64);
    all.sort_by(|one, other| number(one).total_cmp(&number(other)));
    match (all.first(), all.last()) {
        (Some(fewest), Some(most)) if fewest != most => format!("{fewest} to {most}"),
        (fewest, _) => fewest.cloned().unwrap_or_default(),
    }
}

/// The runs of one recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct RunGroup {
    /// The recipe's name, with what sets it apart from others of this name.
    pub name: String,
    /// The runs, by seed.
    pub runs: Vec<Run>,
}

impl RunGroup {
    /// Epochs of its recipe; of runs with a budget, whose lengths differ, those of the first.
    pub fn epochs(&self) -> u32 {
        self.runs[0].record.epochs
    }

    /// Epochs as people read them.
    pub fn epochs_shown(&self) -> String {
        epochs_shown(&self.runs)
    }

    /// What the network sees while it trains, in pixels: `128`, or `64, 96, 128` of stages.
    pub fn resolution(&self) -> String {
        resolution(self.runs[0].recipe.get("resolution"))
    }

    /// Whether its runs were evaluated on photos held out of the train split instead of val.
    pub fn is_held_out(&self) -> bool {
        self.runs[0].record.held_out.is_some()
    }

    /// Mean and spread of something that each run has; `None` where one lacks it.
    pub fn spread(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<Spread> {
        Spread::of(&self.runs.iter().map(of).collect::<Option<Vec<_>>>()?)
    }

    /// After every epoch at which all runs were evaluated, the last one included.
    pub fn points(&self) -> Vec<Point> {
        // By place of the run: a record may have a hundred thousand evaluations.
        let known = self.runs.iter().map(|run| {
            let counts = run.record.by_epoch.iter().rev().map(|known| (known.epoch, known.counts));
            counts.collect::<HashMap<u32, Counts>>()
        });
        let known: Vec<HashMap<u32, Counts>> = known.collect();
        let counts = |run: &Run, epoch| {
            let place = self.runs.iter().position(|one| std::ptr::eq(one, run))?;
            known[place].get(&epoch).copied()
        };
        let mut epochs: Vec<u32> = self.runs[0].record.by_epoch.iter().map(|known| known.epoch).collect();
        epochs.sort_unstable();
        let point = |epoch| {
            let mean = |of: &dyn Fn(&Run) -> Option<f64>| self.spread(of).map(|spread| spread.mean);
            Some(Point {
                epoch,
                accuracy: self.spread(|run| counts(run, epoch).map(|counts| counts.accuracy()))?,
                seconds: mean(&|run| run.seconds_at(epoch)),
                flop: mean(&|run| run.flop_at(epoch)),
            })
        };
        epochs.into_iter().filter_map(point).collect()
    }
}

/// A folder that is left out, so that the others can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The folder.
    #[serde(serialize_with = "path_as_text")]
    pub folder: PathBuf,
    /// Why it is left out.
    pub reason: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

impl LeftOut {
    /// A folder that is left out because of an error.
    pub fn because(folder: &Path, error: &ResultsError) -> Self {
        Self { folder: folder.to_owned(), reason: error.to_string(), hint: error.hint() }
    }

    /// The folders among those that were found from which no run can be read: runs that have not ended, and folders
    /// that cannot be looked into.
    pub fn of_found(found: &FoundRuns) -> Vec<Self> {
        let open = found.unfinished.iter().map(|folder| {
            let (reason, hint) = match FolderLock::holder(folder) {
                Some(holder) => (format!("a run that is under way ({holder})"), "wait for its end, or leave it out"),
                None if RunFolder::has_diverged(folder) => {
                    let hint =
                        "start it anew with other settings, or leave it out: from its checkpoint it diverges again";
                    ("a run that diverged".into(), hint)
                }
                None => {
                    let hint = "finish it with `imagenette train --resume RUN`, or leave it out";
                    ("a run that has not ended".into(), hint)
                }
            };
            Self { folder: folder.clone(), reason, hint: Some(hint.into()) }
        });
        let closed = found.unreadable.iter().map(|(folder, reason)| Self {
            folder: folder.clone(),
            reason: reason.clone(),
            hint: Some("make it readable, or leave it out".into()),
        });
        open.chain(closed).collect()
    }
}

impl LeftOut {
    /// What was left out in lines for people: one for each reason, with as many folders as fit.
    pub fn lines(all: &[Self]) -> Vec<String> {
        let mut by_reason: Vec<(String, Vec<&Self>)> = Vec::new();
        for left_out in all {
            let reason = left_out.kind();
            match by_reason.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, folders)) => folders.push(left_out),
                None => by_reason.push((reason, vec![left_out])),
            }
        }
        let line = |(reason, folders): &(String, Vec<&Self>)| match folders.as_slice() {
            [only] => only.to_string(),
            folders => {
                let named: Vec<String> =
                    folders.iter().take(NAMED).map(|one| one.folder.display().to_string()).collect();
                let more = match folders.len() - named.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                shown(&format!("{} runs: {reason}: {}{more}", folders.len(), named.join(", ")))
            }
        };
        by_reason.iter().map(line).collect()
    }

    /// The reason without what belongs to one folder alone: its own path, and the place of what it was found beside.
    fn kind(&self) -> String {
        let own = self.folder.display().to_string();
        let reason = self.reason.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        let reason = reason.strip_prefix(&own).map_or(reason.as_str(), |rest| rest.trim_start_matches(['/', ':', ' ']));
        let cut = [", as in ", " as in ", " (pid "].iter().filter_map(|mark| reason.find(mark)).min();
        reason[..cut.unwrap_or(reason.len())].to_owned()
    }
}

/// The folder and the reason in one line, without anything that a terminal would obey.
impl std::fmt::Display for LeftOut {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reason: Vec<&str> = self.reason.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        out.write_str(&shown(&format!("{}: {}", self.folder.display(), reason.join(" "))))
    }
}

/// A path as JSON holds it: what is no text in it is replaced, since one strange name must not keep all others from
/// being written.
pub(crate) fn path_as_text<S: Serializer>(path: &Path, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Why a run does not go with others.
struct Conflict {
    /// The file or folder that is wrong here.
    path: PathBuf,
    expected: String,
    found: String,
    hint: &'static str,
}

impl From<Twins> for Conflict {
    fn from(twins: Twins) -> Self {
        let (expected, found) = twins.in_words();
        Self { path: twins.second, expected, found, hint: CHANGED }
    }
}

impl From<Conflict> for ResultsError {
    fn from(Conflict { path, expected, found, hint }: Conflict) -> Self {
        Self::malformed(&path, expected, found, hint)
    }
}

/// Puts runs of the same recipe together, groups in the order of their first runs.
///
/// # Errors
/// When runs cannot be compared: other photos to learn from or to be evaluated on, or the same seed twice.
pub fn groups(runs: Vec<Run>) -> Result<Vec<RunGroup>> {
    let mut groups = Vec::new();
    let first = runs.first().cloned();
    for run in runs {
        if let Some(conflict) = first.as_ref().and_then(|first| conflict_of_photos(first, &run)) {
            return Err(conflict.into());
        }
        if let Err(conflict) = add(&mut groups, run) {
            return Err(conflict.into());
        }
    }
    finish(&mut groups);
    Ok(groups)
}

/// Puts together what can be shown together, and names the runs that cannot: those on other photos than most of them
/// were evaluated on, and those whose seed is there already. Runs that count come before held-out ones, and a seed's
/// first run before its others.
pub fn comparable_groups(runs: Vec<Run>) -> (Vec<RunGroup>, Vec<LeftOut>) {
    let mut kinds: Vec<(Run, usize)> = Vec::new();
    for run in &runs {
        match kinds.iter_mut().find(|(first, _)| conflict_of_photos(first, run).is_none()) {
            Some((_, count)) => *count += 1,
            None => kinds.push((run.clone(), 1)),
        }
    }
    // The first one of those with most runs.
    let usual = kinds.into_iter().rev().max_by_key(|(first, count)| (first.record.held_out.is_none(), *count));
    let (mut groups, mut left_out) = (Vec::new(), Vec::new());
    for run in runs {
        let folder = run.folder.clone();
        let conflict = usual.as_ref().and_then(|(first, _)| conflict_of_photos(first, &run));
        let conflict = conflict.map_or_else(|| add(&mut groups, run), Err);
        if let Err(Conflict { expected, found, hint, .. }) = conflict {
            let reason = format!("expected {expected}, found {found}");
            left_out.push(LeftOut { folder, reason, hint: Some(hint.into()) });
        }
    }
    finish(&mut groups);
    (groups, left_out)
}

/// Puts a run to the others of its recipe, or begins a group with it.
fn add(groups: &mut Vec<RunGroup>, run: Run) -> std::result::Result<(), Conflict> {
    let known = groups.iter().flat_map(|group| &group.runs);
    if let Some(twins) = known.into_iter().find_map(|known| Twins::of(known, &run)) {
        return Err(twins.into());
    }
    let Some(group) = groups.iter_mut().find(|group| is_same_recipe(&group.runs[0], &run)) else {
        groups.push(RunGroup { name: shown(&run.record.recipe), runs: vec![run] });
        return Ok(());
    };
    if let Some(known) = group.runs.iter().find(|known| known.record.seed == run.record.seed) {
        return Err(Conflict {
            path: run.folder.clone(),
            expected: format!("each seed of `{}` once", shown(&run.record.recipe)),
            found: format!("seed {}, as in {}", run.record.seed, known.folder.display()),
            hint: "a run that is counted twice says nothing new: leave one out",
        });
    }
    group.runs.push(run);
    Ok(())
}

/// Groups whose runs are by seed and whose names differ.
fn finish(groups: &mut [RunGroup]) {
    for group in groups.iter_mut() {
        group.runs.sort_by_key(|run| run.record.seed);
    }
    tell_apart(groups);
}

/// Why a run was not evaluated on the photos of another; `None` where it was.
fn conflict_of_photos(first: &Run, run: &Run) -> Option<Conflict> {
    let evaluated = |run: &Run| match run.record.held_out {
        // A task may be about some of the classes.
        None => format!("val ({} photos)", run.record.result.total),
        Some(held_out) => {
            format!("a held-out share of {} of the train split ({} photos)", held_out.share, held_out.photos)
        }
    };
    let dataset =
        |run: &Run| format!("{} (identity {})", shown(&run.record.dataset.name), short(&run.record.dataset.identity));
    let path = run.folder.join(RECORD_FILE);
    let as_first = |what: String| format!("{what}, as {}", first.folder.display());
    if first.record.dataset.identity != run.record.dataset.identity {
        let expected = as_first(format!("a run on {}", dataset(first)));
        let hint = "look at the runs of each dataset separately";
        return Some(Conflict { path, expected, found: dataset(run), hint });
    }
    if evaluated(first) != evaluated(run) {
        let expected = as_first(format!("a run that was evaluated on {}", evaluated(first)));
        let hint = "held-out results are for tuning and no val accuracy: look at the two separately";
        return Some(Conflict { path, expected, found: evaluated(run), hint });
    }
    None
}

/// A text without anything that a terminal would obey or a picture could not hold.
pub(crate) fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Adds the keys in which recipes differ to names that occur twice.
fn tell_apart(groups: &mut [RunGroup]) {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        by_name.entry(group.name.clone()).or_default().push(place);
    }
    for places in by_name.into_values().filter(|places| places.len() > 1) {
        let flat: Vec<BTreeMap<String, String>> =
            places.iter().map(|&place| flat(&groups[place].runs[0].recipe)).collect();
        let keys: BTreeSet<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
        let differing: Vec<&String> = keys
            .into_iter()
            .filter(|key| flat.iter().any(|settings| settings.get(*key) != flat[0].get(*key)))
            .collect();
        for (&place, settings) in places.iter().zip(&flat) {
            let said: Vec<String> = differing
                .iter()
                .map(|key| settings.get(*key).map_or(format!("no {key}"), |value| format!("{key} = {value}")))
                .collect();
            groups[place].name += &shown(&format!(" ({})", said.join("; ")));
        }
    }
}

/// A recipe's settings by dotted keys, as they are typed.
pub(crate) fn flat(table: &Table) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                settings.extend(flat(inner).into_iter().map(|(inner, value)| (format!("{key}.{inner}"), value)));
            }
            // What initial weights came from is long, and their hash says which they are.
            Value::String(_) if key == "origin" => {}
            Value::String(text) if key == "weights_sha256" => {
                settings.insert(key.clone(), text.chars().take(12).collect());
            }
            Value::String(text) => drop(settings.insert(key.clone(), text.clone())),
            value if key == "resolution" => drop(settings.insert(key.clone(), resolution(Some(value)))),
            value => drop(settings.insert(key.clone(), value.to_string())),
        }
    }
    settings
}

pub(crate) fn resolution(value: Option<&Value>) -> String {
    let px = |stage: &Value| stage.get("px").map(Value::to_string);
    match value {
        Some(Value::Array(stages)) => stages.iter().filter_map(px).collect::<Vec<_>>().join(", "),
        Some(value) => value.to_string(),
        None => "?".into(),
    }
}
