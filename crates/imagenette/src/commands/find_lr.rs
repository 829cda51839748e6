//! `find-lr`: some steps at growing learning rates, the curve as a picture, and the peak rate to try first.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use imagenette_data::store::Store;
use imagenette_train::range_test::{RangeResult, RangeTest};
use imagenette_train::trainer::TrainJob;
use plotters::prelude::*;

use super::train::{packed, read_recipe, unkept_job};
use crate::cli::FindLr;
use crate::datasets;
use crate::progress::Progress;
use crate::terminal::{Terminal, print, print_json};

pub(crate) fn run(arguments: &FindLr, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (device, threads) = datasets::machine(&arguments.machine)?;
    let store = Store::open_default()?;
    let mut overrides = super::train::overrides(&arguments.set)?;
    overrides.extend(arguments.dataset.as_ref().map(|named| ("dataset".to_owned(), format!("'{named}'"))));
    let recipe = read_recipe(Some(&arguments.recipe), &overrides)?;
    let dataset = match &recipe.dataset {
        Some(named) => datasets::named(named, &store)?,
        None => datasets::best(&store, arguments.offline, terminal)?,
    };
    recipe.validate_for(&dataset.manifest)?;
    let packed = packed(&dataset, &store, threads, terminal)?;
    let name = format!("{} on {}", recipe.name, dataset.manifest.name);
    let seed = arguments.seed.unwrap_or(recipe.seed);
    // Nothing is written by the test.
    let job = TrainJob { seed, ..unkept_job(recipe, &dataset, packed, threads, &device, Path::new("")) };
    let test = RangeTest { lowest: arguments.lowest, highest: arguments.highest, steps: arguments.steps };
    terminal.say(&format!("testing rates from {:e} to {:e}: {name}", test.lowest, test.highest));
    let result = test.run(&job, &Progress::new(terminal));
    terminal.finish();
    let result = result?;
    write_plot(&arguments.out, &name, &result)?;
    if arguments.json {
        print_json(
            &serde_json::json!({ "recipe": job.recipe.name, "dataset": dataset.manifest.name, "seed": job.seed,
            "suggestion": result.suggestion, "steepest": result.steepest, "points": result.points,
            "plot": arguments.out }),
        )?;
    } else {
        let rate = |rate: Option<f64>| rate.map_or("nowhere".into(), |rate| format!("at {rate:.2e}"));
        print(&format!("the loss falls fastest {}", rate(result.steepest)))?;
        match result.suggestion {
            Some(suggestion) => {
                print(&format!("the loss is least at {:.2e}", 10.0 * suggestion))?;
                print(&format!(
                    "suggestion: --set optimizer.learning_rate={suggestion:.2e} (a tenth of that; {} steps of one seed)",
                    result.points.len()
                ))?;
            }
            None => print("no suggestion: the loss grew beyond hope at once; lower --lowest")?,
        }
        print(&arguments.out.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The losses over the logarithm of the rate as an SVG file: complete or absent.
fn write_plot(path: &Path, title: &str, result: &RangeResult) -> anyhow::Result<()> {
    let mut picture = String::new();
    draw(&mut picture, title, result).map_err(|error| anyhow::anyhow!("failed to draw the plot: {error}"))?;
    imagenette_data::atomic::write(path, |out| {
        out.write_all(picture.as_bytes()).map_err(imagenette_data::DataError::io("write", path))
    })
    .with_context(|| format!("failed to write {}", path.display()))
}

fn draw(picture: &mut String, title: &str, result: &RangeResult) -> Result<(), Box<dyn std::error::Error>> {
    let points = &result.points;
    let (first, last) = (points[0].rate, points[points.len() - 1].rate);
    // Single losses jump about: the axis follows the smoothed ones.
    let smoothed = points.iter().map(|point| point.smoothed);
    let (low, high) = smoothed.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let (low, high) = ((0.8 * low).max(0.0), 1.1 * high.min(3.0 * low.max(f64::MIN_POSITIVE)));
    let area = SVGBackend::with_string(picture, (800, 500)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d((first..last.max(first * 1.001)).log_scale(), low..high)?;
    chart
        .configure_mesh()
        .x_desc("learning rate")
        .y_desc("loss")
        .x_label_formatter(&|rate| format!("{rate:.0e}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(215, 215, 215))
        .draw()?;
    let inside = |y: f64| y.clamp(low, high);
    chart
        .draw_series(
            points
                .iter()
                .map(|point| Circle::new((point.rate, inside(point.loss)), 2, RGBColor(170, 170, 170).filled())),
        )?
        .label("loss of a step")
        .legend(|(x, y)| Circle::new((x + 8, y), 2, RGBColor(170, 170, 170).filled()));
    chart
        .draw_series(LineSeries::new(
            points.iter().map(|point| (point.rate, inside(point.smoothed))),
            BLUE.stroke_width(2),
        ))?
        .label("smoothed")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLUE.stroke_width(2)));
    if let Some(suggestion) = result.suggestion.filter(|rate| *rate > first) {
        chart
            .draw_series(LineSeries::new([(suggestion, low), (suggestion, high)], RED.stroke_width(1)))?
            .label(format!("suggestion {suggestion:.2e}"))
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], RED.stroke_width(1)));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::LowerLeft).background_style(WHITE).draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use imagenette_train::range_test::RangePoint;

    use super::*;

    #[test]
    fn a_plot_is_an_svg_with_a_curve_and_a_mark() {
        let points = (0..50).map(|i| {
            let loss = 2.0 - f64::from(i) / 40.0;
            RangePoint { rate: 1e-4 * 1.2f64.powi(i), loss, smoothed: loss }
        });
        let result = RangeResult { points: points.collect(), steepest: None, suggestion: Some(1e-2) };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plot.svg");
        write_plot(&path, "a recipe & a dataset", &result).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{text}");
        assert!(text.matches("<polyline").count() >= 2 && text.contains("learning rate") && text.contains("&amp;"));
    }
}
