//! Predictions as people's programs write them: a table of two columns with commas, semicolons or tabs, with or without
//! a header; behind them, where the header names them `p_CLASS`, the probability of each class. Photos are written with
//! or without the split's name, in Windows' spelling or by file name alone; classes by id, by name or by label. What is
//! meant follows from the dataset, never from a guess about one line: a column is read in one way, which all of its
//! lines fit.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};
use imagenette_files::FileError;
use imagenette_files::nearest::nearest;
use serde::{Serialize, Serializer};

use crate::error::{Result, ResultsError};
use crate::predictions::Prediction;
use crate::probabilities::Probabilities;

/// How the header begins the name of a column with a class's probabilities.
const PROBABILITY: &str = "p_";
/// What to do about columns with probabilities that are not those of the classes.
const COLUMNS_HINT: &str = "a header has one such column for each class: by its id, its name or its label";
/// What separates two columns, the usual one first.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// A table of predictions that is not settled yet: what its columns mean takes the dataset.
#[derive(Debug, Clone)]
pub struct PredictionTable {
    path: PathBuf,
    separator: char,
    has_header: bool,
    backslashes: bool,
    /// The classes of the columns with probabilities, as the header names them.
    probability_columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    /// From 1.
    line: u64,
    /// With `/` between folders.
    sample: String,
    class: String,
    /// As many as there are columns with them.
    probabilities: Vec<f32>,
}

/// A class of the dataset, as predictions may name it.
#[derive(Debug, Clone, Copy)]
pub struct KnownClass<'c> {
    /// Its WordNet id or folder.
    pub id: &'c str,
    /// Its name.
    pub name: &'c str,
}

/// How a table was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Form {
    /// What separates the columns.
    #[serde(serialize_with = "separator_name")]
    pub separator: char,
    /// Whether the first line is a header.
    pub header: bool,
    /// Whether folders are separated by `\`, as Windows does.
    pub backslashes: bool,
    /// What stands for a photo.
    pub samples: SampleForm,
    /// What stands for a class.
    pub classes: ClassForm,
}

/// What stands for a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleForm {
    /// `val/n01440764/photo.JPEG`
    Path,
    /// `n01440764/photo.JPEG`
    PathWithoutSplit,
    /// `photo.JPEG`, of which there is one in the split.
    FileName,
}

/// What stands for a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassForm {
    /// `n01440764`
    Id,
    /// `tench`
    Name,
    /// `0`: the class's place in their order.
    Label,
}

fn separator_name<S: Serializer>(separator: &char, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(name_of(*separator))
}

fn name_of(separator: char) -> &'static str {
    match separator {
        ';' => "semicolon",
        '\t' => "tab",
        _ => "comma",
    }
}

impl Form {
    /// Whether it is the form that this program writes.
    pub fn is_usual(&self) -> bool {
        let Self { separator, header, backslashes, samples, classes } = self;
        (*separator, *header, *backslashes) == (',', true, false)
            && (*samples, *classes) == (SampleForm::Path, ClassForm::Id)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = if self.header { "a header" } else { "no header" };
        let samples = match self.samples {
            SampleForm::Path => "photos by path",
            SampleForm::PathWithoutSplit => "photos by path without the split",
            SampleForm::FileName => "photos by file name",
        };
        let classes = match self.classes {
            ClassForm::Id => "classes by id",
            ClassForm::Name => "classes by name",
            ClassForm::Label => "classes by label, counted from 0",
        };
        let windows = if self.backslashes { " with `\\`" } else { "" };
        write!(f, "{} between columns, {header}, {samples}{windows}, {classes}", name_of(self.separator))
    }
}

