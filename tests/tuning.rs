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
    place.run(&refused).misused_saying(&["hold_out: expected a share above 0 and below 1", "hint: 0.1"]);
}

#[test]
fn a_sweep_asks_of_its_trials_alone_that_they_fit_the_photos() {
    let place = Place::with_made_dataset();
    // Held out of 72 photos, so many are not left for a batch of the recipe itself.
    let sweep = |sizes: &str| {
        let set = format!("batch_size={sizes}");
        let first = ["sweep", "default", "--dataset", "made", "--runs", "1", "--hold-out", "0.25", "--set", &set];
        place.run(&[&first[..], &TINY[..4], &TINY[6..]].concat())
    };
    let ended = sweep("8,12").succeeds();
    let lines: Vec<&str> =
        ended.stdout.lines().filter(|line| line.starts_with("8 ") || line.starts_with("12 ")).collect();
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
    sweep("8,512").fails_saying(&["batch_size: expected at most", "found 512"]);
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
    let json = sweep("0.04,0.08", &["--runs", "2", "--hold-out", "0.25", "--json"]).succeeds().json();
    let folder = "runs/sweep-tiny-made";
    assert_eq!(place.list(folder).len(), 4);
    assert_eq!(json[1]["settings"]["optimizer.learning_rate"], "0.08");
    assert!(json[0]["mean"].is_number() && json[0]["standard_deviation"].is_number(), "{json}");
    assert_eq!(json[0]["runs"][1]["seed"], 1);
    // The recipe's own rate is among them, so that the other is compared with it.
    assert_eq!((&json[0]["is_baseline"], &json[1]["is_baseline"]), (&false.into(), &true.into()));
    assert!(json[1]["gain"].is_null() && json[1]["settle_with"].is_null(), "{json}");
    let gain = json[0]["mean"].as_f64().unwrap() - json[1]["mean"].as_f64().unwrap();
    assert!((json[0]["gain"].as_f64().unwrap() - gain).abs() < 1e-12, "{json}");
    // One candidate is drawn to nothing, and its p needs no correction.
    assert_eq!((&json[0]["shrunken_gain"], &json[0]["p_holm"]), (&json[0]["gain"], &json[0]["p"]));
    assert_eq!(json[0]["settle_with"].is_string(), gain > 0.0, "{json}");

    // A wider sweep trains only what is new: the runs that are there keep their bytes.
    let known = format!("{folder}/{}/record.json", place.list(folder)[0]);
    let before = place.bytes(&known);
    let wider = sweep("0.04,0.08,1e30,0.02", &["--runs", "2", "--hold-out", "0.25"]).succeeds();
    assert_eq!(place.bytes(&known), before);
    let lines: Vec<&str> = wider.stdout.lines().collect();
    assert!(lines[0].starts_with("optimizer.learning_rate  n  held-out top-1"), "{}", wider.stdout);
    let row = |rate: &str| (1..5).find(|&line| lines[line].starts_with(&format!("{rate} "))).unwrap();
    assert!(lines[row("0.04")].contains('±') && lines[row("0.08")].contains("  baseline  "), "{}", wider.stdout);
    assert!(lines[row("1e30")].contains("(2 diverged)") && row("1e30") == 4, "{}", wider.stdout);
    // By rank: what each is likely to gain falls from line to line.
    let json = sweep("0.04,0.08,1e30,0.02", &["--runs", "2", "--hold-out", "0.25", "--json"]).succeeds().json();
    let likely = |rate: &str| {
        let trial = json.as_array().unwrap().iter().find(|trial| trial["settings"]["optimizer.learning_rate"] == rate);
        trial.unwrap()["shrunken_gain"].as_f64().unwrap_or(0.0)
    };
    let mut ranked = ["0.04", "0.08", "0.02"];
    ranked.sort_by_key(|rate| row(rate));
    assert!(likely(ranked[0]) >= likely(ranked[1]) && likely(ranked[1]) >= likely(ranked[2]), "{}", wider.stdout);
    // It ends with the command that settles it, on seeds that were not used, and that command is one.
    let best = ranked.iter().find(|rate| **rate != "0.08").unwrap();
    if likely(best) > 0.0 {
        let command = format!("imagenette compare tiny.toml --set optimizer.learning_rate={best} --seed 2");
        assert!(lines.last().unwrap().ends_with(&command), "{}", wider.stdout);
    } else {
        assert!(lines.last().unwrap().contains("nothing here looks better"), "{}", wider.stdout);
    }
    assert_eq!(wider.stderr.matches("training `tiny`").count(), 4, "{}", wider.stderr);

    sweep("0.02,0", &[]).misused_saying(&["optimizer.learning_rate", "above 0"]);
    place
        .run(&["sweep", "tiny.toml", "--set", "optimizer.learning_rate"])
        .misused_saying(&["KEY=VALUE,VALUE", "hint:"]);
    // The recipe's own rate is not among these; a value that clearly helps, and fewer epochs than the recipe's.
    let first =
        ["--runs", "2", "--dataset", "made", "--offline", "--threads", "1", "--epochs", "2", "--out", "first-rate"];
    let learning = sweep("1e-9,0.04", &first).succeeds();
    let lines: Vec<&str> = learning.stdout.lines().collect();
    assert!(lines[3].starts_with("gains are over optimizer.learning_rate=1e-9, the first"), "{}", learning.stdout);
    assert!(lines[4].starts_with("best: optimizer.learning_rate=0.04: +"), "{}", learning.stdout);
    let settle = "imagenette compare tiny.toml --base-set epochs=2 --set optimizer.learning_rate=0.04 --dataset made \
                  --seed 2 --threads 1 --offline";
    assert!(lines.last().unwrap().ends_with(settle), "{}", learning.stdout);
    assert!(place.read(&format!("first-rate/{}/recipe.toml", place.list("first-rate")[0])).contains("epochs = 2"));
    let settled = place.shell(&format!("{} --max-runs 2", lines.last().unwrap().split_once(":  ").unwrap().1));
    // Both sides are trained with the first seed that the sweep did not use; whether they differ is not the sweep's.
    assert!(settled.status != 2 && settled.stderr.contains("idea, seed 2: "), "{}", settled.stderr);
    assert!(!settled.stderr.contains("seed 1, into "), "{}", settled.stderr);

    let on_val = sweep("0.02", &["--runs", "1", "--hold-out", "0", "--out", "val"]).succeeds();
    assert!(on_val.stderr.contains("evaluating on val") && on_val.stdout.contains(" top-1"), "{}", on_val.stderr);
}

#[test]
fn a_range_test_suggests_a_rate_and_draws_its_curve() {
    let place = Place::with_made_dataset();
    // A recipe that grows its photos and keeps the leaderboard's rules begins with the smallest: nothing is evaluated.
    let growing = "find-lr fast-85 --dataset made --steps 40 --lowest 1e-4 --set batch_size=8 --set model.stem=8 \
                   --set model.widths=[8,8,8] --out growing.svg";
    place.run(&growing.split_whitespace().collect::<Vec<_>>()).succeeds();
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
