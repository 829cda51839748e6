//! Forgeries and hostile folders: each is built, looked at as any entry, and refused with words that say why. What a check
//! cannot find out is here too, with what does.

mod fixture;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fixture::{COMMIT, FEW, Wanted};
use imagenette_board::entry::{Badge, Division, Seeds};
use imagenette_board::{Board, deal};
use imagenette_files::hash::sha256;
use imagenette_results::history::{History, HistoryLine, Origin};
use imagenette_results::predictions::{self, Prediction};
use imagenette_results::run_record::Counts;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The entry that is forged, and its folder.
const CHALLENGE: &str = "tiny-128px-epochs-5";
const NAME: &str = "2026-12-01_honest";

/// A board with one honest entry.
fn honest(wanted: &Wanted) -> (TempDir, PathBuf) {
    let place = TempDir::new().unwrap();
    fixture::board(place.path(), FEW);
    let entry = wanted.write(place.path());
    (place, entry)
}

fn copied(from: &Path, to: &Path) {
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
struct Forged<'f> {
    root: &'f Path,
    entry: PathBuf,
}

impl Forged<'_> {
    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.entry.join(file)).unwrap()
    }

    fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.entry.join(file), text).unwrap();
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.text(file);
        assert!(text.contains(from), "{file}: {from}");
        self.write(file, text.replacen(from, to, 1));
    }

    /// Sets a key of `entry.toml`, before everything else.
    fn key(&self, line: &str) {
        let name = line.split(' ').next().unwrap();
        let rest: String = self
            .text("entry.toml")
            .lines()
            .filter(|known| !known.starts_with(&format!("{name} =")))
            .map(|known| format!("{known}\n"))
            .collect();
        self.write("entry.toml", format!("{line}\n{rest}"));
    }

    fn record(&self, run: &str, edit: impl Fn(&mut Value)) {
        let file = format!("{run}/record.json");
        let mut record: Value = serde_json::from_str(&self.text(&file)).unwrap();
        edit(&mut record);
        self.write(&file, serde_json::to_string_pretty(&record).unwrap() + "\n");
    }

    fn records(&self, edit: impl Fn(&mut Value)) {
        (1..=5).for_each(|number| self.record(&format!("s{number}"), &edit));
    }

    /// What a careful forger does: other lines under a chain that is whole again, and named by the record.
    fn history(&self, run: &str, origin: impl Fn(Origin) -> Origin, line: impl Fn(HistoryLine) -> Option<HistoryLine>) {
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
    fn predictions(&self, run: &str, edit: impl Fn(&mut Vec<Prediction>)) {
        let path = self.entry.join(run).join("predictions.csv");
        let mut known = predictions::read(&path).unwrap();
        edit(&mut known);
        let hash = predictions::write(&path, &known).unwrap();
        self.record(run, |record| record["provenance"]["predictions_sha256"] = json!(hash));
    }

    /// A seed's run whose predictions are all right, in every file at once.
    fn perfect(&self, run: &str) {
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

fn class_of(sample: &str) -> String {
    sample.split('/').nth(1).unwrap().into()
}

/// What is done to an honest entry, and what its refusal says.
type Forgery<'f> = (&'f str, &'f dyn Fn(&Forged<'_>), &'f str);

/// Each is done to a copy of the board, which is then read.
fn refuse_all(wanted: &Wanted, forgeries: &[Forgery<'_>]) {
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
fn tree(folder: &Path) -> Vec<(PathBuf, u64)> {
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

#[test]
fn accuracies_and_predictions_that_were_forged_are_refused() {
    refuse_all(
        &Wanted::new("honest"),
        &[
            (
                "one photo more",
                &|f| {
                    let text = f.text("s1/predictions.csv");
                    let wrong = text.lines().skip(1).find(|line| !line.ends_with(&class_of(line))).unwrap().to_owned();
                    let (sample, _) = wrong.split_once(',').unwrap();
                    f.replace("s1/predictions.csv", &wrong, &format!("{sample},{}", class_of(sample)));
                },
                "correct of 400, as the record says",
            ),
            (
                "typed accuracy",
                &|f| f.record("s1", |r| r["result"]["correct"] = json!(400)),
                "the result (400 correct of 400)",
            ),
            (
                "typed accuracy everywhere in the record",
                &|f| {
                    f.record("s1", |r| {
                        r["result"]["correct"] = json!(400);
                        r["by_epoch"][4]["counts"]["correct"] = json!(400);
                    })
                },
                "the evaluations of the record",
            ),
            (
                "the best epoch instead of the last",
                &|f| {
                    f.record("s1", |r| {
                        r["by_epoch"].as_array_mut().unwrap().pop();
                    })
                },
                "after epoch 5",
            ),
            ("a photo left out", &|f| f.predictions("s1", |known| drop(known.pop())), "correct of 400"),
            (
                "hard photos left out, counts adjusted",
                &|f| {
                    f.predictions("s1", |known| known.retain(|known| known.class == class_of(&known.sample)));
                    let left = predictions::read(&f.entry.join("s1/predictions.csv")).unwrap().len();
                    f.record("s1", |r| {
                        r["dataset"]["val"] = json!(left);
                        r["result"] = json!({ "correct": left, "total": left });
                    });
                },
                "640 train and 400 val photos",
            ),
            ("a photo twice", &|f| f.predictions("s1", |known| known[1] = known[0].clone()), "it twice"),
            (
                "photos of train",
                &|f| f.predictions("s1", |known| known[0].sample = known[0].sample.replace("val/", "train/")),
                "another form",
            ),
            (
                "another val split",
                &|f| {
                    (1..=5).for_each(|number| {
                        f.predictions(&format!("s{number}"), |known| {
                            known[7].sample = known[7].sample.replace("_val_0000", "_val_9000");
                        })
                    })
                },
                "each of the 400 val photos",
            ),
            (
                "a class that is none",
                &|f| {
                    f.predictions("s1", |known| {
                        let place = known.iter().position(|known| known.class != class_of(&known.sample)).unwrap();
                        known[place].class = "<script>alert(1)</script>".into();
                    })
                },
                "one of the 4 classes",
            ),
            (
                "probabilities behind the classes",
                &|f| f.write("s1/predictions.csv", "sample,class,p_x\nval/a/b.JPEG,a,1\n"),
                "the header `sample,class,p_x`",
            ),
            (
                "no predictions",
                &|f| std::fs::remove_file(f.entry.join("s2/predictions.csv")).unwrap(),
                "s2/predictions.csv: expected this file, found none",
            ),
            (
                "predictions that are an archive",
                &|f| f.write("s2/predictions.csv", [0x1f, 0x8b, 8, 0, 0xff, 0xfe]),
                "predictions.csv",
            ),
            (
                "more correct than photos",
                &|f| f.record("s1", |r| r["result"]["correct"] = json!(401)),
                "counts of 400 photos",
            ),
        ],
    );
}

#[test]
fn seeds_that_were_chosen_copied_or_left_out_are_refused() {
    refuse_all(
        &Wanted::new("honest"),
        &[
            ("a seed of one's own", &|f| f.record("s1", |r| r["seed"] = json!(42)), "the dealt seed"),
            (
                "a whole run of another seed",
                &|f| Wanted::new("honest").write_run(&f.entry.join("s1"), 42, 1),
                "the dealt seed",
            ),
            (
                "the best two exchanged",
                &|f| {
                    std::fs::rename(f.entry.join("s1"), f.entry.join("s9")).unwrap();
                    std::fs::rename(f.entry.join("s2"), f.entry.join("s1")).unwrap();
                    std::fs::rename(f.entry.join("s9"), f.entry.join("s2")).unwrap();
                },
                "the dealt seed",
            ),
            ("the worst left out", &|f| std::fs::remove_dir_all(f.entry.join("s3")).unwrap(), "without a gap"),
            ("a sixth", &|f| copied(&f.entry.join("s1"), &f.entry.join("s6")), "found another folder"),
            (
                "the best one copied",
                &|f| {
                    std::fs::remove_dir_all(f.entry.join("s2")).unwrap();
                    copied(&f.entry.join("s1"), &f.entry.join("s2"));
                },
                "the dealt seed",
            ),
            (
                "the best predictions under another seed, rehashed",
                &|f| {
                    let best = predictions::read(&f.entry.join("s1/predictions.csv")).unwrap();
                    f.predictions("s2", |known| known.clone_from(&best));
                    let result: Value = serde_json::from_str(&f.text("s1/record.json")).unwrap();
                    let result = result["result"].clone();
                    let correct = result["correct"].as_u64().unwrap();
                    f.history(
                        "s2",
                        |origin| origin,
                        |line| {
                            Some(match line {
                                HistoryLine::Evaluation { epoch: 5, training_seconds, evaluation_seconds, .. } => {
                                    HistoryLine::Evaluation {
                                        epoch: 5,
                                        counts: Counts { correct, total: 400 },
                                        training_seconds,
                                        evaluation_seconds,
                                    }
                                }
                                line => line,
                            })
                        },
                    );
                    f.record("s2", |r| {
                        r["result"] = result.clone();
                        r["by_epoch"][4]["counts"] = result.clone();
                    });
                },
                "found those of s1",
            ),
            (
                "the same weights under another seed",
                &|f| {
                    let first: Value = serde_json::from_str(&f.text("s1/record.json")).unwrap();
                    f.record("s2", |r| {
                        r["provenance"]["weights_sha256"] = first["provenance"]["weights_sha256"].clone()
                    });
                },
                "weights of its own",
            ),
            (
                "chosen seeds that are called dealt",
                &|f| {
                    let wanted = Wanted { kind: Seeds::Chosen, ..Wanted::new("honest") };
                    wanted.write(f.root);
                    f.key("seeds = \"dealt\"");
                },
                "the dealt seed",
            ),
            (
                "no seed at all",
                &|f| (1..=5).for_each(|n| std::fs::remove_dir_all(f.entry.join(format!("s{n}"))).unwrap()),
                "found none",
            ),
        ],
    );
}

#[test]
fn recipes_that_were_ground_or_renamed_are_the_same_recipe() {
    let (place, _) = honest(&Wanted::new("honest"));
    let ground = Wanted::new("ground").change("optimizer.learning_rate", "0.06000000001");
    ground.write(place.path());
    Wanted::new("renamed").change("name", "'my-own'").write(place.path());
    let board = Board::read(place.path()).unwrap();
    let lines: Vec<String> = board.faults.iter().map(ToString::to_string).collect();
    assert_eq!(board.entries.len(), 1, "{lines:?}");
    assert_eq!(
        lines.iter().filter(|line| line.contains("a recipe, or code, that is not in this challenge yet")).count(),
        2,
        "{lines:?}"
    );
    // The same run under another author, in another challenge, is no entry of his.
    let (place, entry) = honest(&Wanted::new("honest"));
    let thief = place.path().join("entries/tiny-128px-epochs-10/2026-12-02_mine");
    copied(&entry, &thief);
    let text = std::fs::read_to_string(thief.join("entry.toml")).unwrap();
    let text = text.replace("Ann Author", "Another").replace(CHALLENGE, "tiny-128px-epochs-10");
    std::fs::write(thief.join("entry.toml"), text).unwrap();
    let board = Board::read(place.path()).unwrap();
    assert_eq!((board.entries.len(), board.faults.len()), (1, 1), "{:?}", board.faults);
    assert!(board.faults[0].to_string().contains("runs of its own"), "{}", board.faults[0]);
}

#[test]
fn recipes_and_records_beyond_the_limits_are_refused() {
    let changed = |f: &Forged<'_>, key: &str, value: &str| {
        std::fs::remove_dir_all(&f.entry).unwrap();
        Wanted::new("honest").change(key, value).write(f.root);
    };
    refuse_all(
        &Wanted::new("honest"),
        &[
            ("six epochs", &|f| changed(f, "epochs", "6"), "at most 5 epochs, found 6"),
            (
                "six epochs that are called five",
                &|f| {
                    changed(f, "epochs", "6");
                    f.replace("recipe.toml", "epochs = 6", "epochs = 5");
                },
                "at most 5 epochs and 3200 samples",
            ),
            ("192 px", &|f| changed(f, "resolution", "192"), "training at 128 px at most"),
            (
                "evaluation above training",
                &|f| {
                    f.replace(
                        "recipe.toml",
                        "resolution = 128
rules = \"leaderboard\"
",
                        "resolution = 96
",
                    )
                },
                "evaluation at no more than the 96 px",
            ),
            (
                "held out",
                &|f| f.replace("recipe.toml", "\n[model]", "hold_out = 0.1\n\n[model]"),
                "training on all of train",
            ),
            (
                "borrowed weights",
                &|f| {
                    f.write(
                        "recipe.toml",
                        format!(
                            "{}\n[initial]\nfrom = \"runs/imagenet\"\nweights_sha256 = \"{}\"\n",
                            f.text("recipe.toml"),
                            "ab".repeat(32)
                        ),
                    )
                },
                "random initial weights",
            ),
            (
                "borrowed weights in the record",
                &|f| f.records(|r| r["provenance"]["parent"] = json!({ "weights_sha256": "ab".repeat(32) })),
                "random initial weights",
            ),
            (
                "photos without labels",
                &|f| f.write("recipe.toml", format!("{}\n[unlabeled]\nkind = \"fix-match\"\n", f.text("recipe.toml"))),
                "unlabeled",
            ),
            (
                "another task",
                &|f| f.replace("recipe.toml", "\n[model]", "task = \"labels-10%\"\n\n[model]"),
                "the task none",
            ),
            (
                "a key that nobody knows",
                &|f| f.replace("recipe.toml", "\n[model]", "pretrained = true\n\n[model]"),
                "recipe.toml",
            ),
            (
                "a recipe that was changed afterward",
                &|f| f.replace("recipe.toml", "momentum = 0.6", "momentum = 0.7"),
                "the dealt seed",
            ),
            (
                "digits changed afterward",
                &|f| f.replace("recipe.toml", "momentum = 0.6", "momentum = 0.60001"),
                "the recipe that record.json names",
            ),
            ("no recipe", &|f| std::fs::remove_file(f.entry.join("recipe.toml")).unwrap(), "the recipe of its runs"),
            (
                "brackets to the moon",
                &|f| f.write("recipe.toml", format!("a = {}{}", "[".repeat(20_000), "]".repeat(20_000))),
                "recipe.toml",
            ),
            (
                "fewer samples than planned",
                &|f| f.record("s1", |r| r["samples_drawn"] = json!(64)),
                "as the recipe plans over 640 photos",
            ),
            (
                "more samples than allowed",
                &|f| f.record("s1", |r| r["samples_drawn"] = json!(3201)),
                "at most 5 epochs and 3200 samples",
            ),
            (
                "a record of more epochs",
                &|f| f.record("s1", |r| r["epochs"] = json!(4_000_000_000_u32)),
                "at most 5 epochs",
            ),
            ("a smaller network", &|f| f.record("s1", |r| r["model"]["name"] = json!("fast-8")), "the network"),
            (
                "fewer operations",
                &|f| f.record("s1", |r| r["training_flop"] = json!(1e9)),
                "floating-point operations of",
            ),
            (
                "a record of version 1",
                &|f| {
                    f.record("s1", |r| {
                        r["version"] = json!(1);
                        r.as_object_mut().unwrap().remove("provenance");
                    })
                },
                "a record of version 2 or later",
            ),
            ("a record of a version that is to come", &|f| f.record("s1", |r| r["version"] = json!(9)), "version 9"),
            ("a field that nobody knows", &|f| f.record("s1", |r| r["verified"] = json!(true)), "verified"),
            ("a record that is a bomb", &|f| f.write("s1/record.json", "[".repeat(100_000)), "s1/record.json"),
        ],
    );
}

#[test]
fn other_photos_engines_clocks_and_machines_are_refused() {
    refuse_all(
        &Wanted::new("honest"),
        &[
            (
                "another edition",
                &|f| f.records(|r| r["dataset"]["edition"] = json!("imagenette")),
                "imagenette2 of 640 train",
            ),
            (
                "another archive",
                &|f| f.records(|r| r["dataset"]["source"] = json!("imagenette2-320.tgz (now)")),
                "photos of tiny.tar",
            ),
            (
                "another archive of that name",
                &|f| f.records(|r| r["dataset"]["source_sha256"] = json!("ab".repeat(32))),
                "photos of tiny.tar, with its hash",
            ),
            (
                "other content",
                &|f| f.records(|r| r["dataset"]["identity"] = json!("ab".repeat(32))),
                "the content of tiny",
            ),
            ("val trained on", &|f| f.records(|r| r["dataset"]["train"] = json!(1040)), "640 train and 400 val photos"),
            (
                "files changed in the checkout",
                &|f| {
                    f.records(|r| {
                        r["environment"]["commit"] = json!("0123456789ab-dirty");
                        r["provenance"]["attempts"][0]["commit"] = json!("0123456789ab-dirty");
                    })
                },
                "a program built from a commit as it is",
            ),
            (
                "no commit",
                &|f| {
                    f.records(|r| {
                        r["environment"]["commit"] = json!(null);
                        r["provenance"]["attempts"][0]["commit"] = json!(null);
                    })
                },
                "a program built from a commit as it is",
            ),
            (
                "another engine for one seed",
                &|f| {
                    f.history(
                        "s2",
                        |origin| Origin {
                            arithmetic: imagenette_results::environment::Arithmetic {
                                engine: "ab".repeat(32),
                                ..origin.arithmetic.clone()
                            },
                            ..origin
                        },
                        Some,
                    );
                    f.record("s2", |r| {
                        r["provenance"]["engine"] = json!("ab".repeat(32));
                        r["provenance"]["attempts"][0]["arithmetic"]["engine"] = json!("ab".repeat(32));
                    });
                },
                "the arithmetic of",
            ),
            (
                "an engine that is not the season's",
                &|f| {
                    let season = f.root.join("seasons/2026.toml");
                    let text = std::fs::read_to_string(&season).unwrap();
                    std::fs::write(
                        season,
                        format!("{text}\n[[engines]]\nsha256 = \"{}\"\ncommit = \"0123456\"\n", "cd".repeat(32)),
                    )
                    .unwrap();
                },
                "an engine of the season (commits 0123456)",
            ),
            (
                "resumed on another machine",
                &|f| f.record("s1", |r| r["provenance"]["changed_machine"] = json!(true)),
                "a run of one arithmetic",
            ),
            (
                "64 cores called a small machine",
                &|f| {
                    f.records(|r| {
                        r["environment"]["cores"] = json!(64);
                        r["provenance"]["attempts"][0]["machine"]["cores"] = json!(64);
                    })
                },
                "a c7a.large: 2 processors",
            ),
            (
                "64 GiB called a small machine",
                &|f| {
                    f.records(|r| {
                        r["environment"]["memory_bytes"] = json!(64_u64 << 30);
                        r["provenance"]["attempts"][0]["machine"]["memory_bytes"] = json!(64_u64 << 30);
                    })
                },
                "64.0 GiB",
            ),
            (
                "a GPU called a processor's machine",
                &|f| {
                    f.records(|r| {
                        r["provenance"]["attempts"][0]["arithmetic"]["device"] = json!("cuda");
                    })
                },
                "which has no GPU",
            ),
            (
                "kernels that the machine does not have",
                &|f| {
                    f.key("machine = \"c8g.2xlarge\"");
                },
                "a c8g.2xlarge",
            ),
            ("a machine of nobody", &|f| f.key("machine = \"free.large\""), "one of the season's price list"),
            (
                "a clock that stood still",
                &|f| {
                    f.record("s1", |r| {
                        r["seconds"]["training"] = json!(0.01);
                    })
                },
                "GFLOP a second of a core",
            ),
            (
                "more seconds than the clock of the day",
                &|f| {
                    f.record("s1", |r| {
                        let started = r["provenance"]["attempts"][0]["started"].clone();
                        r["provenance"]["attempts"][0]["ended"] = started;
                    })
                },
                "from the start of its attempts to their end",
            ),
            (
                "an end before the beginning",
                &|f| {
                    f.record("s1", |r| {
                        r["provenance"]["attempts"][0]["ended"] = json!("2026-11-27T11:00:00Z");
                    })
                },
                "attempts one after another",
            ),
            (
                "from the future",
                &|f| {
                    f.record("s1", |r| {
                        r["provenance"]["attempts"][0]["ended"] = json!("2027-03-01T00:00:00Z");
                    })
                },
                "a run that was over on 2026-12-01",
            ),
            (
                "negative seconds",
                &|f| f.record("s1", |r| r["seconds"]["evaluation"] = json!(-1.0)),
                "seconds of evaluation from 0 on",
            ),
            (
                "two attempts that overlap",
                &|f| {
                    f.record("s1", |r| {
                        let mut first = r["provenance"]["attempts"][0].clone();
                        first["ending"] = json!("interrupted");
                        first["steps_after"] = json!(3);
                        let mut second = r["provenance"]["attempts"][0].clone();
                        second["steps_before"] = json!(3);
                        r["provenance"]["attempts"] = json!([first, second]);
                        r["resumed"] = json!(1);
                    })
                },
                "attempts one after another",
            ),
        ],
    );
    // Dollars: an hour more of another machine.
    let cheap = Wanted { challenge: "tiny-dollars-0.05".into(), ..Wanted::new("honest") };
    refuse_all(
        &cheap,
        &[
            ("a dearer machine", &|f| f.key("machine = \"p5.48xlarge\""), "found"),
            (
                "hours of waiting",
                &|f| {
                    f.records(|r| {
                        r["provenance"]["attempts"][0]["ended"] = json!("2026-11-27T14:00:00Z");
                    })
                },
                "at most $0.05",
            ),
            (
                "an attempt that was killed before",
                &|f| {
                    f.records(|r| {
                        let mut first = r["provenance"]["attempts"][0].clone();
                        first["ending"] = json!("killed");
                        first["ended"] = json!(null);
                        first["started"] = json!("2026-11-27T06:00:00Z");
                        first["steps_after"] = json!(3);
                        let mut second = r["provenance"]["attempts"][0].clone();
                        second["steps_before"] = json!(3);
                        r["provenance"]["attempts"] = json!([first, second]);
                        r["resumed"] = json!(1);
                    })
                },
                "at most $0.05",
            ),
        ],
    );
}

#[test]
fn histories_that_were_cut_mixed_or_rewritten_are_refused() {
    let keep = |origin: Origin| origin;
    refuse_all(
        &Wanted::new("honest"),
        &[
            ("a line changed", &|f| f.replace("s1/history.jsonl", "\"loss\":2", "\"loss\":1"), "s1/history.jsonl"),
            (
                "a line removed",
                &|f| {
                    let text = f.text("s1/history.jsonl");
                    f.write(
                        "s1/history.jsonl",
                        text.lines()
                            .enumerate()
                            .filter(|(at, _)| *at != 5)
                            .map(|(_, line)| format!("{line}\n"))
                            .collect::<String>(),
                    );
                },
                "s1/history.jsonl",
            ),
            (
                "cut off",
                &|f| {
                    let text = f.text("s1/history.jsonl");
                    f.write("s1/history.jsonl", &text[..text.len() - 40]);
                },
                "s1/history.jsonl",
            ),
            (
                "that of another seed",
                &|f| {
                    let _ = std::fs::copy(f.entry.join("s2/history.jsonl"), f.entry.join("s1/history.jsonl")).unwrap();
                },
                "a chain that begins with",
            ),
            (
                "another seed in the chain",
                &|f| f.history("s1", |origin| Origin { seed: 7, ..origin }, Some),
                "a chain that begins with",
            ),
            (
                "another recipe in the chain",
                &|f| f.history("s1", |origin| Origin { recipe_canonical_sha256: "ab".repeat(32), ..origin }, Some),
                "a chain that begins with",
            ),
            (
                "steps left out under a whole chain",
                &|f| {
                    f.history("s1", keep, |line| match line {
                        HistoryLine::Step { step: 20, .. } => None,
                        line => Some(line),
                    })
                },
                "step 20 in epoch",
            ),
            (
                "steps at a smaller resolution",
                &|f| {
                    f.history("s1", keep, |line| {
                        Some(match line {
                            HistoryLine::Step { step, epoch, loss, rate, training_seconds, .. } => {
                                HistoryLine::Step { step, epoch, loss, rate, resolution_px: 32, training_seconds }
                            }
                            line => line,
                        })
                    })
                },
                "at 128 px",
            ),
            (
                "evaluations left out",
                &|f| {
                    f.history("s1", keep, |line| match line {
                        HistoryLine::Evaluation { epoch: 1, .. } => None,
                        line => Some(line),
                    })
                },
                "the evaluations of the record",
            ),
            (
                "a clock that runs backward",
                &|f| {
                    f.history("s1", keep, |line| {
                        Some(match line {
                            HistoryLine::Step { step: 30, epoch, loss, rate, resolution_px, .. } => {
                                HistoryLine::Step { step: 30, epoch, loss, rate, resolution_px, training_seconds: 0.0 }
                            }
                            line => line,
                        })
                    })
                },
                "a history whose seconds grow",
            ),
            (
                "another last link",
                &|f| f.record("s1", |r| r["provenance"]["chain"] = json!("ab".repeat(32))),
                "ends with the link",
            ),
            (
                "no history",
                &|f| std::fs::remove_file(f.entry.join("s1/history.jsonl")).unwrap(),
                "expected this file, found none",
            ),
            (
                "a history without a chain",
                &|f| f.write("s1/history.jsonl", "{\"format\":\"imagenette-history\",\"version\":1}\n"),
                "s1/history.jsonl",
            ),
        ],
    );
}

#[test]
fn hostile_names_links_and_sizes_are_refused_before_anything_is_read() {
    let renamed = |f: &Forged<'_>, name: &str| std::fs::rename(&f.entry, f.entry.with_file_name(name)).unwrap();
    refuse_all(
        &Wanted::new("honest"),
        &[
            (
                "a link to a file",
                &|f| {
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                    std::os::unix::fs::symlink("/etc/passwd", f.entry.join("README.md")).unwrap();
                },
                "README.md: expected a plain file, found a link",
            ),
            (
                "a link to the folder above",
                &|f| {
                    std::fs::remove_dir_all(f.entry.join("s5")).unwrap();
                    std::os::unix::fs::symlink("..", f.entry.join("s5")).unwrap();
                },
                "s5: expected a plain file, found a link",
            ),
            (
                "a link to another's entry",
                &|f| {
                    std::os::unix::fs::symlink(&f.entry, f.entry.with_file_name("2026-12-02_mine")).unwrap();
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                },
                "2026-12-02_mine: expected folders alone, found a link",
            ),
            (
                "a pipe",
                &|f| {
                    std::fs::remove_file(f.entry.join("s1/record.json")).unwrap();
                    assert!(
                        std::process::Command::new("mkfifo")
                            .arg(f.entry.join("s1/record.json"))
                            .status()
                            .unwrap()
                            .success()
                    );
                },
                "a pipe, socket or device",
            ),
            (
                "a file of a terabyte",
                &|f| {
                    std::fs::File::create(f.entry.join("s1/history.jsonl")).unwrap().set_len(1 << 40).unwrap();
                },
                "at most 5242880 bytes",
            ),
            ("a long README", &|f| f.write("README.md", "a".repeat(100_000)), "at most 65536 bytes"),
            ("large predictions", &|f| f.write("s1/predictions.csv", "a,b\n".repeat(100_000)), "at most 262144 bytes"),
            ("a file beside", &|f| f.write("weights.safetensors", "x"), "found another file"),
            ("a photo beside", &|f| f.write("s1/photo.JPEG", "x"), "found another file"),
            ("a program beside", &|f| f.write("build.rs", "fn main() {}"), "found another file"),
            ("a repository in it", &|f| std::fs::create_dir(f.entry.join(".git")).unwrap(), "found another folder"),
            ("attributes for git", &|f| f.write(".gitattributes", "* filter=evil"), "found another file"),
            (
                "a folder in a seed's",
                &|f| std::fs::create_dir(f.entry.join("s1/more")).unwrap(),
                "found another folder",
            ),
            (
                "a hundred thousand names",
                &|f| (0..21_000).for_each(|n| f.write(&format!("s1/{n}"), "")),
                "at most 20000 names",
            ),
            ("a name in capitals", &|f| renamed(f, "2026-12-01_Honest"), "in small letters"),
            ("a name with a twin of a letter", &|f| renamed(f, "2026-12-01_h\u{43e}nest"), "in small letters"),
            ("a name with a code", &|f| renamed(f, "2026-12-01_a\u{1b}[2J"), "in small letters"),
            ("a name that goes up", &|f| renamed(f, "2026-12-01_a..b"), "in small letters"),
            ("a name with markup", &|f| renamed(f, "2026-12-01_<img src=x onerror=alert(1)>"), "in small letters"),
            (
                "a name that is no text",
                &|f| {
                    use std::os::unix::ffi::OsStrExt;
                    let name = std::ffi::OsStr::from_bytes(b"2026-12-01_\xff");
                    std::fs::rename(&f.entry, f.entry.with_file_name(name)).unwrap();
                },
                "a name that is text",
            ),
            ("no day", &|f| renamed(f, "honest"), "in small letters"),
            ("a day that is none", &|f| renamed(f, "2026-13-41_honest"), "in small letters"),
            ("a day of another season", &|f| renamed(f, "2019-03-05_honest"), "a day of season 2026"),
            (
                "a challenge of one's own",
                &|f| {
                    std::fs::rename(f.root.join("entries").join(CHALLENGE), f.root.join("entries/tiny-128px-epochs-6"))
                        .unwrap()
                },
                "a challenge of season 2026",
            ),
            (
                "a file among the challenges",
                &|f| {
                    std::fs::write(f.root.join("entries/x"), "").unwrap();
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                },
                "entries/x: expected folders alone",
            ),
            (
                "a folder beside the entries",
                &|f| {
                    std::fs::create_dir(f.root.join("scripts")).unwrap();
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                },
                "scripts: expected",
            ),
            (
                "another season beside",
                &|f| {
                    std::fs::write(f.root.join("seasons/evil.sh"), "").unwrap();
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                },
                "seasons/evil.sh",
            ),
            ("a README that is no text", &|f| f.write("README.md", [0xff, 0xfe, 0]), "README.md"),
            ("a README with codes", &|f| f.write("README.md", "a\u{1b}]0;owned\u{7}"), "letters that are seen"),
        ],
    );
}

#[test]
fn what_authors_say_is_held_to_its_form() {
    refuse_all(
        &Wanted::new("honest"),
        &[
            ("a title that paints the terminal", &|f| f.key("title = \"a\\u001B[31mred\""), "`title`: a line"),
            ("an author who turns around", &|f| f.key("author = \"Ann \\u202Erohtua\""), "`author`: a line"),
            (
                "an author with a twin of a letter",
                &|f| f.key("author = \"J\u{435}remy Howard\""),
                "a word of Latin and Cyrillic letters",
            ),
            ("an author nobody sees", &|f| f.key("author = \"Ann\\u200BAuthor\""), "U+200B"),
            ("a title of a thousand letters", &|f| f.key(&format!("title = \"{}\"", "a".repeat(1000))), "1000 letters"),
            ("a title of two lines", &|f| f.key("title = \"a\\nb\""), "`title`: a line"),
            ("marks upon marks", &|f| f.key("title = \"a\\u0300\\u0300\\u0300\\u0300\""), "more than two marks"),
            ("compliance by one's own word", &|f| f.key("compliant = true"), "unknown field"),
            ("an accuracy by one's own word", &|f| f.key("top1 = 0.99"), "unknown field"),
            (
                "a link that runs",
                &|f| f.key(&format!("code = \"javascript:alert(1)//{COMMIT}\"")),
                "begin with https://",
            ),
            ("a link that moves", &|f| f.key("code = \"https://github.com/a/b/tree/main\""), "without the 40 digits"),
            (
                "a link with a name and a word",
                &|f| f.key(&format!("code = \"https://github.com@evil.example/{COMMIT}\"")),
                "no plain host",
            ),
            (
                "a link that leaves its place",
                &|f| f.key(&format!("code = \"https://a.b/\\\"onclick=x/{COMMIT}\"")),
                "pages read otherwise",
            ),
            ("a season to come", &|f| f.key("season = \"2027\""), "season = \"2026\""),
            ("another challenge", &|f| f.key("challenge = \"tiny-128px-epochs-30\""), "the folder above"),
            ("no run tried", &|f| f.key("runs_tried = 0"), "`runs_tried`"),
            ("fewer than none tried", &|f| f.key("runs_tried = -1"), "entry.toml"),
            (
                "costs by one's own word",
                &|f| f.write("entry.toml", format!("{}\n[stated]\nepochs = 1\nseconds = 1.0\n", f.text("entry.toml"))),
                "[stated] in the division open",
            ),
            ("a division for more trust", &|f| f.key("division = \"own-parts\""), "the source of own parts"),
            ("the open division with a recipe", &|f| f.key("division = \"open\""), "no recipe, found one"),
            (
                "a source where there are no own parts",
                &|f| f.write("source.txt", "fn main() {}"),
                "the source of own parts",
            ),
            ("a format to come", &|f| f.key("version = 9"), "a newer imagenette wrote it"),
            ("another format", &|f| f.key("format = \"imagenette-season\""), "imagenette-entry version 1"),
            ("no TOML", &|f| f.write("entry.toml", "{\"format\": 1}"), "entry.toml"),
            ("an empty file", &|f| f.write("entry.toml", ""), "entry.toml"),
            ("money back", &|f| f.key("paid_dollars = -3.0"), "`paid_dollars` from 0 on"),
        ],
    );
    let own = Wanted { division: Division::OwnParts, ..Wanted::new("honest") };
    refuse_all(
        &own,
        &[
            (
                "another source than what ran",
                &|f| f.write("source.txt", "==> src/lib.rs\nfn other() {}\n"),
                "of the source beside the recipe",
            ),
            ("no source", &|f| std::fs::remove_file(f.entry.join("source.txt")).unwrap(), "the source of own parts"),
            (
                "own parts called a recipe",
                &|f| {
                    f.key("division = \"recipe\"");
                    std::fs::remove_file(f.entry.join("source.txt")).unwrap();
                },
                "own parts, in the division own-parts alone",
            ),
        ],
    );
    let open = Wanted { division: Division::Open, ..Wanted::new("honest") };
    refuse_all(
        &open,
        &[
            ("a record of another program", &|f| f.write("s1/record.json", "{}"), "only predictions.csv"),
            (
                "more epochs than the challenge's",
                &|f| f.replace("entry.toml", "epochs = 5", "epochs = 80"),
                "at most 5 epochs",
            ),
            (
                "labels instead of predictions, twice",
                &|f| {
                    (1..=2).for_each(|n| {
                        let path = f.entry.join(format!("s{n}/predictions.csv"));
                        let mut known = predictions::read(&path).unwrap();
                        known.iter_mut().for_each(|known| known.class = class_of(&known.sample));
                        predictions::write(&path, &known).unwrap();
                    })
                },
                "predictions of its own",
            ),
        ],
    );
}

#[test]
fn a_run_forged_in_all_its_files_at_once_is_checked_and_not_confirmed_and_fresh_seeds_refute_it() {
    let (place, entry) = honest(&Wanted::new("honest"));
    let forged = Forged { root: place.path(), entry };
    // Right about everything but a photo each, so that no two are twins.
    for number in 1..=5 {
        let run = format!("s{number}");
        forged.perfect(&run);
    }
    let board = Board::read(place.path()).unwrap();
    // Five equal ones are found out; what differs by a photo each is not.
    assert!(
        board.entries.is_empty() && board.faults[0].to_string().contains("predictions of its own"),
        "{:?}",
        board.faults
    );
    let (place, _) = honest(&Wanted { accuracy: 0.97, ..Wanted::new("honest") });
    let board = Board::read(place.path()).unwrap();
    assert_eq!((board.faults.len(), board.entries[0].badge), (0, Badge::Checked), "it was never trained, and holds");
    // A keeper runs what the recipe gives in truth: 90%.
    let wanted = Wanted { accuracy: 0.90, ..Wanted::new("honest") };
    confirm(place.path(), &wanted, &board.entries[0].dealt_from, COMMIT);
    let board = Board::read(place.path()).unwrap();
    assert!(board.faults.is_empty(), "{:?}", board.faults);
    let entry = &board.entries[0];
    assert!(entry.unranked.as_ref().unwrap().contains("fresh seeds do not bear it out"), "{:?}", entry.unranked);
    assert_eq!(entry.badge, Badge::Checked);
}

/// Three fresh seeds of an entry.
fn confirm(root: &Path, wanted: &Wanted, from: &str, merge_commit: &str) {
    let folder = root.join("confirmations").join(&wanted.challenge).join(&wanted.name).join("2026-12-05_keeper");
    for number in 1..=3 {
        let seed = deal::fresh_seed("2026", from, merge_commit, number);
        wanted.write_run(&folder.join(format!("f{number}")), seed, number);
    }
    let text = format!(
        "format = \"imagenette-confirmation\"\nversion = 1\nkeeper = \"A Keeper\"\nmerge_commit = \"{merge_commit}\"\nreplayed = [1]\n"
    );
    std::fs::write(folder.join("confirmation.toml"), text).unwrap();
}

#[test]
fn an_honest_entry_is_confirmed_by_fresh_seeds_and_by_no_others() {
    let wanted = Wanted::new("honest");
    let (place, _) = honest(&wanted);
    let from = Board::read(place.path()).unwrap().entries[0].dealt_from.clone();
    confirm(place.path(), &wanted, &from, COMMIT);
    let board = Board::read(place.path()).unwrap();
    assert!(board.faults.is_empty(), "{:?}", board.faults);
    assert_eq!((board.entries[0].badge, board.entries[0].confirmations.len()), (Badge::Confirmed, 1));
    assert!(board.entries[0].confirmations[0].bears_out && board.entries[0].confirmations[0].p > 0.01);
    // Another commit deals other seeds.
    let file = place.path().join(format!("confirmations/{CHALLENGE}/{NAME}/2026-12-05_keeper/confirmation.toml"));
    let text = std::fs::read_to_string(&file).unwrap();
    let forgeries = [
        (text.replace(COMMIT, &"f".repeat(40)), "the dealt seed"),
        (text.replace(COMMIT, "main"), "`merge_commit`"),
        (text.replace("A Keeper", "A\\u001B[2J"), "`keeper`"),
        (text.replace("replayed = [1]", "replayed = [77]"), "`replayed`"),
        (format!("{text}verified = true\n"), "unknown field"),
    ];
    for (text, said) in forgeries {
        std::fs::write(&file, text).unwrap();
        let board = Board::read(place.path()).unwrap();
        assert!(board.faults.iter().any(|fault| fault.to_string().contains(said)), "{said}: {:?}", board.faults);
        assert_eq!(board.entries[0].badge, Badge::Checked, "{said}");
    }
    assert_eq!(sha256("").len(), 64);
}

#[test]
fn prices_of_a_season_that_were_changed_end_every_command() {
    let (place, _) = honest(&Wanted::new("honest"));
    let prices = place.path().join("prices/2026.csv");
    let text = std::fs::read_to_string(&prices).unwrap();
    std::fs::write(&prices, text.replace("0.0450", "0.0001")).unwrap();
    let error = Board::read(place.path()).unwrap_err();
    assert!(error.to_string().contains("the price list of season 2026"), "{error}");
}
