//! What leaves the program for others: a network as ONNX, the classes of many photos.

use std::process::Stdio;

use crate::support::{Ended, Place, WNIDS, photo};

/// A run of a small network at 32 px, and how it is trained.
const TRAIN: [&str; 16] = [
    "train",
    "--dataset",
    "made",
    "--resolution",
    "32",
    "--epochs",
    "2",
    "--batch-size",
    "8",
    "--precision",
    "f32",
    "--set",
    "model.widths=[8, 8]",
    "--offline",
    "--out",
    "run",
];

fn trained() -> Place {
    let place = Place::with_made_dataset();
    place.run(&TRAIN).succeeds();
    place
}

#[test]
fn predict_takes_folders_several_photos_and_stdin() {
    let place = trained();
    let all = place.run(&["predict", "run", "photos/val", "photos/train/n01440764/n01440764_3.JPEG"]).succeeds();
    let lines: Vec<&str> = all.stdout.lines().collect();
    assert_eq!(lines.len(), 24 + 1);
    assert!(lines[0].starts_with("photos/val/n01440764/n01440764_0.JPEG: "), "{}", lines[0]);
    assert!(lines[24].starts_with("photos/train/n01440764/n01440764_3.JPEG: "), "{}", lines[24]);

    std::fs::write(place.path("one.JPEG"), photo(1, 5)).unwrap();
    let line = "imagenette predict run - < one.JPEG; imagenette predict run one.JPEG";
    let both = place.shell(line).succeeds().stdout;
    let [piped, named] = both.lines().collect::<Vec<_>>()[..] else { panic!("{both}") };
    assert_eq!(piped.strip_prefix("-: "), named.strip_prefix("one.JPEG: "));
    let seen =
        place.shell("imagenette predict run - one.JPEG photos/val/n03028079 --json < one.JPEG").succeeds().json();
    assert_eq!(seen.as_array().unwrap().len(), 2 + 8);
    assert_eq!((&seen[0]["image"], &seen[0]["classes"]), (&"-".into(), &seen[1]["classes"]));

    // A photo that cannot be read does not keep the others from being classified.
    std::fs::write(place.path("photos/val/n03028079/a.png"), "no photo").unwrap();
    let ended = place.run(&["predict", "run", "photos/val/n03028079"]).fails_saying(&["n03028079/a.png", "hint: "]);
    assert_eq!(ended.stdout.lines().count(), 8);
    std::fs::create_dir(place.path("empty")).unwrap();
    place.run(&["predict", "run", "empty"]).fails_saying(&["empty: expected photos", "hint: photos are files"]);
    place.run(&["predict", "run", "-"]).fails_saying(&["expected a photo on stdin, found nothing", "hint: "]);
}

#[test]
fn mistakes_and_where_the_network_looked_are_pictures() {
    let place = trained();
    let height = |file: &str| {
        let bytes = place.bytes(file);
        assert!(bytes.starts_with(b"\x89PNG"), "{file}");
        u32::from_be_bytes(bytes[20..24].try_into().unwrap())
    };
    let explain = ["predict", "run", "photos/val/n01440764", "--explain", "looked.png"];
    let ended = place.run(&explain).succeeds();
    assert_eq!(ended.stdout.lines().count(), 8, "{}", ended.stdout);
    assert!(ended.stderr.contains("where the network looked: looked.png"), "{}", ended.stderr);
    assert_eq!(height("looked.png"), 6 + 8 * (26 + 262 + 16));
    place
        .run(&["predict", "run", "photos/val", "--explain", "looked.jpg"])
        .misused_saying(&[".png", "hint: name it looked.png"]);

    let ended = place.run(&["show", "run", "--mistakes", "--out", "wrong.png"]).succeeds();
    assert_eq!(ended.stdout, "wrong.png\n");
    let score = place.run(&["score", "run", "--json"]).succeeds().json();
    let wrong = score["total"].as_u64().unwrap() - score["correct"].as_u64().unwrap();
    let lines = wrong.min(40).div_ceil(10) as u32;
    let label = if wrong > 0 { 32 } else { 0 };
    assert_eq!(height("wrong.png"), 6 + 26 + lines * (166 + label));
    place.run(&["show", "run"]).misused_saying(&["expected a dataset, found a run", "hint: `--mistakes`"]);
    place.run(&["show", "made", "--mistakes"]).fails_saying(&["expected a run's folder", "hint: "]);
    place.run(&["show", "--mistakes"]).exits_with(2);
    std::fs::remove_dir_all(place.path("store/datasets/made")).unwrap();
    place.run(&["show", "run", "--mistakes"]).fails_saying(&["its photos are not here", "hint: "]);
}

