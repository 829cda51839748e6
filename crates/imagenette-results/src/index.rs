//! An index of kept runs: folders go in, and a row for each recipe's runs comes out, for a terminal, a Markdown page or JSON.
//!
//! A folder that cannot be used is named and left out; it never keeps the others from being listed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imagenette_files::{Hint, hash};
use serde::Serialize;

use crate::run::Run;
use crate::run_folder::{self, FoundRuns};
use crate::run_group::{self, Spread};

/// How deep below a named folder runs are looked for.
const DEPTH: u32 = 6;
/// How many settings a table names at most; JSON has all.
const SETTINGS: usize = 3;
/// Settings that have a column of their own.
const COLUMNS: [&str; 3] = ["epochs", "precision", "resolution"];
/// How many counts a table names at most; of more it says the least and the greatest.
const COUNTS: usize = 5;

/// What lies in some folders.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Index {
    /// A row for the runs of one recipe in one folder.
    pub rows: Vec<Row>,
    /// Folders that are not in it.
    pub left_out: Vec<LeftOut>,
}

/// The runs of one recipe that lie in one folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Where they lie, seen from the folder that was named: the run's folder, or of several the one that holds them.
    pub place: PathBuf,
    /// The recipe's name.
    pub recipe: String,
    /// The settings in which the recipe differs from the one of this name that has most runs here.
    pub settings: Vec<Setting>,
    /// The dataset's name.
    pub dataset: String,
    /// The hash of its content.
    pub dataset_identity: String,
    /// The share that was held out of the train split and evaluated instead of val; `None` in runs that count.
    pub held_out: Option<f64>,
    /// Epochs trained.
    pub epochs: u32,
    /// What the network sees while it trains, in pixels.
    pub resolution_px: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Top-1 as a fraction, over the seeds.
    pub top_1: Spread,
    /// How many photos were right, by seed.
    pub correct: Vec<u64>,
    /// How many photos were evaluated.
    pub total: u64,
    /// Whether every run's predictions are there and were counted again.
    pub is_counted: bool,
    /// The devices, whose operations computed and in what precision.
    pub devices: Vec<String>,
    /// The engines, or of runs from before there were engines the commits.
    pub engines: Vec<String>,
    /// Seconds of training, on average.
    pub training_seconds: f64,
    /// Seconds in all, on average.
    pub total_seconds: f64,
    /// The runs' folders, by seed.
    pub runs: Vec<PathBuf>,
}

/// A setting of a recipe that sets it apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The key with its tables: `optimizer.learning_rate`.
    pub key: String,
    /// The value; `None` where the recipe has no such key.
    pub value: Option<String>,
}

/// A folder that is not in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The folder.
    pub folder: PathBuf,
    /// Why not.
    pub reason: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// Runs of one recipe that are about to become a row.
struct Group {
    parent: PathBuf,
    place: PathBuf,
    runs: Vec<Run>,
}

impl Index {
    /// Looks into these folders, and into those below them.
    pub fn of(folders: &[PathBuf]) -> Self {
        let mut left_out = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        for named in folders {
            let found = run_folder::find(named, DEPTH).unwrap_or_else(|error| {
                left_out.push(LeftOut { folder: named.clone(), reason: error.to_string(), hint: error.hint() });
                FoundRuns::default()
            });
            for folder in found.unfinished {
                let hint = Some("finish it with `imagenette train --resume RUN`".into());
                left_out.push(LeftOut { folder, reason: "a run that has not ended".into(), hint });
            }
            for folder in found.finished {
                let run = match Run::read(&folder) {
                    Ok(run) => run,
                    Err(error) => {
                        left_out.push(LeftOut { folder, reason: error.to_string(), hint: error.hint() });
                        continue;
                    }
                };
                if let Some(reason) = add(&mut groups, named, run) {
                    let hint = Some("a run that is counted twice says nothing new: leave one out".into());
                    left_out.push(LeftOut { folder, reason, hint });
                }
            }
        }
        for group in &mut groups {
            group.runs.sort_by_key(|run| run.record.seed);
        }
        let rows = groups.iter().map(|group| row(group, &differences(group, &groups))).collect();
        Self { rows, left_out }
    }

    /// The rows as aligned columns under a header.
    pub fn table(&self) -> String {
        let lines = lines(&self.rows, |row| shown(&row.place.display().to_string()));
        let widths = widths(&lines);
        let text: Vec<String> =
            lines.iter().map(|line| padded(line, &widths).join("  ").trim_end().to_owned()).collect();
        text.join("\n")
    }

