//! `predictions.csv`: a line for each sample, written by any program; the accuracy that counts is recomputed from it.
//!
//! The format: a header `sample,class`, then each sample of the split exactly once, in any order. `sample` is the
//! photo's path below the dataset's folder (`val/n01440764/ILSVRC2012_val_00000293.JPEG`), `class` the predicted
//! WordNet id. The folder of a photo is its class, so that predictions can be counted without the dataset
//! ([`count`]); with the dataset it is known too whether they are complete ([`score`]).

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use imagenette_files::FileError;
use imagenette_files::atomic;
use imagenette_files::hash::sha256;
use imagenette_files::input;
use serde::{Deserialize, Serialize};

use crate::error::{Result, ResultsError};
use crate::run_record::Counts;

/// The header that the file must have.
const HEADER: [&str; 2] = ["sample", "class"];

/// What a program says about one sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// The photo's path below the dataset's folder.
    pub sample: String,
    /// The predicted class's WordNet id.
    pub class: String,
}

/// How many samples were right, in all and class by class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Samples whose predicted class is their class.
    pub correct: u64,
    /// Samples of the split.
    pub total: u64,
    /// The classes in label order.
    pub classes: Vec<String>,
    /// `confusion[actual][predicted]` counts samples; both in label order.
    pub confusion: Vec<Vec<u64>>,
}

impl Score {
    /// Top-1 accuracy as a fraction.
    pub fn accuracy(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.correct as f64 / self.total as f64 }
    }

    /// How many samples of a class are right, and how many there are.
    pub fn of_class(&self, label: usize) -> (u64, u64) {
        (self.confusion[label][label], self.confusion[label].iter().sum())
    }
}

/// The file's bytes.
pub fn to_bytes(predictions: &[Prediction]) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let certain = "writing into memory does not fail";
    predictions.iter().for_each(|prediction| out.serialize(prediction).expect(certain));
    out.into_inner().expect(certain)
}

/// Writes the file, complete or absent, and returns its sha256.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(path: &Path, predictions: &[Prediction]) -> Result<String> {
    let bytes = to_bytes(predictions);
    atomic::write_bytes(path, &bytes)?;
    Ok(sha256(bytes))
}

/// Reads the file.
///
/// # Errors
/// When it is not a CSV file with the header `sample,class` and two fields in each line.
pub fn read(path: &Path) -> Result<Vec<Prediction>> {
    let (file, _) = input::open(path, input::TABLE_BYTES)?;
    read_from(path, file)
}

/// Reads the file's bytes. `path` is named in messages.
///
/// # Errors
/// As [`read`].
pub fn read_from(path: &Path, bytes: impl Read) -> Result<Vec<Prediction>> {
    let malformed = |found: String| {
        let expected = "a CSV file with the header `sample,class` and two fields in each line";
        let hint = "a line reads `val/n01440764/ILSVRC2012_val_00000293.JPEG,n01440764`";
        ResultsError::malformed(path, expected, found, hint)
    };
    let mut whole = Vec::new();
    let mut bytes = bytes;
    bytes.read_to_end(&mut whole).map_err(FileError::io("read", path))?;
    if let Some(plain) = plain_lines(&whole) {
        return Ok(plain);
    }
    let mut reader = csv::Reader::from_reader(whole.as_slice());
    let header = reader.headers().map_err(|error| malformed(error.to_string()))?;
    if !header.iter().eq(HEADER) {
        let found = header.iter().collect::<Vec<_>>().join(",");
        return Err(malformed(format!("the header `{found}`")));
    }
    reader.deserialize().map(|line| line.map_err(|error| malformed(error.to_string()))).collect()
}

