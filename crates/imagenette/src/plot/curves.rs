//! Groups of runs as curves: top-1 over epochs, seconds or floating-point operations becomes SVG text that needs
//! nothing else. Every group has a color and a mark of its own.

use imagenette_results::run_group::{RunGroup, Spread};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{Axis, Scale, Ticked, bounds, decimals, multiples, number, round_step};
use super::style::{Area, GRID, NOTE, color, finished, mark, result, shortened};
use super::{PlotError, measure};

const WIDTH_PX: u32 = 900;
const CHART_PX: u32 = 440;
const ROW_PX: u32 = 20;
/// How many letters of the legend fit into a line, at the width of a broad one.
const LETTERS: usize = 136;
/// With more points than this a curve is drawn without marks, which would hide it.
const MOST_MARKS: usize = 20;
/// Points at most this many pixels apart count as one place.
const SAME_PLACE_PX: i32 = 3;
/// How far apart marks at one place are set.
const ASIDE_PX: i32 = 9;
/// What a picture says of marks that are not where their values are.
const SIDE_BY_SIDE: &str = "ends at the same place stand side by side";

/// A group's curve: `(value, spread)` from the first evaluation to the last.
struct Curve<'g> {
    group: &'g RunGroup,
    points: Vec<(f64, Spread)>,
    number: usize,
}

impl<'g> Curve<'g> {
    /// The curve of a group over this axis; `None` where its runs do not record it.
    fn of(group: &'g RunGroup, number: usize, axis: Axis) -> Option<Self> {
        let points = group.points();
        axis.of(points.last()?)?;
        let points = points.iter().filter_map(|point| Some((axis.of(point)?, point.accuracy))).collect();
        Some(Self { group, points, number })
    }

    fn end(&self) -> (f64, Spread) {
        *self.points.last().expect("a curve has its end")
    }

    fn has_spread(&self) -> bool {
        self.end().1.standard_deviation.is_some()
    }

    fn label(&self) -> String {
        let result = result(self.end().1);
        let room = LETTERS - result.chars().count() - 2;
        format!("{}: {result}", shortened(&self.group.name, room))
    }
}

/// A picture of all groups that have something to show over this axis; `None` where none has.
///
/// # Errors
/// What the drawing library says.
pub fn draw_curves(groups: &[RunGroup], axis: Axis, title: &str) -> Result<Option<String>, PlotError> {
    let curves: Vec<Curve> =
        groups.iter().enumerate().filter_map(|(number, group)| Curve::of(group, number, axis)).collect();
    if curves.is_empty() {
        return Ok(None);
    }
    let rows = curves.len() as u32;
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, (WIDTH_PX, CHART_PX + rows * ROW_PX + 14)).into_drawing_area();
        area.fill(&WHITE)?;
        let (chart, legend) = area.split_vertically(CHART_PX);
        let frame = Frame::of(&curves);
        let title = shortened(title, LETTERS * 2 / 3);
        let mut plane = draw_frame(&chart, &frame, axis, &title, measure(groups))?;
        draw_lines(&mut plane, &frame, &curves)?;
        draw_ends(&chart, &plane, &frame, &curves)?;
        draw_legend(&legend, &curves)?;
        area.present()?;
    }
    Ok(Some(finished(picture)))
}

/// What the picture's corners are, and where its lines are.
struct Frame {
    scale: Scale,
    /// The lowest and the highest accuracy.
    bottom: f64,
    top: f64,
    /// The accuracies that have a line.
    heights: Vec<f64>,
}

impl Frame {
    fn of(curves: &[Curve]) -> Self {
        let values = curves.iter().flat_map(|curve| curve.points.iter().map(|(value, _)| *value));
        let scale = Scale::of(curves.iter().map(|curve| curve.end().0), values);
        let reach = |at: &Spread| at.standard_deviation.unwrap_or(0.0);
        let spreads = || curves.iter().flat_map(|curve| curve.points.iter().map(|(_, at)| at));
        let (low, _) = bounds(spreads().map(|at| at.mean - reach(at)));
        let (_, high) = bounds(spreads().map(|at| at.mean + reach(at)));
        let margin = (0.06 * (high - low)).max(0.004);
        let (bottom, top) = ((low - margin).max(0.0), (high + margin).min(1.0));
        let heights = multiples(bottom, top, round_step((top - bottom) / 8.0));
        Self { scale, bottom, top, heights }
    }
}

/// A chart of values and accuracies.
type Plane<'c, 's> = ChartContext<'c, SVGBackend<'s>, Cartesian2d<Ticked, Ticked>>;

/// Title, axes and the lines behind everything.
fn draw_frame<'c, 's>(
    area: &'c Area<'s>,
    frame: &Frame,
    axis: Axis,
    title: &str,
    measure: &str,
) -> Result<Plane<'c, 's>, PlotError> {
    let scale = frame.scale;
    let (left, right) = scale.range();
    let ticks = scale.ticks(axis == Axis::Epochs).into_iter().map(|value| scale.place(value)).collect();
    let mut plane = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .margin_right(28)
        .x_label_area_size(42)
        .y_label_area_size(60)
        .build_cartesian_2d(
            Ticked { from: left, to: right, ticks },
            Ticked { from: frame.bottom, to: frame.top, ticks: frame.heights.clone() },
        )?;
    let step = frame.heights.windows(2).next().map_or(0.01, |pair| pair[1] - pair[0]);
    let decimals = decimals(step);
    plane
        .configure_mesh()
        .x_desc(axis.description())
        .y_desc(measure)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 14))
        .x_label_formatter(&|place| number(scale.value(*place)))
        .y_label_formatter(&|accuracy| format!("{:.decimals$}%", 100.0 * accuracy))
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .draw()?;
    Ok(plane)
}

