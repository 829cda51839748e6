//! A recipe: everything that decides a run but its seed and the machine, typed, checked once and recorded whole.
//!
//! TOML text and dotted overrides go in; a [`Recipe`] that makes sense comes out, or an error with the nearest key.

use imagenette_data::augment::{Erase, EvaluationGeometry, Mix};
use imagenette_files::hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::augment::AugmentConfig;
use crate::balance::{ClassWeights, Sampler};
use crate::budget::Budget;
use crate::choice::Choice;
use crate::defaults::{is_default, is_whole, whole};
use crate::initial::InitialWeights;
use crate::lookahead::LookaheadConfig;
use crate::model::ModelConfig;
use crate::optimizer::OptimizerConfig;
use crate::own::{OwnPart, PartKind, deserialize_with, serialize_with};
use crate::precision::PrecisionChoice;
use crate::schedule::{Resolution, Schedule};
use crate::selection::Selection;
use crate::self_supervised::SelfSupervised;
use crate::unlabeled::Unlabeled;
use crate::validate::{check_resolution, inside};
use crate::window::Window;

/// Everything that decides a run but its seed and the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The name in records and tables.
    pub name: String,
    /// A dataset's name or folder; absent means the best that is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// How often every training photo is seen. An epoch has as many steps as there are full batches; which photos are
    /// left over differs from epoch to epoch. 0, and left out, where there is a budget in its place.
    #[serde(default, skip_serializing_if = "is_default")]
    pub epochs: u32,
    /// Samples a step.
    pub batch_size: u32,
    /// What is to be learned from little, by its name: `labels-10%` (`imagenette task --list`). It says which labels
    /// may be used. Absent means all of the train split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Which of the task's fixed draws, from 1.
    #[serde(default = "whole::<1>", skip_serializing_if = "is_whole::<1>")]
    pub draw: u32,
    /// How the samples of an epoch are drawn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sampler: Sampler,
    /// The seed of the first run.
    #[serde(default)]
    pub seed: u64,
    /// How many runs, with seeds counted up from `seed`.
    #[serde(default = "whole::<1>")]
    pub runs: u32,
    /// What feature maps are stored in.
    #[serde(default)]
    pub precision: PrecisionChoice,
    /// The square that the network sees while it trains.
    pub resolution: Resolution,
    /// What is trained.
    pub model: ModelConfig,
    /// How the weights follow the gradient.
    pub optimizer: OptimizerConfig,
    /// The shape of the learning rate over the run.
    pub schedule: Schedule,
    /// What is minimized.
    #[serde(default)]
    pub loss: LossConfig,
    /// How a training sample is made from its photo.
    pub augment: AugmentConfig,
    /// How a val photo is shown.
    pub evaluation: EvaluationConfig,
    /// The share of each class's train photos that is held out, and evaluated on instead of val, for tuning; such a run
    /// has no val accuracy. Absent means none: the run counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<f64>,
    /// Which part of the labeled photos is held out in a cross-validation, in place of `hold_out`: `{ of = 5, fold = 1
    /// }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<Folds>,
    /// Slow weights that follow the fast ones and take their place; `ranger` has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookahead: Option<LookaheadConfig>,
    /// What own parts do to the pixels of training samples, in this order; before `augment.strong`, and before
    /// anything is erased or mixed.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "augmentations")]
    pub augmentation: Vec<OwnPart>,
    /// What is painted over in training samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase: Option<Erase>,
    /// How training samples are mixed with each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// Which samples of a batch are learned from; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
    /// The weights that the run begins with; absent means random ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<InitialWeights>,
    /// How photos without labels are learned from beside the others; absent means not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlabeled: Option<Unlabeled>,
    /// How features are learned from photos alone, without any label; absent means by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_supervised: Option<SelfSupervised>,
    /// How much the run may take, in place of `epochs`: how many fit is planned when the machine's speed is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Which rules the recipe promises to keep; it is refused where it breaks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
    /// An average of the weights that is evaluated and kept instead of the last ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<EmaConfig>,
    /// Settings of which some are taken when it is known how many epochs fit into the budget. None are left in the recipe
    /// of a run, nor in one whose epochs are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// One part of a cross-validation: each labeled photo is held out in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folds {
    /// How many parts, 2 or more.
    pub of: u32,
    /// Which of them is held out, from 1.
    pub fold: u32,
}

/// Rules that a recipe can promise to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rules {
    /// Those of Imagenette's leaderboards: photos are evaluated at no larger a resolution than the largest in training,
    /// and on val.
    Leaderboard,
}

