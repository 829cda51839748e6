//! The weights' gradient: for every tap a product of input channels and output channels, summed over all pixels that
//! the tap sees. Both factors are packed block by block, so that the register tile finds its numbers close together.
#![expect(
    unsafe_code,
    reason = "addresses of packed panels for the register tiles, disjoint writes from several threads"
)]

mod packing;

use super::tile::{OuterTile, TILE_CHANNELS, tile_channels};
use super::{Convolution, pack, window};
use crate::bf16::Bf16;
use crate::buffer::Aligned;
use crate::level::{Level, Levels, Work};
use crate::number::{Number, is_bf16};
use crate::scattered::Scattered;
use crate::simd::Simd;
use crate::tasks::{for_each, for_each_chunk};
use packing::Source;
use std::ops::Range;

/// Words of output pixels packed at a time: one panel of their gradient stays in the first-level cache, or, if it is
/// wide, in the second-level one.
const BLOCK_WORDS: usize = 256;
/// The number of tasks to aim for, so that threads of unequal speed finish together.
const TASKS: usize = 16;
/// Sums that a task adds up over all chunks.
const BLOCK_SUMS: usize = 1 << 12;
/// Numbers that the partial sums of all chunks may take together, beyond the first chunk's.
const PARTIAL_NUMBERS: usize = 1 << 20;

pub(crate) fn run<T: Number>(
    convolution: &Convolution,
    level: Level,
    input: &[T],
    gradient: &[T],
    weight_gradient: &mut [f32],
) {
    if convolution.is_worth_transforming::<T>(level) {
        return super::winograd::weight_gradient(convolution, level, input, gradient, weight_gradient);
    }
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

    // With few weights, the pixels are divided into chunks, each with its own sums; with many, the weights are
    // divided.
    let sums = panels.start(panels.count()) * places.len();
    let chunks = (PARTIAL_NUMBERS / sums + 1).min(TASKS).min(rows);
    let (channel_parts, panel_parts) = parts(TASKS.div_ceil(chunks), source.channels, panels.count());
    let mut partial = Aligned::scratch(chunks * sums);
    let target = Scattered::new(&mut partial);
    for_each(chunks * channel_parts * panel_parts, |task| {
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
        for_each_chunk(&mut *total, BLOCK_SUMS, |block, total| {
            for other in others.chunks_exact(sums) {
                for (total, sum) in total.iter_mut().zip(&other[block * BLOCK_SUMS..]) {
                    *total += sum;
                }
            }
        });
    }
    for_each_chunk(weight_gradient, panels.width * places.len(), |panel, weights| {
        let width = panels.width_of(panel);
        let rows = &total[panels.start(panel) * places.len()..][..width * places.len()];
        if convolution.merges_rows() {
            for (lane, weights) in weights.chunks_exact_mut(places.len()).enumerate() {
                for (k, &place) in places.iter().enumerate() {
                    weights[place] = rows[k * width + lane];
                }
            }
        } else {
            pack::transpose(rows, width, weights, places.len());
        }
    });
}

/// The `i`-th of `parts` nearly equal parts of `0..count`.
fn share(count: usize, i: usize, parts: usize) -> Range<usize> {
    count * i / parts..count * (i + 1) / parts
}

/// How to cut channels and panels into about `wanted` parts that are nearly square, since each part packs its own
/// factors.
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
    /// The panel's first channel, counting padding channels.
    fn start(&self, panel: usize) -> usize {
        (panel * self.width).min(self.outputs.next_multiple_of(self.lanes))
    }
    fn width_of(&self, panel: usize) -> usize {
        self.start(panel + 1) - self.start(panel)
    }
}

/// Some rows of output pixels, some input channels and some panels of output channels: one thread's task.
struct Chunk<'a, T> {
    source: &'a Source<'a, T>,
    gradient: &'a [T],
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

impl<T: Number> Work for Chunk<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<T>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if const { is_bf16::<T>() && S::MULTIPLIES_PAIRS } {
            self.add_in_words_of::<S, Bf16>(s);
        } else {
            self.add_in_words_of::<S, f32>(s);
        }
    }
}

impl<T: Number> Chunk<'_, T> {
    /// Packs and multiplies words of `W`.
    #[inline(always)]
    fn add_in_words_of<S: Simd, W: Number>(self, s: S) {
        let taps = self.source.taps[0] * self.source.taps[1];
        let tile_channels = tile_channels(self.channels.clone());
        let rows_at_a_time = (BLOCK_WORDS / self.words_of_row::<W>()).max(1);
        let (mut packed_input, mut packed_gradient) = (Aligned::scratch(0), Aligned::scratch(0));
        let mut pairs = Vec::new();
        for block in self.rows.clone().step_by(rows_at_a_time) {
            let block = block..self.rows.end.min(block + rows_at_a_time);
            let pixels = self.pack_input::<W>(block.clone(), &tile_channels, &mut packed_input, &mut pairs);
            self.pack_gradient::<W>(block.clone(), &mut packed_gradient);
            let mut panel_start = 0;
            for panel in self.panel_range.clone() {
                let width = self.panels.width_of(panel);
                let panel_len = block.len() * self.words_of_row::<W>() * width;
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
                        // SAFETY: the pairs name pixels below `pixels`, each `channels.len()` wide in `input`, and of
                        // the block, each `width` wide in `gradient`; the target is as above.
                        unsafe { tile_of::<S, W>(s, &tile, channels.len(), width / S::LANES) };
                    }
                }
            }
        }
    }
}

/// Runs the tile compiled for its size.
///
/// # Safety
/// As for [`OuterTile::add`].
#[inline(always)]
unsafe fn tile_of<S: Simd, W: Number>(s: S, tile: &OuterTile<'_>, channels: usize, vectors: usize) {
    macro_rules! sizes {
        ($($channels:literal)*) => {
            // SAFETY: the caller's promise, for the sizes that it names.
            unsafe {
                match (channels, vectors) {
                    $(
                        ($channels, 1) => tile.add::<S, W, $channels, 1>(s),
                        ($channels, 2) => tile.add::<S, W, $channels, 2>(s),
                        ($channels, 3) if const { S::PANEL_VECTORS >= 3 } => tile.add::<S, W, $channels, 3>(s),
                        ($channels, 4) if const { S::PANEL_VECTORS >= 4 } => tile.add::<S, W, $channels, 4>(s),
                    )*
                    _ => unreachable!("tiles have one to six channels, and no more vectors than a panel"),
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
    fn parts_give_the_wanted_number_where_the_sizes_allow() {
        assert_eq!(parts(16, 384, 24), (4, 4));
        assert_eq!(parts(1, 64, 4), (1, 1));
        assert_eq!(parts(16, 3, 1), (1, 1));
    }
}
