//! The operations that our networks are made of: our kernels where the numbers are in the host's memory, Burn's own
//! operations elsewhere or when asked for. What goes from layer to layer are [`Maps`], whose precision is the device's;
//! parameters come flat and in f32, and get their shape here.

mod activation;
mod buffers;
mod kernels;
mod maps;
pub mod profile;
mod stock;
mod update;

pub use crate::compute::device::Ops;
pub use activation::{Activation, TensorActivation};
pub use imagenette_kernels::activation::own::Curve;
pub use maps::Maps;
pub use profile::{Part, Profile};
pub use update::{AdamWStep, SgdStep, adamw_update, move_average, muon_update, sgd_update};

use burn::tensor::Tensor;

use crate::compute::device::Device;

/// Photos as uint8 `[N, H, W, 3]` onto the device, normalized by ImageNet's mean and deviation.
///
/// # Shapes
/// `[count × px × px × 3]` to maps of 3 channels.
pub fn photos(pixels: &[u8], count: usize, px: usize, device: &Device) -> Maps {
    let tensor = match device.ops() {
        Ops::Kernels(_) => kernels::photos(pixels, count, px, device),
        Ops::Stock => stock::photos(pixels, count, px, device),
    };
    Maps::new(tensor, device.ops())
}

/// Convolution without bias.
///
/// # Shapes
/// `weight` flat `[out × in × kernel × kernel]`.
pub fn convolution(x: Maps, weight: Tensor<1>, shape: [usize; 4], stride: usize, padding: usize) -> Maps {
    convolve(x, weight, shape, [stride, padding], false)
}

/// [`convolution`] whose output goes into [`normalize_by_batch`] next: our kernels measure its mean and variance on the
/// way.
///
/// # Shapes
/// As for [`convolution`].
pub fn convolution_measured(x: Maps, weight: Tensor<1>, shape: [usize; 4], stride: usize, padding: usize) -> Maps {
    convolve(x, weight, shape, [stride, padding], true)
}

fn convolve(x: Maps, weight: Tensor<1>, shape: [usize; 4], [stride, padding]: [usize; 2], measured: bool) -> Maps {
    let (ops, dims) = (x.ops, x.dims());
    let gradients = [x.tensor.is_tracked(), weight.is_tracked()].map(f64::from);
    let (tensor, measured) = profile::time(Part::Forward, 0.0, || match ops {
        Ops::Kernels(level) => kernels::convolution(x.tensor, weight, shape, [stride, padding], level, measured),
        Ops::Stock => (stock::convolution(x.tensor, weight, shape, stride, padding), None),
    });
    let output = Maps { measured, ..Maps::new(tensor, ops) };
    let ([images, ..], [_, _, rows, columns]) = (dims, output.dims());
    let flop = 2.0 * (images * rows * columns) as f64 * shape.iter().product::<usize>() as f64;
    profile::did(Part::Forward, flop, flop * (1.0 + gradients[0] + gradients[1]));
    output
}

/// Depthwise convolution without bias: a square filter for each channel.
///
/// # Shapes
/// `weight` flat `[channels × kernel × kernel]`.
pub fn depthwise(x: Maps, weight: Tensor<1>, kernel: usize, stride: usize, padding: usize) -> Maps {
    let ops = x.ops;
    let tensor = profile::time(Part::Forward, 0.0, || match ops {
        Ops::Kernels(level) => kernels::depthwise(x.tensor, weight, kernel, stride, padding, level),
        Ops::Stock => stock::depthwise(x.tensor, weight, kernel, stride, padding),
    });
    Maps::new(tensor, ops)
}

/// What a normalization does to each channel once mean and variance are gone.
#[derive(Debug, Clone)]
pub struct Affine {
    /// The factor of each channel.
    pub gain: Tensor<1>,
    /// What is added to each channel.
    pub bias: Tensor<1>,
    /// Added to the variance.
    pub epsilon: f64,
}

/// What normalizing by a batch's own statistics gives.
pub struct Normalized<T = Maps> {
    /// The output.
    pub output: T,
    /// The batch's mean by channel, without gradient.
    pub mean: Tensor<1>,
    /// The batch's variance by channel, without gradient. [`normalize_by_batch`] gives the unbiased one, which is what
    /// running statistics follow.
    pub variance: Tensor<1>,
}

