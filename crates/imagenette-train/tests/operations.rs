//! Our kernels against Burn's own operations: outputs and every gradient on random numbers and awkward sizes, alone and
//! mixed with a researcher's own code; in f32 closely, in bf16 within its rounding.

use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorData};
use imagenette_data::random::{Purpose, Random};
use imagenette_kernels::{Activation as Kernel, Bf16};
use imagenette_train::compute::device::Device;
use imagenette_train::compute::precision::{Precision, PrecisionChoice};
use imagenette_train::compute::weights::Weights;
use imagenette_train::learn::loss::{cross_entropy, targets};
use imagenette_train::model::Pass;
use imagenette_train::ops::{self, Activation, Affine, Curve, Maps, TensorActivation, Window};
use imagenette_train::parts::Parts;

/// Every activation of the kernels, and two from elsewhere.
fn activations() -> Vec<Activation> {
    let own = [Activation::Curve("softer", Arc::new(Softer)), Activation::Tensors("tanh", Arc::new(Tanh))];
    Kernel::ALL.map(Activation::Kernel).into_iter().chain(own).collect()
}

/// x / (1 + |x|)
#[derive(Debug)]
struct Softer;

impl Curve for Softer {
    fn value(&self, x: f32) -> f32 {
        x / (1.0 + x.abs())
    }
    fn slope(&self, x: f32) -> f32 {
        1.0 / ((1.0 + x.abs()) * (1.0 + x.abs()))
    }
}

/// tanh x
#[derive(Debug)]
struct Tanh;

impl TensorActivation for Tanh {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        x.tanh()
    }
}

/// Random tensors, the same for both devices.
struct Source<'d> {
    device: &'d Device,
    number: u32,
    /// What gradients are wanted for.
    maps: Vec<Tensor<4>>,
    channels: Vec<Tensor<1>>,
}

impl<'d> Source<'d> {
    fn new(device: &'d Device) -> Self {
        Self { device, number: 0, maps: Vec::new(), channels: Vec::new() }
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        self.number += 1;
        let mut random = Random::new(7, Purpose::Test, 0, self.number);
        // Numbers that bf16 holds too, so that all see the same.
        (0..count).map(|_| Bf16::from_f32(random.normal() as f32).to_f32()).collect()
    }

    /// Maps `[N, C, H, W]` without gradient.
    fn constant(&mut self, shape: [usize; 4]) -> Maps {
        let data = TensorData::new(self.numbers(shape.iter().product()), shape);
        Maps::from_nchw(Tensor::from_data(data, &burn::tensor::Device::flex()), self.device)
    }

    fn maps(&mut self, shape: [usize; 4]) -> Maps {
        let tensor = self.constant(shape).into_nchw().autodiff().require_grad();
        self.maps.push(tensor.clone());
        Maps::from_nchw(tensor, self.device)
    }

    fn channels(&mut self, count: usize) -> Tensor<1> {
        let data = TensorData::new(self.numbers(count), [count]);
        let tensor = Tensor::from_data(data, &burn::tensor::Device::flex()).autodiff().require_grad();
        self.channels.push(tensor.clone());
        tensor
    }

    fn affine(&mut self, count: usize) -> Affine {
        Affine { gain: self.channels(count), bias: self.channels(count), epsilon: 1e-3 }
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.to_data().try_to_vec().expect("f32")
}

/// Output and gradients of a weighted sum of it, with our kernels or with Burn's operations.
fn everything<const D: usize>(run: impl Fn(&mut Source) -> Tensor<D>, device: &Device) -> Vec<Vec<f32>> {
    let mut source = Source::new(device);
    let output = run(&mut source);
    let weights = TensorData::new(source.numbers(output.shape().num_elements()), output.shape());
    let weights = Tensor::<D>::from_data(weights, &burn::tensor::Device::flex());
    let mut found = vec![values(output.clone())];
    if output.is_tracked() {
        let gradients = (output * weights).sum().backward();
        found.extend(source.maps.iter().map(|x| values(x.grad(&gradients).expect("a gradient"))));
        found.extend(source.channels.iter().map(|x| values(x.grad(&gradients).expect("a gradient"))));
    }
    found
}

#[track_caller]
fn agree<const D: usize>(what: &str, run: impl Fn(&mut Source) -> Tensor<D>) {
    let stock = everything(&run, &Device::cpu().with_stock_ops());
    for (device, tolerance) in [(Device::cpu(), 1e-4), (bf16(), 1e-2)] {
        let ours = everything(&run, &device);
        assert_eq!(ours.len(), stock.len());
        for (number, (ours, stock)) in ours.iter().zip(&stock).enumerate() {
            close(&format!("{what}, {number}, {}", device.precision()), ours, stock, tolerance);
        }
    }
}

/// Our kernels with maps of bf16.
fn bf16() -> Device {
    Device::cpu().with_precision(PrecisionChoice::Bf16).expect("our kernels store bf16")
}

/// Compares as vectors, against the norm of what is expected. (With ReLU a gain before another normalization changes
/// nothing, so its gradient is rounding and no more; hence the second summand.)
#[track_caller]
fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().map(|&x| x.into()));
    let difference = norm(&mut found.iter().zip(expected).map(|(a, b)| f64::from(a - b)));
    assert!(difference <= tolerance * size + 1e-2 * tolerance, "{what}: off by {difference} of {size}");
}

