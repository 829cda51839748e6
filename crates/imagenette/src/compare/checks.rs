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
    // With one budget of seconds or dollars both cost the same, however far each comes in it.
    let limit = |run: &SideRun| run.recipe.as_ref().and_then(|recipe| recipe.get("budget").cloned());
    let is_one_budget = limit(one).is_some() && limit(one) == limit(other);
    if is_unequal && !is_one_budget && !unequal_cost {
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

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;
    use imagenette_results::environment::Arithmetic;
    use imagenette_results::run_record::{Counts, HeldOut};

    use super::*;

    /// A run without files.
    fn run(seed: u64) -> SideRun {
        SideRun {
            folder: format!("runs/s{seed}").into(),
            seed,
            counts: Counts { correct: 20 + seed, total: 40 },
            dataset: "made".into(),
            dataset_identity: "11".into(),
            held_out: None,
            trained_by: "22".into(),
            name: "default".into(),
            recipe: None,
            epochs: Some(5),
            samples: Some(1000),
            seconds: 1.0,
            flop: None,
            arithmetic: Some(Arithmetic {
                engine: "ee".into(),
                device: "flex".into(),
                ops: "kernels".into(),
                level: Some("avx2".into()),
                precision: "f32".into(),
            }),
            parts: Vec::new(),
            began_with: None,
        }
    }

    fn says(result: anyhow::Result<()>) -> String {
        let error = result.unwrap_err();
        format!("{error}; {}", error.downcast_ref::<Refusal>().and_then(Hint::hint).unwrap())
    }

    #[test]
    fn runs_of_one_side_are_alike() {
        assert!(check_arm("the idea", &[run(1), run(2)]).is_ok());
        assert!(says(check_arm("the idea", &[])).contains("the idea: no finished run"));
        assert!(says(check_arm("the idea", &[run(1), run(1)])).contains("two runs with the seed 1"));
        let arithmetic = run(2).arithmetic.map(|known| Arithmetic { engine: "ff".into(), ..known });
        let precision = run(2).arithmetic.map(|known| Arithmetic { precision: "bf16".into(), ..known });
        let held_out = Some(HeldOut { share: 0.1, photos: 40, folds: None });
        for (other, expected) in [
            (SideRun { trained_by: "33".into(), ..run(2) }, "another command than"),
            (SideRun { arithmetic, ..run(2) }, "engine: ee → ff"),
            (SideRun { arithmetic: precision, ..run(2) }, "precision: f32 → bf16"),
            (SideRun { dataset_identity: "12".into(), ..run(2) }, "other photos than"),
            (SideRun { held_out, ..run(2) }, "other photos than"),
            (SideRun { began_with: Some("imagenet".into()), ..run(2) }, "other weights to begin with"),
        ] {
            let found = says(check_arm("the idea", &[run(1), other]));
            assert!(found.contains("runs/s2: ") && found.contains(expected), "{found}");
        }
    }

    #[test]
    fn both_sides_are_judged_alike() {
        let check = |other: SideRun, unequal_cost| check_both(&[run(1)], &[other], unequal_cost);
        assert!(check(run(1), false).is_ok());
        let edition = SideRun { dataset_identity: "12".into(), ..run(1) };
        assert!(says(check(edition, true)).contains("another edition of that name"));
        let held = SideRun { held_out: Some(HeldOut { share: 0.1, photos: 40, folds: None }), ..run(1) };
        assert!(says(check(held, true)).contains("40 photos held out of made"));
        let pretrained = SideRun { began_with: Some("imagenet".into()), ..run(1) };
        let found = says(check(pretrained, true));
        assert!(
            found.contains("with trained weights (imagenet)") && found.contains("have seen these photos"),
            "{found}"
        );
        let longer = SideRun { epochs: Some(6), samples: Some(1200), ..run(1) };
        assert!(says(check(longer.clone(), false)).contains("for 6 epochs and 1200 samples"));
        assert!(check(longer, true).is_ok());
        // What is not known of a command is no difference.
        assert!(check(SideRun { epochs: None, samples: None, ..run(1) }, false).is_ok());
    }
}
