//! What a part's folder says about itself: a journal with a header and a line for each photo, and the declaration that
//! it is complete; and the check of both against the files in the folder. A journal may come from another machine.

use std::path::{Path, PathBuf};

use imagenette_files::hash::{sha256, sha256_of_file};
use imagenette_files::input;
use imagenette_files::plain;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::spec::{Size, Spec};
use crate::error::{DataError, Result};
use crate::make::original::address::Origin;
use crate::threads::{map, thread_count};
use crate::watch::{Unit, Watch};

pub(super) const JOURNAL_FILE: &str = "journal.jsonl";
pub(super) const DONE_FILE: &str = "done.json";
const FORMAT: &str = "imagenette-part";
const VERSION: u32 = 1;

/// What a part is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartHeader {
    format: String,
    version: u32,
    pub(crate) spec: Spec,
    /// The shard, counted from 1, and the number of shards.
    pub(crate) shard: (u32, u32),
    /// The names of the files of the copy.
    pub(crate) from: String,
    /// sha256 of the list of members that was used instead of the shipped one.
    pub(crate) members: Option<String>,
}

impl PartHeader {
    pub(crate) fn new(spec: Spec, shard: (u32, u32), from: String, members: Option<&[String]>) -> Self {
        let members = members.map(|paths| sha256(paths.join("\n")));
        Self { format: FORMAT.into(), version: VERSION, spec, shard, from, members }
    }

    /// Whether two headers are of the same work.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        (&self.spec, self.shard.1, &self.members) == (&other.spec, other.shard.1, &other.members)
    }
}

/// A photo that was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) wnid: String,
    /// The file name that it gets.
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// The path of the original in the copy.
    pub(crate) source: String,
    pub(crate) source_sha256: String,
    pub(crate) outputs: Vec<Output>,
    /// What happened besides plain decoding, in words.
    pub(crate) remarks: Vec<String>,
    pub(crate) status: Status,
}

/// A file that was made from a photo.
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
    /// Nothing worth mentioning.
    Plain,
    /// Something was not done that one might expect: an orientation was not applied.
    Noted,
    /// An RGB or gray JPEG was made from something else.
    Converted,
    /// A part of the photo is lost; the rest was made.
    Repaired,
    /// It cannot be used.
    Skipped,
    /// The list of members has it, but the copy does not.
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
    /// Files that are not photos.
    pub(crate) others: u64,
}

/// The path of a photo in a part.
pub(crate) fn photo_path(folder: &Path, size: Size, origin: Origin, wnid: &str, name: &str) -> PathBuf {
    folder.join("photos").join(size.to_string()).join(origin.name()).join(wnid).join(name)
}

/// Reads what a complete part has, to join it with others.
///
/// # Errors
/// When it is not complete, or when its journal was changed since.
pub(crate) fn read_complete(folder: &Path) -> Result<(PartHeader, Vec<Entry>, Done)> {
    let malformed = |found: &str| {
        DataError::malformed(folder, "a complete part", found, "run this shard's command again: what it made is kept")
    };
    let done = read_done(folder)?.ok_or_else(|| malformed("one that is not finished"))?;
    let (header, entries) = read_journal(folder)?.ok_or_else(|| malformed("no journal"))?;
    let path = folder.join(JOURNAL_FILE);
    if sha256_of_file(&path)? != done.journal_sha256 || done.photos != entries.len() {
        return Err(malformed("a journal that was changed afterward"));
    }
    Ok((header, entries, done))
}

/// Keeps the entries whose files are there with the right hash, using all cores.
pub(crate) fn verified(folder: &Path, entries: Vec<Entry>, watch: &dyn Watch) -> Result<Vec<Entry>> {
    watch.begin("checking what was made before", Some(entries.len() as u64), Unit::Photos);
    let is_sound = map(&entries, thread_count(), watch, |(): &mut (), entry| {
        entry.outputs.iter().all(|output| {
            let path = photo_path(folder, output.size, entry.origin, &entry.wnid, &entry.name);
            sha256_of_file(&path).is_ok_and(|found| found == output.sha256)
        })
    })?;
    let mut kept: Vec<Entry> =
        entries.into_iter().zip(is_sound).filter(|(_, is_sound)| *is_sound).map(|(entry, _)| entry).collect();
    kept.sort_unstable();
    kept.dedup_by(|a, b| (&a.wnid, &a.name, a.origin) == (&b.wnid, &b.name, b.origin));
    Ok(kept)
}

