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
    assert_eq!(lines.len(), 4 + place.list("plots").len(), "{}", ended.stdout);
    let plots = [
        "loss-by-epochs.svg",
        "loss-by-seconds.svg",
        "top-1-by-epochs.svg",
        "top-1-by-flop.svg",
        "top-1-by-recipe.svg",
        "top-1-by-seconds.svg",
    ];
    // Over seconds, which differ by chance, there may be a frontier; over epochs both recipes cost the same.
    let lasting = |folder: &str| {
        let mut names = place.list(folder);
        names.retain(|name| name != "frontier-by-seconds.svg");
        names
    };
    assert_eq!(lasting("plots"), plots);
    for name in place.list("plots") {
        let picture = place.read(&format!("plots/{name}"));
        assert!(picture.starts_with("<svg") && picture.contains("small &amp; quick"), "{picture}");
        assert!(picture.contains("@media(prefers-color-scheme:dark)"), "{picture}");
        // Two lines with two evaluations each, and a band around the one with two seeds.
        assert!(name.starts_with("loss") || picture.contains("(n = 2)") && picture.contains("(n = 1)"), "{picture}");
        assert!(!name.starts_with("loss") || picture.contains("at the end"), "{picture}");
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

    // What cannot be drawn with the others is named and left out: held-out runs, a seed that was trained twice, ...
    train(&place, "runs/tuning", &["--hold-out", "0.25"]);
    train(&place, "runs/a-again", &["--seed", "1"]);
    // ... a run under way, another program's folder, a damaged record, a folder in a record's place.
    for folder in ["open", "other", "damaged", "odd/record.json"] {
        std::fs::create_dir_all(place.path("runs").join(folder)).unwrap();
    }
    std::fs::write(place.path("runs/open/recipe.toml"), "name = 'open'").unwrap();
    std::fs::write(place.path("runs/other/record.json"), r#"{ "vinyl": true }"#).unwrap();
    let record = place.read("runs/b/record.json");
    std::fs::write(place.path("runs/damaged/record.json"), &record[..record.len() / 2]).unwrap();
    let drawn = place.run(&["plot", "runs", "runs/b", "--out", "some", "--json"]).succeeds();
    for said in [
        "left out: runs/tuning: expected a run that was evaluated on val",
        "left out: runs/a-again: expected each seed of `tiny` once, found seed 1, as in runs/a/s1",
        "left out: runs/open: a run that has not ended",
        "left out: runs/other: ",
        "left out: runs/damaged: ",
        "left out: runs/odd: ",
    ] {
        assert_eq!(drawn.stderr.matches(said).count(), 1, "{said}: {}", drawn.stderr);
    }
    let left_out = |ended: &crate::support::Ended| ended.stderr.lines().filter(|l| l.starts_with("left out")).count();
    assert_eq!(left_out(&drawn), 6, "{}", drawn.stderr);
    let json = drawn.json();
    assert_eq!(json["left_out"].as_array().unwrap().len(), 6);
    assert_eq!(json["groups"].as_array().unwrap().len(), 2);
    assert_eq!(lasting("some"), plots);
    ["a-again", "open", "other", "damaged", "odd"]
        .iter()
        .for_each(|folder| std::fs::remove_dir_all(place.path("runs").join(folder)).unwrap());
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
fn a_picture_on_which_nothing_moves_is_not_drawn() {
    let place = Place::with_made_dataset();
    // One evaluation, so no curve; without its history there is nothing at all to draw, and the table says it all.
    train(&place, "runs/once", &["--evaluate-every", "0"]);
    let once = place.run(&["plot", "runs"]).succeeds();
    assert!(once.stderr.contains("no curve of top-1 over epochs, seconds, flop: evaluated once"), "{}", once.stderr);
    assert_eq!(place.list("plots"), ["loss-by-epochs.svg", "loss-by-seconds.svg"]);
    std::fs::remove_file(place.path("runs/once/history.jsonl")).unwrap();
    let bare = place.run(&["plot", "runs", "--out", "bare"]).succeeds();
    assert!(!place.path("bare").exists() && bare.stdout.starts_with("| recipe "), "{}", bare.stdout);
    // A recipe of other costs beside it: what is reached for what.
    train(&place, "runs/longer", &["--evaluate-every", "0", "--set", "model.depths=[2,2]"]);
    place.run(&["plot", "runs"]).succeeds();
    let picture = place.read("plots/frontier-by-flop.svg");
    assert!(picture.contains("line: the best for at most so much"), "{picture}");
    assert!(!picture.contains("gray circles"), "the old board is about Imagenette alone");
}

#[test]
fn folders_without_a_finished_run_are_refused() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("runs/open")).unwrap();
    std::fs::write(place.path("runs/open/recipe.toml"), "name = 'open'").unwrap();
    place.run(&["plot", "runs"]).fails_saying(&["runs/open: a run that has not ended", "hint: finish it"]);
    place.run(&["plot", "runs/open"]).fails_saying(&["runs/open: a run that has not ended", "hint: finish it"]);
    std::fs::create_dir(place.path("runs/other")).unwrap();
    std::fs::write(place.path("runs/other/record.json"), "{}").unwrap();
    let both = ["runs: expected a run's folder", "found none", "runs/open: a run that", "runs/other: ", "hint:"];
    place.run(&["plot", "runs"]).fails_saying(&both);
    std::fs::create_dir(place.path("empty")).unwrap();
    place.run(&["plot", "empty"]).fails_saying(&["empty: expected a run's folder", "hint: a finished run"]);
    assert!(!place.path("plots").exists());
    place.run(&["plot", "elsewhere"]).fails_saying(&["elsewhere"]);
    place.run(&["plot"]).exits_with(2);
}

