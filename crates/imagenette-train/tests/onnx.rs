//! Networks as ONNX compute what the program computes: by a plain reader of our own, and by onnxruntime where this machine
//! has it.

mod interpreted;

use std::path::Path;
use std::process::Command;

use imagenette_data::augment::{IMAGENET_MEAN, IMAGENET_STD};
use imagenette_data::random::{Purpose, Random};
use imagenette_recipe::model::ModelConfig;
use imagenette_train::compute::weights::{Role, Slot, Weights};
use imagenette_train::model::onnx::{from_bytes, to_bytes};
use imagenette_train::model::{Model, Pass};
use imagenette_train::ops;
use imagenette_train::parts::Parts;
use imagenette_train::{Device, Recipe};
use interpreted::Array;

const CLASSES: usize = 7;
const PHOTOS: usize = 3;

/// Networks with every option that changes what is computed, each with a resolution; odd ones too.
const NETWORKS: [(&str, usize); 12] = [
    ("kind = 'fast'\nstem = 8\nwidths = [8, 12]", 32),
    ("kind = 'fast'\nstem = 6\nstem_patch_px = 2\nwidths = [8, 12]\nactivation = 'relu'", 24),
    ("kind = 'fast'\nstem = 8\nwidths = [8, 12]\ndepths = [2, 0]\nresidual = true\nactivation = 'silu'", 30),
    (
        "kind = 'fast'\nstem = 8\nwidths = [8, 12]\ndepths = [1, 3]\nresidual = true\npool = 'max-blur'\nactivation = 'mish'",
        36,
    ),
    // The last map is one pixel, which has no neighbor to mirror.
    ("kind = 'fast'\nstem = 4\nwidths = [4, 4]\npool = 'max-blur'\nlearned_gain = true", 8),
    ("kind = 'fast'\nstem = 8\nwidths = [8]\nstem_weights = 'learned'\noutput_scale = 1.0", 17),
    ("kind = 'xresnet'\ndepth = 18", 33),
    ("kind = 'xresnet'\ndepth = 18\npool = 'max-blur'\nstem_stride = 1\nactivation = 'mish'", 32),
    ("kind = 'xresnet'\ndepth = 18\ngate_reduction = 16\nactivation = 'silu'", 40),
    ("kind = 'xresnet'\ndepth = 18\nself_attention = true\nactivation = 'gelu'", 32),
    ("kind = 'xresnet'\ndepth = 50\ngroups = 32\ngate_reduction = 16\nself_attention = true", 34),
    ("kind = 'xresnet'\ndepth = 34", 64),
];

/// Numbers of a tensor as of a trained network: none is zero or one by its beginning alone.
fn filled(slot: &Slot, number: u32) -> Vec<f32> {
    let mut random = Random::new(1, Purpose::Test, 0, number);
    let inputs: usize = slot.shape.iter().skip(1).product();
    let mut around = |center: f64, spread: f64| (center + spread * random.normal()) as f32;
    (0..slot.len())
        .map(|_| match slot.role {
            Role::Weight | Role::Frozen if slot.shape.len() > 1 => around(0.0, (2.0 / inputs as f64).sqrt()),
            Role::Statistic if slot.name.ends_with("running_var") => around(1.0, 0.1).abs() + 0.1,
            Role::Normalization | Role::Frozen if slot.name.ends_with(".weight") => around(0.6, 0.1),
            _ => around(0.0, 0.1),
        })
        .collect()
}

/// A network, its numbers, photos `[N, px, px, 3]` and the program's own logits of them.
fn network(config: &str, px: usize) -> (Model, Weights, Vec<u8>, Vec<f32>) {
    let config: ModelConfig = toml::from_str(config).unwrap();
    config.validate().unwrap();
    let (model, device) = (Parts::default().model_of(&config, CLASSES).unwrap(), Device::cpu());
    let numbers = (0..).zip(model.layout().slots()).map(|(number, slot)| filled(slot, number));
    let weights = Weights::from_host(numbers, &device);
    let mut random = Random::new(2, Purpose::Test, 0, px as u32);
    let photos: Vec<u8> = (0..PHOTOS * px * px * 3).map(|_| random.next_u32() as u8).collect();
    let maps = ops::photos(&photos, PHOTOS, px, &device);
    let scores = model.forward(&mut Pass::evaluating(&weights), maps).unwrap();
    let scores = scores.to_data().as_slice::<f32>().unwrap().to_vec();
    (model, weights, photos, scores)
}

