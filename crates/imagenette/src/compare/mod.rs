//! `compare`: does an idea help? Two sides, made seed by seed or there already, go in; a verdict in as few runs as
//! honesty allows comes out, in words, as `comparison.json` and as a page.
//!
//! [`side`] says what was named, with [`template`] for commands; [`ground`] is what all runs share; [`arm`] makes one
//! run after the other, of this program or by [`shell`] and [`child`]; [`outcome`] is such a run as it is read back.
//! [`looks`] is the loop, [`checks`] what it refuses, [`begun`] what it remembers and [`ledger`] what it counts.
//! [`findings`] gathers what is said of a verdict; [`differences`], [`photos`], [`verdict`], [`progress`] and [`page`]
//! with its [`charts`] and [`source_diff`] say it to people.

mod arm;
mod begun;
mod charts;
mod checks;
mod child;
mod differences;
mod findings;
mod ground;
pub(crate) use ground::refuse_folds;
mod ledger;
mod looks;
mod outcome;
mod page;
mod photos;
mod progress;
pub(crate) mod shell;
mod side;
mod source_diff;
mod template;
pub(crate) mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_files::hash;
use imagenette_results::comparison::{ComparisonError, Decision};
use imagenette_results::statistics;
use serde_json::json;

use crate::cli::Compare;
use crate::interrupt::INTERRUPTED;
use crate::numbers::counted;
use crate::prepared::Preparation;
use crate::terminal::{Refusal, Terminal, print, print_json};
use crate::{Program, runs};

use findings::Findings;
use ground::Ground;
use looks::{Judged, Study};
use side::{Side, Sides};

/// Compares what the arguments name.
pub(crate) fn run(arguments: &Compare, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    check_flags(arguments)?;
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    let budgets: Vec<Option<u32>> = match arguments.epochs.as_slice() {
        [] => vec![None],
        epochs => epochs.iter().copied().map(Some).collect(),
    };
    let sides: Vec<Sides> =
        budgets.iter().map(|epochs| Sides::named(arguments, *epochs, &preparation)).collect::<Result<_, _>>()?;
    let mut differences = Vec::new();
    for Sides { base, idea } in &sides {
        let Some(idea) = idea else { continue };
        checks::check_recipes(base, idea, arguments.unequal_cost)?;
        let found = differences::of_sides(base, idea, program.parts())?;
        let same = match (base, idea) {
            (Side::Recipe(_), Side::Recipe(_)) => Some("the same recipe"),
            (Side::Command(_), Side::Command(_)) => Some("the same command"),
            _ => None,
        };
        if let (Some(same), true) = (same, found.is_empty()) {
            return Err(Refusal::error(
                format!("no effect: both sides are {same}, and each seed would give the same bits"),
                "change what is not so already",
            ));
        }
        differences.push(found);
    }
    check_confirm(arguments, &sides)?;
    if let [Sides { base: Side::Finished { .. }, idea: Some(Side::Finished { .. }) }] = sides.as_slice() {
        let (sides, differences) = (sides.into_iter().next(), differences.into_iter().next());
        return of_finished(arguments, sides, differences.unwrap_or_default(), (&preparation, program, terminal));
    }
    let all: Vec<&Side> = sides.iter().flat_map(|sides| std::iter::once(&sides.base).chain(&sides.idea)).collect();
    let ground = Ground::prepare(arguments, &all, preparation, (program, terminal))?;
    if let Some(runs) = arguments.only_base {
        return only_base(arguments, &ground, &sides, &budgets, runs as usize);
    }
    let main_folder = folder(arguments, &sides, &ground);
    let mut found = Vec::new();
    for ((sides, epochs), differences) in sides.iter().zip(&budgets).zip(differences) {
        let Sides { base, idea: Some(idea) } = sides else { continue };
        say_what_differs(&differences, &ground);
        let folder = match (budgets.len(), epochs) {
            (2.., Some(epochs)) => main_folder.join(format!("epochs-{epochs}")),
            _ => main_folder.clone(),
        };
        let study = Study { arguments, ground: &ground, base, idea, epochs: *epochs, folder, differences };
        let judgement = match study.judge()? {
            Some(judgement) => judgement,
            None => return Ok(interrupted(terminal)),
        };
        let is_interrupted = judgement.is_interrupted;
        found.push(Findings::of(judgement, arguments, program)?);
        if is_interrupted {
            tell(arguments, &found, &main_folder)?;
            return Ok(interrupted(terminal));
        }
    }
    tell(arguments, &found, &main_folder)
}

