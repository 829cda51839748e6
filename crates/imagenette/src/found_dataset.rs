//! Which installed dataset a command means: by its name or folder, or by the hash of its content.

use std::path::Path;

use imagenette_data::archive::Archive;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Edition;
use imagenette_data::manifest::MANIFEST_FILE;
use imagenette_data::store::Store;
use imagenette_files::hash::short;
use imagenette_files::nearest::nearest;
use imagenette_results::RunRecord;

use crate::terminal::Refusal;

/// The dataset that was named: an installed one, or a folder. A name that is not there is an error, never a fallback.
pub(crate) fn named(name: &str, store: &Store) -> anyhow::Result<Dataset> {
    let folder = Path::new(name);
    if folder.join(MANIFEST_FILE).is_file() {
        return Ok(Dataset::open(folder)?);
    }
    let installed = store.installed()?;
    if installed.iter().any(|known| known == name) {
        return Ok(Dataset::open(&store.dataset_folder(name))?);
    }
    if folder.is_dir() {
        return Err(Refusal::error(
            format!("{name}: expected a dataset with a {MANIFEST_FILE}, found a folder without one"),
            format!("install its photos with `imagenette get --from {name}`"),
        ));
    }
    let can_be_fetched = Archive::find(name).is_ok() || name == Edition::Drawn.name();
    let hint = match nearest(name, installed.iter().map(String::as_str)) {
        _ if can_be_fetched => format!("fetch it with `imagenette get {name}`"),
        Some(near) => format!("did you mean `{near}`?"),
        None if installed.is_empty() => "none is installed yet: fetch one with `imagenette get imagenette2-160`".into(),
        None => format!("installed are: {}", installed.join(", ")),
    };
    Err(Refusal::error(format!("dataset not found: `{name}`"), hint))
}

/// The dataset that a run was trained on, recognized by its content's hash.
pub(crate) fn of_run(record: &RunRecord, store: &Store) -> anyhow::Result<Dataset> {
    with_identity(&record.dataset.identity, &record.dataset.name, store)
}

/// The installed dataset whose content has this hash, whatever its name is now.
pub(crate) fn with_identity(identity: &str, name: &str, store: &Store) -> anyhow::Result<Dataset> {
    for installed in store.installed()? {
        let dataset = Dataset::open(&store.dataset_folder(&installed))?;
        if dataset.manifest.identity() == identity {
            return Ok(dataset);
        }
    }
    Err(Refusal::error(
        format!("the run's dataset `{name}` (content {}…) is not installed", short(identity)),
        "fetch it with `imagenette get`, or name a folder with --dataset where the command takes one",
    ))
}
