//! How a caller follows a run and stops it. The library never prints: it reports here, and the command line draws.

use imagenette_results::run_record::{Counts, Seconds};

/// What is about to happen.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    /// The network's name.
    pub model: String,
    /// How many numbers are learned.
    pub parameters: u64,
    /// Photos that are trained on.
    pub train_photos: usize,
    /// Photos that are learned from without labels.
    pub unlabeled_photos: usize,
    /// Photos that are evaluated on: the val split, or what is held out of train.
    pub evaluation_photos: usize,
    /// Whether these are held out of the train split, so that what is reported is not a val accuracy.
    pub holds_out: bool,
    /// Steps in the first epoch; photos that would not fill a batch are left out.
    pub steps_per_epoch: u64,
    /// Epochs.
    pub epochs: u32,
    /// Steps that are already done: above 0 where a run is resumed.
    pub done_steps: u64,
}

/// Which of a recipe's choices is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Which, from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
    /// About how many epochs of it fit.
    pub epochs: f64,
    /// Its settings: keys and values.
    pub settings: String,
}

/// How long a run with a budget is planned to be from here on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replanned {
    /// Steps done.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// Epochs of the whole run; the last may be a part.
    pub epochs: u32,
    /// Whether the run ends here, since nothing more fits.
    pub is_end: bool,
}

/// One step of the optimizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The step, from 1, over the whole run.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// The batch's loss.
    pub loss: f64,
    /// The learning rate of weights.
    pub rate: f64,
    /// The resolution in pixels.
    pub resolution_px: u32,
    /// Samples a second since the resolution last changed.
    pub images_per_second: f64,
    /// The share of the training time since the start (or resuming) that was spent waiting for batches, in 0..1.
    pub waiting: f64,
    /// Training seconds that are probably left, by the pixels that are still to be seen.
    pub seconds_left: f64,
}

/// The end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochReport {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The mean loss of its steps.
    pub loss: f64,
    /// How many were right, of the val split or of what was held out, where it was evaluated.
    pub counts: Option<Counts>,
    /// The share of the epoch's photos without labels that were learned from, since the teacher was sure of them; of a
    /// resumed run since then. `None` where there are none.
    pub taught: Option<f64>,
    /// Where the time of the run has gone so far.
    pub seconds: Seconds,
}

/// Follows a run. Every method has a silent default.
pub trait TrainWatch: Sync {
    /// A recipe with choices is settled.
    fn chosen(&self, chosen: &Chosen) {
        let _ = chosen;
    }

    /// The run begins or goes on.
    fn begin(&self, plan: &RunPlan) {
        let _ = plan;
    }

    /// A run with a budget is planned again.
    fn replanned(&self, plan: &Replanned) {
        let _ = plan;
    }

    /// A step is done.
    fn step(&self, report: &StepReport) {
        let _ = report;
    }

    /// `done` of `total` samples are evaluated, or steps of a range test taken.
    fn evaluated(&self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// An epoch is done, and evaluated where that was due.
    fn epoch(&self, report: &EpochReport) {
        let _ = report;
    }

    /// Whether the run should be paused after this step.
    fn interrupted(&self) -> bool {
        false
    }

    /// Whether it is, since the machine's owner takes it back.
    fn preempted(&self) -> bool {
        false
    }
}

/// Follows nothing and never interrupts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl TrainWatch for Silent {}
