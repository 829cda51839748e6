//! Files, flags and places that are meant to do harm, or are damaged so that they could: pipes that never end, sizes of
//! ten digits, names with control codes, devices as outputs. `benchmarks/hostile` tries many more of each kind.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ended, Place, WNIDS};

const TINY: [&str; 13] = [
    "train",
    "--dataset",
    "made",
    "--resolution",
    "32",
    "--batch-size",
    "8",
    "--set",
    "evaluation.resolution=32",
    "--set",
    "model.stem=8",
    "--set",
    "model.widths=[8,8,8,8]",
];

fn with_run() -> Place {
    let place = Place::with_made_dataset();
    place.run(&[&TINY[..], &["--epochs", "1", "--out", "run"]].concat()).succeeds();
    place
}

fn photo() -> String {
    format!("photos/val/{0}/{0}_0.JPEG", WNIDS[0])
}

/// Changes the JSON of a file.
fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

/// Changes the description in a file of tensors.
fn change_description(path: &Path, change: impl FnOnce(&mut Value)) {
    let bytes = std::fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let text = header["__metadata__"]["imagenette"].as_str().unwrap();
    let mut description: Value = serde_json::from_str(text).unwrap();
    change(&mut description);
    header["__metadata__"]["imagenette"] = description.to_string().into();
    let header = header.to_string().into_bytes();
    let whole = [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[8 + length..]].concat();
    std::fs::write(path, whole).unwrap();
}

/// Refused, by what was typed (2) or by what is there (1), with these words.
fn is_refused(ended: Ended, parts: &[&str]) -> Ended {
    assert!([1, 2].contains(&ended.status), "exit status {}: {}", ended.status, ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part) && ended.stderr.contains("error: "), "`{part}`: {}", ended.stderr);
    }
    ended
}

fn shows_no_codes(ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        let code = text.chars().find(|&character| character.is_control() && character != '\n' && character != '\t');
        assert_eq!(code, None, "{text:?}");
    }
}

#[test]
fn sizes_in_flags_and_recipes_are_refused_before_memory_is_taken() {
    let place = with_run();
    is_refused(place.run(&["eval", "run", "--resolution", "0"]), &["a whole number of 1 or more"]);
    for (resolution, said) in [("1", "32 px or more"), ("31", "32 px or more"), ("65535", "4096 px")] {
        let ended = place.run(&["eval", "run", "--resolution", resolution]);
        ended.fails_saying(&["evaluation.resolution", said, &format!("found {resolution} px"), "hint: "]);
    }
    let train = |more: &[&str]| place.run(&[&TINY[..], more, &["--out", "other"]].concat());
    let epochs = ["4294967295 epochs", "memory", "hint: set `epochs` lower"];
    is_refused(train(&["--epochs", "4294967295"]), &epochs);
    let wide = ["--epochs", "1", "--set", "model.widths=[65535,65535]"];
    is_refused(train(&wide), &["the network's weights (`model`)", "memory", "hint: make the network narrower"]);
    let groups = "model={ kind = \"xresnet\", depth = 50, groups = 0 }";
    let grouped =
        ["train", "--dataset", "made", "--batch-size", "8", "--resolution", "32", "--set", groups, "--out", "other"];
    is_refused(place.run(&grouped), &["model.groups", "found 0", "hint: "]);
    let long = format!("name={}", "x".repeat(70_000));
    let ended = is_refused(train(&["--epochs", "1", "--set", &long]), &["name", "at most 200 letters", "hint: "]);
    assert!(ended.stderr.len() < 1000, "{}", ended.stderr.len());
    assert_eq!(place.list("other"), [""; 0]);
    let steps = ["find-lr", "default", "--dataset", "made", "--set", "batch_size=8", "--set", "resolution=32"];
    let steps = [&steps[..], &["--set", "evaluation.resolution=32", "--steps", "4294967295"]].concat();
    is_refused(place.run(&steps), &["find-lr.steps", "found 4294967295", "hint: "]);
    let many = (0..200).map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    let (one, two) = (format!("seed={many}"), format!("epochs={many}"));
    let sweep = place.run(&["sweep", "default", "--set", &one, "--set", &two]);
    is_refused(sweep, &["40000", "at most 10000", "hint: "]);
}

