//! What every floor of the house needs of files, once: complete or absent ([`atomic`]), one process at a time ([`lock`]),
//! known by their content ([`hash`]), versioned ([`format`]), and errors that say what to do ([`Hint`], [`nearest`]).
//!
//! Nothing here knows what the files mean.

pub mod atomic;
pub mod error;
pub mod format;
pub mod hash;
pub mod lock;
pub mod nearest;

pub use error::{FileError, Hint};
