//! How much a run may take, in place of a number of epochs: its length then follows from how fast the machine is.

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::checks::require;
use crate::error::{RecipeError, Result};

/// The key of a budget in recipes.
pub(crate) const BUDGET: &str = "budget";
/// The key that a budget takes the place of.
const EPOCHS: &str = "epochs";

/// How much a run may take, in recipes `budget = { dollars = 0.10 }` or `budget = { minutes = 10 }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// Dollars of the machine's time: every attempt's seconds, a minute at least, and a minute for its start.
    Dollars(f64),
    /// Minutes of the run's processes, from their start to their end.
    Minutes(f64),
}

impl Budget {
    /// Dollars that nobody needs for a run, and minutes of a year.
    const MOST: (f64, f64) = (10_000.0, 525_600.0);

    /// Its key: `budget.dollars`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Dollars(_) => "budget.dollars",
            Self::Minutes(_) => "budget.minutes",
        }
    }

    /// How many dollars or minutes.
    pub fn amount(self) -> f64 {
        let (Self::Dollars(amount) | Self::Minutes(amount)) = self;
        amount
    }

    pub(crate) fn validate(self) -> Result<()> {
        let (most, example) = match self {
            Self::Dollars(_) => (Self::MOST.0, "0.05 to 2.00 dollars are usual: `--budget 0.10`"),
            Self::Minutes(_) => (Self::MOST.1, "give minutes: `--minutes 10`"),
        };
        let amount = self.amount();
        let expected = format!("a number above 0 and at most {most}");
        require(amount > 0.0 && amount <= most, self.key(), &expected, amount.to_string(), example)
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dollars(dollars) => write!(out, "${dollars}"),
            Self::Minutes(minutes) => write!(out, "{minutes} minutes"),
        }
    }
}

/// Whether a dotted key says how much a run may take.
pub(crate) fn is_limit(key: &str) -> bool {
    key == EPOCHS || key == BUDGET || key.split_once('.').is_some_and(|(first, _)| first == BUDGET)
}

/// Takes a recipe's own limit away where a setting that is put over it names one.
///
/// # Errors
/// When several settings name different ones.
pub(crate) fn replace_limit(table: &mut Table, keys: &[String]) -> Result<()> {
    let mut limits = keys.iter().filter(|key| is_limit(key));
    let Some(first) = limits.next() else { return Ok(()) };
    if let Some(other) = limits.find(|key| *key != first) {
        return Err(RecipeError::Setting {
            key: other.clone(),
            expected: "one limit: `epochs`, `budget.minutes` or `budget.dollars`".into(),
            found: format!("`{first}` beside it"),
            hint: "leave one of them out: a budget says by itself how many epochs fit".into(),
        });
    }
    table.remove(EPOCHS);
    table.remove(BUDGET);
    Ok(())
}

/// Refuses a budget that is not dollars alone or minutes alone, in words that say which there are.
pub(crate) fn check_form(table: &Table) -> Result<()> {
    let Some(budget) = table.get(BUDGET) else { return Ok(()) };
    let found = match budget.as_table() {
        Some(table) if table.len() == 1 => return Ok(()),
        Some(table) if table.is_empty() => "neither".into(),
        Some(table) => table.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and "),
        None => budget.to_string(),
    };
    Err(RecipeError::Setting {
        key: BUDGET.into(),
        expected: "dollars or minutes".into(),
        found,
        hint: "for example `budget = { minutes = 10 }` or `budget = { dollars = 0.05 }`".into(),
    })
}

