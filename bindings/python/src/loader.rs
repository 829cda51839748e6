//! Batches for Python: what is wanted goes in as JSON, batches made by threads come out, the same ones as the
//! program's. Whoever waits lets go of the interpreter and hears Ctrl-C.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imagenette_data::augment::{Erase, EvaluationGeometry, Mix, OwnAugmentations, Plan, plan_evaluation, plan_train};
use imagenette_data::dataset::UNLABELED;
use imagenette_data::loader::{Batch, BatchRequest, Loader, MixRequest, View, balanced_order, epoch_order};
use imagenette_data::random::SampleKey;
use imagenette_files::panics::caught;
use imagenette_recipe::Recipe;
use imagenette_recipe::augment::AugmentConfig;
use imagenette_recipe::plan::{StepPlan, batches};
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use serde::Deserialize;

use crate::dataset::Data;
use crate::error::Failure;
use crate::memory::{Memory, Pool};

/// How often a waiting thread looks up.
const LOOK_UP: Duration = Duration::from_millis(100);

/// What is wanted of one epoch.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The samples, in their order in the manifest.
    samples: Vec<u32>,
    batch_size: usize,
    size: u32,
    seed: u64,
    epoch: u32,
    /// The batch to begin with.
    first: usize,
    shuffle: bool,
    /// Whether each class is drawn equally often.
    balanced: bool,
    drop_last: bool,
    rank: usize,
    world_size: usize,
    /// How training sees samples; where there is none, evaluation's `geometry`.
    augment: Option<AugmentConfig>,
    geometry: Option<EvaluationGeometry>,
    erase: Option<Erase>,
    mix: Option<Mix>,
}

impl Wanted {
    fn read(text: &str) -> Result<Self, Failure> {
        let wanted: Self = serde_json::from_str(text).map_err(|error| {
            let hint = "names and values are those of recipes: see docs/recipes.md";
            Failure::value("augment", "settings of a recipe's `augment`, `erase` and `mix`", error.to_string(), hint)
        })?;
        let (size, world) = (wanted.batch_size, wanted.world_size);
        if size == 0 || world == 0 || !size.is_multiple_of(world) || wanted.rank >= world {
            let expected = format!("a multiple of world_size ({world}), 1 or more, and a rank below it");
            let found = format!("{size} with rank {}", wanted.rank);
            let hint = "batch_size is that of all ranks together: each takes an equal part of every batch";
            return Err(Failure::value("batch_size", expected, found, hint));
        }
        let view = wanted.view()?;
        match view {
            View::Train(augment) => augment.validate()?,
            View::Evaluation(geometry) => geometry.validate()?,
        }
        if let Some(augment) = &wanted.augment {
            augment.validate()?;
        }
        wanted.erase.map_or(Ok(()), |erase| erase.validate())?;
        wanted.mix.map_or(Ok(()), |mix| mix.validate())?;
        Ok(wanted)
    }

    fn view(&self) -> Result<View, Failure> {
        match (self.augment, self.geometry) {
            (Some(augment), None) => Ok(View::Train(augment.crop_and_flip(None))),
            (None, Some(geometry)) => Ok(View::Evaluation(geometry)),
            _ => Err(Failure::value("augment", "an augmentation or a geometry of evaluation", "both or none", "")),
        }
    }

    /// The samples of the epoch in the order in which they are drawn, and each one's pass.
    fn order(&self, labels: &[u16]) -> (Vec<u32>, Option<Vec<u32>>) {
        if self.balanced {
            let label_of = |sample: u32| labels[sample as usize];
            let (order, passes) = balanced_order(&self.samples, label_of, self.samples.len(), self.seed, self.epoch);
            return (order, Some(passes));
        }
        match self.shuffle {
            true => (epoch_order(&self.samples, self.seed, self.epoch), None),
            false => (self.samples.clone(), None),
        }
    }

