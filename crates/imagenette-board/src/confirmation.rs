//! A confirmation: what a keeper found who ran an entry with fresh seeds, dealt after it was taken in.

use std::path::Path;

use imagenette_files::format::{Format, Head};
use imagenette_recipe::{AnyParts, Recipe};
use imagenette_results::run_record::Counts;
use imagenette_results::statistics::{self, VariancePrior, student_t_upper_tail};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::deal;
use crate::entry::{Division, Entry, read_text};
use crate::fault::Fault;
use crate::folder::{self, Allowed};
use crate::season::{Challenge, Season, plain_toml};
use crate::seed_run::{Runs, ValLists};
use crate::text;

/// The format of `confirmation.toml`.
pub(crate) const FORMAT: Format = Format { name: "imagenette-confirmation", oldest: 1, newest: 1 };
pub(crate) const FILE: &str = "confirmation.toml";
const HINT: &str = "docs/leaderboard.md has a confirmation.toml with every key";
/// Fresh seeds of a confirmation at most.
const MOST_SEEDS: u32 = 9;
const FILES: [Allowed; 1] = [Allowed { name: FILE, most_bytes: 16 << 10, is_needed: true }];

/// What a keeper wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmationFile {
    format: String,
    version: u32,
    keeper: String,
    merge_commit: String,
    #[serde(default)]
    replayed: Vec<u32>,
    #[serde(default)]
    notes: Option<String>,
}

/// Fresh seeds of an entry, and what they say of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confirmation {
    /// Its folder's name: `2026-12-03_keeper`.
    pub name: String,
    /// The day that its folder names.
    pub date: Date,
    /// Who ran it.
    pub keeper: String,
    /// The commit that took the entry in, from which the fresh seeds were dealt.
    pub merge_commit: String,
    /// Numbers of the entry's seeds that were replayed to the same bits.
    pub replayed: Vec<u32>,
    /// What the keeper says.
    pub notes: Option<String>,
    /// The fresh seeds with what they reached.
    pub fresh: Vec<(u64, Counts)>,
    /// How often an honest entry would lie as far above its fresh seeds: one-sided.
    pub p: f64,
    /// Whether the entry stands: `p` is not below the season's, and there are as many fresh seeds as the rules ask for.
    pub bears_out: bool,
}

impl Confirmation {
    /// Mean top-1 of the fresh seeds.
    pub fn mean(&self) -> f64 {
        statistics::mean(&self.accuracies()).unwrap_or(0.0)
    }

    fn accuracies(&self) -> Vec<f64> {
        self.fresh.iter().map(|(_, counts)| counts.accuracy()).collect()
    }
}

/// A folder that is to be a confirmation.
pub(crate) struct Candidate<'b> {
    pub(crate) root: &'b Path,
    pub(crate) season: &'b Season,
    pub(crate) challenge: &'b Challenge,
    pub(crate) entry: &'b Entry,
    pub(crate) name: &'b str,
    pub(crate) folder: &'b Path,
    pub(crate) lists: &'b ValLists,
}

