//! Whole runs on a small made dataset: what they leave behind, and that nothing changes their bits.

mod made;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use imagenette_data::edition::Split;
use imagenette_files::Hint;
use imagenette_files::hash::{sha256, sha256_of_file};
use imagenette_recipe::Recipe;
use imagenette_results::history::weights_sha256;
use imagenette_results::probabilities::Probabilities;
use imagenette_results::run_folder::{
    CHECKPOINT_FILE, HISTORY_FILE, PREDICTIONS_FILE, PROBABILITIES_FILE, RECIPE_FILE, RunFolder, WEIGHTS_FILE,
};
use imagenette_results::run_group::Run;
use imagenette_results::{RunRecord, predictions};
use imagenette_train::compute::device::Device;
use imagenette_train::run::evaluation::{EvaluationData, Predicted};
use imagenette_train::run::saved_network::{NetworkSource, SavedNetwork};
use imagenette_train::run::watch::{RunPlan, Silent, StepReport, TrainWatch};
use imagenette_train::study::learning_rate::RangeTest;
use imagenette_train::{Outcome, TrainError, TrainJob, train};
use made::{Made, recipe};

/// Interrupts after so many steps of this sitting.
struct StopAfter(AtomicU64);

impl StopAfter {
    fn steps(count: u64) -> Self {
        Self(AtomicU64::new(count))
    }
}

