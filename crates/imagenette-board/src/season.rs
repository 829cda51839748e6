//! A season: what may be entered, and by which rules it is judged. `board/seasons/NAME.toml` goes in; challenges with
//! their sources and limits come out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use imagenette_files::format::{Format, Head};
use imagenette_files::hash::sha256;
use imagenette_files::nearest::did_you_mean;
use imagenette_files::{FileError, input};
use imagenette_results::prices::{Market, PriceTable};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::{BoardError, Result};
use crate::text::is_plain_name;

/// The format of a season's file.
pub const FORMAT: Format = Format { name: "imagenette-season", oldest: 1, newest: 1 };
/// The folder of seasons below the board's.
pub const SEASONS: &str = "seasons";
const HINT: &str = "compare it with board/seasons/2026.toml; docs/leaderboard.md says what each key is";
/// The most challenges of a season, and seeds of an entry.
const MOST_CHALLENGES: usize = 1000;
const MOST_SEEDS: u32 = 9;

/// A season's file as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeasonFile {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u32,
    name: String,
    opens: Date,
    closes: Date,
    /// Engines whose runs are taken; none means any.
    #[serde(default)]
    engines: Vec<Engine>,
    rules: Rules,
    prices: Prices,
    #[serde(default)]
    speed: BTreeMap<String, f64>,
    sources: Vec<Source>,
    challenges: Vec<ChallengeGroup>,
}

/// An engine whose runs are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The hash that records name.
    pub sha256: String,
    /// The first commit that had it.
    pub commit: String,
}

/// How entries are judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Dealt seeds of an entry that is ranked.
    pub seeds: u32,
    /// The lead changes at a smaller p than this, one-sided, paired by photo.
    pub p: f64,
    /// Fresh seeds that confirm an entry, and of one of so many epochs or more.
    pub fresh_seeds: u32,
    /// Fresh seeds of an entry of [`Rules::long_epochs`] or more.
    pub fresh_seeds_long: u32,
    /// From how many epochs on an entry is long.
    pub long_epochs: u32,
}

/// The price list of a season.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    /// The file below the board's folder.
    file: String,
    sha256: String,
}

/// A dataset that runs are trained on: an edition of photos from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name: `imagenette2-160`.
    pub name: String,
    /// Which photos, in which split: `imagenette2`.
    pub edition: String,
    /// The hash of its content, where it is known.
    #[serde(default)]
    pub identity: Option<String>,
    /// What it is installed from.
    pub archives: Vec<SourceArchive>,
    /// Photos in the train split.
    pub train: u64,
    /// Photos in the val split.
    pub val: u64,
    /// sha256 of the sorted paths of the val photos (`val/n01440764/….JPEG`), each followed by a newline.
    pub val_sha256: String,
    /// What a reader should know of it.
    #[serde(default)]
    pub note: Option<String>,
}

/// An archive that a source is installed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceArchive {
    /// As records name it: `imagenette2-160.tgz (now)`.
    pub name: String,
    /// Its hash, where it is known.
    #[serde(default)]
    pub sha256: Option<String>,
}

/// Challenges of the same kind: every combination of its lists.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChallengeGroup {
    sources: Vec<String>,
    #[serde(default)]
    resolutions: Vec<u32>,
    #[serde(default)]
    epochs: Vec<u32>,
    #[serde(default)]
    dollars: Vec<f64>,
    #[serde(default)]
    tasks: Vec<String>,
}

/// What an entry may spend.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Limit {
    /// Epochs over the train split.
    Epochs {
        /// At most so many.
        epochs: u32,
    },
    /// Dollars at the season's prices.
    Dollars {
        /// At most so many.
        dollars: f64,
    },
    /// Labels: a task of little data, over its draws 1, 2, 3.
    Task {
        /// The task's name: `labels-10%`.
        task: String,
    },
}

impl Limit {
    /// The kind in a word, as filters name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Epochs { .. } => "epochs",
            Self::Dollars { .. } => "dollars",
            Self::Task { .. } => "task",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epochs { epochs } => write!(out, "{epochs} epochs"),
            Self::Dollars { dollars } => write!(out, "${dollars:.2}"),
            Self::Task { task } => write!(out, "task {task}"),
        }
    }
}

/// One thing to enter for: photos, resolution and what may be spent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Challenge {
    /// Its name and folder: `imagenette2-160-128px-epochs-5`.
    pub name: String,
    /// The name of its source.
    pub source: String,
    /// The largest resolution, in pixels, of training and evaluation; `None` where any may be taken.
    pub px: Option<u32>,
    /// What may be spent.
    pub limit: Limit,
}

