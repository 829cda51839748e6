//! `weights.safetensors`: a trained network that can be rebuilt from this one file, evaluated again, and shown new
//! photos.

use std::collections::HashMap;
use std::path::Path;

use imagenette_data::DataError;
use imagenette_data::augment::{EvaluationGeometry, IMAGENET_MEAN, IMAGENET_STD, plan_evaluation};
use imagenette_data::class::Class;
use imagenette_data::image::{self, Orientation, Pixels, Remark, Resizer};
use imagenette_data::manifest::{Manifest, OrientationRule};
use imagenette_files::format::Format;
use imagenette_files::input;
use imagenette_files::lock::FolderLock;
use imagenette_kernels::loss::softmax;
use imagenette_recipe::model::ModelConfig;
use imagenette_recipe::precision::PrecisionChoice;
use imagenette_recipe::{EvaluationConfig, PartKind, Recipe};
use imagenette_results::Run;
use imagenette_results::run_folder::{RunFolder, WEIGHTS_FILE};
use serde::{Deserialize, Serialize};

use crate::compute::device::Device;
use crate::compute::tensor_file::{self, NamedTensor};
use crate::compute::weights::{Weights, download};
use crate::error::{Result, TrainError};
use crate::model::onnx::proto::{ModelProto, StringStringEntryProto};
use crate::model::{Model, PROJECTION, Pass};
use crate::ops;
use crate::parts::Parts;
use crate::run::memory_use;

/// The file's format.
pub const FORMAT: Format = Format { name: "imagenette-weights", oldest: 1, newest: 2 };
/// The version of a file that has nothing of the newest one: older programs read it too.
const PLAIN_VERSION: u32 = 1;
/// The head's matrix.
pub(super) const HEAD_WEIGHT: &str = "head.weight";
const HINT: &str = "train again, or take another copy of the file";

/// Everything that must be known besides the numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsHead {
    format: String,
    version: u32,
    /// The network.
    pub model: ModelConfig,
    /// The classes in label order.
    pub classes: Vec<Class>,
    /// How photos are shown to it.
    pub evaluation: EvaluationConfig,
    /// What its feature maps are stored in; files from before this was a choice leave it out.
    #[serde(default = "f32_maps")]
    pub precision: PrecisionChoice,
    /// What became of photos whose EXIF says that they are stored turned, when it was trained.
    #[serde(default, skip_serializing_if = "OrientationRule::is_stored")]
    pub orientation: OrientationRule,
    /// What is subtracted from each channel (red, green, blue, of values in 0..1).
    pub mean: [f32; 3],
    /// What each channel is divided by then.
    pub deviation: [f32; 3],
}

fn f32_maps() -> PrecisionChoice {
    PrecisionChoice::F32
}

/// A trained network.
#[derive(Debug)]
pub struct SavedNetwork {
    /// Everything known besides the numbers.
    pub head: WeightsHead,
    /// The layers.
    pub model: Model,
    /// The numbers.
    pub weights: Weights,
    device: Device,
}

/// Of which source the network's own parts must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkSource {
    /// Of the source that the run was trained with.
    OfRun,
    /// Of any: the user says that it computes the same.
    Any,
}

/// Writes the file: complete or absent. `head_weights` take the place of the head's, where there are some; a projection
/// is left out.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(
    path: &Path,
    recipe: &Recipe,
    model: &Model,
    weights: &Weights,
    head_weights: Option<&[f32]>,
    manifest: &Manifest,
) -> Result<()> {
    let head = WeightsHead {
        format: FORMAT.name.into(),
        version: if manifest.orientation.is_stored() { PLAIN_VERSION } else { FORMAT.newest },
        model: recipe.model.clone(),
        classes: manifest.classes.clone(),
        evaluation: recipe.evaluation,
        precision: recipe.precision,
        orientation: manifest.orientation,
        mean: IMAGENET_MEAN,
        deviation: IMAGENET_STD,
    };
    let kept = model.layout().slots().iter().zip(weights.to_host());
    let kept = kept.filter(|(slot, _)| !slot.name.starts_with(PROJECTION));
    let tensors = kept.map(|(slot, values)| NamedTensor {
        name: slot.name.clone(),
        shape: slot.shape.clone(),
        values: match head_weights {
            Some(fitted) if slot.name == HEAD_WEIGHT => fitted.to_vec(),
            _ => values,
        },
    });
    tensor_file::write(path, &head, tensors.collect())
}