    /// The rows as a Markdown table in which each row links to its folder.
    pub fn markdown(&self) -> String {
        let link = |row: &Row| {
            let place = row.place.display().to_string().replace('\\', "/");
            format!("[{}]({})", marked(&shown(&place)), address(&place))
        };
        let mut lines = lines(&self.rows, link);
        for line in &mut lines {
            line[1..].iter_mut().for_each(|cell| *cell = marked(cell));
        }
        let widths = widths(&lines);
        let mut text: Vec<String> =
            lines.iter().map(|line| format!("| {} |", padded(line, &widths).join(" | "))).collect();
        let rule = widths.iter().enumerate().map(|(column, width)| match is_number(column) {
            true => format!("{}:", "-".repeat(width.saturating_sub(1))),
            false => "-".repeat(*width),
        });
        text.insert(1, format!("| {} |", rule.collect::<Vec<_>>().join(" | ")));
        text.join("\n")
    }
}

/// Puts a run to the others of its recipe in its folder; a reason where it cannot be.
fn add(groups: &mut Vec<Group>, named: &Path, run: Run) -> Option<String> {
    let parent = run.folder.parent().unwrap_or(Path::new("")).to_owned();
    // Seen from the named folder; the named folder itself is `.`, but a run that was named is what was typed.
    let relative = |folder: &Path| match folder.strip_prefix(named) {
        Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
        Ok(_) if folder != run.folder => PathBuf::from("."),
        _ => folder.to_owned(),
    };
    let is_like = |group: &&mut Group| {
        let first = &group.runs[0];
        group.parent == parent
            && run_group::is_same_recipe(first, &run)
            && first.record.dataset.identity == run.record.dataset.identity
            && first.record.held_out == run.record.held_out
    };
    let Some(group) = groups.iter_mut().find(is_like) else {
        groups.push(Group { place: relative(&run.folder), parent, runs: vec![run] });
        return None;
    };
    if let Some(known) = group.runs.iter().find(|known| known.record.seed == run.record.seed) {
        return Some(format!("seed {} a second time, after {}", run.record.seed, known.folder.display()));
    }
    group.place = relative(&group.parent);
    group.runs.push(run);
    None
}

/// The settings in which a group's recipe differs from the one of its name with most runs.
fn differences(group: &Group, groups: &[Group]) -> Vec<Setting> {
    let of = |group: &Group| (group.runs[0].record.recipe.clone(), group.runs[0].record.dataset.identity.clone());
    let named = groups.iter().filter(|other| of(other) == of(group));
    // The first one of those with most runs.
    let reference = named.rev().max_by_key(|other| other.runs.len()).unwrap_or(group);
    let [own, usual]: [BTreeMap<String, String>; 2] =
        [group, reference].map(|group| run_group::flat(&group.runs[0].recipe));
    let mut keys: Vec<&String> = own.keys().chain(usual.keys()).collect();
    keys.sort();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| own.get(*key) != usual.get(*key));
    differing.map(|key| Setting { key: key.clone(), value: own.get(key).cloned() }).collect()
}

fn row(group: &Group, settings: &[Setting]) -> Row {
    let runs = &group.runs;
    let first = &runs[0].record;
    let spread = |of: fn(&Run) -> f64| Spread::of(&runs.iter().map(of).collect::<Vec<_>>()).expect("no group is empty");
    let distinct = |of: fn(&Run) -> String| {
        let mut all: Vec<String> = runs.iter().map(of).collect();
        all.sort();
        all.dedup();
        all
    };
    Row {
        place: group.place.clone(),
        recipe: first.recipe.clone(),
        settings: settings.to_vec(),
        dataset: first.dataset.name.clone(),
        dataset_identity: first.dataset.identity.clone(),
        held_out: first.held_out.map(|held_out| held_out.share),
        epochs: first.epochs,
        resolution_px: run_group::resolution(runs[0].recipe.get("resolution")),
        seeds: runs.iter().map(|run| run.record.seed).collect(),
        top_1: spread(|run| run.record.result.accuracy()),
        correct: runs.iter().map(|run| run.record.result.correct).collect(),
        total: first.result.total,
        is_counted: runs.iter().all(|run| run.is_counted),
        devices: distinct(|run| run.record.environment.device.clone()),
        engines: distinct(engine),
        training_seconds: spread(|run| run.record.seconds.training).mean,
        total_seconds: spread(|run| run.record.seconds.total).mean,
        runs: runs.iter().map(|run| run.folder.clone()).collect(),
    }
}

