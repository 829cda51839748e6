//! `bench --train`: bare training steps on real photos, the rate that the kernels reach, and where a step's time goes.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use cpu_time::ProcessTime;
use imagenette_data::edition::Split;
use imagenette_data::loader::{Batch, BatchRequest, Loader, MixRequest, View, epoch_order};
use imagenette_train::TrainJob;
use imagenette_train::ops::profile::{self, Part, Profile};
use imagenette_train::study::bare_steps::BareSteps;
use serde_json::{Value, json};

use crate::cli::Bench;
use crate::datasets::{self, Choice};
use crate::interrupt;
use crate::machine::peak_memory_bytes;
use crate::numbers::{bytes, counted, thousands};
use crate::prepared::Preparation;
use crate::recipes::{self, Overrides};
use crate::terminal::{Terminal, print, print_json};

/// Steps that warm the caches and fill the pool of buffers.
const WARM_UP: usize = 2;

/// What was measured.
struct Measured {
    /// Wall and processor seconds of each bare step.
    seconds: Vec<f64>,
    processor_seconds: Vec<f64>,
    /// Where the time of all these steps went.
    spent: Profile,
    /// Seconds of a step while the loader is at work, and of these, waiting for it.
    loaded_seconds: f64,
    waited_seconds: f64,
    peak_memory_bytes: Option<u64>,
}

/// What was measured, for the table and for JSON.
struct About {
    parameters: u64,
    /// What a loop within the registers reaches.
    peak_gflops: f64,
    threads: usize,
}

