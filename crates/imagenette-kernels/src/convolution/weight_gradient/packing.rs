//! What the tiles of a weight gradient read: rows of the input and of the output's gradient, cut into panels of
//! channels, and for each tap the pairs of pixels that it multiplies.
//!
//! Pairs of `Bf16` are two pixels side by side. Of the gradient they are pixels 0 and 1, 2 and 3, … of a row. A tap
//! may shift the input by an odd number of pixels, so of the input there is a pair that begins at every pixel, and one
//! that begins before the first. A number of a pair that is outside the row is zero.

use super::super::tile::Pair;
use super::Chunk;
use crate::bf16::Bf16;
use crate::buffer::Aligned;
use crate::number::{Number, is_bf16, per_word};
use std::ops::Range;

/// The input as the tiles see it: where a row of a few-channel kernel is one run of numbers, that run is a pixel with
/// `channels` channels, and the taps are the kernel's rows.
pub(super) struct Source<'a, T> {
    pub(super) numbers: &'a [T],
    /// Rows and columns of pixels.
    pub(super) side: [usize; 2],
    /// Numbers from a pixel to the next, and from a row to the next.
    pub(super) pitch: usize,
    pub(super) row_pitch: usize,
    pub(super) channels: usize,
    pub(super) taps: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
}

impl<T: Number> Source<'_, T> {
    /// Input columns from a packed column to the next: with one tap only every `stride`-th is ever read.
    fn packed_every(&self) -> usize {
        if self.taps[1] == 1 { self.stride[1] } else { 1 }
    }

    /// The ranges of a row's columns that are packed together: columns that leave the same remainder by the stride, so
    /// that neighboring outputs read neighboring pixels. As (first input column, input columns from one to the next,
    /// count).
    fn phases(&self) -> Vec<(usize, usize, usize)> {
        let stride = self.stride[1];
        let phases = if self.packed_every() > 1 { 1 } else { stride };
        (0..phases.min(self.side[1])).map(|first| (first, stride, (self.side[1] - first).div_ceil(stride))).collect()
    }

    /// The outputs along an axis whose tap lies within the image.
    fn inside(&self, axis: usize, tap: usize, outputs: usize) -> Range<usize> {
        let (stride, padding) = (self.stride[axis], self.padding[axis]);
        let first = padding.saturating_sub(tap).div_ceil(stride);
        let end = (self.side[axis] + padding).saturating_sub(tap).div_ceil(stride).min(outputs);
        first..end.max(first)
    }
}

