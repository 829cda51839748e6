//! A run that is stopped at any moment: after Ctrl-C it resumes to the same bits, and kill -9 loses little.

use std::io::{BufRead, Read};
use std::process::{Child, Stdio};

use crate::support::{Ended, Place, wait_until};

/// Long enough to be caught in the middle.
const RUN: [&str; 15] = [
    "train",
    "--dataset",
    "made",
    "--epochs",
    "6",
    "--resolution",
    "32",
    "--batch-size",
    "4",
    "--set",
    "model.stem=8",
    "--set",
    "model.widths=[16,16,16,16]",
    "--out",
    "run",
];

fn start(place: &Place) -> Child {
    place.command(&RUN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn signal(child: &Child, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn is_training(place: &Place) -> bool {
    place.list("run").iter().any(|name| name == "checkpoint.safetensors")
}

/// kill -9 right after the first checkpoint.
fn start_and_kill(place: &Place) {
    let mut child = start(place);
    wait_until("the first checkpoint", || is_training(place));
    child.kill().unwrap();
    child.wait().unwrap();
}

fn uninterrupted(place: &Place) -> (Vec<u8>, Vec<u8>) {
    let mut arguments = RUN;
    arguments[RUN.len() - 1] = "whole";
    place.run(&arguments).succeeds();
    (place.bytes("whole/weights.safetensors"), place.bytes("whole/predictions.csv"))
}

fn resumed(place: &Place) -> (Vec<u8>, Vec<u8>) {
    place.run(&["train", "--resume", "run"]).succeeds();
    assert_eq!(place.list("run"), place.list("whole"), "no checkpoint stays");
    (place.bytes("run/weights.safetensors"), place.bytes("run/predictions.csv"))
}

#[test]
fn ctrl_c_writes_a_checkpoint_and_resuming_ends_in_the_same_bits() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    for name in ["-INT", "-TERM"] {
        let _ = std::fs::remove_dir_all(place.path("run"));
        let child = start(&place);
        wait_until("the first checkpoint", || is_training(&place));
        signal(&child, name);
        let ended = Ended::new(&["train"], child.wait_with_output().unwrap()).exits_with(33);
        assert!(ended.stderr.contains("train --resume run"), "{}", ended.stderr);
        assert!(!place.list("run").contains(&"record.json".to_owned()), "an unfinished run has no record");
        // The folder is taken: the same command does not overwrite it, but says how to resume.
        place.run(&RUN).fails_saying(&["interrupted", "--resume"]);
        assert_eq!(resumed(&place), whole, "{name}");
        let record: serde_json::Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
        assert_eq!(record["resumed"], 1);
    }
}

#[test]
fn a_signal_that_comes_again_and_again_does_not_cut_the_checkpoint() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    let mut child = start(&place);
    wait_until("the first checkpoint", || is_training(&place));
    // Batch systems and containers send it twice; nothing says when the second one comes.
    let mut sent = 0;
    while child.try_wait().unwrap().is_none() {
        // Three by one process: to start each anew can take longer than the checkpoint.
        let id = child.id();
        let thrice = format!("kill -TERM {id}; kill -TERM {id}; kill -TERM {id}");
        let _ = std::process::Command::new("sh").args(["-c", &thrice]).output().unwrap();
        sent += 3;
    }
    let ended = Ended::new(&["train"], child.wait_with_output().unwrap()).exits_with(33);
    assert!(sent > 2 && ended.stderr.contains("train --resume run"), "{sent} sent: {}", ended.stderr);
    assert!(place.list("run").iter().all(|name| !name.starts_with('.')), "{:?}", place.list("run"));
    assert_eq!(resumed(&place), whole);
}

/// Whether this process, and so its children, ignore SIGHUP: under `nohup`.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 != 0
}

#[test]
fn batch_systems_and_closed_terminals_pause_a_run_too() {
    let place = Place::with_made_dataset();
    for name in ["-USR1", "-HUP"] {
        if name == "-HUP" && ignores_hangups() {
            println!("skipped: the tests were started with SIGHUP ignored");
            continue;
        }
        let _ = std::fs::remove_dir_all(place.path("run"));
        let child = start(&place);
        wait_until("the first checkpoint", || is_training(&place));
        signal(&child, name);
        let ended = Ended::new(&["train"], child.wait_with_output().unwrap()).exits_with(33);
        assert!(ended.stderr.contains("train --resume run"), "{name}: {}", ended.stderr);
        place.run(&["train", "--resume", "run"]).succeeds();
        let record: serde_json::Value = serde_json::from_str(&place.read("run/record.json")).unwrap();
        assert_eq!(record["resumed"], 1, "{name}");
    }
}

