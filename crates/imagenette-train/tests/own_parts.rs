//! Parts from elsewhere: they are trained with, accounted for and resumed like shipped ones, and what they do wrong is said
//! by name.

mod made;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::Tensor;
use imagenette_data::augment::OwnAugmentation;
use imagenette_data::random::Random;
use imagenette_files::Hint;
use imagenette_recipe::{PartKind, Recipe};
use imagenette_results::run_folder::{RunFolder, SOURCE_FILE};
use imagenette_train::compute::device::Device;
use imagenette_train::compute::weights::{Layout, Slot};
use imagenette_train::learn::own::{Judged, OwnLoss, OwnMethod, OwnSchedule, OwnSelection, TwoStreams};
use imagenette_train::model::layers::{Linear, Pass};
use imagenette_train::model::own::{OwnModel, OwnNetwork};
use imagenette_train::ops::{self, Curve, Maps, TensorActivation};
use imagenette_train::optimizer::own::{Now, OwnOptimizer};
use imagenette_train::parts::{Parts, Source};
use imagenette_train::run::saved_network::{NetworkSource, SavedNetwork};
use imagenette_train::run::unfinished;
use imagenette_train::run::watch::{Silent, StepReport, TrainWatch};
use imagenette_train::study::promises;
use imagenette_train::{Outcome, TrainError, TrainJob, train};
use made::{Made, recipe};
use serde::{Deserialize, Serialize};

/// Settings by which parts of these tests do something wrong.
macro_rules! settings {
    ($($name:ident),*) => {
        $(
            #[derive(Debug, Default, Serialize, Deserialize)]
            #[serde(default)]
            struct $name {
                learning_rate: f64,
                wrong: String,
            }
        )*
    };
}
settings!(Bent, Sharp, Rounded, Shifting, Falling, Painted, Middle, Consistent);

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Colors {
    smallest_px: u32,
    outputs: usize,
    unused: bool,
}

impl Default for Colors {
    fn default() -> Self {
        Self { smallest_px: 1, outputs: 0, unused: false }
    }
}

impl Curve for Bent {
    fn validate(&self) -> Result<(), String> {
        assert!(self.wrong != "panic", "cannot check this");
        if self.wrong == "settings" { Err("settings that bend nothing".into()) } else { Ok(()) }
    }
    fn value(&self, x: f32) -> f32 {
        x.max(0.1 * x)
    }
    fn slope(&self, x: f32) -> f32 {
        assert!(self.wrong != "slope", "no slope here");
        let slope = if x > 0.0 { 1.0 } else { 0.1 };
        match self.wrong.as_str() {
            "half" => 0.5 * slope,
            "nearly" => 1.02 * slope,
            _ => slope,
        }
    }
}

impl TensorActivation for Sharp {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if self.wrong == "shape" { x.narrow(2, 0, 1) } else { x.clone() * x }
    }
}

impl OwnLoss for Rounded {
    fn loss(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let squares = (scores - targets).powi_scalar(2);
        match self.wrong.as_str() {
            "shape" => squares.clone().sum_dim(1).reshape([squares.dims()[0]]),
            "panic" => panic!("no loss today"),
            _ => squares.mean(),
        }
    }
}

impl OwnOptimizer for Shifting {
    fn states(&self, slot: &Slot) -> Vec<Vec<usize>> {
        // One of the tensor's shape and one of another.
        vec![slot.shape.clone(), vec![2, 3]]
    }
    fn update(&self, now: &Now, weight: Tensor<1>, gradient: Tensor<1>, states: &mut [Tensor<1>]) -> Tensor<1> {
        states[0] = states[0].clone() * 0.8 + gradient;
        states[1] = states[1].clone() + 1.0;
        match self.wrong.as_str() {
            "state" if now.step == 2 => states[1] = states[0].clone(),
            "weight" => return weight.narrow(0, 0, 1),
            // What must be in a state is kept beside them.
            "kept" => {
                static UPDATES: AtomicU64 = AtomicU64::new(0);
                return weight * (1.0 - 1e-6 * (UPDATES.fetch_add(1, Ordering::Relaxed) % 7) as f64);
            }
            _ => {}
        }
        weight - states[0].clone() * now.rate
    }
}

