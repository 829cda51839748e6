//! Weights to begin with: a run's folder or a file goes in, and the numbers that fit the network come out, or which fit and
//! which do not. What has seen the photos that will judge is refused.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use imagenette_data::edition::Edition;
use imagenette_data::manifest::Manifest;
use imagenette_files::hash;
use imagenette_recipe::initial::{HEAD, HeadChoice, InitialWeights};
use imagenette_results::Run;
use imagenette_results::run_folder::{RECORD_FILE, WEIGHTS_FILE};

use crate::compute::tensor_file::{self, NamedTensor};
use crate::compute::weights::Layout;
use crate::error::{Result, TrainError};
use crate::model::PROJECTION;
use crate::run::job::TrainJob;
use crate::run::saved_network::WeightsHead;

/// Tensors that an error names at most.
const NAMED: usize = 4;
/// Classes from which on a head is ImageNet's.
const IMAGENET_CLASSES: usize = 1000;

/// Refuses a place where nothing is.
fn check_there(initial: &InitialWeights) -> Result<()> {
    if Path::new(&initial.from).exists() {
        return Ok(());
    }
    Err(TrainError::RunFolder {
        path: initial.from.clone().into(),
        reason: "the weights to begin with (`initial.from`) are not here".into(),
        hint: "name a finished run's folder or a safetensors file; of a kept recipe set `initial.from` to where they are now"
            .into(),
    })
}

/// Weights that were read.
struct Found {
    tensors: Vec<NamedTensor>,
    /// `None` of a file of another program.
    head: Option<WeightsHead>,
    /// `None` where the file lies alone.
    run: Option<Run>,
}

/// The file that a run's weights begin with.
fn file(initial: &InitialWeights) -> PathBuf {
    let from = Path::new(&initial.from);
    if from.is_dir() { from.join(WEIGHTS_FILE) } else { from.to_owned() }
}

/// The settings with what is known of the weights: their hash, and what they came from. Weights that may not be used are
/// refused here, before anything is trained.
///
/// # Errors
/// When they cannot be read, are others than those that the recipe names, or have seen what judges.
pub(super) fn resolved(initial: &InitialWeights, job: &TrainJob) -> Result<InitialWeights> {
    check_there(initial)?;
    let path = file(initial);
    let found = read(initial)?;
    let sha256 = hash::sha256_of_file(&path).map_err(imagenette_data::DataError::from)?;
    if let Some(known) = initial.weights_sha256.as_ref().filter(|known| **known != sha256) {
        return Err(TrainError::Malformed {
            path,
            expected: format!("the weights that the recipe names (sha256 {})", hash::short(known)),
            found: format!("others ({})", hash::short(&sha256)),
            hint: "name their file, or leave `initial.weights_sha256` out to begin with these".into(),
        });
    }
    check_origin(&path, &found, job)?;
    Ok(InitialWeights { weights_sha256: Some(sha256), origin: Some(origin(&found)), ..initial.clone() })
}

fn read(initial: &InitialWeights) -> Result<Found> {
    let path = file(initial);
    let from = Path::new(&initial.from);
    // A run's weights are the run's, whichever of the two is named.
    let beside = from.parent().filter(|_| from.is_file() && from.ends_with(WEIGHTS_FILE));
    let folder = beside.unwrap_or(from);
    let run = match folder.join(RECORD_FILE).is_file() {
        true => {
            let run = Run::read(folder)?;
            run.check_weights()?;
            Some(run)
        }
        false if from.is_dir() => {
            return Err(TrainError::RunFolder {
                path: from.to_owned(),
                reason: "no finished run is here to begin with".into(),
                hint: "name the folder of a finished run, or a safetensors file".into(),
            });
        }
        false => None,
    };
    let (head, tensors) = tensor_file::read_any::<WeightsHead>(&path)?;
    for tensor in &tensors {
        if let Some(value) = tensor.values.iter().find(|value| !value.is_finite()) {
            return Err(TrainError::Malformed {
                path,
                expected: "weights that are finite numbers".into(),
                found: format!("{value} in `{}`", tensor.name.escape_debug()),
                hint: "the run that made them diverged, or the file was changed: take others".into(),
            });
        }
    }
    Ok(Found { tensors, head, run })
}

/// What weights came from, in words.
fn origin(found: &Found) -> String {
    let Some(run) = &found.run else {
        return "a file that does not say what it was trained on".into();
    };
    let record = &run.record;
    let task = record.labels.as_ref().and_then(|labels| labels.task.clone());
    let cost = record.training_flop.map_or(String::new(), |flop| format!(", {:.3} PFLOP", flop / 1e15));
    format!(
        "`{}` on {}{}, {} epochs{cost}",
        record.recipe,
        record.dataset.name,
        task.map_or(String::new(), |task| format!(" under {task}")),
        record.epochs
    )
}

