//! Kept runs of version 1, which name few hashes, forged in one place each: what still follows from recipe and
//! predictions is refused.

use std::path::{Path, PathBuf};

use imagenette_files::Hint;
use imagenette_files::hash::sha256;
use imagenette_results::Run;
use imagenette_results::check::{RunCheck, Twins, Verdict};
use imagenette_results::run_group::comparable_groups;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A copy of a kept run, edited; `None` where this is not a checkout.
fn copy(place: &Path, name: &str, edit: impl Fn(&mut Value)) -> Option<PathBuf> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../records/fast-85/fast-85-s1");
    if !kept.is_dir() {
        println!("skipped: no kept runs are here");
        return None;
    }
    let run = place.join(name);
    std::fs::create_dir_all(&run).unwrap();
    for file in ["recipe.toml", "predictions.csv"] {
        std::fs::copy(kept.join(file), run.join(file)).unwrap();
    }
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(kept.join("record.json")).unwrap()).unwrap();
    edit(&mut record);
    std::fs::write(run.join("record.json"), record.to_string()).unwrap();
    Some(run)
}

#[test]
fn each_number_that_follows_from_others_is_refused_where_it_does_not() {
    let place = TempDir::new().unwrap();
    type Edit<'e> = &'e dyn Fn(&mut Value);
    let forgeries: [(&str, Edit, &str); 10] = [
        ("epochs", &|r| r["epochs"] = json!(3), "evaluations after the epochs 1 to 3"),
        ("steps", &|r| r["steps"] = json!(147), "588 steps of 37632 samples, as the recipe plans over 9469 photos"),
        ("samples", &|r| r["samples_drawn"] = json!(1), "as the recipe plans"),
        ("photos", &|r| r["dataset"]["train"] = json!(1000), "as the recipe plans over 1000 photos"),
        ("val", &|r| r["dataset"]["val"] = json!(3390), "counts of 3390 photos"),
        ("fast", &|r| r["seconds"]["training"] = json!(0.5), "floating-point operations a second"),
        ("slow", &|r| r["seconds"]["training"] = json!(1e7), "seconds in all"),
        ("flop", &|r| r["training_flop"] = json!(1e12), "floating-point operations of fast-32-48-128-256-384"),
        ("network", &|r| r["model"]["name"] = json!("fast-8"), "the network fast-32-48-128-256-384"),
        ("name", &|r| r["recipe"] = json!("fast-90"), "the recipe `fast-85`"),
    ];
    for (name, edit, said) in forgeries {
        let Some(run) = copy(place.path(), name, edit) else { return };
        let error = Run::read(&run).expect_err(name);
        assert!(error.to_string().contains(said) && error.hint().is_some(), "{name}: {error}");
    }
    // An endless list of evaluations is refused by its length, before anything is drawn of it.
    let many = |record: &mut Value| {
        let last = record["by_epoch"][0].clone();
        record["by_epoch"] = json!(vec![last; 100_000]);
    };
    let Some(run) = copy(place.path(), "many", many) else { return };
    assert!(Run::read(&run).unwrap_err().to_string().contains("100000 evaluations in `by_epoch`"));
    let Some(run) = copy(place.path(), "none", |record| record["epochs"] = json!(0)) else { return };
    assert!(Run::read(&run).is_err());
}

#[test]
fn a_whole_one_says_what_cannot_be_known_of_it() {
    let place = TempDir::new().unwrap();
    let Some(run) = copy(place.path(), "run", |_| ()) else { return };
    let check = RunCheck::of(&run).unwrap();
    let verdict = |about: &str| {
        let finding = check.findings.iter().find(|finding| finding.about == about);
        &finding.unwrap_or_else(|| panic!("{about} in {:?}", check.findings)).verdict
    };
    for about in ["counts", "recipe", "seed", "steps", "network", "operations", "predictions"] {
        assert!(matches!(verdict(about), Verdict::Holds(_)), "{about}: {:?}", verdict(about));
    }
    for about in ["attempts", "history", "seconds", "probabilities"] {
        assert!(matches!(verdict(about), Verdict::Unknown(_)), "{about}: {:?}", verdict(about));
    }
}

#[test]
fn the_same_predictions_under_other_seeds_count_once() {
    let place = TempDir::new().unwrap();
    let mut runs = Vec::new();
    for seed in 1..=5 {
        let Some(run) = copy(place.path(), &format!("s{seed}"), |record| record["seed"] = json!(seed)) else { return };
        let recipe = std::fs::read_to_string(run.join("recipe.toml")).unwrap();
        let recipe: String = recipe
            .lines()
            .map(|line| if line.starts_with("seed") { format!("seed = {seed}\n") } else { format!("{line}\n") })
            .collect();
        std::fs::write(run.join("recipe.toml"), &recipe).unwrap();
        let text = std::fs::read_to_string(run.join("record.json")).unwrap();
        let mut record: Value = serde_json::from_str(&text).unwrap();
        record["recipe_sha256"] = json!(sha256(&recipe));
        std::fs::write(run.join("record.json"), record.to_string()).unwrap();
        runs.push(Run::read(&run).unwrap());
    }
    let twins = Twins::of(&runs[0], &runs[3]).expect("they are the same");
    assert_eq!((twins.what, twins.seed), ("predictions", 1));
    let (groups, left_out) = comparable_groups(runs);
    assert_eq!((groups[0].runs.len(), left_out.len()), (1, 4));
    assert!(left_out[0].reason.contains("other predictions than seed 1"), "{}", left_out[0].reason);
}
