//! A run's folder: the names of its files, who may fill it, and in what state it is.
//!
//! A folder's path goes in; the folder comes out, and to whoever fills it the lock that keeps all others away. The
//! lock is taken before anything is written, and held until the process is done.

use std::path::{Path, PathBuf};

use imagenette_files::input;
use imagenette_files::lock::FolderLock;
use imagenette_files::{FileError, atomic};

use crate::error::{Result, ResultsError};

/// The resolved recipe's file name.
pub const RECIPE_FILE: &str = "recipe.toml";
/// The record's file name. It is written last: a folder that has it holds a finished run.
pub const RECORD_FILE: &str = "record.json";
/// The history's file name.
pub const HISTORY_FILE: &str = "history.jsonl";
/// The predictions' file name.
pub const PREDICTIONS_FILE: &str = "predictions.csv";
/// The file name of the predictions' probabilities.
pub const PROBABILITIES_FILE: &str = "probabilities.safetensors";
/// The weights' file name.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// The file name of the source text of parts that are not shipped.
pub const SOURCE_FILE: &str = "source.txt";
/// The checkpoint's file name. It is there while a run is not finished.
pub const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// The file name of the note that a run diverged. It is there until the run is resumed.
pub const DIVERGED_FILE: &str = "diverged.txt";
/// The file name of the last sign of life of a process that spends a budget.
pub const HEARTBEAT_FILE: &str = "heartbeat.txt";
/// The lock's file name. It is there while a process is at work.
pub const LOCK_FILE: &str = imagenette_files::lock::LOCK_FILE;

/// What work a process that trains is said to do.
const WORK: &str = "train";

/// In what state a folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderState {
    /// There is no such folder, or nothing is in it that a run could lose.
    Empty,
    /// A process is at work in it: who, as far as it is known.
    Running(String),
    /// A run that was interrupted or killed, and has a checkpoint to go on from.
    Interrupted,
    /// A run that is finished.
    Finished,
    /// Files that no run left there; one of them by name.
    Foreign(String),
}

