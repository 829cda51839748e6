//! Keys whose spelling has changed: old recipes are still read, and what is written has the new spelling.

use toml::{Table, Value};

use crate::error::{RecipeError, Result};

/// Old and new spellings. None of these words means anything else in any table of a recipe.
const RENAMED: [(&str, &str); 6] = [
    ("learned_scale", "learned_gain"),
    ("normalisation_decay", "normalization_decay"),
    ("normalisation_momentum", "normalization_momentum"),
    ("normalisation_rate_factor", "normalization_rate_factor"),
    ("normalise_weights", "normalize_weights"),
    ("unlabelled", "unlabeled"),
];

/// A key in its new spelling.
fn today(key: &str) -> &str {
    RENAMED.iter().find(|(old, _)| *old == key).map_or(key, |(_, new)| new)
}

/// Whether a key has an old spelling.
pub(crate) fn is_old(key: &str) -> bool {
    RENAMED.iter().any(|(old, _)| *old == key)
}

/// A dotted key with each part in its new spelling.
pub(crate) fn dotted_today(key: &str) -> String {
    key.split('.').map(today).collect::<Vec<_>>().join(".")
}

/// Gives all keys of a table, and of the tables in it, their new spelling; `path` is the table's own key.
///
/// # Errors
/// When a key is there in both spellings.
pub(crate) fn modernize(table: &mut Table, path: &str) -> Result<()> {
    for (old, new) in RENAMED {
        let Some(value) = table.remove(old) else { continue };
        if table.contains_key(new) {
            let key = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            return Err(RecipeError::Setting {
                key: key(new),
                expected: "one spelling of this key".into(),
                found: format!("both `{}` and `{}`", key(new), key(old)),
                hint: format!("leave out `{old}`: it is the old spelling of `{new}`"),
            });
        }
        table.insert(new.into(), value);
    }
    for (key, value) in table.iter_mut() {
        modernize_value(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") })?;
    }
    Ok(())
}

/// [`modernize`] of the tables in a value.
pub(crate) fn modernize_value(value: &mut Value, path: &str) -> Result<()> {
    match value {
        Value::Table(inner) => modernize(inner, path),
        Value::Array(values) => values.iter_mut().try_for_each(|value| modernize_value(value, path)),
        _ => Ok(()),
    }
}
