//! `bench`: how much this machine decodes, packs, loads and trains in a second, on real files.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use imagenette_data::augment::{Augment, Crop, Flip, Strong};
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::image;
use imagenette_data::loader::{BatchRequest, Loader, View, epoch_order};
use imagenette_data::packed::Packed;
use imagenette_files::input;
use imagenette_train::run::watch::{StepReport, TrainWatch};
use serde_json::{Map, Value, json};

use super::{bench_augment, bench_train};
use crate::Program;
use crate::cli::{Bench, BenchPart};
use crate::datasets::{self, Choice};
use crate::interrupt;
use crate::machine::peak_memory_bytes;
use crate::numbers::{bytes, counted, thousands};
use crate::prepared::{Preparation, Prepared};
use crate::terminal::{Terminal, kept_whole_or_not, print, print_json};

/// How long the loader and the trainer are watched at the least.
const WATCHED: Duration = Duration::from_secs(8);
pub(super) const BATCH_SIZE: usize = 64;

/// What was measured: for JSON, and as a line for people.
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) value: Value,
    pub(super) line: String,
}

pub(crate) fn run(arguments: &Bench, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    kept_whole_or_not(measure(arguments, program, terminal))
}

fn measure(arguments: &Bench, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    if arguments.train {
        return bench_train::run(arguments, preparation, terminal);
    }
    let is_wanted = |part: BenchPart| arguments.only.is_empty() || arguments.only.contains(&part);
    // Read before anything is drawn or measured. The trainer is stopped long before the last of these epochs.
    let recipe = match is_wanted(BenchPart::Train) {
        true => Some(preparation.recipe(&arguments.recipe, &[("epochs".into(), "1000".into())])?),
        false => None,
    };
    let threads = preparation.machine.threads;
    let dataset = Choice::of(arguments.dataset.as_deref(), &preparation.store)?.bring(&preparation.store, terminal)?;
    let sample = datasets::sample_of(dataset, arguments.photos as usize);
    let mut results = Map::new();
    results.insert("dataset".into(), json!(sample.manifest.name));
    results.insert("threads".into(), json!(threads));
    let mut add = |measured: Measured| -> anyhow::Result<()> {
        results.insert(measured.name.into(), measured.value);
        if arguments.json { Ok(()) } else { print(&measured.line) }
    };
    if is_wanted(BenchPart::Decode) {
        add(decode(&sample, threads, terminal)?)?;
    }
    // Of interest to few, and half a minute of everybody's.
    let is_augment_wanted = arguments.only.contains(&BenchPart::Augment);
    if [BenchPart::Pack, BenchPart::Load, BenchPart::Train].into_iter().any(is_wanted) || is_augment_wanted {
        let place = datasets::passing_folder(&preparation.store)?;
        let (packed, measured) = pack(&sample, place.path(), threads, terminal)?;
        if is_wanted(BenchPart::Pack) {
            add(measured)?;
        }
        if is_wanted(BenchPart::Load) {
            add(load(&sample, packed.clone(), threads, arguments.resolution, terminal)?)?;
        }
        if is_augment_wanted {
            add(bench_augment::augment(&sample, &packed, threads, arguments.resolution, terminal)?)?;
        }
        if let Some(mut recipe) = recipe {
            // A small sample still fills a batch.
            recipe.batch_size = recipe.batch_size.min(sample.manifest.samples(Split::Train).len() as u32);
            add(train(&preparation.with(recipe, sample, packed), place.path(), terminal)?)?;
        }
    }
    if arguments.json {
        print_json(&results)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn whole(rate: f64) -> String {
    thousands(rate.round() as u64)
}

/// Reads and decodes every photo.
fn decode(sample: &Dataset, threads: usize, terminal: &Terminal) -> anyhow::Result<Measured> {
    terminal.status("decoding");
    let elapsed = seconds_to_decode(sample, threads)?;
    terminal.finish();
    let photos = sample.manifest.images.len();
    let rate = photos as f64 / elapsed;
    let line = format!(
        "decode  {} photos/s  ({}, {} of {})",
        whole(rate),
        counted(threads as u64, "thread"),
        counted(photos as u64, "photo"),
        sample.manifest.name
    );
    let value = json!({ "photos": photos, "seconds": elapsed, "photos_per_second": rate });
    Ok(Measured { name: "decode", value, line })
}

/// Decodes every photo into a packed file.
fn pack(
    sample: &Dataset,
    folder: &Path,
    threads: usize,
    terminal: &Terminal,
) -> anyhow::Result<(Arc<Packed>, Measured)> {
    let began = Instant::now();
    let packed = datasets::pixels(sample, folder, threads, terminal)?;
    let elapsed = began.elapsed().as_secs_f64();
    let (photos, peak) = (sample.manifest.images.len(), peak_memory_bytes());
    let rate = photos as f64 / elapsed;
    let line = format!(
        "pack    {} photos/s  ({}, decode and write {}; peak memory {})",
        whole(rate),
        counted(threads as u64, "thread"),
        bytes(packed.bytes()),
        peak.map_or("unknown".into(), bytes)
    );
    let value = json!({
        "photos": photos, "seconds": elapsed, "photos_per_second": rate, "packed_bytes": packed.bytes(),
        "peak_memory_bytes": peak,
    });
    Ok((packed, Measured { name: "pack", value, line }))
}

/// Makes training batches without training on them.
fn load(
    sample: &Dataset,
    packed: Arc<Packed>,
    threads: usize,
    resolution_px: u32,
    terminal: &Terminal,
) -> anyhow::Result<Measured> {
    terminal.status("loading");
    let (images, elapsed) = images_loaded(sample, packed, threads, resolution_px, None)?;
    terminal.finish();
    let rate = images as f64 / elapsed;
    let line = format!(
        "load    {} images/s  ({}, random resized crops to {resolution_px} px)",
        whole(rate),
        counted(threads as u64, "thread")
    );
    let value = json!({
        "images": images, "seconds": elapsed, "images_per_second": rate, "resolution_px": resolution_px,
    });
    Ok(Measured { name: "load", value, line })
}

/// Trains as `train` does, for a while.
fn train(prepared: &Prepared, place: &Path, terminal: &Terminal) -> anyhow::Result<Measured> {
    let job = prepared.measured_job(place)?;
    let watched = Watched { terminal, began: Mutex::new(None), enough: AtomicBool::new(false), last: Mutex::new(None) };
    imagenette_train::train(&job, &watched)?;
    terminal.finish();
    interrupt::check()?;
    let last = watched.last.into_inner().expect("no thread panics here");
    let report = last.context("a thousand epochs have at least one step")?;
    let (recipe, device) = (&job.recipe.name, job.device.description());
    let line = format!(
        "train   {} images/s  (recipe {recipe} at {} px on {device}, waiting for data {:.0}%)",
        whole(report.images_per_second),
        report.resolution_px,
        100.0 * report.waiting
    );
    let value = json!({
        "recipe": recipe, "device": device, "resolution_px": report.resolution_px, "steps": report.step,
        "images_per_second": report.images_per_second, "waiting": report.waiting,
        "peak_memory_bytes": peak_memory_bytes(),
    });
    Ok(Measured { name: "train", value, line })
}

/// Seconds to read and decode every photo.
fn seconds_to_decode(dataset: &Dataset, threads: usize) -> anyhow::Result<f64> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let began = Instant::now();
    imagenette_files::threads::share(threads, || {
        loop {
            let sample = next.fetch_add(1, Ordering::Relaxed);
            // Who asked is answered after the last thread.
            if interrupt::asked() || sample >= dataset.manifest.images.len() {
                return;
            }
            let path = dataset.path_of(sample as u32);
            let read = input::read(&path, input::PHOTO_BYTES).map_err(imagenette_data::DataError::from);
            if let Err(error) = read.and_then(|bytes| image::decode(&bytes, &path)) {
                *failed.lock().expect("no thread panics here") = Some(error);
                return;
            }
        }
    });
    interrupt::check()?;
    match failed.into_inner().expect("no thread panics here") {
        Some(error) => Err(error.into()),
        None => Ok(began.elapsed().as_secs_f64()),
    }
}

/// How many images were loaded and the seconds that it took, after an epoch that warms up.
pub(super) fn images_loaded(
    dataset: &Dataset,
    packed: Arc<Packed>,
    threads: usize,
    resolution_px: u32,
    strong: Option<Strong>,
) -> anyhow::Result<(usize, f64)> {
    let mut loader = endless(dataset, packed, threads, resolution_px, strong)?;
    for _ in 0..dataset.manifest.images.len().div_ceil(BATCH_SIZE) {
        interrupt::check()?;
        loader.next().context("there are always more requests")??;
    }
    let (began, mut images) = (Instant::now(), 0);
    while began.elapsed() < WATCHED {
        interrupt::check()?;
        images += loader.next().context("there are always more requests")??.samples.len();
    }
    Ok((images, began.elapsed().as_secs_f64()))
}

/// Batches of random resized crops, epoch after epoch without an end.
pub(super) fn endless(
    dataset: &Dataset,
    packed: Arc<Packed>,
    threads: usize,
    resolution_px: u32,
    strong: Option<Strong>,
) -> anyhow::Result<Loader> {
    let samples: Vec<u32> = (0..dataset.manifest.images.len() as u32).collect();
    let augment =
        Augment { crop: Crop::RandomResized { area: [0.35, 1.0], aspect: [0.75, 4.0 / 3.0] }, flip: Flip::Random };
    let requests = (0..).flat_map(move |epoch| {
        let order = epoch_order(&samples, 0, epoch);
        let batches: Vec<Vec<u32>> = order.chunks(BATCH_SIZE).map(<[u32]>::to_vec).collect();
        batches.into_iter().map(move |samples| BatchRequest {
            strong,
            ..BatchRequest::plain(epoch, &samples, resolution_px, View::Train(augment))
        })
    });
    Ok(Loader::new(packed, dataset.labels().into(), 0, threads, Box::new(requests))?)
}

/// Stops a run when it has been watched for long enough, and keeps the report of its last step.
struct Watched<'t> {
    terminal: &'t Terminal,
    began: Mutex<Option<Instant>>,
    enough: AtomicBool,
    last: Mutex<Option<StepReport>>,
}

impl TrainWatch for Watched<'_> {
    fn step(&self, report: &StepReport) {
        let began = *self.began.lock().expect("no thread panics here").get_or_insert_with(Instant::now);
        *self.last.lock().expect("no thread panics here") = Some(*report);
        self.enough.store(began.elapsed() > WATCHED && report.step > 10, Ordering::Relaxed);
        self.terminal.status(&format!("training: step {}", report.step));
    }

    fn interrupted(&self) -> bool {
        self.enough.load(Ordering::Relaxed) || interrupt::asked()
    }
}