impl TrainWatch for StopAfter {
    fn step(&self, _: &StepReport) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

#[track_caller]
fn finish(job: &TrainJob) -> RunRecord {
    match train(job, &Silent).expect("a run") {
        Outcome::Finished(record) => *record,
        other => panic!("{other:?}"),
    }
}

fn read_recipe(run: &Path) -> Recipe {
    Recipe::from_toml(&RunFolder::open(run).unwrap().recipe_text().unwrap(), &[]).unwrap()
}

fn bytes(run: &Path, file: &str) -> Vec<u8> {
    std::fs::read(run.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[track_caller]
fn same_bits(one: &Path, other: &Path) {
    assert!(bytes(one, WEIGHTS_FILE) == bytes(other, WEIGHTS_FILE), "the weights differ");
    assert!(bytes(one, PREDICTIONS_FILE) == bytes(other, PREDICTIONS_FILE), "the predictions differ");
    let losses = |run: &Path| {
        let text = String::from_utf8(bytes(run, HISTORY_FILE)).unwrap();
        let loss = |line: &str| line.split("\"loss\":").nth(1).map(|rest| rest.split(',').next().unwrap().to_owned());
        text.lines().filter_map(loss).collect::<Vec<_>>()
    };
    assert_eq!(losses(one), losses(other));
}

/// Our kernels in both precisions, and Burn's own operations.
fn ways() -> [(Device, &'static str); 3] {
    [(Device::cpu(), "f32"), (Device::cpu(), "bf16"), (Device::cpu().with_stock_ops(), "f32")]
}

#[test]
fn a_run_learns_and_its_folder_accounts_for_it() {
    ways().into_iter().for_each(learns_and_accounts_for_it);
}

fn learns_and_accounts_for_it((device, precision): (Device, &str)) {
    let made = Made::new(0);
    let recipe = recipe(&[("epochs", "8"), ("precision", precision)]);
    let mut job = made.job(&recipe, "run");
    job.device = device.clone();
    let record = finish(&job);
    assert_eq!((record.steps, record.samples_drawn, record.epochs), (56, 448, 8));
    assert!(record.result.total == 30 && record.result.correct >= 24, "{:?}", record.result);
    assert!(record.seconds.training > 0.0 && record.seconds.evaluation > 0.0);
    assert!(record.seconds.total >= record.seconds.training + record.seconds.evaluation);
    assert_eq!(RunRecord::read(&job.folder).unwrap(), record);
    assert!(record.environment.device.ends_with(precision), "{}", record.environment.device);
    assert_eq!(record.recipe_sha256, read_recipe(&job.folder).sha256());

    let mut files: Vec<_> = std::fs::read_dir(&job.folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    let expected = [HISTORY_FILE, PREDICTIONS_FILE, PROBABILITIES_FILE, RECIPE_FILE, "record.json", WEIGHTS_FILE];
    assert_eq!(files, expected);

    // The accuracy follows from the predictions alone.
    let manifest = &made.dataset.manifest;
    let truth: Vec<(String, usize)> = manifest
        .samples(Split::Val)
        .into_iter()
        .map(|sample| &manifest.images[sample as usize])
        .map(|image| (manifest.relative_path(image), usize::from(image.label.unwrap())))
        .collect();
    let wnids: Vec<String> = manifest.classes.iter().map(|class| class.wnid.clone()).collect();
    let path = job.folder.join(PREDICTIONS_FILE);
    let written = predictions::read(&path).unwrap();
    let score = predictions::score(&path, &written, &truth, &wnids).unwrap();
    assert_eq!(score.correct, record.result.correct);

    // The saved network says the same again, and for a single photo too.
    let network =
        SavedNetwork::of_run(&RunFolder::open(&job.folder).unwrap(), &device, &job.parts, NetworkSource::OfRun)
            .unwrap();
    let data = EvaluationData::new(&made.dataset, made.packed.clone(), network.head.evaluation, 2);
    let predicted = data.predict(&network.model, &network.weights, network.device(), &Silent).unwrap();
    assert_eq!(data.name(&predicted, &made.dataset), written);
    // It is as sure as it was, and its run says how sure that is.
    let path = job.folder.join(PROBABILITIES_FILE);
    let provenance = record.provenance.as_ref().unwrap();
    let known = Probabilities::read(&path).unwrap();
    assert_eq!(provenance.probabilities_sha256, Some(sha256_of_file(&path).unwrap()));
    let again = predicted.as_file(&path, &made.dataset, &written, &provenance.predictions_sha256).unwrap().unwrap();
    assert_eq!(known, again);
    assert_eq!((known.rows().len(), known.classes()), (written.len(), &wnids[..]));
    let sureness = known.sureness(&path, &written).unwrap();
    assert!(sureness.cross_entropy > 0.0 && sureness.right_probability < 1.0, "{sureness:?}");
    // A network whose scores are no numbers has predictions and no probabilities.
    let broken = Predicted { probabilities: Vec::new(), ..predicted };
    assert_eq!(broken.as_file(&path, &made.dataset, &written, "").unwrap(), None);
    let photo = made.dataset.path_of(manifest.samples(Split::Val)[0]);
    let probabilities = network.predict(&photo).unwrap();
    // Alone a photo gets what it got among others, but for the rounding of float16.
    let row = known.rows().next().unwrap();
    assert!(row.iter().zip(&probabilities).all(|(known, alone)| (f64::from(*known) - alone).abs() < 2e-3), "{row:?}");
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let best = (0..3).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap();
    assert_eq!(manifest.classes[best].wnid, written[0].class);
    assert!(network.predict(&job.folder.join(RECIPE_FILE)).is_err(), "text is not a photo");
}

#[test]
fn the_same_run_has_the_same_bits_with_one_thread_and_with_two() {
    let made = Made::new(0);
    // Wide enough that products and convolutions are split over the threads.
    let muon = "{ kind = 'muon', learning_rate = 0.05, rest = { kind = 'sgd', learning_rate = 0.05 } }";
    let optimizers = [None, Some(("optimizer", muon))];
    for ((device, precision), optimizer) in
        ways().into_iter().flat_map(|way| optimizers.map(|other| (way.clone(), other)))
    {
        let wide = [("model.widths", "[32, 64]"), ("epochs", "1"), ("batch_size", "20"), ("precision", precision)];
        let recipe = recipe(&wide.into_iter().chain(optimizer).collect::<Vec<_>>());
        let name = |threads| format!("{} {precision} {threads} {}", device.ops(), &recipe.sha256()[..6]);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut job = made.job(&recipe, &name(threads));
            (job.loader_threads, job.device) = (threads, device.clone());
            pool.install(|| finish(&job));
        }
        let run = |threads| made.run(&name(threads));
        same_bits(&run(1), &run(2));
    }
}

#[test]
fn a_resumed_run_ends_in_the_bits_of_an_uninterrupted_one() {
    let made = Made::new(0);
    let adamw = ("optimizer", "{ kind = \"adamw\", learning_rate = 0.01 }");
    let (kernels, stock) = (Device::cpu(), Device::cpu().with_stock_ops());
    for (kind, overrides, device) in [
        ("sgd", &[][..], &kernels),
        ("sgd in bf16", &[("precision", "bf16")], &kernels),
        ("adamw with an average", &[adamw, ("ema.decay", "0.9")], &kernels),
        ("sgd with an average by stock operations", &[("ema.decay", "0.9")], &stock),
    ] {
        let recipe = recipe(overrides);
        let mut whole = made.job(&recipe, &format!("whole {kind}"));
        whole.device = device.clone();
        finish(&whole);
        // In the middle of an epoch, at its end, right after the start, and before the last evaluation.
        for (number, sittings) in [&[3][..], &[7, 5, 1], &[21], &[1, 1]].into_iter().enumerate() {
            let mut job = made.job(&recipe, &format!("{kind} {number}"));
            (job.evaluate_every, job.device) = (1, device.clone());
            let mut done = 0;
            for &steps in sittings {
                done += steps;
                let outcome = train(&job, &StopAfter::steps(steps)).unwrap();
                assert_eq!(outcome, Outcome::Interrupted { step: done, steps: 21 });
                (job.resume, job.loader_threads) = (true, 3);
            }
            let record = finish(&job);
            assert_eq!(record.resumed, sittings.len() as u32);
            assert_eq!(record.by_epoch.iter().map(|known| known.epoch).collect::<Vec<_>>(), [1, 2, 3]);
            same_bits(&whole.folder, &job.folder);
        }
    }
}

/// Every option that has state, draws by chance or changes on the way.
const OPTIONS: [(&str, &[(&str, &str)]); 10] = [
    ("ranger", &[("optimizer", "{ kind = 'ranger', learning_rate = 0.02, lookahead_every = 4 }")]),
    (
        "muon",
        &[("optimizer", "{ kind = 'muon', learning_rate = 0.05, rest = { kind = 'adamw', learning_rate = 0.01 } }")],
    ),
    ("steady lookahead", &[("lookahead", "{ kind = 'steady', every = 4 }")]),
    ("rising lookahead", &[("lookahead", "{ kind = 'rising', every = 4 }")]),
    ("late average", &[("ema", "{ decay = 0.9, from = 0.4 }")]),
    (
        "erasing, mixing and selection",
        &[
            ("erase", "{ probability = 0.5, until = 0.8 }"),
            ("mix", "{ mixup = 0.2, cutmix = 1.0, until = 0.6 }"),
            ("selection", "{ keep = 0.5, from = 0.3 }"),
        ],
    ),
    (
        "stages",
        &[(
            "resolution",
            "[{ from = 0.0, px = 24, batch_size = 12 }, { from = 0.5, px = 32, crop = { kind = 'light', scale = 1.25 } }]",
        )],
    ),
    (
        "stochastic depth",
        &[(
            "model",
            "{ kind = 'fast', stem = 6, stem_patch_px = 2, widths = [8, 16], depths = [1, 2], residual = true, \
             pool = 'max-blur', stochastic_depth = 0.5, activation = 'mish' }",
        )],
    ),
    ("a learned stem", &[("model.stem_weights", "'learned'"), ("model.initial_weights", "'he-normal'")]),
    ("held-out photos", &[("hold_out", "0.2")]),
];

#[test]
fn every_option_resumes_to_the_same_bits() {
    let made = Made::new(0);
    for (kind, overrides) in OPTIONS {
        let recipe = recipe(overrides);
        let whole = made.job(&recipe, &format!("whole {kind}"));
        let record = finish(&whole);
        let mut job = made.job(&recipe, kind);
        for steps in [5, 9] {
            assert!(matches!(train(&job, &StopAfter::steps(steps)).unwrap(), Outcome::Interrupted { .. }), "{kind}");
            job.resume = true;
        }
        assert_eq!(finish(&job).samples_drawn, record.samples_drawn, "{kind}");
        same_bits(&whole.folder, &job.folder);
    }
}

#[test]
fn uneven_classes_are_balanced_and_a_resumed_run_ends_in_the_same_bits() {
    let made = Made::of([40, 20, 6], 0);
    let (sampler, weights) = (("sampler", "balanced"), ("loss.class_weights", "balanced"));
    let mut losses = Vec::new();
    for (kind, overrides) in [
        ("plain", &[][..]),
        ("sampler", &[sampler]),
        ("weights", &[weights]),
        (
            "both, held out and mixed",
            &[sampler, weights, ("hold_out", "0.2"), ("mix", "{ mixup = 0.2, cutmix = 1.0 }")],
        ),
    ] {
        let recipe = recipe(overrides);
        let whole = made.job(&recipe, &format!("whole {kind}"));
        let record = finish(&whole);
        let mut job = made.job(&recipe, kind);
        for steps in [5, 9] {
            assert!(matches!(train(&job, &StopAfter::steps(steps)).unwrap(), Outcome::Interrupted { .. }), "{kind}");
            (job.resume, job.loader_threads) = (true, 2);
        }
        assert_eq!(finish(&job).samples_drawn, record.samples_drawn, "{kind}");
        same_bits(&whole.folder, &job.folder);
        losses.push(bytes(&whole.folder, HISTORY_FILE));
    }
    losses.dedup();
    assert_eq!(losses.len(), 4, "each way is another run");
}

#[test]
fn every_option_learns_and_is_accounted_for() {
    let made = Made::new(0);
    let plain = finish(&made.job(&recipe(&[("epochs", "6")]), "plain"));
    let flop = plain.training_flop.unwrap();
    assert!(plain.model.multiply_adds.is_some_and(|count| count > 10_000), "{:?}", plain.model);
    for (kind, overrides) in OPTIONS {
        let recipe = recipe(&[overrides, &[("epochs", "6")]].concat());
        let record = finish(&made.job(&recipe, kind));
        // Thirds would be right by chance.
        let least = if kind == "held-out photos" { 6 } else { 15 };
        assert!(record.result.correct >= least, "{kind}: {:?}", record.result);
        match kind {
            "held-out photos" => {
                assert_eq!(record.held_out.map(|held_out| held_out.photos), Some(12));
                assert_eq!(record.result.total, 12);
                assert_eq!(record.samples_drawn, 6 * 48);
            }
            "stages" => assert_eq!(record.samples_drawn, 3 * 60 + 3 * 56),
            // Rows and columns of the convolutions as matrices, all of them long: two products of theirs, and of five
            // iterations five squares, four products of factors and eight that make the next square.
            "muon" => {
                let products = [(8, 72), (8, 72), (16, 72), (16, 144)]
                    .map(|(rows, columns)| rows * rows * (2 * columns + 17 * rows));
                let update = 2 * products.iter().sum::<u64>();
                assert_eq!(record.training_flop, Some(flop + (record.steps * update) as f64));
                assert_eq!(record.samples_drawn, plain.samples_drawn);
            }
            // What selection looks at but does not learn from costs a forward pass and counts as drawn.
            "erasing, mixing and selection" => {
                assert_eq!(record.samples_drawn, plain.samples_drawn);
                let saved = record.training_flop.unwrap() / flop;
                assert!((0.8..0.95).contains(&saved), "{saved}");
            }
            _ => assert_eq!(record.samples_drawn, plain.samples_drawn, "{kind}"),
        }
    }
}

#[test]
fn a_range_test_finds_rates_that_learn_and_rates_that_diverge() {
    let made = Made::new(0);
    let job = made.job(&recipe(&[]), "never written");
    let result = RangeTest { lowest: 1e-4, highest: 100.0, steps: 60 }.run(&job, &Silent).unwrap();
    assert!(result.points.len() >= 20 && result.points.windows(2).all(|pair| pair[0].rate < pair[1].rate));
    assert!((result.points[0].rate / 1e-4 - 1.0).abs() < 0.15, "{:?}", result.points[0]);
    let [suggestion] = result.suggestions.as_slice() else { panic!("the loss falls somewhere: {result:?}") };
    assert!(suggestion.key == "optimizer.learning_rate" && (1e-4..1.0).contains(&suggestion.rate), "{suggestion:?}");
    assert!(!job.folder.exists());
    assert!(RangeTest { lowest: 1.0, highest: 0.1, steps: 60 }.run(&job, &Silent).is_err());
}

#[test]
fn a_range_test_suggests_every_rate_that_it_scaled() {
    let made = Made::new(0);
    let muon = "{ kind = 'muon', learning_rate = 0.05, rest = { kind = 'sgd', learning_rate = 0.2 } }";
    let job = made.job(&recipe(&[("optimizer", muon)]), "never written");
    let result = RangeTest { lowest: 1e-4, highest: 1.0, steps: 40 }.run(&job, &Silent).unwrap();
    let [muon, rest] = result.suggestions.as_slice() else { panic!("{:?}", result.suggestions) };
    assert_eq!((muon.key.as_str(), rest.key.as_str()), ("optimizer.learning_rate", "optimizer.rest.learning_rate"));
    assert!((rest.rate / muon.rate / 4.0 - 1.0).abs() < 1e-9, "they keep the recipe's ratio: {muon:?} {rest:?}");
    // What is suggested can be trained as it is typed.
    let set: Vec<(String, String)> =
        result.suggestions.iter().map(|found| (found.key.clone(), format!("{:.2e}", found.rate))).collect();
    let changed = job.recipe.with_overrides(&set, job.parts.as_ref()).unwrap();
    let rates: Vec<f64> = changed.optimizer.learning_rates().into_iter().map(|(_, rate)| rate).collect();
    assert!((rates[0] / muon.rate - 1.0).abs() < 0.01 && (rates[1] / rest.rate - 1.0).abs() < 0.01, "{rates:?}");
}

#[test]
fn a_run_that_was_interrupted_while_it_was_evaluated_is_evaluated_again() {
    struct StopWhileEvaluated;
    impl TrainWatch for StopWhileEvaluated {
        fn begin(&self, plan: &RunPlan) {
            assert_eq!(plan.done_steps, 21);
        }
        fn interrupted(&self) -> bool {
            true
        }
    }
    let made = Made::new(0);
    let recipe = recipe(&[]);
    let whole = made.job(&recipe, "whole");
    finish(&whole);
    let mut job = made.job(&recipe, "evaluated twice");
    train(&job, &StopAfter::steps(21)).unwrap();
    job.resume = true;
    assert_eq!(train(&job, &StopWhileEvaluated).unwrap(), Outcome::Interrupted { step: 21, steps: 21 });
    finish(&job);
    same_bits(&whole.folder, &job.folder);
}

#[test]
fn a_checkpoint_of_another_recipe_dataset_or_seed_is_refused() {
    let made = Made::new(0);
    let mut job = made.job(&recipe(&[]), "run");
    train(&job, &StopAfter::steps(2)).unwrap();
    job.resume = true;
    let refused = |job: &TrainJob, what: &str| {
        let error = train(job, &Silent).unwrap_err();
        assert!(matches!(error, TrainError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(&format!("another {what}")), "{error}");
        assert!(error.hint().is_some());
    };
    let mut other = job.clone();
    other.recipe = recipe(&[("optimizer.learning_rate", "0.01")]);
    refused(&other, "recipe");
    let other_photos = Made::new(1);
    other = job.clone();
    (other.dataset, other.packed) = (&other_photos.dataset, other_photos.packed.clone());
    refused(&other, "dataset");
    other = job.clone();
    other.seed += 1;
    refused(&other, "seed");
    finish(&job);
}

#[test]
fn a_run_whose_recipe_an_earlier_program_wrote_is_resumed_and_keeps_its_recipe() {
    let made = Made::new(0);
    let whole = made.job(&recipe(&[]), "whole");
    finish(&whole);
    let mut job = made.job(&recipe(&[]), "run");
    train(&job, &StopAfter::steps(2)).unwrap();
    let (path, checkpoint) = (job.folder.join(RECIPE_FILE), job.folder.join(CHECKPOINT_FILE));
    let text = std::fs::read_to_string(&path).unwrap();
    let old = text.replace("normalization_", "normalisation_").replace("learned_gain", "learned_scale");
    assert_ne!(old, text);
    let bytes = std::fs::read(&checkpoint).unwrap();
    let begin = bytes.windows(64).position(|window| window == sha256(&text).as_bytes()).expect("it names its recipe");
    let mut changed = bytes.clone();
    changed[begin..begin + 64].copy_from_slice(sha256(&old).as_bytes());
    std::fs::write(&checkpoint, sealed(&changed)).unwrap();
    std::fs::write(&path, &old).unwrap();
    (job.recipe, job.resume) = (read_recipe(&job.folder), true);
    let record = finish(&job);
    assert_eq!(record.recipe_sha256, sha256(&old), "the record names the text that lies beside it");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), old);
    same_bits(&whole.folder, &job.folder);
}

#[test]
fn a_truncated_or_missing_checkpoint_is_refused_and_a_finished_run_is_not_resumed() {
    let made = Made::new(0);
    let mut job = made.job(&recipe(&[]), "run");
    job.resume = true;
    assert!(matches!(train(&job, &Silent), Err(TrainError::Results(_))), "no run is there");
    job.resume = false;
    train(&job, &StopAfter::steps(2)).unwrap();
    let path = job.folder.join(CHECKPOINT_FILE);
    let whole = std::fs::read(&path).unwrap();
    job.resume = true;
    for length in [0, 5, 200, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = train(&job, &Silent).unwrap_err();
        assert!(matches!(error, TrainError::Malformed { .. }), "{length}: {error}");
    }
    // Of another version: its head says so, whatever else it says.
    let place = whole.windows(11).position(|window| window == b"\"version\\\":").expect("the head has a version") + 11;
    for (version, hint) in [(b'2', "older imagenette"), (b'4', "newer imagenette")] {
        let mut other = whole.clone();
        assert_eq!(std::mem::replace(&mut other[place], version), b'3');
        std::fs::write(&path, &other).unwrap();
        let error = train(&job, &Silent).unwrap_err();
        assert!(error.to_string().contains("expected imagenette-checkpoint version 3, found"), "{error}");
        assert!(error.hint().is_some_and(|found| found.contains(hint)), "{:?}", error.hint());
    }
    std::fs::write(&path, &whole).unwrap();
    finish(&job);
    let error = train(&job, &Silent).unwrap_err();
    assert!(error.to_string().contains("finished"), "{error}");
}

/// A checkpoint whose description was changed, with the checksum that goes with it: what a forger would do, and computed as
/// `docs/formats.md` says.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (header, data) = bytes[8..].split_at(length);
    let header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let text = header["__metadata__"]["imagenette"].as_str().unwrap();
    let (rest, sum) = text.strip_suffix("\"}").unwrap().rsplit_once('"').unwrap();
    let mut tensors = Vec::new();
    for (name, tensor) in header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__") {
        let numbers = |key: &str| -> Vec<usize> { serde_json::from_value(tensor[key].clone()).unwrap() };
        let (place, shape) = (numbers("data_offsets"), numbers("shape"));
        let values = data[place[0]..place[1]].chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
        tensors.push((name.as_str(), shape, values.collect::<Vec<f32>>()));
    }
    tensors.sort_by_key(|(name, _, _)| *name);
    let of_tensors = weights_sha256(tensors.iter().map(|(name, shape, values)| (*name, &shape[..], &values[..])));
    let found = sha256(format!("{rest}\"\"}}{of_tensors}"));
    let place = bytes.windows(64).position(|window| window == sum.as_bytes()).unwrap();
    let mut sealed = bytes.to_vec();
    sealed[place..place + 64].copy_from_slice(found.as_bytes());
    sealed
}

#[test]
fn a_checkpoint_with_a_forged_step_is_refused_even_where_its_checksum_is_right() {
    let made = Made::new(0);
    let mut job = made.job(&recipe(&[]), "run");
    train(&job, &StopAfter::steps(2)).unwrap();
    let path = job.folder.join(CHECKPOINT_FILE);
    let whole = std::fs::read(&path).unwrap();
    assert!(sealed(&whole) == whole, "the checksum is as it is described");
    let mark = b"\\\"step\\\":2,\\\"started";
    let place = whole.windows(mark.len()).position(|window| window == mark).unwrap() + 9;
    let mut forged = whole.clone();
    assert_eq!(std::mem::replace(&mut forged[place], b'9'), b'2');
    job.resume = true;
    for (bytes, said) in
        [(forged.clone(), "matches its checksum"), (sealed(&forged), "that its history and its attempts")]
    {
        std::fs::write(&path, bytes).unwrap();
        let error = train(&job, &Silent).unwrap_err();
        assert!(error.to_string().contains(said) && error.hint().is_some(), "{error}");
    }
}

#[test]
fn the_chain_of_a_resumed_run_is_that_of_an_uninterrupted_one_and_another_seed_has_another() {
    let made = Made::new(0);
    let chain = |name: &str, seed: u64, sittings: &[u64]| {
        let mut job = made.job(&recipe(&[]), name);
        (job.seed, job.evaluate_every) = (seed, 1);
        for &steps in sittings {
            train(&job, &StopAfter::steps(steps)).unwrap();
            (job.resume, job.loader_threads) = (true, 3);
        }
        let provenance = finish(&job).provenance.expect("version 2 has it");
        Run::read(&job.folder).expect("all of it belongs together");
        (provenance.chain, provenance.initial_weights_sha256)
    };
    let whole = chain("whole", 3, &[]);
    for (number, sittings) in [&[3][..], &[7, 5, 1], &[20]].into_iter().enumerate() {
        assert_eq!(chain(&number.to_string(), 3, sittings), whole, "{sittings:?}");
    }
    let other = chain("other", 4, &[]);
    assert!(other.0 != whole.0 && other.1 != whole.1);
}

#[test]
fn a_run_goes_on_to_other_bits_only_when_told_to_and_its_record_says_so() {
    let made = Made::new(0);
    let mut job = made.job(&recipe(&[("precision", "f32")]), "run");
    train(&job, &StopAfter::steps(2)).unwrap();
    (job.resume, job.device) = (true, job.device.with_stock_ops());
    let error = train(&job, &Silent).unwrap_err();
    let TrainError::OtherBits { changes, .. } = &error else { panic!("{error}") };
    assert!(changes.iter().any(|change| change == "operations: kernels → stock"), "{changes:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("--changed-machine")));
    job.changed_machine = true;
    let record = finish(&job);
    let provenance = record.provenance.expect("version 2 has it");
    assert!(provenance.changed_machine);
    let attempts: Vec<_> = provenance.attempts.iter().map(|attempt| attempt.arithmetic.ops.clone()).collect();
    assert_eq!(attempts, ["kernels", "stock"]);
    let run = Run::read(&job.folder).expect("all of it belongs together");
    assert!(run.is_counted && run.check_weights().unwrap());
}

#[test]
fn a_run_does_not_begin_where_something_is_already() {
    let made = Made::new(0);
    let job = made.job(&recipe(&[]), "run");
    train(&job, &StopAfter::steps(1)).unwrap();
    let error = train(&job, &Silent).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("--resume")), "{error}");
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_at_its_step() {
    let made = Made::new(0);
    let job = made.job(&recipe(&[("optimizer.learning_rate", "1e30")]), "run");
    let error = train(&job, &Silent).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { step: 2..=4, epoch: 1, .. }), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("optimizer.learning_rate")));
}