/// The predictions where every line is as this program writes it, without quotes; `None` leaves them to the reader that
/// knows all of CSV, and what is wrong with it. A board has twenty million lines.
fn plain_lines(bytes: &[u8]) -> Option<Vec<Prediction>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next()?.split(',').ne(HEADER) {
        return None;
    }
    lines
        .map(|line| {
            let (sample, class) = line.split_once(',')?;
            let is_plain = !sample.is_empty() && !line.contains(['"', '\r']) && !class.contains(',');
            is_plain.then(|| Prediction { sample: sample.into(), class: class.into() })
        })
        .collect()
}

/// Counts the predictions that are right without knowing the dataset: a photo's class is the folder that it lies in.
/// Whether each photo of the split is there is not known here, only how many there are.
///
/// # Errors
/// When a sample occurs twice, or is not written as `split/class/photo` with this split. `path` is named in the
/// message.
pub fn count(path: &Path, predictions: &[Prediction], split: &str) -> Result<Counts> {
    // In ascending order, as this program writes them, none is there twice.
    let ascends = predictions.windows(2).all(|pair| pair[0].sample < pair[1].sample);
    let mut seen = HashSet::with_capacity(if ascends { 0 } else { predictions.len() });
    let mut correct = 0;
    for Prediction { sample, class } in predictions {
        let mut parts = sample.split('/');
        let problem = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(of), Some(actual), Some(_), None) if of == split => {
                correct += u64::from(actual == class);
                (!ascends && !seen.insert(sample.as_str())).then_some("it twice")
            }
            _ => Some("another form"),
        };
        if let Some(problem) = problem {
            return Err(ResultsError::Samples {
                path: path.to_owned(),
                problem: format!("expected each sample once, as `{split}/class/photo`, found {problem}: `{sample}`"),
                hint: "the file was changed, or is another dataset's or split's".into(),
            });
        }
    }
    Ok(Counts { correct, total: predictions.len() as u64 })
}

/// Compares predictions with the truth: `truth` lists every sample of the split with its label, and `classes` the
/// WordNet ids in label order.
///
/// # Errors
/// When a sample is missing, unknown or there twice, or a class is not one of the dataset's. `path` is named in the
/// message.
pub fn score(path: &Path, predictions: &[Prediction], truth: &[(String, usize)], classes: &[String]) -> Result<Score> {
    let labels: HashMap<&str, usize> = classes.iter().map(String::as_str).zip(0..).collect();
    let mut open: HashMap<&str, (usize, bool)> =
        truth.iter().map(|(sample, label)| (sample.as_str(), (*label, false))).collect();
    let mut confusion = vec![vec![0; classes.len()]; classes.len()];
    let (mut unknown, mut twice, mut strange) = (Vec::new(), Vec::new(), Vec::new());
    for Prediction { sample, class } in predictions {
        match (open.get_mut(sample.as_str()), labels.get(class.as_str())) {
            (None, _) => unknown.push(sample.as_str()),
            (Some((_, true)), _) => twice.push(sample.as_str()),
            (Some((_, seen)), None) => {
                *seen = true;
                strange.push(class.as_str());
            }
            (Some((actual, seen)), Some(predicted)) => {
                *seen = true;
                confusion[*actual][*predicted] += 1;
            }
        }
    }
    // In the truth's order, so that the message is the same each time.
    let missing: Vec<&str> = truth.iter().map(|(sample, _)| sample.as_str()).filter(|sample| !open[sample].1).collect();
    let problems: Vec<String> = [
        ("missing", missing),
        ("there twice", twice),
        ("unknown", unknown),
        ("with a class that the dataset does not have", strange),
    ]
    .into_iter()
    .filter(|(_, found)| !found.is_empty())
    .map(|(what, found)| format!("{} {what} (first: `{}`)", found.len(), found[0]))
    .collect();
    if !problems.is_empty() {
        return Err(ResultsError::Samples {
            path: path.to_owned(),
            problem: format!("expected each of the {} samples once, found {}", truth.len(), problems.join(", ")),
            hint: "predict every photo of the split exactly once; --dataset names the dataset that they are for".into(),
        });
    }
    let correct = (0..classes.len()).map(|label| confusion[label][label]).sum();
    Ok(Score { correct, total: truth.len() as u64, classes: classes.to_vec(), confusion })
}

