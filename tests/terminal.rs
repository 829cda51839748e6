//! A terminal that goes away, a full disk behind stderr or stdout, a reader that has seen enough: status lines are
//! never worth a run, and a result that was not written whole is an error.

use crate::support::{Place, write_photos};

/// A run of about a second.
const TRAIN: &str = "train --dataset made --epochs 1 --resolution 32 --batch-size 8 --set model.stem=8 \
                     --set model.widths=[8,8] --out";

/// What can be wrong with stderr, as a shell makes it. `/dev/full` is a disk without space.
const STDERRS: [&str; 3] = ["2>/dev/full", "2>&-", "2>&1 >out.txt | true"];

#[test]
fn a_stderr_that_cannot_be_written_to_ends_no_command() {
    let place = Place::with_made_dataset();
    for (number, stderr) in STDERRS.iter().enumerate() {
        let said = "echo $? > status";
        let run = |line: &str, status: &str| {
            // The status of the program, not of the pipe's reader.
            let whole = match stderr.split_once(" | ") {
                Some((redirects, reader)) => format!("{{ imagenette {line} {redirects}; {said}; }} 2>&1 | {reader}"),
                None => format!("imagenette {line} {stderr}; {said}"),
            };
            place.shell(&whole);
            assert_eq!(place.read("status").trim(), status, "{whole}");
        };
        let folder = format!("run-{number}");
        run(&format!("{TRAIN} {folder}"), "0");
        assert!(place.list(&folder).contains(&"record.json".to_owned()), "{stderr}: {:?}", place.list(&folder));
        run("verify made --deep", "0");
        run("audit made", "0");
        run(&format!("get --from photos --name other-{number}"), "0");
        run(&format!("export made shards-{number} --to webdataset"), "0");
        let make = "make --classes all --from photos --name small --sizes 32 --out";
        run(&format!("{make} out-{number}"), "0");
        // An error is none the less one.
        run("verify nothing", "1");
        run("trian", "2");
        run(&format!("train --resume {folder}"), "1");
    }
}

#[test]
fn a_reader_that_ends_early_ends_no_run() {
    let place = Place::with_made_dataset();
    let ended = place.shell(&format!("imagenette {TRAIN} run 2>&1 | head -n 1")).succeeds();
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert!(place.list("run").contains(&"record.json".to_owned()), "{:?}", place.list("run"));
    place.run(&["score", "run"]).succeeds();
}

#[test]
fn results_that_were_not_written_whole_are_an_error_and_a_closed_pipe_is_a_quiet_end() {
    let place = Place::with_made_dataset();
    place.shell(&format!("imagenette {TRAIN} run")).succeeds();
    let lines = [
        "score run",
        "score run --json",
        "eval run",
        "plot run",
        "runs run",
        "predict run photos/val/n01440764/n01440764_0.JPEG",
        "audit made --json",
        "verify made",
        "show made",
        "info",
        "get --list",
        "get --list --json",
        "get --from photos --name made",
        "train --list",
        "completions bash",
        "--help",
        "train --help",
        "--version",
    ];
    for line in lines {
        place
            .shell(&format!("imagenette {line} > /dev/full"))
            .fails_saying(&["stdout: expected to write the result", "hint: what was printed is not whole"]);
        let piped = place.shell(&format!("{{ imagenette {line}; echo status $? >&2; }} | true")).succeeds().stderr;
        let is_quiet = !piped.contains("error") && !piped.contains("panicked");
        assert!(is_quiet && piped.ends_with("status 0\n"), "{line}: {piped}");
    }
    place.shell(&format!("imagenette {TRAIN} other > /dev/full")).fails_saying(&["stdout"]);
    // What is in files is whole; only the line about it was lost.
    assert!(place.list("other").contains(&"record.json".to_owned()));
}

#[test]
fn what_is_asked_for_wrongly_is_said_even_when_stdout_is_full() {
    let place = Place::new();
    write_photos(&place.path("photos"));
    let ended = place.shell("imagenette trian > /dev/full").exits_with(2);
    assert!(ended.stderr.contains("'train'"), "{}", ended.stderr);
    place.shell("imagenette get --from nowhere > /dev/full").fails_saying(&["nowhere"]);
}
