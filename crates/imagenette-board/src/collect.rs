//! An entry made from runs: their folders go in, the folder of an entry comes out, or what is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imagenette_files::{FileError, atomic, input};
use imagenette_recipe::{AnyParts, Recipe};
use imagenette_results::run_folder::{self, HISTORY_FILE, PREDICTIONS_FILE, RECIPE_FILE, RECORD_FILE, SOURCE_FILE};
use imagenette_results::{Run, RunRecord};

use crate::board::ENTRIES;
use crate::deal;
use crate::entry::{Candidate, ENTRY_FILE, Entry, EntryFile, README_FILE, Seeds};
use crate::error::{BoardError, Result};
use crate::fault::Fault;
use crate::season::{Challenge, Season};
use crate::seed_run::{ValLists, with_seed};

/// Folders below a named one that are looked into for runs.
const DEPTH: u32 = 6;

/// What is to become an entry.
pub struct Wanted<'w> {
    /// The board's folder.
    pub board: &'w Path,
    /// Its season.
    pub season: &'w Season,
    /// What it is entered for.
    pub challenge: &'w Challenge,
    /// Folders of runs, or folders in which runs lie.
    pub from: &'w [PathBuf],
    /// The name of its folder: `2026-12-01_muon-cutmix`.
    pub name: &'w str,
    /// What its author says.
    pub file: EntryFile,
    /// What its author tells.
    pub readme: String,
}

/// An entry that was made, or what keeps it from being one.
pub enum Made {
    /// The entry, and its folder.
    Entry(Box<Entry>, PathBuf),
    /// What is wrong with it.
    Faults(Vec<Fault>),
}

/// Collects an entry. Nothing is written but a whole entry in which nothing is wrong.
///
/// # Errors
/// When no run can be read, runs of the dealt seeds are missing, or the entry is there already.
pub fn collect(wanted: &Wanted<'_>) -> Result<Made> {
    let runs = runs(wanted.from)?;
    let place = wanted.board.join(ENTRIES).join(&wanted.challenge.name);
    let to = place.join(wanted.name);
    if to.symlink_metadata().is_ok() {
        let message = format!("{}: an entry is there already", to.display());
        return Err(BoardError::refused(message, "choose another name with --name"));
    }
    let chosen = chosen(wanted, runs)?;
    let was_there = place.is_dir();
    std::fs::create_dir_all(&place).map_err(FileError::io("create", &place))?;
    let made = collect_into(wanted, &chosen, &place, &to);
    if !was_there && !matches!(made, Ok(Made::Entry(..))) {
        // A challenge's folder without an entry would be a fault of the board; one that is not empty stays.
        let _ = std::fs::remove_dir(&place);
    }
    made
}

/// Collects an entry below its challenge's folder, which is there.
fn collect_into(wanted: &Wanted<'_>, chosen: &BTreeMap<u32, PathBuf>, place: &Path, to: &Path) -> Result<Made> {
    let unfinished = atomic::UnfinishedFolder::begin(place)?;
    write(wanted, chosen, unfinished.path())?;
    let lists = ValLists::default();
    let candidate = Candidate {
        root: wanted.board,
        season: wanted.season,
        challenge: wanted.challenge,
        name: wanted.name,
        folder: unfinished.path(),
        lists: &lists,
    };
    match candidate.check() {
        (Some(entry), _) => {
            unfinished.finish(to)?;
            Ok(Made::Entry(Box::new(entry), to.to_owned()))
        }
        (None, faults) => Ok(Made::Faults(faults)),
    }
}

/// Writes the run of an entry's seed as the folder that it was, with its recipe beside its record, so that it can be
/// trained again.
///
/// # Errors
/// When the entry has no such run, or a file cannot be read or written.
pub fn as_run(entry: &Path, number: u32, to: &Path) -> Result<()> {
    let from = entry.join(format!("s{number}"));
    if !from.join(RECORD_FILE).is_file() {
        let message = format!("{}: expected a run of an entry, found none", from.display());
        return Err(BoardError::refused(
            message,
            "name an entry's folder, and the number of one of its seeds with --seed",
        ));
    }
    let record = RunRecord::read(&from)?;
    let recipe = input::read_text(&entry.join(RECIPE_FILE), input::TEXT_BYTES)?;
    let draw = record.labels.as_ref().map_or(1, |labels| labels.draw);
    std::fs::create_dir_all(to).map_err(FileError::io("create", to))?;
    atomic::write_bytes(&to.join(RECIPE_FILE), with_seed(&recipe, record.seed, draw).as_bytes())?;
    for file in [RECORD_FILE, HISTORY_FILE, PREDICTIONS_FILE] {
        atomic::write_bytes(&to.join(file), &input::read(&from.join(file), input::TABLE_BYTES)?)?;
    }
    Ok(())
}

