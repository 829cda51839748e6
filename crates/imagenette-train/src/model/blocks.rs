//! Parts of networks beyond the plain layers: pooling that blurs, gates by channel, attention between places, and
//! convolutions in groups.

use burn::tensor::{Tensor, activation, module};
use imagenette_recipe::model::Halving;

use super::layers::{Convolution, Linear, Pass};
use super::onnx::{Graph, Value};
use crate::compute::weights::{Initial, Layout, Role, SlotId};
use crate::ops::{self, Activation, Maps, Ops, Window};

/// Halves maps; `window` is what the maximum is taken over where nothing is blurred.
pub(super) fn halve(by: Halving, x: Maps, window: Window) -> Maps {
    match by {
        Halving::Max => ops::max_pool(x, window),
        Halving::MaxBlur => {
            // [N, C, H, W] -> [N, C, H - 1, W - 1] -> [N, C, H / 2, W / 2]
            ops::blur_pool(ops::max_pool(x, Window { side: 2, stride: 1, padding: 0 }))
        }
    }
}

/// A gate for each channel, computed from the means of all channels.
///
/// # Source
/// Hu et al., "Squeeze-and-excitation networks", 2017, section 3; sizes as fastai's `SEModule`.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    squeeze: Linear,
    excite: Linear,
    activation: Activation,
}

impl Gate {
    pub(super) fn new(
        layout: &mut Layout,
        name: &str,
        channels: usize,
        reduction: usize,
        activation: Activation,
    ) -> Self {
        let narrow = (channels / reduction).div_ceil(8) * 8;
        let initial = Initial::HeNormal;
        Self {
            squeeze: Linear::with(layout, &format!("{name}.squeeze"), [channels, narrow], true, initial),
            excite: Linear::with(layout, &format!("{name}.excite"), [narrow, channels], true, initial),
            activation,
        }
    }

    /// [`Gate::forward`] as ONNX.
    pub(super) fn write(&self, graph: &mut Graph, x: &Value) -> Value {
        let means = graph.global_average_pool(x);
        let narrow = self.squeeze.write(graph, &means);
        let narrow = graph.activate(narrow, &self.activation);
        let excited = self.excite.write(graph, &narrow);
        graph.gate(x, &excited)
    }

    pub(super) fn forward(&self, pass: &Pass, x: Maps) -> Maps {
        let means = ops::global_average_pool(x.clone()); // [N, C]
        let narrow = self.activation.of_rows(self.squeeze.forward(pass, means));
        let gate = activation::sigmoid(self.excite.forward(pass, narrow)); // [N, C]
        x.times(gate)
    }
}

/// Attention of every place to every other, simplified to products of channels; begins as the identity.
///
/// # Source
/// Doria's "simple self-attention" as in fastai's `SimpleSelfAttention` (not symmetric): x + γ (x xᵀ) (W x), with W divided
/// by its largest singular value (Miyato et al., "Spectral normalization", 2018, algorithm 1).
#[derive(Debug, Clone)]
pub(super) struct SelfAttention {
    weight: SlotId,
    /// The left singular vector of the largest singular value, followed by one iteration a step.
    direction: SlotId,
    size: SlotId,
    channels: usize,
}

impl SelfAttention {
    pub(super) fn new(layout: &mut Layout, name: &str, channels: usize) -> Self {
        Self {
            weight: layout.add(format!("{name}.weight"), Role::Weight, &[channels, channels], Initial::HeNormal),
            direction: layout.add(format!("{name}.direction"), Role::Statistic, &[channels], Initial::Uniform),
            size: layout.add(format!("{name}.size"), Role::Bias, &[1], Initial::Constant(0.0)),
            channels,
        }
    }

