//! Where anybody's result would stand: predictions, or an accuracy alone, beside the entries of a board.

use std::cmp::Ordering;

use imagenette_results::Prediction;
use imagenette_results::statistics::{normal_upper_tail, variance};
use serde::Serialize;

use crate::board::Board;
use crate::entry::{Division, Entry};
use crate::rank::Ranking;
use crate::season::{Challenge, Source};
use crate::seed_run::{ValLists, right_of};

/// A result to be placed.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Predictions, photo by photo.
    Predictions(Vec<Prediction>),
    /// Top-1 as a fraction, and of how many photos where that is known.
    Accuracy(f64),
}

impl Outcome {
    /// Top-1, a fraction; photos' classes are their folders. `None` without predictions.
    pub fn accuracy(&self) -> Option<f64> {
        match self {
            Self::Accuracy(accuracy) => Some(*accuracy),
            Self::Predictions(all) => {
                let is_right = |known: &&Prediction| known.sample.split('/').nth(1) == Some(known.class.as_str());
                let right = all.iter().filter(is_right).count();
                (!all.is_empty()).then(|| right as f64 / all.len() as f64)
            }
        }
    }

    /// Whether it may be for the photos of a source: predictions are for its val split, a number may be for any.
    pub fn is_for(&self, source: &Source) -> bool {
        match self {
            Self::Accuracy(_) => true,
            Self::Predictions(predictions) => right_of(&ValLists::default(), source, predictions).is_ok(),
        }
    }
}

/// Where a result would stand in a challenge.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    /// The challenge.
    pub challenge: String,
    /// What it is in words.
    pub title: String,
    /// The division whose entries it is compared with.
    pub division: Division,
    /// Top-1, a fraction.
    pub accuracy: f64,
    /// Its place: 1 and how many ranked entries are better at the season's p.
    pub place: usize,
    /// Entries that it cannot be told from, the best first: title and mean.
    pub tied: Vec<(String, f64)>,
    /// Ranked entries.
    pub of: usize,
}

/// Where a result would stand in every challenge that it may belong to and that has ranked entries.
///
/// # Errors
/// When predictions cover the val photos of no source of the season: what was expected and found.
pub fn place(board: &Board, result: &Outcome, only: Option<&str>) -> Result<Vec<Place>, (String, String)> {
    let lists = ValLists::default();
    let mut places = Vec::new();
    let mut wrong = None;
    for challenge in board.season.challenges.iter().filter(|known| only.is_none_or(|name| known.name == name)) {
        let right = match result {
            Outcome::Accuracy(_) => None,
            Outcome::Predictions(predictions) => match right_of(&lists, board.season.source(challenge), predictions) {
                Ok(right) => Some(right),
                Err(error) => {
                    wrong = Some(error);
                    continue;
                }
            },
        };
        let accuracy = match (result, &right) {
            (Outcome::Accuracy(accuracy), _) => *accuracy,
            (_, Some(right)) => right.iter().filter(|right| **right).count() as f64 / right.len() as f64,
            (_, None) => continue,
        };
        wrong = None;
        for division in Division::ALL {
            let ranking = Ranking::of(&board.entries, challenge, division, &board.season.rules);
            places.extend(placed(&ranking, challenge, accuracy, right.as_deref(), board.season.rules.p));
        }
    }
    match wrong {
        Some(wrong) if places.is_empty() => Err(wrong),
        _ => Ok(places),
    }
}

fn placed(
    ranking: &Ranking<'_>,
    challenge: &Challenge,
    accuracy: f64,
    right: Option<&[bool]>,
    p: f64,
) -> Option<Place> {
    let entries: Vec<&Entry> = ranking.groups.iter().flatten().copied().collect();
    if entries.is_empty() {
        return None;
    }
    let standing = |entry: &&Entry| compared(entry, accuracy, right, p);
    let better = entries.iter().filter(|entry| standing(entry) == Ordering::Greater).count();
    let tied = entries.iter().filter(|entry| standing(entry) == Ordering::Equal);
    Some(Place {
        challenge: challenge.name.clone(),
        title: challenge.title(),
        division: ranking.division,
        accuracy,
        place: better + 1,
        tied: tied.map(|entry| (entry.file.title.clone(), entry.mean())).collect(),
        of: entries.len(),
    })
}

/// How an entry stands to one run: better, tied or worse. The error of a run is that of its seed and, paired where the
/// photos are known, of the photos.
fn compared(entry: &Entry, accuracy: f64, right: Option<&[bool]>, p: f64) -> Ordering {
    let (photos, runs, mean) = (entry.photos() as f64, entry.seeds.len() as f64, entry.mean());
    let seeds = variance(&entry.accuracies()).unwrap_or(0.0).max((1.0 - mean).max(0.5 / photos) / (2.0 * photos));
    let of_photos = match right {
        Some(right) => {
            let differences: Vec<f64> = entry
                .right
                .iter()
                .zip(right)
                .map(|(own, is)| f64::from(*own) / runs - f64::from(u8::from(*is)))
                .collect();
            variance(&differences).unwrap_or(0.0) / photos
        }
        None => 2.0 * accuracy * (1.0 - accuracy) / photos,
    };
    // Photos that flip between seeds are in both: the larger one holds them.
    let standard_error = (seeds * (1.0 + 1.0 / runs)).max(of_photos).sqrt();
    let z = (mean - accuracy) / standard_error;
    match normal_upper_tail(z.abs()) < p {
        true if z > 0.0 => Ordering::Greater,
        true => Ordering::Less,
        false => Ordering::Equal,
    }
}

/// A place in words: `first`, `third`, `12th`.
pub fn ordinal(place: usize) -> String {
    const WORDS: [&str; 10] =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
    if let Some(word) = place.checked_sub(1).and_then(|place| WORDS.get(place)) {
        return (*word).into();
    }
    let ending = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{place}{ending}")
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMED: usize = 3;
        write!(out, "{:.2}: ", 100.0 * self.accuracy)?;
        if !self.tied.is_empty() {
            let named: Vec<String> =
                self.tied.iter().take(NAMED).map(|(title, mean)| format!("{title} ({:.2})", 100.0 * mean)).collect();
            let more = self.tied.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            write!(out, "tied with {}{more}, ", named.join(", "))?;
        }
        write!(out, "{} of {} in {} (division {})", ordinal(self.place), self.of + 1, self.title, self.division)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_words_and_then_numbers() {
        let said: Vec<String> = [1, 3, 10, 11, 12, 13, 21, 22, 23, 111].map(ordinal).into();
        assert_eq!(said, ["first", "third", "tenth", "11th", "12th", "13th", "21st", "22nd", "23rd", "111th"]);
    }
}
