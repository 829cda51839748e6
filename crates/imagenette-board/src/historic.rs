//! The old board's rows: those of fastai's README, each by the commit that first had it. They are shown beside entries
//! and are never ranked: nobody can check them.

use std::path::Path;

use imagenette_files::{FileError, input};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::season::Challenge;

/// Where they lie below the board's folder.
pub const HISTORIC_FILE: &str = "historic/fastai-imagenette.csv";
/// Rows that are read at most.
const MOST_ROWS: usize = 10_000;

/// A row of the old board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoricRow {
    /// The day of the commit.
    pub date: Date,
    /// The first commit of fastai/imagenette that had it.
    pub commit: String,
    /// The edition of the photos.
    pub edition: String,
    /// The resolution in pixels.
    pub px: u32,
    /// Epochs.
    pub epochs: u32,
    /// Top-1 in percent, as it was typed.
    pub percent: f64,
    /// Over how many runs, where it says so.
    pub runs: Option<u32>,
    /// What it is called.
    pub name: String,
    /// Where it leads.
    pub link: String,
}

impl HistoricRow {
    /// Top-1 as a fraction.
    pub fn accuracy(&self) -> f64 {
        self.percent / 100.0
    }

    /// Whether it stands beside a challenge: the same photos, no larger a resolution, no more epochs. Its source
    /// archive is not known.
    pub fn is_beside(&self, challenge: &Challenge, edition: &str) -> bool {
        let is_within = match challenge.limit {
            crate::season::Limit::Epochs { epochs } => self.epochs <= epochs,
            _ => false,
        };
        is_within && self.edition == edition && challenge.px.is_some_and(|px| self.px <= px)
    }
}

/// Reads the rows of a board, in the order of their days; none where it has no such file.
///
/// # Errors
/// When the file cannot be read or a row is damaged.
pub fn read(board: &Path) -> Result<Vec<HistoricRow>> {
    let path = board.join(HISTORIC_FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = input::read(&path, input::TEXT_BYTES)?;
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(bytes.as_slice());
    let rows = reader.deserialize().take(MOST_ROWS).map(|row| {
        row.map_err(|error| {
            let hint = "take the file of the repository";
            FileError::malformed(&path, "rows of the old board", error.to_string(), hint).into()
        })
    });
    rows.collect()
}
