//! `score`: top-1 accuracy recomputed from a file of predictions and a dataset's manifest, and the loss where
//! probabilities lie beside it.

use std::process::ExitCode;

use imagenette_data::edition::Split;
use imagenette_data::manifest::{ImageEntry, Manifest};
use imagenette_data::store::Store;
use imagenette_data::{class::Class, dataset::Dataset};
use imagenette_files::hash::sha256;
use imagenette_files::input;
use imagenette_results::prediction_table::{Form, KnownClass, PredictionTable};
use imagenette_results::probabilities::{Probabilities, Sureness};
use imagenette_results::run_folder::PREDICTIONS_FILE;
use imagenette_results::{Prediction, Run, RunRecord, predictions, probabilities, run_record, statistics};

use crate::cli::Score;
use crate::datasets;
use crate::numbers::{counted, thousands};
use crate::out_file::OutFile;
use crate::page::confusion_matrix::{self, frequent_mistakes};
use crate::scored::{Scored, evaluated, score};
use crate::terminal::{Refusal, Terminal, print, print_json};

pub(crate) fn run(arguments: &Score, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if let Some(board) = &arguments.against {
        return super::score_against::run(arguments, board, terminal);
    }
    let out = arguments.out.as_deref().map(|path| OutFile::of_kind(path, "svg")).transpose()?;
    let run = arguments.predictions.is_dir().then_some(arguments.predictions.as_path());
    let split = Split::from(arguments.split);
    if let (Some(run), Split::Test) = (run, split) {
        return Err(Refusal::error(
            format!("{}: a run's own predictions are for val, not for test", run.display()),
            format!(
                "`imagenette eval {0} --split test` scores it; with `--out test.csv` it writes predictions",
                run.display()
            ),
        ));
    }
    let named = arguments.predictions.to_string_lossy();
    if !arguments.predictions.exists() && named.trim_end_matches('%').replacen(',', ".", 1).parse::<f64>().is_ok() {
        let hint = format!("`imagenette score {named} --against board` says where a number would stand");
        return Err(Refusal::usage(format!("expected a run or a file of predictions, found the number {named}"), hint));
    }
    let path = run.map_or_else(|| arguments.predictions.clone(), |run| run.join(PREDICTIONS_FILE));
    let record = match run.or(path.parent()) {
        Some(folder) if folder.join(run_record::RECORD_FILE).is_file() => {
            // A run is checked whole; other predictions in its folder only borrow its dataset.
            let is_its_own = path.file_name().is_some_and(|name| name == PREDICTIONS_FILE);
            Some(if is_its_own { Run::read(folder)?.record } else { RunRecord::read(folder)? })
        }
        _ => None,
    };
    let bytes = input::read(&path, input::TABLE_BYTES)?;
    let table = PredictionTable::read(&path, &bytes)?;
    if split == Split::Val && table.begins_with("test/") {
        let message = format!("{}: the predictions are for the test split, not for val", path.display());
        return Err(Refusal::error(message, "add `--split test`"));
    }
    let dataset = truth(arguments, record.as_ref(), &table)?;
    let held_out = record.as_ref().filter(|_| split == Split::Val).and_then(|record| record.held_out);
    let scored = match record.as_ref().filter(|_| split == Split::Val) {
        Some(record) => evaluated(record, &dataset.manifest)?,
        None => Scored::Split(split).photos(&dataset.manifest)?,
    };
    let (predictions, form) = settled(&table, &dataset.manifest, &scored)?;
    if !form.is_usual() {
        terminal.say(&format!("{}: read as {form}", path.display()));
    }
    let hash = sha256(&bytes);
    let columns = table.probabilities(&predictions, &known_classes(&dataset.manifest), &hash)?;
    let sureness = match columns {
        Some(known) => Some(known.sureness(&path, &predictions)?),
        None => Probabilities::of_predictions(&path, &predictions, &hash)?
            .map(|known| known.sureness(&probabilities::beside(&path), &predictions))
            .transpose()?,
    };
    let score = score(&path, &predictions, &dataset.manifest, &scored)?;
    if arguments.json {
        let record = record.as_ref().map(|record| record.result);
        print_json(&serde_json::json!({
            "predictions": path, "dataset": dataset.manifest.name, "identity": dataset.manifest.identity(),
            "correct": score.correct, "total": score.total, "accuracy": score.accuracy(), "recorded": record,
            "classes": score.classes, "confusion": score.confusion, "held_out": held_out,
            "sureness": sureness, "read": form, "split": split.name(),
        }))?;
    } else {
        print_split(split)?;
        if let Some(held_out) = held_out {
            print(&format!(
                "on {} held out of the train split: for tuning; this is no val accuracy",
                counted(held_out.photos, "photo")
            ))?;
        }
        print_score(&score, sureness.as_ref(), &dataset.manifest.classes)?;
        if arguments.confusion {
            print_confusion(&score.confusion, &dataset.manifest.classes)?;
        }
    }
    if let Some(out) = out {
        let names: Vec<&str> = dataset.manifest.classes.iter().map(|class| class.name.as_str()).collect();
        out.write(confusion_matrix::picture(&score.confusion, &names).as_bytes())?;
    }
    if let (Some(run), Some(record)) = (run, &record)
        && (record.result.correct, record.result.total) != (score.correct, score.total)
    {
        let found = format!("{} of {}", record.result.correct, record.result.total);
        return Err(Refusal::error(
            format!(
                "{}: the record says {found} correct, but its predictions say {} of {}",
                run.display(),
                score.correct,
                score.total
            ),
            "the run's files were changed or mixed with another run's; do not use this result",
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The dataset that predictions are for: the one that was named, else the run's own, else an installed one whose val
/// split fits.
fn truth(arguments: &Score, record: Option<&RunRecord>, table: &PredictionTable) -> anyhow::Result<Dataset> {
    let store = Store::open_default()?;
    if let Some(named) = &arguments.dataset {
        return datasets::named(named, &store);
    }
    if let Some(record) = record {
        return datasets::of_run(record, &store);
    }
    for name in store.installed()? {
        let dataset = Dataset::open(&store.dataset_folder(&name))?;
        let manifest = &dataset.manifest;
        let split = Split::from(arguments.split);
        let of_split = manifest.images.iter().filter(|image| image.split == split);
        if table.begins_with_one_of(&of_split.map(|image| manifest.relative_path(image)).collect::<Vec<_>>()) {
            return Ok(dataset);
        }
    }
    Err(Refusal::error(
        format!("{}: no installed dataset has these samples", arguments.predictions.display()),
        "name the dataset with --dataset NAME or --dataset FOLDER",
    ))
}

/// Says on what a score was measured, where that is not val.
pub(crate) fn print_split(split: Split) -> anyhow::Result<()> {
    if split == Split::Val { Ok(()) } else { print(&format!("on the {} split", split.name())) }
}

/// The predictions of a table for these photos, and how it was read.
fn settled(
    table: &PredictionTable,
    manifest: &Manifest,
    scored: &[&ImageEntry],
) -> anyhow::Result<(Vec<Prediction>, Form)> {
    let samples: Vec<String> = scored.iter().map(|image| manifest.relative_path(image)).collect();
    Ok(table.settle(&samples, &known_classes(manifest))?)
}

/// The classes of a dataset in label order, as predictions may name them.
fn known_classes(manifest: &Manifest) -> Vec<KnownClass<'_>> {
    manifest.classes.iter().map(|class| KnownClass { id: &class.wnid, name: &class.name }).collect()
}

/// Prints top-1 with its counts, loss and probability of what is right where they are known, then each class.
pub(crate) fn print_score(
    score: &predictions::Score,
    sureness: Option<&Sureness>,
    classes: &[Class],
) -> anyhow::Result<()> {
    let error = statistics::accuracy_standard_error(score.correct, score.total).unwrap_or(0.0);
    print(&format!(
        "top-1 {:.2}%  ({} of {}; standard error {:.2} points)",
        100.0 * score.accuracy(),
        thousands(score.correct),
        thousands(score.total),
        100.0 * error
    ))?;
    if let Some(Sureness { cross_entropy, right_probability, .. }) = sureness {
        let right = 100.0 * right_probability;
        print(&format!("cross-entropy {cross_entropy:.4}; the right class is given {right:.2}% on average"))?;
    }
    for (label, class) in classes.iter().enumerate() {
        let (correct, total) = score.of_class(label);
        let share = if total == 0 { 0.0 } else { correct as f64 / total as f64 };
        let line = format!("  {:<18} {:>6.1}%  {correct:>4} of {total:<4}", class.name, 100.0 * share);
        print(line.trim_end())?;
    }
    Ok(())
}

/// Prints what is taken for what: a row for each class, a column for what its photos were taken for, each headed by the
/// first letters of its name; of many classes the most frequent mistakes instead.
fn print_confusion(confusion: &[Vec<u64>], classes: &[Class]) -> anyhow::Result<()> {
    const MATRIX: usize = 20;
    if classes.len() > MATRIX {
        return frequent_mistakes(confusion).iter().try_for_each(|mistake| {
            let (truth, given) = (&classes[mistake.truth].name, &classes[mistake.given].name);
            print(&format!("  {truth} taken for {given}: {} of {}", mistake.count, mistake.of))
        });
    }
    let name = |class: &Class, most: usize| class.name.chars().take(most).collect::<String>();
    let heads: String = classes.iter().map(|class| format!(" {:>4}", name(class, 4))).collect();
    print(&format!("\n  {:<18}{heads}", "taken for"))?;
    for (class, row) in classes.iter().zip(confusion) {
        // A dot where there is none, so that the others are seen.
        let cells = row.iter().map(|count| if *count == 0 { "    ·".into() } else { format!(" {count:>4}") });
        print(&format!("  {:<18}{}", name(class, 18), cells.collect::<String>()))?;
    }
    Ok(())
}