impl PredictionTable {
    /// Reads a table's bytes. `path` is named in messages.
    ///
    /// # Errors
    /// When a line has not two columns, or not those of the header with probabilities, with the line.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self> {
        let (separator, records) = SEPARATORS
            .into_iter()
            .map(|separator| (separator, records(bytes, separator)))
            .max_by_key(|(separator, records)| {
                let columns = 2 + probability_columns(records).len();
                let fitting = records.iter().flatten().filter(|record| record.len() == columns).count();
                // Of equal ones the first.
                (fitting, SEPARATORS.len() - SEPARATORS.iter().position(|known| known == separator).unwrap_or(0))
            })
            .expect("there are separators");
        let probability_columns = probability_columns(&records);
        let (mut rows, mut backslashes) = (Vec::new(), false);
        for (number, record) in (1..).zip(records) {
            let record = record.map_err(|error| malformed(path, format!("line {number}: {error}")))?;
            let line = record.position().map_or(number, |position| line_of(bytes, position));
            let columns: Vec<&str> = record.iter().collect();
            let (&[sample, class], rest) = columns.split_first_chunk().unwrap_or((&["", ""], &[]));
            if columns.len() != 2 + probability_columns.len() {
                let found = format!("line {line}: {} (`{}`)", counted(columns.len()), shown(&columns.join(",")));
                return Err(malformed(path, found));
            }
            backslashes |= sample.contains('\\');
            let sample = sample.replace('\\', "/");
            let sample = sample.strip_prefix("./").map_or(sample.clone(), Into::into);
            // The header's own are names.
            let probabilities = match number {
                1 => Vec::new(),
                _ => rest.iter().map(|text| probability(path, line, text)).collect::<Result<_>>()?,
            };
            rows.push(Row { line, sample, class: class.to_owned(), probabilities });
        }
        // A photo's name ends in one of a photo; a header's does not.
        let has_header = rows.first().is_some_and(|row| !is_photo(&row.sample));
        if has_header {
            rows.remove(0);
        }
        if rows.is_empty() {
            return Err(malformed(path, "no line with a photo".into()));
        }
        Ok(Self { path: path.to_owned(), separator, has_header, backslashes, probability_columns, rows })
    }

    /// The probability of each class, row by row in label order, for the predictions of [`PredictionTable::settle`];
    /// `None` where the table has no columns with them. `predictions_sha256` is the hash of the table's bytes.
    ///
    /// # Errors
    /// When the columns are not those of the classes, each once, or the numbers do not go with the predictions
    /// ([`Probabilities::check`]).
    pub fn probabilities(
        &self,
        predictions: &[Prediction],
        classes: &[KnownClass],
        predictions_sha256: &str,
    ) -> Result<Option<Probabilities>> {
        if self.probability_columns.is_empty() {
            return Ok(None);
        }
        let column_of = |(label, class): (usize, &KnownClass)| {
            let label = label.to_string();
            let is_its =
                |name: &String| [class.id, class.name, &label].iter().any(|known| name.eq_ignore_ascii_case(known));
            self.probability_columns.iter().position(is_its).ok_or_else(|| {
                self.problem(
                    format!(
                        "line 1: expected a column `{PROBABILITY}{}` beside the others with probabilities",
                        class.id
                    ),
                    COLUMNS_HINT.into(),
                )
            })
        };
        let columns: Vec<usize> = classes.iter().enumerate().map(column_of).collect::<Result<_>>()?;
        if self.probability_columns.len() != classes.len() {
            return Err(self.problem(
                format!(
                    "line 1: expected the probabilities of {} classes, found {}",
                    classes.len(),
                    self.probability_columns.len()
                ),
                COLUMNS_HINT.into(),
            ));
        }
        let values: Vec<f32> =
            self.rows.iter().flat_map(|row| columns.iter().map(|&column| row.probabilities[column])).collect();
        let ids: Vec<String> = classes.iter().map(|class| class.id.to_owned()).collect();
        let found = Probabilities::new(&self.path, &ids, predictions, predictions_sha256, &values);
        // Not a file beside the predictions, which could be removed.
        found.map(Some).map_err(|error| match error {
            ResultsError::File(FileError::Malformed { path, expected, found, .. }) => ResultsError::malformed(
                &path,
                expected,
                found,
                "softmax of the scores: each line adds up to 1, and its class is the most probable",
            ),
            error => error,
        })
    }

    /// Whether the first photo is one of these, `val/n01440764/photo.JPEG`, however it is written.
    pub fn begins_with_one_of(&self, samples: &[String]) -> bool {
        let first = &self.rows[0].sample;
        SampleForm::ALL.into_iter().any(|form| samples.iter().any(|sample| form.of(sample) == first))
    }

    /// Whether the path of the first photo begins so, `test/` for example.
    pub fn begins_with(&self, folder: &str) -> bool {
        self.rows[0].sample.starts_with(folder)
    }

    /// The predictions as this program writes them, and how they were read. `samples` are the photos of the split by path,
    /// `classes` the classes in label order.
    ///
    /// # Errors
    /// When a photo is not one of these or is there twice, or a class is not one, with the line. Whether every photo is there
    /// is [`crate::predictions::score`]'s to say.
    pub fn settle(&self, samples: &[String], classes: &[KnownClass]) -> Result<(Vec<Prediction>, Form)> {
        let (samples, sample_form) = self.samples(samples)?;
        let (classes, class_form) = self.classes(classes)?;
        let named = samples.into_iter().zip(classes).map(|(sample, class)| Prediction { sample, class });
        let form = Form {
            separator: self.separator,
            header: self.has_header,
            backslashes: self.backslashes,
            samples: sample_form,
            classes: class_form,
        };
        Ok((named.collect(), form))
    }

    fn samples(&self, known: &[String]) -> Result<(Vec<String>, SampleForm)> {
        let by_form = SampleForm::ALL.map(|form| (form, by_unique_name(known, form)));
        let fitting = |names: &HashMap<&str, &str>| {
            self.rows.iter().filter(|row| names.contains_key(row.sample.as_str())).count()
        };
        let (form, names) = best(by_form.iter().map(|known| (known, fitting(&known.1))));
        let mut seen: HashMap<&str, u64> = HashMap::new();
        let mut found = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let Some(sample) = names.get(row.sample.as_str()) else {
                let of = known.first().map_or("", String::as_str);
                return Err(self.problem(
                    format!(
                        "line {}: expected a photo of the {} that are scored, found `{}`",
                        row.line,
                        known.len(),
                        shown(&row.sample)
                    ),
                    format!("a photo is written as `{of}`; --dataset names the dataset that they are for"),
                ));
            };
            if let Some(before) = seen.insert(sample, row.line) {
                return Err(self.problem(
                    format!("line {}: expected each photo once, found `{sample}` again, as in line {before}", row.line),
                    "predict every photo of the split exactly once".into(),
                ));
            }
            found.push((*sample).to_owned());
        }
        Ok((found, *form))
    }

    fn classes(&self, known: &[KnownClass]) -> Result<(Vec<String>, ClassForm)> {
        let labels: Vec<String> = (0..known.len()).map(|label| label.to_string()).collect();
        let named = |name: fn(&KnownClass) -> String| -> HashMap<String, &str> {
            known.iter().map(|class| (name(class), class.id)).collect()
        };
        let by_label = labels.into_iter().zip(known.iter().map(|class| class.id)).collect();
        let by_form = [
            (ClassForm::Id, named(|class| class.id.to_lowercase())),
            (ClassForm::Name, named(|class| class.name.to_lowercase())),
            (ClassForm::Label, by_label),
        ];
        let of =
            |names: &HashMap<String, &str>, class: &str| names.get(&class.to_lowercase()).map(|id| (*id).to_owned());
        let fitting = |names| self.rows.iter().filter(|row| of(names, &row.class).is_some()).count();
        let (form, names) = best(by_form.iter().map(|known| (known, fitting(&known.1))));
        let class_of = |row: &Row| {
            of(names, &row.class).ok_or_else(|| {
                let (expected, example) = match form {
                    ClassForm::Id => ("the id of a class", known.first().map_or("", |class| class.id).to_owned()),
                    ClassForm::Name => ("the name of a class", known.first().map_or("", |class| class.name).to_owned()),
                    ClassForm::Label => ("a class's label", format!("0` to `{}", known.len().saturating_sub(1))),
                };
                let near = nearest(&row.class, names.keys().map(String::as_str));
                let hint = near.map_or_else(
                    || format!("classes are written as `{example}`, in every line in the same way"),
                    |near| format!("did you mean `{near}`?"),
                );
                self.problem(format!("line {}: expected {expected}, found `{}`", row.line, shown(&row.class)), hint)
            })
        };
        Ok((self.rows.iter().map(class_of).collect::<Result<_>>()?, *form))
    }

    fn problem(&self, problem: String, hint: String) -> ResultsError {
        ResultsError::Samples { path: self.path.clone(), problem, hint }
    }
}

