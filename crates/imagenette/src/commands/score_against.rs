//! `score --against`: where anybody's result would stand on a board.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use imagenette_board::Board;
use imagenette_board::historic::HistoricRow;
use imagenette_board::place::{Outcome, place};
use imagenette_board::season::Challenge;
use imagenette_files::input;
use imagenette_results::predictions;
use imagenette_results::run_folder::PREDICTIONS_FILE;
use serde::Serialize;
use serde_json::json;

use crate::cli::Score;
use crate::numbers::counted;
use crate::terminal::{Refusal, Terminal, print, print_json, print_table, print_words};

pub(crate) fn run(arguments: &Score, folder: &Path, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let outcome = outcome(&arguments.predictions)?;
    let board = Board::read(folder)?;
    let challenge = arguments.challenge.as_ref().map(|named| board.season.challenge(named)).transpose()?;
    if !board.faults.is_empty() {
        let count = counted(board.faults.len() as u64, "fault");
        terminal.say(&format!("{count} left out: `imagenette board check {}` names them", folder.display()));
    }
    let places = place(&board, &outcome, arguments.challenge.as_deref()).map_err(|(expected, found)| {
        Refusal::error(
            format!("{}: expected {expected}, found {found}", arguments.predictions.display()),
            "predictions for a board are for the whole val split of one of its sources, as `imagenette eval --out` writes them",
        )
    })?;
    let old = old_rows(&board, &outcome, challenge);
    if arguments.json {
        print_json(&json!({ "places": places, "old_board": old }))?;
        return Ok(ExitCode::SUCCESS);
    }
    places.iter().try_for_each(|place| print(&place.to_string()))?;
    print_old(&old, &outcome, challenge)?;
    if places.is_empty() {
        let whose = if challenge.is_some() { "this challenge" } else { "any challenge on these photos" };
        terminal.say(&format!("nobody is ranked in {whose} yet"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be placed: predictions, or a number alone.
fn outcome(named: &Path) -> anyhow::Result<Outcome> {
    let text = named.to_string_lossy();
    // A comma is a point where people write it so.
    let number = text.trim_end_matches('%').replacen(',', ".", 1).parse::<f64>().ok().filter(|_| !named.exists());
    if let Some(percent) = number {
        if !(percent > 0.0 && percent <= 100.0) {
            let problem = format!("expected a top-1 above 0 and up to 100 percent, found {percent}");
            return Err(Refusal::usage(problem, "name a file of predictions, or a number like 93.27"));
        }
        // 0.93 of those who count in fractions is 93%.
        return Ok(Outcome::Accuracy(if percent <= 1.0 { percent } else { percent / 100.0 }));
    }
    let path = if named.is_dir() { named.join(PREDICTIONS_FILE) } else { named.to_owned() };
    let bytes = input::read(&path, input::TABLE_BYTES)?;
    Ok(Outcome::Predictions(predictions::read_from(&path, bytes.as_slice())?))
}

/// The best row of the old board of some resolution and length, and how a result stands to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct OldRow {
    edition: String,
    px: u32,
    epochs: u32,
    percent: f64,
    year: i16,
    /// Points that the result is above it.
    difference: f64,
}

/// The best row of each resolution and length on the photos that the result may be for; of those beside one challenge
/// the best.
fn old_rows(board: &Board, outcome: &Outcome, only: Option<&Challenge>) -> Vec<OldRow> {
    let Some(accuracy) = outcome.accuracy() else { return Vec::new() };
    let row = |row: &HistoricRow| OldRow {
        edition: row.edition.clone(),
        px: row.px,
        epochs: row.epochs,
        percent: row.percent,
        year: row.date.year(),
        difference: 100.0 * accuracy - row.percent,
    };
    let better = |one: &&HistoricRow, other: &&HistoricRow| one.percent.total_cmp(&other.percent);
    if let Some(challenge) = only {
        let source = board.season.source(challenge);
        let beside = board.historic.iter().filter(|row| row.is_beside(challenge, &source.edition));
        return beside.max_by(better).filter(|_| outcome.is_for(source)).map(row).into_iter().collect();
    }
    let editions: BTreeSet<&str> = board
        .season
        .sources
        .iter()
        .filter(|source| outcome.is_for(source))
        .map(|source| source.edition.as_str())
        .collect();
    let mut best: BTreeMap<(&str, u32, u32), &HistoricRow> = BTreeMap::new();
    for known in board.historic.iter().filter(|row| editions.contains(row.edition.as_str())) {
        let place = best.entry((&known.edition, known.px, known.epochs)).or_insert(known);
        if known.percent > place.percent {
            *place = known;
        }
    }
    best.into_values().map(row).collect()
}

/// The rows beside one challenge in a line; all others as a table of resolutions and lengths for each edition.
fn print_old(rows: &[OldRow], outcome: &Outcome, challenge: Option<&Challenge>) -> anyhow::Result<()> {
    let Some(accuracy) = outcome.accuracy().filter(|_| !rows.is_empty()) else { return Ok(()) };
    let percent = 100.0 * accuracy;
    if let Some(challenge) = challenge {
        let px = challenge.px.map_or(String::new(), |px| format!("{px} px, "));
        return rows.iter().try_for_each(|row| {
            print_words(&format!(
                "{percent:.2}%: old board, {}, within {px}{}: {:.2}% was its best row ({} px, {} epochs, {}); this is \
                 {:+.2} points",
                row.edition, challenge.limit, row.percent, row.px, row.epochs, row.year, row.difference
            ))
        });
    }
    let editions: BTreeSet<&str> = rows.iter().map(|row| row.edition.as_str()).collect();
    for edition in editions {
        let of_edition = || rows.iter().filter(|row| row.edition == edition);
        let epochs: BTreeSet<u32> = of_edition().map(|row| row.epochs).collect();
        let resolutions: BTreeSet<u32> = of_edition().map(|row| row.px).collect();
        print_words(&format!("{percent:.2}% beside the best rows of the old board on {edition}, in points:"))?;
        let mut table = vec![vec!["px".to_owned()]];
        table[0].extend(epochs.iter().map(|epochs| format!("{epochs} epochs")));
        for px in resolutions {
            let cell = |epochs: &u32| {
                let row = of_edition().find(|row| row.px == px && row.epochs == *epochs);
                row.map_or(String::new(), |row| format!("{:.2} ({:+.2})", row.percent, row.difference))
            };
            table.push([vec![px.to_string()], epochs.iter().map(cell).collect()].concat());
        }
        print_table(&aligned(&table))?;
    }
    print_words(
        "Those rows were trained on the official archives; another copy of the photos is worth up to 2.6 points. \
         `--challenge NAME` compares with one challenge, `imagenette board rank --all` lists them.",
    )
}

/// A table with columns of one width, the first row its head.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0).max(3);
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:>0$}", width(column)));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = (0..rows[0].len()).map(|column| format!("{}:", "-".repeat(width(column) - 1)));
    let rule = format!("| {} |", rule.collect::<Vec<_>>().join(" | "));
    let lines = rows.iter().map(line).collect::<Vec<_>>();
    [&lines[..1], &[rule], &lines[1..]].concat().join("\n")
}
