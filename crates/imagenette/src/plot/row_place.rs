//! Where names, axis and numbers stand in pictures of rows.

use super::axes::round_step;

/// Above the first row, for the title.
pub(super) const HEAD_PX: i32 = 44;
/// The height of a row.
pub(super) const ROW_PX: i32 = 26;
/// The width of the axis, between names and numbers.
const CHART_PX: i32 = 400;
/// The most letters of a name.
pub(super) const LETTERS: usize = 76;
/// The width of a broad letter.
const LETTER_PX: f64 = 7.2;

/// From values to pixels, in pictures of rows: names, then the axis, then numbers.
pub(super) struct RowPlace {
    /// The ends of the axis.
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where the axis begins, beside the longest name.
    pub(super) left_px: i32,
}

impl RowPlace {
    /// An axis from `low` to `high` beside these names.
    pub(super) fn new<'n>(low: f64, high: f64, names: impl Iterator<Item = &'n str>) -> Self {
        let letters = names.map(|name| name.chars().count().min(LETTERS)).max().unwrap_or(0);
        Self { low, high, left_px: 36 + (LETTER_PX * letters as f64) as i32 }
    }

    /// The pixel of a value; the axis's end for one beyond it.
    pub(super) fn pixel(&self, value: f64) -> i32 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.left_px + (share * f64::from(CHART_PX)).round() as i32
    }

    pub(super) fn right_px(&self) -> i32 {
        self.left_px + CHART_PX
    }

    pub(super) fn step(&self) -> f64 {
        round_step((self.high - self.low) / 9.0)
    }
}
