//! Tuning without looking at val: runs that hold photos out, and sweeps.

use crate::support::{Place, TRAIN_EACH, VAL_EACH, WNIDS};

/// Settings of a run of a second or two.
const TINY: [&str; 10] = [
    "--set",
    "resolution=32",
    "--set",
    "evaluation.resolution=32",
    "--set",
    "batch_size=8",
    "--set",
    "model={ kind = 'fast', stem = 8, widths = [8, 8] }",
    "--set",
    "epochs=1",
];

fn with_tiny<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    first.iter().chain(&TINY).chain(more).copied().collect()
}

#[test]
fn a_run_that_holds_photos_out_is_never_taken_for_one_that_was_evaluated_on_val() {
    let place = Place::with_made_dataset();
    let train = with_tiny(&["train", "--dataset", "made"], &["--hold-out", "0.25", "--out", "run"]);
    let ended = place.run(&train).succeeds();
    let held = TRAIN_EACH / 4 * WNIDS.len();
    assert!(ended.stdout.starts_with("held-out top-1 "), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("of {held};")), "{}", ended.stdout);
    let record: serde_json::Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
    assert_eq!(record["held_out"], serde_json::json!({ "share": 0.25, "photos": held }));
    assert_eq!(record["result"]["total"], held);
    assert!(place.read("run/recipe.toml").contains("hold_out = 0.25"));
    let predictions = place.read("run/predictions.csv");
    assert!(predictions.lines().skip(1).all(|line| line.starts_with("train/")), "{predictions}");
    assert_eq!(predictions.lines().count(), held + 1);

    let score = place.run(&["score", "run", "--json"]).succeeds().json();
    assert_eq!((&score["correct"], &score["total"]), (&record["result"]["correct"], &held.into()));
    assert_eq!(score["held_out"]["photos"], held);
    assert!(place.run(&["score", "run"]).succeeds().stdout.contains("no val accuracy"));
    // The network itself may be evaluated on val when somebody asks for it.
    let eval = place.run(&["eval", "run", "--json"]).succeeds().json();
    assert_eq!(eval["total"], VAL_EACH * WNIDS.len());

    let refused = with_tiny(&["train", "--dataset", "made"], &["--hold-out", "1.5"]);
    place.run(&refused).fails_saying(&["hold_out: expected a share above 0 and below 1", "hint: 0.1"]);
}

#[test]
fn a_sweep_tables_its_trials_and_goes_on_where_it_stopped() {
    let place = Place::with_made_dataset();
    let recipe = with_tiny(&["train", "--dataset", "made"], &["--set", "name=tiny", "--out", "first"]);
    place.run(&recipe).succeeds();
    // As recipes are written: what precision this comes to is the machine's to say.
    let resolved = place.read("first/recipe.toml");
    let written: Vec<&str> = resolved.lines().filter(|line| !line.starts_with("precision = ")).collect();
    assert_eq!(written.len() + 1, resolved.lines().count());
    std::fs::write(place.path("tiny.toml"), written.join("\n")).unwrap();
    let sweep = |values: &str, more: &[&str]| {
        let set = format!("optimizer.learning_rate={values}");
        place.run(&[&["sweep", "tiny.toml", "--set", &set][..], more].concat())
    };
    let json = sweep("0.02,0.04", &["--runs", "2", "--hold-out", "0.25", "--json"]).succeeds().json();
    let folder = "runs/sweep-tiny-made";
    assert_eq!(place.list(folder).len(), 4);
    assert_eq!(json[1]["settings"]["optimizer.learning_rate"], "0.04");
    assert!(json[0]["mean"].is_number() && json[0]["standard_deviation"].is_number(), "{json}");
    assert_eq!(json[0]["runs"][1]["seed"], 1);

    // A wider sweep trains only what is new: the runs that are there keep their bytes.
    let known = format!("{folder}/{}/record.json", place.list(folder)[0]);
    let before = place.bytes(&known);
    let wider = sweep("0.02,0.04,1e30", &["--runs", "2", "--hold-out", "0.25"]).succeeds();
    assert_eq!(place.bytes(&known), before);
    let lines: Vec<&str> = wider.stdout.lines().collect();
    assert!(lines[0].starts_with("optimizer.learning_rate  n  held-out top-1"), "{}", wider.stdout);
    assert_eq!(lines.len(), 4);
    assert!(lines[1].starts_with("0.02 ") && lines[1].contains('±'), "{}", wider.stdout);
    assert!(lines[3].contains("(2 diverged)"), "{}", wider.stdout);
    assert_eq!(wider.stderr.matches("training `tiny`").count(), 2, "{}", wider.stderr);

    sweep("0.02,0", &[]).fails_saying(&["optimizer.learning_rate", "above 0"]);
    place.run(&["sweep", "tiny.toml", "--set", "optimizer.learning_rate"]).fails_saying(&["KEY=VALUE,VALUE", "hint:"]);
    let on_val = sweep("0.02", &["--runs", "1", "--hold-out", "0", "--out", "val"]).succeeds();
    assert!(on_val.stderr.contains("evaluating on val") && on_val.stdout.contains(" top-1"), "{}", on_val.stderr);
}

#[test]
fn a_range_test_suggests_a_rate_and_draws_its_curve() {
    let place = Place::with_made_dataset();
    let find = with_tiny(&["find-lr", "default", "--dataset", "made"], &["--lowest", "1e-4", "--steps", "40"]);
    let ended = place.run(&find).succeeds();
    assert!(ended.stdout.contains("suggestion: --set optimizer.learning_rate="), "{}", ended.stdout);
    assert!(place.read("learning-rates.svg").starts_with("<svg"));
    let json = place.run(&[&find[..], &["--json", "--out", "again.svg"]].concat()).succeeds().json();
    assert!(json["points"].as_array().unwrap().len() >= 17, "{json}");
    let rate = |place: usize| json["points"][place]["rate"].as_f64().unwrap();
    assert!(rate(0) < rate(1));
    let suggestions = json["suggestions"].as_array().unwrap();
    assert_eq!(suggestions.len(), 1, "{json}");
    assert_eq!(suggestions[0]["key"], "optimizer.learning_rate");
    assert!(suggestions[0]["rate"].as_f64().unwrap() > 1e-5, "{json}");
    place
        .run(&[&find[..], &["--highest", "1e-5"]].concat())
        .fails_saying(&["find-lr.highest: expected a finite rate above the lowest", "hint:"]);
    assert!(!place.path("runs").exists());
}
