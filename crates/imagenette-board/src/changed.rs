//! What a request changes, as git says it: it adds the files of one entry, and touches nothing else.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::board::ENTRIES;
use crate::error::{BoardError, Result};
use crate::fault::Fault;

/// Bytes of git's answer that are read: those of some ten thousand files.
const MOST_BYTES: u64 = 4 << 20;
const HINT: &str = "a request adds the folder of one entry and changes nothing else: put the rest into another request";

/// What a request changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The entry that it adds: `entries/CHALLENGE/NAME`; `None` where it adds none, or several.
    pub entry: Option<String>,
    /// What it changes beside that.
    pub faults: Vec<Fault>,
}

/// Asks git what the checkout in which `board` lies changes since it left a commit, `origin/main` for example.
///
/// # Errors
/// When git is not there, this is no checkout, or the commit is not known.
pub fn since(board: &Path, reference: &str) -> Result<Changed> {
    let is_option = reference.starts_with('-') || reference.is_empty() || reference.contains(char::is_control);
    if is_option {
        let message = format!("--changed-since: expected a branch or commit, found `{}`", reference.escape_debug());
        return Err(BoardError::refused(message, "name what the request goes into: origin/main"));
    }
    let prefix = git(board, &["rev-parse", "--show-prefix"])?;
    let prefix = String::from_utf8_lossy(&prefix).trim_end_matches('\n').to_owned();
    let range = format!("{reference}...HEAD");
    let diff = [
        "diff",
        "--raw",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--no-abbrev",
        "--ignore-submodules=none",
    ];
    let root = git(board, &["rev-parse", "--show-toplevel"])?;
    let root = String::from_utf8_lossy(&root).trim_end_matches('\n').to_owned();
    let answer = git(Path::new(&root), &[&diff[..], &["--end-of-options", &range, "--"]].concat())?;
    Ok(parsed(&answer, &prefix))
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let failed = |what: String| {
        let hint = "run it in a checkout that has the whole history (fetch-depth: 0), with git installed";
        BoardError::refused(format!("git {}: {what}", arguments.first().unwrap_or(&"")), hint)
    };
    // Nothing that a checkout could set is run: no hook, no monitor, no pager.
    let mut child = Command::new("git")
        .args(["--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_EXTERNAL_DIFF")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let mut answer = Vec::new();
    let out = child.stdout.take().expect("it was asked for");
    let read = out.take(MOST_BYTES).read_to_end(&mut answer);
    if answer.len() as u64 == MOST_BYTES {
        // It may write on and on otherwise; what it is told by is that it changes too much.
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed("it names more files than a request may change".into()));
    }
    let ended = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    read.map_err(|error| failed(error.to_string()))?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        return Err(failed(said.lines().next().unwrap_or("failed").to_owned()));
    }
    Ok(answer)
}

/// Reads `git diff --raw -z`: for each file a head with modes and status, and its path.
fn parsed(answer: &[u8], prefix: &str) -> Changed {
    let mut fields = answer.split(|byte| *byte == 0);
    let (mut entries, mut faults) = (BTreeSet::new(), Vec::new());
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        let head = String::from_utf8_lossy(head).into_owned();
        let path = String::from_utf8_lossy(path).into_owned();
        let mut words = head.trim_start_matches(':').split(' ');
        let (_, mode) = (words.next(), words.next().unwrap_or_default().to_owned());
        let status = words.nth(2).unwrap_or_default().to_owned();
        let file = path.strip_prefix(prefix).unwrap_or(&path).to_owned();
        let is_below = path.starts_with(prefix);
        let parts: Vec<&str> = file.split('/').collect();
        let entry = match parts.as_slice() {
            [ENTRIES, challenge, name, _, ..] if is_below => Some(format!("{ENTRIES}/{challenge}/{name}")),
            _ => None,
        };
        let expected = format!("new files below {prefix}{ENTRIES}/CHALLENGE/NAME alone");
        match (&entry, status.as_str()) {
            (None, _) => faults.push(Fault::new(&file, expected, "a file elsewhere", HINT)),
            (Some(_), "A") => {}
            (Some(_), status) => {
                let what = match status {
                    "M" => "a change of a file that is there",
                    "D" => "a removed file",
                    "T" => "a file of another kind",
                    _ => "another change",
                };
                faults.push(Fault::new(&file, expected, what, HINT));
            }
        }
        if !matches!(mode.as_str(), "100644" | "000000") {
            let what = match mode.as_str() {
                "120000" => "a link",
                "160000" => "another repository",
                "100755" => "a program that can be started",
                _ => "another kind of file",
            };
            faults.push(Fault::new(&file, "plain files", what, "put the plain file itself there"));
        }
        if status == "A" {
            entries.extend(entry);
        }
    }
    if entries.len() > 1 {
        let named: Vec<&str> = entries.iter().map(String::as_str).collect();
        faults.push(Fault::new(ENTRIES, "one entry in a request", named.join(", "), "make a request for each"));
    }
    if entries.is_empty() && faults.is_empty() {
        faults.push(Fault::new(ENTRIES, "an entry that the request adds", "none", "see docs/leaderboard.md"));
    }
    faults.sort();
    let entry = if entries.len() == 1 { entries.pop_first() } else { None };
    Changed { entry, faults }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(lines: &[(&str, &str, &str)]) -> Vec<u8> {
        let zero = "0".repeat(40);
        let line = |(mode, status, path): &(&str, &str, &str)| {
            let old = if *status == "A" { "000000" } else { "100644" };
            format!(":{old} {mode} {zero} {zero} {status}\0{path}\0")
        };
        lines.iter().map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn a_request_adds_the_plain_files_of_one_entry() {
        let fine =
            [("100644", "A", "board/entries/c/n/entry.toml"), ("100644", "A", "board/entries/c/n/s1/record.json")];
        let changed = parsed(&raw(&fine), "board/");
        assert_eq!((changed.entry.as_deref(), changed.faults.len()), (Some("entries/c/n"), 0));
        let wrong = [
            ("100644", "M", "board/entries/c/n/entry.toml"),
            ("000000", "D", "board/entries/c/other/entry.toml"),
            ("120000", "A", "board/entries/c/n/entry.toml"),
            ("160000", "A", "board/entries/c/n/s1"),
            ("100755", "A", "board/entries/c/n/entry.toml"),
            ("100644", "A", "board/entries/c/stray"),
            ("100644", "A", "board/seasons/2027.toml"),
            ("100644", "M", "board/seasons/2026.toml"),
            ("100644", "A", "board/confirmations/c/n/2026-12-01_me/confirmation.toml"),
            ("100644", "A", ".github/workflows/board.yml"),
            ("100644", "M", "crates/imagenette-board/src/lib.rs"),
            ("100644", "A", ".gitattributes"),
            ("100644", "A", "entries/c/n/entry.toml"),
        ];
        for line in wrong {
            let changed = parsed(&raw(&[fine[0], fine[1], line]), "board/");
            assert!(!changed.faults.is_empty(), "{line:?}");
        }
        let two = parsed(&raw(&[fine[0], ("100644", "A", "board/entries/c/m/entry.toml")]), "board/");
        assert!(two.entry.is_none() && two.faults[0].expected.contains("one entry"), "{two:?}");
        assert!(parsed(b"", "board/").faults[0].found.contains("none"));
    }
}
