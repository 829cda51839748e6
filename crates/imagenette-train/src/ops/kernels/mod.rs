//! Our kernels under Burn's automatic gradients: a backend extension of the CPU backend, each operation one node with a
//! backward pass of its own. Maps are `[N, H, W, C]` in memory, of f32 or bf16: what goes in decides what comes out.

mod activation;
mod convolution;
mod depthwise;
mod fork;
mod global_pooling;
mod normalization;
mod pooling;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use imagenette_data::augment::{IMAGENET_MEAN, IMAGENET_STD};
use imagenette_kernels::pixels::normalize_pixels;
use imagenette_kernels::{
    BatchStatistics, BlurPooling, Convolution, ConvolutionShape, Depthwise, DepthwiseShape, GlobalPooling, Pooling,
    PoolingShape,
};
use imagenette_kernels::{Bf16, Level, Precision};

use super::activation::Following;
use super::{Activation, Affine, Normalized, Window, buffers};
use crate::compute::device::Device;
use global_pooling::GlobalKind;
use normalization::After;
use pooling::PoolingKind;

/// Why sizes always fit.
const FITS: &str = "a recipe's resolutions were checked against its network";

/// The operations as Burn sees them.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait KernelOps: Backend {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, with: Convolution, level: Level) -> FloatTensor<Self>;

    /// Output, its mean and biased variance by channel; no gradient goes through the last two.
    fn convolve_measured(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        with: Convolution,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Output, mean and biased variance of the input; no gradient goes through the last two.
    fn normalize(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        after: After,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The same with a residual, which is added before the activation.
    fn normalize_and_add(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        after: After,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn activate(x: FloatTensor<Self>, activation: Activation, level: Level) -> FloatTensor<Self>;

    fn pool(x: FloatTensor<Self>, kind: PoolingKind, with: Pooling, level: Level) -> FloatTensor<Self>;

    fn pool_whole(x: FloatTensor<Self>, kind: GlobalKind, with: GlobalPooling, level: Level) -> FloatTensor<Self>;

    fn filter(x: FloatTensor<Self>, weight: FloatTensor<Self>, with: Depthwise, level: Level) -> FloatTensor<Self>;

    fn blur(x: FloatTensor<Self>, with: BlurPooling, level: Level) -> FloatTensor<Self>;

    /// The same maps twice.
    fn fork(x: FloatTensor<Self>, level: Level) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl KernelOps for Flex {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, with: Convolution, level: Level) -> FloatTensor<Self> {
        let (output, _) = convolution::forward(&x.to_contiguous(), &weight.to_contiguous(), with, level, false);
        buffers::give_tensor(x);
        output
    }

    fn convolve_measured(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        with: Convolution,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (output, found) = convolution::forward(&x.to_contiguous(), &weight.to_contiguous(), with, level, true);
        buffers::give_tensor(x);
        let [mean, variance] = normalization::tensors(found.expect("it was asked for"));
        (output, mean, variance)
    }

    fn normalize(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        after: After,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        normalization::forward(x, [gain, bias], None, after, level)
    }

    fn normalize_and_add(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        after: After,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        normalization::forward(x, [gain, bias], Some(residual), after, level)
    }

    fn activate(x: FloatTensor<Self>, activation: Activation, level: Level) -> FloatTensor<Self> {
        let output = activation::forward(&x.to_contiguous(), &activation, level);
        buffers::give_tensor(x);
        output
    }

    fn pool(x: FloatTensor<Self>, kind: PoolingKind, with: Pooling, level: Level) -> FloatTensor<Self> {
        let (output, _) = pooling::forward(&x.to_contiguous(), kind, with, level);
        buffers::give_tensor(x);
        output
    }

    fn pool_whole(x: FloatTensor<Self>, kind: GlobalKind, with: GlobalPooling, level: Level) -> FloatTensor<Self> {
        let (output, _) = global_pooling::forward(&x.to_contiguous(), kind, with, level);
        buffers::give_tensor(x);
        output
    }

    fn filter(x: FloatTensor<Self>, weight: FloatTensor<Self>, with: Depthwise, level: Level) -> FloatTensor<Self> {
        let output = depthwise::forward(&x.to_contiguous(), &weight.to_contiguous(), with, level);
        buffers::give_tensor(x);
        output
    }

    fn blur(x: FloatTensor<Self>, with: BlurPooling, level: Level) -> FloatTensor<Self> {
        let output = depthwise::blur(&x.to_contiguous(), with, level);
        buffers::give_tensor(x);
        output
    }

    fn fork(x: FloatTensor<Self>, _: Level) -> (FloatTensor<Self>, FloatTensor<Self>) {
        (x.clone(), x)
    }
}

impl<C: CheckpointStrategy> KernelOps for Autodiff<Flex, C> {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, with: Convolution, level: Level) -> FloatTensor<Self> {
        convolution::record::<C>(x, weight, with, level, false).0
    }

    fn convolve_measured(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        with: Convolution,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (output, found) = convolution::record::<C>(x, weight, with, level, true);
        let found = normalization::tensors(found.expect("it was asked for"));
        let [mean, variance] = found.map(<Self as AutodiffBackend>::from_inner);
        (output, mean, variance)
    }

    fn normalize(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        after: After,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        normalization::record::<C>(x, [gain, bias], None, after, level)
    }

    fn normalize_and_add(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        after: After,
        level: Level,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        normalization::record::<C>(x, [gain, bias], Some(residual), after, level)
    }

    fn activate(x: FloatTensor<Self>, activation: Activation, level: Level) -> FloatTensor<Self> {
        activation::record::<C>(x, activation, level)
    }

    fn pool(x: FloatTensor<Self>, kind: PoolingKind, with: Pooling, level: Level) -> FloatTensor<Self> {
        pooling::record::<C>(x, kind, with, level)
    }

    fn pool_whole(x: FloatTensor<Self>, kind: GlobalKind, with: GlobalPooling, level: Level) -> FloatTensor<Self> {
        global_pooling::record::<C>(x, kind, with, level)
    }

    fn filter(x: FloatTensor<Self>, weight: FloatTensor<Self>, with: Depthwise, level: Level) -> FloatTensor<Self> {
        depthwise::record::<C>(x, weight, with, level)
    }

    fn blur(x: FloatTensor<Self>, with: BlurPooling, level: Level) -> FloatTensor<Self> {
        depthwise::record_blur::<C>(x, with, level)
    }

    fn fork(x: FloatTensor<Self>, level: Level) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fork::record::<C>(x, level).into()
    }
}

