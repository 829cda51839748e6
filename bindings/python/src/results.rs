//! What finished runs and tables of predictions say, as JSON for Python; and recipes, read and planned as the program
//! does.

use std::path::{Path, PathBuf};

use imagenette_data::edition::Split;
use imagenette_data::manifest::{ImageEntry, Manifest};
use imagenette_files::hash::sha256;
use imagenette_files::input;
use imagenette_recipe::Recipe;
use imagenette_recipe::plan::StepPlan;
use imagenette_results::check::RunCheck;
use imagenette_results::history::{History, HistoryLine};
use imagenette_results::prediction_table::{KnownClass, PredictionTable};
use imagenette_results::predictions::{self, Prediction, Score};
use imagenette_results::probabilities::{self, Probabilities};
use imagenette_results::run_folder::{HISTORY_FILE, PREDICTIONS_FILE};
use imagenette_results::{Run, run_folder};
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::dataset::{Data, split_of};
use crate::error::Failure;

/// Levels of folders below the one that is named in which runs are looked for.
const DEPTH: u32 = 6;

/// Counts a file of predictions against a split: JSON with counts, classes, confusion and the predictions themselves.
#[pyfunction]
pub(crate) fn score(py: Python<'_>, path: PathBuf, data: &Data, split: &str) -> PyResult<String> {
    let split = split_of(split)?;
    Ok(py.detach(|| score_file(&path, &data.dataset.manifest, split))?.to_string())
}

fn score_file(path: &Path, manifest: &Manifest, split: Split) -> Result<Value, Failure> {
    let bytes = input::read(path, input::TABLE_BYTES)?;
    let images: Vec<&ImageEntry> = manifest.images.iter().filter(|image| image.split == split).collect();
    let truth: Vec<(String, usize)> =
        images.iter().filter_map(|image| Some((manifest.relative_path(image), usize::from(image.label?)))).collect();
    let samples: Vec<String> = truth.iter().map(|(sample, _)| sample.clone()).collect();
    let known: Vec<KnownClass<'_>> =
        manifest.classes.iter().map(|class| KnownClass { id: &class.wnid, name: &class.name }).collect();
    let table = PredictionTable::read(path, &bytes)?;
    let (predictions, _) = table.settle(&samples, &known)?;
    let hash = sha256(&bytes);
    let sureness = match table.probabilities(&predictions, &known, &hash)? {
        Some(known) => Some(known.sureness(path, &predictions)?),
        None => match Probabilities::of_predictions(path, &predictions, &hash)? {
            Some(known) => Some(known.sureness(&probabilities::beside(path), &predictions)?),
            None => None,
        },
    };
    let classes: Vec<String> = manifest.classes.iter().map(|class| class.wnid.clone()).collect();
    let score = predictions::score(path, &predictions, &truth, &classes)?;
    let names: Vec<&str> = manifest.classes.iter().map(|class| class.name.as_str()).collect();
    Ok(scored(&score, &names, sureness.map(|known| (known.cross_entropy, known.right_probability))))
}

fn scored(score: &Score, names: &[&str], sureness: Option<(f64, f64)>) -> Value {
    json!({
        "correct": score.correct, "total": score.total, "accuracy": score.accuracy(),
        "classes": score.classes, "names": names, "confusion": score.confusion,
        "cross_entropy": sureness.map(|known| known.0), "right_probability": sureness.map(|known| known.1),
    })
}

/// The folders of finished runs in a folder.
#[pyfunction]
pub(crate) fn find_runs(path: PathBuf) -> PyResult<Vec<PathBuf>> {
    Ok(run_folder::find(&path, DEPTH).map_err(Failure::from)?.finished)
}

/// A finished run, checked whole: JSON with record, recipe, findings, history and predictions.
#[pyfunction]
pub(crate) fn read_run(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    Ok(py.detach(|| run(&path))?.to_string())
}

fn run(path: &Path) -> Result<Value, Failure> {
    let check = RunCheck::of(path)?;
    let findings = serde_json::to_value(&check.findings).map_err(|error| Failure::internal(&error.to_string()))?;
    let Run { record, recipe, .. } = check.into_run()?;
    let history = path.join(HISTORY_FILE);
    let (mut steps, mut evaluations) = (Columns::new(STEP), Columns::new(EVALUATION));
    if history.is_file() {
        for line in History::read(&history)?.lines() {
            match line {
                HistoryLine::Step { step, epoch, loss, rate, resolution_px, training_seconds } => steps.push([
                    json!(step),
                    json!(epoch),
                    json!(loss),
                    json!(rate),
                    json!(resolution_px),
                    json!(training_seconds),
                ]),
                HistoryLine::Evaluation { epoch, counts, training_seconds, evaluation_seconds } => {
                    evaluations.push([
                        json!(epoch),
                        json!(counts.correct),
                        json!(counts.total),
                        json!(counts.accuracy()),
                        json!(training_seconds),
                        json!(evaluation_seconds),
                    ]);
                }
                _ => {}
            }
        }
    }
    let predicted = path.join(PREDICTIONS_FILE);
    let predictions = match predicted.is_file() {
        true => Some(predictions_of(&predicted)?),
        false => None,
    };
    let as_json = |value: &dyn erased::Json| value.json();
    Ok(json!({
        "record": as_json(&record), "recipe": as_json(&recipe), "findings": findings,
        "steps": steps.json(), "evaluations": evaluations.json(), "predictions": predictions,
    }))
}

