//! `record.json`: the account of one run, enough to check it and to repeat it. Every field is listed in
//! `docs/formats.md`.

use std::io::Write;
use std::path::Path;

use imagenette_files::format::Format;
use imagenette_files::input;
use imagenette_files::{FileError, atomic, plain};
use imagenette_recipe::{Folds, Recipe, TaskSplit};
use serde::{Deserialize, Serialize};

use crate::attempt::Attempts;
use crate::environment::{Arithmetic, Environment};
use crate::error::{Result, ResultsError};
pub use crate::run_folder::RECORD_FILE;
pub use crate::spending::{Plan, Spending};

/// The record's format. Version 1 had no [`Provenance`].
pub const FORMAT: Format = Format { name: "imagenette-run", oldest: 1, newest: 5 };
/// The version from which on a record may have a price, [`Provenance::plan`], [`Provenance::spending`] and
/// [`HeldOut::folds`].
const WITH_SPENDING: u32 = 4;
/// The version since which features are judged in several ways.
const WITH_JUDGES: u32 = 5;
/// The version from which on a record may have [`RunRecord::labels`].
const WITH_LABELS: u32 = 3;
/// The version from which on a record has a [`Provenance`].
const WITH_PROVENANCE: u32 = 2;

/// The account of one finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Always `imagenette-run`.
    pub format: String,
    /// The version of this format.
    pub version: u32,
    /// When the run began, RFC 3339 in UTC.
    pub started: jiff::Timestamp,
    /// The recipe's name.
    pub recipe: String,
    /// sha256 of the resolved recipe beside this file (`recipe.toml`).
    pub recipe_sha256: String,
    /// The seed of all randomness.
    pub seed: u64,
    /// What it was trained on.
    pub dataset: DatasetRecord,
    /// What was trained.
    pub model: ModelRecord,
    /// Where and by what: a summary of the last attempt.
    pub environment: Environment,
    /// Epochs trained.
    pub epochs: u32,
    /// Steps of the optimizer.
    pub steps: u64,
    /// Training samples drawn, counted one by one: an epoch drops its last part-filled batch.
    pub samples_drawn: u64,
    /// How many labels the run had, of a task or beside photos without labels; absent where all of train has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsRecord>,
    /// Floating-point operations of the training steps' convolutions and matrix products: two for each multiply-add,
    /// three times the forward pass for each step, and the matrix products of an optimizer that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_flop: Option<f64>,
    /// Where the time went.
    pub seconds: Seconds,
    /// What the machine's time cost, when the price was given.
    pub dollars: Option<f64>,
    /// How often the run was interrupted and resumed.
    pub resumed: u32,
    /// What was held out of the train split and evaluated instead of val; absent in a run that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
    /// The result of the last epoch on the whole val split: the one that counts. With [`RunRecord::held_out`] it is
    /// the result on what was held out, and no val accuracy.
    pub result: Counts,
    /// What judged the features of a run that learned without labels, after its last epoch: [`RunRecord::result`] is that
    /// of 20 neighbors. Empty of other runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judged: Vec<Judged>,
    /// The results of all evaluations, the last epoch's included.
    pub by_epoch: Vec<EpochCounts>,
    /// What the run came from and what its files are; `None` in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// What a run came from, who worked on it, and the hashes of what it left: all that a check or a replay needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// sha256 of the recipe in its canonical form, which is the same for every spelling of the same recipe and every
    /// seed.
    pub recipe_canonical_sha256: String,
    /// The engine of the last attempt: a hash of the sources that decide bits and of the versions of what they depend
    /// on.
    pub engine: String,
    /// Parts that are not this program's own: models, losses, optimizers and others from somebody's crate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<OwnPart>,
    /// Whether the run was resumed with `--changed-machine`: on another machine, device or engine that computes other
    /// bits.
    #[serde(default, skip_serializing_if = "is_false")]
    pub changed_machine: bool,
    /// Each process that worked on the run.
    pub attempts: Attempts,
    /// sha256 of `history.jsonl`.
    pub history_sha256: String,
    /// The last link of the history's chain.
    pub chain: String,
    /// sha256 of `predictions.csv`.
    pub predictions_sha256: String,
    /// sha256 of `probabilities.safetensors`, where the run wrote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilities_sha256: Option<String>,
    /// sha256 of `weights.safetensors`.
    pub weights_sha256: String,
    /// Hash of the weights before the first step, as [`crate::history::weights_sha256`] takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_weights_sha256: Option<String>,
    /// The run whose weights this one began with, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentRun>,
    /// What was to be learned, where that is not the dataset's classes from all of its train split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// How many steps were planned, and when: of a run whose length follows from what it may cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<Plan>,
    /// What was spent of the recipe's budget, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spending: Option<Spending>,
    /// What a reader may ignore without being misled. New notes do not raise the format's version.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub notes: serde_json::Map<String, serde_json::Value>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// How many labels a run had, and what it learned from beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelsRecord {
    /// The task that says which, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Which of its draws, from 1.
    pub draw: u32,
    /// Photos that were trained on with their labels.
    pub labeled: u64,
    /// Labels among them that are wrong on purpose.
    pub wrong: u64,
    /// Photos that were trained on without.
    pub unlabeled: u64,
    /// Photos that an epoch draws, with labels and without.
    pub epoch_photos: u64,
    /// Photos without labels that were drawn in all, beside [`RunRecord::samples_drawn`]. Where no label is used, none
    /// are: those are without.
    pub unlabeled_drawn: u64,
    /// Photos that a teacher looked at.
    pub teacher_passes: u64,
}

