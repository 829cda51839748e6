//! Where finished datasets come to lie: what is there already is looked at, what is missing is filled and renamed into place.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::join::{Joined, was_made_with};
use super::noise::NoisyLabels;
use super::spec::{Size, Spec};
use super::{Form, Made, MadeDataset};
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::manifest::Manifest;
use crate::watch::Watch;

/// Where finished datasets come to lie.
pub(super) struct Target<'a> {
    pub(super) spec: &'a Spec,
    pub(super) out: &'a Path,
    pub(super) form: Form,
    pub(super) force: bool,
}

impl Target<'_> {
    fn place(&self, size: Size) -> PathBuf {
        let name = self.spec.dataset_name(size);
        self.out.join(match self.form {
            Form::Folder => name,
            Form::Tar => format!("{name}.tar"),
            Form::Tgz => format!("{name}.tgz"),
        })
    }

    /// The sizes that are not there yet.
    pub(super) fn missing(&self, watch: &dyn Watch) -> Result<Vec<Size>> {
        let mut missing = Vec::new();
        for size in &self.spec.sizes {
            let place = self.place(*size);
            if self.force || !place.exists() {
                missing.push(*size);
                continue;
            }
            if self.form != Form::Folder {
                continue;
            }
            let malformed = |found: String| DataError::Malformed {
                path: place.clone(),
                expected: "nothing, or the dataset as this command makes it".into(),
                found,
                hint: "use --force to replace it, or another name with --name".into(),
            };
            if !was_made_with(&place, self.spec) {
                return Err(malformed("something else".into()));
            }
            let report = Dataset::open(&place)?.verify(false, watch)?;
            if let Some(first) = report.problems.first() {
                return Err(malformed(format!("{} differences, the first of them {first}", report.problems.len())));
            }
        }
        Ok(missing)
    }

    pub(super) fn all_there(&self) -> Result<Made> {
        let there = |size: &Size| -> Result<MadeDataset> {
            let path = self.place(*size);
            let manifest = if self.form == Form::Folder { Some(Manifest::read(&path)?) } else { None };
            Ok(MadeDataset { path, manifest, was_there: true })
        };
        Ok(Made::Datasets(self.spec.sizes.iter().map(there).collect::<Result<_>>()?, None))
    }

    pub(super) fn finish(
        &self,
        joined: &Joined<'_>,
        work: &Path,
        missing: &[Size],
        noise: Option<&NoisyLabels>,
        watch: &dyn Watch,
    ) -> Result<Vec<MadeDataset>> {
        let mut made = Vec::new();
        for size in &self.spec.sizes {
            let path = self.place(*size);
            if !missing.contains(size) {
                let manifest = if self.form == Form::Folder { Some(Manifest::read(&path)?) } else { None };
                made.push(MadeDataset { path, manifest, was_there: true });
                continue;
            }
            let manifest = match self.form {
                Form::Folder => {
                    let filling = work.join("joined").join(self.spec.dataset_name(*size));
                    remove_folder(&filling)?;
                    create_folder(&filling)?;
                    let manifest = joined.fill(&filling, *size, noise, watch)?;
                    replace(&filling, &path, &work.join("replaced"))?;
                    manifest
                }
                Form::Tar | Form::Tgz => joined.archive(&path, self.form == Form::Tgz, *size, noise, watch)?,
            };
            made.push(MadeDataset { path, manifest: Some(manifest), was_there: false });
        }
        Ok(made)
    }
}

/// Renames a finished folder into place; what is there steps aside first, so that no moment has neither for long.
fn replace(from: &Path, to: &Path, aside: &Path) -> Result<()> {
    if to.exists() {
        remove_folder(aside)?;
        fs::rename(to, aside).map_err(DataError::io("rename", to))?;
    }
    fs::rename(from, to).map_err(DataError::io("rename", from))?;
    remove_folder(aside)
}

pub(super) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(DataError::io("create", path))
}

pub(super) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DataError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
