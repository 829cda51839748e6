//! Runs' folders read whole: what belongs together is accepted, and each kind of damage is refused with its place.

mod fixture;

use std::path::Path;

use fixture::{change, change_file, write};
use imagenette_files::Hint;
use imagenette_files::hash::sha256;
use imagenette_recipe::Recipe;
use imagenette_results::check::Twins;
use imagenette_results::run_folder::{
    HISTORY_FILE, PREDICTIONS_FILE, PROBABILITIES_FILE, RECIPE_FILE, RECORD_FILE, WEIGHTS_FILE,
};
use imagenette_results::{ResultsError, Run};
use tempfile::TempDir;

/// A run that was damaged in some way is refused, and the message has these parts.
#[track_caller]
fn refused(damage: impl Fn(&Path), parts: &[&str]) -> ResultsError {
    let place = TempDir::new().unwrap();
    let run = write(place.path(), 1);
    Run::read(&run).expect("it is whole before it is damaged");
    damage(&run);
    let error = Run::read(&run).expect_err("this must be refused");
    let text = format!("{error}\n{}", error.hint().expect("every refusal says what to do"));
    parts.iter().for_each(|part| assert!(text.contains(part), "{text}"));
    error
}

/// Makes the record name the hash that a file has now: what somebody would do who forges both.
fn rehash(run: &Path, file: &str, key: &str) {
    let now = sha256(std::fs::read(run.join(file)).unwrap());
    let text = std::fs::read_to_string(run.join(RECORD_FILE)).unwrap();
    let line = text.lines().find(|line| line.contains(&format!("\"{key}\""))).unwrap();
    change(run, line, &format!("    \"{key}\": \"{now}\","));
}

#[test]
fn a_whole_run_reads_with_its_seconds_and_counts() {
    let place = TempDir::new().unwrap();
    let folder = write(place.path(), 1);
    let run = Run::read(&folder).unwrap();
    assert!(run.is_counted && run.check_weights().unwrap());
    assert_eq!(run.training_seconds.into_iter().collect::<Vec<_>>(), [(1, 2.0), (2, 4.0)]);
    assert_eq!(run.record.provenance.unwrap().attempts.resumed(), 1);
}

#[test]
fn a_kept_run_may_leave_out_what_is_large() {
    let place = TempDir::new().unwrap();
    let folder = write(place.path(), 1);
    for file in [WEIGHTS_FILE, PROBABILITIES_FILE, HISTORY_FILE, PREDICTIONS_FILE] {
        std::fs::remove_file(folder.join(file)).unwrap();
        let run = Run::read(&folder).unwrap();
        assert!(!run.check_weights().unwrap());
        assert_eq!(run.is_counted, file != PREDICTIONS_FILE);
        assert_eq!(run.training_seconds.is_empty(), [HISTORY_FILE, PREDICTIONS_FILE].contains(&file));
    }
    std::fs::remove_file(folder.join(RECIPE_FILE)).unwrap();
    assert!(Run::read(&folder).is_err(), "the recipe is always kept");
}

#[test]
fn another_recipe_is_refused() {
    refused(|run| change_file(&run.join(RECIPE_FILE), "64", "96"), &["recipe.toml", "found another one"]);
}

/// A recipe that this program reads, of as many steps as the fixture's run.
fn tiny() -> Recipe {
    let settings = [("name", "tiny"), ("seed", "1"), ("epochs", "2"), ("batch_size", "8")];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Recipe::from_toml(Recipe::shipped_text("default").unwrap(), &settings).unwrap()
}

#[test]
fn seconds_that_the_history_does_not_tell_are_refused() {
    refused(
        |run| change(run, "\"training\": 4.0", "\"training\": 3.0"),
        &["the history's 4 seconds of training, found 3"],
    );
    refused(
        |run| change(run, "\"evaluation\": 0.5", "\"evaluation\": 0.1"),
        &["the history's 0.5 seconds of evaluation"],
    );
    refused(|run| change(run, "\"total\": 5.0", "\"total\": 4.25"), &["within 4.25 seconds in all, found 4 and 0.5"]);
    refused(|run| change(run, "\"total\": 5.0", "\"total\": -1.0"), &["seconds of total from 0 on, found -1"]);
}