impl LabelsRecord {
    /// What a run of this recipe over this split records, which drew so many samples with labels; `None` where all of
    /// train has them and nothing else is learned from.
    pub fn of(recipe: &Recipe, split: &TaskSplit, samples_drawn: u64) -> Option<Self> {
        let learns_from_others = recipe.unlabeled.is_some() || recipe.self_supervised.is_some();
        let others = (recipe.photos_each() as u64 - 1) * samples_drawn;
        (recipe.task.is_some() || learns_from_others).then(|| Self {
            task: recipe.task.clone(),
            draw: recipe.draw,
            labeled: split.labeled.len() as u64,
            wrong: split.wrong.len() as u64,
            unlabeled: if learns_from_others { split.unlabeled.len() as u64 } else { 0 },
            epoch_photos: split.epoch_photos as u64,
            unlabeled_drawn: others,
            teacher_passes: others,
        })
    }
}

/// A part of a run that is not this program's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnPart {
    /// The name that the recipe calls it by.
    pub name: String,
    /// What it is: `activation`, `loss`, `optimizer`, `model` …
    pub kind: String,
    /// The crate that it comes from.
    #[serde(rename = "crate")]
    pub crate_name: String,
    /// The crate's version.
    pub version: String,
    /// sha256 of its source.
    pub source_sha256: String,
}

/// The run whose weights another one began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentRun {
    /// sha256 of its `weights.safetensors`.
    pub weights_sha256: String,
    /// The last link of its history's chain, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
}

/// What a run was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetRecord {
    /// The dataset's name.
    pub name: String,
    /// Its edition: which photos, in which split.
    pub edition: String,
    /// Its size: the shortest side of its files.
    pub size: String,
    /// The hash of its content.
    pub identity: String,
    /// What it was made from.
    pub source: String,
    /// sha256 of the archive it was made from.
    pub source_sha256: Option<String>,
    /// Photos in the train split.
    pub train: u64,
    /// Photos in the val split.
    pub val: u64,
}

/// A part of the train split that a run did not train on and was evaluated on instead of val, for tuning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// The share of each class's train photos.
    pub share: f64,
    /// How many photos these are.
    pub photos: u64,
    /// Which part of a cross-validation they are, where they are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<Folds>,
}

/// What was trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecord {
    /// The model's name, with what sets it apart.
    pub name: String,
    /// How many numbers are learned.
    pub parameters: u64,
    /// Multiply-adds of the forward pass for one photo at the resolution of the evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiply_adds: Option<u64>,
}

/// Where a run's time went. Pauses between an interruption and resuming do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    /// From the first batch asked for to the last step: loading, forward, backward, update.
    pub training: f64,
    /// Evaluations on the val split.
    pub evaluation: f64,
    /// From the start to the written record: packing, initialization and checkpoints included.
    pub total: f64,
}

/// An accuracy with its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Samples whose predicted class is their class.
    pub correct: u64,
    /// Samples evaluated.
    pub total: u64,
}

impl Counts {
    /// Top-1 accuracy as a fraction.
    pub fn accuracy(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.correct as f64 / self.total as f64 }
    }
}

/// What features are worth by one judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// `k-nn-20` and `k-nn-200`, by the vote of so many nearest photos, or `linear`, by a linear layer.
    pub by: String,
    /// What was right.
    pub counts: Counts,
}

/// The result of an evaluation after this many epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochCounts {
    /// Epochs trained by then.
    pub epoch: u32,
    /// What was right.
    pub counts: Counts,
}

/// The most letters of a name in a record.
const LONGEST_TEXT: usize = 1000;

impl RunRecord {
    /// The value of `format` in every record.
    pub fn format() -> String {
        FORMAT.name.into()
    }

