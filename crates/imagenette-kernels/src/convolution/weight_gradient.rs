//! The weights' gradient: for every tap a product of input channels and output channels, summed over all pixels. Both
//! sides are packed block by block, so that the register tile reads nothing but contiguous numbers.
#![expect(
    unsafe_code,
    reason = "addresses of packed panels for the register tiles, disjoint writes from several threads"
)]

use super::tile::OuterTile;
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
/// Numbers that the partial sums of all chunks may take together, beyond the first chunk's.
const PARTIAL_NUMBERS: usize = 1 << 20;

/// The input as the tiles see it: where a row of a few-channel kernel is one run of numbers, that run is a pixel with
/// `channels` channels, and the taps are the kernel's rows.
struct Source<'a> {
    numbers: &'a [f32],
    side: [usize; 2],
    /// Numbers from a pixel to the next.
    pitch: usize,
    channels: usize,
    taps: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

impl Source<'_> {
    /// Input pixels from a packed pixel to the next: with one tap only every `stride`-th is packed.
    fn packed_every(&self, axis: usize) -> usize {
        if self.taps[axis] == 1 { self.stride[axis] } else { 1 }
    }

    /// Packed pixels from an output pixel to the next.
    fn packed_step(&self, axis: usize) -> usize {
        self.stride[axis] / self.packed_every(axis)
    }

    /// Where in a packed row a column lies: columns that leave the same remainder by the step lie together, so that
    /// neighbouring outputs read neighbouring pixels.
    fn packed_column(&self, column: usize, columns: usize) -> usize {
        let step = self.packed_step(1);
        let before: usize = (0..column % step).map(|phase| (columns - phase).div_ceil(step)).sum();
        before + column / step
    }

    /// Packed pixels along an axis for a number of output pixels.
    fn packed_side(&self, axis: usize, outputs: usize) -> usize {
        (outputs - 1) * self.packed_step(axis) + self.taps[axis]
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
        source.side = [shape.input[0] + 2 * shape.padding[0], shape.input[1] + 2 * shape.padding[1]];
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

    weight_gradient.par_chunks_mut(panels.width * places.len()).enumerate().for_each(|(panel, weights)| {
        let width = panels.width_of(panel);
        let sums_of =
            |chunk: usize| &partial[chunk * sums + panels.start(panel) * places.len()..][..width * places.len()];
        // A block of sums is read once for each output channel: it should stay in the first-level cache.
        for block in (0..places.len()).step_by(64) {
            let block = block..places.len().min(block + 64);
            for (lane, weights) in weights.chunks_exact_mut(places.len()).enumerate() {
                for k in block.clone() {
                    weights[places[k]] = (0..chunks).map(|chunk| sums_of(chunk)[k * width + lane]).sum();
                }
            }
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
        let taps = window(self.source.taps, |y, x| [y, x]);
        let tile_channels = tile_channels(self.channels.clone());
        let packed_columns = self.source.packed_side(1, self.output[1]);
        let rows_at_a_time = (BLOCK_PIXELS / self.output[1]).max(1);
        let (mut packed_input, mut packed_gradient) = (Aligned::scratch(0), Aligned::scratch(0));
        let mut first_places = Vec::new();
        for block in self.rows.clone().step_by(rows_at_a_time) {
            let block = block..self.rows.end.min(block + rows_at_a_time);
            let pixels = self.pack_input(block.clone(), &tile_channels, &mut packed_input, &mut first_places);
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
                    for (tap, [tap_y, tap_x]) in taps.iter().enumerate() {
                        let sums_pitch = taps.len() * width;
                        let first = self.first
                            + self.panels.start(panel) * self.source.channels * taps.len()
                            + channels.start * sums_pitch
                            + tap * width;
                        let offset = tap_y * packed_columns + self.source.packed_column(*tap_x, packed_columns);
                        let tile = OuterTile {
                            input: input.as_ptr().wrapping_add(offset * channels.len()),
                            places: &first_places,
                            gradient: gradient.as_ptr(),
                            // SAFETY: tasks differ in chunk, input channels or panels, each of which has its own sums.
                            target: unsafe { self.target.at(first, (channels.len() - 1) * sums_pitch + width) },
                            target_pitch: sums_pitch,
                            fresh: block.start == self.rows.start,
                        };
                        // SAFETY: `pack_input` packed every pixel that a tap of these rows reads, `channels.len()` wide;
                        // `gradient` holds `width` numbers for each pixel; the target is as above.
                        unsafe { tile_of(s, &tile, channels.len(), width / S::LANES) };
                    }
                }
            }
        }
    }
}

impl Chunk<'_> {
    /// Packs what the taps of these output rows read, as `[tile of channels][pixel][channel]`; `first_places` becomes the
    /// packed pixel that each output's first tap reads. Returns the number of packed pixels.
    fn pack_input(
        &self,
        block: Range<usize>,
        tile_channels: &[Range<usize>],
        packed: &mut Aligned,
        first_places: &mut Vec<usize>,
    ) -> usize {
        let source = self.source;
        let columns = source.packed_side(1, self.output[1]);
        // Packed rows as (image, input row), no row where it is padding.
        let mut rows: Vec<(usize, Option<usize>)> = Vec::new();
        first_places.clear();
        let mut row = block.start;
        while row < block.end {
            let (image, y) = (row / self.output[0], row % self.output[0]);
            let count = (self.output[0] - y).min(block.end - row);
            for i in 0..count {
                let first = (rows.len() + i * source.packed_step(0)) * columns;
                first_places.extend(first..first + self.output[1]);
            }
            for i in 0..source.packed_side(0, count) {
                let y = (y * source.stride[0] + i * source.packed_every(0)).checked_sub(source.padding[0]);
                rows.push((image, y.filter(|&y| y < source.side[0])));
            }
            row += count;
        }
        let pixels = rows.len() * columns;
        packed.resize(pixels * self.channels.len());
        let (every, step) = (source.packed_every(1), source.packed_step(1));
        // Columns within the image: x = column * every - padding lies in 0..side.
        let first_inside = source.padding[1].div_ceil(every).min(columns);
        let end_inside = (source.side[1] + source.padding[1]).div_ceil(every).min(columns);
        for channels in tile_channels {
            let width = channels.len();
            let panel = &mut packed[(channels.start - self.channels.start) * pixels..][..width * pixels];
            for (row, mut to) in rows.iter().zip(panel.chunks_exact_mut(columns * width)) {
                let (image, Some(y)) = *row else {
                    to.fill(0.0);
                    continue;
                };
                let from =
                    &source.numbers[(image * source.side[0] + y) * source.side[1] * source.pitch + channels.start..];
                for phase in 0..step {
                    let part;
                    (part, to) = to.split_at_mut((columns - phase).div_ceil(step) * width);
                    let first = first_inside.saturating_sub(phase).div_ceil(step);
                    let end = end_inside.saturating_sub(phase).div_ceil(step);
                    part[..first * width].fill(0.0);
                    part[end * width..].fill(0.0);
                    if first < end {
                        let x = (phase + first * step) * every - source.padding[1];
                        let pitch = step * every * source.pitch;
                        copy_pixels(&from[x * source.pitch..], pitch, &mut part[first * width..end * width], width);
                    }
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
