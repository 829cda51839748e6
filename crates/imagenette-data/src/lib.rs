//! Photos go in, training batches come out: archive -> dataset folder -> packed pixels -> loader.
//!
//! The way of the data, room by room: [`archive`] and [`edition`] say which datasets there are; [`fetch`] and [`extract`]
//! bring one here; [`source`] says where photos come from (a folder, a tar, the drawn set); [`manifest`] lists every
//! image with its hash; [`packed`] keeps the decoded pixels in one memory-mapped file; [`augment`] plans a crop for each
//! sample; [`loader`] hands out [`loader::Batch`]es. Nothing here knows of Burn, of training or of the command line.

pub mod atomic;
pub mod class;
pub mod drawn;
pub mod edition;
pub mod error;
pub mod manifest;
pub mod random;
pub mod watch;

pub use error::{DataError, Result};