/// What a network says of a photo.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The probability of each class, in label order.
    pub probabilities: Vec<f64>,
    /// What is odd about the file.
    pub remarks: Vec<Remark>,
    /// The photo's pixels, turned as those of the training were.
    pub pixels: Pixels,
}

impl SavedNetwork {
    /// Reads the network of a finished run.
    ///
    /// # Errors
    /// When the run is not finished, its files do not belong together, the weights are not those that its record names,
    /// or the program has other source for the network than it was trained with.
    pub fn of_run(run: &RunFolder, device: &Device, parts: &Parts, source: NetworkSource) -> Result<Self> {
        let path = run.file(WEIGHTS_FILE);
        if !path.exists() {
            return Err(TrainError::RunFolder {
                path: run.path().into(),
                reason: "this run has no weights yet".into(),
                hint: match FolderLock::holder(run.path()) {
                    Some(holder) => format!("wait for its end: it is under way ({holder})"),
                    None => "finish it with `imagenette train --resume RUN`".into(),
                },
            });
        }
        let whole = Run::read(run.path())?;
        whole.check_weights()?;
        // The weights are those of the source that they were trained with: code that was changed since is another
        // network.
        if source == NetworkSource::Any {
            return Self::read(&path, device, parts);
        }
        let record = &whole.record;
        let began = record.provenance.as_ref().map(|provenance| &provenance.parts[..]).unwrap_or_default();
        let hint = "the source that it was trained with lies in its folder, in `source.txt`: run a program of that source, or \
                    add `--changed-source` where the network is the same";
        parts.check_run(run.path(), began, &[PartKind::Model, PartKind::Activation], hint)?;
        Self::read(&path, device, parts)
    }

