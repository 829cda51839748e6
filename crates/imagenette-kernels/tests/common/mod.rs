//! Random sizes and numbers for the tests, and comparisons that name what differs.
//!
//! `IMAGENETTE_TEST_CASES=n` bounds the number of random cases, for machines that only exist in an emulator.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test program uses a part of it")]

use imagenette_kernels::{Number, Precision};

/// `wanted` cases, or fewer if the environment asks for fewer.
pub fn cases(wanted: u64) -> std::ops::Range<u64> {
    let most = std::env::var("IMAGENETTE_TEST_CASES").ok().map(|text| text.parse().expect("a number of cases"));
    0..most.unwrap_or(wanted).min(wanted)
}

/// A small generator (splitmix64), so that a failing case can be repeated by its seed.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }
    /// A whole number from `low` to `high`.
    pub fn within(&mut self, low: usize, high: usize) -> usize {
        low + (self.bits() % (high - low + 1) as u64) as usize
    }
    pub fn one_of(&mut self, choices: &[usize]) -> usize {
        choices[self.within(0, choices.len() - 1)]
    }
    /// Between -1 and 1.
    pub fn number(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
    pub fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.number()).collect()
    }
    /// Numbers as maps store them.
    pub fn stored<T: Number>(&mut self, count: usize) -> Vec<T> {
        (0..count).map(|_| T::from_f32(self.number())).collect()
    }
}

pub fn to_f64<T: Number>(numbers: &[T]) -> Vec<f64> {
    numbers.iter().map(|&x| f64::from(x.to_f32())).collect()
}

/// As f32, which is exact.
pub fn to_f32<T: Number>(numbers: &[T]) -> Vec<f32> {
    numbers.iter().map(|&x| x.to_f32()).collect()
}

/// NaN, to fill outputs with: what was in them before must not matter.
pub fn nan<T: Number>() -> T {
    T::from_f32(f32::NAN)
}

/// The largest relative error of rounding to the numbers that maps store: half of the last of 24 or 8 bits.
pub fn rounding<T: Number>() -> f64 {
    match T::PRECISION {
        Precision::F32 => f64::from(f32::EPSILON) / 2.0,
        Precision::Bf16 => 1.0 / 256.0,
    }
}

/// Every number is within the error of rounding once, plus `tolerance` times the sum of its terms' magnitudes.
pub fn assert_near<T: Number>(what: &str, found: &[T], expected: &[f64], magnitudes: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (i, ((&found, &expected), magnitude)) in found.iter().zip(expected).zip(magnitudes).enumerate() {
        let allowed = rounding::<T>() * expected.abs() + tolerance * magnitude + 1e-30;
        let error = (f64::from(found.to_f32()) - expected).abs();
        assert!(error <= allowed, "{what}: element {i} is {found:?}, expected {expected} ± {allowed}");
    }
}

/// The errors' root mean square is within `tolerance` times that of the expected numbers, and no error is seven times
/// as large: for sums whose terms were rounded one by one.
pub fn assert_near_on_average<T: Number>(what: &str, found: &[T], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let mean_square = |numbers: &[f64]| numbers.iter().map(|x| x * x).sum::<f64>() / numbers.len().max(1) as f64;
    let allowed = tolerance * mean_square(expected).sqrt();
    let errors: Vec<f64> = found.iter().zip(expected).map(|(x, y)| f64::from(x.to_f32()) - y).collect();
    let error = mean_square(&errors).sqrt();
    assert!(error <= allowed, "{what}: the errors' root mean square is {error}, expected up to {allowed}");
    for (i, (error, expected)) in errors.iter().zip(expected).enumerate() {
        assert!(
            error.abs() <= 7.0 * allowed,
            "{what}: element {i} is off by {error}, of {expected} ± {}",
            7.0 * allowed
        );
    }
}

/// Every number is within `tolerance` times the largest expected magnitude (at least one).
pub fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let scale = expected.iter().fold(1.0f64, |most, x| most.max(x.abs()));
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= tolerance * scale, "{what}: element {i} is {found}, expected {expected} (scale {scale})");
    }
}

/// The results of `work` on pools of 1, 2, 3 and 7 threads have the same bits.
pub fn assert_same_bits_for_any_threads(what: &str, work: impl Fn() -> Vec<f32> + Sync) {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(&work).iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
    };
    let one = on(1);
    for threads in [2, 3, 7] {
        assert!(one == on(threads), "{what}: {threads} threads give other bits than one");
    }
}
