//! Loss and top-1 over epochs and over seconds, with the learning rate and the resolution below.

use std::fmt::Write;

use imagenette_results::history::HistoryLine;

use super::train_check::TrainCheck;
use crate::page::line_chart::{Chart, Series, Strip, draw};
use crate::subject::Subject;

/// Points of a curve of losses at most: each is the mean of as many steps as are needed.
const POINTS: usize = 120;

/// Where a step of a run is, in epochs and in seconds of training.
#[derive(Debug, Clone, Copy)]
enum Across {
    Epochs,
    Seconds,
}

/// A step of the history.
struct Step {
    epochs: f64,
    seconds: f64,
    loss: f64,
    rate: f64,
    px: f64,
}

fn steps(subject: &Subject) -> Vec<Step> {
    let of_epoch = subject.run.record.steps as f64 / f64::from(subject.run.record.epochs.max(1));
    let step = |line: &HistoryLine| match line {
        HistoryLine::Step { step, loss, rate, resolution_px, training_seconds, .. } => Some(Step {
            epochs: *step as f64 / of_epoch,
            seconds: *training_seconds,
            loss: *loss,
            rate: *rate,
            px: f64::from(*resolution_px),
        }),
        _ => None,
    };
    subject.lines.iter().filter_map(step).collect()
}

impl Across {
    fn name(self) -> &'static str {
        match self {
            Self::Epochs => "epochs",
            Self::Seconds => "seconds of training",
        }
    }

    fn of(self, step: &Step) -> f64 {
        match self {
            Self::Epochs => step.epochs,
            Self::Seconds => step.seconds,
        }
    }

    /// The end of a run.
    fn end(self, subject: &Subject) -> f64 {
        match self {
            Self::Epochs => f64::from(subject.run.record.epochs),
            Self::Seconds => subject.run.record.seconds.training,
        }
    }

    /// Top-1 of each evaluation, in percent.
    fn accuracies(self, subject: &Subject) -> Vec<(f64, f64)> {
        let record = &subject.run.record;
        let place = |epoch: u32| match self {
            Self::Epochs => Some(f64::from(epoch)),
            Self::Seconds if epoch == record.epochs => Some(record.seconds.training),
            Self::Seconds => subject.run.training_seconds.get(&epoch).copied(),
        };
        record.by_epoch.iter().filter_map(|at| Some((place(at.epoch)?, 100.0 * at.counts.accuracy()))).collect()
    }
}

/// The means of values beside each other, so that [`POINTS`] are left at most.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let count = points.len().min(POINTS);
    let mean = |number: usize| {
        let some = &points[number * points.len() / count..(number + 1) * points.len() / count];
        let total = some.len() as f64;
        (some.iter().map(|(x, _)| x).sum::<f64>() / total, some.iter().map(|(_, y)| y).sum::<f64>() / total)
    };
    (0..count).map(mean).collect()
}

/// The section of a page about some runs. `checks` are what their networks say of some train photos.
pub(super) fn section(page: &mut String, subjects: &[Subject], checks: &[Option<TrainCheck>]) {
    let mut charts = Vec::new();
    for across in [Across::Epochs, Across::Seconds] {
        charts.push(losses(subjects, checks, across));
        charts.push(accuracies(subjects, checks, across));
    }
    charts.retain(|chart| !chart.is_empty());
    if charts.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "<h2>Curves</h2>\n<p class=\"soft\">The loss is the mean of the training batches, with what the recipe adds to \
         make them harder (crops, smoothing, mixing), so that it lies above that of plain photos; it jumps where the \
         resolution changes. Dots at the end are the finished network on plain photos. Below the loss stand the learning \
         rate (how far each step goes) and the size of the photos as the network sees them.</p>\n\
         <div class=\"charts\">{}</div>",
        charts.join("\n")
    );
}

