//! `bench`: what this machine decodes, packs, loads and trains in a second, on real files.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use imagenette_data::augment::{Augment, Crop, Flip};
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::image;
use imagenette_data::loader::{BatchRequest, Loader, View, epoch_order};
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_train::device::Device;
use imagenette_train::recipe::Recipe;
use imagenette_train::trainer;
use imagenette_train::watch::{StepReport, TrainWatch};
use serde_json::{Value, json};

use crate::cli::{Bench, BenchPart};
use crate::datasets;
use crate::terminal::{Terminal, bytes, print, print_json, thousands};

/// How long the loader and the trainer are watched at the least.
const WATCHED: Duration = Duration::from_secs(8);
const BATCH_SIZE: usize = 64;

pub(crate) fn run(arguments: &Bench, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (device, threads) = datasets::machine(&arguments.machine)?;
    let store = Store::open_default()?;
    let dataset = match &arguments.dataset {
        Some(named) => datasets::named(named, &store)?,
        None => datasets::best_installed(&store)?.map_or_else(|| datasets::drawn(&store, terminal), Ok)?,
    };
    if arguments.train {
        super::bench_train::run(arguments, dataset, &store, (device, threads), terminal)?;
        return Ok(ExitCode::SUCCESS);
    }
    let sample = sample_of(dataset, arguments.photos as usize);
    let wanted = |part: BenchPart| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut results = serde_json::Map::new();
    let photos = sample.manifest.images.len();
    results.insert("dataset".into(), json!(sample.manifest.name));
    results.insert("threads".into(), json!(threads));
    let mut add = |name: &str, line: String, value: Value| -> anyhow::Result<()> {
        results.insert(name.into(), value);
        if arguments.json { Ok(()) } else { print(&line) }
    };

    if wanted(BenchPart::Decode) {
        terminal.status("decoding");
        let elapsed = decode(&sample, threads)?;
        terminal.finish();
        let rate = photos as f64 / elapsed;
        let line = format!(
            "decode  {} photos/s  ({threads} threads, {} photos of {})",
            whole(rate),
            thousands(photos as u64),
            sample.manifest.name
        );
        add("decode", line, json!({ "photos": photos, "seconds": elapsed, "photos_per_second": rate }))?;
    }
    // A folder of its own in the store, so that the disk is the one that training uses, and nothing stays.
    std::fs::create_dir_all(store.root()).with_context(|| format!("failed to create {}", store.root().display()))?;
    let place = tempfile::Builder::new().prefix(".bench-").tempdir_in(store.root())?;
    let began = Instant::now();
    let packed = Packed::open_or_build(&sample, place.path(), threads, terminal);
    terminal.finish();
    let (packed, elapsed) = (Arc::new(packed?), began.elapsed().as_secs_f64());
    if wanted(BenchPart::Pack) {
        let rate = photos as f64 / elapsed;
        let peak = peak_memory_bytes();
        let line = format!(
            "pack    {} photos/s  ({threads} threads, decode and write {}; peak memory {})",
            whole(rate),
            bytes(packed.bytes()),
            peak.map_or("unknown".into(), bytes)
        );
        let value = json!({ "photos": photos, "seconds": elapsed, "photos_per_second": rate, "packed_bytes": packed.bytes(), "peak_memory_bytes": peak });
        add("pack", line, value)?;
    }
    if wanted(BenchPart::Load) {
        terminal.status("loading");
        let (images, elapsed) = load(&sample, packed.clone(), threads, arguments.resolution)?;
        terminal.finish();
        let rate = images as f64 / elapsed;
        let line = format!(
            "load    {} images/s  ({threads} threads, random resized crops to {} px)",
            whole(rate),
            arguments.resolution
        );
        add(
            "load",
            line,
            json!({ "images": images, "seconds": elapsed, "images_per_second": rate, "resolution_px": arguments.resolution }),
        )?;
    }
    if wanted(BenchPart::Train) {
        let recipe = super::train::read_recipe(Some(&arguments.recipe), &[("epochs".into(), "1000".into())])?;
        let name = recipe.name.clone();
        let device = device.clone().with_precision(recipe.precision)?;
        let report = train(recipe, &sample, packed, threads, &device, place.path(), terminal)?;
        terminal.finish();
        let line = format!(
            "train   {} images/s  (recipe {name} at {} px on {}, waiting for data {:.0}%)",
            whole(report.images_per_second),
            report.resolution_px,
            device.description(),
            100.0 * report.waiting
        );
        let value = json!({
            "recipe": name, "device": device.description(), "resolution_px": report.resolution_px, "steps": report.step,
            "images_per_second": report.images_per_second, "waiting": report.waiting, "peak_memory_bytes": peak_memory_bytes(),
        });
        add("train", line, value)?;
    }
    if arguments.json {
        print_json(&results)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn whole(rate: f64) -> String {
    thousands(rate.round() as u64)
}

/// A dataset of about so many photos, spread evenly over the splits and classes.
pub(super) fn sample_of(mut dataset: Dataset, photos: usize) -> Dataset {
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

/// Seconds to read and decode every photo.
fn decode(dataset: &Dataset, threads: usize) -> anyhow::Result<f64> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let sample = next.fetch_add(1, Ordering::Relaxed);
                    if sample >= dataset.manifest.images.len() {
                        return;
                    }
                    let path = dataset.path_of(sample as u32);
                    let read = std::fs::read(&path).map_err(imagenette_data::DataError::io("read", &path));
                    if let Err(error) = read.and_then(|bytes| image::decode(&bytes, &path)) {
                        *failed.lock().expect("no thread panics here") = Some(error);
                        return;
                    }
                }
            });
        }
    });
    match failed.into_inner().expect("no thread panics here") {
        Some(error) => Err(error.into()),
        None => Ok(began.elapsed().as_secs_f64()),
    }
}

