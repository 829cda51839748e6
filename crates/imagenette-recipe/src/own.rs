//! Parts that somebody else brings: a recipe names them as it names the shipped ones, with settings of their own. What
//! they do is known to the program that has them; here are their names, their settings and where in a recipe they stand.

use imagenette_files::nearest::{did_you_mean, nearest};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};

use crate::checks::require;
use crate::error::{RecipeError, Result};
use crate::read::explain;
use crate::recipe::Recipe;
use crate::unlabeled::Unlabeled;

/// What stands in an error's message before the key within a part's table: serde's own path ends at the table.
pub(crate) const AT: char = '\u{1f}';
/// The key that names a part.
pub(crate) const KIND: &str = "kind";

/// What a part is for. There are eight kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// A function between layers: `model.activation`.
    Activation,
    /// What is minimized: `loss`.
    Loss,
    /// How the weights follow the gradient: `optimizer`.
    Optimizer,
    /// The shape of the learning rate over the run: `schedule`.
    Schedule,
    /// What is done to the pixels of a training sample: `augmentation`.
    Augmentation,
    /// What is trained: `model`.
    Model,
    /// Which samples of a batch are learned from: `selection`.
    Selection,
    /// How photos without labels are learned from: `unlabeled`.
    Method,
}

impl PartKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Activation,
        Self::Loss,
        Self::Optimizer,
        Self::Schedule,
        Self::Augmentation,
        Self::Model,
        Self::Selection,
        Self::Method,
    ];

    /// Its name: `activation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::Loss => "loss",
            Self::Optimizer => "optimizer",
            Self::Schedule => "schedule",
            Self::Augmentation => "augmentation",
            Self::Model => "model",
            Self::Selection => "selection",
            Self::Method => "method",
        }
    }

    /// The key of a recipe at which such a part stands: `model.activation`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Activation => "model.activation",
            Self::Method => "unlabeled",
            _ => self.name(),
        }
    }

    /// The names of this kind that every program knows.
    pub fn shipped(self) -> &'static [&'static str] {
        match self {
            Self::Activation => &["relu", "gelu", "silu", "mish"],
            Self::Loss => &["cross-entropy"],
            Self::Optimizer => &["sgd", "adamw", "ranger", "muon"],
            Self::Schedule => &["one-cycle", "linear", "flat-cosine", "exponential"],
            Self::Augmentation => &[],
            Self::Model => &["fast", "xresnet"],
            Self::Selection => &["highest-loss"],
            Self::Method => &["fix-match"],
        }
    }

    /// Keys that a table of this kind has whichever part it names. The part's own settings are the others.
    fn shared(self) -> &'static [&'static str] {
        match self {
            Self::Loss => &["label_smoothing", "class_weights"],
            Self::Selection => &["keep", "from", "until"],
            Self::Method => &["ratio", "strong"],
            _ => &[],
        }
    }
}

impl std::fmt::Display for PartKind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

/// A part that is not shipped, as a recipe names it: `{ kind = "lion", beta1 = 0.9 }`.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnPart {
    /// Its name.
    pub name: String,
    /// Its settings. [`Recipe::from_toml_with`] checks them and adds the defaults.
    pub settings: Table,
}

impl OwnPart {
    /// The table without `kind`, if that names a part which is not shipped.
    pub(crate) fn of(kind: PartKind, table: &Table) -> Option<Self> {
        let name = table.get(KIND)?.as_str().filter(|name| !kind.shipped().contains(name))?.to_owned();
        let mut settings = table.clone();
        settings.remove(KIND);
        kind.shared().iter().for_each(|key| drop(settings.remove(*key)));
        Some(Self { name, settings })
    }

    /// The table that it was read from.
    pub(crate) fn table(&self) -> Table {
        let mut table = self.settings.clone();
        table.insert(KIND.into(), Value::String(self.name.clone()));
        table
    }

    /// A setting that is a number.
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.settings.get(key)? {
            Value::Float(number) => Some(*number),
            Value::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }
}

impl Serialize for OwnPart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.table().serialize(serializer)
    }
}