impl OwnSchedule for Falling {
    fn factor(&self, progress: f64) -> f64 {
        match self.wrong.as_str() {
            "negative" => 0.5 - progress,
            "panic" => panic!("no factor"),
            _ => 1.0 - progress,
        }
    }
}

impl OwnAugmentation for Painted {
    fn change(&self, rgb: &mut [u8], side_px: usize, random: &mut Random) {
        assert_eq!(rgb.len(), side_px * side_px * 3);
        assert!(self.wrong != "panic", "out of paint");
        rgb[random.below(rgb.len() as u32) as usize] = 255;
    }
}

impl OwnSelection for Middle {
    fn select(&self, batch: &Judged, count: usize, random: &mut Random) -> Vec<usize> {
        if self.wrong == "places" {
            return vec![batch.losses.len()];
        }
        let mut places: Vec<usize> = (0..batch.losses.len()).collect();
        random.shuffle(&mut places);
        places.truncate(count);
        places
    }
}

impl OwnMethod for Consistent {
    fn loss(&self, step: TwoStreams) -> Tensor<1> {
        let [few, classes] = step.labeled.dims();
        assert_eq!(step.targets.dims(), [few, classes]);
        assert_eq!(step.strong.dims(), step.teacher.dims());
        // Two photos without a label for each one with, and targets that sum to 1.
        assert_eq!(step.teacher.dims(), [2 * few, classes]);
        assert!((0.0..1.0).contains(&step.progress));
        assert!(self.wrong != "panic", "nothing to teach");
        let right = (step.labeled - step.targets).powi_scalar(2).mean();
        let apart = (step.strong - step.teacher).powi_scalar(2);
        if self.wrong == "shape" { apart.sum_dim(1).reshape([2 * few]) } else { right + apart.mean() * 0.5 }
    }
}

impl OwnModel for Colors {
    fn build(&self, classes: usize, layout: &mut Layout) -> Box<dyn OwnNetwork> {
        let outputs = if self.outputs == 0 { classes } else { self.outputs };
        if self.unused {
            Linear::new(layout, "spare", 3, 3, false);
        }
        Box::new(Means(Linear::new(layout, "head", 3, outputs, true)))
    }
    fn smallest_resolution_px(&self) -> u32 {
        self.smallest_px
    }
}

#[derive(Debug)]
struct Means(Linear);

impl OwnNetwork for Means {
    fn forward(&self, pass: &mut Pass, photos: Maps) -> Tensor<2> {
        self.0.forward(pass, ops::global_average_pool(photos))
    }
}

/// A program's parts, of a source.
fn parts(source: &str) -> Arc<Parts> {
    let source = Source { crate_name: "tests".into(), version: "1.2.3".into(), text: source.into() };
    let parts = Parts::shipped()
        .activation::<Bent>("bent")
        .tensor_activation::<Sharp>("sharp")
        .loss::<Rounded>("rounded")
        .optimizer::<Shifting>("shifting")
        .schedule::<Falling>("falling")
        .augmentation::<Painted>("painted")
        .model::<Colors>("colors")
        .selection::<Middle>("middle")
        .method::<Consistent>("consistent");
    parts.check_names().expect("names that are free");
    Arc::new(parts.from_source(source))
}

fn with(overrides: &[(&str, &str)], parts: &Parts) -> imagenette_recipe::error::Result<Recipe> {
    let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    recipe(&[]).with_overrides(&overrides, parts)
}

/// One of each kind but the model.
const ALL: [(&str, &str); 6] = [
    ("model.activation", "bent"),
    ("loss", "{ kind = 'rounded', label_smoothing = 0.1 }"),
    ("optimizer", "{ kind = 'shifting', learning_rate = 0.02 }"),
    ("schedule.kind", "falling"),
    ("augmentation", "[{ kind = 'painted' }]"),
    ("selection", "{ kind = 'middle', keep = 0.5, until = 0.8 }"),
];