#[test]
fn a_run_under_nohup_does_not_mind_a_closed_terminal() {
    let place = Place::with_made_dataset();
    let program = place.command(&RUN);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(program.get_program()).args(program.get_args());
    shell.current_dir(place.path("")).envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell starts");
    wait_until("the first checkpoint", || is_training(&place));
    for _ in 0..3 {
        signal(&child, "-HUP");
    }
    Ended::new(&["train"], child.wait_with_output().unwrap()).succeeds();
    assert!(place.list("run").contains(&"record.json".to_owned()));
}

#[test]
fn several_runs_go_on_with_what_is_not_finished() {
    let place = Place::with_made_dataset();
    let several = |out: &'static str| [&RUN[..RUN.len() - 1], &[out, "--runs", "3"]].concat();
    place.run(&several("whole")).succeeds();
    let files = |run: &str, seed: u32| {
        ["weights.safetensors", "predictions.csv"].map(|file| place.bytes(&format!("{run}/s{seed}/{file}")))
    };
    let stop_in = |out: &'static str, seed: u32| {
        let mut command = place.command(&several(out));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let run = format!("{out}/s{seed}");
        wait_until("the first checkpoint", || place.list(&run).iter().any(|name| name == "checkpoint.safetensors"));
        signal(&child, "-TERM");
        let ended = Ended::new(&["train"], child.wait_with_output().unwrap()).exits_with(33);
        // The hint's command goes on with all of them, not with the one that was stopped.
        assert!(ended.stderr.contains(&format!("train --resume {out}`")), "{}", ended.stderr);
    };
    let is_whole = |out: &str, ended: Ended| {
        let ended = ended.succeeds();
        assert!(ended.stdout.contains("sd of 3 runs"), "{}", ended.stdout);
        assert_eq!(place.list(out), ["s0", "s1", "s2"]);
        (0..3).for_each(|seed| assert_eq!(files(out, seed), files("whole", seed), "{out}, seed {seed}"));
    };
    stop_in("same", 0);
    is_whole("same", place.run(&several("same")));
    stop_in("folder", 1);
    place.run(&["train", "--resume", "folder/s0"]).fails_saying(&["finished"]);
    is_whole("folder", place.run(&["train", "--resume", "folder"]));
    // Once more: nothing is left to do, and the answer is the same.
    let again = place.run(&["train", "--resume", "folder"]);
    assert!(again.stderr.contains("nothing was trained") && !again.stderr.contains("seed 0, into"), "{}", again.stderr);
    is_whole("folder", again);
    // Another recipe does not go on in it.
    let other = [&several("folder")[..], &["--set", "optimizer.momentum=0.5"]].concat();
    place.run(&other).fails_saying(&["folder/s0", "another recipe", "hint: "]);
}

#[test]
fn several_runs_that_were_given_no_folder_go_on_too() {
    let place = Place::with_made_dataset();
    let several = [&RUN[..RUN.len() - 2], &["--runs", "2"]].concat();
    let mut command = place.command(&several);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let is_begun = || place.list("runs/default-made/s0").iter().any(|name| name == "checkpoint.safetensors");
    wait_until("the first checkpoint", is_begun);
    signal(&child, "-TERM");
    Ended::new(&["train"], child.wait_with_output().unwrap()).exits_with(33);
    // Other runs do not go into a folder in which these were begun.
    place.run(&[&several[..], &["--set", "optimizer.momentum=0.5"]].concat()).succeeds();
    assert_eq!(place.list("runs"), ["default-made", "default-made-2"]);
    place.run(&several).succeeds();
    assert_eq!(place.list("runs"), ["default-made", "default-made-2"]);
    assert!(["s0", "s1"].iter().all(|run| place.path("runs/default-made").join(run).join("record.json").is_file()));
    // Finished ones are not touched.
    place.run(&several).succeeds();
    assert_eq!(place.list("runs"), ["default-made", "default-made-2", "default-made-3"]);
}

#[test]
fn what_keeps_nothing_ends_at_ctrl_c_and_promises_nothing() {
    let place = Place::with_made_dataset();
    let small = "--set resolution=32 --set evaluation.resolution=32 --set batch_size=8 --set model.widths=[8,8]";
    // Each would go on for minutes. The word on stderr tells that it is at work.
    let lines = [
        (
            format!("find-lr default --dataset made --steps 100000 --lowest 1e-6 --highest 1e-5 {small}"),
            "testing rates",
        ),
        ("bench --train --dataset made --steps 10000 --resolution 32 --batch-size 8".into(), "packing"),
        ("bench --only load,train --dataset made".into(), "packing"),
        ("check epochs-60".into(), ""),
    ];
    for (line, word) in &lines {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut command = place.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        while !word.is_empty() && !said.contains(word) {
            assert!(stderr.read_line(&mut said).unwrap() > 0, "{line}: {said}");
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
        let asked = std::time::Instant::now();
        signal(&child, "-INT");
        stderr.read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(33), "{line}: {said}");
        assert!(asked.elapsed().as_secs() < 20, "{line}: {:?}", asked.elapsed());
        assert!(said.contains("nothing of it is kept") && said.contains("begins it anew"), "{line}: {said}");
        assert!(!said.contains("go on") && !said.contains("--resume"), "{line}: {said}");
    }
    assert_eq!(place.list("."), ["photos", "store"]);
}

