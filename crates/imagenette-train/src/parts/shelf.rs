//! Parts of one kind by the names that recipes give them.

use std::fmt;

use imagenette_files::panics::caught;
use imagenette_recipe::{OwnPart, PartKind, RecipeError, settle, unknown};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;

/// Settings of a part: any struct of numbers, strings, lists and structs with serde's two derives. `#[serde(default)]` on it
/// and `Default` give settings that are left out.
pub trait Settings: Serialize + DeserializeOwned + 'static {}

impl<S: Serialize + DeserializeOwned + 'static> Settings for S {}

/// Makes a part of its settings, and gives them back with every default.
type Make<P> = Box<dyn Fn(&OwnPart) -> Result<(P, Table), RecipeError> + Send + Sync>;

/// The parts of one kind.
pub(super) struct Shelf<P> {
    kind: PartKind,
    parts: Vec<(&'static str, Make<P>)>,
}

impl<P> Shelf<P> {
    pub(super) fn new(kind: PartKind) -> Self {
        Self { kind, parts: Vec::new() }
    }

    /// Adds a part: a type whose values are its settings. `validate` checks them, `part` makes the part of them.
    pub(super) fn add<S: Settings>(
        &mut self,
        name: &'static str,
        validate: fn(&S) -> Result<(), String>,
        part: impl Fn(S) -> P + Send + Sync + 'static,
    ) {
        let kind = self.kind;
        let make = move |wanted: &OwnPart| {
            let refuse = |found: String| RecipeError::Setting {
                key: kind.key().into(),
                expected: format!("settings of `{name}` that make sense"),
                found,
                hint: format!("change the settings of `{name}`"),
            };
            // Somebody else's code reads them and checks them.
            let (settings, table) = caught(|| settle::<S>(kind, wanted)).map_err(refuse)??;
            caught(|| validate(&settings)).and_then(|checked| checked).map_err(refuse)?;
            Ok((part(settings), table))
        };
        self.parts.push((name, Box::new(make)));
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.parts.iter().map(|(name, _)| *name).collect()
    }

    /// The part that a recipe names, with its own name and its settings.
    pub(super) fn take(&self, wanted: &OwnPart) -> Result<(&'static str, P, Table), RecipeError> {
        let Some((name, make)) = self.parts.iter().find(|(name, _)| *name == wanted.name) else {
            let names: Vec<String> = self.names().into_iter().map(Into::into).collect();
            return Err(unknown(self.kind, wanted, &names));
        };
        make(wanted).map(|(part, table)| (*name, part, table))
    }
}

impl<P> fmt::Debug for Shelf<P> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.names()).finish()
    }
}
