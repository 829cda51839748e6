//! The weights' gradient: input tiles and tiles of the output's gradient are transformed, multiplied at each point and
//! summed over all tiles; the sums are transformed to the gradient of the 3×3 weights at the end.

use super::product::{Product, Tiles, transform, zeros};
use super::transforms::{self, INPUT_SIDE, KERNEL_SIDE, OUTPUT_SIDE, POINTS};
use super::{APART, Aligned, Bf16, Convolution, Level, Levels, Number, Scattered, Simd, Work, pack, pair_up};
use crate::convolution::tile::{StridedTile, tile_channels};
use crate::number::{is_bf16, per_word};
use crate::tasks::{for_each, for_each_chunk};
use std::marker::PhantomData;
use std::ops::Range;

/// Transformed words of both factors at a time: they stay in the third-level cache.
const ROUND_WORDS: usize = 1 << 20;
/// Words of tiles that one task transforms.
const TASK_WORDS: usize = 8;
/// The number of tasks to aim for, so that threads of unequal speed finish together.
const TASKS: usize = 24;

pub(crate) fn run<T: Number>(
    convolution: &Convolution,
    level: Level,
    input: &[T],
    gradient: &[T],
    weight_gradient: &mut [f32],
) {
    if const { is_bf16::<T>() } && level.multiplies_pairs() {
        run_in_words_of::<Bf16, T>(convolution, level, input, gradient, weight_gradient);
    } else {
        run_in_words_of::<f32, T>(convolution, level, input, gradient, weight_gradient);
    }
}

/// The same with words of `W`: a number of a tile, or the numbers of two tiles as a pair.
fn run_in_words_of<W: Number, T: Number>(
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
    let words = product.tiles().div_ceil(per_word::<W>());
    if words == 0 {
        weight_gradient.fill(0.0);
        return;
    }
    // The pitch must not be a power of two, or tiles of few channels would share a set of the first-level cache.
    let pitch = inputs + APART;
    let round =
        (ROUND_WORDS / (POINTS * (pitch + outputs))).max(6 * TASK_WORDS).next_multiple_of(TASK_WORDS).min(words);
    let mut input_words = Aligned::scratch(Tiles::<f32>::len(round, pitch));
    let mut gradient_words = Aligned::scratch(Tiles::<f32>::len(round, outputs));
    let matrix = inputs * outputs + APART;
    let mut sums = Aligned::scratch(POINTS * matrix);
    let sums = Scattered::new(&mut sums);
    // A task is a pair of points and some of the panels, since pairs alone are too few.
    let parts = TASKS.div_ceil(POINTS / 2).clamp(1, panels);
    for first in (0..words).step_by(round) {
        let words = first..words.min(first + round);
        let from = Tiles::new(&mut input_words, first, round, pitch);
        let gradient_pitch = Tiles::<f32>::point_pitch(round, outputs);
        let to = Scattered::new(&mut gradient_words);
        for_each(words.len().div_ceil(TASK_WORDS), |i| {
            let words = first + i * TASK_WORDS..words.end.min(first + (i + 1) * TASK_WORDS);
            let stored_as = PhantomData::<W>;
            level.run(TransformInput { product: &product, words: words.clone(), to: &from, stored_as });
            level.run(TransformGradient {
                product: &product,
                gradient,
                outputs,
                width,
                words,
                first,
                round,
                gradient_pitch,
                to,
                stored_as,
            });
        });
        for_each(POINTS / 2 * parts, |task| {
            let (pair, part) = (task / parts, task % parts);
            for point in [2 * pair, 2 * pair + 1] {
                level.run(Sum {
                    inputs: &from,
                    point,
                    words: words.len(),
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
                    multiplied_as: PhantomData::<W>,
                });
            }
        });
    }
    for_each_chunk(weight_gradient, width * inputs * KERNEL_SIDE * KERNEL_SIDE, |panel, weights| {
        level.run(Finish {
            sums,
            start: panel * width * inputs,
            matrix,
            inputs,
            width: width.min(outputs - panel * width),
            weights,
        });
    });
}

/// Transforms the input of some words of tiles, to `[point][word of tiles][channel]`.
struct TransformInput<'a, W, T> {
    product: &'a Product<'a, T>,
    words: Range<usize>,
    to: &'a Tiles<'a>,
    stored_as: PhantomData<W>,
}

impl<W: Number, T: Number> Work for TransformInput<'_, W, T> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<W, T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, words, to, .. } = self;
        let channels = product.channels;
        assert!(channels.is_multiple_of(S::LANES) && channels <= to.pitch);
        for word in words {
            let [first, second] = [0, 1].map(|i| product.pixels_of(word * per_word::<W>() + i));
            for channel in (0..channels).step_by(S::LANES) {
                // SAFETY: `channel` begins a vector of the product's channels.
                let mut points = unsafe { transform(s, &first, channel) };
                if is_bf16::<W>() {
                    // SAFETY: as above.
                    points = pair_up(s, points, unsafe { transform(s, &second, channel) });
                }
                for (y, points) in points.into_iter().enumerate() {
                    for (x, number) in points.into_iter().enumerate() {
                        let place = to.start(word, y * INPUT_SIDE + x) + channel;
                        // SAFETY: each word is written by one thread, and read when all are done.
                        unsafe { s.store_to(number, to.numbers.at(place, S::LANES)) };
                    }
                }
            }
        }
    }
}

/// Transforms some words of tiles of the output's gradient, to `[point][panel][word of tiles][channel of the panel]`.
struct TransformGradient<'a, W, T> {
    product: &'a Product<'a, T>,
    gradient: &'a [T],
    outputs: usize,
    width: usize,
    words: Range<usize>,
    first: usize,
    round: usize,
    gradient_pitch: usize,
    to: Scattered<'a>,
    stored_as: PhantomData<W>,
}

