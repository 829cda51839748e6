//! What a run leaves behind and what may be concluded from it: folder, record, history, predictions, statistics.
//!
//! [`run_folder`] says what lies where and who may fill it; [`run_record`] is the account of one run, with each of
//! its [`attempt`]s and the [`environment`] that they ran in; [`history`] is what happened, under a chain of hashes;
//! [`predictions`] are the evidence from which accuracy is recomputed, and [`probabilities`] say how sure they are.
//! [`check`] says what of all this holds, and [`run`] reads what does; [`run_group`], [`index`] and [`statistics`] speak
//! about several runs, and [`comparison`] says in as few of them as honesty allows whether an idea helps.
//!
//! [`prices`] is what machines cost.
//!
//! Nothing here knows of photos, of Burn or of the command line: predictions made by any program can be scored.

pub mod attempt;
pub mod check;
pub mod clock;
pub mod comparison;
pub mod environment;
pub mod error;
pub mod history;
pub mod index;
pub mod prediction_table;
pub mod predictions;
pub mod prices;
pub mod probabilities;
pub mod run;
pub mod run_folder;
pub mod run_group;
pub mod run_record;
pub mod spending;
pub mod statistics;

pub use error::{Result, ResultsError};
pub use predictions::{Prediction, Score};
pub use run::Run;
pub use run_record::RunRecord;
