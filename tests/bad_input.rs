//! Input that is wrong: every error names the file, what was expected and found, and what to do; nothing half-written
//! stays.

use crate::support::{Place, TRAIN_EACH, VAL_EACH, WNIDS, write_photos};

#[test]
fn a_dataset_that_was_named_and_is_missing_is_an_error_and_never_a_fallback() {
    let place = Place::with_made_dataset();
    place
        .run(&["train", "--dataset", "maed"])
        .fails_saying(&["dataset not found: `maed`", "hint: did you mean `made`?"]);
    place
        .run(&["train", "--dataset", "imagenette2-320"])
        .fails_saying(&["imagenette2-320", "imagenette get imagenette2-320"]);
    place.run(&["train", "--dataset", "photos"]).fails_saying(&["photos", "imagenette get --from photos"]);
    place.run(&["verify", "nothing"]).fails_saying(&["nothing"]);
    assert_eq!(place.list("runs"), [""; 0]);
}

#[test]
fn a_misspelt_archive_is_answered_with_the_nearest() {
    let place = Place::new();
    place.run(&["get", "imagenete2-160"]).fails_saying(&["`imagenete2-160`", "hint: did you mean `imagenette2-160`?"]);
    assert_eq!(place.list("store"), [""; 0]);
}

#[test]
fn archives_that_are_missing_empty_truncated_or_something_else_leave_nothing() {
    let place = Place::new();
    write_photos(&place.path("photos"));
    place.shell("tar czf good.tgz -C photos train val").succeeds();
    let good = place.bytes("good.tgz");
    std::fs::write(place.path("empty.tgz"), b"").unwrap();
    std::fs::write(place.path("short.tgz"), &good[..good.len() / 2]).unwrap();
    std::fs::write(place.path("text.tgz"), "this is a letter, not an archive\n".repeat(100)).unwrap();
    for name in ["nowhere.tgz", "empty.tgz", "short.tgz", "text.tgz"] {
        place.run(&["get", "--from", name]).fails_saying(&[name, "hint: "]);
        assert_eq!(place.list("store/datasets"), [""; 0], "{name}");
    }
    place.run(&["get", "--from", "good.tgz"]).succeeds();
    assert_eq!(place.list("store/datasets"), ["good"]);
}

#[test]
fn folders_with_a_strange_class_an_empty_class_or_a_text_are_refused() {
    let place = Place::new();
    let refuse = |name: &str, parts: &[&str]| {
        place.run(&["get", "--from", name]).fails_saying(parts);
        assert_eq!(place.list("store/datasets"), [""; 0], "{name}");
    };
    write_photos(&place.path("strange"));
    std::fs::rename(place.path("strange/val/n03028079"), place.path("strange/val/n99999999")).unwrap();
    refuse("strange", &["n99999999", "hint: "]);
    write_photos(&place.path("empty"));
    std::fs::remove_dir_all(place.path("empty/train/n03028079")).unwrap();
    std::fs::create_dir(place.path("empty/train/n03028079")).unwrap();
    refuse("empty", &["n03028079", "hint: "]);
    write_photos(&place.path("text"));
    std::fs::write(place.path("text/train/n03028079/n03028079_1.JPEG"), "not a photo").unwrap();
    refuse("text", &["n03028079_1.JPEG"]);
}