/// Where the channels of each pixel of a tile of the gradient begin, and how far the address moves from channel to
/// channel.
type GradientPixels<T> = [(*const T, usize); OUTPUT_SIDE * OUTPUT_SIDE];

impl<W: Number, T: Number> Work for TransformGradient<'_, W, T> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<W, T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for word in self.words.clone() {
            let [first, second] = [0, 1].map(|i| self.pixels_of(word * per_word::<W>() + i));
            for channel in (0..self.outputs).step_by(S::LANES) {
                // SAFETY: `channel` begins a vector of the gradient's channels.
                let mut points = unsafe { transform_gradient(s, &first, channel) };
                if is_bf16::<W>() {
                    // SAFETY: as above.
                    points = pair_up(s, points, unsafe { transform_gradient(s, &second, channel) });
                }
                let panel = channel / self.width;
                let width = self.width.min(self.outputs - panel * self.width);
                let start = panel * self.width * self.round + (word - self.first) * width + channel % self.width;
                for (y, points) in points.into_iter().enumerate() {
                    for (x, number) in points.into_iter().enumerate() {
                        let place = (y * INPUT_SIDE + x) * self.gradient_pitch + start;
                        // SAFETY: each word is written by one thread, and read when all are done.
                        unsafe { s.store_to(number, self.to.at(place, S::LANES)) };
                    }
                }
            }
        }
    }
}

impl<W, T: Number> TransformGradient<'_, W, T> {
    /// Where the pixels of a tile are; those past the grid's end, or of a tile past the last, are zeros.
    fn pixels_of(&self, tile: usize) -> GradientPixels<T> {
        let product = self.product;
        let mut pixels = [(zeros(), 0); OUTPUT_SIDE * OUTPUT_SIDE];
        if tile >= product.tiles() {
            return pixels;
        }
        let [image, row, column] = product.place(tile);
        for (i, pixel) in pixels.iter_mut().enumerate() {
            let (y, x) = (row * OUTPUT_SIDE + i / OUTPUT_SIDE, column * OUTPUT_SIDE + i % OUTPUT_SIDE);
            if y < product.grid[0] && x < product.grid[1] {
                let first = ((image * product.grid[0] + y) * product.grid[1] + x) * self.outputs;
                *pixel = (self.gradient[first..first + self.outputs].as_ptr(), 1);
            }
        }
        pixels
    }
}

/// The points of a tile of the gradient for the vector of channels that begins at `channel`.
///
/// # Safety
/// The pixels are of a tile whose channels hold a vector from `channel` on.
#[inline(always)]
unsafe fn transform_gradient<S: Simd, T: Number>(
    s: S,
    pixels: &GradientPixels<T>,
    channel: usize,
) -> [[S::V; INPUT_SIDE]; INPUT_SIDE] {
    let numbers = each!(y in [0 1 2 3] => each!(x in [0 1 2 3] => {
        let (first, moves) = pixels[y * OUTPUT_SIDE + x];
        // SAFETY: a pixel of the gradient has these numbers by the caller's promise, and the zeros fill a vector.
        unsafe { s.load_numbers_from(first.add(channel * moves)) }
    }));
    transforms::output_gradient_tile(s, numbers)
}

/// Adds the products of a round's words of tiles at a point to its sums, `[panel][input channel][output channel of the
/// panel]`.
struct Sum<'a, W> {
    inputs: &'a Tiles<'a>,
    point: usize,
    words: usize,
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
    multiplied_as: PhantomData<W>,
}

impl<W: Number> Work for Sum<'_, W> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<W, f32>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for channels in tile_channels(0..self.channels) {
            let input = self.point * self.inputs.point_pitch + channels.start;
            let input_len = (self.words - 1) * self.inputs.pitch + channels.len();
            for panel in self.panels.clone() {
                let first = panel * self.width;
                let width = self.width.min(self.outputs - first);
                // SAFETY: what is read was written before this phase; each point's sums of a panel are one task's.
                let tile = unsafe {
                    StridedTile {
                        input: self.inputs.numbers.at(input, input_len),
                        input_pitch: self.inputs.pitch,
                        gradient: self.gradient.at(self.gradient_start + first * self.round, self.words * width),
                        count: self.words,
                        target: self.sums.at(
                            self.sums_start + first * self.channels + channels.start * width,
                            channels.len() * width,
                        ),
                        target_pitch: width,
                        fresh: self.fresh,
                    }
                };
                // SAFETY: the ranges were checked just now.
                unsafe { tile.add_sized::<S, W>(s, channels.len(), width / S::LANES) };
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
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { sums, start, matrix, inputs, width, weights } = self;
        let taps = KERNEL_SIDE * KERNEL_SIDE;
        let mut rows = Aligned::scratch(inputs * taps * width);
        for input in 0..inputs {
            for lane in (0..width).step_by(S::LANES) {
                let points = each!(y in [0 1 2 3 4 5] => each!(x in [0 1 2 3 4 5] => {
                    let place = (y * INPUT_SIDE + x) * matrix + start + input * width + lane;
                    // SAFETY: the sums are complete, and nothing writes to them anymore.
                    unsafe { s.load_from(sums.at(place, S::LANES)) }
                }));
                for (y, taps_of_row) in transforms::kernel_gradient_tile(s, points).into_iter().enumerate() {
                    for (x, number) in taps_of_row.into_iter().enumerate() {
                        s.store(number, &mut rows[(input * taps + y * KERNEL_SIDE + x) * width + lane..]);
                    }
                }
            }
        }
        pack::transpose(&rows, width, weights, inputs * taps);
    }
}
