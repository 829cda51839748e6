//! One part of a making (all of it, or a shard): a folder with the photos made so far and a journal of them. Whoever comes
//! after a process that was killed keeps what the journal names and what still hashes to what it says; nothing else counts.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::render::Rendered;
use super::spec::{Size, Spec};
use crate::dataset::sha256_of;
use crate::error::{DataError, Result};
use crate::manifest::hex;
use crate::source::lock::NameLock;
use crate::source::original::address::{Address, Origin};
use crate::watch::{Unit, Watch};

const JOURNAL_FILE: &str = "journal.jsonl";
const DONE_FILE: &str = "done.json";
const FORMAT: &str = "imagenette-part";
const VERSION: u32 = 1;

/// What a part is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartHeader {
    format: String,
    version: u32,
    pub(crate) spec: Spec,
    /// Which shard this is, counted from 1, and of how many.
    pub(crate) shard: (u32, u32),
    /// The names of the copy's files.
    pub(crate) from: String,
    /// sha256 of the list of members that stands for the shipped one.
    pub(crate) members: Option<String>,
}

impl PartHeader {
    pub(crate) fn new(spec: Spec, shard: (u32, u32), from: String, members: Option<&[String]>) -> Self {
        let members = members.map(|paths| hex(&Sha256::digest(paths.join("\n"))));
        Self { format: FORMAT.into(), version: VERSION, spec, shard, from, members }
    }

    /// Whether two headers are of the same making.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        (&self.spec, self.shard.1, &self.members) == (&other.spec, other.shard.1, &other.members)
    }
}

/// A photo that was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) wnid: String,
    /// The file name that it is made under.
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// The original's path in the copy.
    pub(crate) source: String,
    pub(crate) source_sha256: String,
    pub(crate) outputs: Vec<Output>,
    /// What happened beside plain decoding, in words.
    pub(crate) remarks: Vec<String>,
    pub(crate) status: Status,
}

/// A file that was made of a photo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    pub(crate) size: Size,
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// What became of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing worth a word.
    Plain,
    /// Something was left as it was that one might not expect: an orientation that is not applied.
    Noted,
    /// Made an RGB or gray JPEG of something else.
    Converted,
    /// A part of it was lost before; the rest was made.
    Repaired,
    /// It cannot be used.
    Skipped,
    /// The list of members names it, and the copy does not have it.
    Missing,
}

/// Something that was not made, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trouble {
    pub(crate) path: String,
    pub(crate) reason: String,
}

/// What is written when a part is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Done {
    pub(crate) photos: usize,
    /// sha256 of the journal.
    pub(crate) journal_sha256: String,
    pub(crate) troubles: Vec<Trouble>,
    /// Files that are no photos.
    pub(crate) others: u64,
}

/// A part's folder, held by this process.
pub(crate) struct Part {
    pub(crate) folder: PathBuf,
    pub(crate) header: PartHeader,
    /// What was made before, sorted.
    pub(crate) entries: Vec<Entry>,
    pub(crate) done: Option<Done>,
    journal: Mutex<File>,
    _lock: NameLock,
}

/// Where a photo of a part lies.
pub(crate) fn photo_path(folder: &Path, size: Size, origin: Origin, wnid: &str, name: &str) -> PathBuf {
    folder.join("photos").join(size.to_string()).join(origin.name()).join(wnid).join(name)
}

impl Part {
    /// Takes a part's folder, made now or left by a process that ended: what it holds is hashed, and what does not fit its
    /// journal is forgotten.
    ///
    /// # Errors
    /// When the folder is of another making, cannot be written to, or when the caller interrupts the waiting for another
    /// process.
    pub(crate) fn open(folder: &Path, header: PartHeader, watch: &dyn Watch) -> Result<Self> {
        fs::create_dir_all(folder).map_err(DataError::io("create", folder))?;
        let lock = NameLock::acquire_file(&folder.join("lock"), &header.spec.name, watch)?;
        let path = folder.join(JOURNAL_FILE);
        let mut entries = Vec::new();
        let mut done = None;
        match read_journal(folder)? {
            None => {}
            Some((before, _)) if before != header => {
                return Err(DataError::Malformed {
                    path: folder.to_owned(),
                    expected: "an unfinished making of the same spec and shard".into(),
                    found: "one of another spec, shard, copy or list of members".into(),
                    hint: "run the command that began it, or begin anew with --force".into(),
                });
            }
            Some((_, before)) => {
                let was = before.len();
                entries = verified(folder, before, watch)?;
                if was > 0 {
                    watch.notice(&format!("{} of {was} photos that were made before are kept", entries.len()));
                }
                done = if was == entries.len() { read_done(folder)? } else { None };
            }
        }
        if done.is_none() {
            // Written whole, so that half a line at the end of the old one is gone.
            let _ = fs::remove_file(folder.join(DONE_FILE));
            crate::atomic::write(&path, |out| {
                out.write_all(line(&header).as_bytes()).map_err(DataError::io("write", &path))?;
                entries
                    .iter()
                    .try_for_each(|entry| out.write_all(line(entry).as_bytes()).map_err(DataError::io("write", &path)))
            })?;
        }
        let journal = File::options().append(true).open(&path).map_err(DataError::io("open", &path))?;
        Ok(Self { folder: folder.to_owned(), header, entries, done, journal: Mutex::new(journal), _lock: lock })
    }

