//! Lines over an axis, each with its name where it ends: what all pictures of curves and of frontiers share. Every line
//! has a color of its own and a mark.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;
use super::axes::{Scale, Ticked, bounds, decimals, multiples, number, round_step};
use super::style::{Area, GRID, NOTE, color, finished, mark, shortened};

/// The width of everything left of the names.
const CHART_PX: u32 = 640;
const LEAST_HEIGHT_PX: u32 = 460;
/// Below the axis, with room for small print.
const FOOT_PX: u32 = 62;
const HEAD_PX: u32 = 40;
/// From a name to the next one below: the name, and what its line reached.
const LABEL_PX: i32 = 31;
/// From the chart to the names: a lead to each from the end of its line, where that is so near to the edge.
const NEAR_PX: i32 = 60;
const LEAD_PX: i32 = 44;
/// Left of everything.
const MARGIN_PX: u32 = 10;
/// The most letters of a name, and the width of a broad one.
const LETTERS: usize = 54;
const LETTER_PX: f64 = 6.8;
/// With more points than this a line is drawn without marks, which would hide it.
const MOST_MARKS: usize = 20;
/// Points at most this many pixels apart count as one place.
const SAME_PLACE_PX: i32 = 3;
/// How far apart marks at one place are set.
const ASIDE_PX: i32 = 9;
/// What a picture says of marks that are not where their values are.
const SIDE_BY_SIDE: &str = "ends at the same place stand side by side";

/// A point of a line, with the standard deviation of the runs behind it where there are several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct At {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) sd: Option<f64>,
}

impl At {
    fn reach(&self) -> f64 {
        self.sd.unwrap_or(0.0)
    }
}

/// A line from its first point to its last, or a single mark.
pub(super) struct Line {
    /// Which color and mark.
    pub(super) number: usize,
    /// What stands at its end, and below that what it reached.
    pub(super) name: String,
    pub(super) reached: String,
    /// At least one.
    pub(super) points: Vec<At>,
}

impl Line {
    fn end(&self) -> At {
        *self.points.last().expect("a line has its end")
    }
}

/// What another program reached: a gray circle with its number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reference {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) name: String,
}

/// What the vertical axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Up {
    /// Fractions from 0 to 1, shown as percent.
    Share,
    /// Numbers from 0 on.
    Number,
}

/// A picture before it is drawn.
pub(super) struct Picture<'p> {
    pub(super) title: &'p str,
    pub(super) across: &'p str,
    /// The ticks of the horizontal axis are whole numbers.
    pub(super) is_whole: bool,
    pub(super) upward: &'p str,
    pub(super) up: Up,
    pub(super) lines: Vec<Line>,
    pub(super) references: Vec<Reference>,
    /// The frontier: from each of these to the next the line goes right, then up.
    pub(super) stairs: Vec<(f64, f64)>,
    /// What has to be said below.
    pub(super) note: Option<String>,
}

