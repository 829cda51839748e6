//! What was typed, given back: parsed flags go in, and the words that say the same come out, but for those that each
//! job has its own of. No flag is known here by name, so that none is forgotten.

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command};

use crate::terminal::Refusal;

/// The words of a verb as they were typed, positional ones first, without flags of these ids.
pub(super) fn words(verb: &Command, matches: &ArgMatches, left_out: &[&str]) -> anyhow::Result<Vec<String>> {
    let (mut positional, mut flags) = (Vec::new(), Vec::new());
    for arg in verb.get_arguments() {
        let id = arg.get_id().as_str();
        let is_typed = matches.value_source(id) == Some(ValueSource::CommandLine);
        if !is_typed || left_out.contains(&id) || id == "help" {
            continue;
        }
        let long = arg.get_long().map(|long| format!("--{long}"));
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            flags.extend(long);
            continue;
        }
        for occurrence in matches.get_raw_occurrences(id).into_iter().flatten() {
            let values: Vec<String> = occurrence.map(text).collect::<Result<_, _>>()?;
            match &long {
                None => positional.extend(values),
                // With `=`, so that a value that begins with `-` stays one.
                Some(long) => {
                    let between = arg.get_value_delimiter().unwrap_or(',').to_string();
                    flags.push(format!("{long}={}", values.join(&between)));
                }
            }
        }
    }
    Ok([positional, flags].concat())
}

fn text(value: &std::ffi::OsStr) -> anyhow::Result<String> {
    value.to_str().map(str::to_owned).ok_or_else(|| {
        Refusal::usage(
            format!("expected words in UTF-8, found `{}`", value.to_string_lossy()),
            "a job file is text: rename the file or folder",
        )
    })
}
