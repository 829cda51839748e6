//! `bench --only augment`: how many samples this machine changes strongly in a second, alone and behind the loader.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use imagenette_data::augment::{RandAugment, Scratch, SimClr, Strong, TrivialAugment};
use imagenette_data::dataset::Dataset;
use imagenette_data::packed::Packed;
use imagenette_data::random::SampleKey;
use serde_json::{Map, json};

use super::bench::{BATCH_SIZE, Measured, endless, images_loaded, whole};
use crate::interrupt;
use crate::numbers::counted;
use crate::terminal::Terminal;

/// How long each policy is measured alone.
const ALONE: Duration = Duration::from_secs(3);
/// Batches of samples that are changed again and again.
const BATCHES: usize = 16;

/// The policies as they are usual.
fn policies() -> [(&'static str, Strong); 3] {
    [
        ("rand-augment", Strong::RandAugment(RandAugment { magnitude: 10, ..RandAugment::default() })),
        ("trivial-augment", Strong::TrivialAugment(TrivialAugment::default())),
        ("sim-clr", Strong::SimClr(SimClr::default())),
    ]
}

/// Measures every policy.
pub(super) fn augment(
    sample: &Dataset,
    packed: &Arc<Packed>,
    threads: usize,
    resolution_px: u32,
    terminal: &Terminal,
) -> anyhow::Result<Measured> {
    terminal.status("augmenting");
    let mut loader = endless(sample, packed.clone(), threads, resolution_px, None)?;
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        batches.push(loader.next().context("there are always more requests")??.pixels.to_vec());
    }
    drop(loader);
    let (mut values, mut lines) = (Map::new(), Vec::new());
    values.insert("resolution_px".into(), json!(resolution_px));
    for (name, strong) in policies() {
        let (images, seconds) = changed_alone(&batches, resolution_px as usize, strong, threads)?;
        let (loaded, loading) = images_loaded(sample, packed.clone(), threads, resolution_px, Some(strong))?;
        let (rate, load_rate) = (images as f64 / seconds, loaded as f64 / loading);
        lines.push(format!(
            "augment {} images/s, {} with the loader  ({name}, {}, {resolution_px} px)",
            whole(rate),
            whole(load_rate),
            counted(threads as u64, "thread")
        ));
        values.insert(name.into(), json!({ "images_per_second": rate, "loaded_images_per_second": load_rate }));
    }
    terminal.finish();
    Ok(Measured { name: "augment", value: values.into(), line: lines.join("\n") })
}

/// How many samples were changed, and the seconds that it took: the work on pixels alone.
fn changed_alone(batches: &[Vec<u8>], side_px: usize, strong: Strong, threads: usize) -> anyhow::Result<(usize, f64)> {
    let (next, changed, began) = (AtomicUsize::new(0), AtomicUsize::new(0), Instant::now());
    imagenette_files::threads::share(threads, || {
        let (mut pixels, mut scratch) = (Vec::with_capacity(BATCH_SIZE * side_px * side_px * 3), Scratch::default());
        while began.elapsed() < ALONE && !interrupt::asked() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            pixels.clear();
            pixels.extend_from_slice(&batches[number % batches.len()]);
            let photos = pixels.chunks_exact_mut(side_px * side_px * 3);
            changed.fetch_add(photos.len(), Ordering::Relaxed);
            for (place, rgb) in photos.enumerate() {
                strong.photo(rgb, side_px, SampleKey::new(0, number as u32, place as u32), &mut scratch);
            }
        }
    });
    interrupt::check()?;
    Ok((changed.into_inner(), began.elapsed().as_secs_f64()))
}
