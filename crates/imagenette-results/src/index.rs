//! An index of kept runs: folders go in, and a row for each recipe's runs comes out, for a terminal, a Markdown page
//! or JSON.
//!
//! A folder that cannot be used is named and left out; it never keeps the others from being listed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use imagenette_files::hash;
use imagenette_recipe::Recipe;
use serde::Serialize;

use crate::check::Twins;
use crate::run::{Run, is_same_recipe, without_seed};
use crate::run_folder::{self, FoundRuns};
pub use crate::run_group::LeftOut;
use crate::run_group::{self, Spread, path_as_text, shown};

/// How deep below a named folder runs are looked for.
const DEPTH: u32 = 6;
/// How many settings a row of a Markdown table names at most, and one on a terminal; JSON has all.
const SETTINGS: (usize, usize) = (3, 1);
/// How many own parts and swept keys a row names at most, wherever it is shown.
const LEADING: usize = 3;
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
    #[serde(serialize_with = "path_as_text")]
    pub place: PathBuf,
    /// The recipe's name.
    pub recipe: String,
    /// The settings in which the recipe differs from the one of this name that ships, or else that has most runs here:
    /// own parts first, then those in which recipes of this name in this folder differ, as in a sweep.
    pub settings: Vec<Setting>,
    /// How many of the settings are own parts or differ within the folder: these are named before all others.
    #[serde(skip)]
    pub leading: usize,
    /// The dataset's name.
    pub dataset: String,
    /// The hash of its content.
    pub dataset_identity: String,
    /// The share that was held out of the train split and evaluated instead of val; `None` in runs that count.
    pub held_out: Option<f64>,
    /// Epochs trained.
    pub epochs: u32,
    /// The same as tables have them: runs with a budget differ in length.
    #[serde(skip)]
    pub epochs_shown: String,
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
    #[serde(serialize_with = "paths_as_text")]
    pub runs: Vec<PathBuf>,
}

fn paths_as_text<S: serde::Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