pub(super) fn run(arguments: &Bench, preparation: Preparation, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let recipe = preparation.recipe(&arguments.recipe, &overrides(arguments)?)?;
    let batch_size = recipe.batch_size as usize;
    let threads = preparation.machine.threads;
    let dataset = Choice::of(arguments.dataset.as_deref(), &preparation.store)?.bring(&preparation.store, terminal)?;
    // Few photos, so that the peak memory is the network's and not the packed file's.
    let sample = datasets::sample_of(dataset, (3 * batch_size).max(256));
    let train = sample.manifest.samples(Split::Train).len();
    anyhow::ensure!(train >= batch_size, "a batch of {batch_size} needs as many train photos, but there are {train}");
    let place = datasets::passing_folder(&preparation.store)?;
    let packed = datasets::pixels(&sample, place.path(), threads, terminal)?;
    let prepared = preparation.with(recipe, sample, packed);
    let job = prepared.measured_job(place.path())?;
    let mut steps = BareSteps::begin(&job)?;
    let measured = measure(&job, &mut steps, arguments.steps as usize, terminal)?;
    terminal.finish();

    let about = About { parameters: steps.parameters(), peak_gflops: steps.peak_gflops(threads), threads };
    if arguments.json {
        print_json(&as_json(&job, &measured, &about))?;
    } else {
        table(&job, &measured, &about).iter().try_for_each(|line| print(line))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The flags as keys and values that are put over the recipe.
fn overrides(arguments: &Bench) -> anyhow::Result<Overrides> {
    let resolution = arguments.resolution.to_string();
    // More epochs than there will be steps.
    let fixed = [("epochs", "1000"), ("resolution", &resolution), ("evaluation.resolution", &resolution)];
    let mut overrides: Overrides = fixed.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    overrides.extend(arguments.batch_size.map(|size| ("batch_size".to_owned(), size.to_string())));
    overrides.extend(recipes::settings(&arguments.set)?);
    Ok(overrides)
}

fn measure(job: &TrainJob, steps: &mut BareSteps, count: usize, terminal: &Terminal) -> anyhow::Result<Measured> {
    // Two batches that alternate, so that no step finds the photos of the one before in a cache.
    let mut few = loader(job)?;
    let batches: Vec<Batch> = few.by_ref().take(2).collect::<Result<_, _>>()?;
    drop(few);
    let check = |loss: f64| -> anyhow::Result<()> {
        interrupt::check()?;
        anyhow::ensure!(loss.is_finite(), "the loss is {loss} after a few steps");
        Ok(())
    };
    for round in 0..WARM_UP {
        terminal.status(&format!("warming up: step {}", round + 1));
        check(steps.step(batches[round % 2].clone())?)?;
    }
    let (mut seconds, mut processor_seconds) = (Vec::new(), Vec::new());
    profile::begin();
    for round in 0..count {
        terminal.status(&format!("bare steps: {} of {count}", round + 1));
        let batch = batches[round % 2].clone();
        let (began, used) = (Instant::now(), ProcessTime::now());
        check(steps.step(batch)?)?;
        seconds.push(began.elapsed().as_secs_f64());
        processor_seconds.push(used.elapsed().as_secs_f64());
    }
    let spent = profile::finish();
    let peak_memory_bytes = peak_memory_bytes();

    let mut loader = loader(job)?;
    let mut next = || loader.next().context("there are always more requests")?.map_err(anyhow::Error::from);
    // The first batches were made while nothing else ran.
    for _ in 0..WARM_UP {
        check(steps.step(next()?)?)?;
    }
    let began = Instant::now();
    let mut waited_seconds = 0.0;
    for round in 0..count {
        terminal.status(&format!("steps with the loader: {} of {count}", round + 1));
        let waits = Instant::now();
        let batch = next()?;
        waited_seconds += waits.elapsed().as_secs_f64();
        check(steps.step(batch)?)?;
    }
    let loaded_seconds = began.elapsed().as_secs_f64() / count as f64;
    waited_seconds /= count as f64;
    Ok(Measured { seconds, processor_seconds, spent, loaded_seconds, waited_seconds, peak_memory_bytes })
}

/// Training batches of the recipe, without end.
fn loader(job: &TrainJob) -> anyhow::Result<Loader> {
    let samples = job.dataset.manifest.samples(Split::Train);
    let (size, view) = (job.recipe.batch_size as usize, View::Train(job.recipe.augment.crop_and_flip(None)));
    let resolution_px = job.recipe.evaluation.resolution;
    // As in the first step of a run.
    let own = job.parts.augmentations_of(&job.recipe)?;
    let (erase, mix) = (job.recipe.erase_at(0.0), job.recipe.mix_at(0.0));
    let (strong, cutout) = (job.recipe.augment.strong, job.recipe.augment.cutout);
    let requests = (0..).flat_map(move |epoch| {
        let order = epoch_order(&samples, 0, epoch);
        let batches: Vec<Vec<u32>> = order.chunks_exact(size).map(<[u32]>::to_vec).collect();
        let own = own.clone();
        batches.into_iter().map(move |samples| BatchRequest {
            epoch,
            passes: None,
            samples,
            resolution_px,
            view,
            view_number: 0,
            own: own.clone(),
            strong,
            cutout,
            erase,
            mix: mix.map(|mix| MixRequest { mix, start: 0 }),
        })
    });
    let labels = job.dataset.labels().into();
    Ok(Loader::new(job.packed.clone(), labels, job.seed, job.loader_threads, Box::new(requests))?)
}

/// The median.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

impl Measured {
    fn count(&self) -> f64 {
        self.seconds.len() as f64
    }

    /// Seconds of a part in a step, and the rate at which it computed, where that is known.
    fn part(&self, part: Part) -> (f64, Option<f64>) {
        let (seconds, flop) = (self.spent.seconds(part), self.spent.flop(part));
        (seconds / self.count(), (flop > 0.0 && seconds > 0.0).then(|| flop / seconds / 1e9))
    }

    fn mean_seconds(&self) -> f64 {
        self.seconds.iter().sum::<f64>() / self.count()
    }

    /// Seconds of a step that no part accounts for.
    fn other_seconds(&self) -> f64 {
        (self.mean_seconds() - self.spent.total_seconds() / self.count()).max(0.0)
    }

    /// Floating-point operations of a step.
    fn flop(&self) -> f64 {
        self.spent.asked_flop / self.count()
    }
}

fn as_json(job: &TrainJob, measured: &Measured, about: &About) -> Value {
    let &About { parameters, peak_gflops: peak, threads } = about;
    let batch = f64::from(job.recipe.batch_size);
    let step = median(&measured.seconds);
    let mut parts: serde_json::Map<String, Value> = Part::ALL
        .into_iter()
        .map(|part| {
            let (seconds, gflops) = measured.part(part);
            (part.name().to_owned(), json!({ "seconds": seconds, "gflops": gflops }))
        })
        .collect();
    parts.insert("other".into(), json!({ "seconds": measured.other_seconds() }));
    parts.insert("loader".into(), json!({ "seconds": measured.waited_seconds }));
    json!({
        "recipe": job.recipe.name, "network": job.recipe.model.name(), "parameters": parameters,
        "device": job.device.description(), "precision": job.device.precision().to_string(), "threads": threads,
        "resolution_px": job.recipe.evaluation.resolution,
        "batch": job.recipe.batch_size, "seconds": measured.seconds, "processor_seconds": measured.processor_seconds,
        "images_per_second": batch / step, "gflop_per_image": measured.flop() / batch / 1e9,
        "gflops": measured.flop() / step / 1e9, "peak_gflops": peak,
        "share_of_peak": measured.flop() / step / 1e9 / peak,
        "parts": parts, "loaded_images_per_second": batch / measured.loaded_seconds,
        "peak_memory_bytes": measured.peak_memory_bytes,
    })
}

fn table(job: &TrainJob, measured: &Measured, about: &About) -> Vec<String> {
    let &About { parameters, peak_gflops: peak, threads } = about;
    let batch = f64::from(job.recipe.batch_size);
    let step = median(&measured.seconds);
    let (least, most) = measured.seconds.iter().fold((f64::MAX, 0.0f64), |(a, b), &x| (a.min(x), b.max(x)));
    let gflops = measured.flop() / step / 1e9;
    let share = |part: f64| format!("{:.0}%", 100.0 * part);
    let row = |name: &str, seconds: f64, gflops: Option<f64>| {
        let rate = gflops.map_or(String::new(), |gflops| format!("{gflops:>10.0} {:>9}", share(gflops / peak)));
        format!("  {name:<26} {:>9.1} {:>7} {rate}", 1e3 * seconds, share(seconds / measured.mean_seconds()))
            .trim_end()
            .to_owned()
    };
    let mut lines = vec![
        format!(
            "{} at {} px, batches of {}, on {}, {}: {} parameters, {:.2} GFLOP per image and step",
            job.recipe.model.name(),
            job.recipe.evaluation.resolution,
            job.recipe.batch_size,
            job.device.description(),
            counted(threads as u64, "thread"),
            thousands(parameters),
            measured.flop() / batch / 1e9,
        ),
        format!(
            "bare step     {:.1} images/s  ({:.0} ms, {:.0} to {:.0}; {:.0} ms of processor time)",
            batch / step,
            1e3 * step,
            1e3 * least,
            1e3 * most,
            1e3 * median(&measured.processor_seconds),
        ),
        format!(
            "rate          {gflops:.0} GFLOP/s, {} of the {peak:.0} that a loop within the registers reaches",
            share(gflops / peak)
        ),
        format!(
            "with loader   {:.1} images/s  ({:.0} ms, waiting {:.1} ms)",
            batch / measured.loaded_seconds,
            1e3 * measured.loaded_seconds,
            1e3 * measured.waited_seconds,
        ),
        format!("peak memory   {}", measured.peak_memory_bytes.map_or("unknown".into(), bytes)),
        String::new(),
        format!("  {:<26} {:>9} {:>7} {:>10} {:>9}", "part of the bare step", "ms", "share", "GFLOP/s", "of peak"),
    ];
    for part in Part::ALL {
        let (seconds, gflops) = measured.part(part);
        lines.push(row(part.name(), seconds, gflops));
    }
    lines.push(row("other", measured.other_seconds(), None));
    lines
}
