//! 3×3 convolutions with stride 1 by F(4×4, 3×3): a tile of 4×4 outputs takes 36 products of transformed numbers for each
//! pair of channels instead of 144. What was a convolution becomes 36 products of matrices, one for each point of a tile, on the
//! same register tiles as the direct way, which stays for all other shapes and for batches too small to be worth it.
//!
//! Sums and transforms are f32. Rounding errors are a few times those of the direct way.
#![expect(unsafe_code, reason = "addresses for the register tiles, disjoint writes from several threads")]

mod product;
mod transforms;
mod weight_gradient;

use super::{Convolution, pack};
use crate::buffer::Aligned;
use crate::level::{Level, Work};
use crate::normalization::PartMoments;
use crate::number::{Number, is_bf16};
use crate::scattered::Scattered;
use crate::simd::Simd;
use product::Product;
use rayon::prelude::*;
use transforms::{KERNEL_SIDE, OUTPUT_SIDE, POINTS};
pub(super) use weight_gradient::run as weight_gradient;

/// Tiles whose products take as long as transforming the weights does, whose 36 numbers for 9 seldom stay in the caches.
const WEIGHTS_IN_TILES: usize = 32;
/// What transforming a tile costs, in hundredths of its products.
const TRANSFORMS_PERCENT: usize = 120;

/// The two passes whose result is a map; the third has a module of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Output,
    InputGradient,
}

impl Convolution {
    /// Whether the transformed products are expected to be faster for maps of `T`.
    pub(super) fn is_worth_transforming<T: Number>(&self, level: Level) -> bool {
        let shape = self.shape();
        let lanes = level.lanes();
        let fits = shape.kernel == [KERNEL_SIDE; 2]
            && shape.stride == [1, 1]
            && shape.input_channels.is_multiple_of(lanes)
            && shape.output_channels.is_multiple_of(lanes)
            && shape.input_channels >= 16;
        // Pairs of bf16 do two products at once, where there is an instruction for it; where there is none, they are multiplied so
        // that the path is tested, not for speed.
        let pairs = is_bf16::<T>() && level.multiplies_pairs();
        if !fits || (pairs && !level.has_bf16_products()) {
            return false;
        }
        let tiles = shape.images * self.output[0].div_ceil(OUTPUT_SIDE) * self.output[1].div_ceil(OUTPUT_SIDE);
        let transformed = POINTS * (tiles + WEIGHTS_IN_TILES) * TRANSFORMS_PERCENT / 100;
        // The direct way leaves out the products with padding in small images.
        let seen: usize = (0..2)
            .map(|axis| {
                (0..KERNEL_SIDE)
                    .map(|tap| {
                        (0..self.output[axis])
                            .filter(|o| (o + tap).wrapping_sub(shape.padding[axis]) < shape.input[axis])
                            .count()
                    })
                    .sum::<usize>()
            })
            .product();
        let direct = shape.images * seen / if pairs { 2 } else { 1 };
        transformed < direct
    }

    /// The output, or the input's gradient, whose source is the output's gradient and whose kernels are turned round.
    pub(super) fn transformed<T: Number>(
        &self,
        pass: Pass,
        level: Level,
        source: &[T],
        weights: &[f32],
        target: &mut [T],
        moments: Option<&mut PartMoments>,
    ) {
        let shape = self.shape();
        let (inputs, outputs) = (shape.input_channels, shape.output_channels);
        let taps: Vec<usize> = (0..self.taps()).collect();
        let turned: Vec<usize> = (0..self.taps()).rev().collect();
        let order = match pass {
            Pass::Output => pack::Order {
                outputs,
                output_stride: inputs * self.taps(),
                inputs,
                input_stride: self.taps(),
                taps: &taps,
            },
            Pass::InputGradient => pack::Order {
                outputs: inputs,
                output_stride: self.taps(),
                inputs: outputs,
                input_stride: inputs * self.taps(),
                taps: &turned,
            },
        };
        let product = match pass {
            Pass::Output => Product {
                source,
                images: shape.images,
                side: shape.input,
                channels: inputs,
                padding: shape.padding,
                grid: self.output,
            },
            Pass::InputGradient => Product {
                source,
                images: shape.images,
                side: self.output,
                channels: outputs,
                padding: [0, 1].map(|axis| KERNEL_SIDE - 1 - shape.padding[axis]),
                grid: shape.input,
            },
        };
        let kernels = Kernels::transform::<T>(level, weights, &order);
        product.run(level, &kernels, target, moments);
    }
}

/// Transformed weights, `[panel][point][input channel][output channel of the panel]`.
struct Kernels {
    data: Aligned,
    inputs: usize,
    outputs: usize,
    /// Output channels of a panel; the last may have fewer.
    width: usize,
}

/// Numbers between the points' matrices beyond what they take, so that the same place of each lies in another set of the caches.
const APART: usize = 16;