/// A setting of a recipe that sets it apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The key with its tables: `optimizer.learning_rate`.
    pub key: String,
    /// The value; `None` where the recipe has no such key.
    pub value: Option<String>,
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
                left_out.push(LeftOut::because(named, &error));
                FoundRuns::default()
            });
            left_out.extend(LeftOut::of_found(&found));
            for folder in found.finished {
                let run = match Run::read(&folder) {
                    Ok(run) => run,
                    Err(error) => {
                        left_out.push(LeftOut::because(&folder, &error));
                        continue;
                    }
                };
                let known = groups.iter().flat_map(|group| &group.runs);
                if let Some(twins) = known.into_iter().find_map(|known| Twins::of(known, &run)) {
                    left_out.push(LeftOut::because(&folder, &twins.error()));
                } else if let Some(reason) = add(&mut groups, named, run) {
                    let hint = Some("a run that is counted twice says nothing new: leave one out".into());
                    left_out.push(LeftOut { folder, reason, hint });
                }
            }
        }
        for group in &mut groups {
            group.runs.sort_by_key(|run| run.record.seed);
        }
        let rows = groups.iter().map(|group| row(group, differences(group, &groups))).collect();
        Self { rows, left_out }
    }

    /// The rows as aligned columns under a header, as few as fit a terminal.
    pub fn table(&self) -> String {
        let lines = self.lines(&TERMINAL, SETTINGS.1, |row| shown(&row.place.display().to_string()));
        let lines = aligned(&lines, &TERMINAL).into_iter().map(|cells| cells.join("  ").trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The rows as a Markdown table in which each row links to its folder.
    pub fn markdown(&self) -> String {
        let link = |row: &Row| {
            let place = row.place.display().to_string().replace('\\', "/");
            format!("[{}]({})", marked(&shown(&place)), address(&place))
        };
        let mut lines = self.lines(&COLUMNS, SETTINGS.0, link);
        for line in &mut lines {
            line[1..].iter_mut().for_each(|cell| *cell = marked(cell));
        }
        let lines = aligned(&lines, &COLUMNS);
        let rule = lines[0].iter().zip(&COLUMNS).map(|(cell, column)| {
            let width = cell.chars().count();
            if column.is_number() { format!("{}:", "-".repeat(width - 1)) } else { "-".repeat(width) }
        });
        let rule: Vec<String> = rule.collect();
        let in_order = lines[..1].iter().chain([&rule]).chain(&lines[1..]);
        in_order.map(|cells| format!("| {} |", cells.join(" | "))).collect::<Vec<_>>().join("\n")
    }

    /// A line of cells for the header and for each row.
    fn lines(&self, columns: &[Column], settings: usize, place: impl Fn(&Row) -> String) -> Vec<Vec<String>> {
        let header = columns.iter().map(|column| column.name().to_owned()).collect();
        let of_row = |row: &Row| {
            let cell = |column: &Column| match column {
                Column::Runs => place(row),
                column => shown(&column.cell(row, columns, settings)),
            };
            columns.iter().map(cell).collect()
        };
        std::iter::once(header).chain(self.rows.iter().map(of_row)).collect()
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
            && is_same_recipe(first, &run)
            && first.record.dataset.identity == run.record.dataset.identity
            && first.record.held_out == run.record.held_out
    };
    let Some(group) = groups.iter_mut().find(is_like) else {
        groups.push(Group { place: relative(&run.folder), parent, runs: vec![run] });
        return None;
    };
    if let Some(known) = group.runs.iter().find(|known| known.record.seed == run.record.seed) {
        return Some(format!(
            "seed {} a second time, after {}: a seed counts once",
            run.record.seed,
            known.folder.display()
        ));
    }
    group.place = relative(&group.parent);
    group.runs.push(run);
    None
}

/// In how many settings a run's recipe differs from the one of its name that ships; `None` where none of that name
/// does. The precision does not count: each machine resolves it.
pub fn changes_of_shipped(run: &Run) -> Option<usize> {
    let shipped = Recipe::from_toml(Recipe::shipped_text(&run.record.recipe).ok()?, &[]).ok()?;
    let shipped = without_seed(shipped.to_toml().parse().ok()?);
    let [own, shipped] = [&run.recipe, &shipped].map(run_group::flat);
    let keys: BTreeSet<&String> = own.keys().chain(shipped.keys()).collect();
    Some(keys.into_iter().filter(|key| *key != "precision" && own.get(*key) != shipped.get(*key)).count())
}

/// The settings in which a group's recipe differs from the one of its name that ships, or else that has most runs
/// here, and how many of them lead.
fn differences(group: &Group, groups: &[Group]) -> (Vec<Setting>, usize) {
    let name = |group: &Group| group.runs[0].record.recipe.clone();
    let shipped = Recipe::shipped_text(&name(group)).ok().and_then(|text| Recipe::from_toml(text, &[]).ok());
    let is_shipped = shipped.is_some();
    let usual = shipped.and_then(|recipe| recipe.to_toml().parse().ok()).map(without_seed).unwrap_or_else(|| {
        let named = groups.iter().filter(|other| name(other) == name(group));
        // The first one of those with most runs.
        named.rev().max_by_key(|other| other.runs.len()).unwrap_or(group).runs[0].recipe.clone()
    });
    let [own, usual] = [&group.runs[0].recipe, &usual].map(run_group::flat);
    let beside: Vec<BTreeMap<String, String>> = groups
        .iter()
        .filter(|other| other.parent == group.parent && name(other) == name(group))
        .map(|other| run_group::flat(&other.runs[0].recipe))
        .collect();
    let all = own.keys().chain(usual.keys()).chain(beside.iter().flat_map(BTreeMap::keys));
    let keys: BTreeSet<&String> = all.collect();
    let parts = own_parts(&group.runs[0]);
    let is_own = |key: &String| own.get(key).is_some_and(|value| parts.contains(value));
    let is_swept = |key: &String| beside.iter().any(|other| other.get(key) != own.get(key));
    // Beside a recipe that ships, nothing said means as it ships; else each row says all that sets it apart.
    let is_said = |key: &&String| own.get(*key) != usual.get(*key) || (!is_shipped && is_swept(key));
    let differing = keys.into_iter().filter(is_said);
    let mut differing: Vec<&String> = differing.collect();
    // What a recipe has says more than what it lacks.
    let rank = |key: &&String| (!is_own(key), !is_swept(key), !own.contains_key(*key));
    differing.sort_by_key(rank);
    let leading = differing.iter().filter(|key| is_own(key) || is_swept(key)).count();
    (differing.into_iter().map(|key| Setting { key: key.clone(), value: own.get(key).cloned() }).collect(), leading)
}

/// The names of the parts of a run's recipe that are not shipped.
fn own_parts(run: &Run) -> Vec<String> {
    let provenance = run.record.provenance.iter();
    provenance.flat_map(|provenance| provenance.parts.iter().map(|part| part.name.clone())).collect()
}

fn row(group: &Group, (settings, leading): (Vec<Setting>, usize)) -> Row {
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
        settings,
        leading,
        dataset: first.dataset.name.clone(),
        dataset_identity: first.dataset.identity.clone(),
        held_out: first.held_out.map(|held_out| held_out.share),
        epochs: first.epochs,
        epochs_shown: run_group::epochs_shown(runs),
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

/// A column of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Runs,
    Recipe,
    Dataset,
    Epochs,
    Resolution,
    Seeds,
    Top1,
    Correct,
    Device,
    Engine,
    TrainingSeconds,
}

/// The columns of a Markdown table.
const COLUMNS: [Column; 11] = [
    Column::Runs,
    Column::Recipe,
    Column::Dataset,
    Column::Epochs,
    Column::Resolution,
    Column::Seeds,
    Column::Top1,
    Column::Correct,
    Column::Device,
    Column::Engine,
    Column::TrainingSeconds,
];
/// The columns that fit a terminal.
const TERMINAL: [Column; 8] = [
    Column::Runs,
    Column::Recipe,
    Column::Dataset,
    Column::Epochs,
    Column::Seeds,
    Column::Top1,
    Column::Device,
    Column::TrainingSeconds,
];
/// Settings that have a column of their own, where a table has it.
const IN_COLUMNS: [(&str, Column); 4] = [
    ("epochs", Column::Epochs),
    ("hold_out", Column::Dataset),
    ("precision", Column::Device),
    ("resolution", Column::Resolution),
];

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Recipe => "recipe",
            Self::Dataset => "dataset",
            Self::Epochs => "epochs",
            Self::Resolution => "px",
            Self::Seeds => "seeds",
            Self::Top1 => "top-1 %",
            Self::Correct => "correct",
            Self::Device => "computed by",
            Self::Engine => "made by",
            Self::TrainingSeconds => "training s",
        }
    }

    /// Whether its cells are set to the right.
    fn is_number(self) -> bool {
        matches!(self, Self::Epochs | Self::Top1 | Self::TrainingSeconds)
    }

    fn cell(self, row: &Row, columns: &[Self], settings: usize) -> String {
        match self {
            Self::Runs => row.place.display().to_string(),
            Self::Recipe => match differences_in_words(row, columns, settings) {
                words if words.is_empty() => row.recipe.clone(),
                words => format!("{} ({words})", row.recipe),
            },
            Self::Dataset => match row.held_out {
                None => row.dataset.clone(),
                Some(share) => format!("{}, held-out {share}", row.dataset),
            },
            Self::Epochs => row.epochs_shown.clone(),
            Self::Resolution => row.resolution_px.clone(),
            Self::Seeds => seeds(&row.seeds),
            Self::Top1 => match row.top_1.standard_deviation {
                Some(sd) => format!("{:.2} ± {:.2}", 100.0 * row.top_1.mean, 100.0 * sd),
                None => format!("{:.2}", 100.0 * row.top_1.mean),
            },
            Self::Correct => correct(row),
            Self::Device => row.devices.join("; "),
            Self::Engine => engines(&row.engines),
            Self::TrainingSeconds => format!("{:.0}", row.training_seconds),
        }
    }
}

