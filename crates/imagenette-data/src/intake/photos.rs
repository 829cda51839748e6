//! Photos go in (members of an archive, or files). Several threads hash and measure them and, where there is a
//! destination, write them. The facts that a manifest needs come out, so no photo is read twice.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use imagenette_files::hash::sha256;
use imagenette_files::input;

use crate::error::{DataError, Result};
use crate::image::{Orientation, Pixels, dark_sixteen_bits, decode_into};
use crate::intake::header;
use crate::intake::layout::Place;
use crate::watch::Watch;

/// The most photos that wait in memory for a thread.
const QUEUE: usize = 32;
/// How many unreadable photos an error names.
const NAMED: usize = 5;
/// With so many unreadable photos the rest are not read.
const MOST_UNREADABLE: usize = 10_000;

/// A photo with its place, and the facts about it.
#[derive(Debug, Clone)]
pub(crate) struct Photo {
    pub(crate) place: Place,
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// How its camera noted that it is to be turned; the sides are those of the photo as it is stored.
    pub(crate) orientation: Option<Orientation>,
    /// The largest value of a photo of 16 bits that is nearly black in 8.
    pub(crate) dark: Option<u16>,
}

/// Where a photo's bytes are.
pub(crate) enum Content {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// Takes in photos with several threads. Writes them to `destination`, where there is one.
pub(crate) struct Intake<'a> {
    /// Where the photos come from, for messages.
    pub(crate) origin: &'a Path,
    pub(crate) destination: Option<&'a Path>,
    /// Whether photos are decoded too, so that those that cannot be trained on are found now, and not when they are
    /// packed.
    pub(crate) decodes: bool,
    /// Whether each photo advances the watch; for archives, bytes do.
    pub(crate) count_photos: bool,
    pub(crate) watch: &'a dyn Watch,
}

/// The end of an [`Intake`] that photos are put into.
pub(crate) struct Feeder<'a> {
    sender: Sender<(Place, Content)>,
    destination: Option<&'a Path>,
    folders: HashSet<String>,
    stop: &'a AtomicBool,
}

impl Feeder<'_> {
    /// Puts a photo into the queue; waits while the queue is full.
    ///
    /// # Errors
    /// When its folder cannot be made, or when a thread has already failed ([`Intake::run`] then returns the thread's
    /// error).
    pub(crate) fn push(&mut self, place: Place, content: Content) -> Result<()> {
        if let Some(destination) = self.destination {
            let folder = place.folder();
            if !self.folders.contains(&folder) {
                let path = destination.join(&folder);
                fs::create_dir_all(&path).map_err(DataError::io("create", &path))?;
                self.folders.insert(folder);
            }
        }
        if self.stop.load(Ordering::Relaxed) || self.sender.send((place, content)).is_err() {
            return Err(DataError::Interrupted);
        }
        Ok(())
    }
}

