//! ImageNet's development kit (`ILSVRC2012_devkit_t12.tar.gz`) goes in; its list of validation classes and `meta.mat`
//! come out.

use std::io::Read;
use std::path::Path;

use crate::tar_headers::HeaderGuard;
use flate2::read::MultiGzDecoder;
use imagenette_files::input;

use crate::error::{DataError, Result};

/// The kit unpacks to a few MB.
const LARGEST_BYTES: u64 = 256 << 20;

/// Whether a file has the name of the development kit.
pub(super) fn is_devkit(name: &str) -> bool {
    name.starts_with("ILSVRC2012_devkit") && (name.ends_with(".tar.gz") || name.ends_with(".tgz"))
}

/// The text of the ground truth, and `meta.mat`.
///
/// # Errors
/// When the kit cannot be read or lacks the ground truth.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
    let (file, _) = input::open(path, LARGEST_BYTES)?;
    let guard = HeaderGuard::default();
    let mut archive = tar::Archive::new(guard.watch(MultiGzDecoder::new(file).take(LARGEST_BYTES)));
    let (mut truth, mut matlab) = (None, None);
    let found = (|| -> std::io::Result<()> {
        let mut entries = archive.entries()?;
        while let Some(entry) = guard.next(&mut entries) {
            let mut entry = entry?;
            let name = entry.path_bytes().into_owned();
            let wanted = if name.ends_with(b"/ILSVRC2012_validation_ground_truth.txt") {
                &mut truth
            } else if name.ends_with(b"/meta.mat") {
                &mut matlab
            } else {
                std::io::copy(&mut entry, &mut std::io::sink())?;
                continue;
            };
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            *wanted = Some(bytes);
        }
        Ok(())
    })();
    let malformed = |found: String| {
        DataError::malformed(
            path,
            "ImageNet's development kit",
            found,
            "fetch the kit again, or give another list with --val-list",
        )
    };
    found.map_err(|error| malformed(error.to_string()))?;
    Ok((truth.ok_or_else(|| malformed("an archive without ILSVRC2012_validation_ground_truth.txt".into()))?, matlab))
}