#[test]
fn convolutions_agree_with_burn() {
    for (sizes, [outputs, kernel, stride, padding]) in [
        ([2, 3, 9, 7], [5, 3, 1, 1]),
        ([1, 16, 8, 8], [32, 3, 1, 1]),
        ([3, 17, 7, 11], [16, 3, 2, 1]),
        ([2, 3, 12, 12], [8, 4, 2, 1]),
        ([2, 33, 5, 5], [19, 1, 1, 0]),
        ([2, 64, 6, 6], [48, 1, 2, 0]),
        ([5, 1, 1, 1], [1, 1, 1, 0]),
        ([4, 20, 2, 2], [24, 3, 1, 1]),
        ([8, 3, 24, 24], [8, 4, 2, 1]),
        ([8, 8, 12, 12], [8, 3, 1, 1]),
        ([8, 8, 6, 6], [8, 3, 1, 1]),
        ([8, 8, 6, 6], [16, 3, 1, 1]),
        ([8, 16, 3, 3], [16, 3, 1, 1]),
    ] {
        let shape = [outputs, sizes[1], kernel, kernel];
        agree(&format!("{sizes:?} {shape:?}"), |source| {
            let weight = source.channels(shape.iter().product());
            ops::convolution(source.maps(sizes), weight, shape, stride, padding).into_nchw()
        });
        agree(&format!("photos {sizes:?} {shape:?}"), |source| {
            let weight = source.channels(shape.iter().product());
            ops::convolution(source.constant(sizes), weight, shape, stride, padding).into_nchw()
        });
        agree(&format!("frozen {sizes:?} {shape:?}"), |source| {
            let weight = source.numbers(shape.iter().product());
            let weight = Tensor::from_data(weight.as_slice(), &burn::tensor::Device::flex());
            ops::convolution(source.maps(sizes), weight, shape, stride, padding).into_nchw()
        });
    }
}

#[test]
fn normalization_with_what_follows_agrees_with_burn() {
    for sizes in [[2, 3, 5, 7], [4, 16, 8, 8], [1, 17, 9, 3], [33, 64, 1, 1], [3, 130, 5, 5]] {
        for activation in &activations() {
            for has_residual in [false, true] {
                let what = format!("{sizes:?} {activation:?} {has_residual}");
                agree(&what, |source| {
                    let affine = source.affine(sizes[1]);
                    let x = source.maps(sizes);
                    let residual = has_residual.then(|| source.maps(sizes));
                    let batch = ops::normalize_by_batch(x, affine, residual, activation);
                    batch.output.into_nchw()
                });
                agree(&format!("statistics of {what}"), |source| {
                    let affine = source.affine(sizes[1]);
                    let batch = ops::normalize_by_batch(source.maps(sizes), affine, None, activation);
                    Tensor::cat(vec![batch.mean, batch.variance], 0)
                });
                for learns in [false, true] {
                    agree(&format!("known statistics {what} {learns}"), |source| {
                        let mut affine = source.affine(sizes[1]);
                        let mean = source.channels(sizes[1]);
                        let variance = source.channels(sizes[1]).inner().abs() + 0.5;
                        let residual = has_residual.then(|| source.constant(sizes));
                        if learns {
                            let (x, statistics) = (source.maps(sizes), [mean.clone().inner(), variance]);
                            // The mean is given without gradient, so its own is that of the sum below.
                            let y = ops::normalize_by(x, affine, statistics, residual, activation).into_nchw();
                            let y = y + mean.clone().sum().reshape([1, 1, 1, 1]);
                            source.channels.pop();
                            return y;
                        }
                        affine.gain = affine.gain.inner();
                        affine.bias = affine.bias.inner();
                        let x = source.constant(sizes);
                        ops::normalize_by(x, affine, [mean.inner(), variance], residual, activation).into_nchw()
                    });
                }
            }
        }
    }
}