fn losses(subjects: &[Subject], checks: &[Option<TrainCheck>], across: Across) -> String {
    let is_single = subjects.len() == 1;
    let (mut series, mut strips) = (Vec::new(), Vec::new());
    for (number, (subject, check)) in subjects.iter().zip(checks).enumerate() {
        let steps = steps(subject);
        let points: Vec<(f64, f64)> = steps.iter().map(|step| (across.of(step), step.loss)).collect();
        let name = if is_single { "train".into() } else { end_name(subject) };
        if !points.is_empty() {
            series.push(Series { name, color: number, points: thinned(&points), has_dots: false });
        }
        if is_single {
            let end = across.end(subject);
            let dot = |name: &str, color, value: Option<f64>| {
                value.map(|value| Series { name: name.into(), color, points: vec![(end, value)], has_dots: true })
            };
            series.extend(dot("val, plain", 1, super::cross_entropy(subject)));
            series.extend(dot("train, plain", 0, check.as_ref().map(|check| check.cross_entropy)));
            let of = |value: fn(&Step) -> f64| steps.iter().map(|step| (across.of(step), value(step))).collect();
            strips.push(Strip { name: "rate", points: every(of(|step| step.rate)), unit: "" });
            strips.push(Strip { name: "size", points: every(of(|step| step.px)), unit: " px" });
        }
    }
    let what = format!("training loss over {}", across.name());
    framed(
        &format!("Loss over {}", across.name()),
        &draw(&Chart { what: &what, across: across.name(), is_percent: false, series: &series, strips: &strips }),
    )
}

/// Enough of the points for a strip: its ends, and those where the value changes or a hundredth of the way is done.
fn every(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(200).max(1);
    let last = points.len().saturating_sub(1);
    let kept = |number: usize| number.is_multiple_of(each) || number == last;
    points.iter().enumerate().filter(|(number, _)| kept(*number)).map(|(_, point)| *point).collect()
}

fn accuracies(subjects: &[Subject], checks: &[Option<TrainCheck>], across: Across) -> String {
    let is_single = subjects.len() == 1;
    let mut series = Vec::new();
    for (number, (subject, check)) in subjects.iter().zip(checks).enumerate() {
        let points = across.accuracies(subject);
        let name = match is_single {
            true if subject.run.record.held_out.is_some() => "held-out".into(),
            true => "val".into(),
            false => end_name(subject),
        };
        let color = if is_single { 1 } else { number };
        series.push(Series { name, color, points, has_dots: true });
        if let (true, Some(check)) = (is_single, check) {
            let point = (across.end(subject), 100.0 * check.accuracy());
            series.push(Series { name: "train, plain".into(), color: 0, points: vec![point], has_dots: true });
        }
    }
    // One evaluation is a number and no curve.
    if series.iter().all(|series| series.points.len() < 2) {
        return String::new();
    }
    let what = format!("top-1 over {}", across.name());
    framed(
        &format!("Top-1 over {}", across.name()),
        &draw(&Chart { what: &what, across: across.name(), is_percent: true, series: &series, strips: &[] }),
    )
}

/// What stands at the end of a run's line: its folder's name, of which the end tells runs apart.
fn end_name(subject: &Subject) -> String {
    const ROOM: usize = 14;
    let name = subject.folder_name();
    let letters = name.chars().count();
    if letters <= ROOM { name } else { std::iter::once('…').chain(name.chars().skip(letters + 1 - ROOM)).collect() }
}

fn framed(title: &str, svg: &str) -> String {
    if svg.is_empty() { String::new() } else { format!("<figure><figcaption>{title}</figcaption>{svg}</figure>") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_thinned_to_means() {
        let points: Vec<(f64, f64)> = (0..1000).map(|step| (f64::from(step), 2.0)).collect();
        let thin = thinned(&points);
        assert!(thin.len() == POINTS && thin.iter().all(|(_, loss)| *loss == 2.0));
        assert_eq!(thin[0].0, 3.5, "the middle of the first eight");
        assert!(thinned(&[]).is_empty());
        assert_eq!(thinned(&[(0.0, 1.0)]), [(0.0, 1.0)]);
        assert!(every(points).len() <= 202);
    }
}
