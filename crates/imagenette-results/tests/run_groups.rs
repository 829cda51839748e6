//! Folders of runs become groups: hand-computed statistics, names that tell recipes apart, and folders that are
//! refused.

use std::path::{Path, PathBuf};

use imagenette_files::{Hint, hash::sha256};
use imagenette_recipe::Recipe;
use imagenette_results::ResultsError;
use imagenette_results::run_group::{Run, RunGroup, comparable_groups, groups};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Writes a run's folder: 8 val photos, this many of them right after each epoch; `change` edits the record.
fn write(folder: &Path, seed: u64, recipe: &str, right: &[u64], change: impl Fn(&mut Value)) -> PathBuf {
    let recipe = format!("name = \"r\"\nseed = {seed}\n{recipe}\n");
    let sha256 = sha256(&recipe);
    let counts = |correct: u64| json!({ "correct": correct, "total": 8 });
    let by_epoch: Vec<Value> =
        right.iter().zip(1..).map(|(&right, epoch)| json!({ "epoch": epoch, "counts": counts(right) })).collect();
    let mut record = json!({
        "format": "imagenette-run", "version": 1, "started": "2026-11-24T00:00:00Z", "recipe": "r",
        "recipe_sha256": sha256, "seed": seed,
        "dataset": { "name": "d", "edition": "own", "size": "full", "identity": "11", "source": "d.tar",
            "source_sha256": null, "train": 24, "val": 8 },
        "model": { "name": "fast", "parameters": 7 },
        "environment": { "program": "0.1.0", "commit": null, "platform": "linux", "processor": "p",
            "instruction_sets": [], "cores": 2, "memory_bytes": 0, "device": "flex", "threads": 2 },
        "epochs": right.len(), "steps": 9, "samples_drawn": 72, "training_flop": 4e12,
        "seconds": { "training": 10.0 * (seed + 1) as f64, "evaluation": 1.0, "total": 99.0 },
        "dollars": null, "resumed": 0, "result": counts(*right.last().unwrap()), "by_epoch": by_epoch,
    });
    change(&mut record);
    let run = folder.join(format!("{}-s{seed}", &sha256[..6]));
    std::fs::create_dir_all(&run).unwrap();
    std::fs::write(run.join("recipe.toml"), recipe).unwrap();
    std::fs::write(run.join("record.json"), record.to_string()).unwrap();
    run
}

fn read(runs: &[PathBuf]) -> Result<Vec<RunGroup>, ResultsError> {
    groups(runs.iter().map(|run| Run::read(run)).collect::<Result<_, _>>()?)
}

#[track_caller]
fn refused(runs: &[PathBuf], parts: &[&str]) {
    let error = read(runs).expect_err("this must be refused");
    let text = format!("{error}\n{}", error.hint().unwrap_or_default());
    parts.iter().for_each(|part| assert!(text.contains(part), "{text}"));
    assert!(error.hint().is_some(), "{text}");
}

const FIXED: &str = "resolution = 64\nrate = 0.1";

#[test]
fn seeds_of_a_recipe_are_one_group_with_the_mean_and_deviation_computed_by_hand() {
    let place = TempDir::new().unwrap();
    let mut runs: Vec<Run> = [(0, [2, 4]), (1, [4, 6]), (2, [3, 5])]
        .map(|(seed, right)| Run::read(&write(place.path(), seed, FIXED, &right, |_| ())).unwrap())
        .into();
    runs.iter_mut().for_each(|run| run.training_seconds.extend([(1, 4.0 * (run.record.seed + 1) as f64)]));
    let groups = groups(runs).unwrap();
    assert_eq!((groups.len(), groups[0].name.as_str(), groups[0].runs.len()), (1, "r", 3));
    assert_eq!((groups[0].resolution().as_str(), groups[0].epochs()), ("64", 2));
    let points = groups[0].points();
    // 4/8, 6/8 and 5/8: mean 5/8, deviations ∓1/8, 0, so a variance of (1/64 + 1/64) / 2.
    let end = points[1].accuracy;
    assert_eq!((points[1].epoch, end.n, end.mean, end.standard_deviation), (2, 3, 0.625, Some(0.125)));
    assert_eq!(points[0].accuracy.mean, 0.375);
    // (10 + 20 + 30) / 3 s at the end, (4 + 8 + 12) / 3 s after the first epoch, and half of the operations.
    assert_eq!((points[1].seconds, points[0].seconds), (Some(20.0), Some(8.0)));
    assert_eq!((points[1].flop, points[0].flop), (Some(4e12), Some(2e12)));
}