    /// The version that this program writes: one with nothing of the newest is read by older programs too.
    pub fn version(labels: Option<&LabelsRecord>, has_spending: bool, judged: &[Judged]) -> u32 {
        match (judged, has_spending, labels) {
            ([_, ..], _, _) => WITH_JUDGES,
            ([], true, _) => WITH_SPENDING,
            ([], false, Some(_)) => WITH_LABELS,
            ([], false, None) => WITH_PROVENANCE,
        }
    }

    /// Epochs as people read them: `4`, or `17.1` of a run whose length was planned while it ran, and that may end
    /// within one.
    pub fn epochs_shown(&self) -> String {
        if self.provenance.as_ref().is_none_or(|provenance| provenance.plan.is_empty()) {
            return self.epochs.to_string();
        }
        let photos = self.labels.as_ref().map_or(self.dataset.train, |labels| labels.epoch_photos);
        format!("{:.1}", self.samples_drawn as f64 / photos.max(1) as f64)
    }

    /// What the weights that are kept reach: [`RunRecord::result`], or where neighbors judged, that of the linear layer
    /// which is kept in the head's place.
    pub fn result_of_weights(&self) -> Counts {
        self.judged.iter().find(|judged| judged.by == "linear").map_or(self.result, |linear| linear.counts)
    }

    /// Whether the run's budget ended before its plan.
    pub fn has_ended_early(&self) -> bool {
        let spending = self.provenance.as_ref().and_then(|provenance| provenance.spending);
        spending.is_some_and(|spending| spending.ended_early)
    }

    /// What decided the bits of the last attempt; `None` in version 1.
    pub fn arithmetic(&self) -> Option<&Arithmetic> {
        Some(&self.provenance.as_ref()?.attempts.last()?.arithmetic)
    }

