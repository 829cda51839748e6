//! Little data as a user meets it: tasks, photos without labels, weights to begin with, and what is refused.

use crate::support::{Ended, Place, TRAIN_EACH, VAL_EACH, WNIDS};

const PHOTOS: usize = TRAIN_EACH * WNIDS.len();
const TINY: &str = "train --dataset made --set name=tiny --resolution 32 --batch-size 8 --set model.stem=8 \
                    --set model.widths=[8,8] --set loss.label_smoothing=0";

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn train(place: &Place, more: &str) -> Ended {
    place.run(&words(&format!("{TINY} {more}")))
}

fn record(place: &Place, run: &str) -> serde_json::Value {
    serde_json::from_str(&place.read(&format!("{run}/record.json"))).unwrap()
}

#[test]
fn tasks_are_listed_shown_and_written_as_tables() {
    let place = Place::with_made_dataset();
    let list = place.run(&["task", "--list"]).succeeds().stdout;
    assert!(
        list.contains("labels-10%") && list.contains("wrong-labels-50%") && list.contains("other-five-1"),
        "{list}"
    );
    assert_eq!(place.run(&["task"]).succeeds().stdout, list);
    let json = place.run(&["task", "--json"]).succeeds().json();
    assert!(json.as_array().unwrap().iter().any(|task| task["name"] == "labels-4" && task["draws"] == 5));
    let shown = place.run(&words("task show labels-4 --dataset made --draw 3 --out list.csv")).succeeds();
    assert!(shown.stdout.contains("12 photos with labels, 4 of each class"), "{}", shown.stdout);
    assert!(shown.stdout.contains(&format!("an epoch draws {PHOTOS}")), "{}", shown.stdout);
    let table = place.read("list.csv");
    let of = |role: &str| table.lines().filter(|line| line.split(',').nth(1) == Some(role)).count();
    assert_eq!((of("labeled"), of("unlabeled"), of("evaluated")), (12, PHOTOS - 12, VAL_EACH * WNIDS.len()));
    let wrong = place.run(&words("task show wrong-labels-25% --dataset made --out wrong.csv --json")).succeeds().json();
    assert_eq!(wrong["photos"]["wrong"], PHOTOS.div_ceil(4));
    let table = place.read("wrong.csv");
    let changed = table.lines().skip(1).filter(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        fields[1] == "labeled" && fields[2] != fields[3]
    });
    assert_eq!(changed.count(), PHOTOS.div_ceil(4));

    place.run(&["task", "show", "label-4"]).misused_saying(&["found `label-4`", "labels-4"]);
    place.run(&words("task show labels-4 --dataset made --draw 9")).misused_saying(&["from 1 to 5", "found 9"]);
    place.run(&words("task show labels-25 --dataset made")).misused_saying(&["25 photos of each class", "found 24 of"]);
    place.run(&words("task show five-classes --dataset made")).misused_saying(&["Imagenette or the drawn set"]);
    place.run(&words("task show labels-4 --out list.csv")).exits_with(2);
}

