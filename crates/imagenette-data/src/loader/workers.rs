//! The worker threads: each takes the next request, makes the batch, and puts it where the consumer will look for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::batch::{Batch, Pool};
use super::request::{BatchRequest, MixRequest};
use crate::augment::Scratch;
use crate::error::{DataError, Result};
use crate::image::Resizer;
use crate::packed::Packed;
use crate::random::SampleKey;

/// Makes batches before they are needed.
///
/// It is an iterator over batches in the order of the requests. At most `2 × threads + 2` batches are ready or being
/// made; the workers end when the loader is dropped. A request that makes no sense is an error at its place, and the
/// next one follows.
///
/// # Example
/// ```
/// use std::sync::Arc;
///
/// use imagenette_data::augment::{Augment, Crop, Flip};
/// use imagenette_data::dataset::Dataset;
/// use imagenette_data::edition::Split;
/// use imagenette_data::loader::{BatchRequest, Loader, View, epoch_order};
/// use imagenette_data::packed::Packed;
/// use imagenette_data::watch::Silent;
///
/// fn one_epoch(dataset: &Dataset, cache: &std::path::Path) -> imagenette_data::Result<u64> {
///     let packed = Arc::new(Packed::open_or_build(dataset, cache, 2, &Silent)?);
///     let augment = Augment { crop: Crop::Light { scale: 1.125 }, flip: Flip::Alternating };
///     let (seed, epoch) = (1, 0);
///     let order = epoch_order(&dataset.manifest.samples(Split::Train), seed, epoch);
///     let requests: Vec<BatchRequest> = order
///         .chunks(64)
///         .map(|samples| BatchRequest {
///             epoch,
///             samples: samples.to_vec(),
///             passes: None,
///             resolution_px: 64,
///             view: View::Train(augment),
///             view_number: 0,
///             own: Default::default(),
///             strong: None,
///             cutout: None,
///             erase: None,
///             mix: None,
///         })
///         .collect();
///     let mut sum = 0;
///     for batch in Loader::new(packed, dataset.labels().into(), seed, 2, Box::new(requests.into_iter()))? {
///         let batch = batch?; // batch.pixels: [N, 64, 64, 3]
///         sum += batch.pixels.iter().map(|&value| u64::from(value)).sum::<u64>();
///     }
///     Ok(sum)
/// }
/// ```
#[derive(Debug)]
pub struct Loader {
    /// One slot for each request that was taken, in the same order. `None` once the loader is being dropped.
    slots: Option<Receiver<Slot>>,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
    waited: Duration,
}

/// Where the batch of one request will appear.
type Slot = Receiver<Result<Batch>>;

/// What the workers take from, under one lock, so that the slots are in the order of the requests.
struct Intake {
    requests: std::iter::Fuse<Box<dyn Iterator<Item = BatchRequest> + Send>>,
    slots: Sender<Slot>,
}

impl Loader {
    /// Starts `threads` workers on the requests. `labels` has the label of each sample, as
    /// [`crate::dataset::Dataset::labels`] gives them.
    ///
    /// # Errors
    /// When `threads` is zero, when there is not one label for each photo, or when the system cannot start a thread.
    pub fn new(
        packed: Arc<Packed>,
        labels: Arc<[u16]>,
        seed: u64,
        threads: usize,
        requests: Box<dyn Iterator<Item = BatchRequest> + Send>,
    ) -> Result<Self> {
        if threads == 0 {
            return Err(setting("threads", "1 or more".into(), 0, "leave it out to use all processor cores"));
        }
        if labels.len() != packed.len() {
            return Err(setting(
                "labels",
                format!("{}, one for each packed photo", packed.len()),
                labels.len(),
                "take the labels and the packed pixels from the same dataset",
            ));
        }
        // What a worker holds is no longer in the queue: queue and workers together stay within 2 × threads + 2.
        let (sender, slots) = bounded(threads + 2);
        let intake = Arc::new(Mutex::new(Intake { requests: requests.fuse(), slots: sender }));
        let stop = Arc::new(AtomicBool::new(false));
        let pool = Arc::new(Pool::new(2 * threads + 4));
        let mut loader =
            Self { slots: Some(slots), stop, workers: Vec::with_capacity(threads), waited: Duration::ZERO };
        for number in 0..threads {
            let worker = Worker {
                packed: packed.clone(),
                labels: labels.clone(),
                seed,
                pool: pool.clone(),
                stop: loader.stop.clone(),
                resizer: Resizer::new(),
                aside: Vec::new(),
                unmixed: Vec::new(),
                scratch: Scratch::default(),
            };
            let intake = intake.clone();
            let handle = std::thread::Builder::new()
                .name(format!("loader {number}"))
                .spawn(move || worker.work(&intake))
                .map_err(DataError::io("start a thread to read", packed.path()))?;
            loader.workers.push(handle);
        }
        Ok(loader)
    }

