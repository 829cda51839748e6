//! What is installed: a name, an archive, a folder or a seed goes in, a dataset in the store comes out.

pub mod archive;
pub mod drawn;
