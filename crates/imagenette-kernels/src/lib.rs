//! CPU kernels for training convolutional networks: plain slices in, plain slices out, channels last (NHWC), f32 or
//! bf16.
//!
//! Every kernel has a plain twin (in modules named `twin`) that says in readable loops what the kernel computes. A
//! kernel gives the same bits for any number of threads, and whatever the system's C library. It runs on rayon's pool,
//! with the instructions that its [`Level`] names.

#[macro_use]
mod each;

pub mod activation;
pub mod bf16;
mod buffer;
mod compiled;
pub mod convolution;
pub mod depthwise;
pub mod level;
pub mod loss;
pub mod muon;
pub mod normalization;
pub mod number;
pub mod optimizer;
mod peak;
pub mod pixels;
pub mod pooling;
mod scattered;
pub mod shape;
mod simd;
pub mod sum;
mod tasks;

pub use activation::Activation;
pub use bf16::Bf16;
pub use convolution::{Convolution, ConvolutionShape};
pub use depthwise::{Depthwise, DepthwiseShape};
pub use level::{Level, LevelError};
pub use normalization::{BatchStatistics, GradientBuffers, Normalization, ParameterGradients};
pub use number::{Number, Precision};
pub use peak::peak_gflops;
pub use pooling::{BlurPooling, GlobalPooling, Pooling, PoolingShape};
pub use shape::ShapeError;
