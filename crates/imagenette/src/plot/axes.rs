//! Axes: values go in, places, ticks and the ticks' numbers come out.

use imagenette_results::run_group::Point;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::Ranged;

use crate::numbers::thousands;

/// The axis is logarithmic where the last end is at least this many times the first.
const WIDE: f64 = 5.0;

/// The horizontal axis of a picture of curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Epochs trained.
    Epochs,
    /// Seconds of training.
    Seconds,
    /// Floating-point operations of training, in PFLOP.
    Flop,
}

impl Axis {
    /// Every axis.
    pub const ALL: [Self; 3] = [Self::Epochs, Self::Seconds, Self::Flop];

    /// The word for file names and messages: `epochs`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Epochs => "epochs",
            Self::Seconds => "seconds",
            Self::Flop => "flop",
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Epochs => "epochs",
            Self::Seconds => "seconds of training",
            Self::Flop => "PFLOP of training",
        }
    }

    /// A point's value; `None` where its runs do not record it.
    pub(super) fn of(self, point: &Point) -> Option<f64> {
        match self {
            Self::Epochs => Some(f64::from(point.epoch)),
            Self::Seconds => point.seconds,
            Self::Flop => point.flop.map(|flop| flop / 1e15),
        }
    }
}

/// An axis of the drawing library with the ticks that it is given.
pub(super) struct Ticked {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) ticks: Vec<f64>,
}

impl Ranged for Ticked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.from..self.to
    }
}

/// From values to places along the horizontal axis: the values themselves, or their logarithms, so that one kind of
/// chart serves both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    least: f64,
    greatest: f64,
    is_logarithmic: bool,
    begins_at_zero: bool,
}

impl Scale {
    /// A scale for all values of some curves; logarithmic where the curves' ends are far apart. Of courses it begins at
    /// zero, of single marks beside the first.
    pub(super) fn of(ends: impl Iterator<Item = f64>, values: impl Iterator<Item = f64>, begins_at_zero: bool) -> Self {
        let (first_end, last_end) = bounds(ends);
        let (least, greatest) = bounds(values);
        Self { least, greatest, is_logarithmic: least > 0.0 && last_end / first_end >= WIDE, begins_at_zero }
    }

    pub(super) fn place(self, value: f64) -> f64 {
        if self.is_logarithmic { value.log10() } else { value }
    }

    pub(super) fn value(self, place: f64) -> f64 {
        if self.is_logarithmic { 10f64.powf(place) } else { place }
    }

    /// The first and the last place.
    pub(super) fn range(self) -> (f64, f64) {
        if self.is_logarithmic {
            let margin = 0.04 * (self.greatest / self.least).log10();
            (self.least.log10() - margin, self.greatest.log10() + margin)
        } else if self.begins_at_zero || self.least >= self.greatest {
            (0.0, if self.greatest > 0.0 { 1.06 * self.greatest } else { 1.0 })
        } else {
            let margin = 0.06 * (self.greatest - self.least);
            (self.least - margin, self.greatest + margin)
        }
    }

    /// Round values within the range, few enough to be read.
    pub(super) fn ticks(self, is_whole: bool) -> Vec<f64> {
        let (left, right) = self.range();
        if !self.is_logarithmic {
            let step = round_step((right - left) / 8.0).max(if is_whole { 1.0 } else { 0.0 });
            return multiples(left, right, step);
        }
        let decades = left.floor() as i32..=right.floor() as i32;
        let of = |digits: &[f64]| -> Vec<f64> {
            let all = decades.clone().flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
            all.filter(|value| (left..=right).contains(&value.log10())).collect()
        };
        [&[1.0, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0], &[1.0]]
            .into_iter()
            .map(of)
            .find(|ticks| ticks.len() <= 10)
            .unwrap_or_else(|| of(&[1.0]))
    }
}

/// The least and the greatest value; of none, infinity and its negative.
pub(crate) fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// How many decimals percentages need when ticks are this far apart, as fractions.
pub(super) fn decimals(step: f64) -> usize {
    if step < 0.00099 {
        2
    } else if step < 0.0099 {
        1
    } else {
        0
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
pub(crate) fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// The multiples of a step from one value to another.
pub(crate) fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    ((low / step).ceil() as i64..=(high / step).floor() as i64).map(|number| number as f64 * step).collect()
}

/// A tick's number: thousands apart, and no more digits than it needs.
pub(super) fn number(value: f64) -> String {
    if value >= 999.5 {
        return thousands(value.round() as u64);
    }
    // Ticks have one or two digits that count; the rest is rounding.
    let digits = if value > 0.0 { (2 - value.log10().floor() as i32).max(0) as usize } else { 0 };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let scale = |least, greatest, is_logarithmic| Scale { least, greatest, is_logarithmic, begins_at_zero: true };
        assert_eq!(scale(1.0, 5.0, false).ticks(true), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(
            scale(60.0, 1254.0, true).ticks(false).iter().map(|x| number(*x)).collect::<Vec<_>>(),
            ["70", "100", "200", "300", "500", "700", "1,000"]
        );
        assert_eq!(
            scale(0.026, 9.3, true).ticks(false).iter().map(|x| number(*x)).collect::<Vec<_>>(),
            ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"]
        );
        assert!(scale(1e-3, 1e6, true).ticks(false).len() <= 10);
        let near = Scale { least: 297.0, greatest: 418.0, is_logarithmic: false, begins_at_zero: false };
        assert_eq!(near.ticks(false), [300.0, 320.0, 340.0, 360.0, 380.0, 400.0, 420.0]);
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.15), "0.15");
    }

    #[test]
    fn ends_that_are_far_apart_make_the_axis_logarithmic() {
        let scale = |ends: [f64; 2], least: f64| Scale::of(ends.into_iter(), ends.into_iter().chain([least]), true);
        assert!(!scale([5.0, 10.0], 1.0).is_logarithmic);
        assert!(scale([5.0, 60.0], 1.0).is_logarithmic);
        assert!(!scale([5.0, 60.0], 0.0).is_logarithmic, "zero has no logarithm");
        let scale = scale([5.0, 60.0], 1.0);
        assert!((scale.value(scale.place(30.0)) - 30.0).abs() < 1e-9);
    }
}
