//! How a training sample is made from its photo: the crop and the flip, and what changes its pixels after them.

use imagenette_data::augment::{Augment, Crop, Cutout, Flip, Strong};
use serde::de::{DeserializeOwned, Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};

use crate::error::Result;
use crate::own::{AT, KIND};
use crate::validate::inside;

/// How a training sample is made from its photo.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentConfig {
    /// Which part of the photo.
    pub crop: Crop,
    /// Whether it is mirrored.
    pub flip: Flip,
    /// How its pixels are changed strongly.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "named_or_whole")]
    pub strong: Option<Strong>,
    /// What square is cut out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<Cutout>,
}

impl AugmentConfig {
    /// The crop and the flip; `stage` is the crop of a stage of the resolution, which takes the place of the recipe's.
    pub fn crop_and_flip(&self, stage: Option<Crop>) -> Augment {
        Augment { crop: stage.unwrap_or(self.crop), flip: self.flip }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        self.crop_and_flip(None)
            .validate()
            .and_then(|()| self.strong.map_or(Ok(()), |strong| strong.validate()))
            .and_then(|()| self.cutout.map_or(Ok(()), |cutout| cutout.validate()))
            .map_err(|error| inside(error, "augment"))
    }
}

/// A policy by its name alone, with its usual settings, or with settings.
fn named_or_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Strong>, D::Error> {
    let table = match Value::deserialize(deserializer)? {
        Value::String(name) => Table::from_iter([(KIND.to_owned(), Value::String(name))]),
        Value::Table(table) => table,
        other => {
            let found = match &other {
                Value::Integer(number) => Unexpected::Signed(*number),
                Value::Float(number) => Unexpected::Float(*number),
                Value::Boolean(value) => Unexpected::Bool(*value),
                Value::Array(_) => Unexpected::Seq,
                _ => Unexpected::Other("something else"),
            };
            return Err(D::Error::invalid_type(found, &"the name of a policy or a table"));
        }
    };
    let mut settings = table.clone();
    let kind = settings.remove(KIND);
    // By its own type, since a choice of types forgets which key was wrong.
    let strong = match kind.as_ref().and_then(Value::as_str) {
        Some("rand-augment") => part(settings).map(Strong::RandAugment),
        Some("trivial-augment") => part(settings).map(Strong::TrivialAugment),
        Some("sim-clr") => part(settings).map(Strong::SimClr),
        // Its error says what is known.
        _ => part(table),
    };
    strong.map(Some)
}

/// A table's settings; an error says which key of it is wrong.
fn part<T: DeserializeOwned, E: serde::de::Error>(table: Table) -> Result<T, E> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.inner().message());
        E::custom(if path == "." { message.to_owned() } else { format!("{message}{AT}{path}") })
    })
}

#[cfg(test)]
mod tests {
    use imagenette_data::augment::{RandAugment, Resampling, SimClr};
    use imagenette_files::Hint;

    use super::*;
    use crate::error::RecipeError;
    use crate::recipe::Recipe;

    fn read(overrides: &[(&str, &str)]) -> Result<Recipe, RecipeError> {
        let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(Recipe::shipped_text("m128").unwrap(), &overrides)
    }

    #[test]
    fn policies_are_read_from_names_tables_and_dotted_keys() {
        let strong = |overrides: &[(&str, &str)]| read(overrides).unwrap().augment.strong.unwrap();
        let usual = Strong::RandAugment(RandAugment::default());
        assert_eq!(strong(&[("augment.strong", "rand-augment")]), usual);
        assert_eq!(strong(&[("augment.strong.kind", "rand-augment")]), usual);
        let table = "{ kind = 'rand-augment', operations = 3, magnitude = 10, resampling = 'bilinear' }";
        let three = RandAugment { operations: 3, magnitude: 10, resampling: Resampling::Bilinear };
        assert_eq!(strong(&[("augment.strong", table)]), Strong::RandAugment(three));
        let half = [("augment.strong.kind", "sim-clr"), ("augment.strong.strength", "0.5")];
        assert_eq!(strong(&half), Strong::SimClr(SimClr { strength: 0.5, ..SimClr::default() }));
        let cutout = read(&[("augment.cutout", "{ size = 0.5 }")]).unwrap().augment.cutout;
        assert_eq!(cutout, Some(Cutout { size: 0.5, probability: 1.0 }));
    }

