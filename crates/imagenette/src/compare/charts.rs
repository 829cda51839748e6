//! The charts of a verdict's page as inline SVG: numbers go in, text that any browser draws comes out. Colors come from
//! the page's style, so that one chart serves light and dark.

use std::fmt::Write;

use crate::page::escaped;
use crate::plot::axes::{multiples, round_step};

/// The width that all charts are drawn for; the page scales them. Letters of 11 are then read on a phone too.
const WIDTH: f64 = 360.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 10.0;
const ROW: f64 = 26.0;

/// A row of a chart of intervals: its name, the interval and what is in its middle, in points.
pub(super) struct IntervalRow {
    pub(super) name: String,
    pub(super) low: f64,
    pub(super) middle: f64,
    pub(super) high: f64,
}

/// From values to places between the chart's sides, with round ticks.
struct Across {
    low: f64,
    high: f64,
    step: f64,
}

impl Across {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let low = finite.clone().fold(f64::INFINITY, f64::min);
        let high = finite.fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let margin = ((high - low) * 0.06).max(0.05);
        let (low, high) = (low - margin, high + margin);
        Self { low, high, step: round_step((high - low) / 5.0) }
    }

    fn x(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    fn ticks(&self) -> Vec<f64> {
        multiples(self.low, self.high, self.step)
    }

    fn decimals(&self) -> usize {
        (-self.step.log10().floor()).max(0.0) as usize
    }

    /// Lines, numbers and the unit below a chart of this height.
    fn axis(&self, svg: &mut String, height: f64, is_signed: bool) {
        let decimals = self.decimals();
        for tick in self.ticks() {
            let x = self.x(tick);
            let class = if is_signed && tick.abs() < self.step / 1e6 { "zero" } else { "grid" };
            let _ = write!(svg, "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"4\" y2=\"{height:.1}\"/>");
            let text = match is_signed && class == "grid" {
                true => format!("{tick:+.decimals$}"),
                false => format!("{:.decimals$}", tick.abs()),
            };
            let y = height + 14.0;
            let _ = write!(svg, "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
        }
    }
}

fn begin(height: f64, what: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\"><title>{}</title>",
        escaped(what),
        escaped(what)
    )
}

/// Intervals around zero, a row each, the last one strongest.
pub(super) fn intervals(rows: &[IntervalRow], what: &str) -> String {
    let height = 8.0 + ROW * rows.len() as f64;
    let values: Vec<f64> = rows.iter().flat_map(|row| [row.low, row.middle, row.high]).chain([0.0]).collect();
    let across = Across::of(values.iter().copied());
    let mut svg = begin(height + 20.0, what);
    across.axis(&mut svg, height, true);
    for (place, row) in rows.iter().enumerate() {
        let y = 4.0 + ROW * (place as f64 + 0.5);
        let class = if place + 1 == rows.len() { "interval last" } else { "interval" };
        let [low, middle, high] = [row.low, row.middle, row.high].map(|value| across.x(value));
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
             <g class=\"{class}\"><line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <circle cx=\"{middle:.1}\" cy=\"{y:.1}\" r=\"4\"/></g>",
            LEFT - 6.0,
            y + 4.0,
            escaped(&row.name)
        );
    }
    svg + "</svg>"
}

/// Each run of both sides as a dot, with a line at the mean. Values in percent.
pub(super) fn dots(base: &[f64], idea: &[f64], what: &str) -> String {
    let height = 8.0 + 2.0 * 36.0;
    let across = Across::of(base.iter().chain(idea).copied());
    let mut svg = begin(height + 20.0, what);
    across.axis(&mut svg, height, false);
    for (place, (name, class, runs)) in [("baseline", "base", base), ("idea", "idea", idea)].into_iter().enumerate() {
        let middle = 4.0 + 36.0 * (place as f64 + 0.5);
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{name}</text><g class=\"{class}\">",
            LEFT - 6.0,
            middle + 4.0
        );
        for (number, run) in runs.iter().enumerate() {
            // In three lanes, so that dots beside each other are told apart.
            let y = middle + (number % 3) as f64 * 7.0 - 7.0;
            let _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3.4\"/>", across.x(*run));
        }
        if !runs.is_empty() {
            let x = across.x(runs.iter().sum::<f64>() / runs.len() as f64);
            let (top, bottom) = (middle - 14.0, middle + 14.0);
            let _ = write!(svg, "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>");
        }
        svg.push_str("</g>");
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_user_names_can_leave_its_place() {
        let rows = [IntervalRow { name: "</svg><script>".into(), low: -1.0, middle: 0.0, high: 1.0 }];
        assert!(!intervals(&rows, "a \"title\"").contains("<script>"));
    }

    #[test]
    fn every_run_is_a_dot_and_every_value_has_its_place() {
        let svg = dots(&[90.0, 90.5], &[91.0], "runs");
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        for runs in [&[][..], &[50.0], &[50.0, 50.0]] {
            assert!(!dots(runs, runs, "runs").contains("NaN"));
        }
        let across = Across::of([89.0, 91.0].into_iter());
        assert!(across.x(89.0) > LEFT && across.x(91.0) < WIDTH - RIGHT && across.ticks().len() >= 3);
    }
}
