//! A run that is stopped at any moment: after Ctrl-C it resumes to the same bits, and kill -9 loses little.

use std::process::{Child, Stdio};

use crate::support::{Ended, Place, wait_until};

/// Long enough to be caught in the middle.
const RUN: [&str; 15] = [
    "train",
    "--dataset",
    "made",
    "--epochs",
    "6",
    "--resolution",
    "32",
    "--batch-size",
    "4",
    "--set",
    "model.stem=8",
    "--set",
    "model.widths=[16,16,16,16]",
    "--out",
    "run",
];

fn start(place: &Place) -> Child {
    place.command(&RUN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn signal(child: &Child, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn is_training(place: &Place) -> bool {
    place.list("run").iter().any(|name| name == "checkpoint.safetensors")
}

/// kill -9 right after the first checkpoint.
fn start_and_kill(place: &Place) {
    let mut child = start(place);
    wait_until("the first checkpoint", || is_training(place));
    child.kill().unwrap();
    child.wait().unwrap();
}

fn uninterrupted(place: &Place) -> (Vec<u8>, Vec<u8>) {
    let mut arguments = RUN;
    arguments[RUN.len() - 1] = "whole";
    place.run(&arguments).succeeds();
    (place.bytes("whole/weights.safetensors"), place.bytes("whole/predictions.csv"))
}

fn resumed(place: &Place) -> (Vec<u8>, Vec<u8>) {
    place.run(&["train", "--resume", "run"]).succeeds();
    assert_eq!(place.list("run"), place.list("whole"), "no checkpoint stays");
    (place.bytes("run/weights.safetensors"), place.bytes("run/predictions.csv"))
}

#[test]
fn ctrl_c_writes_a_checkpoint_and_resuming_ends_in_the_same_bits() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    for name in ["-INT", "-TERM"] {
        let _ = std::fs::remove_dir_all(place.path("run"));
        let child = start(&place);
        wait_until("the first checkpoint", || is_training(&place));
        signal(&child, name);
        let ended = Ended::new(&["train"], child.wait_with_output().unwrap()).exits_with(33);
        assert!(ended.stderr.contains("train --resume run"), "{}", ended.stderr);
        assert!(!place.list("run").contains(&"record.json".to_owned()), "an unfinished run has no record");
        // The folder is taken: the same command does not overwrite it, but says how to resume.
        place.run(&RUN).fails_saying(&["interrupted", "--resume"]);
        assert_eq!(resumed(&place), whole, "{name}");
        let record: serde_json::Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
        assert_eq!(record["resumed"], 1);
    }
}

#[test]
fn a_run_that_was_killed_resumes_from_its_last_checkpoint() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    start_and_kill(&place);
    assert_eq!(resumed(&place), whole);
    place.run(&["train", "--resume", "run"]).fails_saying(&["finished"]);
}

#[test]
fn a_run_that_is_still_training_is_not_resumed_by_a_second_process() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    let child = start(&place);
    wait_until("the first checkpoint", || is_training(&place));
    signal(&child, "-STOP");
    place.run(&["train", "--resume", "run"]).fails_saying(&["another process", "hint: "]);
    signal(&child, "-CONT");
    Ended::new(&["train"], child.wait_with_output().unwrap()).succeeds();
    assert_eq!((place.bytes("run/weights.safetensors"), place.bytes("run/predictions.csv")), whole);
}

#[test]
fn a_process_that_was_killed_before_its_first_checkpoint_takes_nothing_with_it() {
    let place = Place::with_made_dataset();
    std::fs::create_dir(place.path("run")).unwrap();
    std::fs::write(place.path("run/recipe.toml"), "name = 'half a recipe").unwrap();
    std::fs::write(place.path("run/.writing-abcdef"), "half a checkpoint").unwrap();
    place.run(&RUN).succeeds();
    assert!(place.list("run").iter().all(|name| !name.starts_with('.')), "{:?}", place.list("run"));
    place
        .run(&["train", "--dataset", "made", "--resolution", "32", "--out", "photos"])
        .fails_saying(&["photos", "not empty"]);
}

#[test]
fn a_checkpoint_of_another_recipe_or_a_damaged_one_is_refused() {
    let place = Place::with_made_dataset();
    start_and_kill(&place);
    let recipe = place.read("run/recipe.toml");
    std::fs::write(place.path("run/recipe.toml"), recipe.replace("epochs = 6", "epochs = 7")).unwrap();
    place.run(&["train", "--resume", "run"]).fails_saying(&["checkpoint", "another recipe", "hint: "]);
    std::fs::write(place.path("run/recipe.toml"), recipe).unwrap();
    let checkpoint = place.bytes("run/checkpoint.safetensors");
    for length in [0, 7, 100, checkpoint.len() / 2, checkpoint.len() - 1] {
        std::fs::write(place.path("run/checkpoint.safetensors"), &checkpoint[..length]).unwrap();
        place.run(&["train", "--resume", "run"]).fails_saying(&["checkpoint.safetensors", "hint: "]);
    }
}

#[test]
fn a_disk_that_is_full_at_a_checkpoint_keeps_the_one_before() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    start_and_kill(&place);
    let before = place.bytes("run/checkpoint.safetensors");
    // A limit on file sizes acts as a full disk: no file of more than 8 blocks can be written.
    let ended = place.shell("trap '' XFSZ; ulimit -f 8; exec imagenette train --resume run");
    ended.fails_saying(&["checkpoint"]);
    assert_eq!(place.bytes("run/checkpoint.safetensors"), before);
    assert_eq!(resumed(&place), whole);
}

#[test]
fn packing_that_was_killed_starts_over_and_leaves_nothing() {
    let place = Place::new();
    // Large photos, so that packing takes long enough to be caught; all alike, so that the test makes them quickly.
    let photo = crate::support::large_photo(1200);
    for split in ["train", "val"] {
        let folder = place.path("photos").join(split).join("n01440764");
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..40 {
            std::fs::write(folder.join(format!("{number}.JPEG")), &photo).unwrap();
        }
    }
    place.run(&["get", "--from", "photos"]).succeeds();
    let show = ["show", "photos", "--augmented", "default", "--count", "4"];
    let names = |ending: &str| place.list("store/packed").into_iter().filter(|name| name.ends_with(ending)).count();
    let mut child =
        place.command(&show).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    wait_until("packing", || place.list("store/packed").iter().any(|name| name.starts_with(".packing-")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(".packed"), 0, "what is not finished has no name");
    place.run(&show).succeeds();
    assert_eq!(names(".packed"), 1);
    assert!(place.list("store/packed").iter().all(|name| !name.starts_with('.')), "{:?}", place.list("store/packed"));
}