impl Candidate<'_> {
    /// Reads and checks it; it is there only where nothing is wrong with it.
    pub(crate) fn check(&self, faults: &mut Vec<Fault>) -> Option<Confirmation> {
        let before = faults.len();
        let shown = format!("confirmations/{}/{}/{}", self.challenge.name, self.entry.name, self.name);
        let (day, who) = self.name.split_once('_').unwrap_or_default();
        let date = (day.len() == 10).then(|| day.parse::<Date>().ok()).flatten();
        let Some(date) = date.filter(|_| text::is_plain_name(who, 60)) else {
            let expected = "a folder named like 2026-12-03_keeper";
            faults.push(Fault::new(&shown, expected, "another name", "rename it"));
            return None;
        };
        let names = match folder::list(self.folder, &shown, faults) {
            Ok(names) => names,
            Err(error) => {
                faults.push(Fault::new(&shown, "a folder that can be read", error.to_string(), "make it readable"));
                return None;
            }
        };
        let is_fresh = |name: &str| (1..=MOST_SEEDS).any(|number| name == format!("f{number}"));
        let folders = folder::hold_to(&names, &shown, &FILES, is_fresh, faults);
        if faults.len() > before {
            return None;
        }
        let file = self.file(&format!("{shown}/{FILE}"), &read_text(self.folder, &shown, FILE, faults)?, faults)?;
        let numbers: Vec<u32> = folders.iter().filter_map(|name| name.strip_prefix('f')?.parse().ok()).collect();
        if self.entry.file.division == Division::Open || !numbers.iter().copied().eq(1..=numbers.len() as u32) {
            let expected = "fresh seeds f1, f2, … of an entry that this program trains";
            faults.push(Fault::new(&shown, expected, folders.join(", "), "an entry of any program is not confirmed"));
            return None;
        }
        let text = self.entry.recipe.as_deref()?;
        let recipe = Recipe::from_toml_with(text, &[], &AnyParts).ok()?;
        let runs = Runs {
            root: self.root,
            season: self.season,
            challenge: self.challenge,
            file: &self.entry.file,
            date: Some(date),
            recipe: Some((&recipe, text)),
            recipe_path: format!("{}/recipe.toml", self.entry.path()),
            source_sha256: self.entry.source_sha256.clone(),
            lists: self.lists,
            read: std::sync::Mutex::default(),
        };
        let mut fresh = Vec::new();
        for number in numbers {
            let seed = deal::fresh_seed(&self.season.name, &self.entry.dealt_from, &file.merge_commit, number);
            let name = format!("f{number}");
            let place = format!("{shown}/{name}");
            let run = runs.check(&self.folder.join(&name), &place, number, Some(seed), faults)?;
            fresh.push((seed, run.seed_run.result));
        }
        let rules = self.season.rules;
        let is_long = self.entry.costs.epochs >= rules.long_epochs;
        let needed = if is_long { rules.fresh_seeds_long } else { rules.fresh_seeds } as usize;
        let p = p_of(&self.entry.accuracies(), &accuracies(&fresh), self.entry.photos());
        let bears_out = fresh.len() >= needed && p >= rules.p;
        (faults.len() == before).then(|| Confirmation {
            name: self.name.into(),
            date,
            keeper: file.keeper,
            merge_commit: file.merge_commit,
            replayed: file.replayed,
            notes: file.notes,
            fresh,
            p,
            bears_out,
        })
    }

    fn file(&self, shown: &str, text: &str, faults: &mut Vec<Fault>) -> Option<ConfirmationFile> {
        let head: Option<Head> = toml::from_str(text).ok();
        let wrong = match &head {
            Some(head) => FORMAT.check(Path::new(shown), head, HINT).err().map(|error| Fault::of_file(shown, &error)),
            None => Some(Fault::new(shown, FORMAT.expected(), "a file without its head", HINT)),
        };
        if let Some(wrong) = wrong {
            faults.push(wrong);
            return None;
        }
        let file: ConfirmationFile = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                faults.push(Fault::new(shown, FORMAT.expected(), plain_toml(&error), HINT));
                return None;
            }
        };
        if let Some(wrong) = text::wrong_line(&file.keeper, 80) {
            faults.push(Fault::new(shown, "`keeper`: a line of at most 80 plain letters", wrong, HINT));
        }
        if let Some(wrong) = file.notes.as_deref().and_then(text::wrong_text) {
            faults.push(Fault::new(shown, "`notes`: letters that are seen", wrong, HINT));
        }
        if !text::is_commit(&file.merge_commit) {
            let expected = "`merge_commit`: the 40 digits of the commit that took the entry in";
            faults.push(Fault::new(shown, expected, format!("`{}`", file.merge_commit), HINT));
        }
        let most = self.entry.seeds.len() as u32;
        if file.replayed.iter().any(|number| !(1..=most).contains(number)) {
            faults.push(Fault::new(shown, format!("`replayed`: numbers of 1 to {most}"), "others", HINT));
        }
        Some(file)
    }
}

fn accuracies(fresh: &[(u64, Counts)]) -> Vec<f64> {
    fresh.iter().map(|(_, counts)| counts.accuracy()).collect()
}

/// How often an entry whose seeds were drawn as its fresh ones would lie as far above them: one-sided, by Student's t.
/// The variance of a run is pooled over both and steadied by what calibration predicts, so that one seed has one too.
pub(crate) fn p_of(entry: &[f64], fresh: &[f64], photos: u64) -> f64 {
    let (Some(own), Some(again)) = (statistics::mean(entry), statistics::mean(fresh)) else { return 0.0 };
    let all: Vec<f64> = entry.iter().chain(fresh).copied().collect();
    let error = (1.0 - statistics::mean(&all).unwrap_or(0.0)).max(0.5 / photos as f64);
    let prior = VariancePrior::STEADIED.degrees_of_freedom;
    let squares = |values: &[f64], mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let degrees = prior + (all.len() - 2) as f64;
    let variance = (prior * error / (2.0 * photos as f64) + squares(entry, own) + squares(fresh, again)) / degrees;
    let standard_error = (variance * (1.0 / entry.len() as f64 + 1.0 / fresh.len() as f64)).sqrt();
    student_t_upper_tail((own - again) / standard_error, degrees)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_far_above_its_fresh_seeds_is_not_borne_out() {
        let honest = [0.900, 0.903, 0.899, 0.902, 0.901];
        assert!(p_of(&honest, &[0.900, 0.902, 0.899], 3925) > 0.1);
        assert!(p_of(&honest, &[0.880, 0.882, 0.879], 3925) < 1e-4);
        // One fresh seed of one that was dealt: the spread is that of calibrated runs, 0.36 points.
        assert!(p_of(&[0.900], &[0.893], 3925) > 0.1);
        assert!(p_of(&[0.900], &[0.860], 3925) < 0.01);
    }
}
