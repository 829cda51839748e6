//! Groups of runs in figures: what each reached and cost, and a Markdown table of it.

use imagenette_results::run_group::{RunGroup, Spread};

use super::measure;
use crate::numbers::thousands;

/// How wide a column is at least, so that the rule under the header is Markdown's.
const NARROWEST: usize = 3;
/// How many columns are words, and aligned to the left.
const WORDS: usize = 2;

/// What a group reached and what it cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Top-1 as a fraction, over all runs.
    pub accuracy: Spread,
    /// Seconds of training, on average.
    pub training_seconds: f64,
    /// PFLOP of training, on average; `None` where a run does not record it.
    pub training_pflop: Option<f64>,
    /// Right predictions of the worst and of the best run.
    pub correct: (u64, u64),
    /// Photos that each run was evaluated on.
    pub total: u64,
}

impl Figures {
    /// The figures of a group.
    ///
    /// # Panics
    /// When the group has no runs; [`groups`](imagenette_results::run_group::groups) makes none without.
    pub fn of(group: &RunGroup) -> Self {
        let correct = || group.runs.iter().map(|run| run.record.result.correct);
        let certain = "every record has it";
        Self {
            accuracy: group.spread(|run| Some(run.record.result.accuracy())).expect(certain),
            training_seconds: group.spread(|run| Some(run.record.seconds.training)).expect(certain).mean,
            training_pflop: group.spread(|run| run.record.training_flop).map(|spread| spread.mean / 1e15),
            correct: (correct().min().expect(certain), correct().max().expect(certain)),
            total: group.runs[0].record.result.total,
        }
    }
}

/// A Markdown table of all groups, its columns aligned so that it reads well on a terminal too.
pub fn table(groups: &[RunGroup]) -> String {
    let top1 = &format!("{} %", measure(groups));
    let header = ["recipe", "resolution (px)", "epochs", "n", top1, "sd", "correct", "training (s)", "PFLOP"];
    let lines: Vec<_> = std::iter::once(header.map(String::from)).chain(groups.iter().map(row)).collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).fold(NARROWEST, usize::max))
        .collect();
    let mut text: Vec<String> = lines
        .iter()
        .map(|line| {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                if column < WORDS { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        })
        .collect();
    let rule = widths
        .iter()
        .enumerate()
        .map(|(column, width)| if column < WORDS { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) });
    text.insert(1, format!("| {} |", rule.collect::<Vec<_>>().join(" | ")));
    text.join("\n")
}

fn row(group: &RunGroup) -> [String; 9] {
    let Figures { accuracy, training_seconds, training_pflop, correct: (least, most), total } = Figures::of(group);
    let correct = if least == most { thousands(least) } else { format!("{} to {}", thousands(least), thousands(most)) };
    let seconds = if training_seconds < 100.0 {
        format!("{training_seconds:.1}")
    } else {
        thousands(training_seconds.round() as u64)
    };
    [
        group.name.replace('|', "\\|"),
        group.resolution(),
        group.epochs_shown(),
        accuracy.n.to_string(),
        format!("{:.2}", 100.0 * accuracy.mean),
        accuracy.standard_deviation.map_or("-".into(), |sd| format!("{:.2}", 100.0 * sd)),
        format!("{correct} of {}", thousands(total)),
        seconds,
        training_pflop.map_or("-".into(), |pflop| format!("{pflop:.3}")),
    ]
}
