//! The weights' gradient: for every tap a product of input channels and output channels, summed over all pixels that the
//! tap sees. Both sides are packed block by block, so that the register tile finds its numbers close together.
#![expect(
    unsafe_code,
    reason = "addresses of packed panels for the register tiles, disjoint writes from several threads"
)]

use super::tile::{OuterTile, Pair};
use super::{Convolution, pack, window};
use crate::buffer::Aligned;
use crate::level::{Level, Work};
use crate::scattered::Scattered;
use crate::simd::Simd;
use rayon::prelude::*;
use std::ops::Range;

/// Output pixels packed at a time: one panel of their gradient stays in the first-level cache.
const BLOCK_PIXELS: usize = 256;
/// Input channels of a register tile.
const TILE_CHANNELS: usize = 6;
/// Tasks to aim at, so that threads of unequal speed finish together.
const TASKS: usize = 16;
/// Sums that a task adds up over the chunks.
const BLOCK_SUMS: usize = 1 << 12;
/// Numbers that the partial sums of all chunks may take together, beyond the first chunk's.
const PARTIAL_NUMBERS: usize = 1 << 20;

/// The input as the tiles see it: where a row of a few-channel kernel is one run of numbers, that run is a pixel with
/// `channels` channels, and the taps are the kernel's rows.
struct Source<'a> {
    numbers: &'a [f32],
    /// Rows and columns of pixels.
    side: [usize; 2],
    /// Numbers from a pixel to the next, and from a row to the next.
    pitch: usize,
    row_pitch: usize,
    channels: usize,
    taps: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
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

pub(super) fn run(
    convolution: &Convolution,
    level: Level,
    input: &[f32],
    gradient: &[f32],
    weight_gradient: &mut [f32],
) {
    let shape = convolution.shape();
    let bordered;
    let [kernel_rows, kernel_columns] = shape.kernel;
    let mut source = Source {
        numbers: input,
        side: shape.input,
        pitch: shape.input_channels,
        row_pitch: shape.input[1] * shape.input_channels,
        channels: shape.input_channels,
        taps: shape.kernel,
        stride: shape.stride,
        padding: shape.padding,
    };
    // For each sum of a tile, in the order [channel][tap], its place among an output channel's weights.
    let mut places: Vec<usize> = (0..shape.input_channels * convolution.taps()).collect();
    if convolution.merges_rows() {
        bordered = pack::border(input, shape.images, shape.input, shape.input_channels, shape.padding);
        source.numbers = &bordered;
        source.side = [shape.input[0] + 2 * shape.padding[0], (convolution.output[1] - 1) * shape.stride[1] + 1];
        source.row_pitch = (shape.input[1] + 2 * shape.padding[1]) * shape.input_channels;
        source.channels = kernel_columns * shape.input_channels;
        source.taps = [kernel_rows, 1];
        source.padding = [0, 0];
        let place = |channel: usize, row: usize| {
            let (column, input_channel) = (channel / shape.input_channels, channel % shape.input_channels);
            (input_channel * kernel_rows + row) * kernel_columns + column
        };
        places = window([source.channels, kernel_rows], place);
    }
    let panels = OutputPanels { outputs: shape.output_channels, width: level.panel_channels(), lanes: level.lanes() };
    let rows = shape.images * convolution.output[0];
    if rows == 0 {
        weight_gradient.fill(0.0);
        return;
    }

    // Few weights: the pixels are shared out in chunks, each with its own sums. Many weights: the weights are shared out.
    let sums = panels.start(panels.count()) * places.len();
    let chunks = (PARTIAL_NUMBERS / sums + 1).min(TASKS).min(rows);
    let (channel_parts, panel_parts) = parts(TASKS.div_ceil(chunks), source.channels, panels.count());
    let mut partial = Aligned::scratch(chunks * sums);
    let target = Scattered::new(&mut partial);
    (0..chunks * channel_parts * panel_parts).into_par_iter().for_each(|task| {
        let (chunk, part) = (task / (channel_parts * panel_parts), task % (channel_parts * panel_parts));
        let (channel_part, panel_part) = (part / panel_parts, part % panel_parts);
        level.run(Chunk {
            source: &source,
            gradient,
            output: convolution.output,
            panels: &panels,
            rows: share(rows, chunk, chunks),
            channels: share(source.channels, channel_part, channel_parts),
            panel_range: share(panels.count(), panel_part, panel_parts),
            target,
            first: chunk * sums,
        });
    });

    // The chunks' sums are added to the first's, in order.
    let (total, others) = partial.split_at_mut(sums);
    if chunks > 1 {
        total.par_chunks_mut(BLOCK_SUMS).enumerate().for_each(|(block, total)| {
            for other in others.chunks_exact(sums) {
                for (total, sum) in total.iter_mut().zip(&other[block * BLOCK_SUMS..]) {
                    *total += sum;
                }
            }
        });
    }
    weight_gradient.par_chunks_mut(panels.width * places.len()).enumerate().for_each(|(panel, weights)| {
        let width = panels.width_of(panel);
        let rows = &total[panels.start(panel) * places.len()..][..width * places.len()];
        if convolution.merges_rows() {
            for (lane, weights) in weights.chunks_exact_mut(places.len()).enumerate() {
                for (k, &place) in places.iter().enumerate() {
                    weights[place] = rows[k * width + lane];
                }
            }
        } else {
            pack::turn(rows, width, weights, places.len());
        }
    });
}

