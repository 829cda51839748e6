//! Weights rearranged into panels that the register tiles read from front to back, and images with a border of zeros.

use crate::bf16::Bf16;
use crate::buffer::Aligned;
use crate::level::{Level, Levels, Work};
use crate::number::{Number, is_bf16, per_word};
use crate::simd::Simd;
use crate::tasks::for_each_chunk;
use std::marker::PhantomData;
use std::ops::Range;
use wide::f32x4;

/// Where to find the weight from an input channel to an output channel at a tap:
/// `output * output_stride + input * input_stride + tap`.
pub(super) struct Order<'a> {
    pub(super) outputs: usize,
    pub(super) output_stride: usize,
    pub(super) inputs: usize,
    pub(super) input_stride: usize,
    pub(super) taps: &'a [usize],
}

/// Weights as words `[panel][tap][word of input channels][output channel of the panel]`. All panels but the last are
/// `width` channels wide; the last is as narrow as whole vectors allow, and padded with zeros. A word is one f32, or
/// the weights of two input channels as a pair of `Bf16`; if the number of channels is odd, the last is paired with
/// zero.
pub(super) struct Panels {
    pub(super) data: Aligned,
    /// Rows of a panel: runs × words of a run.
    pub(super) depth: usize,
    pub(super) outputs: usize,
    pub(super) width: usize,
    lanes: usize,
}

impl Panels {
    /// Packs weights for maps of `T` whose numbers are read as `W`, in runs of `run`: a pixel's channels, or those of
    /// several pixels of a row. The weights are rounded as maps of `T` are.
    pub(super) fn pack<W: Number, T: Number>(level: Level, weights: &[f32], run: usize, order: &Order<'_>) -> Self {
        let (lanes, width) = (level.lanes(), level.panel_channels());
        let numbers = order.taps.len() * order.inputs;
        let depth = numbers / run * run.div_ceil(per_word::<W>());
        let mut panels = Self {
            data: Aligned::scratch(order.outputs.div_ceil(lanes) * lanes * depth),
            depth,
            outputs: order.outputs,
            width,
            lanes,
        };
        if depth == 0 {
            return panels;
        }
        for_each_chunk(&mut panels.data[..], width * depth, |panel, words| {
            let row_width = words.len() / depth;
            if const { !is_bf16::<T>() } {
                return order.fill_rows(weights, panel * width, row_width, 0..order.inputs, words);
            }
            // A merged run needs the inputs of several taps together; otherwise a few inputs at a time, whose rows
            // stay cached.
            let block = if run == order.inputs { BLOCK_INPUTS.min(run) } else { order.inputs };
            let mut rows = Aligned::scratch(order.taps.len() * block * row_width);
            for first_input in (0..order.inputs).step_by(block) {
                let inputs = first_input..order.inputs.min(first_input + block);
                let rows = &mut rows[..order.taps.len() * inputs.len() * row_width];
                order.fill_rows(weights, panel * width, row_width, inputs.clone(), rows);
                let rows_of_run = if run == order.inputs { inputs.len() } else { run };
                let words = &mut words[first_input / per_word::<W>() * row_width..];
                let pitch = run.div_ceil(per_word::<W>()) * row_width;
                level.run(Round { rows, row_width, rows_of_run, words, pitch, read_as: PhantomData::<W> });
            }
        });
        panels
    }

    pub(super) fn count(&self) -> usize {
        self.outputs.div_ceil(self.width)
    }

    /// Channels of a panel, padding included.
    pub(super) fn width_of(&self, panel: usize) -> usize {
        (self.outputs - panel * self.width).div_ceil(self.lanes).saturating_mul(self.lanes).min(self.width)
    }

    /// The rows of a panel.
    pub(super) fn rows_of(&self, panel: usize) -> &[f32] {
        &self.data[panel * self.width * self.depth..][..self.width_of(panel) * self.depth]
    }
}

impl Order<'_> {
    /// Fills the rows of a panel that begins at output `first`, one for each tap and each of some inputs.
    fn fill_rows(&self, weights: &[f32], first: usize, row_width: usize, inputs: Range<usize>, rows: &mut [f32]) {
        let depth = self.taps.len() * inputs.len();
        let count = row_width.min(self.outputs - first);
        if count < row_width {
            rows.fill(0.0);
        }
        let weights = &weights[first * self.output_stride + inputs.start * self.input_stride..];
        // Taps in their order are contiguous in memory, for one input channel or for all of them.
        let whole = self.taps.iter().enumerate().all(|(rank, &tap)| rank == tap);
        let columns = match (whole, self.taps.len() == self.input_stride) {
            (true, true) => depth,
            (true, false) => self.taps.len(),
            (false, _) => 1,
        };
        for start in (0..depth).step_by(columns) {
            let (input, rank) = (start / self.taps.len(), start % self.taps.len());
            let from = &weights[input * self.input_stride + self.taps[rank]..];
            let row_of = |column: usize| {
                let k = start + column;
                (k % self.taps.len() * inputs.len() + k / self.taps.len()) * row_width
            };
            scatter_columns(from, self.output_stride, count, columns, row_of, rows);
        }
    }
}

/// Input channels whose weights are transposed at a time.
const BLOCK_INPUTS: usize = 16;

/// Rounds rows of weights and puts them in their places among the words: two rows of a run as a row of pairs, or each
/// as it is.
struct Round<'a, W> {
    /// Runs of `rows_of_run` rows.
    rows: &'a [f32],
    row_width: usize,
    rows_of_run: usize,
    /// Where the first run goes; the next ones are `pitch` words apart.
    words: &'a mut [f32],
    pitch: usize,
    read_as: PhantomData<W>,
}