    fn requests(self, labels: &[u16]) -> Result<impl Iterator<Item = BatchRequest> + Send + use<>, Failure> {
        let view = self.view()?;
        let (order, passes) = self.order(labels);
        let count = if self.drop_last { order.len() / self.batch_size } else { order.len().div_ceil(self.batch_size) };
        let part = self.batch_size / self.world_size;
        let request = move |number: usize| {
            let start = number * self.batch_size + self.rank * part;
            let of_rank = start.min(order.len())..(start + part).min(order.len());
            BatchRequest {
                epoch: self.epoch,
                samples: order[of_rank.clone()].to_vec(),
                passes: passes.as_ref().map(|passes| passes[of_rank].to_vec()),
                resolution_px: self.size,
                view,
                view_number: 0,
                own: OwnAugmentations::default(),
                strong: self.augment.and_then(|augment| augment.strong),
                cutout: self.augment.and_then(|augment| augment.cutout),
                erase: self.erase,
                mix: self.mix.map(|mix| MixRequest { mix, start: start as u32 }),
            }
        };
        Ok((self.first..count).map(request))
    }
}

/// What comes from the thread that makes batches.
enum Message {
    Batch(Box<Batch>),
    Failed(Failure),
    End,
}

/// Batches one after the other.
#[pyclass(frozen, module = "imagenette._imagenette")]
pub(crate) struct Batches {
    receiver: Mutex<Option<Receiver<Message>>>,
    /// Threads do not live on in the copy of a process.
    process: u32,
    pool: Arc<Pool>,
}

/// A batch in pieces: pixels, samples (uint32), labels (int64), side, mixtures (partners, shares), seconds waited.
type Pieces<'py> = (Memory, Bound<'py, PyByteArray>, Bound<'py, PyByteArray>, u32, Option<(Vec<usize>, Vec<f32>)>, f64);

#[pymethods]
impl Batches {
    /// The batches of one epoch.
    #[staticmethod]
    fn of_epoch(py: Python<'_>, data: &Data, wanted: &str, threads: usize) -> PyResult<Self> {
        let wanted = Wanted::read(wanted)?;
        let labels: Arc<[u16]> = data.dataset.labels().into();
        let photos = labels.len() as u32;
        if let Some(sample) = wanted.samples.iter().find(|sample| **sample >= photos) {
            let hint = "take samples from the dataset that they belong to";
            return Err(Failure::value("samples", format!("numbers below {photos}"), sample.to_string(), hint).into());
        }
        let seed = wanted.seed;
        let requests = wanted.requests(&labels)?;
        Self::begin(py, data, labels, seed, threads, Box::new(requests))
    }

    /// The training batches of a recipe from a step (from 0) on: the program's own.
    #[staticmethod]
    fn of_recipe(py: Python<'_>, data: &Data, recipe: &str, seed: u64, first: u64, threads: usize) -> PyResult<Self> {
        let recipe = Recipe::from_toml(recipe, &[]).map_err(Failure::from)?;
        recipe.validate_for(&data.dataset.manifest).map_err(Failure::from)?;
        let split = recipe.split(&data.dataset.manifest).map_err(Failure::from)?;
        let labels: Arc<[u16]> = split.labels(&data.dataset.manifest).into();
        let plan = StepPlan::of(&recipe, recipe.labeled_draws(&split));
        let requests = batches(&recipe, seed, split, labels.clone(), plan, first, OwnAugmentations::default());
        Self::begin(py, data, labels, seed, threads, Box::new(requests))
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Pieces<'py>>> {
        if self.process != std::process::id() {
            let hint = "its threads stayed in the process that made it: begin a new loop over the loader here, or use \
                        the start method `spawn`";
            return Err(Failure::value("loader", "the process that began this loop", "a fork of it", hint).into());
        }
        let began = Instant::now();
        loop {
            let message = py.detach(|| {
                let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
                receiver.as_ref().map_or(Ok(Message::End), |receiver| receiver.recv_timeout(LOOK_UP))
            });
            match message {
                Ok(Message::Batch(batch)) => return self.pieces(py, *batch, began.elapsed().as_secs_f64()).map(Some),
                Ok(Message::Failed(failure)) => {
                    self.close(py);
                    return Err(failure.into());
                }
                Ok(Message::End) => {
                    self.close(py);
                    return Ok(None);
                }
                Err(RecvTimeoutError::Timeout) => py.check_signals()?,
                Err(RecvTimeoutError::Disconnected) => {
                    self.close(py);
                    return Err(Failure::internal("the thread that makes batches ended").into());
                }
            }
        }
    }