    /// Reads a network.
    ///
    /// # Errors
    /// When the file is missing, damaged or of another version.
    pub fn read(path: &Path, device: &Device, parts: &Parts) -> Result<Self> {
        let (head, tensors) = tensor_file::read::<WeightsHead>(path, FORMAT, "weights", HINT)?;
        let malformed = |expected: String, found: String| TrainError::Malformed {
            path: path.to_owned(),
            expected,
            found,
            hint: HINT.into(),
        };
        if head.mean != IMAGENET_MEAN || head.deviation != IMAGENET_STD {
            let expected = format!("photos normalized by {IMAGENET_MEAN:?} and {IMAGENET_STD:?}");
            return Err(malformed(expected, format!("{:?} and {:?}", head.mean, head.deviation)));
        }
        // The file may come from anywhere: sizes are checked before anything is built from them.
        head.model.validate()?;
        head.evaluation.validate_for(&head.model)?;
        let model = parts.model_of(&head.model, head.classes.len())?;
        let mut by_name: HashMap<_, _> = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        let values: Vec<Vec<f32>> = model
            .layout()
            .slots()
            .iter()
            .map(|slot| tensor_file::take(&mut by_name, &slot.name, &slot.shape))
            .collect::<Result<_, String>>()
            .map_err(|found| malformed("the tensors of its network".into(), found))?;
        for (slot, values) in model.layout().slots().iter().zip(&values) {
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                let found = format!("{value} in `{}`: the run diverged, or the file was changed", slot.name);
                return Err(malformed("weights that are finite numbers".into(), found));
            }
        }
        // Where Burn's own operations compute, a network of bf16 runs in f32, which changes its scores a little.
        let plain = device.clone();
        let device = plain.clone().with_precision(head.precision).unwrap_or(plain);
        Ok(Self { head, model, weights: Weights::from_host(values, &device), device })
    }

    /// The network as ONNX: float32 `[N, 3, R, R]`, RGB in 0..1, goes in, logits `[N, classes]` come out. The metadata
    /// says what to do with a photo first, and which class each logit is:
    ///
    /// | key | value |
    /// |--|--|
    /// | `classes`, `class_ids` | JSON lists: names, and WordNet ids or folders, in the order of the logits |
    /// | `resolution` | R |
    /// | `geometry` | `whole`: squash the photo to the square; `center`: resize its short side, then cut the center |
    /// | `crop_ratio` | of `center`: the short side after resizing is this times R, rounded |
    /// | `interpolation` | `bilinear, antialiased` |
    /// | `precision` | what the program's own feature maps were stored in; the file computes in float32 |
    ///
    /// # Errors
    /// When a part of it is not shipped.
    pub fn to_onnx(&self, producer_version: &str) -> Result<ModelProto> {
        let EvaluationConfig { resolution, geometry } = self.head.evaluation;
        let mut file = self.model.to_onnx(&self.weights, resolution, producer_version)?;
        let list = |of: fn(&Class) -> &str| serde_json::json!(self.head.classes.iter().map(of).collect::<Vec<_>>());
        let (geometry, ratio) = match geometry {
            EvaluationGeometry::Whole => ("whole", None),
            EvaluationGeometry::Center { ratio } => ("center", Some(ratio)),
        };
        let entries = [
            ("classes", Some(list(|class| &class.name).to_string())),
            ("class_ids", Some(list(|class| &class.wnid).to_string())),
            ("resolution", Some(resolution.to_string())),
            ("geometry", Some(geometry.into())),
            ("crop_ratio", ratio.map(|ratio| ratio.to_string())),
            ("interpolation", Some("bilinear, antialiased".into())),
            ("precision", Some(self.device.precision().to_string())),
        ];
        let entry =
            |(key, value): (&str, Option<String>)| Some(StringStringEntryProto { key: key.into(), value: value? });
        file.metadata_props = entries.into_iter().filter_map(entry).collect();
        file.doc_string = format!("{}, trained by imagenette", self.head.model.name());
        Ok(file)
    }

    /// Where it runs, with its precision.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The probability of each class, in label order, for a photo of any size.
    ///
    /// # Errors
    /// When the file is not a readable photo.
    pub fn predict(&self, photo: &Path) -> Result<Vec<f64>> {
        self.look(photo).map(|looked| looked.probabilities)
    }

    /// As [`SavedNetwork::predict`], with the remarks on the photo and its pixels, turned as the photos of the training
    /// were.
    ///
    /// # Errors
    /// As [`SavedNetwork::predict`].
    pub fn look(&self, photo: &Path) -> Result<Looked> {
        let bytes = input::read(photo, input::PHOTO_BYTES).map_err(DataError::from)?;
        self.look_at(&bytes, photo)
    }

    /// As [`SavedNetwork::look`] for a photo's bytes; `name` is what errors call it.
    ///
    /// # Errors
    /// When they are not a readable photo.
    pub fn look_at(&self, photo: &[u8], name: &Path) -> Result<Looked> {
        let orientation = if self.head.orientation.is_stored() { None } else { Orientation::of(photo) };
        let mut pixels = Pixels::default();
        let remarks = image::decode_turned(photo, name, orientation, &mut pixels)?;
        let square = self.view(&pixels)?;
        let probabilities = self.probabilities(&square)?.pop().unwrap_or_default();
        // Scores that are no finite numbers have no probabilities.
        match probabilities.iter().find(|probability| !probability.is_finite()) {
            None => Ok(Looked { probabilities, remarks, pixels }),
            Some(found) => Err(TrainError::Malformed {
                path: name.to_owned(),
                expected: "scores that are finite numbers".into(),
                found: format!("{found}: the network's numbers overflow"),
                hint: "train it again, at a lower learning rate".into(),
            }),
        }
    }

    /// The square of a photo that the network is shown.
    ///
    /// # Shapes
    /// `[R, R, 3]`, R the resolution of the evaluation.
    ///
    /// # Errors
    /// When it does not fit into memory.
    pub fn view(&self, photo: &Pixels) -> Result<Vec<u8>> {
        let EvaluationConfig { resolution, geometry } = self.head.evaluation;
        memory_use::check_evaluation(&self.head.model, 1, resolution, &self.device)?;
        let (width_px, height_px) = (photo.width_px, photo.height_px);
        let plan = plan_evaluation(geometry, width_px, height_px, resolution);
        let side = resolution as usize;
        let mut square = vec![0; side * side * 3];
        Resizer::new().resize(&photo.rgb, (width_px, height_px), plan.crop, &mut square, (resolution, resolution));
        Ok(square)
    }

    /// The probability of each class, in label order, for each of some squares.
    ///
    /// # Shapes
    /// `[N, R, R, 3]`, as [`SavedNetwork::view`] gives them, to N rows.
    ///
    /// # Errors
    /// When a part from elsewhere fails, or memory does not suffice.
    pub fn probabilities(&self, squares: &[u8]) -> Result<Vec<Vec<f64>>> {
        let side = self.head.evaluation.resolution as usize;
        let count = squares.len() / (side * side * 3);
        memory_use::check_evaluation(&self.head.model, count, self.head.evaluation.resolution, &self.device)?;
        let photos = ops::photos(squares, count, side, &self.device);
        let scores = download(&self.model.forward(&mut Pass::evaluating(&self.weights), photos)?);
        Ok(scores.chunks_exact(self.model.classes()).map(softmax).collect())
    }
}
