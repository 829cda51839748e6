//! `verify`: a dataset's folder compared with its manifest, every difference named.

use std::process::ExitCode;

use imagenette_data::dataset::Dataset;
use imagenette_data::store::Store;

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
    let (mut sound, mut values) = (true, Vec::new());
    for dataset in &datasets {
        let report = dataset.verify(arguments.deep, terminal)?;
        terminal.finish();
        sound &= report.is_sound();
        let name = &dataset.manifest.name;
        if arguments.json {
            values.push(serde_json::json!({
                "dataset": name, "folder": dataset.root, "identity": dataset.manifest.identity(), "deep": report.deep,
                "photos": report.photos, "bytes": report.bytes, "sound": report.is_sound(),
                "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
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
    }
    if arguments.json {
        print_json(&values)?;
    }
    if !sound {
        terminal.say("hint: fetch the dataset again with `imagenette get NAME --force`");
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
