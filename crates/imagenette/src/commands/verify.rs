//! `verify`: a dataset's folder compared with its manifest, every difference named.

use std::path::PathBuf;
use std::process::ExitCode;

use imagenette_data::DataError;
use imagenette_data::dataset::Dataset;
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_data::watch::{Unit, Watch};
use serde::Serialize;

use crate::cli::Verify;
use crate::datasets;
use crate::numbers::{bytes, counted, thousands};
use crate::terminal::{Refusal, Terminal, print, print_json};

/// How many differences are printed for a dataset; `--json` lists them all.
const SHOWN: usize = 20;

pub(crate) fn run(arguments: &Verify, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let store = Store::open_default()?;
    let datasets = match &arguments.dataset {
        Some(name) => vec![datasets::named(name, &store)?],
        None => {
            let names = store.installed()?;
            names.iter().map(|name| Dataset::open(&store.dataset_folder(name))).collect::<Result<_, _>>()?
        }
    };
    if datasets.is_empty() {
        return Err(Refusal::error("no dataset is installed", "fetch one with `imagenette get imagenette2-160`"));
    }
    let (mut sound, mut photos_sound, mut values, mut damaged) = (true, true, Vec::new(), Vec::new());
    for dataset in &datasets {
        let report = dataset.verify(arguments.deep, terminal)?;
        terminal.finish();
        sound &= report.is_sound();
        let packed = if arguments.deep { Some(packed_pixels(dataset, &store, terminal)?) } else { None };
        sound &= packed.as_ref().is_none_or(|packed| packed.damaged.is_empty());
        let name = &dataset.manifest.name;
        if arguments.json {
            values.push(serde_json::json!({
                "dataset": name, "folder": dataset.root, "identity": dataset.manifest.identity(), "deep": report.deep,
                "photos": report.photos, "bytes": report.bytes, "sound": report.is_sound(),
                "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(), "packed": packed,
            }));
            continue;
        }
        let what = if report.deep { "names, lengths and sha256" } else { "names and lengths" };
        let (photos, size) = (counted(report.photos as u64, "photo"), bytes(report.bytes));
        if report.is_sound() {
            print(&format!("{name}: {photos} ({size}) as the manifest says: {what}"))?;
        } else {
            print(&format!(
                "{name}: {} of {photos} differ from the manifest",
                thousands(report.problems.len() as u64)
            ))?;
            report.problems.iter().take(SHOWN).try_for_each(|problem| print(&format!("  {problem}")))?;
            if report.problems.len() > SHOWN {
                print(&format!("  … and {} more (--json lists all)", report.problems.len() - SHOWN))?;
            }
        }
        if let Some(packed) = packed {
            print(&format!("  {}", packed.in_words()))?;
            damaged.extend((!packed.damaged.is_empty()).then_some(packed.file));
        }
        photos_sound &= report.is_sound();
    }
    if arguments.json {
        print_json(&values)?;
    }
    for file in damaged {
        terminal.say(&format!("hint: delete {}: it is made again when it is needed", file.display()));
    }
    if !photos_sound {
        terminal.say("hint: fetch the dataset again with `imagenette get NAME --force`");
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was found of a dataset's packed pixels.
#[derive(Serialize)]
struct PackedPixels {
    file: PathBuf,
    /// Photos whose pixels were compared with their checksum; 0 where there is no file that would be used.
    photos: usize,
    /// The photos whose pixels are others.
    damaged: Vec<String>,
    /// Why the file would not be used.
    unused: Option<String>,
}

impl PackedPixels {
    fn in_words(&self) -> String {
        match (&self.unused, self.damaged.first()) {
            (Some(unused), _) => format!("packed pixels: {unused}"),
            (None, None) => format!("packed pixels: {} match their checksums", counted(self.photos as u64, "photo")),
            (None, Some(first)) => format!(
                "packed pixels: {} of {} do not match their checksums, the first is {first}",
                thousands(self.damaged.len() as u64),
                counted(self.photos as u64, "photo")
            ),
        }
    }
}

/// Compares a dataset's packed pixels with their checksums.
fn packed_pixels(dataset: &Dataset, store: &Store, terminal: &Terminal) -> anyhow::Result<PackedPixels> {
    let manifest = &dataset.manifest;
    let file = Packed::path_in(&store.packed_folder(), manifest);
    let unused = |file, said: String| PackedPixels { file, photos: 0, damaged: Vec::new(), unused: Some(said) };
    let packed = match Packed::open(&file, manifest) {
        Ok(packed) => packed,
        Err(DataError::Missing { .. }) => return Ok(unused(file, "none yet".into())),
        // Nobody computes with it: it is replaced by whoever opens it next.
        Err(error) if error.is_malformed() => {
            return Ok(unused(file, format!("they will be packed again ({error})")));
        }
        Err(error) => return Err(error.into()),
    };
    terminal.begin("hashing packed pixels", Some(packed.len() as u64), Unit::Photos);
    let damaged = packed.damaged(terminal)?;
    terminal.finish();
    let name = |sample: &u32| manifest.relative_path(&manifest.images[*sample as usize]);
    Ok(PackedPixels { file, photos: packed.len(), damaged: damaged.iter().map(name).collect(), unused: None })
}
