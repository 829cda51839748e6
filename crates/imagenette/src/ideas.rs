//! All that an idea of your own needs: `use imagenette::ideas::*;`.
//!
//! An idea is a type whose values are its settings, with one trait that says what it does. Name it, hand it to the command
//! line, and it is a part like the shipped ones:
//!
//! ```no_run
//! use imagenette::ideas::*;
//!
//! /// x · σ(βx), from Ramachandran et al., "Searching for activation functions", 2017.
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Swish {
//!     #[serde(default = "one")]
//!     beta: f32,
//! }
//!
//! fn one() -> f32 {
//!     1.0
//! }
//!
//! impl OwnActivation for Swish {
//!     fn value(&self, x: f32) -> f32 {
//!         x * sigmoid(self.beta * x)
//!     }
//!     fn slope(&self, x: f32) -> f32 {
//!         let s = sigmoid(self.beta * x);
//!         s + self.beta * x * s * (1.0 - s)
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let program = imagenette::Program::new("my-idea", "0.1.0");
//!     imagenette::run(program.with(Parts::shipped().activation::<Swish>("swish")))
//! }
//! ```
//!
//! `my-idea train --recipe default --set model.activation=swish` trains with it, `my-idea sweep default --set
//! model.activation=swish,gelu` compares it, and in a recipe's file it is `activation = { kind = "swish", beta = 1.5 }`.
//! `imagenette new NAME --kind activation` writes such a crate, with a test that calls [`check`].
//!
//! | kind | in a recipe | trait | method of [`Parts`] |
//! |--|--|--|--|
//! | activation | `model.activation` | [`OwnActivation`]: a number and its slope | [`Parts::activation`] |
//! | | | [`TensorActivation`]: any code of tensors | [`Parts::tensor_activation`] |
//! | loss | `loss` | [`OwnLoss`] | [`Parts::loss`] |
//! | optimizer | `optimizer` | [`OwnOptimizer`] | [`Parts::optimizer`] |
//! | schedule of the learning rate | `schedule` | [`OwnSchedule`] | [`Parts::schedule`] |
//! | augmentation of pixels | `augmentation` | [`OwnAugmentation`] | [`Parts::augmentation`] |
//! | model | `model` | [`OwnModel`] and [`OwnNetwork`]: of our layers | [`Parts::model`] |
//! | | | [`BurnModel`]: a Burn module | [`Parts::burn_model`] |
//! | selection of samples | `selection` | [`OwnSelection`] | [`Parts::selection`] |
//! | a way to learn without labels | `unlabeled` | [`OwnMethod`]: the loss sees both and a teacher | [`Parts::method`] |
//!
//! Each trait's page says what goes in and out. All of them can check their settings in `validate`. Code that panics ends the
//! run with an error that names the part and the step.

pub use imagenette_data::augment::OwnAugmentation;
pub use imagenette_data::random::Random;
pub use imagenette_train::burn;
pub use imagenette_train::burn::tensor::Tensor;
pub use imagenette_train::compute::device::Device;
pub use imagenette_train::compute::weights::{Initial, Layout, Role, Slot, SlotId};
pub use imagenette_train::learn::own::{Judged, OwnLoss, OwnMethod, OwnSchedule, OwnSelection, TwoStreams};
pub use imagenette_train::model::layers::{Convolution, Gain, Linear, Normalization, Pass};
pub use imagenette_train::model::module::BurnModel;
pub use imagenette_train::model::own::{OwnModel, OwnNetwork};
pub use imagenette_train::ops::{self, Activation, Curve as OwnActivation, Maps, TensorActivation, Window};
pub use imagenette_train::optimizer::own::{Now, OwnOptimizer};
pub use imagenette_train::parts::{Parts, Settings};
pub use imagenette_train::recipe::model::ActivationConfig;
pub use serde::{Deserialize, Serialize};

pub use crate::curves::{exp, sigmoid, tanh};

/// Checks a recipe with the parts of a program, in a test: gradients are finite and agree with differences, runs give the
/// same bits with 1 and 2 threads and after an interruption, and how much longer a step takes than with built-in parts. The
/// report says what was found.
///
/// # Errors
/// The first promise that is not kept.
pub fn check(program: &crate::Program, recipe: &str) -> Result<Report, Broken> {
    imagenette_train::study::promises::check(program.parts(), recipe).map_err(Broken)
}

/// A promise that is not kept. A test that unwraps it prints a sentence for people.
pub struct Broken(pub imagenette_train::TrainError);

impl std::error::Error for Broken {}

impl std::fmt::Display for Broken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

impl std::fmt::Debug for Broken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{self}")?;
        imagenette_files::Hint::hint(&self.0).map_or(Ok(()), |hint| write!(out, "\nhint: {hint}"))
    }
}

pub use imagenette_train::study::promises::Report;