/// Things of other crates as JSON.
mod erased {
    use serde_json::Value;

    pub(super) trait Json {
        fn json(&self) -> Value;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> Value {
            // They were read from JSON or TOML: what cannot be written again would not have been read.
            serde_json::to_value(self).unwrap_or_default()
        }
    }
}

const STEP: [&str; 6] = ["step", "epoch", "loss", "rate", "resolution_px", "training_seconds"];
const EVALUATION: [&str; 6] = ["epoch", "correct", "total", "accuracy", "training_seconds", "evaluation_seconds"];

/// A table by its columns, as data frames take it.
struct Columns {
    names: [&'static str; 6],
    values: [Vec<Value>; 6],
}

impl Columns {
    fn new(names: [&'static str; 6]) -> Self {
        Self { names, values: Default::default() }
    }

    fn push(&mut self, row: [Value; 6]) {
        self.values.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }

    fn json(self) -> Value {
        self.names
            .into_iter()
            .map(str::to_owned)
            .zip(self.values.map(Value::Array))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

fn predictions_of(path: &Path) -> Result<Value, Failure> {
    let bytes = input::read(path, input::TABLE_BYTES)?;
    let rows: Vec<Prediction> = predictions::read_from(path, bytes.as_slice())?;
    let known = Probabilities::of_predictions(path, &rows, &sha256(&bytes))?;
    let (classes, probabilities) = match &known {
        Some(known) => (Some(known.classes().to_vec()), Some(known.rows().collect::<Vec<_>>())),
        None => (None, None),
    };
    let (samples, predicted): (Vec<String>, Vec<String>) = rows.into_iter().map(|row| (row.sample, row.class)).unzip();
    Ok(json!({ "sample": samples, "predicted": predicted, "classes": classes, "probabilities": probabilities }))
}

/// A recipe by its name or file, with other values at dotted keys: (resolved TOML, JSON).
#[pyfunction]
pub(crate) fn recipe(named: &str, overrides: Vec<(String, String)>) -> PyResult<(String, String)> {
    let is_file = named.ends_with(".toml") || named.contains(std::path::MAIN_SEPARATOR);
    let text = match is_file {
        true => input::read_text(Path::new(named), input::TEXT_BYTES).map_err(Failure::from)?,
        false => Recipe::shipped_text(named).map_err(Failure::from)?.to_owned(),
    };
    let recipe = Recipe::from_toml(&text, &overrides).map_err(Failure::from)?;
    let value = serde_json::to_string(&recipe).map_err(|error| Failure::internal(&error.to_string()))?;
    Ok((recipe.to_toml(), value))
}

/// The names of the recipes that come with the program.
#[pyfunction]
pub(crate) fn recipe_names() -> Vec<&'static str> {
    Recipe::shipped().iter().map(|(name, _)| *name).collect()
}

/// Each step of a recipe's run over a dataset: (epoch from 0, samples, resolution, progress, factor of the rate).
type PlannedRow = (u32, usize, u32, f64, Option<f64>);

/// The steps of a recipe's run over a dataset, and the name of its network.
#[pyfunction]
pub(crate) fn plan_of(recipe: &str, data: &Data) -> PyResult<(Vec<PlannedRow>, String)> {
    let recipe = Recipe::from_toml(recipe, &[]).map_err(Failure::from)?;
    let split = recipe.split(&data.dataset.manifest).map_err(Failure::from)?;
    let plan = StepPlan::of(&recipe, recipe.labeled_draws(&split));
    let row = |step| {
        let planned = plan.step(step);
        (planned.epoch, planned.count, planned.px, planned.progress, recipe.schedule.factor(planned.progress))
    };
    Ok(((0..plan.steps()).map(row).collect(), recipe.model.name()))
}

/// TOML of a JSON object, as recipes are written.
#[pyfunction]
pub(crate) fn to_toml(text: &str) -> PyResult<String> {
    let refuse = |error: String| {
        let hint = "a recipe has names with texts, numbers, booleans, lists and tables of these; leave None out";
        Failure::value("recipe", "what TOML can hold", error, hint)
    };
    let table: toml::Table = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    Ok(toml::to_string(&table).map_err(|error| refuse(error.to_string()))?)
}
