//! `score --against`: where anybody's result would stand on a board.

use std::path::Path;
use std::process::ExitCode;

use imagenette_board::Board;
use imagenette_board::place::{Outcome, place};
use imagenette_files::input;
use imagenette_results::predictions;
use imagenette_results::run_folder::PREDICTIONS_FILE;
use serde_json::json;

use crate::cli::Score;
use crate::numbers::counted;
use crate::terminal::{Refusal, Terminal, print, print_json};

pub(crate) fn run(arguments: &Score, folder: &Path, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let outcome = outcome(&arguments.predictions)?;
    let board = Board::read(folder)?;
    if let Some(named) = &arguments.challenge {
        board.season.challenge(named)?;
    }
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
    let old = old_rows(&board, &outcome, arguments.challenge.as_deref());
    if arguments.json {
        print_json(&json!({ "places": places, "old_board": old }))?;
        return Ok(ExitCode::SUCCESS);
    }
    places.iter().try_for_each(|place| print(&place.to_string()))?;
    old.iter().try_for_each(|line| print(line))?;
    if places.is_empty() {
        let whose = if arguments.challenge.is_some() { "this challenge" } else { "any challenge on these photos" };
        terminal.say(&format!("nobody is ranked in {whose} yet: it would be the first"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be placed: predictions, or a number alone.
fn outcome(named: &Path) -> anyhow::Result<Outcome> {
    let text = named.to_string_lossy();
    let number = text.trim_end_matches('%').parse::<f64>().ok().filter(|_| !named.exists());
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

/// How it stands to the best rows of the old board in challenges of epochs.
fn old_rows(board: &Board, outcome: &Outcome, only: Option<&str>) -> Vec<String> {
    let Some(accuracy) = outcome.accuracy() else { return Vec::new() };
    let mut lines: Vec<String> = Vec::new();
    for challenge in board.season.challenges.iter().filter(|known| only.is_none_or(|name| known.name == name)) {
        let edition = &board.season.source(challenge).edition;
        if !outcome.is_for(board.season.source(challenge)) {
            continue;
        }
        let beside = board.historic.iter().filter(|row| row.is_beside(challenge, edition));
        let Some(best) = beside.max_by(|one, other| one.percent.total_cmp(&other.percent)) else { continue };
        let px = challenge.px.map_or(String::new(), |px| format!("{px} px, "));
        let line = format!(
            "old board, {edition}, within {px}{}: {:.2}% was its best row ({} px, {} epochs, {}); this is {:+.2} points",
            challenge.limit,
            best.percent,
            best.px,
            best.epochs,
            best.date.year(),
            100.0 * accuracy - best.percent
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}
