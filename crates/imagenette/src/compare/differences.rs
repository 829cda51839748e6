//! What differs between the two sides, key by key.

use std::collections::BTreeSet;

use serde::Serialize;
use toml::{Table, Value};

use imagenette_files::hash;
use imagenette_results::environment::Arithmetic;
use imagenette_train::parts::Parts;

use super::ground::table;
use super::outcome::SideRun;
use super::side::Side;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// The key of a recipe, or what else it is.
    pub(super) what: String,
    pub(super) baseline: Option<String>,
    pub(super) idea: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "(not there)".into());
        write!(f, "{}: {} → {}", self.what, side(&self.baseline), side(&self.idea))
    }
}

/// What is known to differ before anything is trained.
pub(super) fn of_sides(base: &Side, idea: &Side, parts: &Parts) -> anyhow::Result<Vec<Difference>> {
    let mut found = match (settings(base)?, settings(idea)?) {
        (Some(base), Some(idea)) => of_tables(&base, &idea),
        _ if said(base) == said(idea) => Vec::new(),
        _ => vec![Difference { what: "what is run".into(), baseline: Some(said(base)), idea: Some(said(idea)) }],
    };
    let sources = |side: &Side| -> Vec<(String, String)> {
        match side {
            Side::Recipe(recipe) => {
                parts.account(recipe).into_iter().map(|part| (part.name, part.source_sha256)).collect()
            }
            Side::Finished { runs, .. } => runs.first().map(|run| run.parts.clone()).unwrap_or_default(),
            Side::Command(template) => template.files().to_vec(),
        }
    };
    let (ones, others) = (sources(base), sources(idea));
    let names: BTreeSet<&String> = ones.iter().chain(&others).map(|(name, _)| name).collect();
    for name in names {
        let of = |sources: &[(String, String)]| {
            let source = sources.iter().find(|(known, _)| known == name);
            source.map(|(_, sha256)| hash::short(sha256).to_owned())
        };
        if of(&ones) != of(&others) {
            found.push(Difference { what: format!("source of {name}"), baseline: of(&ones), idea: of(&others) });
        }
    }
    Ok(found)
}

/// What engine, device, level and precision the runs of both sides have apart.
pub(super) fn of_arithmetic(base: &[SideRun], idea: &[SideRun]) -> Option<Difference> {
    let (here, there) = (base.first()?.arithmetic.as_ref()?, idea.first()?.arithmetic.as_ref()?);
    // Its text has the precision too; the engine only shows in the changes.
    let with_engine = |arithmetic: &Arithmetic| format!("{arithmetic}, engine {}", hash::short(&arithmetic.engine));
    (here != there).then(|| Difference {
        what: "arithmetic".into(),
        baseline: Some(with_engine(here)),
        idea: Some(with_engine(there)),
    })
}

/// The recipe of a side, if it has one.
fn settings(side: &Side) -> anyhow::Result<Option<Table>> {
    match side {
        Side::Recipe(recipe) => Ok(Some(table(recipe)?)),
        Side::Finished { runs, .. } => Ok(runs.first().and_then(|run| run.recipe.clone())),
        Side::Command(_) => Ok(None),
    }
}

fn said(side: &Side) -> String {
    match side {
        Side::Recipe(recipe) => format!("the recipe `{}`", recipe.name),
        Side::Command(template) => template.text().to_owned(),
        Side::Finished { named, runs } => runs.first().map_or_else(|| named.clone(), |run| run.name.clone()),
    }
}

/// The keys whose values differ, in the order of their names.
fn of_tables(base: &Table, idea: &Table) -> Vec<Difference> {
    let (base, idea) = (leaves(base), leaves(idea));
    let keys: BTreeSet<&String> = base.iter().chain(&idea).map(|(key, _)| key).collect();
    let value = |leaves: &[(String, String)], key: &String| {
        leaves.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    };
    // What a recipe is called is no difference.
    keys.into_iter()
        .filter(|key| *key != "name")
        .map(|key| Difference { what: key.clone(), baseline: value(&base, key), idea: value(&idea, key) })
        .filter(|difference| difference.baseline != difference.idea)
        .collect()
}

/// All values that are no tables, by their paths.
fn leaves(table: &Table) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                found.extend(leaves(inner).into_iter().map(|(below, value)| (format!("{key}.{below}"), value)));
            }
            value => found.push((key.clone(), value.to_string())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_differ_key_by_key() {
        let table = |text: &str| text.parse::<Table>().unwrap();
        let base = table("epochs = 5\nmodel = { stem = 8, activation = 'relu' }\nloss = { smoothing = 0.1 }");
        let idea = table("epochs = 5\nmodel = { stem = 8, activation = 'silu' }\nema = { decay = 0.9 }");
        let found: Vec<String> = of_tables(&base, &idea).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "ema.decay: (not there) → 0.9",
                "loss.smoothing: 0.1 → (not there)",
                "model.activation: \"relu\" → \"silu\""
            ]
        );
        assert_eq!(of_tables(&base, &base), []);
    }
}
