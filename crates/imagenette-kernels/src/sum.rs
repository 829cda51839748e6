//! The sum of two maps, where two branches of a network meet.

use crate::level::{Level, Levels, Work};
use crate::number::Number;
use crate::shape::check_len;
use crate::simd::Simd;
use crate::tasks::for_each_chunk;

/// Numbers per task.
const BLOCK: usize = 1 << 15;

/// Adds `from` to `to`, number by number; each sum is rounded once.
///
/// # Panics
/// The lengths do not agree.
pub fn add<T: Number>(level: Level, from: &[T], to: &mut [T]) {
    check_len("the summand", from.len(), to.len());
    T::add(level, from, to);
}

pub(crate) fn add_in<T: Number>(level: Level, from: &[T], to: &mut [T]) {
    for_each_chunk(to, BLOCK, |i, to| level.run(Block(&from[i * BLOCK..][..to.len()], to)));
}

struct Block<'a, T>(&'a [T], &'a mut [T]);

impl<T: Number> Work for Block<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self(from, to) = self;
        for (from, to) in from.chunks(S::LANES).zip(to.chunks_mut(S::LANES)) {
            s.store_some(s.add(s.load_some(from), s.load_some(to)), to);
        }
    }
}

/// What [`add`] computes, in a plain loop.
pub mod twin {
    use crate::number::Number;

    /// Adds `from` to `to`.
    pub fn add<T: Number>(from: &[T], to: &mut [T]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = T::from_f32(to.to_f32() + from.to_f32());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;

    fn check<T: Number>(level: Level, len: usize) {
        let number = |i: usize, factor: u32| (i as u32).wrapping_mul(factor) as i32 as f32 / 1e9;
        let from: Vec<T> = (0..len).map(|i| T::from_f32(number(i, 2_654_435_761))).collect();
        let mut to: Vec<T> = (0..len).map(|i| T::from_f32(number(i, 3_266_489_917))).collect();
        let mut expected = to.clone();
        twin::add(&from, &mut expected);
        add(level, &from, &mut to);
        assert!(to == expected, "{len} numbers of {} on {level}", T::PRECISION);
    }

    #[test]
    fn sums_agree_with_the_twin_whatever_their_length() {
        for level in Level::available() {
            for len in [0, 1, 15, 16, 17, 1000, 100_003] {
                check::<f32>(level, len);
                check::<Bf16>(level, len);
            }
        }
    }

    #[test]
    #[should_panic(expected = "the summand should have 2 elements, not 1")]
    fn a_summand_of_another_length_is_refused() {
        add(Level::PORTABLE, &[1.0], &mut [1.0, 2.0]);
    }
}
