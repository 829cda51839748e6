//! A finished run of a side, of this program or of a command: what a comparison needs of it.

use std::path::{Path, PathBuf};

use imagenette_files::format::Format;
use imagenette_files::input;
use imagenette_files::{FileError, atomic, hash, plain};
use imagenette_results::environment::Arithmetic;
use imagenette_results::history::{History, HistoryLine};
use imagenette_results::run_folder::{HISTORY_FILE, PREDICTIONS_FILE, SOURCE_FILE};
use imagenette_results::run_record::{Counts, HeldOut};
use imagenette_results::{Prediction, Run, predictions};
use serde::{Deserialize, Serialize};
use toml::Table;

/// The account of a command's run, in its folder.
pub(super) const COMMAND_FILE: &str = "command.json";
/// Its format.
const FORMAT: Format = Format { name: "imagenette-command-run", oldest: 1, newest: 1 };
/// What to do about a command's run that is damaged.
const DAMAGED: &str = "the run's files were changed: remove its folder, and the same command makes it again";

/// A finished run.
#[derive(Debug, Clone)]
pub(super) struct SideRun {
    pub(super) folder: PathBuf,
    pub(super) seed: u64,
    pub(super) counts: Counts,
    pub(super) dataset: String,
    pub(super) dataset_identity: String,
    pub(super) held_out: Option<HeldOut>,
    /// What it was trained by: the hash of a recipe or of a command.
    pub(super) trained_by: String,
    /// The recipe's name, or the command.
    pub(super) name: String,
    pub(super) recipe: Option<Table>,
    pub(super) epochs: Option<u32>,
    /// Training samples drawn, where it is known.
    pub(super) samples: Option<u64>,
    /// Seconds of training; of a command all of its time.
    pub(super) seconds: f64,
    pub(super) flop: Option<f64>,
    pub(super) arithmetic: Option<Arithmetic>,
    /// The sources of parts that are not this program's own, by their names.
    pub(super) parts: Vec<(String, String)>,
    /// Weights that it did not begin with by chance, where its record says so.
    pub(super) began_with: Option<String>,
}

impl SideRun {
    /// A run of this program.
    pub(super) fn of(run: Run) -> anyhow::Result<Self> {
        let Run { folder, record, recipe, recipe_canonical_sha256, .. } = run;
        let arithmetic = record.arithmetic().cloned();
        let provenance = record.provenance;
        let own = provenance.iter().flat_map(|provenance| &provenance.parts);
        let parts: Vec<(String, String)> = own.map(|part| (part.name.clone(), part.source_sha256.clone())).collect();
        let canonical = match recipe_canonical_sha256 {
            Some(canonical) => canonical,
            None => hash::sha256(toml::to_string(&recipe)?),
        };
        let sources: Vec<&str> = parts.iter().map(|(_, sha256)| sha256.as_str()).collect();
        let trained_by =
            if parts.is_empty() { canonical } else { hash::sha256(format!("{canonical} {}", sources.join(" "))) };
        let began_with = provenance.as_ref().and_then(|provenance| {
            let noted = provenance.notes.get("pretrained").map(|note| note.as_str().unwrap_or("pretrained").to_owned());
            noted.or_else(|| provenance.parent.as_ref().map(|parent| parent.weights_sha256.clone()))
        });
        Ok(Self {
            folder,
            seed: record.seed,
            counts: record.result,
            dataset: record.dataset.name,
            dataset_identity: record.dataset.identity,
            held_out: record.held_out,
            trained_by,
            name: record.recipe,
            recipe: Some(recipe),
            epochs: Some(record.epochs),
            samples: Some(record.samples_drawn),
            seconds: record.seconds.training,
            flop: record.training_flop,
            arithmetic,
            parts,
            began_with,
        })
    }

