//! Training batches go in, a run's folder comes out: recipe -> model -> trainer -> evaluation -> record.
//!
//! [`recipe`] is everything that decides a run; [`device`] says who computes; [`model`] turns photos into scores by the
//! operations in [`ops`]; [`loss`], [`optimizer`] and [`schedule`] move the weights; [`trainer`] is the loop;
//! [`evaluation`] judges; [`checkpoint`] lets a run be laid down and taken up again to the same bits; [`saved`] opens a
//! finished network. This is the only crate that knows of Burn. It never prints: callers follow a run by
//! [`watch::TrainWatch`].

#![recursion_limit = "256"]

pub mod average;
pub mod checkpoint;
pub mod clock;
pub mod device;
pub mod engine;
pub mod error;
pub mod evaluation;
pub mod history;
pub mod limit;
pub mod lookahead;
pub mod loss;
pub mod model;
pub mod ops;
pub mod optimizer;
mod pace;
pub mod precision;
pub mod range_test;
pub mod recipe;
mod requests;
pub mod run_folder;
pub mod saved;
pub mod schedule;
pub mod selection;
pub mod steps;
pub mod sweep;
mod tensor_file;
pub mod trainer;
mod training;
pub mod watch;
pub mod weights;

pub use error::{Result, TrainError};
pub use recipe::Recipe;
pub use trainer::{Outcome, TrainJob, train};
