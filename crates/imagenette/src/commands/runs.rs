//! `runs`: folders of kept runs become a table with a row for each recipe.

use std::path::PathBuf;
use std::process::ExitCode;

use imagenette_results::index::{Index, LeftOut};

use crate::cli::Runs;
use crate::terminal::{Refusal, Terminal, print, print_json, print_table};

pub(crate) fn run(arguments: &Runs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let folders = match arguments.folders.as_slice() {
        [] => vec![PathBuf::from("runs")],
        folders => folders.to_vec(),
    };
    let index = Index::of(&folders);
    LeftOut::lines(&index.left_out).iter().for_each(|line| terminal.say(&format!("left out: {line}")));
    if index.rows.is_empty() {
        let named: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(Refusal::error(
            format!("{}: expected finished runs, found none", named.join(", ")),
            "a finished run is a folder with its record.json, as `imagenette train --out RUN` leaves it",
        ));
    }
    if arguments.json {
        print_json(&index)?;
    } else {
        if arguments.markdown { print(&index.markdown()) } else { print_table(&index.table()) }?;
    }
    Ok(ExitCode::SUCCESS)
}
