//! What every crate of the house needs for its files, in one place: files that are complete or absent ([`atomic`]),
//! filled by one process at a time ([`lock`]), known by their content ([`hash`]), with versions ([`mod@format`]), and
//! errors that say what to do about them ([`Hint`], [`nearest`]), those of code that panics included ([`panics`]).
//!
//! Nothing here knows what is in the files.

pub mod atomic;
pub mod error;
pub mod format;
pub mod hash;
pub mod lock;
pub mod nearest;
pub mod panics;

pub use error::{FileError, Hint};