/// The header and the entries of a journal, up to the first line that is not complete; `None` where there is no
/// journal.
pub(super) fn read_journal(folder: &Path) -> Result<Option<(PartHeader, Vec<Entry>)>> {
    let path = folder.join(JOURNAL_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = input::read(&path, input::TABLE_BYTES)?;
    parse_journal(&bytes).map(Some).map_err(|found| {
        DataError::malformed(
            &path,
            format!("a journal of {FORMAT} version {VERSION}"),
            found,
            "it was written by another version: begin again with --force",
        )
    })
}

/// Parses a journal. A truncated last line does not count, nor does anything after a damaged line.
pub(crate) fn parse_journal(bytes: &[u8]) -> Result<(PartHeader, Vec<Entry>), String> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let header: PartHeader = serde_json::from_slice(lines.next().unwrap_or_default())
        .map_err(|error| format!("another header: {}", plain::json_line_error(1, &error)))?;
    if (header.format.as_str(), header.version) != (FORMAT, VERSION) {
        return Err(format!("{} version {}", header.format, header.version));
    }
    let whole = lines.take_while(|line| line.ends_with(b"\n"));
    let entries = whole.map_while(|line| serde_json::from_slice::<Entry>(line).ok().filter(is_placed)).collect();
    Ok((header, entries))
}

/// Whether the names of an entry stay within the part's folder: a journal may come from another machine.
fn is_placed(entry: &Entry) -> bool {
    [&entry.wnid, &entry.name].into_iter().all(|name| {
        !name.is_empty()
            && !name.contains('/')
            && name != "."
            && name != ".."
            && crate::file_name::check_portable(name).is_ok()
    })
}

pub(super) fn read_done(folder: &Path) -> Result<Option<Done>> {
    let path = folder.join(DONE_FILE);
    if !path.exists() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&input::read(&path, input::TEXT_BYTES)?).ok())
}

pub(super) fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers always serialize") + "\n"
}

/// A key that tells the photos of a copy apart.
pub(crate) fn key(origin: Origin, wnid: &str, name: &str) -> u128 {
    let digest = Sha256::digest(format!("{}/{wnid}/{name}", origin.name()));
    u128::from_le_bytes(digest[..16].try_into().expect("a digest has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::make::spec::SplitRule;

    fn header() -> PartHeader {
        let spec = Spec::own("own".into(), vec!["all".into()], SplitRule::Own);
        PartHeader::new(spec, (1, 1), "copy".into(), None)
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

    #[test]
    fn journals_that_are_damaged_at_random_name_nothing_outside_their_part() {
        let entry = Entry {
            wnid: "n01440764".into(),
            name: "n01440764_18.JPEG".into(),
            origin: Origin::Train,
            source: "train.tar/n01440764.tar/n01440764_18.JPEG".into(),
            source_sha256: sha256("original"),
            outputs: vec![Output {
                size: Size::Shortest(160),
                width_px: 213,
                height_px: 160,
                bytes: 9,
                sha256: sha256("made"),
            }],
            remarks: vec!["PNG".into()],
            status: Status::Converted,
        };
        let seed = [line(&header()), line(&entry).repeat(2)].concat().into_bytes();
        let words: [&[u8]; 8] = [b"..", b"/", b"\"", b"null", b"-1", b"18446744073709551616", b"\n", b"\\u0000"];
        crate::mutation::fuzz("maker-journal", &[seed], &words, &std::env::temp_dir(), |bytes| {
            let Ok((_, entries)) = parse_journal(bytes) else { return };
            for entry in entries {
                let path = photo_path(Path::new("part"), Size::Full, entry.origin, &entry.wnid, &entry.name);
                assert_eq!(path.components().count(), 6, "{path:?}");
                assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{path:?}");
            }
        });
    }
}