#[test]
fn equal_runs_under_two_seeds_are_not_two() {
    let place = TempDir::new().unwrap();
    let [one, two] = [1, 2].map(|seed| write(place.path(), seed));
    let read = |folder: &Path| Run::read(folder).unwrap();
    assert_eq!(Twins::of(&read(&one), &read(&two)), None, "eight equal predictions are no evidence");
    for (key, what) in [("probabilities_sha256", "probabilities"), ("weights_sha256", "weights")] {
        for run in [&one, &two] {
            let text = std::fs::read_to_string(run.join(RECORD_FILE)).unwrap();
            let line = text.lines().find(|line| line.contains(&format!("\"{key}\""))).unwrap();
            let (_, own) = line.split_once(": ").unwrap();
            change(run, own.trim_matches([',', '"']), &"ab".repeat(32));
            let _ = std::fs::remove_file(run.join(PROBABILITIES_FILE));
        }
        let twins = Twins::of(&read(&one), &read(&two)).unwrap();
        assert_eq!((twins.what, twins.seed, &twins.second), (what, 1, &two));
        assert!(twins.error().to_string().contains(&format!("the same {what} as in")), "{}", twins.error());
    }
}

#[test]
fn the_canonical_recipe_is_checked_where_this_program_knows_all_keys() {
    let whole = |run: &Path, canonical: &str| {
        let path = run.join(RECIPE_FILE);
        let before = sha256(std::fs::read(&path).unwrap());
        let text = tiny().to_toml();
        std::fs::write(&path, &text).unwrap();
        change(run, &before, &sha256(text));
        // What it plans over 16 photos, two steps an epoch.
        change(run, "\"train\": 24", "\"train\": 16");
        change(run, "\"name\": \"fast\"", &format!("\"name\": \"{}\"", tiny().model.name()));
        change(run, "  \"training_flop\": 4000000000000.0,\n", "");
        change(run, &"cc".repeat(32), canonical);
        // Its chain begins with another recipe.
        std::fs::remove_file(run.join(HISTORY_FILE)).unwrap();
    };
    let canonical = tiny().canonical_sha256();
    let place = TempDir::new().unwrap();
    let run = write(place.path(), 1);
    whole(&run, &canonical);
    assert_eq!(Run::read(&run).unwrap().recipe_canonical_sha256, Some(canonical));
    refused(
        |run| whole(run, &"ab".repeat(32)),
        &["recipe.toml", "whose canonical form record.json names (abababababab)"],
    );
}

#[test]
fn an_edited_result_is_refused_even_where_it_is_edited_everywhere_in_the_record() {
    refused(|run| change(run, "\"correct\": 6", "\"correct\": 8"), &["record.json", "after epoch 2"]);
    let everywhere = |run: &Path| {
        change(run, "\"correct\": 6", "\"correct\": 8");
        change(run, "\"correct\": 6", "\"correct\": 8");
    };
    refused(everywhere, &["history.jsonl", "the evaluations of the record (3 correct of 8, 8 correct of 8)"]);
    let without_history = |run: &Path| {
        everywhere(run);
        std::fs::remove_file(run.join(HISTORY_FILE)).unwrap();
    };
    refused(without_history, &["predictions.csv: expected predictions with 8 correct of 8", "found 6 correct of 8"]);
}

#[test]
fn edited_predictions_are_refused_by_their_count_or_else_by_their_hash() {
    let wrong =
        |run: &Path| change_file(&run.join(PREDICTIONS_FILE), "00000000.JPEG,n01440764", "00000000.JPEG,n02102040");
    refused(wrong, &["predictions.csv", "found 5 correct of 8"]);
    let exchanged = |run: &Path| {
        wrong(run);
        change_file(&run.join(PREDICTIONS_FILE), "00000006.JPEG,n02102040", "00000006.JPEG,n01440764");
    };
    refused(exchanged, &["predictions.csv", "the predictions that record.json names"]);
    let rehashed = |run: &Path| {
        exchanged(run);
        rehash(run, PREDICTIONS_FILE, "predictions_sha256");
    };
    // The probabilities name the predictions that they stand beside.
    refused(rehashed, &["probabilities.safetensors", "expected probabilities of the predictions"]);
    refused(|run| change_file(&run.join(PREDICTIONS_FILE), "val/", "train/"), &["found another form: `train/"]);
}