/// A run's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run and writes its recipe, and the source of its own parts where it has any. The run
    /// is safe from other processes until the lock is dropped.
    ///
    /// # Errors
    /// When another process is at work in the folder, it holds something already, or it cannot be written to.
    pub fn begin(path: &Path, recipe: &str, source: Option<&str>) -> Result<(Self, FolderLock)> {
        // Looked at before it is touched: nothing is written into a folder of somebody else, not even a lock.
        Self::check_free(path, Self::state(path)?)?;
        std::fs::create_dir_all(path).map_err(FileError::io("create", path))?;
        let lock = FolderLock::acquire(path, WORK)?;
        // Another process may have come and gone between the look and the lock.
        Self::check_free(path, Self::state_without_lock(path)?)?;
        atomic::remove_unfinished(path)?;
        let folder = Self { path: path.to_owned() };
        let source_file = folder.file(SOURCE_FILE);
        match source {
            Some(source) => atomic::write_bytes(&source_file, source.as_bytes())?,
            // Left by a process that was killed before its first checkpoint.
            None if source_file.exists() => {
                std::fs::remove_file(&source_file).map_err(FileError::io("remove", &source_file))?
            }
            None => {}
        }
        atomic::write_bytes(&folder.file(RECIPE_FILE), recipe.as_bytes())?;
        Ok((folder, lock))
    }

    /// Refuses a folder that [`RunFolder::begin`] would refuse at this moment, before any work is done for a run in it.
    ///
    /// # Errors
    /// When another process is at work in the folder, it holds something already, or it cannot be read.
    pub fn check_new(path: &Path) -> Result<()> {
        Self::check_free(path, Self::state(path)?)
    }

    /// Opens the folder of a run that is to go on, and removes what a killed process left half-written. The run is
    /// safe from other processes until the lock is dropped.
    ///
    /// # Errors
    /// When another process is at work in the folder, or there is no run in it that can go on.
    pub fn resume(path: &Path) -> Result<(Self, FolderLock)> {
        let folder = Self::open(path)?;
        let lock = FolderLock::acquire(path, WORK)?;
        let refuse = |reason: &str, hint: &str| Err(refused(path, reason, hint));
        match Self::state_without_lock(path)? {
            FolderState::Interrupted => {}
            FolderState::Finished => {
                // Left by a process that was killed between its last two steps.
                if folder.file(CHECKPOINT_FILE).exists() {
                    folder.remove_checkpoint()?;
                }
                return refuse("this run is finished", "start another one in a new folder");
            }
            _ => {
                let reason = "there is no checkpoint: the run ended before its first step";
                return refuse(reason, "start it again with the same command");
            }
        }
        atomic::remove_unfinished(path)?;
        let note = folder.file(DIVERGED_FILE);
        if note.exists() {
            std::fs::remove_file(&note).map_err(FileError::io("remove", &note))?;
        }
        Ok((folder, lock))
    }

    /// Notes that the run in this folder diverged, for whoever finds it: from its checkpoint it would do so again. A
    /// folder without a checkpoint gets no note.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note_divergence(path: &Path, reason: &str) -> Result<()> {
        if path.join(CHECKPOINT_FILE).is_file() {
            atomic::write_bytes(&path.join(DIVERGED_FILE), format!("{reason}\n").as_bytes())?;
        }
        Ok(())
    }

    /// Whether the run in this folder is noted to have diverged.
    pub fn has_diverged(path: &Path) -> bool {
        path.join(DIVERGED_FILE).is_file()
    }

    /// Opens the folder of a run, finished or not, to read from it.
    ///
    /// # Errors
    /// When there is no run.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Self { path: path.to_owned() };
        if folder.file(RECIPE_FILE).is_file() {
            return Ok(folder);
        }
        let hint = "name the folder that `imagenette train` made: it holds `recipe.toml`";
        Err(refused(path, "no run is here", hint))
    }

    /// In what state a folder is at this moment. Who is at work in it comes before all else.
    ///
    /// # Errors
    /// When it cannot be read, or is not a folder.
    pub fn state(path: &Path) -> Result<FolderState> {
        match FolderLock::holder(path) {
            Some(holder) => Ok(FolderState::Running(holder)),
            None => Self::state_without_lock(path),
        }
    }

    fn state_without_lock(path: &Path) -> Result<FolderState> {
        let entries = match std::fs::read_dir(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(FolderState::Empty),
            entries => entries.map_err(FileError::io("read", path))?,
        };
        let mut names: Vec<std::ffi::OsString> = Vec::new();
        for entry in entries {
            names.push(entry.map_err(FileError::io("read", path))?.file_name());
        }
        names.sort();
        let has = |name: &str| names.iter().any(|known| known == name);
        // A recipe, a lock, a sign of life and unfinished files are what a process leaves that was killed before its
        // first checkpoint: nothing is lost with them.
        let is_nothing = |name: &&std::ffi::OsString| {
            *name == RECIPE_FILE
                || *name == SOURCE_FILE
                || *name == LOCK_FILE
                || *name == HEARTBEAT_FILE
                || atomic::is_unfinished(name.as_os_str())
        };
        Ok(match names.iter().find(|name| !is_nothing(name)) {
            None => FolderState::Empty,
            Some(_) if has(RECIPE_FILE) && has(RECORD_FILE) => FolderState::Finished,
            Some(_) if has(RECIPE_FILE) && has(CHECKPOINT_FILE) => FolderState::Interrupted,
            Some(name) => FolderState::Foreign(name.to_string_lossy().into_owned()),
        })
    }

    fn check_free(path: &Path, state: FolderState) -> Result<()> {
        let other = "choose another folder";
        let (reason, hint) = match state {
            FolderState::Empty => return Ok(()),
            FolderState::Running(holder) => {
                return Err(FileError::InUse { path: path.to_owned(), holder: Some(holder) }.into());
            }
            FolderState::Interrupted => {
                ("holds a run that was interrupted".into(), "go on with `--resume`, or choose another folder")
            }
            FolderState::Finished => ("holds a finished run".into(), other),
            FolderState::Foreign(name) => (format!("is not empty: it holds `{}`", name.escape_debug()), other),
        };
        Err(refused(path, reason, hint))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of the recipe, as it was resolved.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn recipe_text(&self) -> Result<String> {
        let path = self.file(RECIPE_FILE);
        Ok(input::read_text(&path, input::TEXT_BYTES)?)
    }

    /// Removes what a run left that has done nothing yet, and the folder if nothing else is in it.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn discard(&self, lock: FolderLock) -> Result<()> {
        // In this order: should the process be killed here, the run goes on, or what is left counts as nothing.
        for name in [HISTORY_FILE, CHECKPOINT_FILE, SOURCE_FILE, RECIPE_FILE] {
            let path = self.file(name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(FileError::io("remove", &path)(error).into());
                }
                _ => {}
            }
        }
        drop(lock);
        // Somebody else's file may be there, or another process may have come.
        let _ = std::fs::remove_dir(&self.path);
        Ok(())
    }

    /// Removes the checkpoint: the last thing that is done in a run.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_checkpoint(&self) -> Result<()> {
        let path = self.file(CHECKPOINT_FILE);
        Ok(std::fs::remove_file(&path).map_err(FileError::io("remove", &path))?)
    }
}

