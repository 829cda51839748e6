//! Memory that is used again: what a step no longer needs, the next operation of the same size takes. Fresh pages cost
//! about as much as filling them.

use std::sync::{Mutex, PoisonError};

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, ops::FloatTensorOps};
use burn::tensor::{Bytes, DType, FloatDType, Tensor, TensorData};
use imagenette_kernels::{Bf16, Number};

/// Shorter tensors are left to the allocator.
const SHORTEST: usize = 1 << 12;

/// Buffers that nobody wanted for this many takes are freed: they are left from an earlier batch size or resolution. A
/// step of the deepest network takes a few hundred.
const PATIENCE: u64 = 1 << 10;

/// Spare buffers with the moment at which they came back, oldest first.
pub(super) struct Pool<T> {
    spare: Vec<(u64, Vec<T>)>,
    takes: u64,
}

impl<T> Pool<T> {
    const fn new() -> Self {
        Self { spare: Vec::new(), takes: 0 }
    }
}

/// Numbers that maps are made of, as Burn knows them.
pub(super) trait Stored: Number + bytemuck::Pod {
    /// Burn's name for them.
    const DTYPE: DType;
    /// The same for conversions.
    const FLOAT: FloatDType;
    /// The pool of their memory.
    fn pool() -> &'static Mutex<Pool<Self>>;
}

impl Stored for f32 {
    const DTYPE: DType = DType::F32;
    const FLOAT: FloatDType = FloatDType::F32;
    fn pool() -> &'static Mutex<Pool<Self>> {
        static POOL: Mutex<Pool<f32>> = Mutex::new(Pool::new());
        &POOL
    }
}

impl Stored for Bf16 {
    const DTYPE: DType = DType::BF16;
    const FLOAT: FloatDType = FloatDType::BF16;
    fn pool() -> &'static Mutex<Pool<Self>> {
        static POOL: Mutex<Pool<Bf16>> = Mutex::new(Pool::new());
        &POOL
    }
}

/// Runs `$body` with `$stored` naming the type of the tensor's numbers.
macro_rules! with_stored {
    ($tensor:expr, $stored:ident => $body:expr) => {
        match $tensor.dtype() {
            burn::tensor::DType::BF16 => {
                type $stored = imagenette_kernels::Bf16;
                $body
            }
            _ => {
                type $stored = f32;
                $body
            }
        }
    };
}
pub(super) use with_stored;

/// A buffer of this length, whose numbers are whatever an earlier use left.
pub(super) fn take<T: Stored>(len: usize) -> Vec<T> {
    if len < SHORTEST {
        return vec![T::default(); len];
    }
    let found = {
        let mut pool = T::pool().lock().unwrap_or_else(PoisonError::into_inner);
        pool.takes += 1;
        let now = pool.takes;
        // The last to come back is the likeliest to be in the cache.
        let found = pool.spare.iter().rposition(|(_, buffer)| buffer.len() == len);
        let found = found.map(|place| pool.spare.remove(place).1);
        pool.spare.retain(|(since, _)| now - since < PATIENCE);
        found
    };
    found.unwrap_or_else(|| vec![T::default(); len])
}

/// Gives memory back.
pub(super) fn give<T: Stored>(buffer: Vec<T>) {
    if buffer.len() >= SHORTEST {
        let mut pool = T::pool().lock().unwrap_or_else(PoisonError::into_inner);
        let now = pool.takes;
        pool.spare.push((now, buffer));
    }
}

/// Gives a tensor's memory back if nobody else holds it.
pub(super) fn give_tensor(tensor: FlexTensor) {
    with_stored!(tensor, T => {
        if let Ok(numbers) = detach::<T>(tensor) {
            give(numbers);
        }
    });
}

/// The tensor's numbers to be changed: its own memory if nobody else holds it, else a copy.
pub(super) fn own<T: Stored>(tensor: FlexTensor) -> Vec<T> {
    detach(stored::<T>(tensor)).unwrap_or_else(|shared| {
        let shared = shared.to_contiguous();
        let numbers = slice(&shared);
        let mut copy = take(numbers.len());
        copy.copy_from_slice(numbers);
        copy
    })
}

/// The numbers of a tensor that is contiguous and made of `T`.
pub(super) fn slice<T: Stored>(tensor: &FlexTensor) -> &[T] {
    numbers(tensor).expect("tensors are converted to what is read of them, and this one was made contiguous")
}

fn numbers<T: Stored>(tensor: &FlexTensor) -> Option<&[T]> {
    let (start, end) = tensor.layout().contiguous_offsets()?;
    (tensor.dtype() == T::DTYPE).then(|| &bytemuck::cast_slice(tensor.bytes())[start..end])
}

/// The tensor with its numbers as `T`, converted if they are something else.
pub(super) fn stored<T: Stored>(tensor: FlexTensor) -> FlexTensor {
    if tensor.dtype() == T::DTYPE { tensor } else { Flex::float_cast(tensor, T::FLOAT) }
}

/// A tensor without gradient as the CPU backend holds it.
pub(super) fn host<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.inner().try_into_primitive::<Flex>().expect("kernels are chosen for tensors of the CPU backend only")
}

/// A tensor of these numbers.
pub(super) fn tensor<T: Stored, const D: usize>(numbers: Vec<T>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::from_bytes(Bytes::from_elems(numbers), shape, T::DTYPE))
}

/// The memory behind a tensor that is all of it, in order, and held by nobody else.
fn detach<T: Stored>(tensor: FlexTensor) -> Result<Vec<T>, FlexTensor> {
    let len = tensor.layout().num_elements();
    let is_whole = numbers::<T>(&tensor).is_some() && tensor.bytes().len() == size_of::<T>() * len;
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
        comes_back::<f32>();
        comes_back::<Bf16>();
    }

    fn comes_back<T: Stored>() {
        let buffer = take::<T>(LENGTH);
        let place = buffer.as_ptr();
        let one = tensor(buffer, [LENGTH]);
        let other = one.clone();
        give_tensor(one);
        let another = take::<T>(LENGTH);
        assert_ne!(another.as_ptr(), place, "the first is still read");
        assert_eq!(own::<T>(other.clone()).len(), LENGTH);
        assert_eq!(slice::<T>(&other).as_ptr(), place, "a copy was changed, not the tensor");
        let owned = own::<T>(other);
        assert_eq!(owned.as_ptr(), place);
        give(owned);
        assert_eq!(take::<T>(LENGTH).len(), LENGTH);
    }

    #[test]
    fn a_part_of_a_tensor_is_copied() {
        let whole: Vec<f32> = (0..2 * LENGTH).map(|i| i as f32).collect();
        let whole = tensor(whole, [LENGTH, 2]).transpose(0, 1);
        let owned = own::<f32>(whole);
        assert_eq!((owned[1], owned[LENGTH]), (2.0, 1.0));
    }
}