impl SampleForm {
    const ALL: [Self; 3] = [Self::Path, Self::PathWithoutSplit, Self::FileName];

    /// What stands for a photo in this form.
    fn of(self, path: &str) -> &str {
        match self {
            Self::Path => path,
            Self::PathWithoutSplit => path.split_once('/').map_or(path, |(_, rest)| rest),
            Self::FileName => path.rsplit_once('/').map_or(path, |(_, name)| name),
        }
    }
}

/// The photos by what stands for them; what stands for two of them stands for none.
fn by_unique_name(samples: &[String], form: SampleForm) -> HashMap<&str, &str> {
    let mut names: HashMap<&str, Option<&str>> = HashMap::new();
    for sample in samples {
        names.entry(form.of(sample)).and_modify(|known| *known = None).or_insert(Some(sample));
    }
    names.into_iter().filter_map(|(name, sample)| Some((name, sample?))).collect()
}

/// What fits most; of equal ones the first.
fn best<T>(mut candidates: impl Iterator<Item = (T, usize)>) -> T {
    let mut best = candidates.next().expect("there are forms");
    for candidate in candidates {
        if candidate.1 > best.1 {
            best = candidate;
        }
    }
    best.0
}

/// The classes of the columns with probabilities: those of a header all of whose columns behind the first two are such.
fn probability_columns(records: &[csv::Result<StringRecord>]) -> Vec<String> {
    let header = records.first().and_then(|record| record.as_ref().ok());
    let named = |header: &StringRecord| {
        let names = header.iter().skip(2).map(|name| name.strip_prefix(PROBABILITY).map(str::to_owned));
        names.collect::<Option<Vec<String>>>()
    };
    header.and_then(named).unwrap_or_default()
}