fn refused(path: &Path, reason: impl Into<String>, hint: &str) -> ResultsError {
    ResultsError::RunFolder { path: path.to_owned(), reason: reason.into(), hint: hint.into() }
}

/// Folders of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundRuns {
    /// Folders of finished runs.
    pub finished: Vec<PathBuf>,
    /// Folders of runs that have not ended.
    pub unfinished: Vec<PathBuf>,
    /// Folders below the one that was named that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// The folders of runs in a folder: itself, or else the ones below it down to a depth, sorted by name. Below a run's
/// folder nothing is looked for, and links to folders are not followed.
///
/// # Errors
/// When the folder itself cannot be read. One below it that cannot is among the unreadable ones.
pub fn find(folder: &Path, depth: u32) -> Result<FoundRuns> {
    let mut found = FoundRuns::default();
    look(folder, depth, &mut found)?;
    Ok(found)
}

fn look(folder: &Path, depth: u32, found: &mut FoundRuns) -> Result<()> {
    if folder.join(RECORD_FILE).exists() {
        found.finished.push(folder.to_owned());
    } else if folder.join(RECIPE_FILE).exists() {
        found.unfinished.push(folder.to_owned());
    } else if depth > 0 {
        let mut below: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(FileError::io("read", folder))? {
            let entry = entry.map_err(FileError::io("read", folder))?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                below.push(entry.path());
            }
        }
        below.sort();
        for folder in below {
            if let Err(error) = look(&folder, depth - 1, found) {
                found.unreadable.push((folder, error.to_string()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use imagenette_files::Hint;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_goes_through_its_states() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("runs/a");
        let state = || RunFolder::state(&path).unwrap();
        assert_eq!(state(), FolderState::Empty);
        let (folder, lock) = RunFolder::begin(&path, "name = 'a'\n", None).unwrap();
        assert!(matches!(state(), FolderState::Running(holder) if holder.starts_with("train, process ")));
        assert_eq!(folder.recipe_text().unwrap(), "name = 'a'\n");
        drop(lock);
        // Killed before its first checkpoint: the same command begins again.
        assert_eq!(state(), FolderState::Empty);
        let error = RunFolder::resume(&path).unwrap_err();
        assert!(error.to_string().contains("no checkpoint"), "{error}");
        std::fs::write(path.join(".writing-abc"), "half").unwrap();
        let (folder, lock) = RunFolder::begin(&path, "name = 'a'\n", None).unwrap();
        assert_eq!(names(&path), [LOCK_FILE, RECIPE_FILE]);
        std::fs::write(folder.file(CHECKPOINT_FILE), "checkpoint").unwrap();
        assert!(matches!(state(), FolderState::Running(_)));
        drop(lock);
        assert_eq!(state(), FolderState::Interrupted);
        let error = RunFolder::begin(&path, "", None).unwrap_err();
        assert!(error.to_string().contains("was interrupted") && error.hint().unwrap().contains("--resume"), "{error}");
        std::fs::write(path.join(".writing-abc"), "half").unwrap();
        let (folder, lock) = RunFolder::resume(&path).unwrap();
        assert_eq!(names(&path), [LOCK_FILE, CHECKPOINT_FILE, RECIPE_FILE]);
        std::fs::write(folder.file(RECORD_FILE), "{}").unwrap();
        folder.remove_checkpoint().unwrap();
        drop(lock);
        assert_eq!(state(), FolderState::Finished);
        assert!(RunFolder::begin(&path, "", None).unwrap_err().to_string().contains("holds a finished run"));
        assert!(RunFolder::resume(&path).unwrap_err().to_string().contains("this run is finished"));
        assert_eq!(names(&path), [RECIPE_FILE, RECORD_FILE], "no lock stays");
    }

    #[test]
    fn a_folder_of_another_program_is_named_and_not_touched() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("thesis.tex"), "\\section").unwrap();
        let error = RunFolder::begin(place.path(), "", None).unwrap_err();
        assert!(error.to_string().contains("is not empty: it holds `thesis.tex`") && error.hint().is_some(), "{error}");
        assert!(RunFolder::open(place.path()).unwrap_err().to_string().contains("no run is here"));
        assert!(RunFolder::resume(place.path()).unwrap_err().to_string().contains("no run is here"));
        // Another program's file of the record's name is no run's record.
        std::fs::write(place.path().join(RECORD_FILE), "{}").unwrap();
        assert_eq!(RunFolder::state(place.path()).unwrap(), FolderState::Foreign(RECORD_FILE.into()));
        assert_eq!(names(place.path()), [RECORD_FILE, "thesis.tex"]);
        let file = place.path().join("thesis.tex");
        assert!(RunFolder::begin(&file, "", None).is_err() && RunFolder::resume(&file).is_err());
    }

    #[test]
    fn of_many_that_begin_at_once_one_gets_the_folder_and_the_others_learn_who_has_it() {
        let place = tempfile::tempdir().unwrap();
        for trial in 0..50 {
            let path = place.path().join(trial.to_string());
            let (together, done) = (Barrier::new(6), Barrier::new(6));
            let contenders: Vec<_> = std::thread::scope(|scope| {
                let begin = |number: u32| {
                    together.wait();
                    let begun = RunFolder::begin(&path, &format!("seed = {number}\n"), None);
                    done.wait();
                    match begun {
                        // The winner's recipe is still its own when all have tried.
                        Ok((folder, _lock)) => {
                            assert_eq!(folder.recipe_text().unwrap(), format!("seed = {number}\n"));
                            None
                        }
                        Err(error) => Some(error.to_string()),
                    }
                };
                let started: Vec<_> = (0..6).map(|number| scope.spawn(move || begin(number))).collect();
                started.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(contenders.iter().filter(|error| error.is_none()).count(), 1, "{contenders:?}");
            assert!(contenders.iter().flatten().all(|error| error.contains("another process is working here")));
        }
    }

    #[test]
    fn runs_are_found_below_a_folder_and_not_below_each_other() {
        let place = tempfile::tempdir().unwrap();
        let make = |folder: &str, file: &str| {
            std::fs::create_dir_all(place.path().join(folder)).unwrap();
            std::fs::write(place.path().join(folder).join(file), "").unwrap();
        };
        make("b/s1", RECORD_FILE);
        make("b/s1/inside", RECORD_FILE);
        make("a", RECORD_FILE);
        make("open", RECIPE_FILE);
        make("deep/er/and/deeper", RECORD_FILE);
        make("notes", "README.md");
        let found = find(place.path(), 2).unwrap();
        assert_eq!(found.finished, ["a", "b/s1"].map(|name| place.path().join(name)));
        assert_eq!(found.unfinished, [place.path().join("open")]);
        assert_eq!(find(&place.path().join("a"), 0).unwrap().finished, [place.path().join("a")]);
        assert_eq!(find(place.path(), 4).unwrap().finished.len(), 3);
        assert!(find(&place.path().join("nothing"), 4).is_err());
    }
}
