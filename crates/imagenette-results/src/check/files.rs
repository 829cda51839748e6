//! What lies beside a record, compared with what the record says of it.

use std::collections::BTreeSet;
use std::path::Path;

use imagenette_files::hash::{self, sha256};
use imagenette_files::input;
use imagenette_recipe::{AnyParts, Recipe};
use toml::Table;

use super::{Verdict, malformed, said};
use crate::error::{Result, ResultsError};
use crate::history::{History, HistoryLine};
use crate::predictions::{self, Prediction};
use crate::probabilities::Probabilities;
use crate::run::without_seed;
use crate::run_folder::{HISTORY_FILE, PREDICTIONS_FILE, PROBABILITIES_FILE, RECORD_FILE, WEIGHTS_FILE};
use crate::run_record::{EpochCounts, Provenance, RunRecord};

/// Wrong predictions, and different ones among them, from which on two equal files are no chance.
const TELLING: (usize, usize) = (20, 5);

/// A recipe as it was read once, for all runs that differ in their seed alone.
#[derive(Debug, Clone)]
pub struct ReadRecipe {
    /// Its table in today's spelling, without seed and dataset.
    pub(super) table: Table,
    /// `None` where this program does not know all of its keys.
    pub(super) recipe: Option<Recipe>,
    pub(super) canonical_sha256: Option<String>,
}

impl ReadRecipe {
    /// Reads a recipe's text. `path` is named in messages.
    ///
    /// # Errors
    /// When it is no TOML.
    pub fn of(path: &Path, text: &str) -> Result<Self> {
        // A recipe with somebody's own parts, or of another version, may have keys that this program does not know.
        let recipe = Recipe::from_toml_with(text, &[], &AnyParts).ok();
        let canonical_sha256 = recipe.as_ref().map(Recipe::canonical_sha256);
        let text = recipe.as_ref().map_or_else(|| text.to_owned(), Recipe::to_toml);
        let table = text.parse::<Table>().map_err(|error| malformed(path, "TOML", error.to_string()))?;
        Ok(Self { table: without_seed(table), recipe, canonical_sha256 })
    }

    /// Whether it is the one that a record names; `text` is what its file holds.
    pub(super) fn verdict(&self, path: &Path, text: &str, record: &RunRecord) -> Verdict {
        if let Err(error) = check_hash(path, "recipe", &record.recipe_sha256, &sha256(text)) {
            return error.into();
        }
        let named = record.provenance.as_ref().map(|provenance| &provenance.recipe_canonical_sha256);
        match (named, &self.canonical_sha256) {
            (Some(named), Some(canonical)) if named != canonical => {
                let expected = format!("the recipe whose canonical form {RECORD_FILE} names ({})", hash::short(named));
                malformed(path, expected, canonical.clone()).into()
            }
            (_, Some(_)) => Verdict::Holds("it has the record's hash".into()),
            (_, None) => Verdict::Holds("it has the record's hash; not every key is known to this program".into()),
        }
    }
}

/// The history, where it is there and can be read, and whether it is the one that the record names.
pub(super) fn history(folder: &Path, record: &RunRecord) -> Result<(Option<History>, Verdict)> {
    let path = folder.join(HISTORY_FILE);
    if !path.exists() {
        return Ok((None, Verdict::Unknown("it is not here".into())));
    }
    let text = input::read_text(&path, input::TABLE_BYTES)?;
    // Read before its hash is compared: a broken chain says where.
    let history = match History::from_text(&path, &text) {
        Ok(history) => history,
        Err(error) => return Ok((None, error.into())),
    };
    let Some(provenance) = &record.provenance else {
        return Ok((Some(history), Verdict::Unknown("a record of version 1 does not name its hash".into())));
    };
    let checked = check_history(&path, &history, record, provenance)
        .and_then(|()| check_hash(&path, "history", &provenance.history_sha256, &sha256(&text)));
    let verdict = match checked {
        Ok(()) => Verdict::Holds("its chain is whole and ends as the record says".into()),
        Err(error) => error.into(),
    };
    Ok((Some(history), verdict))
}