impl<W: Number> Work for Round<'_, W> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<W, Bf16>();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let width = self.row_width;
        let runs = self.rows.chunks_exact(self.rows_of_run * width);
        // Plain loops: compiled here, they become this level's vectors.
        for (rows, words) in runs.zip(self.words.chunks_mut(self.pitch)) {
            if is_bf16::<W>() {
                for (words, rows) in words.chunks_exact_mut(width).zip(rows.chunks(2 * width)) {
                    let (first, second) = rows.split_at(width);
                    if second.is_empty() {
                        for (word, first) in words.iter_mut().zip(first) {
                            *word = Bf16::pair(Bf16::from_f32(*first), Bf16::default());
                        }
                    } else {
                        for ((word, first), second) in words.iter_mut().zip(first).zip(second) {
                            *word = Bf16::pair(Bf16::from_f32(*first), Bf16::from_f32(*second));
                        }
                    }
                }
            } else {
                for (word, weight) in words.iter_mut().zip(rows) {
                    *word = Bf16::from_f32(*weight).to_f32();
                }
            }
        }
    }
}

/// Copies a matrix of `lanes` rows, `pitch` apart, and `columns` columns column by column: column `c` becomes the
/// `lanes` numbers of `to` from `place(c)` on. Four by four numbers at a time are transposed in registers.
#[inline(always)]
fn scatter_columns(
    from: &[f32],
    pitch: usize,
    lanes: usize,
    columns: usize,
    place: impl Fn(usize) -> usize,
    to: &mut [f32],
) {
    if pitch == 1 {
        // The rows are one number apart: a column is contiguous already.
        for column in 0..columns {
            to[place(column)..][..lanes].copy_from_slice(&from[column..column + lanes]);
        }
        return;
    }
    let (whole_lanes, whole_columns) = (lanes / 4 * 4, columns / 4 * 4);
    for column in (0..whole_columns).step_by(4) {
        let places = each!(i in [0 1 2 3] => place(column + i));
        for lane in (0..whole_lanes).step_by(4) {
            let rows = each!(i in [0 1 2 3] => four(&from[(lane + i) * pitch + column..]));
            for (transposed, place) in f32x4::transpose(rows).iter().zip(places) {
                to[place + lane..][..4].copy_from_slice(&transposed.to_array());
            }
        }
    }
    for column in 0..columns {
        let first = if column < whole_columns { whole_lanes } else { 0 };
        let to = &mut to[place(column)..][..lanes];
        for (lane, to) in to.iter_mut().enumerate().skip(first) {
            *to = from[lane * pitch + column];
        }
    }
}

/// Transposes `[rows][width]` to `[width][rows]`, as many of the latter's rows as `to` has room for.
pub(super) fn transpose(from: &[f32], width: usize, to: &mut [f32], rows: usize) {
    let lanes = to.len() / rows;
    let whole = rows / 4 * 4;
    for row in (0..whole).step_by(4) {
        for lane in (0..lanes / 4 * 4).step_by(4) {
            let numbers = each!(i in [0 1 2 3] => four(&from[(row + i) * width + lane..]));
            for (i, transposed) in f32x4::transpose(numbers).iter().enumerate() {
                to[(lane + i) * rows + row..][..4].copy_from_slice(&transposed.to_array());
            }
        }
    }
    for lane in 0..lanes {
        let first = if lane < lanes / 4 * 4 { whole } else { 0 };
        for row in first..rows {
            to[lane * rows + row] = from[row * width + lane];
        }
    }
}

fn four(from: &[f32]) -> f32x4 {
    f32x4::new(from[..4].try_into().expect("four numbers"))
}

/// The images with `border` rows and columns of zeros on each side, and one more number at the end, so that a word may
/// begin at the last number.
pub(super) fn border<T: Number>(
    source: &[T],
    images: usize,
    side: [usize; 2],
    channels: usize,
    border: [usize; 2],
) -> Aligned<T> {
    let (row, wide_row) = (side[1] * channels, (side[1] + 2 * border[1]) * channels);
    let wide_rows = side[0] + 2 * border[0];
    let mut bordered = Aligned::zeros(images * wide_rows * wide_row + 1);
    if images == 0 {
        return bordered;
    }
    for_each_chunk(&mut bordered[..images * wide_rows * wide_row], wide_rows * wide_row, |image, to| {
        for (y, from) in source[image * side[0] * row..][..side[0] * row].chunks_exact(row).enumerate() {
            to[(y + border[0]) * wide_row + border[1] * channels..][..row].copy_from_slice(from);
        }
    });
    bordered
}

/// Pixels per task that copies them.
const BLOCK_PIXELS: usize = 1 << 10;

/// Pixels with one more channel, of zeros, so that the last pair of an odd number of channels stays within the pixel.
pub(super) fn with_one_more<T: Number>(source: &[T], channels: usize) -> Aligned<T> {
    let mut padded = Aligned::zeros(source.len() / channels * (channels + 1));
    for_each_chunk(&mut padded[..], BLOCK_PIXELS * (channels + 1), |i, to| {
        let pixels =
            to.chunks_exact_mut(channels + 1).zip(source[i * BLOCK_PIXELS * channels..].chunks_exact(channels));
        pixels.for_each(|(to, from)| to[..channels].copy_from_slice(from));
    });
    padded
}
