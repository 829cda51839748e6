//! What every crate of the house needs for its files, in one place: files that are complete or absent ([`atomic`]),
//! filled by one process at a time ([`lock`]), known by their content ([`hash`]), with versions ([`mod@format`]), and
//! errors that say what to do about them ([`Hint`], [`nearest`]), those of code that panics included ([`panics`]); and
//! what keeps other people's files from doing harm: their kind and size before they are read ([`input`]), memory before
//! it is taken ([`memory`]), text before it is shown ([`visible`], [`plain`]). Work on several
//! threads goes on with fewer where the system gives no more ([`threads`]).
//!
//! Nothing here knows what is in the files.

pub mod atomic;
mod destination;
pub mod error;
pub mod format;
pub mod hash;
pub mod input;
pub mod lock;
pub mod memory;
pub mod nearest;
pub mod panics;
pub mod plain;
pub mod threads;
pub mod visible;

pub use error::{FileError, Hint};
