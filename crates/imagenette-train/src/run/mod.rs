//! One run, from a job to a folder with its record: the loop in [`trainer`], the learning step in `learner`, and beside
//! them what accounts, saves, reports and evaluates.

mod account;
pub mod checkpoint;
mod choice;
pub mod clock;
pub mod evaluation;
mod forecast;
mod heartbeat;
mod initial;
pub mod job;
mod judge;
pub(crate) mod learner;
mod measure;
pub(crate) mod memory_use;
mod pace;
mod planner;
pub mod saved_network;
mod state;
pub mod step_batch;
pub mod trainer;
pub mod watch;

pub use account::{Costs, arithmetic};
pub use checkpoint::unfinished;
pub use choice::settled;
pub use forecast::{Forecast, forecast};
pub use job::{Outcome, TrainJob};
pub use trainer::train;
