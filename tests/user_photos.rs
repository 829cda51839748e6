//! Folders as people have them: what used to end in silence, in a dead end or in a wrong picture works, or is answered
//! with what to type.

use std::path::Path;

use imagenette_data::image::{Pixels, encode_png};

use crate::support::{Ended, Place, photo};

/// Settings for a network that trains in a second.
const TINY: [&str; 10] = [
    "--epochs",
    "1",
    "--batch-size",
    "8",
    "--set",
    "model.stem=8",
    "--set",
    "model.widths=[8,8,8,8]",
    "--precision",
    "f32",
];

/// Writes so many photos of a class.
fn write_class(place: &Place, folder: &str, label: usize, numbers: std::ops::Range<usize>) {
    std::fs::create_dir_all(place.path(folder)).unwrap();
    for number in numbers {
        std::fs::write(place.path(folder).join(format!("{number}.jpg")), photo(label, number)).unwrap();
    }
}

/// Three classes in the folders of these splits: eight photos each in the first, four in the others.
fn write_splits(place: &Place, folder: &str, splits: &[&str]) {
    for (nth, split) in splits.iter().enumerate() {
        let from = 20 * nth;
        for (label, class) in ["cat", "cow", "dog"].iter().enumerate() {
            let count = if nth == 0 { 8 } else { 4 };
            write_class(place, &format!("{folder}/{split}/{class}"), label, from..from + count);
        }
    }
}

fn train(place: &Place, dataset: &str, run: &str, more: &[&str]) -> Ended {
    let small = ["--resolution", "32"];
    place.run(&[&["train", "-d", dataset, "-o", run][..], &small, &TINY, more].concat())
}

/// A JPEG with an EXIF orientation.
fn noted(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &exif, &jpeg[2..]].concat()
}

/// A gray PNG of 16 bits, all of one value, without compression.
fn sixteen_bits(side: u32, value: u16) -> Vec<u8> {
    fn sum(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
        })
    }
    fn chunk(kind: &[u8], content: &[u8]) -> Vec<u8> {
        let named = [kind, content].concat();
        [&(content.len() as u32).to_be_bytes()[..], &named, &sum(&named).to_be_bytes()].concat()
    }
    let row = [vec![0], value.to_be_bytes().repeat(side as usize)].concat();
    let rows = row.repeat(side as usize);
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in &rows {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let length = rows.len() as u16;
    let stored =
        [&[0x78, 1, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), &rows, &(b << 16 | a).to_be_bytes()];
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[16, 0, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &stored.concat()), chunk(b"IEND", b"")]
        .concat()
}

fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(
            ended.stderr.contains(part) || ended.stdout.contains(part),
            "{part}:\n{}{}",
            ended.stdout,
            ended.stderr
        );
    }
}

