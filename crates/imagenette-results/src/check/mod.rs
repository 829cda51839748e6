//! A run checked whole: its folder goes in, and what of it holds, what does not and what cannot be known comes out.
//!
//! Nothing here trains, and nothing needs the photos: checked is whether the files belong together (by their hashes
//! and by the history's chain), whether the counts are those of the predictions, and whether seed, epochs, steps,
//! samples and floating-point operations follow from the recipe. Files that a record names may be missing, since kept
//! runs leave out what is large: what they would have said then cannot be known.
//!
//! [`Run::read`](crate::Run::read) is this check with its first failure as an error, so that whatever reads runs
//! refuses the same ones.

mod files;
mod plan;
mod record;
mod replay;

use std::path::{Path, PathBuf};

use imagenette_files::input;
use imagenette_files::lock::FolderLock;
use imagenette_files::nearest::nearest;
use serde::{Serialize, Serializer};

use crate::error::{Result, ResultsError};
use crate::history::History;
use crate::predictions::Prediction;
use crate::run::{Evidence, Run};
use crate::run_folder::{RECIPE_FILE, RECORD_FILE};
use crate::run_record::{Counts, RunRecord};

pub use files::ReadRecipe;
pub(crate) use files::weights;
pub use plan::planned_steps;
pub use replay::Replay;

/// What to do when files do not belong together.
pub(crate) const CHANGED: &str = "the run's files were changed or mixed with another run's; do not use this result";

/// What was found of one thing that was checked.
#[derive(Debug)]
pub enum Verdict {
    /// It is as it must be: what was compared with what.
    Holds(String),
    /// It cannot be known from what is here: why not.
    Unknown(String),
    /// It is not as it must be.
    Fails(ResultsError),
}

impl Verdict {
    /// The verdict in one word or three, as tables and JSON have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Holds(_) => "holds",
            Self::Unknown(_) => "cannot be known",
            Self::Fails(_) => "fails",
        }
    }

    /// What is said about it.
    pub fn said(&self) -> String {
        match self {
            Self::Holds(said) | Self::Unknown(said) => said.clone(),
            Self::Fails(error) => error.to_string(),
        }
    }
}

impl From<ResultsError> for Verdict {
    fn from(error: ResultsError) -> Self {
        Self::Fails(error)
    }
}

/// One thing that was checked.
#[derive(Debug)]
pub struct Finding {
    /// What: `predictions`, `seconds`.
    pub about: &'static str,
    /// What was found.
    pub verdict: Verdict,
}

impl Finding {
    /// A finding about something.
    pub fn new(about: &'static str, verdict: Verdict) -> Self {
        Self { about, verdict }
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut finding = serializer.serialize_struct("Finding", 3)?;
        finding.serialize_field("about", self.about)?;
        finding.serialize_field("verdict", self.verdict.word())?;
        finding.serialize_field("said", &self.verdict.said())?;
        finding.end()
    }
}

/// A run with all that was found of it.
#[derive(Debug)]
pub struct RunCheck {
    /// The run as it was read, whatever was found of it.
    pub run: Run,
    /// The history, where it is there and its chain is whole.
    pub history: Option<History>,
    /// The predictions, where they are there and can be read.
    pub predictions: Option<Vec<Prediction>>,
    /// What was found, in the order in which it is told.
    pub findings: Vec<Finding>,
}

impl RunCheck {
    /// Checks the run in a folder. Its weights are not read: see [`Run::check_weights`].
    ///
    /// # Errors
    /// When there is no record or no recipe, or one of them cannot be read at all.
    pub fn of(folder: &Path) -> Result<Self> {
        refuse_unfinished(folder)?;
        let record = RunRecord::read(folder)?;
        let path = folder.join(RECIPE_FILE);
        let recipe = input::read_text(&path, input::TEXT_BYTES)?;
        let read = ReadRecipe::of(&path, &recipe)?;
        Self::with_recipe(folder, record, &path, &recipe, &read)
    }

