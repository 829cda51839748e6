//! Pictures of groups of runs: top-1 over epochs, seconds or floating-point operations becomes SVG text that needs nothing
//! else. Colours are Okabe and Ito's, which the colour-blind tell apart, and every group has a mark of its own shape too.

use imagenette_results::run_group::{Point, RunGroup, Spread};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(crate) type Error = Box<dyn std::error::Error>;

const WIDTH_PX: u32 = 900;
const CHART_PX: u32 = 440;
const ROW_PX: u32 = 20;
/// How many letters of the legend fit into a line, at the width of a broad one.
const LETTERS: usize = 136;
/// Where the ends of groups lie this many times apart, the axis is logarithmic.
const WIDE: f64 = 5.0;
pub(crate) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(0, 0, 0),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// The lines behind a picture.
pub(crate) const GRID: RGBColor = RGBColor(222, 222, 222);
/// Small print.
const NOTE: RGBColor = RGBColor(90, 90, 90);
/// What a picture says of marks that are not where their values are.
const SIDE_BY_SIDE: &str = "ends at the same place stand side by side";

/// What lies along the horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Epochs,
    Seconds,
    Flop,
}

impl Axis {
    pub(crate) const ALL: [Self; 3] = [Self::Epochs, Self::Seconds, Self::Flop];

    /// The word for files and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Epochs => "epochs",
            Self::Seconds => "seconds",
            Self::Flop => "flop",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Epochs => "epochs",
            Self::Seconds => "seconds of training",
            Self::Flop => "PFLOP of training",
        }
    }

    fn of(self, point: &Point) -> Option<f64> {
        match self {
            Self::Epochs => Some(f64::from(point.epoch)),
            Self::Seconds => point.seconds,
            Self::Flop => point.flop.map(|flop| flop / 1e15),
        }
    }
}

/// A group's line: `(x, spread)` from the first evaluation to the last.
struct Curve<'g> {
    group: &'g RunGroup,
    points: Vec<(f64, Spread)>,
    number: usize,
}

impl Curve<'_> {
    fn end(&self) -> (f64, Spread) {
        *self.points.last().expect("a curve has its end")
    }

    fn colour(&self) -> RGBColor {
        COLOURS[self.number % COLOURS.len()]
    }

    /// Circle, square, triangle, diamond, turning with the colours so that 28 groups differ.
    fn mark(&self, (x, y): (i32, i32), size: i32) -> Vec<(i32, i32)> {
        match self.number % 4 {
            0 => (0..24)
                .map(|step| f64::from(step) * std::f64::consts::TAU / 24.0)
                .map(|turn| {
                    (
                        x + (f64::from(size) * turn.cos()).round() as i32,
                        y + (f64::from(size) * turn.sin()).round() as i32,
                    )
                })
                .collect(),
            1 => vec![(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)],
            2 => vec![(x - size - 1, y + size), (x, y - size - 1), (x + size + 1, y + size)],
            _ => vec![(x - size - 1, y), (x, y - size - 1), (x + size + 1, y), (x, y + size + 1)],
        }
    }

    fn label(&self) -> String {
        let result = result(self.end().1);
        let room = LETTERS - result.chars().count() - 2;
        format!("{}: {result}", shortened(&self.group.name, room))
    }
}

/// Mean, deviation and number of runs, in words.
pub(crate) fn result(Spread { n, mean, standard_deviation }: Spread) -> String {
    match standard_deviation {
        Some(sd) => format!("{:.2}% ± {:.2} (n = {n})", 100.0 * mean, 100.0 * sd),
        None => format!("{:.2}% (n = 1)", 100.0 * mean),
    }
}

/// What the groups were judged by: never val where photos were held out.
pub(crate) fn what(groups: &[RunGroup]) -> &'static str {
    if groups[0].is_held_out() { "held-out top-1" } else { "top-1" }
}

/// A picture of all groups that have something to show over this axis; `None` where none has.
///
/// # Errors
/// What the drawing library says.
pub(crate) fn draw(groups: &[RunGroup], axis: Axis, title: &str) -> Result<Option<String>, Error> {
    let curve = |(number, group): (usize, &'_ RunGroup)| {
        let points = group.points();
        axis.of(points.last()?)?;
        let points = points.iter().filter_map(|point| Some((axis.of(point)?, point.accuracy))).collect();
        Some((number, points))
    };
    let curves: Vec<Curve> = groups
        .iter()
        .enumerate()
        .filter_map(|(number, group)| curve((number, group)).map(|(number, points)| Curve { group, points, number }))
        .collect();
    if curves.is_empty() {
        return Ok(None);
    }
    let rows = curves.len() as u32;
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, (WIDTH_PX, CHART_PX + rows * ROW_PX + 14)).into_drawing_area();
        area.fill(&WHITE)?;
        let (chart, legend) = area.split_vertically(CHART_PX);
        let what = what(groups);
        draw_chart(&chart, &curves, axis, &shortened(title, LETTERS * 2 / 3), what)?;
        draw_legend(&legend, &curves)?;
        area.present()?;
    }
    Ok(Some(picture))
}

