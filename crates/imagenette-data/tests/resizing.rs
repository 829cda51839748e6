//! Resizing: the same pixels as Pillow's, the same pixels as the plain formula, the same pixels on every processor.

mod pattern;

use std::path::Path;

use fast_image_resize as fir;
use fir::CpuExtensions;
use fir::pixels::U8x3;
use imagenette_data::augment::CropBox;
use imagenette_data::image::Resizer;
use imagenette_data::random::{Purpose, Random};
use pattern::pattern;

/// As in `golden/make.py`: photo, box (left, top, right, bottom), target.
type Case = ((u32, u32), [f64; 4], (u32, u32));
const CASES: [Case; 14] = [
    ((224, 224), [0.0, 0.0, 224.0, 224.0], (64, 64)),
    ((50, 37), [3.25, 2.5, 41.75, 30.125], (16, 16)),
    ((50, 37), [3.25, 2.5, 41.75, 30.125], (61, 47)),
    ((9, 7), [0.0, 0.0, 9.0, 7.0], (32, 32)),
    ((1, 1), [0.0, 0.0, 1.0, 1.0], (5, 3)),
    ((1, 40), [0.0, 7.0, 1.0, 33.0], (8, 8)),
    ((41, 1), [0.5, 0.0, 40.5, 1.0], (7, 9)),
    ((33, 65), [0.0, 0.0, 33.0, 65.0], (1, 1)),
    ((64, 48), [10.0, 8.0, 42.0, 40.0], (32, 32)),
    ((64, 48), [10.0, 8.0, 42.0, 40.0], (32, 20)),
    ((64, 48), [10.5, 8.0, 42.5, 40.0], (32, 32)),
    ((120, 90), [100.3, 70.7, 120.0, 90.0], (24, 24)),
    ((97, 131), [0.0, 0.0, 97.0, 131.0], (31, 29)),
    ((60, 60), [29.9, 29.9, 30.4, 30.6], (12, 12)),
];

fn crop([left, top, right, bottom]: [f64; 4]) -> CropBox {
    CropBox { left, top, width: right - left, height: bottom - top }
}

fn resized(source: &[u8], size: (u32, u32), crop: CropBox, target: (u32, u32)) -> Vec<u8> {
    let mut pixels = vec![0; target.0 as usize * target.1 as usize * 3];
    Resizer::new().resize(source, size, crop, &mut pixels, target);
    pixels
}

/// Largest difference, and how many values differ at all.
fn difference(a: &[u8], b: &[u8]) -> (u8, usize) {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (differences.clone().max().unwrap_or(0), differences.filter(|&d| d > 0).count())
}

#[test]
fn pixels_agree_with_pillow_to_one_level() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/resize.bin");
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut rest, mut differing) = (&golden[..], 0);
    for (salt, (size, edges, target)) in (0..).zip(CASES) {
        let ours = resized(&pattern(size, salt), size, crop(edges), target);
        let (pillow, after) = rest.split_at(ours.len());
        rest = after;
        let (largest, count) = difference(&ours, pillow);
        assert!(largest <= 1, "case {salt}: {largest} levels, {count} of {} values", ours.len());
        differing += count;
    }
    assert!(rest.is_empty());
    println!("{differing} of {} values differ by one level", golden.len());
    // Pillow filters rows first, this crate columns: what is rounded in between differs.
    assert!(differing * 4 < golden.len(), "{differing} of {}", golden.len());
}

/// Pillow's filter as its formula says, in f64 and without rounding in between.
fn plain(source: &[u8], size: (u32, u32), crop: CropBox, target: (u32, u32)) -> Vec<f64> {
    let weights = |start: f64, length: f64, side: u32, target: u32| -> Vec<Vec<(usize, f64)>> {
        let scale = length / f64::from(target);
        let support = scale.max(1.0);
        let weigh = |center: f64| {
            let near = (0..side).map(|i| (i as usize, 1.0 - ((f64::from(i) + 0.5 - center) / support).abs()));
            let near: Vec<(usize, f64)> = near.filter(|&(_, weight)| weight > 0.0).collect();
            let sum: f64 = near.iter().map(|&(_, weight)| weight).sum();
            near.into_iter().map(|(i, weight)| (i, weight / sum)).collect()
        };
        (0..target).map(|i| weigh(start + (f64::from(i) + 0.5) * scale)).collect()
    };
    let columns = weights(crop.left, crop.width, size.0, target.0);
    let rows = weights(crop.top, crop.height, size.1, target.1);
    let mut pixels = Vec::new();
    for row in &rows {
        for column in &columns {
            for channel in 0..3 {
                let across = |y: usize| -> f64 {
                    column.iter().map(|&(x, w)| w * f64::from(source[(y * size.0 as usize + x) * 3 + channel])).sum()
                };
                pixels.push(row.iter().map(|&(y, weight)| weight * across(y)).sum());
            }
        }
    }
    pixels
}