#[test]
fn photos_that_are_stored_turned_are_turned_and_said_from_get_to_predict() {
    let place = Place::new();
    write_splits(&place, "plain", &["train", "val"]);
    for split in ["train", "val"] {
        for class in ["cat", "cow", "dog"] {
            let folder = place.path(&format!("exif/{split}/{class}"));
            std::fs::create_dir_all(&folder).unwrap();
            for file in place.list(&format!("plain/{split}/{class}")) {
                let bytes = place.bytes(&format!("plain/{split}/{class}/{file}"));
                std::fs::write(folder.join(file), noted(&bytes, 6)).unwrap();
            }
        }
    }
    let got = place.run(&["get", "--from", "exif"]).succeeds();
    says(&got, &["turned upright, as their EXIF says: 36 of 36 photos (--keep-orientation"]);
    let kept =
        place.run(&["get", "--from", "exif", "--name", "kept", "--keep-orientation", "--json"]).succeeds().json();
    assert_eq!((kept["turned"].as_u64(), kept["train"].as_u64()), (Some(0), Some(24)));
    let turned = place.run(&["get", "--from", "exif", "--json"]).succeeds().json();
    assert_eq!((turned["turned"].as_u64(), turned["was_there"].as_bool()), (Some(36), Some(true)));
    assert_ne!(turned["identity"], kept["identity"]);
    place.run(&["get", "--from", "exif", "--name", "exif", "--keep-orientation"]).fails_saying(&[
        "the same photos, split or turned otherwise",
        "hint: ",
        "--force",
        "--name",
    ]);
    place.run(&["get", "--from", "plain"]).succeeds();

    says(&train(&place, "exif", "upright", &[]).succeeds(), &["photos with an orientation, turned upright: 36"]);
    says(&train(&place, "kept", "stored", &[]).succeeds(), &["photos with an orientation, not turned: 36"]);
    train(&place, "plain", "plain-run", &[]).succeeds();
    // Photos without a note are the same ones as those whose note is not followed: bit for bit the same run.
    assert_eq!(place.bytes("stored/predictions.csv"), place.bytes("plain-run/predictions.csv"));

    // A network that saw photos upright sees this one upright too, and says so; the other does not, and says that.
    let bytes = photo(0, 50);
    std::fs::write(place.path("as-it-is.jpg"), &bytes).unwrap();
    std::fs::write(place.path("turned.jpg"), noted(&bytes, 6)).unwrap();
    let predicted = |run: &str, file: &str| place.run(&["predict", run, file, "--json"]).succeeds();
    let classes = |ended: &Ended| ended.json()[0]["classes"].clone();
    let (as_it_is, turned) = (predicted("upright", "as-it-is.jpg"), predicted("upright", "turned.jpg"));
    assert_ne!(classes(&as_it_is), classes(&turned));
    says(&turned, &["turned.jpg: with an orientation, turned upright"]);
    let (as_it_is, turned) = (predicted("stored", "as-it-is.jpg"), predicted("stored", "turned.jpg"));
    assert_eq!(classes(&as_it_is), classes(&turned));
    says(&turned, &["turned.jpg: with an orientation, not turned"]);

    says(
        &place.run(&["audit", "exif"]).succeeds(),
        &["fine  orientation        36 photos with an orientation, turned"],
    );
    says(&place.run(&["audit", "kept"]).succeeds(), &["look  orientation        36 photos with an orientation, not"]);
    says(&place.run(&["audit", "./exif"]).succeeds(), &["36 photos with an orientation, turned upright"]);
    // What is made of them is upright, unless it is to be as it is stored.
    let make = ["make", "--classes", "all", "--split", "own", "--from", "exif", "--sizes", "full", "--json"];
    let sides = |name: &str| {
        let manifest = place.read(&format!("store/datasets/{name}/manifest.jsonl"));
        let second: serde_json::Value = serde_json::from_str(manifest.lines().nth(2).unwrap()).unwrap();
        (second["width_px"].as_u64(), second["height_px"].as_u64())
    };
    place.run(&[&make[..], &["--name", "made-upright"]].concat()).succeeds();
    place.run(&[&make[..], &["--name", "made-kept", "--keep-orientation"]].concat()).succeeds();
    let (upright, kept) = (sides("made-upright"), sides("made-kept"));
    assert_eq!((upright.0, upright.1), (kept.1, kept.0));
    assert_ne!(upright, kept);
}

#[test]
fn photos_of_sixteen_bits_in_a_small_range_are_said_with_their_range() {
    let place = Place::new();
    for (folder, largest) in [("x12", 4000_u16), ("x16", 64_000)] {
        for split in ["train", "val"] {
            for (class, value) in [("a", largest), ("b", largest / 2)] {
                std::fs::create_dir_all(place.path(&format!("{folder}/{split}/{class}"))).unwrap();
                for number in 0..8 {
                    let file = place.path(&format!("{folder}/{split}/{class}/{number}.png"));
                    std::fs::write(file, sixteen_bits(36, value - number)).unwrap();
                }
            }
        }
    }
    let dark = place.run(&["get", "--from", "x12"]).succeeds();
    says(
        &dark,
        &["32 of 16 bits in a small range", "train/a/0.png, has values up to 4000 of 65535", "multiply 16 *.png"],
    );
    says(&train(&place, "x12", "dark", &[]).succeeds(), &["photos of 16 bits in a small range, nearly black: 32"]);
    says(&place.run(&["audit", "x12"]).succeeds(), &["32 photos of 16 bits in a small range, nearly black"]);
    let bright = place.run(&["get", "--from", "x16"]).succeeds();
    assert!(!bright.stderr.contains("16 bits"), "{}", bright.stderr);
}

