//! 3×3 convolutions with stride 1 by F(4×4, 3×3): a tile of 4×4 outputs takes 36 products of transformed numbers for
//! each pair of channels instead of 144. The convolution becomes 36 matrix products, one for each point of a tile, on
//! the same register tiles as the direct way, which remains for all other shapes and for batches that are too small to
//! gain.
//!
//! Sums and transforms are f32. Rounding errors are a few times those of the direct way. Where maps are `Bf16` and a
//! level multiplies pairs of them, transformed tiles and weights are rounded to pairs, and errors are about seven
//! times those of rounded weights alone.
#![expect(unsafe_code, reason = "addresses for the register tiles, disjoint writes from several threads")]

mod product;
mod transforms;
mod weight_gradient;

use super::{Convolution, pack};
use crate::bf16::Bf16;
use crate::buffer::Aligned;
use crate::level::{Level, Levels, Work};
use crate::normalization::PartMoments;
use crate::number::{Number, is_bf16, per_word};
use crate::scattered::Scattered;
use crate::simd::Simd;
use crate::tasks::for_each_chunk;
use product::Product;
use std::marker::PhantomData;
use transforms::{INPUT_SIDE, KERNEL_SIDE, OUTPUT_SIDE, POINTS};
pub(super) use weight_gradient::run as weight_gradient;

/// How many tiles' products take as long as transforming the weights, whose 36 numbers for 9 rarely stay in the
/// caches.
const WEIGHTS_IN_TILES: usize = 32;
/// What a tile costs with its transforms, in percent of its products alone; and the same for pairs, whose products
/// take half the time.
const TILE_PERCENT: usize = 120;
const TILE_OF_PAIRS_PERCENT: usize = 160;

/// The two passes whose result is a map; the weights' gradient has a module of its own.
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
        // Without an instruction for pairs of bf16, they are multiplied to test the direct way, not for speed.
        let pairs = multiplies_pairs::<T>(level);
        if !fits || (pairs && !level.has_bf16_products()) {
            return false;
        }
        let tiles = shape.images * self.output[0].div_ceil(OUTPUT_SIDE) * self.output[1].div_ceil(OUTPUT_SIDE);
        let percent = if pairs { TILE_OF_PAIRS_PERCENT } else { TILE_PERCENT };
        let transformed = POINTS * (tiles + WEIGHTS_IN_TILES) * percent / 100;
        // The direct way skips the products with padding in small images.
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
        transformed < shape.images * seen
    }

    /// The output, or the input's gradient, whose source is the output's gradient and whose kernels are rotated by
    /// 180°.
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
        let rotated: Vec<usize> = (0..self.taps()).rev().collect();
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
                taps: &rotated,
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
        if const { is_bf16::<T>() } && level.multiplies_pairs() {
            product.run::<Bf16>(level, &Kernels::transform::<Bf16, T>(level, weights, &order), target, moments);
        } else {
            product.run::<f32>(level, &Kernels::transform::<f32, T>(level, weights, &order), target, moments);
        }
    }
}

/// Whether tiles of maps of `T` are stored and multiplied as pairs of `Bf16` once they are transformed.
fn multiplies_pairs<T: Number>(level: Level) -> bool {
    is_bf16::<T>() && level.multiplies_pairs()
}

/// Transformed weights as words, `[panel][point][word of input channels][output channel of the panel]`.
struct Kernels {
    data: Aligned,
    /// Words of the input channels.
    words: usize,
    outputs: usize,
    /// Output channels of a panel; the last may have fewer.
    width: usize,
}

/// Unused words between the points' matrices, so that the same place of each falls into another set of the caches.
const APART: usize = 16;

/// The same in numbers of `W`.
const fn apart<W: Number>() -> usize {
    APART * per_word::<W>()
}

