//! How features are learned from photos alone, without any label.

use imagenette_data::augment::{SimClr as Distortion, Strong};
use imagenette_data::task::Task;
use serde::{Deserialize, Serialize};

use crate::balance::{ClassWeights, Sampler};
use crate::checks::require;
use crate::defaults::{ratio, whole};
use crate::error::Result;
use crate::model::ModelConfig;
use crate::recipe::Recipe;
use crate::validate::inside;

/// Most numbers of a layer of the projection.
const WIDEST: u32 = 65_536;

/// The method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SelfSupervised {
    /// SimCLR: of all views in a step, each must find the other view of its photo.
    SimClr(SimClr),
}

/// SimCLR's settings.
///
/// A step shows two views of each of `batch_size` photos, both cropped and mirrored as `augment` says and then changed by
/// `strong`. The network's features go through a projection of two layers, of which nothing is kept; its outputs, of
/// length 1, are compared by their cosines.
///
/// # Source
/// Chen et al., "A simple framework for contrastive learning of visual representations", 2020.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimClr {
    /// By what cosines are divided before they are compared: the lower, the more the most alike views count.
    #[serde(default = "ratio::<1, 2>")]
    pub temperature: f64,
    /// Numbers of the projection's first layer.
    #[serde(default = "whole::<512>")]
    pub hidden: u32,
    /// Numbers of its second layer, which are compared.
    #[serde(default = "whole::<128>")]
    pub outputs: u32,
    /// How each view is changed.
    #[serde(default = "distortion")]
    pub strong: Strong,
}

fn distortion() -> Strong {
    Strong::SimClr(Distortion::default())
}

impl Default for SimClr {
    fn default() -> Self {
        Self { temperature: 0.5, hidden: 512, outputs: 128, strong: distortion() }
    }
}

impl SimClr {
    fn validate(&self) -> Result<()> {
        require(
            self.temperature > 0.0 && self.temperature.is_finite(),
            "self_supervised.temperature",
            "a number above 0",
            self.temperature.to_string(),
            "0.5 is usual for small batches; 0.1 to 1 work",
        )?;
        for (key, value) in [("self_supervised.hidden", self.hidden), ("self_supervised.outputs", self.outputs)] {
            require(
                (1..=WIDEST).contains(&value),
                key,
                &format!("a whole number from 1 to {WIDEST}"),
                value.to_string(),
                "512 and then 128 are usual",
            )?;
        }
        self.strong.validate().map_err(|error| inside(error, "self_supervised"))
    }
}

impl SelfSupervised {
    /// The settings of the contrast.
    pub fn contrast(&self) -> &SimClr {
        let Self::SimClr(settings) = self;
        settings
    }
}

impl Recipe {
    /// How often a step shows each of its photos, in views of its own.
    pub fn views_each(&self) -> usize {
        if self.self_supervised.is_some() { 2 } else { 1 }
    }

    /// How each training sample is changed strongly, beside its crop: as `augment` says, or as a view without labels.
    pub fn strong(&self) -> Option<Strong> {
        self.self_supervised.map_or(self.augment.strong, |method| Some(method.contrast().strong))
    }

    pub(crate) fn validate_self_supervised(&self) -> Result<()> {
        let is_without = self.task()? == Some(Task::NoLabels);
        let Some(SelfSupervised::SimClr(settings)) = &self.self_supervised else {
            return require(
                !is_without,
                "task",
                "a task with labels, or `[self_supervised]`, which learns without",
                "`no-labels` and a recipe that learns from labels".into(),
                "set `self_supervised.kind=sim-clr` and `loss.label_smoothing=0`",
            );
        };
        settings.validate()?;
        let hint = "leave one of them out";
        let none = |holds: bool, key: &str, what: &str| {
            require(holds, key, "none beside `[self_supervised]`, which has no labels", what.into(), hint)
        };
        none(self.unlabeled.is_none(), "unlabeled", "both")?;
        none(self.selection.is_none(), "selection", "both")?;
        none(self.mix.is_none(), "mix", "both")?;
        none(self.loss.own.is_none(), "loss.kind", "an own loss")?;
        none(self.loss.class_weights == ClassWeights::None, "loss.class_weights", "both")?;
        none(self.sampler == Sampler::Shuffle, "sampler", "`balanced`, by labels")?;
        none(self.augment.strong.is_none(), "augment.strong", "both, and `self_supervised.strong` changes the views")?;
        none(self.loss.label_smoothing == 0.0, "loss.label_smoothing", &self.loss.label_smoothing.to_string())?;
        require(
            !matches!(self.model, ModelConfig::Own(_)),
            "model.kind",
            "a shipped network beside `[self_supervised]`, whose features are known",
            "an own one".into(),
            "take `fast` or `xresnet`",
        )?;
        let is_frozen = self.initial.as_ref().is_some_and(|initial| !initial.freeze.is_empty());
        none(!is_frozen, "initial.freeze", "both")?;
        require(
            self.batch_size >= 2,
            "batch_size",
            "2 or more, so that there are photos to tell apart",
            self.batch_size.to_string(),
            "128 is usual: more photos to tell apart teach more",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(overrides: &[(&str, &str)]) -> Result<Recipe> {
        let first = [("loss.label_smoothing", "0.0"), ("self_supervised.kind", "sim-clr")];
        let overrides: Vec<_> =
            first.iter().chain(overrides).map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(Recipe::shipped_text("fast-85").unwrap(), &overrides)
    }

    #[test]
    fn defaults_are_the_papers_and_are_written_down() {
        let recipe = read(&[]).unwrap();
        assert_eq!(recipe.self_supervised, Some(SelfSupervised::SimClr(SimClr::default())));
        assert_eq!((recipe.views_each(), recipe.photos_each()), (2, 1));
        assert_eq!(Recipe::from_toml(&recipe.to_toml(), &[]).unwrap(), recipe);
        read(&[("task", "no-labels")]).unwrap();
        read(&[("task", "labels-10%")]).unwrap();
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        for (key, value) in [
            ("self_supervised.temperature", "0.0"),
            ("self_supervised.temperature", "nan"),
            ("self_supervised.hidden", "0"),
            ("self_supervised.outputs", "4000000000"),
            ("loss.label_smoothing", "0.1"),
            ("sampler", "balanced"),
            ("mix", "{ cutmix = 1.0 }"),
            ("selection", "{ keep = 0.5 }"),
            ("unlabeled.kind", "fix-match"),
            ("augment.strong", "{ kind = 'trivial-augment' }"),
            ("batch_size", "1"),
            ("initial", "{ from = 'run', freeze = ['body'] }"),
        ] {
            let error = read(&[(key, value)]).unwrap_err().to_string();
            assert!(error.contains(key.trim_end_matches(".kind")), "{key}: {error}");
        }
        let text = Recipe::shipped_text("fast-85").unwrap();
        let error = Recipe::from_toml(text, &[("task".into(), "no-labels".into())]).unwrap_err().to_string();
        assert!(error.contains("`[self_supervised]`, which learns without"), "{error}");
    }
}
