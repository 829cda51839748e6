//! What a comparison found, in words and as JSON.

use imagenette_results::comparison::{Change, Comparison, Decision, Design, Interaction, Look};
use imagenette_results::statistics::{Interval, PhotosAndSeeds, holm_first_limit};
use serde_json::{Value, json};

use super::outcome::SideRun;
use super::photos::{Changed, ClassChange};
use crate::numbers::{counted, seconds};

/// Classes that a verdict names at most, each way.
const CLASSES: usize = 2;
/// A class that changes by less is not named.
const WORTH_NAMING: f64 = 0.005;

/// The exit status of a verdict.
pub(super) fn status(decision: Decision) -> u8 {
    match decision {
        Decision::Helps => 0,
        Decision::NoGain => 10,
        Decision::Hurts => 11,
        Decision::NotClear | Decision::GoesOn => 12,
    }
}

/// The verdict in a sentence, then the numbers, a line each.
pub(super) fn lines(
    comparison: &Comparison,
    design: &Design,
    photos: Option<&PhotosAndSeeds>,
    is_confirmed: bool,
) -> Vec<String> {
    let look = comparison.last();
    let mut lines = vec![sentence(look, design), runs(look)];
    if let Some(photos) = photos {
        let holds = photos.interval(0.95);
        let word = if holds.low > 0.0 || holds.high < 0.0 { "holds" } else { "not shown" };
        lines.push(format!(
            "on new photos of these classes: {} ± {:.2} points, {word}",
            points(photos.difference),
            200.0 * photos.standard_error
        ));
    }
    let fewer = 100.0 * look.error_ratio().fewer();
    let more_or_fewer = if fewer < 0.0 { "more" } else { "fewer" };
    lines.push(format!(
        "{:.0}% {more_or_fewer} errors; a run of the idea beats one of the baseline in {:.0}%",
        fewer.abs(),
        100.0 * look.normal_superiority()
    ));
    lines.push(format!("a true gain of {:.2} points would have been seen in 80%", 100.0 * look.smallest_gain()));
    match look.decision {
        Decision::Helps | Decision::Hurts if look.planned.information < 1.0 && !is_confirmed => {
            lines.push("early stops overstate: fresh seeds (`--confirm 5`) say how large it is".to_owned())
        }
        Decision::NotClear => lines
            .push(format!("a gain of 0.3 points would need about {:.0} runs a side", look.runs_needed(0.003).ceil())),
        _ => {}
    }
    lines
}

pub(super) fn sentence(look: &Look, design: &Design) -> String {
    let (gain, p, limit) = (look.test().difference, small(look.test().p()), small(look.planned.limit.p));
    let margin = 100.0 * design.margin.unwrap_or(0.0);
    match look.decision {
        Decision::Helps => {
            format!("helps: {} points {}, p {p} < {limit}", points(gain), between(look.interval()))
        }
        Decision::Hurts => {
            format!("hurts: {} points {}, p {p} < {limit}", points(gain), between(look.interval()))
        }
        Decision::NoGain => {
            let most = look.upper_bound().map_or("?".into(), points);
            let worse = if gain < -design.margin.unwrap_or(0.0) { "; it looks worse" } else { "" };
            format!("no gain of {margin} points or more: {}, below {most} with 95% confidence{worse}", points(gain))
        }
        Decision::NotClear => format!("not clear: {} points {}", points(gain), between(look.interval())),
        Decision::GoesOn => format!("goes on: {} points {}", points(gain), between(look.interval())),
    }
}

fn runs(look: &Look) -> String {
    let (baseline, idea) = (&look.steadied.baseline, &look.steadied.idea);
    format!(
        "{:.2}% with the idea, {:.2}% without; {} and {}",
        100.0 * idea.sample.mean,
        100.0 * baseline.sample.mean,
        counted(look.planned.idea_runs as u64, "run"),
        counted(look.planned.baseline_runs as u64, "run")
    )
}

