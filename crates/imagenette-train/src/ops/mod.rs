//! The operations that networks here are made of, in one place so that faster ones can take their seats. Tensors are
//! `[batch, channels, height, width]`; parameters come flat and get their shape here.

mod update;

pub use update::{AdamWStep, SgdStep, adamw_update, sgd_update};

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Int, Tensor, TensorData, activation, module};
use imagenette_data::augment::{IMAGENET_MEAN, IMAGENET_STD};
use serde::{Deserialize, Serialize};

use crate::device::Device;

/// The function between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x Φ(x), Φ being the normal distribution function.
    Gelu,
}

/// Photos as uint8 `[N, H, W, 3]` onto the device, normalised by ImageNet's mean and deviation.
///
/// # Shapes
/// `[count × px × px × 3]` to `[count, 3, px, px]`.
pub fn photos(pixels: &[u8], count: usize, px: usize, device: &Device) -> Tensor<4> {
    let data = TensorData::new(pixels.to_vec(), [count, px, px, 3]);
    let bytes = Tensor::<4, Int>::from_data(data, (device.plain(), DType::U8));
    let channel = |values: [f32; 3]| Tensor::<1>::from_floats(values, device.plain()).reshape([1, 3, 1, 1]);
    // (x / 255 - mean) / deviation, as one multiplication and one addition.
    let scale = channel(IMAGENET_STD.map(|deviation| 1.0 / (255.0 * deviation)));
    let shift = channel([0, 1, 2].map(|c| -IMAGENET_MEAN[c] / IMAGENET_STD[c]));
    // [count, px, px, 3] -> [count, 3, px, px]
    bytes.float().permute([0, 3, 1, 2]) * scale + shift
}

/// Convolution without bias.
///
/// # Shapes
/// `x` `[N, in, H, W]`, `weight` flat `[out × in × kernel × kernel]`.
pub fn convolution(x: Tensor<4>, weight: Tensor<1>, shape: [usize; 4], stride: usize, padding: usize) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
    module::conv2d(x, weight.reshape(shape), None, options)
}

/// What normalising by a batch's own statistics gives.
pub struct Normalised {
    /// The output.
    pub output: Tensor<4>,
    /// The batch's mean by channel, without gradient.
    pub mean: Tensor<1>,
    /// The batch's unbiased variance by channel, without gradient: what running statistics follow.
    pub variance: Tensor<1>,
}

/// Batch normalisation by the batch's own mean and (biased) variance.
pub fn normalise_by_batch(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, epsilon: f64) -> Normalised {
    let [n, _, height, width] = x.dims();
    let count = (n * height * width) as f64;
    let result = module::batch_norm_train(x, scale, shift, epsilon);
    // Burn gives the biased variance; with one value a channel there is no unbiased one.
    let unbiased = result.variance.inner() * (count / (count - 1.0).max(1.0));
    Normalised { output: result.output, mean: result.mean.inner(), variance: unbiased }
}

/// Normalisation by known statistics.
pub fn normalise_by(
    x: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    mean: Tensor<1>,
    variance: Tensor<1>,
    epsilon: f64,
) -> Tensor<4> {
    module::batch_norm(x, scale, shift, mean, variance, epsilon)
}

/// Applies the function to every number.
pub fn activate(x: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::Relu => activation::relu(x),
        Activation::Gelu => activation::gelu(x),
    }
}

/// The largest of each square of `kernel` × `kernel`.
pub fn max_pool(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    module::max_pool2d(x, MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]))
}

/// The mean of each square of 2 × 2; odd sides end in a part-filled square whose mean is over what it has.
pub fn average_pool(x: Tensor<4>) -> Tensor<4> {
    module::avg_pool2d(x, AvgPoolOptions::new([2; 2]).with_ceil_mode(true).with_count_include_pad(false))
}

/// The largest of each channel.
///
/// # Shapes
/// `[N, C, H, W]` to `[N, C]`.
pub fn global_max_pool(x: Tensor<4>) -> Tensor<2> {
    let [n, channels, height, width] = x.dims();
    module::max_pool2d(x, MaxPoolOptions::new([height, width])).reshape([n, channels])
}

/// The mean of each channel.
///
/// # Shapes
/// `[N, C, H, W]` to `[N, C]`.
pub fn global_average_pool(x: Tensor<4>) -> Tensor<2> {
    let [n, channels, height, width] = x.dims();
    x.reshape([n, channels, height * width]).mean_dim(2).reshape([n, channels])
}

/// Matrix product with a flat `[out × in]` weight.
///
/// # Shapes
/// `x` `[N, in]` to `[N, out]`.
pub fn linear(x: Tensor<2>, weight: Tensor<1>, outputs: usize, bias: Option<Tensor<1>>) -> Tensor<2> {
    let [_, inputs] = x.dims();
    let product = x.matmul(weight.reshape([outputs, inputs]).transpose());
    match bias {
        Some(bias) => product + bias.reshape([1, outputs]),
        None => product,
    }
}
