//! Makes a packed file: several threads decode photos and write them to the places that follow from the manifest.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::Packed;
use super::header::{Layout, TRAILER};
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::folders::create_folder;
use crate::image::{Pixels, Remark, decode_turned};
use crate::lock::wait_for;
use crate::watch::{Unit, Watch};
use imagenette_files::input;
use imagenette_files::threads::share;

/// How many unreadable photos an error names.
const NAMED_PROBLEMS: usize = 5;

pub(super) fn open_or_build(dataset: &Dataset, folder: &Path, threads: usize, watch: &dyn Watch) -> Result<Packed> {
    if threads == 0 {
        return Err(DataError::Setting {
            key: "threads".into(),
            expected: "1 or more".into(),
            found: "0".into(),
            hint: "leave it out to use all processor cores".into(),
        });
    }
    let path = Packed::path_in(folder, &dataset.manifest);
    match Packed::open(&path, &dataset.manifest) {
        Err(DataError::Missing { .. }) => {}
        Err(error) if error.is_malformed() => {}
        opened => return opened,
    }
    create_folder(folder)?;
    let lock = wait_for(&path, "pack", &dataset.manifest.name, watch)?;
    // The holder before may have made the file meanwhile.
    match Packed::open(&path, &dataset.manifest) {
        Err(DataError::Missing { .. }) => {}
        Err(error) if error.is_malformed() => watch.notice(&format!("packing again: {error}")),
        opened => return opened,
    }
    let prefix = format!(".packing-{}-", dataset.manifest.identity());
    if lock.is_exclusive() {
        remove_leftovers(folder, &prefix)?;
    }
    let all: Vec<u32> = (0..dataset.manifest.images.len() as u32).collect();
    build(dataset, &all, &path, &prefix, threads, watch)?;
    let packed = Packed::open(&path, &dataset.manifest)?;
    say_remarks(dataset, &packed, watch);
    Ok(packed)
}

/// A file with the pixels of these photos alone, in their places: the others are holes that take no room.
pub(super) fn build_part(
    dataset: &Dataset,
    samples: &[u32],
    folder: &Path,
    threads: usize,
    watch: &dyn Watch,
) -> Result<Packed> {
    let path = Packed::path_in(folder, &dataset.manifest);
    build(dataset, samples, &path, ".packing-part-", threads.max(1), watch)?;
    Packed::open(&path, &dataset.manifest)
}

/// Says once what somebody who only looks at the photos would not expect of their pixels.
fn say_remarks(dataset: &Dataset, packed: &Packed, watch: &dyn Watch) {
    for remark in Remark::ALL.into_iter().filter(|remark| remark.is_worth_a_notice()) {
        let with_it: Vec<u32> =
            (0..packed.len() as u32).filter(|sample| packed.remarks(*sample).contains(&remark)).collect();
        if let Some(&first) = with_it.first() {
            let path = dataset.path_of(first);
            watch.notice(&format!("photos {}: {}; the first is {}", remark.text(), with_it.len(), path.display()));
        }
    }
}