fn probability(path: &Path, line: u64, text: &str) -> Result<f32> {
    let number = text.parse().ok().filter(|number: &f32| (0.0..=1.0).contains(number));
    number.ok_or_else(|| {
        let problem = format!("line {line}: expected a probability from 0 to 1, found `{}`", shown(text));
        let hint = "softmax of the scores gives probabilities".into();
        ResultsError::Samples { path: path.to_owned(), problem, hint }
    })
}

fn records(bytes: &[u8], separator: char) -> Vec<csv::Result<StringRecord>> {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(separator as u8).has_headers(false).flexible(true).trim(Trim::All);
    builder.from_reader(bytes).into_records().collect()
}

/// The line in which a record begins. Its position is that of the empty lines before it.
fn line_of(bytes: &[u8], position: &csv::Position) -> u64 {
    let rest = usize::try_from(position.byte()).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    position.line() + empty as u64
}

/// Whether a path is a photo's by its ending.
fn is_photo(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    ending.is_some_and(|ending| ["jpeg", "jpg", "png", "webp"].contains(&ending.as_str()))
}

fn counted(columns: usize) -> String {
    format!("{columns} column{}", if columns == 1 { "" } else { "s" })
}

/// The beginning of a text, without control codes.
fn shown(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}

fn malformed(path: &Path, found: String) -> ResultsError {
    let expected = "two columns in each line, a photo and its class, with `,`, `;` or a tab between them";
    ResultsError::malformed(
        path,
        expected,
        found,
        "a line reads `val/n01440764/ILSVRC2012_val_00000293.JPEG,n01440764`",
    )
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;

    const CLASSES: [KnownClass; 3] = [
        KnownClass { id: "n01", name: "tench" },
        KnownClass { id: "n02", name: "gas pump" },
        KnownClass { id: "n03", name: "church" },
    ];

    fn samples() -> Vec<String> {
        ["val/n01/a.JPEG", "val/n01/b, c.JPEG", "val/n02/d; e.JPEG", "val/n03/f.png"].map(Into::into).into()
    }

    fn read(text: &str) -> Result<(Vec<Prediction>, Form)> {
        PredictionTable::read(Path::new("p.csv"), text.as_bytes())?.settle(&samples(), &CLASSES)
    }

    #[track_caller]
    fn refused(text: &str, message: &str, hint: &str) {
        let error = read(text).expect_err("this must be refused");
        assert!(error.to_string().starts_with("p.csv: ") && error.to_string().contains(message), "{error}");
        assert!(error.hint().is_some_and(|known| known.contains(hint)), "{error}: {:?}", error.hint());
    }

    #[test]
    fn every_form_says_the_same_and_is_named() {
        let usual =
            "sample,class\nval/n01/a.JPEG,n01\n\"val/n01/b, c.JPEG\",n02\nval/n02/d; e.JPEG,n02\nval/n03/f.png,n01\n";
        let (expected, form) = read(usual).unwrap();
        assert!(form.is_usual() && expected.len() == 4 && expected[1].class == "n02", "{form}");
        for (text, said) in [
            (usual.replace('\n', "\r\n"), "comma between columns, a header, photos by path, classes by id"),
            (format!("\u{feff}{usual}"), "comma"),
            (usual.replace("sample,class\n", ""), "no header"),
            (usual.replace("sample,class", "file,prediction"), "a header"),
            (usual.replace(",n0", "\tn0").replace("sample,class", "sample\tclass"), "tab between"),
            (
                "val/n01/a.JPEG;n01\nval/n01/b, c.JPEG;n02\n\"val/n02/d; e.JPEG\";n02\nval/n03/f.png;n01\n".into(),
                "semicolon between columns, no header",
            ),
            (usual.replace("val/", ""), "photos by path without the split"),
            (usual.replace("val/", "./"), "without the split"),
            (usual.replace('/', "\\"), "photos by path with `\\`, classes by id"),
            (usual.replace("val/n01/", "").replace("val/n02/", "").replace("val/n03/", ""), "photos by file name"),
            (usual.replace(",n01", ",Tench").replace(",n02", ",gas pump"), "classes by name"),
            (usual.replace(",n01", ", 0").replace(",n02", ",1"), "classes by label, counted from 0"),
        ] {
            let (found, form) = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(found, expected, "{text}");
            assert!(form.to_string().contains(said), "{form} for {text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let rest = "val/n01/b, c.JPEG;n02\nval/n02/d\\ e.JPEG;n02\n";
        refused(&format!("val/n01/a.JPEG;n01\n{rest}"), "line 3: expected a photo of the 4", "`val/n01/a.JPEG`");
        refused(
            "a,n01\nval/n01/a.JPEG,tensh\nval/n03/f.png,tench\n",
            "line 2: expected the name",
            "did you mean `tench`?",
        );
        refused(
            "val/n01/a.JPEG,n01\nval/n03/f.png,n09\n",
            "line 2: expected the id of a class, found `n09`",
            "did you mean",
        );
        refused("val/n01/a.JPEG,0\nval/n03/f.png,3\n", "line 2: expected a class's label, found `3`", "");
        refused("f,c\nval/n01/a.JPEG,0\nval/n01/a.JPEG,1\n", "line 3: expected each photo once", "exactly once");
        refused("f,c\nval/n01/a.JPEG,n01,0.5\n", "line 2: 3 columns (`val/n01/a.JPEG,n01,0.5`)", "a line reads");
        refused("val/n01/a.JPEG,n01\n\nval/n03/f.png\n", "line 3: 1 column (", "a line reads");
        refused("", "no line with a photo", "a line reads");
        refused("sample,class\n", "no line with a photo", "a line reads");
        refused(
            "a.JPEG,n01\n\u{1b}[2Jb.JPEG,n01\n",
            "line 2: expected a photo of the 4 that are scored, found `\\u{1b}[2J",
            "",
        );
        assert!(PredictionTable::read(Path::new("p.csv"), b"a.JPEG,\xff\xfe\n").is_err());
    }

    #[test]
    fn columns_of_probabilities_are_read_in_any_order_and_held_to_the_predictions() {
        let text = "sample,class,p_church,p_n01,p_1\nval/n01/a.JPEG,n01,0.25,0.5,0.25\nval/n03/f.png,church,1,0,0\n";
        let of = |text: &str| -> Result<Option<Vec<Vec<f32>>>> {
            let table = PredictionTable::read(Path::new("p.csv"), text.as_bytes())?;
            let (predictions, _) = table.settle(&samples(), &CLASSES)?;
            let found = table.probabilities(&predictions, &CLASSES, "hash")?;
            Ok(found.map(|known| known.rows().collect()))
        };
        // One way of naming classes for the predictions, any for the columns.
        let text = text.replace(",church,1", ",n03,1");
        assert_eq!(of(&text).unwrap().unwrap(), [[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]]);
        assert_eq!(of(&text.replace(',', ";")).unwrap().unwrap()[0][0], 0.5);
        assert_eq!(of("f,c\nval/n01/a.JPEG,n01\n").unwrap(), None);
        let refused = |from: &str, to: &str, said: &str| {
            let error = of(&text.replace(from, to)).expect_err("this must be refused");
            assert!(error.to_string().contains(said) && error.hint().is_some(), "{error}");
        };
        refused("p_1", "p_x", "line 1: expected a column `p_n02`");
        refused("p_1", "confidence", "line 1: 5 columns");
        refused("0.5,0.25\n", "0.5,much\n", "line 2: expected a probability from 0 to 1, found `much`");
        refused("0.5,0.25\n", "0.5,NaN\n", "found `NaN`");
        refused("0.5,0.25\n", "0.5\n", "line 2: 4 columns");
        refused("0.5,0.25\n", "0.5,0.75\n", "which adds up to 1.5");
        let error = of(&text.replace("0.5,0.25\n", "0.5,0.75\n")).unwrap_err();
        assert!(error.hint().unwrap().starts_with("softmax"), "{error}");
        refused("0.25,0.5,0.25", "0.5,0.25,0.25", "is not the most probable class");
    }

    #[test]
    fn a_name_of_two_photos_stands_for_neither_and_ids_that_are_numbers_are_ids() {
        let samples: Vec<String> = ["val/0/a.png", "val/1/a.png", "val/1/b.png"].map(Into::into).into();
        let classes = [KnownClass { id: "1", name: "one" }, KnownClass { id: "0", name: "zero" }];
        let read =
            |text: &str| PredictionTable::read(Path::new("p.csv"), text.as_bytes()).unwrap().settle(&samples, &classes);
        assert!(read("a.png,0\nb.png,1\n").unwrap_err().to_string().contains("line 1"));
        let (found, form) = read("0/a.png,0\n1/b.png,1\n").unwrap();
        assert_eq!((form.classes, found[0].class.as_str(), found[1].class.as_str()), (ClassForm::Id, "0", "1"));
    }

    #[test]
    fn the_dataset_is_known_by_the_first_photo_in_any_form() {
        let begins = |text: &str| {
            let table = PredictionTable::read(Path::new("p.csv"), text.as_bytes()).unwrap();
            table.begins_with_one_of(&samples())
        };
        assert!(begins("n03\\f.png;0") && begins("f.png,0") && begins("sample,class\nval/n03/f.png,n01"));
        assert!(!begins("n02/f.png;0"));
    }
}
