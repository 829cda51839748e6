//! The drawn set: Imagenette's ten classes drawn by the program itself, so that everything runs without a network.
//!
//! A seed, split, label and index go in, a picture comes out, and nothing else decides its bytes: all randomness is
//! [`Random`]'s, every transcendental function is `libm`'s, and the rasterizer and the JPEG encoder run without their
//! SIMD paths, so that every machine draws the same set.

mod backdrop;
mod brush;
mod clutter;
mod color;
mod draws;
mod finish;
mod objects;
mod obstacle;
mod scene;
mod shape;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use imagenette_files::atomic::UnfinishedFolder;
use imagenette_files::hash::sha256;

use crate::class;
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::image::{Pixels, encode_drawing};
use crate::manifest::{ImageEntry, Manifest, OrientationRule, Source};
use crate::random::{Purpose, Random};
use crate::watch::{Unit, Watch};

/// How many pictures a class has in `train`.
pub const TRAIN_PER_CLASS: u32 = 400;
/// How many pictures a class has in `val`.
pub const VAL_PER_CLASS: u32 = 100;
/// The name of the dataset and of its folder.
pub const NAME: &str = "drawn-160";

const CLASSES: u16 = 10;
const QUALITY: u8 = 85;

/// Draws one picture of a class; `index` counts the pictures of the class in its split.
///
/// # Panics
/// When `label` is not below ten, or `index` not below 100,000.
pub fn draw(label: u16, split: Split, index: u32, seed: u64) -> Pixels {
    assert!(label < CLASSES, "the drawn set has ten classes");
    assert!(index < 100_000, "the numbers of two classes' pictures must not meet");
    let mut random = Random::new(seed, Purpose::Drawn, split as u32, u32::from(label) * 100_000 + index);
    scene::picture(label, &mut random)
}

/// Encodes a drawing as a JPEG file of the dataset.
///
/// # Panics
/// When `drawing.rgb` is not as long as its sides say, or a side is longer than the 65,535 pixels of the format.
pub fn encode(drawing: &Pixels) -> Vec<u8> {
    encode_drawing(drawing, QUALITY).expect("drawings are a few hundred pixels wide and high")
}

/// Makes the drawn set in `folder`, which must not exist yet: 4,000 train and 1,000 val pictures and the manifest. The
/// folder appears once everything in it is written, or not at all.
///
/// # Errors
/// When the folder exists or cannot be written, or when `watch` interrupts.
pub fn make_drawn_set(folder: &Path, seed: u64, threads: usize, watch: &dyn Watch) -> Result<()> {
    make(folder, seed, threads, &[(Split::Train, TRAIN_PER_CLASS), (Split::Val, VAL_PER_CLASS)], watch)
}

/// Makes the first pictures of each class of the drawn set, for tests: so many of a class in train and in val.
///
/// # Errors
/// As [`make_drawn_set`].
pub fn make_small_drawn_set(folder: &Path, [train, val]: [u32; 2], watch: &dyn Watch) -> Result<()> {
    make(folder, 0, 1, &[(Split::Train, train), (Split::Val, val)], watch)
}

/// One picture to draw.
struct Task {
    split: Split,
    label: u16,
    index: u32,
    /// Below the dataset's folder.
    folder: PathBuf,
    file_name: String,
}

fn make(folder: &Path, seed: u64, threads: usize, sizes: &[(Split, u32)], watch: &dyn Watch) -> Result<()> {
    if folder.exists() {
        let found = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(DataError::io("create", folder)(found));
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(DataError::io("create", parent))?;
    // A temporary sibling: deleted with all its files on every return but the last.
    let writing = UnfinishedFolder::begin(parent)?;
    let classes = class::imagenette();
    let mut tasks = Vec::new();
    for &(split, per_class) in sizes {
        for (label, class) in (0u16..).zip(&classes) {
            let class_folder = Path::new(split.name()).join(&class.wnid);
            let path = writing.path().join(&class_folder);
            std::fs::create_dir_all(&path).map_err(DataError::io("create", &path))?;
            tasks.extend((0..per_class).map(|index| Task {
                split,
                label,
                index,
                folder: class_folder.clone(),
                file_name: format!("drawn_{}_{index:05}.JPEG", class.wnid),
            }));
        }
    }
    watch.begin("drawing pictures", Some(tasks.len() as u64), Unit::Photos);
    let images = draw_all(&tasks, writing.path(), seed, threads, watch)?;
    let mut manifest = Manifest {
        name: NAME.into(),
        edition: Edition::Drawn,
        size: "160".into(),
        source: Source { from: format!("drawn:{seed}"), sha256: None, archive: None },
        orientation: OrientationRule::Stored,
        classes,
        images,
    };
    manifest.sort();
    manifest.write(writing.path())?;
    #[cfg(unix)]
    {
        // Temporary folders are closed to other users; a dataset gets the permissions of the folder that it is in.
        let permissions = std::fs::metadata(parent).map_err(DataError::io("read", parent))?.permissions();
        std::fs::set_permissions(writing.path(), permissions)
            .map_err(DataError::io("set the permissions of", writing.path()))?;
    }
    Ok(writing.finish(folder)?)
}

/// Draws and writes every task with this many threads; the first error, or an interruption, stops them all.
fn draw_all(tasks: &[Task], root: &Path, seed: u64, threads: usize, watch: &dyn Watch) -> Result<Vec<ImageEntry>> {
    let next = AtomicUsize::new(0);
    let outcome: Mutex<Result<Vec<ImageEntry>>> = Mutex::new(Ok(Vec::with_capacity(tasks.len())));
    imagenette_files::threads::share(threads, || {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let drawn = if watch.interrupted() { Err(DataError::Interrupted) } else { draw_one(task, root, seed) };
            let mut outcome = outcome.lock().expect("no thread panics while it holds the list");
            match (&mut *outcome, drawn) {
                (Ok(images), Ok(image)) => images.push(image),
                (Ok(_), Err(error)) => *outcome = Err(error),
                (Err(_), _) => {}
            }
            if outcome.is_err() {
                return;
            }
            drop(outcome);
            watch.advance(1);
        }
    });
    outcome.into_inner().expect("no thread panics while it holds the list")
}

fn draw_one(task: &Task, root: &Path, seed: u64) -> Result<ImageEntry> {
    let drawing = draw(task.label, task.split, task.index, seed);
    let bytes = encode(&drawing);
    let path = root.join(&task.folder).join(&task.file_name);
    std::fs::write(&path, &bytes).map_err(DataError::io("write", &path))?;
    Ok(ImageEntry {
        split: task.split,
        label: Some(task.label),
        file_name: task.file_name.clone(),
        width_px: drawing.width_px,
        height_px: drawing.height_px,
        bytes: bytes.len() as u64,
        sha256: sha256(&bytes),
        turned: None,
    })
}
