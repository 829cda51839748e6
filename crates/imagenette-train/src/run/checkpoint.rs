//! `checkpoint.safetensors`: all that a run needs to go on to the same bits as if it had never stopped.
//!
//! Weights, running statistics, averages and optimizer state are tensors; position, clock, history and the identities
//! of recipe and dataset are the description.

use std::collections::HashMap;
use std::path::Path;

use imagenette_files::format::Format;
use imagenette_files::hash;
use imagenette_recipe::plan::StepPlan;
use imagenette_recipe::{PartKind, Recipe};
use imagenette_results::attempt::Attempts;
use imagenette_results::history::{History, HistoryLine, weights_sha256};
use imagenette_results::run_folder::{CHECKPOINT_FILE, RunFolder};
use imagenette_results::run_record::{EpochCounts, Seconds};
use serde::{Deserialize, Serialize};

use crate::compute::device::Device;
use crate::compute::tensor_file::{self, NamedTensor};
use crate::compute::weights::{Layout, Weights};
use crate::error::{Result, TrainError};
use crate::optimizer::Optimizer;
use crate::parts::Parts;

/// The file's format. Version 1 did not say what decides a run's bits, and version 2 had no checksum, so that nobody can know
/// whether such a run would go on to the same ones: they are not read.
pub const FORMAT: Format = Format { name: "imagenette-checkpoint", oldest: 3, newest: 3 };
const HINT: &str = "start the run again in a new folder";

/// A checkpoint's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointHead {
    /// Always `imagenette-checkpoint`.
    pub format: String,
    /// The version of this format.
    pub version: u32,
    /// sha256 of the run's resolved recipe.
    pub recipe_sha256: String,
    /// The identity of the dataset's content.
    pub dataset_identity: String,
    /// The dataset's name.
    pub dataset: String,
    /// The run's seed.
    pub seed: u64,
    /// Steps done.
    pub step: u64,
    /// When the run began, RFC 3339 in UTC.
    pub started: jiff::Timestamp,
    /// Each process that has worked on the run.
    pub attempts: Attempts,
    /// Hash of the weights before the first step.
    pub initial_weights_sha256: String,
    /// Where the time went so far.
    pub seconds: Seconds,
    /// What happened so far.
    pub history: History,
    /// Evaluations so far.
    pub by_epoch: Vec<EpochCounts>,
    /// sha256 of all the rest: of this description with an empty text in this place, followed by the hash of the tensors.
    pub sha256: String,
}

impl CheckpointHead {
    /// The value of `format` in every checkpoint.
    pub fn format() -> String {
        FORMAT.name.into()
    }

    /// The version that this program writes.
    pub fn version() -> u32 {
        FORMAT.newest
    }

    /// What [`CheckpointHead::sha256`] must be beside these tensors.
    fn checksum(&self, tensors: &[NamedTensor]) -> String {
        let mut in_order: Vec<&NamedTensor> = tensors.iter().collect();
        in_order.sort_by(|a, b| a.name.cmp(&b.name));
        let tensors = in_order.iter().map(|tensor| (tensor.name.as_str(), &tensor.shape[..], &tensor.values[..]));
        let rest = Self { sha256: String::new(), ..self.clone() };
        let text = serde_json::to_string(&rest).expect("heads are plain structures of strings and finite numbers");
        hash::sha256(format!("{text}{}", weights_sha256(tensors)))
    }

    /// Refuses a checkpoint whose numbers contradict each other.
    fn check_whole(&self, path: &Path, tensors: &[NamedTensor]) -> Result<()> {
        let malformed = |expected: String, found: String| {
            let hint = format!("its disk or somebody changed it, and the run would end in another result: {HINT}");
            Err(TrainError::Malformed { path: path.to_owned(), expected, found, hint })
        };
        let sum = self.checksum(tensors);
        if sum != self.sha256 {
            let (sum, found) = (hash::short(&sum), hash::short(&self.sha256).escape_default().to_string());
            return malformed(format!("a checkpoint that matches its checksum ({found})"), format!("content of {sum}"));
        }
        let evaluated = self.history.lines().iter().filter(|line| matches!(line, HistoryLine::Evaluation { .. }));
        let reached = self.attempts.last().map_or(0, |attempt| attempt.steps_after);
        if self.history.steps() != self.step || reached != self.step || evaluated.count() < self.by_epoch.len() {
            let found = format!("step {} of a history of {} steps", self.step, self.history.steps());
            return malformed("a step that its history and its attempts tell".into(), found);
        }
        Ok(())
    }

    /// Refuses a checkpoint of more steps than the run has.
    ///
    /// # Errors
    /// When its step is beyond the plan's end.
    pub fn check_plan(&self, path: &Path, plan: &StepPlan) -> Result<()> {
        if self.step <= plan.steps() {
            return Ok(());
        }
        Err(TrainError::Malformed {
            path: path.to_owned(),
            expected: format!("a step of the run's {}", plan.steps()),
            found: format!("step {}", self.step),
            hint: HINT.into(),
        })
    }

