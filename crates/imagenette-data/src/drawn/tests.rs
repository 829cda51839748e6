//! What the drawn set promises: the same bytes everywhere, its sizes and counts, whole or absent, and its difficulty.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use imagenette_files::FileError;
use imagenette_files::hash::hex;
use sha2::{Digest, Sha256};

use super::*;
use crate::watch::Silent;

const FEW: [(Split, u32); 2] = [(Split::Train, 2), (Split::Val, 1)];

/// Every file below a folder, by its relative path.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Applies a function to 0..n on two threads, in order.
fn both<T: Send>(n: u32, make: impl Fn(u32) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let half = scope.spawn(|| (0..n / 2).map(&make).collect::<Vec<T>>());
        let rest: Vec<T> = (n / 2..n).map(&make).collect();
        let mut all = half.join().unwrap();
        all.extend(rest);
        all
    })
}

#[test]
fn the_pictures_of_seed_zero_never_change() {
    // Changing a drawing on purpose changes this hash and makes another dataset: the changelog must say so.
    let mut digest = Sha256::new();
    for label in 0..CLASSES {
        digest.update(encode(&draw(label, Split::Train, 0, 0)));
        digest.update(encode(&draw(label, Split::Train, 399, 0)));
        digest.update(encode(&draw(label, Split::Val, 7, 0)));
    }
    assert_eq!(hex(&digest.finalize()), "8f7e619f354358c2c1986eb3acf5204f5e670b4f8d0f8e5604488f69f4b14aaf");
}

#[test]
fn one_two_and_seven_threads_make_the_same_files() {
    let home = tempfile::tempdir().unwrap();
    let made = [1, 2, 7].map(|threads| {
        let folder = home.path().join(format!("drawn-by-{threads}"));
        make(&folder, 5, threads, &FEW, &Silent).unwrap();
        files(&folder)
    });
    assert_eq!(made[0].len(), 31, "thirty pictures and the manifest");
    assert!(made[0] == made[1] && made[0] == made[2]);
}

#[test]
fn seeds_splits_and_indices_give_different_pictures() {
    let first = draw(3, Split::Train, 0, 0);
    for other in [draw(3, Split::Train, 0, 1), draw(3, Split::Val, 0, 0), draw(3, Split::Train, 1, 0)] {
        assert_ne!(first, other);
    }
    assert_eq!(first, draw(3, Split::Train, 0, 0));
}

#[test]
fn the_shortest_side_is_160_pixels_and_both_formats_occur() {
    let (mut wide, mut tall) = (0, 0);
    for (w, h) in
        both(40, |index| draw(index as u16 % CLASSES, Split::Val, index, 9)).iter().map(|d| (d.width_px, d.height_px))
    {
        assert_eq!(w.min(h), 160);
        assert!(w.max(h) <= 240, "{w} x {h}");
        wide += u32::from(w > h);
        tall += u32::from(h > w);
    }
    assert!(wide > 5 && tall > 5, "{wide} wide, {tall} tall");
}

#[test]
fn the_manifest_tells_what_the_files_are() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("drawn");
    make(&folder, 12, 2, &FEW, &Silent).unwrap();
    let manifest = Manifest::read(&folder).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.edition, manifest.size.as_str()), (NAME, Edition::Drawn, "160"));
    assert_eq!(manifest.source.from, "drawn:12");
    assert_eq!((manifest.samples(Split::Train).len(), manifest.samples(Split::Val).len()), (20, 10));
    assert_eq!(manifest.relative_path(&manifest.images[1]), "train/n01440764/drawn_n01440764_00001.JPEG");
    for image in &manifest.images {
        let bytes = std::fs::read(folder.join(manifest.relative_path(image))).unwrap();
        assert_eq!((bytes.len() as u64, sha256(&bytes)), (image.bytes, image.sha256.clone()));
        let mut decoder = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(&bytes));
        let decoded = decoder.decode().unwrap();
        assert_eq!(decoded.len() as u32, 3 * image.width_px * image.height_px);
    }
}

#[test]
fn the_counts_are_those_of_the_edition() {
    assert_eq!(Edition::Drawn.count(Split::Train), Some(TRAIN_PER_CLASS as usize * usize::from(CLASSES)));
    assert_eq!(Edition::Drawn.count(Split::Val), Some(VAL_PER_CLASS as usize * usize::from(CLASSES)));
    assert_eq!(Edition::Drawn.classes().unwrap().len(), usize::from(CLASSES));
}

