//! A run as people follow it, and the folder that it goes into when none is named.

use std::path::{Path, PathBuf};

use imagenette_train::{Outcome, TrainJob};

use crate::numbers::thousands;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// The folder in which runs go that are given none.
pub(crate) const FOLDER: &str = "runs";

/// Trains one run and says what happens.
pub(crate) fn train(job: &TrainJob, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let manifest = &job.dataset.manifest;
    terminal.say(&format!(
        "{} `{}` on {} ({}, size {}), seed {}, into {}",
        if job.resume { "resuming" } else { "training" },
        job.recipe.name,
        manifest.name,
        manifest.edition,
        manifest.size,
        job.seed,
        job.folder.display()
    ));
    let outcome = imagenette_train::train(job, &Progress::of_run(terminal));
    terminal.finish();
    let outcome = outcome?;
    if let Outcome::Interrupted { step, steps } = outcome {
        terminal.say(&format!("interrupted after step {} of {}", thousands(step), thousands(steps)));
    }
    Ok(outcome)
}

/// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`, … that is not taken.
pub(crate) fn free_folder(name: &str) -> PathBuf {
    let mut candidates = (1..).map(|number| match number {
        1 => Path::new(FOLDER).join(name),
        _ => Path::new(FOLDER).join(format!("{name}-{number}")),
    });
    candidates.find(|folder| !folder.exists()).expect("there is always a larger number")
}
