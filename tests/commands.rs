//! The command line's manners: help, typos, pipes, exit statuses, machine-readable output.

use crate::support::{Ended, Place, WNIDS, write_photos};

/// The verbs that the program's help lists.
fn verbs(help: &str) -> Vec<String> {
    let (_, list) = help.split_once("\nCommands:\n").expect("the help lists commands");
    let first_words = list.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        // A description that does not fit into its line goes on in a line that is indented further.
        line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split_whitespace().next()
    });
    first_words.filter(|verb| *verb != "help").map(str::to_owned).collect()
}

/// The flags of a help text, in order.
fn flags(help: &str) -> Vec<&str> {
    let flag = |line: &'_ str| line.trim_start().starts_with('-') && line.contains("--");
    // Under `Options:`, or under the headings of a verb that has many.
    let is_heading = |line: &str| line.ends_with(':') && !line.starts_with([' ', '-']) && line != "Arguments:";
    let in_options = help.lines().skip_while(|line| !is_heading(line));
    let lines = in_options.filter(|line| flag(line) && !line.trim_start().starts_with("- "));
    lines.filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--"))).collect()
}

#[test]
fn every_verb_has_a_help_that_ends_with_what_all_verbs_have() {
    let place = Place::new();
    let help = place.run(&["--help"]).succeeds();
    let verbs = verbs(&help.stdout);
    for known in ["get", "make", "train", "sweep", "find-lr", "plot", "score", "completions"] {
        assert!(verbs.iter().any(|verb| verb == known), "{known} in {verbs:?}");
    }
    for verb in &verbs {
        let help = place.run(&[verb, "--help"]).succeeds().stdout;
        assert!(help.contains(&format!("\nUsage: imagenette {verb} ")), "{help}");
        let flags = flags(&help);
        assert!(flags.ends_with(&["--quiet", "--help"]), "{verb}: {flags:?}");
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
    }
    assert_eq!(place.list("store"), [""; 0], "asking for help writes nothing");
}

#[test]
fn completions_are_data_and_bad_usage_exits_with_2() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.run(&["completions", shell]).succeeds().stdout.contains("imagenette"), "{shell}");
    }
    let bare = place.run(&[]).succeeds();
    assert!(bare.stdout.contains("Usage: imagenette") && bare.stderr.is_empty(), "{}", bare.stderr);
    let bash = place.run(&["completions", "bash"]).succeeds().stdout;
    assert!(bash.contains("default quick fast-85"), "shipped recipes are completed");
    let listed = place.run(&["train", "--list", "--json"]).succeeds().json();
    assert_eq!(listed[0]["name"], "default");
    assert!(listed[0]["description"].as_str().unwrap().starts_with("The fast network"), "{listed}");
    assert!(place.run(&["trian"]).exits_with(2).stderr.contains("'train'"));
    place.run(&["train", "--epochs", "five"]).exits_with(2);
    place.run(&["get"]).exits_with(2);
    assert_eq!(place.list("store"), [""; 0]);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    let ended = place.shell("imagenette completions bash | head -n 1; imagenette get --list | true").succeeds();
    assert_eq!(ended.stderr, "");
}

#[test]
fn info_says_what_is_there() {
    let place = Place::new();
    assert!(place.run(&["info"]).succeeds().stdout.contains("none yet"));
    write_photos(&place.path("photos"));
    place.run(&["get", "--from", "photos", "--name", "made"]).succeeds();
    let info = place.run(&["info", "--json"]).succeeds().json();
    let made = &info["datasets"][0];
    assert_eq!(
        (&made["name"], &made["edition"], &made["train"], &made["val"]),
        (&"made".into(), &"own".into(), &72.into(), &24.into())
    );
    assert!(info["devices"].as_array().unwrap().contains(&"flex".into()));
    assert!(info["free_bytes"].as_u64().unwrap() > 0);
    let text = place.run(&["info"]).succeeds().stdout;
    assert!(text.contains("flex, kernels ("), "{text}");
    assert!(text.contains("made") && text.contains("72 train + 24 val photos"), "{text}");
}

#[test]
fn a_dataset_is_installed_once_and_verified() {
    let place = Place::with_made_dataset();
    assert!(place.run(&["get", "--from", "photos", "--name", "made"]).succeeds().stdout.contains("installed already"));
    assert!(place.run(&["verify", "--deep"]).succeeds().stdout.contains("96 photos"));
    let photo = format!("store/datasets/made/train/{0}/{0}_3.JPEG", WNIDS[1]);
    let mut bytes = place.bytes(&photo);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(place.path(&photo), &bytes).unwrap();
    place.run(&["verify", "made"]).succeeds();
    let deep = place.run(&["verify", "made", "--deep"]).exits_with(1);
    assert!(deep.stdout.contains("n03028079_3.JPEG: expected sha256"), "{}", deep.stdout);
    std::fs::remove_file(place.path(&photo)).unwrap();
    let report = place.run(&["verify", "made", "--json"]).exits_with(1).json();
    assert_eq!(report[0]["sound"], false);
    assert_eq!(report[0]["problems"].as_array().unwrap().len(), 1);
}

