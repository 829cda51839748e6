//! A run as people follow it, and the folder that it goes into when none is named.

use std::path::{Path, PathBuf};

use imagenette_files::hash;
use imagenette_results::run_folder::{RECORD_FILE, RunFolder};
use imagenette_results::{Run, RunRecord};
use imagenette_train::recipe::Budget;
use imagenette_train::recipe::precision::PrecisionChoice;
use imagenette_train::{Outcome, Recipe, TrainError, TrainJob};

use crate::notice;
use crate::numbers::thousands;
use crate::progress::Progress;
use crate::run_tables::{RunTables, Wanted};
use crate::terminal::{Refusal, Terminal};

/// The folder in which runs go that are given none.
pub(crate) const FOLDER: &str = "runs";

/// Trains one run and says what happens.
pub(crate) fn train(job: &TrainJob, terminal: &Terminal) -> anyhow::Result<Outcome> {
    train_with(job, Wanted::default(), terminal)
}

/// The same, with tables for other tools on the way.
pub(crate) fn train_with(job: &TrainJob, tables: Wanted, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let manifest = &job.dataset.manifest;
    terminal.say(&format!(
        "{} `{}` on {} ({}, size {}), seed {}, into {}",
        if job.resume { "resuming" } else { "training" },
        job.recipe.name,
        manifest.name,
        manifest.edition,
        manifest.size,
        job.seed,
        job.folder.display()
    ));
    notice::watch(terminal);
    let progress = Progress::of_run(terminal);
    let outcome = imagenette_train::train(job, &RunTables::new(&progress, &job.folder, tables, terminal));
    terminal.finish();
    if let Err(error @ TrainError::Diverged { .. }) = &outcome {
        // The note is for whoever finds the folder; that it cannot be written hides nothing of what happened.
        if let Err(unwritten) = RunFolder::note_divergence(&job.folder, &error.to_string()) {
            terminal.say(&unwritten.to_string());
        }
    }
    let outcome = outcome?;
    if let Outcome::Finished(record) = &outcome
        && let Some(said) = passed_budget(record, job)
    {
        terminal.say(&format!("warning: {said}"));
    }
    if let Outcome::Interrupted { step, steps } = outcome {
        terminal.say(&format!("interrupted after step {} of {}", thousands(step), thousands(steps)));
    }
    Ok(outcome)
}

/// What is said of a run that took more than its budget: its end may take longer than it did before.
fn passed_budget(record: &RunRecord, job: &TrainJob) -> Option<String> {
    let spending = record.provenance.as_ref()?.spending?;
    let budget = job.recipe.budget?;
    let (spent, limit) = match budget {
        Budget::Minutes(minutes) => (spending.charged_seconds, 60.0 * minutes),
        Budget::Dollars(dollars) => (record.dollars?, dollars),
    };
    (spent > limit).then(|| format!("the run took {:.1}% of its budget of {budget}", 100.0 * spent / limit))
}

/// The record of the run of a job, if it is finished. A record has the recipe as it was resolved on its machine, and a
/// finished run stays the job's whatever this machine would resolve it to.
pub(crate) fn finished(job: &TrainJob) -> anyhow::Result<Option<RunRecord>> {
    let folder = &job.folder;
    if !folder.join(RECORD_FILE).is_file() {
        return Ok(None);
    }
    // Checked whole: what a record says is taken as a result.
    let record = Run::read(folder)?.record;
    let text = RunFolder::open(folder)?.recipe_text()?;
    let resolved = Recipe::from_toml_with(&text, &[], job.parts.as_ref())?;
    let is_the_jobs = is_recipe_of(&resolved, job)
        && record.recipe_sha256 == hash::sha256(text)
        && record.seed == job.seed
        && record.dataset.identity == job.dataset.manifest.identity();
    if !is_the_jobs {
        return Err(Refusal::error(
            format!("{}: holds a run of another recipe, seed or dataset", folder.display()),
            "name another folder with --out",
        ));
    }
    Ok(Some(record))
}

/// Whether a recipe is a job's as it was resolved on some machine, with any of the choices that it left open.
pub(crate) fn is_recipe_of(resolved: &Recipe, job: &TrainJob) -> bool {
    let precision = match job.recipe.precision {
        PrecisionChoice::Auto => resolved.precision,
        chosen => chosen,
    };
    let is_of = |recipe: &Recipe| *resolved == Recipe { precision, ..recipe.clone() };
    let choice = |number| job.recipe.with_choice(number, job.parts.as_ref());
    is_of(&job.recipe) || (0..job.recipe.choices.len()).any(|number| choice(number).is_ok_and(|recipe| is_of(&recipe)))
}

/// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`, … that is not taken.
pub(crate) fn free_folder(name: &str) -> PathBuf {
    free_folder_or(name, |_| false)
}

/// The same, where a folder that is taken may fit as well.
pub(crate) fn free_folder_or(name: &str, fits: impl Fn(&Path) -> bool) -> PathBuf {
    let mut candidates = (1..).map(|number| match number {
        1 => Path::new(FOLDER).join(name),
        _ => Path::new(FOLDER).join(format!("{name}-{number}")),
    });
    candidates.find(|folder| !folder.exists() || fits(folder)).expect("there is always a larger number")
}
