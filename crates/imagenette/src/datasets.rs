//! Which dataset a command means: the one that was named, else the best there is; and its photos.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use imagenette_data::DataError;
use imagenette_data::class::Class;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Edition;
use imagenette_data::fetch::FetchOptions;
use imagenette_data::image::{self, Pixels};
use imagenette_data::install::{GetOptions, get, get_drawn};
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_data::watch::{Unit, Watch};
use imagenette_files::atomic::UnfinishedFolder;
use imagenette_files::input;

pub(crate) use crate::found_dataset::{named, of_run, with_identity};
use crate::terminal::Terminal;
use crate::{machine, terms};

/// The seed of the drawn set that everybody has.
pub(crate) const DRAWN_SEED: u64 = 0;
/// What `train` fetches when no Imagenette is installed.
const FETCHED: &str = "imagenette2-160";

/// The best dataset there is: an installed Imagenette, else the small one fetched, else (no network) the drawn set.
pub(crate) fn best(store: &Store, offline: bool, terminal: &Terminal) -> anyhow::Result<Dataset> {
    if let Some(dataset) = best_installed(store)? {
        return Ok(dataset);
    }
    if offline {
        terminal.say("no Imagenette is installed, and --offline rules out fetching one: using the drawn set");
        return drawn(store, terminal);
    }
    // Nobody asked for this download by name, so a machine without network is found out in seconds.
    let fetch = FetchOptions { attempts: 2, connect_timeout: Duration::from_secs(5), ..FetchOptions::default() };
    let fetched = get(FETCHED, store, &GetOptions { fetch, ..GetOptions::default() }, &Quiet(terminal));
    terminal.finish();
    match fetched {
        Ok(installed) => {
            terms::say_once(store, &installed.dataset.manifest, terminal);
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

/// A dataset to look at: one that is here, or the drawn set, whose classes are known before it is drawn.
pub(crate) enum Choice {
    Here(Box<Dataset>),
    ToDraw,
}

impl Choice {
    /// The dataset that was named, else the best that is installed, else the drawn set.
    pub(crate) fn of(name: Option<&str>, store: &Store) -> anyhow::Result<Self> {
        let here = match name {
            Some(name) => Some(named(name, store)?),
            None => best_installed(store)?,
        };
        Ok(here.map_or(Self::ToDraw, |dataset| Self::Here(Box::new(dataset))))
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Here(dataset) => &dataset.manifest.name,
            Self::ToDraw => Edition::Drawn.name(),
        }
    }

    pub(crate) fn classes(&self) -> Vec<Class> {
        match self {
            Self::Here(dataset) => dataset.manifest.classes.clone(),
            Self::ToDraw => Edition::Drawn.classes().expect("what the program draws is known to it"),
        }
    }

    /// The dataset; the drawn set is drawn now if it is not there yet.
    pub(crate) fn bring(self, store: &Store, terminal: &Terminal) -> anyhow::Result<Dataset> {
        match self {
            Self::Here(dataset) => Ok(*dataset),
            Self::ToDraw => drawn(store, terminal),
        }
    }
}

/// The drawn set, drawn now if it is not there yet.
fn drawn(store: &Store, terminal: &Terminal) -> anyhow::Result<Dataset> {
    let installed = get_drawn(store, DRAWN_SEED, machine::threads(None), &GetOptions::default(), terminal);
    terminal.finish();
    Ok(installed?.dataset)
}

/// Progress without the notices of attempts that failed: that there is no network is said once, in one line.
struct Quiet<'t>(&'t Terminal);

impl Watch for Quiet<'_> {
    fn begin(&self, phase: &str, total: Option<u64>, unit: Unit) {
        self.0.begin(phase, total, unit);
    }

    fn advance(&self, amount: u64) {
        self.0.advance(amount);
    }

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}

/// The best installed Imagenette: v2 before v1, and the size whose files are cheapest to decode first.
fn best_installed(store: &Store) -> anyhow::Result<Option<Dataset>> {
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

/// A dataset's pixels from the packed file in a folder; its photos are decoded now if they are not yet.
pub(crate) fn pixels(
    dataset: &Dataset,
    folder: &Path,
    threads: usize,
    terminal: &Terminal,
) -> anyhow::Result<Arc<Packed>> {
    let packed = Packed::open_or_build(dataset, folder, threads, terminal);
    terminal.finish();
    Ok(Arc::new(packed?))
}

/// The pixels of a sample, turned as the network is shown them.
pub(crate) fn photo(dataset: &Dataset, sample: u32) -> anyhow::Result<Pixels> {
    let path = dataset.path_of(sample);
    let bytes = input::read(&path, input::PHOTO_BYTES)?;
    let mut pixels = Pixels::default();
    image::decode_turned(&bytes, &path, dataset.manifest.images[sample as usize].turned, &mut pixels)?;
    Ok(pixels)
}

/// The same for the photo of this path below the dataset; `None` where it is gone or cannot be read.
pub(crate) fn photo_at(dataset: &Dataset, path: &str) -> Option<Pixels> {
    let manifest = &dataset.manifest;
    let sample = manifest.images.iter().position(|image| manifest.relative_path(image) == path)?;
    photo(dataset, sample as u32).ok()
}

/// A part of a dataset with about this many photos, spread evenly over the splits and classes.
pub(crate) fn sample_of(mut dataset: Dataset, photos: usize) -> Dataset {
    let all = dataset.manifest.images.len();
    if photos < all {
        let mut number = 0;
        // Keeps the images at which the running total passes a whole number.
        dataset.manifest.images.retain(|_| {
            number += 1;
            number * photos / all > (number - 1) * photos / all
        });
    }
    dataset
}

/// A folder in the store for what a measurement needs: on the disk that training uses, and removed when this is
/// dropped, or by the next measurement if this one is killed.
pub(crate) fn passing_folder(store: &Store) -> anyhow::Result<UnfinishedFolder> {
    let root = store.root();
    std::fs::create_dir_all(root).map_err(DataError::io("create", root))?;
    Ok(UnfinishedFolder::begin(root)?)
}
