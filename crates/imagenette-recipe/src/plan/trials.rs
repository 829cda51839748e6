//! A sweep's plan: a recipe and lists of values go in, one trial for each combination comes out, with a folder's name
//! that is the same whenever the same trial is planned, so that a sweep can be paused, resumed and widened.

use crate::checks::require;
use crate::error::{RecipeError, Result};
use crate::own::Parts;
use crate::recipe::Recipe;

/// The most trials of a sweep.
const MOST_TRIALS: usize = 10_000;

/// A key with the values that are tried for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The recipe's key: `optimizer.learning_rate`.
    pub key: String,
    /// The values as they are typed.
    pub values: Vec<String>,
}

/// One combination of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The value of each axis, in the order of the axes.
    pub values: Vec<String>,
    /// The recipe with these values.
    pub recipe: Recipe,
}

impl Axis {
    /// Reads `optimizer.learning_rate=0.02,0.04`. Commas inside brackets, braces and quotes belong to a value.
    ///
    /// # Errors
    /// When there is no `=`, or a value is empty.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |found: &str| RecipeError::Setting {
            key: "--set".into(),
            expected: "KEY=VALUE,VALUE,…".into(),
            found: format!("`{found}`"),
            hint: "for example --set optimizer.learning_rate=0.02,0.04".into(),
        };
        let (key, list) = text.split_once('=').ok_or_else(|| refuse(text))?;
        let (mut values, mut depth, mut quote) = (vec![String::new()], 0u32, None);
        for character in list.chars() {
            match (quote, character) {
                (Some(open), _) if character == open => quote = None,
                (None, '"' | '\'') => quote = Some(character),
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') => depth = depth.saturating_sub(1),
                (None, ',') if depth == 0 => {
                    values.push(String::new());
                    continue;
                }
                _ => {}
            }
            values.last_mut().expect("it begins with one").push(character);
        }
        let values: Vec<String> = values.iter().map(|value| value.trim().to_owned()).collect();
        if key.trim().is_empty() || values.iter().any(String::is_empty) {
            return Err(refuse(text));
        }
        Ok(Self { key: key.trim().into(), values })
    }
}

/// Every combination of the axes' values put over a recipe, the last axis changing fastest.
///
/// # Errors
/// When a combination is not a valid recipe: before anything is trained.
pub fn trials(recipe: &Recipe, axes: &[Axis], parts: &dyn Parts) -> Result<Vec<Trial>> {
    let count = axes.iter().fold(1usize, |count, axis| count.saturating_mul(axis.values.len()));
    require(
        count <= MOST_TRIALS,
        "--set",
        &format!("at most {MOST_TRIALS} combinations of values"),
        count.to_string(),
        "try fewer values at once",
    )?;
    let mut combinations: Vec<Vec<String>> = vec![Vec::new()];
    for axis in axes {
        let longer = |values: &Vec<String>| {
            let values = values.clone();
            axis.values.iter().map(move |value| [values.clone(), vec![value.clone()]].concat())
        };
        combinations = combinations.iter().flat_map(longer).collect();
    }
    let trial = |values: Vec<String>| {
        let overrides: Vec<_> = axes.iter().map(|axis| axis.key.clone()).zip(values.iter().cloned()).collect();
        Ok(Trial { recipe: recipe.with_overrides(&overrides, parts)?, values })
    };
    combinations.into_iter().map(trial).collect()
}

impl Trial {
    /// The name of the folder of this trial's run with a seed: the values for people, and the recipe's hash.
    pub fn folder_name(&self, axes: &[Axis], seed: u64) -> String {
        let short = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
        let settings: Vec<String> =
            axes.iter().zip(&self.values).map(|(axis, value)| format!("{}={value}", short(&axis.key))).collect();
        let plain = |c: char| if c.is_ascii_alphanumeric() || "=.-+".contains(c) { c } else { '_' };
        let mut settings: String = settings.join("-").chars().map(plain).collect();
        // Names of files are limited to 255 bytes; the hash tells long ones apart.
        settings.truncate(150);
        format!("{settings}-{}-s{seed}", &self.recipe.sha256()[..8])
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;
    use crate::own::ShippedAlone;

    fn recipe() -> Recipe {
        Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &[]).unwrap()
    }

    #[test]
    fn commas_inside_a_value_belong_to_it() {
        let axis = Axis::parse("model.widths=[8, 16],[8,32]").unwrap();
        assert_eq!(axis.values, ["[8, 16]", "[8,32]"]);
        let axis = Axis::parse("schedule={ kind = \"linear\", warm_up = 0.1 }, { kind = 'flat-cosine' }").unwrap();
        assert_eq!(axis.values.len(), 2);
        assert_eq!(Axis::parse("name='a,b',c").unwrap().values, ["'a,b'", "c"]);
        for text in ["optimizer.learning_rate", "epochs=", "epochs=1,,2", "=1"] {
            let error = Axis::parse(text).unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains("--set")), "{text}: {error}");
        }
    }

    #[test]
    fn every_combination_is_a_trial_with_a_folder_of_its_own() {
        let axes =
            ["optimizer.learning_rate=0.02,0.04", "model.widths=[8,16],[8,32],[8]"].map(|t| Axis::parse(t).unwrap());
        let trials = trials(&recipe(), &axes, &ShippedAlone).unwrap();
        assert_eq!(trials.len(), 6);
        assert_eq!(trials[1].values, ["0.02", "[8,32]"]);
        assert_eq!(trials[5].recipe.optimizer.learning_rate(), 0.04);
        let mut names: Vec<String> = trials.iter().map(|trial| trial.folder_name(&axes, 3)).collect();
        assert!(names[0].starts_with("learning_rate=0.02-widths=_8_16_-") && names[0].ends_with("-s3"), "{names:?}");
        names.dedup();
        assert_eq!(names.len(), 6);
        // A wider sweep finds the runs that are there.
        let wider = [Axis::parse("optimizer.learning_rate=0.01,0.02").unwrap(), axes[1].clone()];
        assert_eq!(super::trials(&recipe(), &wider, &ShippedAlone).unwrap()[3].folder_name(&wider, 3), names[0]);
    }

    #[test]
    fn a_combination_that_makes_no_sense_is_refused_before_anything_is_trained() {
        let axes = [Axis::parse("optimizer.learning_rate=0.02,-1").unwrap()];
        assert!(trials(&recipe(), &axes, &ShippedAlone).is_err());
    }
}
