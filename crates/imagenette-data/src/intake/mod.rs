//! Taking in photos: an archive or a folder goes in, a manifest comes out, and the same rules decide what a dataset
//! is.

pub mod archive;
pub(crate) mod assembly;
pub mod folder;
pub(crate) mod header;
pub(crate) mod layout;
pub(crate) mod photos;