impl<T: Number> Chunk<'_, T> {
    /// Words that a row of output pixels takes.
    pub(super) fn words_of_row<W: Number>(&self) -> usize {
        self.output[1].div_ceil(per_word::<W>())
    }

    /// Packs the input rows that these output rows read, as words `[tile of channels][pixel][channel]`; `pairs`
    /// becomes, for each tap, the words that it multiplies. Returns the number of packed pixels.
    #[inline(always)]
    pub(super) fn pack_input<W: Number>(
        &self,
        block: Range<usize>,
        tile_channels: &[Range<usize>],
        packed: &mut Aligned,
        pairs: &mut Vec<Vec<Pair>>,
    ) -> usize {
        let source = self.source;
        let phases = source.phases();
        // Of `Bf16` each range has one more word, the one that begins before it.
        let lead = per_word::<W>() - 1;
        let columns: usize = phases.iter().map(|(_, _, count)| lead + count).sum();
        // Where each input column is in a packed row.
        let mut column_of = vec![usize::MAX; source.side[1]];
        let mut column = 0;
        for &(first, every, count) in &phases {
            for i in 0..count {
                column_of[first + i * every] = column + lead + i;
            }
            column += lead + count;
        }
        let [taps_y, taps_x] = source.taps;
        // With one tap only every `stride`-th row is ever read.
        let row_every = if taps_y == 1 { source.stride[0] } else { 1 };
        pairs.resize_with(taps_y * taps_x, Vec::new);
        pairs.iter_mut().for_each(Vec::clear);
        // Packed rows as (image, input row).
        let mut rows: Vec<(usize, usize)> = Vec::new();
        let mut row = block.start;
        while row < block.end {
            let (image, y) = (row / self.output[0], row % self.output[0]);
            let count = (self.output[0] - y).min(block.end - row);
            // Of this image: output rows y..y + count, which read input rows first_y..end_y.
            let end_y =
                ((y + count - 1) * source.stride[0] + taps_y).saturating_sub(source.padding[0]).min(source.side[0]);
            let first_y = (y * source.stride[0]).saturating_sub(source.padding[0]).min(end_y);
            for (tap, pairs) in pairs.iter_mut().enumerate() {
                let (tap_y, tap_x) = (tap / taps_x, tap % taps_x);
                let inside_y = source.inside(0, tap_y, self.output[0]);
                for output_y in inside_y.start.max(y)..inside_y.end.min(y + count) {
                    let input_y = output_y * source.stride[0] + tap_y - source.padding[0];
                    let input = (rows.len() + (input_y - first_y) / row_every) * columns;
                    let output = (row - block.start + output_y - y) * self.words_of_row::<W>();
                    let inside = source.inside(1, tap_x, self.output[1]);
                    if inside.is_empty() {
                        continue;
                    }
                    let column = |x: usize| column_of[x * source.stride[1] + tap_x - source.padding[1]];
                    let words = inside.start / per_word::<W>()..inside.end.div_ceil(per_word::<W>());
                    pairs.extend(words.map(|word| {
                        let x = word * per_word::<W>();
                        // Where the tap reaches only the second output of a word, it reads the input word before that
                        // output's.
                        let column = if x < inside.start { column(x + 1) - 1 } else { column(x) };
                        Pair { input: (input + column) as u32, output: (output + word) as u32 }
                    }));
                }
            }
            rows.extend((first_y..end_y).step_by(row_every).map(|y| (image, y)));
            row += count;
        }
        let pixels = rows.len() * columns;
        assert!(u32::try_from(pixels.max(block.len() * self.output[1])).is_ok(), "a row of pixels is too long");
        packed.resize(pixels * self.channels.len());
        for channels in tile_channels {
            let width = channels.len();
            let panel = &mut packed[(channels.start - self.channels.start) * pixels..][..width * pixels];
            for (&(image, y), mut to) in rows.iter().zip(panel.chunks_exact_mut(columns * width)) {
                let from = &source.numbers[(image * source.side[0] + y) * source.row_pitch..];
                for &(first, every, count) in &phases {
                    let part;
                    (part, to) = to.split_at_mut((lead + count) * width);
                    let (from, pitch) = (&from[first * source.pitch + channels.start..], every * source.pitch);
                    if is_bf16::<W>() {
                        pair_neighbors(from, pitch, part, width);
                    } else {
                        copy_pixels(from, pitch, part, width);
                    }
                }
            }
        }
        pixels
    }

    /// Packs the gradient of these output rows as words `[panel][pixel][channel]`, padding channels with zeros.
    #[inline(always)]
    pub(super) fn pack_gradient<W: Number>(&self, block: Range<usize>, packed: &mut Aligned) {
        let words = block.len() * self.words_of_row::<W>();
        let outputs = self.panels.outputs;
        let start = self.panels.start(self.panel_range.start);
        packed.resize(words * (self.panels.start(self.panel_range.end) - start));
        for panel in self.panel_range.clone() {
            let (first, width) = (self.panels.start(panel), self.panels.width_of(panel));
            let to = &mut packed[(first - start) * words..][..width * words];
            let from = &self.gradient[block.start * self.output[1] * outputs + first..];
            let count = width.min(outputs - first);
            if is_bf16::<W>() {
                for (row, to) in to.chunks_exact_mut(self.words_of_row::<W>() * width).enumerate() {
                    let from = &from[row * self.output[1] * outputs..];
                    pair_up(from, outputs, self.output[1], count, to, width);
                }
                continue;
            }
            if count == width {
                copy_pixels(from, outputs, to, width);
                continue;
            }
            for (pixel, to) in to.chunks_exact_mut(width).enumerate() {
                for (to, from) in to.iter_mut().zip(&from[pixel * outputs..][..count]) {
                    *to = from.to_f32();
                }
                to[count..].fill(0.0);
            }
        }
    }
}

