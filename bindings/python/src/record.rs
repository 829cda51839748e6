//! The folder of a run whose loop is Python's: begun with a lock, its history written as it goes, its record last, so
//! that it is complete or absent, and read by the program like its own runs.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use imagenette_data::edition::Split;
use imagenette_files::hash::sha256;
use imagenette_files::lock::FolderLock;
use imagenette_results::attempt::{Attempt, Attempts, Ending};
use imagenette_results::environment::Arithmetic;
use imagenette_results::history::{History, HistoryLine, Origin};
use imagenette_results::predictions::{self, Prediction};
use imagenette_results::probabilities::Probabilities;
use imagenette_results::run_folder::{HISTORY_FILE, PREDICTIONS_FILE, PROBABILITIES_FILE, RunFolder};
use imagenette_results::run_record::{
    Counts, DatasetRecord, EpochCounts, ModelRecord, OwnPart, Provenance, RunRecord, Seconds,
};
use pyo3::prelude::*;
use serde::Deserialize;

use crate::dataset::Data;
use crate::error::Failure;

/// What a run begins with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beginning {
    /// The name in records and tables.
    name: String,
    /// The text of `recipe.toml`.
    recipe: String,
    /// The same without what may differ between the runs of a group.
    canonical: String,
    seed: u64,
    /// The text of the source, where it is kept.
    source: Option<String>,
    arithmetic: Arithmetic,
    parts: Vec<OwnPart>,
    program: String,
    commit: Option<String>,
    threads: usize,
}

/// What a run ends with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    model: String,
    parameters: u64,
    epochs: u32,
    steps: u64,
    samples_drawn: u64,
    training_seconds: f64,
    evaluation_seconds: f64,
    total_seconds: f64,
    /// sha256 of the weights' file; where none was kept, this package's own text stands for it.
    weights_sha256: Option<String>,
    notes: serde_json::Map<String, serde_json::Value>,
}

struct Open {
    folder: RunFolder,
    lock: FolderLock,
    history: History,
    attempts: Attempts,
    by_epoch: Vec<EpochCounts>,
    beginning: Beginning,
    canonical_sha256: String,
}

/// A run's folder that is being filled.
#[pyclass(frozen, module = "imagenette._imagenette")]
pub(crate) struct RunWriter {
    path: PathBuf,
    process: u32,
    open: Mutex<Option<Open>>,
}

#[pymethods]
impl RunWriter {
    /// Makes the folder, locks it and writes the recipe and the source.
    #[staticmethod]
    fn begin(py: Python<'_>, path: PathBuf, data: &Data, beginning: &str) -> PyResult<Self> {
        let beginning: Beginning = serde_json::from_str(beginning)
            .map_err(|error| Failure::internal(&format!("a run's beginning: {error}")))?;
        let dataset_identity = py.detach(|| data.dataset.manifest.identity());
        let canonical_sha256 = sha256(&beginning.canonical);
        let origin = Origin {
            recipe_canonical_sha256: canonical_sha256.clone(),
            dataset_identity,
            seed: beginning.seed,
            arithmetic: beginning.arithmetic.clone(),
            parts: beginning.parts.clone(),
        };
        let Beginning { program, commit, arithmetic, threads, .. } = &beginning;
        let mut attempts = Attempts::default();
        attempts.begin(Attempt::start(program, commit.as_deref(), arithmetic.clone(), *threads, 0));
        let (folder, lock) =
            RunFolder::begin(&path, &beginning.recipe, beginning.source.as_deref()).map_err(Failure::from)?;
        let history = History::begin(origin);
        let open = Open { folder, lock, history, attempts, by_epoch: Vec::new(), beginning, canonical_sha256 };
        Ok(Self { path, process: std::process::id(), open: Mutex::new(Some(open)) })
    }

    /// Whether nothing is at `path` that a run could lose.
    #[staticmethod]
    fn check_new(path: PathBuf) -> PyResult<()> {
        Ok(RunFolder::check_new(&path).map_err(Failure::from)?)
    }

    /// Notes a step.
    fn step(&self, step: u64, epoch: u32, loss: f64, rate: f64, px: u32, seconds: f64) -> PyResult<()> {
        let resolution_px = px;
        let line = HistoryLine::Step { step, epoch, loss, rate, resolution_px, training_seconds: seconds };
        self.with_open(|open| open.history.push(line))
    }

    /// Notes an evaluation.
    fn evaluation(&self, epoch: u32, correct: u64, total: u64, training: f64, evaluation: f64) -> PyResult<()> {
        let counts = Counts { correct, total };
        let line =
            HistoryLine::Evaluation { epoch, counts, training_seconds: training, evaluation_seconds: evaluation };
        self.with_open(|open| {
            open.history.push(line);
            open.by_epoch.push(EpochCounts { epoch, counts });
        })
    }

    /// Writes predictions, probabilities, history and last the record: the labels that were predicted of each val
    /// photo in the manifest's order, and where they are known the probabilities of each class.
    #[pyo3(signature = (data, predicted, probabilities, ended))]
    fn finish(
        &self,
        py: Python<'_>,
        data: &Data,
        predicted: Vec<usize>,
        probabilities: Option<Vec<f32>>,
        ended: &str,
    ) -> PyResult<String> {
        let ended: Ended =
            serde_json::from_str(ended).map_err(|error| Failure::internal(&format!("a run's end: {error}")))?;
        self.check_process()?;
        let open = self.open().take().ok_or_else(closed)?;
        py.detach(|| open.finish(data, &predicted, probabilities.as_deref(), ended)).map_err(PyErr::from)
    }

    /// Removes what there is of the run.
    fn discard(&self) -> PyResult<()> {
        self.check_process()?;
        match self.open().take() {
            Some(Open { folder, lock, .. }) => Ok(folder.discard(lock).map_err(Failure::from)?),
            None => Ok(()),
        }
    }

