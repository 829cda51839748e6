//! A batch, and the pool that its pixels go back to.

use std::sync::{Arc, Mutex, PoisonError};

/// Samples ready for the network. When it is dropped, its memory goes back to the loader.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The samples, by their number in the manifest, as they were asked for.
    pub samples: Vec<u32>,
    /// Their labels; `0xFFFF` where a sample has none.
    pub labels: Vec<u16>,
    /// The side of the squares.
    pub resolution_px: u32,
    /// `[N, H, W, 3]`: sample, row, column, channel (red, green, blue).
    pub pixels: Vec<u8>,
    pool: Arc<Pool>,
}

impl Batch {
    pub(super) fn new(
        samples: Vec<u32>,
        labels: Vec<u16>,
        resolution_px: u32,
        pixels: Vec<u8>,
        pool: Arc<Pool>,
    ) -> Self {
        Self { samples, labels, resolution_px, pixels, pool }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.pool.give(std::mem::take(&mut self.pixels));
    }
}

/// Buffers waiting to be filled again: a fresh one would cost a page fault for every 4 KiB.
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
    pub(super) fn take(&self, length: usize) -> Vec<u8> {
        let mut buffer = self.lock().pop().unwrap_or_default();
        buffer.resize(length, 0);
        buffer
    }

    fn give(&self, buffer: Vec<u8>) {
        let mut buffers = self.lock();
        if buffer.capacity() > 0 && buffers.len() < self.most {
            buffers.push(buffer);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        // A list of buffers is whole at every moment, so a panic elsewhere cannot have spoiled it.
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