#[test]
fn sizes_in_headers_are_refused_before_memory_is_taken() {
    let place = with_run();
    let (weights, photo) = (place.path("run/weights.safetensors"), photo());
    let whole = std::fs::read(&weights).unwrap();
    let refuse = |parts: &[&str], changed: &dyn Fn(&mut Value)| {
        std::fs::write(&weights, &whole).unwrap();
        change_description(&weights, changed);
        // As one would who hides it: the record names the changed file.
        let hash = imagenette_files::hash::sha256(std::fs::read(&weights).unwrap());
        change(&place.path("run/record.json"), |record| record["provenance"]["weights_sha256"] = hash.into());
        for line in [vec!["predict", "run", &photo], vec!["eval", "run"]] {
            shows_no_codes(&place.run(&line).fails_saying(&[parts, &["hint: "]].concat()));
        }
    };
    for px in [0, 1, 7, 65_535, u32::MAX] {
        refuse(&["evaluation.resolution", &format!("{px} px")], &|head| head["evaluation"]["resolution"] = px.into());
    }
    let xresnet = |groups: u32| json!({ "kind": "xresnet", "depth": 50, "groups": groups });
    refuse(&["model.groups", "found 0"], &|head| head["model"] = xresnet(0));
    refuse(&["model.groups", "found 4294967295"], &|head| head["model"] = xresnet(u32::MAX));
    refuse(&["memory"], &|head| head["model"]["widths"] = json!([u32::MAX, u32::MAX]));
    refuse(&["head.weight"], &|head| head["classes"] = json!([]));
}

#[test]
fn records_that_no_program_writes_are_refused_by_name() {
    let place = with_run();
    let record = place.path("run/record.json");
    let whole = std::fs::read(&record).unwrap();
    let refuse = |parts: &[&str], changed: &dyn Fn(&mut Value)| {
        std::fs::write(&record, &whole).unwrap();
        change(&record, changed);
        let ended = place.run(&["plot", "run", "--out", "plots"]).fails_saying(&[parts, &["hint: "]].concat());
        shows_no_codes(&ended);
        assert!(ended.stderr.len() < 2000, "{}", ended.stderr.len());
        assert_eq!(place.list("plots"), [""; 0]);
    };
    refuse(&["`recipe` of 70000 letters"], &|record| record["recipe"] = "x".repeat(70_000).into());
    refuse(&["`recipe` with control codes", "\\u{1b}"], &|record| record["recipe"] = "\u{1b}]0;x\u{7}".into());
    refuse(&["`epochs` of 0"], &|record| record["epochs"] = 0.into());
    let evaluations = |record: &mut Value| record["by_epoch"] = vec![record["by_epoch"][0].clone(); 100_000].into();
    refuse(&["100000 evaluations in `by_epoch` of 1 epochs"], &evaluations);
    std::fs::write(&record, &whole).unwrap();
    change(&record, |record| record["dataset"]["identity"] = format!("a{}", "é".repeat(8)).into());
    for verb in ["score", "eval"] {
        place.run(&[verb, "run"]).fails_saying(&["another beginning", "hint: "]);
    }
}

#[test]
fn manifests_that_lead_elsewhere_or_ask_for_memory_are_refused() {
    let place = Place::with_made_dataset();
    let manifest = place.path("store/datasets/made/manifest.jsonl");
    let whole = std::fs::read_to_string(&manifest).unwrap();
    let refuse = |parts: &[&str], line: usize, changed: &dyn Fn(&mut Value)| {
        let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
        let mut value: Value = serde_json::from_str(&lines[line]).unwrap();
        changed(&mut value);
        lines[line] = value.to_string();
        std::fs::write(&manifest, lines.join("\n") + "\n").unwrap();
        for verb in [vec!["verify", "made"], vec!["show", "made"], vec!["audit", "made"]] {
            shows_no_codes(&place.run(&verb).fails_saying(&[parts, &["manifest.jsonl", "hint: "]].concat()));
        }
    };
    refuse(&["a class at least"], 0, &|head| head["classes"] = json!([]));
    refuse(&["expected 16777216 images"], 0, &|head| head["images"] = (1 << 24).into());
    for name in ["../../../etc/passwd", "/etc/passwd", "..", "", "a\u{1b}]0;x\u{7}"] {
        refuse(&["line 2"], 1, &|image| image["file_name"] = name.into());
        refuse(&["line 1"], 0, &|head| head["classes"][0]["wnid"] = name.into());
    }
    refuse(&["lines of at most 65536 bytes"], 1, &|image| image["file_name"] = "x".repeat(1 << 20).into());
    let mut bytes = whole.clone().into_bytes();
    bytes[whole.len() / 2] = 0xff;
    std::fs::write(&manifest, bytes).unwrap();
    place.run(&["verify", "made"]).fails_saying(&["lines of text in UTF-8, found other bytes", "hint: "]);
}

