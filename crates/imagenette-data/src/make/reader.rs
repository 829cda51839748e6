//! The thread that reads the copy: it says which photos are wanted before they are read, and gives them to the other
//! threads.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::Sender;
use sha2::{Digest, Sha256};

use super::budget::Budget;
use super::journal::key;
use super::membership::Membership;
use super::produce::{Job, Shared};
use super::spec::SplitRule;
use crate::error::{DataError, Result};
use crate::make::original::address::{Address, Origin, VAL_PREFIX, is_class_folder};
use crate::make::original::{Content, Visitor};

/// Much less time than even hundreds of threads need for a full queue.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(2);

/// The shard that makes a photo, counted from 1. It follows from class and name alone, so it is the same for every
/// copy. Names that differ only in case are in the same shard.
pub(crate) fn shard_of(wnid: &str, name: &str, of: u32) -> u32 {
    if of == 1 {
        return 1;
    }
    let digest = Sha256::digest(format!("{wnid}/{name}").to_lowercase());
    let hash = u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
    (hash % u64::from(of)) as u32 + 1
}

/// The reading thread's view of the copy.
pub(super) struct Reader<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) shard: (u32, u32),
    pub(super) made: HashSet<u128>,
    /// Every photo of this shard so far, in lower case: on many systems, names that differ only in case are one file.
    pub(super) seen: HashSet<u128>,
    /// Every class so far, by its name in lower case.
    pub(super) classes: HashMap<String, String>,
    /// The folders whose names are classes, so far.
    pub(super) class_folders: HashSet<String>,
    pub(super) sender: Sender<Job<'a>>,
    pub(super) budget: &'a Budget,
    pub(super) others: u64,
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
                let reason = format!("it is in {wnid}; the list of members has it in {}", listed.wnid);
                self.trouble(path, &reason)?;
                return Ok(false);
            }
        } else {
            if address.origin == Origin::Unknown && self.is_nested(path)? {
                self.trouble(path, "a folder within a class folder")?;
                return Ok(false);
            }
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
                    expected: "a rule for a copy without train and val".into(),
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
            self.trouble(
                path,
                "a photo with this name was there before (names that differ only in case count as one)",
            )?;
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
        if self.sender.is_full() {
            // Waiting for a single place would wake this thread again and again, at the cost of those that work. The
            // queue lasts longer than this pause.
            std::thread::sleep(FULL_QUEUE_PAUSE);
        }
        if self.shared.stop.load(Ordering::Relaxed) || self.sender.send(job).is_err() {
            // The error of the thread is the one that is returned.
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
    /// Whether a photo is in a folder within a class folder. In folders all of these are known; in an archive that
    /// names the inner one first, which is which is not known any more.
    fn is_nested(&mut self, path: &str) -> Result<bool> {
        let Some((folder, _)) = path.rsplit_once('/') else { return Ok(false) };
        if !is_class_folder(folder) {
            return Ok(false);
        }
        if folder.match_indices('/').any(|(at, _)| self.class_folders.contains(&folder[..at])) {
            return Ok(true);
        }
        if self.class_folders.insert(folder.to_owned()) {
            let inner = format!("{folder}/");
            if let Some(inner) = self.class_folders.iter().find(|other| other.starts_with(&inner)) {
                return Err(DataError::malformed(
                    path.as_ref(),
                    "class folders side by side",
                    format!("photos in `{folder}` and in `{inner}`"),
                    "unpack the archive, move one of them, and give the folder",
                ));
            }
        }
        Ok(false)
    }

    /// The class of a photo whose path does not tell it.
    fn listed_class(&mut self, address: &Address, path: &str) -> Result<Option<String>> {
        let list = self.shared.production.list;
        if let Some(class) = list.and_then(|list| list.class_of(&address.file_name)) {
            return Ok(Some(class.to_owned()));
        }
        if list.is_none() && address.file_name.starts_with(VAL_PREFIX) {
            return Err(DataError::Missing {
                what: "list of validation classes",
                path: path.into(),
                hint: "give one with --val-list: LOC_val_solution.csv, the development kit \
                       (ILSVRC2012_devkit_t12.tar.gz), or a text with 50,000 WordNet ids"
                    .into(),
            });
        }
        let reason = if list.is_some() {
            "the list of validation classes does not have it"
        } else {
            "no folder or list tells its class"
        };
        self.trouble(path, reason)?;
        Ok(None)
    }
}

/// The name that a photo gets: a name that is not that of a JPEG gets the extension of one.
fn made_name(file_name: &str) -> String {
    let is_jpeg = file_name
        .rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("jpeg") || extension.eq_ignore_ascii_case("jpg"));
    if is_jpeg { file_name.to_owned() } else { format!("{file_name}.JPEG") }
}
