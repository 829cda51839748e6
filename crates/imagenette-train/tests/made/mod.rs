//! A dataset that tests make for themselves: three classes of striped photos, told apart by color and direction.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use imagenette_data::dataset::Dataset;
use imagenette_data::intake::folder;
use imagenette_data::manifest::Source;
use imagenette_data::packed::Packed;
use imagenette_data::random::{Purpose, Random};
use imagenette_data::watch::Silent;
use imagenette_train::{Device, Recipe, TrainJob};

const SIDE_PX: u32 = 40;

/// A dataset in a temporary folder, which also has room for runs.
pub(crate) struct Made {
    folder: tempfile::TempDir,
    pub(crate) dataset: Dataset,
    pub(crate) packed: Arc<Packed>,
}

impl Made {
    /// 60 train photos and 30 val photos; another `seed` gives other photos.
    pub(crate) fn new(seed: u64) -> Self {
        Self::of([20; 3], seed)
    }

    /// As many train photos of each class, and 10 val photos.
    pub(crate) fn of(train: [u32; 3], seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("photos");
        for (label, wnid) in ["n01440764", "n02102040", "n02979186"].into_iter().enumerate() {
            for (split, count) in [("train", train[label]), ("val", 10)] {
                let class = root.join(split).join(wnid);
                std::fs::create_dir_all(&class).expect("a folder");
                for number in 0..count {
                    let name = format!("{wnid}_{split}_{number}.JPEG");
                    draw(&class.join(name), label, seed, number + if split == "val" { 1000 } else { 0 });
                }
            }
        }
        let source = Source { from: "made".into(), sha256: None, archive: None };
        let manifest = folder::scan(&root, "made", source, &Silent).expect("a dataset");
        manifest.write(&root).expect("a manifest");
        let dataset = Dataset::open(&root).expect("a dataset");
        let packed = Packed::open_or_build(&dataset, &folder.path().join("packed"), 2, &Silent).expect("packed pixels");
        Self { folder, dataset, packed: Arc::new(packed) }
    }

    /// A place for a run.
    pub(crate) fn run(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A job with this recipe.
    pub(crate) fn job(&self, recipe: &Recipe, name: &str) -> TrainJob<'_> {
        TrainJob {
            loader_threads: 1,
            checkpoint_seconds: f64::INFINITY,
            ..TrainJob::new(recipe.clone(), &self.dataset, self.packed.clone(), self.run(name), Device::cpu())
        }
    }
}

/// A recipe that fits: a fast network of two narrow groups, two stages, 3 epochs of 7 steps, with overrides. A budget
/// among them stands in place of the epochs.
pub(crate) fn recipe(overrides: &[(&str, &str)]) -> Recipe {
    let text = Recipe::shipped_text("default").expect("a shipped recipe");
    let small = [
        ("epochs", "3"),
        ("batch_size", "8"),
        ("resolution", "[{ from = 0.0, px = 24 }, { from = 0.5, px = 32 }]"),
        ("evaluation.resolution", "32"),
        ("model", "{ kind = \"fast\", stem = 8, widths = [8, 16] }"),
    ];
    let has_budget = overrides.iter().any(|(key, _)| key.starts_with("budget"));
    let small = small.iter().filter(|(key, _)| !(has_budget && *key == "epochs"));
    let overrides: Vec<_> =
        small.chain(overrides).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Recipe::from_toml(text, &overrides).expect("a valid recipe")
}

/// Stripes: upright, level or slanting, each class with a color of its own, both disturbed by noise.
fn draw(path: &Path, label: usize, seed: u64, number: u32) {
    let mut random = Random::new(seed, Purpose::Test, label as u32, number);
    let (phase, strength) = (random.uniform(), random.between(40.0, 90.0));
    let mut pixels = Vec::new();
    for y in 0..SIDE_PX {
        for x in 0..SIDE_PX {
            let along = [f64::from(x), f64::from(y), f64::from(x + y)][label] / 8.0 + phase;
            for channel in 0..3 {
                let tint = if channel == label { 40.0 } else { 0.0 };
                let value = 110.0 + tint + strength * (along * std::f64::consts::TAU).sin() + 15.0 * random.normal();
                pixels.push(value.clamp(0.0, 255.0) as u8);
            }
        }
    }
    let encoder = jpeg_encoder::Encoder::new_file(path, 90).expect("a file");
    let side = SIDE_PX as u16;
    encoder.encode(&pixels, side, side, jpeg_encoder::ColorType::Rgb).expect("a photo");
}