/// Reads a table that names a shipped part, or else gives the own part.
pub(crate) fn shipped_or_own<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    kind: PartKind,
    shipped: impl FnOnce(Value) -> Result<T, toml::de::Error>,
    own: impl FnOnce(OwnPart) -> T,
) -> Result<T, D::Error> {
    let table = Table::deserialize(deserializer)?;
    match OwnPart::of(kind, &table) {
        Some(part) => Ok(own(part)),
        None => shipped(Value::Table(table)).map_err(|error| D::Error::custom(error.message())),
    }
}

/// Writes what all parts of a kind share, with the own part where there is one.
pub(crate) fn serialize_with<S: Serializer>(
    shared: &impl Serialize,
    own: Option<&OwnPart>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match own {
        None => shared.serialize(serializer),
        Some(part) => {
            let mut table = Table::try_from(shared).map_err(serde::ser::Error::custom)?;
            table.extend(part.table());
            table.serialize(serializer)
        }
    }
}

/// Reads what all parts of a kind share, and the own part where one is named.
pub(crate) fn deserialize_with<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    kind: PartKind,
    deserializer: D,
) -> Result<(T, Option<OwnPart>), D::Error> {
    let mut table = Table::deserialize(deserializer)?;
    let own = OwnPart::of(kind, &table);
    match &own {
        Some(_) => table.retain(|key, _| kind.shared().iter().any(|known| **known == *key)),
        // The shipped part's name may be written down.
        None => drop(table.remove(KIND)),
    }
    let shared = serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.inner().message());
        D::Error::custom(if path == "." { message.to_owned() } else { format!("{message}{AT}{path}") })
    })?;
    Ok((shared, own))
}

/// The parts that a program has beside the shipped ones, as far as recipes have to know them.
pub trait Parts {
    /// The names of a kind.
    fn names(&self, kind: PartKind) -> Vec<String>;

    /// The settings of a part, checked, with every default.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    fn settle(&self, kind: PartKind, part: &OwnPart) -> Result<Table>;

    /// Checks a recipe whose parts are settled for what only its parts know: a model's smallest photos, for example.
    ///
    /// # Errors
    /// The first thing that does not fit.
    fn check(&self, recipe: &Recipe) -> Result<()> {
        let _ = recipe;
        Ok(())
    }
}

/// No parts but the shipped ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShippedAlone;

impl Parts for ShippedAlone {
    fn names(&self, _: PartKind) -> Vec<String> {
        Vec::new()
    }

    fn settle(&self, kind: PartKind, part: &OwnPart) -> Result<Table> {
        Err(unknown(kind, part, &[]))
    }
}

/// Any part, with its settings as they stand: for reading recipes that are not run, those of old runs for example.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyParts;

impl Parts for AnyParts {
    fn names(&self, _: PartKind) -> Vec<String> {
        Vec::new()
    }

    fn settle(&self, _: PartKind, part: &OwnPart) -> Result<Table> {
        Ok(part.settings.clone())
    }
}

/// What shipped parts are called elsewhere.
const OTHER_NAMES: [(&str, &str); 11] = [
    ("swish", "silu"),
    ("rectifier", "relu"),
    ("adam", "adamw"),
    ("momentum", "sgd"),
    ("nesterov", "sgd"),
    ("onecycle", "one-cycle"),
    ("cosine", "flat-cosine"),
    ("triangular", "linear"),
    ("crossentropy", "cross-entropy"),
    ("ce", "cross-entropy"),
    ("resnet", "xresnet"),
];

/// The error for a part that a program does not have; `names` are the own parts of that kind that it has.
pub fn unknown(kind: PartKind, part: &OwnPart, names: &[String]) -> RecipeError {
    let known: Vec<&str> = kind.shipped().iter().copied().chain(names.iter().map(String::as_str)).collect();
    let name = &part.name;
    let elsewhere = OTHER_NAMES.iter().find(|(other, _)| name.eq_ignore_ascii_case(other)).map(|(_, ours)| *ours);
    let near = elsewhere.filter(|ours| known.contains(ours)).or_else(|| nearest(name, known.iter().copied()));
    let own = format!("if the {kind} `{name}` is of a program of one's own, run the recipe with that one");
    RecipeError::Setting {
        key: kind.key().into(),
        expected: if known.is_empty() { format!("no {kind}: none is shipped") } else { known.join(" or ") },
        found: format!("`{name}`"),
        hint: near.map_or_else(|| own.clone(), |near| format!("did you mean `{near}`? Or {own}")),
    }
}

