//! A run's folder: the names of its files, who may begin in it, and what is needed to go on.

use std::fs::{DirEntry, File, TryLockError};
use std::path::{Path, PathBuf};

use imagenette_data::DataError;
use imagenette_recipe::Recipe;
use imagenette_results::run_record::RECORD_FILE;

use crate::error::{Result, TrainError};
use crate::run::checkpoint::{CHECKPOINT_FILE, Checkpoint, CheckpointHead};

/// The resolved recipe's file name.
pub const RECIPE_FILE: &str = "recipe.toml";
/// The history's file name.
pub const HISTORY_FILE: &str = "history.jsonl";
/// The predictions' file name.
pub const PREDICTIONS_FILE: &str = "predictions.csv";
/// The weights' file name.
pub const WEIGHTS_FILE: &str = "weights.safetensors";

/// A run's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run and writes its recipe.
    ///
    /// # Errors
    /// When the folder holds something already, or cannot be written to.
    pub fn create(path: &Path, recipe: &Recipe) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(DataError::io("create", path))?;
        let mut entries = std::fs::read_dir(path).map_err(DataError::io("read", path))?;
        // A recipe and unfinished files are what a process leaves that was killed before its first checkpoint: nothing is
        // lost with them.
        if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != RECIPE_FILE && !is_unfinished(&entry))) {
            let (reason, hint) = if path.join(CHECKPOINT_FILE).exists() {
                ("holds a run that was interrupted", "go on with `--resume`, or choose another folder")
            } else {
                ("is not empty", "choose another folder")
            };
            return Err(TrainError::RunFolder { path: path.into(), reason: reason.into(), hint: hint.into() });
        }
        let folder = Self { path: path.to_owned() };
        let recipe_path = folder.file(RECIPE_FILE);
        imagenette_data::atomic::write(&recipe_path, |out| {
            std::io::Write::write_all(out, recipe.to_toml().as_bytes()).map_err(DataError::io("write", &recipe_path))
        })?;
        Ok(folder)
    }

    /// Opens the folder of a run, finished or not.
    ///
    /// # Errors
    /// When there is no run.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Self { path: path.to_owned() };
        if folder.file(RECIPE_FILE).is_file() {
            return Ok(folder);
        }
        Err(TrainError::RunFolder {
            path: path.into(),
            reason: "no run is here".into(),
            hint: "name the folder that `imagenette train` made: it holds `recipe.toml`".into(),
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Keeps other processes out until the file that is returned is dropped, and removes what a killed one left. The lock
    /// is on the recipe's file and ends with the process, however it ends.
    ///
    /// # Errors
    /// When another process is at work in the folder.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.file(RECIPE_FILE);
        let file = File::open(&path).map_err(DataError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(TrainError::RunFolder {
                    path: self.path.clone(),
                    reason: "another process is training here".into(),
                    hint: "wait for it to end, or stop it with Ctrl-C".into(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(DataError::io("lock", &path)(error).into()),
        }
        remove_leftovers(&self.path)?;
        Ok(file)
    }

    /// The recipe, as it was resolved.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense.
    pub fn recipe(&self) -> Result<Recipe> {
        let path = self.file(RECIPE_FILE);
        let text = std::fs::read_to_string(&path).map_err(DataError::io("read", &path))?;
        Ok(Recipe::from_toml(&text, &[])?)
    }

    /// The description of the checkpoint that the run can go on from.
    ///
    /// # Errors
    /// When the run is finished, never began, or its checkpoint is damaged.
    pub fn checkpoint(&self) -> Result<CheckpointHead> {
        Ok(self.read_checkpoint()?.head)
    }

    pub(crate) fn read_checkpoint(&self) -> Result<Checkpoint> {
        let path = self.file(CHECKPOINT_FILE);
        if path.exists() {
            return Checkpoint::read(&path);
        }
        let (reason, hint) = if self.file(RECORD_FILE).exists() {
            ("this run is finished", "start another one in a new folder")
        } else {
            ("there is no checkpoint: the run ended before its first step", "start it again in a new folder")
        };
        Err(TrainError::RunFolder { path: self.path.clone(), reason: reason.into(), hint: hint.into() })
    }
}

fn is_unfinished(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(imagenette_data::atomic::UNFINISHED)
}

/// Removes the unfinished files of a process that was killed while it wrote.
fn remove_leftovers(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(DataError::io("read", folder))?.flatten() {
        if is_unfinished(&entry) {
            std::fs::remove_file(entry.path()).map_err(DataError::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}
