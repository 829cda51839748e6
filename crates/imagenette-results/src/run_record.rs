//! `record.json`: the account of one run, enough to judge it and to repeat it.

use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::error::{Result, ResultsError};

/// The record's file name in a run's folder.
pub const RECORD_FILE: &str = "record.json";
const FORMAT: &str = "imagenette-run";
const VERSION: u32 = 1;

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
    /// Where and by what.
    pub environment: Environment,
    /// Epochs trained.
    pub epochs: u32,
    /// Steps of the optimizer.
    pub steps: u64,
    /// Training samples drawn, counted one by one: an epoch drops its last part-filled batch.
    pub samples_drawn: u64,
    /// Floating-point operations of the training steps' convolutions and matrices, two for a multiplication with an addition,
    /// three times the forward pass for a step and the products of matrices of an optimizer that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_flop: Option<f64>,
    /// Where the time went.
    pub seconds: Seconds,
    /// What the machine's time cost, when the price was given.
    pub dollars: Option<f64>,
    /// How often the run was interrupted and resumed.
    pub resumed: u32,
    /// What of the train split was kept back and judged instead of val; absent in a run that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
    /// The result of the last epoch on the whole val split: the one that counts. With [`RunRecord::held_out`] it is the
    /// result on what was held out, and no val accuracy.
    pub result: Counts,
    /// The results of earlier evaluations, `(epoch, counts)`, the last epoch included.
    pub by_epoch: Vec<EpochCounts>,
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

/// A part of the train split that a run did not train on and was judged on, for tuning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// The share of each class's train photos.
    pub share: f64,
    /// How many photos that were.
    pub photos: u64,
}

/// What was trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecord {
    /// The model's name, with what sets it apart.
    pub name: String,
    /// Numbers that are learned.
    pub parameters: u64,
    /// Multiplications with an addition for one photo at the resolution of the evaluation, forward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiply_adds: Option<u64>,
}

/// Where a run's time went, told apart. Pauses between interruption and resuming count nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    /// From the first batch asked for to the last step: loading, forward, backward, update.
    pub training: f64,
    /// Evaluations on the val split.
    pub evaluation: f64,
    /// From the start to the written record: packing, initialisation and checkpoints included.
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

/// The result of an evaluation after this many epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochCounts {
    /// Epochs trained by then.
    pub epoch: u32,
    /// What was right.
    pub counts: Counts,
}

impl RunRecord {
    /// The value of `format` in every record.
    pub fn format() -> String {
        FORMAT.into()
    }

    /// The version that this program writes.
    pub fn version() -> u32 {
        VERSION
    }

    /// Writes `record.json` into the run's folder: complete or absent.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, run: &Path) -> Result<()> {
        write_atomically(&run.join(RECORD_FILE), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            io::Write::write_all(file, b"\n")
        })
    }

    /// Reads the record of a run's folder.
    ///
    /// # Errors
    /// When there is none, when it is of another version, or when it is damaged.
    pub fn read(run: &Path) -> Result<Self> {
        let path = run.join(RECORD_FILE);
        let text = std::fs::read_to_string(&path).map_err(ResultsError::io("read", &path))?;
        let malformed = |found: String| ResultsError::Malformed {
            path: path.clone(),
            expected: format!("a record of {FORMAT} version {VERSION}"),
            found,
            hint: "a run that was interrupted has no record yet: finish it with `imagenette train --resume RUN`".into(),
        };
        #[derive(Deserialize)]
        struct Version {
            format: String,
            version: u32,
        }
        let Version { format, version } = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if format != FORMAT || version != VERSION {
            return Err(malformed(format!("{format} version {version}")));
        }
        serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))
    }
}

/// Writes a file by way of a temporary one in the same folder, so that it is complete or absent.
pub(crate) fn write_atomically(path: &Path, content: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    #[cfg(unix)]
    {
        // The default of 0600 would hide results from other users of a shared folder; the umask still applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(ResultsError::io("create a file in", folder))?;
    content(file.as_file_mut()).map_err(ResultsError::io("write", path))?;
    file.as_file().sync_all().map_err(ResultsError::io("write", path))?;
    file.persist(path).map_err(|error| ResultsError::io("rename", path)(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RunRecord {
        RunRecord {
            format: RunRecord::format(),
            version: RunRecord::version(),
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
            environment: Environment::observe("0.1.0", None, "flex", 2),
            epochs: 5,
            steps: 310,
            samples_drawn: 19_840,
            training_flop: Some(1.5e12),
            seconds: Seconds { training: 100.5, evaluation: 2.25, total: 105.0 },
            dollars: None,
            resumed: 0,
            held_out: None,
            result: Counts { correct: 900, total: 1000 },
            by_epoch: vec![EpochCounts { epoch: 5, counts: Counts { correct: 900, total: 1000 } }],
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        record().write(folder.path()).unwrap();
        assert_eq!(RunRecord::read(folder.path()).unwrap(), record());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_run_judged_on_held_out_photos_says_so_and_one_judged_on_val_is_written_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let text = |record: &RunRecord| {
            record.write(folder.path()).unwrap();
            assert_eq!(&RunRecord::read(folder.path()).unwrap(), record);
            std::fs::read_to_string(folder.path().join(RECORD_FILE)).unwrap()
        };
        assert!(!text(&record()).contains("held_out"));
        let tuning = RunRecord { held_out: Some(HeldOut { share: 0.1, photos: 1000 }), ..record() };
        assert!(text(&tuning).contains("held_out"));
    }

    #[test]
    fn another_version_and_a_damaged_record_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        record().write(folder.path()).unwrap();
        let path = folder.path().join(RECORD_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
        let error = RunRecord::read(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("expected a record of imagenette-run version 1, found imagenette-run version 2"),
            "{error}"
        );
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(matches!(RunRecord::read(folder.path()), Err(ResultsError::Malformed { .. })));
    }
}
