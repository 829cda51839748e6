//! A board's folder, read whole: every entry checked, what is wrong with any of them in lines, and nothing else done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use imagenette_files::nearest::did_you_mean;
use imagenette_files::{FileError, threads};

use crate::confirmation;
use crate::entry::{Badge, Candidate, Division, Entry};
use crate::error::{BoardError, Result};
use crate::fault::Fault;
use crate::folder::{self, Kind};
use crate::historic::{self, HistoricRow};
use crate::season::{SEASONS, Season};
use crate::seed_run::ValLists;

/// The folder of entries below the board's.
pub const ENTRIES: &str = "entries";
/// The folder of confirmations below the board's.
pub const CONFIRMATIONS: &str = "confirmations";
const FOLDERS: [&str; 5] = [SEASONS, ENTRIES, CONFIRMATIONS, "prices", "historic"];
/// Faults that are kept of a board: more say nothing new.
const MOST_FAULTS: usize = 10_000;

/// A board as it was read.
#[derive(Debug)]
pub struct Board {
    /// Its folder.
    pub root: PathBuf,
    /// Its newest season.
    pub season: Season,
    /// Entries in which nothing is wrong, by challenge and name.
    pub entries: Vec<Entry>,
    /// What is wrong with the others, and with what lies beside them.
    pub faults: Vec<Fault>,
    /// How many entries were looked at.
    pub looked_at: usize,
    /// The old board's rows.
    pub historic: Vec<HistoricRow>,
    /// Paths of the val photos of each source, sorted, by the hash of their list.
    pub(crate) lists: ValLists,
}

impl Board {
    /// Reads and checks a board's folder.
    ///
    /// # Errors
    /// When there is no season, or a folder cannot be listed. What is wrong with entries is in [`Board::faults`].
    pub fn read(root: &Path) -> Result<Self> {
        Self::read_with(root, None)
    }

    /// The same of one entry alone, `entries/CHALLENGE/NAME`; the others are left out.
    ///
    /// # Errors
    /// As [`Board::read`], and when there is no such entry.
    pub fn read_entry(root: &Path, path: &str) -> Result<Self> {
        let board = Self::read_with(root, Some(path))?;
        if board.looked_at == 0 && board.faults.is_empty() {
            let message = format!("{}: expected an entry, found none", root.join(path).display());
            return Err(BoardError::refused(message, "name its folder: board/entries/CHALLENGE/NAME"));
        }
        Ok(board)
    }

    fn read_with(root: &Path, only: Option<&str>) -> Result<Self> {
        let season = Season::newest(root)?;
        let historic = historic::read(root)?;
        let mut faults = Vec::new();
        top(root, &mut faults)?;
        let lists = ValLists::default();
        let found = candidates(root, &season, only, &mut faults)?;
        let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        threads::share(cores, || {
            while let Some((challenge, name)) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
                let challenge = &season.challenges[*challenge];
                let folder = root.join(ENTRIES).join(&challenge.name).join(name);
                let candidate = Candidate { root, season: &season, challenge, name, folder: &folder, lists: &lists };
                let checked = candidate.check();
                results.lock().expect("no thread panics while it adds").push(checked);
            }
        });
        let mut entries = Vec::new();
        for (entry, wrong) in results.into_inner().expect("no thread panicked while it added") {
            entries.extend(entry);
            faults.extend(wrong);
        }
        let key = |entry: &Entry| (entry.challenge.clone(), entry.date, entry.name.clone());
        entries.sort_by_cached_key(key);
        let looked_at = found.len();
        let mut board = Self { root: root.to_owned(), season, entries, faults, looked_at, historic, lists };
        board.refuse_copies();
        if only.is_none() {
            board.confirm()?;
        }
        board.faults.sort();
        board.faults.dedup();
        board.faults.truncate(MOST_FAULTS);
        Ok(board)
    }

    /// Refuses entries that are another one's: the same recipe in a challenge, or the same run under another author.
    fn refuse_copies(&mut self) {
        let mut by_recipe: BTreeMap<(&str, Division, &str), &Entry> = BTreeMap::new();
        let mut by_run: BTreeMap<&str, &Entry> = BTreeMap::new();
        let mut by_day: Vec<&Entry> = self.entries.iter().collect();
        by_day.sort_by(|one, other| one.date.cmp(&other.date).then(one.path().cmp(&other.path())));
        let mut refused: Vec<(String, Fault)> = Vec::new();
        for entry in by_day {
            let recipe = (entry.challenge.as_str(), entry.file.division, entry.dealt_from.as_str());
            let file = format!("{}/entry.toml", entry.path());
            if let Some(first) = by_recipe.get(&recipe) {
                let expected = "a recipe, or code, that is not in this challenge yet";
                let hint = "a recipe with another name, or other digits beyond the third, is the same one";
                refused.push((entry.path(), Fault::new(file, expected, format!("that of {}", first.name), hint)));
                continue;
            }
            let other = entry.seeds.iter().find_map(|seed| {
                let first = by_run.get(seed.predictions_sha256.as_str())?;
                let is_anothers = first.file.author != entry.file.author || first.challenge == entry.challenge;
                is_anothers.then_some((seed.number, *first))
            });
            if let Some((number, first)) = other {
                let found = format!("s{number} with the predictions of {}", first.path());
                let hint = "runs are their author's, and count once in a challenge";
                refused.push((entry.path(), Fault::new(file, "runs of its own", found, hint)));
                continue;
            }
            by_recipe.insert(recipe, entry);
            for seed in &entry.seeds {
                by_run.entry(&seed.predictions_sha256).or_insert(entry);
            }
        }
        let paths: Vec<&String> = refused.iter().map(|(path, _)| path).collect();
        self.entries.retain(|entry| !paths.contains(&&entry.path()));
        self.faults.extend(refused.into_iter().map(|(_, fault)| fault));
    }

    /// Reads the confirmations: entries get their badges.
    fn confirm(&mut self) -> Result<()> {
        let root = self.root.join(CONFIRMATIONS);
        if !root.is_dir() {
            return Ok(());
        }
        let mut faults = Vec::new();
        for challenge in folders(&root, CONFIRMATIONS, &mut faults)? {
            let shown = format!("{CONFIRMATIONS}/{challenge}");
            for name in folders(&root.join(&challenge), &shown, &mut faults)? {
                let shown = format!("{shown}/{name}");
                let known = self.entries.iter_mut().find(|entry| entry.challenge == challenge && entry.name == name);
                let Some(entry) = known else {
                    faults.push(Fault::new(
                        &shown,
                        "the name of an entry that holds",
                        "none",
                        "remove it, or mend the entry",
                    ));
                    continue;
                };
                let Ok(known) = self.season.challenge(&challenge) else { continue };
                for name in folders(&root.join(&challenge).join(&entry.name), &shown, &mut faults)? {
                    let folder = root.join(&challenge).join(&entry.name).join(&name);
                    let candidate = confirmation::Candidate {
                        root: &self.root,
                        season: &self.season,
                        challenge: known,
                        entry,
                        name: &name,
                        folder: &folder,
                        lists: &self.lists,
                    };
                    let found = candidate.check(&mut faults);
                    entry.confirmations.extend(found);
                }
                let bears_out = |known: &confirmation::Confirmation| known.bears_out;
                match entry.confirmations.as_slice() {
                    [] => {}
                    all if all.iter().all(bears_out) => entry.badge = Badge::Confirmed,
                    all => {
                        let p = all.iter().map(|known| known.p).fold(1.0, f64::min);
                        if p < self.season.rules.p {
                            entry.unranked = Some(format!("fresh seeds do not bear it out (p = {p:.1e})"));
                        }
                    }
                }
            }
        }
        self.faults.extend(faults);
        Ok(())
    }

    /// An entry by its path, `entries/CHALLENGE/NAME`.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path() == path)
    }
}

