//! `gather`: finished runs from many machines in one folder, each checked.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::Gather;
use crate::gather::{self, Fate, Found};
use crate::numbers::counted;
use crate::terminal::{Terminal, print, print_json};

pub(crate) fn run(arguments: &Gather, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let say = |found: &Found| match &found.fate {
        Fate::Copied { to } => terminal.say(&format!("{} is in {}", found.from.display(), to.display())),
        Fate::There { at } => terminal.say(&format!("{} is there already: {}", found.from.display(), at.display())),
        Fate::Unfinished => terminal.say(&format!("{}: left out, it has not ended", found.from.display())),
        Fate::Refused { reason, hint } => {
            terminal.say(&format!("{}: refused: {reason}", found.from.display()));
            hint.iter().for_each(|hint| terminal.say(&format!("hint: {hint}")));
        }
    };
    let all = gather::gather(&arguments.folders, &arguments.out, &say)?;
    let count = |is: fn(&Fate) -> bool| all.iter().filter(|found| is(&found.fate)).count() as u64;
    let (copied, there) =
        (count(|fate| matches!(fate, Fate::Copied { .. })), count(|fate| matches!(fate, Fate::There { .. })));
    let (unfinished, refused) =
        (count(|fate| matches!(fate, Fate::Unfinished)), count(|fate| matches!(fate, Fate::Refused { .. })));
    if arguments.json {
        print_json(&json!({
            "out": arguments.out, "copied": copied, "there": there, "unfinished": unfinished, "refused": refused,
            "runs": all,
        }))?;
    } else {
        print(&format!(
            "{} copied into {}, {there} there already, {unfinished} not ended, {refused} refused",
            counted(copied, "run"),
            arguments.out.display()
        ))?;
    }
    Ok(if refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
