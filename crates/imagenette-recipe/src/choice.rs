//! Recipes that leave a part open until it is known how long the run is: of several settings those are taken that
//! enough epochs fit of.

use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};

use crate::budget::is_limit;
use crate::checks::require;
use crate::error::{RecipeError, Result};
use crate::own::Parts;
use crate::recipe::Recipe;

/// The key of the choices in recipes.
const CHOICES: &str = "choices";
/// The key of a choice's settings.
const SET: &str = "set";
/// What says which run it is, and not how it is trained, stays as it is whatever is chosen.
const STAYS: [&str; 12] =
    ["name", "dataset", "task", "draw", "seed", "runs", "precision", "hold_out", "folds", "rules", "initial", CHOICES];

/// Settings that are taken where enough epochs of them fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The fewest epochs that it is good for: with fewer, an earlier choice is taken.
    pub from_epochs: f64,
    /// The settings that take the place of the recipe's, by the keys that `--set` takes; none: the recipe as it is.
    #[serde(default, deserialize_with = "with_whole_numbers")]
    pub set: Table,
}

/// `1.0` and `1` mean the same, and are one value here.
fn with_whole_numbers<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Table, D::Error> {
    fn whole(value: &mut Value) {
        match value {
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 2f64.powi(53) => {
                *value = Value::Integer(*number as i64);
            }
            Value::Array(values) => values.iter_mut().for_each(whole),
            Value::Table(table) => table.iter_mut().for_each(|(_, value)| whole(value)),
            _ => {}
        }
    }
    let mut table = Table::deserialize(deserializer)?;
    table.iter_mut().for_each(|(_, value)| whole(value));
    Ok(table)
}

impl Recipe {
    /// This recipe with the settings of one of its choices, and nothing left open.
    ///
    /// # Errors
    /// When there is no such choice, or the settings are none of a recipe.
    pub fn with_choice(&self, number: usize, parts: &dyn Parts) -> Result<Self> {
        let settings = self.choices.get(number).map(|choice| &choice.set).ok_or_else(|| RecipeError::Setting {
            key: CHOICES.into(),
            expected: format!("a choice below {}", self.choices.len()),
            found: number.to_string(),
            hint: "choices are counted from 0".into(),
        })?;
        let overrides: Vec<_> = settings.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
        Self { choices: Vec::new(), ..self.clone() }.with_overrides(&overrides, parts)
    }

    /// Which choice is taken where so many epochs of each fit: the last that enough fit of.
    pub fn choice_for(&self, epochs_of: impl Fn(usize) -> f64) -> usize {
        let is_enough = |&number: &usize| epochs_of(number) >= self.choices[number].from_epochs;
        (0..self.choices.len()).rev().find(is_enough).unwrap_or(0)
    }
}

/// Lets what is typed stand: it takes the place of what would be chosen too.
pub(crate) fn yield_to(table: &mut Table, key: &str, value: &Value) {
    let Some(choices) = table.get_mut(CHOICES).and_then(Value::as_array_mut) else { return };
    let is_inside = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    for set in choices.iter_mut().filter_map(|choice| choice.get_mut(SET)?.as_table_mut()) {
        set.retain(|chosen, _| chosen != key && !is_inside(chosen, key));
        // The choice sets the table that it is a key of: it is put over that one.
        if set.keys().any(|chosen| is_inside(key, chosen)) {
            set.insert(key.into(), value.clone());
        }
    }
}

/// Refuses choices of which one would not make a recipe.
pub(crate) fn check(recipe: &Recipe, parts: &dyn Parts) -> Result<()> {
    let mut before = None;
    for (number, Choice { from_epochs, set }) in recipe.choices.iter().enumerate() {
        let key = format!("{CHOICES}[{number}].from_epochs");
        let example = "write them from the shortest run to the longest: from_epochs = 0.0, then 3.0, then 8.0";
        let (holds, expected) = match before {
            None => (*from_epochs == 0.0, "0, since any run is long enough for the first".to_owned()),
            Some(before) => (
                *from_epochs > before && from_epochs.is_finite(),
                format!("more than {before}, that of the choice before"),
            ),
        };
        require(holds, &key, &expected, from_epochs.to_string(), example)?;
        before = Some(*from_epochs);
        for chosen in set.keys() {
            let first = chosen.split('.').next().unwrap_or(chosen);
            let allowed = !is_limit(chosen) && !STAYS.contains(&first);
            let key = format!("{CHOICES}[{number}].{SET}.{chosen}");
            let expected = "a setting of how it is trained";
            let hint = "the limit, the photos and the name are the same whatever is chosen: set them outside";
            require(allowed, &key, expected, format!("`{chosen}`"), hint)?;
        }
        recipe.with_choice(number, parts).map_err(|error| within(error, number))?;
    }
    Ok(())
}

