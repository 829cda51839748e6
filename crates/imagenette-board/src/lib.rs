//! The leaderboard as files: a season's rules, entries, confirmations; what of them holds, and who stands where.
//!
//! A folder goes in (`board/`), faults, ranks and a site come out. [`season`] says what may be entered and how it is
//! judged; [`deal`] names the seeds, so that nobody chooses them; [`board`] reads and checks everything that lies
//! there, entry by entry ([`entry`]); [`rank`] puts what holds into groups of ties; [`place`] says where anybody's
//! result would stand; [`collect`] makes an entry from runs; [`changed`] says what a request changes; [`site`] writes
//! the pages.
//!
//! What strangers put into a folder is read with bounds on names, kinds, sizes and numbers. Nothing of it is executed,
//! and nothing is written where it lies. Whether a run's files belong together is
//! [`imagenette_results::check`]'s to say; here is what a board asks beyond that.

pub mod board;
pub mod changed;
pub mod collect;
mod confirmation;
pub mod deal;
pub mod entry;
pub mod error;
pub mod fault;
mod folder;
pub mod historic;
pub mod place;
pub mod rank;
mod rules;
pub mod season;
mod seed_run;
pub mod site;
mod text;

pub use board::Board;
pub use entry::{Badge, Division, Entry};
pub use error::{BoardError, Result};
pub use fault::Fault;
pub use season::{Challenge, Limit, Season};