/// The finished runs in these folders.
fn runs(from: &[PathBuf]) -> Result<Vec<(PathBuf, RunRecord)>> {
    let mut runs = Vec::new();
    for folder in from {
        for run in run_folder::find(folder, DEPTH)?.finished {
            let record = Run::read(&run)?.record;
            runs.push((run, record));
        }
    }
    if runs.is_empty() {
        let named: Vec<String> = from.iter().map(|folder| folder.display().to_string()).collect();
        let message = format!("{}: expected finished runs, found none", named.join(", "));
        return Err(BoardError::refused(message, "name the folder that `imagenette train --out` made"));
    }
    Ok(runs)
}

/// The runs of the dealt seeds, by number; or of chosen ones, in the order of their seeds.
fn chosen(wanted: &Wanted<'_>, runs: Vec<(PathBuf, RunRecord)>) -> Result<BTreeMap<u32, PathBuf>> {
    let first = &runs[0].0;
    let recipe = recipe(first)?;
    let from = deal::recipe_hash(&recipe);
    for (folder, _) in &runs[1..] {
        if deal::recipe_hash(&self::recipe(folder)?) != from {
            let message =
                format!("{}: expected runs of one recipe, as {}, found another", folder.display(), first.display());
            return Err(BoardError::refused(message, "name the runs of one recipe with --from"));
        }
    }
    // Said before the seeds, for which they would be trained again.
    let source = wanted.season.source(wanted.challenge);
    if let Some((folder, record)) =
        runs.iter().find(|(_, record)| (record.dataset.train, record.dataset.val) != (source.train, source.val))
    {
        let dataset = &record.dataset;
        let message = format!(
            "{}: expected a run on {} ({} train and {} val photos), found one on {} ({} and {})",
            folder.display(),
            source.name,
            source.train,
            source.val,
            dataset.name,
            dataset.train,
            dataset.val
        );
        return Err(BoardError::refused(
            message,
            "name the challenge of these photos; `imagenette board rank --all` lists them",
        ));
    }
    let needed = wanted.challenge.seeds(&wanted.season.rules);
    if wanted.file.seeds == Seeds::Chosen {
        let mut by_seed: Vec<(u64, PathBuf)> = runs.into_iter().map(|(run, record)| (record.seed, run)).collect();
        by_seed.sort();
        return Ok((1..=needed).zip(by_seed.into_iter().map(|(_, run)| run)).collect());
    }
    let dealt: Vec<(u32, u64)> =
        (1..=needed).map(|number| (number, deal::seed(&wanted.season.name, &from, number))).collect();
    let of = |seed: u64| runs.iter().find(|(_, record)| record.seed == seed).map(|(run, _)| run.clone());
    let there: BTreeMap<u32, PathBuf> = dealt.iter().filter_map(|(number, seed)| Some((*number, of(*seed)?))).collect();
    let is_without_gap = !there.is_empty() && there.keys().copied().eq(1..=there.len() as u32);
    if !is_without_gap {
        let missing: Vec<String> =
            dealt.iter().filter(|(number, _)| !there.contains_key(number)).map(seed_named).collect();
        let message = format!("expected runs of the dealt seeds, found none of {}", missing.join(", "));
        let hint = "train each with `imagenette train --recipe RECIPE --seed SEED`; seeds of your own are shown and not \
                    ranked: --chosen-seeds";
        return Err(BoardError::refused(message, hint));
    }
    Ok(there)
}

fn seed_named((number, seed): &(u32, u64)) -> String {
    format!("s{number} (seed {seed})")
}

fn recipe(run: &Path) -> Result<Recipe> {
    let text = input::read_text(&run.join(RECIPE_FILE), input::TEXT_BYTES)?;
    Ok(Recipe::from_toml_with(&text, &[], &AnyParts)?)
}

fn write(wanted: &Wanted<'_>, runs: &BTreeMap<u32, PathBuf>, folder: &Path) -> Result<()> {
    let text = toml::to_string(&wanted.file).expect("what an author says is text and numbers");
    atomic::write_bytes(&folder.join(ENTRY_FILE), text.as_bytes())?;
    atomic::write_bytes(&folder.join(README_FILE), wanted.readme.as_bytes())?;
    let first = runs.values().next().expect("there is a run at least");
    let recipe = input::read_text(&first.join(RECIPE_FILE), input::TEXT_BYTES)?;
    let seed = self::recipe(first)?.seed;
    atomic::write_bytes(&folder.join(RECIPE_FILE), with_seed(&recipe, seed, 1).as_bytes())?;
    let source = first.join(SOURCE_FILE);
    if source.is_file() {
        atomic::write_bytes(&folder.join(SOURCE_FILE), &input::read(&source, input::TEXT_BYTES)?)?;
    }
    for (number, run) in runs {
        let place = folder.join(format!("s{number}"));
        std::fs::create_dir(&place).map_err(FileError::io("create", &place))?;
        for file in [RECORD_FILE, HISTORY_FILE, PREDICTIONS_FILE] {
            atomic::write_bytes(&place.join(file), &input::read(&run.join(file), input::TABLE_BYTES)?)?;
        }
    }
    Ok(())
}