impl Kernels {
    /// Transforms weights for maps of `T` to words of `W`. Pairs are rounded after the transform; otherwise weights
    /// are rounded before it, as the direct way does.
    fn transform<W: Number, T: Number>(level: Level, weights: &[f32], order: &pack::Order<'_>) -> Self {
        struct Panel<'a, W> {
            rows: &'a [f32],
            inputs: usize,
            width: usize,
            to: &'a mut [f32],
            words: PhantomData<W>,
        }
        impl<W: Number> Work for Panel<'_, W> {
            type Output = ();
            // Weights are f32, whatever maps are.
            const LEVELS: Levels = Levels::multiplying::<W, f32>();
            #[inline(always)]
            fn run<S: Simd>(self, s: S) {
                let Self { rows, inputs, width, to, .. } = self;
                let pitch = inputs / per_word::<W>() * width + APART;
                for word in 0..inputs / per_word::<W>() {
                    for lane in (0..width).step_by(S::LANES) {
                        let first = word * per_word::<W>() * width + lane;
                        let mut points = kernel_tile(s, rows, inputs * width, first);
                        if is_bf16::<W>() {
                            let second = kernel_tile(s, rows, inputs * width, first + width);
                            points = pair_up(s, points, second);
                        }
                        for (y, points) in points.into_iter().enumerate() {
                            for (x, point) in points.into_iter().enumerate() {
                                s.store(point, &mut to[(y * INPUT_SIDE + x) * pitch + word * width + lane..]);
                            }
                        }
                    }
                }
            }
        }
        /// The points of the kernels that begin at `first` of each tap.
        #[inline(always)]
        fn kernel_tile<S: Simd>(s: S, rows: &[f32], tap: usize, first: usize) -> [[S::V; INPUT_SIDE]; INPUT_SIDE] {
            let taps =
                each!(y in [0 1 2] => each!(x in [0 1 2] => s.load(&rows[(y * KERNEL_SIDE + x) * tap + first..])));
            transforms::kernel_tile(s, taps)
        }
        let packed = if const { is_bf16::<W>() } {
            pack::Panels::pack::<f32, f32>(level, weights, order.inputs, order)
        } else {
            pack::Panels::pack::<f32, T>(level, weights, order.inputs, order)
        };
        assert!(order.inputs.is_multiple_of(per_word::<W>()));
        let words = order.inputs / per_word::<W>();
        let mut kernels = Self { data: Aligned::scratch(0), words, outputs: order.outputs, width: packed.width };
        kernels.data.resize(kernels.start(packed.count()));
        let len = kernels.start(1);
        for_each_chunk(&mut kernels.data[..], len, |panel, to| {
            let (rows, width) = (packed.rows_of(panel), packed.width_of(panel));
            level.run(Panel { rows, inputs: order.inputs, width, to, words: PhantomData::<W> });
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

    /// Where a panel begins.
    fn start(&self, panel: usize) -> usize {
        POINTS * (self.words * self.first_of(panel) + APART * panel)
    }

    fn width_of(&self, panel: usize) -> usize {
        self.first_of(panel + 1) - self.first_of(panel)
    }

    /// A panel's matrix at a point, `[word of input channels][output channel]`.
    fn matrix(&self, panel: usize, point: usize) -> &[f32] {
        let len = self.words * self.width_of(panel);
        &self.data[self.start(panel) + point * (len + APART)..][..len]
    }
}

/// Each point of a tile with the same point of another tile, as pairs of `Bf16`.
#[inline(always)]
fn pair_up<S: Simd, const SIDE: usize>(
    s: S,
    first: [[S::V; SIDE]; SIDE],
    second: [[S::V; SIDE]; SIDE],
) -> [[S::V; SIDE]; SIDE] {
    let mut pairs = first;
    for (pairs, second) in pairs.iter_mut().zip(second) {
        for (pair, second) in pairs.iter_mut().zip(second) {
            *pair = s.pair_up(*pair, second);
        }
    }
    pairs
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

    /// Errors of pairs of `Bf16` are relative to the largest result, since the transform back magnifies what rounding
    /// leaves.
    fn assert_near<T: Number>(what: &str, found: &[T], expected: &[f64], is_rounded: bool) {
        let most = expected.iter().fold(1.0f64, |most, x| most.max(x.abs()));
        let allowed = if is_rounded { 0.08 * most } else { 1e-4 };
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (f64::from(found.to_f32()) - expected).abs();
            assert!(error < allowed, "{what}: element {i} is {found:?}, expected {expected} ± {allowed}");
        }
    }

    fn check<T: Number>(level: Level, shape: ConvolutionShape) {
        let wide = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let stored = |numbers: Vec<f32>| numbers.into_iter().map(T::from_f32).collect::<Vec<T>>();
        let back = |numbers: &[T]| numbers.iter().map(|x| f64::from(x.to_f32())).collect::<Vec<f64>>();
        let with = Convolution::new(shape).expect("a valid shape");
        let (input, weights) = (stored(numbers(with.input_len(), 1)), numbers(with.weights_len(), 2));
        let gradient = stored(numbers(with.output_len(), 3));
        let is_rounded = is_bf16::<T>();
        let name = |what: &str| format!("{what} on {level} in {} of {shape:?}", T::PRECISION);

        let mut output = vec![T::from_f32(f32::NAN); with.output_len()];
        with.transformed(Pass::Output, level, &input, &weights, &mut output, None);
        let expected = twin::forward(&with, &back(&input), &wide(&weights));
        assert_near(&name("output"), &output, &expected, is_rounded);
        let mut input_gradient = vec![T::from_f32(f32::NAN); with.input_len()];
        with.transformed(Pass::InputGradient, level, &gradient, &weights, &mut input_gradient, None);
        let expected = twin::input_gradient(&with, &back(&gradient), &wide(&weights));
        assert_near(&name("input gradient"), &input_gradient, &expected, is_rounded);
        let mut weight_gradient_found = vec![f32::NAN; with.weights_len()];
        weight_gradient(&with, level, &input, &gradient, &mut weight_gradient_found);
        let expected = twin::weight_gradient(&with, &back(&input), &back(&gradient));
        assert_near(&name("weight gradient"), &weight_gradient_found, &expected, is_rounded);
    }

    /// Also for sizes that are never worth it: one pixel, one image, sides that end within a tile, an odd number of
    /// tiles, no image at all. Only here are pairs multiplied on the portable level.
    #[test]
    fn transformed_products_are_right_for_the_smallest_sizes() {
        for (images, input, padding) in
            [(1, [1, 1], [1, 1]), (1, [3, 5], [0, 0]), (2, [4, 7], [1, 1]), (3, [2, 1], [2, 1]), (0, [4, 4], [1, 1])]
        {
            for level in Level::available() {
                let shape = ConvolutionShape {
                    images,
                    input,
                    input_channels: 16,
                    output_channels: 32,
                    kernel: [3; 2],
                    stride: [1; 2],
                    padding,
                };
                check::<f32>(level, shape);
                check::<Bf16>(level, shape);
            }
        }
    }
}