    /// The record's text, as it is in the file.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("records are plain structures of strings and numbers");
        text + "\n"
    }

    /// Writes `record.json` into the run's folder: complete or absent.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, run: &Path) -> Result<()> {
        let path = run.join(RECORD_FILE);
        atomic::write(&path, |out| {
            out.write_all(self.to_json().as_bytes()).map_err(FileError::io("write", &path))?;
            Ok(())
        })
    }

    /// Reads the record of a run's folder.
    ///
    /// # Errors
    /// When there is none, when it is of a version that this program does not read, or when it is damaged.
    pub fn read(run: &Path) -> Result<Self> {
        let path = run.join(RECORD_FILE);
        let text = input::read_text(&path, input::TEXT_BYTES)?;
        Self::from_json(&path, &text)
    }

    /// Reads a record's text. `path` is named in messages.
    ///
    /// # Errors
    /// As [`RunRecord::read`].
    pub fn from_json(path: &Path, text: &str) -> Result<Self> {
        let hint = "the file is damaged, was changed, or is another program's: take another copy of it";
        let version = FORMAT.check_json(path, text, hint)?;
        let malformed = |found: String| ResultsError::malformed(path, FORMAT.expected(), found, hint);
        let record: Self = serde_json::from_str(text).map_err(|error| malformed(plain::json_error(&error)))?;
        if version < WITH_LABELS && record.labels.is_some() {
            return Err(malformed(format!("version {version} with `labels`, which came later")));
        }
        if version < WITH_SPENDING && record.held_out.is_some_and(|held_out| held_out.folds.is_some()) {
            return Err(malformed(format!("version {version} with `folds`, which came later")));
        }
        if version < WITH_SPENDING && record.provenance.as_ref().is_some_and(|known| known.spending.is_some()) {
            return Err(malformed(format!("version {version} with `spending`, which came later")));
        }
        if version < WITH_JUDGES && !record.judged.is_empty() {
            return Err(malformed(format!("version {version} with `judged`, which came later")));
        }
        match (version >= WITH_PROVENANCE, &record.provenance) {
            (true, None) => Err(malformed(format!("version {version} without `provenance`"))),
            (false, Some(_)) => Err(malformed(format!("version {version} with `provenance`, which came later"))),
            _ => record.check_sizes().map_err(malformed).map(|()| record),
        }
    }

    /// Refuses what no program writes, and what tables and pictures could not hold; the error is what was found.
    fn check_sizes(&self) -> std::result::Result<(), String> {
        let judges = self.judged.iter().map(|judged| ("judged", &judged.by));
        let texts = [
            ("recipe", &self.recipe),
            ("dataset.name", &self.dataset.name),
            ("dataset.edition", &self.dataset.edition),
            ("dataset.size", &self.dataset.size),
            ("dataset.identity", &self.dataset.identity),
            ("model.name", &self.model.name),
        ];
        for (key, text) in texts.into_iter().chain(judges) {
            if text.chars().count() > LONGEST_TEXT {
                return Err(format!("`{key}` of {} letters; at most {LONGEST_TEXT} are usual", text.chars().count()));
            }
            if text.contains(char::is_control) {
                return Err(format!("`{key}` with control codes: `{text}`"));
            }
        }
        if self.epochs == 0 {
            return Err("`epochs` of 0: a run has one at least".into());
        }
        let evaluations = self.by_epoch.len();
        if evaluations > self.epochs as usize {
            return Err(format!("{evaluations} evaluations in `by_epoch` of {} epochs", self.epochs));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;
    use crate::attempt::{Attempt, Ending};

    fn record() -> RunRecord {
        let arithmetic = Arithmetic {
            engine: "ee".repeat(32),
            device: "flex".into(),
            ops: "kernels".into(),
            level: Some("avx2".into()),
            precision: "f32".into(),
        };
        let mut attempts = Attempts::default();
        attempts.begin(Attempt::start("0.1.0", None, arithmetic, 2, 0));
        attempts.end(Ending::Finished, 310);
        RunRecord {
            format: RunRecord::format(),
            version: RunRecord::version(None, false, &[]),
            started: "2026-11-23T12:00:00Z".parse().unwrap(),
            recipe: "default".into(),
            recipe_sha256: "00".into(),
            seed: 0,
            dataset: DatasetRecord {
                name: "drawn".into(),
                edition: "drawn".into(),
                size: "160".into(),
                identity: "11".into(),
                source: "drawn:0".into(),
                source_sha256: None,
                train: 4000,
                val: 1000,
            },
            model: ModelRecord { name: "fast".into(), parameters: 7, multiply_adds: Some(9) },
            environment: attempts.last().unwrap().environment(),
            epochs: 5,
            steps: 310,
            samples_drawn: 19_840,
            labels: None,
            training_flop: Some(1.5e12),
            seconds: Seconds { training: 100.5, evaluation: 2.25, total: 105.0 },
            dollars: None,
            resumed: 0,
            held_out: None,
            result: Counts { correct: 900, total: 1000 },
            judged: Vec::new(),
            by_epoch: vec![EpochCounts { epoch: 5, counts: Counts { correct: 900, total: 1000 } }],
            provenance: Some(Provenance {
                recipe_canonical_sha256: "22".repeat(32),
                engine: "ee".repeat(32),
                parts: Vec::new(),
                changed_machine: false,
                attempts,
                history_sha256: "33".repeat(32),
                chain: "44".repeat(32),
                predictions_sha256: "55".repeat(32),
                probabilities_sha256: None,
                weights_sha256: "66".repeat(32),
                initial_weights_sha256: None,
                parent: None,
                task: None,
                plan: Vec::new(),
                spending: None,
                notes: serde_json::Map::new(),
            }),
        }
    }

    fn old() -> RunRecord {
        RunRecord { version: 1, provenance: None, ..record() }
    }

    fn read(text: &str) -> Result<RunRecord> {
        RunRecord::from_json(Path::new("record.json"), text)
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let record = record();
        record.write(folder.path()).unwrap();
        assert_eq!(RunRecord::read(folder.path()).unwrap(), record);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
        assert_eq!(record.arithmetic().unwrap().level.as_deref(), Some("avx2"));
    }

    #[test]
    fn everything_that_may_be_absent_reads_back_too() {
        let mut whole = record();
        whole.held_out = Some(HeldOut { share: 0.2, photos: 1000, folds: Some(Folds { of: 5, fold: 2 }) });
        let hash = || "77".repeat(32);
        let provenance = whole.provenance.as_mut().unwrap();
        let (name, kind, crate_name) = ("squared-relu".into(), "activation".into(), "squared".into());
        provenance.parts = vec![OwnPart { name, kind, crate_name, version: "0.1.0".into(), source_sha256: hash() }];
        provenance.changed_machine = true;
        provenance.probabilities_sha256 = Some(hash());
        provenance.initial_weights_sha256 = Some(hash());
        provenance.parent = Some(ParentRun { weights_sha256: hash(), chain: Some(hash()) });
        provenance.task = Some("50 labels a class".into());
        provenance.plan =
            vec![Plan { step: 0, samples: 19_200, steps: 300 }, Plan { step: 62, samples: 19_840, steps: 310 }];
        provenance.spending = Some(Spending { charged_seconds: 230.0, ended_early: true });
        (whole.dollars, whole.version) = (Some(0.01), 4);
        let provenance = whole.provenance.as_mut().unwrap();
        provenance.notes.insert("weather".into(), serde_json::json!({ "rain": true }));
        assert_eq!(read(&whole.to_json()).unwrap(), whole);
        let absent =
            ["parts", "changed_machine", "probabilities_sha256", "parent", "task", "plan", "spending", "notes"];
        assert!(absent.iter().all(|key| !record().to_json().contains(key)), "what is absent is not written");
    }

    #[test]
    fn a_planned_run_is_told_in_parts_of_epochs() {
        let mut record = record();
        assert_eq!((record.epochs_shown().as_str(), record.has_ended_early()), ("5", false));
        let provenance = record.provenance.as_mut().unwrap();
        provenance.plan = vec![Plan { step: 0, samples: 19_840, steps: 310 }];
        provenance.spending = Some(Spending { charged_seconds: 9.0, ended_early: true });
        assert_eq!((record.epochs_shown().as_str(), record.has_ended_early()), ("5.0", true));
        record.samples_drawn = 6_400;
        assert_eq!(record.epochs_shown(), "1.6");
    }

    #[test]
    fn a_record_of_version_1_reads_on_and_is_written_as_before() {
        let old = old();
        let text = old.to_json();
        assert!(!text.contains("provenance") && !text.contains("held_out"), "{text}");
        assert_eq!(read(&text).unwrap(), old);
        assert!(old.arithmetic().is_none());
    }

    #[test]
    fn a_newer_version_is_named_as_one_whatever_else_it_holds() {
        let newer = record().to_json().replace("\"version\": 2", "\"version\": 6, \"unheard_of\": {}");
        let error = read(&newer).unwrap_err();
        let expected = "expected imagenette-run version 1 to 5, found imagenette-run version 6";
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().unwrap().contains("a newer imagenette wrote it"));
    }

    #[test]
    fn versions_do_not_mix() {
        let without = RunRecord { provenance: None, ..record() };
        assert!(read(&without.to_json()).unwrap_err().to_string().contains("found version 2 without `provenance`"));
        let labels = LabelsRecord {
            task: Some("labels-4".into()),
            draw: 1,
            labeled: 40,
            wrong: 0,
            unlabeled: 0,
            epoch_photos: 9469,
            unlabeled_drawn: 0,
            teacher_passes: 0,
        };
        let with = RunRecord { labels: Some(labels.clone()), version: 3, ..record() };
        assert_eq!(read(&with.to_json()).unwrap().labels, Some(labels));
        let old = RunRecord { version: 2, ..with };
        assert!(read(&old.to_json()).unwrap_err().to_string().contains("found version 2 with `labels`"));
        let judged = vec![Judged { by: "linear".into(), counts: Counts { correct: 1, total: 2 } }];
        assert_eq!(RunRecord::version(None, true, &judged), 5);
        let with = RunRecord { judged, version: 5, ..record() };
        assert_eq!(read(&with.to_json()).unwrap(), with);
        let old = RunRecord { version: 4, ..with };
        assert!(read(&old.to_json()).unwrap_err().to_string().contains("found version 4 with `judged`"));
        let with = RunRecord { version: 1, ..record() };
        assert!(read(&with.to_json()).unwrap_err().to_string().contains("found version 1 with `provenance`"));
    }

    #[test]
    fn unknown_and_missing_fields_are_refused_by_name_except_among_the_notes() {
        let text = record().to_json();
        for place in ["\"recipe\":", "\"program\":", "\"ending\":", "\"engine\":", "\"correct\":"] {
            let error = read(&text.replacen(place, &format!("\"surprise\": 1, {place}"), 1)).unwrap_err().to_string();
            assert!(error.contains("unknown field `surprise`") && error.contains("record.json"), "{error}");
        }
        let error = read(&text.replace("\"weights_sha256\"", "\"notes\": {}, \"x\"")).unwrap_err().to_string();
        assert!(error.contains("unknown field `x`"), "{error}");
        let noted = text.replace("\"weights_sha256\"", "\"notes\": { \"x\": 1 }, \"weights_sha256\"");
        assert!(read(&noted).is_ok());
        let short: String = text.lines().filter(|line| !line.contains("\"chain\"")).collect();
        assert!(read(&short).unwrap_err().to_string().contains("missing field `chain`"));
    }

    #[test]
    fn a_record_cut_anywhere_is_refused() {
        for text in [record().to_json(), old().to_json()] {
            for end in 0..text.trim_end().len() {
                let error = read(&text[..end]).expect_err("this must be refused");
                assert!(error.to_string().contains("record.json") && error.hint().is_some(), "{error}");
            }
        }
    }
}
