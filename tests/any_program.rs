//! Commands in any language judged by `compare`: what they must leave, and what happens when they do not.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Place, wait_until};

/// The scripts that the documents speak of.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/any-program");
/// Without the seed's photos being wrong.
const BASE: &str = "sh guess.sh {seed} {out} {val_list} 70";
const IDEA: &str = "sh guess.sh {seed} {out} {val_list} 8";

/// A place with the made photos and the script beside them, in a folder whose name a shell would take apart.
fn place() -> Place {
    let place = Place::with_made_dataset();
    std::fs::copy(Path::new(SCRIPTS).join("guess.sh"), place.path("guess.sh")).unwrap();
    place
}

fn compare<'a>(idea: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let all = ["compare", "--dataset", "made", "--base-command", BASE, "--idea-command", idea, "--out", out];
    [&all[..], more].concat()
}

#[test]
fn a_script_that_copies_predictions_is_judged_like_any_other() {
    let place = place();
    let first = place.run(&compare(IDEA, "a folder's $name", &[])).exits_with(0);
    assert!(first.stdout.starts_with("helps: +"), "{}", first.stdout);
    assert!(first.stdout.contains("a command's budget is its own"), "{}", first.stdout);
    let folder = place.path("a folder's $name");
    let found: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("comparison.json")).unwrap()).unwrap();
    assert_eq!((&found["idea"]["command"], &found["baseline"]["command"]), (&IDEA.into(), &BASE.into()));
    assert_eq!(found["idea"]["runs"][0]["total"], 24);
    let run = Path::new(found["idea"]["runs"][0]["folder"].as_str().unwrap()).to_owned();
    let run = place.path("").join(run);
    for name in ["predictions.csv", "command.json", "output.txt", "source.txt"] {
        assert!(run.join(name).is_file(), "{name}");
    }
    assert_eq!(std::fs::read_to_string(run.join("output.txt")).unwrap(), "guessed with seed 1\n");
    let page = std::fs::read_to_string(folder.join("comparison.html")).unwrap();
    assert!(page.contains("sh guess.sh {seed}") && !page.contains("NaN"));

    // The same again runs nothing, and the stored baseline serves the next idea and the folders' verdict.
    let again = place.run(&compare(IDEA, "a folder's $name", &[])).exits_with(0);
    assert_eq!(again.stdout, first.stdout);
    assert!(!again.stderr.contains("sh guess.sh 1 "), "{}", again.stderr);
    let other = place.run(&compare("sh guess.sh {seed} {out} {val_list} 7", "other", &["--parallel", "3"]));
    assert!(!other.stderr.contains("baseline, seed 1: sh"), "{}", other.stderr);
    assert!(other.stdout.contains("the 2nd idea judged against this baseline"), "{}", other.stdout);
    let judged = place.run(&["compare", "other/idea", "a folder's $name/idea", "--json"]).json();
    assert_eq!(judged["looks"].as_array().unwrap().len(), 1);

    // A changed script is another idea, the page shows what changed in it, and is not taken for the one that ran.
    std::fs::write(place.path("guess.sh"), place.read("guess.sh") + "\n# changed\n").unwrap();
    place.run(&compare(IDEA, "a folder's $name", &[])).fails_saying(&["begun with other sides", "sources"]);
    std::fs::write(place.path("better.sh"), place.read("guess.sh").replace("wrong=$4", "wrong=5")).unwrap();
    let better = IDEA.replace("guess.sh", "better.sh");
    place.run(&compare(&better, "better", &[])).exits_with(0);
    let page = place.read("better/comparison.html");
    let changed = "<del>- seed=$1 out=$2 val_list=$3 wrong=$4</del>\n<ins>+ seed=$1 out=$2 val_list=$3 wrong=5</ins>";
    assert!(page.contains(changed), "{page}");
    // Beside a recipe a command stands too, and the two can hold out photos.
    let px = ["--base-set", "resolution=32", "--base-set", "evaluation.resolution=32", "--base-set"];
    let recipe = [&["compare", "default", "--dataset", "made"][..], &px].concat();
    let more = ["model={ kind = 'fast', stem = 8, widths = [8, 8] }", "--base-set", "batch_size=8", "--epochs", "1"];
    let command = ["--idea-command", IDEA, "--hold-out", "0.25", "--max-runs", "2", "--out", "mixed"];
    let mixed = place.run(&[&recipe[..], &more, &command].concat());
    assert!(mixed.stdout.contains("on 18 photos held out of train"), "{}\n{}", mixed.stdout, mixed.stderr);
}

