//! Taking in photos: an archive or a folder goes in, a manifest comes out, and the same rules decide what a dataset
//! is.

pub mod archive;
pub(crate) mod assembly;
pub(crate) mod complete;
pub(crate) mod compression;
pub(crate) mod draw;
pub mod folder;
pub(crate) mod header;
pub(crate) mod layout;
mod left_out;
pub(crate) mod photos;
mod zip;

use std::path::PathBuf;

pub use draw::SplitParts;

/// How photos of one's own are taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntakeOptions {
    /// The parts of a val split that is to be drawn, for photos that are not split yet: train alone, or class folders
    /// alone. `None` draws one, a tenth of each class, only where there is train and test.
    pub split: Option<SplitParts>,
    /// Uses photos as they are stored, whatever orientation their cameras noted, instead of turning them upright.
    /// ImageNet's editions are never turned.
    pub keep_orientation: bool,
    /// Refuses what is no photo of a class, instead of leaving it out.
    pub strict: bool,
    /// A folder of photos without labels, in any folders of its own: they are learned from without labels (`unsup`). `None`
    /// takes those alone that the folder itself has there.
    pub unlabeled: Option<PathBuf>,
}
