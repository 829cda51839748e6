//! What is reached for what: each group's top-1 at the end over what its training cost, and the frontier of those that
//! no cheaper one reaches.

use imagenette_results::run_group::RunGroup;

use super::axes::{Axis, bounds};
use super::lines::{At, Line, Picture, Up};
use super::old_board;
use super::style::result;
use super::{Drawn, PlotError, measure};

/// Costs within this ratio are one: over them nothing moves.
const ONE_COST: f64 = 1.1;

/// A picture of all groups that record this cost; nothing where fewer than two do, or all cost the same.
///
/// # Errors
/// What the drawing library says.
pub fn draw_frontier(groups: &[RunGroup], axis: Axis, title: &str) -> Result<Drawn, PlotError> {
    let lines: Vec<Line> = groups.iter().enumerate().filter_map(|(number, group)| end(group, number, axis)).collect();
    let (least, most) = bounds(lines.iter().map(|line| line.points[0].x));
    if lines.len() < 2 {
        return Ok(Drawn::Nothing("a frontier needs two recipes whose runs record it"));
    }
    if most <= least * ONE_COST {
        return Ok(Drawn::Nothing("all recipes cost the same there"));
    }
    let (references, old) = old_board::beside(groups, axis, most);
    let ends: Vec<(f64, f64)> = lines.iter().map(|line| (line.points[0].x, line.points[0].y)).collect();
    let note: Vec<String> = Some("line: the best for at most so much".to_owned()).into_iter().chain(old).collect();
    let picture = Picture {
        title,
        across: axis.description(),
        is_whole: axis == Axis::Epochs,
        upward: measure(groups),
        up: Up::Share,
        lines,
        references,
        stairs: frontier(&ends),
        note: Some(note.join("; ")),
    };
    Ok(Drawn::Picture(picture.draw()?))
}

/// A group's end as a mark.
fn end(group: &RunGroup, number: usize, axis: Axis) -> Option<Line> {
    let points = group.points();
    let end = points.last()?;
    let at = At { x: axis.of(end)?, y: end.accuracy.mean, sd: end.accuracy.standard_deviation };
    Some(Line { number, name: group.name.clone(), reached: result(end.accuracy), points: vec![at] })
}

/// Those that no other reaches at the same cost or a lower one, the cheapest first.
fn frontier(ends: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = ends.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut best = f64::NEG_INFINITY;
    sorted.retain(|(_, accuracy)| {
        let is_better = *accuracy > best;
        best = best.max(*accuracy);
        is_better
    });
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontier_holds_what_no_cheaper_one_reaches() {
        let ends = [(10.0, 0.91), (5.0, 0.90), (5.0, 0.86), (11.0, 0.905), (60.0, 0.945), (80.0, 0.945)];
        assert_eq!(frontier(&ends), [(5.0, 0.90), (10.0, 0.91), (60.0, 0.945)]);
        assert!(frontier(&[]).is_empty());
    }
}
