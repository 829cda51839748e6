//! An address and the hashes that its file may have go in, the whole file comes out, and gets its name only when every
//! byte is right. A download that is interrupted continues where it stopped, in this process or in the next.

mod partial;
mod response;

use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant, SystemTime};

use imagenette_files::visible;

use crate::archive::Generation;
use crate::error::{DataError, Result};
use crate::folders::remove_file;
use crate::random::{Purpose, Random};
use crate::watch::{Unit, Watch};
use partial::{Hashes, Note, Partial};
use response::{Head, Message, Request};

/// How patient a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// Attempts in a row without new bytes before it gives up.
    pub attempts: u32,
    /// The pause before the second attempt. It doubles with each further one, up to a minute, and is shortened at
    /// random by up to half, so that many machines do not come back at the same moment.
    pub first_backoff: Duration,
    /// The longest time without a byte.
    pub stall_timeout: Duration,
    /// The fewest bytes in that time; a server that sends fewer is given up like one that sends none.
    pub least_bytes: u64,
    /// The longest time for a connection.
    pub connect_timeout: Duration,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            attempts: 6,
            first_backoff: Duration::from_secs(1),
            stall_timeout: Duration::from_secs(30),
            least_bytes: 16 << 10,
            connect_timeout: Duration::from_secs(15),
        }
    }
}

/// A file that has arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its sha256.
    pub sha256: String,
    /// Its md5.
    pub md5: String,
    /// Which of the accepted generations it is, by its position.
    pub generation: usize,
}

/// How often a waiting download checks whether it should stop.
const LOOK_UP: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Downloads a file whose length and hash must be those of one of `generations`. A file that is already there is
/// checked and used.
///
/// What has arrived is kept in `<path>.partial`, with a note in another file of what it belongs to. One process at a
/// time may download to a path.
///
/// # Errors
/// When the server refuses (4xx), or announces or sends another file; after too many attempts in a row without new
/// bytes; when the disk is full (what arrived is kept); when the caller interrupts.
pub fn fetch(
    url: &str,
    path: &Path,
    generations: &[Generation],
    options: &FetchOptions,
    watch: &dyn Watch,
) -> Result<Fetched> {
    if path.exists() {
        let (bytes, sha256, md5) = Hashes::of(path, watch)?;
        if let Some(generation) = generations.iter().position(|known| known.fits(bytes, &sha256, &md5)) {
            return Ok(Fetched { path: path.to_owned(), bytes, sha256, md5, generation });
        }
        watch.notice(&format!("{}: not the file that it should be; downloading it again", path.display()));
        remove_file(path)?;
    }
    let partial = Partial::open(path, url, watch)?;
    let mut download = Download { url, generations, options, watch, partial, resumed: false };
    download.run()?;
    download.finish(path)
}

struct Download<'a> {
    url: &'a str,
    generations: &'a [Generation],
    options: &'a FetchOptions,
    watch: &'a dyn Watch,
    partial: Partial,
    /// Whether the bytes come from more than one exchange.
    resumed: bool,
}

/// Why an exchange did not bring the whole file.
enum Failure {
    /// Another attempt may.
    Passing(String),
    /// Another attempt may, from the beginning.
    Stale(String),
    /// No other attempt will.
    Final(DataError),
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        Self::Final(error)
    }
}