    /// [`SelfAttention::forward`] of a network that is evaluated, as ONNX: W is divided by its largest singular value here,
    /// once.
    pub(super) fn write(&self, graph: &mut Graph, x: &Value) -> Value {
        let channels = self.channels;
        let wide = |slot| graph.numbers(slot).iter().map(|&number| f64::from(number)).collect::<Vec<f64>>();
        let (weight, direction) = (wide(self.weight), wide(self.direction));
        let unit = |numbers: Vec<f64>| -> Vec<f64> {
            let size = numbers.iter().map(|number| number * number).sum::<f64>().sqrt() + 1e-12;
            numbers.into_iter().map(|number| number / size).collect()
        };
        let left = unit(direction);
        let column = |place: usize| (0..channels).map(|row| weight[row * channels + place] * left[row]).sum();
        let right = unit((0..channels).map(column).collect());
        let rows = weight.chunks_exact(channels).zip(&left);
        let largest: f64 = rows.map(|(row, left)| left * row.iter().zip(&right).map(|(a, b)| a * b).sum::<f64>()).sum();
        let weight: Vec<f32> = weight.iter().map(|number| (number / largest) as f32).collect();
        graph.attention(x, &weight, self.size)
    }

    pub(super) fn forward(&self, pass: &mut Pass, x: Maps) -> Maps {
        let channels = self.channels;
        let weight = pass.tensor(self.weight).reshape([channels, channels]);
        let unit = |x: Tensor<2>| {
            let size = (x.clone() * x.clone()).sum().sqrt() + 1e-12;
            x / size.reshape([1, 1])
        };
        // No gradient goes through the vectors, as in the source.
        let plain = weight.clone().inner();
        let mut left = unit(pass.tensor(self.direction).reshape([channels, 1]));
        let right = unit(plain.clone().transpose().matmul(left.clone()));
        if pass.learns() {
            left = unit(plain.matmul(right.clone()));
            pass.follow(self.direction, left.clone().reshape([channels]));
        }
        let largest = left.transpose().matmul(weight.clone().matmul(right)); // [1, 1]
        let weight = (weight / largest).reshape([1, channels, channels]);
        let size = pass.tensor(self.size).reshape([1, 1, 1]);
        let [n, _, height, width] = x.dims();
        pass.count(n * height * width * channels * channels * 3);
        x.change(|x| {
            let x: Tensor<3> = x.reshape([n, channels, height * width]);
            let products = x.clone().matmul(x.clone().swap_dims(1, 2)); // [N, C, C]
            let attended = products.matmul(weight.expand([n, channels, channels]).matmul(x.clone())); // [N, C, HW]
            (attended * size + x).reshape([n, channels, height, width])
        })
    }
}

/// A convolution whose output channels see only the input channels of their own group.
#[derive(Debug, Clone)]
pub(super) struct GroupedConvolution {
    pub(super) inner: Convolution,
    groups: usize,
}

/// Groups are put together until they fill this many channels, with which our kernels are fast.
const CHUNK: usize = 64;

impl GroupedConvolution {
    /// With one group it is a plain convolution; a normalization takes its output.
    pub(super) fn new(
        layout: &mut Layout,
        name: &str,
        [inputs, outputs]: [usize; 2],
        [kernel, stride, groups]: [usize; 3],
        initial: Initial,
    ) -> Self {
        Self { inner: Convolution::new(layout, name, [inputs / groups, outputs], kernel, stride, initial), groups }
    }

    /// [`GroupedConvolution::forward`] as ONNX, which knows groups.
    pub(super) fn write(&self, graph: &mut Graph, x: &Value) -> Value {
        self.inner.write(graph, x, self.groups)
    }