/// Photos as the file takes them: `[N, 3, px, px]` in 0..1.
fn as_input(photos: &[u8], px: usize) -> Vec<f32> {
    let number = |(photo, channel, place): (usize, usize, usize)| {
        f32::from(photos[(photo * px * px + place) * 3 + channel]) / 255.0
    };
    let channels = (0..PHOTOS).flat_map(|photo| (0..3).map(move |channel| (photo, channel)));
    channels.flat_map(|(photo, channel)| (0..px * px).map(move |place| (photo, channel, place))).map(number).collect()
}

#[test]
fn a_plain_reader_computes_from_the_file_what_the_network_computes() {
    for (config, px) in NETWORKS {
        // The plain reader takes its time with large networks; onnxruntime reads them all.
        if config.contains("depth = 50") || config.contains("depth = 34") {
            continue;
        }
        let (model, weights, photos, expected) = network(config, px);
        let file = from_bytes(&to_bytes(&model.to_onnx(&weights, px as u32, "1.0").unwrap())).unwrap();
        let input = as_input(&photos, px).into_iter().map(f64::from).collect();
        let found = interpreted::run(&file, Array::new(&[PHOTOS, 3, px, px], input));
        assert_eq!(found.shape, [PHOTOS, CLASSES]);
        let largest = expected.iter().fold(1.0f32, |largest, score| largest.max(score.abs()));
        for (found, expected) in found.numbers.iter().zip(&expected) {
            let difference = (found - f64::from(*expected)).abs();
            assert!(difference <= 1e-4 * f64::from(largest), "{config} at {px} px: {found} for {expected}");
        }
    }
}

#[test]
fn the_normalization_inside_is_that_of_training() {
    let (model, weights, ..) = network(NETWORKS[0].0, 32);
    let file = model.to_onnx(&weights, 32, "1.0").unwrap();
    let graph = file.graph.unwrap();
    let constant = |place: usize| -> Vec<f32> {
        graph.initializer[place].raw_data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    assert_eq!((constant(0), constant(1)), (IMAGENET_MEAN.to_vec(), IMAGENET_STD.to_vec()));
    assert_eq!(graph.node[..2].iter().map(|node| node.op_type.as_str()).collect::<Vec<_>>(), ["Sub", "Div"]);
}

#[test]
fn every_shipped_recipe_has_a_network_that_can_be_written() {
    for (name, text) in Recipe::shipped() {
        let recipe = Recipe::from_toml(text, &[]).unwrap();
        let model = Parts::default().model_of(&recipe.model, 10).unwrap();
        let weights = Weights::draw(model.layout(), 1, &Device::cpu());
        let file = model.to_onnx(&weights, recipe.evaluation.resolution, "1.0").unwrap();
        let learned: usize = file.graph.unwrap().initializer.iter().map(|tensor| tensor.raw_data.len() / 4).sum();
        assert!(learned as u64 >= model.layout().learned(), "{name}");
    }
}

/// A Python with onnxruntime, onnx and numpy: that of IMAGENETTE_TEST_PYTHON, else `python3`.
fn python() -> Option<String> {
    let python = std::env::var("IMAGENETTE_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let asked = Command::new(&python).args(["-c", "import numpy, onnx, onnxruntime"]).output();
    asked.is_ok_and(|output| output.status.success()).then_some(python)
}

#[test]
fn onnxruntime_computes_the_same() {
    let Some(python) = python() else {
        println!("skipped: python3 (or IMAGENETTE_TEST_PYTHON) has no onnx, onnxruntime and numpy");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (number, (config, px)) in NETWORKS.into_iter().enumerate() {
        let (model, weights, photos, expected) = network(config, px);
        let write =
            |end: &str, bytes: Vec<u8>| std::fs::write(folder.path().join(format!("{number}.{end}")), bytes).unwrap();
        let bytes = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        write("photos", bytes(&as_input(&photos, px)));
        write("logits", bytes(&expected));
        write("onnx", to_bytes(&model.to_onnx(&weights, px as u32, "1.0").unwrap()));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx_runtime.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), NETWORKS.len(), "{said}");
    print!("{said}");
}