#[test]
fn statistics_that_a_convolution_measured_agree_with_burn() {
    // The direct way with few, odd and many channels and with strides, and transformed tiles.
    for (sizes, [outputs, kernel, stride]) in [
        ([2, 3, 9, 7], [5, 3, 1]),
        ([3, 17, 7, 11], [16, 3, 2]),
        ([2, 33, 5, 5], [70, 1, 1]),
        ([48, 16, 14, 14], [24, 3, 1]),
    ] {
        let shape = [outputs, sizes[1], kernel, kernel];
        let normalized = |source: &mut Source| {
            let affine = source.affine(outputs);
            let weight = source.channels(shape.iter().product());
            let x = ops::convolution_measured(source.maps(sizes), weight, shape, stride, kernel / 2);
            ops::normalize_by_batch(x, affine, None, &Activation::Kernel(Kernel::Gelu))
        };
        agree(&format!("{sizes:?} {shape:?}"), |source| normalized(source).output.into_nchw());
        agree(&format!("statistics {sizes:?} {shape:?}"), |source| {
            let batch = normalized(source);
            Tensor::cat(vec![batch.mean, batch.variance], 0)
        });
        // Nothing is left of them once the maps have changed.
        agree(&format!("changed {sizes:?} {shape:?}"), |source| {
            let affine = source.affine(outputs);
            let weight = source.channels(shape.iter().product());
            let x = ops::convolution_measured(source.maps(sizes), weight, shape, stride, kernel / 2);
            let x = x.change(|x| x * 2.0 + 1.0);
            ops::normalize_by_batch(x, affine, None, &Activation::Kernel(Kernel::Identity)).output.into_nchw()
        });
    }
}

#[test]
fn activations_agree_with_burn() {
    for activation in &activations() {
        for sizes in [[2, 3, 5, 7], [1, 48, 32, 32]] {
            agree(&format!("{activation:?} {sizes:?}"), |source| {
                ops::activate(source.maps(sizes), activation).into_nchw()
            });
        }
    }
}

#[test]
fn pooling_agrees_with_burn() {
    for sizes in [[2, 3, 8, 8], [1, 17, 9, 7], [3, 64, 5, 5], [2, 5, 2, 3]] {
        for window in [Window { side: 2, stride: 2, padding: 0 }, Window { side: 3, stride: 2, padding: 1 }] {
            agree(&format!("{window:?} {sizes:?}"), |source| ops::max_pool(source.maps(sizes), window).into_nchw());
        }
        agree(&format!("average {sizes:?}"), |source| ops::average_pool(source.maps(sizes)).into_nchw());
        agree(&format!("global maximum {sizes:?}"), |source| ops::global_max_pool(source.maps(sizes)));
        agree(&format!("global average {sizes:?}"), |source| ops::global_average_pool(source.maps(sizes)));
    }
}

#[test]
fn depthwise_convolutions_agree_with_burn() {
    for (sizes, [kernel, stride, padding]) in [
        ([2, 3, 9, 7], [3, 1, 1]),
        ([1, 16, 8, 8], [3, 2, 1]),
        ([3, 17, 7, 11], [3, 2, 1]),
        ([2, 5, 6, 6], [1, 1, 0]),
        ([2, 8, 12, 10], [5, 2, 2]),
        ([5, 1, 1, 1], [3, 1, 1]),
    ] {
        agree(&format!("{sizes:?} {kernel} {stride} {padding}"), |source| {
            let weight = source.channels(sizes[1] * kernel * kernel);
            ops::depthwise(source.maps(sizes), weight, kernel, stride, padding).into_nchw()
        });
    }
}

#[test]
fn blur_pooling_agrees_with_burn() {
    for sizes in [[2, 3, 8, 8], [1, 17, 9, 7], [3, 64, 5, 6], [2, 5, 2, 1], [1, 2, 1, 1]] {
        agree(&format!("blur {sizes:?}"), |source| ops::blur_pool(source.maps(sizes)).into_nchw());
    }
}

#[test]
fn photos_agree_with_burn() {
    let bytes: Vec<u8> = (0..2 * 7 * 7 * 3).map(|i| (i * 37 % 256) as u8).collect();
    agree("photos", |source| ops::photos(&bytes, 2, 7, source.device).into_nchw());
}