    #[getter]
    fn path(&self) -> &Path {
        &self.path
    }
}

fn closed() -> Failure {
    Failure::value("run", "one that is open", "one that has ended", "begin another one with `imagenette.record`")
}

impl RunWriter {
    fn open(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_process(&self) -> Result<(), Failure> {
        if self.process == std::process::id() {
            return Ok(());
        }
        let hint = "log and evaluate in the process that began the run: in DDP that of rank 0";
        Err(Failure::value("run", "the process that began it", "a fork of it", hint))
    }

    fn with_open(&self, change: impl FnOnce(&mut Open)) -> PyResult<()> {
        self.check_process()?;
        change(self.open().as_mut().ok_or_else(closed)?);
        Ok(())
    }
}

impl Open {
    fn finish(
        mut self,
        data: &Data,
        predicted: &[usize],
        probabilities: Option<&[f32]>,
        ended: Ended,
    ) -> Result<String, Failure> {
        let manifest = &data.dataset.manifest;
        let val = manifest.samples(Split::Val);
        let classes: Vec<String> = manifest.classes.iter().map(|class| class.wnid.clone()).collect();
        let rows: Vec<Prediction> = val
            .iter()
            .zip(predicted)
            .filter_map(|(sample, label)| {
                let sample = manifest.relative_path(&manifest.images[*sample as usize]);
                Some(Prediction { sample, class: classes.get(*label)?.clone() })
            })
            .collect();
        if rows.len() != val.len() || predicted.len() != val.len() {
            return Err(Failure::internal("predictions that are not one for each photo of val"));
        }
        let path = self.folder.file(PREDICTIONS_FILE);
        let result = predictions::count(&path, &rows, Split::Val.name())?;
        let Some(last) = self.by_epoch.last().copied() else {
            return Err(Failure::internal("a run without an evaluation"));
        };
        if (last.epoch, last.counts) != (ended.epochs, result) {
            return Err(Failure::internal("predictions that are not those of the last evaluation"));
        }
        let bytes = predictions::to_bytes(&rows);
        let predictions_sha256 = sha256(&bytes);
        let probabilities = match probabilities {
            Some(values) => {
                let path = self.folder.file(PROBABILITIES_FILE);
                Some(Probabilities::new(&path, &classes, &rows, &predictions_sha256, values)?)
            }
            None => None,
        };
        imagenette_files::atomic::write_bytes(&path, &bytes)?;
        let probabilities_sha256 = match &probabilities {
            Some(probabilities) => {
                probabilities.write(&self.folder.file(PROBABILITIES_FILE))?;
                Some(sha256(probabilities.to_bytes()))
            }
            None => None,
        };
        let history_sha256 = self.history.write(&self.folder.file(HISTORY_FILE))?;
        let chain = self.history.link().unwrap_or_default().to_owned();
        self.attempts.end(Ending::Finished, ended.steps);
        let record = self.record(
            data,
            ended,
            result,
            Written { history_sha256, chain, predictions_sha256, probabilities_sha256 },
        )?;
        record.write(self.folder.path())?;
        Ok(record.to_json())
    }

    fn record(&self, data: &Data, ended: Ended, result: Counts, written: Written) -> Result<RunRecord, Failure> {
        let manifest = &data.dataset.manifest;
        let count = |split| manifest.samples(split).len() as u64;
        let Written { history_sha256, chain, predictions_sha256, probabilities_sha256 } = written;
        let Some(attempt) = self.attempts.last() else {
            return Err(Failure::internal("a run without an attempt"));
        };
        // No two runs have the same chain: without weights this is what no other run has.
        let weights_sha256 = ended.weights_sha256.unwrap_or_else(|| sha256(format!("no weights kept {chain}")));
        Ok(RunRecord {
            format: RunRecord::format(),
            version: RunRecord::version(None, false, &[]),
            started: attempt.started,
            recipe: self.beginning.name.clone(),
            recipe_sha256: sha256(&self.beginning.recipe),
            seed: self.beginning.seed,
            dataset: DatasetRecord {
                name: manifest.name.clone(),
                edition: manifest.edition.name().into(),
                size: manifest.size.clone(),
                identity: manifest.identity(),
                source: manifest.source.from.clone(),
                source_sha256: manifest.source.sha256.clone(),
                train: count(Split::Train),
                val: count(Split::Val),
            },
            model: ModelRecord { name: ended.model, parameters: ended.parameters, multiply_adds: None },
            environment: attempt.environment(),
            epochs: ended.epochs,
            steps: ended.steps,
            samples_drawn: ended.samples_drawn,
            labels: None,
            training_flop: None,
            seconds: Seconds {
                training: ended.training_seconds,
                evaluation: ended.evaluation_seconds,
                total: ended.total_seconds,
            },
            dollars: None,
            resumed: 0,
            held_out: None,
            result,
            judged: Vec::new(),
            by_epoch: self.by_epoch.clone(),
            provenance: Some(Provenance {
                recipe_canonical_sha256: self.canonical_sha256.clone(),
                engine: attempt.arithmetic.engine.clone(),
                parts: self.beginning.parts.clone(),
                changed_machine: false,
                attempts: self.attempts.clone(),
                history_sha256,
                chain,
                predictions_sha256,
                probabilities_sha256,
                weights_sha256,
                initial_weights_sha256: None,
                parent: None,
                task: None,
                plan: Vec::new(),
                spending: None,
                notes: ended.notes,
            }),
        })
    }
}

/// What was written before the record.
struct Written {
    history_sha256: String,
    chain: String,
    predictions_sha256: String,
    probabilities_sha256: Option<String>,
}
