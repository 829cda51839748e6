//! The leaderboard as its people use it: one who enters, a keeper who looks at a request, a reader with a number.

use std::process::Command;

use imagenette_files::hash::sha256;
use serde_json::{Value, json};

use crate::support::{Place, tree};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const CHALLENGE: &str = "made-32px-epochs-5";

/// A place with the made photos, a recipe of two epochs and a board whose one source they are.
fn with_board() -> Place {
    let place = Place::with_made_dataset();
    train(&place, "probe", 0, &[]);
    let record: Value = serde_json::from_str(&place.read("probe/record.json")).unwrap();
    let dataset = &record["dataset"];
    let mut samples: Vec<String> = place
        .read("probe/predictions.csv")
        .lines()
        .skip(1)
        .map(|line| format!("{}\n", line.split(',').next().unwrap()))
        .collect();
    samples.sort();
    let prices = include_str!("../board/prices/2026.csv");
    for folder in ["board/seasons", "board/prices", "board/entries"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    std::fs::write(place.path("board/prices/2026.csv"), prices).unwrap();
    let season = format!(
        "format = \"imagenette-season\"\nversion = 1\nname = \"2026\"\nopens = \"2020-01-01\"\ncloses = \"2099-12-31\"\n\
         [rules]\nseeds = 3\np = 0.01\nfresh_seeds = 2\nfresh_seeds_long = 1\nlong_epochs = 30\n\
         [prices]\nfile = \"prices/2026.csv\"\nsha256 = \"{}\"\n\
         [[sources]]\nname = \"made\"\nedition = {}\nidentity = {}\narchives = [{{ name = {} }}]\ntrain = {}\nval = {}\n\
         val_sha256 = \"{}\"\n[[challenges]]\nsources = [\"made\"]\nresolutions = [32]\nepochs = [5]\n",
        sha256(prices),
        dataset["edition"],
        dataset["identity"],
        dataset["source"],
        dataset["train"],
        dataset["val"],
        sha256(samples.concat())
    );
    std::fs::write(place.path("board/seasons/2026.toml"), season).unwrap();
    place
}

/// A run of two epochs. What is built here may have changed files, which a board refuses: its record names a commit.
fn train(place: &Place, out: &str, seed: u64, more: &[&str]) {
    let seed = seed.to_string();
    let first = ["train", "--dataset", "made", "--epochs", "2", "--resolution", "32", "--batch-size", "8", "--offline"];
    let rest =
        ["--learning-rate", "1e-4", "--set", "model.stem=8", "--set", "model.widths=[8,8]", "--precision", "f32"];
    place.run(&[&first[..], &rest, &["--seed", &seed, "--out", out], more].concat()).succeeds();
    let path = place.path(&format!("{out}/record.json"));
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    record["environment"]["commit"] = json!("0123456789ab");
    record["provenance"]["attempts"][0]["commit"] = json!("0123456789ab");
    std::fs::write(path, serde_json::to_string_pretty(&record).unwrap() + "\n").unwrap();
}

fn dealt(place: &Place) -> Vec<u64> {
    let dealt = place.run(&["board", "deal", "probe/recipe.toml", "--json"]).succeeds().json();
    dealt["seeds"].as_array().unwrap().iter().map(|seed| seed.as_u64().unwrap()).collect()
}

fn enter<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let first = ["board", "new", CHALLENGE, "--from", "runs", "--title", "A <b>bold</b> idea", "--author", "Ann & Co"];
    let code: &'static str = "https://github.com/a/b/tree/0123456789abcdef0123456789abcdef01234567";
    [&first[..], &["--code", code, "--runs-tried", "5", "--name", "bold"], more].concat()
}

