//! A run that was repeated, compared with itself: the same bits, or where they first differ.

use std::path::Path;

use imagenette_files::hash;

use super::{Finding, RunCheck, Verdict, malformed, said};
use crate::error::Result;
use crate::history::{History, HistoryLine};
use crate::run_folder::{HISTORY_FILE, RECORD_FILE};
use crate::run_record::{Counts, RunRecord};

/// What a replay says of a run's first epochs, or of all of it.
pub struct Replay<'r> {
    /// The run.
    pub original: &'r RunCheck,
    /// The folder of the replay. It is a finished run's where all epochs were repeated.
    pub folder: &'r Path,
    /// How many epochs were repeated.
    pub epochs: u32,
}

impl Replay<'_> {
    /// Compares steps and epochs by their bits, evaluations by their counts, and of a whole run predictions and weights by
    /// their hashes.
    ///
    /// # Errors
    /// When the replay's files cannot be read.
    pub fn findings(&self) -> Result<Vec<Finding>> {
        let replayed = History::read(&self.folder.join(HISTORY_FILE))?;
        let record = &self.original.run.record;
        let mut findings = vec![
            Finding::new("replayed steps", self.steps(&replayed)),
            Finding::new("replayed counts", self.counts(&replayed)),
        ];
        if self.epochs >= record.epochs {
            let again = RunRecord::read(self.folder)?;
            findings.push(Finding::new("replayed result", self.result(&again)));
        }
        Ok(findings)
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.original.run.folder.join(file)
    }

    /// Steps and epochs, without the clock.
    fn steps(&self, replayed: &History) -> Verdict {
        let Some(history) = &self.original.history else {
            return Verdict::Unknown("the run has no history here: its losses cannot be compared".into());
        };
        let (own, again) = (lines(history, self.epochs), lines(replayed, self.epochs));
        for (line, other) in own.iter().zip(&again) {
            if line != other {
                return malformed(&self.path(HISTORY_FILE), format!("the replay's {other}"), line.clone()).into();
            }
        }
        if own.len() != again.len() {
            let expected = format!("{} steps and epochs, as in the replay", again.len());
            return malformed(&self.path(HISTORY_FILE), expected, own.len().to_string()).into();
        }
        let steps = own.iter().filter(|line| line.starts_with("step")).count();
        let hashes = again.iter().filter(|line| line.starts_with("epoch")).count();
        Verdict::Holds(format!("{steps} losses and rates, and the weights' hash of {hashes} epochs: the same bits"))
    }

    fn counts(&self, replayed: &History) -> Verdict {
        let again = evaluations(replayed);
        let own = &self.original.run.record.by_epoch;
        let common = own.iter().filter_map(|known| {
            let (_, again) = again.iter().find(|(epoch, _)| *epoch == known.epoch)?;
            Some((known, again))
        });
        let common: Vec<_> = common.collect();
        if let Some((known, again)) = common.iter().find(|(known, again)| known.counts != **again) {
            let expected = format!("the replay's {} after epoch {}", said(again), known.epoch);
            return malformed(&self.path(RECORD_FILE), expected, said(&known.counts)).into();
        }
        match common.len() {
            0 => Verdict::Unknown(format!("the run was not evaluated in its first {} epochs", self.epochs)),
            count => Verdict::Holds(format!("the same after {count} of {} evaluations", own.len())),
        }
    }

    fn result(&self, again: &RunRecord) -> Verdict {
        let own = &self.original.run;
        if own.record.result != again.result {
            let expected = format!("the replay's {}", said(&again.result));
            return malformed(&self.path(RECORD_FILE), expected, said(&own.record.result)).into();
        }
        let Some(again) = &again.provenance else {
            return Verdict::Unknown("the replay's record names no hashes".into());
        };
        let named = own.record.provenance.as_ref();
        let predictions = own.predictions_sha256.as_ref().map(|own| ("predictions", own, &again.predictions_sha256));
        let weights = named.map(|own| ("weights", &own.weights_sha256, &again.weights_sha256));
        let compared: Vec<_> = predictions.into_iter().chain(weights).collect();
        for (what, own, again) in &compared {
            if own != again {
                let expected = format!("the replay's {what} ({})", hash::short(again));
                return malformed(&self.path(RECORD_FILE), expected, hash::short(own).to_owned()).into();
            }
        }
        let what: Vec<&str> = compared.iter().map(|(what, _, _)| *what).collect();
        match what.is_empty() {
            true => Verdict::Holds("the same counts; nothing else of it is here".into()),
            false => Verdict::Holds(format!("the same counts, and the same bits of its {}", what.join(" and "))),
        }
    }
}

/// Steps and epochs in words that are equal only where the bits are.
fn lines(history: &History, epochs: u32) -> Vec<String> {
    let line = |line: &HistoryLine| match line {
        HistoryLine::Step { step, epoch, loss, rate, resolution_px, .. } if *epoch <= epochs => {
            Some(format!("step {step} of loss {loss} at rate {rate} and {resolution_px} px"))
        }
        HistoryLine::Epoch { epoch, step, weights_sha256, optimizer_sha256, .. } if *epoch <= epochs => {
            let optimizer = optimizer_sha256.as_ref().map_or(String::new(), |hash| format!(", optimizer {hash}"));
            Some(format!("epoch {epoch} after step {step} with weights {weights_sha256}{optimizer}"))
        }
        _ => None,
    };
    history.lines().iter().filter_map(line).collect()
}

fn evaluations(history: &History) -> Vec<(u32, Counts)> {
    let of_line = |line: &HistoryLine| match line {
        HistoryLine::Evaluation { epoch, counts, .. } => Some((*epoch, *counts)),
        _ => None,
    };
    history.lines().iter().filter_map(of_line).collect()
}
