//! A run checked with what lies beside it on this machine: its dataset, its network, and where asked for a replay.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_files::Hint;
use imagenette_results::check::{Finding, RunCheck, Verdict, planned_steps};
use imagenette_results::run_folder::{CHECKPOINT_FILE, PREDICTIONS_FILE, RunFolder, WEIGHTS_FILE};
use imagenette_results::run_record::{Counts, LabelsRecord};
use imagenette_results::{ResultsError, Run, RunRecord, predictions};
use imagenette_train::Recipe;
use imagenette_train::run::saved_network::SavedNetwork;
use imagenette_train::run::{Costs, arithmetic, checkpoint};
use serde::Serialize;

use super::replay;
use crate::cli::Check;
use crate::numbers::thousands;
use crate::prepared::Preparation;
use crate::scored::{evaluated, score};
use crate::terminal::Terminal;
use crate::{Program, datasets};

/// By how much of them operations may differ that another engine counted.
const OTHER_ENGINE: f64 = 0.3;

/// What was found of a run.
#[derive(Serialize)]
pub(crate) struct CheckedRun {
    folder: String,
    seed: Option<u64>,
    recipe: Option<String>,
    result: Option<Counts>,
    pub(crate) findings: Vec<Finding>,
    #[serde(skip)]
    run: Option<Run>,
}

impl CheckedRun {
    fn of(folder: &Path, findings: Vec<Finding>, run: Option<Run>) -> Self {
        let record = run.as_ref().map(|run| &run.record);
        Self {
            folder: folder.display().to_string(),
            seed: record.map(|record| record.seed),
            recipe: record.map(|record| record.recipe.clone()),
            result: record.map(|record| record.result),
            findings,
            run,
        }
    }

    /// Its folder, as it was named.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// The run, if its record could be read.
    pub(crate) fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| matches!(finding.verdict, Verdict::Fails(_)))
    }

    pub(crate) fn fail(&mut self, about: &'static str, error: ResultsError) {
        self.findings.push(Finding::new(about, Verdict::Fails(error)));
    }

    /// What to do about the first thing that fails.
    pub(crate) fn hint(&self) -> Option<String> {
        self.findings.iter().find_map(|finding| match &finding.verdict {
            Verdict::Fails(error) => error.hint(),
            _ => None,
        })
    }

    pub(crate) fn title(&self) -> String {
        match (&self.recipe, self.seed, self.result) {
            (Some(recipe), Some(seed), Some(result)) => format!(
                "{}: {recipe}, seed {seed}, {:.2}% ({} of {})",
                self.folder,
                100.0 * result.accuracy(),
                thousands(result.correct),
                thousands(result.total)
            ),
            _ => self.folder.clone(),
        }
    }
}

/// What runs are checked with.
pub(crate) struct Ground<'c, 'p> {
    pub(super) arguments: &'c Check,
    pub(super) program: &'p Program,
    pub(super) terminal: &'p Terminal,
    pub(super) preparation: Preparation<'p>,
    datasets: Vec<Dataset>,
    /// Runs of one recipe have one network. By recipe, classes and samples.
    costs: RefCell<HashMap<(String, usize, u64), Costs>>,
}

impl<'c, 'p> Ground<'c, 'p> {
    pub(crate) fn begin(arguments: &'c Check, program: &'p Program, terminal: &'p Terminal) -> anyhow::Result<Self> {
        let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
        let store = &preparation.store;
        let datasets = match &arguments.dataset {
            Some(named) => vec![datasets::named(named, store)?],
            None => {
                // One that is damaged keeps no run from being checked.
                let open = |name: &String| Dataset::open(&store.dataset_folder(name)).ok();
                store.installed()?.iter().filter_map(open).collect()
            }
        };
        Ok(Self { arguments, program, terminal, preparation, datasets, costs: RefCell::default() })
    }

