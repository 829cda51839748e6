//! What pages say of an entry, of a lead and of an old row, as templates take it.

use std::collections::HashMap;
use std::sync::LazyLock;

use imagenette_data::class;
use imagenette_files::visible;
use minijinja::Value;
use serde::Serialize;

use super::chart::{Mark, Shape, short};
use crate::board::Board;
use crate::entry::{Badge, Division, Entry};
use crate::historic::HistoricRow;
use crate::rank::Ranking;

/// An entry's row.
#[derive(Debug, Clone, Serialize)]
pub(super) struct EntryRow {
    pub(super) title: String,
    pub(super) author: String,
    pub(super) href: Value,
    pub(super) json: String,
    pub(super) challenge: String,
    pub(super) challenge_title: String,
    pub(super) challenge_href: Value,
    pub(super) classes: Value,
    pub(super) badge: &'static str,
    /// `=1` of a tie, `1`, or a dash.
    pub(super) place: String,
    place_key: String,
    pub(super) mean: String,
    pub(super) percent: String,
    pub(super) sd: Option<String>,
    pub(super) n: usize,
    pub(super) why: Option<String>,
    pub(super) seconds: String,
    seconds_key: String,
    pub(super) flop: String,
    flop_key: String,
    pub(super) dollars: String,
    dollars_key: String,
    pub(super) epochs: u32,
    pub(super) date: String,
}

/// A fraction in percent with two digits.
pub(super) fn percent(fraction: f64) -> String {
    format!("{:.2}", 100.0 * fraction)
}

/// A text of the board's own names, which need no escapes.
pub(super) fn plain(text: impl Into<String>) -> Value {
    Value::from_safe_string(text.into())
}

pub(super) fn entry_href(entry: &Entry) -> String {
    format!("{}.html", entry.path())
}

pub(super) fn challenge_href(name: &str) -> String {
    format!("challenges/{name}.html")
}

/// Whether its runs were computed by processors alone; `None` where nobody says.
fn is_cpu(entry: &Entry) -> bool {
    let spent: Vec<_> = entry.seeds.iter().filter_map(|seed| seed.spent.as_ref()).collect();
    !spent.is_empty() && spent.iter().all(|spent| spent.device.starts_with("flex"))
}

/// The classes by which a page filters an entry.
pub(super) fn classes(entry: &Entry, board: &Board) -> String {
    let challenge = board.season.challenge(&entry.challenge);
    let (kind, edition) = challenge.map_or(("epochs", "other"), |challenge| {
        (challenge.limit.kind(), board.season.source(challenge).edition.as_str())
    });
    let device = if is_cpu(entry) { "cpu" } else { "gpu" };
    let edition: String = edition.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    format!("{} b-{} k-{kind} s-{edition} d-{device}", entry.file.division.name(), entry.badge)
}

impl EntryRow {
    pub(super) fn of(entry: &Entry, ranking: &Ranking<'_>, board: &Board) -> Self {
        let found = ranking.placed().find(|(_, group)| group.iter().any(|known| std::ptr::eq(*known, entry)));
        let (place, place_key) = match found {
            Some((place, group)) if group.len() > 1 => (format!("={place}"), place.to_string()),
            Some((place, _)) => (place.to_string(), place.to_string()),
            None => ("–".into(), String::new()),
        };
        let number = |value: Option<f64>, said: &dyn Fn(f64) -> String| value.map(said).unwrap_or_default();
        let key = |value: Option<f64>| number(value, &|value| format!("{value:.4}"));
        let costs = entry.costs;
        let flop = costs.flop.map(|flop| flop / 1e15);
        Self {
            title: entry.file.title.clone(),
            author: entry.file.author.clone(),
            href: plain(entry_href(entry)),
            json: format!("{}.json", entry.name),
            challenge: entry.challenge.clone(),
            challenge_title: ranking.challenge.title(),
            challenge_href: plain(challenge_href(&entry.challenge)),
            classes: plain(classes(entry, board)),
            badge: entry.badge.name(),
            place,
            place_key,
            mean: format!("{:.5}", entry.mean()),
            percent: percent(entry.mean()),
            sd: entry.standard_deviation().map(percent),
            n: entry.seeds.len(),
            why: entry.unranked.clone(),
            seconds: format!("{:.0}", costs.seconds),
            seconds_key: format!("{:.1}", costs.seconds),
            flop: number(flop, &short),
            flop_key: key(flop),
            dollars: number(costs.dollars, &|dollars| format!("{dollars:.3}")),
            dollars_key: key(costs.dollars),
            epochs: costs.epochs,
            date: entry.date.to_string(),
        }
    }
}

