//! An archive (a tar, compressed or not, or a zip) goes in, a folder of photos comes out: complete, or an error and no
//! folder.
//!
//! Nothing in an archive is trusted: names must fit the layout of a dataset, links and devices are refused, and
//! counts, sizes and the compression ratio are limited. Photos are hashed and measured on the way, and the archive is
//! hashed.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use imagenette_files::hash::hex;
use imagenette_files::panics::caught;
use imagenette_files::{FileError, input};
use md5::Md5;
use sha2::{Digest, Sha256};

use crate::archive;
use crate::edition::Edition;
use crate::error::{DataError, Result};
use crate::file_name::{is_photo, printable};
use crate::intake::IntakeOptions;
use crate::intake::complete::{Taken, no_splits};
use crate::intake::compression::{Kind, without_extension};
use crate::intake::layout::{Layout, Member};
use crate::intake::left_out::LeftOut;
use crate::intake::photos::{Content, Feeder, Intake};
use crate::manifest::{MANIFEST_FILE, Manifest, Source};
use crate::tar_headers::{HEADER_BYTES, HeaderGuard};
use crate::watch::{Unit, Watch};

/// What an archive may ask for. The largest official one (imagewang, 2.9 GB) has 26,000 members and a ratio near 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExtractLimits {
    /// Members of any kind: 2,000,000 (ImageNet has 1.3 million photos).
    pub members: u64,
    /// Bytes of one member: 32 MiB (ImageNet's largest photo has 15 MB).
    pub member_bytes: u64,
    /// Bytes of the unpacked archive: 256 GiB (ImageNet has 150 GB).
    pub total_bytes: u64,
    /// Unpacked bytes for each packed byte, once 16 MiB are unpacked: 20. Photos hardly compress; bombs reach 1,000.
    pub ratio: u64,
}

impl Default for ExtractLimits {
    fn default() -> Self {
        Self { members: 2_000_000, member_bytes: 32 << 20, total_bytes: 256 << 30, ratio: 20 }
    }
}

/// Below this, the padding of small files may compress better than a bomb.
pub(super) const RATIO_COUNTS_FROM_BYTES: u64 = 16 << 20;

/// What may follow the end mark: programs fill up a block of some kilobytes. A file of terabytes of zeros is an end mark
/// and nothing else.
const MOST_TRAILING_BYTES: u64 = 64 << 20;

/// What came out of an archive.
#[derive(Debug)]
pub struct Extracted {
    /// The archive's length.
    pub bytes: u64,
    /// The archive's sha256.
    pub sha256: String,
    /// The archive's md5.
    pub md5: String,
    taken: Taken,
    keep_orientation: bool,
}

impl Extracted {
    /// The manifest of what came out. `archive` is for errors; `known` is the archive's edition where its hash tells
    /// it.
    ///
    /// # Errors
    /// When there are no photos, or when a class is empty or in only one of train and val.
    pub fn manifest(self, archive: &Path, name: &str, source: Source, known: Option<Edition>) -> Result<Manifest> {
        crate::intake::assembly::assemble(archive, name, source, self.taken, self.keep_orientation, known)
    }
}

/// Unpacks an archive into a folder that must not exist yet. The content tells the format, not the name.
///
/// # Errors
/// When the archive is missing, empty, truncated, damaged or has another format, when a member is refused (the error
/// names it), when a file is not a photo, when the disk is full or when the caller interrupts. The folder is then
/// removed. A killed process leaves it behind: unpack to a temporary name and rename it.
pub fn extract(archive: &Path, folder: &Path, limits: &ExtractLimits, watch: &dyn Watch) -> Result<Extracted> {
    extract_as((archive, folder), limits, &IntakeOptions::default(), watch)
}

