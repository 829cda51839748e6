//! One part of the work (all of it, or a shard): a folder with the photos made so far and a journal of them. A process
//! that follows a killed one keeps what the journal lists and what still has the hash listed there; nothing else
//! counts.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use imagenette_files::atomic;
use imagenette_files::hash::{sha256, sha256_of_file};
use imagenette_files::lock::FolderLock;

use super::journal::{
    DONE_FILE, Done, Entry, JOURNAL_FILE, Output, PartHeader, Status, Trouble, key, line, photo_path, read_done,
    read_journal, verified,
};
use super::render::Rendered;
use crate::error::{DataError, Result};
use crate::folders::{create_folder, remove_folder};
use crate::lock::wait_for;
use crate::make::original::address::Address;
use crate::watch::Watch;

/// A part's folder, held by this process.
pub(crate) struct Part {
    pub(crate) folder: PathBuf,
    pub(crate) header: PartHeader,
    /// What was made before, sorted.
    pub(crate) entries: Vec<Entry>,
    pub(crate) done: Option<Done>,
    journal: Mutex<File>,
    _lock: FolderLock,
}

impl Part {
    /// Opens a part's folder, a new one or one that an earlier process left: what it has is hashed, and what does not
    /// match its journal is forgotten. `anew` forgets all of it.
    ///
    /// # Errors
    /// When the folder belongs to other work or cannot be written to, or when the caller interrupts the waiting for
    /// another process.
    pub(crate) fn open(folder: &Path, header: PartHeader, anew: bool, watch: &dyn Watch) -> Result<Self> {
        let above = folder.parent().expect("the path was made by joining a name to a folder");
        create_folder(above)?;
        let lock = wait_for(folder, "make", &header.spec.name, watch)?;
        if anew {
            remove_folder(folder)?;
        }
        create_folder(folder)?;
        let path = folder.join(JOURNAL_FILE);
        let mut entries = Vec::new();
        let mut done = None;
        match read_journal(folder)? {
            None => {}
            Some((before, _)) if before != header => {
                return Err(DataError::malformed(
                    folder,
                    "unfinished work on the same spec and shard",
                    "work on another spec, shard, copy or list of members",
                    "run the command that began it, or begin again with --force",
                ));
            }
            Some((_, before)) => {
                let was = before.len();
                entries = verified(folder, before, watch)?;
                if was > 0 {
                    watch.notice(&format!("{} of {was} photos from an earlier run are kept", entries.len()));
                }
                done = if was == entries.len() { read_done(folder)? } else { None };
            }
        }
        if done.is_none() {
            // Written again, so that half a line at the end of the old one disappears.
            let _ = fs::remove_file(folder.join(DONE_FILE));
            atomic::write(&path, |out| {
                out.write_all(line(&header).as_bytes()).map_err(DataError::io("write", &path))?;
                entries
                    .iter()
                    .try_for_each(|entry| out.write_all(line(entry).as_bytes()).map_err(DataError::io("write", &path)))
            })?;
        }
        let journal = File::options().append(true).open(&path).map_err(DataError::io("open", &path))?;
        Ok(Self { folder: folder.to_owned(), header, entries, done, journal: Mutex::new(journal), _lock: lock })
    }

