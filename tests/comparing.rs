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
    // What differs is said before anything is trained, and kept.
    let differs = first.stderr.find("differs: optimizer.learning_rate: 0.08 → 0.04").expect("it is said");
    assert!(differs < first.stderr.find("training `default`").unwrap());
    assert_eq!(found["differences"][0]["what"], "optimizer.learning_rate");
    assert_eq!(found["classes"].as_array().unwrap().len(), 3);
    assert!(first.stdout.contains("the 1st idea judged against this baseline on val"), "{}", first.stdout);
    assert!(first.stdout.contains("a run costs "), "{}", first.stdout);
    check_page(&place, "verdict", &["optimizer.learning_rate", "Every number", "idea_number"]);

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
    assert_eq!(json["ledger"]["idea_number"], 2);
    assert_eq!(json["ledger"]["holm_limit"], 0.025);

    // A longer look after the verdict is refused, and so is a change that does nothing.
    let longer = ["--set", "optimizer.learning_rate=0.04", "--max-runs", "4", "--out", "verdict"];
    place.run(&compare(&longer)).fails_saying(&["begun by another design", "start afresh"]);
    let nothing = ["--set", "optimizer.learning_rate=0.08", "--out", "nothing"];
    place.run(&compare(&nothing)).fails_saying(&["no effect", "the same recipe"]);
    let dearer = ["--set", "epochs=2", "--out", "dearer"];
    place.run(&compare(&dearer)).fails_saying(&["for 2 epochs", "--unequal-cost"]);
    assert!(!place.path("dearer").exists(), "it is refused before anything is trained");

    // The runs of both sides as folders.
    let base = found["baseline"]["runs"][0]["folder"].as_str().unwrap();
    let base = std::path::Path::new(base).parent().unwrap().to_str().unwrap().to_owned();
    let judged = place.run(&["compare", &base, "verdict/idea", "--json"]).json();
    assert_eq!(judged["looks"].as_array().unwrap().len(), 1);
    place.run(&["compare", &base, &base]).fails_saying(&["no effect: the same bits", "seed 1"]);
    place.run(&["compare", &base, "verdict/idea", "--confirm", "2"]).fails_saying(&["--confirm", "finished"]);
    // One run a side compares two networks.
    let one = format!("{base}/s1");
    place.run(&["compare", &one, "verdict/idea"]).fails_saying(&["too few runs", "one run a side"]);
    place.run(&compare(&["--out", "mixed", &one])).fails_saying(&["1 run there", "one run a side"]);
    let held = ["--out", "mixed", "verdict/idea", "--base-set", "hold_out=0.25"];
    let refused = place.run(&compare(&held)).fails_saying(&["val of made", "0.25 held out of made"]);
    assert!(!refused.stderr.contains("training `default`"), "{}", refused.stderr);
    place
        .run(&["compare", &base, "verdict/idea", "--set", "epochs=2"])
        .fails_saying(&["no key of theirs can be changed"]);
}

/// The page of a comparison: whole, without scripts and without anything from elsewhere.
fn check_page(place: &Place, folder: &str, has: &[&str]) {
    let page = place.read(&format!("{folder}/comparison.html"));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for part in has {
        assert!(page.contains(part), "the page should have `{part}`");
    }
    for part in ["<script", "src=", "href=", "url(", "http:", "https:", "NaN"] {
        assert!(!page.contains(part), "the page has `{part}`");
    }
}

