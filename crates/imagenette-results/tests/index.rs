//! An index of kept runs: what is in it, what is left out, and how it is shown.

mod fixture;

use std::path::{Path, PathBuf};

use fixture::{change, change_file, write};
use imagenette_files::hash::sha256;
use imagenette_results::index::Index;
use tempfile::TempDir;

/// Changes a run's recipe, and the record with it.
fn with_recipe(run: &Path, from: &str, to: &str) {
    let path = run.join("recipe.toml");
    let before = sha256(std::fs::read(&path).unwrap());
    change_file(&path, from, to);
    change(run, &before, &sha256(std::fs::read(&path).unwrap()));
}

fn index(place: &TempDir) -> Index {
    Index::of(&[place.path().to_owned()])
}

#[test]
fn seeds_of_a_recipe_in_a_folder_are_one_row_with_their_mean_and_counts() {
    let place = TempDir::new().unwrap();
    let folder = place.path().join("tiny");
    for seed in [3, 1, 2] {
        write(&folder, seed);
    }
    let index = index(&place);
    let [row] = index.rows.as_slice() else { panic!("{index:?}") };
    assert_eq!((row.place.as_path(), row.recipe.as_str(), &row.seeds[..]), (Path::new("tiny"), "tiny", &[1, 2, 3][..]));
    assert_eq!((row.top_1.mean, row.top_1.standard_deviation, row.top_1.n), (0.75, Some(0.0), 3));
    assert_eq!((&row.correct[..], row.total, row.is_counted), (&[6, 6, 6][..], 8, true));
    assert_eq!((&row.devices[..], row.training_seconds), (&["flex, kernels (avx2), f32".to_owned()][..], 4.0));
    assert_eq!(row.engines, [format!("engine {}", &"ee".repeat(6))]);
    assert_eq!(row.runs[0], folder.join("tiny-s1"));
    assert_eq!((row.settings.len(), index.left_out.len()), (0, 0));
    let line = index.table().lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "tiny tiny imagenette2-160 2 3: 1 to 3 75.00 ± 0.00 flex, kernels (avx2), f32 4";
    assert_eq!(line, expected);
}

#[test]
fn a_recipe_is_set_apart_by_what_differs_from_the_one_of_its_name_with_most_runs() {
    let place = TempDir::new().unwrap();
    let other = write(&place.path().join("a"), 1);
    with_recipe(&other, "kind = \"sgd\"", "kind = \"muon\"\nsteps = 3");
    let longer = write(&place.path().join("b"), 1);
    with_recipe(&longer, "resolution = 64", "resolution = 96");
    for seed in 1..=2 {
        write(&place.path().join("usual"), seed);
    }
    let index = index(&place);
    let settings = |row: usize| {
        let settings = index.rows[row].settings.iter();
        settings.map(|setting| (setting.key.as_str(), setting.value.as_deref())).collect::<Vec<_>>()
    };
    assert_eq!(settings(0), [("optimizer.kind", Some("muon")), ("optimizer.steps", Some("3"))]);
    assert_eq!((settings(1), settings(2)), (vec![("resolution", Some("96"))], vec![]));
    let table = index.table();
    assert!(table.contains("tiny (optimizer.kind = muon; and 1 more)"), "{table}");
    let markdown = index.markdown();
    // The resolution has a column of its own.
    let words = "tiny (optimizer.kind = muon; optimizer.steps = 3)";
    assert!(markdown.contains(words) && !markdown.contains("resolution ="), "{markdown}");
}

#[test]
fn own_parts_and_swept_keys_are_named_before_all_others() {
    let place = TempDir::new().unwrap();
    let folder = place.path().join("sweep");
    let common = "kind = \"sgd\"\nclipping = 1.0\nnesterov = true\nweight_decay = ";
    for (seed, decay) in [(1, "0.1"), (2, "0.2")] {
        let run = write(&folder, seed);
        with_recipe(&run, "kind = \"sgd\"", &format!("{common}{decay}"));
    }
    // One without the key is named by that.
    with_recipe(&write(&folder, 3), "kind = \"sgd\"", common.strip_suffix("\nweight_decay = ").unwrap());
    for seed in 1..=3 {
        write(&place.path().join("usual"), seed);
    }
    let table = index(&place).table();
    for decay in ["0.1", "0.2"] {
        assert!(table.contains(&format!("tiny (optimizer.weight_decay = {decay}; and 2 more)")), "{table}");
    }
    assert!(table.contains("tiny (no optimizer.weight_decay; and 2 more)"), "{table}");
    // An own part stands before a swept key, and both are there.
    let own = write(&place.path().join("own"), 1);
    with_recipe(&own, "kind = \"sgd\"", "kind = \"lion\"\nbeta = 0.9\nadaptive = true");
    let part = r#""parts": [{ "name": "lion", "kind": "optimizer", "crate": "c", "version": "1", "source_sha256": "aa" }],
      "attempts""#;
    change(&own, "\"attempts\"", part);
    std::fs::remove_file(own.join("history.jsonl")).unwrap();
    let other = write(&place.path().join("own"), 2);
    with_recipe(&other, "kind = \"sgd\"", "kind = \"lion\"\nbeta = 0.8\nadaptive = true");
    change(&other, "\"attempts\"", part);
    std::fs::remove_file(other.join("history.jsonl")).unwrap();
    let table = index(&place).table();
    assert!(table.contains("tiny (optimizer.kind = lion; optimizer.beta = 0.9; and 1 more)"), "{table}");
}