impl Challenge {
    fn new(source: &str, px: Option<u32>, limit: Limit) -> Self {
        let px_part = px.map_or(String::new(), |px| format!("-{px}px"));
        let limit_part = match &limit {
            Limit::Epochs { epochs } => format!("epochs-{epochs}"),
            Limit::Dollars { dollars } => format!("dollars-{dollars:.2}"),
            Limit::Task { task } => task.replace('%', "-percent"),
        };
        Self { name: format!("{source}{px_part}-{limit_part}"), source: source.into(), px, limit }
    }

    /// What it is in words: `imagenette2-160, 128 px, 5 epochs`.
    pub fn title(&self) -> String {
        let px = self.px.map_or(String::new(), |px| format!("{px} px, "));
        format!("{}, {px}{}", self.source, self.limit)
    }

    /// How many seeds an entry has that is ranked: those of the rules; of a task one for each of its draws 1, 2, 3.
    pub fn seeds(&self, rules: &Rules) -> u32 {
        if matches!(self.limit, Limit::Task { .. }) { 3 } else { rules.seeds }
    }
}

/// A season, read and checked.
#[derive(Debug, Clone)]
pub struct Season {
    /// Its name: `2026`.
    pub name: String,
    /// The first day of entries.
    pub opens: Date,
    /// The last one.
    pub closes: Date,
    /// Engines whose runs are taken in the divisions that this program trains; empty means any.
    pub engines: Vec<Engine>,
    /// How entries are judged.
    pub rules: Rules,
    /// What machines cost.
    pub prices: PriceTable,
    /// sha256 of the price list.
    pub prices_sha256: String,
    /// The most floating-point operations a second of a core, in thousands of millions, by kernel level.
    pub speed: BTreeMap<String, f64>,
    /// Its sources.
    pub sources: Vec<Source>,
    /// Its challenges.
    pub challenges: Vec<Challenge>,
    /// sha256 of the file.
    pub sha256: String,
}

impl Season {
    /// Reads a season of this name below a board's folder, with its price list.
    ///
    /// # Errors
    /// When a file cannot be read, has unknown keys, or says what cannot be.
    pub fn read(board: &Path, name: &str) -> Result<Self> {
        if !is_plain_name(name, 40) {
            let message = format!("expected the name of a season, found `{}`", name.escape_debug());
            return Err(BoardError::refused(message, "seasons are named like 2026"));
        }
        let path = board.join(SEASONS).join(format!("{name}.toml"));
        let text = input::read_text(&path, input::TEXT_BYTES)?;
        Self::from_toml(&path, &text, board)
    }

    /// The newest season of a board.
    ///
    /// # Errors
    /// As [`Season::read`], and when there is none.
    pub fn newest(board: &Path) -> Result<Self> {
        let folder = board.join(SEASONS);
        let entries = std::fs::read_dir(&folder).map_err(FileError::io("list", &folder))?;
        let named = |entry: std::io::Result<std::fs::DirEntry>| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".toml").map(str::to_owned).filter(|name| is_plain_name(name, 40))
        };
        let newest = entries.filter_map(named).max().ok_or_else(|| {
            FileError::malformed(&folder, "a season's file", "none", "name the board's folder with --board board")
        })?;
        Self::read(board, &newest)
    }

    fn from_toml(path: &Path, text: &str, board: &Path) -> Result<Self> {
        let malformed = |found: String| FileError::malformed(path, FORMAT.expected(), found, HINT);
        let head: Head = toml::from_str(text).map_err(|error| malformed(plain_toml(&error)))?;
        FORMAT.check(path, &head, HINT)?;
        let file: SeasonFile = toml::from_str(text).map_err(|error| malformed(plain_toml(&error)))?;
        if let Some(found) = file.impossible() {
            return Err(malformed(found).into());
        }
        let challenges = file.expanded().map_err(malformed)?;
        let prices = board.join(&file.prices.file);
        let bytes = input::read(&prices, input::TEXT_BYTES)?;
        let found = sha256(&bytes);
        if found != file.prices.sha256 {
            let expected = format!("the price list of season {} (sha256 {})", file.name, file.prices.sha256);
            let hint = "prices of a season never change: take the file back, or begin another season";
            return Err(FileError::malformed(&prices, expected, found, hint).into());
        }
        Ok(Self {
            name: file.name,
            opens: file.opens,
            closes: file.closes,
            engines: file.engines,
            rules: file.rules,
            prices: PriceTable::read(&prices)?,
            prices_sha256: found,
            speed: file.speed,
            sources: file.sources,
            challenges,
            sha256: sha256(text),
        })
    }

    /// A challenge by its name.
    ///
    /// # Errors
    /// When there is none, with the nearest.
    pub fn challenge(&self, name: &str) -> Result<&Challenge> {
        self.challenges.iter().find(|challenge| challenge.name == name).ok_or_else(|| {
            let names = self.challenges.iter().map(|challenge| challenge.name.as_str());
            let message = format!("expected a challenge of season {}, found `{}`", self.name, name.escape_debug());
            BoardError::refused(
                message,
                format!("{}; `imagenette board rank --all` lists them", did_you_mean(name, names)),
            )
        })
    }

    /// A challenge's source.
    pub fn source(&self, challenge: &Challenge) -> &Source {
        let found = self.sources.iter().find(|source| source.name == challenge.source);
        found.expect("challenges name sources that are there")
    }

    /// What a machine of the price list costs an hour: the median of its zones as a spot machine, or where that is not
    /// known on demand; `None` of a machine that is not in the list.
    pub fn price(&self, machine: &str) -> Option<f64> {
        let machine = &self.prices.machine(machine).ok()?.machine;
        let price = machine.price(Market::Spot).or_else(|| machine.price(Market::OnDemand))?;
        Some(price.dollars())
    }
}