    pub(super) fn forward(&self, pass: &Pass, x: Maps) -> Maps {
        if self.groups == 1 {
            return self.inner.forward_to_normalize(pass, x);
        }
        let (weight, [outputs, inputs, kernel, _]) = (pass.tensor(self.inner.weight), self.inner.shape);
        let (stride, padding, groups) = (self.inner.stride, self.inner.padding, self.groups);
        let [n, _, height, width] = x.dims();
        let place = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        pass.count(n * place(height) * place(width) * self.inner.shape.iter().product::<usize>());
        if x.ops() == Ops::Stock {
            let options = burn::tensor::ops::ConvOptions::new([stride; 2], [padding; 2], [1, 1], groups);
            return x.change(|x| module::conv2d(x, weight.reshape(self.inner.shape), None, options));
        }
        // Our kernels know no groups. Several groups side by side are a convolution whose weights are zero between
        // them.
        let width_in = inputs; // of one group
        let width_out = outputs / groups;
        let together = (1..=groups).rev().find(|n| groups.is_multiple_of(*n) && n * width_in.max(width_out) <= CHUNK);
        let together = together.unwrap_or(1);
        let chunks = groups / together;
        let (rows, taps) = (together * width_out, width_in * kernel * kernel);
        let own: Vec<f32> = (0..rows)
            .flat_map(|row| (0..together).map(move |group| if row / width_out == group { 1.0 } else { 0.0 }))
            .collect();
        let own = pass.constant(own, [1, rows, together, 1]);
        // [chunks, rows, 1, taps] × [1, rows, together, 1]
        let spread = weight.reshape([chunks, rows, 1, taps]).expand([chunks, rows, together, taps]) * own;
        let spread: Tensor<2> = spread.reshape([chunks, rows * together * taps]);
        let shape = [rows, together * width_in, kernel, kernel];
        let mut parts = (0..chunks).map(|chunk| {
            let part = x.clone().change(|x| x.narrow(1, chunk * together * width_in, together * width_in));
            let weight = spread.clone().narrow(0, chunk, 1).reshape([rows * together * taps]);
            ops::convolution(part, weight, shape, stride, padding)
        });
        let first = parts.next().expect("there is at least one group");
        let rest: Vec<Tensor<4>> = parts.map(Maps::into_nchw).collect();
        first.change(|first| Tensor::cat([vec![first], rest].concat(), 1))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::compute::device::Device;
    use crate::compute::weights::download;

    fn maps(numbers: Vec<f32>, shape: [usize; 4], device: &Device) -> Maps {
        Maps::from_nchw(Tensor::from_data(TensorData::new(numbers, shape), device.plain()), device)
    }

    // import torch, torch.nn.functional as F; x = ((torch.arange(32.) * 7) % 11 - 5).reshape(1, 2, 4, 4)
    // k = torch.tensor([1., 2, 1]); k = (k[:, None] * k / 16).expand(2, 1, 3, 3)
    // F.conv2d(F.pad(F.max_pool2d(x, 2, 1), (1,) * 4, 'reflect'), k, stride=2, groups=2)
    #[test]
    fn blurred_maxima_agree_with_pytorch() {
        for device in [Device::cpu(), Device::cpu().with_stock_ops()] {
            let x = maps((0..32).map(|i| ((i * 7) % 11) as f32 - 5.0).collect(), [1, 2, 4, 4], &device);
            let halved = halve(Halving::MaxBlur, x, Window { side: 3, stride: 2, padding: 1 });
            assert_eq!(halved.dims(), [1, 2, 2, 2]);
            let found = download(&halved.into_nchw());
            for (found, expected) in found.iter().zip(BLURRED) {
                assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} and {expected}");
            }
        }
    }

    const BLURRED: [f64; 8] = [3.25, 4.25, 3.75, 4.5, 4.5, 3.25, 5.0, 3.75];

    #[test]
    fn our_groups_agree_with_burns() {
        for (groups, inputs, outputs, stride) in [(4, 8, 8, 1), (32, 128, 128, 2), (3, 12, 6, 1), (2, 160, 160, 1)] {
            let mut found = [Device::cpu(), Device::cpu().with_stock_ops()].map(|device| {
                let mut layout = Layout::default();
                let with = [3, stride, groups];
                let layer = GroupedConvolution::new(&mut layout, "x", [inputs, outputs], with, Initial::HeNormal);
                let weights = crate::compute::weights::Weights::draw(&layout, 1, &device);
                let pass = Pass::learning(&weights, &layout);
                let numbers = (0..2 * inputs * 36).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
                let y = layer.forward(&pass, maps(numbers, [2, inputs, 6, 6], &device)).into_nchw();
                let side = if stride == 2 { 3 } else { 6 };
                assert_eq!(pass.multiply_adds(), (2 * side * side * outputs * inputs / groups * 9) as u64);
                let mut gradients = (y.clone() * y.clone()).sum().backward();
                let (gradients, _) = pass.finish(&mut gradients);
                [download(&y), download(gradients[0].as_ref().unwrap())].concat()
            });
            let stock = found[1].split_off(0);
            for (ours, stock) in found[0].iter().zip(&stock) {
                assert!((ours - stock).abs() <= 1e-3 * (1.0 + stock.abs()), "{groups}: {ours} and {stock}");
            }
        }
    }
}
