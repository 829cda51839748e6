//! The places of finished datasets: what is already there is verified, what is missing is made and renamed into place.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use imagenette_files::input;
use imagenette_files::lock::FolderLock;
use imagenette_files::{FileError, atomic};

use super::job::{Form, Made, MadeDataset};
use super::join::{Joined, was_made_with};
use super::journal::read_journal;
use super::noise::NoisyLabels;
use super::spec::{Size, Spec};
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::folders::{create_folder, put_in_place, remove_folder};
use crate::lock::wait_for;
use crate::manifest::Manifest;
use crate::watch::Watch;

/// The file in the work's folder that says in which form its photos are being joined.
const FORM_FILE: &str = "form";

/// The places of finished datasets.
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
            let malformed = |found: String| {
                DataError::malformed(
                    &place,
                    "nothing, or the dataset that this command makes",
                    found,
                    "use --force to replace it, or another name with --name",
                )
            };
            if !was_made_with(&place, self.spec) {
                return Err(malformed("something else".into()));
            }
            let report = Dataset::open(&place)?.verify(false, watch)?;
            if let Some(first) = report.problems.first() {
                return Err(malformed(format!("{} differences, the first: {first}", report.problems.len())));
            }
        }
        Ok(missing)
    }

    /// The locks of the folder for the work and of the places of all datasets, which another spec or `get` may want
    /// too.
    pub(super) fn lock(&self, watch: &dyn Watch) -> Result<Vec<FolderLock>> {
        let mut places: Vec<PathBuf> = self.spec.sizes.iter().map(|size| self.place(*size)).collect();
        places.push(self.work());
        // Everybody takes them in the same order, so that no two wait for each other.
        places.sort_unstable();
        places.iter().map(|place| wait_for(place, "make", &self.spec.name, watch)).collect()
    }

    /// The folder for the work.
    pub(super) fn work(&self) -> PathBuf {
        self.out.join(format!(".making-{}", self.spec.name))
    }

    /// What remains of the work when everything is made. It has its own name, so that a process that finds it knows
    /// that nobody needs it.
    fn remains(&self) -> PathBuf {
        self.out.join(format!(".made-{}", self.spec.name))
    }

    /// Removes the work once everything is in its place.
    pub(super) fn remove_work(&self) -> Result<()> {
        let (work, remains) = (self.work(), self.remains());
        remove_folder(&remains)?;
        match fs::rename(&work, &remains) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(DataError::io("rename", &work)(error)),
            Ok(()) => remove_folder(&remains),
        }
    }

    /// Whether the work that is there is that of these datasets, so that nobody needs it once they are made. Work on
    /// other sizes under the same name, or on another form of them, is somebody's.
    fn is_work_done(&self) -> bool {
        let work = self.work();
        let form = input::read_text(&work.join(FORM_FILE), input::TEXT_BYTES);
        form.is_ok_and(|form| form == self.form_name())
            && match read_journal(&work.join("part")) {
                Ok(Some((header, _))) => header.spec == *self.spec,
                // Shards have their parts elsewhere.
                Ok(None) => true,
                Err(_) => false,
            }
    }

    fn form_name(&self) -> &'static str {
        match self.form {
            Form::Folder => "folder",
            Form::Tar => "tar",
            Form::Tgz => "tgz",
        }
    }

    /// Removes what a process left that was killed before it had removed its work, unless another is at work here.
    fn remove_leftovers(&self) -> Result<()> {
        if !self.remains().exists() && !self.is_work_done() {
            return Ok(());
        }
        // Everybody who works on this holds the lock of the work.
        let _lock = match FolderLock::acquire_beside(&self.work(), "make") {
            Err(FileError::InUse { .. }) => return Ok(()),
            lock => lock?,
        };
        if self.is_work_done() { self.remove_work() } else { remove_folder(&self.remains()) }
    }

    /// The finished datasets, when nothing is missing. The caller must not hold the locks.
    pub(super) fn all_there(&self, watch: &dyn Watch) -> Result<Made> {
        if let Err(error) = self.remove_leftovers() {
            // A read-only folder is used as it is.
            watch.notice(&format!("what an earlier run left cannot be removed: {error}"));
        }
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
        missing: &[Size],
        noise: Option<&NoisyLabels>,
        watch: &dyn Watch,
    ) -> Result<Vec<MadeDataset>> {
        let work = self.work();
        create_folder(&work)?;
        atomic::write_bytes(&work.join(FORM_FILE), self.form_name().as_bytes())?;
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
                    put_in_place(&filling, &path, &work.join("replaced"))?;
                    manifest
                }
                Form::Tar | Form::Tgz => joined.archive(&path, self.form == Form::Tgz, *size, noise, watch)?,
            };
            made.push(MadeDataset { path, manifest: Some(manifest), was_there: false });
        }
        Ok(made)
    }
}