/// What made a run: the engine, or before there were engines the commit.
fn engine(run: &Run) -> String {
    match (&run.record.provenance, &run.record.environment.commit) {
        (Some(provenance), _) => format!("engine {}", hash::short(&provenance.engine)),
        (None, Some(commit)) => format!("commit {commit}"),
        (None, None) => format!("version {}", run.record.environment.program),
    }
}

const HEADER: [&str; 11] = [
    "runs",
    "recipe",
    "dataset",
    "epochs",
    "px",
    "seeds",
    "top-1 %",
    "correct",
    "computed by",
    "made by",
    "training s",
];

/// Whether a column's cells are set to the right.
fn is_number(column: usize) -> bool {
    [3, 6, 10].contains(&column)
}

fn lines(rows: &[Row], place: impl Fn(&Row) -> String) -> Vec<[String; 11]> {
    let cells = |row: &Row| {
        let dataset = match row.held_out {
            None => row.dataset.clone(),
            Some(share) => format!("{}, held-out {share}", row.dataset),
        };
        let top_1 = match row.top_1.standard_deviation {
            Some(sd) => format!("{:.2} ± {:.2}", 100.0 * row.top_1.mean, 100.0 * sd),
            None => format!("{:.2}", 100.0 * row.top_1.mean),
        };
        let recipe = match settings(&row.settings) {
            apart if apart.is_empty() => row.recipe.clone(),
            apart => format!("{} ({apart})", row.recipe),
        };
        let said = [
            recipe,
            dataset,
            row.epochs.to_string(),
            row.resolution_px.clone(),
            seeds(&row.seeds),
            top_1,
            correct(row),
            row.devices.join("; "),
            made_by(&row.engines),
            format!("{:.0}", row.training_seconds),
        ];
        let mut cells = std::iter::once(place(row)).chain(said.iter().map(|cell| shown(cell)));
        std::array::from_fn(|_| cells.next().unwrap_or_default())
    };
    std::iter::once(HEADER.map(String::from)).chain(rows.iter().map(cells)).collect()
}

fn settings(settings: &[Setting]) -> String {
    // What has a column of its own is not said twice.
    let is_said = |setting: &&Setting| COLUMNS.contains(&setting.key.as_str());
    let settings: Vec<&Setting> = settings.iter().filter(|setting| !is_said(setting)).collect();
    let said = settings.iter().take(SETTINGS).map(|Setting { key, value }| match value {
        Some(value) => format!("{key} = {value}"),
        None => format!("no {key}"),
    });
    let mut said: Vec<String> = said.collect();
    if settings.len() > SETTINGS {
        said.push(format!("and {} more", settings.len() - SETTINGS));
    }
    said.join("; ")
}

/// Sorted seeds: `5: 1 to 5`, `3: 1, 2, 7`, `1: 4`.
fn seeds(seeds: &[u64]) -> String {
    let is_row = seeds.len() > 2 && seeds.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1));
    let which = match seeds {
        [first, .., last] if is_row => format!("{first} to {last}"),
        _ => seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    };
    format!("{}: {which}", seeds.len())
}

fn correct(row: &Row) -> String {
    let counts = match (row.correct.iter().min(), row.correct.iter().max()) {
        (Some(least), Some(most)) if row.correct.len() > COUNTS => format!("{least} to {most}"),
        _ => row.correct.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    };
    let word = if row.is_counted { "" } else { " (not counted again)" };
    format!("{counts} of {}{word}", row.total)
}

fn made_by(engines: &[String]) -> String {
    match engines {
        [first, second, third, ..] => format!("{first}, {second}, {third} …"),
        engines => engines.join(", "),
    }
}

/// A text without anything that a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// A text that Markdown shows as it is, within a table.
fn marked(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace('[', "\\[").replace(']', "\\]")
}

/// A relative address in a link: what would end the link, the cell or the line is written as its bytes.
fn address(place: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'=' | b'+' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    place.bytes().map(byte).collect()
}

fn widths(lines: &[[String; 11]]) -> [usize; 11] {
    std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).max(3))
}

fn padded(line: &[String; 11], widths: &[usize; 11]) -> Vec<String> {
    let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, &width))| match is_number(column) {
        true => format!("{cell:>width$}"),
        false => format!("{cell:<width$}"),
    });
    cells.collect()
}
