//! Groups of runs as rows, the best first: each one's mean, its standard deviation and every run. What a change is
//! worth shows here, where curves over epochs would all end at the same place.

use imagenette_results::run_group::{RunGroup, Spread};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{bounds, decimals, multiples};
use super::row_place::{HEAD_PX, LETTERS, ROW_PX, RowPlace};
use super::style::{Area, COLORS, GRID, finished, result, shortened};
use super::{PlotError, measure};

const FOOT_PX: i32 = 56;
const NUMBERS_PX: i32 = 184;

/// A row: the group's name, each run's accuracy, and their spread.
struct Row<'g> {
    name: &'g str,
    runs: Vec<f64>,
    spread: Spread,
}

/// A picture of all groups; `None` of a single one, which has nothing to be compared with.
///
/// # Errors
/// What the drawing library says.
pub fn draw_rows(groups: &[RunGroup], title: &str) -> Result<Option<String>, PlotError> {
    if groups.len() < 2 {
        return Ok(None);
    }
    let rows = sorted(groups.iter().map(|group| (group.name.as_str(), accuracies(group))));
    let mut picture = String::new();
    {
        let place = place_of(&rows);
        let (width, height) = (place.right_px() + NUMBERS_PX, HEAD_PX + rows.len() as i32 * ROW_PX + FOOT_PX);
        let area = SVGBackend::with_string(&mut picture, (width as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        let middle = Pos::new(HPos::Center, VPos::Center);
        let title = shortened(title, width as usize / 10);
        area.draw(&Text::new(title, (width / 2, 20), ("sans-serif", 18).into_text_style(&area).pos(middle)))?;
        draw_axis(&area, &place, HEAD_PX + rows.len() as i32 * ROW_PX, measure(groups))?;
        for (number, row) in rows.iter().enumerate() {
            draw_row(&area, &place, row, HEAD_PX + number as i32 * ROW_PX + ROW_PX / 2)?;
        }
        area.present()?;
    }
    Ok(Some(finished(picture)))
}

fn accuracies(group: &RunGroup) -> Vec<f64> {
    group.runs.iter().map(|run| run.record.result.accuracy()).collect()
}

/// The rows, best mean first; equal ones stay in order.
fn sorted<'g>(groups: impl Iterator<Item = (&'g str, Vec<f64>)>) -> Vec<Row<'g>> {
    let row = |(name, runs): (&'g str, Vec<f64>)| {
        let spread = Spread::of(&runs)?;
        Some(Row { name, runs, spread })
    };
    let mut rows: Vec<Row> = groups.filter_map(row).collect();
    rows.sort_by(|a, b| b.spread.mean.total_cmp(&a.spread.mean));
    rows
}

/// The axis of all runs and their deviations.
fn place_of(rows: &[Row]) -> RowPlace {
    let reach = |row: &Row| row.spread.standard_deviation.unwrap_or(0.0);
    let values = rows.iter().flat_map(|row| {
        let ends = [row.spread.mean - reach(row), row.spread.mean + reach(row)];
        row.runs.iter().copied().chain(ends)
    });
    let (low, high) = bounds(values);
    let margin = (0.04 * (high - low)).max(0.001);
    RowPlace::new((low - margin).max(0.0), (high + margin).min(1.0), rows.iter().map(|row| row.name))
}

fn draw_axis(area: &Area, place: &RowPlace, bottom: i32, measure: &str) -> Result<(), PlotError> {
    let step = place.step();
    let decimals = decimals(step);
    let style = |size: i32| ("sans-serif", size).into_text_style(area).pos(Pos::new(HPos::Center, VPos::Top));
    for tick in multiples(place.low, place.high, step) {
        let x = place.pixel(tick);
        area.draw(&PathElement::new([(x, HEAD_PX), (x, bottom)], GRID.stroke_width(1)))?;
        area.draw(&PathElement::new([(x, bottom), (x, bottom + 4)], BLACK.stroke_width(1)))?;
        area.draw(&Text::new(format!("{:.decimals$}%", 100.0 * tick), (x, bottom + 8), style(13)))?;
    }
    area.draw(&PathElement::new([(place.left_px, bottom), (place.right_px(), bottom)], BLACK.stroke_width(1)))?;
    let description = format!("{measure}: mean and standard deviation; a circle is a run");
    area.draw(&Text::new(description, (i32::midpoint(place.left_px, place.right_px()), bottom + 30), style(14)))?;
    Ok(())
}

fn draw_row(area: &Area, place: &RowPlace, row: &Row, y: i32) -> Result<(), PlotError> {
    let style = |side| ("sans-serif", 13).into_text_style(area).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(shortened(row.name, LETTERS), (place.left_px - 12, y), style(HPos::Right)))?;
    let mean = row.spread.mean;
    let color = COLORS[0];
    for &run in &row.runs {
        area.draw(&Circle::new((place.pixel(run), y), 3, COLORS[1].stroke_width(1)))?;
    }
    if let Some(sd) = row.spread.standard_deviation {
        let [from, to] = [mean - sd, mean + sd].map(|end| place.pixel(end));
        area.draw(&PathElement::new([(from, y), (to, y)], color.stroke_width(1)))?;
        for x in [from, to] {
            area.draw(&PathElement::new([(x, y - 4), (x, y + 4)], color.stroke_width(1)))?;
        }
    }
    let x = place.pixel(mean);
    area.draw(&Polygon::new(vec![(x - 5, y), (x, y - 5), (x + 5, y), (x, y + 5)], color))?;
    area.draw(&Text::new(result(row.spread), (place.right_px() + 12, y), style(HPos::Left)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_group_comes_first_and_every_run_has_its_place() {
        let rows = sorted([("worse", vec![0.8, 0.82]), ("best", vec![0.9]), ("none", vec![])].into_iter());
        assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), ["best", "worse"]);
        let place = place_of(&rows);
        assert!(place.low < 0.8 && place.high > 0.9);
        let pixels = [0.8, 0.82, 0.9].map(|accuracy| place.pixel(accuracy));
        assert!(place.left_px < pixels[0] && pixels[0] < pixels[1] && pixels[2] < place.right_px(), "{pixels:?}");
        assert_eq!((place.pixel(0.0), place.pixel(1.0)), (place.left_px, place.right_px()));
        assert!((4..=9).contains(&multiples(place.low, place.high, place.step()).len()));
    }

    #[test]
    fn equal_accuracies_still_have_an_axis() {
        let place = place_of(&sorted([("a", vec![1.0]), ("b", vec![1.0])].into_iter()));
        assert!(place.low < place.high && place.high <= 1.0);
        assert!(!multiples(place.low, place.high, place.step()).is_empty());
    }
}
