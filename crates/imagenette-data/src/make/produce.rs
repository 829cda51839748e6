//! Photos of a copy go in, a complete part comes out: one thread reads in order and passes over what is not wanted, the
//! others decode, resize and encode. Each photo's files follow from its bytes and the spec alone, so the number of threads
//! changes nothing.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use sha2::{Digest, Sha256};

use super::budget::{Budget, Permit};
use super::membership::Membership;
use super::part::{Entry, Part, Status, Trouble, key};
use super::render::Renderer;
use super::spec::{Spec, SplitRule};
use crate::error::{DataError, Result};
use crate::image::Remark;
use crate::manifest::hex;
use crate::source::original::address::{Address, Origin, VAL_PREFIX};
use crate::source::original::tar::LARGEST_BYTES;
use crate::source::original::{Content, Original, ValidationList, Visitor};
use crate::watch::{Unit, Watch};

/// Bytes of photos that wait for a thread, at most.
const QUEUE_BYTES: u64 = 64 << 20;
/// Photos that wait for a thread, at most: those in folders have no bytes yet.
const QUEUE_PHOTOS: usize = 256;
/// Memory in which photos are decoded at once, at most; one that needs more is decoded while no other is.
const DECODING_BYTES: u64 = 72_000_000;

/// What a part is made with.
pub(crate) struct Production<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) membership: &'a Membership,
    pub(crate) original: &'a Original,
    /// Classes of validation photos, from the copy or named by hand.
    pub(crate) list: Option<&'a ValidationList>,
    pub(crate) threads: usize,
    /// Whether the first photo or member that cannot be used ends the work.
    pub(crate) strict: bool,
    pub(crate) watch: &'a dyn Watch,
}

/// A photo on its way to a thread.
struct Job<'a> {
    address: Address,
    name: String,
    path: String,
    content: Content,
    _permit: Option<Permit<'a>>,
}

/// What the threads share.
struct Shared<'a> {
    production: &'a Production<'a>,
    part: &'a Part,
    counts_photos: bool,
    stop: AtomicBool,
    failure: Mutex<Option<DataError>>,
    troubles: Mutex<Vec<Trouble>>,
}