    /// Writes a photo's files, then the line that makes them count.
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
                sha256: hex(&Sha256::digest(&rendered.file)),
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
        let journal_sha256 = sha256_of(&journal).map_err(DataError::io("read", &journal))?;
        let done = Done { photos: entries.len(), journal_sha256, troubles, others };
        let path = self.folder.join(DONE_FILE);
        crate::atomic::write(&path, |out| {
            out.write_all(line(&done).as_bytes()).map_err(DataError::io("write", &path))
        })?;
        (self.entries, self.done) = (entries, Some(done));
        Ok(())
    }

    /// The keys of what was made before.
    pub(crate) fn made(&self) -> HashSet<u128> {
        self.entries.iter().map(|entry| key(entry.origin, &entry.wnid, &entry.name)).collect()
    }
}

/// What a complete part holds, read by whoever joins it to others.
///
/// # Errors
/// When it is not complete, or its journal is not the one that was declared complete.
pub(crate) fn read_complete(folder: &Path) -> Result<(PartHeader, Vec<Entry>, Done)> {
    let malformed = |found: &str| DataError::Malformed {
        path: folder.to_owned(),
        expected: "a complete part".into(),
        found: found.into(),
        hint: "run this shard's command again: what it made is kept".into(),
    };
    let done = read_done(folder)?.ok_or_else(|| malformed("one that is not finished"))?;
    let (header, entries) = read_journal(folder)?.ok_or_else(|| malformed("no journal"))?;
    let path = folder.join(JOURNAL_FILE);
    if sha256_of(&path).map_err(DataError::io("read", &path))? != done.journal_sha256 || done.photos != entries.len() {
        return Err(malformed("a journal that was changed afterwards"));
    }
    Ok((header, entries, done))
}

/// Keeps the entries whose files are there and hash to what they should, on all cores.
pub(crate) fn verified(folder: &Path, entries: Vec<Entry>, watch: &dyn Watch) -> Result<Vec<Entry>> {
    watch.begin("checking what was made before", Some(entries.len() as u64), Unit::Photos);
    let next = AtomicUsize::new(0);
    let sound: Mutex<Vec<usize>> = Mutex::new(Vec::with_capacity(entries.len()));
    std::thread::scope(|scope| {
        for _ in 0..crate::source::thread_count() {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(entry) = entries.get(at) else { return };
                    if watch.interrupted() {
                        return;
                    }
                    let fits = entry.outputs.iter().all(|output| {
                        let path = photo_path(folder, output.size, entry.origin, &entry.wnid, &entry.name);
                        sha256_of(&path).is_ok_and(|found| found == output.sha256)
                    });
                    if fits {
                        sound.lock().expect("no holder of this lock panics").push(at);
                    }
                    watch.advance(1);
                }
            });
        }
    });
    if watch.interrupted() {
        return Err(DataError::Interrupted);
    }
    let sound: HashSet<usize> = sound.into_inner().expect("no holder of this lock panics").into_iter().collect();
    let mut kept: Vec<Entry> =
        entries.into_iter().enumerate().filter(|(at, _)| sound.contains(at)).map(|(_, entry)| entry).collect();
    kept.sort_unstable();
    kept.dedup_by(|a, b| (&a.wnid, &a.name, a.origin) == (&b.wnid, &b.name, b.origin));
    Ok(kept)
}

/// The journal's header and entries up to the first line that is not whole; `None` where none was begun.
fn read_journal(folder: &Path) -> Result<Option<(PartHeader, Vec<Entry>)>> {
    let path = folder.join(JOURNAL_FILE);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(DataError::io("read", &path))?,
    };
    parse_journal(&bytes).map(Some).map_err(|found| DataError::Malformed {
        path,
        expected: format!("a journal of {FORMAT} version {VERSION}"),
        found,
        hint: "it was written by another version: begin anew with --force".into(),
    })
}