#[test]
fn what_is_unknown_before_the_end_is_not_guessed() {
    let place = TempDir::new().unwrap();
    let staged = "resolution = [{ from = 0.0, px = 64 }, { from = 0.5, px = 96 }]";
    let groups = read(&[write(place.path(), 0, staged, &[2, 4], |_| ())]).unwrap();
    assert_eq!(groups[0].resolution(), "64, 96");
    let points = groups[0].points();
    assert_eq!((points[0].seconds, points[0].flop), (None, None));
    assert_eq!((points[1].seconds, points[1].flop), (Some(10.0), Some(4e12)));
    assert_eq!(points[1].accuracy.standard_deviation, None);
}

#[test]
fn recipes_of_the_same_name_are_told_apart_by_the_keys_in_which_they_differ() {
    let place = TempDir::new().unwrap();
    let other = format!("{FIXED}\n[mix]\nmixup = 0.2");
    let runs = [FIXED, &other].map(|recipe| write(place.path(), 0, recipe, &[4], |_| ()));
    let groups = read(&runs).unwrap();
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["r (no mix.mixup)", "r (mix.mixup = 0.2)"]);
}

#[test]
fn two_spellings_of_a_key_and_defaults_that_are_written_down_are_one_recipe() {
    let place = TempDir::new().unwrap();
    let body = |text: &str| {
        let is_set = |line: &&str| !["name", "seed", "#"].iter().any(|start| line.starts_with(start));
        text.lines().filter(is_set).collect::<Vec<_>>().join("\n")
    };
    let today = body(Recipe::shipped_text("fast-85").unwrap());
    let before = today.replace("normalization_", "normalisation_");
    assert_ne!(today, before, "this recipe has a key that was renamed");
    let written_down = today.replace("batch_size = 64", "batch_size = 64\nprecision = \"auto\"");
    let other = today.replace("batch_size = 64", "batch_size = 64\nprecision = \"f32\"");
    let texts = [(0, &today), (1, &before), (2, &written_down), (3, &other)];
    // What the recipe plans over 100 photos.
    let planned = |record: &mut Value| {
        record["dataset"]["train"] = json!(100);
        (record["steps"], record["samples_drawn"]) = (json!(4), json!(256));
        record["model"] = json!({ "name": "fast-32-48-128-256-384", "parameters": 7 });
    };
    let runs = texts.map(|(seed, text)| write(place.path(), seed, text, &[1, 2, 3, 4], planned));
    let groups = read(&runs).unwrap();
    let seeds = |group: &RunGroup| group.runs.iter().map(|run| run.record.seed).collect::<Vec<_>>();
    assert_eq!(groups.iter().map(seeds).collect::<Vec<_>>(), [vec![0, 1, 2], vec![3]]);
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["r (precision = auto)", "r (precision = f32)"]);
}

#[test]
fn runs_that_do_not_compare_are_refused() {
    let place = TempDir::new().unwrap();
    let first = write(place.path(), 0, FIXED, &[4], |_| ());
    let run = |seed, change: &dyn Fn(&mut Value)| write(place.path(), seed, FIXED, &[5], change);
    let elsewhere = run(1, &|record| record["dataset"]["identity"] = "22".into());
    refused(&[first.clone(), elsewhere], &["expected a run on d (identity 11)", "found d (identity 22)", "separately"]);
    let tuning = run(2, &|record| record["held_out"] = json!({ "share": 0.25, "photos": 8 }));
    refused(&[first.clone(), tuning.clone()], &["evaluated on val", "held-out share of 0.25", "no val accuracy"]);
    assert!(read(&[tuning]).unwrap()[0].is_held_out());
    let again = TempDir::new().unwrap();
    let copy = write(again.path(), 0, FIXED, &[4], |_| ());
    refused(&[first, copy], &["each seed of `r` once", "seed 0", "leave one out"]);
}