#[test]
fn a_run_that_diverged_is_left_out_with_a_hint_that_helps() {
    let place = Place::with_made_dataset();
    train(&place, "runs/well", &[]);
    // Two steps an epoch; the rate grows until the loss is not finite, after the first checkpoints.
    let diverging = "train --dataset made --set name=tiny --epochs 20 --resolution 32 --batch-size 36 --out runs/diverged \
                     --set model.stem=8 --set model.widths=[8,8] --learning-rate 1e6 --set schedule.warm_up=1.0";
    place.run(&diverging.split_whitespace().collect::<Vec<_>>()).fails_saying(&["at step "]);
    assert!(place.path("runs/diverged/checkpoint.safetensors").exists(), "{:?}", place.list("runs/diverged"));
    let ended = place.run(&["plot", "runs"]).succeeds();
    assert!(ended.stderr.contains("runs/diverged: a run that diverged"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("--resume"), "{}", ended.stderr);
    place.run(&["plot", "runs/diverged"]).fails_saying(&["a run that diverged", "hint: start it anew"]);
}

#[test]
fn gains_over_a_baseline_have_intervals_and_a_verdict_keeps_its_own() {
    let place = Place::with_made_dataset();
    train(&place, "runs/base", &["--runs", "3"]);
    train(&place, "runs/idea", &["--runs", "2", "--set", "optimizer.momentum=0.5"]);
    train(&place, "runs/single", &["--set", "optimizer.momentum=0.1"]);
    let ended = place.run(&["plot", "runs", "--baseline", "runs/base"]).succeeds();
    assert!(ended.stdout.contains("\ngain over tiny (optimizer.momentum = 0.85), in points:"), "{}", ended.stdout);
    assert!(ended.stdout.contains(", 3 + 2 runs; at 95%") && ended.stdout.contains("3 + 1 runs; a side has one run"));
    assert!(place.list("plots").contains(&"gain-by-recipe.svg".to_owned()));
    assert!(!place.path("plots/top-1-by-recipe.svg").exists(), "it takes the place of dots");
    let picture = place.read("plots/gain-by-recipe.svg");
    assert!(picture.contains("in points") && picture.contains("diamond: interval at 95%"), "{picture}");

    // The numbers are those of the steadied test.
    let json = place.run(&["plot", "runs", "--baseline", "runs/base", "--json", "--out", "again"]).succeeds().json();
    let gains = json["gains"].as_array().unwrap();
    let of = |what: &str| gains.iter().find(|gain| gain["name"].as_str().unwrap().contains(what)).unwrap();
    let group = |what: &str| {
        let groups = json["groups"].as_array().unwrap();
        let group = groups.iter().find(|group| group["name"].as_str().unwrap().contains(what)).unwrap();
        let runs = group["runs"].as_array().unwrap().iter();
        runs.map(|run| run["result"]["correct"].as_f64().unwrap() / 24.0).collect::<Vec<f64>>()
    };
    let sample = |what| imagenette_results::statistics::Sample::of(&group(what)).unwrap();
    let prior = imagenette_results::statistics::VariancePrior::STEADIED;
    let test = imagenette_results::statistics::steadied_welch(&sample("= 0.85"), &sample("= 0.5"), 24, &prior).unwrap();
    let expected = test.test.interval(0.95);
    assert!((of("= 0.5")["interval"][0].as_f64().unwrap() - expected.low).abs() < 1e-12, "{gains:?}");
    assert!((of("= 0.5")["interval"][1].as_f64().unwrap() - expected.high).abs() < 1e-12, "{gains:?}");
    assert!(of("= 0.1")["interval"].is_null() && of("= 0.1")["gain"].is_number(), "{gains:?}");

    // A group by its whole name, a name that several have, one that none has, and a baseline alone.
    place.run(&["plot", "runs", "--baseline", "tiny (optimizer.momentum = 0.1)", "--out", "again"]).succeeds();
    place.run(&["plot", "runs", "--baseline", "tiny"]).fails_saying(&["found those of 3: `tiny (", "hint: name one"]);
    place.run(&["plot", "runs", "--baseline", "tinny"]).fails_saying(&["found `tinny`", "hint: there are `tiny ("]);
    place.run(&["plot", "runs/base", "--baseline", "tiny"]).fails_saying(&["beside those of `tiny`", "hint:"]);

    // A comparison's folder: its baseline lies in the store, and its interval is the verdict's own.
    let tiny = ["resolution=32", "evaluation.resolution=32", "batch_size=8", "epochs=1", "model.stem=8"];
    let mut compare =
        vec!["compare", "default", "--dataset", "made", "--set", "optimizer.momentum=0.5", "--out", "verdict"];
    tiny.iter().for_each(|set| compare.extend(["--base-set", *set]));
    compare.extend(["--base-set", "model.widths=[8,8]", "--max-runs", "3"]);
    assert!([0, 10, 11, 12].contains(&place.run(&compare).status));
    let written: serde_json::Value = serde_json::from_str(&place.read("verdict/comparison.json")).unwrap();
    let look = written["looks"].as_array().unwrap().last().unwrap();
    for baseline in ["verdict", "default"] {
        let plotted = place.run(&["plot", "verdict", "--baseline", baseline, "--json", "--out", "third"]).succeeds();
        let gain = &plotted.json()["gains"][0];
        assert_eq!((&gain["gain"], &gain["interval"]), (&look["gain"], &look["interval"]), "{}", plotted.stderr);
        assert_eq!((&gain["verdict"], &gain["runs"]), (&written["verdict"], &look["idea_runs"]));
        assert!(place.read("third/gain-by-recipe.svg").contains("square: interval at the verdict"));
    }
    // Runs that share a shipped recipe's name: the one with the fewest changes is meant.
    train(&place, "named/base", &["--set", "name=default"]);
    train(&place, "named/idea", &["--set", "name=default", "--set", "optimizer.momentum=0.5"]);
    let named = place.run(&["plot", "named", "--baseline", "default", "--out", "third"]).succeeds();
    assert!(named.stdout.contains("gain over default (optimizer.momentum = 0.85), in points:"), "{}", named.stdout);
    std::fs::write(place.path("verdict/comparison.json"), "{").unwrap();
    let damaged = place.run(&["plot", "verdict", "runs/base", "--baseline", "tiny", "--out", "fourth"]).succeeds();
    assert!(damaged.stderr.contains("left out: verdict: verdict/comparison.json: expected"), "{}", damaged.stderr);
}

#[cfg(unix)]
#[test]
fn a_folder_whose_name_is_no_text_breaks_nothing() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::with_made_dataset();
    train(&place, "runs/b", &[]);
    let odd = place.path("runs").join(std::ffi::OsStr::from_bytes(b"\xff\x1b[31m"));
    std::fs::rename(place.path("runs/b"), &odd).unwrap();
    // Alone, and as a copy that is left out by name.
    for left_out in [0, 1] {
        for verb in [&["plot", "runs", "--json"][..], &["runs", "runs", "--json"]] {
            let ended = place.run(verb).succeeds();
            assert_eq!(ended.json()["left_out"].as_array().unwrap().len(), left_out, "{}", ended.stderr);
            assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
        }
        if left_out == 0 {
            train(&place, "runs/b", &[]);
        }
    }
}