#[test]
fn runs_side_by_side_give_the_same_bits_and_serve_budgets_and_fresh_seeds() {
    let place = Place::with_made_dataset();
    let idea = ["--set", "optimizer.learning_rate=0.04", "--max-runs", "2"];
    // First the store is filled, and says where.
    let filled = place.run(&compare(&["--only-base", "2", "--parallel", "2"])).succeeds();
    assert!(filled.stdout.starts_with("2 runs of `default` on val of made: mean "), "{}", filled.stdout);
    let one = place.run(&[&compare(&idea)[..], &["--out", "one", "--json"]].concat()).json();
    assert_eq!(one["design"]["stored_baseline"], 2);
    let two = place.run(&[&compare(&idea)[..], &["--out", "two", "--parallel", "2", "--json"]].concat());
    let weights = |folder: &str, seed: u32| {
        let arm = place.list(&format!("{folder}/idea"));
        place.bytes(&format!("{folder}/idea/{}/s{seed}/weights.safetensors", arm[0]))
    };
    assert!((1..=2).all(|seed| weights("one", seed) == weights("two", seed)), "{}", two.stderr);
    assert_eq!(two.json()["looks"], one["looks"]);

    // Two budgets, and what becomes of the gain.
    let budgets = [&compare(&idea)[..], &["--epochs", "1,2", "--out", "both", "--parallel", "4"]].concat();
    let both = place.run(&budgets);
    assert!([0, 10, 11, 12].contains(&both.status), "{}", both.stderr);
    for part in ["at 1 epoch:", "at 2 epochs:", "from 1 to 2 epochs "] {
        assert!(both.stdout.contains(part), "{}", both.stdout);
    }
    let found: serde_json::Value = serde_json::from_str(&place.read("both/comparison.json")).unwrap();
    assert_eq!(found["budgets"].as_array().unwrap().len(), 2);
    assert_eq!((&found["changes"][0]["from_epochs"], &found["changes"][0]["to_epochs"]), (&1.into(), &2.into()));
    check_page(&place, "both/epochs-2", &["Training loss over epochs"]);
    place.run(&compare(&["--set", "epochs=2", "--epochs", "20,5"])).fails_saying(&["budgets that grow"]);

    // Held-out photos are no val, and spend none of it.
    let held = [&compare(&idea)[..], &["--hold-out", "0.5", "--out", "held"]].concat();
    let held = place.run(&held);
    assert!(held.stdout.contains("36 photos held out of train: this is no val accuracy"), "{}", held.stderr);
    assert!(!held.stdout.contains("judged against"), "{}", held.stdout);
    let (base, idea) = (one["baseline"]["runs"][0]["folder"].as_str().unwrap(), "held/idea");
    let base = std::path::Path::new(base).parent().unwrap().to_str().unwrap();
    place.run(&["compare", base, idea]).fails_saying(&["val of made", "36 photos held out of made"]);
}

#[test]
fn a_verdict_survives_a_damaged_ledger_and_a_damaged_comparison_is_refused() {
    let place = Place::with_made_dataset();
    std::fs::create_dir_all(place.path("store/baselines")).unwrap();
    let ledger = "{\"format\":\"imagenette-ledger\",\"version\":1}\nnonsense\n";
    std::fs::write(place.path("store/baselines/ledger.jsonl"), ledger).unwrap();
    let idea = compare(&["--set", "optimizer.learning_rate=0.04", "--max-runs", "2", "--out", "verdict"]);
    let ended = place.run(&idea).fails_saying(&[
        "ledger.jsonl: expected a verdict on each line",
        "(line 2, ",
        "not entered in the ledger",
    ]);
    assert!(ended.stdout.contains("2 runs and 2 runs"), "the verdict is said: {}", ended.stdout);
    assert!(place.read("verdict/comparison.json").contains("\"p\""));
    assert_eq!(place.read("store/baselines/ledger.jsonl"), ledger);
    // Mended, the same command says the same and enters it.
    std::fs::remove_file(place.path("store/baselines/ledger.jsonl")).unwrap();
    let again = place.run(&idea);
    assert!(again.stdout.starts_with(&ended.stdout), "{}", again.stdout);
    assert_eq!(place.read("store/baselines/ledger.jsonl").lines().count(), 2);

    let whole = place.read("verdict/comparison.json");
    for damaged in ["", "{}", &whole[..whole.len() / 2], &whole.replace("\"version\": 1", "\"version\": 2")] {
        std::fs::write(place.path("verdict/comparison.json"), damaged).unwrap();
        place.run(&idea).fails_saying(&["comparison.json: expected a comparison", "--out"]);
    }
    // Another idea in the same folder.
    std::fs::write(place.path("verdict/comparison.json"), whole).unwrap();
    let other = compare(&["--set", "optimizer.momentum=0.5", "--max-runs", "2", "--out", "verdict"]);
    place.run(&other).fails_saying(&["begun with other sides", "--out"]);
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_trained() {
    let place = Place::with_made_dataset();
    place.run(&["compare", "default"]).fails_saying(&["no idea to compare", "--set"]);
    place.run(&["compare"]).fails_saying(&["no baseline", "--base-command"]);
    place.run(&compare(&["--set", "epochs=2", "--only-base", "2"])).fails_saying(&["--only-base", "an idea is named"]);
    place.run(&compare(&["--set", "epochs=2", "--hold-out", "1"])).fails_saying(&["--hold-out", "below 1"]);
    place.run(&["compare", "default", "--timeout", "soon"]).exits_with(2);
    place.run(&compare(&["--set", "epocs=2"])).misused_saying(&["epocs", "did you mean `epochs`?"]);
    place.run(&compare(&["--set", "epochs=2", "--margin", "200"])).fails_saying(&["--margin"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    place.run(&["compare", "empty", "empty"]).fails_saying(&["no finished run"]);
    assert!(!place.path("runs").exists());
}