#[test]
fn pixels_agree_with_the_plain_formula_on_random_boxes() {
    let mut random = Random::new(5, Purpose::Test, 0, 0);
    for round in 0..150 {
        let side = |random: &mut Random| 1 + if random.chance(0.2) { random.below(3) } else { random.below(70) };
        let (size, target) = ((side(&mut random), side(&mut random)), (side(&mut random), side(&mut random)));
        let mut span = |side: u32| {
            let length = f64::from(side) * random.between(0.05, 1.0);
            (random.between(0.0, f64::from(side) - length), length)
        };
        let ((left, width), (top, height)) = (span(size.0), span(size.1));
        let crop = CropBox { left, top, width, height };
        let source = pattern(size, round);
        let ours = resized(&source, size, crop, target);
        for (ours, exact) in ours.iter().zip(plain(&source, size, crop, target)) {
            let gap = (f64::from(*ours) - exact).abs();
            assert!(gap < 1.2, "{size:?} {crop:?} {target:?}: {ours} for {exact}");
        }
    }
}

#[test]
fn every_processor_gives_the_same_pixels() {
    let levels: &[CpuExtensions] = &[
        CpuExtensions::None,
        #[cfg(target_arch = "x86_64")]
        CpuExtensions::Sse4_1,
        #[cfg(target_arch = "x86_64")]
        CpuExtensions::Avx2,
        #[cfg(target_arch = "aarch64")]
        CpuExtensions::Neon,
    ];
    let supported: Vec<_> = levels.iter().copied().filter(|level| level.is_supported()).collect();
    println!("levels compared: {supported:?}");
    for (salt, (size, edges, target)) in (0..).zip(CASES) {
        let source = pattern(size, salt);
        let ours = resized(&source, size, crop(edges), target);
        for &level in &supported {
            let mut resizer = fir::Resizer::new();
            // SAFETY: only levels that this processor supports are tried.
            #[expect(unsafe_code, reason = "the only way to choose a level")]
            unsafe {
                resizer.set_cpu_extensions(level);
            }
            // Typed, since compiling the library for every kind of pixel takes minutes.
            let image = fir::images::TypedImageRef::<U8x3>::from_buffer(size.0, size.1, &source).unwrap();
            let mut buffer = vec![0; ours.len()];
            let mut pixels = fir::images::TypedImage::<U8x3>::from_buffer(target.0, target.1, &mut buffer).unwrap();
            let crop = crop(edges);
            let options = fir::ResizeOptions::new()
                .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear))
                .crop(crop.left, crop.top, crop.width, crop.height);
            resizer.resize_typed(&image, &mut pixels, &options).unwrap();
            assert_eq!(difference(&buffer, &ours), (0, 0), "case {salt}, {level:?}");
        }
    }
}

#[test]
fn a_box_that_leaves_the_photo_is_clipped_to_it() {
    let source = pattern((20, 20), 0);
    let whole = resized(&source, (20, 20), crop([0.0, 0.0, 20.0, 20.0]), (8, 8));
    assert_eq!(resized(&source, (20, 20), crop([-5.0, -1.0, 30.0, 21.0]), (8, 8)), whole);
    for odd in
        [[20.0, 20.0, 21.0, 21.0], [f64::NAN, 0.0, 5.0, 5.0], [3.0, 3.0, 3.0, 3.0], [0.0, 0.0, f64::INFINITY, 1.0]]
    {
        assert_eq!(resized(&source, (20, 20), crop(odd), (8, 8)).len(), 8 * 8 * 3);
    }
}

#[test]
fn a_resizer_keeps_nothing_of_earlier_photos() {
    let mut resizer = Resizer::new();
    for (salt, (size, edges, target)) in (0..).zip(CASES) {
        let source = pattern(size, salt);
        let mut pixels = vec![7; target.0 as usize * target.1 as usize * 3];
        resizer.resize(&source, size, crop(edges), &mut pixels, target);
        assert_eq!(pixels, resized(&source, size, crop(edges), target), "case {salt}");
    }
}