pub(super) fn photos(pixels: &[u8], count: usize, px: usize, device: &Device) -> Tensor<4> {
    fn normalized<T: buffers::Stored>(pixels: &[u8], shape: [usize; 4]) -> Tensor<4> {
        let mut numbers = buffers::take::<T>(pixels.len());
        normalize_pixels(pixels, IMAGENET_MEAN, IMAGENET_STD, &mut numbers);
        Tensor::from_primitive::<Flex>(buffers::tensor(numbers, shape))
    }
    let shape = [count, px, px, 3];
    match device.precision() {
        Precision::F32 => normalized::<f32>(pixels, shape),
        Precision::Bf16 => normalized::<Bf16>(pixels, shape),
    }
}

/// The output and, if `measured`, its statistics.
pub(super) fn convolution(
    x: Tensor<4>,
    weight: Tensor<1>,
    [outputs, inputs, height, width]: [usize; 4],
    [stride, padding]: [usize; 2],
    level: Level,
    measured: bool,
) -> (Tensor<4>, Option<BatchStatistics>) {
    let [images, rows, columns, channels] = x.dims();
    assert_eq!(channels, inputs, "the maps have as many channels as the convolution reads");
    let with = Convolution::new(ConvolutionShape {
        images,
        input: [rows, columns],
        input_channels: inputs,
        output_channels: outputs,
        kernel: [height, width],
        stride: [stride; 2],
        padding: [padding; 2],
    });
    let (x, weight, with) = (x.into_dispatch(), weight.into_dispatch(), with.expect(FITS));
    if !measured {
        return (Tensor::from_dispatch(Dispatch::convolve(x, weight, with, level)), None);
    }
    let (output, mean, variance) = Dispatch::convolve_measured(x, weight, with, level);
    let numbers = |found| {
        let found = buffers::host(Tensor::<1>::from_dispatch(found).inner());
        buffers::slice::<f32>(&found).to_vec()
    };
    let found = BatchStatistics { mean: numbers(mean), variance: numbers(variance) };
    (Tensor::from_dispatch(output), Some(found))
}