/// What lies in the board's folder beside what belongs there.
fn top(root: &Path, faults: &mut Vec<Fault>) -> Result<()> {
    for (name, kind) in folder::list(root, ".", faults)? {
        let is_known = match kind {
            Kind::Folder => FOLDERS.contains(&name.as_str()),
            Kind::File(_) => name == "README.md",
            Kind::Other(_) => false,
        };
        if !is_known {
            let expected = format!("{}, README.md", FOLDERS.join(", "));
            faults.push(Fault::new(&name, expected, "something else", "remove it"));
        }
    }
    for (name, _) in folder::list(&root.join(SEASONS), SEASONS, faults)? {
        let is_read = name.strip_suffix(".toml").is_some_and(|name| Season::read(root, name).is_ok());
        if !is_read {
            let hint = "`imagenette board check` reads each of them";
            faults.push(Fault::new(
                format!("{SEASONS}/{name}"),
                "a season's file",
                "another file, or a damaged one",
                hint,
            ));
        }
    }
    Ok(())
}

/// Folders in a folder; everything else is a fault.
fn folders(path: &Path, shown: &str, faults: &mut Vec<Fault>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, kind) in folder::list(path, shown, faults)? {
        match kind {
            Kind::Folder => found.push(name),
            // Git keeps no empty folder.
            Kind::File(0) if name == ".gitkeep" => {}
            kind => {
                let what = if let Kind::Other(what) = kind { what } else { "a file" };
                faults.push(Fault::new(format!("{shown}/{name}"), "folders alone", what, "remove it"));
            }
        }
    }
    Ok(found)
}

/// The folders that are to be entries: the place of their challenge, and their name.
fn candidates(
    root: &Path,
    season: &Season,
    only: Option<&str>,
    faults: &mut Vec<Fault>,
) -> Result<Vec<(usize, String)>> {
    let entries = root.join(ENTRIES);
    match std::fs::symlink_metadata(&entries) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::io("look at", &entries)(error).into()),
        Ok(found) if !found.is_dir() => {
            faults.push(Fault::new(ENTRIES, "a folder", "a file or a link", "remove it"));
            return Ok(Vec::new());
        }
        Ok(_) => {}
    }
    let mut found = Vec::new();
    for name in folders(&entries, ENTRIES, faults)? {
        let shown = format!("{ENTRIES}/{name}");
        if only.is_some_and(|only| !only.starts_with(&format!("{shown}/"))) {
            continue;
        }
        let Some(place) = season.challenges.iter().position(|challenge| challenge.name == name) else {
            let near = did_you_mean(&name, season.challenges.iter().map(|challenge| challenge.name.as_str()));
            let expected = format!("a challenge of season {}", season.name);
            faults.push(Fault::new(shown, expected, "another name", near));
            continue;
        };
        for entry in folders(&entries.join(&name), &shown, faults)? {
            if only.is_none_or(|only| only == format!("{shown}/{entry}")) {
                found.push((place, entry));
            }
        }
    }
    Ok(found)
}
