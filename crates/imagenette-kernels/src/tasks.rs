//! Tasks on rayon's pool. Every kernel hands its tasks to one compiled loop, since rayon's own iterators would be compiled
//! anew for each kernel and kind of number, which took a sixth of this crate's compile time.
#![expect(unsafe_code, reason = "each task gets its own chunk of the same slice")]

use crate::scattered::Scattered;
use rayon::prelude::*;

/// Calls `task` with every number below `count`, in parallel.
pub(crate) fn for_each(count: usize, task: impl Fn(usize) + Sync) {
    for_each_dyn(count, &task);
}

#[inline(never)]
fn for_each_dyn(count: usize, task: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().for_each(task);
}

/// Calls `task` with the number and the numbers of every chunk of `len`, in parallel; the last chunk may be shorter. Several
/// slices of one length, as a tuple, are cut in the same places.
pub(crate) fn for_each_chunk<S: Chunks>(slices: S, len: usize, task: impl Fn(usize, S::Chunk) + Sync) {
    let total = slices.len();
    let slices = slices.share();
    for_each(total.div_ceil(len), |i| {
        let first = i * len;
        // SAFETY: tasks differ in their number, and so in their range.
        task(i, unsafe { S::chunk(slices, first, len.min(total - first)) });
    });
}

/// [`for_each_chunk`] with what each task returns, in the order of the chunks.
pub(crate) fn map_chunks<S: Chunks, R: Default + Clone + Send>(
    slices: S,
    len: usize,
    task: impl Fn(usize, S::Chunk) -> R + Sync,
) -> Vec<R> {
    let mut results = vec![R::default(); slices.len().div_ceil(len)];
    let places = Scattered::new(&mut results);
    for_each_chunk(slices, len, |i, chunk| {
        // SAFETY: each task writes its own result.
        let [place] = (unsafe { places.slice(i, 1) }) else { unreachable!("one place was asked for") };
        *place = task(i, chunk);
    });
    results
}

/// A mutable slice, or several of the same length, that tasks share by chunks.
pub(crate) trait Chunks {
    /// The slices as tasks share them.
    type Shared: Copy + Sync;
    /// The slices' part that a task gets.
    type Chunk;
    fn len(&self) -> usize;
    fn share(self) -> Self::Shared;
    /// The chunk of `count` numbers from `first` on.
    ///
    /// # Safety
    /// While it lives, nothing else touches these numbers.
    unsafe fn chunk(shared: Self::Shared, first: usize, count: usize) -> Self::Chunk;
}

impl<'a, T: Send> Chunks for &'a mut [T] {
    type Shared = Scattered<'a, T>;
    type Chunk = &'a mut [T];
    fn len(&self) -> usize {
        <[T]>::len(self)
    }
    fn share(self) -> Scattered<'a, T> {
        Scattered::new(self)
    }
    unsafe fn chunk(shared: Self::Shared, first: usize, count: usize) -> &'a mut [T] {
        // SAFETY: the caller's promise.
        unsafe { shared.slice(first, count) }
    }
}

impl<A: Chunks, B: Chunks> Chunks for (A, B) {
    type Shared = (A::Shared, B::Shared);
    type Chunk = (A::Chunk, B::Chunk);
    fn len(&self) -> usize {
        assert!(self.0.len() == self.1.len(), "slices that are cut together have one length");
        self.0.len()
    }
    fn share(self) -> Self::Shared {
        (self.0.share(), self.1.share())
    }
    unsafe fn chunk(shared: Self::Shared, first: usize, count: usize) -> Self::Chunk {
        // SAFETY: the caller's promise, for each of the slices.
        unsafe { (A::chunk(shared.0, first, count), B::chunk(shared.1, first, count)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_is_worked_on_once_and_results_are_in_order() {
        for total in [0, 1, 9, 10, 11, 1003] {
            let (mut numbers, mut bytes) = (vec![1usize; total], vec![2u8; total]);
            let results = map_chunks((&mut numbers[..], &mut bytes[..]), 10, |i, (numbers, bytes)| {
                assert_eq!(numbers.len(), bytes.len());
                numbers.iter_mut().for_each(|number| *number += i);
                bytes.iter_mut().for_each(|byte| *byte += 1);
                (i, numbers.len())
            });
            assert!(
                numbers.iter().enumerate().all(|(i, &number)| number == 1 + i / 10) && bytes.iter().all(|&x| x == 3)
            );
            let lens = (0..total.div_ceil(10)).map(|i| (i, 10.min(total - 10 * i))).collect::<Vec<_>>();
            assert_eq!(results, lens);
        }
    }

    #[test]
    #[should_panic(expected = "one length")]
    fn slices_of_different_lengths_are_refused() {
        for_each_chunk((&mut [1.0, 2.0][..], &mut [1.0][..]), 1, |_, _| ());
    }
}