/// Batch normalization by the batch's own mean and (biased) variance, then the residual is added, then comes the
/// activation.
pub fn normalize_by_batch(x: Maps, affine: Affine, residual: Option<Maps>, activation: &Activation) -> Normalized {
    let ([n, _, height, width], ops, precision) = (x.dims(), x.ops, x.precision());
    let (following, after) = activation.split(matches!(ops, Ops::Kernels(_)));
    let residual = residual.map(|residual| residual.stored_in(precision).tensor);
    let Normalized { output, mean, variance } = profile::time(Part::Normalization, 0.0, || match ops {
        Ops::Kernels(level) => kernels::normalize_by_batch(x.tensor, x.measured, affine, residual, following, level),
        Ops::Stock => {
            let batch = stock::normalize_by_batch(x.tensor, affine);
            Normalized { output: stock::finish(batch.output, residual, following.activation), ..batch }
        }
    });
    // With one value per channel there is no unbiased variance.
    let count = (n * height * width) as f64;
    let unbiased = variance * (count / (count - 1.0).max(1.0));
    let mut output = Maps::new(output, ops);
    if let Some(own) = after {
        output = activate(output, own);
    }
    Normalized { output, mean, variance: unbiased }
}

/// Normalization by known statistics, then the residual and the activation as in [`normalize_by_batch`].
pub fn normalize_by(
    x: Maps,
    affine: Affine,
    [mean, variance]: [Tensor<1>; 2],
    residual: Option<Maps>,
    activation: &Activation,
) -> Maps {
    let is_tracked = |x: &Maps| x.tensor.is_tracked();
    let learns = is_tracked(&x)
        || affine.gain.is_tracked()
        || affine.bias.is_tracked()
        || residual.as_ref().is_some_and(is_tracked);
    let precision = x.precision();
    let (following, after) = activation.split(matches!(x.ops, Ops::Kernels(_)) && !learns);
    let tensor_of = |maps: Maps| maps.stored_in(precision).tensor;
    let output = match x.ops {
        // The kernels know the gradient only where the statistics are the batch's own.
        Ops::Kernels(level) if !learns => {
            let residual = residual.map(tensor_of);
            let tensor = kernels::normalize_by(x.tensor, affine, [mean, variance], residual, following, level);
            Maps::new(tensor, x.ops)
        }
        _ => x.change(|x| {
            let normalized = stock::normalize_by(x, affine, mean, variance);
            stock::finish(normalized, residual.map(Maps::into_nchw), following.activation)
        }),
    };
    match after {
        None => output,
        Some(own) => activate(output, own),
    }
}

/// Applies the function to every number.
pub fn activate(x: Maps, activation: &Activation) -> Maps {
    let ops = x.ops;
    profile::time(Part::Normalization, 0.0, || match (activation, ops) {
        (Activation::Kernel(imagenette_kernels::Activation::Identity), _) => x,
        (Activation::Kernel(_) | Activation::Curve(..), Ops::Kernels(level)) => {
            Maps::new(kernels::activate(x.tensor, activation.clone(), level), ops)
        }
        (own, _) => x.change(|x| own.of_maps(x)),
    })
}

/// A square window that moves over maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its side.
    pub side: usize,
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Pixels that it may reach beyond each side of the map.
    pub padding: usize,
}

/// The largest of each window.
pub fn max_pool(x: Maps, window: Window) -> Maps {
    let ops = x.ops;
    let tensor = profile::time(Part::Pooling, 0.0, || match ops {
        Ops::Kernels(level) => kernels::max_pool(x.tensor, window, level),
        Ops::Stock => stock::max_pool(x.tensor, window),
    });
    Maps::new(tensor, ops)
}

/// The mean of each square of 2 × 2; odd sides end in a part-filled square whose mean is over what it has.
pub fn average_pool(x: Maps) -> Maps {
    let ops = x.ops;
    let tensor = profile::time(Part::Pooling, 0.0, || match ops {
        Ops::Kernels(level) => kernels::average_pool(x.tensor, level),
        Ops::Stock => stock::average_pool(x.tensor),
    });
    Maps::new(tensor, ops)
}

/// Blur pooling: every second pixel after the binomial filter [1, 2, 1] along both axes, the border mirrored.
///
/// # Source
/// Zhang, "Making convolutional networks shift-invariant again", 2019, section 3.2.
pub fn blur_pool(x: Maps) -> Maps {
    let ops = x.ops;
    let tensor = profile::time(Part::Pooling, 0.0, || match ops {
        Ops::Kernels(level) => kernels::blur_pool(x.tensor, level),
        Ops::Stock => stock::blur_pool(x.tensor),
    });
    Maps::new(tensor, ops)
}

/// The largest of each channel.
///
/// # Shapes
/// To `[N, C]`.
pub fn global_max_pool(x: Maps) -> Tensor<2> {
    profile::time(Part::Pooling, 0.0, || match x.ops {
        Ops::Kernels(level) => kernels::global_max_pool(x.tensor, level),
        Ops::Stock => stock::global_max_pool(x.tensor),
    })
}

/// The mean of each channel.
///
/// # Shapes
/// To `[N, C]`.
pub fn global_average_pool(x: Maps) -> Tensor<2> {
    profile::time(Part::Pooling, 0.0, || match x.ops {
        Ops::Kernels(level) => kernels::global_average_pool(x.tensor, level),
        Ops::Stock => stock::global_average_pool(x.tensor),
    })
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
