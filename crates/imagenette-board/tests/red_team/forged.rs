//! An honest entry, what is edited in it, and that it is refused then.

pub(crate) use std::path::{Path, PathBuf};
pub(crate) use std::time::{Duration, Instant};

pub(crate) use crate::fixture::{COMMIT, FEW, Wanted};
pub(crate) use imagenette_board::entry::{Badge, Division, Seeds};
pub(crate) use imagenette_board::{Board, deal};
pub(crate) use imagenette_files::hash::sha256;
pub(crate) use imagenette_results::history::{History, HistoryLine, Origin};
pub(crate) use imagenette_results::predictions::{self, Prediction};
pub(crate) use imagenette_results::run_record::Counts;
pub(crate) use serde_json::{Value, json};
pub(crate) use tempfile::TempDir;

pub(crate) use crate::fixture;

/// The entry that is forged, and its folder.
pub(crate) const CHALLENGE: &str = "tiny-128px-epochs-5";
pub(crate) const NAME: &str = "2026-12-01_honest";

/// A board with one honest entry.
pub(crate) fn honest(wanted: &Wanted) -> (TempDir, PathBuf) {
    let place = TempDir::new().unwrap();
    fixture::board(place.path(), FEW);
    let entry = wanted.write(place.path());
    (place, entry)
}

pub(crate) fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copied(&path, &to)
        } else {
            let _ = std::fs::copy(&path, to).unwrap();
        }
    }
}

/// What is edited in a forgery: the board's folder and the entry's.
pub(crate) struct Forged<'f> {
    pub(crate) root: &'f Path,
    pub(crate) entry: PathBuf,
}

impl Forged<'_> {
    pub(crate) fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.entry.join(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.entry.join(file), text).unwrap();
    }

    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.text(file);
        assert!(text.contains(from), "{file}: {from}");
        self.write(file, text.replacen(from, to, 1));
    }

    /// Sets a key of `entry.toml`, before everything else.
    pub(crate) fn key(&self, line: &str) {
        let name = line.split(' ').next().unwrap();
        let rest: String = self
            .text("entry.toml")
            .lines()
            .filter(|known| !known.starts_with(&format!("{name} =")))
            .map(|known| format!("{known}\n"))
            .collect();
        self.write("entry.toml", format!("{line}\n{rest}"));
    }

    pub(crate) fn record(&self, run: &str, edit: impl Fn(&mut Value)) {
        let file = format!("{run}/record.json");
        let mut record: Value = serde_json::from_str(&self.text(&file)).unwrap();
        edit(&mut record);
        self.write(&file, serde_json::to_string_pretty(&record).unwrap() + "\n");
    }

    pub(crate) fn records(&self, edit: impl Fn(&mut Value)) {
        (1..=5).for_each(|number| self.record(&format!("s{number}"), &edit));
    }

    /// What a careful forger does: other lines under a chain that is whole again, and named by the record.
    pub(crate) fn history(
        &self,
        run: &str,
        origin: impl Fn(Origin) -> Origin,
        line: impl Fn(HistoryLine) -> Option<HistoryLine>,
    ) {
        let path = self.entry.join(run).join("history.jsonl");
        let history = History::read(&path).unwrap();
        let mut forged = History::begin(origin(history.origin().unwrap().clone()));
        history.lines().iter().cloned().filter_map(line).for_each(|known| forged.push(known));
        let sha256 = forged.write(&path).unwrap();
        self.record(run, |record| {
            record["provenance"]["history_sha256"] = json!(sha256);
            record["provenance"]["chain"] = json!(forged.link().unwrap());
        });
    }

    /// Other predictions, named by the record.
    pub(crate) fn predictions(&self, run: &str, edit: impl Fn(&mut Vec<Prediction>)) {
        let path = self.entry.join(run).join("predictions.csv");
        let mut known = predictions::read(&path).unwrap();
        edit(&mut known);
        let hash = predictions::write(&path, &known).unwrap();
        self.record(run, |record| record["provenance"]["predictions_sha256"] = json!(hash));
    }

    /// A seed's run whose predictions are all right, in every file at once.
    pub(crate) fn perfect(&self, run: &str) {
        self.predictions(run, |known| known.iter_mut().for_each(|known| known.class = class_of(&known.sample)));
        let total = FEW.val;
        self.history(
            run,
            |origin| origin,
            |line| {
                Some(match line {
                    HistoryLine::Evaluation { epoch: 5, training_seconds, evaluation_seconds, .. } => {
                        HistoryLine::Evaluation {
                            epoch: 5,
                            counts: Counts { correct: total, total },
                            training_seconds,
                            evaluation_seconds,
                        }
                    }
                    line => line,
                })
            },
        );
        self.record(run, |record| {
            record["result"] = json!({ "correct": total, "total": total });
            record["by_epoch"][4]["counts"] = json!({ "correct": total, "total": total });
        });
    }
}

pub(crate) fn class_of(sample: &str) -> String {
    sample.split('/').nth(1).unwrap().into()
}

/// What is done to an honest entry, and what its refusal says.
pub(crate) type Forgery<'f> = (&'f str, &'f dyn Fn(&Forged<'_>), &'f str);

/// Each is done to a copy of the board, which is then read.
pub(crate) fn refuse_all(wanted: &Wanted, forgeries: &[Forgery<'_>]) {
    let (board, entry) = honest(wanted);
    let below = entry.strip_prefix(board.path()).unwrap().to_owned();
    let read = Board::read(board.path()).unwrap();
    assert!(read.faults.is_empty() && read.entries.len() == 1, "an honest one holds: {:?}", read.faults);
    for (name, forge, said) in forgeries {
        let place = TempDir::new().unwrap();
        copied(board.path(), place.path());
        let forged = Forged { root: place.path(), entry: place.path().join(&below) };
        forge(&forged);
        let before = tree(place.path());
        let began = Instant::now();
        let read = Board::read(place.path()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: took {:?}", began.elapsed());
        let lines: Vec<String> = read.faults.iter().map(ToString::to_string).collect();
        let path = format!("entries/{}/{}", wanted.challenge, wanted.name);
        assert!(read.entry(&path).is_none() || name.starts_with("copy"), "{name}: it holds");
        assert!(lines.iter().any(|line| line.contains(said)), "{name}: expected `{said}` in\n{}", lines.join("\n"));
        for fault in &read.faults {
            let line = fault.to_string();
            assert!(line.chars().all(|letter| !letter.is_control()) && line.len() < 2500, "{name}: {line:?}");
        }
        assert!(tree(place.path()) == before, "{name}: something was written");
    }
}

/// Every name below a folder with its length, links not followed.
pub(crate) fn tree(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.push((path, metadata.len()));
        }
    }
    found.sort();
    found
}
