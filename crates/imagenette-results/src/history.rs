//! `history.jsonl`: what happened in a run, line by line, and a chain of hashes through all of it.
//!
//! Steps, epochs and evaluations go in; a file comes out in which no line can be changed, dropped or exchanged
//! unnoticed. The chain begins with all that decides a run's bits, and covers everything but the clock: a replay of
//! the run gives the same chain. `docs/formats.md` says how to compute it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use imagenette_files::format::Format;
use imagenette_files::hash::{self, sha256};
use imagenette_files::input;
use imagenette_files::{FileError, atomic, plain};
use imagenette_recipe::plan::Stretch;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::environment::Arithmetic;
use crate::error::{Result, ResultsError};
use crate::run_record::{Counts, OwnPart, Plan};

/// The history's format. Version 1 had no chain.
pub const FORMAT: Format = Format { name: "imagenette-history", oldest: 1, newest: 2 };
/// The version from which on a history has a chain.
const WITH_CHAIN: u32 = 2;
/// Where the clock's part of a line begins, which the chain leaves out.
const CLOCK: &str = ",\"training_seconds\":";
/// What comes before a line's link.
const CHAIN: &str = ",\"chain\":\"";

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
// In every line the clock's fields stand last, and `training_seconds` is the first of them: see `CLOCK`.
pub enum HistoryLine {
    /// A step of the optimizer.
    Step {
        /// The step, from 1, over the whole run.
        step: u64,
        /// The epoch, from 1.
        epoch: u32,
        /// The batch's loss.
        loss: f64,
        /// The learning rate of weights.
        rate: f64,
        /// The resolution in pixels.
        resolution_px: u32,
        /// Seconds of training so far.
        training_seconds: f64,
    },
    /// The end of an epoch.
    Epoch {
        /// Epochs trained by then.
        epoch: u32,
        /// Steps done by then.
        step: u64,
        /// Hash of the weights that are trained, as [`weights_sha256`] takes it.
        weights_sha256: String,
        /// Hash of the optimizer's state, taken in the same way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        optimizer_sha256: Option<String>,
        /// Seconds of training so far.
        training_seconds: f64,
    },
    /// An evaluation after an epoch.
    Evaluation {
        /// Epochs trained by then.
        epoch: u32,
        /// What was right on the val split, or on what was held out.
        counts: Counts,
        /// Seconds of training so far.
        training_seconds: f64,
        /// Seconds of evaluation so far.
        evaluation_seconds: f64,
    },
    /// A plan: how many steps the run has, where that depends on what it may cost.
    Plan {
        /// Steps done by then.
        step: u64,
        /// Samples of the whole run by this plan.
        samples: u64,
        /// Steps of the whole run by this plan.
        steps: u64,
        /// Seconds of training so far.
        training_seconds: f64,
        /// Seconds that were charged so far, of all attempts.
        charged_seconds: f64,
        /// Dollars that these are, where the price is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dollars: Option<f64>,
    },
    /// The run was resumed with `--changed-machine`: from here on the bits are another arithmetic's.
    ChangedMachine {
        /// Steps done by then.
        step: u64,
        /// What decides the bits from here on.
        arithmetic: Arithmetic,
        /// Seconds of training so far.
        training_seconds: f64,
    },
}

impl HistoryLine {
    /// Whether version 1 had lines of this kind.
    fn is_old(&self) -> bool {
        matches!(self, Self::Step { .. } | Self::Evaluation { .. })
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("lines are plain structures of strings and numbers")
    }
}

/// All that decides a run's bits: what its history's chain begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// sha256 of the recipe in its canonical form.
    pub recipe_canonical_sha256: String,
    /// The hash of the dataset's content.
    pub dataset_identity: String,
    /// The seed of all randomness.
    pub seed: u64,
    /// Engine, device, operations, kernel level and precision of the first attempt.
    pub arithmetic: Arithmetic,
    /// Parts that are not this program's own.
    pub parts: Vec<OwnPart>,
}

