//! A dataset, as Python sees it: fetched or found by its name or folder, its photos decoded once into packed pixels.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use imagenette_data::archive::Archive;
use imagenette_data::dataset::{Dataset, UNLABELED};
use imagenette_data::edition::{Edition, Split};
use imagenette_data::image::{self, Pixels};
use imagenette_data::install::{GetOptions, get, get_drawn, get_from};
use imagenette_data::loader::Buffer;
use imagenette_data::manifest::MANIFEST_FILE;
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_data::watch::Watch;
use imagenette_files::input;
use imagenette_files::nearest::nearest;
use pyo3::prelude::*;

use crate::error::Failure;
use crate::memory::Memory;
use crate::waiting::interruptible;

/// The seed of the drawn set that everybody has.
const DRAWN_SEED: u64 = 0;

/// A dataset's folder, its manifest and, once they are asked for, its packed pixels.
#[pyclass(frozen, module = "imagenette._imagenette")]
pub(crate) struct Data {
    pub(crate) dataset: Arc<Dataset>,
    packed: Mutex<Option<Arc<Packed>>>,
}

impl Data {
    fn of(dataset: Dataset) -> Self {
        Self { dataset: Arc::new(dataset), packed: Mutex::new(None) }
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, Option<Arc<Packed>>> {
        self.packed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The packed pixels: the photos are decoded now if they are not yet.
    pub(crate) fn pixels(
        &self,
        py: Python<'_>,
        threads: usize,
        told: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Arc<Packed>> {
        if let Some(packed) = &*self.opened() {
            return Ok(packed.clone());
        }
        let dataset = self.dataset.clone();
        let packed = interruptible(py, told, move |watch| {
            let folder = Store::open_default()?.packed_folder();
            Ok(Arc::new(Packed::open_or_build(&dataset, &folder, threads, watch)?))
        })?;
        *self.opened() = Some(packed.clone());
        Ok(packed)
    }
}

#[pymethods]
impl Data {
    /// Opens what has this name in the store, or this folder.
    #[staticmethod]
    fn open(py: Python<'_>, named: String) -> PyResult<Self> {
        let dataset = interruptible(py, None, move |_| named_dataset(&named, &Store::open_default()?))?;
        Ok(Self::of(dataset))
    }

    /// Brings a dataset here by its name, or takes in an archive or a folder of photos.
    #[staticmethod]
    #[pyo3(signature = (name, source, force, threads, told))]
    fn get(
        py: Python<'_>,
        name: Option<String>,
        source: Option<PathBuf>,
        force: bool,
        threads: usize,
        told: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let dataset = interruptible(py, told, move |watch| {
            let store = Store::open_default()?;
            let options = GetOptions { force, ..GetOptions::default() };
            bring(name.as_deref(), source.as_deref(), &store, &options, threads, watch)
        })?;
        Ok(Self::of(dataset))
    }

    /// Decodes the photos into one file that is mapped into memory, unless that was done before.
    fn pack(&self, py: Python<'_>, threads: usize, told: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.pixels(py, threads, told).map(drop)
    }

    #[getter]
    fn root(&self) -> PathBuf {
        self.dataset.root.clone()
    }

    #[getter]
    fn name(&self) -> &str {
        &self.dataset.manifest.name
    }

    #[getter]
    fn edition(&self) -> &str {
        self.dataset.manifest.edition.name()
    }

    #[getter]
    fn size(&self) -> &str {
        &self.dataset.manifest.size
    }

    #[getter]
    fn identity(&self, py: Python<'_>) -> String {
        py.detach(|| self.dataset.manifest.identity())
    }

    /// The ids and the names of the classes in the order of their labels.
    #[getter]
    fn classes(&self) -> Vec<(String, String)> {
        self.dataset.manifest.classes.iter().map(|class| (class.wnid.clone(), class.name.clone())).collect()
    }

    /// The sample numbers of a split.
    fn samples(&self, split: &str) -> PyResult<Vec<u32>> {
        Ok(self.dataset.manifest.samples(split_of(split)?))
    }

    /// The label of each sample; -1 where there is none.
    fn labels(&self) -> Vec<i64> {
        let label = |label: u16| if label == UNLABELED { -1 } else { i64::from(label) };
        self.dataset.labels().into_iter().map(label).collect()
    }

    /// The path of a sample's photo below the folder.
    fn path_of(&self, sample: usize) -> PyResult<String> {
        let manifest = &self.dataset.manifest;
        let image = manifest.images.get(sample).ok_or_else(|| self.no_sample(sample))?;
        Ok(manifest.relative_path(image))
    }

    /// The pixels of a sample's photo and their width and height: from the packed file where it is open, else decoded.
    fn photo(&self, py: Python<'_>, sample: usize) -> PyResult<(Memory, u32, u32)> {
        let turned = self.dataset.manifest.images.get(sample).ok_or_else(|| self.no_sample(sample))?.turned;
        let packed = self.opened().clone();
        let pixels = py.detach(|| match packed {
            Some(packed) => {
                let photo = packed.checked_photo(sample as u32)?;
                Ok(Pixels { width_px: photo.width_px, height_px: photo.height_px, rgb: photo.rgb.to_vec() })
            }
            None => {
                let path = self.dataset.path_of(sample as u32);
                let bytes = input::read(&path, input::PHOTO_BYTES)?;
                let mut pixels = Pixels::default();
                image::decode_turned(&bytes, &path, turned, &mut pixels)?;
                Ok::<_, Failure>(pixels)
            }
        })?;
        Ok((Memory::of_bytes(Buffer::from(pixels.rgb), Arc::default()), pixels.width_px, pixels.height_px))
    }
}

impl Data {
    fn no_sample(&self, sample: usize) -> PyErr {
        let count = self.dataset.manifest.images.len();
        let hint = "samples are numbered from 0, as the dataset's manifest lists them";
        Failure::value("sample", format!("a number below {count}"), sample.to_string(), hint).into()
    }
}

/// A split by its name.
pub(crate) fn split_of(name: &str) -> Result<Split, Failure> {
    Split::ALL.into_iter().find(|split| split.name() == name).ok_or_else(|| {
        let names = Split::ALL.map(Split::name);
        let hint = nearest(name, names)
            .map_or("`train` is learned from, `val` is what counts".into(), |near| format!("did you mean `{near}`?"));
        Failure::value("split", format!("one of {}", names.join(", ")), format!("`{name}`"), &hint)
    })
}

fn named_dataset(named: &str, store: &Store) -> Result<Dataset, Failure> {
    let folder = Path::new(named);
    if folder.join(MANIFEST_FILE).is_file() || folder.is_dir() {
        return Ok(Dataset::open(folder)?);
    }
    let installed = store.installed()?;
    if installed.iter().any(|known| known == named) {
        return Ok(Dataset::open(&store.dataset_folder(named))?);
    }
    let hint = match nearest(named, installed.iter().map(String::as_str)) {
        _ if Archive::find(named).is_ok() || named == Edition::Drawn.name() => {
            format!("fetch it with `imagenette.get(\"{named}\")`")
        }
        Some(near) => format!("did you mean `{near}`?"),
        None if installed.is_empty() => "none is installed: `imagenette.get(\"drawn\")` draws one in seconds".into(),
        None => format!("installed are: {}", installed.join(", ")),
    };
    Err(imagenette_data::DataError::Missing { what: "dataset", path: named.into(), hint }.into())
}

fn bring(
    name: Option<&str>,
    source: Option<&Path>,
    store: &Store,
    options: &GetOptions,
    threads: usize,
    watch: &dyn Watch,
) -> Result<Dataset, Failure> {
    let installed = match (name, source) {
        (name, Some(source)) => get_from(source, store, name, options, watch)?,
        (Some(name), None) if name == Edition::Drawn.name() => get_drawn(store, DRAWN_SEED, threads, options, watch)?,
        (Some(name), None) if !options.force && store.installed()?.iter().any(|known| known == name) => {
            return Ok(Dataset::open(&store.dataset_folder(name))?);
        }
        (Some(name), None) => get(name, store, options, watch)?,
        (None, None) => return Err(Failure::value("name", "a dataset's name", "none", "for example \"drawn\"")),
    };
    Ok(installed.dataset)
}
