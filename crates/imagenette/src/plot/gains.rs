//! Gains over a baseline as rows, the largest first, each with its interval: where a bar does not touch the line of no
//! gain, the idea helps or hurts. Standard deviations beside each other do not show that.

use imagenette_results::statistics::Interval;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;
use super::axes::{bounds, decimals, multiples};
use super::row_place::{HEAD_PX, LETTERS, ROW_PX, RowPlace};
use super::style::{Area, COLORS, GRID, NOTE, finished, shortened};

const FOOT_PX: i32 = 78;
const NUMBERS_PX: i32 = 330;
/// The least width of a picture, so that what stands below the axis fits.
const NARROWEST_PX: i32 = 560;

/// What runs of a recipe gain over those of the baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// The group's name.
    pub name: String,
    /// The difference of mean accuracies, a fraction.
    pub gain: f64,
    /// Where the gain lies; `None` where a side has a single run.
    pub interval: Option<Interval>,
    /// Runs of the baseline and of this group.
    pub runs: (usize, usize),
    /// What a comparison said about it, whose level the interval has then; `None` of an interval at 95%.
    pub verdict: Option<String>,
}

impl Gain {
    /// Gain and interval in points, and how many runs: `+0.56 (+0.18 to +0.94), 5 + 5 runs`.
    pub fn in_words(&self) -> String {
        let point = |value: f64| format!("{:+.2}", 100.0 * value);
        let interval = match self.interval {
            Some(Interval { low, high }) => format!(" ({} to {})", point(low), point(high)),
            None => String::new(),
        };
        let (baseline, own) = self.runs;
        format!("{}{interval}, {baseline} + {own} runs", point(self.gain))
    }

    /// The ends of the interval, or the gain itself.
    fn ends(&self) -> [f64; 2] {
        self.interval.map_or([self.gain; 2], |interval| [interval.low, interval.high])
    }

    /// Green-blue where the gain is clear, red where the loss is, and gray where neither is.
    fn color(&self) -> RGBColor {
        match self.interval {
            Some(Interval { low, .. }) if low > 0.0 => COLORS[0],
            Some(Interval { high, .. }) if high < 0.0 => COLORS[1],
            _ => NOTE,
        }
    }
}