#[test]
fn a_recipe_that_does_not_fit_the_photos_is_refused_before_anything_is_written() {
    let made = Made::new(0);
    for (key, value, expected) in [
        // Photos of one's own may be enlarged, 40 px to 16 times as many.
        ("resolution", "672", "at most 640 px"),
        ("evaluation.resolution", "641", "at most 640 px"),
        ("batch_size", "61", "at most the 60 photos"),
    ] {
        let job = made.job(&recipe(&[(key, value)]), "run");
        let error = train(&job, &Silent).unwrap_err();
        assert!(error.to_string().contains(key) && error.to_string().contains(expected), "{error}");
        assert!(!job.folder.exists());
    }
}

#[test]
fn a_residual_network_trains_and_comes_back_from_its_file() {
    let made = Made::new(0);
    let model = ("model", "{ kind = \"xresnet\", depth = 18 }");
    let recipe = recipe(&[model, ("resolution", "32"), ("epochs", "1"), ("batch_size", "20")]);
    let job = made.job(&recipe, "run");
    let record = finish(&job);
    assert_eq!(record.model.name, "xresnet18");
    let network =
        SavedNetwork::of_run(&RunFolder::open(&job.folder).unwrap(), &Device::cpu(), &job.parts, NetworkSource::OfRun)
            .unwrap();
    let data = EvaluationData::new(&made.dataset, made.packed.clone(), network.head.evaluation, 1);
    let predicted = data.predict(&network.model, &network.weights, network.device(), &Silent).unwrap();
    assert_eq!(data.count(&predicted), record.result);
}

