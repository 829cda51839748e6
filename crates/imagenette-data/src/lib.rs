//! Photos go in, training batches come out: archive -> dataset folder -> packed pixels -> loader.
//!
//! The way of the data, room by room: [`archive`] and [`edition`] say which datasets there are; [`fetch`] and [`install`]
//! bring one here; [`intake`] says what an archive or a folder of photos is; [`manifest`] lists every
//! image with its hash; [`packed`] keeps the decoded pixels in one memory-mapped file; [`augment`] plans a crop for each
//! sample; [`loader`] hands out [`loader::Batch`]es. Nothing here knows of Burn, of training or of the command line.

pub mod archive;
#[cfg(feature = "audit")]
pub mod audit;
pub mod augment;
pub mod class;
pub mod contact_sheet;
pub mod dataset;
#[cfg(feature = "drawn")]
pub mod drawn;
pub mod edition;
pub mod error;
#[cfg(feature = "export")]
pub mod export;
#[cfg(feature = "fetch")]
pub mod fetch;
mod file_name;
mod folders;
pub mod hold_out;
pub mod image;
pub mod install;
pub mod intake;
pub mod loader;
mod lock;
#[cfg(feature = "make")]
pub mod make;
pub mod manifest;
pub mod packed;
pub mod random;
pub mod store;
mod threads;
pub mod watch;

#[cfg(test)]
#[path = "../tests/mutation/mod.rs"]
mod mutation;

pub use error::{DataError, Result};
// Files of one kind of house: what the errors here are made of.
pub use imagenette_files::{FileError, Hint, atomic};