/// As [`extract`], with options.
///
/// # Errors
/// As [`extract`]; when there is no val split and none is to be drawn.
pub(crate) fn extract_as(
    (archive, folder): (&Path, &Path),
    limits: &ExtractLimits,
    options: &IntakeOptions,
    watch: &dyn Watch,
) -> Result<Extracted> {
    let (file, total) = input::open(archive, u64::MAX).map_err(|error| match error {
        FileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            DataError::Missing { what: "archive", path: archive.to_owned(), hint: "check the path".into() }
        }
        error => error.into(),
    })?;
    fs::create_dir(folder).map_err(DataError::io("create", folder))?;
    let unpacking = Unpacking { archive, folder, limits, options, watch, state: RefCell::new(State::default()) };
    let result = unpacking.run(file, total);
    if result.is_err() {
        // The first error is the one that counts; the next process that installs removes what could not be removed
        // now.
        let _ = fs::remove_dir_all(folder);
    }
    result
}

pub(super) struct Unpacking<'a> {
    pub(super) archive: &'a Path,
    folder: &'a Path,
    pub(super) limits: &'a ExtractLimits,
    options: &'a IntakeOptions,
    pub(super) watch: &'a dyn Watch,
    state: RefCell<State>,
}

/// What the readers under the tar know.
#[derive(Default)]
struct State {
    packed_bytes: u64,
    unpacked_bytes: u64,
    /// Zero bytes at the end of what was unpacked: a tar ends with a block of them.
    trailing_zeros: u64,
    /// Whether the end of the file was reached: an error after that means truncation, whatever the decoder calls it.
    at_end: bool,
    /// Why we stopped reading, if we did.
    stopped: Option<Stop>,
    member: String,
}

enum Stop {
    Refused(String),
    Interrupted,
    System(io::Error),
}

