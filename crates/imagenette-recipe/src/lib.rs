//! What is wanted and what is planned: TOML goes in, a checked [`Recipe`] and the steps, batches and trials that follow
//! from it come out.
//!
//! Nothing here computes: this crate knows neither Burn nor the kernels, so that a recipe can be read, checked and
//! compared by programs that never train. `imagenette-train` builds networks and optimizers from the configurations.

pub mod augment;
pub mod balance;
mod budget;
mod canonical;
mod checks;
mod choice;
mod defaults;
pub mod error;
pub mod initial;
pub mod lookahead;
pub mod model;
pub mod optimizer;
mod own;
pub mod plan;
pub mod precision;
mod read;
mod recipe;
pub mod schedule;
pub mod selection;
pub mod self_supervised;
mod shipped;
mod spelling;
mod split;
pub mod unlabeled;
mod validate;
mod window;

pub use budget::Budget;
pub use checks::{below_one, not_negative, positive, require};
pub use choice::Choice;
pub use error::{RecipeError, Result};
// What `Recipe::split` gives.
pub use imagenette_data::task::TaskSplit;
pub use own::{AnyParts, OwnPart, PartKind, Parts, ShippedAlone, settle, unknown};
pub use recipe::{EmaConfig, EvaluationConfig, Folds, LossConfig, Recipe, Rules};
pub use window::Window;
