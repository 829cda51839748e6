//! Runs with a budget, as far as no clock is needed: their plans are given.

mod made;

use imagenette_recipe::plan::Stretch;
use imagenette_results::history::{History, HistoryLine};
use imagenette_results::run_folder::HISTORY_FILE;
use imagenette_results::run_group::Run;
use imagenette_train::run::watch::Silent;
use imagenette_train::{Outcome, TrainJob, train};
use made::{Made, recipe};

/// Samples of a step, and steps of an epoch, of the made photos.
const BATCH: u64 = 8;
const EPOCH: u64 = 7;

#[test]
fn a_run_whose_budget_ends_anywhere_is_whole_and_each_evaluation_is_told_once() {
    let made = Made::new(0);
    let recipe = recipe(&[("budget.minutes", "9"), ("batch_size", &BATCH.to_string())]);
    // At the end of an epoch it was evaluated there already.
    for (steps, epochs) in [(EPOCH, 1), (EPOCH + 3, 2), (2 * EPOCH, 2), (3 * EPOCH, 3)] {
        let whole = Stretch { step: 0, samples: 3 * EPOCH * BATCH };
        let cut = Stretch { step: steps, samples: steps * BATCH };
        let follows = if steps == 3 * EPOCH { vec![whole] } else { vec![whole, cut] };
        let job = made.job(&recipe, &format!("run-{steps}"));
        let job = TrainJob { evaluate_every: 1, follows: Some(follows), ..job };
        let Outcome::Finished(record) = train(&job, &Silent).unwrap() else { panic!("it was interrupted") };
        assert_eq!((record.steps, record.samples_drawn, record.epochs), (steps, steps * BATCH, epochs));
        let spending = record.provenance.as_ref().unwrap().spending.unwrap();
        assert_eq!(spending.ended_early, steps < 3 * EPOCH);
        // Read as everything reads it: its files belong together.
        assert_eq!(Run::read(&job.folder).unwrap().record, *record);
        let history = History::read(&job.folder.join(HISTORY_FILE)).unwrap();
        let told = history.lines().iter().filter_map(|line| match line {
            HistoryLine::Evaluation { epoch, .. } => Some(*epoch),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), (1..=epochs).collect::<Vec<_>>(), "after {steps} steps");
    }
}
