//! Runs from many machines in one folder: each checked, nothing overwritten, and what is wrong named.

use crate::support::{Place, tree};

const TINY: [&str; 8] = [
    "--set",
    "resolution=32",
    "--set",
    "evaluation.resolution=32",
    "--set",
    "batch_size=8",
    "--set",
    "model={ kind = 'fast', stem = 8, widths = [8, 8] }",
];

fn train(place: &Place, more: &[&str]) {
    let first = ["train", "--recipe", "default", "--dataset", "made", "--epochs", "1"];
    place.run(&[&first[..], &TINY, more].concat()).succeeds();
}

#[test]
fn runs_are_taken_whole_and_the_same_run_twice_is_one() {
    let place = Place::with_made_dataset();
    train(&place, &["--seed", "1", "--out", "one/tiny/s1"]);
    train(&place, &["--seed", "2", "--out", "two/tiny/s2"]);
    // What a process left that was killed, and a run that has not ended.
    std::fs::create_dir_all(place.path("two/tiny/s3")).unwrap();
    std::fs::copy(place.path("one/tiny/s1/recipe.toml"), place.path("two/tiny/s3/recipe.toml")).unwrap();
    let gather = |more: &[&str]| place.run(&[&["gather", "one", "two", "--out", "all"][..], more].concat());
    let found = gather(&["--json"]).succeeds().json();
    let counts = |found: &serde_json::Value| {
        ["copied", "there", "unfinished", "refused"].map(|key| found[key].as_u64().unwrap())
    };
    assert_eq!(counts(&found), [2, 0, 1, 0], "{found}");
    assert_eq!(tree(&place.path("all/tiny/s1")), tree(&place.path("one/tiny/s1")));
    assert_eq!(place.list("all/tiny"), ["s1", "s2"]);
    place.run(&["check", "all"]).succeeds();
    let before = tree(&place.path("all"));
    let again = gather(&["--json"]).succeeds().json();
    assert_eq!(counts(&again), [0, 2, 1, 0], "{again}");
    assert_eq!(tree(&place.path("all")), before);
    // A folder that is a run itself keeps its name.
    place.run(&["gather", "one/tiny/s1", "--out", "other"]).succeeds();
    assert_eq!(place.list("other"), ["s1"]);
    let told = place.run(&["runs", "all"]).succeeds().stdout;
    assert!(told.contains("default"), "{told}");
}

#[test]
fn runs_that_were_changed_or_are_there_as_others_are_refused_and_nothing_is_overwritten() {
    let place = Place::with_made_dataset();
    train(&place, &["--seed", "1", "--out", "one/s1"]);
    place.run(&["gather", "one", "--out", "all"]).succeeds();
    let before = tree(&place.path("all"));
    let copy = |to: &str| {
        for (path, bytes) in tree(&place.path("one/s1")) {
            let path = place.path(to).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    };
    let refused = |folder: &str, expected: &str| {
        let ended = place.run(&["gather", folder, "--out", "all"]).exits_with(1);
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
        assert_eq!(tree(&place.path("all")), before, "{expected}");
    };
    // A bit of its weights, a line of its predictions, a count.
    copy("weights/s2");
    let mut weights = place.bytes("weights/s2/weights.safetensors");
    *weights.last_mut().unwrap() ^= 1;
    std::fs::write(place.path("weights/s2/weights.safetensors"), weights).unwrap();
    refused("weights", "weights");
    copy("cut/s2");
    let predictions = place.read("cut/s2/predictions.csv");
    let cut: Vec<&str> = predictions.lines().skip(1).collect();
    std::fs::write(place.path("cut/s2/predictions.csv"), cut.join("\n")).unwrap();
    refused("cut", "predictions.csv");
    copy("record/s2");
    let record = place.read("record/s2/record.json").replace("\"seed\": 1", "\"seed\": 2");
    std::fs::write(place.path("record/s2/record.json"), record).unwrap();
    refused("record", "seed");
    // Another run of the same seed, at the same place or at another one.
    train(&place, &["--seed", "1", "--out", "again/s1"]);
    train(&place, &["--seed", "1", "--out", "elsewhere/first"]);
    for folder in ["again", "elsewhere"] {
        refused(folder, "another run of `default` with seed 1 is in all/s1: one seed counts once");
    }
    // A place that something else has.
    train(&place, &["--seed", "5", "--out", "five/s5"]);
    std::fs::write(place.path("all/s5"), "a file").unwrap();
    let ended = place.run(&["gather", "five", "--out", "all"]).exits_with(1);
    assert!(ended.stderr.contains("its place all/s5 is taken by something else"), "{}", ended.stderr);
    assert_eq!(place.read("all/s5"), "a file");
    place.run(&["gather", "none", "--out", "all"]).fails_saying(&["none", "hint: "]);
    place.run(&["gather", "one"]).misused_saying(&["--out"]);
}
