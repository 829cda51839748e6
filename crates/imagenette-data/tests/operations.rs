//! The operations of strong augmentation: the same bytes as Pillow's, and defined for squares of every size.

mod pattern;

use std::path::Path;

use imagenette_data::augment::{
    Cutout, MEAN_COLOR, Operation, RandAugment, Resampling, Scratch, SimClr, Strong, TrivialAugment,
};
use imagenette_data::random::{Purpose, Random, SampleKey};
use pattern::pattern;

const RESAMPLINGS: [Resampling; 2] = [Resampling::Nearest, Resampling::Bilinear];

/// As in `golden/make_operations.py`.
fn operations() -> Vec<Operation> {
    let mut operations = vec![Operation::AutoContrast, Operation::Equalize, Operation::Invert];
    operations.extend([8, 7, 4, 2, 1].map(|bits| Operation::Posterize { bits }));
    operations.extend([256, 255, 128, 1, 0].map(|threshold| Operation::Solarize { threshold }));
    for enhance in [Operation::Color, Operation::Contrast, Operation::Brightness, Operation::Sharpness] {
        operations.extend([0.0, 0.1, 0.37, 1.0, 1.3, 1.9, 2.6].map(enhance));
    }
    for resampling in RESAMPLINGS {
        let degrees = [0.0, 1.0, -30.0, 13.5, 45.0, 90.0, -90.0, 135.0, 180.0, 211.7];
        operations.extend(degrees.map(|degrees| Operation::Rotate { degrees, resampling }));
    }
    let shares = [0.0, 0.01, 0.3, -0.3, 0.99, -0.75];
    for resampling in RESAMPLINGS {
        operations.extend(shares.map(|share| Operation::ShearX { share, resampling }));
    }
    for resampling in RESAMPLINGS {
        operations.extend(shares.map(|share| Operation::ShearY { share, resampling }));
    }
    operations.extend([0, 1, -3, 32, -40, 99].map(|px| Operation::TranslateX { px }));
    operations.extend([0, 1, -3, 32, -40, 99].map(|px| Operation::TranslateY { px }));
    operations.extend([0, 1, 25, 51, 100, 128, 231, 255].map(|shift| Operation::Hue { shift }));
    operations.push(Operation::Grayscale);
    operations.extend([0.1, 0.5, 1.0, 1.21, 1.7, 2.0, 5.5, 30.0, 100.0].map(|sigma_px| Operation::Blur { sigma_px }));
    operations
}

/// Any values where the salt is even, few and dim ones where it is odd.
fn square(side: u32, salt: u32) -> Vec<u8> {
    let mut rgb = pattern((side, side), salt);
    if salt % 2 == 1 {
        rgb.iter_mut().for_each(|value| *value = *value / 5 + 90);
    }
    rgb
}

#[test]
fn operations_give_the_bytes_that_pillow_gives() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/operations.bin");
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut rest, mut scratch, mut wrong) = (&golden[..], Scratch::default(), Vec::new());
    for (number, operation) in (0..).zip(operations()) {
        for salt in [2 * number, 2 * number + 1] {
            for side in [1, 2, 7, 33, 64] {
                let mut rgb = square(side, salt);
                operation.apply(&mut rgb, side as usize, &mut scratch);
                let ours = if side < 33 { rgb } else { crc32fast::hash(&rgb).to_le_bytes().to_vec() };
                let (pillow, after) = rest.split_at(ours.len());
                rest = after;
                if ours != pillow {
                    wrong.push(format!("{operation:?} of {side} px, salt {salt}"));
                }
            }
        }
    }
    assert!(rest.is_empty());
    assert!(wrong.is_empty(), "{} lines\n{}", wrong.len(), wrong.join("\n"));
}

/// Policies of every kind, as far as they go.
fn policies() -> Vec<Strong> {
    let mut policies = vec![
        Strong::SimClr(SimClr { strength: 2.5, blur_sigma_px: [0.01, 100.0], solarize: 0.5, ..SimClr::default() }),
        Strong::SimClr(SimClr { jitter: 0.0, grayscale: 1.0, blur: 1.0, ..SimClr::default() }),
    ];
    for resampling in RESAMPLINGS {
        policies.push(Strong::TrivialAugment(TrivialAugment { resampling }));
        for (operations, magnitude) in [(1, 0), (2, 9), (8, 30)] {
            policies.push(Strong::RandAugment(RandAugment { operations, magnitude, resampling }));
        }
    }
    policies
}

#[test]
fn any_square_is_changed_the_same_way_again_whatever_was_changed_before() {
    let mut random = Random::new(3, Purpose::Test, 0, 0);
    // Its memory holds what other sizes left there.
    let mut used = Scratch::default();
    for policy in policies() {
        policy.validate().unwrap();
        for side in 1..=40usize {
            for _ in 0..6 {
                let key = SampleKey { seed: 1, epoch: 2, sample: random.next_u32(), view: random.below(3) };
                let before: Vec<u8> = (0..side * side * 3).map(|_| random.next_u32() as u8).collect();
                let (mut one, mut other) = (before.clone(), before);
                policy.photo(&mut one, side, key, &mut used);
                policy.photo(&mut other, side, key, &mut Scratch::default());
                assert_eq!(one, other, "{policy:?} of {side} px, {key:?}");
            }
        }
    }
}

#[test]
fn two_views_of_one_photo_differ_and_each_is_repeatable() {
    let photo = square(64, 0);
    let mut scratch = Scratch::default();
    for policy in policies() {
        let mut view = |sample, view| {
            let mut rgb = photo.clone();
            policy.photo(&mut rgb, 64, SampleKey { view, ..SampleKey::new(5, 0, sample) }, &mut scratch);
            rgb
        };
        let differing = (0..200).filter(|&sample| view(sample, 0) != view(sample, 1)).count();
        // Two operations of magnitude 0 often change nothing, and where colors are never changed most are only blurred.
        let least = match policy {
            Strong::RandAugment(RandAugment { magnitude: 0, .. }) => 30,
            _ => 170,
        };
        assert!(differing >= least, "{policy:?}: {differing}");
        assert_eq!(view(3, 1), view(3, 1));
    }
}

#[test]
fn what_comes_from_outside_is_the_mean_color() {
    let white = vec![255; 20 * 20 * 3];
    let far = Operation::TranslateX { px: 20 };
    let half = Operation::TranslateY { px: -10 };
    let turned = Operation::Rotate { degrees: 45.0, resampling: Resampling::Bilinear };
    for (operation, expected) in [(far, 400..=400), (half, 200..=200), (turned, 60..=100)] {
        let mut rgb = white.clone();
        operation.apply(&mut rgb, 20, &mut Scratch::default());
        let filled = rgb.chunks(3).filter(|pixel| **pixel == MEAN_COLOR).count();
        assert!(expected.contains(&filled), "{operation:?}: {filled}");
        assert!(rgb.chunks(3).all(|pixel| *pixel == MEAN_COLOR || pixel == [255; 3]));
    }
    let mut rgb = white.clone();
    Cutout { size: 1.0, probability: 0.0 }.photo(&mut rgb, 20, SampleKey::new(1, 0, 0));
    assert_eq!(rgb, white);
}
