//! Training batches go in, a run's folder comes out: recipe -> model -> trainer -> evaluation -> record.
//!
//! The wings, from the top; what is in one uses those below it alone:
//!
//! | wing | what it is for |
//! |--|--|
//! | [`study`] | many runs, or pieces of one: rates to try, bare steps to time |
//! | [`run`] | one run: the loop, what it accounts for, evaluation, checkpoints, the saved network |
//! | [`parts`] | what recipes can name, shipped or from elsewhere: a name and settings become a part |
//! | [`model`] [`optimizer`] [`learn`] | photos to scores; gradients to updates; losses, selection, averages |
//! | [`ops`] | the operations that networks are made of, by our kernels or by Burn |
//! | [`compute`] | the device, and the numbers that live on it |
//!
//! What is wanted and planned is the crate `imagenette-recipe` ([`recipe`]). This is the only crate that knows of Burn.
//! It never prints: callers follow a run by [`run::watch::TrainWatch`].

#![recursion_limit = "256"]

pub mod compute;
pub mod engine;
pub mod error;
pub mod learn;
pub mod model;
pub mod ops;
pub mod optimizer;
pub mod parts;
pub mod run;
pub mod study;

pub use burn;
pub use compute::device::{Device, set_threads};
pub use error::{Result, TrainError};
pub use imagenette_recipe::{self as recipe, Recipe};
pub use run::{Outcome, TrainJob, train};