    /// Checks the run in a folder whose record was read and whose recipe lies elsewhere: `recipe` is what its
    /// `recipe.toml` would hold, `recipe_path` is named in messages about it. `read` is that recipe with any seed.
    ///
    /// # Errors
    /// When a file of the run cannot be read at all.
    pub fn with_recipe(
        folder: &Path,
        record: RunRecord,
        recipe_path: &Path,
        recipe: &str,
        read: &ReadRecipe,
    ) -> Result<Self> {
        let path = folder.join(RECORD_FILE);
        let mut findings = vec![
            Finding::new("counts", record::counts(&path, &record)),
            Finding::new("attempts", record::attempts(&path, &record)),
        ];
        findings.push(Finding::new("recipe", read.verdict(recipe_path, recipe, &record)));
        let recipe = read.recipe.as_ref();
        let (history, found) = files::history(folder, &record)?;
        findings.push(Finding::new("history", found));
        findings.push(Finding::new("seed", plan::seed(&path, &record, recipe, history.as_ref())));
        findings.push(Finding::new("seconds", record::seconds(&path, &record, history.as_ref())));
        if let Some(verdict) = record::spending(&path, &record, recipe) {
            findings.push(Finding::new("spending", verdict));
        }
        let files::PredictionsFound { verdict, probabilities, predictions, is_counted, is_telling, sha256 } =
            files::predictions(folder, &record)?;
        let planned = plan::Planned::of(&record, recipe);
        findings.push(Finding::new("steps", planned.steps(&path, &record, history.as_ref())));
        findings.push(Finding::new("network", planned.network(&path, &record)));
        findings.push(Finding::new("operations", planned.flop(&path, &record)));
        findings.push(Finding::new("predictions", verdict));
        findings.push(Finding::new("probabilities", probabilities));
        let run = Run {
            folder: folder.to_owned(),
            training_seconds: history.as_ref().map(History::training_seconds).unwrap_or_default(),
            evidence: Evidence::of(&record, history.as_ref(), sha256.clone(), is_telling),
            predictions_sha256: sha256,
            recipe: read.table.clone(),
            recipe_canonical_sha256: read.canonical_sha256.clone(),
            is_counted,
            record,
        };
        Ok(Self { run, history, predictions, findings })
    }

    /// The run, if nothing failed.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    pub fn into_run(self) -> Result<Run> {
        for Finding { verdict, .. } in self.findings {
            if let Verdict::Fails(error) = verdict {
                return Err(error);
            }
        }
        Ok(self.run)
    }

    /// Whether something failed.
    pub fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| matches!(finding.verdict, Verdict::Fails(_)))
    }

    /// Adds what was found of the weights, whose file is read and hashed now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn check_weights(&mut self) -> Result<()> {
        let verdict = weights(&self.run.folder, &self.run.record)?;
        self.findings.push(Finding::new("weights", verdict));
        Ok(())
    }
}

/// Runs that cannot all be what they say: equal ones under different seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twins {
    /// The folder of the one that was named first.
    pub first: PathBuf,
    /// The folder of the other.
    pub second: PathBuf,
    /// The seed of the first.
    pub seed: u64,
    /// What is equal in both.
    pub what: &'static str,
}

impl Twins {
    /// What two runs of different seeds have in common that no two seeds have: weights, probabilities, the losses of
    /// all steps, or predictions where these are not equal by chance.
    pub fn of(first: &Run, second: &Run) -> Option<Self> {
        if first.record.seed == second.record.seed {
            return None;
        }
        let what = first.evidence.equals(&second.evidence)?;
        let (seed, first, second) = (first.record.seed, first.folder.clone(), second.folder.clone());
        Some(Self { first, second, seed, what })
    }

    /// What would be right and what is: `expected …`, `found …`.
    pub(crate) fn in_words(&self) -> (String, String) {
        let expected = format!("a run of its own: other {} than seed {}", self.what, self.seed);
        (expected, format!("the same {} as in {}", self.what, self.first.display()))
    }

    /// The error that refuses the second one.
    pub fn error(&self) -> ResultsError {
        let (expected, found) = self.in_words();
        malformed(&self.second, expected, found)
    }
}

fn refuse_unfinished(folder: &Path) -> Result<()> {
    if !folder.join(RECORD_FILE).is_file() {
        let (found, hint) = if FolderLock::holder(folder).is_some() {
            ("a run that is under way", "wait for its end, or leave it out")
        } else if folder.join(RECIPE_FILE).is_file() {
            ("a run that has not ended", "finish it with `imagenette train --resume RUN`, or leave it out")
        } else {
            ("none", "name the folder of one run: `imagenette runs FOLDER` lists those that lie in it")
        };
        let near = if folder.exists() { None } else { neighbor(folder) };
        let hint = near.map_or(hint.to_owned(), |near| format!("did you mean `{}`?", near.display()));
        return Err(ResultsError::malformed(folder, format!("a run's folder with its {RECORD_FILE}"), found, hint));
    }
    Ok(())
}

/// The run beside a folder that is not there whose name is nearest to its.
fn neighbor(folder: &Path) -> Option<PathBuf> {
    const LOOKED_AT: usize = 10_000;
    let named = folder.file_name()?.to_str()?;
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(above).ok()?.take(LOOKED_AT).flatten();
    let runs = entries.filter(|entry| entry.path().join(RECORD_FILE).is_file());
    let names: Vec<String> = runs.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let near = nearest(named, names.iter().map(String::as_str))?;
    Some(folder.with_file_name(near))
}

fn said(counts: &Counts) -> String {
    format!("{} correct of {}", counts.correct, counts.total)
}

fn malformed(path: &Path, expected: impl Into<String>, found: impl Into<String>) -> ResultsError {
    ResultsError::malformed(path, expected, found, CHANGED)
}