/// An entry's mark in the chart of costs.
pub(super) fn mark(entry: &Entry, board: &Board) -> Mark {
    let sd = entry.standard_deviation().unwrap_or(0.0);
    let shape = match entry.file.division {
        Division::Recipe => Shape::Circle,
        Division::OwnParts => Shape::Square,
        Division::Open => Shape::Diamond,
    };
    let label = format!("{}, {}: {}%, {}", entry.file.title, entry.file.author, percent(entry.mean()), entry.challenge);
    let costs = entry.costs;
    Mark {
        href: entry_href(entry),
        label: visible::in_markup(&label),
        classes: classes(entry, board),
        shape,
        error: 1.0 - entry.mean(),
        sd,
        costs: [Some(costs.seconds), costs.flop.map(|flop| flop / 1e15), costs.dollars, Some(f64::from(costs.epochs))],
    }
}

/// An old row.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OldRow {
    edition: String,
    px: u32,
    epochs: u32,
    percent: String,
    runs: String,
    name: String,
    date: String,
    commit: String,
}

impl OldRow {
    pub(super) fn of(row: &HistoricRow) -> Self {
        Self {
            edition: row.edition.clone(),
            px: row.px,
            epochs: row.epochs,
            percent: format!("{:.2}", row.percent),
            runs: row.runs.map(|runs| runs.to_string()).unwrap_or_default(),
            name: row.name.clone(),
            date: row.date.to_string(),
            commit: row.commit.chars().take(7).collect(),
        }
    }
}

/// A class's name, and its first letters.
pub(super) fn class_names(id: &str) -> (String, String) {
    // A site names classes hundreds of thousands of times.
    static NAMES: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| class::imagenet().iter().map(|class| (class.wnid.as_str(), class.name.as_str())).collect());
    let name = NAMES.get(id).map_or_else(|| id.to_owned(), |name| (*name).to_owned());
    let short = name.chars().take(4).collect();
    (name, short)
}

/// What was checked of an entry, in sentences.
pub(super) fn checks(entry: &Entry) -> Vec<String> {
    let mut said = vec![format!(
        "Each of the {} val photos is predicted once by each seed, and the accuracy is counted from that.",
        entry.photos()
    )];
    if entry.badge == Badge::Stated {
        said.push(
            "How the predictions came about is its author's word: another program made them, and no replay shows it."
                .into(),
        );
        return said;
    }
    said.extend([
        "Each run's recipe, record, history and predictions have the hashes that name each other; the history's chain is whole.".to_owned(),
        "Epochs, steps, samples, resolutions, network and operations are those that the recipe plans.".into(),
        "Photos are the challenge's source, by edition, counts and archive; nothing is held out, no weights are borrowed.".into(),
        "Seconds fit into the clock of the attempts, and no core computed more than such cores do.".into(),
    ]);
    match entry.unranked {
        Some(ref why) => said.push(format!("Not ranked: {why}.")),
        None => said.push("Its seeds are those that were dealt, all of them.".into()),
    }
    match entry.badge {
        Badge::Confirmed => said.push("A keeper ran fresh seeds, dealt after it was taken in: they bear it out.".into()),
        _ => said.push("Not yet: fresh seeds, run by a keeper. Until then a forger who forged every file at once is not found out; a replay of one seed would.".into()),
    }
    said
}
