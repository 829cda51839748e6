//! `compare` of kept runs: two folders of finished runs, and whether the second is better.

use std::path::Path;
use std::process::ExitCode;

use imagenette_results::comparison::{Decision, Design, Procedure, Runs};
use imagenette_results::run_group::groups;
use imagenette_results::{Run, run_folder};
use serde_json::json;

use crate::cli::Compare;
use crate::terminal::{Refusal, print, print_json};

/// How many levels below a named folder are searched for runs.
const DEPTH: u32 = 6;

pub(crate) fn run(arguments: &Compare) -> anyhow::Result<ExitCode> {
    let (base, idea) = (side(&arguments.base)?, side(&arguments.idea)?);
    // Both sides on the same photos, no seed twice.
    groups(base.iter().chain(&idea).cloned().collect())?;
    let correct = |runs: &[Run]| runs.iter().map(|run| run.record.result.correct).collect::<Vec<u64>>();
    let (base_correct, idea_correct, photos) = (correct(&base), correct(&idea), base[0].record.result.total);
    let procedure = Procedure::new(Design::default())?;
    let comparison =
        procedure.compare(&Runs { correct: &base_correct, photos }, &Runs { correct: &idea_correct, photos })?;
    let look = comparison.last();
    let interval = look.interval();
    let (verdict, status) = match comparison.decision() {
        Decision::Helps => ("helps", 0),
        Decision::NoGain => ("no gain worth having", 10),
        Decision::Hurts => ("hurts", 11),
        _ => ("not clear", 12),
    };
    if arguments.json {
        print_json(&json!({
            "verdict": verdict, "gain": look.test().difference, "interval": [interval.low, interval.high],
            "p": look.test().p(), "baseline_runs": base.len(), "idea_runs": idea.len(),
        }))?;
    } else {
        print(&format!(
            "{verdict}: {:+.2} points ({:.2} to {:.2}), {} + {} runs, p {:.4}",
            100.0 * look.test().difference,
            100.0 * interval.low,
            100.0 * interval.high,
            base.len(),
            idea.len(),
            look.test().p()
        ))?;
    }
    Ok(ExitCode::from(status))
}

/// The runs of a side: of one recipe, each checked.
fn side(folder: &Path) -> anyhow::Result<Vec<Run>> {
    let found = run_folder::find(folder, DEPTH)?.finished;
    let runs = found.iter().map(|run| Ok(Run::read(run)?)).collect::<anyhow::Result<Vec<Run>>>()?;
    match groups(runs)?.as_slice() {
        [only] => Ok(only.runs.clone()),
        found => Err(Refusal::error(
            format!("{}: expected runs of one recipe, found those of {}", folder.display(), found.len()),
            "name the folder in which the runs of one recipe lie",
        )),
    }
}