/// At most so many of the settings that have no column of their own among these, and of those that lead the first few
/// in any case: `optimizer.steps = 3; no ema.decay; and 2 more`.
fn differences_in_words(row: &Row, columns: &[Column], most: usize) -> String {
    let has_no_column =
        |setting: &&Setting| !IN_COLUMNS.iter().any(|(key, column)| setting.key == *key && columns.contains(column));
    let settings: Vec<&Setting> = row.settings.iter().filter(has_no_column).collect();
    let leading = row.settings[..row.leading].iter().filter(has_no_column).count();
    let most = most.max(leading.min(LEADING));
    let words = settings.iter().take(most).map(|Setting { key, value }| match value {
        Some(value) => format!("{key} = {value}"),
        None => format!("no {key}"),
    });
    let mut words: Vec<String> = words.collect();
    if settings.len() > most {
        words.push(format!("and {} more", settings.len() - most));
    }
    words.join("; ")
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

fn engines(engines: &[String]) -> String {
    match engines {
        [first, second, third, ..] => format!("{first}, {second}, {third} …"),
        engines => engines.join(", "),
    }
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

/// The cells of each line, padded to the width of their column.
fn aligned(lines: &[Vec<String>], columns: &[Column]) -> Vec<Vec<String>> {
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let padded = |line: &Vec<String>| {
        let cells = line.iter().zip(columns).zip(&widths).map(|((cell, column), &width)| match column.is_number() {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        cells.collect()
    };
    lines.iter().map(padded).collect()
}
