//! `audit`: what to know of a dataset before trusting it: at a glance on the terminal, and with pictures in a report.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_data::audit::{Audit as Found, AuditOptions, Severity, Subject, audit, report};
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::manifest::MANIFEST_FILE;
use imagenette_data::store::Store;

use crate::cli::Audit;
use crate::numbers::{bytes, counted, thousands};
use crate::out_file::OutFile;
use crate::terminal::{Terminal, print, print_json};
use crate::{datasets, machine};

pub(crate) fn run(arguments: &Audit, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let subject = subject(&arguments.dataset)?;
    let threads = machine::threads(arguments.threads);
    let path = match &arguments.out {
        Some(path) => Some(path.clone()),
        None if arguments.json => None,
        None => Some(PathBuf::from(format!("audit-{}.html", subject.name))),
    };
    let out = path.as_deref().map(OutFile::at).transpose()?;
    let options = AuditOptions { threads, distance: arguments.distance };
    let found = audit(&subject, &options, terminal);
    terminal.finish();
    let found = found?;
    let mut written = None;
    if let (Some(path), Some(out)) = (&path, out) {
        let page = report::html(&found, &subject, threads, terminal);
        terminal.finish();
        let page = page?;
        out.write(page.as_bytes())?;
        written = Some((path, page.len()));
    }
    if arguments.json {
        print_json(&found)?;
    } else {
        summarize(&found)?;
    }
    if let Some((path, length)) = written {
        let line = format!("report: {} ({})", path.display(), bytes(length as u64));
        if arguments.json { terminal.say(&line) } else { print(&line)? }
    }
    Ok(if arguments.strict && !found.is_sound() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// An installed dataset or one in a folder; a folder without a manifest is audited as it is.
fn subject(named: &str) -> anyhow::Result<Subject> {
    let folder = Path::new(named);
    let is_split =
        |entry: &DirEntry| Split::of_folder(&entry.file_name().to_string_lossy()).is_some() && entry.path().is_dir();
    let has_split = std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is_split(&entry)));
    if has_split && !folder.join(MANIFEST_FILE).is_file() {
        return Ok(Subject::of_folder(folder)?);
    }
    let dataset: Dataset = datasets::named(named, &Store::open_default()?)?;
    Ok(Subject::of_dataset(&dataset)?)
}

fn summarize(found: &Found) -> anyhow::Result<()> {
    let splits: Vec<String> =
        found.splits.iter().map(|split| format!("{} {}", thousands(split.photos as u64), split.split.name())).collect();
    print(&format!(
        "{}: {} in {} classes ({}), {}",
        found.name,
        counted(found.photos as u64, "photo"),
        found.classes.len(),
        splits.join(", "),
        bytes(found.splits.iter().map(|split| split.bytes).sum())
    ))?;
    for finding in &found.findings {
        let verdict = match finding.severity {
            Severity::Bad => "bad",
            Severity::Look => "look",
            Severity::Fine => "fine",
        };
        print(&format!("  {verdict:<5} {:<18} {}", finding.subject, finding.text))?;
    }
    Ok(())
}