impl Unpacking<'_> {
    fn run(&self, file: File, total: u64) -> Result<Extracted> {
        let name = self.archive.file_name().unwrap_or_default().to_string_lossy();
        self.watch.begin(&format!("unpacking {name}"), Some(total), Unit::Bytes);
        let packed = Packed { file, unpacking: self, sha256: Sha256::new(), md5: Md5::new() };
        let mut packed = BufReader::with_capacity(1 << 18, packed);
        let mut layout = if self.options.split.is_some() { Layout::unsplit(false) } else { Layout::default() };
        let mut left_out = LeftOut::default();
        // The official archives' photos are known to be whole, and their hashes are compared.
        let decodes = !archive::all().iter().any(|known| known.generations.iter().any(|one| one.bytes == total));
        let intake = Intake {
            origin: self.archive,
            destination: Some(self.folder),
            decodes,
            count_photos: false,
            watch: self.watch,
        };
        let photos = intake.run(|feeder| {
            let magic = io::BufRead::fill_buf(&mut packed).map_err(|error| self.broken(error))?;
            let kind = Kind::of(magic);
            let is_empty = magic.is_empty();
            if kind == Kind::Zip {
                // Its directory is at its end: the file is hashed first, then its members are read.
                io::copy(&mut packed, &mut io::sink()).map_err(|error| self.broken(error))?;
                let file = File::open(self.archive).map_err(DataError::io("open", self.archive))?;
                return self.unzip(file, total, (&mut layout, &mut left_out), feeder);
            }
            match kind.unpacked(&mut packed) {
                Some(reader) => self.unpack(reader, (&mut layout, &mut left_out), feeder),
                None => Err(self.not_read(kind, is_empty)),
            }
        })?;
        left_out.say(self.archive, self.options.strict, self.watch)?;
        let taken = Taken { photos, classes: layout.classes };
        let taken = taken.complete((self.archive, Some(self.folder)), self.options, self.watch)?;
        let packed = packed.into_inner();
        let bytes = self.state.borrow().packed_bytes;
        let (sha256, md5) = (hex(&packed.sha256.finalize()), hex(&packed.md5.finalize()));
        Ok(Extracted { bytes, sha256, md5, taken, keep_orientation: self.options.keep_orientation })
    }

    fn unpack(
        &self,
        reader: Box<dyn Read + '_>,
        (layout, left_out): (&mut Layout, &mut LeftOut),
        feeder: &mut Feeder<'_>,
    ) -> Result<()> {
        let mut reader = Unpacked { reader, unpacking: self };
        let mut members = 0;
        let guard = HeaderGuard::default();
        let mut tar = tar::Archive::new(guard.watch(&mut reader));
        let mut entries = tar.entries().map_err(|error| self.broken(error))?;
        while let Some(entry) = guard.next(&mut entries) {
            let mut entry = entry.map_err(|error| self.broken(error))?;
            members += 1;
            if entry.header().entry_type() == tar::EntryType::XGlobalHeader {
                io::copy(&mut entry.take(HEADER_BYTES), &mut io::sink()).map_err(|error| self.broken(error))?;
                continue;
            }
            let raw = entry.path_bytes().into_owned();
            let path = String::from_utf8_lossy(&raw).into_owned();
            self.state.borrow_mut().member.clone_from(&path);
            if members > self.limits.members {
                return Err(self.refuse(&path, &format!("more than {} members", self.limits.members)));
            }
            let kind = entry.header().entry_type();
            let is_folder = match kind {
                tar::EntryType::Regular => false,
                tar::EntryType::Directory => true,
                tar::EntryType::Symlink | tar::EntryType::Link => return Err(self.refuse(&path, "a link")),
                other => return Err(self.refuse(&path, &format!("neither a file nor a folder ({other:?})"))),
            };
            if entry.size() > self.limits.member_bytes {
                let limit = self.limits.member_bytes;
                return Err(self.refuse(&path, &format!("{} bytes, more than {limit}", entry.size())));
            }
            if std::str::from_utf8(&raw).is_err() {
                misnamed(&path, left_out);
                io::copy(&mut entry, &mut io::sink()).map_err(|error| self.broken(error))?;
                continue;
            }
            let (layout, left_out) = (&mut *layout, &mut *left_out);
            self.member(&path, is_folder, (layout, left_out), feeder, |unpacking| unpacking.content(&mut entry))?;
            // What nobody wants is read here: what is read before the next member are headers alone.
            io::copy(&mut entry, &mut io::sink()).map_err(|error| self.broken(error))?;
        }
        // A stream that ends between two members looks complete to the tar reader.
        if self.state.borrow().trailing_zeros < 512 {
            return Err(self.malformed("an archive that ends before its end mark: it is truncated".into()));
        }
        // Reading to the end checks the checksum of gzip, and the hash of the archive covers every byte.
        let rest = io::copy(&mut (&mut reader).take(MOST_TRAILING_BYTES + 1), &mut io::sink());
        if rest.map_err(|error| self.broken(error))? > MOST_TRAILING_BYTES {
            let found = format!("more than {} MiB after its end mark", MOST_TRAILING_BYTES >> 20);
            return Err(self.malformed(found));
        }
        Ok(())
    }

    /// Puts a member where it belongs; `content` is read for those that are kept.
    pub(super) fn member(
        &self,
        path: &str,
        is_folder: bool,
        (layout, left_out): (&mut Layout, &mut LeftOut),
        feeder: &mut Feeder<'_>,
        content: impl FnOnce(&Self) -> Result<Vec<u8>>,
    ) -> Result<()> {
        match layout.place(path, is_folder).map_err(|reason| self.refuse(path, &reason))? {
            Member::Folder => {}
            Member::Clutter if path.ends_with(MANIFEST_FILE) => {}
            Member::Clutter => left_out.hidden(),
            Member::Stray(named) => left_out.stray(&named),
            Member::Misnamed(named, reason) => left_out.misnamed(&named, reason),
            Member::Unsplit => return Err(no_splits(self.archive, path)),
            Member::Photo(place) => feeder.push(place, Content::Bytes(content(self)?))?,
            Member::Table(name) => {
                let path = self.folder.join(name);
                fs::write(&path, content(self)?).map_err(DataError::io("write", &path))?;
            }
        }
        Ok(())
    }

    fn content(&self, entry: &mut impl Read) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        entry.take(self.limits.member_bytes + 1).read_to_end(&mut bytes).map_err(|error| self.broken(error))?;
        Ok(bytes)
    }

    /// The error about a file that is no archive of the kinds that are read.
    fn not_read(&self, kind: Kind, is_empty: bool) -> DataError {
        let expected = "a tar (.tar, .tgz, .tar.bz2, .tar.xz, .tar.zst) or a zip";
        let (found, hint) = match kind {
            Kind::Foreign(name) => (name, "unpack it, then install the folder with `imagenette get --from FOLDER`"),
            _ if is_empty => ("an empty file", "fetch the archive again"),
            _ => ("another kind of file", "fetch the archive again"),
        };
        DataError::malformed(self.archive, expected, found, hint)
    }

    pub(super) fn refuse(&self, member: &str, reason: &str) -> DataError {
        DataError::Member { archive: self.archive.to_owned(), member: printable(member), reason: reason.into() }
    }

    pub(super) fn malformed(&self, found: String) -> DataError {
        DataError::malformed(self.archive, "a whole archive", found, "fetch the archive again")
    }

    /// Says what a failed read means: we stopped, the system failed, or the archive is damaged.
    fn broken(&self, error: io::Error) -> DataError {
        let mut state = self.state.borrow_mut();
        match state.stopped.take() {
            Some(Stop::Interrupted) => return DataError::Interrupted,
            Some(Stop::Refused(reason)) => {
                let member = state.member.clone();
                return self.refuse(&member, &reason);
            }
            Some(Stop::System(error)) => return DataError::io("read", self.archive)(error),
            None => {}
        }
        let cut = state.at_end || error.kind() == io::ErrorKind::UnexpectedEof;
        let what = if cut { "a truncated archive" } else { "a damaged archive" };
        let after = if state.member.is_empty() { String::new() } else { format!(" at `{}`", printable(&state.member)) };
        self.malformed(format!("{what}{after} ({})", printable(&error.to_string())))
    }

    fn stop(&self, stop: Stop) -> io::Error {
        self.state.borrow_mut().stopped = Some(stop);
        io::Error::other("stopped")
    }
}