/// The curves' means, with a band of a standard deviation around those of several runs.
fn draw_lines(plane: &mut Plane, frame: &Frame, curves: &[Curve]) -> Result<(), PlotError> {
    for curve in curves {
        let color = color(curve.number);
        let around = |sign: f64| {
            curve.points.iter().map(move |(value, at)| (*value, at.mean + sign * at.standard_deviation.unwrap_or(0.0)))
        };
        let placed =
            |(value, accuracy): (f64, f64)| (frame.scale.place(value), accuracy.clamp(frame.bottom, frame.top));
        if curve.points.len() > 1 && curve.has_spread() {
            let outline: Vec<(f64, f64)> =
                around(1.0).chain(around(-1.0).collect::<Vec<_>>().into_iter().rev()).map(placed).collect();
            plane.draw_series([Polygon::new(outline, color.mix(0.13))])?;
        }
        plane.draw_series(LineSeries::new(around(0.0).map(placed), color.stroke_width(2)))?;
    }
    Ok(())
}

/// The curves' marks, and the standard deviations at their ends: above every line.
fn draw_ends(area: &Area, plane: &Plane, frame: &Frame, curves: &[Curve]) -> Result<(), PlotError> {
    let Frame { scale, bottom, top, .. } = *frame;
    let inner = plane.plotting_area().strip_coord_spec();
    let origin = inner.get_base_pixel();
    let pixel = |value: f64, accuracy: f64| {
        let (x, y) = plane.backend_coord(&(scale.place(value), accuracy));
        (x - origin.0, y - origin.1)
    };
    let ends: Vec<i32> = curves.iter().map(|curve| pixel(curve.end().0, bottom).0).collect();
    let spreads: Vec<bool> = curves.iter().map(Curve::has_spread).collect();
    // Half a mark stays off the edge.
    let room = pixel(scale.value(scale.range().1), bottom).0 - ends.iter().max().copied().unwrap_or(0) - 5;
    let asides = asides(&ends, &spreads, room);
    if asides.iter().any(|&aside| aside != 0) {
        let style = ("sans-serif", 11).into_text_style(area).color(&NOTE).pos(Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(SIDE_BY_SIDE, (WIDTH_PX as i32 - 28, CHART_PX as i32 - 18), style))?;
    }
    for (curve, aside) in curves.iter().zip(asides) {
        let color = color(curve.number);
        for (place, (value, at)) in curve.points.iter().enumerate() {
            let is_end = place + 1 == curve.points.len();
            let pixel = |accuracy: f64| {
                let (x, y) = pixel(*value, accuracy);
                (if is_end { x + aside } else { x }, y)
            };
            if let Some(sd) = at.standard_deviation.filter(|_| is_end) {
                let (high, low) = (pixel((at.mean + sd).min(top)), pixel((at.mean - sd).max(bottom)));
                inner.draw(&PathElement::new([high, low], color.stroke_width(1)))?;
                for (x, y) in [high, low] {
                    inner.draw(&PathElement::new([(x - 3, y), (x + 3, y)], color.stroke_width(1)))?;
                }
            }
            if is_end || curve.points.len() <= MOST_MARKS {
                let outline = mark(curve.number, pixel(at.mean), if is_end { 4 } else { 2 });
                inner.draw(&Polygon::new(outline, color))?;
            }
        }
    }
    Ok(())
}

/// By how many pixels each end is moved so that ends at the same place do not cover each other's deviations: neighbors
/// stand `ASIDE_PX` apart, and closer where they would leave the chart. `room` is what is free to the right of the
/// last.
fn asides(ends: &[i32], has_spread: &[bool], room: i32) -> Vec<i32> {
    let at_place =
        |place: usize| (0..ends.len()).filter(move |&other| (ends[other] - ends[place]).abs() <= SAME_PLACE_PX);
    let aside = |place: usize| {
        let gaps = at_place(place).count() as i32 - 1;
        if gaps == 0 || !at_place(place).any(|other| has_spread[other]) {
            return 0;
        }
        let before = at_place(place).filter(|&other| other < place).count() as i32;
        (2 * before - gaps) * (ASIDE_PX * gaps).min(2 * room.max(0)) / (2 * gaps)
    };
    (0..ends.len()).map(aside).collect()
}

fn draw_legend(area: &Area, curves: &[Curve]) -> Result<(), PlotError> {
    let style = ("sans-serif", 13).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
    for (row, curve) in curves.iter().enumerate() {
        let y = (row as u32 * ROW_PX + ROW_PX / 2) as i32;
        let color = color(curve.number);
        area.draw(&PathElement::new([(24, y), (52, y)], color.stroke_width(2)))?;
        area.draw(&Polygon::new(mark(curve.number, (38, y), 4), color))?;
        area.draw(&Text::new(curve.label(), (60, y), style.clone()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_at_the_same_place_stand_side_by_side_where_they_have_deviations() {
        assert_eq!(asides(&[100, 300, 101], &[true, true, false], 40), [-4, 0, 4]);
        assert_eq!(asides(&[100, 100], &[false, false], 40), [0, 0]);
        // A dozen at the end of the axis stay in the chart.
        let dozen = asides(&[750; 12], &[true; 12], 40);
        assert!(dozen.windows(2).all(|pair| pair[0] < pair[1]), "{dozen:?}");
        assert_eq!((dozen[0], dozen[11]), (-40, 40));
        assert_eq!(asides(&[800, 800], &[true, true], 0), [0, 0]);
    }

    #[test]
    fn no_groups_are_no_picture() {
        assert_eq!(draw_curves(&[], Axis::Epochs, "nothing").unwrap(), None);
    }
}