/// What is minimized: cross-entropy, unless it is an own part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LossConfig {
    /// The share of the target that is spread over all classes, 0 or more and below 1. Own losses get such targets too.
    pub label_smoothing: f64,
    /// How much each class counts.
    pub class_weights: ClassWeights,
    /// The loss, where it is not the shipped one.
    pub own: Option<OwnPart>,
}

/// What every loss has.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SharedByLosses {
    label_smoothing: f64,
    #[serde(skip_serializing_if = "is_default")]
    class_weights: ClassWeights,
}

impl Serialize for LossConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { label_smoothing, class_weights, own } = self;
        let shared = SharedByLosses { label_smoothing: *label_smoothing, class_weights: *class_weights };
        serialize_with(&shared, own.as_ref(), serializer)
    }
}

impl<'de> Deserialize<'de> for LossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (SharedByLosses { label_smoothing, class_weights }, own) = deserialize_with(PartKind::Loss, deserializer)?;
        Ok(Self { label_smoothing, class_weights, own })
    }
}

/// What is done to the pixels of training samples by own parts: one table, or a list of them in their order.
mod augmentations {
    use super::{Deserialize, Deserializer, OwnPart, PartKind, Serialize, Serializer};
    use serde::de::Error as _;
    use toml::Value;

    pub(super) fn serialize<S: Serializer>(parts: &[OwnPart], serializer: S) -> Result<S::Ok, S::Error> {
        match parts {
            [part] => part.serialize(serializer),
            parts => parts.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OwnPart>, D::Error> {
        let values = match Value::deserialize(deserializer)? {
            Value::Array(values) => values,
            value => vec![value],
        };
        let part = |value: Value| match &value {
            Value::Table(table) => OwnPart::of(PartKind::Augmentation, table),
            Value::String(name) => Some(OwnPart { name: name.clone(), settings: toml::Table::new() }),
            _ => None,
        };
        let parts: Option<Vec<OwnPart>> = values.into_iter().map(part).collect();
        parts.ok_or_else(|| {
            D::Error::custom(
                "invalid type: something else, expected a table with `kind` and settings, or a list of them",
            )
        })
    }
}

/// How a val photo is shown to the network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationConfig {
    /// The square that the network sees, in pixels.
    pub resolution: u32,
    /// Which part of the photo fills it.
    pub geometry: EvaluationGeometry,
}

impl EvaluationConfig {
    /// Checks that this network can see photos so: it may come from a file, or from a flag.
    ///
    /// # Errors
    /// When the square vanishes on its way through the network, is larger than any photo, or the part makes no sense.
    pub fn validate_for(&self, model: &ModelConfig) -> crate::error::Result<()> {
        check_resolution("evaluation.resolution", self.resolution, model)?;
        self.geometry.validate().map_err(|error| inside(error, "evaluation"))
    }
}

/// The exponential moving average of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmaConfig {
    /// The share that the average keeps at each step, 0 or more and below 1.
    pub decay: f64,
    /// The share of the run after which the average begins; until then the weights themselves are evaluated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub from: f64,
}

impl EmaConfig {
    /// When there is an average: from its beginning to the end of the run.
    pub fn window(&self) -> Window {
        Window { from: self.from, until: 1.0 }
    }
}

impl Recipe {
    /// The share of each class's labeled photos that is held out, where some are: the run then has no val accuracy.
    pub fn held_out_share(&self) -> Option<f64> {
        self.hold_out.or(self.folds.map(|folds| 1.0 / f64::from(folds.of.max(1))))
    }

    /// What is erased from samples at this progress of the run.
    pub fn erase_at(&self, progress: f64) -> Option<Erase> {
        self.erase.filter(|erase| Window { from: 0.0, until: erase.until }.contains(progress))
    }

    /// How samples are mixed at this progress of the run.
    pub fn mix_at(&self, progress: f64) -> Option<Mix> {
        self.mix.filter(|mix| Window { from: mix.from, until: mix.until }.contains(progress))
    }

    /// How samples are selected at this progress of the run.
    pub fn selection_at(&self, progress: f64) -> Option<&Selection> {
        self.selection.as_ref().filter(|selection| selection.window().contains(progress))
    }

    /// The Lookahead of the run: the optimizer's own, or the one that was asked for.
    pub fn lookahead(&self) -> Option<LookaheadConfig> {
        self.optimizer.lookahead().or(self.lookahead)
    }

    /// The resolved recipe as TOML: what is recorded, and what [`Recipe::sha256`] is the hash of.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe has only tables, strings, finite numbers and small integers")
    }

    /// sha256 of [`Recipe::to_toml`], in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hash::sha256(self.to_toml())
    }
}
