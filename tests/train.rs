//! The usual path of a user: get, train, score, eval, predict.

use crate::support::{Place, VAL_EACH, WNIDS};

/// A run of a few seconds: a tiny network on the made photos.
const SMALL: [&str; 14] = [
    "train",
    "--dataset",
    "made",
    "--epochs",
    "2",
    "--resolution",
    "32",
    "--batch-size",
    "8",
    "--set",
    "model.stem=8",
    "--set",
    "model.widths=[8,8,8,8]",
    "--offline",
];

fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SMALL.iter().chain(more).copied().collect()
}

#[test]
fn probabilities_that_are_damaged_or_of_other_predictions_are_refused_and_none_are_no_fault() {
    let place = Place::with_made_dataset();
    place.run(&small(&["--out", "run"])).succeeds();
    let (csv, file) = ("run/predictions.csv", "run/probabilities.safetensors");
    // `eval` writes both, the same bytes, and `score` finds them by name.
    place.run(&["eval", "run", "--out", "mine.csv"]).succeeds();
    assert_eq!(place.bytes("mine.csv"), place.bytes(csv));
    assert_eq!(place.bytes("mine.probabilities.safetensors"), place.bytes(file));
    let score = place.run(&["score", "mine.csv", "--json"]).succeeds().json();
    assert!(score["sureness"]["cross_entropy"].is_number(), "{score}");
    // A run of float16 for three classes of 24 photos, and little more.
    assert!(place.bytes(file).len() < 24 * 3 * 2 + 500);

    let whole = place.bytes(file);
    std::fs::write(place.path(file), &whole[..whole.len() - 1]).unwrap();
    let cut = place.run(&["score", "run"]);
    cut.fails_saying(&["run/probabilities.safetensors: expected the probabilities that record.json names"]);
    std::fs::write(place.path("mine.probabilities.safetensors"), &whole[..whole.len() - 1]).unwrap();
    let cut = place.run(&["score", "mine.csv"]);
    cut.fails_saying(&["mine.probabilities.safetensors: expected imagenette-probabilities version 1", "hint: remove"]);
    place.run(&["plot", "run"]).fails_saying(&["run/probabilities.safetensors", "another one"]);
    // The last number becomes NaN.
    let nan = [&whole[..whole.len() - 2], &[0xff, 0x7f]].concat();
    std::fs::write(place.path("mine.probabilities.safetensors"), nan).unwrap();
    place.run(&["score", "mine.csv"]).fails_saying(&["found NaN in row 24", "hint: remove the file"]);
    // Predictions of another run beside them.
    std::fs::write(place.path(file), &whole).unwrap();
    let text = place.read(csv);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    std::fs::write(place.path("mine.csv"), lines.join("\n") + "\n").unwrap();
    std::fs::write(place.path("mine.probabilities.safetensors"), &whole).unwrap();
    let other = place.run(&["score", "mine.csv"]);
    other
        .fails_saying(&["mine.probabilities.safetensors: expected probabilities of the predictions", "found those of"]);
    // Without them everything else is as it was: records from before there were any.
    std::fs::remove_file(place.path(file)).unwrap();
    let score = place.run(&["score", "run", "--json"]).succeeds().json();
    assert!(score["sureness"].is_null() && score["correct"].is_number(), "{score}");
    place.run(&["plot", "run"]).succeeds();
}

