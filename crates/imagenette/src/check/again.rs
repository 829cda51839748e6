//! A run's network evaluated again, compared with what its record says: equal where the same bits are computed, and
//! nearly so elsewhere.

use std::collections::HashMap;

use imagenette_data::edition::Split;
use imagenette_results::run_folder::{PREDICTIONS_FILE, RunFolder};
use imagenette_results::run_record::Counts;
use imagenette_results::{Prediction, Run, predictions};
use imagenette_train::Recipe;
use imagenette_train::compute::device::Device;
use imagenette_train::recipe::{AnyParts, EvaluationConfig};
use imagenette_train::run::arithmetic;
use serde::Serialize;

use crate::numbers::{counted, thousands};
use crate::terminal::{Refusal, Terminal};

/// The share of photos that may be judged otherwise where other bits are computed; a single photo always may.
const OTHER_BITS: f64 = 0.002;

/// An evaluation of a run's network.
pub(crate) struct Again<'r> {
    pub(crate) run: &'r Run,
    pub(crate) device: &'r Device,
    /// The dataset's content.
    pub(crate) identity: String,
    /// Which of its photos were evaluated.
    pub(crate) split: Split,
    /// How photos were shown.
    pub(crate) config: EvaluationConfig,
}

/// What the evaluation says of the record.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Compared {
    /// Something else was evaluated.
    NotTheResult { because: String },
    /// The same was evaluated.
    Result {
        /// What computes other bits here; empty where the same are computed.
        changes: Vec<String>,
        /// Photos that are judged otherwise, or where no predictions are here, by how much the counts differ.
        differing: u64,
        /// Whether the predictions are here.
        by_photo: bool,
    },
}

impl Again<'_> {
    pub(crate) fn compare(&self, named: &[Prediction], counts: Counts) -> anyhow::Result<Compared> {
        let record = &self.run.record;
        if let Some(because) = self.something_else()? {
            return Ok(Compared::NotTheResult { because });
        }
        let here = arithmetic(self.device);
        let changes = match record.arithmetic() {
            Some(own) => own.changes(&here),
            None => {
                vec![format!("a record of version 1 does not name its engine, and says {}", record.environment.device)]
            }
        };
        let path = self.run.folder.join(PREDICTIONS_FILE);
        // Neighbors' predictions are not those of the linear layer that is kept.
        let (differing, by_photo) = match path.is_file() && record.judged.is_empty() {
            true => (differing(&predictions::read(&path)?, named), true),
            false => (counts.correct.abs_diff(record.result_of_weights().correct), false),
        };
        Ok(Compared::Result { changes, differing, by_photo })
    }

    /// Why what was evaluated is not what the record tells of.
    fn something_else(&self) -> anyhow::Result<Option<String>> {
        let record = &self.run.record;
        if self.identity != record.dataset.identity {
            return Ok(Some(format!("the run's dataset is `{}` of other content", record.dataset.name)));
        }
        if self.split != Split::Val {
            return Ok(Some(format!("the run's is on val, this is on {}", self.split.name())));
        }
        if let Some(held_out) = record.held_out {
            return Ok(Some(format!("the run's is on {} held out of train", counted(held_out.photos, "photo"))));
        }
        let text = RunFolder::open(&self.run.folder)?.recipe_text()?;
        let own = Recipe::from_toml_with(&text, &[], &AnyParts).ok().map(|recipe| recipe.evaluation);
        Ok(match own {
            Some(own) if own.resolution != self.config.resolution => {
                Some(format!("its recipe evaluates at {} px", own.resolution))
            }
            Some(own) if own.geometry != self.config.geometry => {
                Some(format!("its recipe shows photos otherwise ({:?})", own.geometry))
            }
            _ => None,
        })
    }
}

impl Compared {
    /// Says how the evaluation and the record stand to each other.
    ///
    /// # Errors
    /// When they contradict each other.
    pub(crate) fn tell(&self, run: &Run, counts: Counts, terminal: &Terminal) -> anyhow::Result<()> {
        let (changes, differing, by_photo) = match self {
            Self::NotTheResult { because } => {
                terminal.say(&format!("this is not the run's result: {because}"));
                return Ok(());
            }
            Self::Result { changes, differing, by_photo } => (changes, *differing, *by_photo),
        };
        let own = run.record.result_of_weights();
        let said = |counts: Counts| format!("{} of {}", thousands(counts.correct), thousands(counts.total));
        let most = if changes.is_empty() { 0 } else { ((OTHER_BITS * own.total as f64) as u64).max(1) };
        let differ = match by_photo {
            true => format!("{} differ from the run's predictions", counted(differing, "photo")),
            false if run.record.judged.is_empty() => {
                format!("the counts differ by {differing}; the run's predictions are not here")
            }
            false => format!("the counts of its linear layer differ by {differing}"),
        };
        if differing > most || (changes.is_empty() && own != counts) {
            let place = match changes.is_empty() {
                true => "where the same bits are computed".to_owned(),
                false => format!("and at most {most} may where other bits are computed ({})", changes.join("; ")),
            };
            return Err(Refusal::error(
                format!(
                    "{}: the record says {} correct, its weights say {}: {differ}, {place}",
                    run.folder.display(),
                    said(own),
                    said(counts)
                ),
                "the run's files were changed or mixed with another run's; do not use this result",
            ));
        }
        terminal.say(&match changes.is_empty() {
            true if !run.record.judged.is_empty() => format!("as the record says of a linear layer: {}", said(own)),
            true => format!("as the record says: {}, every prediction the same", said(own)),
            false => format!(
                "the record says {}: {differ}; other bits are computed here ({})",
                said(own),
                changes.join("; ")
            ),
        });
        Ok(())
    }
}

/// How many photos have another class, or are in one of the two alone.
fn differing(own: &[Prediction], again: &[Prediction]) -> u64 {
    let known: HashMap<&str, &str> = own.iter().map(|p| (p.sample.as_str(), p.class.as_str())).collect();
    let same = again.iter().filter(|p| known.get(p.sample.as_str()) == Some(&p.class.as_str())).count();
    (own.len().max(again.len()) - same) as u64
}