pub(super) fn depthwise(
    x: Tensor<4>,
    weight: Tensor<1>,
    kernel: usize,
    stride: usize,
    padding: usize,
    level: Level,
) -> Tensor<4> {
    let [images, rows, columns, channels] = x.dims();
    let with = Depthwise::new(DepthwiseShape {
        images,
        input: [rows, columns],
        channels,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
    });
    Tensor::from_dispatch(Dispatch::filter(x.into_dispatch(), weight.into_dispatch(), with.expect(FITS), level))
}

pub(super) fn blur_pool(x: Tensor<4>, level: Level) -> Tensor<4> {
    let [images, rows, columns, channels] = x.dims();
    let with = BlurPooling::new(images, [rows, columns], channels).expect(FITS);
    Tensor::from_dispatch(Dispatch::blur(x.into_dispatch(), with, level))
}

pub(super) fn fork(x: Tensor<4>, level: Level) -> [Tensor<4>; 2] {
    let (one, other) = Dispatch::fork(x.into_dispatch(), level);
    [one, other].map(Tensor::from_dispatch)
}

/// By `measured`, the statistics of `x`, or by statistics that are measured here.
pub(super) fn normalize_by_batch(
    x: Tensor<4>,
    measured: Option<BatchStatistics>,
    Affine { gain, bias, epsilon }: Affine,
    residual: Option<Tensor<4>>,
    Following { activation, curve }: Following,
    level: Level,
) -> Normalized<Tensor<4>> {
    let after = After { epsilon: epsilon as f32, activation, curve, measured };
    let (x, gain, bias) = (x.into_dispatch(), gain.into_dispatch(), bias.into_dispatch());
    let (output, mean, variance) = match residual {
        None => Dispatch::normalize(x, gain, bias, after, level),
        Some(residual) => Dispatch::normalize_and_add(x, gain, bias, residual.into_dispatch(), after, level),
    };
    let without_gradient = |statistic| Tensor::<1>::from_dispatch(statistic).inner();
    Normalized {
        output: Tensor::from_dispatch(output),
        mean: without_gradient(mean),
        variance: without_gradient(variance),
    }
}

/// By known statistics, of tensors that no gradient goes through.
pub(super) fn normalize_by(
    x: Tensor<4>,
    Affine { gain, bias, epsilon }: Affine,
    statistics: [Tensor<1>; 2],
    residual: Option<Tensor<4>>,
    Following { activation, curve }: Following,
    level: Level,
) -> Tensor<4> {
    let kept = normalization::Kept::by(
        buffers::host(x),
        [gain, bias].map(buffers::host),
        statistics.map(buffers::host),
        residual.map(buffers::host),
        After { epsilon: epsilon as f32, activation, curve, measured: None },
        level,
    );
    let output = kept.apply();
    kept.give_back();
    Tensor::from_primitive::<Flex>(output)
}

pub(super) fn activate(x: Tensor<4>, activation: Activation, level: Level) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::activate(x.into_dispatch(), activation, level))
}

pub(super) fn max_pool(x: Tensor<4>, Window { side, stride, padding }: Window, level: Level) -> Tensor<4> {
    let [images, rows, columns, channels] = x.dims();
    let with = Pooling::new(PoolingShape {
        images,
        input: [rows, columns],
        channels,
        window: [side; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        keep_partial: false,
    });
    Tensor::from_dispatch(Dispatch::pool(x.into_dispatch(), PoolingKind::Max, with.expect(FITS), level))
}

pub(super) fn average_pool(x: Tensor<4>, level: Level) -> Tensor<4> {
    let [images, rows, columns, channels] = x.dims();
    let with = Pooling::new(PoolingShape {
        images,
        input: [rows, columns],
        channels,
        window: [2; 2],
        stride: [2; 2],
        padding: [0; 2],
        keep_partial: true,
    });
    Tensor::from_dispatch(Dispatch::pool(x.into_dispatch(), PoolingKind::Average, with.expect(FITS), level))
}

pub(super) fn global_max_pool(x: Tensor<4>, level: Level) -> Tensor<2> {
    pool_whole(x, GlobalKind::Max, level)
}

pub(super) fn global_average_pool(x: Tensor<4>, level: Level) -> Tensor<2> {
    pool_whole(x, GlobalKind::Average, level)
}

fn pool_whole(x: Tensor<4>, kind: GlobalKind, level: Level) -> Tensor<2> {
    let [images, rows, columns, channels] = x.dims();
    let with = GlobalPooling::new(images, rows * columns, channels).expect(FITS);
    Tensor::from_dispatch(Dispatch::pool_whole(x.into_dispatch(), kind, with, level))
}
