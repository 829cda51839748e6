//! All that is said about a verdict, gathered once: its lines, its JSON and its page say the same.

use imagenette_results::comparison::Comparison;
use imagenette_results::statistics::holm_first_limit;
use serde_json::{Value, json};

use super::begun::{self, COMPARISON_FILE, FORMAT, design_json};
use super::ledger::{self, Entry};
use super::looks::{Judged, Judgement};
use super::outcome::SideRun;
use super::page;
use super::photos::{Changed, ClassChange, Tally};
use super::shell;
use super::verdict::{self, Cost};
use crate::Program;
use crate::cli::Compare;

/// The page of a verdict.
pub(super) const PAGE_FILE: &str = "comparison.html";

/// A verdict with all that is said about it.
pub(super) struct Findings {
    pub(super) judgement: Judgement,
    /// The lines for people, the verdict's sentence first.
    pub(super) lines: Vec<String>,
    /// Every number.
    pub(super) value: Value,
    pub(super) classes: Vec<ClassChange>,
    pub(super) changed: Changed,
    pub(super) tally: Option<Tally>,
    /// The command that gives this again.
    pub(super) command: String,
    ledger: Option<Result<usize, anyhow::Error>>,
}

impl Findings {
    /// Gathers what is to be said, and enters a verdict on val in the ledger.
    pub(super) fn of(judgement: Judgement, arguments: &Compare, program: &Program) -> anyhow::Result<Self> {
        let Judgement { base, idea, comparison, design, .. } = &judgement;
        let tally = Tally::of(&base.runs, &idea.runs)?;
        let seeds_error = comparison.last().test().standard_error;
        let photos = tally.as_ref().and_then(|tally| tally.photos_and_seeds(seeds_error));
        let classes = tally.as_ref().map(Tally::classes).unwrap_or_default();
        let changed = tally.as_ref().map(Tally::changed).unwrap_or_default();
        let costs = (Cost::of(&base.runs), Cost::of(&idea.runs));
        let ledger = enter(&judgement);
        let mut lines = verdict::lines(comparison, design, photos.as_ref(), judgement.confirmation.is_some());
        lines.extend(judgement.confirmation.iter().map(|fresh| verdict::confirmation(fresh, design)));
        if tally.is_some() {
            lines.extend(verdict::photo_lines(&classes, &changed));
        }
        lines.push(verdict::cost_line(&costs.0, &costs.1));
        if arguments.unequal_cost {
            lines.push("the two sides need not cost the same".into());
        } else if base.runs.iter().chain(&idea.runs).any(|run| run.recipe.is_none()) {
            lines.push("a command's budget is its own: that both sides cost the same is for you to see to".into());
        }
        if let Some(held_out) = base.runs.first().and_then(|run| run.held_out) {
            lines.push(format!("on {} photos held out of train: this is no val accuracy", held_out.photos));
        }
        let number = ledger.as_ref().and_then(|ledger| ledger.as_ref().ok()).copied();
        lines.extend(number.map(|number| verdict::ledger_line(number, design.alpha)));
        let mut value = verdict::as_json(comparison, photos.as_ref());
        value["format"] = FORMAT.into();
        value["version"] = 1.into();
        value["design"] = design_json(design, arguments);
        value["sides"] = json!({
            "baseline": { "name": base.name, "identity": base.identity },
            "idea": { "name": idea.name, "identity": idea.identity },
            "dataset": base.runs.first().map(|run| run.dataset_identity.clone()),
            "held_out": base.runs.first().and_then(|run| run.held_out),
            "epochs": judgement.epochs,
        });
        value["sentence"] = verdict::sentence(comparison.last(), design).into();
        value["unequal_cost"] = arguments.unequal_cost.into();
        value["differences"] = serde_json::to_value(&judgement.differences)?;
        value["baseline"] = side_json(base, &costs.0);
        value["idea"] = side_json(idea, &costs.1);
        if tally.is_some() {
            value["classes"] = serde_json::to_value(&classes)?;
            value["changed_photos"] = serde_json::to_value(&changed)?;
        }
        value["confirmation"] = judgement.confirmation.as_ref().map_or(Value::Null, confirmation_json);
        value["ledger"] = number.map_or(
            Value::Null,
            |number| json!({ "idea_number": number, "holm_limit": holm_first_limit(design.alpha, number) }),
        );
        let command = shell::this_command(program.name());
        value["command"] = command.clone().into();
        Ok(Self { judgement, lines, value, classes, changed, tally, command, ledger })
    }

    /// Writes what a comparison that has a folder leaves there.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let Some(folder) = &self.judgement.folder else { return Ok(()) };
        begun::write(&folder.join(COMPARISON_FILE), &self.value)?;
        let page = page::html(self)?;
        imagenette_files::atomic::write_bytes(&folder.join(PAGE_FILE), page.as_bytes())?;
        Ok(())
    }

    /// What went wrong with the ledger.
    pub(super) fn ledger_error(&self) -> Option<anyhow::Error> {
        let error = self.ledger.as_ref()?.as_ref().err()?;
        let hint = error.downcast_ref().and_then(imagenette_files::Hint::hint as fn(&crate::terminal::Refusal) -> _);
        let hint = hint.unwrap_or_else(|| "the verdict above stands; it is not in the ledger".into());
        Some(crate::terminal::Refusal::error(format!("the verdict was not entered in the ledger: {error}"), hint))
    }
}

/// Enters a verdict on val in the ledger; `None` where it is none.
fn enter(judgement: &Judgement) -> Option<Result<usize, anyhow::Error>> {
    let Judgement { base, idea, comparison, baselines, .. } = judgement;
    let baselines = baselines.as_ref()?;
    let first = base.runs.first()?;
    if first.held_out.is_some() {
        return None;
    }
    let seeds = |runs: &[SideRun]| runs.iter().map(|run| run.seed).collect::<Vec<_>>();
    let last = comparison.last();
    // A recipe has its budget in it; a command is told.
    let epochs = judgement.epochs.filter(|_| first.recipe.is_none());
    let epochs = epochs.map_or(String::new(), |epochs| format!(" {epochs} epochs"));
    let entry = Entry {
        baseline: imagenette_files::hash::sha256(format!("{} {}{epochs}", base.identity, first.dataset_identity)),
        idea: idea.identity.clone(),
        names: (base.name.clone(), idea.name.clone()),
        dataset: first.dataset.clone(),
        seeds: (seeds(&base.runs), seeds(&idea.runs)),
        gain: last.test().difference,
        p: last.test().p(),
        verdict: verdict::name(last.decision).into(),
        date: imagenette_results::clock::now().to_string(),
    };
    Some(ledger::enter(&ledger::path(baselines), &entry))
}

fn confirmation_json(fresh: &Comparison) -> Value {
    let mut value = verdict::as_json(fresh, None);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("new_photos");
    }
    value
}

fn side_json(side: &Judged, cost: &Cost) -> Value {
    let run = |run: &SideRun| {
        json!({
            "seed": run.seed, "folder": run.folder, "correct": run.counts.correct, "total": run.counts.total,
            "training_seconds": run.seconds, "training_flop": run.flop,
        })
    };
    let first = side.runs.first();
    json!({
        "recipe": first.filter(|run| run.recipe.is_some()).map(|run| run.name.clone()),
        "command": first.filter(|run| run.recipe.is_none()).map(|run| run.name.clone()),
        "identity": side.identity,
        "arithmetic": first.and_then(|run| run.arithmetic.clone()),
        "seconds": cost.seconds, "flop": cost.flop,
        "runs": side.runs.iter().map(run).collect::<Vec<_>>(),
    })
}
