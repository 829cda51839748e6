//! What cannot be compared is refused: runs that are not one side, and sides that were not evaluated alike.

use std::collections::HashMap;

use super::outcome::SideRun;
use super::side::Side;
use crate::terminal::Refusal;

/// What to do about sides of unequal cost.
const UNEQUAL: &str = "give both the same budget, or add --unequal-cost: the verdict then says so";

fn refuse(what: impl Into<String>, hint: impl Into<String>) -> anyhow::Result<()> {
    Err(Refusal::error(what, hint))
}

/// Refuses recipes that cannot be compared, before anything is trained.
pub(super) fn check_recipes(base: &Side, idea: &Side, unequal_cost: bool) -> anyhow::Result<()> {
    let (Some(base), Some(idea)) = (base.recipe(), idea.recipe()) else { return Ok(()) };
    if base.hold_out != idea.hold_out {
        let of =
            |share: Option<f64>| share.map_or("val".into(), |share| format!("a share of {share} held out of train"));
        let what = format!("the baseline is evaluated on {}, the idea on {}", of(base.hold_out), of(idea.hold_out));
        return refuse(what, "compare on the same photos: --hold-out sets both");
    }
    if !unequal_cost && base.epochs != idea.epochs {
        let what = format!("the idea is trained for {} epochs, the baseline for {}", idea.epochs, base.epochs);
        return refuse(what, UNEQUAL);
    }
    Ok(())
}

/// Refuses runs that are not one side: other recipes, other arithmetic, a seed twice, or seeds that change nothing.
pub(super) fn check_arm(which: &str, runs: &[SideRun]) -> anyhow::Result<()> {
    let Some(first) = runs.first() else {
        return refuse(format!("{which}: no finished run"), "name a folder in which finished runs lie");
    };
    let than = |run: &SideRun, what: &str| format!("{}: {what} than {}", run.folder.display(), first.folder.display());
    let mut seen: HashMap<String, &SideRun> = HashMap::new();
    for run in runs {
        if (&run.trained_by, &run.recipe) != (&first.trained_by, &first.recipe) {
            let what = if run.recipe.is_some() { "another recipe" } else { "another command" };
            return refuse(than(run, what), "compare runs of one recipe or command a side");
        }
        if let (Some(one), Some(other)) = (&first.arithmetic, &run.arithmetic)
            && one != other
        {
            let what = format!("other arithmetic ({})", one.changes(other).join("; "));
            return refuse(than(run, &what), "compare runs of one program and machine a side");
        }
        if (&run.dataset_identity, run.held_out, run.counts.total)
            != (&first.dataset_identity, first.held_out, first.counts.total)
        {
            return refuse(than(run, "other photos"), "compare runs that were evaluated on the same photos");
        }
        if run.began_with != first.began_with {
            return refuse(than(run, "other weights to begin with"), "compare runs that began alike");
        }
        if is_perfect(run) {
            continue;
        }
        let Some(predictions) = run.predictions_sha256()? else { continue };
        if let Some(other) = seen.insert(predictions, run) {
            let what = format!("the same predictions as {}", other.folder.display());
            let hint = match run.recipe {
                Some(_) => "the seed changes nothing, or it is one run twice".to_owned(),
                None => format!(
                    "the seed changes nothing: let the command use {{seed}} for all its randomness, then remove {}",
                    run.folder.parent().unwrap_or(&run.folder).display()
                ),
            };
            return refuse(format!("{}: {what}", run.folder.display()), hint);
        }
    }
    let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
    seeds.sort_unstable();
    if let Some(pair) = seeds.windows(2).find(|pair| pair[0] == pair[1]) {
        return refuse(format!("{which}: two runs with the seed {}", pair[0]), "leave one of them out");
    }
    Ok(())
}

/// Refuses sides that were not evaluated alike, cost unlike, or do not differ.
pub(super) fn check_both(base: &[SideRun], idea: &[SideRun], unequal_cost: bool) -> anyhow::Result<()> {
    let (Some(one), Some(other)) = (base.first(), idea.first()) else { return Ok(()) };
    let photos = |run: &SideRun| (run.dataset_identity.clone(), run.held_out);
    if photos(one) != photos(other) {
        let of = |run: &SideRun| match run.held_out {
            Some(held_out) => format!("{} photos held out of {}", held_out.photos, run.dataset),
            None => format!("val of {}", run.dataset),
        };
        let same_names = if of(one) == of(other) { ", another edition of that name" } else { "" };
        let what = format!("the baseline was evaluated on {}, the idea on {}{same_names}", of(one), of(other));
        return refuse(what, "compare on the same photos");
    }
    if one.began_with != other.began_with {
        let of = |run: &SideRun| match &run.began_with {
            Some(weights) => format!("with trained weights ({weights})"),
            None => "with weights drawn by chance".into(),
        };
        let what = format!("the baseline began {}, the idea {}", of(one), of(other));
        return refuse(
            what,
            "weights that were trained on ImageNet have seen these photos: compare sides that began alike",
        );
    }
    // Of a command it is only known what it was asked for.
    let differs = |one: Option<u64>, other: Option<u64>| one.zip(other).is_some_and(|(one, other)| one != other);
    let is_unequal =
        differs(one.epochs.map(u64::from), other.epochs.map(u64::from)) || differs(one.samples, other.samples);
    if is_unequal && !unequal_cost {
        let budget = |run: &SideRun| {
            let epochs = run.epochs.map_or("?".into(), |epochs| epochs.to_string());
            run.samples.map_or(format!("{epochs} epochs"), |samples| format!("{epochs} epochs and {samples} samples"))
        };
        return refuse(format!("the idea is trained for {}, the baseline for {}", budget(other), budget(one)), UNEQUAL);
    }
    check_effect(base, idea)
}

/// Refuses a change that does nothing: the same predictions at every seed that both sides have. Perfect runs say
/// nothing: there is one way to be right everywhere.
fn check_effect(base: &[SideRun], idea: &[SideRun]) -> anyhow::Result<()> {
    let mut same = None;
    for other in idea.iter().filter(|run| !is_perfect(run)) {
        let Some(run) = base.iter().find(|run| run.seed == other.seed) else { continue };
        let (Some(one), Some(two)) = (run.predictions_sha256()?, other.predictions_sha256()?) else { continue };
        if one != two {
            return Ok(());
        }
        same = same.or(Some(other.seed));
    }
    match same {
        Some(seed) => refuse(
            format!("no effect: the same bits: at seed {seed} both sides gave the same predictions"),
            "the change does nothing here; see what differs between the two runs' folders",
        ),
        None => Ok(()),
    }
}

fn is_perfect(run: &SideRun) -> bool {
    run.counts.correct == run.counts.total
}
