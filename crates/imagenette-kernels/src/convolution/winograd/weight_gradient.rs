//! The weights' gradient: input tiles and tiles of the output's gradient are transformed, multiplied at each point and summed over
//! all tiles; the sums are transformed to the gradient of the 3×3 weights at the end.

use super::product::{Product, Tiles, Transform};
use super::transforms::{self, INPUT_SIDE, KERNEL_SIDE, OUTPUT_SIDE, POINTS};
use super::{APART, Aligned, Convolution, Level, Number, Scattered, Simd, Work, pack};
use crate::convolution::tile::{StridedTile, tile_channels};
use rayon::prelude::*;
use std::ops::Range;

/// Transformed numbers of both sides at a time: they stay in the third-level cache.
const ROUND_NUMBERS: usize = 1 << 20;
/// Tiles that are transformed by one task.
const TASK_TILES: usize = 8;
/// Tasks to aim at, so that threads of unequal speed finish together.
const TASKS: usize = 24;

pub(crate) fn run<T: Number>(
    convolution: &Convolution,
    level: Level,
    input: &[T],
    gradient: &[T],
    weight_gradient: &mut [f32],
) {
    let shape = convolution.shape();
    let (inputs, outputs) = (shape.input_channels, shape.output_channels);
    let product = Product {
        source: input,
        images: shape.images,
        side: shape.input,
        channels: inputs,
        padding: shape.padding,
        grid: convolution.output,
    };
    let width = level.panel_channels();
    let panels = outputs.div_ceil(width);
    let tiles = product.tiles();
    if tiles == 0 {
        weight_gradient.fill(0.0);
        return;
    }
    // A tile's row is not a power of two, or the tiles of few channels would share a set of the first-level cache.
    let pitch = inputs + APART;
    let round =
        (ROUND_NUMBERS / (POINTS * (pitch + outputs))).max(6 * TASK_TILES).next_multiple_of(TASK_TILES).min(tiles);
    let mut input_numbers = Aligned::scratch(Tiles::len(round, pitch));
    let mut gradient_numbers = Aligned::scratch(Tiles::len(round, outputs));
    let matrix = inputs * outputs + APART;
    let mut sums = Aligned::scratch(POINTS * matrix);
    let sums = Scattered::new(&mut sums);
    // The tasks: points, and panels where points alone are too few.
    let parts = TASKS.div_ceil(POINTS / 2).clamp(1, panels);
    for first in (0..tiles).step_by(round) {
        let tiles = first..tiles.min(first + round);
        let from = Tiles::new(&mut input_numbers, first, round, pitch);
        let gradient_pitch = Tiles::point_pitch(round, outputs);
        let to = Scattered::new(&mut gradient_numbers);
        (0..tiles.len().div_ceil(TASK_TILES)).into_par_iter().for_each(|i| {
            let tiles = first + i * TASK_TILES..tiles.end.min(first + (i + 1) * TASK_TILES);
            level.run(Transform { product: &product, tiles: tiles.clone(), to: &from });
            level.run(TransformGradient {
                product: &product,
                gradient,
                outputs,
                width,
                tiles,
                first,
                round,
                gradient_pitch,
                to,
            });
        });
        (0..POINTS / 2 * parts).into_par_iter().for_each(|task| {
            let (pair, part) = (task / parts, task % parts);
            for point in [2 * pair, 2 * pair + 1] {
                level.run(Sum {
                    inputs: &from,
                    point,
                    tiles: tiles.len(),
                    gradient: to,
                    gradient_start: point * gradient_pitch,
                    round,
                    panels: panels * part / parts..panels * (part + 1) / parts,
                    width,
                    channels: inputs,
                    outputs,
                    sums,
                    sums_start: point * matrix,
                    fresh: first == 0,
                });
            }
        });
    }
    weight_gradient.par_chunks_mut(width * inputs * KERNEL_SIDE * KERNEL_SIDE).enumerate().for_each(
        |(panel, weights)| {
            level.run(Finish {
                sums,
                start: panel * width * inputs,
                matrix,
                inputs,
                width: width.min(outputs - panel * width),
                weights,
            });
        },
    );
}

/// Transforms some tiles of the output's gradient, to `[point][panel][tile][channel of the panel]`.
struct TransformGradient<'a, T> {
    product: &'a Product<'a, T>,
    gradient: &'a [T],
    outputs: usize,
    width: usize,
    tiles: Range<usize>,
    first: usize,
    round: usize,
    gradient_pitch: usize,
    to: Scattered<'a>,
}