impl Picture<'_> {
    /// SVG text that needs nothing else, for light and for dark backgrounds.
    ///
    /// # Errors
    /// What the drawing library says.
    pub(super) fn draw(&self) -> Result<String, PlotError> {
        let frame = Frame::of(self);
        let letters = |line: &Line| line.name.chars().count().min(LETTERS).max(line.reached.chars().count());
        let names_px = (LETTER_PX * self.lines.iter().map(letters).max().unwrap_or(0) as f64) as u32 + 34;
        let all_names = self.lines.len() as u32 * LABEL_PX as u32 + HEAD_PX + FOOT_PX;
        let (width, height) = (CHART_PX + names_px, LEAST_HEIGHT_PX.max(all_names));
        let mut picture = String::new();
        {
            let area = SVGBackend::with_string(&mut picture, (width, height)).into_drawing_area();
            area.fill(&WHITE)?;
            let title = shortened(self.title, width as usize / 10);
            let style = ("sans-serif", 18).into_text_style(&area).pos(Pos::new(HPos::Center, VPos::Center));
            area.draw(&Text::new(title, (width as i32 / 2, HEAD_PX as i32 / 2), style))?;
            let chart = area.margin(HEAD_PX, FOOT_PX - 38, MARGIN_PX, width - CHART_PX + LEAD_PX as u32);
            let mut plane = self.draw_frame(&chart, &frame)?;
            self.draw_lines(&mut plane, &frame)?;
            let place = |at: (f64, f64)| plane.backend_coord(&(frame.scale.place(at.0), at.1));
            self.draw_references(&area, place)?;
            let is_aside = self.draw_ends(&area, &frame, place)?;
            self.draw_names(&area, &frame, place)?;
            let notes = [is_aside.then_some(SIDE_BY_SIDE), self.note.as_deref()];
            let note: Vec<&str> = notes.into_iter().flatten().collect();
            let style = ("sans-serif", 11).into_text_style(&area).color(&NOTE).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(note.join("; "), (16, height as i32 - 12), style))?;
            area.present()?;
        }
        Ok(finished(picture))
    }

    /// Axes and the lines behind everything.
    fn draw_frame<'c, 's>(&self, area: &'c Area<'s>, frame: &Frame) -> Result<Plane<'c, 's>, PlotError> {
        let scale = frame.scale;
        let (left, right) = scale.range();
        let ticks = scale.ticks(self.is_whole).into_iter().map(|value| scale.place(value)).collect();
        let mut plane = ChartBuilder::on(area).x_label_area_size(44).y_label_area_size(64).build_cartesian_2d(
            Ticked { from: left, to: right, ticks },
            Ticked { from: frame.bottom, to: frame.top, ticks: frame.heights.clone() },
        )?;
        let step = frame.heights.windows(2).next().map_or(0.01, |pair| pair[1] - pair[0]);
        let percent = decimals(step);
        let upward = |value: &f64| match self.up {
            Up::Share => format!("{:.percent$}%", 100.0 * value),
            Up::Number => number(*value),
        };
        plane
            .configure_mesh()
            .x_desc(self.across)
            .y_desc(self.upward)
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 14))
            .x_label_formatter(&|place| number(scale.value(*place)))
            .y_label_formatter(&upward)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .draw()?;
        Ok(plane)
    }

    /// The frontier, and the lines' means with a band of a standard deviation around those of several runs.
    fn draw_lines(&self, plane: &mut Plane, frame: &Frame) -> Result<(), PlotError> {
        let placed = |x: f64, y: f64| (frame.scale.place(x), y.clamp(frame.bottom, frame.top));
        if let (Some(first), Some(last)) = (self.stairs.first(), self.stairs.last()) {
            let mut corners = vec![placed(first.0, frame.bottom)];
            for pair in self.stairs.windows(2) {
                corners.extend([placed(pair[0].0, pair[0].1), placed(pair[1].0, pair[0].1)]);
            }
            corners.extend([placed(last.0, last.1), (frame.scale.range().1, last.1)]);
            plane.draw_series(LineSeries::new(corners, NOTE.stroke_width(1)))?;
        }
        for line in &self.lines {
            let color = color(line.number);
            let around = |sign: f64| line.points.iter().map(move |at| placed(at.x, at.y + sign * at.reach()));
            if line.points.len() > 1 && line.points.iter().any(|at| at.sd.is_some()) {
                let back: Vec<_> = around(-1.0).collect();
                let outline: Vec<_> = around(1.0).chain(back.into_iter().rev()).collect();
                plane.draw_series([Polygon::new(outline, color.mix(0.13))])?;
            }
            plane.draw_series(LineSeries::new(around(0.0), color.stroke_width(2)))?;
        }
        Ok(())
    }

    fn draw_references(&self, area: &Area, place: impl Fn((f64, f64)) -> (i32, i32)) -> Result<(), PlotError> {
        let style = ("sans-serif", 11).into_text_style(area).color(&NOTE).pos(Pos::new(HPos::Center, VPos::Top));
        for reference in &self.references {
            let (x, y) = place((reference.x, reference.y));
            area.draw(&Circle::new((x, y), 4, NOTE.stroke_width(1)))?;
            area.draw(&Text::new(reference.name.clone(), (x, y + 7), style.clone()))?;
        }
        Ok(())
    }

    /// The lines' marks, and the standard deviations at their ends: above every line. Tells whether ends stand aside.
    fn draw_ends(
        &self,
        area: &Area,
        frame: &Frame,
        place: impl Fn((f64, f64)) -> (i32, i32),
    ) -> Result<bool, PlotError> {
        let ends: Vec<i32> = self.lines.iter().map(|line| place((line.end().x, frame.bottom)).0).collect();
        let spreads: Vec<bool> = self.lines.iter().map(|line| line.end().sd.is_some()).collect();
        // Half a mark stays off the edge.
        let right = place((frame.scale.value(frame.scale.range().1), frame.bottom)).0;
        let room = right - ends.iter().max().copied().unwrap_or(0) - 5;
        // Where the place itself is what is shown, nothing is moved.
        let asides = if self.stairs.is_empty() { asides(&ends, &spreads, room) } else { vec![0; ends.len()] };
        for (line, &aside) in self.lines.iter().zip(&asides) {
            let color = color(line.number);
            for (number, at) in line.points.iter().enumerate() {
                let is_end = number + 1 == line.points.len();
                let pixel = |y: f64| {
                    let (x, y) = place((at.x, y.clamp(frame.bottom, frame.top)));
                    (if is_end { x + aside } else { x }, y)
                };
                if let Some(sd) = at.sd.filter(|_| is_end) {
                    let (high, low) = (pixel(at.y + sd), pixel(at.y - sd));
                    area.draw(&PathElement::new([high, low], color.stroke_width(1)))?;
                    for (x, y) in [high, low] {
                        area.draw(&PathElement::new([(x - 3, y), (x + 3, y)], color.stroke_width(1)))?;
                    }
                }
                if is_end || line.points.len() <= MOST_MARKS {
                    let outline = mark(line.number, pixel(at.y), if is_end { 4 } else { 2 });
                    area.draw(&Polygon::new(outline, color))?;
                }
            }
        }
        Ok(asides.iter().any(|&aside| aside != 0))
    }

    /// The names at the right edge, in the order of the lines' ends.
    fn draw_names(
        &self,
        area: &Area,
        frame: &Frame,
        place: impl Fn((f64, f64)) -> (i32, i32),
    ) -> Result<(), PlotError> {
        let right = place((frame.scale.value(frame.scale.range().1), frame.bottom)).0;
        let (highest, lowest) = (place((0.0, frame.top)).1, place((0.0, frame.bottom)).1);
        let wanted: Vec<i32> = self.lines.iter().map(|line| place((line.end().x, line.end().y)).1).collect();
        let heights = apart(&wanted, LABEL_PX, highest + LABEL_PX / 2 - 8, lowest.max(highest + LABEL_PX) - 8);
        let left = Pos::new(HPos::Left, VPos::Center);
        for (line, &y) in self.lines.iter().zip(&heights) {
            let color = color(line.number);
            let end = place((line.end().x, line.end().y));
            let turn = (right + LEAD_PX - 16, y);
            // A lead right across the picture would look like another line; the mark and the color are enough there.
            if right - end.0 <= NEAR_PX {
                area.draw(&PathElement::new([(end.0 + 6, end.1), turn], color.mix(0.55).stroke_width(1)))?;
            }
            area.draw(&Polygon::new(mark(line.number, (turn.0 + 6, y), 4), color))?;
            let style = |size: i32| ("sans-serif", size).into_text_style(area).pos(left);
            let x = right + LEAD_PX + 2;
            let name = shortened(&line.name, LETTERS);
            if line.reached.is_empty() {
                area.draw(&Text::new(name, (x, y), style(13)))?;
                continue;
            }
            area.draw(&Text::new(name, (x, y - 7), style(13)))?;
            area.draw(&Text::new(line.reached.clone(), (x, y + 8), style(12).color(&NOTE)))?;
        }
        Ok(())
    }
}

