//! A recipe's canonical text: one text for all recipes that mean the same, so that its hash says whether two runs were
//! made by one recipe, however it was typed and whichever keys were left out.
//!
//! The text is TOML, a line for each key, sorted:
//! - keys are dotted, in their new spelling;
//! - a key is left out where leaving it out means the same, so that the hash stays when a new option with a default is
//!   added;
//! - whole numbers are digits alone, all others have one digit before the point, as few as tell them apart after it,
//!   and an exponent: `1`, `1e0` and `1.0` are `1`, `0.05` is `5e-2`;
//! - `seed`, `runs` and `dataset` are left out: they say which run it is, not how it is trained. So is where initial weights
//!   were found, once their hash is known.

use imagenette_files::hash;
use serde::Deserialize;
use toml::{Table, Value};

use crate::recipe::Recipe;

/// Keys that do not set recipes apart: seeds are counted, and a dataset is known by its content.
const NOT_THE_RECIPE: [&str; 3] = ["seed", "runs", "dataset"];

impl Recipe {
    /// The canonical text: the same for all recipes that mean the same.
    ///
    /// # Example
    /// ```
    /// use imagenette_recipe::Recipe;
    ///
    /// let text = Recipe::shipped_text("default")?;
    /// let change = |key: &str, value: &str| Recipe::from_toml(text, &[(key.into(), value.into())]);
    /// let [one, same, other] =
    ///     [("seed", "7"), ("optimizer.weight_decay", "0.0005"), ("epochs", "6")].map(|(key, value)| change(key, value));
    /// assert_eq!(one?.canonical_sha256(), same?.canonical_sha256());
    /// assert!(other?.canonical().contains("epochs = 6\n"));
    /// # Ok::<(), imagenette_recipe::RecipeError>(())
    /// ```
    pub fn canonical(&self) -> String {
        let written =
            Table::try_from(self).expect("a recipe has only tables, strings, finite numbers and small integers");
        let mut table = written.clone();
        NOT_THE_RECIPE.iter().for_each(|key| drop(table.remove(*key)));
        let mut known = self.clone();
        (known.seed, known.runs, known.dataset) = (0, 1, None);
        // Weights are known by their hash; where they were found is another matter.
        if let Some(initial) = known.initial.as_mut().filter(|initial| initial.weights_sha256.is_some()) {
            (initial.from, initial.origin) = (String::new(), None);
            for key in ["from", "origin"] {
                remove(&mut table, &["initial".to_owned(), key.to_owned()]);
            }
        }
        for path in leaves(&table, &[]) {
            let mut without = table.clone();
            remove(&mut without, &path);
            if Self::deserialize(Value::Table(without.clone())).is_ok_and(|recipe| recipe == known) {
                table = without;
            }
        }
        let mut lines: Vec<String> = leaves(&table, &[])
            .into_iter()
            .map(|path| format!("{} = {}\n", path.join("."), value_text(find(&table, &path))))
            .collect();
        lines.sort_unstable();
        lines.concat()
    }

    /// sha256 of [`Recipe::canonical`], in lower-case hexadecimal.
    pub fn canonical_sha256(&self) -> String {
        hash::sha256(self.canonical())
    }
}

/// The paths of all values that are not tables.
fn leaves(table: &Table, above: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (key, value) in table {
        let path = [above, std::slice::from_ref(key)].concat();
        match value {
            Value::Table(inner) => found.extend(leaves(inner, &path)),
            _ => found.push(path),
        }
    }
    found
}

fn find<'t>(table: &'t Table, path: &[String]) -> &'t Value {
    let (last, above) = path.split_last().expect("a path has at least one key");
    let inner = above.iter().fold(table, |table, key| table[key].as_table().expect("it was walked through"));
    &inner[last]
}

