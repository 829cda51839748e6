//! `eval`: a run's saved weights evaluated on a val or test split: top-1, and how sure the network is of what is right.

use std::path::Path;
use std::process::ExitCode;

use imagenette_data::class::Class;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::manifest::ImageEntry;
use imagenette_files::hash::sha256;
use imagenette_results::run_folder::{PROBABILITIES_FILE, RunFolder};
use imagenette_results::run_record::Counts;
use imagenette_results::{Run, predictions, probabilities};
use imagenette_train::run::evaluation::EvaluationData;
use imagenette_train::run::saved_network::{NetworkSource, SavedNetwork};

use crate::check::again::Again;
use crate::cli::Eval;
use crate::out_file::OutFile;
use crate::prepared::Preparation;
use crate::progress::Progress;
use crate::scored::{no_split, of_task, score};
use crate::terminal::{Refusal, Terminal, print_json};
use crate::{Program, datasets};

pub(crate) fn run(arguments: &Eval, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    arguments.out.as_deref().map(OutFile::at).transpose()?;
    let folder = RunFolder::open(&arguments.run)?;
    let source = if arguments.changed_source { NetworkSource::Any } else { NetworkSource::OfRun };
    let network = SavedNetwork::of_run(&folder, &preparation.machine.device, program.parts(), source)?;
    let run = Run::read(&arguments.run)?;
    let dataset = match &arguments.dataset {
        Some(named) => datasets::named(named, &preparation.store)?,
        None => datasets::of_run(&run.record, &preparation.store)?,
    };
    check_classes(&arguments.run, &network.head.classes, &dataset)?;
    let split = Split::from(arguments.split);
    // A task may be about some of the classes.
    let of_task = match split {
        Split::Val if run.record.held_out.is_none() => of_task(&run.record, &dataset.manifest)?,
        _ => None,
    };
    let samples = of_task.unwrap_or_else(|| dataset.manifest.samples(split));
    if samples.is_empty() {
        return Err(no_split(&dataset.manifest, split));
    }
    let packed = preparation.pixels(&dataset)?;
    let mut config = network.head.evaluation;
    config.resolution = arguments.resolution.unwrap_or(config.resolution);
    let photos: Vec<&ImageEntry> = samples.iter().map(|&sample| &dataset.manifest.images[sample as usize]).collect();
    let data = EvaluationData::of(&dataset, samples, packed, config, preparation.machine.threads);
    data.check(&network.head.model, network.device())?;
    let predicted = data.predict(&network.model, &network.weights, network.device(), &Progress::of_run(terminal));
    terminal.finish();
    let predicted = predicted?;
    let named = data.name(&predicted, &dataset);
    let hash = match &arguments.out {
        Some(path) => predictions::write(path, &named)?,
        None => sha256(predictions::to_bytes(&named)),
    };
    let path =
        arguments.out.as_ref().map_or_else(|| folder.file(PROBABILITIES_FILE), |path| probabilities::beside(path));
    let probabilities = predicted.as_file(&path, &dataset, &named, &hash)?;
    if let (Some(_), Some(probabilities)) = (&arguments.out, &probabilities) {
        probabilities.write(&path)?;
    }
    let sureness = probabilities.map(|probabilities| probabilities.sureness(&path, &named)).transpose()?;
    let score = score(&arguments.run, &named, &dataset.manifest, &photos)?;
    let counts = Counts { correct: score.correct, total: score.total };
    let again = Again { run: &run, device: network.device(), identity: dataset.manifest.identity(), split, config };
    let compared = again.compare(&named, counts)?;
    if arguments.json {
        print_json(&serde_json::json!({
            "run": arguments.run, "dataset": dataset.manifest.name, "identity": dataset.manifest.identity(),
            "split": split.name(), "resolution": config.resolution, "correct": score.correct, "total": score.total,
            "accuracy": score.accuracy(), "sureness": sureness, "recorded": run.record.result_of_weights(), "compared": compared,
        }))?;
    } else {
        super::score::print_split(split)?;
        super::score::print_score(&score, sureness.as_ref(), &dataset.manifest.classes)?;
    }
    compared.tell(&run, counts, terminal)?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses a dataset whose classes are not the network's.
fn check_classes(run: &Path, known: &[Class], dataset: &Dataset) -> anyhow::Result<()> {
    let wnids = |classes: &[Class]| classes.iter().map(|class| class.wnid.clone()).collect::<Vec<_>>().join(" ");
    let (known, wanted) = (wnids(known), wnids(&dataset.manifest.classes));
    if known == wanted {
        return Ok(());
    }
    Err(Refusal::error(
        format!("{}: its classes are {known}; those of {} are {wanted}", run.display(), dataset.manifest.name),
        "name a dataset with the same classes",
    ))
}
