//! Curves as inline SVG: points go in, text that any browser draws comes out. Names stand at the lines' ends, so that no
//! legend is needed; colors come from the page's style.

use std::fmt::Write;

use super::escaped;
use crate::plot::axes::{bounds, multiples, round_step};

/// The width that charts are drawn for; the page scales them. Letters of 11 are then read on a phone too.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 46.0;
/// Room for the names at the ends.
const RIGHT: f64 = 92.0;
const TOP: f64 = 8.0;
/// Height of a strip below the curves, and the space above it.
const STRIP: f64 = 26.0;
const GAP: f64 = 10.0;
/// The least distance between two names at the ends.
const LINE: f64 = 12.0;
/// Colors that the style has for lines.
pub(crate) const COLORS: usize = 8;

/// One line, or single dots.
pub(crate) struct Series {
    /// What stands at its end; nothing where it is empty, as of one of many lines alike.
    pub(crate) name: String,
    /// Which color of the style, below [`COLORS`].
    pub(crate) color: usize,
    pub(crate) points: Vec<(f64, f64)>,
    /// Every point is a dot too: there are few of them.
    pub(crate) has_dots: bool,
}

/// A small curve below, with its largest value in words.
pub(crate) struct Strip {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) unit: &'static str,
}

/// What a chart shows.
pub(crate) struct Chart<'c> {
    pub(crate) what: &'c str,
    pub(crate) across: &'static str,
    /// Percent signs at the ticks of the vertical axis.
    pub(crate) is_percent: bool,
    pub(crate) series: &'c [Series],
    pub(crate) strips: &'c [Strip],
}

/// Round numbers from one value to another, about so many of them, and the decimals that they need.
pub(super) fn ticks(low: f64, high: f64, about: f64) -> (Vec<f64>, usize) {
    let step = round_step(((high - low) / about).max(f64::MIN_POSITIVE));
    (multiples(low, high, step), (-step.log10().floor()).max(0.0) as usize)
}

/// The least and the greatest of the values that are numbers; `None` where there is none.
fn finite_bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = bounds(values.filter(|value| value.is_finite()));
    (low <= high).then_some((low, high))
}

/// The chart; nothing where there is no point.
pub(crate) fn draw(chart: &Chart<'_>) -> String {
    let all = || chart.series.iter().flat_map(|series| &series.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let (Some((_, last)), Some((low, high))) =
        (finite_bounds(all().map(|(x, _)| *x)), finite_bounds(all().map(|(_, y)| *y)))
    else {
        return String::new();
    };
    let last = last.max(f64::MIN_POSITIVE);
    let margin = ((high - low) * 0.06).max(high.abs().max(1.0) * 0.002);
    let (low, high) = (low - margin, high + margin);
    let below = chart.strips.len() as f64 * (STRIP + GAP);
    let bottom = TOP + HEIGHT + below;
    let x = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * (value / last).clamp(0.0, 1.0);
    let y = |value: f64| TOP + HEIGHT * (1.0 - (value - low) / (high - low));
    let what = escaped(chart.what);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{what}\"><title>{what}</title>",
        bottom + 32.0
    );
    let (up, decimals) = ticks(low, high, 5.0);
    let sign = if chart.is_percent { "%" } else { "" };
    for tick in up {
        let y = y(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{tick:.decimals$}{sign}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0
        );
    }
    let (right, decimals) = ticks(0.0, last, 6.0);
    for tick in right {
        let x = x(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\">{tick:.decimals$}</text>",
            bottom + 14.0
        );
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    let _ = write!(svg, "<text class=\"tick\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>", bottom + 28.0, chart.across);
    for series in chart.series {
        let points: Vec<(f64, f64)> =
            series.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()).map(|(a, b)| (x(*a), y(*b))).collect();
        let _ = write!(svg, "<g class=\"c{}\">", series.color % COLORS);
        if points.len() > 1 {
            let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = write!(svg, "<polyline points=\"{}\"/>", line.join(" "));
        }
        if series.has_dots || points.len() == 1 {
            for (x, y) in &points {
                let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
            }
        }
        svg.push_str("</g>");
    }
    names(&mut svg, chart, &x, &y);
    for (place, strip) in chart.strips.iter().enumerate() {
        let top = TOP + HEIGHT + GAP + place as f64 * (STRIP + GAP);
        write_strip(&mut svg, strip, top, &x);
    }
    svg + "</svg>"
}

