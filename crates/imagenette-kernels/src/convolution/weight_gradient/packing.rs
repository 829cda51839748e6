//! What the tiles of a weight gradient read: rows of the input and of the output's gradient, cut into panels of channels,
//! and for each tap the pairs of pixels that it multiplies.

use super::super::tile::Pair;
use super::Chunk;
use crate::buffer::Aligned;
use std::ops::Range;

/// The input as the tiles see it: where a row of a few-channel kernel is one run of numbers, that run is a pixel with
/// `channels` channels, and the taps are the kernel's rows.
pub(super) struct Source<'a> {
    pub(super) numbers: &'a [f32],
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

impl Source<'_> {
    /// Input columns from a packed column to the next: with one tap only every `stride`-th is ever read.
    fn packed_every(&self) -> usize {
        if self.taps[1] == 1 { self.stride[1] } else { 1 }
    }

    /// The ranges of a row's packed columns that lie together: columns that leave the same remainder by the stride, so that
    /// neighbouring outputs read neighbouring pixels. As (first input column, input columns from one to the next, count).
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

impl Chunk<'_> {
    /// Packs the input rows that these output rows read, as `[tile of channels][pixel][channel]`; `pairs` becomes, for each
    /// tap, the pixels that it multiplies. Returns the number of packed pixels.
    pub(super) fn pack_input(
        &self,
        block: Range<usize>,
        tile_channels: &[Range<usize>],
        packed: &mut Aligned,
        pairs: &mut Vec<Vec<Pair>>,
    ) -> usize {
        let source = self.source;
        let phases = source.phases();
        let columns: usize = phases.iter().map(|(_, _, count)| count).sum();
        // Where each input column lies in a packed row.
        let mut column_of = vec![usize::MAX; source.side[1]];
        let mut column = 0;
        for &(first, every, count) in &phases {
            for i in 0..count {
                column_of[first + i * every] = column;
                column += 1;
            }
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
                    let output = (row - block.start + output_y - y) * self.output[1];
                    pairs.extend(source.inside(1, tap_x, self.output[1]).map(|x| Pair {
                        input: (input + column_of[x * source.stride[1] + tap_x - source.padding[1]]) as u32,
                        output: (output + x) as u32,
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
                    (part, to) = to.split_at_mut(count * width);
                    copy_pixels(&from[first * source.pitch + channels.start..], every * source.pitch, part, width);
                }
            }
        }
        pixels
    }

    /// Packs the gradient of these output rows as `[panel][pixel][channel]`, filling channels with zeros.
    pub(super) fn pack_gradient(&self, block: Range<usize>, packed: &mut Aligned) {
        let pixels = block.len() * self.output[1];
        let outputs = self.panels.outputs;
        let start = self.panels.start(self.panel_range.start);
        packed.resize(pixels * (self.panels.start(self.panel_range.end) - start));
        for panel in self.panel_range.clone() {
            let (first, width) = (self.panels.start(panel), self.panels.width_of(panel));
            let to = &mut packed[(first - start) * pixels..][..width * pixels];
            let from = &self.gradient[block.start * self.output[1] * outputs + first..];
            let count = width.min(outputs - first);
            if count == width {
                copy_pixels(from, outputs, to, width);
                continue;
            }
            for (pixel, to) in to.chunks_exact_mut(width).enumerate() {
                to[..count].copy_from_slice(&from[pixel * outputs..][..count]);
                to[count..].fill(0.0);
            }
        }
    }
}

/// Copies `width` numbers from every `pitch`-th number of `from`, one after the other, into `to`.
fn copy_pixels(from: &[f32], pitch: usize, to: &mut [f32], width: usize) {
    /// With the width known, a copy is a few moves rather than a call.
    #[inline(always)]
    fn copy<const WIDTH: usize>(from: &[f32], pitch: usize, to: &mut [f32]) {
        let (to, _) = to.as_chunks_mut::<WIDTH>();
        for (pixel, to) in to.iter_mut().enumerate() {
            to.copy_from_slice(&from[pixel * pitch..][..WIDTH]);
        }
    }
    match width {
        3 => copy::<3>(from, pitch, to),
        4 => copy::<4>(from, pitch, to),
        5 => copy::<5>(from, pitch, to),
        6 => copy::<6>(from, pitch, to),
        8 => copy::<8>(from, pitch, to),
        16 => copy::<16>(from, pitch, to),
        32 => copy::<32>(from, pitch, to),
        48 => copy::<48>(from, pitch, to),
        64 => copy::<64>(from, pitch, to),
        _ => {
            for (pixel, to) in to.chunks_exact_mut(width).enumerate() {
                to.copy_from_slice(&from[pixel * pitch..][..width]);
            }
        }
    }
}
