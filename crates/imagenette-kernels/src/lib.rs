//! CPU kernels for training convolutional networks: plain slices in, plain slices out, channels last (NHWC), f32.
//!
//! Every kernel has a plain twin (modules named `twin`), which says in readable loops what it computes, and gives the
//! same bits for any number of threads. It runs on the instruction set that its [`Level`] names and on rayon's pool.

mod buffer;
pub mod convolution;
pub mod level;
mod peak;
mod scattered;
pub mod shape;
mod simd;

pub use convolution::{Convolution, ConvolutionShape};
pub use level::{Level, LevelError};
pub use peak::peak_gflops;
pub use shape::ShapeError;