fn check_history(path: &Path, history: &History, record: &RunRecord, provenance: &Provenance) -> Result<()> {
    let (Some(origin), Some(link)) = (history.origin(), history.link()) else {
        return Err(malformed(path, "a history with a chain of hashes", "one without"));
    };
    let first = provenance.attempts.first().map(|attempt| &attempt.arithmetic);
    let is_its_own = origin.recipe_canonical_sha256 == provenance.recipe_canonical_sha256
        && origin.dataset_identity == record.dataset.identity
        && origin.seed == record.seed
        && Some(&origin.arithmetic) == first
        && origin.parts == provenance.parts;
    if !is_its_own {
        let expected = "a chain that begins with the recipe, dataset, seed, engine, level and precision of the record";
        return Err(malformed(path, expected, "another beginning"));
    }
    if link != provenance.chain {
        let expected = format!("a history that ends with the link {}", hash::short(&provenance.chain));
        return Err(malformed(path, expected, hash::short(link)));
    }
    if history.steps() != record.steps {
        return Err(malformed(path, format!("a history of {} steps", record.steps), history.steps().to_string()));
    }
    let evaluations = history.lines().iter().filter_map(|line| match line {
        HistoryLine::Evaluation { epoch, counts, .. } => Some(EpochCounts { epoch: *epoch, counts: *counts }),
        _ => None,
    });
    let evaluations: Vec<EpochCounts> = evaluations.collect();
    if evaluations != record.by_epoch {
        let of = |all: &[EpochCounts]| all.iter().map(|known| said(&known.counts)).collect::<Vec<_>>().join(", ");
        let expected = format!("the evaluations of the record ({})", of(&record.by_epoch));
        return Err(malformed(path, expected, of(&evaluations)));
    }
    Ok(())
}

/// What was found of a run's predictions.
pub(super) struct PredictionsFound {
    pub(super) verdict: Verdict,
    pub(super) probabilities: Verdict,
    /// `None` where they are not there or cannot be read.
    pub(super) predictions: Option<Vec<Prediction>>,
    /// Whether they are there and were counted.
    pub(super) is_counted: bool,
    /// Whether no two runs have the same ones by chance.
    pub(super) is_telling: bool,
    /// Of the file, or where it is not there of the record.
    pub(super) sha256: Option<String>,
}

/// Counts the predictions again, where they are there.
pub(super) fn predictions(folder: &Path, record: &RunRecord) -> Result<PredictionsFound> {
    let (path, named) = (folder.join(PREDICTIONS_FILE), record.provenance.as_ref());
    if !path.exists() {
        let unknown = |said: &str| Verdict::Unknown(said.into());
        return Ok(PredictionsFound {
            verdict: unknown("they are not here: the counts are the record's word"),
            probabilities: unknown("without the predictions nothing says what they belong to"),
            predictions: None,
            is_counted: false,
            is_telling: false,
            sha256: named.map(|provenance| provenance.predictions_sha256.clone()),
        });
    }
    let bytes = input::read(&path, input::TABLE_BYTES)?;
    let (sha256, read) = (sha256(&bytes), predictions::read_from(&path, bytes.as_slice()));
    let is_telling = read.as_ref().is_ok_and(|predictions| is_telling(predictions));
    let (verdict, probabilities, predictions) = match read {
        Err(error) => (error.into(), Verdict::Unknown("the predictions cannot be read".into()), None),
        Ok(predictions) => (
            check_predictions(&path, record, &predictions, &sha256).unwrap_or_else(Verdict::Fails),
            check_probabilities(folder, record, &predictions, &sha256)?,
            Some(predictions),
        ),
    };
    let is_counted = !matches!(verdict, Verdict::Fails(_));
    Ok(PredictionsFound { verdict, probabilities, predictions, is_counted, is_telling, sha256: Some(sha256) })
}