#[test]
fn what_cannot_be_shown_together_is_left_out_by_name() {
    let place = TempDir::new().unwrap();
    let first = write(place.path(), 0, FIXED, &[4], |_| ());
    let run = |seed, change: &dyn Fn(&mut Value)| write(place.path(), seed, FIXED, &[5], change);
    let second = run(1, &|_| ());
    let elsewhere = run(2, &|record| record["dataset"]["identity"] = "22".into());
    let tuning = run(3, &|record| record["held_out"] = json!({ "share": 0.25, "photos": 8 }));
    let more_tuning = run(4, &|record| record["held_out"] = json!({ "share": 0.25, "photos": 8 }));
    let again = TempDir::new().unwrap();
    let copy = write(again.path(), 0, FIXED, &[4], |_| ());
    let read = |folders: &[&PathBuf]| comparable_groups(folders.iter().map(|run| Run::read(run).unwrap()).collect());
    // Those on val stay, although held-out ones come first and are as many.
    let (groups, left_out) = read(&[&tuning, &elsewhere, &more_tuning, &first, &second, &copy]);
    assert_eq!((groups.len(), groups[0].runs.len()), (1, 2));
    let named: Vec<&PathBuf> = left_out.iter().map(|left_out| &left_out.folder).collect();
    assert_eq!(named, [&tuning, &elsewhere, &more_tuning, &copy]);
    let said: Vec<String> = left_out.iter().map(ToString::to_string).collect();
    assert!(
        said[0].contains("found a held-out share of 0.25") && said[1].contains("found d (identity 22)"),
        "{said:?}"
    );
    let known = format!("found seed 0, as in {}", first.display());
    assert!(said[3].contains("each seed of `r` once") && said[3].contains(&known), "{said:?}");
    assert!(left_out.iter().all(|left_out| left_out.hint.is_some()));
    // Held-out runs alone are drawn, and of two datasets the one with more runs.
    let (groups, left_out) = read(&[&tuning, &more_tuning]);
    assert!(groups[0].is_held_out() && left_out.is_empty());
    assert_eq!(read(&[&elsewhere, &first, &second]).1[0].folder, elsewhere);
    assert_eq!(read(&[]), (Vec::new(), Vec::new()));
}

#[test]
fn a_name_that_a_terminal_would_obey_is_shown_in_what_is_left_out_and_is_no_recipes() {
    let place = TempDir::new().unwrap();
    let odd = |record: &mut Value| record["recipe"] = "\u{1b}[31mr".into();
    let odd = write(&place.path().join("odd"), 0, FIXED, &[4], odd);
    assert!(Run::read(&odd).unwrap_err().to_string().contains("control codes"));
    let same = |_: &mut Value| ();
    let runs = [write(place.path(), 0, FIXED, &[4], same), write(&place.path().join("b\nc"), 0, FIXED, &[4], same)];
    let (_, left_out) = comparable_groups(runs.iter().map(|run| Run::read(run).unwrap()).collect());
    let said = left_out[0].to_string();
    assert!(said.contains("b\\nc") && !said.contains(char::is_control), "{said}");
}

#[test]
fn damaged_and_unfinished_runs_are_refused() {
    let place = TempDir::new().unwrap();
    refused(&[place.path().join("nothing")], &["nothing", "record.json", "found none"]);
    let open = write(place.path(), 0, FIXED, &[4], |_| ());
    std::fs::remove_file(open.join("record.json")).unwrap();
    refused(&[open], &["found a run that has not ended", "--resume"]);
    let changed = write(place.path(), 1, FIXED, &[4], |_| ());
    std::fs::write(changed.join("recipe.toml"), "name = \"r\"").unwrap();
    refused(&[changed], &["recipe.toml", "found another one"]);
    let broken = write(place.path(), 2, FIXED, &[4], |_| ());
    std::fs::write(broken.join("record.json"), "{").unwrap();
    refused(&[broken], &["record.json", "imagenette-run version 1 to 5"]);
    let other_val = write(place.path(), 3, FIXED, &[4], |record| record["dataset"]["val"] = 9.into());
    refused(&[other_val], &["expected counts of 9 photos", "4 correct of 8"]);
    let impossible = write(place.path(), 4, FIXED, &[9], |_| ());
    refused(&[impossible], &["9 correct of 8"]);
    let contradiction = write(place.path(), 5, FIXED, &[3, 4], |record| record["result"]["correct"] = 7.into());
    refused(&[contradiction], &["the result (7 correct of 8) after epoch 2", "found 4 correct of 8"]);
}
