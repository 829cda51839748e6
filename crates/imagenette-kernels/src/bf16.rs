//! Numbers of sixteen bits: the upper half of an f32, rounded to nearest even. They halve the memory traffic of
//! feature maps; sums are kept in f32.
#![expect(unsafe_code, reason = "the promise that any bit pattern is a valid number")]

use crate::level::{Level, Levels, Work};
use crate::shape::check_len;
use crate::simd::Simd;
use crate::tasks::for_each_chunk;

/// Numbers per task.
const BLOCK: usize = 1 << 15;

/// The sign, the eight bits of the exponent and the upper seven of the fraction of an f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Bf16(u16);

// SAFETY: a plain u16 (`repr(transparent)`), for which all zeros is a valid number.
unsafe impl bytemuck::Zeroable for Bf16 {}
// SAFETY: a plain u16 (`repr(transparent)`), without padding, for which any bit pattern is a valid number.
unsafe impl bytemuck::Pod for Bf16 {}

impl Bf16 {
    /// The number with these bits.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The number's bits.
    #[must_use]
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The nearest number; of two that are equally near, the one whose last bit is even. NaN stays NaN.
    #[inline(always)]
    #[must_use]
    pub const fn from_f32(x: f32) -> Self {
        let bits = x.to_bits();
        // Half of the last place minus one, and one more if the last place is odd: the carry rounds to nearest even.
        let rounded = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1));
        // A NaN whose upper fraction bits are all zero would turn into infinity: the quiet bit keeps it a NaN.
        let bits = if x.is_nan() { bits | 0x0040_0000 } else { rounded };
        Self((bits >> 16) as u16)
    }

    /// The same number as an f32.
    #[inline(always)]
    #[must_use]
    pub const fn to_f32(self) -> f32 {
        f32::from_bits((self.0 as u32) << 16)
    }

    /// Two numbers as a word, which is only moved as an f32, never calculated with.
    #[inline(always)]
    pub(crate) const fn pair(first: Self, second: Self) -> f32 {
        f32::from_bits(first.0 as u32 | (second.0 as u32) << 16)
    }
}

/// Rounds every number.
///
/// # Panics
/// The lengths do not agree.
pub fn narrow(level: Level, from: &[f32], to: &mut [Bf16]) {
    struct Block<'a>(&'a [f32], &'a mut [Bf16]);
    impl Work for Block<'_> {
        type Output = ();
        const LEVELS: Levels = Levels::Plain;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            // A plain loop: compiled here, it becomes this level's vectors.
            for (to, from) in self.1.iter_mut().zip(self.0) {
                *to = Bf16::from_f32(*from);
            }
        }
    }
    check_len("the narrow slice", to.len(), from.len());
    for_each_chunk(to, BLOCK, |i, to| level.run(Block(&from[i * BLOCK..][..to.len()], to)));
}

/// Widens every number; no value changes.
///
/// # Panics
/// The lengths do not agree.
pub fn widen(level: Level, from: &[Bf16], to: &mut [f32]) {
    struct Block<'a>(&'a [Bf16], &'a mut [f32]);
    impl Work for Block<'_> {
        type Output = ();
        const LEVELS: Levels = Levels::Plain;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            for (to, from) in self.1.iter_mut().zip(self.0) {
                *to = from.to_f32();
            }
        }
    }
    check_len("the wide slice", to.len(), from.len());
    for_each_chunk(to, BLOCK, |i, to| level.run(Block(&from[i * BLOCK..][..to.len()], to)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_and_narrowing_gives_back_every_number() {
        for bits in 0..=u16::MAX {
            let number = Bf16::from_bits(bits);
            if number.to_f32().is_nan() {
                assert!(Bf16::from_f32(number.to_f32()).to_f32().is_nan());
            } else {
                assert_eq!(Bf16::from_f32(number.to_f32()), number);
            }
        }
    }

    #[test]
    fn numbers_between_two_go_to_the_nearer_one_and_from_the_middle_to_the_even_one() {
        for bits in (0..0x7F7F).chain(0x8000..0xFF7F) {
            let (low, high) = (Bf16::from_bits(bits), Bf16::from_bits(bits + 1));
            let between = |part: u32| f32::from_bits((u32::from(bits) << 16) + part);
            assert_eq!(Bf16::from_f32(between(0x7FFF)), low);
            assert_eq!(Bf16::from_f32(between(0x8001)), high);
            assert_eq!(Bf16::from_f32(between(0x8000)), if bits % 2 == 0 { low } else { high });
        }
    }

    #[test]
    fn nan_stays_nan_and_the_largest_number_becomes_infinite() {
        for bits in [0x7F80_0001, 0x7FFF_FFFF, 0xFF80_0001, 0xFFFF_FFFF] {
            assert!(Bf16::from_f32(f32::from_bits(bits)).to_f32().is_nan());
        }
        assert_eq!(Bf16::from_f32(f32::MAX).to_f32(), f32::INFINITY);
    }

    #[test]
    fn slices_agree_with_single_numbers_on_every_level() {
        let numbers: Vec<f32> = (0..1001u32).map(|i| f32::from_bits(i.wrapping_mul(2_654_435_761))).collect();
        for level in Level::available() {
            let mut narrowed = vec![Bf16::default(); numbers.len()];
            narrow(level, &numbers, &mut narrowed);
            let mut widened = vec![0.0; numbers.len()];
            widen(level, &narrowed, &mut widened);
            for ((number, narrow), wide) in numbers.iter().zip(narrowed).zip(widened) {
                assert_eq!(narrow, Bf16::from_f32(*number));
                assert_eq!(wide.to_bits(), narrow.to_f32().to_bits());
            }
        }
    }
}
