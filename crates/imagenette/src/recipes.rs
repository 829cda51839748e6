//! Recipes as they are typed: a name or a file, with keys and values put over it.

use std::path::Path;

use anyhow::Context;
use imagenette_files::{Hint, input};
use imagenette_train::Recipe;
use imagenette_train::parts::Parts;
use imagenette_train::recipe::RecipeError;

use crate::terminal::Refusal;
/// Keys of a recipe with the values that are put over it, as TOML.
pub(crate) type Overrides = Vec<(String, String)>;

/// Keys that do not set recipes apart: seeds are counted, and a dataset is known by its content.
pub(crate) const NOT_THE_RECIPE: [&str; 3] = ["seed", "runs", "dataset"];

/// Reads a shipped recipe by its name, or one of the user's by its file.
pub(crate) fn read(named: &str, overrides: &[(String, String)], parts: &Parts) -> anyhow::Result<Recipe> {
    let is_file = named.ends_with(".toml") || named.contains(std::path::MAIN_SEPARATOR);
    if !is_file {
        let text = Recipe::shipped_text(named).map_err(typed)?;
        return Recipe::from_toml_with(text, overrides, parts).map_err(typed);
    }
    let text = input::read_text(Path::new(named), input::TEXT_BYTES)
        .with_context(|| format!("failed to read the recipe {named}"))?;
    Recipe::from_toml_with(&text, overrides, parts).map_err(|error| {
        // What is wrong with the file itself is no matter of what was typed.
        let is_typed = !overrides.is_empty() && Recipe::from_toml_with(&text, &[], parts).is_ok();
        if is_typed { typed(error) } else { anyhow::Error::from(error) }.context(named.to_owned())
    })
}

/// An error in what was typed.
pub(crate) fn typed(error: RecipeError) -> anyhow::Error {
    Refusal::usage(error.to_string(), error.hint().unwrap_or_else(|| "see docs/recipes.md for every key".into()))
}

/// The settings that were typed and change nothing, since the recipe is so without them.
pub(crate) fn idle_settings(
    named: &str,
    set: &[String],
    overrides: &[(String, String)],
    parts: &Parts,
) -> anyhow::Result<Vec<String>> {
    let with = read(named, overrides, parts)?;
    let mut idle = Vec::new();
    for (key, value) in settings(set)? {
        let others: Overrides =
            overrides.iter().filter(|known| **known != (key.clone(), value.clone())).cloned().collect();
        // Without it the others may make no sense; then it changes something.
        if read(named, &others, parts).is_ok_and(|without| without == with) {
            idle.push(format!("{key}={value}"));
        }
    }
    Ok(idle)
}

/// What was typed with `--set` as a part of a folder's name: `activation=silu`.
pub(crate) fn settings_in_names(set: &[String]) -> String {
    let short = |pair: &String| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = key.trim();
        format!("{}={}", key.rsplit('.').next().unwrap_or(key), value.trim())
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || "=.+".contains(c) { c } else { '_' };
    let mut text: String =
        set.iter().map(|pair| format!("-{}", short(pair).chars().map(plain).collect::<String>())).collect();
    // Names of files are limited to 255 bytes.
    text.truncate(100);
    text
}

/// The keys and values of `--set`.
pub(crate) fn settings(set: &[String]) -> anyhow::Result<Overrides> {
    let pair = |pair: &String| match pair.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err(Refusal::usage(
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
pub(crate) fn quoted(text: &str) -> String {
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

    #[test]
    fn settings_that_change_nothing_are_known_and_the_others_are_in_names() {
        let parts = Parts::shipped();
        let set: Vec<String> =
            ["model.activation=gelu", "model.widths=[8, 16]", "loss.label_smoothing=0.2"].map(Into::into).into();
        let overrides = settings(&set).unwrap();
        let idle = idle_settings("default", &set, &overrides, &parts).unwrap();
        assert_eq!(idle, ["model.activation=gelu", "loss.label_smoothing=0.2"]);
        assert_eq!(settings_in_names(&set), "-activation=gelu-widths=_8__16_-label_smoothing=0.2");
        assert_eq!(settings_in_names(&[]), "");
    }
}