#[test]
fn each_row_of_a_sweep_of_a_recipe_that_does_not_ship_names_its_value() {
    let place = TempDir::new().unwrap();
    for (seed, kind) in [(1, "sgd"), (2, "adamw"), (3, "muon")] {
        with_recipe(&write(place.path(), seed), "kind = \"sgd\"", &format!("kind = \"{kind}\""));
    }
    let table = index(&place).table();
    for kind in ["sgd", "adamw", "muon"] {
        assert!(table.contains(&format!("tiny (optimizer.kind = {kind})")), "{table}");
    }
}

#[test]
fn what_cannot_be_used_is_named_and_left_out() {
    let place = TempDir::new().unwrap();
    write(&place.path().join("whole"), 1);
    change(&write(&place.path().join("forged"), 1), "\"correct\": 6", "\"correct\": 8");
    change(&write(&place.path().join("newer"), 1), "\"version\": 2", "\"version\": 6");
    std::fs::remove_file(write(&place.path().join("open"), 1).join("record.json")).unwrap();
    let again = write(&place.path().join("whole"), 2);
    with_recipe(&again, "seed = 2", "seed = 1");
    change(&again, "\"seed\": 2", "\"seed\": 1");
    std::fs::remove_file(again.join("history.jsonl")).unwrap();
    let folders = [place.path().join("nowhere"), place.path().to_owned()];
    let index = Index::of(&folders);
    assert_eq!(index.rows.len(), 1, "{}", index.table());
    let left_out = |name: &str| {
        let found = index.left_out.iter().find(|left_out| left_out.folder.ends_with(name));
        let found = found.unwrap_or_else(|| panic!("{name} in {:?}", index.left_out));
        assert!(found.hint.is_some() || name == "nowhere", "{found:?}");
        found.reason.as_str()
    };
    assert!(left_out("nowhere").contains("failed to read"));
    assert!(left_out("forged/tiny-s1").contains("after epoch 2"));
    assert!(left_out("newer/tiny-s1").contains("version 6"));
    assert!(left_out("open/tiny-s1").contains("has not ended"));
    assert!(left_out("whole/tiny-s2").contains("seed 1 a second time"));
    assert_eq!(index.left_out.len(), 5);
}

#[test]
fn places_are_seen_from_the_folder_that_was_named() {
    let place = TempDir::new().unwrap();
    let one = write(place.path(), 1);
    let place_of = |folder: &Path| Index::of(&[folder.to_owned()]).rows[0].place.clone();
    assert_eq!(place_of(place.path()), PathBuf::from("tiny-s1"));
    assert_eq!(place_of(&one), one);
    write(place.path(), 2);
    assert_eq!(place_of(place.path()), PathBuf::from("."));
}

#[test]
fn names_of_strangers_are_shown_and_not_obeyed() {
    let place = TempDir::new().unwrap();
    let run = write(&place.path().join("a|b [c]"), 1);
    change(&run, "\"recipe\": \"tiny\"", "\"recipe\": \"[31m<b>|x\"");
    let index = index(&place);
    assert!(index.table().contains("[31m<b>|x"), "{}", index.table());
    let markdown = index.markdown();
    assert!(markdown.contains("\\[31m&lt;b>\\|x"), "{markdown}");
    // Every line has as many cells as the header.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(markdown.lines().all(|line| cells(line) == cells(markdown.lines().next().unwrap())), "{markdown}");
}

#[test]
fn markdown_links_to_the_folders() {
    let place = TempDir::new().unwrap();
    for seed in 1..=2 {
        write(&place.path().join("epochs-5"), seed);
    }
    for seed in 1..=2 {
        write(&place.path().join("with space (2)"), seed);
    }
    let markdown = index(&place).markdown();
    let lines: Vec<&str> = markdown.lines().collect();
    assert!(lines[0].starts_with("| runs") && lines[1].starts_with("| ---") && lines[1].contains("-: |"), "{markdown}");
    assert!(lines[2].starts_with("| [epochs-5](epochs-5) "), "{markdown}");
    assert!(lines[3].starts_with("| [with space (2)](with%20space%20%282%29) "), "{markdown}");
    assert!(lines[2].contains("| 6, 6 of 8 ") && lines[2].contains("| engine eeeeeeeeeeee "), "{markdown}");
}