/// `T` as the `Bf16` that it is where this is called.
#[inline(always)]
fn half<T: Number>(x: T) -> Bf16 {
    Bf16::from_bits((x.to_f32().to_bits() >> 16) as u16)
}

/// Words of `width` channels of each pixel and the next one, where pixels are `pitch` numbers apart: first zeros with
/// the first pixel, at the end the last pixel with zeros.
#[inline(always)]
fn pair_neighbors<T: Number>(from: &[T], pitch: usize, to: &mut [f32], width: usize) {
    /// With the width known, a pixel is a few instructions rather than a loop.
    #[inline(always)]
    fn join<T: Number, const WIDTH: usize>(from: &[T], pitch: usize, to: &mut [f32]) {
        let (to, _) = to.as_chunks_mut::<WIDTH>();
        let mut first = [Bf16::default(); WIDTH];
        for (pixel, to) in to.iter_mut().enumerate() {
            let second = match from.get(pixel * pitch..pixel * pitch + WIDTH) {
                Some(numbers) => std::array::from_fn(|c| half(numbers[c])),
                None => [Bf16::default(); WIDTH],
            };
            *to = std::array::from_fn(|c| Bf16::pair(first[c], second[c]));
            first = second;
        }
    }
    // What follows the last pixel is not this row's.
    let count = to.len() / width - 1;
    let from = &from[..(count - 1) * pitch + width];
    match width {
        1 => join::<T, 1>(from, pitch, to),
        2 => join::<T, 2>(from, pitch, to),
        3 => join::<T, 3>(from, pitch, to),
        4 => join::<T, 4>(from, pitch, to),
        5 => join::<T, 5>(from, pitch, to),
        6 => join::<T, 6>(from, pitch, to),
        _ => unreachable!("tiles have one to six channels"),
    }
}

/// Words of `count` channels of pixels 0 and 1, 2 and 3, … of `pixels` that are `pitch` numbers apart, padded with
/// zeros to `width` channels and whole words.
#[inline(always)]
fn pair_up<T: Number>(from: &[T], pitch: usize, pixels: usize, count: usize, to: &mut [f32], width: usize) {
    for (word, to) in to.chunks_exact_mut(width).enumerate() {
        let first = &from[2 * word * pitch..][..count];
        if 2 * word + 1 < pixels {
            let second = &from[(2 * word + 1) * pitch..][..count];
            for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
                *to = Bf16::pair(half(*first), half(*second));
            }
        } else {
            for (to, first) in to.iter_mut().zip(first) {
                *to = Bf16::pair(half(*first), Bf16::default());
            }
        }
        to[count..].fill(0.0);
    }
}

/// Copies `width` numbers from every `pitch`-th number of `from`, one after the other, into `to`.
#[inline(always)]
fn copy_pixels<T: Number>(from: &[T], pitch: usize, to: &mut [f32], width: usize) {
    /// With the width known, a copy is a few moves rather than a call.
    #[inline(always)]
    fn copy<T: Number, const WIDTH: usize>(from: &[T], pitch: usize, to: &mut [f32]) {
        let (to, _) = to.as_chunks_mut::<WIDTH>();
        for (pixel, to) in to.iter_mut().enumerate() {
            let from = &from[pixel * pitch..][..WIDTH];
            if is_bf16::<T>() {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = from.to_f32();
                }
            } else {
                to.copy_from_slice(bytemuck::cast_slice(from));
            }
        }
    }
    match width {
        3 => copy::<T, 3>(from, pitch, to),
        4 => copy::<T, 4>(from, pitch, to),
        5 => copy::<T, 5>(from, pitch, to),
        6 => copy::<T, 6>(from, pitch, to),
        8 => copy::<T, 8>(from, pitch, to),
        16 => copy::<T, 16>(from, pitch, to),
        32 => copy::<T, 32>(from, pitch, to),
        48 => copy::<T, 48>(from, pitch, to),
        64 => copy::<T, 64>(from, pitch, to),
        _ => {
            for (pixel, to) in to.chunks_exact_mut(width).enumerate() {
                for (to, from) in to.iter_mut().zip(&from[pixel * pitch..][..width]) {
                    *to = from.to_f32();
                }
            }
        }
    }
}
