//! The learning-rate range test as a picture: the losses of its steps over the logarithm of the rate.

use imagenette_train::study::learning_rate::RangeResult;
use plotters::prelude::*;

use super::PlotError;
use super::style::{GRID, finished};

const SIZE_PX: (u32, u32) = (800, 500);
/// Single losses, behind the smoothed ones.
const DOT: RGBColor = RGBColor(170, 170, 170);
/// Behind the rates that can be used.
const USABLE: RGBColor = RGBColor(222, 240, 226);
/// The share of single losses that the axis holds at either end; the others stand at its edge.
const OUTLIERS: f64 = 0.02;

/// A picture of a range test: each step's loss, the smoothed loss, the rates that can be used, and a line at the
/// suggestion; `None` without steps.
///
/// # Errors
/// What the drawing library says.
pub fn draw_rates(result: &RangeResult, title: &str) -> Result<Option<String>, PlotError> {
    let points = &result.points;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(None) };
    let (low, high) = heights(result);
    let inside = |loss: f64| loss.clamp(low, high);
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, SIZE_PX).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(50)
            .build_cartesian_2d((first.rate..last.rate.max(first.rate * 1.001)).log_scale(), low..high)?;
        chart
            .configure_mesh()
            .x_desc("learning rate")
            .y_desc("loss")
            .x_label_formatter(&|rate| format!("{rate:.0e}"))
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .draw()?;
        if let Some((from, to)) = usable(result) {
            let shade = Rectangle::new([(from, low), (to, high)], USABLE.filled());
            chart
                .draw_series(std::iter::once(shade))?
                .label("from the fastest fall to the lowest loss")
                .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 16, y + 5)], USABLE.filled()));
        }
        let dots = points.iter().map(|point| Circle::new((point.rate, inside(point.loss)), 2, DOT.filled()));
        chart.draw_series(dots)?.label("loss of a step").legend(|(x, y)| Circle::new((x + 8, y), 2, DOT.filled()));
        let smoothed = points.iter().map(|point| (point.rate, inside(point.smoothed)));
        chart
            .draw_series(LineSeries::new(smoothed, BLUE.stroke_width(2)))?
            .label("smoothed")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLUE.stroke_width(2)));
        let suggestion = result.suggestions.first().map(|suggestion| suggestion.rate);
        if let Some(suggestion) = suggestion.filter(|rate| *rate > first.rate) {
            chart
                .draw_series(LineSeries::new([(suggestion, low), (suggestion, high)], RED.stroke_width(1)))?
                .label(format!("suggestion {suggestion:.2e}"))
                .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], RED.stroke_width(1)));
        }
        chart.configure_series_labels().position(SeriesLabelPosition::LowerLeft).background_style(WHITE).draw()?;
        area.present()?;
    }
    Ok(Some(finished(picture)))
}

/// From the rate at which the loss falls fastest to that at which it is lowest; `None` where they are in another order.
fn usable(result: &RangeResult) -> Option<(f64, f64)> {
    let lowest = result.lowest()?;
    result.steepest.filter(|steepest| *steepest < lowest).map(|steepest| (steepest, lowest))
}

/// The lowest and the highest loss of the picture: those of the smoothed curve, and of single losses but for outliers,
/// as far as three times the lowest.
fn heights(result: &RangeResult) -> (f64, f64) {
    let mut single: Vec<f64> = result.points.iter().map(|point| point.loss).collect();
    single.sort_unstable_by(f64::total_cmp);
    let out = (single.len() as f64 * OUTLIERS) as usize;
    let kept = &single[out..single.len() - out];
    let losses = result.points.iter().map(|point| point.smoothed).chain(kept.iter().copied());
    let (low, high) = losses.fold((f64::INFINITY, 0.0f64), |(low, high), loss| (low.min(loss), high.max(loss)));
    ((0.9 * low).max(0.0), 1.05 * high.min(3.0 * low.max(f64::MIN_POSITIVE)))
}

#[cfg(test)]
mod tests {
    use imagenette_train::study::learning_rate::RangePoint;

    use super::*;

    #[test]
    fn a_picture_has_a_curve_and_a_mark_and_its_title_is_text() {
        let points = (0..50).map(|i| {
            let loss = 2.0 - f64::from(i) / 40.0;
            RangePoint { rate: 1e-4 * 1.2f64.powi(i), loss, smoothed: loss }
        });
        let result = RangeResult::of(points.collect(), &[("optimizer.learning_rate", 1.0)]);
        let text = draw_rates(&result, "a recipe & a dataset").unwrap().expect("there are steps");
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{text}");
        assert!(text.contains("from the fastest fall to the lowest loss") && text.contains("#DEF0E2"), "{text}");
        assert!(text.matches("<polyline").count() >= 2 && text.contains("learning rate") && text.contains("&amp;"));
    }

    #[test]
    fn the_axis_holds_the_dots_and_not_the_outliers() {
        let point = |step: u32| RangePoint {
            rate: 1e-4 * 1.1f64.powi(step as i32),
            loss: if step == 7 { 1e6 } else { 2.0 + f64::from(step % 5) / 10.0 },
            smoothed: 2.2,
        };
        let result = RangeResult::of((0..100).map(point).collect(), &[("optimizer.learning_rate", 1.0)]);
        let (low, high) = heights(&result);
        assert!((1.7..2.0).contains(&low) && (2.4..2.7).contains(&high), "{low} to {high}");
    }

    #[test]
    fn no_steps_are_no_picture() {
        let result = RangeResult { points: Vec::new(), steepest: None, suggestions: Vec::new() };
        assert_eq!(draw_rates(&result, "nothing").unwrap(), None);
    }
}
