//! Files of tensors, damaged at random: read or refused, soon and without the memory that they ask for. Both are written
//! by this program, but anybody's may be given to it: a network that was published, a run that was copied.

#[allow(dead_code, reason = "each test program uses its own part of this module")]
mod made;
#[path = "../../imagenette-data/tests/mutation/mod.rs"]
mod mutation;

use std::path::Path;

use imagenette_results::run_folder::{CHECKPOINT_FILE, RunFolder, WEIGHTS_FILE};
use imagenette_train::Device;
use imagenette_train::parts::Parts;
use imagenette_train::run::checkpoint::Checkpoint;
use imagenette_train::run::saved_network::SavedNetwork;
use imagenette_train::run::watch::{StepReport, TrainWatch};
use imagenette_train::run::{Outcome, train};
use made::{Made, recipe};

/// Stops at the first step.
struct Stop;

impl TrainWatch for Stop {
    fn step(&self, _: &StepReport) {}

    fn interrupted(&self) -> bool {
        true
    }
}

/// Follows nothing.
struct Silent;

impl TrainWatch for Silent {}

fn kept() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Header and tensors of a file, apart.
fn parts(file: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    (file[8..8 + length].to_vec(), file[8 + length..].to_vec())
}

/// A file with this header, whose length is right: what is in it is then looked at.
fn whole(header: &[u8], tensors: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header, tensors].concat()
}

const WORDS: [&[u8]; 14] = [
    b"4294967295",
    b"65535",
    b"0",
    b"-1",
    b"1e999",
    b"null",
    b"[]",
    b"F64",
    b"\\\"resolution\\\":",
    b"\\\"widths\\\":[4294967295]",
    b"\\\"kind\\\":\\\"xresnet\\\"",
    b"\\\"groups\\\":0",
    b"\\\"step\\\":18446744073709551615",
    b"\\u0000",
];

#[test]
fn weights_and_their_headers() {
    let made = Made::new(1);
    let job = made.job(&recipe(&[("epochs", "1")]), "run");
    let Outcome::Finished(_) = train(&job, &Silent).unwrap() else { panic!("nobody interrupts") };
    let file = std::fs::read(made.run("run").join(WEIGHTS_FILE)).unwrap();
    let path = made.run("damaged.safetensors");
    let photo = made.dataset.path_of(0);
    let (device, known) = (Device::cpu(), Parts::shipped());
    let mut check = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let Ok(network) = SavedNetwork::read(&path, &device, &known) else { return };
        let scores = network.predict(&photo);
        assert!(scores.is_err() || scores.unwrap().len() == network.head.classes.len());
    };
    mutation::fuzz("weights", std::slice::from_ref(&file), &WORDS, kept(), &mut check);
    let (header, tensors) = parts(&file);
    mutation::fuzz("headers of weights", &[header], &WORDS, kept(), |header| check(&whole(header, &tensors)));
}

#[test]
fn checkpoints_and_their_headers() {
    let made = Made::new(2);
    let recipe = recipe(&[]);
    let job = made.job(&recipe, "run");
    let Outcome::Interrupted { .. } = train(&job, &Stop).unwrap() else { panic!("it is interrupted") };
    let path = RunFolder::open(&made.run("run")).unwrap().file(CHECKPOINT_FILE);
    let file = std::fs::read(&path).unwrap();
    let check = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let Ok(checkpoint) = Checkpoint::read(&path) else { return };
        let _ = checkpoint.head.check(&path, "", "", 0);
    };
    mutation::fuzz("checkpoints", std::slice::from_ref(&file), &WORDS, kept(), check);
    let (header, tensors) = parts(&file);
    mutation::fuzz("headers of checkpoints", std::slice::from_ref(&header), &WORDS, kept(), |header| {
        check(&whole(header, &tensors))
    });
    // Steps beyond the end were a panic; those that are sealed again are tested with runs.
    let text = String::from_utf8(header).unwrap();
    for step in ["22", "4294967296", "18446744073709551615"] {
        let changed = text.replace("\\\"step\\\":1,\\\"started\\\"", &format!("\\\"step\\\":{step},\\\"started\\\""));
        assert_ne!(changed, text);
        std::fs::write(&path, whole(changed.as_bytes(), &tensors)).unwrap();
        let resumed = imagenette_train::TrainJob { resume: true, ..job.clone() };
        let error = train(&resumed, &Silent).unwrap_err().to_string();
        // The checksum is looked at first.
        assert!(error.contains("a checkpoint that matches its checksum"), "{error}");
    }
}