#[test]
fn recipes_with_typos_and_senseless_values_are_refused_before_anything_is_done() {
    let place = Place::with_made_dataset();
    let refuse = |setting: &str, parts: &[&str]| {
        let ended = place.run(&["train", "--dataset", "made", "--set", setting, "--out", "run"]);
        // What the dataset does not allow is no mistake of the command line alone.
        let ended = if setting == "resolution=64" { ended.fails_saying(parts) } else { ended.misused_saying(parts) };
        assert!(ended.stderr.contains("hint: "), "{setting}: {}", ended.stderr);
        assert_eq!(place.list("run"), [""; 0], "{setting}");
    };
    refuse("optimizer.learning_rat=0.1", &["learning_rat", "hint: ", "learning_rate"]);
    refuse("optimizer.learning_rate=-0.1", &["optimizer.learning_rate", "-0.1"]);
    refuse("batch_size=0", &["batch_size"]);
    refuse("epochs", &["KEY=VALUE"]);
    place.run(&["train", "--dataset", "made", "--set", "resolution=3000", "--out", "run"]).fails_saying(&[
        "resolution",
        "16 times the photos' (median) shortest side",
        "3000 px",
        "hint: ",
    ]);
    refuse("loss.label_smoothing=1.5", &["loss.label_smoothing", "hint: 0.1 and 0.2 are usual; 0 is none"]);
    refuse("model.activation=swish", &["model.activation", "hint: did you mean `silu`?"]);
    place.run(&["train", "--recipe", "defualt"]).misused_saying(&["defualt", "hint: did you mean `default`?"]);
    place.run(&["train", "--epochs", "0"]).misused_saying(&["expected a whole number of 1 or more"]);
    place.run(&["train", "--epochs", "-1"]).misused_saying(&["'-1'", "expected a whole number of 1 or more"]);
    place.run(&["train", "--hold-out", "tenth"]).misused_saying(&["expected a number, for example 0.1"]);
    place.run(&["train", "--runs", "x"]).misused_saying(&["expected a whole number from 1 to 10000"]);
    place
        .run(&["train", "--dataset", "made", "--hold-out", "0.999", "--out", "run"])
        .fails_saying(&["hold_out: expected a share that leaves a batch (64) to train on", "hint: hold out less"]);
    place
        .run(&["train", "--recipe", "nowhere.toml"])
        .fails_saying(&["read the recipe nowhere.toml", "hint: check the path"]);
    place
        .run(&["make", "nowhere.toml", "--from", "x"])
        .fails_saying(&["read the spec nowhere.toml", "hint: check the path"]);
    std::fs::write(place.path("broken.toml"), "name = \n").unwrap();
    place.run(&["train", "--recipe", "broken.toml"]).fails_saying(&["broken.toml", "hint: "]);
    place.run(&["train", "--device", "cuda"]).fails_saying(&["cuda", "hint: "]);
}

#[test]
fn what_can_be_refused_at_once_is_refused_before_anything_is_drawn_or_packed() {
    let place = Place::new();
    let refuse = |line: &str, parts: &[&str]| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let parts = [parts, &["hint: "]].concat();
        let (ended, is_typed) = (place.run(&arguments), line.contains("m129") || line.contains(".jpg"));
        if is_typed {
            ended.misused_saying(&parts)
        } else {
            ended.fails_saying(&parts)
        };
        assert_eq!(place.list("store"), [""; 0], "{line}");
    };
    refuse("show --class dog", &["drawn has no class `dog`"]);
    refuse("show --augmented m129", &["m129"]);
    refuse("show --out no/such/sheet.png", &["no/such/sheet.png"]);
    refuse("show --out sheet.jpg", &["ends in .png, found sheet.jpg", "name it sheet.png"]);
    refuse("find-lr default --out rates.jpg", &["ends in .svg, found rates.jpg"]);
    refuse("bench --recipe m129", &["m129"]);
    refuse("bench --train --recipe m129", &["m129"]);
    refuse("train --offline --ops stock --precision bf16", &["precision"]);
    refuse("sweep default --offline --ops stock --set precision=f32,bf16", &["precision"]);
    refuse("find-lr default --offline --out no/such/rates.svg", &["no/such/rates.svg"]);
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_names_the_step() {
    let place = Place::with_made_dataset();
    let diverging = [
        "train",
        "--dataset",
        "made",
        "--resolution",
        "32",
        "--batch-size",
        "8",
        "--set",
        "model.stem=8",
        "--set",
        "model.widths=[8,8,8,8]",
        "--learning-rate",
        "1e30",
        "--set",
        "schedule.warm_up=0",
        "--out",
        "run",
    ];
    place.run(&diverging).fails_saying(&["at step ", "hint: "]);
    assert_eq!(place.list("run"), [""; 0], "nothing stays of a run that came to nothing");
    assert!(!place.path("run").exists());
}

