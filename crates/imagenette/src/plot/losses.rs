//! The training loss of groups of runs: its course over epochs or seconds, the mean over a group's runs.

use imagenette_results::history::HistoryLine;
use imagenette_results::run_group::{RunGroup, Spread};

use super::axes::Axis;
use super::lines::{At, Line, Picture, Up};
use super::{Drawn, PlotError};

/// Points of a curve at most: each is the mean of as many steps as are needed.
const POINTS: usize = 100;

/// The loss of a run's steps, thinned.
#[derive(Debug, Clone, PartialEq)]
pub struct LossCurve {
    points: Vec<Step>,
    steps: usize,
}

/// Some steps beside each other, as their means.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    epochs: f64,
    seconds: f64,
    loss: f64,
}

impl LossCurve {
    /// The losses of a history; `None` of one without steps. `of_epoch` is the steps of an epoch.
    pub fn of(lines: &[HistoryLine], of_epoch: f64) -> Option<Self> {
        let step = |line: &HistoryLine| match line {
            HistoryLine::Step { step, loss, training_seconds, .. } => {
                Some(Step { epochs: *step as f64 / of_epoch, seconds: *training_seconds, loss: *loss })
            }
            _ => None,
        };
        let steps: Vec<Step> = lines.iter().filter_map(step).collect();
        let count = steps.len().min(POINTS);
        let some = |number: usize| &steps[number * steps.len() / count..(number + 1) * steps.len() / count];
        let mean = |some: &[Step]| {
            let of = |value: fn(&Step) -> f64| some.iter().map(value).sum::<f64>() / some.len() as f64;
            Step { epochs: of(|step| step.epochs), seconds: of(|step| step.seconds), loss: of(|step| step.loss) }
        };
        let points = (0..count).map(|number| mean(some(number))).collect();
        (count > 0).then_some(Self { points, steps: steps.len() })
    }
}

/// A picture of the losses of all groups whose runs have a history. `curves` has those of each group's runs, in the
/// order of the groups.
///
/// # Errors
/// What the drawing library says.
pub fn draw_losses(
    groups: &[RunGroup],
    curves: &[Vec<Option<LossCurve>>],
    axis: Axis,
    title: &str,
) -> Result<Drawn, PlotError> {
    let one =
        |(number, (group, curves)): (usize, (&RunGroup, &Vec<Option<LossCurve>>))| line(group, curves, number, axis);
    let lines: Vec<Line> = groups.iter().zip(curves).enumerate().filter_map(one).collect();
    if lines.iter().all(|line| line.points.len() < 2) {
        return Ok(Drawn::Nothing("no run's folder has its history"));
    }
    let picture = Picture {
        title,
        across: axis.description(),
        is_whole: axis == Axis::Epochs,
        upward: "training loss",
        up: Up::Number,
        lines,
        references: Vec::new(),
        stairs: Vec::new(),
        note: Some("with what each recipe adds to make photos harder: it does not compare across recipes".into()),
    };
    Ok(Drawn::Picture(picture.draw()?))
}

/// A group's curve: the mean over its runs, point for point; `None` where one has no history, or has other steps.
fn line(group: &RunGroup, curves: &[Option<LossCurve>], number: usize, axis: Axis) -> Option<Line> {
    let curves: Vec<&LossCurve> = curves.iter().map(Option::as_ref).collect::<Option<_>>()?;
    let first = curves.first()?;
    if curves.iter().any(|curve| curve.steps != first.steps) {
        return None;
    }
    let at = |place: usize| {
        let of = |value: fn(&Step) -> f64| curves.iter().map(|curve| value(&curve.points[place])).collect::<Vec<f64>>();
        let across = match axis {
            Axis::Epochs => of(|step| step.epochs),
            Axis::Seconds => of(|step| step.seconds),
            Axis::Flop => return None,
        };
        let loss = Spread::of(&of(|step| step.loss))?;
        Some(At { x: Spread::of(&across)?.mean, y: loss.mean, sd: loss.standard_deviation })
    };
    let points: Vec<At> = (0..first.points.len()).map(at).collect::<Option<_>>()?;
    let reached = format!("{:.3} at the end", points.last()?.y);
    Some(Line { number, name: group.name.clone(), reached, points })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(steps: u64) -> Vec<HistoryLine> {
        let step = |step| HistoryLine::Step {
            step,
            epoch: 1,
            loss: step as f64,
            rate: 0.1,
            resolution_px: 64,
            training_seconds: step as f64 / 2.0,
        };
        (1..=steps).map(step).collect()
    }

    #[test]
    fn long_histories_are_thinned_to_means() {
        let curve = LossCurve::of(&history(1000), 500.0).unwrap();
        assert_eq!((curve.points.len(), curve.steps), (POINTS, 1000));
        assert_eq!(curve.points[0], Step { epochs: 5.5 / 500.0, seconds: 2.75, loss: 5.5 }, "the first ten");
        let short = LossCurve::of(&history(3), 3.0).unwrap();
        assert_eq!(short.points.last().map(|step| (step.epochs, step.loss)), Some((1.0, 3.0)));
        assert_eq!(LossCurve::of(&[], 1.0), None);
    }
}