#[cfg(unix)]
mod full_disk {
    use super::*;

    const RUN: &str = "IMAGENETTE_TEST_RUN";
    /// The checkpoint is larger than the packed photos, which the child makes for itself.
    const LARGE: (&str, &str) = ("model.widths", "[64, 64]");
    const NAME: &str = "full_disk::a_full_disk_stops_the_run_and_keeps_the_earlier_checkpoint";

    /// The child: goes on with the run in the folder under a limit on the size of files, as on a full disk.
    fn go_on(made: &Made, run: &Path) {
        let mut job = made.job(&recipe(&[LARGE]), "unused");
        (job.folder, job.resume) = (run.to_owned(), true);
        let error = train(&job, &Silent).unwrap_err();
        assert!(error.to_string().contains("failed to write"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("disk space")), "{error}");
    }

    #[test]
    fn a_full_disk_stops_the_run_and_keeps_the_earlier_checkpoint() {
        let made = Made::new(0);
        if let Some(run) = std::env::var_os(RUN) {
            return go_on(&made, Path::new(&run));
        }
        let mut job = made.job(&recipe(&[LARGE]), "run");
        train(&job, &StopAfter::steps(2)).unwrap();
        let before = bytes(&job.folder, CHECKPOINT_FILE);
        // One block less than the checkpoint needs (of 512 or 1,024 bytes); a write beyond fails instead of a signal.
        let blocks = before.len() / 1024 - 1;
        let child = std::process::Command::new("sh")
            .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" --exact {NAME}")])
            .arg(std::env::current_exe().unwrap())
            .env(RUN, &job.folder)
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert!(before == bytes(&job.folder, CHECKPOINT_FILE), "the earlier checkpoint stays");
        job.resume = true;
        finish(&job);
    }
}