impl Kernels {
    fn transform<T: Number>(level: Level, weights: &[f32], order: &pack::Order<'_>) -> Self {
        struct Panel<'a> {
            rows: &'a [f32],
            inputs: usize,
            width: usize,
            to: &'a mut [f32],
        }
        impl Work for Panel<'_> {
            type Output = ();
            #[inline(always)]
            fn run<S: Simd>(self, s: S) {
                let Self { rows, inputs, width, to } = self;
                let pitch = inputs * width + APART;
                for first in (0..inputs * width).step_by(S::LANES) {
                    let taps = each!(y in [0 1 2] => each!(x in [0 1 2] => {
                        s.load(&rows[(y * KERNEL_SIDE + x) * inputs * width + first..])
                    }));
                    for (y, points) in transforms::kernel_tile(s, taps).into_iter().enumerate() {
                        for (x, point) in points.into_iter().enumerate() {
                            s.store(point, &mut to[(y * transforms::INPUT_SIDE + x) * pitch + first..]);
                        }
                    }
                }
            }
        }
        let packed = pack::Panels::pack::<f32, T>(level, weights, order.inputs, order);
        let mut kernels =
            Self { data: Aligned::scratch(0), inputs: order.inputs, outputs: order.outputs, width: packed.width };
        kernels.data.resize(kernels.start(packed.count()));
        let len = kernels.start(1);
        kernels.data.par_chunks_mut(len).enumerate().for_each(|(panel, to)| {
            level.run(Panel { rows: packed.rows_of(panel), inputs: order.inputs, width: packed.width_of(panel), to });
        });
        kernels
    }

    fn count(&self) -> usize {
        self.outputs.div_ceil(self.width)
    }

    /// Output channels before a panel.
    fn first_of(&self, panel: usize) -> usize {
        (panel * self.width).min(self.outputs)
    }

    /// Where a panel's numbers begin.
    fn start(&self, panel: usize) -> usize {
        POINTS * (self.inputs * self.first_of(panel) + APART * panel)
    }

    fn width_of(&self, panel: usize) -> usize {
        self.first_of(panel + 1) - self.first_of(panel)
    }

    /// A panel's matrix at a point, `[input channel][output channel]`.
    fn matrix(&self, panel: usize, point: usize) -> &[f32] {
        let len = self.inputs * self.width_of(panel);
        &self.data[self.start(panel) + point * (len + APART)..][..len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convolution::{ConvolutionShape, twin};

    /// Evenly spread numbers between -1 and 1.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let number = |i: u32| i.wrapping_add(seed).wrapping_mul(2_654_435_761) as i32 as f32 / 2_147_483_648.0;
        (0..count as u32).map(number).collect()
    }

    fn assert_near(what: &str, found: &[f32], expected: &[f64]) {
        for (i, (&found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((f64::from(found) - expected).abs() < 1e-4, "{what}: element {i} is {found}, expected {expected}");
        }
    }

    /// Also where nobody would choose it: one pixel, one image, sides that end within a tile, no image at all.
    #[test]
    fn transformed_products_are_right_for_the_smallest_sizes() {
        let wide = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        for (images, input, padding) in
            [(1, [1, 1], [1, 1]), (1, [3, 5], [0, 0]), (2, [4, 7], [1, 1]), (3, [2, 1], [2, 1]), (0, [4, 4], [1, 1])]
        {
            for level in Level::available() {
                let (input_channels, output_channels) = (16, 32);
                let shape = ConvolutionShape {
                    images,
                    input,
                    input_channels,
                    output_channels,
                    kernel: [3; 2],
                    stride: [1; 2],
                    padding,
                };
                let with = Convolution::new(shape).expect("a valid shape");
                let (input, weights) = (numbers(with.input_len(), 1), numbers(with.weights_len(), 2));
                let gradient = numbers(with.output_len(), 3);
                let name = |what: &str| format!("{what} on {level} of {shape:?}");

                let mut output = vec![f32::NAN; with.output_len()];
                with.transformed(Pass::Output, level, &input, &weights, &mut output, None);
                assert_near(&name("output"), &output, &twin::forward(&with, &wide(&input), &wide(&weights)));
                let mut input_gradient = vec![f32::NAN; with.input_len()];
                with.transformed(Pass::InputGradient, level, &gradient, &weights, &mut input_gradient, None);
                let expected = twin::input_gradient(&with, &wide(&gradient), &wide(&weights));
                assert_near(&name("input gradient"), &input_gradient, &expected);
                let mut weight_gradient_found = vec![f32::NAN; with.weights_len()];
                weight_gradient(&with, level, &input, &gradient, &mut weight_gradient_found);
                let expected = twin::weight_gradient(&with, &wide(&input), &wide(&gradient));
                assert_near(&name("weight gradient"), &weight_gradient_found, &expected);
            }
        }
    }
}