/// Refuses a recipe with no limit or two. `epochs` is 0 where it is left out.
pub(crate) fn check_limit(epochs: u32, budget: Option<Budget>) -> Result<()> {
    match (epochs, budget) {
        (0, None) => Err(RecipeError::Setting {
            key: EPOCHS.into(),
            expected: "1 or more".into(),
            found: "0, or nothing".into(),
            hint: "set `epochs` to 1 or more; or give a budget in its place: `budget = { minutes = 10 }`".into(),
        }),
        (0, Some(budget)) => budget.validate(),
        (_, None) => Ok(()),
        (epochs, Some(budget)) => Err(RecipeError::Setting {
            key: budget.key().into(),
            expected: "one limit: `epochs` or a budget".into(),
            found: format!("{epochs} epochs and {budget}"),
            hint: "leave one of them out: a budget says by itself how many epochs fit".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use crate::{Budget, Recipe, RecipeError};

    fn read(text: &str, overrides: &[(&str, &str)]) -> Result<Recipe, RecipeError> {
        let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(text, &overrides)
    }

    #[test]
    fn a_budget_takes_the_place_of_epochs_and_epochs_that_of_a_budget() {
        let text = Recipe::shipped_text("fast-85").unwrap();
        let recipe = read(text, &[("budget.minutes", "10")]).unwrap();
        assert_eq!((recipe.epochs, recipe.budget), (0, Some(Budget::Minutes(10.0))));
        let written = recipe.to_toml();
        assert!(!written.contains("epochs") && written.contains("[budget]\nminutes = 10.0"), "{written}");
        assert_eq!(read(&written, &[]).unwrap(), recipe);
        let dollars = read(&written, &[("budget.dollars", "0.05")]).unwrap();
        assert_eq!(dollars.budget, Some(Budget::Dollars(0.05)));
        assert_ne!(dollars.canonical_sha256(), recipe.canonical_sha256());
        let back = read(&written, &[("epochs", "4")]).unwrap();
        assert_eq!((back.epochs, back.budget), (4, None));
        assert_eq!(back.canonical_sha256(), read(text, &[]).unwrap().canonical_sha256());
    }

    #[test]
    fn no_limit_two_limits_and_amounts_that_make_no_sense_are_refused() {
        let text = Recipe::shipped_text("fast-85").unwrap();
        let both = text.replacen("epochs = 4", "epochs = 4\nbudget = { minutes = 3 }", 1);
        assert_ne!(both, text);
        let neither = text.replacen("epochs = 4\n", "", 1);
        let cases = [
            (&both[..], None, "budget.minutes: expected one limit: `epochs` or a budget, found 4 epochs and 3 minutes"),
            (&neither, None, "epochs: expected 1 or more, found 0, or nothing"),
            (text, Some(("budget.dollars", "0")), "budget.dollars: expected a number above 0"),
            (text, Some(("budget.dollars", "-1")), "budget.dollars: expected a number above 0"),
            (text, Some(("budget.dollars", "nan")), "budget.dollars: expected a number above 0"),
            (text, Some(("budget.minutes", "inf")), "budget.minutes: expected a number above 0 and at most 525600"),
            (text, Some(("budget.hours", "1")), "budget: expected dollars or minutes, found `hours`"),
            (text, Some(("budget", "3")), "budget: expected dollars or minutes, found 3"),
            (text, Some(("budget", "{}")), "budget: expected dollars or minutes, found neither"),
            (
                text,
                Some(("budget", "{ minutes = 1, dollars = 0.1 }")),
                "budget: expected dollars or minutes, found `dollars` and `minutes`",
            ),
        ];
        for (text, setting, expected) in cases {
            let settings: Vec<(&str, &str)> = setting.into_iter().collect();
            let error = read(text, &settings).expect_err(expected);
            assert!(error.to_string().contains(expected), "{expected}: {error}");
            assert!(error.hint().is_some(), "{error}");
        }
        for (one, other) in [("epochs", "budget.minutes"), ("budget.minutes", "budget.dollars")] {
            let error = read(text, &[(one, "3"), (other, "1")]).unwrap_err();
            let expected = format!("{other}: expected one limit: `epochs`, `budget.minutes` or `budget.dollars`");
            assert!(error.to_string().contains(&expected) && error.hint().is_some(), "{error}");
        }
        // The same one twice: the later value counts.
        assert_eq!(read(text, &[("epochs", "3"), ("epochs", "5")]).unwrap().epochs, 5);
    }
}
