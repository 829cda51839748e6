//! Training steps alone, without the files and evaluations of a run: what a benchmark measures.

use imagenette_data::edition::Split;
use imagenette_data::loader::Batch;
use imagenette_kernels::{Level, peak_gflops};
use imagenette_recipe::plan::StepPlan;

use crate::compute::device::Ops;
use crate::error::Result;
use crate::run::job::TrainJob;
use crate::run::learner::Learner;
use crate::run::step_batch::StepBatch;

/// A network in training, of which nothing is kept.
pub struct BareSteps<'j> {
    job: &'j TrainJob<'j>,
    learner: Learner,
}

impl<'j> BareSteps<'j> {
    /// The state before the first step, the stem whitened where there is one; the job's folder is not touched.
    ///
    /// # Errors
    /// When the recipe makes no sense or photos cannot be read. Photos smaller than the resolution are enlarged: what is
    /// measured is time.
    pub fn begin(job: &'j TrainJob<'j>) -> Result<Self> {
        job.recipe.validate()?;
        let samples = job.dataset.manifest.samples(Split::Train);
        job.recipe.check_steps(samples.len())?;
        let mut learner = Learner::new(job, &StepPlan::of(&job.recipe, samples.len()))?;
        learner.whiten_stem(job, &samples)?;
        Ok(Self { job, learner })
    }

    /// Forward, loss, backward, update, each time as in the run's first step; gives the loss. Where the recipe learns
    /// without labels the batch is both views.
    ///
    /// # Errors
    /// When a part from elsewhere does what it must not.
    pub fn step(&mut self, batch: Batch) -> Result<f64> {
        match self.job.recipe.self_supervised {
            Some(_) => self.learner.step(0, StepBatch::Pair(batch.clone(), batch)),
            None => self.learner.step(0, batch),
        }
    }

    /// How many numbers are learned.
    pub fn parameters(&self) -> u64 {
        self.learner.model.layout().learned()
    }

    /// The most that this machine's processor can do on this many threads, in GFLOP/s of the job's precision: a loop
    /// that never leaves the registers.
    pub fn peak_gflops(&self, threads: usize) -> f64 {
        let level = match self.job.device.ops() {
            Ops::Kernels(level) => level,
            Ops::Stock => Level::best(),
        };
        peak_gflops(level, self.job.device.precision(), threads)
    }
}