#[test]
fn a_run_under_a_task_uses_its_labels_alone_and_is_believed() {
    let place = Place::with_made_dataset();
    train(&place, "--task labels-4 --draw 2 --epochs 2 --out few").succeeds();
    let labels = &record(&place, "few")["labels"];
    assert_eq!((&labels["labeled"], &labels["epoch_photos"], &labels["draw"]), (&12.into(), &PHOTOS.into(), &2.into()));
    assert_eq!((&labels["unlabeled"], &labels["task"]), (&0.into(), &"labels-4".into()));
    // As many photos are drawn as train has.
    assert_eq!(record(&place, "few")["samples_drawn"], 2 * PHOTOS);
    train(&place, "--task wrong-labels-50% --epochs 2 --out wrong").succeeds();
    assert_eq!(record(&place, "wrong")["labels"]["wrong"], PHOTOS / 2);
    // Held out are labeled photos of the task alone.
    train(&place, "--task labels-4 --hold-out 0.25 --epochs 1 --out tuning").succeeds();
    let tuning = record(&place, "tuning");
    assert_eq!((&tuning["held_out"]["photos"], &tuning["labels"]["labeled"]), (&3.into(), &9.into()));
    let checked = place.run(&["check", "few", "wrong", "tuning", "--replay"]).succeeds();
    assert!(checked.stdout.contains("nothing fails"), "{}", checked.stdout);
    for run in ["few", "wrong", "tuning"] {
        place.run(&["score", run]).succeeds();
    }
    // Other tasks, and all of the labels, are rows of their own.
    train(&place, "--epochs 2 --out whole").succeeds();
    let rows = place.run(&["runs", "--json", "few", "whole", "wrong"]).succeeds().json();
    assert_eq!(rows["rows"].as_array().unwrap().len(), 3);
    // Trials under several tasks are no comparison, and neither are two sides.
    let sweep = "sweep default --dataset made --set resolution=32 --set evaluation.resolution=32 --set batch_size=8";
    place
        .run(&words(&format!("{sweep} --set task=labels-4,wrong-labels-5%")))
        .misused_saying(&["one task for all trials"]);
    let compare = "compare default --dataset made --base-set resolution=32 --base-set evaluation.resolution=32 \
                   --base-set batch_size=8 --set task=labels-4";
    place.run(&words(compare)).fails_saying(&["one task on both sides", "found no task and `labels-4`, draw 1"]);
    // What the record says of its labels is checked.
    let true_record = place.read("few/record.json");
    for (field, forged) in [
        ("\"labeled\": 12", "\"labeled\": 13"),
        ("\"wrong\": 0", "\"wrong\": 1"),
        ("\"draw\": 2", "\"draw\": 1"),
        ("\"epoch_photos\": 72", "\"epoch_photos\": 144"),
        ("\"teacher_passes\": 0", "\"teacher_passes\": 9"),
        ("\"task\": \"labels-4\"", "\"task\": \"labels-25\""),
    ] {
        assert!(true_record.contains(field), "{field} in {true_record}");
        std::fs::write(place.path("few/record.json"), true_record.replace(field, forged)).unwrap();
        place.run(&["check", "few"]).exits_with(1);
    }
}

#[test]
fn photos_without_labels_are_learned_from_and_the_run_repeats() {
    let place = Place::with_made_dataset();
    let method = "--set unlabeled.kind=fix-match --set unlabeled.ratio=2 --set ema.decay=0.9 --epochs 2";
    train(&place, &format!("--task labels-4 {method} --out semi")).succeeds();
    let semi = record(&place, "semi");
    // 72 photos an epoch: three steps of 8 with labels and 16 without.
    assert_eq!((&semi["steps"], &semi["samples_drawn"]), (&6.into(), &48.into()));
    let labels = &semi["labels"];
    assert_eq!((&labels["unlabeled"], &labels["unlabeled_drawn"]), (&(PHOTOS - 12).into(), &96.into()));
    assert_eq!(labels["teacher_passes"], 96);
    // The same bits with any number of threads, and without what the others do nothing is the same.
    train(&place, &format!("--task labels-4 {method} --threads 1 --out one")).succeeds();
    let weights = |run: &str| place.bytes(&format!("{run}/weights.safetensors"));
    assert_eq!(weights("semi"), weights("one"));
    train(&place, "--task labels-4 --set ema.decay=0.9 --epochs 2 --out supervised").succeeds();
    assert_ne!(weights("semi"), weights("supervised"));
    let checked = place.run(&["check", "semi", "--replay"]).succeeds();
    assert!(!checked.stdout.contains("fails  "), "{}", checked.stdout);

    train(&place, &format!("{method} --out x")).fails_saying(&["photos without labels to learn from", "none in made"]);
    train(&place, &format!("--task labels-4 {method} --set loss.label_smoothing=0.2 --out x"))
        .misused_saying(&["unlabeled.threshold", "loss.label_smoothing=0"]);
    train(&place, &format!("--task labels-4 {method} --set unlabeled.ratio=0 --out x"))
        .misused_saying(&["unlabeled.ratio"]);
    train(&place, &format!("--task labels-4 {method} --set batch_size=64 --out x"))
        .fails_saying(&["labeled photos of an epoch"]);
    train(&place, "--draw 2 --out x").misused_saying(&["draw", "none without a task"]);
    assert!(!place.path("x").exists());
}

