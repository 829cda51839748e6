//! `make` as a user runs it: from every layout to a score, killed, interrupted and resumed, in shards, on bad input.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::support::{Ended, Place, WNIDS, large_photo, photo, tree, wait_until};

/// Train photos of each class in the synthetic ImageNet.
const TRAIN_EACH: usize = 12;
/// Val photos of each class.
const VAL_EACH: usize = 4;

fn val_name(label: usize, number: usize) -> String {
    format!("ILSVRC2012_val_{:08}.JPEG", label * 100 + number + 1)
}

/// A synthetic ImageNet as folders: val is flat, with a list of its classes next to it.
fn write_imagenet(root: &Path) {
    let mut list = String::from("ImageId,PredictionString\n");
    std::fs::create_dir_all(root.join("val")).unwrap();
    for (label, wnid) in WNIDS.iter().enumerate() {
        let class = root.join("train").join(wnid);
        std::fs::create_dir_all(&class).unwrap();
        for number in 0..TRAIN_EACH {
            std::fs::write(class.join(format!("{wnid}_{number}.JPEG")), photo(label, number)).unwrap();
        }
        for number in 0..VAL_EACH {
            let name = val_name(label, number);
            std::fs::write(root.join("val").join(&name), photo(label, 100 + number)).unwrap();
            list += &format!("{},{wnid} 1 2 3 4\n", name.trim_end_matches(".JPEG"));
        }
    }
    std::fs::write(root.join("LOC_val_solution.csv"), list).unwrap();
}

/// Puts the copy into another layout with everyday tools; gives the arguments that name it.
fn lay_out(place: &Place, layout: &str) -> Vec<&'static str> {
    write_imagenet(&place.path("in"));
    let (line, from): (&str, &[&str]) = match layout {
        "tars in a tar" => (
            "mkdir out && cd in/train && for c in *; do tar cf $c.tar -C $c $(ls $c); done && \
             tar cf ../../out/ILSVRC2012_img_train.tar *.tar && \
             cd ../val && tar cf ../../out/ILSVRC2012_img_val.tar * && cp ../LOC_val_solution.csv ../../out",
            &["--from", "out"],
        ),
        "each tar by its name" => (
            "mkdir out && cd in/train && for c in *; do tar cf $c.tar -C $c $(ls $c); done && \
             tar cf ../../out/ILSVRC2012_img_train.tar *.tar && \
             cd ../val && tar cf ../../out/ILSVRC2012_img_val.tar * && cp ../LOC_val_solution.csv ../..",
            &[
                "--from",
                "out/ILSVRC2012_img_train.tar",
                "--from",
                "out/ILSVRC2012_img_val.tar",
                "--val-list",
                "LOC_val_solution.csv",
            ],
        ),
        "Kaggle's" => (
            "mkdir -p out/ILSVRC/Data out/ILSVRC/Annotations && mv in out/ILSVRC/Data/CLS-LOC && \
             mv out/ILSVRC/Data/CLS-LOC/LOC_val_solution.csv out",
            &["--from", "out"],
        ),
        "compressed" => {
            ("tar czf out.tgz -C in train val", &["--from", "out.tgz", "--val-list", "in/LOC_val_solution.csv"])
        }
        "folders" => ("true", &["--from", "in"]),
        other => panic!("no layout {other}"),
    };
    place.shell(line).succeeds();
    from.to_vec()
}

fn make<'a>(from: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let classes = ["make", "--classes", "n01440764,n03028079,n03888257", "--name", "small", "--sizes", "32"];
    classes.iter().chain(from).chain(more).copied().collect()
}

#[test]
fn from_every_layout_to_a_score() {
    let mut identities = Vec::new();
    for layout in ["tars in a tar", "each tar by its name", "Kaggle's", "compressed", "folders"] {
        let place = Place::new();
        let from = lay_out(&place, layout);
        let made = place.run(&make(&from, &["--json"])).succeeds().json();
        let dataset = &made["datasets"][0];
        assert_eq!((&dataset["train"], &dataset["val"]), (&36.into(), &12.into()), "{layout}: {made}");
        assert_eq!(made["summary"]["skipped"], 0, "{layout}");
        identities.push(dataset["identity"].clone());
        assert!(place.run(&["verify", "small-32", "--deep"]).succeeds().stdout.contains("48 photos"), "{layout}");
        if layout != "tars in a tar" && layout != "folders" {
            continue;
        }
        let train = [
            "train",
            "--dataset",
            "small-32",
            "--epochs",
            "1",
            "--resolution",
            "32",
            "--batch-size",
            "8",
            "--out",
            "run",
        ];
        let tiny = ["--set", "model.stem=8", "--set", "model.widths=[8,8,8,8]"];
        place.run(&[&train[..], &tiny].concat()).succeeds();
        assert!(place.run(&["score", "run"]).succeeds().stdout.contains("of 12;"), "{layout}");
    }
    assert!(identities.windows(2).all(|pair| pair[0] == pair[1]), "{identities:?}");
}

