//! Where numbers live: the device that computes, a network's numbers on it, what maps are stored in, and files of
//! tensors.

pub mod device;
pub(crate) mod guard;
pub mod precision;
pub(crate) mod tensor_file;
pub mod weights;