/// Refuses weights that have seen, or may have seen, the photos that will judge.
fn check_origin(path: &Path, found: &Found, job: &TrainJob) -> Result<()> {
    let edition = job.dataset.manifest.edition;
    let is_imagenet = !matches!(edition, Edition::Own | Edition::Drawn);
    let refuse =
        |reason: String, hint: &str| Err(TrainError::RunFolder { path: path.to_owned(), reason, hint: hint.into() });
    let hint = "begin at random, or with a run whose folder says what it was trained on";
    if is_imagenet
        && let Some(wide) = found.tensors.iter().find(|tensor| tensor.shape.first() == Some(&IMAGENET_CLASSES))
        && found.run.is_none()
    {
        return refuse(
            format!(
                "`{}` tells {IMAGENET_CLASSES} classes apart: weights of ImageNet have seen nearly all photos of {edition}'s val, \
                 with labels",
                wide.name.escape_debug()
            ),
            hint,
        );
    }
    let Some(run) = &found.run else {
        if is_imagenet {
            return refuse(format!("nobody can tell whether these weights have seen photos of {edition}'s val"), hint);
        }
        if let Some(task) = &job.recipe.task {
            return refuse(format!("nobody can tell which labels of `{task}` these weights have seen"), hint);
        }
        return Ok(());
    };
    let source = run.record.dataset.edition.as_str();
    let task = run.record.labels.as_ref().and_then(|labels| labels.task.clone().map(|task| (task, labels.draw)));
    let own = job.recipe.task.clone().map(|task| (task, job.recipe.draw));
    // What an ancestor has seen counts as well.
    let begun = run.recipe.get("initial").and_then(|initial| initial.get("origin")).and_then(|origin| origin.as_str());
    if is_imagenet && begun.is_some_and(|begun| begun.contains("does not say")) {
        return refuse("the run began with weights of which nobody knows what they have seen".into(), hint);
    }
    if is_imagenet && source != edition.name() && !matches!(source, "drawn" | "own") {
        return refuse(
            format!("the run was trained on photos of {source}, some of which may be in {edition}'s val"),
            hint,
        );
    }
    // A drawn picture or a photo of one's own has no label of a task.
    let is_of_the_photos =
        source == edition.name() && (is_imagenet || run.record.dataset.identity == job.dataset.manifest.identity());
    let may_use = match &own {
        None => true,
        Some((name, _)) if name.starts_with("other-five") => {
            task.as_ref().is_some_and(|(task, _)| task == "five-classes")
        }
        Some(own) => task.as_ref().is_some_and(|task| task == own || task.0 == "no-labels"),
    };
    if is_of_the_photos && !may_use {
        let (name, _) = own.expect("without a task all may be used");
        let found =
            task.map_or("all labels of train".into(), |(task, draw)| format!("the labels of {task}, draw {draw}"));
        return refuse(
            format!("the run was trained with {found}, and `{name}` has others"),
            "`imagenette task show` says which weights a task may begin with",
        );
    }
    Ok(())
}

/// What became of a network's tensors.
pub(super) struct Fitted {
    /// By place in the layout: the numbers that it begins with, where they came along.
    pub(super) values: Vec<Option<Vec<f32>>>,
}

/// The numbers for each tensor of a network that come along.
///
/// # Errors
/// When one but the head's does not fit: the message says which do and which do not.
pub(super) fn fitted(initial: &InitialWeights, layout: &Layout, manifest: &Manifest, job: &TrainJob) -> Result<Fitted> {
    let found = read(initial)?;
    let same_classes = found.head.as_ref().is_some_and(|head| {
        head.classes.iter().map(|class| &class.wnid).eq(manifest.classes.iter().map(|class| &class.wnid))
    });
    let task = found.run.as_ref().and_then(|run| run.record.labels.as_ref()).and_then(|labels| labels.task.clone());
    let keeps_head = match initial.head {
        HeadChoice::New => false,
        HeadChoice::Kept => true,
        HeadChoice::Auto => same_classes && task == job.recipe.task,
    };
    let mut by_name: HashMap<&str, &NamedTensor> =
        found.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let (mut values, mut fit, mut misfits) = (Vec::new(), 0, Vec::new());
    for slot in layout.slots() {
        // A projection is drawn anew like a head: it is not kept.
        let is_head = slot.name.starts_with(HEAD) || slot.name.starts_with(PROJECTION);
        let keeps_head = keeps_head && !slot.name.starts_with(PROJECTION);
        let tensor = by_name.remove(slot.name.as_str());
        if is_head && !keeps_head {
            values.push(None);
            continue;
        }
        match tensor {
            Some(tensor) if tensor.shape == slot.shape => {
                fit += 1;
                values.push(Some(tensor.values.clone()));
            }
            Some(tensor) => {
                misfits.push(format!("`{}` has {:?}, the network {:?}", slot.name, tensor.shape, slot.shape))
            }
            None => misfits.push(format!("`{}` is missing", slot.name)),
        }
    }
    if !misfits.is_empty() || fit == 0 {
        let more = misfits.len().saturating_sub(NAMED);
        let mut told = misfits.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        if more > 0 {
            told += &format!("; and {more} more");
        }
        return Err(TrainError::Malformed {
            path: file(initial),
            expected: format!("weights of {}", job.recipe.model.name()),
            found: format!("{fit} tensors that fit and {} that do not: {told}", misfits.len()),
            hint: "take the recipe that trained them (`train --recipe RUN/recipe.toml`), or change `model` to match"
                .into(),
        });
    }
    Ok(Fitted { values })
}