impl Origin {
    /// The first link of the chain: sha256 of the JSON text without spaces, fields in the order above.
    pub fn link(&self) -> String {
        sha256(serde_json::to_string(self).expect("an origin is a plain structure of strings and numbers"))
    }
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain: Option<String>,
}

impl Head {
    fn of(origin: Option<&Origin>) -> Self {
        let version = if origin.is_some() { FORMAT.newest } else { WITH_CHAIN - 1 };
        Self { format: FORMAT.name.into(), version, origin: origin.cloned(), chain: origin.map(Origin::link) }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("heads are plain structures of strings and numbers")
    }
}

/// The history of a run so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct History {
    origin: Option<Origin>,
    lines: Vec<HistoryLine>,
    /// The last link; empty without a chain.
    link: String,
}

/// A history inside another file, a checkpoint: the last link alone shows whether the lines are as they were.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    origin: Option<Origin>,
    lines: Vec<HistoryLine>,
    chain: String,
}

impl From<History> for Stored {
    fn from(History { origin, lines, link }: History) -> Self {
        Self { origin, lines, chain: link }
    }
}

impl TryFrom<Stored> for History {
    type Error = String;

    fn try_from(Stored { origin, lines, chain }: Stored) -> Result<Self, String> {
        let mut history = match origin {
            Some(origin) => Self::begin(origin),
            None => Self::without_chain(Vec::new()),
        };
        lines.into_iter().for_each(|line| history.push(line));
        match history.link == chain {
            true => Ok(history),
            false => Err("a history whose chain of hashes is broken".into()),
        }
    }
}

impl History {
    /// The history of a run that begins.
    pub fn begin(origin: Origin) -> Self {
        Self { link: origin.link(), origin: Some(origin), lines: Vec::new() }
    }

    /// The history of a run that began before there were chains. It is written as version 1 to its end.
    pub fn without_chain(lines: Vec<HistoryLine>) -> Self {
        Self { origin: None, lines, link: String::new() }
    }

    /// Adds a line.
    pub fn push(&mut self, line: HistoryLine) {
        if self.origin.is_some() {
            self.link = next_link(&self.link, &line.to_json());
        }
        self.lines.push(line);
    }

    /// The lines.
    pub fn lines(&self) -> &[HistoryLine] {
        &self.lines
    }

    /// What the chain begins with; `None` in version 1.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The last link of the chain; `None` in version 1.
    pub fn link(&self) -> Option<&str> {
        self.origin.as_ref().map(|_| self.link.as_str())
    }

    /// The plans, as a record has them.
    pub fn plans(&self) -> Vec<Plan> {
        let plan = |line: &HistoryLine| match *line {
            HistoryLine::Plan { step, samples, steps, .. } => Some(Plan { step, samples, steps }),
            _ => None,
        };
        self.lines.iter().filter_map(plan).collect()
    }

    /// How long the run was planned to be, and when; empty where its recipe says it.
    pub fn stretches(&self) -> Vec<Stretch> {
        let stretch = |line: &HistoryLine| match *line {
            HistoryLine::Plan { step, samples, .. } => Some(Stretch { step, samples }),
            _ => None,
        };
        self.lines.iter().filter_map(stretch).collect()
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        let step = |line: &HistoryLine| if let HistoryLine::Step { step, .. } = line { Some(*step) } else { None };
        self.lines.iter().rev().find_map(step).unwrap_or(0)
    }

    /// Seconds of training until the end of epochs, as far as they are known.
    pub fn training_seconds(&self) -> BTreeMap<u32, f64> {
        let seconds = |line: &HistoryLine| match line {
            HistoryLine::Epoch { epoch, training_seconds, .. }
            | HistoryLine::Evaluation { epoch, training_seconds, .. } => Some((*epoch, *training_seconds)),
            _ => None,
        };
        self.lines.iter().filter_map(seconds).collect()
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut text = Head::of(self.origin.as_ref()).to_json() + "\n";
        let mut link = self.origin.as_ref().map(Origin::link);
        for line in &self.lines {
            let line = line.to_json();
            let end = link.as_mut().map_or("}\n".into(), |link| {
                *link = next_link(link, &line);
                format!("{CHAIN}{link}\"}}\n")
            });
            text.push_str(line.strip_suffix('}').expect("a line is a JSON object"));
            text.push_str(&end);
        }
        text
    }

