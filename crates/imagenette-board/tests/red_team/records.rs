//! Records and histories beyond what the rules allow, or not of one piece.

use crate::forged::*;

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