#[test]
fn a_run_leaves_all_that_is_needed_to_check_it() {
    let place = Place::with_made_dataset();
    let ended = place.run(&small(&["--out", "run"])).succeeds();
    assert!(ended.stdout.starts_with("top-1 "), "{}", ended.stdout);
    let files = ["history.jsonl", "predictions.csv", "probabilities.safetensors", "recipe.toml", "record.json"];
    assert_eq!(place.list("run"), [&files[..], &["weights.safetensors"]].concat());

    let record: serde_json::Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
    let total = (VAL_EACH * WNIDS.len()) as u64;
    assert_eq!(record["result"]["total"], total);
    assert_eq!(record["dataset"]["name"], "made");
    assert_eq!((&record["epochs"], &record["steps"], &record["samples_drawn"]), (&2.into(), &18.into(), &144.into()));
    assert!(place.read("run/recipe.toml").contains("widths = [8, 8, 8, 8]"));
    assert_eq!(place.read("run/history.jsonl").lines().filter(|line| line.contains("\"loss\"")).count(), 18);

    // The same number, recomputed from the predictions alone and from the weights alone.
    let correct = &record["result"]["correct"];
    for verb in ["score", "eval"] {
        let again = place.run(&[verb, "run", "--json"]).succeeds().json();
        assert_eq!((&again["correct"], &again["total"]), (correct, &total.into()), "{verb}");
    }
    // How sure it is of what is right, from the run's file and from the weights: the same to the last bit.
    let sureness = |verb| place.run(&[verb, "run", "--json"]).succeeds().json()["sureness"].clone();
    let known = sureness("score");
    assert_eq!(known, sureness("eval"));
    assert_eq!(known["photos"], total);
    let (loss, right) = (known["cross_entropy"].as_f64().unwrap(), known["right_probability"].as_f64().unwrap());
    assert!(loss > 0.0 && (0.0..1.0).contains(&right) && loss >= -right.ln(), "{known}");
    let said = format!("cross-entropy {loss:.4}; the right class is given {:.2}% on average", 100.0 * right);
    for verb in ["score", "eval"] {
        let ended = place.run(&[verb, "run"]).succeeds();
        assert_eq!(ended.stdout.lines().nth(1), Some(said.as_str()), "{verb}: {}", ended.stdout);
    }
    let csv = place.run(&["score", "run/predictions.csv", "--dataset", "made", "--confusion"]).succeeds();
    assert!(csv.stdout.contains(&format!("({correct} of {total}")), "{}", csv.stdout);
    // A head with the classes' first letters, and below it rows whose numbers are all photos.
    let (_, matrix) = csv.stdout.split_once("taken for").expect("a matrix");
    let mut lines = matrix.lines();
    assert_eq!(lines.next().map(str::split_whitespace).map(Iterator::collect), Some(vec!["tenc", "chur", "para"]));
    let counted: u64 = lines.flat_map(|line| line[20..].split_whitespace().filter_map(|n| n.parse::<u64>().ok())).sum();
    assert_eq!(counted.to_string(), total.to_string(), "{matrix}");
    place.run(&["score", "run", "--out", "confusion.svg"]).succeeds();
    let picture = place.read("confusion.svg");
    assert!(picture.starts_with("<svg xmlns=") && picture.contains("parachute taken for"), "{picture}");
    place
        .run(&["score", "run", "--out", "confusion.png"])
        .misused_saying(&["ends in .svg", "hint: name it confusion.svg"]);
    let seen = place
        .run(&["predict", "run", "photos/val/n01440764/n01440764_0.JPEG", "--json", "--top", "2"])
        .succeeds()
        .json();
    let probability = |place: usize| seen[0]["classes"][place]["probability"].as_f64().unwrap();
    assert!(probability(0) >= probability(1) && probability(0) + probability(1) <= 1.0 + 1e-6, "{seen}");
}

#[test]
fn several_seeds_give_their_mean_and_deviation() {
    let place = Place::with_made_dataset();
    let ended = place.run(&small(&["--runs", "2", "--out", "runs"])).succeeds();
    assert_eq!(place.list("runs"), ["s0", "s1"]);
    assert!(ended.stdout.contains("mean ") && ended.stdout.contains("sd of 2 runs"), "{}", ended.stdout);
    assert_ne!(place.bytes("runs/s0/weights.safetensors"), place.bytes("runs/s1/weights.safetensors"));
}

