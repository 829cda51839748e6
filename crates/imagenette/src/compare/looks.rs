//! The loop: runs of both sides are made pair by pair and looked at, until the answer is clear.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use imagenette_files::FileError;
use imagenette_files::lock::FolderLock;
use imagenette_results::comparison::{Comparison, Decision, Design, PlannedLook, Procedure, Runs};
use serde_json::json;

use super::arm::{Arm, Made};
use super::begun::{Begun, design_json};
use super::checks::{check_arm, check_both};
use super::differences::{Difference, of_arithmetic};
use super::ground::Ground;
use super::outcome::SideRun;
use super::side::Side;
use super::{progress, refused};
use crate::cli::Compare;
use crate::numbers::counted;
use crate::terminal::Refusal;

/// What was found at one budget.
pub(super) struct Judgement {
    pub(super) design: Design,
    pub(super) comparison: Comparison,
    pub(super) base: Judged,
    pub(super) idea: Judged,
    pub(super) differences: Vec<Difference>,
    /// The budget that was asked for.
    pub(super) epochs: Option<u32>,
    /// Fresh seeds of both sides after the verdict.
    pub(super) confirmation: Option<Comparison>,
    /// Where the verdict is written.
    pub(super) folder: Option<PathBuf>,
    /// Where the ledger lies, for verdicts on val.
    pub(super) baselines: Option<PathBuf>,
    pub(super) is_interrupted: bool,
}

/// One side of what was found.
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) identity: String,
    /// The runs that the verdict is about.
    pub(super) runs: Vec<SideRun>,
}

/// What is compared at one budget, and where that goes.
pub(super) struct Study<'a, 'p> {
    pub(super) arguments: &'a Compare,
    pub(super) ground: &'a Ground<'p>,
    pub(super) base: &'a Side,
    pub(super) idea: &'a Side,
    pub(super) epochs: Option<u32>,
    pub(super) folder: PathBuf,
    pub(super) differences: Vec<Difference>,
}

/// The design that the flags ask for.
pub(super) fn design(arguments: &Compare, stored_baseline: usize, baseline_grows: bool) -> Design {
    let margin = (arguments.margin > 0.0).then_some(arguments.margin / 100.0);
    let max_runs = arguments.max_runs as usize;
    let design = Design { max_runs, margin, settle_losses: true, stored_baseline, baseline_grows, ..Design::default() };
    if arguments.strict { design.strict() } else { design }
}

/// Without the steadying two runs say too little of their spread.
fn least(arguments: &Compare) -> usize {
    if arguments.strict { 3 } else { 2 }
}

/// The verdict on runs that are all there: one look at all of them.
pub(super) fn of_finished(
    arguments: &Compare,
    base: Judged,
    idea: Judged,
    mut differences: Vec<Difference>,
) -> anyhow::Result<Judgement> {
    differences.extend(of_arithmetic(&base.runs, &idea.runs));
    check_arm("the baseline", &base.runs)?;
    check_arm("the idea", &idea.runs)?;
    check_both(&base.runs, &idea.runs, arguments.unequal_cost)?;
    let most = idea.runs.len().max(2);
    let least = least(arguments);
    let design = Design {
        max_runs: most.max(least),
        first_look: Some(most.max(least)),
        ..design(arguments, base.runs.len().max(least), false)
    };
    let comparison = compare(&design, &base.runs, &idea.runs)?;
    Ok(Judgement {
        design,
        comparison,
        base,
        idea,
        differences,
        epochs: None,
        confirmation: None,
        folder: arguments.out.clone(),
        baselines: None,
        is_interrupted: false,
    })
}

/// The comparison at these runs.
fn compare(design: &Design, base: &[SideRun], idea: &[SideRun]) -> anyhow::Result<Comparison> {
    let counts = |runs: &[SideRun]| runs.iter().map(|run| run.counts.correct).collect::<Vec<_>>();
    let photos = |runs: &[SideRun]| runs.first().map_or(0, |run| run.counts.total);
    let (base_counts, idea_counts) = (counts(base), counts(idea));
    let procedure = Procedure::new(*design).map_err(refused)?;
    procedure
        .compare(
            &Runs { correct: &base_counts, photos: photos(base) },
            &Runs { correct: &idea_counts, photos: photos(idea) },
        )
        .map_err(refused)
}