#[test]
fn class_folders_and_train_alone_are_answered_with_a_command_that_works() {
    let place = Place::new();
    for (label, class) in ["cat", "cow", "dog"].iter().enumerate() {
        write_class(&place, &format!("my flat/{class}"), label, 0..10);
        write_class(&place, &format!("noval/train/{class}"), label, 0..10);
    }
    place.run(&["get", "--from", "my flat"]).fails_saying(&[
        "dataset name",
        "hint: give it another name",
        "--name my-flat",
    ]);
    for (from, quote, name, said) in
        [("my flat", "'", " --name my-flat", "class folders without them"), ("noval", "", "", "found no val")]
    {
        let refused =
            place.run(&["get", "--from", from, "--name", "own"]).fails_saying(&[said, "hint: draw a val split"]);
        let command = format!("imagenette get --from {quote}{}{quote} --split 90:10", place.path(from).display());
        says(&refused, &[&format!("`{command}{name}`")]);
        let got = place.shell(&format!("{command}{name}")).succeeds();
        says(&got, &["27 train and 3 val photos"]);
    }
    place.run(&["get", "--from", "noval", "--split", "9"]).exits_with(2);
    train(&place, "my-flat", "run", &[]).succeeds();
}

#[test]
fn a_test_split_is_kept_apart_and_evaluated_on_demand() {
    let place = Place::new();
    write_splits(&place, "own", &["train", "validation", "test"]);
    says(&place.run(&["get", "--from", "own"]).succeeds(), &["24 train, 12 val and 12 test photos"]);
    says(&place.run(&["info"]).succeeds(), &["24 train + 12 val + 12 test photos"]);
    says(&place.run(&["verify", "own", "--deep"]).succeeds(), &["48 photos"]);
    says(&place.run(&["audit", "own"]).succeeds(), &["(24 train, 12 val, 12 test)", "no photo of val or test"]);
    train(&place, "own", "run", &[]).succeeds();
    let predictions = place.read("run/predictions.csv");
    assert!(predictions.lines().skip(1).all(|line| line.starts_with("val/")), "{predictions}");
    let record: serde_json::Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
    assert_eq!((record["dataset"]["train"].as_u64(), record["result"]["total"].as_u64()), (Some(24), Some(12)));
    let eval = place.run(&["eval", "run", "--split", "test", "--out", "test.csv", "--json"]).succeeds().json();
    assert_eq!((&eval["split"], &eval["total"]), (&"test".into(), &12.into()));
    assert!(place.read("test.csv").lines().skip(1).all(|line| line.starts_with("test/")));
    let score = place.run(&["score", "test.csv", "--split", "test", "--json"]).succeeds().json();
    assert_eq!((&score["correct"], &score["total"]), (&eval["correct"], &eval["total"]));
    says(&place.run(&["score", "test.csv", "--split", "test"]).succeeds(), &["on the test split", "of 12"]);
    place.run(&["score", "test.csv"]).fails_saying(&["for the test split", "hint: add `--split test`"]);
    place.run(&["score", "run", "--split", "test"]).fails_saying(&["for val, not for test", "eval run --split test"]);
    place.run(&["show", "own", "--split", "test", "--out", "sheet.png"]).succeeds();
    // What is in test changes nothing of training and val.
    write_splits(&place, "without", &["train", "val"]);
    place.run(&["get", "--from", "without"]).succeeds();
    train(&place, "without", "same", &[]).succeeds();
    assert_eq!(place.bytes("run/weights.safetensors"), place.bytes("same/weights.safetensors"));
    assert_eq!(place.read("run/predictions.csv"), place.read("same/predictions.csv"));
    place.run(&["eval", "same", "--split", "test"]).fails_saying(&["without has no test split", "hint: "]);
    // A photo of train in test is a leak too.
    std::fs::copy(place.path("own/train/cat/0.jpg"), place.path("own/test/cat/leak.jpg")).unwrap();
    let leak = place.run(&["audit", "./own", "--strict"]).exits_with(1);
    says(&leak, &["bad   val in train       1 photo of val or test in another split too"]);
    for (to, file) in [("webdataset", "test-000000.tar"), ("parquet", "data/test-00000-of-00001.parquet")] {
        place.run(&["export", "own", to, "--to", to]).succeeds();
        assert!(place.path(to).join(file).is_file(), "{:?}", place.list(to));
    }
}