#[test]
fn predictions_are_scored_strictly() {
    let place = Place::with_made_dataset();
    let mut lines = vec!["sample,class".to_owned()];
    for wnid in WNIDS {
        // Another program that says `tench` to everything.
        lines.extend((0..crate::support::VAL_EACH).map(|number| format!("val/{wnid}/{wnid}_{number}.JPEG,n01440764")));
    }
    let write = |lines: &[String]| std::fs::write(place.path("p.csv"), lines.join("\n") + "\n").unwrap();
    write(&lines);
    let score = place.run(&["score", "p.csv", "--json"]).succeeds().json();
    assert_eq!((&score["correct"], &score["total"]), (&8.into(), &24.into()));
    assert!(place.run(&["score", "p.csv"]).succeeds().stdout.starts_with("top-1 33.33%"));

    // With how sure it is, in columns of its own order: of each photo a half goes to `tench`, a quarter to the others.
    let header = format!("sample,class,p_{},p_tench,p_{}", WNIDS[2], WNIDS[1]);
    let sure: Vec<String> =
        std::iter::once(header).chain(lines[1..].iter().map(|line| format!("{line},0.25,0.5,0.25"))).collect();
    write(&sure);
    let score = place.run(&["score", "p.csv", "--json"]).succeeds().json();
    let expected = (8.0 * 2f64.ln() + 16.0 * 4f64.ln()) / 24.0;
    assert!((score["sureness"]["cross_entropy"].as_f64().unwrap() - expected).abs() < 1e-9, "{score}");
    write(&sure.iter().map(|line| line.replace("0.5,0.25", "0.5,0.9")).collect::<Vec<_>>());
    place.run(&["score", "p.csv"]).fails_saying(&["p.csv", "adds up to 1.6", "hint: softmax"]);
    write(&lines);

    write(&lines[..lines.len() - 1]);
    place.run(&["score", "p.csv"]).fails_saying(&[
        "p.csv",
        "expected each of the 24 samples once",
        "1 missing",
        "hint: ",
    ]);
    write(&[lines.clone(), vec![lines[1].clone()]].concat());
    place.run(&["score", "p.csv"]).fails_saying(&["line 26: expected each photo once", "as in line 2"]);
    write(&[lines.clone(), vec!["val/n01440764/other.JPEG,n01440764".into()]].concat());
    place.run(&["score", "p.csv"]).fails_saying(&["line 26: expected a photo of the 24", "other.JPEG"]);
    write(&[lines.clone(), vec!["val/n01440764/other.JPEG".into()]].concat());
    place.run(&["score", "p.csv"]).fails_saying(&["line 26: 1 column", "hint: a line reads"]);
    place.run(&["score", "nowhere.csv"]).fails_saying(&["nowhere.csv", "hint: check the path"]);

    // Other programs' tables say the same, and what was read is said.
    let change = |from: &str, to: &str| lines.iter().map(|line| line.replace(from, to)).collect::<Vec<_>>();
    for (table, read) in [
        (change("val/", ""), "photos by path without the split"),
        (change("/", "\\"), "photos by path with `\\`, classes by id"),
        (change(",", ";"), "semicolon between columns"),
        (
            change(",n01440764", "\ttench")[1..].to_vec(),
            "tab between columns, no header, photos by path, classes by name",
        ),
        (change(",n01440764", ",0")[1..].to_vec(), "no header, photos by path, classes by label, counted from 0"),
    ] {
        write(&table);
        let ended = place.run(&["score", "p.csv"]).succeeds();
        assert!(ended.stdout.starts_with("top-1 33.33%"), "{}", ended.stdout);
        assert!(ended.stderr.contains("p.csv: read as ") && ended.stderr.contains(read), "{read}: {}", ended.stderr);
    }
    let form = place.run(&["score", "p.csv", "--json"]).succeeds().json()["read"].clone();
    assert_eq!((&form["classes"], &form["header"]), (&"label".into(), &false.into()));
}

#[test]
fn an_instruction_set_that_is_missing_is_an_error_and_the_portable_one_is_always_there() {
    let place = Place::new();
    let info = |level: &str| {
        let mut command = place.command(&["info"]);
        command.env("IMAGENETTE_SIMD", level);
        Ended::new(&["info", level], command.output().unwrap())
    };
    assert!(info("portable").succeeds().stdout.contains("kernels (portable)"));
    info("avx1024").fails_saying(&["avx1024", "hint: "]);
}

#[test]
fn quick_is_a_recipe_and_no_second_one() {
    let place = Place::with_made_dataset();
    let small = ["--dataset", "made", "--epochs", "1", "--resolution", "32", "--batch-size", "8"];
    let rest = ["--set", "model.stem=8", "--set", "model.widths=[8,8]", "--out", "run"];
    place.run(&[&["train", "--quick"][..], &small, &rest].concat()).succeeds();
    assert!(place.read("run/recipe.toml").contains("name = \"quick\""));
    place.run(&["train", "--quick", "--recipe", "fast-85"]).exits_with(2);
}
