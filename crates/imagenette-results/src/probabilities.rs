//! `probabilities.safetensors`: how sure a network was of each class, beside `predictions.csv`.
//!
//! One tensor `probabilities` of float16, a row for each line of `predictions.csv` in its order and a column for each
//! class; the metadata name the classes and the predictions' sha256. A reader that does not know this file loses
//! nothing: the predictions are complete without it.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use half::f16;
use imagenette_files::format::Format;
use imagenette_files::input;
use imagenette_files::{FileError, atomic, plain};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::{Result, ResultsError};
use crate::predictions::Prediction;
use crate::run_folder::{PREDICTIONS_FILE, PROBABILITIES_FILE};

/// The file's format.
pub const FORMAT: Format = Format { name: "imagenette-probabilities", oldest: 1, newest: 1 };
/// The metadata's only key, as in all safetensors files of this program: with one there is one order of keys.
const KEY: &str = "imagenette";
/// The tensor's name.
const TENSOR: &str = "probabilities";
/// How far from 1 the probabilities of a sample may add up: each is rounded to 11 bits.
const TOLERANCE: f32 = 0.005;
const HINT: &str = "remove the file: the predictions are complete without it";
/// The least probability that a loss is taken of: half of the least that float16 holds. What is below it was written
/// down as 0, whose logarithm is infinite.
const LEAST: f64 = 1.0 / (1u64 << 25) as f64;

/// Where the probabilities of a file of predictions lie: `probabilities.safetensors` beside `predictions.csv`, and
/// `NAME.probabilities.safetensors` beside any other `NAME.csv`.
///
/// # Example
/// ```
/// use std::path::Path;
/// use imagenette_results::probabilities::beside;
///
/// assert_eq!(beside(Path::new("run/predictions.csv")), Path::new("run/probabilities.safetensors"));
/// assert_eq!(beside(Path::new("mine.csv")), Path::new("mine.probabilities.safetensors"));
/// ```
pub fn beside(predictions: &Path) -> PathBuf {
    if predictions.file_name().is_some_and(|name| name == PREDICTIONS_FILE) {
        return predictions.with_file_name(PROBABILITIES_FILE);
    }
    let mut name = predictions.file_stem().unwrap_or_default().to_owned();
    name.push(".");
    name.push(PROBABILITIES_FILE);
    predictions.with_file_name(name)
}

/// The loss of giving what is right this probability: −ln, natural logarithm. A probability below 2⁻²⁵, which float16
/// holds as 0, counts as 2⁻²⁵: at most 17.3.
///
/// # Example
/// ```
/// use imagenette_results::probabilities::loss;
///
/// assert!((loss(0.5) - 0.693_147_180_559_945_3).abs() < 1e-15 && loss(0.0) < 17.4);
/// ```
pub fn loss(probability: f64) -> f64 {
    -probability.max(LEAST).ln()
}

/// How sure a network was of what is right, over the photos of a split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sureness {
    /// How many photos.
    pub photos: u64,
    /// The mean of −ln of the right class's probability, natural logarithm. A probability below 2⁻²⁵, which float16
    /// holds as 0, counts as 2⁻²⁵: at most 17.3.
    pub cross_entropy: f64,
    /// The right class's probability on average.
    pub right_probability: f64,
}

/// The description that goes with the numbers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: String,
    version: u32,
    classes: Vec<String>,
    predictions_sha256: String,
}

/// The probabilities of each class for each sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Probabilities {
    classes: Vec<String>,
    predictions_sha256: String,
    /// Row by row.
    values: Vec<f16>,
}

impl Probabilities {
    /// Takes probabilities row by row, a row for each prediction and in it one for each class (WordNet ids in label
    /// order). `predictions_sha256` is the hash of the `predictions.csv` that they belong to.
    ///
    /// # Errors
    /// When they do not go with the predictions: see [`Probabilities::check`]. `path` is named in the message.
    pub fn new(
        path: &Path,
        classes: &[String],
        predictions: &[Prediction],
        predictions_sha256: &str,
        values: &[f32],
    ) -> Result<Self> {
        let probabilities = Self {
            classes: classes.to_vec(),
            predictions_sha256: predictions_sha256.into(),
            values: values.iter().map(|value| f16::from_f32(*value)).collect(),
        };
        probabilities.check(path, predictions, predictions_sha256)?;
        Ok(probabilities)
    }