/// Makes what a part still lacks and declares it complete.
///
/// # Errors
/// When the copy is damaged or cannot be read, when the disk is full, when the caller interrupts, with `strict` at the first
/// photo that cannot be used. What was made is kept.
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
            Some(members.iter().filter(|(name, listed)| shard_of(&listed.wnid, name, shard.1) == shard.0).count() as u64)
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
        for _ in 0..production.threads.max(1) {
            let (receiver, shared, new, decode_budget) = (receiver.clone(), &shared, &new, &decode_budget);
            scope.spawn(move || {
                let mut renderer = Renderer::new(production.spec, decode_budget);
                let mut mine = Vec::new();
                // After a failure the queue is still emptied, so that the reader never waits for a dead thread.
                for job in receiver {
                    if !shared.stop.load(Ordering::Relaxed) {
                        match shared.make(job, &mut renderer) {
                            Ok(entry) => mine.extend(entry),
                            Err(error) => shared.fail(error),
                        }
                    }
                }
                new.lock().expect("no holder of this lock panics").append(&mut mine);
            });
        }
        drop(receiver);
        let mut reader = Reader {
            shared: &shared,
            shard,
            made,
            seen: HashSet::new(),
            classes: HashMap::new(),
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

/// The shard that makes a photo, counted from 1: it follows from class and name alone, so it is the same whichever copy is
/// read. Names that differ in case alone meet in one shard.
pub(crate) fn shard_of(wnid: &str, name: &str, of: u32) -> u32 {
    if of == 1 {
        return 1;
    }
    let digest = Sha256::digest(format!("{wnid}/{name}").to_lowercase());
    let hash = u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
    (hash % u64::from(of)) as u32 + 1
}

impl Shared<'_> {
    fn fail(&self, error: DataError) {
        self.failure.lock().expect("no holder of this lock panics").get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    fn trouble(&self, path: &str, reason: &str) -> Result<()> {
        if self.production.strict {
            return Err(DataError::Malformed {
                path: path.into(),
                expected: "a photo that can be used (--strict)".into(),
                found: reason.into(),
                hint: "without --strict it is left out and the summary names it".into(),
            });
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
        let entry = match renderer.render(&bytes, &path) {
            Err(reason) => {
                self.trouble(&path, &reason)?;
                None
            }
            Ok((rendered, remarks)) => {
                let is_damaged = remarks.iter().any(|remark| remark.is_repair());
                if is_damaged && self.production.strict {
                    self.trouble(&path, Remark::Truncated.text())?;
                }
                let sha256 = hex(&Sha256::digest(&bytes));
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

fn read_file(path: &PathBuf) -> Result<Option<Vec<u8>>> {
    let length = std::fs::metadata(path).map_err(DataError::io("read", path))?.len();
    if length > LARGEST_BYTES {
        return Ok(None);
    }
    std::fs::read(path).map(Some).map_err(DataError::io("read", path))
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

/// The reading thread's view of the copy.
struct Reader<'a> {
    shared: &'a Shared<'a>,
    shard: (u32, u32),
    made: HashSet<u128>,
    /// Every photo of this shard so far, in lower case: on many systems names that differ only in case are one file.
    seen: HashSet<u128>,
    /// Every class so far by its name in lower case.
    classes: HashMap<String, String>,
    sender: Sender<Job<'a>>,
    budget: &'a Budget,
    others: u64,
}

impl Visitor for Reader<'_> {
    fn wants_class(&self, wnid: &str) -> bool {
        let production = self.shared.production;
        production.membership.wants_class(production.spec, wnid)
    }

    fn wants(&mut self, address: &mut Address, path: &str) -> Result<bool> {
        let production = self.shared.production;
        let spec = production.spec;
        if let Membership::List { .. } = production.membership {
            let Some(listed) = production.membership.listed(&address.file_name) else { return Ok(false) };
            let wnid = address.wnid.get_or_insert_with(|| listed.wnid.clone());
            if *wnid != listed.wnid {
                let reason = format!("it lies in {wnid}; the list of members says {}", listed.wnid);
                self.trouble(path, &reason)?;
                return Ok(false);
            }
        } else {
            if address.wnid.is_none() {
                let Some(class) = self.listed_class(address, path)? else { return Ok(false) };
                address.wnid = Some(class);
            }
            let wnid = address.wnid.as_deref().unwrap_or_default();
            if !spec.wants_class(wnid) {
                return Ok(false);
            }
            if spec.split == SplitRule::Own && address.origin == Origin::Unknown {
                return Err(DataError::Setting {
                    key: "split".into(),
                    expected: "a rule that fits a copy without train and val".into(),
                    found: format!("own, and `{path}` is in neither"),
                    hint: "draw a split with --split 70:30".into(),
                });
            }
        }
        let wnid = address.wnid.as_deref().unwrap_or_default();
        let name = made_name(&address.file_name);
        if shard_of(wnid, &address.file_name, self.shard.1) != self.shard.0 {
            return Ok(false);
        }
        let class = self.classes.entry(wnid.to_lowercase()).or_insert_with(|| wnid.to_owned());
        if class != wnid {
            let reason = format!("its class differs from `{class}` only in case");
            self.trouble(path, &reason)?;
            return Ok(false);
        }
        if !self.seen.insert(key(address.origin, &wnid.to_lowercase(), &name.to_lowercase())) {
            self.trouble(path, "a photo of this name was there before (names that differ only in case count as one)")?;
            return Ok(false);
        }
        if self.made.contains(&key(address.origin, wnid, &name)) {
            if self.shared.counts_photos {
                production.watch.advance(1);
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn photo(&mut self, address: Address, path: &str, content: Content) -> Result<()> {
        let permit = match &content {
            Content::Bytes(bytes) => Some(self.budget.take(bytes.len() as u64)),
            Content::File(_) => None,
        };
        let name = made_name(&address.file_name);
        let job = Job { address, name, path: path.to_owned(), content, _permit: permit };
        if self.shared.stop.load(Ordering::Relaxed) || self.sender.send(job).is_err() {
            // The thread's own error is the one that is returned.
            return Err(DataError::Interrupted);
        }
        Ok(())
    }

    fn trouble(&mut self, path: &str, reason: &str) -> Result<()> {
        self.shared.trouble(path, reason)
    }

    fn other(&mut self) {
        self.others += 1;
    }

    fn passed(&mut self, _container: &str, bytes: u64) -> Result<()> {
        if self.shared.production.watch.interrupted() || self.shared.stop.load(Ordering::Relaxed) {
            return Err(DataError::Interrupted);
        }
        if !self.shared.counts_photos && bytes > 0 {
            self.shared.production.watch.advance(bytes);
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// The class of a photo whose path does not say it.
    fn listed_class(&mut self, address: &Address, path: &str) -> Result<Option<String>> {
        let list = self.shared.production.list;
        if let Some(class) = list.and_then(|list| list.class_of(&address.file_name)) {
            return Ok(Some(class.to_owned()));
        }
        if list.is_none() && address.file_name.starts_with(VAL_PREFIX) {
            return Err(DataError::Missing {
                what: "list of validation classes",
                path: path.into(),
                hint: "name one with --val-list: LOC_val_solution.csv, the development kit (ILSVRC2012_devkit_t12.tar.gz), or a \
                       text with 50,000 WordNet ids"
                    .into(),
            });
        }
        let reason = if list.is_some() {
            "the list of validation classes does not name it"
        } else {
            "no folder or list says its class"
        };
        self.trouble(path, reason)?;
        Ok(None)
    }
}

/// The name that a photo is made under: what was no JPEG by its name gets the ending of one.
fn made_name(file_name: &str) -> String {
    let is_jpeg = file_name
        .rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("jpeg") || extension.eq_ignore_ascii_case("jpg"));
    if is_jpeg { file_name.to_owned() } else { format!("{file_name}.JPEG") }
}