fn check_predictions(path: &Path, record: &RunRecord, predictions: &[Prediction], sha256: &str) -> Result<Verdict> {
    let split = if record.held_out.is_some() { "train" } else { "val" };
    let counts = predictions::count(path, predictions, split)?;
    if counts != record.result {
        let expected = format!("predictions with {}, as the record says", said(&record.result));
        return Err(malformed(path, expected, said(&counts)));
    }
    let counted = format!("counted again: {}", said(&counts));
    let Some(provenance) = &record.provenance else {
        return Ok(Verdict::Holds(format!("{counted}; a record of version 1 does not name their hash")));
    };
    check_hash(path, "predictions", &provenance.predictions_sha256, sha256)?;
    Ok(Verdict::Holds(format!("{counted}; they have the record's hash")))
}

/// Whether the probabilities are those that the record names and belong to the predictions.
fn check_probabilities(
    folder: &Path,
    record: &RunRecord,
    predictions: &[Prediction],
    predictions_sha256: &str,
) -> Result<Verdict> {
    let path = folder.join(PROBABILITIES_FILE);
    let Some(expected) = record.provenance.as_ref().and_then(|provenance| provenance.probabilities_sha256.as_ref())
    else {
        return Ok(Verdict::Unknown("the record names none".into()));
    };
    if !path.exists() {
        return Ok(Verdict::Unknown("they are not here".into()));
    }
    let bytes = input::read(&path, input::TABLE_BYTES)?;
    let checked = check_hash(&path, "probabilities", expected, &sha256(&bytes))
        .and_then(|()| Probabilities::from_bytes(&path, &bytes))
        .and_then(|probabilities| probabilities.check(&path, predictions, predictions_sha256));
    Ok(match checked {
        Ok(()) => Verdict::Holds("each prediction is the most probable class; they have the record's hash".into()),
        Err(error) => error.into(),
    })
}

/// Whether the weights' file is the one that the record names.
pub(crate) fn weights(folder: &Path, record: &RunRecord) -> Result<Verdict> {
    let path = folder.join(WEIGHTS_FILE);
    if !path.is_file() {
        return Ok(Verdict::Unknown("they are not here".into()));
    }
    let Some(provenance) = &record.provenance else {
        return Ok(Verdict::Unknown("a record of version 1 does not name their hash".into()));
    };
    let found = hash::sha256_of_file(&path)?;
    Ok(match check_hash(&path, "weights", &provenance.weights_sha256, &found) {
        Ok(()) => Verdict::Holds("they have the record's hash".into()),
        Err(error) => error.into(),
    })
}

/// Whether so much is wrong, in so many ways, that no other network is wrong in the same.
fn is_telling(predictions: &[Prediction]) -> bool {
    let actual = |prediction: &'_ Prediction| prediction.sample.split('/').nth(1).unwrap_or_default().to_owned();
    let is_wrong = |prediction: &&Prediction| prediction.sample.split('/').nth(1) != Some(prediction.class.as_str());
    let wrong: Vec<&Prediction> = predictions.iter().filter(is_wrong).collect();
    let kinds: BTreeSet<_> = wrong.iter().map(|prediction| (actual(prediction), &prediction.class)).collect();
    // A network that calls everything the same is equal to any other that does.
    let first = predictions.first().map(|prediction| &prediction.class);
    let second = predictions.iter().map(|prediction| &prediction.class).find(|class| Some(*class) != first);
    let others = predictions.iter().map(|prediction| &prediction.class);
    let has_third = others.into_iter().any(|class| Some(class) != first && Some(class) != second);
    wrong.len() >= TELLING.0 && kinds.len() >= TELLING.1 && has_third
}

fn check_hash(path: &Path, what: &str, expected: &str, found: &str) -> Result<(), ResultsError> {
    if expected == found {
        return Ok(());
    }
    let expected = format!("the {what} that {RECORD_FILE} names (sha256 {})", hash::short(expected));
    Err(malformed(path, expected, format!("another one ({})", hash::short(found))))
}