#[test]
fn a_run_that_was_killed_resumes_from_its_last_checkpoint() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    start_and_kill(&place);
    assert_eq!(resumed(&place), whole);
    place.run(&["train", "--resume", "run"]).fails_saying(&["finished"]);
}

#[test]
fn a_run_that_is_still_training_is_not_resumed_by_a_second_process() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    let child = start(&place);
    wait_until("the first checkpoint", || is_training(&place));
    signal(&child, "-STOP");
    let holder = format!("(train, process {}", child.id());
    let running = ["another process is working here", &holder, "hint: "];
    place.run(&["train", "--resume", "run"]).fails_saying(&running);
    // The same command again, too: it is not a run that was interrupted.
    place.run(&RUN).fails_saying(&running);
    for verb in ["plot", "eval"] {
        place.run(&[verb, "run"]).fails_saying(&["run", "hint: wait for its end"]);
    }
    signal(&child, "-CONT");
    Ended::new(&["train"], child.wait_with_output().unwrap()).succeeds();
    assert_eq!((place.bytes("run/weights.safetensors"), place.bytes("run/predictions.csv")), whole);
}

#[test]
fn a_process_that_was_killed_before_its_first_checkpoint_takes_nothing_with_it() {
    let place = Place::with_made_dataset();
    std::fs::create_dir(place.path("run")).unwrap();
    std::fs::write(place.path("run/recipe.toml"), "name = 'half a recipe").unwrap();
    std::fs::write(place.path("run/.writing-abcdef"), "half a checkpoint").unwrap();
    place.run(&RUN).succeeds();
    assert!(place.list("run").iter().all(|name| !name.starts_with('.')), "{:?}", place.list("run"));
    place
        .run(&["train", "--dataset", "made", "--resolution", "32", "--out", "photos"])
        .fails_saying(&["photos", "not empty"]);
}

#[test]
fn a_checkpoint_of_another_recipe_or_a_damaged_one_is_refused() {
    let place = Place::with_made_dataset();
    start_and_kill(&place);
    let recipe = place.read("run/recipe.toml");
    std::fs::write(place.path("run/recipe.toml"), recipe.replace("epochs = 6", "epochs = 7")).unwrap();
    place.run(&["train", "--resume", "run"]).fails_saying(&["checkpoint", "another recipe", "hint: "]);
    std::fs::write(place.path("run/recipe.toml"), recipe).unwrap();
    let checkpoint = place.bytes("run/checkpoint.safetensors");
    for length in [0, 7, 100, checkpoint.len() / 2, checkpoint.len() - 1] {
        std::fs::write(place.path("run/checkpoint.safetensors"), &checkpoint[..length]).unwrap();
        place.run(&["train", "--resume", "run"]).fails_saying(&["checkpoint.safetensors", "hint: "]);
    }
}

#[test]
fn a_checkpoint_with_a_flipped_bit_or_a_forged_step_is_refused() {
    let place = Place::with_made_dataset();
    start_and_kill(&place);
    let (file, whole) = (place.path("run/checkpoint.safetensors"), place.bytes("run/checkpoint.safetensors"));
    let check = place.run(&["check", "run"]).succeeds();
    assert!(check.stdout.contains("its checkpoint is whole"), "{}", check.stdout);
    // The lowest bit of a mantissa: the run would end in another result, with a record that says nothing of it.
    for place_from_end in [4, 400] {
        let mut flipped = whole.clone();
        let byte = flipped.len() - place_from_end;
        flipped[byte] ^= 1;
        std::fs::write(&file, &flipped).unwrap();
        let said = ["checkpoint.safetensors: expected a checkpoint that matches its checksum", "hint: "];
        place.run(&["train", "--resume", "run"]).fails_saying(&said);
        place.run(&["check", "run"]).exits_with(1);
    }
    // A step of as many digits, so that the header's length stays as it was.
    let mark = b"\\\"step\\\":";
    let places = whole.windows(mark.len()).enumerate().filter(|(_, bytes)| bytes == mark).map(|(at, _)| at);
    let mut steps = 0;
    for at in places {
        let digit = at + mark.len();
        let mut forged = whole.clone();
        forged[digit] = if forged[digit] == b'9' { b'8' } else { forged[digit] + 1 };
        std::fs::write(&file, &forged).unwrap();
        place.run(&["train", "--resume", "run"]).fails_saying(&["checkpoint.safetensors", "hint: "]);
        steps += 1;
    }
    assert!(steps > 0, "a checkpoint tells its step");
    std::fs::write(&file, &whole).unwrap();
    place.run(&["train", "--resume", "run"]).succeeds();
}