    /// Writes the files of a photo, then the line that makes them count.
    pub(crate) fn write(
        &self,
        address: &Address,
        name: String,
        source: String,
        source_sha256: String,
        rendered: &[Rendered<'_>],
        (status, remarks): (Status, Vec<String>),
    ) -> Result<Entry> {
        let wnid = address.wnid.clone().expect("a photo that is wanted has a class");
        let mut outputs = Vec::with_capacity(rendered.len());
        for rendered in rendered {
            let path = photo_path(&self.folder, rendered.size, address.origin, &wnid, &name);
            write_file(&path, &rendered.file)?;
            outputs.push(Output {
                size: rendered.size,
                width_px: rendered.width_px,
                height_px: rendered.height_px,
                bytes: rendered.file.len() as u64,
                sha256: sha256(&rendered.file),
            });
        }
        let entry = Entry { wnid, name, origin: address.origin, source, source_sha256, outputs, remarks, status };
        let mut journal = self.journal.lock().expect("no holder of this lock panics");
        let path = self.folder.join(JOURNAL_FILE);
        journal.write_all(line(&entry).as_bytes()).map_err(DataError::io("write", &path))?;
        Ok(entry)
    }

    /// Declares the part complete.
    pub(crate) fn finish(&mut self, entries: Vec<Entry>, troubles: Vec<Trouble>, others: u64) -> Result<()> {
        let journal = self.folder.join(JOURNAL_FILE);
        self.journal
            .get_mut()
            .expect("no holder of this lock panics")
            .sync_all()
            .map_err(DataError::io("write", &journal))?;
        sync(&self.folder);
        let journal_sha256 = sha256_of_file(&journal)?;
        let done = Done { photos: entries.len(), journal_sha256, troubles, others };
        atomic::write_bytes(&self.folder.join(DONE_FILE), line(&done).as_bytes())?;
        (self.entries, self.done) = (entries, Some(done));
        Ok(())
    }

    /// Declares the part unfinished; what was made is kept.
    pub(crate) fn reopen(&self) {
        // If this fails, there is still `--force`.
        let _ = fs::remove_file(self.folder.join(DONE_FILE));
    }

    /// The keys of what was made before.
    pub(crate) fn made(&self) -> HashSet<u128> {
        self.entries.iter().map(|entry| key(entry.origin, &entry.wnid, &entry.name)).collect()
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().expect("the path was made by joining a name to a folder");
    let file = match File::create(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(DataError::io("create", folder))?;
            File::create(path)
        }
        file => file,
    };
    file.map_err(DataError::io("create", path))?.write_all(bytes).map_err(DataError::io("write", path))
}

/// Syncs everything, so that a power cut after the declaration cannot leave empty files.
pub(super) fn sync(folder: &Path) {
    #[cfg(target_os = "linux")]
    {
        // What could not be synced is found by its hash later.
        if let Ok(file) = File::open(folder) {
            let _ = rustix::fs::syncfs(&file);
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;
    use crate::make::journal::read_complete;
    use crate::make::original::address::Origin;
    use crate::make::spec::{Size, Spec, SplitRule};
    use crate::watch::Silent;

    fn header() -> PartHeader {
        let spec = Spec::own("own".into(), vec!["all".into()], SplitRule::Own);
        PartHeader::new(spec, (1, 1), "copy".into(), None)
    }

    fn write_photo(part: &Part, name: &str) -> Entry {
        let address = Address { origin: Origin::Train, wnid: Some("cats".into()), file_name: name.into() };
        let rendered = [Rendered { size: Size::Full, width_px: 3, height_px: 2, file: name.as_bytes().into() }];
        part.write(&address, name.into(), name.into(), String::new(), &rendered, (Status::Plain, vec![])).unwrap()
    }

    #[test]
    fn complete_photos_are_kept_and_half_written_or_changed_ones_are_not() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("part");
        let part = Part::open(&folder, header(), false, &Silent).unwrap();
        let entries: Vec<Entry> = ["a.JPEG", "b.JPEG", "c.JPEG"].iter().map(|name| write_photo(&part, name)).collect();
        drop(part);
        let journal = folder.join(JOURNAL_FILE);
        let whole = fs::read(&journal).unwrap();
        fs::write(photo_path(&folder, Size::Full, Origin::Train, "cats", "b.JPEG"), "b.JP").unwrap();
        // Cut off in the middle of the last line.
        fs::write(&journal, &whole[..whole.len() - 9]).unwrap();
        let mut part = Part::open(&folder, header(), false, &Silent).unwrap();
        assert_eq!(part.entries, entries[..1]);
        assert!(part.done.is_none() && read_complete(&folder).is_err());
        let again = vec![entries[0].clone(), write_photo(&part, "b.JPEG")];
        part.finish(again.clone(), vec![], 0).unwrap();
        drop(part);
        assert_eq!(read_complete(&folder).unwrap().1, again);
        assert!(Part::open(&folder, header(), false, &Silent).unwrap().done.is_some());
    }

    #[test]
    fn a_part_of_other_work_is_not_touched() {
        let place = tempfile::tempdir().unwrap();
        drop(Part::open(&place.path().join("part"), header(), false, &Silent).unwrap());
        let mut other = header();
        other.shard = (1, 2);
        let error = Part::open(&place.path().join("part"), other, false, &Silent).err().expect("an error");
        assert!(error.hint().is_some_and(|hint| hint.contains("--force")), "{error}");
    }
}