/// Interrupts once a few pictures are drawn.
#[derive(Default)]
struct Impatient {
    drawn: AtomicUsize,
    told: AtomicBool,
}

impl Watch for Impatient {
    fn advance(&self, amount: u64) {
        self.drawn.fetch_add(amount as usize, Ordering::Relaxed);
    }

    fn interrupted(&self) -> bool {
        let enough = self.drawn.load(Ordering::Relaxed) >= 5;
        self.told.fetch_or(enough, Ordering::Relaxed);
        enough
    }
}

#[test]
fn an_interrupted_drawing_leaves_no_set() {
    let home = tempfile::tempdir().unwrap();
    let watch = Impatient::default();
    let made = make(&home.path().join("drawn"), 0, 2, &FEW, &watch);
    assert!(matches!(made, Err(DataError::Interrupted)), "{made:?}");
    assert!(watch.told.into_inner());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn an_existing_folder_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("drawn");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("mine"), "precious").unwrap();
    assert!(matches!(make(&folder, 0, 1, &FEW, &Silent), Err(DataError::File(FileError::Io { action: "create", .. }))));
    assert_eq!(files(&folder).len(), 1);
}

/// The whole picture averaged down to a square of cells, centered on zero.
fn shrunk(drawing: &Pixels, side: usize) -> Vec<f32> {
    let (w, h) = (drawing.width_px as usize, drawing.height_px as usize);
    let mut sums = vec![(0.0f32, 0.0f32); side * side * 3];
    for (at, byte) in drawing.rgb.iter().enumerate() {
        let (x, y) = (at / 3 % w, at / 3 / w);
        let cell = &mut sums[((y * side / h) * side + x * side / w) * 3 + at % 3];
        *cell = (cell.0 + f32::from(*byte), cell.1 + 1.0);
    }
    sums.iter().map(|(sum, count)| sum / count / 255.0 - 0.5).collect()
}

#[test]
fn a_linear_classifier_of_the_pixels_learns_a_little_and_not_much() {
    let classes = usize::from(CLASSES);
    let label = |i: usize| i % classes;
    let set = |split, n| both(n, |i| shrunk(&draw((i % 10) as u16, split, i / 10, 0), 32));
    let (train, val) = (set(Split::Train, 1000), set(Split::Val, 500));
    let features = train[0].len();
    // Multinomial logistic regression with weight decay, by full-batch gradient descent with momentum.
    let mut weights = vec![0.0f32; classes * features];
    let mut velocity = weights.clone();
    let scores =
        |weights: &[f32], x: &[f32]| -> Vec<f32> { weights.chunks_exact(features).map(|row| dot(row, x)).collect() };
    for _ in 0..120 {
        let mut slope: Vec<f32> = weights.iter().map(|w| w * 0.02).collect();
        for (i, x) in train.iter().enumerate() {
            let scores = scores(&weights, x);
            let top = scores.iter().copied().fold(f32::MIN, f32::max);
            let odds: Vec<f32> = scores.iter().map(|score| (score - top).exp()).collect();
            let total: f32 = odds.iter().sum();
            for (class, row) in slope.chunks_exact_mut(features).enumerate() {
                let error = (odds[class] / total - f32::from(u8::from(class == label(i)))) / train.len() as f32;
                row.iter_mut().zip(x).for_each(|(slope, x)| *slope += error * x);
            }
        }
        for ((weight, velocity), slope) in weights.iter_mut().zip(&mut velocity).zip(&slope) {
            *velocity = 0.9 * *velocity - 0.02 * slope;
            *weight += *velocity;
        }
    }
    let correct = |set: &[Vec<f32>]| {
        let right = set.iter().enumerate().filter(|(i, x)| {
            let scores = scores(&weights, x);
            (0..classes).all(|class| scores[class] <= scores[label(*i)])
        });
        right.count() as f64 / set.len() as f64
    };
    let (seen, unseen) = (correct(&train), correct(&val));
    println!("linear classifier, 32 x 32: train {seen:.3} of 1000, val {unseen:.3} of 500");
    assert!(seen > 0.3, "the classifier is trained: {seen}");
    assert!(unseen > 0.10 && unseen < 0.45, "{unseen}");
}

/// A dot product in eight lanes, so that the compiler may use vectors.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        (0..8).for_each(|lane| lanes[lane] += a[lane] * b[lane]);
    }
    lanes.iter().sum()
}