impl SeasonFile {
    /// What of it cannot be.
    fn impossible(&self) -> Option<String> {
        let Rules { seeds, p, fresh_seeds, fresh_seeds_long, long_epochs } = self.rules;
        let counts = [seeds, fresh_seeds, fresh_seeds_long];
        if !is_plain_name(&self.name, 40) || self.closes < self.opens {
            return Some("a season without a plain name, or that ends before it begins".into());
        }
        if counts.iter().any(|count| !(1..=MOST_SEEDS).contains(count)) || seeds < 2 || long_epochs == 0 {
            return Some(format!("[rules] with other than 2 to {MOST_SEEDS} seeds, or 1 to {MOST_SEEDS} fresh ones"));
        }
        if !(p > 0.0 && p < 0.5) {
            return Some(format!("[rules] with p = {p}"));
        }
        if self.prices.file.split('/').any(|part| part == ".." || part.is_empty()) {
            return Some(format!("prices outside the board's folder: `{}`", self.prices.file));
        }
        if let Some((level, _)) = self.speed.iter().find(|(_, most)| !(**most > 0.0 && most.is_finite())) {
            return Some(format!("[speed] of {level} that is not above 0"));
        }
        let mut names = BTreeSet::new();
        self.sources.iter().find_map(|source| {
            let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let hashes = source.archives.iter().filter_map(|archive| archive.sha256.as_ref()).chain(&source.identity);
            let wrong = !is_plain_name(&source.name, 60)
                || !names.insert(&source.name)
                || source.val == 0
                || source.train == 0
                || source.archives.is_empty()
                || hashes.chain([&source.val_sha256]).any(|hash| !is_hash(hash));
            wrong.then(|| format!("the source `{}`, which is there twice, empty or without hashes", source.name))
        })
    }

    /// Every challenge, in the order of the file.
    fn expanded(&self) -> Result<Vec<Challenge>, String> {
        let mut challenges: Vec<Challenge> = Vec::new();
        for group in &self.challenges {
            let px: Vec<Option<u32>> = match group.resolutions.as_slice() {
                [] => vec![None],
                all => all.iter().copied().map(Some).collect(),
            };
            if group.epochs.contains(&0) || group.dollars.iter().any(|dollars| !(*dollars > 0.0 && *dollars < 1e6)) {
                return Err("a challenge of nothing".into());
            }
            let limits: Vec<Limit> = (group.epochs.iter().map(|&epochs| Limit::Epochs { epochs }))
                .chain(group.dollars.iter().map(|&dollars| Limit::Dollars { dollars }))
                .chain(group.tasks.iter().cloned().map(|task| Limit::Task { task }))
                .collect();
            for source in &group.sources {
                if !self.sources.iter().any(|known| known.name == *source) {
                    return Err(format!("a challenge on `{source}`, which is no source of the season"));
                }
                for (px, limit) in px.iter().flat_map(|px| limits.iter().map(move |limit| (px, limit))) {
                    let challenge = Challenge::new(source, *px, limit.clone());
                    if challenges.iter().any(|known| known.name == challenge.name) {
                        return Err(format!("the challenge {} twice", challenge.name));
                    }
                    if challenges.len() == MOST_CHALLENGES {
                        return Err(format!("more than {MOST_CHALLENGES} challenges"));
                    }
                    challenges.push(challenge);
                }
            }
        }
        if challenges.is_empty() { Err("no challenge".into()) } else { Ok(challenges) }
    }
}

/// A TOML error in a line.
pub(crate) fn plain_toml(error: &toml::de::Error) -> String {
    error.message().split_whitespace().collect::<Vec<_>>().join(" ")
}
