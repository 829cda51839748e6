//! A finished run, read whole: its folder goes in, and its account comes out when all that lies there belongs
//! together, as [`crate::check`] says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imagenette_files::hash::sha256;
use toml::{Table, Value};

use crate::check::{RunCheck, Verdict};
use crate::error::Result;
use crate::history::{History, HistoryLine};
use crate::run_record::RunRecord;

/// Keys that do not set recipes apart: seeds are counted, and a dataset is known by its content.
const NOT_THE_RECIPE: [&str; 3] = ["seed", "runs", "dataset"];
/// Steps from which on equal losses are no chance.
const TELLING_STEPS: usize = 10;

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
    /// sha256 of its predictions: of the file, or where that is not here as the record says.
    pub predictions_sha256: Option<String>,
    /// What no other run has.
    pub(crate) evidence: Evidence,
}

impl Run {
    /// Reads a run's folder and checks all of it but the weights: see [`crate::check`].
    ///
    /// # Errors
    /// When the record or the recipe is missing or damaged, files do not belong together, or the record contradicts
    /// itself or its recipe.
    pub fn read(folder: &Path) -> Result<Self> {
        RunCheck::of(folder)?.into_run()
    }

    /// Checks that the weights are the ones that the record names. Apart from the rest, since they are large.
    ///
    /// `Ok(false)` means that there are none here, or that the record is of version 1 and does not name any.
    ///
    /// # Errors
    /// When they are others, or cannot be read.
    pub fn check_weights(&self) -> Result<bool> {
        match crate::check::weights(&self.folder, &self.record)? {
            Verdict::Holds(_) => Ok(true),
            Verdict::Unknown(_) => Ok(false),
            Verdict::Fails(error) => Err(error),
        }
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

/// What no two runs of different seeds have in common.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Evidence {
    weights_sha256: Option<String>,
    probabilities_sha256: Option<String>,
    /// Of the losses of all steps.
    losses_sha256: Option<String>,
    /// `None` where others may have the same ones by chance.
    predictions_sha256: Option<String>,
}

impl Evidence {
    pub(crate) fn of(
        record: &RunRecord,
        history: Option<&History>,
        predictions_sha256: Option<String>,
        is_telling: bool,
    ) -> Self {
        let losses = history.iter().flat_map(|history| history.lines()).filter_map(|line| match line {
            HistoryLine::Step { loss, .. } => Some(loss.to_bits().to_string()),
            _ => None,
        });
        let losses: Vec<String> = losses.collect();
        let is_moving = losses.windows(2).any(|pair| pair[0] != pair[1]);
        let provenance = record.provenance.as_ref();
        Self {
            weights_sha256: provenance.map(|provenance| provenance.weights_sha256.clone()),
            probabilities_sha256: provenance.and_then(|provenance| provenance.probabilities_sha256.clone()),
            losses_sha256: (losses.len() >= TELLING_STEPS && is_moving).then(|| sha256(losses.join(" "))),
            predictions_sha256: predictions_sha256.filter(|_| is_telling),
        }
    }

    /// What is equal in both.
    pub(crate) fn equals(&self, other: &Self) -> Option<&'static str> {
        let pairs = [
            ("weights", &self.weights_sha256, &other.weights_sha256),
            ("probabilities", &self.probabilities_sha256, &other.probabilities_sha256),
            ("predictions", &self.predictions_sha256, &other.predictions_sha256),
            ("losses", &self.losses_sha256, &other.losses_sha256),
        ];
        pairs.into_iter().find(|(_, own, others)| own.is_some() && own == others).map(|(what, _, _)| what)
    }
}