impl Download<'_> {
    /// Tries until the whole file is here and its hash is right.
    fn run(&mut self) -> Result<()> {
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut random = Random::new(clock.as_nanos() as u64 ^ u64::from(std::process::id()), Purpose::Backoff, 0, 0);
        let mut furthest = self.partial.bytes;
        let mut fruitless = 0;
        loop {
            let reason = match self.exchange() {
                Ok(()) => return Ok(()),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(reason)) => reason,
                Err(Failure::Stale(reason)) => {
                    self.partial.restart()?;
                    self.resumed = false;
                    reason
                }
            };
            // Only bytes that no earlier attempt brought are progress: a server that always stops at the same place
            // ends here.
            let is_progress = self.partial.bytes >= furthest.saturating_add(self.options.least_bytes.max(1));
            fruitless = if is_progress { 1 } else { fruitless + 1 };
            if is_progress {
                furthest = self.partial.bytes;
            }
            if fruitless >= self.options.attempts {
                return Err(self.error(format!(
                    "{reason} (gave up after {fruitless} {} without progress)",
                    if fruitless == 1 { "attempt" } else { "attempts" }
                )));
            }
            let doubled = self.options.first_backoff.saturating_mul(1 << (fruitless - 1).min(16));
            let wait = doubled.min(LONGEST_BACKOFF).mul_f64(random.between(0.5, 1.0));
            self.watch.notice(&format!("{reason}; trying again in {:.1} s", wait.as_secs_f64()));
            self.pause(wait)?;
        }
    }

    /// One request, from where the file ends; `Ok` when the file is whole and right.
    fn exchange(&mut self) -> Result<(), Failure> {
        let note = self.partial.note.clone();
        if self.partial.bytes > 0 && note.as_ref().is_some_and(|note| note.total_bytes == Some(self.partial.bytes)) {
            // An earlier process got everything, but could not finish.
            self.resumed = true;
            return self.check();
        }
        self.resumed |= self.partial.bytes > 0;
        // A weak ETag says that two files are alike, not that their bytes are the same.
        let strong = |tag: &String| !tag.starts_with("W/");
        let if_range = note.and_then(|note| note.etag.filter(strong).or(note.last_modified));
        let request = Request { url: self.url.into(), from_byte: self.partial.bytes, if_range };
        let messages = response::send(request, self.options)
            .map_err(|error| Failure::Passing(format!("no thread for the download: {error}")))?;
        let mut total = None;
        let mut quiet_since = Instant::now();
        // The bytes that were here when the time that is looked at began.
        let mut pace = (Instant::now(), self.partial.bytes);
        // Until the answer, there is also the time for the connection.
        let mut patience = self.options.stall_timeout + self.options.connect_timeout;
        loop {
            if self.watch.interrupted() {
                return Err(DataError::Interrupted.into());
            }
            let message = match messages.recv_timeout(LOOK_UP) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) if quiet_since.elapsed() < patience => continue,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Failure::Passing(format!("no byte came for {:.1} s", patience.as_secs_f64())));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::Passing("the download's thread ended".into()));
                }
            };
            match message {
                Message::Head(head) => {
                    total = self.begin(&head)?;
                    pace = (Instant::now(), self.partial.bytes);
                    patience = self.options.stall_timeout;
                }
                Message::Chunk(chunk) => {
                    self.partial.append(&chunk)?;
                    self.watch.advance(chunk.len() as u64);
                    let (seconds, arrived) = (pace.0.elapsed().as_secs_f64(), self.partial.bytes - pace.1);
                    if pace.0.elapsed() >= self.options.stall_timeout {
                        if arrived < self.options.least_bytes {
                            let reason = format!("the server sends too slowly: {arrived} bytes in {seconds:.1} s");
                            return Err(Failure::Passing(reason));
                        }
                        pace = (Instant::now(), self.partial.bytes);
                    }
                    let most = self.generations.iter().map(|known| known.bytes).max().unwrap_or(0);
                    if self.partial.bytes > most {
                        self.partial.restart()?;
                        return Err(self.error(format!("the server sends more than {most} bytes")).into());
                    }
                }
                Message::End => {
                    return match total {
                        Some(total) if self.partial.bytes < total => Err(Failure::Passing(self.broke_off(Some(total)))),
                        _ => self.check(),
                    };
                }
                Message::Failed { reason, hopeless: true } if !self.resumed => return Err(self.error(reason).into()),
                Message::Failed { reason, .. } if total.is_some() => {
                    return Err(Failure::Passing(format!("{} ({reason})", self.broke_off(total))));
                }
                Message::Failed { reason, .. } => return Err(Failure::Passing(reason)),
            }
            quiet_since = Instant::now();
        }
    }

    /// Reads the head of an answer, which says what the next bytes belong to. Returns the length of the whole file.
    fn begin(&mut self, head: &Head) -> Result<Option<u64>, Failure> {
        let here = self.partial.bytes;
        let total = match head.status {
            200 => {
                if here > 0 {
                    self.watch.notice("the server sends the file from its beginning; starting over");
                    self.partial.restart()?;
                    self.resumed = false;
                }
                head.length
            }
            206 => {
                let range = head.content_range.as_deref().unwrap_or("");
                let (_, total) =
                    content_range(range).filter(|(from, _)| here > 0 && *from == here).ok_or_else(|| {
                        Failure::Stale(format!(
                            "asked for bytes from {here}, the server sends `{}`",
                            visible::shortened(range, 100)
                        ))
                    })?;
                let note = self.partial.note.as_ref();
                let other_tag = note
                    .and_then(|note| note.etag.as_ref())
                    .zip(head.etag.as_ref())
                    .is_some_and(|(noted, sent)| noted != sent);
                if other_tag || note.and_then(|note| note.total_bytes).is_some_and(|noted| noted != total) {
                    return Err(Failure::Stale("the file on the server has changed".into()));
                }
                Some(total)
            }
            416 if here > 0 => return Err(Failure::Stale("the server has no bytes from that position on".into())),
            408 | 429 | 500.. => return Err(Failure::Passing(format!("the server answers {}", head.status))),
            status => return Err(self.error(format!("the server answers {status}")).into()),
        };
        if let Some(total) = total
            && !self.generations.iter().any(|known| known.bytes == total)
        {
            let known: Vec<String> = self.generations.iter().map(|known| known.bytes.to_string()).collect();
            let reason = format!("expected {} bytes, the server announces {total}", known.join(" or "));
            return Err(self.error(reason).into());
        }
        if head.status == 200 {
            self.partial.describe(Note {
                url: self.url.into(),
                etag: head.etag.clone(),
                last_modified: head.last_modified.clone(),
                total_bytes: total,
            })?;
        }
        let name = self.url.rsplit('/').next().unwrap_or(self.url);
        self.watch.begin(&format!("downloading {name}"), total, Unit::Bytes);
        self.watch.advance(self.partial.bytes);
        Ok(total)
    }

    /// Checks that what is here is one of the accepted files.
    fn check(&mut self) -> Result<(), Failure> {
        let (sha256, md5) = self.partial.hashes();
        let bytes = self.partial.bytes;
        if self.generations.iter().any(|known| known.fits(bytes, &sha256, &md5)) {
            return Ok(());
        }
        if self.resumed {
            return Err(Failure::Stale(
                "the resumed file has a wrong checksum; downloading it from its beginning".into(),
            ));
        }
        if !self.generations.iter().any(|known| known.bytes == bytes) {
            // Without an announced length, an early end looks like an end.
            return Err(Failure::Stale(self.broke_off(None)));
        }
        let known: Vec<String> = self.generations.iter().map(Generation::hash).collect();
        let found = format!("sha256 {sha256}, md5 {md5}");
        self.partial.restart()?;
        Err(DataError::Checksum { path: self.partial.path.clone(), expected: known.join(" or "), found }.into())
    }

    fn finish(self, path: &Path) -> Result<Fetched> {
        let (sha256, md5) = self.partial.hashes();
        let bytes = self.partial.bytes;
        let generation = self.generations.iter().position(|known| known.fits(bytes, &sha256, &md5));
        let generation = generation.expect("the download ends only with a file that fits");
        self.partial.finish(path)?;
        Ok(Fetched { path: path.to_owned(), bytes, sha256, md5, generation })
    }

    fn pause(&self, wait: Duration) -> Result<()> {
        let until = Instant::now() + wait;
        loop {
            if self.watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            match until.checked_duration_since(Instant::now()) {
                None | Some(Duration::ZERO) => return Ok(()),
                Some(rest) => std::thread::sleep(rest.min(LOOK_UP)),
            }
        }
    }

    fn broke_off(&self, total: Option<u64>) -> String {
        let of = total.map_or(String::new(), |total| format!(" of {total}"));
        format!("the connection broke off at byte {}{of}", self.partial.bytes)
    }

    fn error(&self, reason: String) -> DataError {
        DataError::Download { url: self.url.into(), reason }
    }
}

/// `bytes 100-199/200` as the first byte and the whole length.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.trim().parse().ok()?, total.trim().parse().ok()?))
}