/// A probability as people read it.
pub(crate) fn small(p: f64) -> String {
    if p < 0.0001 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

/// A difference of accuracies in points, with its sign.
pub(crate) fn points(difference: f64) -> String {
    format!("{:+.2}", 100.0 * difference)
}

fn between(interval: Interval) -> String {
    format!("({} to {})", points(interval.low), points(interval.high))
}

/// A look as one short line, while runs go on.
pub(super) fn progress(look: &Look) -> String {
    let interval = look.interval();
    format!(
        "after {} + {} runs: {} points {}",
        look.planned.baseline_runs,
        look.planned.idea_runs,
        points(look.test().difference),
        between(interval)
    )
}

/// Every number of a verdict. Accuracies and gains are fractions.
pub(super) fn as_json(comparison: &Comparison, photos: Option<&PhotosAndSeeds>) -> Value {
    let interval = |interval: Interval| json!([interval.low, interval.high]);
    let look = |look: &Look| {
        json!({
            "baseline_runs": look.planned.baseline_runs, "idea_runs": look.planned.idea_runs,
            "verdict": name(look.decision), "gain": look.test().difference,
            "standard_error": look.test().standard_error, "degrees_of_freedom": look.test().degrees_of_freedom,
            "t": look.test().t(), "p": look.test().p(), "limit": look.planned.limit.p,
            "interval": interval(look.interval()), "interval_95": interval(look.interval_95()),
        })
    };
    let last = comparison.last();
    json!({
        "verdict": name(last.decision),
        "looks": comparison.looks().iter().map(look).collect::<Vec<_>>(),
        "fewer_errors": last.error_ratio().fewer(),
        "superiority": last.normal_superiority(),
        "smallest_gain_seen": last.smallest_gain(),
        "new_photos": photos.map(|photos| json!({
            "gain": photos.difference, "standard_error": photos.standard_error,
            "interval_95": interval(photos.interval(0.95)), "p": photos.p(),
        })),
    })
}

/// A decision as files name it.
pub(super) fn name(decision: Decision) -> &'static str {
    match decision {
        Decision::GoesOn => "goes-on",
        Decision::Helps => "helps",
        Decision::Hurts => "hurts",
        Decision::NoGain => "no-gain",
        Decision::NotClear => "not-clear",
    }
}

/// What fresh seeds said, in a line.
pub(super) fn confirmation(fresh: &Comparison, design: &Design) -> String {
    let look = fresh.last();
    format!("on {} fresh seeds a side: {}", look.planned.idea_runs, sentence(look, design))
}

/// Which classes changed most and how many photos changed sides, in a line each.
pub(super) fn photo_lines(classes: &[ClassChange], changed: &Changed) -> Vec<String> {
    let mut sorted: Vec<&ClassChange> = classes.iter().filter(|class| class.gain().abs() >= WORTH_NAMING).collect();
    sorted.sort_by(|one, other| other.gain().total_cmp(&one.gain()));
    let name = |class: &&ClassChange| format!("{} {:+.1}", class.name, 100.0 * class.gain());
    let most: Vec<String> = sorted.iter().filter(|class| class.gain() > 0.0).take(CLASSES).map(name).collect();
    let least: Vec<String> = sorted.iter().rev().filter(|class| class.gain() < 0.0).take(CLASSES).map(name).collect();
    let mut lines = Vec::new();
    if !most.is_empty() || !least.is_empty() {
        lines.push(format!("classes that changed most, in points: {}", [most, least].concat().join(", ")));
    }
    lines.push(format!(
        "{} right in most runs with the idea alone, {} without it alone",
        counted(changed.gained.len() as u64, "photo"),
        changed.lost.len()
    ));
    lines
}

/// What a run of a side costs.
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) flop: Option<f64>,
}

