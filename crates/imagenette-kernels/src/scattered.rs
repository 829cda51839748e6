//! A slice that several threads write at once, each its own elements: for outputs whose parts are not contiguous.
#![expect(unsafe_code, reason = "disjoint writes from several threads, which slices cannot express")]

use std::marker::PhantomData;

/// A mutable slice shared by threads that promise to touch different elements.
pub(crate) struct Scattered<'a, T = f32> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

impl<T> Clone for Scattered<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Scattered<'_, T> {}

// SAFETY: handing the pointer to other threads is harmless by itself; every access goes through the unsafe `at`, whose
// callers promise that no two threads touch the same elements.
unsafe impl<T: Send> Send for Scattered<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Scattered<'_, T> {}

impl<'a, T> Scattered<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The address of `count` elements from `first` on.
    ///
    /// # Safety
    /// While this thread uses them, no other thread touches these elements.
    pub(crate) unsafe fn at(self, first: usize, count: usize) -> *mut T {
        assert!(first <= self.len && count <= self.len - first, "a kernel would write out of bounds");
        // SAFETY: the range was just checked to lie within the slice.
        unsafe { self.start.add(first) }
    }

    /// The elements from `first` on as a slice.
    ///
    /// # Safety
    /// While the slice lives, nothing else touches these elements.
    pub(crate) unsafe fn slice(&self, first: usize, count: usize) -> &'a mut [T] {
        // SAFETY: `at` checks the range; the caller promises that it is this thread's alone.
        unsafe { std::slice::from_raw_parts_mut(self.at(first, count), count) }
    }
}