    /// Ends the threads.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }
}

impl Batches {
    fn begin(
        py: Python<'_>,
        data: &Data,
        labels: Arc<[u16]>,
        seed: u64,
        threads: usize,
        requests: Box<dyn Iterator<Item = BatchRequest> + Send>,
    ) -> PyResult<Self> {
        let packed = data.pixels(py, threads, None)?;
        let loader = Loader::new(packed, labels, seed, threads, requests).map_err(Failure::from)?;
        // One batch waits here beside those that wait in the loader.
        let (sender, receiver) = sync_channel(1);
        let forward = move || {
            if let Err(panic) = caught(|| hand_on(loader, &sender)) {
                let _ = sender.send(Message::Failed(Failure::internal(&format!("the loader panicked: {panic}"))));
            }
        };
        let spawned = std::thread::Builder::new().name("batches".into()).spawn(forward);
        spawned.map_err(|error| Failure::internal(&format!("a thread cannot be started: {error}")))?;
        Ok(Self { receiver: Mutex::new(Some(receiver)), process: std::process::id(), pool: Arc::default() })
    }

    fn pieces<'py>(&self, py: Python<'py>, batch: Batch, waited: f64) -> PyResult<Pieces<'py>> {
        let Batch { samples, labels, resolution_px, pixels, mixtures } = batch;
        let samples: Vec<u8> = samples.into_iter().flat_map(u32::to_ne_bytes).collect();
        let label = |label: u16| if label == UNLABELED { -1 } else { i64::from(label) };
        let labels: Vec<u8> = labels.into_iter().flat_map(|known| label(known).to_ne_bytes()).collect();
        let mixtures =
            mixtures.map(|mixtures| mixtures.into_iter().map(|mixture| (mixture.partner, mixture.share)).unzip());
        let pixels = Memory::of_bytes(pixels, self.pool.clone());
        let (samples, labels) = (PyByteArray::new(py, &samples), PyByteArray::new(py, &labels));
        Ok((pixels, samples, labels, resolution_px, mixtures, waited))
    }
}

fn hand_on(loader: Loader, sender: &SyncSender<Message>) {
    for batch in loader {
        let message = batch.map_or_else(|error| Message::Failed(error.into()), |batch| Message::Batch(Box::new(batch)));
        // An error means that nobody waits any more.
        if sender.send(message).is_err() {
            return;
        }
    }
    let _ = sender.send(Message::End);
}

/// Where a sample is cut: left, top, width, height and 1 where it is mirrored.
type Cut = (f64, f64, f64, f64, f64);

/// The crops and flips of an epoch for whoever cuts them elsewhere, a row a sample in the order in which they are
/// drawn: (samples, cuts). What changes pixels after the crop is not part of them.
#[pyfunction]
pub(crate) fn plans(data: &Data, wanted: &str) -> PyResult<(Vec<u32>, Vec<Cut>)> {
    let wanted = Wanted::read(wanted)?;
    let (order, passes) = wanted.order(&data.dataset.labels());
    let view = wanted.view()?;
    let cut = |(place, sample): (usize, &u32)| {
        let image = &data.dataset.manifest.images[*sample as usize];
        let epoch = passes.as_ref().map_or(wanted.epoch, |passes| passes[place]);
        let key = SampleKey::new(wanted.seed, epoch, *sample);
        let (width_px, height_px) = (image.width_px, image.height_px);
        let Plan { crop, flip } = match &view {
            View::Train(augment) => plan_train(augment, width_px, height_px, wanted.size, key),
            View::Evaluation(geometry) => plan_evaluation(*geometry, width_px, height_px, wanted.size),
        };
        (crop.left, crop.top, crop.width, crop.height, f64::from(u8::from(flip)))
    };
    let cuts = order.iter().enumerate().map(cut).collect();
    Ok((order, cuts))
}