#[test]
fn a_spec_and_flags_say_the_same_and_typos_are_answered() {
    let place = Place::new();
    write_imagenet(&place.path("in"));
    let spec = "name = 'small'\nclasses = ['n01440764', 'n03028079', 'n03888257']\nsplit = 'own'\nsizes = [32]\n\
                noise = [25]\n";
    std::fs::write(place.path("small.toml"), spec).unwrap();
    place.run(&["make", "small.toml", "--from", "in", "--out", "a"]).succeeds();
    place.run(&make(&["--from", "in"], &["--noise", "25", "--out", "b", "--threads", "1"])).succeeds();
    for file in ["manifest.jsonl", "made.toml", "made.jsonl", "noisy_small.csv"] {
        assert_eq!(place.read(&format!("a/small-32/{file}")), place.read(&format!("b/small-32/{file}")), "{file}");
    }
    std::fs::write(place.path("typo.toml"), spec.replace("sizes", "sises")).unwrap();
    place.run(&["make", "typo.toml", "--from", "in"]).fails_saying(&["typo.toml", "hint: did you mean `sizes`?"]);
    place.run(&["make", "imagenete", "--from", "in"]).fails_saying(&["hint: did you mean `imagenette`?"]);
    place.run(&["make", "--from", "in"]).fails_saying(&["nothing to make", "hint: "]);
    place.run(&["make", "imagenette", "--from", "nowhere"]).fails_saying(&["nowhere", "hint: "]);
    place.run(&["make", "imagenette"]).exits_with(2);
    place.run(&["make", "imagenette", "--from", "in", "--shard", "3/2"]).exits_with(2);
    place.run(&["make", "imagenette", "--from", "in", "--split", "70:x"]).exits_with(2);
}

#[test]
fn shards_of_three_processes_merge_to_one_dataset() {
    let place = Place::new();
    write_imagenet(&place.path("in"));
    place.run(&make(&["--from", "in"], &["--out", "whole"])).succeeds();
    for shard in ["1/3", "2/3", "3/3"] {
        place.run(&["make", "--merge", "parts/small.parts"]).fails_saying(&["hint: "]);
        let ended = place.run(&make(&["--from", "in"], &["--out", "parts", "--shard", shard])).succeeds();
        assert!(ended.stderr.contains("make --merge parts/small.parts"), "{}", ended.stderr);
    }
    place.run(&["make", "--merge", "parts/small.parts", "--out", "merged"]).succeeds();
    assert_eq!(place.read("merged/small-32/manifest.jsonl"), place.read("whole/small-32/manifest.jsonl"));
    assert!(
        place
            .run(&["make", "--merge", "parts/small.parts", "--out", "merged"])
            .succeeds()
            .stdout
            .contains("there already")
    );
}

/// Photos that take long enough to be caught in the middle.
fn write_large_photos(place: &Place) {
    let photo = large_photo(600);
    for split in ["train", "val"] {
        let folder = place.path("in").join(split).join("n01440764");
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..24 {
            std::fs::write(folder.join(format!("{split}_{number}.JPEG")), &photo).unwrap();
        }
    }
}

const LARGE: [&str; 9] = ["make", "--classes", "all", "--from", "in", "--name", "large", "--out", "out"];

fn journal_lines(place: &Place) -> usize {
    std::fs::read_to_string(place.path("out/.making-large/part/journal.jsonl")).map_or(0, |text| text.lines().count())
}

