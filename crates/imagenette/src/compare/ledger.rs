//! The ledger: which ideas were judged against a baseline on val. Each look at val spends some of it, and who tries
//! many ideas will find one that helps by chance; the ledger cannot forbid that, but it counts.

use std::path::{Path, PathBuf};

use imagenette_files::format::Format;
use imagenette_files::input;
use imagenette_files::lock::FolderLock;
use imagenette_files::{FileError, atomic, plain};
use serde::{Deserialize, Serialize};

use crate::interrupt;
use crate::terminal::Refusal;

/// The ledger's file in the store's folder of baselines.
const LEDGER_FILE: &str = "ledger.jsonl";
const FORMAT: Format = Format { name: "imagenette-ledger", oldest: 1, newest: 1 };

/// One verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The baseline: the hash of its recipe or command with that of the dataset.
    pub(super) baseline: String,
    /// The hash of the idea's recipe or command.
    pub(super) idea: String,
    /// Both names.
    pub(super) names: (String, String),
    /// The dataset's name.
    pub(super) dataset: String,
    /// The seeds of the baseline's runs and of the idea's.
    pub(super) seeds: (Vec<u64>, Vec<u64>),
    pub(super) gain: f64,
    pub(super) p: f64,
    pub(super) verdict: String,
    /// When, RFC 3339 in UTC.
    pub(super) date: String,
}

/// The ledger's file below a store's folder of baselines.
pub(super) fn path(baselines: &Path) -> PathBuf {
    baselines.join(LEDGER_FILE)
}

/// Enters a verdict, unless it is there, and says the how manyth idea it is against its baseline.
///
/// # Errors
/// When the ledger is damaged, which names the line, or cannot be written.
pub(super) fn enter(path: &Path, entry: &Entry) -> anyhow::Result<usize> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(FileError::io("create", folder))?;
    let lock = FolderLock::wait_beside(path, "compare", |_| !interrupt::asked())?;
    if lock.is_none() {
        return Err(Refusal::error(
            format!("{}: another process works on it", path.display()),
            "repeat the same command",
        ));
    }
    let mut entries = read(path)?;
    let is_same = |known: &Entry| {
        (&known.baseline, &known.idea, &known.seeds, &known.verdict)
            == (&entry.baseline, &entry.idea, &entry.seeds, &entry.verdict)
    };
    if !entries.iter().any(is_same) {
        entries.push(entry.clone());
        let mut text = format!("{{\"format\":\"{}\",\"version\":{}}}\n", FORMAT.name, FORMAT.newest);
        for entry in &entries {
            text.push_str(&serde_json::to_string(entry)?);
            text.push('\n');
        }
        atomic::write_bytes(path, text.as_bytes())?;
    }
    let mut ideas: Vec<&str> = Vec::new();
    for known in entries.iter().filter(|known| known.baseline == entry.baseline) {
        if !ideas.contains(&known.idea.as_str()) {
            ideas.push(&known.idea);
        }
    }
    Ok(ideas.iter().position(|idea| *idea == entry.idea).map_or(ideas.len(), |place| place + 1))
}

fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = input::read_text(path, input::TABLE_BYTES)?;
    let hint =
        format!("mend or remove that line; the whole ledger may be removed, and counts from 1 then ({LEDGER_FILE})");
    let mut lines = text.lines();
    FORMAT.check_json(path, lines.next().unwrap_or_default(), &hint)?;
    let entry = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let found = plain::json_line_error(number + 2, &error);
            let what = format!("{}: expected a verdict on each line, found {found}", path.display());
            Refusal::error(what, hint.clone())
        })
    };
    lines.enumerate().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(idea: &str, seed: u64) -> Entry {
        Entry {
            baseline: "b".into(),
            idea: idea.into(),
            names: ("base".into(), idea.into()),
            dataset: "made".into(),
            seeds: (vec![1, 2], vec![seed, seed + 1]),
            gain: 0.01,
            p: 0.001,
            verdict: "helps".into(),
            date: "2026-11-27T12:00:00Z".into(),
        }
    }

    #[test]
    fn an_idea_counts_once_however_often_it_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder.path().join("baselines"));
        assert_eq!(enter(&path, &entry("one", 1)).unwrap(), 1);
        assert_eq!(enter(&path, &entry("two", 1)).unwrap(), 2);
        assert_eq!(enter(&path, &entry("one", 1)).unwrap(), 1);
        assert_eq!(enter(&path, &entry("one", 7)).unwrap(), 1, "with other seeds it is the same idea");
        assert_eq!(enter(&path, &Entry { baseline: "other".into(), ..entry("one", 1) }).unwrap(), 1);
        assert_eq!(enter(&path, &entry("three", 1)).unwrap(), 3);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1 + 5, "the same verdict is there once");
    }

    #[test]
    fn a_damaged_line_is_named_and_the_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        enter(&path, &entry("one", 1)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap() + "{\"baseline\":\n";
        std::fs::write(&path, &text).unwrap();
        let error = enter(&path, &entry("two", 1)).unwrap_err().to_string();
        assert!(
            error.contains("ledger.jsonl: expected a verdict on each line") && error.contains("(line 3, "),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        std::fs::write(&path, "no ledger").unwrap();
        let error = enter(&path, &entry("two", 1)).unwrap_err().to_string();
        assert!(error.contains("expected imagenette-ledger version 1"), "{error}");
    }
}
