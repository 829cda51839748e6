//! What happened in a run, step by step: the lines of `history.jsonl`.

use std::io::Write;
use std::path::Path;

use imagenette_data::DataError;
use imagenette_results::run_record::Counts;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// The first line's format.
const FORMAT: &str = "imagenette-history";
const VERSION: u32 = 1;

/// One line of the history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HistoryLine {
    /// A step of the optimizer.
    Step {
        /// The step, from 1, over the whole run.
        step: u64,
        /// The epoch, from 1.
        epoch: u32,
        /// The batch's loss.
        loss: f64,
        /// The learning rate of weights.
        rate: f64,
        /// The resolution in pixels.
        resolution_px: u32,
        /// Seconds of training so far.
        training_seconds: f64,
    },
    /// An evaluation after an epoch.
    Evaluation {
        /// Epochs trained by then.
        epoch: u32,
        /// What was right on the val split.
        counts: Counts,
        /// Seconds of training so far.
        training_seconds: f64,
        /// Seconds of evaluation so far.
        evaluation_seconds: f64,
    },
}

/// Writes the file: a line with format and version, then the history. Complete or absent.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(path: &Path, lines: &[HistoryLine]) -> Result<()> {
    imagenette_data::atomic::write(path, |out| {
        let write = |error| DataError::io("write", path)(error);
        writeln!(out, "{{\"format\":\"{FORMAT}\",\"version\":{VERSION}}}").map_err(write)?;
        for line in lines {
            let text = serde_json::to_string(line).expect("numbers always serialise");
            writeln!(out, "{text}").map_err(DataError::io("write", path))?;
        }
        Ok(())
    })?;
    Ok(())
}
