//! `find-lr`: some steps at growing learning rates, their losses as a plot, and the peak rate to try first.

use std::path::PathBuf;
use std::process::ExitCode;

use imagenette_train::TrainJob;
use imagenette_train::study::learning_rate::{RangeResult, RangeTest, Suggestion};

use crate::cli::FindLr;
use crate::numbers::counted;
use crate::out_file::OutFile;
use crate::plot::draw_rates;
use crate::prepared::Preparation;
use crate::progress::Progress;
use crate::terminal::{Terminal, kept_whole_or_not, print, print_json};
use crate::{Program, recipes};

pub(crate) fn run(arguments: &FindLr, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    let out = OutFile::of_kind(&arguments.out, "svg")?;
    let test = RangeTest { lowest: arguments.lowest, highest: arguments.highest, steps: arguments.steps };
    test.validate()?;
    let mut overrides = recipes::settings(&arguments.set)?;
    overrides.extend(recipes::dataset(arguments.dataset.as_deref()));
    let recipe = preparation.recipe(&arguments.recipe, &overrides)?;
    let dataset = preparation.dataset(&recipe, arguments.offline)?;
    let prepared = preparation.finish(recipe, dataset)?;
    // The test writes nothing, so it needs no folder.
    let job = prepared.job(arguments.seed.unwrap_or(prepared.recipe.seed), PathBuf::new());
    let name = format!("{} on {}", job.recipe.name, job.dataset.manifest.name);
    terminal.say(&format!("testing rates from {:e} to {:e}: {name}", test.lowest, test.highest));
    let result = test.run(&job, &Progress::of_rates(terminal));
    terminal.finish();
    let result = kept_whole_or_not(result.map_err(Into::into))?;
    if let Some(picture) = draw_rates(&result, &name)? {
        out.write(picture.as_bytes())?;
    }
    if arguments.json {
        print_json(&json(arguments, &job, &result))?;
    } else {
        print(&as_text(&result))?;
        print(&arguments.out.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn json(arguments: &FindLr, job: &TrainJob, result: &RangeResult) -> serde_json::Value {
    serde_json::json!({
        "recipe": job.recipe.name, "dataset": job.dataset.manifest.name, "seed": job.seed,
        "suggestions": result.suggestions, "steepest": result.steepest, "points": result.points, "plot": arguments.out,
    })
}

/// With fewer steps a few losses decide, and those of single batches jump about.
const FEW_STEPS: usize = 60;

fn as_text(result: &RangeResult) -> String {
    let few = match result.points.len() {
        steps if steps < FEW_STEPS => {
            format!("\n{} are few: with `--steps 200` less of it is chance", counted(steps as u64, "step"))
        }
        _ => String::new(),
    };
    let steepest = result.steepest.map_or("nowhere".into(), |rate| format!("at {rate:.2e}"));
    let steepest = format!("the loss falls fastest {steepest}");
    match result.suggestions.first() {
        Some(first) => {
            let settings = result.suggestions.iter().map(|Suggestion { key, rate }| format!("--set {key}={rate:.2e}"));
            format!(
                "{steepest}\nthe loss is lowest at {:.2e}\nsuggestion: {} (a third of that rate; {} with one seed){few}",
                result.lowest().unwrap_or(first.rate),
                settings.collect::<Vec<_>>().join(" "),
                counted(result.points.len() as u64, "step")
            )
        }
        None => format!("{steepest}\nno suggestion: the loss diverged immediately; lower --lowest{few}"),
    }
}
