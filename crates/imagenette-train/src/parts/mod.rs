//! The parts that recipes can name: the shipped ones, and those that a program brings. One plain value holds them; there
//! is no registry that code registers itself in.

mod shelf;

use std::path::Path;
use std::sync::Arc;

use imagenette_data::augment::{Jitter, OwnAugmentation, OwnAugmentations};
use imagenette_files::hash;
use imagenette_files::panics::caught;
use imagenette_recipe::model::{ActivationConfig, ModelConfig};
use imagenette_recipe::optimizer::OptimizerConfig;
use imagenette_recipe::schedule::Schedule;
use imagenette_recipe::{LossConfig, OwnPart, PartKind, Recipe, RecipeError, require};
use imagenette_results::run_record;
use toml::Table;

pub use shelf::Settings;
use shelf::Shelf;

use crate::compute::device::Device;
use crate::compute::weights::Layout;
use crate::error::{Result, TrainError};
use crate::learn::loss::LossRule;
use crate::learn::own::{OwnLoss, OwnMethod, OwnSchedule, OwnSelection};
use crate::learn::schedule::ScheduleRule;
use crate::learn::selection::SelectionRule;
use crate::model::module::{BurnModel, Wrapped};
use crate::model::{Model, OwnModel};
use crate::ops::{Activation, Curve, TensorActivation};
use crate::optimizer::{Optimizer, OwnOptimizer};

/// The crate that brings parts, as records name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The crate's name.
    pub crate_name: String,
    /// The crate's version.
    pub version: String,
    /// The text of all its source files; empty where it is not known.
    pub text: String,
}

impl Source {
    /// sha256 of the text, in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hash::sha256(&self.text)
    }
}

/// The parts that a program has.
///
/// A part is a type whose values are its settings. What it does is one of the traits that the methods ask for.
///
/// # Example
/// ```
/// use imagenette_train::parts::Parts;
/// use imagenette_train::learn::own::OwnSchedule;
/// use imagenette_train::recipe::Recipe;
///
/// /// A rate that falls as the root of what is left.
/// #[derive(Debug, serde::Serialize, serde::Deserialize)]
/// struct Root {
///     power: f64,
/// }
///
/// impl OwnSchedule for Root {
///     fn factor(&self, progress: f64) -> f64 {
///         (1.0 - progress).powf(self.power)
///     }
/// }
///
/// let parts = Parts::shipped().schedule::<Root>("root");
/// let change = [("schedule".to_owned(), "{ kind = 'root', power = 0.5 }".to_owned())];
/// let recipe = Recipe::from_toml_with(Recipe::shipped_text("default")?, &change, &parts)?;
/// assert_eq!(parts.schedule_of(&recipe.schedule)?.factor(0.75)?, 0.5);
/// # Ok::<(), imagenette_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Parts {
    activations: Shelf<Activation>,
    losses: Shelf<Arc<dyn OwnLoss>>,
    optimizers: Shelf<Arc<dyn OwnOptimizer>>,
    schedules: Shelf<Arc<dyn OwnSchedule>>,
    augmentations: Shelf<Arc<dyn OwnAugmentation>>,
    models: Shelf<Arc<dyn OwnModel>>,
    selections: Shelf<Arc<dyn OwnSelection>>,
    methods: Shelf<Arc<dyn OwnMethod>>,
    /// Those of them that are this crate's own.
    shipped: Vec<(PartKind, &'static str)>,
    source: Option<Source>,
}

impl Parts {
    /// The shipped parts alone. Those that came first are variants of the recipe's enums; later ones stand here, a line each.
    pub fn shipped() -> Self {
        let mut parts = Self::none().augmentation::<Jitter>("jitter");
        parts.shipped = PartKind::ALL
            .into_iter()
            .flat_map(|kind| parts.names(kind).into_iter().map(move |name| (kind, name)))
            .collect();
        parts
    }

    fn none() -> Self {
        Self {
            activations: Shelf::new(PartKind::Activation),
            losses: Shelf::new(PartKind::Loss),
            optimizers: Shelf::new(PartKind::Optimizer),
            schedules: Shelf::new(PartKind::Schedule),
            augmentations: Shelf::new(PartKind::Augmentation),
            models: Shelf::new(PartKind::Model),
            selections: Shelf::new(PartKind::Selection),
            methods: Shelf::new(PartKind::Method),
            shipped: Vec::new(),
            source: None,
        }
    }

    /// Says which crate the parts come from.
    #[must_use]
    pub fn from_source(self, source: Source) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Adds an activation: a function of one number and its slope, which our kernels run on all threads.
    #[must_use]
    pub fn activation<A: Curve + Settings>(mut self, name: &'static str) -> Self {
        self.activations.add::<A>(name, A::validate, move |part| Activation::Curve(name, Arc::new(part)));
        self
    }