impl<T: Number> Work for TransformGradient<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, outputs, .. } = self;
        let zeros = [T::default(); crate::simd::MAX_LANES];
        for tile in self.tiles {
            let [image, row, column] = product.place(tile);
            let mut pixels = [(zeros.as_ptr(), 0); OUTPUT_SIDE * OUTPUT_SIDE];
            for (i, pixel) in pixels.iter_mut().enumerate() {
                let (y, x) = (row * OUTPUT_SIDE + i / OUTPUT_SIDE, column * OUTPUT_SIDE + i % OUTPUT_SIDE);
                if y < product.grid[0] && x < product.grid[1] {
                    let first = ((image * product.grid[0] + y) * product.grid[1] + x) * outputs;
                    *pixel = (self.gradient[first..first + outputs].as_ptr(), 1);
                }
            }
            for channel in (0..outputs).step_by(S::LANES) {
                let numbers = each!(y in [0 1 2 3] => each!(x in [0 1 2 3] => {
                    let (first, moves) = pixels[y * OUTPUT_SIDE + x];
                    // SAFETY: a pixel of the gradient has `outputs` numbers, and the zeros fill a vector.
                    unsafe { s.load_numbers_from(first.add(channel * moves)) }
                }));
                let panel = channel / self.width;
                let width = self.width.min(outputs - panel * self.width);
                let start = panel * self.width * self.round + (tile - self.first) * width + channel % self.width;
                for (y, points) in transforms::output_gradient_tile(s, numbers).into_iter().enumerate() {
                    for (x, number) in points.into_iter().enumerate() {
                        let place = (y * INPUT_SIDE + x) * self.gradient_pitch + start;
                        // SAFETY: each tile is transformed by one thread, and read when all are done.
                        unsafe { s.store_to(number, self.to.at(place, S::LANES)) };
                    }
                }
            }
        }
    }
}

/// Adds the products of a round's tiles at a point to its sums, `[panel][input channel][output channel of the panel]`.
struct Sum<'a> {
    inputs: &'a Tiles<'a>,
    point: usize,
    tiles: usize,
    gradient: Scattered<'a>,
    gradient_start: usize,
    round: usize,
    panels: Range<usize>,
    width: usize,
    channels: usize,
    outputs: usize,
    sums: Scattered<'a>,
    sums_start: usize,
    fresh: bool,
}

impl Work for Sum<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for channels in tile_channels(0..self.channels) {
            let input = self.point * self.inputs.point_pitch + channels.start;
            let input_len = (self.tiles - 1) * self.inputs.pitch + channels.len();
            for panel in self.panels.clone() {
                let first = panel * self.width;
                let width = self.width.min(self.outputs - first);
                // SAFETY: what is read was written before this phase; each point's sums of a panel are one task's.
                let tile = unsafe {
                    StridedTile {
                        input: self.inputs.numbers.at(input, input_len),
                        input_pitch: self.inputs.pitch,
                        gradient: self.gradient.at(self.gradient_start + first * self.round, self.tiles * width),
                        count: self.tiles,
                        target: self.sums.at(
                            self.sums_start + first * self.channels + channels.start * width,
                            channels.len() * width,
                        ),
                        target_pitch: width,
                        fresh: self.fresh,
                    }
                };
                // SAFETY: the ranges were checked just now.
                unsafe { tile.add_sized(s, channels.len(), width / S::LANES) };
            }
        }
    }
}

/// Transforms a panel's sums to the gradient of its weights.
struct Finish<'a> {
    sums: Scattered<'a>,
    start: usize,
    matrix: usize,
    inputs: usize,
    width: usize,
    weights: &'a mut [f32],
}

impl Work for Finish<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { sums, start, matrix, inputs, width, weights } = self;
        let taps = KERNEL_SIDE * KERNEL_SIDE;
        let mut rows = Aligned::scratch(inputs * taps * width);
        for input in 0..inputs {
            for lane in (0..width).step_by(S::LANES) {
                let points = each!(y in [0 1 2 3 4 5] => each!(x in [0 1 2 3 4 5] => {
                    let place = (y * INPUT_SIDE + x) * matrix + start + input * width + lane;
                    // SAFETY: the sums are whole, and nothing writes to them any more.
                    unsafe { s.load_from(sums.at(place, S::LANES)) }
                }));
                for (y, taps_of_row) in transforms::kernel_gradient_tile(s, points).into_iter().enumerate() {
                    for (x, number) in taps_of_row.into_iter().enumerate() {
                        s.store(number, &mut rows[(input * taps + y * KERNEL_SIDE + x) * width + lane..]);
                    }
                }
            }
        }
        pack::turn(&rows, width, weights, inputs * taps);
    }
}
