//! Scratch memory for packed data: numbers on a cache-line boundary, so that no vector straddles two lines, and reused
//! from call to call, since fresh pages cost more than packing does.
#![expect(unsafe_code, reason = "a view of whole cache lines as numbers")]

use crate::level::{Level, Levels, Work};
use crate::number::Number;
use crate::simd::Simd;
use crate::tasks::for_each_chunk;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// Buffers that a thread keeps for its next calls; a call uses only a few at once.
const KEPT: usize = 6;

thread_local! {
    static SPARE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers on a 64-byte boundary.
pub(crate) struct Aligned<T: Number = f32> {
    lines: Vec<Line>,
    len: usize,
    numbers: PhantomData<T>,
}

/// Cache lines that `len` numbers take.
fn lines_of<T: Number>(len: usize) -> usize {
    len.div_ceil(size_of::<Line>() / size_of::<T>())
}

impl<T: Number> Aligned<T> {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut buffer = Self::scratch(len);
        for_each_chunk(&mut buffer[..], 1 << 16, |_, part| part.fill(T::default()));
        buffer
    }

    /// `len` numbers, whose values are whatever an earlier use left.
    pub(crate) fn scratch(len: usize) -> Self {
        let wanted = lines_of::<T>(len);
        let lines = SPARE.with_borrow_mut(|spare| {
            // The smallest that is large enough, else the largest, which then grows.
            let fits = (0..spare.len()).filter(|&i| spare[i].len() >= wanted).min_by_key(|&i| spare[i].len());
            let best = fits.or_else(|| (0..spare.len()).max_by_key(|&i| spare[i].len()));
            best.map(|i| spare.swap_remove(i)).unwrap_or_default()
        });
        let mut buffer = Self { lines, len: 0, numbers: PhantomData };
        buffer.resize(len);
        buffer
    }

    /// Makes room for `len` numbers, whose values are whatever was there before.
    pub(crate) fn resize(&mut self, len: usize) {
        let wanted = lines_of::<T>(len);
        if self.lines.len() < wanted {
            self.lines.resize(wanted, Line([0.0; 16]));
        }
        self.len = len;
    }
}

impl<T: Number> Drop for Aligned<T> {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        // A thread that is ending has no list any more; then the memory is simply freed.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT {
                spare.push(lines);
            } else if let Some(smallest) = spare.iter_mut().min_by_key(|kept| kept.len())
                && smallest.len() < lines.len()
            {
                *smallest = lines;
            }
        });
    }
}

impl<T: Number> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `lines` holds at least `len` initialized numbers, one after the other (`repr(C)`, no padding); any
        // bit pattern is a valid number of either kind.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Number> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// Numbers per task that widens them.
const BLOCK: usize = 1 << 14;

/// Every number as f32.
pub(crate) fn widened<T: Number>(level: Level, source: &[T]) -> Aligned {
    struct Part<'a, T>(&'a [T], &'a mut [f32]);
    impl<T: Number> Work for Part<'_, T> {
        type Output = ();
        const LEVELS: Levels = Levels::Plain;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            for (to, from) in self.1.iter_mut().zip(self.0) {
                *to = from.to_f32();
            }
        }
    }
    let mut wide = Aligned::scratch(source.len());
    for_each_chunk(&mut wide[..], BLOCK, |i, to| level.run(Part(&source[i * BLOCK..][..to.len()], to)));
    wide
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;

    #[test]
    fn a_reused_buffer_has_the_length_asked_for_and_zeros_are_zeros() {
        for len in [100, 3, 1000, 17, 0, 64] {
            let mut scratch = Aligned::<f32>::scratch(len);
            assert_eq!(scratch.len(), len);
            scratch.fill(7.0);
            drop(scratch);
            assert!(Aligned::<f32>::zeros(len).iter().all(|&x| x == 0.0));
            let halves = Aligned::<Bf16>::zeros(len + 1);
            assert!(halves.len() == len + 1 && halves.iter().all(|&x| x == Bf16::default()));
        }
    }
}