#[test]
fn probabilities_that_were_changed_are_refused() {
    let damaged = |run: &Path| {
        let path = run.join(PROBABILITIES_FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
    };
    refused(damaged, &["probabilities.safetensors", "found another one"]);
    let truncated = |run: &Path| {
        let path = run.join(PROBABILITIES_FILE);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        rehash(run, PROBABILITIES_FILE, "probabilities_sha256");
    };
    refused(truncated, &["probabilities.safetensors", "expected imagenette-probabilities version 1"]);
}

#[test]
fn a_history_with_a_broken_chain_is_refused_with_the_line() {
    let lines = |run: &Path, edit: &dyn Fn(&mut Vec<String>)| {
        let path = run.join(HISTORY_FILE);
        let mut lines: Vec<String> = std::fs::read_to_string(&path).unwrap().lines().map(String::from).collect();
        edit(&mut lines);
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    };
    refused(|run| change_file(&run.join(HISTORY_FILE), "1.15", "1.14"), &["an unbroken chain", "at line 3"]);
    refused(|run| lines(run, &|lines| drop(lines.remove(2))), &["an unbroken chain", "at line 3"]);
    refused(|run| lines(run, &|lines| lines.swap(5, 6)), &["an unbroken chain", "at line 6"]);
    refused(|run| lines(run, &|lines| drop(lines.pop())), &["a history that ends with the link"]);
    refused(|run| lines(run, &|lines| lines.truncate(1)), &["a history that ends with the link"]);
}

#[test]
fn a_history_of_another_run_is_refused_even_where_its_chain_is_whole() {
    let other_seed = |run: &Path| std::fs::write(run.join(HISTORY_FILE), fixture::history(2).to_text()).unwrap();
    refused(other_seed, &["history.jsonl", "found another beginning"]);
    let old = |run: &Path| {
        let text = "{\"format\":\"imagenette-history\",\"version\":1}\n";
        std::fs::write(run.join(HISTORY_FILE), text).unwrap();
    };
    refused(old, &["a history with a chain of hashes", "found one without"]);
    // The clock is no part of the chain; the hash in the record is what covers it.
    let faster =
        |run: &Path| change_file(&run.join(HISTORY_FILE), "\"training_seconds\":2.0", "\"training_seconds\":1.0");
    refused(faster, &["history.jsonl", "the history that record.json names"]);
}

#[test]
fn attempts_that_contradict_the_record_are_refused() {
    refused(|run| change(run, "\"resumed\": 1", "\"resumed\": 0"), &["a run that was resumed 1 times, found 0"]);
    refused(
        |run| change(run, "\"steps_after\": 3", "\"steps_after\": 2"),
        &["attempt 2 from step 3 to 4, after step 2"],
    );
    refused(|run| change(run, "\"steps\": 4", "\"steps\": 5"), &["attempts that end after step 4 of 5"]);
    refused(
        |run| change(run, "\"ending\": \"finished\"", "\"ending\": \"killed\""),
        &["attempt 2 of 2 that is killed"],
    );
    refused(|run| change(run, "flex, kernels (avx2), f32", "flex, kernels (avx512), f32"), &["the last attempt's"]);
    refused(
        |run| change(run, "\"avx2\",\n          \"precision\"", "\"avx512\",\n          \"precision\""),
        &["`changed_machine` = true"],
    );
    refused(|run| change(run, "\"threads\": 1", "\"threads\": 16"), &["the last attempt's"]);
}

#[test]
fn weights_of_another_run_are_refused_when_they_are_asked_for() {
    let place = TempDir::new().unwrap();
    let folder = write(place.path(), 1);
    std::fs::write(folder.join(WEIGHTS_FILE), "other").unwrap();
    let error = Run::read(&folder).unwrap().check_weights().unwrap_err();
    assert!(error.to_string().contains("the weights that record.json names"), "{error}");
}

#[test]
fn a_record_cut_anywhere_keeps_the_run_from_being_read() {
    let place = TempDir::new().unwrap();
    let folder = write(place.path(), 1);
    let path = folder.join(RECORD_FILE);
    let text = std::fs::read(&path).unwrap();
    for end in (0..text.len() - 1).step_by(7) {
        std::fs::write(&path, &text[..end]).unwrap();
        assert!(Run::read(&folder).is_err(), "cut at {end}");
    }
}

#[test]
fn a_history_cut_anywhere_keeps_the_run_from_being_read() {
    let place = TempDir::new().unwrap();
    let folder = write(place.path(), 1);
    let path = folder.join(HISTORY_FILE);
    let text = std::fs::read(&path).unwrap();
    for end in (0..text.len()).step_by(7) {
        std::fs::write(&path, &text[..end]).unwrap();
        assert!(Run::read(&folder).is_err(), "cut at {end}");
    }
}

#[test]
fn a_folder_of_another_program_is_no_run() {
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join("recipe.toml"), "[package]\nname = 'x'\n").unwrap();
    let error = Run::read(place.path()).unwrap_err();
    assert!(error.to_string().contains("found a run that has not ended"), "{error}");
    for (record, part) in [
        ("", "EOF while parsing"),
        ("[]", "a list of 0 where something else belongs"),
        ("{\"accuracy\": 0.999}", "missing field `format`"),
        ("{\"format\": \"wandb-run\", \"version\": 1}", "found wandb-run version 1"),
        ("\u{0}\u{1}", "expected value"),
    ] {
        std::fs::write(place.path().join(RECORD_FILE), record).unwrap();
        let error = Run::read(place.path()).unwrap_err();
        assert!(error.to_string().contains(part) && error.hint().is_some(), "{error}");
    }
    std::fs::write(place.path().join(RECORD_FILE), [0xFF, 0xFE]).unwrap();
    assert!(Run::read(place.path()).is_err());
}
