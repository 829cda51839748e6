//! `predictions.csv`, which any program may have written, damaged at random: read or refused, never a panic, and a score
//! only when every sample is there once.

#[path = "../../imagenette-data/tests/mutation/mod.rs"]
mod mutation;

use std::path::Path;

use imagenette_results::predictions::{read, score};

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
        if let Ok(score) = score(&path, &predictions, &truth, &classes) {
            assert_eq!((score.total, predictions.len()), (6, 6));
            assert!(score.correct <= score.total);
        }
    });
}