fn draw_chart(
    area: &DrawingArea<SVGBackend, Shift>,
    curves: &[Curve],
    axis: Axis,
    title: &str,
    what: &str,
) -> Result<(), Error> {
    let scale = Scale::of(curves);
    let (bottom, top, heights) = heights(curves);
    let (left, right) = scale.range();
    let widths = scale.ticks(axis == Axis::Epochs);
    // Places are logarithms where the axis is logarithmic, so that one kind of chart serves both.
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .margin_right(28)
        .x_label_area_size(42)
        .y_label_area_size(60)
        .build_cartesian_2d(
            Line { from: left, to: right, ticks: widths.iter().map(|&x| scale.place(x)).collect() },
            Line { from: bottom, to: top, ticks: heights.clone() },
        )?;
    let step = heights.windows(2).next().map_or(0.01, |pair| pair[1] - pair[0]);
    let decimals = decimals(step);
    chart
        .configure_mesh()
        .x_desc(axis.description())
        .y_desc(what)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 14))
        .x_label_formatter(&|place| number(scale.value(*place)))
        .y_label_formatter(&|accuracy| format!("{:.decimals$}%", 100.0 * accuracy))
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .draw()?;
    for curve in curves {
        let colour = curve.colour();
        let around = |sign: f64| {
            curve.points.iter().map(move |(x, at)| (*x, at.mean + sign * at.standard_deviation.unwrap_or(0.0)))
        };
        let placed = |(x, y): (f64, f64)| (scale.place(x), y.clamp(bottom, top));
        if curve.points.len() > 1 && curve.end().1.standard_deviation.is_some() {
            let outline: Vec<(f64, f64)> =
                around(1.0).chain(around(-1.0).collect::<Vec<_>>().into_iter().rev()).map(placed).collect();
            chart.draw_series([Polygon::new(outline, colour.mix(0.13))])?;
        }
        chart.draw_series(LineSeries::new(around(0.0).map(placed), colour.stroke_width(2)))?;
    }
    // Ends lie above every line.
    let plane = chart.plotting_area().strip_coord_spec();
    let origin = plane.get_base_pixel();
    let pixel = |x: f64, y: f64| {
        let (x, y) = chart.backend_coord(&(scale.place(x), y));
        (x - origin.0, y - origin.1)
    };
    let ends: Vec<i32> = curves.iter().map(|curve| pixel(curve.end().0, bottom).0).collect();
    let spreads: Vec<bool> = curves.iter().map(|curve| curve.end().1.standard_deviation.is_some()).collect();
    // Half a mark keeps off the edge.
    let room = pixel(scale.value(right), bottom).0 - ends.iter().max().copied().unwrap_or(0) - 5;
    let asides = set_aside(&ends, &spreads, room);
    if asides.iter().any(|&aside| aside != 0) {
        let style = ("sans-serif", 11).into_text_style(area).color(&NOTE).pos(Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(SIDE_BY_SIDE, (WIDTH_PX as i32 - 28, CHART_PX as i32 - 18), style))?;
    }
    for (curve, aside) in curves.iter().zip(asides) {
        let colour = curve.colour();
        for (place, (x, at)) in curve.points.iter().enumerate() {
            let is_end = place + 1 == curve.points.len();
            let pixel = |y: f64| {
                let (x, y) = pixel(*x, y);
                (if is_end { x + aside } else { x }, y)
            };
            if let Some(sd) = at.standard_deviation.filter(|_| is_end) {
                let (high, low) = (pixel((at.mean + sd).min(top)), pixel((at.mean - sd).max(bottom)));
                plane.draw(&PathElement::new([high, low], colour.stroke_width(1)))?;
                for (x, y) in [high, low] {
                    plane.draw(&PathElement::new([(x - 3, y), (x + 3, y)], colour.stroke_width(1)))?;
                }
            }
            // Marks on a long line would hide it.
            if is_end || curve.points.len() <= 20 {
                plane.draw(&Polygon::new(curve.mark(pixel(at.mean), if is_end { 4 } else { 2 }), colour))?;
            }
        }
    }
    Ok(())
}

/// By how many pixels ends that lie at the same place, and would cover each other's deviations, stand side by side: 9 from
/// one to the next, fewer where so many would leave the chart, `room` being what is free on the right of the last.
fn set_aside(ends: &[i32], has_spread: &[bool], room: i32) -> Vec<i32> {
    let beside = |place: usize| (0..ends.len()).filter(move |&other| (ends[other] - ends[place]).abs() <= 3);
    let aside = |place: usize| {
        let gaps = beside(place).count() as i32 - 1;
        if gaps == 0 || !beside(place).any(|other| has_spread[other]) {
            return 0;
        }
        let before = beside(place).filter(|&other| other < place).count() as i32;
        (2 * before - gaps) * (9 * gaps).min(2 * room.max(0)) / (2 * gaps)
    };
    (0..ends.len()).map(aside).collect()
}

