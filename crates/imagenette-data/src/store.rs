//! The folder where datasets, packed pixels and downloads are kept, and the names that datasets may have in it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use imagenette_files::lock::FolderLock;

use crate::error::{DataError, Result};
use crate::manifest::MANIFEST_FILE;

/// The environment variable that names the store's folder.
pub const HOME_VARIABLE: &str = "IMAGENETTE_HOME";

/// The folder that holds `datasets/`, `packed/` and `downloads/`. Nothing is created before it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The user's store: `IMAGENETTE_HOME`, else `imagenette` in the platform's cache folder (`$XDG_CACHE_HOME` or
    /// `~/.cache`; `~/Library/Caches` on macOS; `%LOCALAPPDATA%` on Windows).
    ///
    /// # Errors
    /// When the environment names no home folder either, or when the name is relative and the current folder no longer
    /// exists.
    pub fn open_default() -> Result<Self> {
        Self::from_variables(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self> {
        let root = variable(HOME_VARIABLE).or_else(|| {
            let cache = if cfg!(windows) {
                variable("LOCALAPPDATA")
            } else if cfg!(target_os = "macos") {
                variable("HOME").map(|home| home.join("Library/Caches"))
            } else {
                // The XDG specification asks to ignore relative paths.
                let xdg = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
                xdg.or_else(|| variable("HOME").map(|home| home.join(".cache")))
            };
            cache.map(|cache| cache.join("imagenette"))
        });
        let root = root.ok_or_else(|| DataError::Setting {
            key: HOME_VARIABLE.into(),
            expected: "a folder for datasets".into(),
            found: "nothing, and no home folder either".into(),
            hint: format!("set {HOME_VARIABLE} to a folder with a few GB of free space"),
        })?;
        let root = std::path::absolute(&root).map_err(DataError::io("find", &root))?;
        Ok(Self { root })
    }

    /// The store in this folder.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the datasets are, each in its own folder.
    pub fn datasets_folder(&self) -> PathBuf {
        self.root.join("datasets")
    }

    /// Where the packed datasets are.
    pub fn packed_folder(&self) -> PathBuf {
        self.root.join("packed")
    }

    /// Where archives are kept while they are downloaded.
    pub fn downloads_folder(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// The folder of the dataset with this name, whether it exists or not.
    pub fn dataset_folder(&self, name: &str) -> PathBuf {
        self.datasets_folder().join(name)
    }

    /// The names of the datasets that are completely installed, sorted. A folder without a manifest is not a dataset. One
    /// that a killed process was about to replace is brought back.
    ///
    /// # Errors
    /// When the folder exists and cannot be read.
    pub fn installed(&self) -> Result<Vec<String>> {
        let folder = self.datasets_folder();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(DataError::io("list", &folder))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(DataError::io("list", &folder))?;
            if let Ok(name) = entry.file_name().into_string()
                && let Some(name) = name.strip_prefix(REPLACED)
                && check_name(name).is_ok()
                && bring_back(&self.dataset_folder(name))
            {
                names.push(name.to_owned());
            }
            if let Ok(name) = entry.file_name().into_string()
                && check_name(&name).is_ok()
                && entry.path().join(MANIFEST_FILE).is_file()
            {
                names.push(name);
            }
        }
        names.sort();
        // What was brought back may be among the entries that were still to come.
        names.dedup();
        Ok(names)
    }
}

/// How the name begins that a dataset has while another takes its place, where that takes two renames.
const REPLACED: &str = ".replaced-";

/// Where a dataset is while another takes its place.
pub(crate) fn replaced(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!("{REPLACED}{name}"))
}

/// Brings back a dataset whose place is empty since a process was killed between two renames; whether that was so. In
/// a store that cannot be written to, and while somebody is at work there, nothing is done.
fn bring_back(place: &Path) -> bool {
    let is_lost = || !place.exists() && replaced(place).join(MANIFEST_FILE).is_file();
    is_lost()
        && FolderLock::acquire_beside(place, "get")
            .is_ok_and(|_lock| is_lost() && fs::rename(replaced(place), place).is_ok())
}

/// Checks that a dataset's name can be the name of a folder on every system: up to 100 letters, digits, `-`, `_` and
/// `.`, beginning with a letter or digit.
///
/// # Errors
/// When it is anything else.
pub fn check_name(name: &str) -> Result<()> {
    let fits = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 100
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits {
        return Ok(());
    }
    Err(DataError::Setting {
        key: "dataset name".into(),
        expected: "up to 100 letters, digits, `-`, `_` or `.`, beginning with a letter or digit".into(),
        found: format!("`{name}`"),
        hint: "choose another name".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store_of(variables: &[(&str, &str)]) -> Result<Store> {
        Store::from_variables(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_variable_has_precedence_over_the_cache_folder() {
        let store = store_of(&[("IMAGENETTE_HOME", "/data/in"), ("HOME", "/home/ann")]).expect("a store");
        assert_eq!(store.root(), Path::new("/data/in"));
        assert_eq!(store.dataset_folder("imagenette2-160"), Path::new("/data/in/datasets/imagenette2-160"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_cache_folder_follows_the_xdg_rules() {
        let home = ("HOME", "/home/ann");
        assert_eq!(store_of(&[home]).expect("a store").root(), Path::new("/home/ann/.cache/imagenette"));
        let xdg = store_of(&[home, ("XDG_CACHE_HOME", "/cache")]).expect("a store");
        assert_eq!(xdg.root(), Path::new("/cache/imagenette"));
        let relative = store_of(&[home, ("XDG_CACHE_HOME", "cache")]).expect("a store");
        assert_eq!(relative.root(), Path::new("/home/ann/.cache/imagenette"));
    }

    #[test]
    fn without_any_home_folder_the_error_names_the_variable() {
        let error = store_of(&[]).expect_err("there is nowhere to go");
        assert!(error.to_string().contains("IMAGENETTE_HOME"), "{error}");
    }

    #[test]
    fn a_folder_without_a_manifest_is_not_installed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::at(folder.path().to_owned());
        assert_eq!(store.installed().expect("an empty store"), Vec::<String>::new());
        for name in ["whole", "half", ".installing-x"] {
            fs::create_dir_all(store.dataset_folder(name)).expect("a folder");
        }
        for name in ["whole", ".installing-x"] {
            fs::write(store.dataset_folder(name).join(MANIFEST_FILE), "{}").expect("a file");
        }
        assert_eq!(store.installed().expect("a store"), ["whole"]);
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a b", &"x".repeat(101)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("imagenette2-224sq").is_ok());
    }
}
