//! A file that a command writes at its end. That it cannot be written is known at the beginning, before the work.

use std::path::Path;

use imagenette_data::DataError;
use imagenette_files::atomic;

use crate::terminal::Refusal;

/// A place where a file can be written.
pub(crate) struct OutFile<'p> {
    path: &'p Path,
}

impl<'p> OutFile<'p> {
    /// A file at this path; nothing stays there until it is written.
    pub(crate) fn at(path: &'p Path) -> anyhow::Result<Self> {
        atomic::check(path).map_err(DataError::from)?;
        Ok(Self { path })
    }

    /// A file at this path, whose name must end in `.svg` or whatever is written there: another ending would lie. A link
    /// or a device has its name from elsewhere.
    pub(crate) fn of_kind(path: &'p Path, ending: &str) -> anyhow::Result<Self> {
        let is_named_here = std::fs::symlink_metadata(path).map_or(true, |found| found.is_file());
        if is_named_here && !path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending)) {
            return Err(Refusal::usage(
                format!("--out: expected a file that ends in .{ending}, found {}", path.display()),
                format!("name it {}", path.with_extension(ending).display()),
            ));
        }
        Self::at(path)
    }

    /// Writes the file: complete or absent.
    pub(crate) fn write(&self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(atomic::write_bytes(self.path, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;

    #[test]
    fn a_place_that_cannot_be_written_to_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.svg");
        let out = OutFile::at(&path).unwrap();
        assert!(!path.exists());
        out.write(b"<svg/>").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"<svg/>");
        let hint = |path: &Path| {
            let error = OutFile::at(path).err().expect("it cannot be written");
            error.downcast_ref::<DataError>().and_then(DataError::hint).unwrap_or_else(|| panic!("{error}: no hint"))
        };
        assert!(hint(&folder.path().join("no/such.svg")).contains("there is no folder"));
        assert!(hint(&path.join("below-a-file.svg")).contains("there is a file where a folder should be"));
        assert!(hint(folder.path()).contains("this is a folder"));
    }
}
