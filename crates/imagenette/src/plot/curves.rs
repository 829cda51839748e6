//! Groups of runs as curves: top-1 over epochs, seconds or floating-point operations becomes SVG text that needs
//! nothing else.

use imagenette_results::run_group::RunGroup;

use super::axes::Axis;
use super::lines::{At, Line, Picture, Up};
use super::old_board;
use super::style::result;
use super::{Drawn, PlotError, measure};

/// A picture of all groups that have something to show over this axis. A group that was evaluated once is a mark, and
/// where all are, there is no curve: [`draw_frontier`](super::draw_frontier) shows those.
///
/// # Errors
/// What the drawing library says.
pub fn draw_curves(groups: &[RunGroup], axis: Axis, title: &str) -> Result<Drawn, PlotError> {
    let lines: Vec<Line> = groups.iter().enumerate().filter_map(|(number, group)| line(group, number, axis)).collect();
    if lines.is_empty() {
        return Ok(Drawn::Nothing("not every run records it"));
    }
    if lines.iter().all(|line| line.points.len() == 1) {
        return Ok(Drawn::Nothing("evaluated once, at the end (`train --evaluate-every 1` draws one)"));
    }
    let last = lines.iter().flat_map(|line| line.points.last()).map(|at| at.x).fold(0.0, f64::max);
    let (references, note) = old_board::beside(groups, axis, last);
    let picture = Picture {
        title,
        across: axis.description(),
        is_whole: axis == Axis::Epochs,
        upward: measure(groups),
        up: Up::Share,
        lines,
        references,
        stairs: Vec::new(),
        note,
    };
    Ok(Drawn::Picture(picture.draw()?))
}

/// The curve of a group over this axis; `None` where its runs do not record it.
fn line(group: &RunGroup, number: usize, axis: Axis) -> Option<Line> {
    let points = group.points();
    let end = points.last()?;
    axis.of(end)?;
    let at = |point: &imagenette_results::run_group::Point| {
        Some(At { x: axis.of(point)?, y: point.accuracy.mean, sd: point.accuracy.standard_deviation })
    };
    let reached = result(end.accuracy);
    Some(Line { number, name: group.name.clone(), reached, points: points.iter().filter_map(at).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_groups_are_no_picture() {
        assert!(matches!(draw_curves(&[], Axis::Epochs, "nothing").unwrap(), Drawn::Nothing(_)));
    }
}
