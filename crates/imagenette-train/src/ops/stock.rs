//! The operations as Burn has them, on tensors `[batch, channels, height, width]` of any device: what runs where we
//! have no kernels, and what our kernels are tested against.

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Int, Tensor, TensorData, activation, module};
use imagenette_data::augment::{IMAGENET_MEAN, IMAGENET_STD};
use imagenette_kernels::Activation;

use super::{Affine, Curve, Normalized, Window};
use crate::compute::device::Device;
use crate::compute::weights::download;

pub(super) fn photos(pixels: &[u8], count: usize, px: usize, device: &Device) -> Tensor<4> {
    let data = TensorData::new(pixels.to_vec(), [count, px, px, 3]);
    let bytes = Tensor::<4, Int>::from_data(data, (device.plain(), DType::U8));
    let channel = |values: [f32; 3]| Tensor::<1>::from_floats(values, device.plain()).reshape([1, 3, 1, 1]);
    // (x / 255 - mean) / deviation, as one multiplication and one addition.
    let scale = channel(IMAGENET_STD.map(|deviation| 1.0 / (255.0 * deviation)));
    let shift = channel([0, 1, 2].map(|c| -IMAGENET_MEAN[c] / IMAGENET_STD[c]));
    // [count, px, px, 3] -> [count, 3, px, px]
    bytes.float().permute([0, 3, 1, 2]) * scale + shift
}

pub(super) fn convolution(
    x: Tensor<4>,
    weight: Tensor<1>,
    shape: [usize; 4],
    stride: usize,
    padding: usize,
) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
    module::conv2d(x, weight.reshape(shape), None, options)
}

pub(super) fn depthwise(x: Tensor<4>, weight: Tensor<1>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    let [_, channels, _, _] = x.dims();
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], channels);
    module::conv2d(x, weight.reshape([channels, 1, kernel, kernel]), None, options)
}

/// The binomial filter [1, 2, 1] / 4 along both axes at every second pixel, the border mirrored; [1, 2, 1] is [1, 1]
/// twice.
pub(super) fn blur_pool(x: Tensor<4>) -> Tensor<4> {
    let mirrored = |x: Tensor<4>, dimension: usize| {
        let last = x.dims()[dimension] - 1;
        let (before, behind) =
            (x.clone().narrow(dimension, last.min(1), 1), x.clone().narrow(dimension, last.max(1) - 1, 1));
        Tensor::cat(vec![before, x, behind], dimension)
    };
    let mean = |x: Tensor<4>, stride| module::avg_pool2d(x, AvgPoolOptions::new([2; 2]).with_stride([stride; 2]));
    mean(mean(mirrored(mirrored(x, 2), 3), 1), 2)
}

pub(super) fn normalize_by_batch(x: Tensor<4>, affine: Affine) -> Normalized<Tensor<4>> {
    let result = module::batch_norm_train(x, affine.gain, affine.bias, affine.epsilon);
    Normalized { output: result.output, mean: result.mean.inner(), variance: result.variance.inner() }
}

pub(super) fn normalize_by(x: Tensor<4>, affine: Affine, mean: Tensor<1>, variance: Tensor<1>) -> Tensor<4> {
    module::batch_norm(x, affine.gain, affine.bias, mean, variance, affine.epsilon)
}

pub(super) fn finish(x: Tensor<4>, residual: Option<Tensor<4>>, activation: Activation) -> Tensor<4> {
    let x = match residual {
        Some(residual) => x + residual,
        None => x,
    };
    activate(x, activation)
}

/// The function on numbers of any shape.
pub(crate) fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Identity => x,
        Activation::Relu => activation::relu(x),
        Activation::Gelu => activation::gelu(x),
        Activation::Silu => activation::silu(x),
        Activation::Mish => activation::mish(x),
    }
}

/// A curve by its values and slopes on the host: the plain twin of the kernels' way, and what runs it on any device. The
/// gradient of x × slope is the slope, so it is that product, moved to the right value.
pub(super) fn curve(x: Tensor<4>, curve: &dyn Curve) -> Tensor<4> {
    let inputs = download(&x.clone().inner());
    let (device, shape) = (x.clone().inner().device(), x.dims());
    let constant = |numbers: Vec<f32>| Tensor::<4>::from_data(TensorData::new(numbers, shape), &device);
    let values: Vec<f32> = inputs.iter().map(|&number| curve.value(number)).collect();
    if !x.is_tracked() {
        return constant(values);
    }
    let slopes: Vec<f32> = inputs.iter().map(|&number| curve.slope(number)).collect();
    let product = x * constant(slopes);
    let moved = constant(values) - product.clone().detach();
    product + moved
}

pub(super) fn max_pool(x: Tensor<4>, Window { side, stride, padding }: Window) -> Tensor<4> {
    module::max_pool2d(x, MaxPoolOptions::new([side; 2]).with_stride([stride; 2]).with_padding([padding; 2]))
}

pub(super) fn average_pool(x: Tensor<4>) -> Tensor<4> {
    module::avg_pool2d(x, AvgPoolOptions::new([2; 2]).with_ceil_mode(true).with_count_include_pad(false))
}

pub(super) fn global_max_pool(x: Tensor<4>) -> Tensor<2> {
    let [n, channels, height, width] = x.dims();
    module::max_pool2d(x, MaxPoolOptions::new([height, width])).reshape([n, channels])
}

pub(super) fn global_average_pool(x: Tensor<4>) -> Tensor<2> {
    let [n, channels, height, width] = x.dims();
    x.reshape([n, channels, height * width]).mean_dim(2).reshape([n, channels])
}