/// The `i`-th of `parts` nearly equal parts of `0..count`.
fn share(count: usize, i: usize, parts: usize) -> Range<usize> {
    count * i / parts..count * (i + 1) / parts
}

/// How to cut channels and panels into about `wanted` parts that are nearly square, since each part packs its own sides.
fn parts(wanted: usize, channels: usize, panels: usize) -> (usize, usize) {
    let most_channel_parts = (channels / (2 * TILE_CHANNELS)).max(1);
    let mut best = (1, 1);
    for channel_parts in 1..=most_channel_parts.min(wanted) {
        let panel_parts = wanted.div_ceil(channel_parts).min(panels);
        let key = |(c, p): (usize, usize)| ((c * p).min(wanted), std::cmp::Reverse(c + p));
        if key((channel_parts, panel_parts)) > key(best) {
            best = (channel_parts, panel_parts);
        }
    }
    best
}

/// Output channels cut into panels, the last as narrow as whole vectors allow.
struct OutputPanels {
    outputs: usize,
    width: usize,
    lanes: usize,
}

impl OutputPanels {
    fn count(&self) -> usize {
        self.outputs.div_ceil(self.width)
    }
    /// The panel's first channel, filling channels counted.
    fn start(&self, panel: usize) -> usize {
        (panel * self.width).min(self.outputs.next_multiple_of(self.lanes))
    }
    fn width_of(&self, panel: usize) -> usize {
        self.start(panel + 1) - self.start(panel)
    }
}

/// Some rows of output pixels, some input channels and some panels of output channels: one thread's task.
struct Chunk<'a> {
    source: &'a Source<'a>,
    gradient: &'a [f32],
    output: [usize; 2],
    panels: &'a OutputPanels,
    /// Rows of all images' outputs, one image after the other.
    rows: Range<usize>,
    channels: Range<usize>,
    panel_range: Range<usize>,
    target: Scattered<'a>,
    /// Where this chunk's sums begin in the target.
    first: usize,
}