    /// Adds an activation that is code of tensors: shorter to write, slower to run.
    #[must_use]
    pub fn tensor_activation<A: TensorActivation + Settings>(mut self, name: &'static str) -> Self {
        self.activations.add::<A>(name, A::validate, move |part| Activation::Tensors(name, Arc::new(part)));
        self
    }

    /// Adds a loss.
    #[must_use]
    pub fn loss<L: OwnLoss + Settings>(mut self, name: &'static str) -> Self {
        self.losses.add::<L>(name, L::validate, |part| Arc::new(part));
        self
    }

    /// Adds an optimizer.
    #[must_use]
    pub fn optimizer<O: OwnOptimizer + Settings>(mut self, name: &'static str) -> Self {
        self.optimizers.add::<O>(name, O::validate, |part| Arc::new(part));
        self
    }

    /// Adds a shape of the learning rate.
    #[must_use]
    pub fn schedule<S: OwnSchedule + Settings>(mut self, name: &'static str) -> Self {
        self.schedules.add::<S>(name, S::validate, |part| Arc::new(part));
        self
    }

    /// Adds an augmentation of pixels.
    #[must_use]
    pub fn augmentation<A: OwnAugmentation + Settings>(mut self, name: &'static str) -> Self {
        self.augmentations.add::<A>(name, A::validate, |part| Arc::new(part));
        self
    }

    /// Adds a network.
    #[must_use]
    pub fn model<M: OwnModel + Settings>(mut self, name: &'static str) -> Self {
        self.models.add::<M>(name, M::validate, |part| Arc::new(part));
        self
    }

    /// Adds a network that is a Burn module.
    #[must_use]
    pub fn burn_model<M: BurnModel + Settings>(mut self, name: &'static str) -> Self {
        self.models.add::<M>(name, M::validate, |part| Arc::new(Wrapped(Arc::new(part))));
        self
    }

    /// Adds a rule by which samples are selected.
    #[must_use]
    pub fn selection<S: OwnSelection + Settings>(mut self, name: &'static str) -> Self {
        self.selections.add::<S>(name, S::validate, |part| Arc::new(part));
        self
    }

    /// Adds a way to learn from photos without labels.
    #[must_use]
    pub fn method<M: OwnMethod + Settings>(mut self, name: &'static str) -> Self {
        self.methods.add::<M>(name, M::validate, |part| Arc::new(part));
        self
    }

