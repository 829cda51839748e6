//! Memory that Rust owns and Python sees without a copy. It goes back to where it came from when the last view of it is
//! gone.

use std::ffi::c_int;
use std::sync::{Arc, Mutex, PoisonError};

use imagenette_data::loader::Buffer;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Memory of one kind or another.
#[derive(Debug)]
enum Owned {
    Bytes(Buffer),
    Floats(Vec<f32>, Option<Arc<Pool>>),
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Self::Floats(values, Some(pool)) = self {
            pool.give(std::mem::take(values));
        }
    }
}

/// Memory that waits to be filled again: new memory costs a page fault for every 4 KiB.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Vec<f32>>>);

impl Pool {
    /// How many pieces wait at most.
    const MOST: usize = 4;

    fn take(&self, length: usize) -> Vec<f32> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        values.resize(length, 0.0);
        values
    }

    fn give(&self, values: Vec<f32>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if values.capacity() > 0 && waiting.len() < Self::MOST {
            waiting.push(values);
        }
    }
}

/// Bytes or float32 numbers that are written and read through Python's buffer protocol.
#[pyclass(frozen, module = "imagenette._imagenette")]
#[derive(Debug)]
pub(crate) struct Memory {
    owned: Mutex<Owned>,
    pool: Arc<Pool>,
}

impl Memory {
    pub(crate) fn of_bytes(bytes: Buffer, pool: Arc<Pool>) -> Self {
        Self { owned: Mutex::new(Owned::Bytes(bytes)), pool }
    }

    fn owned(&self) -> std::sync::MutexGuard<'_, Owned> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Memory {
    /// The same pixels as float32, `(value / 255 - mean) / std` of each channel, in the layout NCHW or NHWC.
    fn normalized(
        &self,
        py: Python<'_>,
        side_px: usize,
        is_nchw: bool,
        mean: [f32; 3],
        std: [f32; 3],
    ) -> PyResult<Self> {
        let scale = std.map(|std| 1.0 / (255.0 * std));
        let shift = [0, 1, 2].map(|channel| -mean[channel] / std[channel]);
        let values = py.detach(|| {
            let owned = self.owned();
            let Owned::Bytes(bytes) = &*owned else { return None };
            let mut values = self.pool.take(bytes.len());
            let photo = side_px * side_px * 3;
            if is_nchw {
                for (pixels, target) in bytes.chunks_exact(photo).zip(values.chunks_exact_mut(photo)) {
                    let (red, others) = target.split_at_mut(side_px * side_px);
                    let (green, blue) = others.split_at_mut(side_px * side_px);
                    let (pixels, _) = pixels.as_chunks::<3>();
                    for (((pixel, red), green), blue) in pixels.iter().zip(red).zip(green).zip(blue) {
                        *red = f32::from(pixel[0]).mul_add(scale[0], shift[0]);
                        *green = f32::from(pixel[1]).mul_add(scale[1], shift[1]);
                        *blue = f32::from(pixel[2]).mul_add(scale[2], shift[2]);
                    }
                }
            } else {
                let (pixels, _) = bytes.as_chunks::<3>();
                let (targets, _) = values.as_chunks_mut::<3>();
                for (pixel, target) in pixels.iter().zip(targets) {
                    for channel in 0..3 {
                        target[channel] = f32::from(pixel[channel]).mul_add(scale[channel], shift[channel]);
                    }
                }
            }
            Some(values)
        });
        let values = values.ok_or_else(|| crate::error::Failure::internal("only bytes can be normalized"))?;
        let owned = Owned::Floats(values, Some(self.pool.clone()));
        Ok(Self { owned: Mutex::new(owned), pool: self.pool.clone() })
    }

    #[expect(unsafe_code, reason = "Python's buffer protocol is an interface of C")]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view"));
        }
        let (start, bytes) = match &mut *slf.get().owned() {
            Owned::Bytes(bytes) => (bytes.as_mut_ptr(), bytes.len()),
            Owned::Floats(values, _) => (values.as_mut_ptr().cast(), size_of_val(values.as_slice())),
        };
        // SAFETY: `view` is Python's and not null. The memory is neither moved nor freed before `slf` is, of which the
        // view keeps a reference; Rust never writes to it again, and reads it only in `normalized`.
        let filled =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start.cast(), bytes as ffi::Py_ssize_t, 0, flags) };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}