/// The names of the lines at their ends, moved apart where they would cover each other.
fn names(svg: &mut String, chart: &Chart<'_>, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) {
    let end = |series: &Series| series.points.iter().rev().find(|(x, y)| x.is_finite() && y.is_finite()).copied();
    let place = |series| end(series).map(|(a, b)| (x(a), y(b), series));
    let mut ends: Vec<(f64, f64, &Series)> =
        chart.series.iter().filter(|series| !series.name.is_empty()).filter_map(place).collect();
    ends.sort_by(|(_, one, _), (_, other, _)| one.total_cmp(other));
    let mut above = f64::NEG_INFINITY;
    for (_, y, _) in &mut ends {
        *y = y.max(above + LINE);
        above = *y;
    }
    // What was pushed out at the bottom pushes back.
    let mut under = TOP + HEIGHT + LINE;
    for (_, y, _) in ends.iter_mut().rev() {
        *y = y.min(under - LINE);
        under = *y;
    }
    for (x, y, series) in ends {
        let _ = write!(
            svg,
            "<text class=\"end c{}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            series.color % COLORS,
            x + 7.0,
            y + 4.0,
            escaped(&series.name)
        );
    }
}

fn write_strip(svg: &mut String, strip: &Strip, top: f64, x: &impl Fn(f64) -> f64) {
    let Some((_, high)) = finite_bounds(strip.points.iter().map(|(_, value)| *value)).filter(|(_, high)| *high > 0.0)
    else {
        return;
    };
    let points: Vec<String> = strip
        .points
        .iter()
        .map(|(a, value)| format!("{:.1},{:.1}", x(*a), top + STRIP * (1.0 - value / high)))
        .collect();
    let most = if high >= 10.0 { format!("{high:.0}") } else { format!("{:.3}", high) };
    let most = if most.contains('.') { most.trim_end_matches('0').trim_end_matches('.') } else { &most };
    let _ = write!(
        svg,
        "<g class=\"strip\"><polyline points=\"{}\"/></g>\
         <text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{} {most}{}</text>",
        points.join(" "),
        WIDTH - RIGHT + 7.0,
        top + 10.0,
        strip.name,
        strip.unit
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(points: &[&[(f64, f64)]]) -> String {
        let series = |(color, points): (usize, &&[(f64, f64)])| Series {
            name: "<b>".into(),
            color,
            points: points.to_vec(),
            has_dots: false,
        };
        let series: Vec<Series> = points.iter().enumerate().map(series).collect();
        let strips = [Strip { name: "rate", points: vec![(0.0, 0.0), (1.0, 0.06)], unit: "" }];
        draw(&Chart { what: "a chart", across: "epochs", is_percent: true, series: &series, strips: &strips })
    }

    #[test]
    fn a_chart_holds_every_line_and_no_number_that_is_none() {
        for points in [
            &[&[(0.0, 1.0), (1.0, 2.0)][..]][..],
            &[&[(1.0, 5.0)]],
            &[&[(0.0, 0.0)]],
            &[&[(0.0, f64::NAN), (1.0, 3.0), (2.0, f64::INFINITY)], &[(2.0, 3.0)]],
        ] {
            let svg = drawn(points);
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert_eq!(svg.matches("&lt;b&gt;").count(), points.len());
        }
        assert_eq!(drawn(&[]), "");
        assert_eq!(drawn(&[&[(0.0, f64::NAN)]]), "");
    }

    #[test]
    fn names_at_one_place_are_moved_apart() {
        let svg = drawn(&[&[(0.0, 1.0), (1.0, 2.0)], &[(0.0, 0.0), (1.0, 2.0)], &[(1.0, 2.0)]]);
        let places: Vec<f64> = svg
            .split("<text class=\"end c")
            .skip(1)
            .map(|text| {
                let y = text.split(" y=\"").nth(1).and_then(|rest| rest.split('"').next());
                y.and_then(|y| y.parse().ok()).expect("a place")
            })
            .collect();
        assert_eq!(places.len(), 3);
        assert!(places.windows(2).all(|pair| (pair[1] - pair[0]).abs() >= LINE - 0.2), "{places:?}");
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 5.0, 6.0), (vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 0));
        assert_eq!(ticks(88.9, 91.2, 5.0).0, [89.0, 89.5, 90.0, 90.5, 91.0]);
    }
}