#[test]
fn every_class_is_held_out_and_one_class_alone_is_refused() {
    let place = Place::new();
    for (split, most) in [("train", 40), ("val", 6)] {
        write_class(&place, &format!("imb/{split}/big"), 0, 0..most);
        write_class(&place, &format!("imb/{split}/small"), 1, 0..2);
        write_class(&place, &format!("single/{split}/only"), 0, 0..most);
    }
    place.run(&["get", "--from", "imb"]).succeeds();
    train(&place, "imb", "run", &["--hold-out", "0.1"]).succeeds();
    let predictions = place.read("run/predictions.csv");
    let of = |class: &str| predictions.lines().filter(|line| line.starts_with(&format!("train/{class}/"))).count();
    assert_eq!((of("big"), of("small")), (4, 1));
    place.run(&["score", "run"]).succeeds();
    says(&place.run(&["get", "--from", "single"]).succeeds(), &["one class, `only`", "training refuses it"]);
    train(&place, "single", "no", &[]).fails_saying(&["two classes or more", "`only`", "hint: add a folder of photos"]);
    assert!(!place.path("no").exists());
}

#[test]
fn photos_of_28_px_train_as_they_come() {
    let place = Place::new();
    for split in ["train", "val"] {
        for (label, class) in ["0", "1"].iter().enumerate() {
            let folder = place.path(&format!("mnist/{split}/{class}"));
            std::fs::create_dir_all(&folder).unwrap();
            for number in 0..8_usize {
                let rgb = (0..28 * 28).flat_map(|at| [((at * (label + 2) + number) % 200) as u8; 3]).collect();
                let file = encode_png(&Pixels { width_px: 28, height_px: 28, rgb });
                std::fs::write(folder.join(format!("{number}.png")), file).unwrap();
            }
        }
    }
    place.run(&["get", "--from", "mnist"]).succeeds();
    let arguments = [&["train", "-d", "mnist", "-o", "run"][..], &TINY].concat();
    says(&place.run(&arguments).succeeds(), &["photos of 28 px (median shortest side) are enlarged to 64 px"]);
    let refused = place.run(&[&["train", "-d", "mnist", "--resolution", "28"][..], &TINY].concat());
    refused.misused_saying(&[
        "32 px or more",
        "found 28 px",
        "hint: use 32 px or more",
        "smaller photos of one's own are enlarged",
    ]);
    says(&train(&place, "mnist", "again", &[]).succeeds(), &["enlarged to 32 px"]);
}