    /// The crate that the parts come from, where it was said.
    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// The names of a kind that are not shipped.
    pub fn names(&self, kind: PartKind) -> Vec<&'static str> {
        match kind {
            PartKind::Activation => self.activations.names(),
            PartKind::Loss => self.losses.names(),
            PartKind::Optimizer => self.optimizers.names(),
            PartKind::Schedule => self.schedules.names(),
            PartKind::Augmentation => self.augmentations.names(),
            PartKind::Model => self.models.names(),
            PartKind::Selection => self.selections.names(),
            PartKind::Method => self.methods.names(),
        }
    }

    /// Checks the names: each kind has each name once, and none that is shipped.
    ///
    /// # Errors
    /// The first name that is not free, or that no recipe could spell.
    pub fn check_names(&self) -> Result<()> {
        for kind in PartKind::ALL {
            let names = self.names(kind);
            for (place, name) in names.iter().enumerate() {
                let refuse = |expected: &str, found: String, hint: &str| RecipeError::Setting {
                    key: format!("the program's {kind} `{name}`"),
                    expected: expected.into(),
                    found,
                    hint: hint.into(),
                };
                let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                if name.is_empty() || !name.chars().all(is_plain) {
                    let expected = "a name of small letters, digits and hyphens";
                    return Err(refuse(expected, format!("`{name}`"), "for example `squared-relu`").into());
                }
                if kind.shipped().contains(name) {
                    let found = format!("the name of a shipped {kind}");
                    return Err(refuse("a name of its own", found, "give it another name in `main`").into());
                }
                if names[..place].contains(name) && self.shipped.contains(&(kind, name)) {
                    let found = format!("the name of a shipped {kind}");
                    return Err(refuse("a name of its own", found, "give it another name in `main`").into());
                }
                if names[..place].contains(name) {
                    let found = format!("two of the kind {kind} with this name");
                    return Err(refuse("a name of its own", found, "give one of them another name in `main`").into());
                }
            }
        }
        Ok(())
    }

    /// The parts of a recipe that are not shipped.
    pub fn own_of<'r>(&self, recipe: &'r Recipe) -> Vec<(PartKind, &'r OwnPart)> {
        let is_own = |(kind, part): &(PartKind, &OwnPart)| !self.shipped.contains(&(*kind, part.name.as_str()));
        recipe.own_parts().into_iter().filter(is_own).collect()
    }

    /// The parts of a recipe that are not shipped, as errors name them: ``optimizer `lion` ``.
    pub fn named_in(&self, recipe: &Recipe) -> Vec<String> {
        self.own_of(recipe).iter().map(|(kind, part)| format!("{kind} `{}`", part.name)).collect()
    }

    /// The parts of a recipe that are not shipped, as its record names them.
    pub fn account(&self, recipe: &Recipe) -> Vec<run_record::OwnPart> {
        self.own_of(recipe).into_iter().map(|(kind, part)| self.accounted(kind, &part.name)).collect()
    }

    /// One of them.
    fn accounted(&self, kind: PartKind, name: &str) -> run_record::OwnPart {
        let (crate_name, version, source_sha256) = match &self.source {
            Some(source) => (source.crate_name.clone(), source.version.clone(), source.sha256()),
            None => ("unknown".into(), "unknown".into(), hash::sha256("")),
        };
        run_record::OwnPart { name: name.into(), kind: kind.name().into(), crate_name, version, source_sha256 }
    }

    /// Refuses a run whose parts of these kinds this program does not have, or has of other source. `began` are those of
    /// the run in the folder.
    pub(crate) fn check_run(
        &self,
        folder: &Path,
        began: &[run_record::OwnPart],
        kinds: &[PartKind],
        hint: &str,
    ) -> Result<()> {
        let is_asked = |part: &&run_record::OwnPart| kinds.iter().any(|kind| kind.name() == part.kind);
        let began: Vec<&run_record::OwnPart> = began.iter().filter(is_asked).collect();
        let ours = |part: &&run_record::OwnPart| {
            let kind = kinds.iter().copied().find(|kind| kind.name() == part.kind)?;
            self.names(kind).into_iter().find(|name| *name == part.name).map(|name| self.accounted(kind, name))
        };
        let now: Vec<run_record::OwnPart> = began.iter().filter_map(ours).collect();
        if began.iter().copied().eq(&now) {
            return Ok(());
        }
        let said = |parts: &[&run_record::OwnPart]| match parts {
            [] => "none of them".to_owned(),
            parts => {
                let one = |part: &&run_record::OwnPart| {
                    let run_record::OwnPart { name, kind, crate_name, version, source_sha256 } = part;
                    format!("{kind} `{name}` of {crate_name} {version} (source {source_sha256})")
                };
                parts.iter().map(one).collect::<Vec<_>>().join(", ")
            }
        };
        Err(TrainError::OtherParts {
            path: folder.to_owned(),
            began: said(&began),
            now: said(&now.iter().collect::<Vec<_>>()),
            hint: hint.into(),
        })
    }

    /// The network of a configuration, for this many classes.
    ///
    /// # Errors
    /// When the program does not have a part that it names, or the part cannot be built.
    pub fn model_of(&self, config: &ModelConfig, classes: usize) -> Result<Model> {
        let model = match config {
            ModelConfig::Fast(config) => Model::fast(config, self.activation_of(&config.activation)?, classes),
            ModelConfig::Xresnet(config) => Model::xresnet(config, self.activation_of(&config.activation)?, classes),
            ModelConfig::Own(part) => {
                let (name, model, _) = self.models.take(part)?;
                Model::own(name, model.as_ref(), classes)?
            }
        };
        model.layout().check_memory(1)?;
        Ok(model)
    }

    /// The function between layers that a recipe, or the settings of an own network, name.
    ///
    /// # Errors
    /// When the program does not have it.
    pub fn activation_of(&self, config: &ActivationConfig) -> Result<Activation> {
        Ok(match config {
            ActivationConfig::Relu => Activation::RELU,
            ActivationConfig::Gelu => Activation::GELU,
            ActivationConfig::Silu => Activation::SILU,
            ActivationConfig::Mish => Activation::MISH,
            ActivationConfig::Own(part) => self.activations.take(part)?.1,
        })
    }

    /// The optimizer of a configuration before its first step.
    ///
    /// # Errors
    /// When the program does not have it, or its code panics.
    pub fn optimizer_of(&self, config: &OptimizerConfig, layout: &Layout, device: &Device) -> Result<Optimizer> {
        match config.own() {
            None => Ok(Optimizer::shipped(config, layout, device)),
            Some(part) => {
                let (name, rule, _) = self.optimizers.take(part)?;
                Optimizer::own(config, name, rule, layout, device)
            }
        }
    }

    /// The loss of a configuration.
    ///
    /// # Errors
    /// When the program does not have it.
    pub fn loss_of(&self, config: &LossConfig) -> Result<LossRule> {
        match &config.own {
            None => Ok(LossRule::CrossEntropy),
            Some(part) => {
                self.losses.take(part).map(|(name, rule, _)| LossRule::Own(name.into(), rule)).map_err(Into::into)
            }
        }
    }

    /// The schedule of a configuration.
    ///
    /// # Errors
    /// When the program does not have it.
    pub fn schedule_of(&self, config: &Schedule) -> Result<ScheduleRule> {
        match config.own() {
            None => Ok(ScheduleRule::Shipped(config.clone())),
            Some(part) => {
                let (name, rule, _) = self.schedules.take(part)?;
                Ok(ScheduleRule::Own(name.into(), rule))
            }
        }
    }

    /// The rule by which a recipe's samples are selected.
    ///
    /// # Errors
    /// When the program does not have it.
    pub fn selection_of(&self, recipe: &Recipe) -> Result<SelectionRule> {
        match recipe.selection.as_ref().and_then(|selection| selection.own.as_ref()) {
            None => Ok(SelectionRule::ByLoss),
            Some(part) => {
                let (name, rule, _) = self.selections.take(part)?;
                Ok(SelectionRule::Own(name.into(), rule))
            }
        }
    }

    /// How a recipe learns from photos without labels, where the way is not shipped.
    ///
    /// # Errors
    /// When the program does not have it.
    pub fn method_of(&self, recipe: &Recipe) -> Result<Option<(String, Arc<dyn OwnMethod>)>> {
        let Some(part) = recipe.unlabeled.as_ref().and_then(|method| method.own()) else { return Ok(None) };
        let (name, rule, _) = self.methods.take(part)?;
        Ok(Some((name.into(), rule)))
    }

    /// What a recipe's own augmentations do to training samples.
    ///
    /// # Errors
    /// When the program does not have one of them.
    pub fn augmentations_of(&self, recipe: &Recipe) -> Result<OwnAugmentations> {
        let take = |part| self.augmentations.take(part).map(|(name, part, _)| (name.to_owned(), part));
        let parts = recipe.augmentation.iter().map(take).collect::<Result<Vec<_>, _>>()?;
        Ok(OwnAugmentations::new(parts))
    }
}