#[test]
fn runs_of_the_dealt_seeds_become_an_entry_that_holds_is_ranked_replayed_and_shown() {
    let place = with_board();
    let seeds = dealt(&place);
    assert_eq!(seeds.len(), 3);
    train(&place, "runs/own", 7, &[]);
    place.run(&enter(&[])).fails_saying(&["expected runs of the dealt seeds", &seeds[0].to_string(), "--seed"]);
    assert_eq!(place.list("board/entries"), Vec::<String>::new(), "nothing is written");
    for seed in &seeds {
        train(&place, &format!("runs/s{seed}"), *seed, &[]);
    }
    // What is wrong with an entry keeps it out, with the folder of its challenge.
    let few: Vec<&str> = enter(&[]).into_iter().map(|word| if word == "5" { "1" } else { word }).collect();
    let refused = place.run(&few).exits_with(1);
    assert!(refused.stdout.contains("runs_tried"), "{}", refused.stdout);
    assert_eq!(place.list("board/entries"), Vec::<String>::new(), "nothing is left");
    let made = place.run(&enter(&[])).succeeds();
    assert!(made.stdout.contains("(n = 3), checked"), "{}", made.stdout);
    place.run(&enter(&[])).fails_saying(&["an entry is there already"]);
    let checked = place.run(&["board", "check"]).succeeds();
    assert_eq!(checked.stdout, "1 entry, nothing is wrong\n");
    let entry = format!("board/entries/{CHALLENGE}/{}", place.list(&format!("board/entries/{CHALLENGE}"))[0]);
    place.run(&["board", "check", &entry]).succeeds();
    let ranked = place.run(&["board", "rank", CHALLENGE]).succeeds();
    assert!(
        ranked.stdout.contains("A <b>bold</b> idea, Ann & Co") && ranked.stdout.contains("leads"),
        "{}",
        ranked.stdout
    );
    // Anybody's result: its own predictions are tied with it, a number alone is placed too.
    let own = place.run(&["score", &format!("{entry}/s1"), "--against", "board"]).succeeds();
    assert!(own.stdout.contains("tied with A <b>bold</b> idea") && own.stdout.contains("first of 2"), "{}", own.stdout);
    let number = place.run(&["score", "1.5", "--against", "board", "--challenge", CHALLENGE]).succeeds();
    assert!(
        number.stdout.starts_with("1.50: ") && number.stdout.contains("of 2 in made, 32 px, 5 epochs"),
        "{}",
        number.stdout
    );
    place.run(&["score", "193", "--against", "board"]).misused_saying(&["up to 100 percent"]);
    // The same bits, of one epoch and of all.
    for more in [&["--epochs", "1"][..], &["--seed", "2"]] {
        let replayed = place.run(&[&["board", "replay", &entry], more].concat()).succeeds();
        assert!(replayed.stdout.contains("the same bits"), "{}", replayed.stdout);
    }
    // Pages with the same bytes, in which an author's text is text.
    place.run(&["board", "site", "site"]).succeeds();
    place.run(&["board", "site", "again"]).succeeds();
    assert!(tree(&place.path("site")) == tree(&place.path("again")), "the same board gives the same bytes");
    place.run(&["board", "site", "site"]).succeeds();
    place.run(&["board", "site", "runs"]).fails_saying(&["expected a new folder, or one with a site"]);
    let index = place.read("site/index.html");
    assert!(index.contains("A &lt;b&gt;bold&lt;&#x2f;b&gt; idea") && !index.contains("<b>bold"), "{index}");
    for (path, bytes) in tree(&place.path("site")) {
        let text = String::from_utf8(bytes).unwrap();
        let asked = ["src=\"http", "href=\"http://", "url(", "@import", "fetch(", "XMLHttpRequest"];
        assert!(asked.iter().all(|asks| !text.contains(asks)), "{}: something is asked of a network", path.display());
    }
    // An edited accuracy is one line with the file, what was expected and what was found.
    let path = place.path(&format!("{entry}/s1/record.json"));
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    record["result"]["correct"] = json!(24);
    std::fs::write(&path, record.to_string()).unwrap();
    let refused = place.run(&["board", "check"]).exits_with(1);
    assert!(
        refused.stdout.contains("s1/record.json: expected ") && refused.stdout.contains("(hint: "),
        "{}",
        refused.stdout
    );
    let json = place.run(&["board", "check", "--json"]).exits_with(1).json();
    assert_eq!((json["failed"].as_bool(), json["entries"].as_array().unwrap().len()), (Some(true), 0));
    place.run(&["board", "replay", &entry, "--epochs", "1"]).exits_with(1);
}

/// Runs git in a place, with nobody's settings.
fn git(place: &Place, arguments: &[&str]) {
    let status = Command::new("git")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(place.path("."))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(status.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&status.stderr));
}

