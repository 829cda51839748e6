//! What is installed: a name, an archive, a folder or a seed goes in, a dataset in the store comes out.

#[cfg(feature = "drawn")]
mod drawn;
#[cfg(feature = "fetch")]
mod official;
mod own;
mod place;

use crate::archive::BASE_URL;
use crate::dataset::Dataset;
#[cfg(feature = "fetch")]
use crate::fetch::FetchOptions;
use crate::intake::IntakeOptions;
use crate::intake::archive::ExtractLimits;

#[cfg(feature = "drawn")]
pub use drawn::get_drawn;
#[cfg(feature = "fetch")]
pub use official::{get, get_archive};
pub use own::get_from;

/// How a dataset is installed.
#[derive(Debug, Clone, PartialEq)]
pub struct GetOptions {
    /// Replaces a dataset that is already installed under this name.
    pub force: bool,
    /// Keeps the downloaded archive in the store's downloads folder.
    pub keep_archive: bool,
    /// Where the official archives are downloaded from, with a `/` at the end: [`BASE_URL`] or a mirror of it.
    pub base_url: String,
    /// How patient a download is.
    #[cfg(feature = "fetch")]
    pub fetch: FetchOptions,
    /// What an archive may ask for.
    pub limits: ExtractLimits,
    /// How photos of one's own are taken in.
    pub intake: IntakeOptions,
}

impl Default for GetOptions {
    fn default() -> Self {
        Self {
            force: false,
            keep_archive: false,
            base_url: BASE_URL.into(),
            #[cfg(feature = "fetch")]
            fetch: FetchOptions::default(),
            limits: ExtractLimits::default(),
            intake: IntakeOptions::default(),
        }
    }
}

/// A dataset in the store.
#[derive(Debug)]
pub struct Installed {
    /// The dataset.
    pub dataset: Dataset,
    /// Whether it was installed before; then it was only checked, without reading its photos.
    pub was_there: bool,
}