#[cfg(test)]
mod tests {
    use imagenette_files::FileError;

    use super::*;

    fn classes() -> Vec<String> {
        vec!["n01".into(), "n02".into()]
    }

    fn truth() -> Vec<(String, usize)> {
        vec![("val/n01/a.JPEG".into(), 0), ("val/n01/b, c.JPEG".into(), 0), ("val/n02/d.JPEG".into(), 1)]
    }

    fn predict(pairs: &[(&str, &str)]) -> Vec<Prediction> {
        pairs.iter().map(|(sample, class)| Prediction { sample: (*sample).into(), class: (*class).into() }).collect()
    }

    fn problem(pairs: &[(&str, &str)]) -> String {
        score(Path::new("p.csv"), &predict(pairs), &truth(), &classes()).unwrap_err().to_string()
    }

    const WHOLE: [(&str, &str); 3] =
        [("val/n02/d.JPEG", "n02"), ("val/n01/a.JPEG", "n01"), ("val/n01/b, c.JPEG", "n02")];

    #[test]
    fn what_is_written_reads_back_and_scores() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        write(&path, &predict(&WHOLE)).unwrap();
        let score = score(&path, &read(&path).unwrap(), &truth(), &classes()).unwrap();
        assert_eq!((score.correct, score.total), (2, 3));
        assert_eq!(score.confusion, [[1, 1], [0, 1]]);
        assert_eq!((score.of_class(0), score.of_class(1)), ((1, 2), (1, 1)));
    }

    #[test]
    fn a_missing_sample_is_named() {
        assert!(problem(&WHOLE[..2]).contains("1 missing (first: `val/n01/b, c.JPEG`)"), "{}", problem(&WHOLE[..2]));
    }

    #[test]
    fn a_sample_that_is_there_twice_is_named() {
        assert!(problem(&[WHOLE[0], WHOLE[1], WHOLE[2], WHOLE[0]]).contains("1 there twice (first: `val/n02/d.JPEG`)"));
    }

    #[test]
    fn an_unknown_sample_and_an_unknown_class_are_named() {
        let found = problem(&[WHOLE[0], WHOLE[1], WHOLE[2], ("train/n01/a.JPEG", "n01")]);
        assert!(found.contains("1 unknown (first: `train/n01/a.JPEG`)"), "{found}");
        let found = problem(&[WHOLE[0], WHOLE[1], ("val/n01/b, c.JPEG", "tench")]);
        assert!(found.contains("the dataset does not have (first: `tench`)"), "{found}");
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        for text in ["", "sample\nval/n01/a.JPEG\n", "sample,class\nval/n01/a.JPEG\n", "sample,class,score\na,b,c\n"] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path);
            // An empty file and a wrong header fail; so does a line with a field too few.
            let is_malformed = matches!(error, Err(ResultsError::File(FileError::Malformed { .. })));
            assert!(is_malformed, "{text:?}: {error:?}");
        }
    }

    #[test]
    fn predictions_are_counted_without_the_dataset() {
        let count = |pairs: &[(&str, &str)], split| count(Path::new("p.csv"), &predict(pairs), split);
        assert_eq!(count(&WHOLE, "val").unwrap(), Counts { correct: 2, total: 3 });
        let twice = count(&[WHOLE[0], WHOLE[1], WHOLE[0]], "val").unwrap_err().to_string();
        assert!(twice.contains("found it twice: `val/n02/d.JPEG`"), "{twice}");
        for sample in ["train/n01/a.JPEG", "val/a.JPEG", "val/n01/b/a.JPEG", "n01/a.JPEG", ""] {
            let other = count(&[WHOLE[0], (sample, "n01")], "val").unwrap_err().to_string();
            assert!(other.contains("found another form"), "{other}");
        }
        assert!(count(&[("train/n01/a.JPEG", "n01")], "train").is_ok());
    }
}
