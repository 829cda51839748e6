//! The way to PyTorch: the starter is written whole or not at all, and what `train --engine torch` hands to Python is
//! the recipe as it was resolved.

use crate::support::Place;

#[test]
fn the_starter_is_one_readable_file_and_never_written_over_another() {
    let place = Place::new();
    let said = place.run(&["new", "--torch", "my_idea.py"]).succeeds();
    assert!(said.stdout.contains("--idea-command 'python my_idea.py"), "{}", said.stdout);
    let file = place.read("my_idea.py");
    assert!((100..=300).contains(&file.lines().count()), "{} lines", file.lines().count());
    assert!(file.contains("class Muon") && file.contains("im.record("));
    std::fs::write(place.path("my_idea.py"), "mine").expect("a file");
    place.run(&["new", "--torch", "my_idea.py"]).fails_saying(&["my_idea.py: there is something already", "hint: "]);
    assert_eq!(place.read("my_idea.py"), "mine");
    place.run(&["new", "--torch", "my-idea"]).misused_saying(&["a file that ends in .py", "my-idea", "hint: "]);
    place.run(&["new", "--torch", "nowhere/my_idea.py"]).fails_saying(&["nowhere", "hint: "]);
    place.run(&["new", "--torch", "my_idea.py", "--kind", "loss"]).misused_saying(&["--kind"]);
}

#[test]
fn flags_that_pytorch_does_not_know_are_refused() {
    let place = Place::with_made_dataset();
    for flags in [&["--task", "labels-10%"][..], &["--runs", "2"], &["--csv"], &["--hold-out", "0.1"]] {
        let all = [&["train", "--engine", "torch", "--recipe", "quick"][..], flags].concat();
        place.run(&all).misused_saying(&[flags[0], "not with --engine torch", "hint: "]);
    }
}

#[test]
#[cfg(unix)]
fn a_python_without_the_package_is_named_and_one_with_it_gets_the_resolved_recipe() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::with_made_dataset();
    let arguments =
        ["train", "--engine", "torch", "--recipe", "quick", "--dataset", "made", "--seed", "7", "--out", "run"];
    let python = |name: &str, text: &str| {
        let path = place.path(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a script that can be started");
        let output = place.command(&arguments).env("IMAGENETTE_PYTHON", &path).output().expect("the program starts");
        crate::support::Ended::new(&arguments, output)
    };
    let lacking = python("lacking", "echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1");
    lacking.fails_saying(&["lacks the Python package: ModuleNotFoundError", "pip install 'imagenette[torch]'"]);
    assert!(!place.path("run").exists());
    // It stands for the starter: it keeps what it was given.
    let script = "[ \"$1\" = -c ] && exit 0\nshift 3; cp \"$1\" given.toml; shift; echo \"$@\" > given.txt";
    python("standing-in", script).succeeds();
    assert!(place.read("given.toml").contains("widths = [48, 128, 192, 256]"));
    let given = place.read("given.txt");
    assert!(given.contains("--seed 7") && given.contains("--out run") && given.contains("/made "), "{given}");
}
