//! A finished run, read whole: its folder goes in, and its account comes out when all that lies there belongs
//! together.
//!
//! Checked are the recipe and, where they are there, history, predictions and probabilities: by their hashes (from
//! version 2 on), by the history's chain, and by counting the predictions again. Not checked is what needs the
//! photos, the weights or the training itself. Files that a record names may be missing: kept runs leave out what is
//! large.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imagenette_files::hash::{self, sha256};
use imagenette_files::input;
use imagenette_files::lock::FolderLock;
use imagenette_recipe::{AnyParts, Recipe};
use toml::{Table, Value};

use crate::error::{Result, ResultsError};
use crate::history::{History, HistoryLine};
use crate::predictions;
use crate::probabilities::Probabilities;
use crate::run_folder::{HISTORY_FILE, PREDICTIONS_FILE, PROBABILITIES_FILE, RECIPE_FILE, RECORD_FILE, WEIGHTS_FILE};
use crate::run_record::{Counts, EpochCounts, Provenance, RunRecord};

/// What to do when files do not belong together.
const CHANGED: &str = "the run's files were changed or mixed with another run's; do not use this result";
/// Keys that do not set recipes apart: seeds are counted, and a dataset is known by its content.
const NOT_THE_RECIPE: [&str; 3] = ["seed", "runs", "dataset"];

/// A finished run as it was read from its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Where it lies.
    pub folder: PathBuf,
    /// Its account.
    pub record: RunRecord,
    /// The recipe, in today's spelling where this program knows all of its keys, without seed and dataset.
    pub recipe: Table,
    /// sha256 of the recipe in its canonical form; `None` where this program does not know all of its keys.
    pub recipe_canonical_sha256: Option<String>,
    /// Seconds of training until the end of epochs, where they are known; the last epoch's are in the record.
    pub training_seconds: BTreeMap<u32, f64>,
    /// Whether its predictions are there and were counted again. Without them the counts are the record's word.
    pub is_counted: bool,
}

impl Run {
    /// Reads a run's folder and checks what belongs together.
    ///
    /// # Errors
    /// When the record or the recipe is missing or damaged, files do not belong together, or the record contradicts
    /// itself.
    pub fn read(folder: &Path) -> Result<Self> {
        if !folder.join(RECORD_FILE).is_file() {
            let (found, hint) = if FolderLock::holder(folder).is_some() {
                ("a run that is under way", "wait for its end, or leave it out")
            } else if folder.join(RECIPE_FILE).is_file() {
                ("a run that has not ended", "finish it with `imagenette train --resume RUN`, or leave it out")
            } else {
                ("none", "name the folder of a run, or one in which runs lie")
            };
            return Err(ResultsError::malformed(folder, format!("a run's folder with its {RECORD_FILE}"), found, hint));
        }
        let record = RunRecord::read(folder)?;
        check_record(&folder.join(RECORD_FILE), &record)?;
        let (recipe, recipe_canonical_sha256) = read_recipe(folder, &record)?;
        let history = read_history(folder, &record)?;
        let is_counted = check_predictions(folder, &record)?;
        let training_seconds = history.map(|history| history.training_seconds()).unwrap_or_default();
        let folder = folder.to_owned();
        Ok(Self { folder, record, recipe, recipe_canonical_sha256, training_seconds, is_counted })
    }

    /// Checks that the weights are the ones that the record names. Apart from the rest, since they are large.
    ///
    /// `Ok(false)` means that there are none here, or that the record is of version 1 and does not name any.
    ///
    /// # Errors
    /// When they are others, or cannot be read.
    pub fn check_weights(&self) -> Result<bool> {
        let path = self.folder.join(WEIGHTS_FILE);
        let Some(provenance) = self.record.provenance.as_ref().filter(|_| path.is_file()) else { return Ok(false) };
        let found = hash::sha256_of_file(&path)?;
        check_hash(&path, "weights", &provenance.weights_sha256, &found)?;
        Ok(true)
    }

    /// Seconds of training until the end of an epoch, where they are known.
    pub(crate) fn seconds_at(&self, epoch: u32) -> Option<f64> {
        let at_end = (epoch == self.record.epochs).then_some(self.record.seconds.training);
        at_end.or_else(|| self.training_seconds.get(&epoch).copied())
    }