/// Images loaded and the seconds that it took, after an epoch that warms up.
fn load(dataset: &Dataset, packed: Arc<Packed>, threads: usize, resolution_px: u32) -> anyhow::Result<(usize, f64)> {
    let samples: Vec<u32> = (0..dataset.manifest.images.len() as u32).collect();
    let augment =
        Augment { crop: Crop::RandomResized { area: [0.35, 1.0], aspect: [0.75, 4.0 / 3.0] }, flip: Flip::Random };
    let requests = (0..).flat_map(move |epoch| {
        let order = epoch_order(&samples, 0, epoch);
        let batches: Vec<Vec<u32>> = order.chunks(BATCH_SIZE).map(<[u32]>::to_vec).collect();
        batches.into_iter().map(move |samples| BatchRequest {
            epoch,
            samples,
            resolution_px,
            view: View::Train(augment),
        })
    });
    let warm_up = dataset.manifest.images.len().div_ceil(BATCH_SIZE);
    let mut loader = Loader::new(packed, dataset.labels().into(), 0, threads, Box::new(requests))?;
    for _ in 0..warm_up {
        loader.next().context("there are always more requests")??;
    }
    let (began, mut images) = (Instant::now(), 0);
    while began.elapsed() < WATCHED {
        images += loader.next().context("there are always more requests")??.samples.len();
    }
    Ok((images, began.elapsed().as_secs_f64()))
}

/// Stops a run when it has been watched for long enough, and keeps its last step.
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
        self.enough.load(Ordering::Relaxed) || crate::interrupt::asked()
    }
}

fn train(
    mut recipe: Recipe,
    dataset: &Dataset,
    packed: Arc<Packed>,
    threads: usize,
    device: &Device,
    place: &Path,
    terminal: &Terminal,
) -> anyhow::Result<StepReport> {
    // A small sample still fills a batch.
    recipe.batch_size = recipe.batch_size.min(dataset.manifest.samples(Split::Train).len() as u32);
    let job = super::train::unkept_job(recipe, dataset, packed, threads, device, place);
    let watched = Watched { terminal, began: Mutex::new(None), enough: AtomicBool::new(false), last: Mutex::new(None) };
    trainer::train(&job, &watched)?;
    watched.last.into_inner().expect("no thread panics here").context("a thousand epochs have at least one step")
}

/// The most memory that this process ever had resident, where the system says.
pub(super) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