/// A chart of values and heights.
type Plane<'c, 's> = ChartContext<'c, SVGBackend<'s>, Cartesian2d<Ticked, Ticked>>;

/// What the picture's corners are, and where its lines are.
struct Frame {
    scale: Scale,
    bottom: f64,
    top: f64,
    /// The heights that have a line.
    heights: Vec<f64>,
}

impl Frame {
    fn of(picture: &Picture) -> Self {
        let points = || picture.lines.iter().flat_map(|line| &line.points);
        let across = points().map(|at| at.x).chain(picture.references.iter().map(|reference| reference.x));
        let ends = picture.lines.iter().map(|line| line.end().x);
        let ends = ends.chain(picture.references.iter().map(|reference| reference.x));
        let scale = Scale::of(ends, across, picture.lines.iter().any(|line| line.points.len() > 1));
        let (low, _) =
            bounds(points().map(|at| at.y - at.reach()).chain(picture.references.iter().map(|known| known.y)));
        let (_, high) =
            bounds(points().map(|at| at.y + at.reach()).chain(picture.references.iter().map(|known| known.y)));
        let margin = (0.06 * (high - low)).max(0.004);
        let greatest = if picture.up == Up::Share { 1.0 } else { f64::INFINITY };
        let (bottom, top) = ((low - margin).max(0.0), (high + margin).min(greatest));
        let heights = multiples(bottom, top, round_step((top - bottom) / 8.0));
        Self { scale, bottom, top, heights }
    }
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

/// Places in the order of those that are wanted, each at least `least` below the one above it, within the edges as far
/// as there is room.
fn apart(wanted: &[i32], least: i32, top: i32, bottom: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&number| wanted[number]);
    let mut places = wanted.to_vec();
    let mut above = top - least;
    for &number in &order {
        places[number] = places[number].max(above + least);
        above = places[number];
    }
    // What was pushed out at the bottom pushes back.
    let mut below = bottom.max(top + least * (wanted.len() as i32 - 1)) + least;
    for &number in order.iter().rev() {
        places[number] = places[number].min(below - least);
        below = places[number];
    }
    places
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
    fn names_keep_their_order_and_their_distance() {
        assert_eq!(apart(&[100, 300, 200], 30, 0, 400), [100, 300, 200], "there is room: none is moved");
        assert_eq!(apart(&[205, 200, 210], 30, 0, 400), [230, 200, 260]);
        assert_eq!(apart(&[395, 390, 398], 30, 0, 400), [370, 340, 400], "pushed back from the edge");
        let many = apart(&[10; 20], 30, 0, 400);
        assert!(many.windows(2).all(|pair| pair[1] - pair[0] == 30) && many[0] == 0, "{many:?}");
    }

    #[test]
    fn a_picture_holds_names_marks_references_and_the_frontier() {
        let line = |number, x, y| Line {
            number,
            name: format!("recipe {number} & more"),
            reached: "reached".into(),
            points: vec![At { x, y, sd: None }],
        };
        let picture = Picture {
            title: "a <title>",
            across: "epochs",
            is_whole: true,
            upward: "top-1",
            up: Up::Share,
            lines: vec![line(0, 5.0, 0.9), line(1, 10.0, 0.85)],
            references: vec![Reference { x: 5.0, y: 0.87, name: "87.43%".into() }],
            stairs: vec![(5.0, 0.9)],
            note: Some("gray: others".into()),
        };
        let svg = picture.draw().unwrap();
        for told in ["recipe 0 &amp; more", "recipe 1 &amp; more", "a &lt;title&gt;", "87.43%", "gray: others"] {
            assert!(svg.contains(told), "{told}: {svg}");
        }
        assert_eq!(svg.matches("reached").count(), 2);
    }
}
