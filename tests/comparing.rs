//! Ideas judged against a baseline: runs that are trained, and runs that are there.

use crate::support::Place;

/// Settings of a run of a second or two, for both sides.
const TINY: [&str; 12] = [
    "--dataset",
    "made",
    "--base-set",
    "resolution=32",
    "--base-set",
    "evaluation.resolution=32",
    "--base-set",
    "batch_size=8",
    "--base-set",
    "model={ kind = 'fast', stem = 8, widths = [8, 8] }",
    "--base-set",
    "epochs=1",
];

fn compare<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["compare", "default"][..], &TINY, more].concat()
}

#[test]
fn an_idea_is_trained_beside_its_baseline_and_the_same_command_says_the_same() {
    let place = Place::with_made_dataset();
    let idea = ["--set", "optimizer.learning_rate=0.04", "--max-runs", "3", "--out", "verdict"];
    let first = place.run(&compare(&idea));
    let status = first.status;
    assert!([0, 10, 11, 12].contains(&status), "{status}: {}", first.stderr);
    let written = place.read("verdict/comparison.json");
    let found: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!((&found["format"], &found["version"]), (&"imagenette-comparison".into(), &1.into()));
    let looks = found["looks"].as_array().unwrap();
    let runs = looks.last().unwrap()["idea_runs"].as_u64().unwrap() as usize;
    assert_eq!(found["idea"]["runs"].as_array().unwrap().len(), runs);
    assert_eq!(found["baseline"]["runs"][0]["seed"], 1);
    assert_eq!(found["design"]["stored_baseline"], 0);
    assert_eq!(first.stderr.matches("training `default`").count(), 2 * runs);

    // Once more: nothing is trained, and the answer is the same, although the baseline's runs are stored now.
    let again = place.run(&compare(&idea));
    assert_eq!((again.status, &again.stdout), (status, &first.stdout));
    assert!(!again.stderr.contains("training `default`"), "{}", again.stderr);
    assert_eq!(place.read("verdict/comparison.json"), written);

    // The next idea costs its own runs alone.
    let other =
        place.run(&compare(&["--set", "optimizer.momentum=0.5", "--max-runs", "3", "--out", "other", "--json"]));
    let json = other.json();
    assert_eq!(json["design"]["stored_baseline"], runs, "{}", other.stderr);

    // A longer look after the verdict is refused, and so is a change that does nothing.
    let longer = ["--set", "optimizer.learning_rate=0.04", "--max-runs", "4", "--out", "verdict"];
    place.run(&compare(&longer)).fails_saying(&["begun by another design", "start afresh"]);
    let nothing = ["--set", "optimizer.learning_rate=0.08", "--out", "nothing"];
    place.run(&compare(&nothing)).fails_saying(&["no effect", "seed 1"]);
    let dearer = ["--set", "epochs=2", "--out", "dearer"];
    place.run(&compare(&dearer)).fails_saying(&["for 2 epochs", "--unequal-cost"]);
    assert!(!place.path("dearer").exists(), "it is refused before anything is trained");

    // The runs of both sides as folders.
    let base = found["baseline"]["runs"][0]["folder"].as_str().unwrap();
    let base = std::path::Path::new(base).parent().unwrap().to_str().unwrap().to_owned();
    let judged = place.run(&["compare", &base, "verdict/idea", "--json"]).json();
    assert_eq!(judged["looks"].as_array().unwrap().len(), 1);
    place.run(&["compare", &base, &base]).fails_saying(&["no effect"]);
    place
        .run(&["compare", &base, "verdict/idea", "--set", "epochs=2"])
        .fails_saying(&["no key of theirs can be changed"]);
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_trained() {
    let place = Place::with_made_dataset();
    place.run(&["compare", "default"]).fails_saying(&["no idea to compare", "--set"]);
    place.run(&compare(&["--set", "epocs=2"])).fails_saying(&["epocs", "did you mean `epochs`?"]);
    place.run(&compare(&["--set", "epochs=2", "--margin", "200"])).fails_saying(&["--margin"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    place.run(&["compare", "empty", "empty"]).fails_saying(&["no finished run"]);
    assert!(!place.path("runs").exists());
}
