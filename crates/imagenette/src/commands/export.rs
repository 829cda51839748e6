//! `export`: a dataset, or a run's network, for other tools.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_data::export::{ExportOptions, Target, export};
use imagenette_data::store::Store;
use imagenette_results::run_folder::RunFolder;
use imagenette_train::Device;
use imagenette_train::model::onnx::OPERATORS;
use imagenette_train::run::saved_network::{NetworkSource, SavedNetwork};

use crate::cli::{Export, ExportTarget};
use crate::numbers::{bytes, counted};
use crate::out_file::OutFile;
use crate::terminal::{Refusal, Terminal, print, print_json};
use crate::{Program, datasets};

pub(crate) fn run(arguments: &Export, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let target = match arguments.to {
        ExportTarget::Webdataset => Target::Webdataset,
        ExportTarget::Parquet => Target::Parquet,
        ExportTarget::Onnx => return network(arguments, program),
    };
    let Some(out) = arguments.out() else {
        let what = "export: expected the folder to write, found none";
        return Err(Refusal::usage(what, format!("name it: `imagenette export {} FOLDER --to …`", arguments.what)));
    };
    let dataset = datasets::named(&arguments.what, &Store::open_default()?)?;
    let options = ExportOptions {
        target,
        shard_bytes: arguments.shard_size * 1_000_000,
        shuffle_seed: (!arguments.in_order).then_some(arguments.seed),
    };
    let exported = export(&dataset, out, &options, terminal);
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

/// Writes a run's network as ONNX.
fn network(arguments: &Export, program: &Program) -> anyhow::Result<ExitCode> {
    let run = Path::new(&arguments.what);
    let path = arguments.out().map_or_else(|| usual_file(run), Path::to_owned);
    // What is of the network is asked first: a file that cannot be written is another matter.
    let run = RunFolder::open(run)?;
    let network = SavedNetwork::of_run(&run, &Device::cpu(), program.parts(), NetworkSource::OfRun)?;
    let file = network.to_onnx(program.version())?;
    let written = imagenette_train::model::onnx::to_bytes(&file);
    OutFile::at(&path)?.write(&written)?;
    let (px, classes) = (network.head.evaluation.resolution, network.head.classes.len());
    if arguments.json {
        print_json(&serde_json::json!({
            "file": path, "bytes": written.len(), "operators": OPERATORS, "resolution": px,
            "classes": network.head.classes.iter().map(|class| &class.wnid).collect::<Vec<_>>(),
        }))?;
    } else {
        print(&format!(
            "{}: {} at {px} px, {classes} classes ({}), photos [N, 3, {px}, {px}] of RGB in 0..1 to logits [N, {classes}]",
            path.display(),
            network.head.model.name(),
            bytes(written.len() as u64),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The run's name in the current folder.
fn usual_file(run: &Path) -> PathBuf {
    let named = run.canonicalize().ok().and_then(|run| Some(run.file_name()?.to_owned()));
    let mut name = named.unwrap_or_else(|| "network".into());
    name.push(".onnx");
    name.into()
}
