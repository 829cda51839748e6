//! The library in thirty lines: draws the drawn set, trains a small network on it for one epoch, and prints its top-1.
//!
//! `cargo run --release -p imagenette-train --example small_run -- FOLDER`: the photos and the run's files go there.

use std::path::PathBuf;
use std::sync::Arc;

use imagenette_data::install::GetOptions;
use imagenette_data::install::get_drawn;
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_data::watch;
use imagenette_train::run::watch::Silent;
use imagenette_train::{Device, Outcome, Recipe, TrainJob, train};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("small-run"), PathBuf::from);
    let threads = std::thread::available_parallelism()?.get();

    // The photos: drawn once, decoded once.
    let store = Store::at(folder.join("store"));
    let dataset = get_drawn(&store, 0, threads, &GetOptions::default(), &watch::Silent)?.dataset;
    let packed = Packed::open_or_build(&dataset, &store.packed_folder(), threads, &watch::Silent)?;

    // What to do: a shipped recipe with some keys changed.
    let changed = [("epochs", "1"), ("model.widths", "[16, 32, 64]"), ("optimizer.learning_rate", "0.05")];
    let changed = changed.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let recipe = Recipe::from_toml(Recipe::shipped_text("default")?, &changed)?;

    let job = TrainJob::new(recipe, &dataset, Arc::new(packed), folder.join("run"), Device::cpu());
    match train(&job, &Silent)? {
        Outcome::Finished(record) => println!("top-1 {:.1}%", 100.0 * record.result.accuracy()),
        Outcome::Interrupted { step, steps } => println!("paused after step {step} of {steps}"),
    }
    Ok(())
}