impl Work for Chunk<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let taps = self.source.taps[0] * self.source.taps[1];
        let tile_channels = tile_channels(self.channels.clone());
        let rows_at_a_time = (BLOCK_PIXELS / self.output[1]).max(1);
        let (mut packed_input, mut packed_gradient) = (Aligned::scratch(0), Aligned::scratch(0));
        let mut pairs = Vec::new();
        for block in self.rows.clone().step_by(rows_at_a_time) {
            let block = block..self.rows.end.min(block + rows_at_a_time);
            let pixels = self.pack_input(block.clone(), &tile_channels, &mut packed_input, &mut pairs);
            self.pack_gradient(block.clone(), &mut packed_gradient);
            let mut panel_start = 0;
            for panel in self.panel_range.clone() {
                let width = self.panels.width_of(panel);
                let panel_len = block.len() * self.output[1] * width;
                let gradient = &packed_gradient[panel_start..panel_start + panel_len];
                panel_start += panel_len;
                for channels in &tile_channels {
                    let input =
                        &packed_input[(channels.start - self.channels.start) * pixels..][..channels.len() * pixels];
                    for (tap, pairs) in pairs.iter().enumerate() {
                        let sums_pitch = taps * width;
                        let first = self.first
                            + self.panels.start(panel) * self.source.channels * taps
                            + channels.start * sums_pitch
                            + tap * width;
                        let tile = OuterTile {
                            input: input.as_ptr(),
                            pairs,
                            gradient: gradient.as_ptr(),
                            // SAFETY: tasks differ in chunk, input channels or panels, each of which has its own sums.
                            target: unsafe { self.target.at(first, (channels.len() - 1) * sums_pitch + width) },
                            target_pitch: sums_pitch,
                            fresh: block.start == self.rows.start,
                        };
                        // SAFETY: the pairs name pixels below `pixels`, each `channels.len()` wide in `input`, and of the
                        // block, each `width` wide in `gradient`; the target is as above.
                        unsafe { tile_of(s, &tile, channels.len(), width / S::LANES) };
                    }
                }
            }
        }
    }
}

impl Chunk<'_> {
    /// Packs the input rows that these output rows read, as `[tile of channels][pixel][channel]`; `pairs` becomes, for each
    /// tap, the pixels that it multiplies. Returns the number of packed pixels.
    fn pack_input(
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
    fn pack_gradient(&self, block: Range<usize>, packed: &mut Aligned) {
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

/// Cuts channels into tiles of six, avoiding a thin rest: two fours are faster than six and two.
fn tile_channels(channels: Range<usize>) -> Vec<Range<usize>> {
    let mut tiles = Vec::new();
    let mut first = channels.start;
    while first < channels.end {
        let count = match channels.end - first {
            7 | 8 => 4,
            9 => 5,
            left => left.min(TILE_CHANNELS),
        };
        tiles.push(first..first + count);
        first += count;
    }
    tiles
}

/// Runs the tile compiled for its size.
///
/// # Safety
/// As for [`OuterTile::add`].
#[inline(always)]
unsafe fn tile_of<S: Simd>(s: S, tile: &OuterTile<'_>, channels: usize, vectors: usize) {
    macro_rules! sizes {
        ($($channels:literal)*) => {
            // SAFETY: the caller's promise, for the sizes that it names.
            unsafe {
                match (channels, vectors) {
                    $(
                        ($channels, 1) => tile.add::<S, $channels, 1>(s),
                        ($channels, 2) => tile.add::<S, $channels, 2>(s),
                        ($channels, 3) => tile.add::<S, $channels, 3>(s),
                        ($channels, 4) => tile.add::<S, $channels, 4>(s),
                    )*
                    _ => unreachable!("tiles have one to six channels and one to four vectors"),
                }
            }
        };
    }
    sizes!(1 2 3 4 5 6);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_all_channels_and_are_never_thin() {
        for start in [0, 5] {
            for count in 0..100 {
                let tiles = tile_channels(start..start + count);
                let covered: Vec<usize> = tiles.iter().cloned().flatten().collect();
                assert_eq!(covered, (start..start + count).collect::<Vec<_>>());
                assert!(count < 6 || tiles.iter().all(|tile| (3..=6).contains(&tile.len())), "{tiles:?}");
            }
        }
    }

    #[test]
    fn parts_give_the_wanted_number_where_the_sizes_allow() {
        assert_eq!(parts(16, 384, 24), (4, 4));
        assert_eq!(parts(1, 64, 4), (1, 1));
        assert_eq!(parts(16, 3, 1), (1, 1));
    }
}