    /// The classes (WordNet ids) in label order.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The rows, one for each prediction in the order of `predictions.csv`.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Vec<f32>> {
        let row = |row: &[f16]| row.iter().map(|value| value.to_f32()).collect();
        self.values.chunks_exact(self.classes.len().max(1)).map(row)
    }

    /// The loss and the probability of what is right. The folder of a photo is its class, as for
    /// [`count`](crate::predictions::count). Asked of probabilities that belong to the predictions:
    /// [`Probabilities::check`].
    ///
    /// # Errors
    /// When there are no photos, or a photo's class has no column. `path` is named in the message.
    pub fn sureness(&self, path: &Path, predictions: &[Prediction]) -> Result<Sureness> {
        let malformed = |expected: String, found: String| ResultsError::malformed(path, expected, found, HINT);
        let labels: HashMap<&str, usize> = self.classes.iter().map(String::as_str).zip(0..).collect();
        let (mut sum, mut right) = (0.0, 0.0);
        for (row, prediction) in self.rows().zip(predictions) {
            let class = prediction.sample.split('/').nth(1).unwrap_or_default();
            let label = labels.get(class).copied().ok_or_else(|| {
                malformed(format!("a column for the class of `{}`", prediction.sample), self.classes.join(", "))
            })?;
            let probability = f64::from(row[label]);
            sum += loss(probability);
            right += probability;
        }
        if predictions.is_empty() {
            return Err(malformed("the probabilities of a photo or more".into(), "none".into()));
        }
        let photos = predictions.len() as f64;
        Ok(Sureness {
            photos: predictions.len() as u64,
            cross_entropy: sum / photos,
            right_probability: right / photos,
        })
    }

    /// The probabilities of a file of predictions with this content, which lie [`beside`] it; `None` where there are
    /// none.
    ///
    /// # Errors
    /// When they cannot be read, are damaged, or belong to other predictions.
    pub fn of_predictions(path: &Path, predictions: &[Prediction], predictions_sha256: &str) -> Result<Option<Self>> {
        let path = beside(path);
        if !path.is_file() {
            return Ok(None);
        }
        let probabilities = Self::read(&path)?;
        probabilities.check(&path, predictions, predictions_sha256)?;
        Ok(Some(probabilities))
    }

    /// Whether they belong to these predictions: their hash, a row for each, every number a probability, each row
    /// adding up to 1 within half a percent, and no class more probable than the predicted one.
    ///
    /// # Errors
    /// When they do not. `path` is named in the message.
    pub fn check(&self, path: &Path, predictions: &[Prediction], predictions_sha256: &str) -> Result<()> {
        let malformed = |expected: String, found: String| Err(ResultsError::malformed(path, expected, found, HINT));
        let short = |hash: &str| imagenette_files::hash::short(hash).escape_default().to_string();
        if self.predictions_sha256 != predictions_sha256 {
            let expected = format!("probabilities of the predictions {}", short(predictions_sha256));
            return malformed(expected, format!("those of {}", short(&self.predictions_sha256)));
        }
        let labels: HashMap<&str, usize> = self.classes.iter().map(String::as_str).zip(0..).collect();
        if labels.len() != self.classes.len() || labels.is_empty() {
            return malformed("each class once".into(), format!("{:?}", self.classes));
        }
        if self.values.len() != predictions.len() * self.classes.len() {
            let expected = format!("{} × {} probabilities", predictions.len(), self.classes.len());
            return malformed(expected, self.values.len().to_string());
        }
        for (number, (row, prediction)) in (1..).zip(self.rows().zip(predictions)) {
            let of_row = |found: String| malformed(format!("the probabilities of `{}`", prediction.sample), found);
            // Written so that NaN is refused as well.
            if let Some(value) = row.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                return of_row(format!("{value} in row {number}"));
            }
            let sum: f32 = row.iter().sum();
            if (sum - 1.0).abs() > TOLERANCE {
                return of_row(format!("row {number}, which adds up to {sum}"));
            }
            let Some(&label) = labels.get(prediction.class.as_str()) else {
                return of_row(format!("none of the predicted class `{}`", prediction.class));
            };
            if row.iter().any(|value| *value > row[label]) {
                return of_row(format!("row {number}, in which `{}` is not the most probable class", prediction.class));
            }
        }
        Ok(())
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let description = Description {
            format: FORMAT.name.into(),
            version: FORMAT.newest,
            classes: self.classes.clone(),
            predictions_sha256: self.predictions_sha256.clone(),
        };
        let text = serde_json::to_string(&description).expect("a description is a plain structure of strings");
        let bytes: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let shape = vec![self.values.len() / self.classes.len().max(1), self.classes.len()];
        let view = TensorView::new(Dtype::F16, shape, &bytes).expect("there is a whole number of rows");
        let metadata = Some(HashMap::from([(KEY.to_owned(), text)]));
        safetensors::serialize([(TENSOR, view)], metadata).expect("one tensor has one name")
    }

    /// Writes the file: complete or absent.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, |out| {
            out.write_all(&self.to_bytes()).map_err(FileError::io("write", path))?;
            Ok(())
        })
    }

    /// Reads the file. Whether it belongs to some predictions, [`Probabilities::check`] says.
    ///
    /// # Errors
    /// When it cannot be read, is damaged or truncated, or is of another format or version.
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_bytes(path, &input::read(path, input::TABLE_BYTES)?)
    }

    /// Reads the file's bytes. `path` is named in messages.
    ///
    /// # Errors
    /// As [`Probabilities::read`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self> {
        let malformed = |found: String| ResultsError::malformed(path, FORMAT.expected(), found, HINT);
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| malformed(error.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|map| map.get(KEY));
        let text = text.ok_or_else(|| malformed("a safetensors file of another program".into()))?;
        FORMAT.check_json(path, text, HINT)?;
        let description: Description =
            serde_json::from_str(text).map_err(|error| malformed(plain::json_error(&error)))?;
        let Description { classes, predictions_sha256, .. } = description;
        let file = SafeTensors::deserialize(bytes).map_err(|error| malformed(error.to_string()))?;
        let [(name, tensor)] = file
            .tensors()
            .try_into()
            .map_err(|tensors: Vec<_>| malformed(format!("{} tensors instead of `{TENSOR}` alone", tensors.len())))?;
        let is_table = matches!(tensor.shape(), [_, columns] if *columns == classes.len());
        if name != TENSOR || tensor.dtype() != Dtype::F16 || !is_table {
            let found = format!("`{name}` as {:?} of shape {:?}", tensor.dtype(), tensor.shape());
            return Err(malformed(format!("{found} for {} classes", classes.len())));
        }
        let (numbers, _) = tensor.data().as_chunks::<2>();
        let values = numbers.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect();
        Ok(Self { classes, predictions_sha256, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many samples and classes as asked for, each row falling off from the predicted class.
    fn table(samples: usize, classes: usize) -> (Vec<String>, Vec<Prediction>, Vec<f32>) {
        let classes: Vec<String> = (0..classes).map(|class| format!("n{class:08}")).collect();
        let mut values = Vec::new();
        let predictions = (0..samples).map(|sample| {
            let label = sample % classes.len();
            let raw = (0..classes.len()).map(|class| if class == label { 3.0 } else { 1.0 / (1.0 + class as f32) });
            let raw: Vec<f32> = raw.collect();
            let sum: f32 = raw.iter().sum();
            values.extend(raw.iter().map(|value| value / sum));
            Prediction { sample: format!("val/n0/{sample}.JPEG"), class: classes[label].clone() }
        });
        let predictions = predictions.collect();
        (classes, predictions, values)
    }

    const HASH: &str = "abcdef0123456789";

    fn new(table: &(Vec<String>, Vec<Prediction>, Vec<f32>)) -> Result<Probabilities> {
        Probabilities::new(Path::new("p"), &table.0, &table.1, HASH, &table.2)
    }

    #[test]
    fn what_is_written_reads_back_whatever_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probabilities.safetensors");
        for (samples, classes) in [(0, 10), (1, 1), (3, 10), (7, 3), (13, 1000), (101, 17)] {
            let table = table(samples, classes);
            let probabilities = new(&table).unwrap();
            probabilities.write(&path).unwrap();
            let read = Probabilities::read(&path).unwrap();
            assert_eq!(read, probabilities);
            read.check(&path, &table.1, HASH).unwrap();
            assert_eq!((read.rows().len(), read.classes()), (samples, &table.0[..]));
            for (row, exact) in read.rows().zip(table.2.chunks_exact(classes)) {
                for (value, exact) in row.iter().zip(exact) {
                    assert!((value - exact).abs() <= exact / 2048.0 + 3e-8, "{value} for {exact}");
                }
            }
        }
    }

    #[test]
    fn numbers_that_are_no_probabilities_are_refused() {
        let changed = |place: usize, value: f32| {
            let mut table = table(3, 4);
            table.2[place] = value;
            new(&table).unwrap_err().to_string()
        };
        assert!(changed(5, f32::NAN).contains("found NaN in row 2"));
        assert!(changed(5, -0.25).contains("found -0.25 in row 2"));
        assert!(changed(5, f32::INFINITY).contains("found inf in row 2"));
        assert!(changed(1, 0.9).contains("row 1, which adds up to"));
        let mut swapped = table(3, 4);
        swapped.2.swap(0, 1);
        let error = new(&swapped).unwrap_err().to_string();
        assert!(error.contains("row 1, in which `n00000000` is not the most probable class"), "{error}");
    }

    #[test]
    fn probabilities_of_other_predictions_are_refused() {
        let whole = table(3, 4);
        let probabilities = new(&whole).unwrap();
        let problem = |predictions: &[Prediction], hash| {
            probabilities.check(Path::new("p"), predictions, hash).unwrap_err().to_string()
        };
        assert!(problem(&whole.1, "0123").contains("of the predictions 0123, found those of abcdef012345"));
        assert!(problem(&whole.1[..2], HASH).contains("expected 2 × 4 probabilities, found 12"));
        let mut strange = whole.1.clone();
        strange[1].class = "tench".into();
        assert!(problem(&strange, HASH).contains("none of the predicted class `tench`"));
        let mut twice = whole;
        twice.0[1] = twice.0[0].clone();
        assert!(new(&twice).unwrap_err().to_string().contains("each class once"));
    }

    #[test]
    fn loss_and_right_probability_are_those_computed_by_hand() {
        let classes = ["n0", "n1"].map(String::from);
        let prediction =
            |sample: &str, class: &str| Prediction { sample: format!("val/{sample}"), class: class.into() };
        let predictions = [prediction("n0/a.JPEG", "n0"), prediction("n1/b.JPEG", "n0"), prediction("n1/c.JPEG", "n1")];
        let values = [0.75, 0.25, 1.0, 0.0, 0.5, 0.5];
        let path = Path::new("p");
        let probabilities = Probabilities::new(path, &classes, &predictions, HASH, &values).unwrap();
        let sureness = probabilities.sureness(path, &predictions).unwrap();
        // −ln 3/4, −ln 2⁻²⁵ in place of −ln 0, and −ln 1/2.
        let expected = ((4.0f64 / 3.0).ln() + 26.0 * 2.0f64.ln()) / 3.0;
        assert!((sureness.cross_entropy - expected).abs() < 1e-12, "{sureness:?}");
        assert!((sureness.right_probability - 1.25 / 3.0).abs() < 1e-12 && sureness.photos == 3, "{sureness:?}");
        let strange = [prediction("n7/a.JPEG", "n0"), predictions[1].clone(), predictions[2].clone()];
        let error = probabilities.sureness(path, &strange).unwrap_err().to_string();
        assert!(error.contains("a column for the class of `val/n7/a.JPEG`, found n0, n1"), "{error}");
        let none = Probabilities::new(path, &classes, &[], HASH, &[]).unwrap();
        assert!(none.sureness(path, &[]).is_err());
    }

    /// The plain twin: the loss in full precision, from the numbers before they were rounded to float16.
    #[test]
    fn rounding_to_float16_moves_the_loss_by_less_than_a_thousandth() {
        for (samples, classes) in [(20, 2), (101, 10), (64, 1000)] {
            let table = table(samples, classes);
            let predictions: Vec<Prediction> = (table.1.iter().enumerate())
                .map(|(sample, prediction)| Prediction {
                    sample: format!("val/{}/{sample}.JPEG", table.0[(7 * sample) % classes]),
                    class: prediction.class.clone(),
                })
                .collect();
            let exact = |of: fn(f64) -> f64| {
                let right = |sample: usize| f64::from(table.2[sample * classes + (7 * sample) % classes]);
                (0..samples).map(|sample| of(right(sample))).sum::<f64>() / samples as f64
            };
            let path = Path::new("p");
            let probabilities = Probabilities::new(path, &table.0, &predictions, HASH, &table.2).unwrap();
            let sureness = probabilities.sureness(path, &predictions).unwrap();
            assert!((sureness.cross_entropy - exact(|p| -p.ln())).abs() < 1e-3, "{sureness:?}");
            assert!((sureness.right_probability - exact(|p| p)).abs() < 5e-4, "{sureness:?}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_or_of_another_form_is_refused() {
        let bytes = new(&table(3, 4)).unwrap().to_bytes();
        let read = |bytes: &[u8]| Probabilities::from_bytes(Path::new("p"), bytes);
        assert!(read(&bytes).is_ok());
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "cut at {end}");
        }
        let replaced = |from: &str, to: &str| {
            let text = replace(&bytes, from, to);
            read(&text).unwrap_err().to_string()
        };
        assert!(replaced("\\\"version\\\":1", "\\\"version\\\":2").contains("probabilities version 2"));
        assert!(replaced("F16", "I16").contains("as I16 of shape [3, 4] for 4 classes"));
        assert!(replaced("[3,4]", "[4,3]").contains("of shape [4, 3]"));
        assert!(replaced("\"imagenette\"", "\"imagenettX\"").contains("of another program"));
    }

    /// Replaces one text by another of the same length.
    fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        let mut bytes = bytes.to_vec();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    }
}