/// Reads a journal; a last line that is cut off, and all after a damaged one, do not count.
pub(crate) fn parse_journal(bytes: &[u8]) -> Result<(PartHeader, Vec<Entry>), String> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let header: PartHeader = serde_json::from_slice(lines.next().unwrap_or_default())
        .map_err(|error| format!("another header ({error})"))?;
    if (header.format.as_str(), header.version) != (FORMAT, VERSION) {
        return Err(format!("{} version {}", header.format, header.version));
    }
    let whole = lines.take_while(|line| line.ends_with(b"\n"));
    let entries = whole.map_while(|line| serde_json::from_slice::<Entry>(line).ok().filter(is_placed)).collect();
    Ok((header, entries))
}

/// Whether an entry's names stay in the part's folder: a journal may come from another machine.
fn is_placed(entry: &Entry) -> bool {
    [&entry.wnid, &entry.name].into_iter().all(|name| {
        !name.is_empty()
            && !name.contains('/')
            && name != "."
            && name != ".."
            && crate::source::layout::portable(name).is_ok()
    })
}

fn read_done(folder: &Path) -> Result<Option<Done>> {
    let path = folder.join(DONE_FILE);
    match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DataError::io("read", &path)(error)),
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
    }
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structures of strings and numbers always serialise") + "\n"
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

/// Brings everything to the disk, so that a power cut after the declaration cannot leave empty files behind it.
pub(super) fn sync(folder: &Path) {
    #[cfg(target_os = "linux")]
    {
        // What cannot be synced is found by its hash later.
        if let Ok(file) = File::open(folder) {
            let _ = rustix::fs::syncfs(&file);
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
    }
}

/// What tells photos of a copy apart.
pub(crate) fn key(origin: Origin, wnid: &str, name: &str) -> u128 {
    let digest = Sha256::digest(format!("{}/{wnid}/{name}", origin.name()));
    u128::from_le_bytes(digest[..16].try_into().expect("a digest has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::make::spec::SplitRule;
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
    fn what_is_whole_is_kept_and_what_is_half_written_or_changed_is_not() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("part");
        let part = Part::open(&folder, header(), &Silent).unwrap();
        let entries: Vec<Entry> = ["a.JPEG", "b.JPEG", "c.JPEG"].iter().map(|name| write_photo(&part, name)).collect();
        drop(part);
        let journal = folder.join(JOURNAL_FILE);
        let whole = fs::read(&journal).unwrap();
        fs::write(photo_path(&folder, Size::Full, Origin::Train, "cats", "b.JPEG"), "b.JP").unwrap();
        // Cut off in the middle of the last line.
        fs::write(&journal, &whole[..whole.len() - 9]).unwrap();
        let mut part = Part::open(&folder, header(), &Silent).unwrap();
        assert_eq!(part.entries, entries[..1]);
        assert!(part.done.is_none() && read_complete(&folder).is_err());
        let again = vec![entries[0].clone(), write_photo(&part, "b.JPEG")];
        part.finish(again.clone(), vec![], 0).unwrap();
        drop(part);
        assert_eq!(read_complete(&folder).unwrap().1, again);
        assert!(Part::open(&folder, header(), &Silent).unwrap().done.is_some());
    }

    #[test]
    fn a_part_of_another_making_is_not_touched() {
        let place = tempfile::tempdir().unwrap();
        drop(Part::open(place.path(), header(), &Silent).unwrap());
        let other = PartHeader { shard: (1, 2), ..header() };
        let error = Part::open(place.path(), other, &Silent).err().expect("an error");
        assert!(error.hint().is_some_and(|hint| hint.contains("--force")), "{error}");
    }

    #[test]
    fn journals_of_any_bytes_are_read_without_harm() {
        assert!(parse_journal(b"").is_err());
        assert!(parse_journal(b"{}\n").is_err());
        let good = line(&header());
        assert_eq!(parse_journal(good.as_bytes()).unwrap().1, []);
        let escaping = Entry {
            wnid: "..".into(),
            name: "a.JPEG".into(),
            origin: Origin::Train,
            source: String::new(),
            source_sha256: String::new(),
            outputs: vec![],
            remarks: vec![],
            status: Status::Plain,
        };
        assert_eq!(parse_journal((good + &line(&escaping)).as_bytes()).unwrap().1, []);
    }
}