/// An error of a choice's settings, with the choice named.
fn within(error: RecipeError, number: usize) -> RecipeError {
    match error {
        RecipeError::Setting { key, expected, found, hint } => {
            RecipeError::Setting { key: format!("{CHOICES}[{number}].{SET}: {key}"), expected, found, hint }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;
    use crate::own::ShippedAlone;

    const CHOICES_OF_TWO: &str = r#"
        [[choices]]
        from_epochs = 0.0
        set = { resolution = 64, "evaluation.resolution" = 64 }

        [[choices]]
        from_epochs = 3.0
        [choices.set]
        "model.widths" = [16, 32]
        optimizer = { kind = "sgd", learning_rate = 0.2 }
    "#;

    fn read(choices: &str, overrides: &[(&str, &str)]) -> Result<Recipe> {
        let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let text = Recipe::shipped_text("fast-85").unwrap().replacen("epochs = 4", "budget = { minutes = 5 }", 1);
        Recipe::from_toml(&format!("{text}\n{choices}"), &overrides)
    }

    #[test]
    fn the_last_choice_is_taken_that_enough_epochs_fit_of() {
        let recipe = read(CHOICES_OF_TWO, &[]).unwrap();
        let taken = |epochs: [f64; 2]| recipe.choice_for(|number| epochs[number]);
        assert_eq!([taken([9.0, 3.0]), taken([9.0, 2.9]), taken([0.5, 0.1])], [1, 0, 0]);
        let short = recipe.with_choice(0, &ShippedAlone).unwrap();
        assert_eq!((short.evaluation.resolution, short.optimizer.learning_rate()), (64, 0.11));
        let long = recipe.with_choice(1, &ShippedAlone).unwrap();
        assert_eq!((long.evaluation.resolution, long.optimizer.learning_rate()), (128, 0.2));
        assert!(short.choices.is_empty() && !long.to_toml().contains("choices"));
        assert!(recipe.with_choice(2, &ShippedAlone).is_err());
        // What is written down is read as the same, and is another recipe than either.
        assert_eq!(Recipe::from_toml(&recipe.to_toml(), &[]).unwrap(), recipe);
        let hashes = [&recipe, &short, &long].map(Recipe::canonical_sha256);
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2]);
        // Where the epochs are known, nothing is left open.
        for (epochs, taken) in [("2", &short), ("3", &long)] {
            let settled = read(CHOICES_OF_TWO, &[("epochs", epochs)]).unwrap();
            assert!(settled.choices.is_empty() && settled.model == taken.model, "{epochs}");
        }
    }

    #[test]
    fn what_is_typed_stands_whatever_is_chosen() {
        let typed = [
            ("resolution", "128"),
            ("optimizer.learning_rate", "0.3"),
            ("model", "{ kind = 'fast', stem = 8, widths = [8] }"),
        ];
        let recipe = read(CHOICES_OF_TWO, &typed).unwrap();
        for number in 0..2 {
            let chosen = recipe.with_choice(number, &ShippedAlone).unwrap();
            assert_eq!(chosen.optimizer.learning_rate(), 0.3, "{number}");
            assert_eq!(chosen.resolution, crate::schedule::Resolution::Fixed(128));
            assert!(chosen.to_toml().contains("widths = [8]"), "{}", chosen.to_toml());
        }
        // The keys beside it are the choice's.
        assert_eq!(recipe.with_choice(0, &ShippedAlone).unwrap().evaluation.resolution, 64);
        assert!(read(CHOICES_OF_TWO, &[("choices", "[]")]).unwrap().choices.is_empty());
    }

    #[test]
    fn choices_that_make_no_sense_are_refused_by_their_key() {
        let cases = [
            (CHOICES_OF_TWO.replace("0.0", "1.0"), "choices[0].from_epochs: expected 0"),
            (CHOICES_OF_TWO.replace("3.0", "0.0"), "choices[1].from_epochs: expected more than 0"),
            (CHOICES_OF_TWO.replace("3.0", "nan"), "choices[1].from_epochs: expected more than 0"),
            (CHOICES_OF_TWO.replace("resolution = 64,", "epochs = 3,"), "choices[0].set.epochs: expected a setting"),
            (CHOICES_OF_TWO.replace("resolution = 64,", "seed = 3,"), "choices[0].set.seed: expected a setting"),
            (
                CHOICES_OF_TWO.replace("model.widths", "model.width"),
                "choices[1].set: model.width: expected a known key",
            ),
            (CHOICES_OF_TWO.replace("0.2", "-0.2"), "choices[1].set: optimizer.learning_rate"),
            (CHOICES_OF_TWO.replace("set = {", "sets = {"), "choices[0].sets: expected a known key"),
        ];
        for (text, expected) in cases {
            let error = read(&text, &[]).expect_err(expected);
            assert!(error.to_string().contains(expected), "{expected}: {error}");
            assert!(error.hint().is_some(), "{error}");
        }
    }
}
