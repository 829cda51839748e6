//! What the plans of all verbs share: what was typed, given back, and names of folders and jobs.

use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::Word;
use crate::submit::typed;
use crate::terminal::Refusal;
use crate::{Program, recipes, runs};

/// What the plans of all verbs need.
pub(super) struct Planner<'a> {
    pub(super) verb: &'a clap::Command,
    pub(super) matches: &'a ArgMatches,
    pub(super) cores: u16,
    pub(super) program: &'a Program,
}

impl Planner<'_> {
    /// What was typed, but for flags of these ids.
    pub(super) fn words(&self, left_out: &[&str]) -> anyhow::Result<Vec<Word>> {
        let mut words = vec![Word::Text(self.verb.get_name().into())];
        words.extend(typed::words(self.verb, self.matches, left_out)?.into_iter().map(Word::Text));
        Ok(words)
    }

    /// The threads of a job, where none were asked for.
    pub(super) fn threads(&self, asked: Option<u16>) -> Option<Word> {
        asked.is_none().then(|| Word::Text(format!("--threads={}", self.cores)))
    }

    /// Of what was typed, only the flags of these ids.
    pub(super) fn only(&self, kept: &[&str]) -> anyhow::Result<Vec<String>> {
        let others: Vec<&str> =
            self.verb.get_arguments().map(|arg| arg.get_id().as_str()).filter(|id| !kept.contains(id)).collect();
        typed::words(self.verb, self.matches, &others)
    }
}

/// Refuses seeds that are set as keys: every job would have the same one.
pub(super) fn refuse_own_seeds(set: &[String]) -> anyhow::Result<()> {
    for (key, value) in recipes::settings(set)? {
        if key == "seed" || key == "runs" {
            return Err(Refusal::usage(
                format!("--set {key}={value}: two jobs would make one run, since each has its own seed"),
                "name the first seed with --seed, and how many with --runs (of compare: --max-runs)",
            ));
        }
    }
    Ok(())
}

/// The folder of all runs: the one that was named, else one below `runs`.
pub(super) fn out(named: Option<&Path>, usual: impl FnOnce() -> String) -> anyhow::Result<String> {
    let folder = named.map_or_else(|| PathBuf::from(runs::FOLDER).join(usual()), Path::to_owned);
    let folder = text(&folder)?;
    Ok(folder.trim_end_matches('/').to_owned())
}

pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Refusal::usage(format!("{}: expected a path in UTF-8", path.display()), "a job file is text: rename the folder")
    })
}

pub(super) fn texts(words: Vec<Word>) -> Vec<String> {
    let text = |word| match word {
        Word::Text(text) => text,
        Word::Numbered { before, after } => format!("{before}{after}"),
    };
    words.into_iter().map(text).collect()
}

/// A name that a file's name may hold.
pub(super) fn plain(name: &str) -> String {
    let name = name.trim_end_matches(".toml");
    let last = name.rsplit('/').next().unwrap_or(name);
    last.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' })
        .collect()
}

/// A name that every engine takes: lower-case letters, digits and `-`, 50 at most.
pub(super) fn name(parts: &[&str]) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let text: String = parts.join("-").chars().map(letter).take(50).collect();
    text.trim_matches('-').to_owned()
}