#[test]
fn burn_code_of_ones_own_composes_with_the_kernels() {
    let sizes = [2, 16, 6, 6];
    agree("a gate between two convolutions, and a tensor used twice", |source| {
        let shape = [16, 16, 3, 3];
        let (one, other) = (source.channels(16 * 16 * 9), source.channels(16 * 16 * 9));
        let x = source.maps(sizes);
        let y = ops::convolution(x.clone(), one, shape, 1, 1);
        // A gate by channel, in stock operations.
        let y = y.change(|y| {
            let gate = burn::tensor::activation::sigmoid(y.clone().mean_dim(2).mean_dim(3)); // [N, C, 1, 1]
            y * gate
        });
        let affine = source.affine(16);
        let y = ops::normalize_by_batch(y, affine, Some(x), &Activation::Kernel(Kernel::Relu)).output;
        ops::convolution(y, other, shape, 2, 1).into_nchw()
    });
}

/// Loss, gradients and statistics of one step of a whole network, and the scores that it then gives.
fn step(config: &str, [count, px]: [usize; 2], device: &Device) -> Vec<(String, Vec<f32>)> {
    let model = Parts::shipped().model_of(&serde_json::from_str(config).expect("a network"), 3).expect("a network");
    let layout = model.layout();
    let mut weights = Weights::draw(layout, 5, device);
    let mut random = Random::new(7, Purpose::Test, 0, 0);
    let pixels: Vec<u8> = (0..count * px * px * 3).map(|_| (256.0 * random.uniform()) as u8).collect();
    let labels: Vec<u16> = (0..count).map(|i| (i % 3) as u16).collect();
    let mut pass = Pass::learning(&weights, layout);
    let scores = model.forward(&mut pass, ops::photos(&pixels, count, px, device)).unwrap();
    let loss = cross_entropy(scores, targets(&labels, None, 0.1, 3), device);
    let mut gradients = loss.backward();
    let mut found = vec![("loss".to_owned(), vec![loss.value() as f32])];
    let (gradients, statistics) = pass.finish(&mut gradients);
    for (slot, gradient) in layout.slots().iter().zip(gradients) {
        found.extend(gradient.map(|gradient| (format!("gradient of {}", slot.name), values(gradient))));
    }
    for (slot, statistic) in statistics {
        found.push(("a statistic".into(), values(statistic.clone())));
        weights.set(slot, statistic);
    }
    let scores = model.forward(&mut Pass::evaluating(&weights), ops::photos(&pixels, count, px, device)).unwrap();
    found.push(("evaluated".into(), values(scores)));
    found
}

