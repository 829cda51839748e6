//! What a run leaves behind and what may be concluded from it: record, predictions, statistics.
//!
//! [`run_record`] is the account of one run; [`predictions`] is the evidence from which its accuracy is recomputed;
//! [`environment`] says on what machine and by what code; [`run_group`] and [`statistics`] speak about several runs. Nothing here knows of
//! photos, of Burn or of the command line: predictions made by any program can be scored.

pub mod environment;
pub mod error;
pub mod predictions;
pub mod run_group;
pub mod run_record;
pub mod statistics;

pub use error::{Result, ResultsError};
pub use predictions::{Prediction, Score};
pub use run_record::RunRecord;