/// Removes a value, and tables that are empty without it.
fn remove(table: &mut Table, path: &[String]) {
    let (first, rest) = path.split_first().expect("a path has at least one key");
    if let (Some(Value::Table(inner)), false) = (table.get_mut(first), rest.is_empty()) {
        remove(inner, rest);
        if !inner.is_empty() {
            return;
        }
    }
    table.remove(first);
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number_text(*number),
        Value::Boolean(value) => value.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(values) => format!("[{}]", values.iter().map(value_text).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let mut pairs: Vec<String> =
                table.iter().map(|(key, value)| format!("{} = {}", key_text(key), value_text(value))).collect();
            pairs.sort_unstable();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// A key as TOML has it: quoted where it is no plain word, as the dotted keys of choices.
fn key_text(key: &str) -> String {
    let is_plain = !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if is_plain { key.to_owned() } else { quoted(key) }
}

fn number_text(number: f64) -> String {
    // Beyond this not every whole number is a float, and an integer would claim digits that nobody wrote.
    let is_whole = number.fract() == 0.0 && number.abs() < 2f64.powi(53);
    if is_whole { (number as i64).to_string() } else { format!("{number:e}") }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => quoted.push_str(&format!("\\U{:08X}", u32::from(character))),
            character => quoted.push(character),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, overrides: &[(&str, &str)]) -> Recipe {
        let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(Recipe::shipped_text(name).unwrap(), &overrides).unwrap()
    }

    #[test]
    fn what_means_the_same_has_the_same_hash_and_another_rate_has_another() {
        let hash = |overrides: &[(&str, &str)]| read("epochs-5", overrides).canonical_sha256();
        let plain = hash(&[]);
        for same in [
            &[("seed", "3"), ("runs", "5"), ("dataset", "imagenette2-160")][..],
            &[("optimizer.learning_rate", "6e-2")],
            &[("optimizer.rest.normalization_rate_factor", "8")],
            &[("optimizer.rest.normalization_rate_factor", "8e0")],
            &[("optimizer.rest.normalisation_rate_factor", "8.0")],
            &[("optimizer.normalise_weights", "true"), ("model.normalisation_momentum", "0.4")],
            // Defaults, written down.
            &[
                ("precision", "auto"),
                ("model.pool", "max"),
                ("optimizer.nesterov", "true"),
                ("model.residual", "false"),
            ],
            &[("optimizer.rest.groups", "{ head_rate_factor = 1, normalization_decay = 0 }")],
        ] {
            assert_eq!(hash(same), plain, "{same:?}");
        }
        for other in [
            ("optimizer.learning_rate", "0.060000000000000005"),
            ("optimizer.nesterov", "false"),
            ("precision", "f32"),
            ("hold_out", "0.1"),
            ("optimizer.rest.groups", "{ bias_decay = 1e-300 }"),
        ] {
            assert_ne!(hash(&[other]), plain, "{other:?}");
        }
    }

    #[test]
    fn old_and_new_spelling_of_a_whole_recipe_give_one_hash() {
        let text = Recipe::shipped_text("fast-85").unwrap();
        let old = text.replace("normalization_", "normalisation_").replace("normalize_weights", "normalise_weights");
        assert!(old != text, "this recipe has keys that were renamed");
        let hash = |text: &str| Recipe::from_toml(text, &[]).unwrap().canonical_sha256();
        assert_eq!(hash(&old), hash(text));
    }

    #[test]
    fn every_canonical_text_is_a_recipe_that_means_the_same() {
        let stages = ("resolution", "[{ from = 0.0, px = 64 }, { from = 0.5, px = 192, batch_size = 8 }]");
        let odd = ("name", "'\"a\\b\u{e9}'");
        for (name, _) in Recipe::shipped() {
            for overrides in [&[][..], &[stages, odd], &[("lookahead", "{ kind = 'rising' }"), ("seed", "4")]] {
                // Ranger has a Lookahead of its own.
                if *name == "fastai-2020" && overrides.iter().any(|(key, _)| *key == "lookahead") {
                    continue;
                }
                let recipe = read(name, overrides);
                let text = recipe.canonical();
                let again = Recipe::from_toml(&text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
                assert_eq!(Recipe { seed: recipe.seed, ..again.clone() }, recipe);
                assert_eq!(again.canonical(), text);
            }
        }
    }

    #[test]
    fn a_canonical_text_stays_as_it_is() {
        // The hash is for records that outlive this program: what changes this text makes every known hash another one.
        assert_eq!(read("default", &[]).canonical(), DEFAULT);
    }

    const DEFAULT: &str = r#"augment.crop.kind = "light"
augment.crop.scale = 1.125e0
augment.flip = "alternating"
batch_size = 64
epochs = 5
evaluation.geometry.kind = "whole"
evaluation.resolution = 64
loss.label_smoothing = 2e-1
model.kind = "fast"
model.stem = 16
model.widths = [32, 64, 128, 256]
name = "default"
optimizer.kind = "sgd"
optimizer.learning_rate = 8e-2
optimizer.momentum = 8.5e-1
optimizer.normalization_rate_factor = 8
optimizer.weight_decay = 5e-4
resolution = 64
schedule.kind = "linear"
schedule.warm_up = 1.5e-1
"#;
}