#[test]
fn a_network_is_exported_as_onnx_with_its_classes_and_refused_where_there_is_none() {
    let place = trained();
    let ended = place.run(&["export", "run", "--to", "onnx"]).succeeds();
    assert!(ended.stdout.starts_with("run.onnx: fast-16-8-8 at 32 px, 3 classes"), "{}", ended.stdout);
    let json = place.run(&["export", "run", "--to", "onnx", "--out", "a.onnx", "--json"]).succeeds().json();
    assert_eq!((&json["resolution"], json["bytes"].as_u64()), (&32.into(), Some(place.bytes("a.onnx").len() as u64)));
    assert_eq!(json["classes"], serde_json::json!(WNIDS));
    assert_eq!(place.bytes("a.onnx"), place.bytes("run.onnx"));
    place.run(&["export", "photos", "--to", "onnx"]).fails_saying(&["photos: no run is here", "hint: "]);
    place.run(&["export", "made", "--to", "parquet"]).misused_saying(&["expected the folder", "hint: name it"]);
    place.run(&["export", "run", "no/such.onnx", "--to", "onnx"]).fails_saying(&["no/such.onnx", "hint: "]);
}

#[test]
fn onnxruntime_sees_the_photos_as_predict_does() {
    let python = std::env::var("IMAGENETTE_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let asked =
        std::process::Command::new(&python).args(["-c", "import numpy, onnxruntime"]).stderr(Stdio::null()).status();
    if !asked.is_ok_and(|status| status.success()) {
        println!("skipped: python3 (or IMAGENETTE_TEST_PYTHON) has no onnxruntime and numpy");
        return;
    }
    let place = trained();
    place.run(&["export", "run", "--to", "onnx"]).succeeds();
    // Photos of the network's own size, so that nothing is resized.
    let mut names = Vec::new();
    for number in 0..6 {
        let rgb: Vec<u8> = (0..32 * 32 * 3).map(|i| (i * (7 + number) % 251) as u8).collect();
        let name = format!("square-{number}.jpg");
        let mut file = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut file, 95);
        encoder.encode(&rgb, 32, 32, jpeg_encoder::ColorType::Rgb).unwrap();
        std::fs::write(place.path(&name), &file).unwrap();
        let pixels = imagenette_data::image::decode(&file, std::path::Path::new(&name)).unwrap().0;
        std::fs::write(place.path(&format!("{name}.rgb")), pixels.rgb).unwrap();
        names.push(name);
    }
    let arguments: Vec<&str> =
        ["predict", "run", "--json", "--top", "3"].into_iter().chain(names.iter().map(String::as_str)).collect();
    std::fs::write(place.path("seen.json"), place.run(&arguments).succeeds().stdout).unwrap();
    let script = place.path("compare.py");
    std::fs::write(&script, SCRIPT).unwrap();
    let output = std::process::Command::new(python).arg(&script).current_dir(place.path("")).output().unwrap();
    Ended::new(&["compare.py"], output).succeeds();
}

/// Differences of logits are those of the probabilities' logarithms, but for what all of a photo's share.
const SCRIPT: &str = r#"
import json, numpy, onnxruntime
session = onnxruntime.InferenceSession("run.onnx", providers=["CPUExecutionProvider"])
meta = session.get_modelmeta().custom_metadata_map
ids = json.loads(meta["class_ids"])
assert len(json.loads(meta["classes"])) == len(ids) == 3, meta
assert (meta["resolution"], meta["geometry"], meta["interpolation"]) == ("32", "whole", "bilinear, antialiased"), meta
for seen in json.load(open("seen.json")):
    rgb = numpy.fromfile(seen["image"] + ".rgb", dtype="u1").reshape(1, 32, 32, 3)
    photos = (rgb.astype("f4") / 255).transpose(0, 3, 1, 2)
    [logits] = session.run(["logits"], {"photos": photos})[0].astype("f8")
    known = {entry["class"]: numpy.log(entry["probability"]) for entry in seen["classes"]}
    expected = numpy.array([known[name] for name in ids])
    difference = numpy.abs((logits - logits.mean()) - (expected - expected.mean())).max()
    assert difference <= 1e-4, (seen["image"], difference)
"#;
