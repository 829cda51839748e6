//! An entry: its folder goes in; what its author says, what its runs reached and what they cost come out, or faults.

use std::fmt;
use std::path::Path;

use imagenette_files::format::{Format, Head};
use imagenette_files::hash::sha256;
use imagenette_files::input;
use imagenette_recipe::{AnyParts, Recipe};
use imagenette_results::check::Twins;
use imagenette_results::run_folder::{HISTORY_FILE, PREDICTIONS_FILE, RECIPE_FILE, RECORD_FILE, SOURCE_FILE};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::confirmation::Confirmation;
use crate::deal;
use crate::fault::Fault;
use crate::folder::{self, Allowed};
use crate::rules;
use crate::season::{Challenge, Limit, Season, plain_toml};
use crate::seed_run::{self, SeedRun, ValLists};
use crate::text;

/// The format of `entry.toml`.
pub const FORMAT: Format = Format { name: "imagenette-entry", oldest: 1, newest: 1 };
/// What an author says of an entry.
pub const ENTRY_FILE: &str = "entry.toml";
/// What an author tells about it.
pub const README_FILE: &str = "README.md";

const ENTRY_HINT: &str = "docs/leaderboard.md has an entry.toml with every key";
/// The largest files of an entry, in bytes.
const SMALL: u64 = 16 << 10;
const TEXT: u64 = 64 << 10;
const SOURCE: u64 = 1 << 20;
/// Letters of a title and of an author's name.
const LINE: usize = 80;
/// Letters of notes.
const NOTES: usize = 2000;
/// Files of a seed's folder.
pub(crate) const OF_SEED: [Allowed; 3] = [
    Allowed { name: RECORD_FILE, most_bytes: 256 << 10, is_needed: true },
    Allowed { name: HISTORY_FILE, most_bytes: 5 << 20, is_needed: true },
    Allowed { name: PREDICTIONS_FILE, most_bytes: 256 << 10, is_needed: true },
];
const OF_ENTRY: [Allowed; 4] = [
    Allowed { name: ENTRY_FILE, most_bytes: SMALL, is_needed: true },
    Allowed { name: README_FILE, most_bytes: TEXT, is_needed: true },
    Allowed { name: RECIPE_FILE, most_bytes: TEXT, is_needed: false },
    Allowed { name: SOURCE_FILE, most_bytes: SOURCE, is_needed: false },
];

/// By what an entry's networks were trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Division {
    /// This program and its own parts: a recipe is all that differs.
    Recipe,
    /// This program with parts of the author's, whose source is in the entry.
    OwnParts,
    /// Any program: predictions, and a link to its code.
    Open,
}

impl Division {
    /// All of them, in the order of the pages.
    pub const ALL: [Self; 3] = [Self::Recipe, Self::OwnParts, Self::Open];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recipe => "recipe",
            Self::OwnParts => "own-parts",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for Division {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if *self == Self::OwnParts { "own parts" } else { self.name() })
    }
}

/// How much is known of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Badge {
    /// Its predictions were counted; how they came about is its author's word.
    Stated,
    /// Its runs' files belong together and follow from recipe and dealt seeds.
    Checked,
    /// Fresh seeds, dealt after it was taken in and run by a keeper, bear it out.
    Confirmed,
}

impl Badge {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Checked => "checked",
            Self::Confirmed => "confirmed",
        }
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Whether an entry's seeds were dealt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seeds {
    /// By [`deal`].
    #[default]
    Dealt,
    /// By its author: it is shown, and not ranked.
    Chosen,
}

/// `entry.toml`: what an author says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryFile {
    /// `imagenette-entry`.
    pub format: String,
    /// The version of this format.
    pub version: u32,
    /// The season that it is entered in.
    pub season: String,
    /// The challenge, which is the name of the folder above.
    pub challenge: String,
    /// What it is, in a line.
    pub title: String,
    /// Whose it is.
    pub author: String,
    /// By what its networks were trained.
    pub division: Division,
    /// A link to the code with the commit's 40 digits in it.
    pub code: String,
    /// How many runs were made until it was found; self-declared, not ranked.
    pub runs_tried: u64,
    /// Whether its seeds were dealt.
    #[serde(default)]
    pub seeds: Seeds,
    /// The machine's type in the season's price list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// What was paid in fact: it is shown, not ranked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_dollars: Option<f64>,
    /// What shows that it was this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_evidence: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What an entry of the open division cost, by its author's word; in no other division.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
}