#[test]
fn ctrl_c_and_kill_lose_nothing_that_was_made_and_the_same_command_resumes() {
    let place = Place::new();
    write_large_photos(&place);
    for signal in ["-INT", "-KILL", "-TERM"] {
        let before = journal_lines(&place);
        let child = place.command(&LARGE).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("some photos", || journal_lines(&place) > before.max(1) + 3);
        assert!(std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let ended = Ended::new(&LARGE, child.wait_with_output().unwrap());
        if ended.status == 0 {
            break;
        }
        assert_eq!(ended.status, if signal == "-KILL" { -1 } else { 33 }, "{}", ended.stderr);
        assert_eq!(
            place.list("out").iter().filter(|name| !name.starts_with('.')).count(),
            0,
            "nothing unfinished has a name"
        );
    }
    let ended = place.run(&LARGE).succeeds();
    assert!(ended.stderr.contains("from an earlier run are kept"), "{}", ended.stderr);
    place.run(&[&LARGE[..8], &["whole"]].concat()).succeeds();
    for size in ["large", "large-320", "large-160"] {
        assert_eq!(
            place.read(&format!("out/{size}/manifest.jsonl")),
            place.read(&format!("whole/{size}/manifest.jsonl"))
        );
        place.run(&["verify", &format!("out/{size}"), "--deep"]).succeeds();
    }
    assert!(place.list("out").iter().all(|name| !name.starts_with('.') || name.ends_with(".lock")));
}

#[test]
fn kill_at_any_moment_and_the_same_command_end_in_the_same_bytes() {
    let place = Place::new();
    write_large_photos(&place);
    let began = Instant::now();
    place.run(&[&LARGE[..8], &["whole"]].concat()).succeeds();
    // From the start through the photos to the final arranging.
    let step = began.elapsed() / 10;
    let mut killed = 0;
    for round in 0..10 {
        let mut child = place.command(&LARGE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(step * (round % 5));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        for name in place.list("out").iter().filter(|name| !name.starts_with('.')) {
            assert_eq!(
                tree(&place.path("out").join(name)),
                tree(&place.path("whole").join(name)),
                "what has a name is whole"
            );
        }
    }
    assert!(killed > 0, "`make` runs long enough to be caught");
    place.run(&LARGE).succeeds();
    for name in ["large", "large-320", "large-160"] {
        assert_eq!(tree(&place.path("out").join(name)), tree(&place.path("whole").join(name)), "{name}");
    }
    assert!(place.list("out").iter().all(|name| !name.starts_with('.') || name.ends_with(".lock")));
}

#[test]
fn a_shard_that_was_killed_resumes_and_merges_to_the_same_bytes() {
    let place = Place::new();
    write_large_photos(&place);
    let large = &LARGE[..7];
    place.run(&[large, &["--out", "whole", "--sizes", "160"]].concat()).succeeds();
    for shard in ["1/2", "2/2"] {
        let line = [large, &["--out", "parts", "--sizes", "160", "--shard", shard]].concat();
        let mut child = place.command(&line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let journal = format!("parts/large.parts/{}/journal.jsonl", shard.replace('/', "-of-"));
        wait_until("some photos", || {
            std::fs::read_to_string(place.path(&journal)).is_ok_and(|text| text.lines().count() > 4)
        });
        child.kill().unwrap();
        child.wait().unwrap();
        place.run(&line).succeeds();
    }
    place.run(&["make", "--merge", "parts/large.parts", "--out", "merged"]).succeeds();
    assert_eq!(tree(&place.path("merged/large-160")).len(), tree(&place.path("whole/large-160")).len());
    assert_eq!(place.read("merged/large-160/manifest.jsonl"), place.read("whole/large-160/manifest.jsonl"));
    place.run(&["verify", "merged/large-160", "--deep"]).succeeds();
}

#[test]
fn a_place_that_cannot_be_written_to_is_named_and_nothing_is_left_there() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let place = Place::new();
    write_imagenet(&place.path("in"));
    std::fs::write(place.path("file"), "in the way").unwrap();
    place.run(&make(&["--from", "in"], &["--out", "file/out"])).fails_saying(&["file/out", "hint: "]);
    let allow = |path: &str, mode: u32| {
        std::fs::set_permissions(place.path(path), std::fs::Permissions::from_mode(mode)).expect("the folder is ours");
    };
    std::fs::create_dir(place.path("locked")).unwrap();
    allow(".", 0o755);
    allow("locked", 0o555);
    let line = make(&["--from", "in"], &["--out", "locked/out"]);
    let mut command = place.command(&line);
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(place.path("locked")).unwrap()) == 0 {
        // Nothing is read-only to root, so the user `nobody` runs it.
        command.uid(65_534).gid(65_534);
    }
    match command.output() {
        Err(error) => println!("skipped: the program cannot be run as another user ({error})"),
        Ok(output) => {
            Ended::new(&line, output).fails_saying(&["locked/out", "hint: "]);
            assert_eq!(place.list("locked"), [""; 0]);
        }
    }
    allow("locked", 0o755);
    place.run(&line).succeeds();
}

#[test]
fn a_full_disk_stops_make_and_the_same_command_resumes() {
    let place = Place::new();
    write_imagenet(&place.path("in"));
    // A limit on file sizes acts as a full disk: the journal soon reaches it.
    let line =
        "trap '' XFSZ; ulimit -f 8; exec imagenette make --classes all --from in --name small --sizes 32 --out out";
    place.shell(line).fails_saying(&["failed to write", "hint: "]);
    assert_eq!(place.list("out/small-32"), [""; 0]);
    place
        .run(&["make", "--classes", "all", "--from", "in", "--name", "small", "--sizes", "32", "--out", "out"])
        .succeeds();
    place.run(&["verify", "out/small-32", "--deep"]).succeeds();
}

#[test]
fn two_makers_wait_for_each_other_and_make_it_once() {
    let place = Place::new();
    write_large_photos(&place);
    let first = place.command(&LARGE).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the first photos", || journal_lines(&place) > 2);
    let second = place.run(&LARGE).succeeds();
    assert!(second.stderr.contains("another process") && second.stdout.contains("there already"), "{}", second.stderr);
    Ended::new(&LARGE, first.wait_with_output().unwrap()).succeeds();
}

#[test]
fn bad_photos_are_named_in_the_summary_and_stop_a_strict_make() {
    let place = Place::new();
    write_imagenet(&place.path("in"));
    std::fs::write(place.path("in/train/n01440764/n01440764_900.JPEG"), "a letter").unwrap();
    place
        .run(&make(&["--from", "in"], &["--strict", "--out", "strict"]))
        .fails_saying(&["n01440764_900.JPEG", "hint: "]);
    let ended = place.run(&make(&["--from", "in"], &["--out", "out"])).succeeds();
    assert!(ended.stdout.contains("1 skipped") && ended.stdout.contains("n01440764_900.JPEG"), "{}", ended.stdout);
    assert!(place.read("out/small-32/made.jsonl").contains("n01440764_900.JPEG"));
}

#[test]
fn a_process_that_was_killed_when_all_was_made_leaves_nothing_that_stays() {
    let place = Place::new();
    let from = lay_out(&place, "folders");
    let line = make(&from, &["--out", "out"]);
    place.run(&line).succeeds();
    // A shard of one is all of the work: what is there before the last rename.
    let work = |sizes: &'static str, form: &str| {
        let mut shard = make(&from, &["--out", "out", "--shard", "1/1"]);
        *shard.iter_mut().find(|word| **word == "32").unwrap() = sizes;
        place.run(&shard).succeeds();
        std::fs::create_dir_all(place.path("out/.making-small")).unwrap();
        std::fs::rename(place.path("out/small.parts/1-of-1"), place.path("out/.making-small/part")).unwrap();
        std::fs::remove_dir_all(place.path("out/small.parts")).unwrap();
        std::fs::write(place.path("out/.making-small/form"), form).unwrap();
    };
    let there = || assert!(place.run(&line).succeeds().stdout.contains("there already"));
    work("32", "folder");
    assert_eq!(place.list("out"), [".making-small", "small-32"]);
    there();
    assert_eq!(place.list("out"), ["small-32"]);
    // Half of the removing was done.
    work("32", "folder");
    std::fs::rename(place.path("out/.making-small"), place.path("out/.made-small")).unwrap();
    there();
    assert_eq!(place.list("out"), ["small-32"]);
    // Work on other sizes under this name, or on archives, is not done.
    for (sizes, form) in [("32,48", "folder"), ("32", "tgz")] {
        work(sizes, form);
        there();
        assert_eq!(place.list("out"), [".making-small", "small-32"], "{sizes}, {form}");
        std::fs::remove_dir_all(place.path("out/.making-small")).unwrap();
    }
}
