//! Recipes as they are typed: a name or a file, with keys and values put over it.

use anyhow::Context;
use imagenette_train::Recipe;
use imagenette_train::parts::Parts;

use crate::terminal::Refusal;
use std::path::Path;

use imagenette_files::input;

/// Keys of a recipe with the values that are put over it, as TOML.
pub(crate) type Overrides = Vec<(String, String)>;

/// Keys that do not set recipes apart: seeds are counted, and a dataset is known by its content.
pub(crate) const NOT_THE_RECIPE: [&str; 3] = ["seed", "runs", "dataset"];

/// Reads a shipped recipe by its name, or one of the user's by its file.
pub(crate) fn read(named: &str, overrides: &[(String, String)], parts: &Parts) -> anyhow::Result<Recipe> {
    let is_file = named.ends_with(".toml") || named.contains(std::path::MAIN_SEPARATOR);
    if !is_file {
        return Ok(Recipe::from_toml_with(Recipe::shipped_text(named)?, overrides, parts)?);
    }
    let text = input::read_text(Path::new(named), input::TEXT_BYTES)
        .with_context(|| format!("failed to read the recipe {named}"))?;
    Recipe::from_toml_with(&text, overrides, parts).with_context(|| named.to_owned())
}

/// The keys and values of `--set`.
pub(crate) fn settings(set: &[String]) -> anyhow::Result<Overrides> {
    let pair = |pair: &String| match pair.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err(Refusal::error(
            format!("--set: expected KEY=VALUE, found `{pair}`"),
            "for example --set optimizer.momentum=0.9",
        )),
    };
    set.iter().map(pair).collect()
}

/// The dataset of `--dataset`, put over a recipe's own.
pub(crate) fn dataset(named: Option<&str>) -> Option<(String, String)> {
    named.map(|named| ("dataset".to_owned(), quoted(named)))
}

/// A text as a TOML string: a folder's name may look like anything.
fn quoted(text: &str) -> String {
    if text.contains('\'') {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        format!("'{text}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_may_be_named_like_anything() {
        for name in ["imagenette2-160", "12", "a folder", "Ann's \"best\" photos", "C:\\photos", "it's C:\\photos"] {
            let overrides: Overrides = dataset(Some(name)).into_iter().collect();
            let recipe =
                read("default", &overrides, &Parts::shipped()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(recipe.dataset.as_deref(), Some(name));
        }
    }

    #[test]
    fn a_setting_without_a_value_is_refused() {
        assert_eq!(settings(&["epochs = 3".into()]).unwrap(), [("epochs".to_owned(), "3".to_owned())]);
        assert!(settings(&["epochs".into()]).unwrap_err().to_string().contains("expected KEY=VALUE"));
    }
}