/// What a run of any program cost, by its author's word.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// Epochs over the train split.
    pub epochs: u32,
    /// Seconds of all of a run, from its start to its end.
    pub seconds: f64,
    /// Floating-point operations of a run's training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flop: Option<f64>,
}

/// What a run of an entry costs, on average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Costs {
    /// Epochs over the train split.
    pub epochs: u32,
    /// Seconds of training.
    pub seconds: f64,
    /// Floating-point operations of training.
    pub flop: Option<f64>,
    /// Dollars at the season's prices.
    pub dollars: Option<f64>,
}

/// A photo that every seed of an entry gets wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlwaysWrong {
    /// Its path below the dataset's folder.
    pub sample: String,
    /// The class that most seeds give it.
    pub class: String,
}

/// What was found in an entry's folder.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name of its challenge.
    pub challenge: String,
    /// Its folder's name: `2026-12-01_muon-cutmix`.
    pub name: String,
    /// The day that its folder names.
    pub date: Date,
    /// What its author says.
    pub file: EntryFile,
    /// How much is known of it.
    pub badge: Badge,
    /// Its runs, by number.
    pub seeds: Vec<SeedRun>,
    /// For each val photo, in the order of their paths, how many seeds got it right.
    pub right: Vec<u32>,
    /// The classes, by id.
    pub classes: Vec<String>,
    /// `confusion[actual][predicted]` counts photos over all seeds.
    pub confusion: Vec<Vec<u64>>,
    /// Photos that all seeds get wrong.
    pub always_wrong: Vec<AlwaysWrong>,
    /// Its recipe as it was given; `None` in the open division.
    pub recipe: Option<String>,
    /// Hash of the source of its own parts; `None` where it has none.
    pub source_sha256: Option<String>,
    /// What its seeds are dealt from.
    pub dealt_from: String,
    /// What its author tells.
    pub readme: String,
    /// Why it is not ranked; `None` where it is.
    pub unranked: Option<String>,
    /// What a keeper found.
    pub confirmations: Vec<Confirmation>,
    /// What a run costs, on average.
    pub costs: Costs,
    /// Hash of `entry.toml`, `README.md`, the recipe and the records.
    pub sha256: String,
}

impl Entry {
    /// Its folder below the board's: `entries/CHALLENGE/NAME`.
    pub fn path(&self) -> String {
        format!("entries/{}/{}", self.challenge, self.name)
    }

    /// Top-1 of each seed, fractions.
    pub fn accuracies(&self) -> Vec<f64> {
        self.seeds.iter().map(|seed| seed.result.accuracy()).collect()
    }

    /// Mean top-1 over its seeds.
    pub fn mean(&self) -> f64 {
        imagenette_results::statistics::mean(&self.accuracies()).unwrap_or(0.0)
    }

    /// The sample standard deviation over its seeds; `None` of one.
    pub fn standard_deviation(&self) -> Option<f64> {
        imagenette_results::statistics::standard_deviation(&self.accuracies())
    }

    /// Val photos.
    pub fn photos(&self) -> u64 {
        self.right.len() as u64
    }
}

/// A folder that is to be an entry.
pub(crate) struct Candidate<'b> {
    /// The board's folder.
    pub(crate) root: &'b Path,
    pub(crate) season: &'b Season,
    pub(crate) challenge: &'b Challenge,
    /// The folder's name.
    pub(crate) name: &'b str,
    /// Its path on the disk.
    pub(crate) folder: &'b Path,
    pub(crate) lists: &'b ValLists,
}

