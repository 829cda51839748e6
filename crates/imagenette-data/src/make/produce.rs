//! The photos of a copy go in, a complete part comes out: one thread reads in order and skips what is not wanted, the
//! others decode, resize and encode. The files of a photo follow from its bytes and the spec alone, so the number of
//! threads changes nothing.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use imagenette_files::hash::sha256;
use imagenette_files::input;

use super::budget::{Budget, Permit};
use super::journal::{Entry, Status, Trouble};
use super::membership::Membership;
use super::part::Part;
use super::reader::{Reader, shard_of};
use super::render::Renderer;
use super::spec::Spec;
use crate::error::{DataError, Result};
use crate::image::Remark;
use crate::make::original::address::Address;
use crate::make::original::tar::LARGEST_BYTES;
use crate::make::original::{Content, Original, ValidationList};
use crate::watch::{Unit, Watch};

/// The most bytes of photos that wait for a thread.
const QUEUE_BYTES: u64 = 64 << 20;
/// The most photos that wait for a thread: those in folders have no bytes yet.
const QUEUE_PHOTOS: usize = 256;
/// The most memory for decoding photos at the same time; a photo that needs more is decoded alone.
const DECODING_BYTES: u64 = 72_000_000;

/// What a part is made from.
pub(crate) struct Production<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) membership: &'a Membership,
    pub(crate) original: &'a Original,
    /// The classes of validation photos, from the copy or named by the user.
    pub(crate) list: Option<&'a ValidationList>,
    pub(crate) threads: usize,
    /// Whether to stop at the first photo or member that cannot be used.
    pub(crate) strict: bool,
    pub(crate) watch: &'a dyn Watch,
}

/// A photo on its way to a thread.
pub(super) struct Job<'a> {
    pub(super) address: Address,
    pub(super) name: String,
    pub(super) path: String,
    pub(super) content: Content,
    pub(super) _permit: Option<Permit<'a>>,
}

/// What the threads share.
pub(super) struct Shared<'a> {
    pub(super) production: &'a Production<'a>,
    pub(super) part: &'a Part,
    pub(super) counts_photos: bool,
    pub(super) stop: AtomicBool,
    pub(super) failure: Mutex<Option<DataError>>,
    pub(super) troubles: Mutex<Vec<Trouble>>,
}

/// Makes what a part still lacks and declares it complete.
///
/// # Errors
/// When the copy is damaged or cannot be read, when the disk is full, when the caller interrupts, and with `strict` at
/// the first photo that cannot be used. What was made is kept.
pub(crate) fn produce(production: &Production<'_>, part: &mut Part) -> Result<()> {
    if part.done.is_some() {
        return Ok(());
    }
    let watch = production.watch;
    let made = part.made();
    let shard = part.header.shard;
    let phase = match shard {
        (1, 1) => format!("making {}", production.spec.name),
        (number, of) => format!("making {}, shard {number} of {of}", production.spec.name),
    };
    let original = production.original;
    let listed = match production.membership {
        Membership::List { members, .. } => {
            let in_shard = members.iter().filter(|(name, listed)| shard_of(&listed.wnid, name, shard.1) == shard.0);
            Some(in_shard.count() as u64)
        }
        Membership::Classes => None,
    };
    let counts_photos = listed.is_some() || original.container_bytes == 0;
    let total = listed.unwrap_or(if counts_photos { original.folder_photos } else { original.container_bytes });
    watch.begin(&phase, Some(total), if counts_photos { Unit::Photos } else { Unit::Bytes });

    let (queue_budget, decode_budget) = (Budget::new(QUEUE_BYTES), Budget::new(DECODING_BYTES));
    let shared = Shared {
        production,
        part,
        counts_photos,
        stop: AtomicBool::new(false),
        failure: Mutex::new(None),
        troubles: Mutex::new(Vec::new()),
    };
    let new: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
    let mut others = 0;
    let (sender, receiver) = crossbeam_channel::bounded::<Job<'_>>(QUEUE_PHOTOS);
    let fed = std::thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..production.threads.max(1) {
            let (receiver, shared, new, decode_budget) = (receiver.clone(), &shared, &new, &decode_budget);
            let work = move || {
                let mut renderer = Renderer::new(production.spec, decode_budget);
                let mut mine = Vec::new();
                // After a failure the queue is still emptied, so that the reader never waits for a thread that ended.
                for job in receiver {
                    if !shared.stop.load(Ordering::Relaxed) {
                        match shared.make(job, &mut renderer) {
                            Ok(entry) => mine.extend(entry),
                            Err(error) => shared.fail(error),
                        }
                    }
                }
                new.lock().expect("no holder of this lock panics").append(&mut mine);
            };
            match std::thread::Builder::new().spawn_scoped(scope, work) {
                Ok(_) => started += 1,
                // Those that there are do it too.
                Err(_) if started > 0 => break,
                Err(error) => return Err(DataError::io("start a thread to write", &part.folder)(error)),
            }
        }
        drop(receiver);
        let mut reader = Reader {
            shared: &shared,
            shard,
            made,
            seen: HashSet::new(),
            classes: HashMap::new(),
            class_folders: original.class_folders(),
            sender,
            budget: &queue_budget,
            others: 0,
        };
        let fed = original.read(&mut reader, (!counts_photos).then_some(watch));
        others = reader.others;
        fed
    });
    let (failure, troubles) = (shared.failure, shared.troubles);
    if let Some(error) = failure.into_inner().expect("no holder of this lock panics") {
        return Err(error);
    }
    fed?;
    let mut troubles = troubles.into_inner().expect("no holder of this lock panics");
    troubles.sort_unstable();
    let mut entries = std::mem::take(&mut part.entries);
    entries.append(&mut new.into_inner().expect("no holder of this lock panics"));
    entries.sort_unstable();
    part.finish(entries, troubles, others)
}

