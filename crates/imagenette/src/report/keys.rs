//! A recipe, key by key, with a line about each. The lines are the documentation of the settings' own types, taken from
//! their source when the program is built, so that they are said once.

use std::fmt::Write;

use toml::{Table, Value};

use crate::page::{escaped, with_code};

/// Type, field and the first sentence of the field's documentation, tab-separated, in the order of the source.
const FIELDS: &str = include_str!(concat!(env!("OUT_DIR"), "/settings.tsv"));

/// What is said of the key that names which of several things is meant.
const KIND: &str = "Which of those that there are; the settings beside it are its own.";

/// A documented field.
struct Field<'f> {
    of: &'f str,
    name: &'f str,
    said: &'f str,
}

fn fields() -> impl Iterator<Item = Field<'static>> {
    FIELDS.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t');
        Some(Field { of: parts.next()?, name: parts.next()?, said: parts.next()? })
    })
}

/// What a key means, `optimizer.rest.momentum` for example, where `kinds` are the values of `kind` in the tables
/// around it, the nearest first; `None` where nothing is known of it, as of a setting of somebody's own part.
pub(super) fn meaning(key: &str, kinds: &[&str]) -> Option<&'static str> {
    let mut path: Vec<&str> = key.split('.').collect();
    let name = path.pop()?;
    let mut best: Option<(usize, &'static str)> = None;
    for field in fields().filter(|field| field.name == name) {
        let of = field.of.to_lowercase();
        // The stages of a resolution are a type of their own.
        let plain = |word: &str| match word {
            "resolution" => "stage".to_owned(),
            "choices" => "choice".to_owned(),
            word => word.replace(['-', '_'], "").to_lowercase(),
        };
        // A field of the type that the nearest `kind` or table names is meant; the recipe's own are at the top.
        let by_kind = kinds.iter().position(|kind| of.contains(&plain(kind))).map(|place| 40 - place);
        let by_table = path.iter().rev().position(|table| of.contains(&plain(table))).map(|place| 20 - place);
        let by_top = (path.is_empty() && field.of == "Recipe").then_some(60);
        let Some(score) = by_kind.max(by_table).max(by_top) else { continue };
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, field.said));
        }
    }
    best.map(|(_, said)| said)
}

/// Every key of a recipe with its value, tables in tables by their paths, and the kinds around it.
fn keys<'t>(table: &'t Table, above: &str, kinds: &[&'t str], found: &mut Vec<(String, String, Vec<&'t str>)>) {
    let own = table.get("kind").and_then(Value::as_str);
    let kinds: Vec<&str> = own.into_iter().chain(kinds.iter().copied()).collect();
    for (key, value) in table {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            Value::Table(below) => keys(below, &path, &kinds, found),
            Value::Array(list) if list.iter().all(Value::is_table) && !list.is_empty() => {
                for (place, below) in list.iter().filter_map(Value::as_table).enumerate() {
                    let place = format!("{path}.{}", place + 1);
                    keys(below, &place, &kinds, found);
                }
            }
            value => found.push((path, value.to_string(), kinds.clone())),
        }
    }
}

/// The same of a whole recipe. A key of a choice's settings is told by what the recipe has in that place.
fn all_keys(recipe: &Table) -> Vec<(String, String, Vec<&str>)> {
    let mut found = Vec::new();
    keys(recipe, "", &[], &mut found);
    for (key, _, kinds) in found.iter_mut().filter(|(key, ..)| key.starts_with("choices.")) {
        let place = key.split_once(".set.").and_then(|(_, set)| set.split('.').next());
        let kind = place.and_then(|place| recipe.get(place)?.get("kind")?.as_str());
        kinds.extend(kind);
    }
    found
}

/// Every key of a recipe with its value.
pub(super) fn values(recipe: &Table) -> Vec<(String, String)> {
    all_keys(recipe).into_iter().map(|(key, value, _)| (key, value)).collect()
}

/// The section of a page.
pub(super) fn section(page: &mut String, recipe: &Table) {
    let mut found = all_keys(recipe);
    // What stands at the top comes first, as in the file.
    found.sort_by_key(|(key, ..)| key.contains('.'));
    page.push_str(
        "<h2>The recipe</h2>\n<details><summary>Every key, with what it means</summary>\n\
         <div class=\"wide\" tabindex=\"0\"><table>\n",
    );
    for (key, value, kinds) in &found {
        let name = key.split('.').filter(|part| part.parse::<u32>().is_err()).collect::<Vec<_>>().join(".");
        let said = meaning(&name, kinds).unwrap_or_else(|| if name.ends_with(".kind") { KIND } else { "" });
        let _ = writeln!(
            page,
            "<tr><th><code>{}</code></th><td><code>{}</code></td><td class=\"said\">{}</td></tr>",
            escaped(key),
            escaped(value),
            with_code(said)
        );
    }
    page.push_str("</table></div></details>\n");
}

#[cfg(test)]
mod tests {
    use imagenette_train::Recipe;
    use imagenette_train::parts::Parts;

    use super::*;

    #[test]
    fn every_key_of_every_shipped_recipe_has_a_line() {
        for (name, text) in Recipe::shipped() {
            // What no shipped recipe has yet comes in turn.
            let strong = ["rand-augment", "trivial-augment", "sim-clr"][name.len() % 3];
            let strongly = [("augment.strong", strong), ("augment.cutout", "{ size = 0.5 }")];
            let strongly = strongly.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let recipe = Recipe::from_toml_with(text, &strongly, &Parts::shipped()).unwrap();
            let table: Table = toml::from_str(&recipe.to_toml()).unwrap();
            let found = all_keys(&table);
            assert!(found.len() > 15, "{name}: {} keys", found.len());
            for (key, _, kinds) in &found {
                let plain = key.split('.').filter(|part| part.parse::<u32>().is_err()).collect::<Vec<_>>().join(".");
                // What kind of thing a table is is told by its value.
                if plain.ends_with("kind") {
                    continue;
                }
                assert!(meaning(&plain, kinds).is_some_and(|said| said.ends_with('.')), "{name}: {key}, {kinds:?}");
            }
        }
    }

    #[test]
    fn a_key_is_told_by_the_type_that_its_kind_names() {
        let muon = meaning("optimizer.learning_rate", &["muon"]).unwrap();
        let sgd = meaning("optimizer.rest.momentum", &["sgd", "muon"]).unwrap();
        assert!(!muon.is_empty() && !sgd.is_empty());
        assert!(
            meaning("epochs", &[]).unwrap().contains("how often")
                || meaning("epochs", &[]).unwrap().contains("How often")
        );
        let strength = meaning("augment.strong.strength", &["sim-clr"]).unwrap();
        assert!(strength.contains("distorted"), "{strength}");
        let of = |key| meaning(key, &["rand-augment"]).unwrap();
        assert!(
            of("augment.strong.magnitude").contains("0 to 30") && of("augment.strong.operations").contains("follow")
        );
        assert!(meaning("augment.cutout.size", &[]).unwrap().contains("cut out"));
        assert!(meaning("augment.cutout.probability", &[]).unwrap().contains("cut from"));
        let budget = ["budget.minutes", "budget.dollars"].map(|key| meaning(key, &[]).unwrap());
        assert!(budget[0].starts_with("Minutes") && budget[1].starts_with("Dollars"), "{budget:?}");
        assert_eq!(meaning("optimizer.of_my_own", &["lion"]), None);
    }
}