#[test]
fn features_are_learned_without_labels_judged_by_neighbors_and_begun_with() {
    let place = Place::with_made_dataset();
    let method = "--set self_supervised.kind=sim-clr --set self_supervised.hidden=16 --set self_supervised.outputs=8";
    let said = train(&place, &format!("--task no-labels {method} --epochs 2 --out bare")).succeeds();
    let line = said.stderr.lines().chain(said.stdout.lines()).find(|line| line.contains("by 20 neighbors"));
    assert!(
        line.is_some_and(|line| line.contains("% by 200, ") && line.contains("by a linear layer")),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains(&format!("{PHOTOS} train photos without labels")), "{}", said.stderr);
    let bare = record(&place, "bare");
    // Nine steps of eight photos, each in two views.
    assert_eq!(
        (&bare["steps"], &bare["samples_drawn"], &bare["version"]),
        (&18.into(), &(2 * PHOTOS).into(), &5.into())
    );
    assert_eq!((&bare["labels"]["labeled"], &bare["labels"]["unlabeled"]), (&0.into(), &PHOTOS.into()));
    assert_eq!(bare["judged"][0]["counts"], bare["result"]);
    assert_eq!(bare["judged"][2]["by"], "linear");
    // Two views cost twice what one does, and what the projection multiplies is counted.
    train(&place, "--epochs 2 --out labeled").succeeds();
    let flop = |run: &str| record(&place, run)["training_flop"].as_f64().unwrap();
    assert!(flop("bare") > 2.0 * flop("labeled"), "{} and {}", flop("bare"), flop("labeled"));
    // No label decides a bit of it: with half of them wrong the features are the same.
    train(&place, &format!("--task wrong-labels-50% {method} --epochs 2 --threads 1 --out wrong")).succeeds();
    let lines = |run: &str| -> Vec<String> {
        let hash = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["weights_sha256"].as_str().map(str::to_owned)
        };
        place.read(&format!("{run}/history.jsonl")).lines().filter_map(hash).collect()
    };
    assert!(lines("bare").len() == 2 && lines("bare") == lines("wrong"));
    assert_ne!(record(&place, "bare")["judged"], record(&place, "wrong")["judged"]);

    let checked = place.run(&["check", "bare", "--replay"]).succeeds();
    assert!(!checked.stdout.contains("fails  "), "{}", checked.stdout);
    // What is kept is a network that tells classes apart by the linear layer.
    let linear = place.run(&["eval", "bare", "--json"]).succeeds().json();
    assert_eq!(linear["correct"], bare["judged"][2]["counts"]["correct"], "{linear}");
    // Held out are photos that are not learned from, judged by the others.
    train(&place, &format!("--task no-labels {method} --epochs 1 --hold-out 0.25 --out tuning")).succeeds();
    let tuning = record(&place, "tuning");
    assert_eq!((&tuning["labels"]["unlabeled"], &tuning["held_out"]["photos"]), (&54.into(), &18.into()));
    place.run(&["score", "tuning"]).succeeds();
    // Few labels may begin with it: its head is drawn anew.
    train(&place, "--task labels-4 --epochs 1 --initial bare --out begun").succeeds();
    train(&place, &format!("--task labels-4 {method} --epochs 1 --initial bare --out on")).succeeds();

    // What looks at single steps and parts takes such recipes too.
    let bench = "bench --train --dataset made --recipe bare/recipe.toml --steps 2 --json";
    assert_eq!(place.run(&words(bench)).succeeds().json()["seconds"].as_array().unwrap().len(), 2);
    place.run(&["check", "bare/recipe.toml"]).succeeds();
    place.run(&words("find-lr bare/recipe.toml --dataset made --steps 20")).succeeds();

    train(&place, "--task no-labels --out x").misused_saying(&["`[self_supervised]`, which learns without"]);
    train(&place, &format!("{method} --set loss.label_smoothing=0.1 --out x"))
        .misused_saying(&["loss.label_smoothing"]);
    train(&place, &format!("{method} --set self_supervised.temperature=0 --out x"))
        .misused_saying(&["self_supervised.temperature", "above 0"]);
    train(&place, &format!("{method} --set mix.cutmix=1 --out x")).misused_saying(&["mix", "which has no labels"]);
    assert!(!place.path("x").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_with_photos_without_labels_goes_on_to_the_same_bits() {
    let place = Place::with_made_dataset();
    let method = "--task labels-4 --set unlabeled.kind=fix-match --set ema.decay=0.9 --epochs 40 --evaluate-every 0";
    train(&place, &format!("{method} --out whole")).succeeds();
    let line = format!("{TINY} {method} --out parts");
    let mut child = place.command(&words(&line)).stderr(std::process::Stdio::null()).spawn().unwrap();
    let begun = std::time::Instant::now();
    while !place.path("parts/checkpoint.safetensors").exists() && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(60));
    child.kill().unwrap();
    child.wait().unwrap();
    if !place.path("parts/record.json").exists() {
        place.run(&["train", "--resume", "parts"]).succeeds();
    }
    assert_eq!(place.bytes("parts/weights.safetensors"), place.bytes("whole/weights.safetensors"));
}

