//! `export`: a dataset for other tools.

use std::process::ExitCode;

use imagenette_data::export::{ExportOptions, Target, export};
use imagenette_data::store::Store;

use crate::cli::{Export, ExportTarget};
use crate::datasets;
use crate::numbers::{bytes, counted};
use crate::terminal::{Terminal, print, print_json};

pub(crate) fn run(arguments: &Export, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let dataset = datasets::named(&arguments.dataset, &Store::open_default()?)?;
    let target = match arguments.to {
        ExportTarget::Webdataset => Target::Webdataset,
        ExportTarget::Parquet => Target::Parquet,
    };
    let options = ExportOptions {
        target,
        shard_bytes: arguments.shard_size * 1_000_000,
        shuffle_seed: (!arguments.in_order).then_some(arguments.seed),
    };
    let exported = export(&dataset, &arguments.out, &options, terminal);
    terminal.finish();
    let exported = exported?;
    if arguments.json {
        print_json(&exported)?;
    } else {
        print(&format!(
            "{}: {} in {} ({}) in {}",
            dataset.manifest.name,
            counted(exported.photos as u64, "photo"),
            counted(exported.files.len() as u64, "file"),
            bytes(exported.files.iter().map(|file| file.bytes).sum()),
            exported.folder.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
