//! `eval`: a run's saved weights judged on a val split.

use std::process::ExitCode;
use std::sync::Arc;

use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_results::{RunRecord, predictions};
use imagenette_train::evaluation::EvaluationData;
use imagenette_train::run_folder::RunFolder;
use imagenette_train::saved::SavedNetwork;

use crate::cli::Eval;
use crate::datasets;
use crate::progress::Progress;
use crate::terminal::{Hint, Terminal, print_json};

pub(crate) fn run(arguments: &Eval, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (device, threads) = datasets::machine(&arguments.machine)?;
    let store = Store::open_default()?;
    let folder = RunFolder::open(&arguments.run)?;
    let network = SavedNetwork::of_run(&folder, &device)?;
    let dataset = match &arguments.dataset {
        Some(named) => datasets::named(named, &store)?,
        None => datasets::of_run(&RunRecord::read(&arguments.run)?, &store)?,
    };
    let wnids =
        |classes: &[imagenette_data::class::Class]| classes.iter().map(|class| class.wnid.clone()).collect::<Vec<_>>();
    let (known, wanted) = (wnids(&network.head.classes), wnids(&dataset.manifest.classes));
    if known != wanted {
        return Err(Hint::error(
            format!(
                "{}: its classes are {}, those of {} are {}",
                arguments.run.display(),
                known.join(" "),
                dataset.manifest.name,
                wanted.join(" ")
            ),
            "name a dataset with the same classes",
        ));
    }
    let packed = Packed::open_or_build(&dataset, &store.packed_folder(), threads, terminal);
    terminal.finish();
    let mut config = network.head.evaluation;
    config.resolution = arguments.resolution.unwrap_or(config.resolution);
    let data = EvaluationData::new(&dataset, Arc::new(packed?), config, threads);
    let predicted = data.predict(&network.model, &network.weights, network.device(), &Progress::new(terminal));
    terminal.finish();
    let named = data.name(&predicted?, &dataset);
    if let Some(path) = &arguments.out {
        predictions::write(path, &named)?;
    }
    let score = super::score::score_against(&arguments.run, &named, &dataset.manifest)?;
    if arguments.json {
        print_json(&serde_json::json!({
            "run": arguments.run, "dataset": dataset.manifest.name, "identity": dataset.manifest.identity(),
            "resolution": config.resolution, "correct": score.correct, "total": score.total, "accuracy": score.accuracy(),
        }))?;
    } else {
        super::score::print_score(&score, &dataset.manifest.classes, false)?;
    }
    Ok(ExitCode::SUCCESS)
}