    /// Floating-point operations until the end of an epoch: known at the end, and before it where every step costs
    /// the same.
    pub(crate) fn flop_at(&self, epoch: u32) -> Option<f64> {
        let is_even =
            matches!(self.recipe.get("resolution"), Some(Value::Integer(_))) && !self.recipe.contains_key("selection");
        let share = f64::from(epoch) / f64::from(self.record.epochs);
        self.record.training_flop.filter(|_| is_even || epoch == self.record.epochs).map(|flop| flop * share)
    }
}

/// Whether two runs were trained by the same recipe, however it was typed, seeds and dataset aside.
pub(crate) fn is_same_recipe(one: &Run, other: &Run) -> bool {
    match (&one.recipe_canonical_sha256, &other.recipe_canonical_sha256) {
        (Some(one), Some(other)) => one == other,
        _ => one.recipe == other.recipe,
    }
}

/// A recipe's table without what may differ between the runs of a group.
pub(crate) fn without_seed(mut recipe: Table) -> Table {
    NOT_THE_RECIPE.iter().for_each(|key| drop(recipe.remove(*key)));
    recipe
}

fn said(counts: &Counts) -> String {
    format!("{} correct of {}", counts.correct, counts.total)
}

/// What a record says, as far as it can contradict itself.
fn check_record(path: &Path, record: &RunRecord) -> Result<()> {
    let malformed = |expected: String, found: String| Err(ResultsError::malformed(path, expected, found, CHANGED));
    let photos = record.held_out.map_or(record.dataset.val, |held_out| held_out.photos);
    let is_possible = |counts: &Counts| counts.total == photos && counts.total > 0 && counts.correct <= counts.total;
    let all = record.by_epoch.iter().map(|known| &known.counts).chain([&record.result]);
    if let Some(counts) = all.into_iter().find(|counts| !is_possible(counts)) {
        return malformed(format!("counts of {photos} photos"), said(counts));
    }
    let last = record.by_epoch.iter().find(|known| known.epoch == record.epochs);
    if last.map(|known| known.counts) != Some(record.result) {
        let expected = format!("the result ({}) after epoch {}", said(&record.result), record.epochs);
        return malformed(expected, last.map_or("none".into(), |known| said(&known.counts)));
    }
    let Some(Provenance { attempts, engine, changed_machine, .. }) = &record.provenance else { return Ok(()) };
    if let Some(contradiction) = attempts.contradiction(record.steps) {
        return malformed(format!("attempts that make {} steps", record.steps), contradiction);
    }
    let last = attempts.last().expect("a run without attempts was refused");
    if last.environment() != record.environment || last.arithmetic.engine != *engine {
        return malformed("an environment and an engine that are the last attempt's".into(), "others".into());
    }
    if attempts.resumed() != record.resumed {
        return malformed(format!("a run that was resumed {} times", attempts.resumed()), record.resumed.to_string());
    }
    if attempts.have_changed() != *changed_machine {
        let expected = format!("`changed_machine` = {}, as the attempts say", attempts.have_changed());
        return malformed(expected, changed_machine.to_string());
    }
    Ok(())
}

/// The recipe's table, and the hash of its canonical form.
fn read_recipe(folder: &Path, record: &RunRecord) -> Result<(Table, Option<String>)> {
    let path = folder.join(RECIPE_FILE);
    let text = input::read_text(&path, input::TEXT_BYTES)?;
    check_hash(&path, "recipe", &record.recipe_sha256, &sha256(&text))?;
    let malformed = |expected: &str, found: String| ResultsError::malformed(&path, expected, found, CHANGED);
    // A recipe with somebody's own parts, or of another version, may have keys that this program does not know.
    let (text, canonical) = match Recipe::from_toml_with(&text, &[], &AnyParts) {
        Ok(recipe) => (recipe.to_toml(), Some(recipe.canonical_sha256())),
        Err(_) => (text, None),
    };
    let table = text.parse::<Table>().map_err(|error| malformed("TOML", error.to_string()))?;
    if let (Some(provenance), Some(canonical)) = (&record.provenance, &canonical)
        && provenance.recipe_canonical_sha256 != *canonical
    {
        let named = hash::short(&provenance.recipe_canonical_sha256).to_owned();
        return Err(malformed(
            &format!("the recipe whose canonical form {RECORD_FILE} names ({named})"),
            canonical.clone(),
        ));
    }
    Ok((without_seed(table), canonical))
}