    /// The dataset of this content.
    pub(super) fn dataset(&self, record: &RunRecord) -> Option<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.manifest.identity() == record.dataset.identity)
    }

    /// Checks the run in a folder. What is wrong with it is a finding; an error is what ends the command.
    pub(crate) fn check(&self, folder: &Path) -> anyhow::Result<CheckedRun> {
        if !folder.join(imagenette_results::run_folder::RECORD_FILE).exists() {
            return Ok(self.unfinished(folder));
        }
        let mut check = match RunCheck::of(folder) {
            Ok(check) => check,
            Err(error) => return Ok(CheckedRun::of(folder, vec![Finding::new("record", Verdict::Fails(error))], None)),
        };
        check.check_weights()?;
        let recipe = RunFolder::open(folder)?.recipe_text()?;
        let recipe = Recipe::from_toml_with(&recipe, &[], self.program.parts().as_ref());
        let mut found = vec![
            Finding::new("numbers", self.numbers(folder)),
            Finding::new("dataset", self.dataset_of(&check.run)),
            Finding::new("costs", self.costs(&check.run.record, recipe.as_ref().ok())),
        ];
        found.extend(self.labels(&check.run, recipe.as_ref().ok()).map(|verdict| Finding::new("labels", verdict)));
        if self.arguments.replay {
            match &recipe {
                // A run whose files were changed is not worth the time.
                _ if check.has_failed() => {
                    found.push(Finding::new("replay", unknown("what is here fails already: it was not repeated")));
                }
                Ok(recipe) => found.extend(replay::replay(self, &check, recipe)?),
                Err(error) => found.push(Finding::new("replay", unknown(error.to_string()))),
            }
        } else {
            let said = format!(
                "whether the weights give these predictions: `imagenette eval {0}`; whether training gives these \
                 weights: `imagenette check {0} --replay`",
                folder.display()
            );
            found.push(Finding::new("training", Verdict::Unknown(said)));
        }
        check.findings.extend(found);
        Ok(CheckedRun::of(folder, check.findings, Some(check.run)))
    }

    /// A run that has not ended has a checkpoint or nothing.
    fn unfinished(&self, folder: &Path) -> CheckedRun {
        let path = folder.join(CHECKPOINT_FILE);
        let verdict = match path.is_file().then(|| checkpoint::Checkpoint::read(&path)) {
            None => unknown("the run has not ended, and has no checkpoint"),
            Some(Ok(checkpoint)) => Verdict::Holds(format!(
                "the run has not ended: it stands after step {}, and its checkpoint is whole",
                checkpoint.head.step
            )),
            Some(Err(error)) => failure(folder, &error),
        };
        CheckedRun::of(folder, vec![Finding::new("checkpoint", verdict)], None)
    }

    /// Whether the weights are those of the network, and finite numbers.
    fn numbers(&self, folder: &Path) -> Verdict {
        let path = folder.join(WEIGHTS_FILE);
        if !path.is_file() {
            return unknown("the weights are not here");
        }
        let (device, parts) = (&self.preparation.machine.device, self.program.parts());
        match SavedNetwork::read(&path, device, parts) {
            Ok(_) => Verdict::Holds("each weight is there and a finite number".into()),
            Err(imagenette_train::TrainError::Recipe(error)) => unknown(error.to_string()),
            Err(error) => failure(folder, &error),
        }
    }

    /// Whether the dataset is what the record says, and the predictions cover each photo of it once.
    fn dataset_of(&self, run: &Run) -> Verdict {
        let record = &run.record;
        let Some(dataset) = self.dataset(record) else {
            return unknown(format!("`{}` is not installed", record.dataset.name));
        };
        let manifest = &dataset.manifest;
        let count = |split| manifest.samples(split).len() as u64;
        let own = (record.dataset.edition.as_str(), record.dataset.train, record.dataset.val);
        let installed = (manifest.edition.name(), count(Split::Train), count(Split::Val));
        if own != installed {
            let said = |(edition, train, val): (&str, u64, u64)| format!("{edition} of {train} and {val} photos");
            let reason = format!("expected {}, as {} is, found {}", said(installed), manifest.name, said(own));
            return failed(&run.folder, reason);
        }
        let path = run.folder.join(PREDICTIONS_FILE);
        if !path.is_file() {
            return Verdict::Holds(format!("as {} is; no predictions are here", manifest.name));
        }
        let scored = predictions::read(&path)
            .map_err(anyhow::Error::from)
            .and_then(|predictions| score(&path, &predictions, manifest, &evaluated(record, manifest)?));
        match scored {
            Ok(score) if (score.correct, score.total) == (record.result.correct, record.result.total) => {
                Verdict::Holds(format!(
                    "as {} is; the predictions cover its {} photos once",
                    manifest.name, score.total
                ))
            }
            Ok(score) => failed(&run.folder, format!("its photos say {} of {}", score.correct, score.total)),
            Err(error) => failed(&run.folder, error.to_string()),
        }
    }

    /// Whether a run with few labels had those that its recipe gives it; `None` of a run that had all.
    fn labels(&self, run: &Run, recipe: Option<&Recipe>) -> Option<Verdict> {
        let record = &run.record;
        let labels = record.labels.as_ref()?;
        let (Some(recipe), Some(dataset)) = (recipe, self.dataset(record)) else {
            return Some(unknown("without the dataset and every part of the recipe they are not counted again"));
        };
        let split = match recipe.split(&dataset.manifest) {
            Ok(split) => split,
            Err(error) => return Some(failed(&run.folder, error.to_string())),
        };
        let expected = LabelsRecord::of(recipe, &split, record.samples_drawn);
        if expected.as_ref() != Some(labels) {
            return Some(failed(&run.folder, format!("expected {expected:?}, found {labels:?}")));
        }
        let wrong =
            if labels.wrong > 0 { format!(", {} of them wrong", thousands(labels.wrong)) } else { String::new() };
        Some(Verdict::Holds(format!(
            "{} photos with labels{wrong}, {} without, as the recipe gives them",
            thousands(labels.labeled),
            thousands(labels.unlabeled)
        )))
    }

    /// Whether parameters, multiply-adds and operations are those of the recipe's network over the samples.
    fn costs(&self, record: &RunRecord, recipe: Option<&Recipe>) -> Verdict {
        let Some(recipe) = recipe else { return unknown("this program does not know every part of the recipe") };
        let Some(dataset) = self.dataset(record) else {
            return unknown("without the dataset its classes are not known");
        };
        // Photos of a task are counted anew.
        let samples = match recipe.split(&dataset.manifest) {
            Ok(split) => recipe.labeled_draws(&split) as u64,
            Err(error) => return failed(Path::new(&record.recipe), error.to_string()),
        };
        let (device, parts) = (&self.preparation.machine.device, self.program.parts());
        let classes = dataset.manifest.classes.len();
        let Some(plan) = planned_steps(record, recipe, samples) else {
            return unknown("a run too long to plan its steps here");
        };
        let key = (recipe.canonical_sha256(), classes, samples);
        // Runs with one budget differ in length.
        let known = self.costs.borrow().get(&key).copied().filter(|_| recipe.budget.is_none());
        let costs = match known.map_or_else(|| Costs::of_plan(recipe, parts, classes, &plan, device), Ok) {
            Ok(costs) => costs,
            Err(error) => return unknown(error.to_string()),
        };
        self.costs.borrow_mut().insert(key, costs);
        let is_same_engine = record.arithmetic().is_some_and(|own| own.engine == arithmetic(device).engine);
        let tolerance = if is_same_engine { 1e-6 } else { OTHER_ENGINE };
        let number = |number: Option<u64>| number.map(|number| number as f64);
        let pairs = [
            ("parameters", Some(record.model.parameters as f64), Some(costs.parameters as f64), 0.0),
            ("multiply-adds", number(record.model.multiply_adds), number(costs.multiply_adds), tolerance),
            ("floating-point operations", record.training_flop, costs.training_flop, tolerance),
        ];
        for (what, own, computed, tolerance) in pairs {
            if let (Some(own), Some(computed)) = (own, computed)
                && (own - computed).abs() > tolerance * computed
            {
                return failed(Path::new(&record.recipe), format!("expected {computed} {what}, found {own}"));
            }
        }
        Verdict::Holds(format!("{} parameters; its operations counted again", thousands(costs.parameters)))
    }
}

pub(super) fn unknown(said: impl Into<String>) -> Verdict {
    Verdict::Unknown(said.into())
}

pub(super) fn failed(folder: &Path, reason: impl Into<String>) -> Verdict {
    let hint = "the run's files were changed or mixed with another run's; do not use this result";
    Verdict::Fails(ResultsError::RunFolder { path: folder.to_owned(), reason: reason.into(), hint: hint.into() })
}

/// An error of another crate as a failure.
pub(super) fn failure(folder: &Path, error: &(impl std::error::Error + Hint)) -> Verdict {
    let hint = error.hint().unwrap_or_else(|| "do not use this run".into());
    Verdict::Fails(ResultsError::RunFolder { path: folder.to_owned(), reason: error.to_string(), hint })
}