    /// Refuses a checkpoint of another recipe, dataset or seed.
    ///
    /// # Errors
    /// When one of them differs.
    pub fn check(&self, path: &Path, recipe_sha256: &str, dataset_identity: &str, seed: u64) -> Result<()> {
        let (own_seed, seed) = (self.seed.to_string(), seed.to_string());
        let pairs = [
            (
                "recipe",
                self.recipe_sha256.as_str(),
                recipe_sha256,
                "`recipe.toml` in the run's folder must stay as it was",
            ),
            ("dataset", &self.dataset_identity, dataset_identity, "name the dataset that the run began with"),
            ("seed", &own_seed, &seed, "leave the seed out: the run knows it"),
        ];
        for (what, found, expected, hint) in pairs {
            if found != expected {
                return Err(TrainError::Malformed {
                    path: path.to_owned(),
                    expected: format!("a checkpoint of the {what} {expected}"),
                    found: format!("one of another {what}: {found}"),
                    hint: format!("{hint}; or {HINT}"),
                });
            }
        }
        Ok(())
    }

    /// Refuses to go on with parts of other source than the run began with.
    ///
    /// # Errors
    /// When the program lacks one of them, or has one of other source.
    pub fn check_parts(&self, folder: &RunFolder, parts: &Parts) -> Result<()> {
        let began = self.history.origin().map(|origin| &origin.parts[..]).unwrap_or_default();
        let hint = "the source that the run began with lies in its folder, in `source.txt`: resume it with a program of that \
                    source, or start anew in another folder";
        parts.check_run(folder.path(), began, &PartKind::ALL, hint)
    }
}

/// Writes a checkpoint of weights by the names of their parts (`weights`, `average`, …) and an optimizer's state; an
/// earlier one is replaced only when the new one is complete.
///
/// # Errors
/// When the folder cannot be written to; the earlier checkpoint then stays.
pub fn write(
    path: &Path,
    head: &CheckpointHead,
    layout: &Layout,
    weights: &[(&str, &Weights)],
    optimizer: &Optimizer,
) -> Result<()> {
    let mut tensors: Vec<NamedTensor> =
        weights.iter().flat_map(|(part, weights)| named(part, layout, weights.to_host())).collect();
    for ((slot, shapes), states) in layout.slots().iter().zip(optimizer.shapes()).zip(optimizer.to_host()) {
        for (number, (shape, values)) in shapes.iter().zip(states).enumerate() {
            let name = format!("optimizer/{}/{number}", slot.name);
            tensors.push(NamedTensor { name, shape: shape.clone(), values });
        }
    }
    let head = CheckpointHead { sha256: head.checksum(&tensors), ..head.clone() };
    tensor_file::write(path, &head, tensors)
}

fn named(part: &str, layout: &Layout, values: Vec<Vec<f32>>) -> Vec<NamedTensor> {
    let tensors = layout.slots().iter().zip(values).map(|(slot, values)| NamedTensor {
        name: format!("{part}/{}", slot.name),
        shape: slot.shape.clone(),
        values,
    });
    tensors.collect()
}

/// The recipe and the checkpoint's description of a run that can be resumed. Its folder is locked while they are read, and
/// free again then.
///
/// # Errors
/// When no run is there, it is finished, never began, is being trained by another process, or its checkpoint is damaged or of
/// a version that is not read.
pub fn unfinished(path: &Path, parts: &Parts) -> Result<(Recipe, CheckpointHead)> {
    let (folder, _lock) = RunFolder::resume(path)?;
    let head = Checkpoint::read(&folder.file(CHECKPOINT_FILE))?.head;
    // Before the recipe is read: it names parts, and the checkpoint knows whose they are.
    head.check_parts(&folder, parts)?;
    Ok((Recipe::from_toml_with(&folder.recipe_text()?, &[], parts)?, head))
}

/// A checkpoint that was read: its description, and its tensors by name.
#[derive(Debug)]
pub struct Checkpoint {
    /// The description.
    pub head: CheckpointHead,
    tensors: HashMap<String, NamedTensor>,
}

impl Checkpoint {
    /// Reads a checkpoint and checks that it is whole.
    ///
    /// # Errors
    /// When there is none, it is damaged, truncated or of another version, or its numbers contradict each other.
    pub fn read(path: &Path) -> Result<Self> {
        let (head, tensors) = tensor_file::read::<CheckpointHead>(path, FORMAT, "checkpoint", HINT)?;
        head.check_whole(path, &tensors)?;
        Ok(Self { head, tensors: tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect() })
    }

    /// Puts the tensors back into their places.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn restore(
        mut self,
        path: &Path,
        layout: &Layout,
        weights: Vec<(&str, &mut Weights)>,
        optimizer: &mut Optimizer,
        device: &Device,
    ) -> Result<CheckpointHead> {
        let malformed = |found: String| TrainError::Malformed {
            path: path.to_owned(),
            expected: "a checkpoint of this network".into(),
            found,
            hint: HINT.into(),
        };
        let mut part = |name: &str| -> Result<Vec<Vec<f32>>> {
            let take = |slot: &crate::compute::weights::Slot| {
                tensor_file::take(&mut self.tensors, &format!("{name}/{}", slot.name), &slot.shape)
            };
            layout.slots().iter().map(take).collect::<Result<_, _>>().map_err(malformed)
        };
        for (name, weights) in weights {
            *weights = Weights::from_host(part(name)?, device);
        }
        let mut states = Vec::new();
        for (slot, shapes) in layout.slots().iter().zip(optimizer.shapes()) {
            let take = |(number, shape): (usize, &Vec<usize>)| {
                tensor_file::take(&mut self.tensors, &format!("optimizer/{}/{number}", slot.name), shape)
            };
            states.push(shapes.iter().enumerate().map(take).collect::<Result<_, _>>().map_err(malformed)?);
        }
        optimizer.restore(states, self.head.step, device);
        Ok(self.head)
    }
}