fn draw_legend(area: &DrawingArea<SVGBackend, Shift>, curves: &[Curve]) -> Result<(), Error> {
    let style = ("sans-serif", 13).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
    for (row, curve) in curves.iter().enumerate() {
        let y = (row as u32 * ROW_PX + ROW_PX / 2) as i32;
        area.draw(&PathElement::new([(24, y), (52, y)], curve.colour().stroke_width(2)))?;
        area.draw(&Polygon::new(curve.mark((38, y), 4), curve.colour()))?;
        area.draw(&Text::new(curve.label(), (60, y), style.clone()))?;
    }
    Ok(())
}

/// An axis that says itself where its ticks are.
struct Line {
    from: f64,
    to: f64,
    ticks: Vec<f64>,
}

impl Ranged for Line {
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

/// From values to places along the horizontal axis.
#[derive(Debug, Clone, Copy)]
struct Scale {
    least: f64,
    greatest: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn of(curves: &[Curve]) -> Self {
        let bounds = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let (first_end, last_end) = bounds(&mut curves.iter().map(|curve| curve.end().0));
        let (least, greatest) = bounds(&mut curves.iter().flat_map(|curve| curve.points.iter().map(|(x, _)| *x)));
        Self { least, greatest, is_logarithmic: least > 0.0 && last_end / first_end >= WIDE }
    }

    fn place(self, x: f64) -> f64 {
        if self.is_logarithmic { x.log10() } else { x }
    }

    fn value(self, place: f64) -> f64 {
        if self.is_logarithmic { 10f64.powf(place) } else { place }
    }

    fn range(self) -> (f64, f64) {
        match self.is_logarithmic {
            true => {
                let margin = 0.04 * (self.greatest / self.least).log10();
                (self.least.log10() - margin, self.greatest.log10() + margin)
            }
            false => (0.0, if self.greatest > 0.0 { 1.06 * self.greatest } else { 1.0 }),
        }
    }

    /// Round values within the range, few enough to be read.
    fn ticks(self, is_whole: bool) -> Vec<f64> {
        let (left, right) = self.range();
        if !self.is_logarithmic {
            let step = round_step(right / 8.0).max(if is_whole { 1.0 } else { 0.0 });
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

/// Lowest and highest accuracy of the picture, and the lines between.
fn heights(curves: &[Curve]) -> (f64, f64, Vec<f64>) {
    let reach = |at: &Spread| at.standard_deviation.unwrap_or(0.0);
    let all = || curves.iter().flat_map(|curve| curve.points.iter().map(|(_, at)| at));
    let low = all().map(|at| at.mean - reach(at)).fold(f64::INFINITY, f64::min);
    let high = all().map(|at| at.mean + reach(at)).fold(f64::NEG_INFINITY, f64::max);
    let margin = (0.06 * (high - low)).max(0.004);
    let (low, high) = ((low - margin).max(0.0), (high + margin).min(1.0));
    let step = round_step((high - low) / 8.0);
    (low, high, multiples(low, high, step))
}

/// How many decimals percentages need whose ticks lie this far apart (as fractions).
pub(crate) fn decimals(step: f64) -> usize {
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

pub(crate) fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    ((low / step).ceil() as i64..=(high / step).floor() as i64).map(|number| number as f64 * step).collect()
}

/// A tick's number: thousands apart, and no more digits than it needs.
fn number(value: f64) -> String {
    if value >= 999.5 {
        return crate::terminal::thousands(value.round() as u64);
    }
    // Ticks have one or two digits that count; the rest is rounding.
    let digits = if value > 0.0 { (2 - value.log10().floor() as i32).max(0) as usize } else { 0 };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A text of at most so many letters; of a longer one the beginning and the end.
pub(crate) fn shortened(text: &str, room: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= room {
        return text.to_owned();
    }
    let (head, tail) = (room / 3, (room - room / 3).saturating_sub(1));
    letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let scale = |least, greatest, is_logarithmic| Scale { least, greatest, is_logarithmic };
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
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.15), "0.15");
    }

    #[test]
    fn ends_at_the_same_place_stand_side_by_side_where_they_have_deviations() {
        assert_eq!(set_aside(&[100, 300, 101], &[true, true, false], 40), [-4, 0, 4]);
        assert_eq!(set_aside(&[100, 100], &[false, false], 40), [0, 0]);
        // A dozen at the end of the axis stay in the chart.
        let dozen = set_aside(&[750; 12], &[true; 12], 40);
        assert!(dozen.windows(2).all(|pair| pair[0] < pair[1]), "{dozen:?}");
        assert_eq!((dozen[0], dozen[11]), (-40, 40));
        assert_eq!(set_aside(&[800, 800], &[true, true], 0), [0, 0]);
    }

    #[test]
    fn long_names_keep_their_beginning_and_their_end() {
        assert_eq!(shortened("fast-85", 10), "fast-85");
        assert_eq!(shortened("abcdefghijklmnop", 9), "abc…lmnop");
    }
}