    /// How long the consumer has waited for batches so far: the time that faster loading could save.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Ends the workers. A panic in one of them continues here: it is a mistake of this program, not of the data.
    fn join(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.slots = None;
        for worker in self.workers.drain(..) {
            if let Err(panic) = worker.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }

    fn receive<T>(&mut self, receiver: &Receiver<T>) -> Option<T> {
        match receiver.try_recv() {
            Ok(value) => Some(value),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                let began = Instant::now();
                let value = receiver.recv().ok();
                self.waited += began.elapsed();
                value
            }
        }
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let slots = self.slots.clone()?;
        let batch = self.receive(&slots).and_then(|slot| self.receive(&slot));
        if batch.is_none() {
            // Either every request was answered or a worker panicked; joining them tells which.
            drop(slots);
            self.join();
        }
        batch
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.join();
    }
}

struct Worker {
    packed: Arc<Packed>,
    labels: Arc<[u16]>,
    seed: u64,
    pool: Arc<Pool>,
    stop: Arc<AtomicBool>,
    resizer: Resizer,
    /// A copy of a row while it is mirrored.
    aside: Vec<u8>,
    /// A copy of a batch while it is mixed.
    unmixed: Vec<u8>,
    /// What strong augmentation works in.
    scratch: Scratch,
}

impl Worker {
    fn work(mut self, intake: &Mutex<Intake>) {
        loop {
            let (request, result) = {
                // A poisoned lock means that the caller's iterator panicked in another worker, which is reported.
                let Ok(mut intake) = intake.lock() else { return };
                let Some(request) = intake.requests.next() else { return };
                let (result, slot) = bounded(1);
                // Waits here while the queue is full. An error means that the loader is gone.
                if intake.slots.send(slot).is_err() {
                    return;
                }
                (request, result)
            };
            match self.batch(request) {
                Some(batch) => drop(result.send(batch)),
                None => return,
            }
        }
    }

    /// `None` when the loader is being dropped.
    fn batch(&mut self, request: BatchRequest) -> Option<Result<Batch>> {
        if let Err(error) = request.validate(self.packed.len() as u32) {
            return Some(Err(error));
        }
        let side = request.resolution_px;
        let image_bytes = side as usize * side as usize * 3;
        let seed = self.seed;
        let mut pixels = self.pool.take(request.samples.len() * image_bytes);
        for (place, target) in pixels.chunks_exact_mut(image_bytes).enumerate() {
            let sample = request.samples[place];
            let epoch = request.passes.as_ref().map_or(request.epoch, |passes| passes[place]);
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            let photo = match self.packed.checked_photo(sample) {
                Ok(photo) => photo,
                Err(error) => return Some(Err(error)),
            };
            let key = SampleKey { seed, epoch, sample, view: request.view_number };
            let plan = request.plan(photo.width_px, photo.height_px, key);
            self.resizer.resize(photo.rgb, (photo.width_px, photo.height_px), plan.crop, target, (side, side));
            if plan.flip {
                mirror(target, side as usize, &mut self.aside);
            }
            if let Err(error) = request.own.change(target, side as usize, key) {
                return Some(Err(error));
            }
            if let Some(strong) = &request.strong {
                strong.photo(target, side as usize, key, &mut self.scratch);
            }
            if let Some(cutout) = &request.cutout {
                cutout.photo(target, side as usize, key);
            }
            if let Some(erase) = &request.erase {
                erase.photo(target, side as usize, key);
            }
        }
        let mixtures = request.mix.and_then(|MixRequest { mix, start }| {
            mix.batch_beside(&mut pixels, side as usize, (seed, request.epoch, start), &mut self.unmixed)
        });
        let labels = request.samples.iter().map(|&sample| self.labels[sample as usize]).collect();
        Some(Ok(Batch { samples: request.samples, labels, resolution_px: side, pixels, mixtures }))
    }
}

/// Mirrors an image left to right, two pixels at a time: they are swapped within eight bytes, of which the next two
/// pixels overwrite the last two. The copy of the row has two bytes to spare for that.
fn mirror(rgb: &mut [u8], width_px: usize, aside: &mut Vec<u8>) {
    const PIXEL: u64 = 0xFF_FFFF;
    let row_bytes = width_px * 3;
    aside.resize(row_bytes + 2, 0);
    for row in rgb.chunks_exact_mut(row_bytes) {
        aside[..row_bytes].copy_from_slice(row);
        let (mut from, mut to) = (row_bytes, 0);
        while to + 8 <= row_bytes {
            from -= 6;
            let pair = u64::from_le_bytes(aside[from..from + 8].try_into().expect("eight bytes were cut"));
            let swapped = (pair >> 24 & PIXEL) | (pair & PIXEL) << 24;
            row[to..to + 8].copy_from_slice(&swapped.to_le_bytes());
            to += 6;
        }
        while to < row_bytes {
            from -= 3;
            row[to..to + 3].copy_from_slice(&aside[from..from + 3]);
            to += 3;
        }
    }
}

fn setting(key: &str, expected: String, found: usize, hint: &str) -> DataError {
    DataError::Setting { key: key.into(), expected, found: found.to_string(), hint: hint.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirroring_reverses_every_row_pixel_by_pixel() {
        for width_px in 1..40 {
            let image: Vec<u8> = (0..width_px * 3 * 5).map(|i| (i * 37 % 251) as u8).collect();
            let mut mirrored = image.clone();
            mirror(&mut mirrored, width_px, &mut vec![9; 3]);
            let plain: Vec<u8> = image.chunks(width_px * 3).flat_map(|row| row.rchunks(3).flatten().copied()).collect();
            assert_eq!(mirrored, plain, "{width_px}");
        }
    }
}
