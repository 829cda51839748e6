//! Prints sha256 of the first batches of some epochs and recipes over a dataset, as JSON: what the Python package must
//! give too (`bindings/python/tests/batches.json` has those of the drawn set).
//!
//! `cargo run --release --workspace --example batch_hashes -- DATASET_FOLDER CACHE_FOLDER`

use std::path::Path;
use std::sync::Arc;

use imagenette_data::augment::{Augment, Crop, EvaluationGeometry, Flip, OwnAugmentations};
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::loader::{Batch, BatchRequest, Loader, View, epoch_order};
use imagenette_data::packed::Packed;
use imagenette_data::watch::Silent;
use imagenette_files::hash::sha256;
use imagenette_recipe::Recipe;
use imagenette_recipe::plan::{StepPlan, batches};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Batches of each kind that are hashed.
const BATCHES: usize = 3;
const SEED: u64 = 5;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dataset, cache] = arguments.as_slice() else {
        return Err("name a dataset's folder and a cache folder".into());
    };
    let dataset = Dataset::open(Path::new(dataset))?;
    let packed = Arc::new(Packed::open_or_build(&dataset, Path::new(cache), 2, &Silent)?);
    let labels: Arc<[u16]> = dataset.labels().into();
    let hashes = |labels: Arc<[u16]>, requests: Vec<BatchRequest>| -> Outcome<String> {
        let loader = Loader::new(packed.clone(), labels, SEED, 2, Box::new(requests.into_iter()))?;
        let hashes: Vec<String> = loader.map(|batch| Ok(format!("\"{}\"", hash(&batch?)))).collect::<Outcome<_>>()?;
        Ok(format!("[{}]", hashes.join(", ")))
    };
    println!("{{\"identity\": \"{}\",", dataset.manifest.identity());
    let crop = Crop::RandomResized { area: [0.35, 1.0], aspect: [0.75, 4.0 / 3.0] };
    let train = View::Train(Augment { crop, flip: Flip::Random });
    for epoch in [0, 3] {
        let order = epoch_order(&dataset.manifest.samples(Split::Train), SEED, epoch);
        let requests =
            order.chunks(64).take(BATCHES).map(|samples| BatchRequest::plain(epoch, samples, 96, train)).collect();
        println!("\"crop-flip {epoch}\": {},", hashes(labels.clone(), requests)?);
    }
    let center = View::Evaluation(EvaluationGeometry::Center { ratio: 256.0 / 224.0 });
    let val = dataset.manifest.samples(Split::Val);
    let requests = val.chunks(64).take(BATCHES).map(|samples| BatchRequest::plain(0, samples, 64, center)).collect();
    println!("\"val\": {},", hashes(labels.clone(), requests)?);
    let names = ["default", "epochs-10", "epochs-60", "fast-85"];
    for name in names {
        let recipe = Recipe::from_toml(Recipe::shipped_text(name)?, &[])?;
        let split = recipe.split(&dataset.manifest)?;
        let labels: Arc<[u16]> = split.labels(&dataset.manifest).into();
        let plan = StepPlan::of(&recipe, recipe.labeled_draws(&split));
        let planned = batches(&recipe, SEED, split, labels.clone(), plan, 0, OwnAugmentations::default());
        let end = if name == names[3] { "}" } else { "," };
        println!("\"recipe {name}\": {}{end}", hashes(labels, planned.take(BATCHES).collect())?);
    }
    Ok(())
}

/// Of the pixels, the labels and, where the batch was mixed, of partners and shares.
fn hash(batch: &Batch) -> String {
    let mut bytes = batch.pixels.to_vec();
    bytes.extend(batch.labels.iter().flat_map(|&label| i64::from(label).to_le_bytes()));
    for mixture in batch.mixtures.iter().flatten() {
        bytes.extend((mixture.partner as i64).to_le_bytes());
        bytes.extend(mixture.share.to_le_bytes());
    }
    sha256(bytes)
}
