//! Runs from many places in one folder: folders go in; each finished run in them is checked, copied, and checked again
//! where it is now. Nothing that is there is touched.

use std::path::{Path, PathBuf};

use imagenette_files::atomic::UnfinishedFolder;
use imagenette_files::lock::FolderLock;
use imagenette_files::{FileError, hash};
use imagenette_results::check::{RunCheck, Twins};
use imagenette_results::run_folder::{self, CHECKPOINT_FILE, DIVERGED_FILE, LOCK_FILE, RECORD_FILE};
use imagenette_results::{ResultsError, Run, RunRecord};
use serde::Serialize;

use crate::interrupt;

/// How many levels below a named folder are searched for runs.
const DEPTH: u32 = 6;
/// What to do about a place that is taken.
const TAKEN: &str = "gather into another folder, or rename the run's folder";

/// What became of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub(crate) enum Fate {
    Copied {
        to: PathBuf,
    },
    /// The very run is there already.
    There {
        at: PathBuf,
    },
    /// It has not ended.
    Unfinished,
    Refused {
        reason: String,
        hint: Option<String>,
    },
}

/// A run that was found, and what became of it.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) from: PathBuf,
    #[serde(flatten)]
    pub(crate) fate: Fate,
}

/// Gathers the runs of some folders in one. What is wrong with a run is its fate; an error is what ends the work.
pub(crate) fn gather(folders: &[PathBuf], out: &Path, say: &dyn Fn(&Found)) -> anyhow::Result<Vec<Found>> {
    let found: Vec<_> =
        folders.iter().map(|folder| Ok((folder, run_folder::find(folder, DEPTH)?))).collect::<anyhow::Result<_>>()?;
    std::fs::create_dir_all(out).map_err(FileError::io("create", out))?;
    let _lock = FolderLock::acquire(out, "gather")?;
    let mut there: Vec<Run> = Vec::new();
    for folder in run_folder::find(out, DEPTH)?.finished {
        there.push(Run::read(&folder)?);
    }
    let mut all = Vec::new();
    let mut tell = |from: PathBuf, fate: Fate| {
        let found = Found { from, fate };
        say(&found);
        all.push(found);
    };
    for (folder, runs) in found {
        for from in runs.finished {
            interrupt::check()?;
            let fate = match take(&from, &place(folder, &from, out), &mut there) {
                Ok(fate) => fate,
                Err(Ended::ByRun(error)) => {
                    Fate::Refused { reason: error.to_string(), hint: imagenette_files::Hint::hint(&error) }
                }
                Err(Ended::ByPlace(error)) => return Err(error),
            };
            tell(from, fate);
        }
        runs.unfinished.into_iter().for_each(|from| tell(from, Fate::Unfinished));
        for (from, reason) in runs.unreadable {
            tell(from, Fate::Refused { reason, hint: None });
        }
    }
    Ok(all)
}

/// Where a run goes: its path below the folder that was named; of a folder that is a run itself, its name.
fn place(folder: &Path, from: &Path, out: &Path) -> PathBuf {
    match from.strip_prefix(folder) {
        Ok(below) if !below.as_os_str().is_empty() => out.join(below),
        _ => {
            let whole = std::path::absolute(from).unwrap_or_else(|_| from.to_owned());
            out.join(whole.file_name().unwrap_or("run".as_ref()))
        }
    }
}

/// What ends the taking of a run: something about the run, or something about the place, which ends all.
enum Ended {
    ByRun(ResultsError),
    ByPlace(anyhow::Error),
}

impl From<ResultsError> for Ended {
    fn from(error: ResultsError) -> Self {
        Self::ByRun(error)
    }
}

fn take(from: &Path, to: &Path, there: &mut Vec<Run>) -> Result<Fate, Ended> {
    let run = checked(from)?;
    // The same record is the same run, wherever it lies.
    if let Some(known) = there.iter().find(|known| is_same(&known.record, &run.record)) {
        return Ok(Fate::There { at: known.folder.clone() });
    }
    for known in there.iter() {
        let error = |reason: String| ResultsError::RunFolder { path: from.into(), reason, hint: TAKEN.into() };
        if let Some(twins) = Twins::of(known, &run) {
            return Err(twins.error().into());
        }
        if is_one_seed(known, &run) {
            let reason = format!(
                "another run of `{}` with seed {} is in {}: one seed counts once",
                run.record.recipe,
                run.record.seed,
                known.folder.display()
            );
            return Err(error(reason).into());
        }
    }
    if std::fs::symlink_metadata(to).is_ok() {
        let reason = format!("its place {} is taken by something else", to.display());
        return Err(ResultsError::RunFolder { path: from.into(), reason, hint: TAKEN.into() }.into());
    }
    let parent = to.parent().expect("a run lies in a folder");
    let by_place = |error: FileError| Ended::ByPlace(error.into());
    std::fs::create_dir_all(parent).map_err(FileError::io("create", parent)).map_err(by_place)?;
    let unfinished = UnfinishedFolder::begin(parent).map_err(by_place)?;
    copy(from, unfinished.path()).map_err(|error| match error {
        FileError::Io { action: "read", .. } => Ended::ByRun(error.into()),
        error => Ended::ByPlace(error.into()),
    })?;
    // A file that changed on the way, or a disk that lies, shows here.
    let mut copied = checked(unfinished.path())?;
    unfinished.finish(to).map_err(by_place)?;
    copied.folder = to.into();
    there.push(copied);
    Ok(Fate::Copied { to: to.into() })
}

/// A run of which nothing fails, its weights included.
fn checked(folder: &Path) -> Result<Run, ResultsError> {
    let mut check = RunCheck::of(folder)?;
    check.check_weights()?;
    check.into_run()
}

fn is_same(one: &RunRecord, other: &RunRecord) -> bool {
    hash::sha256(one.to_json()) == hash::sha256(other.to_json())
}

/// Whether two runs are of one recipe, dataset and seed.
fn is_one_seed(one: &Run, other: &Run) -> bool {
    let key = |run: &Run| {
        (
            run.record.seed,
            run.record.dataset.identity.clone(),
            run.recipe.clone(),
            run.record.held_out.map(|held| held.photos),
        )
    };
    key(one) == key(other)
}

/// Copies the files of a run; what belongs to a process at work stays behind.
fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    let mut names: Vec<_> = Vec::new();
    for entry in std::fs::read_dir(from).map_err(FileError::io("read", from))? {
        let entry = entry.map_err(FileError::io("read", from))?;
        let is_file = std::fs::metadata(entry.path()).is_ok_and(|kind| kind.is_file());
        let name = entry.file_name();
        let is_left = [CHECKPOINT_FILE, DIVERGED_FILE, LOCK_FILE].iter().any(|left| name == *left);
        if is_file && !is_left && !imagenette_files::atomic::is_unfinished(&name) {
            names.push(name);
        }
    }
    // The record last: what has it is whole.
    names.sort_by_key(|name| name == RECORD_FILE);
    for name in names {
        let (source, target) = (from.join(&name), to.join(&name));
        let mut input = std::fs::File::open(&source).map_err(FileError::io("read", &source))?;
        let mut output = std::fs::File::create_new(&target).map_err(FileError::io("create", &target))?;
        std::io::copy(&mut input, &mut output).map_err(FileError::io("write", &target))?;
        output.sync_all().map_err(FileError::io("write", &target))?;
    }
    Ok(())
}