#[test]
fn photos_that_cannot_be_decoded_are_named_when_packing() {
    let place = Place::with_made_dataset();
    // A header that promises a photo, and nothing behind it.
    let photo = format!("store/datasets/made/train/{0}/{0}_5.JPEG", WNIDS[0]);
    let bytes = place.bytes(&photo);
    std::fs::write(place.path(&photo), &bytes[..bytes.len() / 8]).unwrap();
    place
        .run(&["train", "--dataset", "made", "--resolution", "32", "--out", "run"])
        .fails_saying(&["n01440764_5.JPEG", "hint: "]);
    assert!(
        place.list("store/packed").iter().all(|name| !name.ends_with(".packed")),
        "{:?}",
        place.list("store/packed")
    );
}

/// Packs `made`, and trains for a moment.
const PACKING: [&str; 13] = [
    "train",
    "--dataset",
    "made",
    "--epochs",
    "1",
    "--resolution",
    "32",
    "--batch-size",
    "8",
    "--set",
    "model.stem=8",
    "--set",
    "model.widths=[8,8]",
];

#[test]
fn a_damaged_packed_file_is_replaced() {
    let place = Place::with_made_dataset();
    let show = ["show", "made", "--augmented", "default"];
    place.run(&PACKING).succeeds();
    place.run(&show).succeeds();
    let whole = place.bytes("contact-sheet.png");
    let name = place.list("store/packed").into_iter().find(|name| name.ends_with(".packed")).expect("it was packed");
    let packed = format!("store/packed/{name}");
    let good = place.bytes(&packed);
    for (place_in_file, what) in [(0, "magic"), (9, "version"), (40, "header")] {
        let mut bytes = good.clone();
        bytes[place_in_file] ^= 0x55;
        std::fs::write(place.path(&packed), &bytes).unwrap();
        let ended = place.run(&show).succeeds();
        assert!(ended.stderr.contains(&name), "{what}: {}", ended.stderr);
        assert_eq!(place.bytes("contact-sheet.png"), whole, "{what}");
        assert_eq!(place.bytes(&packed), good, "{what}");
    }
    std::fs::write(place.path(&packed), &good[..good.len() - 1]).unwrap();
    place.run(&show).succeeds();
    assert_eq!(place.bytes(&packed), good);
}

#[cfg(unix)]
#[test]
fn a_full_disk_while_unpacking_or_packing_leaves_nothing_half_written() {
    let place = Place::new();
    write_photos(&place.path("photos"));
    // A limit on file sizes acts as a full disk.
    let full =
        |blocks: u32, line: &str| place.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; exec imagenette {line}"));
    full(1, "get --from photos --name made").fails_saying(&["failed to"]);
    assert_eq!(place.list("store/datasets"), [""; 0]);
    place.run(&["get", "--from", "photos", "--name", "made"]).succeeds();
    full(64, "show made --augmented default").fails_saying(&["failed to"]);
    assert!(
        place.list("store/packed").iter().all(|name| !name.ends_with(".packed")),
        "{:?}",
        place.list("store/packed")
    );
    place.run(&["show", "made", "--augmented", "default"]).succeeds();
}

#[cfg(unix)]
#[test]
fn a_store_that_cannot_be_written_to_is_named_with_a_hint() {
    let place = Place::new();
    write_photos(&place.path("photos"));
    // A file where the store's folder should be: even root cannot write there.
    std::fs::write(place.path("store"), "in the way").unwrap();
    place.run(&["get", "--from", "photos"]).fails_saying(&["store"]);
}

#[test]
fn counts_of_the_made_photos_are_what_the_tests_say() {
    let place = Place::with_made_dataset();
    let info = place.run(&["info", "--json"]).succeeds().json();
    assert_eq!(info["datasets"][0]["train"], TRAIN_EACH * WNIDS.len());
    assert_eq!(info["datasets"][0]["val"], VAL_EACH * WNIDS.len());
}
