//! Weights rearranged into panels that the register tiles read from front to back, and images with a border of zeros.

use crate::buffer::Aligned;
use crate::level::Level;
use rayon::prelude::*;

/// Where the weight from an input channel to an output channel through a tap lies:
/// `output * output_stride + input * input_stride + tap`.
pub(super) struct Order<'a> {
    pub(super) outputs: usize,
    pub(super) output_stride: usize,
    pub(super) inputs: usize,
    pub(super) input_stride: usize,
    pub(super) taps: &'a [usize],
}

/// Weights as `[panel][tap][input channel][output channel of the panel]`; all panels are `width` channels wide but the
/// last, which is as narrow as whole vectors allow, and filled up with zeros.
pub(super) struct Panels {
    pub(super) data: Aligned,
    /// Rows of a panel: taps × input channels.
    pub(super) depth: usize,
    pub(super) outputs: usize,
    pub(super) width: usize,
    lanes: usize,
}

impl Panels {
    pub(super) fn pack(level: Level, weights: &[f32], order: &Order<'_>) -> Self {
        let (lanes, width) = (level.lanes(), level.panel_channels());
        let depth = order.taps.len() * order.inputs;
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
        panels.data.par_chunks_mut(width * depth).enumerate().for_each(|(panel, rows)| {
            let first = panel * width;
            let row_width = rows.len() / depth;
            let count = row_width.min(order.outputs - first);
            for input in 0..order.inputs {
                for (tap_rank, tap) in order.taps.iter().enumerate() {
                    let row = &mut rows[(tap_rank * order.inputs + input) * row_width..][..row_width];
                    let from = &weights[first * order.output_stride + input * order.input_stride + tap..];
                    for (lane, to) in row.iter_mut().enumerate() {
                        *to = if lane < count { from[lane * order.output_stride] } else { 0.0 };
                    }
                }
            }
        });
        panels
    }

    pub(super) fn count(&self) -> usize {
        self.outputs.div_ceil(self.width)
    }

    /// Channels of a panel, filling ones included.
    pub(super) fn width_of(&self, panel: usize) -> usize {
        (self.outputs - panel * self.width).div_ceil(self.lanes).saturating_mul(self.lanes).min(self.width)
    }

    /// The rows of a panel.
    pub(super) fn rows_of(&self, panel: usize) -> &[f32] {
        &self.data[panel * self.width * self.depth..][..self.width_of(panel) * self.depth]
    }
}

/// The images with `border` rows and columns of zeros on each side.
pub(super) fn border(source: &[f32], images: usize, side: [usize; 2], channels: usize, border: [usize; 2]) -> Aligned {
    let (row, wide_row) = (side[1] * channels, (side[1] + 2 * border[1]) * channels);
    let wide_rows = side[0] + 2 * border[0];
    let mut bordered = Aligned::zeros(images * wide_rows * wide_row);
    if images == 0 {
        return bordered;
    }
    bordered.par_chunks_mut(wide_rows * wide_row).zip(source.par_chunks(side[0] * row)).for_each(|(to, from)| {
        for (y, from) in from.chunks_exact(row).enumerate() {
            to[(y + border[0]) * wide_row + border[1] * channels..][..row].copy_from_slice(from);
        }
    });
    bordered
}
