//! A short list of operations that takes no memory of its own.

use std::ops::Deref;

use super::operation::Operation;

/// The operations on one sample, in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operations {
    list: [Operation; Self::MOST],
    count: usize,
}

impl Operations {
    /// The most operations on one sample: after a few nothing is left to recognize.
    pub const MOST: usize = 8;

    pub(super) fn none() -> Self {
        Self { list: [Operation::Identity; Self::MOST], count: 0 }
    }

    /// Adds one; the settings allow no more than there is room for.
    pub(super) fn push(&mut self, operation: Operation) {
        self.list[self.count] = operation;
        self.count += 1;
    }
}

impl Deref for Operations {
    type Target = [Operation];

    fn deref(&self) -> &[Operation] {
        &self.list[..self.count]
    }
}
