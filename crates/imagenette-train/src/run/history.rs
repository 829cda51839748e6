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

/// Reads the file.
///
/// # Errors
/// When it cannot be read, is of another version, or a line is damaged.
pub fn read(path: &Path) -> Result<Vec<HistoryLine>> {
    let text = std::fs::read_to_string(path).map_err(DataError::io("read", path))?;
    let malformed = |found: String| DataError::Malformed {
        path: path.to_owned(),
        expected: format!("a history of {FORMAT} version {VERSION}"),
        found,
        hint: "without this file the run keeps its result, and only the seconds of its earlier epochs are unknown"
            .into(),
    };
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    if head != head_line() {
        return Err(malformed(format!("the first line `{head}`")).into());
    }
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| malformed(format!("line {}: {error}", number + 2)).into())
    };
    lines.enumerate().map(line).collect()
}

fn head_line() -> String {
    format!("{{\"format\":\"{FORMAT}\",\"version\":{VERSION}}}")
}

/// Writes the file: a line with format and version, then the history. Complete or absent.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(path: &Path, lines: &[HistoryLine]) -> Result<()> {
    imagenette_data::atomic::write(path, |out| {
        let write = |error| DataError::io("write", path)(error);
        writeln!(out, "{}", head_line()).map_err(write)?;
        for line in lines {
            let text = serde_json::to_string(line).expect("numbers always serialize");
            writeln!(out, "{text}").map_err(DataError::io("write", path))?;
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let counts = Counts { correct: 3, total: 8 };
        let lines = [
            HistoryLine::Step { step: 1, epoch: 1, loss: 2.3, rate: 0.1, resolution_px: 64, training_seconds: 0.5 },
            HistoryLine::Evaluation { epoch: 1, counts, training_seconds: 0.75, evaluation_seconds: 0.125 },
        ];
        write(&path, &lines).unwrap();
        assert_eq!(read(&path).unwrap(), lines);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("found line 3: "));
        std::fs::write(&path, text.replace("\"version\":1", "\"version\":2")).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("version 1, found the first line"));
    }
}