    /// A command's run, from its folder.
    pub(super) fn of_command(folder: &Path) -> anyhow::Result<Self> {
        let record = CommandRecord::read(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            seed: record.seed,
            counts: Counts { correct: record.correct, total: record.total },
            dataset: record.dataset,
            dataset_identity: record.dataset_identity,
            held_out: record.held_out,
            trained_by: record.command_sha256,
            name: record.command,
            recipe: None,
            epochs: record.epochs,
            samples: None,
            seconds: record.seconds,
            flop: None,
            arithmetic: None,
            parts: Vec::new(),
            began_with: None,
        })
    }

    /// The hash of the predictions, where they are there.
    pub(super) fn predictions_sha256(&self) -> anyhow::Result<Option<String>> {
        let path = self.folder.join(PREDICTIONS_FILE);
        if path.is_file() { Ok(Some(hash::sha256_of_file(&path)?)) } else { Ok(None) }
    }

    /// The predictions, where they are there.
    pub(super) fn predictions(&self) -> anyhow::Result<Option<Vec<Prediction>>> {
        let path = self.folder.join(PREDICTIONS_FILE);
        if path.is_file() { Ok(Some(predictions::read(&path)?)) } else { Ok(None) }
    }

    /// The source that was kept with the run: of own parts, or of the scripts that a command names.
    pub(super) fn source(&self) -> anyhow::Result<Option<String>> {
        let path = self.folder.join(SOURCE_FILE);
        if !path.is_file() {
            return Ok(None);
        }
        Ok(Some(input::read_text(&path, input::TABLE_BYTES)?))
    }

    /// The mean training loss of each epoch, where the run has a history.
    pub(super) fn losses(&self) -> anyhow::Result<Vec<f64>> {
        let path = self.folder.join(HISTORY_FILE);
        if !path.is_file() {
            return Ok(Vec::new());
        }
        let mut sums: Vec<(f64, u32)> = Vec::new();
        for line in History::read(&path)?.lines() {
            if let HistoryLine::Step { epoch, loss, .. } = line {
                let place = (*epoch as usize).max(1);
                sums.resize(sums.len().max(place), (0.0, 0));
                sums[place - 1].0 += loss;
                sums[place - 1].1 += 1;
            }
        }
        Ok(sums.into_iter().map(|(sum, steps)| sum / f64::from(steps.max(1))).collect())
    }
}

/// The account of one run of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandRecord {
    pub(super) format: String,
    pub(super) version: u32,
    /// The command as it was typed.
    pub(super) command: String,
    /// Its hash, with the files that it names.
    pub(super) command_sha256: String,
    /// The files that it names, with their sha256.
    pub(super) files: Vec<(String, String)>,
    /// The line that the shell was given.
    pub(super) line: String,
    pub(super) seed: u64,
    pub(super) dataset: String,
    pub(super) dataset_identity: String,
    pub(super) held_out: Option<HeldOut>,
    pub(super) epochs: Option<u32>,
    pub(super) correct: u64,
    pub(super) total: u64,
    pub(super) seconds: f64,
    pub(super) predictions_sha256: String,
}

impl CommandRecord {
    /// The value of `format` and `version` in what is written.
    pub(super) fn head() -> (String, u32) {
        (FORMAT.name.into(), FORMAT.newest)
    }

    /// Writes the account into the run's folder: complete or absent.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        Ok(atomic::write_bytes(&folder.join(COMMAND_FILE), text.as_bytes())?)
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(COMMAND_FILE);
        let text = input::read_text(&path, input::TABLE_BYTES)?;
        FORMAT.check_json(&path, &text, DAMAGED)?;
        let malformed = |found: String| FileError::malformed(&path, FORMAT.expected(), found, DAMAGED);
        let record: Self = serde_json::from_str(&text).map_err(|error| malformed(plain::json_error(&error)))?;
        if record.correct > record.total || record.total == 0 {
            return Err(malformed(format!("{} of {} photos right", record.correct, record.total)).into());
        }
        let predictions = folder.join(PREDICTIONS_FILE);
        let found = hash::sha256_of_file(&predictions)?;
        if found != record.predictions_sha256 {
            let expected = format!("the predictions that {COMMAND_FILE} names");
            return Err(FileError::malformed(&predictions, expected, "others", DAMAGED).into());
        }
        Ok(record)
    }
}

/// The runs of commands below a folder, down to this depth.
pub(super) fn of_commands(folder: &Path, depth: u32) -> anyhow::Result<Vec<SideRun>> {
    if folder.join(COMMAND_FILE).is_file() {
        return Ok(vec![SideRun::of_command(folder)?]);
    }
    let mut runs = Vec::new();
    if depth > 0 {
        for entry in std::fs::read_dir(folder).map_err(FileError::io("read", folder))? {
            let entry = entry.map_err(FileError::io("read", folder))?;
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !is_hidden && entry.path().is_dir() {
                runs.extend(of_commands(&entry.path(), depth - 1)?);
            }
        }
    }
    Ok(runs)
}