fn interrupted(terminal: &Terminal) -> ExitCode {
    terminal.say("hint: repeat the same command to go on");
    ExitCode::from(INTERRUPTED)
}

/// Refuses flags that say nothing together.
fn check_flags(arguments: &Compare) -> anyhow::Result<()> {
    if !(0.0..=100.0).contains(&arguments.margin) {
        let found = format!("--margin: expected points from 0 to 100, found {}", arguments.margin);
        return Err(Refusal::error(found, "0.5 is half a point of top-1"));
    }
    if let Some(share) = arguments.hold_out
        && !(share > 0.0 && share < 1.0)
    {
        let found = format!("--hold-out: expected a share above 0 and below 1, found {share}");
        return Err(Refusal::error(found, "0.1 holds out a tenth of the train split"));
    }
    let mut epochs = arguments.epochs.clone();
    epochs.dedup();
    if epochs.contains(&0) || epochs.len() != arguments.epochs.len() || !epochs.is_sorted() {
        let found = format!("--epochs: expected budgets that grow, like 5,20, found {:?}", arguments.epochs);
        return Err(Refusal::error(found, "name each budget once, the shortest first"));
    }
    if let (Some(runs), true) = (arguments.confirm, arguments.strict)
        && runs < 3
    {
        return Err(Refusal::error(
            format!("--confirm: expected 3 runs a side or more with --strict, found {runs}"),
            "without a belief about the spread two runs say next to nothing of it",
        ));
    }
    Ok(())
}

/// Fresh seeds have to be made on both sides.
fn check_confirm(arguments: &Compare, sides: &[Sides]) -> anyhow::Result<()> {
    let mut all = sides.iter().flat_map(|sides| std::iter::once(&sides.base).chain(&sides.idea));
    match (arguments.confirm, all.find(|side| matches!(side, Side::Finished { .. }))) {
        (Some(_), Some(side)) => Err(Refusal::error(
            format!("--confirm: the runs of `{}` are finished, and fresh seeds would have to be trained", side.name()),
            "name recipes or commands, or leave --confirm out",
        )),
        _ => Ok(()),
    }
}

