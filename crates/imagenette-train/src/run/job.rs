//! What a run needs to be told, and how it can end.

use std::path::PathBuf;
use std::sync::Arc;

use imagenette_data::dataset::Dataset;
use imagenette_data::packed::Packed;
use imagenette_recipe::Recipe;
use imagenette_recipe::plan::Stretch;
use imagenette_results::RunRecord;
use imagenette_results::attempt::Price;

use crate::compute::device::Device;
use crate::compute::precision;
use crate::error::Result;
use crate::parts::Parts;
use crate::run::initial;

/// Everything that a run needs to be told.
#[derive(Debug, Clone)]
pub struct TrainJob<'a> {
    /// What to do.
    pub recipe: Recipe,
    /// The seed of all randomness.
    pub seed: u64,
    /// The photos' list.
    pub dataset: &'a Dataset,
    /// The photos' pixels.
    pub packed: Arc<Packed>,
    /// Where the run's files go: a new or empty folder, or with `resume` an interrupted run's.
    pub folder: PathBuf,
    /// Whether to resume the run in the folder.
    pub resume: bool,
    /// Whether to resume it even where the bits would not be those of the machine or program that began it; the record
    /// then says so.
    pub changed_machine: bool,
    /// The parts that the recipe may name.
    pub parts: Arc<Parts>,
    /// Who computes.
    pub device: Device,
    /// Threads that make batches.
    pub loader_threads: usize,
    /// The network is evaluated after each multiple of this number of epochs, and always after the last; 0 means only
    /// then.
    pub evaluate_every: u32,
    /// Seconds between checkpoints; there is one at each epoch's end too.
    pub checkpoint_seconds: f64,
    /// Seconds from the process's start, or from the end of its last run, to this one's beginning, on packing for
    /// example; they count in the total, and a budget pays for them.
    pub prepared_seconds: f64,
    /// What this machine's time costs, where that is known: it is recorded, and a budget of dollars needs it.
    pub price: Option<Price>,
    /// Of a run that is repeated, how long it was planned to be, and when: followed in place of the clock.
    pub follows: Option<Vec<Stretch>>,
    /// The program's version, for the record.
    pub program: String,
    /// The commit that the program was built from, for the record.
    pub commit: Option<String>,
}

impl<'a> TrainJob<'a> {
    /// A new run with the recipe's seed, with as many threads for batches as compute, evaluated after its last epoch,
    /// with a checkpoint a minute. Change the fields for anything else: `TrainJob { seed: 3, ..TrainJob::new(recipe,
    /// &dataset, packed, folder, device) }`.
    pub fn new(
        recipe: Recipe,
        dataset: &'a Dataset,
        packed: Arc<Packed>,
        folder: impl Into<PathBuf>,
        device: Device,
    ) -> Self {
        Self {
            seed: recipe.seed,
            recipe,
            dataset,
            packed,
            folder: folder.into(),
            parts: Arc::default(),
            resume: false,
            changed_machine: false,
            device,
            loader_threads: rayon::current_num_threads(),
            evaluate_every: 0,
            checkpoint_seconds: 60.0,
            prepared_seconds: 0.0,
            price: None,
            follows: None,
            program: env!("CARGO_PKG_VERSION").into(),
            commit: None,
        }
    }

    /// Whether what the run takes is charged to somebody, so that its attempts count their seconds.
    pub(super) fn is_charged(&self) -> bool {
        self.recipe.budget.is_some() || self.price.is_some()
    }

    /// The same job with the precision that the recipe's choice comes to on its device. This is the recipe that is
    /// recorded, and whose hash the record has.
    ///
    /// # Errors
    /// When the device cannot store maps as the recipe asks.
    pub fn resolved(&self) -> Result<Self> {
        let mut job = self.clone();
        job.device = job.device.with_precision(job.recipe.precision)?;
        job.recipe.precision = precision::choice_of(job.device.precision());
        // A run that goes on has its weights in its checkpoint.
        if let Some(initial) = job.recipe.initial.clone().filter(|_| !job.resume) {
            job.recipe.initial = Some(initial::resolved(&initial, &job)?);
        }
        Ok(job)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is finished; the record is in its folder too.
    Finished(Box<RunRecord>),
    /// It was interrupted, and its checkpoint written.
    Interrupted {
        /// Steps done.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
    },
}