#[test]
fn strays_hidden_folders_and_names_are_answered() {
    let place = Place::new();
    write_splits(&place, "own", &["train", "val"]);
    write_class(&place, "own/train/.ipynb_checkpoints", 0, 0..2);
    write_class(&place, "own/train/cat/deep", 0, 0..2);
    std::fs::write(place.path("own/train/cat/ant.gif"), "GIF89a").unwrap();
    let got = place.run(&["get", "--from", "own"]).succeeds();
    says(&got, &["left out, since no photos of a class: 2 (train/cat/ant.gif, train/cat/deep)", "24 train and 12 val"]);
    says(&got, &["left out, since hidden"]);
    place
        .run(&["get", "--from", "own", "--name", "strict", "--strict"])
        .fails_saying(&["ant.gif", "hint: move these out"]);
    // `make` takes no folder within a class for a class either.
    let make =
        ["make", "--classes", "all", "--split", "own", "--from", "own", "--name", "made", "--sizes", "32", "--json"];
    let made = place.run(&make).succeeds().json();
    assert_eq!((&made["datasets"][0]["train"], &made["datasets"][0]["val"]), (&24.into(), &12.into()), "{made}");
    assert_eq!(made["summary"]["skipped"], 2, "{made}");
    let manifest = place.read("store/datasets/made-32/manifest.jsonl");
    assert!(!manifest.contains("deep") && !manifest.contains("ipynb"), "{manifest}");
    for (label, class) in ["cat", "cow"].iter().enumerate() {
        write_class(&place, &format!("flat/{class}"), label, 0..6);
        write_class(&place, &format!("flat/{class}/deep"), label, 0..2);
    }
    let flat =
        ["make", "--classes", "all", "--split", "50:50", "--from", "flat", "--name", "flat", "--sizes", "32", "--json"];
    let made = place.run(&flat).succeeds().json();
    assert_eq!(made["summary"]["skipped"], 4, "{made}");
    assert!(!place.read("store/datasets/flat-32/manifest.jsonl").contains("deep"));
    if cfg!(unix) {
        for name in ["12:30.jpg", "a?b.jpg"] {
            std::fs::write(place.path("own/val/dog").join(name), photo(0, 99)).unwrap();
        }
        let parts =
            ["2 that not every system takes", "val/dog/12:30.jpg", "val/dog/a?b.jpg", "hint: rename what is listed"];
        place.run(&["get", "--from", "own", "--name", "named"]).fails_saying(&parts);
    }
    let archive = place.path("own.rar");
    std::fs::write(&archive, b"Rar!\x1A\x07\x01\0 and more").unwrap();
    place.run(&["get", "--from", "own.rar"]).fails_saying(&["a RAR archive", "hint: unpack it"]);
    std::fs::write(place.path("own.zip"), b"PK\x03\x04 and more").unwrap();
    let zip = place.run(&["make", "--classes", "all", "--split", "50:50", "--from", "own.zip", "--name", "zipped"]);
    zip.fails_saying(&["a zip archive", "hint: unpack it and give the folder", "imagenette get --from"]);
}

#[test]
fn manifests_of_the_first_version_are_read_and_keep_their_identity() {
    let place = Place::new();
    write_splits(&place, "own", &["train", "val"]);
    let identity = place.run(&["get", "--from", "own", "--json"]).succeeds().json()["identity"].clone();
    let file = "store/datasets/own/manifest.jsonl";
    let text = place.read(file);
    assert!(text.contains("\"version\":2") && text.contains("\"orientation\":\"upright\""));
    let first = text.replace("\"version\":2", "\"version\":1").replace("\"orientation\":\"upright\",", "");
    // The first version had no checksum.
    let (before, rest) = first.split_once(",\"sha256\":\"").expect("a checksum in the head");
    let first = format!("{before}{}", &rest[65..]);
    std::fs::write(place.path(file), &first).unwrap();
    let verified = place.run(&["verify", "own", "--deep", "--json"]).succeeds().json();
    assert_eq!(verified[0]["identity"], identity);
    says(&place.run(&["get", "--from", "own"]).succeeds(), &["own is installed already"]);
    assert_eq!(place.read(file), first);
    assert!(Path::new(&place.path("own/train/cat/0.jpg")).is_file());
}