impl Intake<'_> {
    /// Runs `feed` in this thread, and takes in what it pushes in the others, in no particular order.
    ///
    /// # Errors
    /// What stopped a thread (a full disk, an interruption), or else what `feed` returned. When all went well except
    /// that some files are not photos, one error with their number and the names of the first five.
    pub(crate) fn run(&self, feed: impl FnOnce(&mut Feeder<'_>) -> Result<()>) -> Result<Vec<Photo>> {
        let (sender, receiver) = crossbeam_channel::bounded::<(Place, Content)>(QUEUE);
        let stop = AtomicBool::new(false);
        let failure: Mutex<Option<DataError>> = Mutex::new(None);
        let unreadable: Mutex<Unreadable> = Mutex::default();
        let photos: Mutex<Vec<Photo>> = Mutex::new(Vec::new());
        let poisoned = "no holder of this lock panics";
        let fed = std::thread::scope(|scope| {
            let mut started = 0;
            for _ in 0..crate::threads::thread_count() {
                let receiver = receiver.clone();
                let (stop, failure, unreadable, photos) = (&stop, &failure, &unreadable, &photos);
                let work = move || {
                    let (mut mine, mut pixels) = (Vec::new(), Pixels::default());
                    // After a failure the queue is still emptied, so that the feeder never waits for a thread that
                    // ended.
                    for (place, content) in receiver {
                        if stop.load(Ordering::Relaxed) {
                            continue;
                        }
                        match self.take_in(place, content, &mut pixels) {
                            Ok(Ok(photo)) => mine.push(photo),
                            Ok(Err(refused)) => {
                                // Whoever sends so many sends no photos: the rest need not be read.
                                if unreadable.lock().expect(poisoned).add(refused) {
                                    stop.store(true, Ordering::Relaxed);
                                }
                            }
                            Err(error) => {
                                stop.store(true, Ordering::Relaxed);
                                failure.lock().expect(poisoned).get_or_insert(error);
                            }
                        }
                        if self.count_photos {
                            self.watch.advance(1);
                        }
                    }
                    photos.lock().expect(poisoned).append(&mut mine);
                };
                match std::thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(_) => started += 1,
                    // Those that there are do it too.
                    Err(_) if started > 0 => break,
                    Err(error) => return Err(DataError::io("start a thread to read", self.origin)(error)),
                }
            }
            drop(receiver);
            let mut feeder = Feeder { sender, destination: self.destination, folders: HashSet::new(), stop: &stop };
            feed(&mut feeder)
        });
        if let Some(error) = failure.into_inner().expect(poisoned) {
            return Err(error);
        }
        let Unreadable { count, first } = unreadable.into_inner().expect(poisoned);
        if count < MOST_UNREADABLE {
            fed?;
        }
        if count == 0 {
            return Ok(photos.into_inner().expect(poisoned));
        }
        let mut named: Vec<String> = first.iter().map(|(path, reason)| format!("{path} ({reason})")).collect();
        if count > NAMED {
            named.push("…".into());
        }
        Err(DataError::malformed(
            self.origin,
            "JPEG, PNG or WebP photos only",
            format!("{} that {} not: {}", files(count), are(count), named.join(", ")),
            "remove or replace these files, then run the same command again",
        ))
    }

    /// One photo. The inner error is a file that is not a photo, by its path and the reason.
    fn take_in(&self, place: Place, content: Content, pixels: &mut Pixels) -> Result<Result<Photo, (String, String)>> {
        if self.watch.interrupted() {
            return Err(DataError::Interrupted);
        }
        let (bytes, shown) = match content {
            Content::Bytes(bytes) => (bytes, place.relative()),
            Content::File(path) => (input::read(&path, input::PHOTO_BYTES)?, place.relative()),
        };
        let (width_px, height_px) = match header::dimensions(&bytes) {
            Ok(dimensions) => dimensions,
            Err(reason) => return Ok(Err((shown, reason))),
        };
        if self.decodes
            && let Err(reason) = check_pixels(&bytes, (width_px, height_px), pixels)
        {
            return Ok(Err((shown, reason)));
        }
        if let Some(destination) = self.destination {
            let path = destination.join(place.relative());
            let mut file = File::create_new(&path).map_err(DataError::io("create", &path))?;
            file.write_all(&bytes).map_err(DataError::io("write", &path))?;
        }
        Ok(Ok(Photo {
            place,
            width_px,
            height_px,
            bytes: bytes.len() as u64,
            sha256: sha256(&bytes),
            orientation: Orientation::of(&bytes),
            dark: dark_sixteen_bits(&bytes),
        }))
    }
}

/// Refuses what packing would refuse; the error is the reason.
fn check_pixels(bytes: &[u8], (width_px, height_px): (u32, u32), pixels: &mut Pixels) -> Result<(), String> {
    decode_into(bytes, Path::new(""), pixels).map_err(|error| match error {
        DataError::Photo { reason, .. } => reason,
        error => error.to_string(),
    })?;
    if (pixels.width_px, pixels.height_px) != (width_px, height_px) {
        let found = (pixels.width_px, pixels.height_px);
        return Err(format!("it has {}×{} px, its header says {width_px}×{height_px}", found.0, found.1));
    }
    Ok(())
}

/// The files that are no photos: how many, and the first ones by path with their reasons. A list of all could be as long
/// as an archive says.
#[derive(Default)]
struct Unreadable {
    count: usize,
    first: BTreeSet<(String, String)>,
}

impl Unreadable {
    /// Notes one; whether there are so many that the work need not go on.
    fn add(&mut self, refused: (String, String)) -> bool {
        self.count += 1;
        self.first.insert(refused);
        if self.first.len() > NAMED {
            self.first.pop_last();
        }
        self.count >= MOST_UNREADABLE
    }
}

fn files(n: usize) -> String {
    if n >= MOST_UNREADABLE {
        return format!("{MOST_UNREADABLE} files or more");
    }
    if n == 1 { "1 file".into() } else { format!("{n} files") }
}

fn are(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}
