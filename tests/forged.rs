//! Records that lie: each forgery is refused, by the verbs that would have believed it and with the words that say why.

use std::path::Path;

use imagenette_files::hash::sha256;
use imagenette_results::history::{History, HistoryLine, Origin};
use imagenette_results::predictions;
use imagenette_results::run_record::Counts;
use serde_json::{Value, json};

use crate::support::{Place, VAL_EACH, WNIDS, tree};

const VAL: u64 = (VAL_EACH * WNIDS.len()) as u64;

/// A place with the made photos and a run of two epochs, 18 steps.
fn trained() -> Place {
    let place = Place::with_made_dataset();
    train(&place, &["--out", "run"]);
    place
}

fn train(place: &Place, more: &[&str]) {
    let first = ["train", "--dataset", "made", "--epochs", "2", "--resolution", "32", "--batch-size", "8"];
    // At so low a rate much stays wrong.
    let rest = ["--learning-rate", "1e-4", "--set", "model.stem=8", "--set", "model.widths=[8,8]", "--offline"];
    place.run(&[&first[..], &rest, &["--precision", "f32"], more].concat()).succeeds();
}

fn copy(place: &Place, from: &str, to: &str) {
    for (file, bytes) in tree(&place.path(from)) {
        let path = place.path(to).join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// A copy of the run whose record is edited.
fn edited(place: &Place, name: &str, edit: impl Fn(&mut Value)) {
    copy(place, "run", name);
    edit_record(&place.path(name), edit);
}

fn edit_record(run: &Path, edit: impl Fn(&mut Value)) {
    let path = run.join("record.json");
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut record);
    std::fs::write(path, record.to_string()).unwrap();
}

/// What a careful forger does to a history: another beginning and other lines under a chain that is whole again.
fn rewrite_history(run: &Path, origin: impl Fn(Origin) -> Origin, line: impl Fn(HistoryLine) -> HistoryLine) {
    let path = run.join("history.jsonl");
    let history = History::read(&path).unwrap();
    let mut forged = History::begin(origin(history.origin().unwrap().clone()));
    history.lines().iter().cloned().for_each(|known| forged.push(line(known)));
    let sha256 = forged.write(&path).unwrap();
    edit_record(run, |record| {
        record["provenance"]["history_sha256"] = json!(sha256);
        record["provenance"]["chain"] = json!(forged.link().unwrap());
    });
}

fn counts(correct: u64) -> Value {
    json!({ "correct": correct, "total": VAL })
}

#[test]
fn an_edited_record_is_refused_by_every_verb_that_reads_it() {
    let place = trained();
    edited(&place, "better", |record| {
        record["result"] = counts(VAL);
        let last = record["by_epoch"].as_array().unwrap().len() - 1;
        record["by_epoch"][last]["counts"] = counts(VAL);
        // A run that is right everywhere already would not be edited.
        record["by_epoch"][0]["counts"] = counts(1);
    });
    let photo = format!("store/datasets/made/val/{0}/{0}_0.JPEG", WNIDS[0]);
    let said = ["history.jsonl: expected the evaluations of the record", "hint: the run's files were changed"];
    for line in [
        &["plot", "better"][..],
        &["score", "better"],
        &["eval", "better"],
        &["predict", "better", &photo],
        &["compare", "better", "run"],
    ] {
        place.run(line).fails_saying(&said);
    }
    let index = place.run(&["runs", "better", "run"]).succeeds();
    assert!(index.stderr.contains("left out: better: ") && index.stdout.lines().count() == 2, "{}", index.stderr);
    let check = place.run(&["check", "better"]).exits_with(1);
    assert!(check.stdout.contains("history") && check.stdout.contains("fails"), "{}", check.stdout);
}

#[test]
fn what_does_not_follow_from_the_recipe_or_contradicts_the_history_is_refused() {
    let place = trained();
    let number = |value: &Value| value.as_f64().unwrap();
    type Edit<'e> = &'e dyn Fn(&mut Value);
    let forgeries: [(&str, Edit, &str); 11] = [
        ("seconds-all", &|r| r["seconds"]["training"] = json!(1e6), "seconds in all"),
        ("seconds-less", &|r| r["seconds"]["training"] = json!(1e-9), "seconds"),
        ("flop", &|r| r["training_flop"] = json!(number(&r["training_flop"]) * 1e-3), "floating-point operations"),
        ("more-flop", &|r| r["training_flop"] = json!(1e30), "floating-point operations a second"),
        ("samples", &|r| r["samples_drawn"] = json!(100), "18 steps of 144 samples, as the recipe plans"),
        ("photos", &|r| r["dataset"]["train"] = json!(48), "as the recipe plans over 48 photos"),
        ("identity", &|r| r["dataset"]["identity"] = json!("ab".repeat(32)), "another beginning"),
        ("seed", &|r| r["seed"] = json!(7), "another beginning"),
        ("name", &|r| r["recipe"] = json!("epochs-60"), "expected the recipe `default`, found `epochs-60`"),
        ("network", &|r| r["model"]["name"] = json!("fast-1-2"), "expected the network fast-8-8-8"),
        (
            "epochs",
            &|r| {
                r["epochs"] = json!(1);
                r["by_epoch"].as_array_mut().unwrap().pop();
                r["result"] = r["by_epoch"][0]["counts"].clone();
            },
            "the evaluations of the record",
        ),
    ];
    for (name, edit, said) in forgeries {
        edited(&place, name, edit);
        place.run(&["plot", name]).fails_saying(&[said, "hint: the run's files were changed"]);
        place.run(&["check", name]).exits_with(1);
    }
    // Without the history, less can be known, and the recipe still says much.
    edited(&place, "alone", |record| record["epochs"] = json!(1));
    std::fs::remove_file(place.path("alone/history.jsonl")).unwrap();
    place.run(&["plot", "alone"]).fails_saying(&["2 evaluations in `by_epoch` of 1 epochs"]);
}

#[test]
fn a_run_forged_in_all_its_files_is_found_out_by_its_weights() {
    let place = trained();
    copy(&place, "run", "forged");
    // Every photo right, in predictions, counts, hashes and history.
    let run = place.path("forged");
    let csv = run.join("predictions.csv");
    let mut all = predictions::read(&csv).unwrap();
    all.iter_mut().for_each(|one| one.class = one.sample.split('/').nth(1).unwrap().to_owned());
    let correct: Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
    assert_ne!(correct["result"]["correct"], json!(VAL), "a tiny network is wrong somewhere");
    let hash = predictions::write(&csv, &all).unwrap();
    edit_record(&run, |record| {
        record["result"] = counts(VAL);
        record["by_epoch"][1]["counts"] = counts(VAL);
        record["provenance"]["predictions_sha256"] = json!(hash);
    });
    place.run(&["score", "forged"]).fails_saying(&["history.jsonl: expected the evaluations of the record"]);
    let right = |line| match line {
        HistoryLine::Evaluation { epoch: 2, training_seconds, evaluation_seconds, .. } => {
            let counts = Counts { correct: VAL, total: VAL };
            HistoryLine::Evaluation { epoch: 2, counts, training_seconds, evaluation_seconds }
        }
        line => line,
    };
    rewrite_history(&run, |origin| origin, right);
    place.run(&["score", "forged"]).fails_saying(&["probabilities.safetensors", "hint: "]);
    std::fs::remove_file(run.join("probabilities.safetensors")).unwrap();
    // Nothing that lies there contradicts the rest now: that the weights say otherwise takes an evaluation.
    place.run(&["score", "forged"]).succeeds();
    let check = place.run(&["check", "forged"]).succeeds();
    assert!(check.stdout.contains("whether the weights give these predictions: `imagenette eval forged`"));
    let eval = place.run(&["eval", "forged"]);
    eval.fails_saying(&[
        "the record says 24 of 24 correct, its weights say",
        "photos differ from the run's predictions",
    ]);
    place.run(&["check", "forged", "--replay"]).exits_with(1);
}

#[test]
fn one_run_under_five_seeds_counts_once() {
    let place = trained();
    for seed in 1..=5u64 {
        let run = place.path(&format!("copies/s{seed}"));
        copy(&place, "run", &format!("copies/s{seed}"));
        let recipe =
            std::fs::read_to_string(run.join("recipe.toml")).unwrap().replace("seed = 0", &format!("seed = {seed}"));
        std::fs::write(run.join("recipe.toml"), &recipe).unwrap();
        edit_record(&run, |record| {
            record["seed"] = json!(seed);
            record["recipe_sha256"] = json!(sha256(&recipe));
        });
        rewrite_history(&run, |origin| Origin { seed, ..origin }, |line| line);
    }
    place.run(&["check", "copies/s3"]).succeeds();
    let plot = place.run(&["plot", "copies", "--json"]).succeeds();
    assert_eq!(plot.json()["groups"][0]["accuracy"]["n"], 1);
    let said =
        "left out: 4 runs: expected a run of its own: other weights than seed 1, found the same weights: copies/s2, ";
    assert!(plot.stderr.contains(said), "{}", plot.stderr);
    assert_eq!(place.run(&["runs", "copies", "--json"]).succeeds().json()["rows"][0]["seeds"], json!([1]));
    place.run(&["compare", "copies", "run"]).fails_saying(&["other weights than seed 1", "as in copies/s1"]);
    let check = place.run(&["check", "copies"]).exits_with(1);
    assert!(check.stdout.contains("4 of 5 runs fail:"), "{}", check.stdout);
    // Named otherwise in the record, they still have the same losses.
    for seed in 1..=5u64 {
        edit_record(&place.path(&format!("copies/s{seed}")), |record| {
            record["provenance"]["weights_sha256"] = json!(sha256(seed.to_string()));
            record["provenance"]["probabilities_sha256"] = json!(sha256(seed.to_string()));
        });
        std::fs::remove_file(place.path(&format!("copies/s{seed}/probabilities.safetensors"))).unwrap();
    }
    let plot = place.run(&["plot", "copies"]).succeeds();
    assert!(plot.stderr.contains("4 runs: expected a run of its own: other losses than seed 1"), "{}", plot.stderr);
}

#[test]
fn weights_that_were_changed_or_are_no_numbers_are_refused() {
    let place = trained();
    let photo = format!("store/datasets/made/val/{0}/{0}_0.JPEG", WNIDS[0]);
    let whole = place.bytes("run/weights.safetensors");
    let mut flipped = whole.clone();
    let last = flipped.len() - 4;
    flipped[last] ^= 1;
    std::fs::write(place.path("run/weights.safetensors"), &flipped).unwrap();
    for line in [&["eval", "run"][..], &["predict", "run", &photo]] {
        place.run(line).fails_saying(&["run/weights.safetensors: expected the weights that record.json names"]);
    }
    let mut nan = whole;
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(place.path("run/weights.safetensors"), &nan).unwrap();
    edit_record(&place.path("run"), |record| record["provenance"]["weights_sha256"] = json!(sha256(&nan)));
    for line in [&["eval", "run"][..], &["predict", "run", &photo]] {
        place.run(line).fails_saying(&["expected weights that are finite numbers, found NaN in `", "hint: "]);
    }
    let check = place.run(&["check", "run"]).exits_with(1);
    assert!(check.stdout.contains("finite numbers, found NaN"), "{}", check.stdout);
}

#[test]
fn pixels_and_manifests_that_were_changed_are_found() {
    let place = trained();
    place.run(&["verify", "made", "--deep"]).succeeds();
    let name = place.list("store/packed").into_iter().find(|name| name.ends_with(".packed")).expect("it was packed");
    let file = place.path("store/packed").join(&name);
    let whole = std::fs::read(&file).unwrap();
    let mut zeroed = whole.clone();
    let end = zeroed.len() - 8;
    zeroed[4096..end].fill(0);
    std::fs::write(&file, &zeroed).unwrap();
    let verify = place.run(&["verify", "made", "--deep"]).exits_with(1);
    assert!(verify.stdout.contains("packed pixels: 96 of 96 photos do not match their checksums"), "{}", verify.stdout);
    assert!(verify.stderr.contains("hint: delete "), "{}", verify.stderr);
    let line =
        ["train", "--dataset", "made", "--epochs", "1", "--resolution", "32", "--batch-size", "8", "--out", "other"];
    place.run(&line).fails_saying(&[&name, "with the checksum", "hint: delete the file"]);
    place.run(&["eval", "run"]).fails_saying(&["with the checksum"]);
    std::fs::write(&file, &whole).unwrap();
    place.run(&["eval", "run"]).succeeds();

    let manifest = place.read("store/datasets/made/manifest.jsonl");
    let forged = manifest.replacen("\"width_px\":40", "\"width_px\":41", 1);
    assert_ne!(manifest, forged);
    std::fs::write(place.path("store/datasets/made/manifest.jsonl"), forged).unwrap();
    place.run(&["verify", "made"]).fails_saying(&["manifest.jsonl: expected lines with the checksum", "hint: "]);
}

#[test]
fn an_evaluation_again_is_held_against_the_record() {
    let place = trained();
    let same = place.run(&["eval", "run"]).succeeds();
    assert!(same.stderr.contains("as the record says: ") && same.stderr.contains("every prediction the same"));
    let json = place.run(&["eval", "run", "--json"]).succeeds().json();
    assert_eq!((&json["compared"]["kind"], &json["compared"]["differing"]), (&"result".into(), &0.into()));
    let other = place.run(&["eval", "run", "--resolution", "16"]).succeeds();
    assert!(other.stderr.contains("this is not the run's result: its recipe evaluates at "), "{}", other.stderr);
    let stock = place.run(&["eval", "run", "--ops", "stock"]).succeeds();
    assert!(stock.stderr.contains("other bits are computed here (operations: kernels → stock"), "{}", stock.stderr);
}

#[test]
fn a_run_is_checked_in_one_table_and_repeated_where_asked() {
    let place = trained();
    let check = place.run(&["check", "run"]).succeeds();
    for part in
        ["run: default, seed 0, ", "predictions    holds", "counted again", "the predictions cover its 24 photos once"]
    {
        assert!(check.stdout.contains(part), "{part}: {}", check.stdout);
    }
    assert!(check.stdout.contains("cannot be known  whether the weights give these predictions"), "{}", check.stdout);
    // Where predictions are missing, the counts are the record's word, which is said.
    copy(&place, "run", "word");
    std::fs::remove_file(place.path("word/predictions.csv")).unwrap();
    let check = place.run(&["check", "word"]).succeeds();
    assert!(check.stdout.contains("predictions    cannot be known  they are not here"), "{}", check.stdout);
    let plot = place.run(&["plot", "word"]).succeeds();
    let said = "the records' word alone, without predictions: 1 of 1 runs (word)";
    assert!(plot.stderr.contains(said), "{}", plot.stderr);
    let json = place.run(&["check", "run", "--replay", "--epochs", "1", "--json"]).succeeds().json();
    let said = |json: &Value, about: &str| {
        let findings = json["runs"][0]["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["about"] == about).unwrap_or_else(|| panic!("{json}"));
        (finding["verdict"].as_str().unwrap().to_owned(), finding["said"].as_str().unwrap().to_owned())
    };
    assert_eq!(said(&json, "replayed steps").0, "holds");
    assert!(said(&json, "replayed steps").1.starts_with("9 losses and rates, and the weights' hash of 1 epochs"));
    assert!(said(&json, "replayed counts").1.contains("after 1 of 2 evaluations"));
    let whole = place.run(&["check", "run", "--replay", "--json"]).succeeds().json();
    assert!(said(&whole, "replayed result").1.contains("the same bits of its predictions and weights"), "{whole}");
    // Nothing of the replay stays.
    assert_eq!(place.list("runs"), [""; 0]);
    let stock = place.run(&["check", "run", "--replay", "--ops", "stock", "--json"]).succeeds().json();
    let (verdict, words) = said(&stock, "replay");
    assert!(verdict == "cannot be known" && words.contains("operations: kernels → stock"), "{words}");

    // A loss that was never computed, under a chain that is whole again.
    let better = |line| match line {
        HistoryLine::Step { step: 3, epoch, rate, resolution_px, training_seconds, .. } => {
            HistoryLine::Step { step: 3, epoch, loss: 0.125, rate, resolution_px, training_seconds }
        }
        line => line,
    };
    rewrite_history(&place.path("run"), |origin| origin, better);
    place.run(&["check", "run"]).succeeds();
    let forged = place.run(&["check", "run", "--replay", "--epochs", "1"]).exits_with(1);
    assert!(forged.stdout.contains("found step 3 of loss 0.125"), "{}", forged.stdout);
    place.run(&["check", "run", "--epochs", "1"]).exits_with(2);
    place
        .run(&["check", "nosuch"])
        .fails_saying(&["expected a run's folder, a part or a recipe, found `nosuch`", "hint:"]);
}

#[test]
fn a_part_is_checked_under_the_same_verb() {
    let place = Place::new();
    let check = place.run(&["check", "silu", "--json"]).succeeds().json();
    assert_eq!((&check["parts"][0]["name"], &check["parts"][0]["holds"]), (&"silu".into(), &true.into()));
    place.run(&["check", "sillu"]).fails_saying(&["found `sillu`", "hint: did you mean `silu`?"]);
}