#[test]
fn a_command_that_goes_wrong_is_not_counted_and_goes_on_after_a_fix() {
    let place = place();
    let cases: [(&str, &[&str]); 7] = [
        ("echo one; echo two >&2; exit 3 # {seed} {out}", &["ended with status 3", "| one", "| two"]),
        ("sleep 60; : {seed} {out}", &["was ended after 1.5 s (--timeout)", "printed nothing"]),
        ("kill -9 $$ # {seed} {out}", &["killed by signal 9"]),
        ("yes 0123456789 | head -c 6000000; exit 1 # {seed} {out}", &["ended with status 1", "| 0123456789"]),
        ("true {seed} {out}", &["expected predictions.csv in {out}", "found none"]),
        (
            "head -n 3 {val_list} > {out}/some; sh guess.sh {seed} {out} {out}/some 5",
            &["each of the 24 samples once, found 21 missing", "guessed with seed 1"],
        ),
        ("sh guess.sh {seed} {out} {train_list} 5", &["unknown (first: `train/"]),
    ];
    for (number, (command, says)) in cases.into_iter().enumerate() {
        let out = format!("case-{number}");
        let ended = place.run(&compare(command, &out, &["--timeout", "1.5s"])).fails_saying(says);
        assert!(ended.stderr.contains("nothing of this run is counted"), "{}", ended.stderr);
        assert!(ended.stderr.len() < 5_000, "megabytes are not shown");
        let arm = place.list(&format!("{out}/idea"));
        let left = place.list(&format!("{out}/idea/{}", arm[0]));
        assert!(!left.contains(&"s1".to_owned()) && left.contains(&".failed-s1".to_owned()), "{left:?}");
    }

    // A command that fails at its second run: the first is kept, and the same command goes on after the fix.
    let shaky = "test -e ready -o {seed} -lt 2 && sh guess.sh {seed} {out} {val_list} 8";
    place.run(&compare(shaky, "shaky", &[])).fails_saying(&["idea, seed 2"]);
    std::fs::write(place.path("ready"), "").unwrap();
    let mended = place.run(&compare(shaky, "shaky", &[])).exits_with(0);
    assert!(!mended.stderr.contains("idea, seed 1: test"), "the first run is kept: {}", mended.stderr);

    // Seeds that change nothing, on either side.
    let deaf = "sh guess.sh 7 {out} {val_list} 8 # {seed}";
    place.run(&compare(deaf, "deaf", &[])).fails_saying(&["the same predictions as", "the seed changes nothing"]);
    place.run(&compare(BASE, "same", &[])).fails_saying(&["no effect"]);
    place.run(&compare("sh guess.sh {seed} {out} {val_list} 70 #", "alike", &[])).fails_saying(&["the same bits"]);
}

#[test]
fn commands_are_checked_before_anything_runs() {
    let place = place();
    let refused = |idea, says: &[&str]| drop(place.run(&compare(idea, "out", &[])).fails_saying(says));
    refused("sh guess.sh {sed} {out}", &["found {sed}", "did you mean `seed`?"]);
    refused("sh guess.sh {out}", &["expected {seed}"]);
    refused("sh guess.sh {seed}", &["expected {out}"]);
    refused("sh guess.sh {seed} {out} {epochs}", &["{epochs}", "--epochs"]);
    place.run(&compare(IDEA, "out", &["--epochs", "1,2"])).fails_saying(&["several budgets", "{epochs}"]);
    place.run(&compare(IDEA, "out", &["--set", "epochs=2"])).fails_saying(&["no keys of a recipe"]);
    place.run(&compare(IDEA, "out", &["default"])).fails_saying(&["a side too many"]);
    assert!(!place.path("out").exists());
}

#[test]
fn ctrl_c_ends_a_command_with_all_that_it_started_and_a_folder_serves_one_compare_at_a_time() {
    let place = place();
    let slow = "echo $$ > {out}/../../../pid; sleep 60; : {seed}";
    let arguments = compare(slow, "out", &[]);
    let child = place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the command", || place.path("out/pid").is_file() && !place.read("out/pid").is_empty());
    place.run(&arguments).fails_saying(&["another process is working here", "compare, process"]);
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(33), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(began.elapsed() < Duration::from_secs(20));
    let pid = place.read("out/pid");
    let gone = std::process::Command::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status().unwrap();
    assert!(!gone.success(), "the command was ended");
    let arm = place.list("out/idea");
    assert_eq!(place.list(&format!("out/idea/{}", arm[0])), Vec::<String>::new(), "nothing half-written stays");
}

#[test]
fn a_pytorch_script_is_compared_with_itself_under_another_setting() {
    let python = std::env::var("IMAGENETTE_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let check = ["-c", "import torch, numpy, PIL"];
    let has_torch = std::process::Command::new(&python).args(check).stderr(Stdio::null()).status();
    if !has_torch.is_ok_and(|status| status.success()) {
        println!("skipped: no PyTorch, NumPy and Pillow here; IMAGENETTE_TEST_PYTHON names a Python that has them");
        return;
    }
    let place = place();
    let script = Path::new(SCRIPTS).join("train.py");
    let base = format!(
        "'{python}' '{}' --seed {{seed}} --out {{out}} --dataset {{dataset}} --train-list {{train_list}} --val-list \
         {{val_list}} --epochs {{epochs}}",
        script.display()
    );
    let idea = format!("{base} --activation Mish");
    let arguments =
        ["compare", "--dataset", "made", "--epochs", "1", "--max-runs", "2", "--out", "out", "--base-command"];
    let ended = place.run(&[&arguments[..], &[&base, "--idea-command", &idea]].concat());
    assert!([0, 10, 11, 12].contains(&ended.status), "{}", ended.stderr);
    assert!(ended.stdout.contains("2 runs and 2 runs"), "{}", ended.stdout);
}