#[test]
fn the_same_seed_gives_the_same_bits_with_one_thread_and_two() {
    let place = Place::with_made_dataset();
    for threads in ["1", "2"] {
        place.run(&small(&["--threads", threads, "--out", threads])).succeeds();
    }
    assert_eq!(place.bytes("1/weights.safetensors"), place.bytes("2/weights.safetensors"));
    assert_eq!(place.bytes("1/predictions.csv"), place.bytes("2/predictions.csv"));
}

#[test]
fn our_kernels_and_burns_operations_learn_the_same() {
    let place = Place::with_made_dataset();
    let loss = |ops: &str, precision: &str| {
        let name = format!("{ops}-{precision}");
        place.run(&small(&["--ops", ops, "--precision", precision, "--out", &name])).succeeds();
        let history = place.read(&format!("{name}/history.jsonl"));
        // The first line is the format.
        let first: serde_json::Value = serde_json::from_str(history.lines().nth(1).unwrap()).unwrap();
        first["loss"].as_f64().unwrap()
    };
    let (ours, half, stock) = (loss("kernels", "f32"), loss("kernels", "bf16"), loss("stock", "auto"));
    assert!((ours - stock).abs() < 1e-4 * stock, "{ours} {stock}");
    assert!((half - stock).abs() < 1e-2 * stock && half != ours, "{half} {stock}");
    assert!(place.read("stock-auto/record.json").contains("flex, stock, f32"));
    assert!(place.read("kernels-f32/record.json").contains("flex, kernels ("));
    assert!(place.read("kernels-bf16/record.json").contains("), bf16"));
    // What is recorded is what `auto` was resolved to.
    assert!(place.read("stock-auto/recipe.toml").contains("precision = \"f32\""));
    assert!(place.read("kernels-bf16/recipe.toml").contains("precision = \"bf16\""));
    // A network is evaluated in the precision it was trained in.
    let again = place.run(&["eval", "kernels-bf16", "--json"]).succeeds().stdout;
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    let record: serde_json::Value = serde_json::from_str(&place.read("kernels-bf16/record.json")).unwrap();
    assert_eq!(again["correct"], record["result"]["correct"], "{again}");
    place.run(&small(&["--ops", "stock", "--precision", "bf16", "--out", "refused"])).fails_saying(&[
        "precision",
        "bf16",
        "hint: use `--precision f32`",
    ]);
    assert!(!place.path("refused").exists());
}

#[test]
fn without_a_name_each_run_gets_a_folder_of_its_own() {
    let place = Place::with_made_dataset();
    place.run(&small(&["--epochs", "1"])).exits_with(2);
    for _ in 0..2 {
        place.run(&small(&["--set", "epochs=1"])).succeeds();
    }
    // What was changed is in the name.
    let name = "default-stem=8-widths=_8_8_8_8_-epochs=1-made-s0".to_owned();
    assert_eq!(place.list("runs"), [name.clone(), format!("{name}-2")]);
}

#[test]
fn a_recipe_of_your_own_is_read_from_its_file() {
    let place = Place::with_made_dataset();
    place.run(&small(&["--set", "name=mine", "--out", "first"])).succeeds();
    std::fs::copy(place.path("first/recipe.toml"), place.path("mine.toml")).unwrap();
    place.run(&["train", "--recipe", "mine.toml", "--out", "second"]).succeeds();
    assert_eq!(place.bytes("first/weights.safetensors"), place.bytes("second/weights.safetensors"));
}

