//! Runs of one recipe with different seeds: finished runs go in; groups come out, with the mean and the spread of
//! what their runs reached after how many epochs, seconds and floating-point operations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imagenette_files::hash::short;
use serde::Serialize;
use toml::{Table, Value};

use crate::error::{Result, ResultsError};
pub use crate::run::Run;
use crate::run::is_same_recipe;
pub use crate::run_folder::RECIPE_FILE;
use crate::run_folder::RECORD_FILE;
use crate::run_record::Counts;
use crate::statistics;

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

/// The runs of one recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct RunGroup {
    /// The recipe's name, with what sets it apart from others of this name.
    pub name: String,
    /// The runs, by seed.
    pub runs: Vec<Run>,
}

impl RunGroup {
    /// Epochs of its recipe.
    pub fn epochs(&self) -> u32 {
        self.runs[0].record.epochs
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
        let counts = |run: &Run, epoch| run.record.by_epoch.iter().find(|known| known.epoch == epoch).map(|k| k.counts);
        let mut epochs: Vec<u32> = self.runs[0].record.by_epoch.iter().map(|known| known.epoch).collect();
        epochs.sort_unstable();
        let point = |epoch| {
            let mean = |of: &dyn Fn(&Run) -> Option<f64>| self.spread(of).map(|spread| spread.mean);
            Some(Point {
                epoch,
                accuracy: self.spread(|run| counts(run, epoch).map(Counts::accuracy))?,
                seconds: mean(&|run| run.seconds_at(epoch)),
                flop: mean(&|run| run.flop_at(epoch)),
            })
        };
        epochs.into_iter().filter_map(point).collect()
    }
}

/// Puts runs of the same recipe together, groups in the order of their first runs.
///
/// # Errors
/// When runs cannot be compared: other photos to learn from or to be evaluated on, or the same seed twice.
pub fn groups(runs: Vec<Run>) -> Result<Vec<RunGroup>> {
    if let Some((first, others)) = runs.split_first() {
        others.iter().try_for_each(|run| check_comparable(first, run))?;
    }
    let mut groups: Vec<RunGroup> = Vec::new();
    for run in runs {
        let Some(group) = groups.iter_mut().find(|group| is_same_recipe(&group.runs[0], &run)) else {
            groups.push(RunGroup { name: run.record.recipe.clone(), runs: vec![run] });
            continue;
        };
        if let Some(known) = group.runs.iter().find(|known| known.record.seed == run.record.seed) {
            let expected = format!("each seed of `{}` once", run.record.recipe);
            let found = format!("seed {}, as in {}", run.record.seed, known.folder.display());
            return Err(malformed(
                &run.folder,
                expected,
                found,
                "a run that is counted twice says nothing new: leave one out",
            ));
        }
        group.runs.push(run);
    }
    for group in &mut groups {
        group.runs.sort_by_key(|run| run.record.seed);
    }
    tell_apart(&mut groups);
    Ok(groups)
}

fn check_comparable(first: &Run, run: &Run) -> Result<()> {
    let evaluated = |run: &Run| match run.record.held_out {
        None => format!("val ({} photos)", run.record.dataset.val),
        Some(held_out) => {
            format!("a held-out share of {} of the train split ({} photos)", held_out.share, held_out.photos)
        }
    };
    let dataset = |run: &Run| format!("{} (identity {})", run.record.dataset.name, short(&run.record.dataset.identity));
    let path = run.folder.join(RECORD_FILE);
    let as_first = |what: String| format!("{what}, as {}", first.folder.display());
    if first.record.dataset.identity != run.record.dataset.identity {
        let expected = as_first(format!("a run on {}", dataset(first)));
        return Err(malformed(&path, expected, dataset(run), "look at the runs of each dataset separately"));
    }
    if evaluated(first) != evaluated(run) {
        let expected = as_first(format!("a run that was evaluated on {}", evaluated(first)));
        let hint = "held-out results are for tuning and no val accuracy: look at the two separately";
        return Err(malformed(&path, expected, evaluated(run), hint));
    }
    Ok(())
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
            groups[place].name += &format!(" ({})", said.join("; "));
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

fn malformed(path: &Path, expected: String, found: String, hint: &str) -> ResultsError {
    ResultsError::malformed(path, expected, found, hint)
}
