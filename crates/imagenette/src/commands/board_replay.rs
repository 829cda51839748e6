//! `board replay`: a run of an entry trained again, in a folder that is removed afterward, and compared bit by bit.

use std::process::ExitCode;

use imagenette_board::collect::as_run;
use imagenette_data::store::Store;
use imagenette_results::check::Verdict;

use crate::check::run::Ground;
use crate::check::table;
use crate::cli::{BoardReplay, Check};
use crate::terminal::{Terminal, kept_whole_or_not, print, print_json};
use crate::{Program, datasets};

pub(crate) fn run(arguments: &BoardReplay, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    kept_whole_or_not(replayed(arguments, program, terminal))
}

fn replayed(arguments: &BoardReplay, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let store = Store::open_default()?;
    let place = datasets::passing_folder(&store)?;
    let folder = place.path().join(format!("s{}", arguments.seed));
    as_run(&arguments.entry, arguments.seed, &folder)?;
    let check = Check {
        what: vec![folder.display().to_string()],
        replay: true,
        epochs: arguments.epochs,
        dataset: arguments.dataset.clone(),
        machine: arguments.machine.clone(),
        json: arguments.json,
    };
    let ground = Ground::begin(&check, program, terminal)?;
    let found = ground.check(&folder)?;
    let was_compared =
        |about: &str, verdict: &Verdict| about.starts_with("replayed") && matches!(verdict, Verdict::Holds(_));
    let is_same =
        !found.has_failed() && found.findings.iter().any(|finding| was_compared(finding.about, &finding.verdict));
    if arguments.json {
        print_json(&serde_json::json!({
            "entry": arguments.entry, "seed": arguments.seed, "epochs": arguments.epochs, "same_bits": is_same,
            "findings": found.findings,
        }))?;
    } else {
        let shown = arguments.entry.join(format!("s{}", arguments.seed));
        print(&table::of_run(&found).replace(&folder.display().to_string(), &shown.display().to_string()))?;
        print(if is_same { "the same bits" } else { "not the same bits, or not to be compared here" })?;
    }
    if !is_same {
        terminal.say("hint: IMAGENETTE_SIMD=avx2 sets the kernel level of an entry, where this machine has it");
    }
    Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