impl Candidate<'_> {
    fn shown(&self) -> String {
        format!("entries/{}/{}", self.challenge.name, self.name)
    }

    /// Reads and checks it. The entry is there only where nothing is wrong with it.
    pub(crate) fn check(&self) -> (Option<Entry>, Vec<Fault>) {
        let mut faults = Vec::new();
        let entry = self.checked(&mut faults);
        faults.sort();
        faults.dedup();
        let entry = entry.filter(|_| faults.is_empty());
        (entry, faults)
    }

    fn checked(&self, faults: &mut Vec<Fault>) -> Option<Entry> {
        let shown = self.shown();
        let date = self.date(faults);
        let names = match folder::list(self.folder, &shown, faults) {
            Ok(names) => names,
            Err(error) => {
                faults.push(Fault::new(&shown, "a folder that can be read", error.to_string(), "make it readable"));
                return None;
            }
        };
        let most = self.challenge.seeds(&self.season.rules);
        let is_seed = |name: &str| (1..=most).any(|number| name == format!("s{number}"));
        let folders = folder::hold_to(&names, &shown, &OF_ENTRY, is_seed, faults);
        let read = |name: &str, faults: &mut Vec<Fault>| read_text(self.folder, &shown, name, faults);
        // What has another kind or is too large is never opened.
        if !faults.is_empty() {
            return None;
        }
        let file_text = read(ENTRY_FILE, faults)?;
        let readme = read(README_FILE, faults)?;
        let file = self.entry_file(&file_text, faults)?;
        if let Some(wrong) = text::wrong_text(&readme) {
            let hint = "write it as plain text";
            faults.push(Fault::new(format!("{shown}/{README_FILE}"), "letters that are seen", wrong, hint));
        }
        let has = |name: &str| names.iter().any(|(known, _)| known == name);
        let is_open = file.division == Division::Open;
        let recipe_text = match (has(RECIPE_FILE), is_open) {
            (true, false) => Some(read(RECIPE_FILE, faults)?),
            (false, true) => None,
            (is_there, _) => {
                let (expected, found) =
                    if is_there { ("no recipe", "one") } else { ("the recipe of its runs", "none") };
                let hint = "the open division has none; the others have the recipe.toml of their runs";
                faults.push(Fault::new(format!("{shown}/{RECIPE_FILE}"), expected, found, hint));
                return None;
            }
        };
        let source = if has(SOURCE_FILE) { Some(read(SOURCE_FILE, faults)?) } else { None };
        let source_sha256 = source.as_ref().map(sha256);
        if source.is_some() != (file.division == Division::OwnParts) {
            let expected = "the source of own parts, in the division own-parts alone";
            let found = if source.is_some() { "one" } else { "none" };
            let hint = "runs with own parts keep it as source.txt: take it from there";
            faults.push(Fault::new(format!("{shown}/{SOURCE_FILE}"), expected, found, hint));
        }
        let recipe = match &recipe_text {
            Some(recipe) => Some(self.recipe(recipe, faults)?),
            None => None,
        };
        let dealt_from = match &recipe {
            Some(recipe) => deal::recipe_hash(recipe),
            None => deal::code_hash(&file.code),
        };
        let numbers = self.numbers(&folders, &file, faults)?;
        let runs = seed_run::Runs {
            root: self.root,
            season: self.season,
            challenge: self.challenge,
            file: &file,
            date,
            recipe: recipe.as_ref().zip(recipe_text.as_deref()),
            recipe_path: format!("{shown}/{RECIPE_FILE}"),
            source_sha256: source_sha256.clone(),
            lists: self.lists,
            read: std::sync::Mutex::default(),
        };
        let mut found = Vec::new();
        for number in numbers {
            let seed = deal::seed(&self.season.name, &dealt_from, number);
            let seed = (file.seeds == Seeds::Dealt).then_some(seed);
            let name = format!("s{number}");
            found.push(runs.check(&self.folder.join(&name), &format!("{shown}/{name}"), number, seed, faults)?);
        }
        self.twins(&found, faults);
        rules::same_arithmetic(&shown, &found, faults);
        if !faults.is_empty() {
            return None;
        }
        let hashed = [&file_text, &readme].into_iter().chain(&recipe_text).map(String::as_str);
        let records = found.iter().map(|run| run.evidence_sha256.as_str());
        let sha256 = sha256(hashed.chain(records).map(sha256_line).collect::<String>());
        let counted = seed_run::Counted::of(&found)?;
        let is_checked = !is_open;
        let costs = runs.costs(&found);
        let unranked = self.unranked(&file, found.len(), &costs);
        Some(Entry {
            challenge: self.challenge.name.clone(),
            name: self.name.into(),
            date: date?,
            badge: if is_checked { Badge::Checked } else { Badge::Stated },
            right: counted.right,
            classes: counted.classes,
            confusion: counted.confusion,
            always_wrong: counted.always_wrong,
            seeds: found.into_iter().map(|run| run.seed_run).collect(),
            recipe: recipe_text,
            source_sha256,
            dealt_from,
            readme,
            unranked,
            confirmations: Vec::new(),
            costs,
            sha256,
            file,
        })
    }

    /// The day of the folder's name, and whether it is one of the season.
    fn date(&self, faults: &mut Vec<Fault>) -> Option<Date> {
        let (date, name) = self.name.split_once('_').unwrap_or_default();
        let day = (date.len() == 10).then(|| date.parse::<Date>().ok()).flatten();
        let Some(day) = day.filter(|_| text::is_plain_name(name, 60)) else {
            let expected = "a folder named like 2026-12-01_muon-cutmix, in small letters, digits and hyphens";
            faults.push(Fault::new(self.shown(), expected, "another name", "rename it"));
            return None;
        };
        let Season { opens, closes, name, .. } = self.season;
        if !(*opens..=*closes).contains(&day) {
            let expected = format!("a day of season {name}, {opens} to {closes}");
            faults.push(Fault::new(self.shown(), expected, day.to_string(), "name the day on which you enter it"));
        }
        Some(day)
    }

    fn entry_file(&self, text: &str, faults: &mut Vec<Fault>) -> Option<EntryFile> {
        let shown = format!("{}/{ENTRY_FILE}", self.shown());
        let mut fault = |expected: String, found: String| {
            faults.push(Fault::new(&shown, expected, found, ENTRY_HINT));
        };
        let head: Head = match toml::from_str(text) {
            Ok(head) => head,
            Err(error) => {
                fault(FORMAT.expected(), plain_toml(&error));
                return None;
            }
        };
        if let Err(error) = FORMAT.check(Path::new(&shown), &head, ENTRY_HINT) {
            faults.push(Fault::of_file(&shown, &error));
            return None;
        }
        let file: EntryFile = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                fault(FORMAT.expected(), plain_toml(&error));
                return None;
            }
        };
        if file.season != self.season.name {
            fault(format!("season = \"{}\"", self.season.name), format!("`{}`", file.season));
        }
        if file.challenge != self.challenge.name {
            fault(
                format!("challenge = \"{}\", the folder above", self.challenge.name),
                format!("`{}`", file.challenge),
            );
        }
        let lines = [("title", Some(&file.title), LINE), ("author", Some(&file.author), LINE)];
        let notes = [("price_evidence", file.price_evidence.as_ref(), NOTES), ("machine", file.machine.as_ref(), LINE)];
        for (key, line, most) in lines.into_iter().chain(notes) {
            if let Some(wrong) = line.and_then(|line| text::wrong_line(line, most)) {
                fault(format!("`{key}`: a line of at most {most} plain letters"), wrong);
            }
        }
        if let Some(notes) = &file.notes {
            let long = (notes.chars().count() > NOTES).then(|| format!("{} letters", notes.chars().count()));
            if let Some(wrong) = long.or_else(|| text::wrong_text(notes)) {
                fault(format!("`notes`: a text of at most {NOTES} plain letters"), wrong);
            }
        }
        if let Some(wrong) = text::wrong_code_link(&file.code) {
            fault("`code`: an https link with the 40 digits of a commit".into(), wrong.into());
        }
        if file.runs_tried == 0 {
            fault(
                "`runs_tried`: how many runs were made until it was found, those of the entry included".into(),
                "0".into(),
            );
        }
        if file.paid_dollars.is_some_and(|paid| !(0.0..1e6).contains(&paid)) {
            fault("`paid_dollars` from 0 on".into(), "another number".into());
        }
        if file.stated.is_some() != (file.division == Division::Open) {
            let expected = "[stated] in the division open, and in no other: records say what runs cost";
            fault(expected.into(), if file.stated.is_some() { "one" } else { "none" }.into());
        }
        if let Some(Stated { epochs, seconds, flop }) = file.stated {
            let is_number = |number: f64| number > 0.0 && number < 1e30;
            if epochs == 0 || !is_number(seconds) || flop.is_some_and(|flop| !is_number(flop)) {
                fault(
                    "[stated] with epochs, seconds and flop above 0".into(),
                    format!("{epochs} epochs, {seconds} seconds"),
                );
            }
        }
        if file.machine.as_ref().is_some_and(|machine| self.season.price(machine).is_none()) {
            let found = format!("`{}`", file.machine.as_deref().unwrap_or_default());
            fault("`machine`: one of the season's price list, or none".into(), found);
        }
        Some(file)
    }

    fn recipe(&self, text: &str, faults: &mut Vec<Fault>) -> Option<Recipe> {
        let shown = format!("{}/{RECIPE_FILE}", self.shown());
        match Recipe::from_toml_with(text, &[], &AnyParts) {
            Ok(recipe) => {
                let before = faults.len();
                rules::recipe(&shown, &recipe, self.challenge, faults);
                // Steps of a recipe that breaks its limits are not planned.
                (faults.len() == before).then_some(recipe)
            }
            Err(error) => {
                faults.push(Fault::of_recipe(&shown, &error));
                None
            }
        }
    }

    /// The numbers of its seeds: 1, 2, … without a gap, as many as the rules ask for or fewer.
    fn numbers(&self, folders: &[String], file: &EntryFile, faults: &mut Vec<Fault>) -> Option<Vec<u32>> {
        let mut numbers: Vec<u32> = folders.iter().filter_map(|name| name.strip_prefix('s')?.parse().ok()).collect();
        numbers.sort_unstable();
        let is_whole = !numbers.is_empty() && numbers.iter().copied().eq(1..=numbers.len() as u32);
        if !is_whole {
            let expected = match file.seeds {
                Seeds::Dealt => "the seeds s1, s2, … without a gap: all that were dealt, none left out",
                Seeds::Chosen => "the seeds s1, s2, … without a gap",
            };
            let found = if folders.is_empty() { "none".to_owned() } else { folders.join(", ") };
            faults.push(Fault::new(self.shown(), expected, found, "`imagenette board deal recipe.toml` names them"));
            return None;
        }
        if file.runs_tried < numbers.len() as u64 {
            let expected = format!("`runs_tried` of {} or more: the runs of the entry are among them", numbers.len());
            let hint = "count every run that was made until this was found";
            faults.push(Fault::new(
                format!("{}/{ENTRY_FILE}", self.shown()),
                expected,
                file.runs_tried.to_string(),
                hint,
            ));
            return None;
        }
        Some(numbers)
    }

    /// Runs of an entry that are one another's copy.
    fn twins(&self, found: &[seed_run::Checked], faults: &mut Vec<Fault>) {
        for (place, run) in found.iter().enumerate() {
            let copies = found[..place]
                .iter()
                .filter(|known| known.seed_run.predictions_sha256 == run.seed_run.predictions_sha256);
            let twins = found[..place]
                .iter()
                .find_map(|known| Twins::of(known.run.as_ref()?, run.run.as_ref()?).map(|twins| (twins.what, known)));
            let equal = twins.or_else(|| copies.map(|known| ("predictions", known)).next());
            if let Some((what, known)) = equal {
                let (file, expected) = (&run.shown, format!("{what} of its own"));
                let hint = "no two seeds give the same: put the run of this seed there";
                faults.push(Fault::new(file, expected, format!("those of s{}", known.seed_run.number), hint));
            }
        }
    }

    /// Why it is shown and not ranked.
    fn unranked(&self, file: &EntryFile, seeds: usize, costs: &Costs) -> Option<String> {
        let needed = self.challenge.seeds(&self.season.rules) as usize;
        if file.seeds == Seeds::Chosen {
            return Some("its seeds were chosen, not dealt".into());
        }
        if seeds < needed {
            let s = if seeds == 1 { "" } else { "s" };
            return Some(format!("{seeds} dealt seed{s}; {needed} are ranked"));
        }
        if matches!(self.challenge.limit, Limit::Dollars { .. }) && costs.dollars.is_none() {
            return Some("a machine that is on no price list".into());
        }
        None
    }
}

fn sha256_line(text: &str) -> String {
    sha256(text) + "\n"
}

/// A small text of an entry; what is wrong with it is a fault.
pub(crate) fn read_text(folder: &Path, shown: &str, name: &str, faults: &mut Vec<Fault>) -> Option<String> {
    let most = OF_ENTRY.iter().chain(&OF_SEED).find(|known| known.name == name).map_or(SMALL, |known| known.most_bytes);
    match input::read_text(&folder.join(name), most) {
        Ok(text) => Some(text),
        Err(error) => {
            faults.push(Fault::of_file(&format!("{shown}/{name}"), &error));
            None
        }
    }
}