    /// Writes the file, complete or absent, and returns its sha256.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, path: &Path) -> Result<String> {
        let text = self.to_text();
        atomic::write(path, |out| {
            out.write_all(text.as_bytes()).map_err(FileError::io("write", path))?;
            Ok::<(), ResultsError>(())
        })?;
        Ok(sha256(text))
    }

    /// Reads the file and checks its chain.
    ///
    /// # Errors
    /// When it cannot be read, is of a version that this program does not read, a line is damaged, or the chain is
    /// broken: the message names the first line where it is.
    pub fn read(path: &Path) -> Result<Self> {
        let text = input::read_text(path, input::TABLE_BYTES)?;
        Self::from_text(path, &text)
    }

    /// Reads the file's text. `path` is named in messages.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn from_text(path: &Path, text: &str) -> Result<Self> {
        let hint = "without this file the run keeps its result, and only the seconds of its earlier epochs are unknown";
        let malformed = |found: String| ResultsError::malformed(path, FORMAT.expected(), found, hint);
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let version = FORMAT.check_json(path, first, hint)?;
        let head: Head = serde_json::from_str(first).map_err(|error| malformed(plain::json_line_error(1, &error)))?;
        if !rest.is_empty() && !rest.ends_with('\n') {
            return Err(malformed(format!("line {}, which is cut off", text.lines().count())));
        }
        let mut history = match (version >= WITH_CHAIN, head.origin, head.chain) {
            (true, Some(origin), Some(chain)) => {
                let history = Self::begin(origin);
                if history.link != chain {
                    return Err(broken(path, 1, &history.link, &chain));
                }
                if Head::of(history.origin.as_ref()).to_json() != first {
                    return Err(malformed("line 1: not written as this program writes it".into()));
                }
                history
            }
            (false, None, None) => Self::without_chain(Vec::new()),
            _ => return Err(malformed(format!("line 1: a chain's beginning that does not go with version {version}"))),
        };
        for (number, text) in (2..).zip(rest.split_terminator('\n')) {
            let of_line = |found: String| malformed(format!("line {number}: {found}"));
            let (text, chain) = match version >= WITH_CHAIN {
                true => split_chain(text).ok_or_else(|| of_line("no link of the chain at its end".into()))?,
                false => (text.to_owned(), ""),
            };
            let line = match StepLine::read(&text) {
                Some(step) => step,
                None => {
                    serde_json::from_str(&text).map_err(|error| malformed(plain::json_line_error(number, &error)))?
                }
            };
            if version < WITH_CHAIN {
                if !line.is_old() {
                    return Err(of_line(format!("a kind of line that version {version} does not have")));
                }
                history.lines.push(line);
                continue;
            }
            // Written otherwise, a line could say more than what its link covers.
            if line.to_json() != text {
                return Err(of_line("not written as this program writes it".into()));
            }
            history.link = next_link(&history.link, &text);
            history.lines.push(line);
            if history.link != chain {
                return Err(broken(path, number, &history.link, chain));
            }
        }
        Ok(history)
    }
}

/// A step's line by itself: nearly every line is one, and a kind that is known beforehand is read in half the time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepLine<'l> {
    kind: &'l str,
    step: u64,
    epoch: u32,
    loss: f64,
    rate: f64,
    resolution_px: u32,
    training_seconds: f64,
}

impl StepLine<'_> {
    /// `None` of any other line, and of one that is damaged.
    fn read(text: &str) -> Option<HistoryLine> {
        let StepLine { kind, step, epoch, loss, rate, resolution_px, training_seconds } =
            serde_json::from_str(text).ok()?;
        (kind == "step").then_some(HistoryLine::Step { step, epoch, loss, rate, resolution_px, training_seconds })
    }
}