impl Shared<'_> {
    fn fail(&self, error: DataError) {
        self.failure.lock().expect("no holder of this lock panics").get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn trouble(&self, path: &str, reason: &str) -> Result<()> {
        if self.production.strict {
            return Err(DataError::malformed(
                Path::new(path),
                "a photo that can be used (--strict)",
                reason,
                "without --strict it is left out, and the summary names it",
            ));
        }
        let trouble = Trouble { path: path.to_owned(), reason: reason.to_owned() };
        self.troubles.lock().expect("no holder of this lock panics").push(trouble);
        Ok(())
    }

    fn make(&self, job: Job<'_>, renderer: &mut Renderer<'_>) -> Result<Option<Entry>> {
        if self.production.watch.interrupted() {
            return Err(DataError::Interrupted);
        }
        let Job { address, name, path, content, _permit } = job;
        let bytes = match content {
            Content::Bytes(bytes) => bytes,
            Content::File(file) => match read_file(&file)? {
                Some(bytes) => bytes,
                None => {
                    self.trouble(&path, &format!("more than {LARGEST_BYTES} bytes"))?;
                    return Ok(None);
                }
            },
        };
        let entry = match renderer.render(
            &bytes,
            &path,
            self.production.spec.turns(address.wnid.as_deref().unwrap_or_default()),
        ) {
            Err(reason) => {
                self.trouble(&path, &reason)?;
                None
            }
            Ok((rendered, remarks)) => {
                let is_damaged = remarks.iter().any(|remark| remark.is_repair());
                if is_damaged && self.production.strict {
                    self.trouble(&path, Remark::Truncated.text())?;
                }
                let sha256 = sha256(&bytes);
                let words = remarks.iter().map(|remark| remark.text().to_owned()).collect();
                Some(self.part.write(&address, name, path, sha256, &rendered, (status(&remarks), words))?)
            }
        };
        if self.counts_photos {
            self.production.watch.advance(1);
        }
        Ok(entry)
    }
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    let (_, length) = input::open(path, u64::MAX)?;
    if length > LARGEST_BYTES {
        return Ok(None);
    }
    Ok(Some(input::read(path, LARGEST_BYTES)?))
}

fn status(remarks: &[Remark]) -> Status {
    let of = |remark: &Remark| match remark {
        // Gray photos stay gray.
        Remark::GrayscaleConverted => Status::Plain,
        Remark::OrientationIgnored => Status::Noted,
        remark if remark.is_repair() => Status::Repaired,
        _ => Status::Converted,
    };
    remarks.iter().map(of).max().unwrap_or(Status::Plain)
}
