//! What several runs say together.
//!
//! Accuracies enter as fractions (0.9 is 90%), one a run, and numbers about them leave as fractions too: only prose
//! speaks of points. Where two arms are compared, the baseline comes first and a difference is the idea's mean minus
//! the baseline's. What cannot be computed is `None`, and outside a function's domain the answer is NaN: nothing here
//! panics.
//!
//! [`steadied_welch`] is the test that verdicts rest on; [`comparison`](crate::comparison) says when it is looked at.
//! [`welch`], [`paired`], [`permutation_p`] and [`McNemar`] stand beside it for information.

mod distribution;
mod multiplicity;
mod permutation;
mod photos;
mod power;
mod quadrature;
mod ratio;
mod sample;
mod screening;
mod selection;
mod steadied;
mod superiority;
mod t_test;
#[cfg(test)]
pub(crate) mod worked_examples;

pub use distribution::{
    chi_square_upper_quantile, chi_square_upper_tail, normal_two_sided, normal_upper_quantile, normal_upper_tail,
    student_t_two_sided, student_t_upper_quantile, student_t_upper_tail,
};
pub use multiplicity::{benjamini_hochberg, holm, holm_first_limit};
pub use permutation::{McNemar, permutation_p};
pub use photos::{ArmPhotos, PhotoSpread, PhotosAndSeeds, photo_spread, photos_and_seeds};
pub use power::{runs_needed, smallest_gain};
pub(crate) use quadrature::gauss_legendre;
pub use ratio::ErrorRatio;
pub use sample::{Sample, accuracy_interval, accuracy_standard_error, mean, standard_deviation, variance};
pub use screening::{Screened, screen};
pub use selection::{Candidate, Shrinkage, expected_maximum, shrink};
pub use steadied::{SteadiedArm, SteadiedWelch, VariancePrior, steadied_welch};
pub use superiority::{superiority_counted, superiority_normal};
pub use t_test::{Interval, TTest, paired, welch};
