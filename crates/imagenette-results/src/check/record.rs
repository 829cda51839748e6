//! What a record says, as far as it can contradict itself or the history beside it.

use std::path::Path;

use imagenette_recipe::{Budget, Recipe};

use super::{Verdict, malformed, said};
use crate::history::{History, HistoryLine};
use crate::run_record::{Counts, EpochCounts, Provenance, RunRecord, Seconds};

/// By how much sums of seconds may differ that were added up in another order.
const ROUNDING_SECONDS: f64 = 0.001;
/// Seconds that pass between two looks at the clock in the same step.
const BETWEEN_LOOKS_SECONDS: f64 = 0.1;
/// Floating-point operations a second that no core and no accelerator reaches: three times the most that was measured
/// of a core with AVX-512, and twice the peak of the fastest accelerator of 2026 that this program runs on.
const MOST_OF_A_CORE: f64 = 1.5e12;
const MOST_OF_A_DEVICE: f64 = 2e15;

/// Whether the counts are possible, in the order of the epochs, and end with the result.
pub(super) fn counts(path: &Path, record: &RunRecord) -> Verdict {
    // A task may be about some of the classes: which photos they are is known where the dataset is.
    let is_of_task = record.labels.as_ref().is_some_and(|labels| labels.task.is_some());
    let photos = match record.held_out {
        Some(held_out) => held_out.photos,
        None if is_of_task => record.result.total.min(record.dataset.val),
        None => record.dataset.val,
    };
    let is_possible = |counts: &Counts| counts.total == photos && counts.total > 0 && counts.correct <= counts.total;
    let all = record.by_epoch.iter().map(|known| &known.counts).chain([&record.result]);
    if let Some(counts) = all.into_iter().find(|counts| !is_possible(counts)) {
        return malformed(path, format!("counts of {photos} photos"), said(counts)).into();
    }
    let ascends = record.by_epoch.windows(2).all(|pair| pair[0].epoch < pair[1].epoch);
    let is_within = |known: &EpochCounts| (1..=record.epochs).contains(&known.epoch);
    if let Some(known) = record.by_epoch.iter().find(|known| !is_within(known) || !ascends) {
        let expected = format!("evaluations after the epochs 1 to {}, in their order", record.epochs);
        return malformed(path, expected, format!("one after epoch {} among {}", known.epoch, record.by_epoch.len()))
            .into();
    }
    let last = record.by_epoch.last().filter(|known| known.epoch == record.epochs);
    if last.map(|known| known.counts) != Some(record.result) {
        let expected = format!("the result ({}) after epoch {}", said(&record.result), record.epochs);
        return malformed(path, expected, last.map_or("none".into(), |known| said(&known.counts))).into();
    }
    Verdict::Holds(format!("the result is that of epoch {}: {}", record.epochs, said(&record.result)))
}

/// Whether the attempts make the run's steps, and the summary is the last one's.
pub(super) fn attempts(path: &Path, record: &RunRecord) -> Verdict {
    let Some(Provenance { attempts, engine, changed_machine, .. }) = &record.provenance else {
        return Verdict::Unknown("a record of version 1 does not say who worked on the run".into());
    };
    if let Some(contradiction) = attempts.contradiction(record.steps) {
        return malformed(path, format!("attempts that make {} steps", record.steps), contradiction).into();
    }
    let last = attempts.last().expect("a run without attempts was refused");
    if last.environment() != record.environment || last.arithmetic.engine != *engine {
        return malformed(path, "an environment and an engine that are the last attempt's", "others").into();
    }
    if attempts.resumed() != record.resumed {
        let expected = format!("a run that was resumed {} times", attempts.resumed());
        return malformed(path, expected, record.resumed.to_string()).into();
    }
    if attempts.have_changed() != *changed_machine {
        let expected = format!("`changed_machine` = {}, as the attempts say", attempts.have_changed());
        return malformed(path, expected, changed_machine.to_string()).into();
    }
    Verdict::Holds(match record.resumed {
        0 => format!("one attempt of {} steps on {}", record.steps, last.arithmetic),
        times => format!("{} attempts that follow each other, the last on {}", times + 1, last.arithmetic),
    })
}