/// Reads the settings of a part: as the type that the part is, and as a table with every default.
///
/// # Errors
/// A setting of the wrong type, a missing one, or one that the type does not have.
///
/// # Example
/// ```
/// use imagenette_recipe::{OwnPart, PartKind, settle};
///
/// #[derive(Default, serde::Serialize, serde::Deserialize)]
/// #[serde(default)]
/// struct Swish {
///     beta: f64,
/// }
///
/// let part = OwnPart { name: "swish".into(), settings: "beta = 2".parse()? };
/// let (swish, settings) = settle::<Swish>(PartKind::Activation, &part)?;
/// assert_eq!((swish.beta, settings["beta"].as_float()), (2.0, Some(2.0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn settle<S: Serialize + DeserializeOwned>(kind: PartKind, part: &OwnPart) -> Result<(S, Table)> {
    let refuse = |expected: &str, found: String, hint: &str| RecipeError::Setting {
        key: kind.key().into(),
        expected: expected.into(),
        found,
        hint: hint.into(),
    };
    let settings: S = serde_path_to_error::deserialize(Value::Table(part.settings.clone())).map_err(|error| {
        let inner = error.path().to_string();
        let path = if inner == "." { kind.key().to_owned() } else { format!("{}.{inner}", kind.key()) };
        explain(&path, error.inner().message())
    })?;
    let table = Table::try_from(&settings).map_err(|error| {
        refuse(
            "settings that TOML can hold",
            format!("the settings of `{}`: {error}", part.name),
            "use a struct of numbers, strings, lists and tables",
        )
    })?;
    for key in part.settings.keys() {
        let known: Vec<&str> = table.keys().map(String::as_str).chain(kind.shared().iter().copied()).collect();
        require(
            table.contains_key(key),
            &format!("{}.{key}", kind.key()),
            &format!("a setting of `{}` ({})", part.name, known.join(", ")),
            format!("the unknown key `{key}`"),
            &did_you_mean(key, known.iter().copied()),
        )?;
    }
    Ok((settings, table))
}

impl Recipe {
    /// The parts that are not shipped.
    pub fn own_parts(&self) -> Vec<(PartKind, &OwnPart)> {
        let one = |kind, part: Option<_>| part.map(|part| (kind, part));
        let mut parts: Vec<_> = [
            one(PartKind::Model, self.model.own()),
            one(PartKind::Activation, self.model.activation().and_then(|activation| activation.own())),
            one(PartKind::Loss, self.loss.own.as_ref()),
            one(PartKind::Optimizer, self.optimizer.own()),
            one(PartKind::Schedule, self.schedule.own()),
            one(PartKind::Selection, self.selection.as_ref().and_then(|selection| selection.own.as_ref())),
            one(PartKind::Method, self.unlabeled.as_ref().and_then(Unlabeled::own)),
        ]
        .into_iter()
        .flatten()
        .collect();
        parts.extend(self.augmentation.iter().map(|part| (PartKind::Augmentation, part)));
        parts
    }

    fn own_parts_mut(&mut self) -> Vec<(PartKind, &mut OwnPart)> {
        let one = |kind, part: Option<_>| part.map(|part| (kind, part));
        let model = match self.model.own().is_some() {
            true => one(PartKind::Model, self.model.own_mut()),
            false => one(PartKind::Activation, self.model.own_activation_mut()),
        };
        let mut parts: Vec<_> = [
            model,
            one(PartKind::Loss, self.loss.own.as_mut()),
            one(PartKind::Optimizer, self.optimizer.own_mut()),
            one(PartKind::Schedule, self.schedule.own_mut()),
            one(PartKind::Selection, self.selection.as_mut().and_then(|selection| selection.own.as_mut())),
            one(PartKind::Method, self.unlabeled.as_mut().and_then(Unlabeled::own_mut)),
        ]
        .into_iter()
        .flatten()
        .collect();
        parts.extend(self.augmentation.iter_mut().map(|part| (PartKind::Augmentation, part)));
        parts
    }

    /// Checks the settings of own parts and adds their defaults.
    pub(crate) fn settle(&mut self, parts: &dyn Parts) -> Result<()> {
        for (kind, part) in self.own_parts_mut() {
            part.settings = parts.settle(kind, part)?;
        }
        Ok(())
    }
}