/// Removes what a killed process left. Only the holder of the lock may: nobody else writes files with this prefix
/// then.
fn remove_leftovers(folder: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let entry = entry.map_err(DataError::io("list", folder))?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            fs::remove_file(entry.path()).map_err(DataError::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// The pause between two syncs while packing.
const SYNC_INTERVAL: Duration = Duration::from_millis(20);

fn build(
    dataset: &Dataset,
    samples: &[u32],
    path: &Path,
    prefix: &str,
    threads: usize,
    watch: &dyn Watch,
) -> Result<()> {
    let layout = Layout::of(&dataset.manifest);
    let folder = path.parent().expect("the path was made by joining a folder");
    let is_whole = samples.len() == layout.places.len();
    if let Some(free_bytes) = free_bytes(folder)
        && is_whole
        && free_bytes < layout.total_bytes
    {
        let error = io::Error::from(io::ErrorKind::StorageFull);
        return Err(DataError::io("write", path)(with_space(error, layout.total_bytes, Some(free_bytes))));
    }
    let temporary = tempfile::Builder::new()
        .prefix(prefix)
        .tempfile_in(folder)
        .map_err(DataError::io("create a file in", folder))?;
    let photos = samples.len() as u32;
    watch.begin(&format!("packing {}", dataset.manifest.name), Some(photos.into()), Unit::Photos);
    let packing = Packing {
        dataset,
        samples,
        layout: &layout,
        file: temporary.as_file(),
        path,
        watch,
        next: AtomicU32::new(0),
        stop: AtomicBool::new(false),
        found: layout.places.iter().map(|_| (AtomicU32::new(0), AtomicU32::new(0))).collect(),
        problems: Mutex::default(),
    };
    let is_done = AtomicBool::new(false);
    let done: Result<()> = std::thread::scope(|scope| {
        // Pixels go to the disk while others are decoded, so that little is left for the sync at the end, where errors
        // show up again.
        let sync = || {
            while !is_done.load(Ordering::Relaxed) {
                let _ = packing.file.sync_data();
                std::thread::sleep(SYNC_INTERVAL);
            }
        };
        // Without it the sync at the end takes longer.
        let _ = std::thread::Builder::new().spawn_scoped(scope, sync);
        // Set at a panic too, or else its thread would be waited for without end.
        let _done = SetOnDrop(&is_done);
        share(threads, || packing.work()).into_iter().collect()
    });
    done?;
    let load = |number: &AtomicU32| number.load(Ordering::Relaxed);
    let found: Vec<(u32, u32)> = packing.found.iter().map(|(bits, sum)| (load(bits), load(sum))).collect();
    packing.check_problems()?;
    let file = temporary.as_file();
    let written = write_at(file, &layout.encode(&found), 0)
        .and_then(|()| write_at(file, &TRAILER, layout.trailer_offset()))
        // Without this a power cut after the renaming could leave a complete header and missing pixels.
        .and_then(|()| file.sync_data());
    written.map_err(|error| packing.write_error(error))?;
    temporary.persist(path).map_err(|error| DataError::io("rename", path)(error.error))?;
    Ok(())
}

/// Sets a flag when it is dropped.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the threads share.
struct Packing<'a> {
    dataset: &'a Dataset,
    /// The photos that are packed.
    samples: &'a [u32],
    layout: &'a Layout,
    file: &'a File,
    path: &'a Path,
    watch: &'a dyn Watch,
    next: AtomicU32,
    stop: AtomicBool,
    /// Of each photo its remarks and the checksum of its pixels.
    found: Vec<(AtomicU32, AtomicU32)>,
    problems: Mutex<Vec<(u32, String)>>,
}

impl Packing<'_> {
    fn work(&self) -> Result<()> {
        let result = self.pack_photos();
        if result.is_err() {
            self.stop.store(true, Ordering::Relaxed);
        }
        result
    }

    fn pack_photos(&self) -> Result<()> {
        let (mut bytes, mut pixels) = (Vec::new(), Pixels::default());
        loop {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&sample) = self.samples.get(next as usize) else { return Ok(()) };
            let place = &self.layout.places[sample as usize];
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if self.watch.interrupted() {
                return Err(DataError::Interrupted);
            }
            match self.decode(sample, &mut bytes, &mut pixels) {
                Ok(()) => {
                    write_at(self.file, &pixels.rgb, place.offset).map_err(|error| self.write_error(error))?;
                }
                Err(problem) => self.problems.lock().expect("no thread panics with the lock").push((sample, problem)),
            }
            self.watch.advance(1);
        }
    }

    fn decode(&self, sample: u32, bytes: &mut Vec<u8>, pixels: &mut Pixels) -> Result<(), String> {
        let path = self.dataset.path_of(sample);
        input::read_into(&path, input::PHOTO_BYTES, bytes).map_err(|error| error.to_string())?;
        let turned = self.dataset.manifest.images[sample as usize].turned;
        let remarks = match decode_turned(bytes, &path, turned, pixels) {
            Ok(remarks) => remarks,
            Err(DataError::Photo { reason, .. }) => return Err(reason),
            Err(error) => return Err(error.to_string()),
        };
        let place = &self.layout.places[sample as usize];
        if (pixels.width_px, pixels.height_px) != (place.width_px, place.height_px) {
            return Err(format!(
                "it has {}×{} px, the manifest says {}×{}",
                pixels.width_px, pixels.height_px, place.width_px, place.height_px
            ));
        }
        let bits = remarks.iter().fold(0, |bits, remark| bits | remark.bit());
        let (found_bits, found_sum) = &self.found[sample as usize];
        found_bits.store(bits, Ordering::Relaxed);
        found_sum.store(crc32fast::hash(&pixels.rgb), Ordering::Relaxed);
        Ok(())
    }

    fn write_error(&self, error: io::Error) -> DataError {
        let folder = self.path.parent().unwrap_or(self.path);
        DataError::io("write", self.path)(with_space(error, self.layout.total_bytes, free_bytes(folder)))
    }

    /// One error for all photos that could not be packed, so that all can be mended in one go.
    fn check_problems(&self) -> Result<()> {
        let mut problems = std::mem::take(&mut *self.problems.lock().expect("no thread panics with the lock"));
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort();
        let manifest = &self.dataset.manifest;
        let mut found = format!("{} that cannot be packed", problems.len());
        for (number, (sample, reason)) in problems.iter().take(NAMED_PROBLEMS).enumerate() {
            let path = manifest.relative_path(&manifest.images[*sample as usize]);
            found += &format!("{} {path} ({reason})", if number == 0 { ":" } else { ";" });
        }
        if problems.len() > NAMED_PROBLEMS {
            found += &format!("; and {} more", problems.len() - NAMED_PROBLEMS);
        }
        Err(DataError::malformed(
            &self.dataset.root,
            format!("{} readable photos", manifest.images.len()),
            found,
            "fetch the dataset again with `imagenette get`, or remove these photos and install the rest",
        ))
    }
}

/// The free space on a folder's disk; `None` where the system does not say.
fn free_bytes(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        rustix::fs::statvfs(folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Adds to "no space left" how much space is needed and how much is free.
fn with_space(error: io::Error, needed_bytes: u64, free_bytes: Option<u64>) -> io::Error {
    if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return error;
    }
    let free = free_bytes.map_or_else(String::new, |bytes| format!(", {bytes} bytes are free"));
    io::Error::new(error.kind(), format!("{error}: the packed file needs {needed_bytes} bytes{free}"))
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Where a file has only one position, a lock keeps the threads apart.
#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::io::{Seek, Write};
    static POSITION: Mutex<()> = Mutex::new(());
    let _position = POSITION.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(io::SeekFrom::Start(offset))?;
    file.write_all(bytes)
}
