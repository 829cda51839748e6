//! What `check` looks at and what it says: runs, with what only photos and networks can tell of
//! them; replays; evaluations again; parts.

pub(crate) mod again;
pub(crate) mod part;
mod replay;
pub(crate) mod run;
pub(crate) mod table;
