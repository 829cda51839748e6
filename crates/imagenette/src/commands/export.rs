//! `export`: a dataset for other tools.

use std::process::ExitCode;

use imagenette_data::export::{ExportOptions, Target, export};
use imagenette_data::store::Store;

use crate::cli::{Export, ExportTarget};
use crate::datasets;
use crate::terminal::{Terminal, bytes, print, print_json, thousands};

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
            "{}: {} photos in {} files ({}) in {}",
            dataset.manifest.name,
            thousands(exported.photos as u64),
            exported.files.len(),
            bytes(exported.files.iter().map(|file| file.bytes).sum()),
            exported.folder.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
