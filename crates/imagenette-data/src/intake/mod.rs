//! Taking photos in: an archive or a folder goes in, the same rules say what a dataset is, and a manifest comes out.

pub mod archive;
pub(crate) mod assembly;
pub mod folder;
pub(crate) mod header;
pub(crate) mod layout;
pub(crate) mod photos;
