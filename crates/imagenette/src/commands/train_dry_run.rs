//! `train --dry-run`: how long a run would be on this machine, until when, and what it would cost. Nothing is trained.

use std::process::ExitCode;

use imagenette_results::prices::charged_seconds;
use imagenette_train::TrainJob;

use crate::numbers::{counted, seconds};
use crate::progress::Progress;
use crate::terminal::{Terminal, print, print_json};

/// Says what a run would come to on this machine.
pub(super) fn run(job: &TrainJob, as_json: bool, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let forecast = imagenette_train::run::forecast(job, &Progress::of_run(terminal))?;
    terminal.finish();
    let runs = job.recipe.runs;
    let dollars = job.price.as_ref().map(|price| price.of_seconds(charged_seconds(forecast.seconds)));
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(forecast.seconds as i64);
    if as_json {
        print_json(&serde_json::json!({
            "recipe": job.recipe.name, "dataset": job.dataset.manifest.name, "machine": job.price, "runs": runs,
            "epochs": forecast.passes, "steps": forecast.steps, "seconds": forecast.seconds,
            "allowed_seconds": forecast.allowed, "dollars": dollars, "ends": ends,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (recipe, dataset) = (&job.recipe.name, &job.dataset.manifest.name);
    let budget = job.recipe.budget.map_or(String::new(), |budget| format!(" within {budget}"));
    print(&format!("`{recipe}` on {dataset}{budget}, on this machine:"))?;
    if let Some(price) = &job.price {
        print(&format!("  machine  {} at ${:.4} an hour ({})", price.machine, price.dollars_per_hour, price.source))?;
    }
    print(&format!("  length   {:.2} epochs, {}", forecast.passes, counted(forecast.steps, "step")))?;
    let (of_run, many) =
        (seconds(forecast.seconds), if runs > 1 { format!(", each of {runs} runs") } else { String::new() });
    let allowed = forecast.allowed.map_or(String::new(), |allowed| format!(" of {}", seconds(allowed)));
    print(&format!("  time     {of_run}{allowed}{many}"))?;
    if let Some(dollars) = dollars {
        print(&format!("  cost     ${dollars:.4}{many}"))?;
    }
    let ends = ends.strftime("%Y-%m-%d %H:%M UTC");
    print(&format!("  ends     {ends} if it begins now{}", if runs > 1 { " (the first run)" } else { "" }))?;
    Ok(ExitCode::SUCCESS)
}
