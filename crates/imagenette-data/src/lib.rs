//! Photos go in, training batches come out: archive -> dataset folder -> packed pixels -> loader.
//!
//! The way of the data, module by module: [`archive`] and [`edition`] say which datasets there are; `fetch` and
//! [`install`] bring one here; [`intake`] makes a dataset of an archive or a folder of photos; [`manifest`] lists
//! every image with its hash; [`packed`] keeps the decoded pixels in one memory-mapped file; [`augment`] plans what is
//! seen of each sample; [`loader`] hands out [`loader::Batch`]es. Nothing here knows about Burn, training or the
//! command line.
//!
//! The features `audit`, `drawn`, `export`, `fetch` and `make` are modules of those names and what they depend on. All
//! are on by default; without them this crate reads, packs and loads datasets that are already here.

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
pub mod file_name;
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
mod tar_headers;
pub mod task;
mod text;
mod threads;
pub mod watch;

#[cfg(test)]
#[path = "../tests/mutation/mod.rs"]
mod mutation;

pub use error::{DataError, Result};
// What the errors here are made of, and the way to their hints.
pub use imagenette_files::{FileError, Hint, atomic};