    #[test]
    fn recipes_without_them_say_nothing_of_them_and_those_with_them_have_hashes_of_their_own() {
        let plain = read(&[]).unwrap();
        assert!(!plain.to_toml().contains("strong") && !plain.to_toml().contains("cutout"));
        let mut hashes = vec![plain.canonical_sha256()];
        for value in ["rand-augment", "trivial-augment", "sim-clr", "{ kind = 'rand-augment', magnitude = 10 }"] {
            let recipe = read(&[("augment.strong", value), ("augment.cutout.size", "0.5")]).unwrap();
            assert_eq!(Recipe::from_toml(&recipe.to_toml(), &[]).unwrap(), recipe);
            let canonical = recipe.canonical();
            assert_eq!(Recipe::from_toml(&canonical, &[]).unwrap().canonical(), canonical);
            hashes.push(recipe.canonical_sha256());
        }
        // What is usual may be written down.
        let written = read(&[("augment.strong", "{ kind = 'sim-clr', jitter = 0.8, blur_sigma_px = [0.1, 2.0] }")]);
        let named = read(&[("augment.strong", "sim-clr")]).unwrap();
        assert_eq!(written.unwrap().canonical_sha256(), named.canonical_sha256());
        assert!(named.canonical().contains("augment.strong.kind = \"sim-clr\"\n"), "{}", named.canonical());
        hashes.push(named.canonical_sha256());
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 6);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key_with_a_hint() {
        for (key, value, message, hint) in [
            (
                "augment.strong",
                "rand-augmnt",
                "augment.strong.kind: expected rand-augment or",
                "did you mean `rand-augment`?",
            ),
            (
                "augment.strong",
                "3",
                "augment.strong: expected the name of a policy or a table, found `3`",
                "docs/recipes.md",
            ),
            (
                "augment.strong",
                "{ magnitude = 3 }",
                "augment.strong.kind: expected a value, found nothing",
                "add `kind",
            ),
            (
                "augment.strong",
                "{ kind = 'rand-augment', magnitud = 3 }",
                "augment.strong.magnitud: expected a known key",
                "did you mean `magnitude`?",
            ),
            (
                "augment.strong",
                "{ kind = 'rand-augment', magnitude = 31 }",
                "augment.strong.magnitude: expected a whole number from 0 to 30, found 31",
                "9 and 10",
            ),
            (
                "augment.strong",
                "{ kind = 'rand-augment', magnitude = 9.5 }",
                "augment.strong.magnitude: expected a whole number",
                "",
            ),
            ("augment.strong", "{ kind = 'rand-augment', operations = 0 }", "augment.strong.operations", "2 is usual"),
            ("augment.strong", "{ kind = 'sim-clr', strength = -1.0 }", "augment.strong.strength", "0.5 suits"),
            ("augment.strong", "{ kind = 'sim-clr', blur_sigma_px = [2.0, 0.1] }", "blur_sigma_px", "[0.1, 2.0]"),
            ("augment.strong", "{ kind = 'rand-augment', resampling = 'cubic' }", "expected nearest or bilinear", ""),
            ("augment.cutout", "{ size = 1.5 }", "augment.cutout.size: expected a share of the side", "0.5 is usual"),
            ("augment.cutout", "{ probability = 0.5 }", "augment.cutout.size: expected a value", "add `size"),
            ("augment.cutout", "0.5", "augment.cutout", ""),
            ("augment.stron", "rand-augment", "augment.stron: expected a known key", "did you mean `strong`?"),
        ] {
            let error = read(&[(key, value)]).expect_err(value);
            let (text, said) = (error.to_string(), error.hint().unwrap_or_default());
            assert!(text.contains(message) && said.contains(hint), "{value}\n{text}\nhint: {said}");
        }
    }
}
