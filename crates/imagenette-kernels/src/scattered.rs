//! A slice that several threads write at once, each its own elements: for outputs whose parts are not contiguous.
#![expect(unsafe_code, reason = "disjoint writes from several threads, which slices cannot express")]

use std::marker::PhantomData;

/// A mutable slice shared by threads that promise to touch different elements.
#[derive(Clone, Copy)]
pub(crate) struct Scattered<'a> {
    start: *mut f32,
    len: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: handing the pointer to other threads is harmless by itself; every access goes through the unsafe `at`, whose
// callers promise that no two threads touch the same elements.
unsafe impl Send for Scattered<'_> {}
// SAFETY: as above.
unsafe impl Sync for Scattered<'_> {}

impl<'a> Scattered<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The address of `count` elements from `first` on.
    ///
    /// # Safety
    /// While this thread uses them, no other thread touches these elements.
    pub(crate) unsafe fn at(self, first: usize, count: usize) -> *mut f32 {
        assert!(first <= self.len && count <= self.len - first, "a kernel would write out of bounds");
        // SAFETY: the range was just checked to lie within the slice.
        unsafe { self.start.add(first) }
    }

    /// The elements from `first` on as a slice.
    ///
    /// # Safety
    /// While the slice lives, nothing else touches these elements.
    pub(crate) unsafe fn slice(&self, first: usize, count: usize) -> &'a mut [f32] {
        // SAFETY: `at` checks the range; the caller promises that it is this thread's alone.
        unsafe { std::slice::from_raw_parts_mut(self.at(first, count), count) }
    }
}
