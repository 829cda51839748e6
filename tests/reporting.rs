//! `report` as a user meets it: one page about a run or several, whatever is missing.

use crate::support::{Place, WNIDS, write_photos};

/// A small run of the made dataset.
fn train(place: &Place, dataset: &str, out: &str, more: &[&str]) {
    let first = ["train", "--dataset", dataset, "--set", "name=tiny", "--epochs", "2", "--resolution", "32"];
    let rest = ["--batch-size", "8", "--set", "model.stem=8", "--set", "model.widths=[8,8]", "--out", out];
    place.run(&[&first[..], &rest, more].concat()).succeeds();
}

/// What a page must never do: ask for anything, or run anything.
fn stands_alone(page: &str) {
    for address in ["http:", "https:", "<script", "javascript:", "<link", "@import", "url("] {
        assert!(!page.contains(address), "the page has `{address}`");
    }
    assert!(page.contains("default-src 'none'") && page.ends_with("</html>\n"));
    assert!(!page.contains("NaN") && !page.contains("inf\""));
}

#[test]
fn a_run_becomes_a_page_that_needs_nothing_else() {
    let place = Place::with_made_dataset();
    train(&place, "made", "run", &["--set", "mix={ mixup = 0.4 }"]);
    let ended = place.run(&["report", "run"]).succeeds();
    assert_eq!(ended.stdout.trim(), "run/report.html");
    let page = place.read("run/report.html");
    stands_alone(&page);
    for part in [
        "Curves",
        "What it takes for what",
        "Class by class",
        "The network",
        "What the network sees",
        "The recipe",
        "Time",
        "training loss over epochs",
        "top-1 over seconds of training",
        "groups.1",
        "filters of the first layer",
        "imagenette train --recipe run/recipe.toml --dataset made --seed 0",
    ] {
        assert!(page.contains(part), "the page has no `{part}`");
    }
    // Each key is explained from the source of its type, and mixed samples have two labels.
    assert!(
        page.contains("<code>optimizer.momentum</code>") && page.contains("How often every training photo is seen.")
    );
    assert!(page.contains("% + "), "mixed labels are told");
    assert!(!page.contains("Not in this page"));
    let photos = page.matches("data:image/jpeg").count();
    assert!(photos > 24, "{photos} photos");
    // Without photos nothing of the dataset is in the page.
    place.run(&["report", "run", "--no-photos", "--out", "public.html"]).succeeds();
    let public = place.read("public.html");
    stands_alone(&public);
    assert!(!public.contains("data:image/jpeg") && public.contains("Class by class"));
    // A page is complete or absent, and never in the place of something else.
    place.run(&["report", "run", "--out", "no/such/page.html"]).fails_saying(&["no/such", "hint"]);
    place.run(&["report", "nosuch"]).fails_saying(&["nosuch", "imagenette runs FOLDER"]);
    place.run(&["report", "rum"]).fails_saying(&["rum", "did you mean `run`?"]);
    place.run(&["report", "."]).fails_saying(&["expected a run's folder", "imagenette runs FOLDER"]);
}

#[test]
fn a_page_is_made_with_what_is_there_and_says_what_is_not() {
    let place = Place::with_made_dataset();
    train(&place, "made", "run", &[]);
    for (file, missing) in [
        ("probabilities.safetensors", None),
        ("weights.safetensors", Some("its network")),
        ("history.jsonl", Some("no history")),
    ] {
        std::fs::remove_file(place.path("run").join(file)).unwrap();
        let ended = place.run(&["report", "run", "--out", "page.html"]).succeeds();
        let page = place.read("page.html");
        stands_alone(&page);
        match missing {
            // The probabilities are computed from the weights.
            None => assert!(page.contains("confident mistakes") || page.contains("Every photo is right"), "{file}"),
            Some(missing) => {
                assert!(
                    ended.stderr.contains(&format!("not in the page: {missing}")) || ended.stderr.contains(missing)
                );
                assert!(page.contains("Not in this page") && page.contains(missing), "{file}: {missing}");
            }
        }
    }
    std::fs::remove_dir_all(place.path("store/datasets")).unwrap();
    place.run(&["report", "run", "--out", "page.html"]).succeeds();
    let page = place.read("page.html");
    stands_alone(&page);
    assert!(page.contains("is not installed") && page.contains("What it takes for what"));
    // Classes are named as ImageNet names them, without the dataset too.
    assert!(page.contains("tench"));
}

#[test]
fn several_runs_stand_side_by_side() {
    let place = Place::with_made_dataset();
    train(&place, "made", "runs/a", &[]);
    train(&place, "made", "runs/b", &["--seed", "1", "--set", "loss.label_smoothing=0.3"]);
    let ended = place.run(&["report", "runs/a", "runs/b"]).succeeds();
    assert_eq!(ended.stdout.trim(), "report.html");
    let page = place.read("report.html");
    stands_alone(&page);
    assert!(page.contains("2 runs side by side") && page.contains("<code>loss.label_smoothing</code>"));
    assert!(page.contains(&format!("Of {} photos all runs get", 8 * WNIDS.len())));
    let many: Vec<&str> = std::iter::once("report").chain(std::iter::repeat_n("runs/a", 13)).collect();
    place.run(&many).fails_saying(&["at most 12 runs", "imagenette plot"]);
}

#[test]
#[cfg(unix)]
fn names_of_classes_stay_text() {
    let place = Place::new();
    write_photos(&place.path("photos"));
    let names = ["it's &amp; more", &"a".repeat(200), "\u{642}\u{637}\u{629}"];
    for split in ["train", "val"] {
        for (wnid, name) in WNIDS.iter().zip(names) {
            let folder = place.path("photos").join(split);
            std::fs::rename(folder.join(wnid), folder.join(name)).unwrap();
        }
    }
    place.run(&["get", "--from", "photos", "--name", "odd"]).succeeds();
    train(&place, "odd", "run", &[]);
    place.run(&["report", "run"]).succeeds();
    let page = place.read("run/report.html");
    stands_alone(&page);
    assert!(page.contains("it&#39;s &amp;amp; more") && page.contains("\u{642}\u{637}\u{629}"));
}