/// The bytes of the archive itself: hashed and counted; interruptions are noticed here.
struct Packed<'a> {
    file: File,
    unpacking: &'a Unpacking<'a>,
    sha256: Sha256,
    md5: Md5,
}

impl Read for Packed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.unpacking.watch.interrupted() {
            return Err(self.unpacking.stop(Stop::Interrupted));
        }
        let n = loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unpacking.stop(Stop::System(error))),
                Ok(n) => break n,
            }
        };
        self.sha256.update(&buffer[..n]);
        self.md5.update(&buffer[..n]);
        {
            let mut state = self.unpacking.state.borrow_mut();
            state.packed_bytes += n as u64;
            state.at_end |= n == 0 && !buffer.is_empty();
        }
        self.unpacking.watch.advance(n as u64);
        Ok(n)
    }
}

/// The bytes of the tar: counted, and stopped when a limit is exceeded.
struct Unpacked<'a, R> {
    reader: R,
    unpacking: &'a Unpacking<'a>,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A decoder that panics on a hostile file gives an error: the file is at fault.
        let read = caught(|| self.reader.read(buffer));
        let n = read.unwrap_or_else(|_| Err(io::Error::other("the decoder failed on it")))?;
        let limits = self.unpacking.limits;
        let refusal = {
            let mut state = self.unpacking.state.borrow_mut();
            state.unpacked_bytes += n as u64;
            match buffer[..n].iter().rposition(|byte| *byte != 0) {
                Some(last) => state.trailing_zeros = (n - 1 - last) as u64,
                None => state.trailing_zeros += n as u64,
            }
            let most = state.packed_bytes.saturating_mul(limits.ratio).max(RATIO_COUNTS_FROM_BYTES);
            if state.unpacked_bytes > limits.total_bytes {
                Some(format!("the archive unpacks to more than {} bytes", limits.total_bytes))
            } else if state.unpacked_bytes > most {
                Some(format!("the archive unpacks to more than {} times its size", limits.ratio))
            } else {
                None
            }
        };
        match refusal {
            Some(reason) => Err(self.unpacking.stop(Stop::Refused(reason))),
            None => Ok(n),
        }
    }
}

/// Keeps a name that is not UTF-8: a photo or a class must be renamed, anything else is left out.
pub(super) fn misnamed(path: &str, left_out: &mut LeftOut) {
    if path.ends_with('/') || is_photo(path) {
        left_out.misnamed(path, "it is not UTF-8".into());
    } else {
        left_out.stray(path);
    }
}

/// The default name of a dataset from an archive or a folder: the file name without the extension of an archive.
pub fn stem(path: &Path) -> String {
    without_extension(&path.file_name().unwrap_or_default().to_string_lossy()).to_owned()
}