#[test]
fn a_step_of_a_whole_network_agrees_with_burn() {
    for (config, sizes) in [
        (r#"{ "kind": "fast", "stem": 8, "widths": [8, 16] }"#, [8, 24]),
        (r#"{ "kind": "fast", "stem": 10, "widths": [17, 5] }"#, [3, 29]),
        // Widths whose convolutions are not of transformed tiles: their rounding would now and then give a maximum of
        // noise to another pixel, and with it its gradient. The smooth network below holds those to the same bound.
        (r#"{ "kind": "fast", "stem": 48, "widths": [61, 45, 31], "activation": "relu" }"#, [5, 64]),
        (r#"{ "kind": "xresnet", "depth": 18 }"#, [3, 33]),
        (r#"{ "kind": "xresnet", "depth": 50, "activation": "gelu" }"#, [2, 40]),
    ] {
        let ours = step(config, sizes, &Device::cpu());
        let stock = step(config, sizes, &Device::cpu().with_stock_ops());
        assert_eq!(ours.len(), stock.len());
        for ((what, ours), (same, stock)) in ours.iter().zip(&stock) {
            assert_eq!(what, same);
            close(&format!("{config} {what}"), ours, stock, 1e-4);
        }
    }
}

#[test]
fn the_gradients_of_a_whole_network_in_bf16_point_where_those_in_f32_do() {
    for (config, sizes) in [
        (r#"{ "kind": "fast", "stem": 8, "widths": [8, 16] }"#, [16, 24]),
        (r#"{ "kind": "fast", "stem": 48, "widths": [64, 48, 32], "activation": "relu" }"#, [16, 64]),
        (r#"{ "kind": "xresnet", "depth": 18 }"#, [12, 64]),
    ] {
        let wide = step(config, sizes, &Device::cpu());
        let half = step(config, sizes, &bf16());
        let (mut gradient, mut expected) = (Vec::new(), Vec::new());
        for ((what, half), (same, wide)) in half.iter().zip(&wide) {
            assert_eq!(what, same);
            if what.starts_with("gradient") {
                gradient.extend_from_slice(half);
                expected.extend_from_slice(wide);
            } else {
                close(&format!("{config} {what}"), half, wide, 0.02);
            }
        }
        // A maximum that goes to another pixel, or a ReLU that opens, changes a gradient wholly; of noise, many are
        // close.
        close(&format!("{config} gradient"), &gradient, &expected, 0.35);
    }
}

/// Three convolutions with smooth functions between them: what rounding changes in it stays small.
fn smooth_network(source: &mut Source, sizes: [usize; 4]) -> Tensor<2> {
    let weights = [[24, sizes[1], 3, 3], [24, 24, 3, 3], [24, 24, 3, 3], [40, 24, 1, 1]];
    let weights = weights.map(|shape| (source.channels(shape.iter().product()), shape));
    let [stem, one, two, last] = weights;
    let affines = [24, 24, 24].map(|count| source.affine(count));
    let [a, b, c] = affines;
    let gelu = &Activation::Kernel(Kernel::Gelu);
    // What is normalized next is measured on the way, as in our networks.
    let convolve = |x, (weight, shape): (Tensor<1>, [usize; 4])| ops::convolution_measured(x, weight, shape, 1, 1);
    let x = convolve(source.maps(sizes), stem);
    let x = ops::normalize_by_batch(x, a, None, gelu).output;
    let x = ops::average_pool(x);
    let y = ops::normalize_by_batch(convolve(x.clone(), one), b, None, gelu).output;
    let x = ops::normalize_by_batch(convolve(y, two), c, Some(x), gelu).output;
    let (weight, shape) = last;
    ops::global_average_pool(ops::convolution(x, weight, shape, 2, 0))
}

#[test]
fn gradients_of_a_smooth_network_agree_with_burn_where_tiles_are_transformed() {
    // So many images that the 3×3 convolutions are products of transformed tiles.
    let network = |source: &mut Source| smooth_network(source, [48, 16, 14, 14]);
    let stock = everything(network, &Device::cpu().with_stock_ops());
    for (number, (ours, stock)) in everything(network, &Device::cpu()).iter().zip(&stock).enumerate() {
        close(&format!("{number}"), ours, stock, 1e-4);
    }
}

#[test]
fn gradients_of_a_smooth_network_in_bf16_are_those_in_f32_but_for_rounding() {
    let sizes = [6, 5, 12, 12];
    let network = |source: &mut Source| smooth_network(source, sizes);
    let wide = everything(network, &Device::cpu());
    for (number, (half, wide)) in everything(network, &bf16()).iter().zip(&wide).enumerate() {
        close(&format!("{number}"), half, wide, 0.03);
    }
}

#[test]
fn gradients_of_both_ways_of_a_fork_are_added() {
    let network = |source: &mut Source| {
        let [one, other] = source.maps([3, 17, 5, 4]).fork();
        let [inner, around] = ops::activate(one, &Activation::Kernel(Kernel::Gelu)).fork();
        let together = ops::activate(inner, &Activation::Kernel(Kernel::Silu)).plus(around);
        together.plus(other).into_nchw()
    };
    agree("fork", network);
    let wide = everything(network, &Device::cpu());
    for (half, wide) in everything(network, &bf16()).iter().zip(&wide) {
        close("fork in bf16", half, wide, 0.03);
    }
}

#[test]
fn maps_keep_their_precision_between_operations_and_around_code_of_ones_own() {
    let (device, sizes) = (bf16(), [2, 8, 4, 4]);
    let mut source = Source::new(&device);
    let weight = source.channels(8 * 8 * 9);
    let x = ops::convolution(source.maps(sizes), weight, [8, 8, 3, 3], 1, 1);
    assert_eq!(x.precision(), Precision::Bf16);
    let affine = source.affine(8);
    let x = ops::normalize_by_batch(x, affine, None, &Activation::Kernel(Kernel::Gelu)).output;
    let x = ops::max_pool(x, Window { side: 2, stride: 2, padding: 0 });
    assert_eq!(x.precision(), Precision::Bf16);
    let x = x.change(|x| {
        assert_eq!(x.dtype(), DType::F32);
        x * 2.0
    });
    assert_eq!(x.precision(), Precision::Bf16);
    assert_eq!(ops::global_average_pool(x).dtype(), DType::F32);
}