/// The link after `link` for a line: sha256 of the link as text, followed by the line as far as its clock.
fn next_link(link: &str, line: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let covered = line.split_once(CLOCK).map_or(line, |(covered, _)| covered);
    let hash = Sha256::new().chain_update(link).chain_update(covered).finalize();
    // A board has millions of links.
    let digits = hash.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

/// A line without its link, and the link.
fn split_chain(text: &str) -> Option<(String, &str)> {
    let (line, chain) = text.rsplit_once(CHAIN)?;
    Some((format!("{line}}}"), chain.strip_suffix("\"}")?))
}

fn broken(path: &Path, line: usize, expected: &str, found: &str) -> ResultsError {
    // What is found may be anything: it is shown in short and with its control characters escaped.
    let found: String = hash::short(found).escape_default().collect();
    ResultsError::malformed(
        path,
        format!("an unbroken chain of hashes: {} at line {line}", hash::short(expected)),
        found,
        "this line or one before it was changed, dropped, added or exchanged; do not use this history",
    )
}

/// Hash of named tensors in their order: for each its name, a zero byte, its sizes with commas between, a zero byte,
/// and its numbers as little-endian f32.
///
/// # Example
/// ```
/// use imagenette_results::history::weights_sha256;
///
/// let hash = weights_sha256([("stem.weight", &[1, 2][..], &[0.5_f32, -1.0][..])]);
/// assert_eq!(hash, imagenette_files::hash::sha256(b"stem.weight\x001,2\x00\x00\x00\x00\x3f\x00\x00\x80\xbf"));
/// ```
pub fn weights_sha256<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a [usize], &'a [f32])>) -> String {
    let mut hasher = Sha256::new();
    for (name, shape, values) in tensors {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        hasher.update(format!("{name}\0{}\0", sizes.join(",")));
        for values in values.chunks(1 << 14) {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            hasher.update(bytes);
        }
    }
    hash::hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;

    fn arithmetic() -> Arithmetic {
        Arithmetic {
            engine: "ee".repeat(32),
            device: "flex".into(),
            ops: "kernels".into(),
            level: Some("avx2".into()),
            precision: "f32".into(),
        }
    }

    fn origin() -> Origin {
        Origin {
            recipe_canonical_sha256: "11".repeat(32),
            dataset_identity: "22".repeat(32),
            seed: 3,
            arithmetic: arithmetic(),
            parts: Vec::new(),
        }
    }

    fn step(step: u64, loss: f64, training_seconds: f64) -> HistoryLine {
        HistoryLine::Step { step, epoch: 1, loss, rate: 0.1, resolution_px: 64, training_seconds }
    }

    fn lines(pace: f64) -> Vec<HistoryLine> {
        let counts = Counts { correct: 3, total: 8 };
        let weights_sha256 = "33".repeat(32);
        vec![
            step(1, std::f64::consts::LN_10, pace),
            step(2, 1.0 / 3.0, 2.0 * pace),
            step(3, 1e-7, 3.0 * pace),
            HistoryLine::Epoch {
                epoch: 1,
                step: 3,
                weights_sha256,
                optimizer_sha256: None,
                training_seconds: 3.0 * pace,
            },
            HistoryLine::Evaluation { epoch: 1, counts, training_seconds: 3.0 * pace, evaluation_seconds: pace },
            HistoryLine::Plan {
                step: 3,
                samples: 36,
                steps: 9,
                training_seconds: 3.0 * pace,
                charged_seconds: 4.0 * pace,
                dollars: Some(0.01 * pace),
            },
            HistoryLine::ChangedMachine { step: 3, arithmetic: arithmetic(), training_seconds: 3.0 * pace },
            step(4, 0.25, 4.0 * pace),
        ]
    }

    fn history(pace: f64) -> History {
        let mut history = History::begin(origin());
        lines(pace).into_iter().for_each(|line| history.push(line));
        history
    }

    fn read(text: &str) -> Result<History> {
        History::from_text(Path::new("history.jsonl"), text)
    }

    #[track_caller]
    fn refused(text: &str, part: &str) {
        let error = read(text).expect_err("this must be refused");
        assert!(error.to_string().contains(part) && error.hint().is_some(), "{error}");
    }

    #[test]
    fn what_is_written_reads_back_with_its_chain() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let written = history(0.5).write(&path).unwrap();
        assert_eq!(written, hash::sha256_of_file(&path).unwrap());
        let read = History::read(&path).unwrap();
        assert_eq!(read, history(0.5));
        assert_eq!((read.steps(), read.lines().len()), (4, 8));
        assert_eq!(read.training_seconds(), BTreeMap::from([(1, 1.5)]));
    }

    #[test]
    fn the_chain_can_be_computed_from_the_text_alone() {
        let text = history(0.5).to_text();
        let mut lines = text.lines();
        let head = lines.next().unwrap();
        let (_, origin) = head.split_once("\"origin\":").unwrap();
        let (origin, chain) = origin.split_once(",\"chain\":\"").unwrap();
        let mut link = sha256(origin);
        assert_eq!(chain, format!("{link}\"}}"));
        for line in lines {
            let (covered, _) = line.split_once(",\"training_seconds\":").unwrap();
            link = sha256(format!("{link}{covered}"));
            assert!(line.ends_with(&format!(",\"chain\":\"{link}\"}}")), "{line}");
        }
        assert_eq!(history(0.5).link().unwrap(), link);
    }

    #[test]
    fn a_replay_at_another_pace_has_the_same_chain_and_other_bits_have_another() {
        assert_eq!(history(0.5).link(), history(17.25).link());
        assert_ne!(history(0.5).to_text(), history(17.25).to_text());
        let mut other = History::begin(Origin { seed: 4, ..origin() });
        lines(0.5).into_iter().for_each(|line| other.push(line));
        assert_ne!(other.link(), history(0.5).link());
        let mut longer = history(0.5);
        longer.push(step(5, 0.125, 2.5));
        assert_ne!(longer.link(), history(0.5).link());
    }

    #[test]
    fn a_changed_number_a_dropped_line_and_exchanged_lines_break_the_chain_where_they_are() {
        let text = history(0.5).to_text();
        let lines: Vec<&str> = text.lines().collect();
        let whole = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        refused(&text.replace("0.3333333333333333", "0.3333333333333334"), "at line 3");
        refused(&text.replace("\"correct\":3", "\"correct\":8"), "at line 6");
        refused(&text.replace("\"seed\":3", "\"seed\":4"), "at line 1");
        refused(&whole(&[&lines[..3], &lines[4..]].concat()), "at line 4");
        let mut exchanged = lines.clone();
        exchanged.swap(1, 2);
        refused(&whole(&exchanged), "at line 2");
        let mut repeated = lines.clone();
        repeated.insert(3, lines[3]);
        refused(&whole(&repeated), "at line 5");
        // What the clock said is no part of the chain: the file's hash in the record is for that.
        assert!(read(&text.replace("\"training_seconds\":0.5,", "\"training_seconds\":0.25,")).is_ok());
    }

    #[test]
    fn a_line_that_says_more_than_its_link_covers_is_refused() {
        let text = history(0.5).to_text();
        let moved = text.replacen("\"training_seconds\":0.5", "\"training_seconds\":0.5,\"loss\":9.0", 1);
        refused(&moved, "line 2");
        let spaced = text.replacen("\"training_seconds\":0.5", "\"training_seconds\": 0.5", 1);
        refused(&spaced, "found line 2: not written as this program writes it");
        let clock_first = text.replacen("\"step\":1,\"epoch\":1", "\"training_seconds\":0.5,\"step\":1,\"epoch\":1", 1);
        refused(&clock_first, "line 2");
        refused(&text.replacen("\"version\":2", "\"version\": 2", 1), "found line 1: not written as");
    }

    #[test]
    fn a_history_cut_anywhere_is_refused_or_is_a_shorter_one() {
        let text = history(0.5).to_text();
        for end in 0..text.len() {
            let cut = &text[..end];
            match read(cut) {
                Ok(shorter) => assert!(cut.ends_with('\n') || shorter.lines().is_empty(), "{cut}"),
                Err(error) => assert!(!cut.ends_with('\n'), "{error}"),
            }
        }
    }

    #[test]
    fn version_1_reads_on_without_a_chain_and_its_damaged_lines_are_named() {
        let counts = Counts { correct: 3, total: 8 };
        let evaluation =
            HistoryLine::Evaluation { epoch: 1, counts, training_seconds: 0.75, evaluation_seconds: 0.125 };
        let old = History::without_chain(vec![step(1, 2.3, 0.5), evaluation]);
        let text = old.to_text();
        let expected = "{\"format\":\"imagenette-history\",\"version\":1}\n\
            {\"kind\":\"step\",\"step\":1,\"epoch\":1,\"loss\":2.3,\"rate\":0.1,\"resolution_px\":64,\
            \"training_seconds\":0.5}\n";
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(read(&text).unwrap(), old);
        assert_eq!((old.link(), old.training_seconds()), (None, BTreeMap::from([(1, 0.75)])));
        refused(&text[..text.len() - 9], "found line 3, which is cut off");
        refused(&text.replace("\"loss\":2.3", "\"loss\":null"), "found null where a number belongs (line 2)");
        refused(&text.replace("\"loss\":2.3", "\"los\":2.3"), "unknown field `los`");
        refused(&text.replace("\"version\":1", "\"version\":2"), "does not go with version 2");
        refused(&text.replace("\"version\":1", "\"version\":3"), "found imagenette-history version 3");
        let later = lines(0.5)[3].to_json();
        refused(&format!("{text}{later}\n"), "found line 4: a kind of line that version 1 does not have");
        refused("", "expected imagenette-history version 1 or 2");
    }

    #[test]
    fn a_checkpoint_keeps_the_history_and_goes_on_with_the_same_chain() {
        let mut first = History::begin(origin());
        lines(0.5)[..4].iter().for_each(|line| first.push(line.clone()));
        let kept = serde_json::to_string(&first).unwrap();
        let mut resumed: History = serde_json::from_str(&kept).unwrap();
        lines(0.5)[4..].iter().for_each(|line| resumed.push(line.clone()));
        assert_eq!(resumed.to_text(), history(0.5).to_text());
        let forged = kept.replace("0.3333333333333333", "0.1");
        let error = serde_json::from_str::<History>(&forged).unwrap_err().to_string();
        assert!(error.contains("chain of hashes is broken"), "{error}");
    }

    #[test]
    fn hashes_of_weights_depend_on_names_shapes_order_and_every_bit() {
        let (a, b) = ([1.0_f32, -0.0, 2.5, 3.0], [0.5_f32]);
        let hash = |list: &[(&str, &[usize], &[f32])]| weights_sha256(list.iter().copied());
        let first = hash(&[("a", &[2, 2], &a), ("b", &[1], &b)]);
        assert_eq!(first, hash(&[("a", &[2, 2], &a), ("b", &[1], &b)]));
        let positive = [1.0_f32, 0.0, 2.5, 3.0];
        let others = [
            hash(&[("b", &[1], &b), ("a", &[2, 2], &a)]),
            hash(&[("a", &[4], &a), ("b", &[1], &b)]),
            hash(&[("c", &[2, 2], &a), ("b", &[1], &b)]),
            hash(&[("a", &[2, 2], &positive), ("b", &[1], &b)]),
            hash(&[("a", &[2, 2], &a)]),
        ];
        assert!(others.iter().all(|other| *other != first));
        // More numbers than are hashed at a time.
        let many: Vec<f32> = (0..40_000u32).map(|number| number as f32).collect();
        let bytes: Vec<u8> =
            b"w\x0040000\0".iter().copied().chain(many.iter().flat_map(|value| value.to_le_bytes())).collect();
        assert_eq!(hash(&[("w", &[40_000], &many)]), sha256(bytes));
    }
}