/// Whether the seconds are possible: parts that fit into the whole, as the history has them, on a machine that can
/// compute that much in that time.
pub(super) fn seconds(path: &Path, record: &RunRecord, history: Option<&History>) -> Verdict {
    let Seconds { training, evaluation, total } = record.seconds;
    let all = [("training", training), ("evaluation", evaluation), ("total", total)];
    if let Some((what, seconds)) = all.into_iter().find(|(_, seconds)| !(seconds.is_finite() && *seconds >= 0.0)) {
        return malformed(path, format!("seconds of {what} from 0 on"), seconds.to_string()).into();
    }
    if training + evaluation > total * (1.0 + 1e-9) + ROUNDING_SECONDS {
        let expected = format!("training and evaluation within {total} seconds in all");
        return malformed(path, expected, format!("{training} and {evaluation}")).into();
    }
    if let Some(verdict) = history.and_then(|history| as_told(path, record, history)) {
        return verdict;
    }
    if let Some(flop) = record.training_flop {
        let (machine, most) = (&record.environment, MOST_OF_A_CORE);
        let most = match machine.device.starts_with("flex") {
            true => most * machine.cores.max(machine.threads).max(1) as f64,
            false => MOST_OF_A_DEVICE,
        };
        if !(flop >= 0.0 && flop <= most * training) {
            let expected = format!("at most {most:.1e} floating-point operations a second on {}", machine.device);
            return malformed(path, expected, format!("{flop:.3e} in {training} seconds of training")).into();
        }
    }
    match history {
        Some(_) => Verdict::Holds("training and evaluation fit into the total, as the history tells".into()),
        None => {
            Verdict::Unknown("training and evaluation fit into the total; no history tells how long it took".into())
        }
    }
}

/// Whether what was spent is what the attempts come to; `None` where nothing is said of it.
pub(super) fn spending(path: &Path, record: &RunRecord, recipe: Option<&Recipe>) -> Option<Verdict> {
    let Provenance { attempts, spending, .. } = record.provenance.as_ref()?;
    let budget = recipe.and_then(|recipe| recipe.budget);
    if spending.is_none() && record.dollars.is_none() && budget.is_none() {
        return None;
    }
    if let Some(expected) = budget.filter(|_| spending.is_none()) {
        return Some(malformed(path, format!("what was spent of {expected}"), "nothing").into());
    }
    let is_near =
        |own: f64, counted: Option<f64>| counted.is_some_and(|counted| (own - counted).abs() <= 1e-9 + 1e-6 * own);
    if let Some(dollars) = record.dollars.filter(|dollars| !is_near(*dollars, attempts.dollars())) {
        let expected = attempts.dollars().map_or("no dollars".into(), |dollars| format!("${dollars}"));
        return Some(malformed(path, format!("{expected}, as the attempts come to"), format!("${dollars}")).into());
    }
    let Some(spent) = spending else {
        return Some(Verdict::Holds(format!("${:.4}, as the attempts come to", record.dollars.unwrap_or_default())));
    };
    let counted = match budget {
        Some(Budget::Minutes(_)) => attempts.seconds(),
        _ => attempts.charged_seconds(),
    };
    if !is_near(spent.charged_seconds, counted) {
        let expected =
            counted.map_or("attempts that count their seconds".into(), |counted| format!("{counted} seconds"));
        return Some(malformed(path, expected, format!("{} seconds charged", spent.charged_seconds)).into());
    }
    let (spent_amount, is_within) = match budget {
        None => return Some(malformed(path, "`spending` beside a budget of the recipe", "one without").into()),
        Some(Budget::Minutes(minutes)) => {
            let said = format!("{:.1} s of {:.1} s", spent.charged_seconds, 60.0 * minutes);
            (said, spent.charged_seconds <= 60.0 * minutes)
        }
        Some(Budget::Dollars(most)) => {
            let dollars = record.dollars.unwrap_or(f64::INFINITY);
            (format!("${dollars:.4}"), dollars <= most)
        }
    };
    let end = if spent.ended_early { "; the budget ended before the plan" } else { "" };
    let budget = budget.expect("it was just looked at");
    Some(match is_within {
        true => Verdict::Holds(format!("{spent_amount} of {budget}{end}")),
        false => Verdict::Unknown(format!("{spent_amount}, more than the budget of {budget}{end}")),
    })
}

/// What is wrong with the seconds beside those of the history; `None` when nothing is.
fn as_told(path: &Path, record: &RunRecord, history: &History) -> Option<Verdict> {
    let mut told = (0.0, 0.0);
    for line in history.lines() {
        let (training, evaluation) = match line {
            HistoryLine::Evaluation { training_seconds, evaluation_seconds, .. } => {
                (*training_seconds, *evaluation_seconds)
            }
            HistoryLine::Step { training_seconds, .. }
            | HistoryLine::Epoch { training_seconds, .. }
            | HistoryLine::Plan { training_seconds, .. }
            | HistoryLine::ChangedMachine { training_seconds, .. } => (*training_seconds, told.1),
        };
        // Written so that NaN is refused as well.
        if !(training >= told.0 && evaluation >= told.1) {
            let found = format!("{training} after {}, of evaluation {evaluation} after {}", told.0, told.1);
            return Some(malformed(path, "a history whose seconds grow", found).into());
        }
        told = (training, evaluation);
    }
    let Seconds { training, evaluation, .. } = record.seconds;
    for (what, own, told) in [("training", training, told.0), ("evaluation", evaluation, told.1)] {
        if (own - told).abs() > BETWEEN_LOOKS_SECONDS + 0.001 * told {
            let expected = format!("the history's {told} seconds of {what}");
            return Some(malformed(path, expected, own.to_string()).into());
        }
    }
    None
}
