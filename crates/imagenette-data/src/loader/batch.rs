//! A batch, and the buffer of its pixels, whose memory goes back to the loader when it is dropped.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use crate::augment::Mixture;

/// Samples ready for the network. Whoever gets a batch owns it and may take it apart.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The samples, by their number in the manifest, as they were asked for.
    pub samples: Vec<u32>,
    /// Their labels; [`UNLABELED`](crate::dataset::UNLABELED) for samples that have none.
    pub labels: Vec<u16>,
    /// The side of the squares.
    pub resolution_px: u32,
    /// `[N, H, W, 3]`: sample, row, column, channel (red, green, blue).
    pub pixels: Buffer,
    /// What each sample was mixed with, where the batch was mixed.
    pub mixtures: Option<Vec<Mixture>>,
}

/// The bytes of a batch. When it is dropped, its memory goes back to the loader that it came from.
///
/// # Example
/// ```
/// let mut buffer = imagenette_data::loader::Buffer::from(vec![1, 2, 3]);
/// buffer.truncate(2);
/// assert_eq!(buffer[..], [1, 2]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    pool: Option<Arc<Pool>>,
}

impl Buffer {
    /// Keeps the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }
}

impl From<Vec<u8>> for Buffer {
    /// A buffer that belongs to no loader.
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, pool: None }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Buffer {}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give(std::mem::take(&mut self.bytes));
        }
    }
}

/// Buffers that wait to be filled again: a new one would cost a page fault for every 4 KiB.
#[derive(Debug)]
pub(super) struct Pool {
    buffers: Mutex<Vec<Vec<u8>>>,
    most: usize,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self { buffers: Mutex::new(Vec::with_capacity(most)), most }
    }

    /// A buffer of this length; what it holds is left over from earlier.
    pub(super) fn take(self: &Arc<Self>, length: usize) -> Buffer {
        let mut bytes = self.lock().pop().unwrap_or_default();
        bytes.resize(length, 0);
        Buffer { bytes, pool: Some(self.clone()) }
    }

    fn give(&self, buffer: Vec<u8>) {
        let mut buffers = self.lock();
        if buffer.capacity() > 0 && buffers.len() < self.most {
            buffers.push(buffer);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        // The list is complete at every moment, so a panic elsewhere cannot have damaged it.
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