impl<'a, 'p> Study<'a, 'p> {
    fn arms(&self) -> [Arm<'a, 'p>; 2] {
        let place = match self.base {
            Side::Command(_) => self.ground.command_baselines(self.epochs),
            _ => self.ground.recipe_baselines(),
        };
        let from = (self.arguments.seed, self.epochs);
        [
            Arm::new("baseline", self.base, &place, self.ground, from),
            Arm::new("idea", self.idea, &self.folder.join("idea"), self.ground, from),
        ]
    }

    /// Makes what is missing, look by look, until the answer is clear; `None` when it was interrupted before.
    pub(super) fn judge(&self) -> anyhow::Result<Option<Judgement>> {
        let (arguments, folder) = (self.arguments, &self.folder);
        std::fs::create_dir_all(folder).map_err(FileError::io("create", folder))?;
        let _lock = FolderLock::acquire(folder, "compare")?;
        let mut arms = self.arms();
        // What is there before the first look counts at each look. What this comparison itself added does not count as
        // stored when it goes on.
        let begun = Begun::read(folder)?;
        let stored = match (begun.stored_baseline(), arms[0].grows()) {
            (_, false) => arms[0].runs.len(),
            (Some(stored), true) => stored,
            (None, true) => {
                arms[0].read_stored(arguments.max_runs as usize)?;
                arms[0].runs.len()
            }
        };
        if let Some(arm) = arms.iter().find(|arm| !arm.grows() && arm.runs.len() < least(arguments)) {
            return Err(Refusal::error(
                format!(
                    "the {} has {} there, and {} are needed",
                    arm.which,
                    counted(arm.runs.len() as u64, "run"),
                    least(arguments)
                ),
                "add runs with other seeds: one run a side compares two networks, not two recipes",
            ));
        }
        let mut design = design(arguments, stored, arms[0].grows());
        if !arms[1].grows() {
            design.max_runs = design.max_runs.min(arms[1].runs.len());
        }
        let procedure = Procedure::new(design).map_err(refused)?;
        let is_untouched = arms[1].grows() && self.only_failed()?;
        begun.settle(&design_json(&design, arguments), &self.sides_json(&arms), is_untouched)?;
        let looks = procedure.looks();
        let mut order = order(looks, [arms[0].runs.len(), arms[1].runs.len()]).into_iter().peekable();
        let mut scale = None;
        for look in looks {
            while arms[0].runs.len() < look.baseline_runs || arms[1].runs.len() < look.idea_runs {
                let batch: Vec<(usize, usize)> = order.by_ref().take(self.ground.parallel).collect();
                if batch.is_empty() || !fill(&mut arms, &batch, self.ground)? {
                    return Ok(None);
                }
                self.check(&arms)?;
            }
            let [base, idea] = &arms;
            let comparison = compare(&design, &base.runs[..look.baseline_runs], &idea.runs[..look.idea_runs])?;
            if comparison.decision() == Decision::GoesOn {
                let left = Left::of(&arms, look, looks, self.ground.parallel);
                let scale = *scale.get_or_insert_with(|| progress::scale(comparison.last()));
                progress::say(comparison.last(), scale, &left, self.ground.terminal);
                continue;
            }
            self.check(&arms)?;
            let confirmation = match (arguments.confirm, comparison.decision()) {
                (Some(runs), Decision::Helps | Decision::Hurts) => self.confirm(&arms, runs as usize)?,
                _ => Confirmed::NotAsked,
            };
            let mut differences = self.differences.clone();
            if let Some(arithmetic) = of_arithmetic(&base.runs, &idea.runs) {
                self.ground.terminal.say(&format!("differs: {arithmetic}"));
                differences.push(arithmetic);
            }
            let judged = |arm: &Arm<'_, '_>, runs: usize| Judged {
                name: arm.side.name(),
                identity: arm.identity().to_owned(),
                runs: arm.runs[..runs].to_vec(),
            };
            return Ok(Some(Judgement {
                base: judged(base, look.baseline_runs),
                idea: judged(idea, look.idea_runs),
                design,
                comparison,
                differences,
                epochs: self.epochs,
                is_interrupted: matches!(confirmation, Confirmed::Interrupted),
                confirmation: match confirmation {
                    Confirmed::Done(comparison) => Some(*comparison),
                    _ => None,
                },
                folder: Some(folder.clone()),
                baselines: Some(self.ground.baselines()),
            }));
        }
        unreachable!("the last look of a design always decides")
    }

