//! The files of a run, damaged at random: read or refused, never a panic. `predictions.csv` may be any program's, and
//! gets a score only when every sample is there once.

mod fixture;
#[path = "../../imagenette-data/tests/mutation/mod.rs"]
mod mutation;

use std::path::Path;

use imagenette_results::history::History;
use imagenette_results::predictions::{count, read, score};
use imagenette_results::probabilities::Probabilities;
use imagenette_results::run_folder::{PROBABILITIES_FILE, RECORD_FILE};
use imagenette_results::{Run, RunRecord};

#[test]
fn prediction_files() {
    let classes: Vec<String> = ["n01440764", "n02102040"].map(String::from).to_vec();
    let truth: Vec<(String, usize)> =
        (0..6).map(|number| (format!("val/{0}/{0}_{number}.JPEG", classes[number % 2]), number % 2)).collect();
    let mut whole = String::from("sample,class\n");
    truth.iter().for_each(|(sample, label)| whole += &format!("{sample},{}\n", classes[1 - label]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.csv");
    let words: [&[u8]; 7] = [b"\"", b",", b"\r\n", b"\n", b"sample,class", b"n01440764", b"\xFF"];
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    mutation::fuzz("predictions", &[whole.into_bytes()], &words, kept, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let Ok(predictions) = read(&path) else { return };
        let counted = count(&path, &predictions, "val");
        if let Ok(score) = score(&path, &predictions, &truth, &classes) {
            assert_eq!((score.total, predictions.len()), (6, 6));
            assert!(score.correct <= score.total);
            let counted = counted.unwrap();
            assert_eq!((counted.correct, counted.total), (score.correct, score.total));
        }
    });
}

#[test]
fn records() {
    let place = tempfile::tempdir().unwrap();
    let run = fixture::write(place.path(), 1);
    let path = run.join(RECORD_FILE);
    let whole = std::fs::read(&path).unwrap();
    let first = String::from_utf8(whole.clone()).unwrap();
    let (head, _) = first.split_once(",\n  \"provenance\"").unwrap();
    let first = format!("{head}\n}}\n").replace("\"version\": 2", "\"version\": 1");
    assert!(RunRecord::from_json(&path, &first).is_ok(), "a record of version 1 is among the seeds");
    let words: [&[u8]; 8] = [b"{", b"}", b"\"version\": 3", b"\"notes\": {}", b"null", b"1e999", b"-1", b"\"killed\""];
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    mutation::fuzz("records", &[whole, first.into_bytes()], &words, kept, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        if let Ok(run) = Run::read(&run) {
            let again = RunRecord::from_json(&path, &run.record.to_json()).unwrap();
            assert_eq!(again, run.record);
        }
    });
}

#[test]
fn histories() {
    let whole = fixture::history(1).to_text().into_bytes();
    let old = History::without_chain(fixture::history(1).lines()[..2].to_vec()).to_text().into_bytes();
    let words: [&[u8]; 7] =
        [b"\n", b"\"chain\":\"", b"\"training_seconds\":", b"{\"kind\":\"step\"", b"\"version\":1", b"1e999", b"null"];
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    mutation::fuzz("histories", &[whole.clone(), old], &words, kept, |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return };
        let Ok(history) = History::from_text(Path::new("history.jsonl"), text) else { return };
        // What was read under a chain says what was written: only the clock may be another one's.
        if history.link() == fixture::history(1).link() {
            let steps = |history: &History| history.lines().len();
            assert_eq!(steps(&history), steps(&fixture::history(1)));
        }
        assert_eq!(History::from_text(Path::new("history.jsonl"), &history.to_text()).unwrap(), history);
    });
}

#[test]
fn probability_files() {
    let place = tempfile::tempdir().unwrap();
    let run = fixture::write(place.path(), 1);
    let whole = std::fs::read(run.join(PROBABILITIES_FILE)).unwrap();
    let words: [&[u8]; 6] = [b"F16", b"F64", b"[8,2]", b"[0,0]", b"\"version\":1", b"data_offsets"];
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    mutation::fuzz("probabilities", &[whole], &words, kept, |bytes| {
        let path = Path::new("probabilities.safetensors");
        let Ok(probabilities) = Probabilities::from_bytes(path, bytes) else { return };
        let _ = probabilities.check(path, &fixture::predicted(), "");
        assert!(probabilities.rows().len() <= bytes.len());
    });
}
