//! Runs of one recipe that differ in their seed alone, in one folder: `s0`, `s1`, … below it. The folder's files say
//! what is trained, which of it is finished, and which is not.

use std::path::{Path, PathBuf};

use imagenette_results::RunRecord;
use imagenette_results::run_folder::{FolderState, RECIPE_FILE, RunFolder};
use imagenette_train::Recipe;
use imagenette_train::parts::Parts;

use crate::prepared::Prepared;
use crate::runs;
use crate::terminal::Refusal;

/// What was begun in a folder of runs.
pub(crate) struct Begun {
    pub(crate) recipe: Recipe,
    /// The dataset's name and the hash of its content.
    pub(crate) dataset: String,
    pub(crate) identity: String,
}

/// The seeds of a recipe's runs, each with its place below a folder.
pub(crate) fn places(folder: &Path, recipe: &Recipe) -> Vec<(u64, PathBuf)> {
    let seeds = recipe.seed..recipe.seed + u64::from(recipe.runs);
    seeds.map(|seed| (seed, folder.join(format!("s{seed}")))).collect()
}

/// What was begun in a folder of runs; `None` when the folder is that of one run, or of something else.
pub(crate) fn begun(folder: &Path, parts: &Parts) -> anyhow::Result<Option<Begun>> {
    if folder.join(RECIPE_FILE).exists() {
        return Ok(None);
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(None) };
    let mut runs: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.strip_prefix('s')?.parse().ok()?, entry.path())))
        .filter(|(_, run)| run.join(RECIPE_FILE).is_file())
        .collect();
    runs.sort();
    for (_, run) in &runs {
        let begun = match RunFolder::state(run)? {
            FolderState::Finished => {
                let record = RunRecord::read(run)?;
                let recipe = Recipe::from_toml_with(&RunFolder::open(run)?.recipe_text()?, &[], parts)?;
                Begun { recipe, dataset: record.dataset.name, identity: record.dataset.identity }
            }
            // Where another process is at work, it is named in the error.
            FolderState::Interrupted | FolderState::Running(_) => {
                let (recipe, checkpoint) = imagenette_train::run::unfinished(run, parts)?;
                Begun { recipe, dataset: checkpoint.dataset, identity: checkpoint.dataset_identity }
            }
            FolderState::Empty | FolderState::Foreign(_) => continue,
        };
        if begun.recipe.runs < 2 {
            return Err(Refusal::error(
                format!(
                    "{}: expected a run, or the runs of one `train --runs`, found runs of their own",
                    folder.display()
                ),
                format!("name one of them: `imagenette train --resume {}`", run.display()),
            ));
        }
        return Ok(Some(begun));
    }
    Ok(None)
}

/// The folder for runs that are given none: the first of `runs/NAME`, `runs/NAME-2`, … that is not taken, or in which
/// these very runs were begun and not finished.
pub(crate) fn folder(name: &str, prepared: &Prepared) -> PathBuf {
    runs::free_folder_or(name, |folder| is_unfinished(folder, prepared))
}

/// Whether a folder holds these runs alone, and not all of them are finished.
fn is_unfinished(folder: &Path, prepared: &Prepared) -> bool {
    let places = places(folder, &prepared.recipe);
    let Ok(mut entries) = std::fs::read_dir(folder) else { return false };
    let is_ours = entries.all(|entry| entry.is_ok_and(|entry| places.iter().any(|(_, run)| *run == entry.path())));
    let mut finished = 0;
    for (seed, run) in &places {
        match RunFolder::state(run) {
            Ok(FolderState::Empty) => {}
            Ok(FolderState::Finished) => match runs::finished(&prepared.job(*seed, run.clone())) {
                Ok(Some(_)) => finished += 1,
                _ => return false,
            },
            Ok(FolderState::Interrupted) => {
                let Ok((recipe, checkpoint)) = imagenette_train::run::unfinished(run, prepared.parts()) else {
                    return false;
                };
                let job = prepared.job(*seed, run.clone());
                let is_the_jobs = runs::is_recipe_of(&recipe, &job)
                    && checkpoint.seed == *seed
                    && checkpoint.dataset_identity == job.dataset.manifest.identity();
                if !is_the_jobs {
                    return false;
                }
            }
            _ => return false,
        }
    }
    is_ours && finished < places.len()
}