#[test]
fn names_with_codes_reach_neither_the_terminal_nor_a_picture() {
    let place = with_run();
    let title = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}";
    shows_no_codes(&place.run(&["score", title]).fails_saying(&["\\u{1b}]0;x\\u{7}\\u{9b}2J", "hint: "]));
    shows_no_codes(&place.run(&["get", "--from", title]).fails_saying(&["\\u{1b}", "hint: "]));
    shows_no_codes(&place.run(&[title]).exits_with(2));
    // In a table of predictions, and in JSON on stdout, which stays JSON.
    let table = place.read("run/predictions.csv");
    std::fs::write(place.path("other.csv"), table.replacen(WNIDS[0], title, 2)).unwrap();
    shows_no_codes(&place.run(&["score", "other.csv", "--dataset", "made"]).fails_saying(&["\\u{1b}"]));
    std::fs::copy(place.path(&photo()), place.path(title)).unwrap();
    let ended = place.run(&["predict", "run", title, "--json"]).succeeds();
    shows_no_codes(&ended);
    assert_eq!(ended.json()[0]["image"], title);
    // In pictures and pages.
    place.run(&["plot", "run", "--out", "plots", "--title", title]).succeeds();
    for name in place.list("plots") {
        let picture = place.read(&format!("plots/{name}"));
        assert!(!picture.contains('\u{1b}') && picture.contains("\\u{1b}"), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_before_it_is_read() {
    let place = with_run();
    place.shell("mkfifo pipe pipe.toml pipe.tgz && ln -s loop loop && truncate -s 2T giant").succeeds();
    place.shell("for name in zero zero.toml zero.tgz; do ln -s /dev/zero $name; done").succeeds();
    let refuse = |line: &str, what: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let began = std::time::Instant::now();
        place.run(&arguments).fails_saying(&[what, "hint: "]);
        assert!(began.elapsed().as_secs() < 20, "{line} takes {:?}", began.elapsed());
    };
    for (name, what) in [("pipe", "a pipe"), ("zero", "a device"), ("loop", "symbolic links"), ("giant", "bytes")] {
        refuse(&format!("predict run {name}"), what);
        refuse(&format!("score {name}"), what);
        refuse(&format!("get --from {name}"), if name == "giant" { "after its end mark" } else { what });
        refuse(&format!("make imagenette2 --from photos --members {name}"), what);
    }
    refuse("train -r pipe.toml", "a pipe");
    refuse("train -r zero.toml", "a device");
    refuse("get --from pipe.tgz", "a pipe");
    refuse("get --from zero.tgz", "a device");
    for name in ["record.json", "recipe.toml", "history.jsonl", "predictions.csv", "weights.safetensors"] {
        let path = place.path("run").join(name);
        let aside = place.path("aside");
        std::fs::rename(&path, &aside).unwrap();
        place.shell(&format!("mkfifo run/{name}")).succeeds();
        let verb = if name.starts_with("weights") { "eval run" } else { "plot run" };
        refuse(verb, if name == "record.json" { "record.json" } else { "a pipe" });
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
    }
    place.run(&["plot", "run"]).succeeds();
}

#[cfg(unix)]
#[test]
fn a_link_or_a_device_that_is_named_as_output_is_written_through() {
    use std::os::unix::fs::FileTypeExt;
    let place = with_run();
    place
        .shell("touch end && ln -s end link && ln -s nowhere/x dangling && ln -s /dev/null null && mkfifo pipe")
        .succeeds();
    let rates = "find-lr default --dataset made --steps 17 --set batch_size=8 --set resolution=32 \
                 --set evaluation.resolution=32 --set model.widths=[8,8]";
    for line in ["audit made", "show made", "eval run", rates] {
        let with = |out: &str| {
            let mut arguments: Vec<&str> = line.split_whitespace().collect();
            arguments.extend(["--out", out]);
            place.run(&arguments)
        };
        std::fs::write(place.path("end"), "").unwrap();
        with("link").succeeds();
        assert!(place.path("link").is_symlink(), "{line}");
        assert!(std::fs::metadata(place.path("end")).unwrap().len() > 10, "{line}");
        with("null").succeeds();
        assert!(place.path("null").is_symlink(), "{line}");
        assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device(), "{line}");
        with("dangling").fails_saying(&["dangling", "hint: "]);
        with("pipe").fails_saying(&["a pipe that nobody reads", "hint: "]);
        assert!(std::fs::metadata(place.path("pipe")).unwrap().file_type().is_fifo(), "{line}");
    }
    let through = place.shell("imagenette audit made --out /dev/stdout | grep -c '</html>'").succeeds();
    assert_eq!(through.stdout.trim(), "1");
}

#[test]
fn photos_that_would_not_be_packed_are_found_when_they_are_installed() {
    let place = Place::with_made_dataset();
    let path = place.path(&photo());
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 8]).unwrap();
    place.run(&["get", "--from", "photos", "--name", "new"]).fails_saying(&["1 file that is not", "_0.JPEG", "hint: "]);
    place.shell("tar cf set.tar -C photos train val").succeeds();
    place.run(&["get", "--from", "set.tar", "--name", "new"]).fails_saying(&[
        "1 file that is not",
        "_0.JPEG",
        "hint: ",
    ]);
    assert_eq!(place.list("store/datasets"), ["made"]);
}
