//! What is learned about training itself: many runs, or pieces of one, of which nothing is kept. A sweep's trials are
//! planned by [`crate::recipe::plan`].

pub mod bare_steps;
pub mod learning_rate;
pub mod promises;
