//! Memory that goes round: what a step no longer needs, the next operation of the same size takes. Fresh pages cost the
//! system about as much as filling them.

use std::sync::{Mutex, PoisonError};

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Tensor, TensorData};

/// Shorter tensors are left to the allocator.
const SHORTEST: usize = 1 << 12;

/// Buffers that were not wanted for so many takes are freed: they are of an earlier batch size or resolution. A step of
/// the deepest network takes a few hundred.
const PATIENCE: u64 = 1 << 10;

/// Spare buffers with the moment at which they came back, oldest first.
struct Pool {
    spare: Vec<(u64, Vec<f32>)>,
    takes: u64,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { spare: Vec::new(), takes: 0 });

/// A buffer of this length, whose numbers are whatever an earlier use left.
pub(super) fn take(len: usize) -> Vec<f32> {
    if len < SHORTEST {
        return vec![0.0; len];
    }
    let found = {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        pool.takes += 1;
        let now = pool.takes;
        // The last to come back is the likeliest to be in the cache.
        let found = pool.spare.iter().rposition(|(_, buffer)| buffer.len() == len);
        let found = found.map(|place| pool.spare.remove(place).1);
        pool.spare.retain(|(since, _)| now - since < PATIENCE);
        found
    };
    found.unwrap_or_else(|| vec![0.0; len])
}

/// Gives memory back.
pub(super) fn give(buffer: Vec<f32>) {
    if buffer.len() >= SHORTEST {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let now = pool.takes;
        pool.spare.push((now, buffer));
    }
}

/// Gives a tensor's memory back if nobody else holds it.
pub(super) fn give_tensor(tensor: FlexTensor) {
    if let Ok(numbers) = detach(tensor) {
        give(numbers);
    }
}

/// The tensor's numbers to be changed: its own memory if nobody else holds it, else a copy.
pub(super) fn own(tensor: FlexTensor) -> Vec<f32> {
    detach(tensor).unwrap_or_else(|shared| {
        let shared = shared.to_contiguous();
        let numbers = slice(&shared);
        let mut copy = take(numbers.len());
        copy.copy_from_slice(numbers);
        copy
    })
}

/// The numbers of a tensor that is f32 and contiguous.
pub(super) fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("tensors of this crate are f32, and this one was made contiguous")
}

/// A tensor without gradient as the CPU backend holds it.
pub(super) fn host<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.inner().try_into_primitive::<Flex>().expect("kernels are chosen for tensors of the CPU backend only")
}

/// A tensor of these numbers.
pub(super) fn tensor<const D: usize>(numbers: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// The memory behind a tensor that is all of it, in order, and held by nobody else.
fn detach(tensor: FlexTensor) -> Result<Vec<f32>, FlexTensor> {
    let len = tensor.layout().num_elements();
    let is_whole = tensor.as_slice::<f32>().is_some() && tensor.bytes().len() == size_of::<f32>() * len;
    if !tensor.is_unique() || !is_whole {
        return Err(tensor);
    }
    let (bytes, shape, dtype) = tensor.into_data().into_parts();
    bytes.try_into_vec().map_err(|bytes| FlexTensor::from_data(TensorData::from_bytes(bytes, shape, dtype)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = SHORTEST + 7;

    #[test]
    fn memory_comes_back_only_when_nobody_else_holds_it() {
        let buffer = take(LENGTH);
        let place = buffer.as_ptr();
        let one = tensor(buffer, [LENGTH]);
        let other = one.clone();
        give_tensor(one);
        let another = take(LENGTH);
        assert_ne!(another.as_ptr(), place, "the first is still read");
        assert_eq!(own(other.clone()).len(), LENGTH);
        assert_eq!(slice(&other).as_ptr(), place, "a copy was changed, not the tensor");
        let owned = own(other);
        assert_eq!(owned.as_ptr(), place);
        give(owned);
        assert_eq!(take(LENGTH).len(), LENGTH);
    }

    #[test]
    fn a_part_of_a_tensor_is_copied() {
        let whole: Vec<f32> = (0..2 * LENGTH).map(|i| i as f32).collect();
        let whole = tensor(whole, [LENGTH, 2]).transpose(0, 1);
        let owned = own(whole);
        assert_eq!((owned[1], owned[LENGTH]), (2.0, 1.0));
    }
}
