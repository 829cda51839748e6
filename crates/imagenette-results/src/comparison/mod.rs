//! The verdict on an idea: does it help, hurt, gain nothing worth having, or is it not clear?
//!
//! [`Design`] is what is settled beforehand, [`Procedure`] looks at the runs after every pair and stops as soon as one
//! of the answers holds, and [`Look`] has the numbers. Looking again and again with p < .05 errs in 16% of all cases
//! where there is nothing to find; the limits of [`group_sequential_limits`] keep all looks together at 5%.
//! `examples/simulate.rs` measures that for the whole procedure.
//!
//! A gain is the idea's mean accuracy minus the baseline's, a fraction like all numbers here: 0.005 is half a point.
//! The test is [`steadied_welch`](crate::statistics::steadied_welch), about new seeds on these photos. What it says
//! about other photos is in [`photos_and_seeds`](crate::statistics::photos_and_seeds).
//!
//! ```
//! use imagenette_results::comparison::{Decision, Design, Procedure, Runs};
//!
//! let procedure = Procedure::new(Design::default()).unwrap();
//! let without_whitening = Runs { correct: &[3530, 3513, 3519, 3504, 3512], photos: 3925 };
//! let whitening = Runs { correct: &[3538, 3527, 3540, 3540, 3543], photos: 3925 };
//! let comparison = procedure.compare(&without_whitening, &whitening).unwrap();
//! let last = comparison.last();
//! assert_eq!((comparison.decision(), last.planned.idea_runs), (Decision::Helps, 5));
//! assert!((last.test().p() - 7.442_950e-3).abs() < 1e-9 && (last.planned.limit.p - 0.009_598).abs() < 1e-6);
//! ```

mod budgets;
mod design;
mod error;
mod limits;
mod look;
mod procedure;
#[cfg(test)]
mod procedure_tests;

pub use budgets::{Change, Interaction};
pub use design::{Design, PlannedLook};
pub use error::{Arm, ComparisonError};
pub use limits::{Limit, Spending, crossing_probabilities, group_sequential_limits};
pub use look::Look;
pub use procedure::{Comparison, Decision, Procedure, Runs};