#[test]
fn a_batch_can_be_looked_at_as_the_network_sees_it() {
    let place = Place::with_made_dataset();
    for arguments in [
        &["show", "made", "--out", "a.png"][..],
        &["show", "made", "--class", "Tench", "--count", "7", "--split", "val", "--out", "b.png"],
        &["show", "made", "--augmented", "default", "--count", "12", "--out", "c.png"],
    ] {
        let ended = place.run(arguments).succeeds();
        let file = ended.stdout.trim();
        assert!(place.bytes(file).starts_with(b"\x89PNG"), "{file}");
    }
    // Nothing is packed for it, and the pictures are those of a packed set.
    assert!(place.list("store/packed").is_empty(), "{:?}", place.list("store/packed"));
    let unpacked = place.bytes("c.png");
    place.run(&small(&["--out", "run"])).succeeds();
    assert_eq!(place.list("store/packed").iter().filter(|name| name.ends_with(".packed")).count(), 1);
    place.run(&["show", "made", "--augmented", "default", "--count", "12", "--out", "d.png"]).succeeds();
    assert_eq!(place.bytes("d.png"), unpacked);
    // Pairs of a photo and what is made of it, ten pictures in a line.
    let size = |file: &str| {
        let bytes = place.bytes(file);
        let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        (side(16), side(20))
    };
    let (width, height) = (6 + 10 * 166, 6 + 26 + 2 * (166 + 16));
    assert_eq!(size("c.png"), (width, height));
    place.run(&["show", "made", "--class", "tensh"]).fails_saying(&["no class `tensh`", "hint: did you mean `tench`?"]);
}

#[test]
fn without_data_and_network_one_command_says_so_and_trains_on_the_drawn_set() {
    let place = Place::new();
    let tiny = ["train", "--epochs", "1", "--set", "model.stem=8", "--set", "model.widths=[8,8,8,8]", "--out", "run"];
    let ended = place.run(&tiny).succeeds();
    let said: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("cannot be fetched")).collect();
    assert_eq!(said.len(), 1, "{}", ended.stderr);
    assert!(said[0].contains("using the drawn set"), "{}", said[0]);
    let record: serde_json::Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
    assert_eq!((&record["dataset"]["edition"], &record["result"]["total"]), (&"drawn".into(), &1000.into()));
    assert!(place.run(&["verify", "drawn", "--deep"]).succeeds().stdout.contains("5,000 photos"));
    // Anyone can score the run again from its folder alone.
    place.run(&["score", "run"]).succeeds();
}

#[test]
fn the_benchmark_of_training_steps_accounts_for_their_time() {
    let place = Place::with_made_dataset();
    let arguments = [
        "bench",
        "--train",
        "--dataset",
        "made",
        "--recipe",
        "m128",
        "--set",
        "model.stem=8",
        "--set",
        "model.widths=[8, 8]",
        "--resolution",
        "32",
        "--batch-size",
        "16",
        "--steps",
        "3",
    ];
    let found = place.run(&[&arguments[..], &["--json"]].concat()).succeeds().json();
    // By hand: the frozen stem forward, the first convolution without its input's gradient, three others with both.
    let stem = 2 * 8 * (3 * 4 * 4) * (16 * 16);
    let (at_16, at_8, at_4) = (2 * 8 * (8 * 9) * (16 * 16), 2 * 8 * (8 * 9) * (8 * 8), 2 * 8 * (8 * 9) * (4 * 4));
    let expected = f64::from(stem + 2 * at_16 + 3 * (2 * at_8 + at_4)) / 1e9;
    let number = |key: &str| found[key].as_f64().unwrap_or_else(|| panic!("{key} in {found}"));
    assert!((number("gflop_per_image") - expected).abs() < 1e-12, "{found}");
    assert!(number("share_of_peak") > 0.0 && number("share_of_peak") < 1.0, "{found}");
    let steps: Vec<f64> = found["seconds"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert_eq!(steps.len(), 3);
    let parts = found["parts"].as_object().unwrap();
    let bare: f64 =
        parts.iter().filter(|(name, _)| *name != "loader").map(|(_, part)| part["seconds"].as_f64().unwrap()).sum();
    assert!((bare - steps.iter().sum::<f64>() / 3.0).abs() < 1e-6, "{found}");
    let table = place.run(&[&arguments[..], &["--ops", "stock"]].concat()).succeeds().stdout;
    for part in ["images/s", "GFLOP/s", "forward", "rest of backward", "optimizer", "peak memory"] {
        assert!(table.contains(part), "{table}");
    }
}
