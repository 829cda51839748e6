//! Accuracies, predictions, seeds and recipes.

use crate::forged::*;

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