#[test]
fn a_run_begins_where_another_one_ended() {
    let place = Place::with_made_dataset();
    train(&place, "--epochs 2 --out first").succeeds();
    let first = record(&place, "first");
    train(&place, "--initial first --epochs 1 --seed 7 --out second").succeeds();
    let second = record(&place, "second");
    let weights = &first["provenance"]["weights_sha256"];
    assert_eq!(&second["provenance"]["parent"]["weights_sha256"], weights);
    let recipe = place.read("second/recipe.toml");
    assert!(recipe.contains("origin = \"`tiny` on made, 2 epochs"), "{recipe}");
    place.run(&["check", "second", "--replay"]).succeeds();

    // On with a run: the same classes, so the head is kept; everything frozen but the head stays as it was.
    place.run(&["train", "--more", "1", "first", "--dataset", "made", "--out", "more"]).succeeds();
    assert_eq!(record(&place, "more")["epochs"], 1);
    train(&place, "--initial first --set initial.freeze=[\"body\"] --epochs 1 --out frozen").succeeds();
    let learned = |run: &str| record(&place, run)["model"]["parameters"].as_u64().unwrap();
    assert!(learned("frozen") < learned("first") / 2);
    let eval = |run: &str| place.run(&["eval", run, "--json"]).succeeds().json();
    eval("frozen");
    place.run(&["check", "frozen", "more"]).succeeds();
    // A body that learns more slowly ends elsewhere than one that learns as fast as the head.
    train(&place, "--initial first --set initial.body_rate_factor=0.1 --epochs 1 --out slow").succeeds();
    train(&place, "--initial first --epochs 1 --out fast").succeeds();
    assert_ne!(place.bytes("slow/weights.safetensors"), place.bytes("fast/weights.safetensors"));

    // The nearer to the stem, the more slowly; normalizations that stay as they came, or learn in a frozen body.
    train(&place, "--initial first --set initial.layer_rate_decay=0.5 --epochs 1 --out deep").succeeds();
    assert_ne!(place.bytes("deep/weights.safetensors"), place.bytes("fast/weights.safetensors"));
    train(&place, "--initial first --set initial.normalization=frozen --epochs 1 --out norms").succeeds();
    let frozen = "--initial first --set initial.freeze=[\"body\"]";
    train(&place, &format!("{frozen} --set initial.normalization=learned --epochs 1 --out following")).succeeds();
    assert!(learned("frozen") < learned("following") && learned("norms") < learned("first"));
    place.run(&["check", "deep", "norms", "following", "--replay"]).succeeds();

    // What does not fit, and what is none.
    let wider = TINY.replace("[8,8]", "[8,16]");
    place
        .run(&words(&format!("{wider} --initial first --out x")))
        .fails_saying(&["tensors that fit", "do not: `groups.1"]);
    train(&place, "--initial nowhere --out x").fails_saying(&["nowhere"]);
    train(&place, "--initial photos --out x").fails_saying(&["no finished run is here"]);
    train(&place, "--initial first --set initial.freeze=[\"bdoy\"] --out x").fails_saying(&[
        "initial.freeze",
        "`bdoy`",
        "head",
    ]);
    train(&place, "--initial first --set initial.freeze=[\"body\",\"head\"] --out x")
        .fails_saying(&["everything frozen"]);
    place.run(&["train", "--more", "none", "first"]).exits_with(2);
    place.run(&["train", "--more", "1", "photos"]).fails_saying(&["photos: expected a finished run"]);
    // A task's runs may not begin with weights that have seen all labels.
    train(&place, "--initial first --task labels-4 --out x")
        .fails_saying(&["all labels of train", "`labels-4` has others"]);
    train(&place, "--initial first/weights.safetensors --task labels-4 --out x").fails_saying(&["all labels of train"]);
    std::fs::copy(place.path("first/weights.safetensors"), place.path("alone.safetensors")).unwrap();
    train(&place, "--initial alone.safetensors --task labels-4 --out x").fails_saying(&["which labels of `labels-4`"]);
    // Other weights than those that the recipe names.
    std::fs::write(place.path("named.toml"), recipe.replace(weights.as_str().unwrap(), &"0".repeat(64))).unwrap();
    place.run(&words("train --recipe named.toml --dataset made --out x")).fails_saying(&["found others", "hint:"]);
    let mut damaged = place.bytes("first/weights.safetensors");
    let end = damaged.len();
    damaged[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(place.path("nan.safetensors"), &damaged).unwrap();
    train(&place, "--initial nan.safetensors --out x").fails_saying(&["finite numbers", "found NaN in"]);
    std::fs::write(place.path("half.safetensors"), &damaged[..end / 2]).unwrap();
    train(&place, "--initial half.safetensors --out x")
        .fails_saying(&["half.safetensors: expected a whole safetensors file"]);
    assert!(!place.path("x").exists());
}

#[test]
fn photos_of_ones_own_without_labels_are_installed_beside_the_others() {
    let place = Place::with_made_dataset();
    // The same names in two folders, a file that is no photo, and a photo of train among them.
    // The made photos of val are among those of train, by their bytes.
    let bytes = |path: &str| place.bytes(path);
    for (folder, class) in [("more/a", WNIDS[0]), ("more/b/deep", WNIDS[1])] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
        let val = format!("photos/val/{class}");
        let judged: Vec<Vec<u8>> = place.list(&val).iter().map(|name| bytes(&format!("{val}/{name}"))).collect();
        let mut names = place.list(&format!("photos/train/{class}"));
        names.retain(|name| !judged.contains(&bytes(&format!("photos/train/{class}/{name}"))));
        for (number, name) in names.iter().take(6).enumerate() {
            let from = place.path(&format!("photos/train/{class}/{name}"));
            std::fs::copy(from, place.path(&format!("{folder}/{number}.{}", name.rsplit('.').next().unwrap())))
                .unwrap();
        }
    }
    std::fs::write(place.path("more/notes.md"), "found on a walk").unwrap();
    let get = ["get", "--from", "photos", "--unlabeled", "more", "--name", "both"];
    let got = place.run(&get).succeeds();
    assert!(got.stdout.contains("and 12 without labels"), "{}", got.stdout);
    assert!(got.stderr.contains("12 photos of train are among those without labels too"), "{}", got.stderr);
    // British spelling, and the same again.
    let again = place.run(&["get", "--from", "photos", "--unlabelled", "more", "--name", "both"]).succeeds();
    assert!(again.stdout.contains("installed already"), "{}", again.stdout);
    place.run(&["verify", "both", "--deep"]).succeeds();
    let method = "--set unlabeled.kind=fix-match --set ema.decay=0.9 --epochs 2 --out semi";
    place.run(&words(&format!("{} {method}", TINY.replace("made", "both")))).succeeds();
    let labels = &record(&place, "semi")["labels"];
    assert_eq!((&labels["labeled"], &labels["unlabeled"]), (&PHOTOS.into(), &12.into()));
    assert_eq!(labels["epoch_photos"], PHOTOS + 12);
    assert!(labels["task"].is_null());
    place.run(&["check", "semi", "--replay"]).succeeds();

    let val = place.list(&format!("photos/val/{}", WNIDS[2]))[0].clone();
    std::fs::copy(place.path(&format!("photos/val/{}/{val}", WNIDS[2])), place.path("more/found.png")).unwrap();
    let refused = place.run(&["get", "--from", "photos", "--unlabeled", "more", "--name", "leak"]);
    refused.fails_saying(&["photos without labels that val does not hold too", &val, "hint:"]);
    assert!(!place.path("store/datasets/leak").exists());
    std::fs::create_dir(place.path("empty")).unwrap();
    let get = |more| place.run(&["get", "--from", "photos", "--unlabeled", more, "--name", "x"]);
    get("empty").fails_saying(&["empty: expected photos without labels", "found none"]);
    get("nowhere").fails_saying(&["nowhere"]);
}