#[test]
fn a_request_adds_one_entry_and_touches_nothing_else() {
    let place = with_board();
    for seed in dealt(&place) {
        train(&place, &format!("runs/s{seed}"), seed, &[]);
    }
    git(&place, &["init", "--quiet"]);
    std::fs::write(place.path(".gitignore"), "store\nruns\nprobe\nphotos\n").unwrap();
    git(&place, &["add", "."]);
    git(&place, &["commit", "--quiet", "-m", "base"]);
    git(&place, &["switch", "--quiet", "--create", "request"]);
    let check = ["board", "check", "--changed-since", "main"];
    place.run(&check).exits_with(1);
    place.run(&enter(&[])).succeeds();
    git(&place, &["add", "board"]);
    git(&place, &["commit", "--quiet", "-m", "an entry"]);
    let held = place.run(&check).succeeds();
    assert_eq!(held.stdout, "1 entry, nothing is wrong\n");
    let table = place.run(&[&check[..], &["--markdown"]].concat()).succeeds();
    assert!(table.stdout.contains("Ann &#38;amp; Co") || table.stdout.contains("Ann &amp; Co"), "{}", table.stdout);
    // The season of the request, and a hook that somebody left: the first is refused, the second never runs.
    let season = place.path("board/seasons/2026.toml");
    let text = std::fs::read_to_string(&season).unwrap();
    std::fs::write(&season, text.replace("p = 0.01", "p = 0.4")).unwrap();
    git(&place, &["commit", "--quiet", "--all", "-m", "easier"]);
    let refused = place.run(&check).exits_with(1);
    assert!(refused.stdout.contains("seasons/2026.toml: expected new files below"), "{}", refused.stdout);
    place.run(&["board", "check", "--changed-since", "no-such-branch"]).fails_saying(&["git diff"]);
    place.run(&["board", "check", "--changed-since=--output=owned"]).fails_saying(&["expected a branch or commit"]);
    assert!(!place.path("owned").exists());
    assert_eq!(COMMIT.len(), 40);
}

#[test]
fn what_is_no_board_or_no_challenge_is_said_with_what_to_do() {
    let place = Place::new();
    place.run(&["board", "check"]).fails_saying(&["expected a board's folder", "hint: "]);
    place.run(&["board", "rank", "--board", "none"]).fails_saying(&["none"]);
    let board = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../board");
    let board = board.to_str().unwrap();
    place.run(&["board", "check", board]).succeeds();
    place.run(&["board", "deal", "epochs-5", "--board", board]).succeeds();
    place.run(&["board", "deal", "no-such-recipe", "--board", board]).exits_with(1);
    place.run(&["board", "deal", "dollars", "--board", board]).fails_saying(&["by its budget", "RUN/recipe.toml"]);
    place.run(&["board", "deal", "no-such.toml", "--board", board]).fails_saying(&["open no-such.toml"]);
    let near = place.run(&["board", "rank", "imagenette2-160-128px-epochs-50", "--board", board]);
    near.fails_saying(&["expected a challenge of season 2026", "did you mean"]);
    let old =
        place.run(&["score", "93.27", "--against", board, "--challenge", "imagenette2-160-128px-epochs-60"]).succeeds();
    assert!(old.stdout.contains("old board, imagenette2, within 128 px, 60 epochs: 91.57%"), "{}", old.stdout);
    assert!(old.stdout.starts_with("93.27%: ") && old.stdout.contains("this is +1.70 points"), "{}", old.stdout);
    // Without a challenge: every length beside every other, each row once.
    let all = place.run(&["score", "93.27", "--against", board]).succeeds().stdout;
    assert!(all.starts_with("93.27% beside the best rows of the old board on imagenette2, in points:\n"), "{all}");
    assert!(all.contains("| 128 | 87.43 (+5.84) | 91.57 (+1.70) |"), "{all}");
    assert_eq!(all.matches("87.43").count(), 1, "{all}");
    assert!(all.lines().filter(|line| line.starts_with('|')).all(|line| line.len() <= 80), "{all}");
    // A fraction is read as one, and said.
    let fraction = place.run(&["score", "0.9327", "--against", board]).succeeds().stdout;
    assert_eq!(fraction, all);
    assert_eq!(place.run(&["score", "93,27", "--against", board]).succeeds().stdout, all);
    place.run(&["score", "93.27"]).misused_saying(&["found the number 93.27", "--against board"]);
    let rows = place.run(&["score", "93.27", "--against", board, "--json"]).succeeds().json();
    assert!(
        rows["old_board"].as_array().unwrap().iter().any(|row| row["percent"] == 87.43 && row["px"] == 128),
        "{rows}"
    );
}