    fn check(&self, [base, idea]: &[Arm<'_, '_>; 2]) -> anyhow::Result<()> {
        if !base.runs.is_empty() {
            check_arm("the baseline", &base.runs)?;
        }
        if !idea.runs.is_empty() {
            check_arm("the idea", &idea.runs)?;
        }
        check_both(&base.runs, &idea.runs, self.arguments.unequal_cost)
    }

    /// Whether no run of an idea was finished in this folder: then nothing was looked at.
    fn only_failed(&self) -> anyhow::Result<bool> {
        let folder = self.folder.join("idea");
        if !folder.is_dir() {
            return Ok(true);
        }
        for arm in std::fs::read_dir(&folder).map_err(FileError::io("read", &folder))?.flatten() {
            let runs = std::fs::read_dir(arm.path()).map_err(FileError::io("read", &arm.path()))?;
            if runs.flatten().any(|run| run.path().is_dir() && !run.file_name().to_string_lossy().starts_with('.')) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fresh seeds of both sides, after all that this comparison could have looked at: one look at all of them.
    fn confirm(&self, arms: &[Arm<'a, 'p>; 2], runs: usize) -> anyhow::Result<Confirmed> {
        let first = self.arguments.seed + u64::from(self.arguments.max_runs);
        self.ground.terminal.say(&format!("confirming with {runs} fresh seeds a side, from {first} on"));
        let mut fresh = [arms[0].afresh(first), arms[1].afresh(first)];
        let wanted = Design { first_look: Some(runs), max_runs: runs, ..design(self.arguments, 0, true) };
        let looks = wanted.looks().map_err(refused)?;
        let order = order(&looks, [0, 0]);
        for batch in order.chunks(self.ground.parallel) {
            if !fill(&mut fresh, batch, self.ground)? {
                return Ok(Confirmed::Interrupted);
            }
        }
        self.check(&fresh)?;
        Ok(Confirmed::Done(Box::new(compare(&wanted, &fresh[0].runs, &fresh[1].runs)?)))
    }

    fn sides_json(&self, [base, idea]: &[Arm<'_, '_>; 2]) -> serde_json::Value {
        let side = |arm: &Arm<'_, '_>| json!({ "name": arm.side.name(), "identity": arm.identity() });
        json!({
            "baseline": side(base), "idea": side(idea), "dataset": self.ground.identity,
            "held_out": self.ground.held_out, "epochs": self.epochs,
        })
    }
}

enum Confirmed {
    NotAsked,
    Interrupted,
    Done(Box<Comparison>),
}

/// Fills the store with runs of a baseline; `None` when it was interrupted.
pub(super) fn fill_store(
    arguments: &Compare,
    ground: &Ground<'_>,
    base: &Side,
    epochs: Option<u32>,
    runs: usize,
) -> anyhow::Result<Option<(PathBuf, Vec<SideRun>)>> {
    let place = match base {
        Side::Recipe(_) => ground.recipe_baselines(),
        Side::Command(_) => ground.command_baselines(epochs),
        Side::Finished { named, .. } => {
            return Err(Refusal::error(
                format!("{named}: these runs are finished, and the store keeps what it makes itself"),
                "name them as the baseline of a comparison, or name a recipe",
            ));
        }
    };
    let mut arms = [Arm::new("baseline", base, &place, ground, (arguments.seed, epochs))];
    arms[0].read_stored(runs)?;
    let there = arms[0].runs.len();
    let order: Vec<(usize, usize)> = (there..runs).map(|number| (0, number)).collect();
    for batch in order.chunks(ground.parallel) {
        if !fill(&mut arms, batch, ground)? {
            return Ok(None);
        }
        check_arm("the baseline", &arms[0].runs)?;
    }
    let [arm] = arms;
    Ok(Some((arm.folder, arm.runs)))
}

/// The runs that are missing for the looks, in the order A B B A, as pairs of an arm and the number of its run.
fn order(looks: &[PlannedLook], there: [usize; 2]) -> Vec<(usize, usize)> {
    let mut counts = there;
    let mut order = Vec::new();
    for look in looks {
        let needed = [look.baseline_runs, look.idea_runs];
        let sides = if look.number % 2 == 1 { [0, 1] } else { [1, 0] };
        while (0..2).any(|arm| counts[arm] < needed[arm]) {
            for arm in sides {
                if counts[arm] < needed[arm] {
                    order.push((arm, counts[arm]));
                    counts[arm] += 1;
                }
            }
        }
    }
    order
}

/// Makes some runs, side by side if there are several; `false` when that was interrupted.
fn fill(arms: &mut [Arm<'_, '_>], batch: &[(usize, usize)], ground: &Ground<'_>) -> anyhow::Result<bool> {
    let made: Vec<anyhow::Result<Made>> = if ground.parallel <= 1 {
        batch.iter().map(|(arm, number)| arms[*arm].make(*number, None)).collect()
    } else {
        let (stop, arms) = (AtomicBool::new(false), &*arms);
        let make = |arm: usize, number: usize| {
            let made = arms[arm].make(number, Some(&stop));
            // The others need not go on for an hour before the error is told.
            if made.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            made
        };
        std::thread::scope(|scope| {
            let make = &make;
            // Where the system gives no more threads, one after the other is as well.
            let start = |&(arm, number): &(usize, usize)| {
                let started = std::thread::Builder::new().spawn_scoped(scope, move || make(arm, number));
                started.map_err(|_| (arm, number))
            };
            let started: Vec<_> = batch.iter().map(start).collect();
            let end = |started: Result<std::thread::ScopedJoinHandle<'_, _>, (usize, usize)>| match started {
                Ok(thread) => thread.join().expect("making a run does not panic"),
                Err((arm, number)) => make(arm, number),
            };
            started.into_iter().map(end).collect()
        })
    };
    let mut is_whole = true;
    let mut failed = None;
    for ((arm, number), made) in batch.iter().zip(made) {
        match made {
            // A run after one that is missing waits in its folder.
            Ok(Made::Run(run, took)) if *number == arms[*arm].runs.len() => arms[*arm].take(*run, took),
            Ok(Made::Run(..)) => {}
            Ok(Made::Interrupted) => is_whole = false,
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(is_whole),
    }
}

/// What may still come.
pub(super) struct Left {
    /// Runs of the baseline and of the idea at most.
    pub(super) runs: [usize; 2],
    /// Seconds at most, where a run has been timed.
    pub(super) seconds: Option<f64>,
}

impl Left {
    fn of(arms: &[Arm<'_, '_>; 2], look: &PlannedLook, looks: &[PlannedLook], parallel: usize) -> Self {
        let last = looks.last().unwrap_or(look);
        let there = [arms[0].runs.len(), arms[1].runs.len()];
        let runs = [last.baseline_runs.saturating_sub(there[0]), last.idea_runs.saturating_sub(there[1])];
        let all: Vec<f64> = arms.iter().flat_map(|arm| arm.took.iter().copied()).collect();
        let mean = |times: &[f64]| (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64);
        // A side whose runs were all there costs what the other does, as far as is known.
        let of_arm = |arm: usize| mean(&arms[arm].took).or_else(|| mean(&all));
        let seconds = of_arm(0)
            .zip(of_arm(1))
            .map(|(base, idea)| (runs[0] as f64 * base + runs[1] as f64 * idea) / parallel as f64);
        Self { runs, seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_in_the_order_a_b_b_a() {
        let looks = Design { max_runs: 4, ..Design::default() }.looks().unwrap();
        let sides: Vec<usize> = order(&looks, [0, 0]).iter().map(|(arm, _)| *arm).collect();
        assert_eq!(sides, [0, 1, 0, 1, 1, 0, 0, 1]);
        let stored = Design { max_runs: 4, stored_baseline: 3, ..Design::default() }.looks().unwrap();
        assert_eq!(order(&stored, [3, 0]), [(1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]);
        assert_eq!(order(&looks, [4, 4]), []);
    }
}
