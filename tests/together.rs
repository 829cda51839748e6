//! Two processes at once in one folder: one does the work, the other waits for it or is told who is there, and nothing
//! is mixed.

use std::process::Stdio;

use crate::support::{Ended, Place, tree, write_photos};

/// How often each race is run; `IMAGENETTE_TRIALS=50` runs them more often than CI does.
fn trials() -> usize {
    std::env::var("IMAGENETTE_TRIALS").map_or(10, |text| text.parse().expect("IMAGENETTE_TRIALS is a number"))
}

/// Starts two commands at the same moment; waits for both.
fn race(place: &Place, commands: [&[&str]; 2]) -> [Ended; 2] {
    let start = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    let children = commands.map(start);
    let mut commands = commands.into_iter();
    children.map(|child| {
        let output = child.wait_with_output().expect("the program ends");
        Ended::new(commands.next().expect("one for each child"), output)
    })
}

/// The one that succeeded and the one that failed, with their places.
fn winner_and_loser(ended: [Ended; 2]) -> ((usize, Ended), (usize, Ended)) {
    let [first, second] = ended;
    let said = format!("{}\n{}", first.stderr, second.stderr);
    match (first.status, second.status) {
        (0, 1) => ((0, first), (1, second)),
        (1, 0) => ((1, second), (0, first)),
        other => panic!("one should succeed and the other exit with 1, not {other:?}:\n{said}"),
    }
}

/// Arguments of a run of about a second.
fn train<'a>(seed: &'a str, out: &'a str) -> Vec<&'a str> {
    let first = ["train", "--dataset", "made", "--epochs", "1", "--resolution", "32", "--batch-size", "8"];
    let rest = ["--set", "model.stem=8", "--set", "model.widths=[8,8]", "--seed", seed, "--out", out];
    [&first[..], &rest].concat()
}

#[test]
fn of_two_runs_that_begin_in_one_folder_one_is_whole_and_the_other_is_told_who_trains_there() {
    let place = Place::with_made_dataset();
    let mut told = 0;
    for trial in 0..trials() {
        let out = format!("run-{trial}");
        let ended = race(&place, [&train("0", &out), &train("1", &out)]);
        let ((winner, _), (_, loser)) = winner_and_loser(ended);
        // One that comes so late that the other has ended is told that the folder is taken instead.
        let says = |what: &str| loser.stderr.contains(what);
        told += usize::from(says("another process"));
        assert!(says("another process") || says("not empty") || says("finished"), "trial {trial}: {}", loser.stderr);
        loser.fails_saying(&[&out, "hint: "]);

        // The winner's files, all of them, and nothing of the loser's.
        let files = ["history.jsonl", "predictions.csv", "probabilities.safetensors", "recipe.toml", "record.json"];
        assert_eq!(place.list(&out), [&files[..], &["weights.safetensors"]].concat(), "trial {trial}");
        let record: serde_json::Value = serde_json::from_str(&place.read(&format!("{out}/record.json"))).unwrap();
        assert_eq!(record["seed"], winner, "trial {trial}");
        // `plot` checks recipe, history and record against each other.
        place.run(&["plot", &out, "--out", "plots"]).succeeds();
        for verb in ["score", "eval"] {
            let again = place.run(&[verb, &out, "--json"]).succeeds().json();
            assert_eq!(again["correct"], record["result"]["correct"], "trial {trial}: {verb}");
        }
    }
    assert!(told > 0, "two that begin together meet at least once in {} trials", trials());
}

#[test]
fn of_two_exports_into_one_folder_one_is_whole_and_the_other_is_refused() {
    let place = Place::with_made_dataset();
    place.run(&["export", "made", "alone", "--to", "webdataset"]).succeeds();
    for trial in 0..trials() {
        let out = format!("out-{trial}");
        let export = ["export", "made", &out, "--to", "webdataset"];
        let (_, (_, loser)) = winner_and_loser(race(&place, [&export; 2]));
        loser.fails_saying(&[&out, "hint: "]);
        assert_eq!(tree(&place.path(&out)), tree(&place.path("alone")), "trial {trial}");
    }
    let left: Vec<String> = place.list("").into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, [""; 0], "no unfinished export stays");
}

/// Arguments that make a small dataset of the made photos.
fn make(out: &str) -> [&str; 11] {
    ["make", "--classes", "all", "--from", "photos", "--name", "small", "--sizes", "32", "--out", out]
}

#[test]
fn two_that_make_one_dataset_make_it_once() {
    let place = Place::new();
    write_photos(&place.path("photos"));
    place.run(&make("alone")).succeeds();
    for trial in 0..trials() {
        let out = format!("out-{trial}");
        let said = race(&place, [&make(&out); 2]).map(|ended| ended.succeeds().stdout);
        let there = said.iter().filter(|stdout| stdout.contains("there already")).count();
        assert_eq!(there, 1, "trial {trial}: {said:?}");
        assert_eq!(tree(&place.path(&out).join("small-32")), tree(&place.path("alone/small-32")), "trial {trial}");
    }
}

#[test]
fn two_that_get_one_dataset_install_it_once() {
    let place = Place::new();
    write_photos(&place.path("photos"));
    for trial in 0..trials() {
        let name = format!("made-{trial}");
        let get = ["get", "--from", "photos", "--name", &name];
        let said = race(&place, [&get; 2]).map(|ended| ended.succeeds().stdout);
        let there = said.iter().filter(|stdout| stdout.contains("installed already")).count();
        assert_eq!(there, 1, "trial {trial}: {said:?}");
        place.run(&["verify", &name, "--deep"]).succeeds();
    }
    assert!(
        place.list("store/datasets").iter().all(|name| !name.starts_with('.')),
        "{:?}",
        place.list("store/datasets")
    );
}
