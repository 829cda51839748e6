//! `check` of finished runs: what their files say. What only photos, networks and training can tell takes the whole
//! program.

use std::path::PathBuf;
use std::process::ExitCode;

use imagenette_files::Hint;
use imagenette_results::check::{Finding, RunCheck, Twins, Verdict};
use imagenette_results::{Run, run_folder};
use serde_json::json;

use crate::cli::Check;
use crate::numbers::counted;
use crate::terminal::{Refusal, Terminal, print, print_json};

/// How many levels below a named folder are searched for runs.
const DEPTH: u32 = 6;

pub(crate) fn run(arguments: &Check, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for named in &arguments.what {
        folders.extend(run_folder::find(named, DEPTH)?.finished);
    }
    if folders.is_empty() {
        return Err(Refusal::error("expected finished runs, found none", "name folders that `imagenette train` made"));
    }
    let (mut known, mut told, mut failed, mut hint): (Vec<Run>, _, usize, _) = (Vec::new(), Vec::new(), 0, None);
    for folder in &folders {
        let (mut findings, run) = match RunCheck::of(folder) {
            Ok(check) => (check.findings, Some(check.run)),
            Err(error) => (vec![Finding::new("record", Verdict::Fails(error))], None),
        };
        if let Some(run) = run {
            let twins = known.iter().find_map(|known| Twins::of(known, &run));
            findings.extend(twins.map(|twins| Finding::new("other seeds", Verdict::Fails(twins.error()))));
            known.push(run);
        }
        let wrong = |finding: &&Finding| matches!(finding.verdict, Verdict::Fails(_));
        failed += usize::from(findings.iter().any(|finding| wrong(&finding)));
        hint = hint.or_else(|| {
            findings.iter().find_map(|finding| match &finding.verdict {
                Verdict::Fails(error) => error.hint(),
                _ => None,
            })
        });
        if !arguments.json {
            for Finding { about, verdict } in findings.iter().filter(|found| folders.len() == 1 || wrong(found)) {
                print(&format!("{}: {about}: {}: {}", folder.display(), verdict.word(), verdict.said()))?;
            }
        }
        told.push(json!({ "folder": folder.to_string_lossy(), "findings": findings }));
    }
    if arguments.json {
        print_json(&json!({ "runs": told, "failed": failed > 0 }))?;
    } else {
        let said = if failed == 0 { "nothing fails".to_owned() } else { format!("{failed} fail") };
        print(&format!("{}, {said}", counted(folders.len() as u64, "run")))?;
    }
    if let Some(hint) = hint {
        terminal.say(&format!("hint: {hint}"));
    }
    Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
