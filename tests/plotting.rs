//! `plot` as a user meets it: train, plot, read the table; and what it refuses.

use crate::support::{Place, VAL_EACH, WNIDS};

fn train(place: &Place, out: &str, more: &[&str]) {
    let first = ["train", "--dataset", "made", "--set", "name=tiny", "--epochs", "2", "--resolution", "32"];
    let rest = ["--batch-size", "8", "--set", "model.stem=8", "--set", "model.widths=[8,8]", "--out", out];
    place.run(&[&first[..], &rest, more].concat()).succeeds();
}

#[test]
fn runs_become_plots_and_a_table_and_held_out_results_stay_apart() {
    let place = Place::with_made_dataset();
    train(&place, "runs/a", &["--runs", "2"]);
    train(&place, "runs/b", &["--set", "loss.label_smoothing=0.3"]);
    let ended = place.run(&["plot", "runs", "--title", "small & quick"]).succeeds();
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("| recipe ") && lines[1].starts_with("| ---"), "{}", ended.stdout);
    assert!(lines[2].contains("tiny (loss.label_smoothing = ") && lines[2].contains("|   2 |"), "{}", ended.stdout);
    assert_eq!(lines.len(), 8, "{}", ended.stdout);
    let plots = ["top-1-by-epochs.svg", "top-1-by-flop.svg", "top-1-by-recipe.svg", "top-1-by-seconds.svg"];
    assert_eq!(place.list("plots"), plots);
    for name in place.list("plots") {
        let picture = place.read(&format!("plots/{name}"));
        assert!(picture.starts_with("<svg") && picture.contains("small &amp; quick"), "{picture}");
        // Two lines with two evaluations each, and a band around the one with two seeds.
        assert!(picture.contains("(n = 2)") && picture.contains("(n = 1)"), "{picture}");
    }
    let side_by_side = "ends at the same place stand side by side";
    assert!(place.read("plots/top-1-by-epochs.svg").contains(side_by_side));

    let json = place.run(&["plot", "runs/a/s1", "runs/a/s0", "--json", "--out", "json"]).succeeds().json();
    // One recipe has nothing to be compared with.
    assert!(!place.path("json/top-1-by-recipe.svg").exists());
    assert!(!place.read("json/top-1-by-epochs.svg").contains(side_by_side));
    let group = &json["groups"][0];
    assert_eq!((&group["accuracy"]["n"], &group["runs"][0]["seed"]), (&2.into(), &0.into()));
    let correct: f64 = (0..2).map(|run| group["runs"][run]["result"]["correct"].as_f64().unwrap()).sum();
    let mean = group["accuracy"]["mean"].as_f64().unwrap();
    assert!((mean - correct / (2 * VAL_EACH * WNIDS.len()) as f64).abs() < 1e-12, "{group}");
    let seconds = |point: usize| group["points"][point]["seconds"].as_f64().unwrap();
    assert!(seconds(0) > 0.0 && seconds(0) < seconds(1), "{group}");

    train(&place, "runs/tuning", &["--hold-out", "0.25"]);
    let refused = place.run(&["plot", "runs", "--out", "refused"]);
    refused.fails_saying(&["tuning/record.json: expected a run that was evaluated on val", "hint: held-out"]);
    assert!(!place.path("refused").exists());
    let tuning = place.run(&["plot", "runs/tuning"]).succeeds();
    assert!(tuning.stdout.contains("held-out top-1 %"), "{}", tuning.stdout);
    assert!(place.read("plots/top-1-by-epochs.svg").contains("held-out top-1"));

    // An index keeps them in rows of their own instead, and leaves out by name what it cannot read.
    std::fs::create_dir(place.path("runs/open")).unwrap();
    std::fs::write(place.path("runs/open/recipe.toml"), "name = 'open'").unwrap();
    let index = place.run(&["runs", "--json"]).succeeds();
    assert!(index.stderr.contains("left out: runs/open: a run that has not ended"), "{}", index.stderr);
    let rows = index.json()["rows"].as_array().unwrap().clone();
    let places: Vec<&str> = rows.iter().map(|row| row["place"].as_str().unwrap()).collect();
    assert_eq!(places, ["a", "b", "tuning"]);
    assert_eq!((&rows[0]["seeds"], &rows[0]["is_counted"]), (&serde_json::json!([0, 1]), &true.into()));
    assert_eq!((&rows[2]["held_out"], &rows[2]["is_counted"]), (&serde_json::json!(0.25), &true.into()));
    let markdown = place.run(&["runs", "runs", "--markdown"]).succeeds().stdout;
    assert!(markdown.contains("| [a](a) ") && markdown.contains("2: 0, 1"), "{markdown}");
    assert_eq!(place.run(&["runs", "runs/a"]).succeeds().stdout.lines().count(), 2);
    place.run(&["runs", "elsewhere"]).fails_saying(&["elsewhere: expected finished runs, found none", "hint:"]);
}

#[test]
fn folders_without_a_finished_run_are_refused() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("runs/open")).unwrap();
    std::fs::write(place.path("runs/open/recipe.toml"), "name = 'open'").unwrap();
    let none = place.run(&["plot", "runs"]);
    assert!(none.stderr.contains("left out: unfinished runs"), "{}", none.stderr);
    none.fails_saying(&["runs: expected a run's folder", "found none", "hint:"]);
    place.run(&["plot", "runs/open"]).fails_saying(&["found a run that has not ended", "hint: finish it"]);
    place.run(&["plot", "elsewhere"]).fails_saying(&["elsewhere"]);
    place.run(&["plot"]).exits_with(2);
}