#[test]
fn in_a_cross_validation_each_labeled_photo_judges_once() {
    let place = Place::with_made_dataset();
    let line = "--folds 3 --epochs 1 --out cv";
    let ended = train(&place, line).succeeds();
    assert!(
        ended.stdout.contains("cross-validated top-1 ") && ended.stdout.contains("of 72 labeled photos"),
        "{}",
        ended.stdout
    );
    let mut judged: Vec<String> = Vec::new();
    for fold in 1..=3 {
        let held_out = &record(&place, &format!("cv/f{fold}"))["held_out"];
        assert_eq!((&held_out["photos"], &held_out["folds"]["fold"]), (&24.into(), &fold.into()));
        let predictions = place.read(&format!("cv/f{fold}/predictions.csv"));
        judged.extend(predictions.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()));
        place.run(&["eval", &format!("cv/f{fold}")]).succeeds();
    }
    judged.sort();
    let photos = judged.len();
    judged.dedup();
    assert_eq!((photos, judged.len()), (PHOTOS, PHOTOS), "each photo once");
    assert!(judged.iter().all(|photo| photo.starts_with("train/")), "{judged:?}");
    place.run(&["check", "cv/f1", "cv/f2", "cv/f3"]).succeeds();
    // Nothing is trained again.
    let again = train(&place, line).succeeds();
    assert_eq!(again.stdout, ended.stdout);
    assert!(!again.stderr.contains("training `tiny`"), "{}", again.stderr);

    // A record that says another fold is refused.
    let text = place.read("cv/f2/record.json");
    std::fs::write(place.path("cv/f2/record.json"), text.replace("\"fold\": 2", "\"fold\": 3")).unwrap();
    let refused = place.run(&["check", "cv/f2"]).exits_with(1);
    assert!(
        refused.stdout.contains("expected fold 2 of 3, as the recipe says, found fold 3 of 3"),
        "{}",
        refused.stdout
    );
    train(&place, "--folds 3 --hold-out 0.1").misused_saying(&["cannot be used with"]);
    train(&place, "--folds 1").misused_saying(&["--folds"]);
    train(&place, "--set folds={of=3,fold=4} --epochs 1").misused_saying(&["fold 4 of 3"]);
    let sweep = "sweep default --dataset made --hold-out 0 --set folds={of=3,fold=1} --set optimizer.momentum=0.8,0.9";
    place.run(&words(sweep)).exits_with(2);
}
