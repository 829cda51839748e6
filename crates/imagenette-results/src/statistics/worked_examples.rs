//! Counts right of 3,925 photos that the tests compute with; the runs are in `records/`.

/// The val split.
pub(crate) const PHOTOS: u64 = 3925;
/// `epochs-5`, seeds 1 to 5.
pub(crate) const EPOCHS_5: [u64; 5] = [3538, 3527, 3540, 3540, 3543];
/// The same without whitening.
pub(crate) const NO_WHITENING: [u64; 5] = [3530, 3513, 3519, 3504, 3512];
/// The same without Muon.
pub(crate) const NO_MUON: [u64; 5] = [3466, 3495, 3487, 3481, 3471];
/// `fast-85` evaluated at 64 px, at bfloat16 on AVX-512.
pub(crate) const BF16: [u64; 5] = [3266, 3281, 3280, 3261, 3284];
/// The same at float32.
pub(crate) const F32: [u64; 5] = [3242, 3254, 3259, 3292, 3282];
/// 24 seeds of one short recipe.
pub(crate) const ONE_RECIPE: [u64; 24] = [
    3088, 3090, 3074, 3067, 3082, 3087, 3107, 3122, 3075, 3107, 3073, 3100, 3086, 3085, 3075, 3089, 3067, 3109, 3090,
    3085, 3097, 3119, 3078, 3108,
];
/// How many photos `b` runs without whitening and `a` runs of `epochs-5` get right: row b, column a.
pub(crate) const JOINT: [[usize; 6]; 6] = [
    [137, 30, 15, 7, 2, 2],
    [28, 29, 16, 15, 14, 7],
    [8, 13, 18, 17, 13, 19],
    [10, 9, 10, 19, 21, 31],
    [4, 2, 11, 28, 49, 88],
    [1, 2, 9, 30, 89, 3122],
];

/// The same for float32 (row) and bfloat16 (column).
pub(crate) const JOINT_PRECISIONS: [[usize; 6]; 6] = [
    [269, 42, 7, 3, 1, 0],
    [53, 59, 35, 15, 3, 0],
    [5, 31, 46, 39, 20, 3],
    [1, 8, 33, 46, 44, 22],
    [0, 5, 13, 47, 96, 125],
    [0, 1, 5, 25, 98, 2725],
];

/// Counts as fractions of the val split.
pub(crate) fn accuracies(correct: &[u64]) -> Vec<f64> {
    correct.iter().map(|correct| *correct as f64 / PHOTOS as f64).collect()
}

/// Photo by photo, how many runs of the baseline (row) and of the idea (column) are right.
pub(crate) fn photos(joint: [[usize; 6]; 6]) -> (Vec<u32>, Vec<u32>) {
    let mut photos = (Vec::new(), Vec::new());
    for (baseline, row) in (0..).zip(joint) {
        for (idea, count) in (0..).zip(row) {
            photos.0.extend(std::iter::repeat_n(baseline, count));
            photos.1.extend(std::iter::repeat_n(idea, count));
        }
    }
    photos
}

/// Fails unless the two numbers are as close as that.
#[track_caller]
pub(crate) fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}
