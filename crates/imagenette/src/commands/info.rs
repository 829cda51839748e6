//! `info`: which datasets are installed, how much disk is free, and what this machine can compute on.

use std::process::ExitCode;

use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_results::environment::Environment;
use imagenette_train::Device;
use imagenette_train::recipe::precision::PrecisionChoice;
use serde_json::{Value, json};

use crate::cli::Info;
use crate::numbers::{bytes, counted, thousands};
use crate::terminal::{by_name, print, print_json};
use crate::{Program, machine};

pub(crate) fn run(arguments: &Info, program: &Program) -> anyhow::Result<ExitCode> {
    let store = Store::open_default()?;
    let devices = Device::enumerate();
    let best = |name: &str| anyhow::Ok(Device::named(name)?.with_precision(PrecisionChoice::Auto)?);
    let used = best("flex")?.description();
    let threads = machine::threads(None);
    let environment = Environment::observe(program.version(), program.commit(), &used, threads);
    let free = free_bytes(store.root());
    let datasets: Vec<Value> =
        store.installed()?.iter().map(|name| installed(name, &store)).collect::<anyhow::Result<_>>()?;
    if arguments.json {
        print_json(&json!({
            "version": program.full_version(), "store": store.root(), "free_bytes": free, "datasets": datasets,
            "environment": environment, "devices": devices,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&format!("{} {}", program.name(), program.full_version()))?;
    let sets = environment.instruction_sets.join(" ");
    print(&format!(
        "machine    {}; {}; {} memory; {sets}",
        environment.processor,
        counted(environment.cores as u64, "core"),
        bytes(environment.memory_bytes)
    ))?;
    for device in &devices {
        let device = best(device)?;
        print(&format!("device     {} (precision auto: {})", device.description(), device.precision()))?;
    }
    print(&format!("store      {} ({} free)", store.root().display(), free.map_or("?".into(), bytes)))?;
    if datasets.is_empty() {
        let none =
            "datasets   none yet: `imagenette get imagenette2-160` fetches one, `imagenette get drawn` draws one";
        print(&by_name(none, program.name()))?;
    }
    datasets.iter().try_for_each(|dataset| print(&as_text(dataset)))?;
    Ok(ExitCode::SUCCESS)
}

/// What is known of an installed dataset.
fn installed(name: &str, store: &Store) -> anyhow::Result<Value> {
    let dataset = Dataset::open(&store.dataset_folder(name))?;
    let manifest = &dataset.manifest;
    let packed_file = Packed::path_in(&store.packed_folder(), manifest);
    Ok(json!({
        "name": name,
        "edition": manifest.edition,
        "size": manifest.size,
        "train": manifest.samples(Split::Train).len(),
        "val": manifest.samples(Split::Val).len(),
        "unsup": manifest.samples(Split::Unsup).len(),
        "test": manifest.samples(Split::Test).len(),
        "bytes": manifest.images.iter().map(|image| image.bytes).sum::<u64>(),
        "source": manifest.source,
        "identity": manifest.identity(),
        "packed_bytes": std::fs::metadata(packed_file).ok().map(|file| file.len()),
        "folder": dataset.root,
    }))
}

fn as_text(dataset: &Value) -> String {
    let number = |key: &str| dataset[key].as_u64().unwrap_or(0);
    let text = |key: &str| dataset[key].as_str().unwrap_or("?").to_owned();
    let source = &dataset["source"];
    let archive = source["archive"].as_str().or(source["from"].as_str()).unwrap_or("?");
    let test = match number("test") {
        0 => String::new(),
        test => format!(" + {} test", thousands(test)),
    };
    let packed =
        dataset["packed_bytes"].as_u64().map_or("not packed yet".into(), |size| format!("packed {}", bytes(size)));
    format!(
        "dataset    {}: edition {}, size {}, {} train + {} val{test} photos, {}, {packed}; from {archive}",
        text("name"),
        text("edition"),
        text("size"),
        thousands(number("train")),
        thousands(number("val")),
        bytes(number("bytes")),
    )
}

/// Free bytes on the disk of the nearest folder that exists.
fn free_bytes(folder: &std::path::Path) -> Option<u64> {
    let existing = folder.ancestors().find(|folder| folder.exists())?;
    fs4::available_space(existing).ok()
}
