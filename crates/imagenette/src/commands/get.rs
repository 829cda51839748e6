//! `get`: fetches an official dataset, draws the drawn set, or installs photos from an archive or a folder.

use std::process::ExitCode;

use imagenette_data::archive::{self, Archive};
use imagenette_data::edition::{Edition, Split};
use imagenette_data::install::{GetOptions, get, get_drawn, get_from};
use imagenette_data::intake::IntakeOptions;
use imagenette_data::store::Store;

use crate::cli::Get;
use crate::numbers::{bytes, counted, thousands};
use crate::terminal::{Refusal, Terminal, print, print_json};
use crate::{datasets, machine, terms};

pub(crate) fn run(arguments: &Get, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if arguments.list {
        return list(arguments.json);
    }
    if let (Some(more), None) = (&arguments.unlabeled, &arguments.from) {
        return Err(Refusal::usage(
            format!("--unlabeled {}: expected photos of your own beside it", more.display()),
            "name them with `--from`: `get --from mine/ --unlabeled more/`",
        ));
    }
    let store = Store::open_default()?;
    let intake = IntakeOptions {
        split: arguments.split,
        keep_orientation: arguments.keep_orientation,
        strict: arguments.strict,
        unlabeled: arguments.unlabeled.clone(),
    };
    let (force, keep_archive) = (arguments.force, arguments.keep_archive);
    let options = GetOptions { force, keep_archive, intake, ..GetOptions::default() };
    let installed = match (&arguments.from, arguments.dataset.as_deref()) {
        (Some(path), _) => get_from(path, &store, arguments.name.as_deref(), &options, terminal),
        (None, Some(name)) if name == Edition::Drawn.name() => {
            get_drawn(&store, datasets::DRAWN_SEED, machine::threads(None), &options, terminal)
        }
        (None, name) => {
            let name = name.expect("clap asks for a dataset unless --from or --list is given");
            // An unknown name is answered before anything is said about terms.
            Archive::find(name)?;
            get(name, &store, &options, terminal)
        }
    };
    terminal.finish();
    let installed = installed?;
    let manifest = &installed.dataset.manifest;
    terms::say_once(&store, manifest, terminal);
    if arguments.json {
        print_json(&serde_json::json!({
            "dataset": manifest.name, "edition": manifest.edition, "size": manifest.size, "source": manifest.source,
            "train": manifest.samples(Split::Train).len(), "val": manifest.samples(Split::Val).len(),
            "unsup": manifest.samples(Split::Unsup).len(), "test": manifest.samples(Split::Test).len(),
            "turned": manifest.images.iter().filter(|image| image.turned.is_some()).count(),
            "identity": manifest.identity(), "folder": installed.dataset.root, "was_there": installed.was_there,
        }))?;
    } else {
        let was = if installed.was_there { "is installed already" } else { "is installed" };
        let count = |split| manifest.samples(split).len() as u64;
        let splits = match count(Split::Test) {
            0 => format!("{} train and {}", thousands(count(Split::Train)), counted(count(Split::Val), "val photo")),
            test => format!(
                "{} train, {} val and {}",
                thousands(count(Split::Train)),
                thousands(count(Split::Val)),
                counted(test, "test photo")
            ),
        };
        let splits = match count(Split::Unsup) {
            0 => splits,
            others => format!("{splits} and {} without labels", thousands(others)),
        };
        print(&format!(
            "{} {was}: edition {}, size {}, {splits} ({}) in {}",
            manifest.name,
            manifest.edition,
            manifest.size,
            bytes(manifest.images.iter().map(|image| image.bytes).sum()),
            installed.dataset.root.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An archive that can be fetched, with all that is known of its generations.
fn as_json(archive: &Archive) -> serde_json::Value {
    let generations = archive.generations.iter().map(|known| {
        serde_json::json!({
            "label": known.label, "bytes": known.bytes, "sha256": known.sha256, "md5": known.md5,
        })
    });
    serde_json::json!({
        "name": archive.name, "edition": archive.edition, "size": archive.size, "url": archive.url(),
        "generations": generations.collect::<Vec<_>>(),
    })
}

fn list(json: bool) -> anyhow::Result<ExitCode> {
    if json {
        print_json(&archive::all().iter().map(as_json).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for archive in archive::all() {
        let size = archive.generations.first().map_or(0, |generation| generation.bytes);
        let count = |split| archive.edition.count(split).unwrap_or(0);
        let mut photos =
            format!("{} train, {} val", thousands(count(Split::Train) as u64), thousands(count(Split::Val) as u64));
        if count(Split::Unsup) > 0 {
            photos.push_str(&format!(", {} unsup", thousands(count(Split::Unsup) as u64)));
        }
        print(&format!("{:<18} {:>9}  {photos}", archive.name, bytes(size)))?;
    }
    print(&format!("{:<18} {:>9}  4,000 train, 1,000 val: drawn by this program, no network needed", "drawn", "-"))?;
    Ok(ExitCode::SUCCESS)
}
