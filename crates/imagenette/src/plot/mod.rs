//! Pictures and tables of runs: groups of runs, or the points of a range test, go in; SVG or Markdown text comes out.
//!
//! Nothing here reads a file, prints or writes, so that a command, a report and a site draw the same pictures. Each
//! function is a pure one: the same groups give the same bytes. [`draw_curves`] shows accuracy over epochs, seconds or
//! operations, [`draw_losses`] the training loss, [`draw_frontier`] what is reached for what, [`draw_rows`] a row for
//! each group, [`draw_gains`] what each gains over a baseline, [`draw_rates`] the losses of `find-lr`, and [`table`] the
//! figures in words.

pub(crate) mod axes;
mod curves;
mod frontier;
mod gains;
mod lines;
mod losses;
mod old_board;
mod rates;
mod row_place;
mod rows;
mod style;
mod table;

use imagenette_results::run_group::RunGroup;
use plotters::drawing::DrawingAreaErrorKind;

pub use axes::Axis;
pub use curves::draw_curves;
pub use frontier::draw_frontier;
pub use gains::{Gain, draw_gains};
pub use losses::{LossCurve, draw_losses};
pub use rates::draw_rates;
pub use rows::draw_rows;
pub use table::{Figures, table};

/// What the groups were evaluated by, in words: `top-1`, or `held-out top-1` where photos were held out of the train
/// split, which is never called a val accuracy.
pub fn measure(groups: &[RunGroup]) -> &'static str {
    if groups.iter().any(RunGroup::is_held_out) { "held-out top-1" } else { "top-1" }
}

/// What became of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drawn {
    /// SVG text.
    Picture(String),
    /// There is nothing to see, and why.
    Nothing(&'static str),
}

/// A picture that could not be drawn.
#[derive(Debug)]
pub struct PlotError {
    reason: String,
}

impl std::fmt::Display for PlotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed to draw the plot: {}", self.reason)
    }
}

impl std::error::Error for PlotError {}

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self { reason: error.to_string() }
    }
}
