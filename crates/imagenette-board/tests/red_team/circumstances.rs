//! Photos, engines, clocks and machines that are others than they are said to be.

use crate::forged::*;

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