impl Cost {
    /// The means over runs.
    pub(super) fn of(runs: &[SideRun]) -> Self {
        let count = runs.len().max(1) as f64;
        let flop: Option<f64> = runs.iter().map(|run| run.flop).sum();
        Self { seconds: runs.iter().map(|run| run.seconds).sum::<f64>() / count, flop: flop.map(|sum| sum / count) }
    }

    fn said(&self) -> String {
        let flop = self.flop.map_or(String::new(), |flop| format!(" and {}", flops(flop)));
        format!("{}{flop}", seconds(self.seconds))
    }
}

/// Floating-point operations as people read them.
pub(super) fn flops(flop: f64) -> String {
    match flop {
        _ if flop >= 1e15 => format!("{:.2} PFLOP", flop / 1e15),
        _ if flop >= 1e12 => format!("{:.2} TFLOP", flop / 1e12),
        _ => format!("{:.2} GFLOP", flop / 1e9),
    }
}

/// The cost of both sides, in a line.
pub(super) fn cost_line(base: &Cost, idea: &Cost) -> String {
    format!("a run costs {} with the idea, {} without", idea.said(), base.said())
}

/// What the ledger says, in a line: the how manyth idea it is.
pub(super) fn ledger_line(number: usize, alpha: f64) -> String {
    let which = format!("the {} idea judged against this baseline on val", ordinal(number));
    match number {
        0 | 1 => which,
        _ => format!("{which}; with Holm's limit for {number}: p < {}", small(holm_first_limit(alpha, number))),
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// What becomes of a gain at the longer budget: in a line, and as JSON.
pub(super) fn change(
    (short, long): (u32, u32),
    of_short: &Comparison,
    of_long: &Comparison,
    margin: Option<f64>,
) -> (String, Value) {
    let found = Interaction::new(of_short.last().test(), of_long.last().test());
    let Some(found) = found else {
        return (format!("from {short} to {long} epochs: the runs do not say"), Value::Null);
    };
    let interval = found.test.interval(0.95);
    // Without a margin no change is small enough to be none.
    let change = found.change(0.95, margin.unwrap_or(0.0));
    let (word, name) = match change {
        Change::Grows => ("the gain grows", "grows"),
        Change::Shrinks => ("the gain shrinks", "shrinks"),
        Change::Holds => ("the gain holds", "holds"),
        Change::NotKnown => ("whether the gain grows or shrinks is not clear", "not-known"),
    };
    let line = format!(
        "from {short} to {long} epochs {word}: {} points {} with 95% confidence",
        points(found.test.difference),
        between(interval)
    );
    let value = json!({
        "from_epochs": short, "to_epochs": long, "change": name, "difference": found.test.difference,
        "interval_95": [interval.low, interval.high], "p": found.test.p(),
    });
    (line, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ideas_are_counted_in_words() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal),
            ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]
        );
        assert_eq!(
            ledger_line(7, 0.05),
            "the 7th idea judged against this baseline on val; with Holm's limit for 7: p < 0.0071"
        );
        assert_eq!(ledger_line(1, 0.05), "the 1st idea judged against this baseline on val");
    }

    #[test]
    fn classes_are_named_where_they_changed() {
        let class = |name: &str, idea: f64| ClassChange {
            class: name.into(),
            name: name.into(),
            photos: 100,
            baseline: 0.5,
            idea,
        };
        let changed = Changed { gained: vec!["a".into()], lost: Vec::new() };
        let classes = [class("church", 0.58), class("tench", 0.501), class("gas pump", 0.47)];
        assert_eq!(
            photo_lines(&classes, &changed),
            [
                "classes that changed most, in points: church +8.0, gas pump -3.0",
                "1 photo right in most runs with the idea alone, 0 without it alone"
            ]
        );
        assert_eq!(photo_lines(&classes[1..2], &Changed::default()).len(), 1);
        assert_eq!(flops(2.5e12), "2.50 TFLOP");
    }
}