#[test]
fn a_disk_that_is_full_at_a_checkpoint_keeps_the_one_before() {
    let place = Place::with_made_dataset();
    let whole = uninterrupted(&place);
    start_and_kill(&place);
    let before = place.bytes("run/checkpoint.safetensors");
    // A limit on file sizes acts as a full disk: no file of more than 8 blocks can be written.
    let ended = place.shell("trap '' XFSZ; ulimit -f 8; exec imagenette train --resume run");
    ended.fails_saying(&["checkpoint"]);
    assert_eq!(place.bytes("run/checkpoint.safetensors"), before);
    assert_eq!(resumed(&place), whole);
}

#[test]
fn packing_that_was_killed_starts_over_and_leaves_nothing() {
    let place = Place::new();
    // Large photos, so that packing takes long enough to be caught; all alike, so that the test makes them quickly.
    let photo = crate::support::large_photo(1200);
    for (split, number) in ["train", "val"].into_iter().flat_map(|split| (0..40).map(move |number| (split, number))) {
        let folder = place.path("photos").join(split).join(crate::support::WNIDS[number % 2]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{number}.JPEG")), &photo).unwrap();
    }
    place.run(&["get", "--from", "photos"]).succeeds();
    let train =
        "train --dataset photos --epochs 1 --resolution 32 --batch-size 8 --set model.stem=8 --set model.widths=[8,8]";
    let train: Vec<&str> = train.split(' ').collect();
    let names = |ending: &str| place.list("store/packed").into_iter().filter(|name| name.ends_with(ending)).count();
    let mut child =
        place.command(&train).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    wait_until("packing", || place.list("store/packed").iter().any(|name| name.starts_with(".packing-")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(".packed"), 0, "what is not finished has no name");
    place.run(&train).succeeds();
    assert_eq!(names(".packed"), 1);
    assert!(place.list("store/packed").iter().all(|name| !name.starts_with('.')), "{:?}", place.list("store/packed"));
}

/// What a killed process leaves: a file and a folder of which nobody holds the lock.
fn leave_half_written(place: &Place, folder: &str) {
    std::fs::create_dir_all(place.path(folder).join(".writing-Folder")).unwrap();
    std::fs::write(place.path(folder).join(".writing-Folder/inside"), "half").unwrap();
    std::fs::write(place.path(folder).join(".writing-a1B2c3"), "half").unwrap();
}

#[test]
fn what_a_killed_command_left_half_written_is_removed_by_the_next_one() {
    let place = Place::with_made_dataset();
    place.run(&RUN).succeeds();
    let lines = [
        ("plots", "plot run --out plots"),
        ("audits", "audit made --out audits/page.html"),
        ("shown", "show made --out shown/sheet.png"),
        ("predicted", "eval run --out predicted/p.csv"),
        ("archives", "make --classes all --from photos --name small --sizes 32 --to tar --out archives"),
    ];
    for (folder, line) in lines {
        leave_half_written(&place, folder);
        // A letter to somebody is not ours, whatever its name begins with.
        std::fs::write(place.path(folder).join(".writing-to-a-friend"), "dear friend").unwrap();
        place.run(&line.split(' ').collect::<Vec<_>>()).succeeds();
        let hidden: Vec<String> = place.list(folder).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(hidden, [".writing-to-a-friend"], "{line}");
    }
}

#[test]
fn a_command_that_is_killed_leaves_nothing_for_the_next_one() {
    let place = Place::new();
    let hidden = |folder: &str| place.list(folder).into_iter().filter(|name| name.starts_with('.')).count();
    let mut child = place.command(&["get", "drawn"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("pictures", || place.list("store/datasets").iter().any(|name| name.starts_with(".writing-")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(hidden("store/datasets") > 0, "what is not finished has a hidden name");
    // Another dataset, even: what nobody is drawing any more is known by its lock.
    crate::support::write_photos(&place.path("photos"));
    let bystander = ["get", "--from", "photos", "--name", "made"];
    place.run(&bystander).succeeds();
    let child = place.command(&["get", "drawn"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_drawing = || place.list("store/datasets").iter().filter(|name| name.starts_with(".writing-")).count() == 1;
    wait_until("the next drawing alone", is_drawing);
    signal(&child, "-INT");
    Ended::new(&["get"], child.wait_with_output().unwrap()).exits_with(33);
    assert_eq!(place.list("store/datasets"), ["made"]);
}