/// A picture of all gains over the baseline of this name; `None` where there are none. `measure` is what was measured:
/// `top-1`.
///
/// # Errors
/// What the drawing library says.
pub fn draw_gains(gains: &[Gain], baseline: &str, measure: &str, title: &str) -> Result<Option<String>, PlotError> {
    if gains.is_empty() {
        return Ok(None);
    }
    let mut rows: Vec<&Gain> = gains.iter().collect();
    rows.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    let mut picture = String::new();
    {
        let place = place_of(&rows);
        let bottom = HEAD_PX + rows.len() as i32 * ROW_PX;
        let (width, height) = ((place.right_px() + NUMBERS_PX).max(NARROWEST_PX), bottom + FOOT_PX);
        let area = SVGBackend::with_string(&mut picture, (width as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        let style = |size: i32| ("sans-serif", size).into_text_style(&area).pos(Pos::new(HPos::Center, VPos::Center));
        area.draw(&Text::new(shortened(title, width as usize / 10), (width / 2, 20), style(18)))?;
        draw_axis(&area, &place, bottom)?;
        let middle = i32::midpoint(place.left_px, place.right_px()).max(width / 2 - NUMBERS_PX / 2);
        let what = format!("gain in {measure} over {}, in points", shortened(baseline, LETTERS * 3 / 4));
        area.draw(&Text::new(what, (middle, bottom + 38), style(14)))?;
        area.draw(&Text::new(small_print(&rows), (middle, bottom + 58), style(11).color(&NOTE)))?;
        for (number, row) in rows.iter().enumerate() {
            draw_row(&area, &place, row, HEAD_PX + number as i32 * ROW_PX + ROW_PX / 2)?;
        }
        area.present()?;
    }
    Ok(Some(finished(picture)))
}

/// What marks and bars mean, as far as they are there.
fn small_print(rows: &[&Gain]) -> String {
    let mut notes = Vec::new();
    if rows.iter().any(|row| row.interval.is_some() && row.verdict.is_none()) {
        notes.push("diamond: interval at 95%");
    }
    if rows.iter().any(|row| row.verdict.is_some()) {
        notes.push("square: interval at the verdict's own level");
    }
    if rows.iter().any(|row| row.interval.is_none()) {
        notes.push("circle: a side has one run, no interval");
    }
    notes.join("; ")
}

/// The axis of all rows and the line of no gain.
fn place_of(rows: &[&Gain]) -> RowPlace {
    let (low, high) = bounds(rows.iter().flat_map(|row| row.ends()).chain([0.0]));
    let margin = (0.05 * (high - low)).max(0.001);
    RowPlace::new(low - margin, high + margin, rows.iter().map(|row| row.name.as_str()))
}

fn draw_axis(area: &Area, place: &RowPlace, bottom: i32) -> Result<(), PlotError> {
    let step = place.step();
    let decimals = decimals(step);
    let style = ("sans-serif", 13).into_text_style(area).pos(Pos::new(HPos::Center, VPos::Top));
    for tick in multiples(place.low, place.high, step) {
        let x = place.pixel(tick);
        let is_zero = tick.abs() < step / 2.0;
        let line = if is_zero { BLACK.stroke_width(1) } else { GRID.stroke_width(1) };
        area.draw(&PathElement::new([(x, HEAD_PX), (x, bottom)], line))?;
        area.draw(&PathElement::new([(x, bottom), (x, bottom + 4)], BLACK.stroke_width(1)))?;
        let said = if is_zero { "0".to_owned() } else { format!("{:+.decimals$}", 100.0 * tick) };
        area.draw(&Text::new(said, (x, bottom + 8), style.clone()))?;
    }
    area.draw(&PathElement::new([(place.left_px, bottom), (place.right_px(), bottom)], BLACK.stroke_width(1)))?;
    Ok(())
}

fn draw_row(area: &Area, place: &RowPlace, row: &Gain, y: i32) -> Result<(), PlotError> {
    let style = |side| ("sans-serif", 13).into_text_style(area).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(shortened(&row.name, LETTERS), (place.left_px - 12, y), style(HPos::Right)))?;
    let color = row.color();
    if row.interval.is_some() {
        let [from, to] = row.ends().map(|end| place.pixel(end));
        area.draw(&PathElement::new([(from, y), (to, y)], color.stroke_width(2)))?;
        for x in [from, to] {
            area.draw(&PathElement::new([(x, y - 4), (x, y + 4)], color.stroke_width(2)))?;
        }
    }
    let x = place.pixel(row.gain);
    match (&row.interval, &row.verdict) {
        (None, _) => area.draw(&Circle::new((x, y), 4, color.stroke_width(1)))?,
        (_, Some(_)) => area.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], color.filled()))?,
        _ => area.draw(&Polygon::new(vec![(x - 5, y), (x, y - 5), (x + 5, y), (x, y + 5)], color))?,
    }
    let said = match &row.verdict {
        Some(verdict) => format!("{}: {}", row.in_words(), verdict.replace('-', " ")),
        None => row.in_words(),
    };
    area.draw(&Text::new(said, (place.right_px() + 12, y), style(HPos::Left)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(name: &str, gain: f64, interval: Option<(f64, f64)>, verdict: Option<&str>) -> Gain {
        let interval = interval.map(|(low, high)| Interval { low, high });
        Gain { name: name.into(), gain, interval, runs: (5, 3), verdict: verdict.map(Into::into) }
    }

    #[test]
    fn the_largest_gain_comes_first_and_zero_is_always_on_the_axis() {
        let gains = [
            gain("unclear", 0.001, Some((-0.002, 0.004)), None),
            gain("better & clear", 0.0056, Some((0.0002, 0.011)), Some("helps")),
            gain("single", -0.01, None, None),
        ];
        let picture = draw_gains(&gains, "epochs-5", "top-1", "a title").unwrap().unwrap();
        let at = |text: &str| picture.find(text).unwrap_or_else(|| panic!("{text} in {picture}"));
        assert!(at("better &amp; clear") < at("unclear") && at("unclear") < at("single"));
        assert!(
            at("+0.56 (+0.02 to +1.10), 5 + 3 runs: helps") > 0 && at("gain in top-1 over epochs-5, in points") > 0
        );
        assert!(at("square: interval at the verdict") > 0 && at("diamond: interval at 95%") > 0);
        assert!(at("-1.00, 5 + 3 runs") > 0 && at("circle: a side has one run") > 0);
        let place = place_of(&[&gains[1]]);
        assert!(place.low < 0.0 && place.pixel(0.0) > place.left_px && place.pixel(0.011) < place.right_px());
    }

    #[test]
    fn colors_say_what_is_clear() {
        let color = |low, high| gain("a", 0.0, Some((low, high)), None).color();
        assert_eq!([color(0.001, 0.002), color(-0.002, -0.001), color(-0.001, 0.001)], [COLORS[0], COLORS[1], NOTE]);
    }

    #[test]
    fn no_gains_are_no_picture_and_equal_ones_have_an_axis() {
        assert_eq!(draw_gains(&[], "a", "top-1", "t").unwrap(), None);
        let nothing = gain("same", 0.0, Some((0.0, 0.0)), None);
        assert!(draw_gains(&[nothing], "a", "top-1", "t").unwrap().unwrap().starts_with("<svg"));
    }
}
