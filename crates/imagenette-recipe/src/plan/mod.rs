//! What a recipe comes to, worked out before anything runs: the steps of a run, the batches they ask for, the trials of
//! a sweep. Pure functions, so that a run that is resumed, and a sweep that is widened, plan the same again.

mod batches;
mod step_plan;
mod trials;

pub use batches::{EpochSamples, batches, epoch_samples};
pub use step_plan::{PlannedStep, StepPlan, Stretch};
pub use trials::{Axis, Trial, trials};
