//! What a comparison found, in words and as JSON.

use imagenette_results::comparison::{Comparison, Decision, Design, Look};
use imagenette_results::statistics::{Interval, PhotosAndSeeds};
use serde_json::{Value, json};

use crate::numbers::counted;

/// The exit status of a verdict.
pub(crate) fn status(decision: Decision) -> u8 {
    match decision {
        Decision::Helps => 0,
        Decision::NoGain => 10,
        Decision::Hurts => 11,
        Decision::NotClear | Decision::GoesOn => 12,
    }
}

/// The verdict in a sentence, then the numbers, a line each.
pub(crate) fn lines(comparison: &Comparison, design: &Design, photos: Option<&PhotosAndSeeds>) -> Vec<String> {
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
        Decision::Helps | Decision::Hurts if look.planned.information < 1.0 => lines
            .push("early stops overstate: fresh seeds (`--seed` and another `--out`) say how large it is".to_owned()),
        Decision::NotClear => lines
            .push(format!("a gain of 0.3 points would need about {:.0} runs a side", look.runs_needed(0.003).ceil())),
        _ => {}
    }
    lines
}

fn sentence(look: &Look, design: &Design) -> String {
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
pub(crate) fn progress(look: &Look) -> String {
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
pub(crate) fn as_json(comparison: &Comparison, photos: Option<&PhotosAndSeeds>) -> Value {
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
pub(crate) fn name(decision: Decision) -> &'static str {
    match decision {
        Decision::GoesOn => "goes-on",
        Decision::Helps => "helps",
        Decision::Hurts => "hurts",
        Decision::NoGain => "no-gain",
        Decision::NotClear => "not-clear",
    }
}