/// The history, where it is there and is the one that the record names.
fn read_history(folder: &Path, record: &RunRecord) -> Result<Option<History>> {
    let path = folder.join(HISTORY_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let text = input::read_text(&path, input::TABLE_BYTES)?;
    // Read before its hash is compared: a broken chain says where.
    let history = History::from_text(&path, &text)?;
    if let Some(provenance) = &record.provenance {
        check_history(&path, &history, record, provenance)?;
        check_hash(&path, "history", &provenance.history_sha256, &sha256(&text))?;
    }
    Ok(Some(history))
}

fn check_history(path: &Path, history: &History, record: &RunRecord, provenance: &Provenance) -> Result<()> {
    let malformed = |expected: String, found: String| Err(ResultsError::malformed(path, expected, found, CHANGED));
    let (Some(origin), Some(link)) = (history.origin(), history.link()) else {
        return malformed("a history with a chain of hashes".into(), "one without".into());
    };
    let first = provenance.attempts.first().expect("a run without attempts was refused");
    let is_its_own = origin.recipe_canonical_sha256 == provenance.recipe_canonical_sha256
        && origin.dataset_identity == record.dataset.identity
        && origin.seed == record.seed
        && origin.arithmetic == first.arithmetic
        && origin.parts == provenance.parts;
    if !is_its_own {
        let expected = "a chain that begins with the recipe, dataset, seed, engine, level and precision of the record";
        return malformed(expected.into(), "another beginning".into());
    }
    if link != provenance.chain {
        let expected = format!("a history that ends with the link {}", hash::short(&provenance.chain));
        return malformed(expected, hash::short(link).into());
    }
    if history.steps() != record.steps {
        return malformed(format!("a history of {} steps", record.steps), history.steps().to_string());
    }
    let evaluations = history.lines().iter().filter_map(|line| match line {
        HistoryLine::Evaluation { epoch, counts, .. } => Some(EpochCounts { epoch: *epoch, counts: *counts }),
        _ => None,
    });
    let evaluations: Vec<EpochCounts> = evaluations.collect();
    if evaluations != record.by_epoch {
        let of = |all: &[EpochCounts]| all.iter().map(|known| said(&known.counts)).collect::<Vec<_>>().join(", ");
        return malformed(format!("the evaluations of the record ({})", of(&record.by_epoch)), of(&evaluations));
    }
    Ok(())
}

/// Counts the predictions again, where they are there, and says whether they are.
fn check_predictions(folder: &Path, record: &RunRecord) -> Result<bool> {
    let path = folder.join(PREDICTIONS_FILE);
    if !path.exists() {
        return Ok(false);
    }
    let bytes = input::read(&path, input::TABLE_BYTES)?;
    let predictions = predictions::read_from(&path, bytes.as_slice())?;
    let split = if record.held_out.is_some() { "train" } else { "val" };
    let counts = predictions::count(&path, &predictions, split)?;
    if counts != record.result {
        let expected = format!("predictions with {}, as the record says", said(&record.result));
        return Err(ResultsError::malformed(&path, expected, said(&counts), CHANGED));
    }
    let Some(provenance) = &record.provenance else { return Ok(true) };
    check_hash(&path, "predictions", &provenance.predictions_sha256, &sha256(&bytes))?;
    let path = folder.join(PROBABILITIES_FILE);
    if let Some(expected) = provenance.probabilities_sha256.as_ref().filter(|_| path.exists()) {
        let bytes = input::read(&path, input::TABLE_BYTES)?;
        check_hash(&path, "probabilities", expected, &sha256(&bytes))?;
        let probabilities = Probabilities::from_bytes(&path, &bytes)?;
        probabilities.check(&path, &predictions, &provenance.predictions_sha256)?;
    }
    Ok(true)
}

fn check_hash(path: &Path, what: &str, expected: &str, found: &str) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let expected = format!("the {what} that {RECORD_FILE} names (sha256 {})", hash::short(expected));
    Err(ResultsError::malformed(path, expected, format!("another one ({})", hash::short(found)), CHANGED))
}