/// Without what the shipped schedule of the recipe has.
fn all(parts: &Parts) -> Recipe {
    let mut settings = ALL;
    settings[3] = ("schedule", "{ kind = 'falling' }");
    with(&settings, parts).unwrap()
}

struct StopAfter(AtomicU64);

impl TrainWatch for StopAfter {
    fn step(&self, _: &StepReport) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn parts_of_every_kind_are_trained_with_resumed_and_accounted_for() {
    let (made, parts) = (Made::new(0), parts("fn one() {}\n"));
    let recipe = all(&parts);
    let job = |name: &str| TrainJob { parts: parts.clone(), ..made.job(&recipe, name) };
    let whole = match train(&job("whole"), &Silent).unwrap() {
        Outcome::Finished(record) => *record,
        other => panic!("{other:?}"),
    };
    let provenance = whole.provenance.unwrap();
    let mut kinds: Vec<&str> = provenance.parts.iter().map(|part| part.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["activation", "augmentation", "loss", "optimizer", "schedule", "selection"]);
    let hash = imagenette_files::hash::sha256("fn one() {}\n");
    assert!(provenance.parts.iter().all(|part| part.source_sha256 == hash && part.version == "1.2.3"));
    assert_eq!(whole.training_flop, None, "what an optimizer from elsewhere computes is not known");
    let folder = RunFolder::open(&job("whole").folder).unwrap();
    assert_eq!(std::fs::read_to_string(folder.file(SOURCE_FILE)).unwrap(), "fn one() {}\n");
    let text = folder.recipe_text().unwrap();
    assert!(text.contains("kind = \"shifting\"") && text.contains("wrong = \"\""), "defaults are written down: {text}");
    // A program without the parts names the first that it lacks; one that only reads accounts can read it.
    let error = Recipe::from_toml(&text, &[]).unwrap_err();
    assert!(error.to_string().contains("found `"), "{error}");
    assert!(Recipe::from_toml_with(&text, &[], &imagenette_recipe::AnyParts).is_ok());
    assert!(imagenette_results::Run::read(&job("whole").folder).is_ok());

    let mut resumed = job("resumed");
    for steps in [4, 7] {
        assert!(matches!(train(&resumed, &StopAfter(AtomicU64::new(steps))).unwrap(), Outcome::Interrupted { .. }));
        resumed.resume = true;
    }
    let Outcome::Finished(record) = train(&resumed, &Silent).unwrap() else { panic!("not finished") };
    assert_eq!(record.provenance.unwrap().weights_sha256, provenance.weights_sha256);
}

#[test]
fn a_method_from_elsewhere_sees_both_streams_and_the_teacher_and_repeats() {
    let (made, parts) = (Made::new(0), parts("fn method() {}"));
    let unlabeled = |wrong: &str| format!("{{ kind = 'consistent', ratio = 2, wrong = '{wrong}' }}");
    let recipe = |wrong: &str| {
        with(&[("task", "labels-4"), ("unlabeled", &unlabeled(wrong)), ("ema", "{ decay = 0.9 }")], &parts).unwrap()
    };
    assert_eq!(recipe("").photos_each(), 3);
    let again = Recipe::from_toml_with(&recipe("").to_toml(), &[], parts.as_ref()).unwrap();
    assert_eq!(again, recipe(""));
    let job = |wrong: &str, name: &str| TrainJob { parts: parts.clone(), ..made.job(&recipe(wrong), name) };
    let finish = |job: &TrainJob| match train(job, &Silent).unwrap() {
        Outcome::Finished(record) => *record,
        other => panic!("{other:?}"),
    };
    let whole = finish(&job("", "whole"));
    // 60 photos an epoch: two steps of 8 with labels and 16 without.
    let labels = whole.labels.unwrap();
    assert_eq!((whole.steps, labels.unlabeled_drawn, labels.teacher_passes), (6, 96, 96));
    let provenance = whole.provenance.unwrap();
    assert_eq!((provenance.parts[0].kind.as_str(), provenance.parts[0].name.as_str()), ("method", "consistent"));
    let mut resumed = job("", "resumed");
    assert!(matches!(train(&resumed, &StopAfter(AtomicU64::new(3))).unwrap(), Outcome::Interrupted { .. }));
    resumed.resume = true;
    assert_eq!(finish(&resumed).provenance.unwrap().weights_sha256, provenance.weights_sha256);
    for (wrong, said) in [
        ("shape", "method `consistent`, step 1: expected one number, found"),
        ("panic", "method `consistent`, step 1: nothing to teach"),
    ] {
        let error = train(&job(wrong, wrong), &Silent).expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
    }
    let refused = |value: &str, said: &str| {
        let error = with(&[("task", "labels-4"), ("unlabeled", value)], &parts).expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
    };
    refused("{ kind = 'consistant' }", "found `consistant`");
    refused("{ kind = 'consistent', ratio = 0 }", "unlabeled.ratio");
    refused("{ kind = 'consistent', threshold = 0.5 }", "unknown key `threshold`");
    refused("{ ratio = 2 }", "the name of the method");
}

#[test]
fn a_checkpoint_of_other_source_is_refused_with_both_hashes() {
    let made = Made::new(0);
    let [before, after] = ["one", "two"].map(parts);
    let recipe = all(&before);
    let mut job = TrainJob { parts: before, ..made.job(&recipe, "run") };
    assert!(matches!(train(&job, &StopAfter(AtomicU64::new(2))).unwrap(), Outcome::Interrupted { .. }));
    (job.resume, job.parts) = (true, after);
    let error = train(&job, &Silent).unwrap_err();
    let said = error.to_string();
    for source in ["one", "two"] {
        assert!(said.contains(&imagenette_files::hash::sha256(source)), "{said}");
    }
    assert!(error.hint().unwrap().contains("source.txt"), "{said}");
    // A program without the parts knows from the checkpoint whose they are.
    let error = unfinished(&job.folder, &Parts::shipped()).unwrap_err().to_string();
    assert!(error.contains("of tests 1.2.3 (source ") && error.contains("this program has none of them"), "{error}");
}

#[test]
fn a_network_of_other_source_is_evaluated_only_where_that_is_asked_for() {
    let made = Made::new(0);
    let [before, after] = ["one", "two"].map(parts);
    let recipe = with(&[("model.activation", "bent"), ("epochs", "1")], &before).unwrap();
    let job = TrainJob { parts: before.clone(), ..made.job(&recipe, "run") };
    assert!(matches!(train(&job, &Silent).unwrap(), Outcome::Finished(_)));
    let folder = RunFolder::open(&job.folder).unwrap();
    let read = |parts: &Parts, source| SavedNetwork::of_run(&folder, &Device::cpu(), parts, source);
    assert!(read(&before, NetworkSource::OfRun).is_ok() && read(&after, NetworkSource::Any).is_ok());
    let error = read(&after, NetworkSource::OfRun).unwrap_err();
    assert!(matches!(error, TrainError::OtherParts { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--changed-source"));
    let error = read(&Parts::shipped(), NetworkSource::OfRun).unwrap_err().to_string();
    assert!(error.contains("activation `bent` of tests 1.2.3"), "{error}");
    // What it does is known to its own program alone.
    let network = read(&before, NetworkSource::OfRun).unwrap();
    let error = network.to_onnx("test").unwrap_err();
    assert!(matches!(&error, TrainError::NotOnnx { part } if part == "activation `bent`"), "{error}");
    assert!(error.hint().unwrap().contains("weights.safetensors"), "{error}");
    // What only trains needs no source to be evaluated.
    let recipe = with(&[("loss", "{ kind = 'rounded' }"), ("epochs", "1")], &before).unwrap();
    let job = TrainJob { parts: before, ..made.job(&recipe, "loss") };
    assert!(matches!(train(&job, &Silent).unwrap(), Outcome::Finished(_)));
    let folder = RunFolder::open(&job.folder).unwrap();
    let network = SavedNetwork::of_run(&folder, &Device::cpu(), &after, NetworkSource::OfRun).unwrap();
    assert!(network.to_onnx("test").is_ok(), "a loss is no part of what is exported");
}

#[test]
fn settings_are_typed_checked_defaulted_and_swept() {
    let parts = parts("");
    let recipe = with(&[("model.activation", "bent"), ("model.activation.wrong", "'no'")], &parts).unwrap();
    assert!(recipe.to_toml().contains("wrong = \"no\""), "{}", recipe.to_toml());
    let refused = |overrides: &[(&str, &str)], in_message: &str, in_hint: &str| {
        let error = with(overrides, &parts).expect_err(in_message);
        let (message, hint) = (error.to_string(), error.hint().unwrap_or_default());
        assert!(message.contains(in_message), "{message}");
        assert!(hint.contains(in_hint), "{message}\nhint: {hint}");
    };
    refused(&[("model.activation", "bend")], "found `bend`", "did you mean `bent`?");
    refused(&[("model.activation", "swish")], "found `swish`", "of a program of one's own");
    refused(&[("optimizer", "shifting")], "learning_rate", "above 0");
    let named = with(&[("augmentation", "['painted']"), ("schedule", "falling")], &parts).unwrap();
    assert_eq!(parts.named_in(&named), ["schedule `falling`", "augmentation `painted`"]);
    refused(&[("model.activation", "{ kind = 'bent', wrnog = 1 }")], "unknown key `wrnog`", "did you mean `wrong`?");
    refused(&[("model.activation", "{ kind = 'bent', learning_rate = 'x' }")], "model.activation.learning_rate", "");
    refused(&[("model.activation", "{ kind = 'bent', wrong = 'settings' }")], "settings that bend nothing", "");
    refused(&[("model.activation", "{ kind = 'bent', wrong = 'panic' }")], "found cannot check this", "`bent`");
    refused(&[("schedule", "{ kind = 'falling', wrong = 'panic' }")], "found no factor at the progress 0", "factor");
    refused(&[("optimizer", "{ kind = 'shifting', learning_rate = -1.0 }")], "optimizer.learning_rate", "above 0");
    refused(&[("optimizer", "{ kind = 'shiftin', learning_rate = 1.0 }")], "found `shiftin`", "`shifting`");
    refused(&[("schedule", "{ kind = 'falling', wrong = 'negative' }")], "at the progress 0.501", "factor");
    refused(&[("model", "{ kind = 'colors', smallest_px = 40 }")], "40 px or more", "resolution");
    refused(&[("augmentation", "{ kind = 'paint' }")], "found `paint`", "`painted`");
    refused(&[("selection", "{ kind = 'middle', keep = 2.0 }")], "selection.keep", "");
    refused(&[("loss", "{ kind = 'rounded', smoothing = 2.0 }")], "smoothing", "");
    assert_eq!(parts.names(PartKind::Activation), ["bent", "sharp"]);
    assert_eq!(imagenette_recipe::Parts::names(parts.as_ref(), PartKind::Model), ["colors"]);
}

#[test]
fn every_recipe_in_the_reference_has_parts_that_are_shipped() {
    let parts = Parts::shipped();
    let blocks: Vec<&str> = include_str!("../../../docs/recipes.md").split("```toml\n").skip(1).collect();
    let text = |block: &&str| block.split("```").next().unwrap_or_default().to_owned();
    let texts: Vec<String> = blocks.iter().map(text).collect();
    assert!(texts.iter().any(|text| text.contains("jitter")));
    for text in texts {
        let recipe = Recipe::from_toml_with(&text, &[], &parts).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(parts.account(&recipe).is_empty(), "shipped parts have no source of their own");
    }
}

#[test]
fn names_that_are_taken_are_refused() {
    for (parts, said) in [
        (Parts::shipped().activation::<Bent>("gelu"), "the name of a shipped activation"),
        (Parts::shipped().loss::<Rounded>("a").loss::<Rounded>("a"), "two of the kind loss"),
        (Parts::shipped().schedule::<Falling>("Falling"), "small letters"),
        (Parts::shipped().augmentation::<Painted>("jitter"), "the name of a shipped augmentation"),
        (Parts::shipped().method::<Consistent>("fix-match"), "the name of a shipped method"),
    ] {
        let error = parts.check_names().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    // Of two kinds they may be the same.
    assert!(Parts::shipped().activation::<Bent>("a").loss::<Rounded>("a").check_names().is_ok());
}

#[test]
fn what_a_part_does_wrong_is_said_with_its_name_and_the_step() {
    let (made, parts) = (Made::new(0), parts(""));
    let shifting = "{ kind = 'shifting', learning_rate = 0.01, wrong = 'WRONG' }";
    for (number, (key, value, wrong, said)) in [
        ("model.activation", "{ kind = 'sharp', wrong = 'WRONG' }", "shape", "activation `sharp`: "),
        ("model.activation", "{ kind = 'bent', wrong = 'WRONG' }", "slope", "activation `bent`, step 1: no slope here"),
        (
            "loss",
            "{ kind = 'rounded', wrong = 'WRONG' }",
            "shape",
            "loss `rounded`, step 1: expected one number, found",
        ),
        ("loss", "{ kind = 'rounded', wrong = 'WRONG' }", "panic", "loss `rounded`, step 1: no loss today"),
        ("optimizer", shifting, "state", "optimizer `shifting`, step 2: expected state 1 of `"),
        ("optimizer", shifting, "weight", "optimizer `shifting`, step 1: expected the weight of `"),
        ("augmentation", "{ kind = 'painted', wrong = 'WRONG' }", "panic", "augmentation `painted`, sample "),
        ("selection", "{ kind = 'middle', keep = 0.5, wrong = 'WRONG' }", "places", "selection `middle`, step 1: "),
        ("model", "{ kind = 'colors', outputs = 5 }", "", "model `colors`: expected scores of the shape [1, 3]"),
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = with(&[(key, &value.replace("WRONG", wrong))], &parts).unwrap();
        let job = TrainJob { parts: parts.clone(), ..made.job(&recipe, &format!("wrong {number}")) };
        let error = train(&job, &Silent).expect_err(said);
        assert!(error.to_string().contains(said), "expected `{said}`, found `{error}`");
        assert!(error.hint().is_some());
        // What is seen before the first checkpoint leaves nothing: mended, the same command starts anew.
        assert!(!job.folder.exists(), "{said}");
    }
}

#[test]
fn the_check_finds_slopes_that_are_wrong_and_what_is_kept_beside_the_states() {
    let parts = parts("");
    let with = |key: &str, value: &str| with(&[(key, value)], &parts).unwrap().to_toml();
    let right = promises::check(&parts, &with("model.activation", "{ kind = 'bent' }")).unwrap();
    assert!(right.gradient_error < 0.05 && right.slower() > 0.0, "{right}");
    assert!(right.to_string().starts_with("activation `bent`: "), "{right}");
    let wrong = |key: &str, value: &str| promises::check(&parts, &with(key, value)).unwrap_err().to_string();
    let error = wrong("model.activation", "{ kind = 'bent', wrong = 'half' }");
    assert!(error.starts_with("activation `bent`: expected the slope "), "{error}");
    let error = wrong("model.activation", "{ kind = 'bent', wrong = 'nearly' }");
    assert!(error.starts_with("activation `bent`: expected the slope ") && error.contains("256 inputs"), "{error}");
    let error = wrong("model", "{ kind = 'colors', unused = true }");
    assert_eq!(error, "model `colors`: `spare.weight` has no gradient: the network does not use it");
    let error = wrong("optimizer", "{ kind = 'shifting', learning_rate = 1e30 }");
    assert!(error.starts_with("optimizer `shifting`: the loss became "), "{error}");
    let error = wrong("optimizer", "{ kind = 'shifting', learning_rate = 0.01, wrong = 'kept' }");
    assert!(error.starts_with("optimizer `shifting`: a run ends in other bits "), "{error}");
}

#[test]
fn a_part_that_the_job_lacks_is_named_before_anything_is_written() {
    let (made, parts) = (Made::new(0), parts(""));
    let job = made.job(&all(&parts), "without");
    let error = train(&job, &Silent).unwrap_err();
    assert!(matches!(error, TrainError::Recipe(_)), "{error}");
    assert!(!job.folder.exists());
}