/// The verdict on two folders of runs.
fn of_finished(
    arguments: &Compare,
    sides: Option<Sides>,
    differences: Vec<differences::Difference>,
    (preparation, program, terminal): (&Preparation<'_>, &Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    let parts = program.parts();
    let judged = |side: Side| {
        let (name, identity) = (side.name(), side.identity(parts));
        let Side::Finished { runs, .. } = side else { unreachable!("both sides are finished") };
        Judged { name, identity, runs }
    };
    let Some(Sides { base, idea: Some(idea) }) = sides else { unreachable!("both sides are there") };
    let mut judgement = looks::of_finished(arguments, judged(base), judged(idea), differences)?;
    judgement.baselines = Some(preparation.store.root().join("baselines"));
    if let Some(folder) = &judgement.folder {
        std::fs::create_dir_all(folder).map_err(imagenette_files::FileError::io("create", folder))?;
    }
    for difference in &judgement.differences {
        terminal.say(&format!("differs: {difference}"));
    }
    let folder = judgement.folder.clone().unwrap_or_default();
    tell(arguments, &[Findings::of(judgement, arguments, program)?], &folder)
}

/// Fills the store and says where the runs are.
fn only_base(
    arguments: &Compare,
    ground: &Ground<'_>,
    sides: &[Sides],
    budgets: &[Option<u32>],
    runs: usize,
) -> anyhow::Result<ExitCode> {
    let mut rows = Vec::new();
    for (sides, epochs) in sides.iter().zip(budgets) {
        let Some((folder, runs)) = looks::fill_store(arguments, ground, &sides.base, *epochs, runs)? else {
            return Ok(interrupted(ground.terminal));
        };
        let accuracies: Vec<f64> = runs.iter().map(|run| run.counts.accuracy()).collect();
        let (mean, sd) = (statistics::mean(&accuracies), statistics::standard_deviation(&accuracies));
        if arguments.json {
            rows.push(json!({
                "folder": folder, "runs": runs.len(), "seeds": runs.iter().map(|run| run.seed).collect::<Vec<_>>(),
                "mean": mean, "standard_deviation": sd, "epochs": epochs,
            }));
            continue;
        }
        print(&format!(
            "{} of `{}` on {}: mean {:.2}%{}",
            counted(runs.len() as u64, "run"),
            sides.base.name(),
            ground.measured_on(),
            100.0 * mean.unwrap_or(f64::NAN),
            sd.map_or(String::new(), |sd| format!(" ± {:.2} points", 100.0 * sd))
        ))?;
        print(&format!("they are in {}, and serve every idea that is compared with it", folder.display()))?;
    }
    if arguments.json {
        print_json(&rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of the idea's runs and of the verdict.
fn folder(arguments: &Compare, sides: &[Sides], ground: &Ground<'_>) -> PathBuf {
    if let Some(folder) = &arguments.out {
        return folder.clone();
    }
    let identities: Vec<String> = sides
        .iter()
        .filter_map(|sides| sides.idea.as_ref())
        .map(|idea| idea.identity(ground.program.parts()))
        .collect();
    // Of a single budget the name is what it always was.
    let which = if let [only] = identities.as_slice() { only.clone() } else { hash::sha256(identities.join(" ")) };
    let name = |side: Option<&Side>| side.map_or("none".into(), Side::name);
    let (base, idea) =
        (name(sides.first().map(|sides| &sides.base)), name(sides.first().and_then(|s| s.idea.as_ref())));
    let dataset = &ground.dataset.manifest.name;
    Path::new(runs::FOLDER).join(format!("compare-{base}-{idea}-{dataset}-{}", hash::short(&which)))
}

fn say_what_differs(differences: &[differences::Difference], ground: &Ground<'_>) {
    for difference in differences {
        ground.terminal.say(&format!("differs: {difference}"));
    }
    if ground.held_out.is_some() {
        ground.terminal.say(&format!("evaluating on {}", ground.measured_on()));
    }
}

/// Writes and prints what was found at every budget; gives the exit status of the longest.
fn tell(arguments: &Compare, found: &[Findings], folder: &Path) -> anyhow::Result<ExitCode> {
    // Said even where it cannot be written.
    let mut written: anyhow::Result<()> = found.iter().try_for_each(Findings::write);
    let mut changes = Vec::new();
    for pair in found.windows(2) {
        let [short, long] = [&pair[0].judgement, &pair[1].judgement];
        if let (Some(from), Some(to)) = (short.epochs, long.epochs) {
            changes.push(verdict::change((from, to), &short.comparison, &long.comparison, long.design.margin));
        }
    }
    let whole = match found {
        [only] => only.value.clone(),
        _ => json!({
            "format": begun::FORMAT, "version": 1,
            "budgets": found.iter().map(|found| found.value.clone()).collect::<Vec<_>>(),
            "changes": changes.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>(),
        }),
    };
    if found.len() > 1 {
        written = written.and_then(|()| begun::write(&folder.join(begun::COMPARISON_FILE), &whole));
    }
    if arguments.json {
        print_json(&whole)?;
    } else {
        for findings in found {
            if let (2.., Some(epochs)) = (found.len(), findings.judgement.epochs) {
                print(&format!("at {}:", counted(epochs.into(), "epoch")))?;
            }
            findings.lines.iter().try_for_each(|line| print(line))?;
        }
        changes.iter().try_for_each(|(line, _)| print(line))?;
    }
    written?;
    // A verdict is not lost with a ledger that is damaged: it was said and written first.
    if let Some(error) = found.iter().find_map(Findings::ledger_error) {
        return Err(error);
    }
    let last = found.last().map_or(Decision::NotClear, |found| found.judgement.comparison.decision());
    Ok(ExitCode::from(verdict::status(last)))
}

fn refused(error: ComparisonError) -> anyhow::Error {
    let hint = error.hint();
    Refusal::error(error.to_string(), hint)
}