impl Default for Parts {
    fn default() -> Self {
        Self::shipped()
    }
}

impl imagenette_recipe::Parts for Parts {
    fn names(&self, kind: PartKind) -> Vec<String> {
        Self::names(self, kind).into_iter().map(Into::into).collect()
    }

    fn settle(&self, kind: PartKind, part: &OwnPart) -> Result<Table, RecipeError> {
        Ok(match kind {
            PartKind::Activation => self.activations.take(part)?.2,
            PartKind::Loss => self.losses.take(part)?.2,
            PartKind::Optimizer => self.optimizers.take(part)?.2,
            PartKind::Schedule => self.schedules.take(part)?.2,
            PartKind::Augmentation => self.augmentations.take(part)?.2,
            PartKind::Model => self.models.take(part)?.2,
            PartKind::Selection => self.selections.take(part)?.2,
            PartKind::Method => self.methods.take(part)?.2,
        })
    }

    fn check(&self, recipe: &Recipe) -> Result<(), RecipeError> {
        if let Some(part) = recipe.model.own() {
            let model = self.models.take(part)?.1;
            let smallest_px = caught(|| model.smallest_resolution_px()).map_err(|found| RecipeError::Setting {
                key: "model".into(),
                expected: format!("the smallest resolution of the model `{}`", part.name),
                found,
                hint: "mend its `smallest_resolution_px`".into(),
            })?;
            let used = [
                ("resolution", recipe.resolution.smallest_px()),
                ("evaluation.resolution", recipe.evaluation.resolution),
            ];
            for (key, px) in used {
                require(
                    px >= smallest_px,
                    key,
                    &format!("{smallest_px} px or more, which the model `{}` needs", part.name),
                    format!("{px} px"),
                    &format!("raise `{key}`"),
                )?;
            }
        }
        if let Some(part) = recipe.schedule.own() {
            let schedule = self.schedules.take(part)?.1;
            for progress in (0..=1000).map(|place| f64::from(place) / 1000.0) {
                let found = match caught(|| schedule.factor(progress)) {
                    Ok(factor) if factor.is_finite() && factor >= 0.0 => continue,
                    Ok(factor) => factor.to_string(),
                    Err(panic) => panic,
                };
                return Err(RecipeError::Setting {
                    key: "schedule".into(),
                    expected: format!("finite factors of 0 or more from the schedule `{}`", part.name),
                    found: format!("{found} at the progress {progress}"),
                    hint: "mend its `factor`".into(),
                });
            }
        }
        Ok(())
    }
}
