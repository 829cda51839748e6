//! Which dataset and which device a command means: what was named, else the best there is.

use std::path::Path;

use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Edition;
use std::time::Duration;

use imagenette_data::DataError;
use imagenette_data::archive::Archive;
use imagenette_data::fetch::FetchOptions;
use imagenette_data::manifest::MANIFEST_FILE;
use imagenette_data::source::archive::{GetOptions, get};
use imagenette_data::source::drawn::get_drawn;
use imagenette_data::store::Store;
use imagenette_data::watch::Watch;
use imagenette_results::RunRecord;
use imagenette_train::device::Device;

use crate::cli::{Machine, OpsName};
use crate::terminal::{Hint, Terminal};

/// The seed of the drawn set that everybody has.
pub(crate) const DRAWN_SEED: u64 = 0;
/// What `train` fetches when no Imagenette is installed.
const FETCHED: &str = "imagenette2-160";

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
        return Err(Hint::error(
            format!("{name}: expected a dataset with a {MANIFEST_FILE}, found a folder without one"),
            format!("take its photos in with `imagenette get --from {name}`"),
        ));
    }
    let hint = match nearest(name, installed.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if Archive::find(name).is_ok() || name == Edition::Drawn.name() => {
            format!("fetch it with `imagenette get {name}`")
        }
        None if installed.is_empty() => "none is installed yet: fetch one with `imagenette get imagenette2-160`".into(),
        None => format!("installed are: {}", installed.join(", ")),
    };
    Err(Hint::error(format!("dataset not found: `{name}`"), hint))
}

/// The dataset that a run was trained on, recognised by its content's hash.
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
    Err(Hint::error(
        format!("the run's dataset `{name}` (content {}…) is not installed", &identity[..identity.len().min(12)]),
        "fetch it with `imagenette get`, or name a folder with --dataset where the command takes one",
    ))
}

/// The best dataset there is: an installed Imagenette, else the small one fetched, else (no network) the drawn set.
pub(crate) fn best(store: &Store, offline: bool, terminal: &Terminal) -> anyhow::Result<Dataset> {
    if let Some(dataset) = best_installed(store)? {
        return Ok(dataset);
    }
    if offline {
        terminal.say("no Imagenette is installed and --offline forbids to fetch one: using the drawn set");
        return drawn(store, terminal);
    }
    // Nobody asked for this download by name, so a machine without network is found out in seconds.
    let fetch = FetchOptions { attempts: 2, connect_timeout: Duration::from_secs(5), ..FetchOptions::default() };
    let fetched = get(FETCHED, store, &GetOptions { fetch, ..GetOptions::default() }, &Quiet(terminal));
    terminal.finish();
    match fetched {
        Ok(installed) => {
            crate::commands::get::say_terms_once(store, &installed.dataset.manifest, terminal);
            Ok(installed.dataset)
        }
        Err(DataError::Download { reason, .. }) => {
            terminal.say(&format!(
                "no Imagenette is installed and {FETCHED} cannot be fetched ({reason}): using the drawn set"
            ));
            drawn(store, terminal)
        }
        Err(error) => Err(error.into()),
    }
}

/// The drawn set, drawn now if it is not there yet.
pub(crate) fn drawn(store: &Store, terminal: &Terminal) -> anyhow::Result<Dataset> {
    let installed = get_drawn(store, DRAWN_SEED, threads(None), &GetOptions::default(), terminal);
    terminal.finish();
    Ok(installed?.dataset)
}

/// Progress without the notices of tries that failed: that there is no network is said once, in one line.
struct Quiet<'t>(&'t Terminal);

impl Watch for Quiet<'_> {
    fn begin(&self, phase: &str, total: Option<u64>, unit: imagenette_data::watch::Unit) {
        self.0.begin(phase, total, unit);
    }

    fn advance(&self, amount: u64) {
        self.0.advance(amount);
    }

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}

/// The device that was chosen and how many threads; sets the threads for all that computes, once in a process.
pub(crate) fn machine(arguments: &Machine) -> anyhow::Result<(Device, usize)> {
    let device = Device::named(&arguments.device)?;
    let device = if arguments.ops == OpsName::Stock { device.with_stock_ops() } else { device };
    let threads = threads(arguments.threads);
    imagenette_train::device::set_threads(threads)?;
    Ok((device, threads))
}

/// How many threads to use: what was asked for, else one for each core.
pub(crate) fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

/// The best installed Imagenette: v2 before v1, and the size whose files are cheapest to decode first.
pub(crate) fn best_installed(store: &Store) -> anyhow::Result<Option<Dataset>> {
    let mut found = Vec::new();
    for name in store.installed()? {
        let dataset = Dataset::open(&store.dataset_folder(&name))?;
        let edition = match dataset.manifest.edition {
            Edition::ImagenetteV2 => 0,
            Edition::ImagenetteV1 => 1,
            _ => continue,
        };
        let size = match dataset.manifest.size.as_str() {
            "160" => 0,
            "320" => 1,
            "full" => 3,
            _ => 2,
        };
        found.push(((edition, size, name), dataset));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found.into_iter().next().map(|(_, dataset)| dataset))
}

/// The known word that is nearest to what was typed, when it is near enough to be meant.
pub(crate) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| (strsim::damerau_levenshtein(typed, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
