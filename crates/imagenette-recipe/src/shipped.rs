//! The recipes that come with the program: the files in `recipes/`, embedded.

use imagenette_files::nearest::nearest;

use crate::error::{RecipeError, Result};
use crate::recipe::Recipe;

const SHIPPED: [(&str, &str); 12] = [
    ("default", include_str!("../../../recipes/default.toml")),
    ("quick", include_str!("../../../recipes/quick.toml")),
    ("fast-85", include_str!("../../../recipes/fast-85.toml")),
    ("fast-90", include_str!("../../../recipes/fast-90.toml")),
    ("epochs-5", include_str!("../../../recipes/epochs-5.toml")),
    ("epochs-10", include_str!("../../../recipes/epochs-10.toml")),
    ("epochs-30", include_str!("../../../recipes/epochs-30.toml")),
    ("epochs-60", include_str!("../../../recipes/epochs-60.toml")),
    ("dollars", include_str!("../../../recipes/dollars.toml")),
    ("fastai-2020", include_str!("../../../recipes/fastai-2020.toml")),
    ("m128", include_str!("../../../recipes/m128.toml")),
    ("resnet18", include_str!("../../../recipes/resnet18.toml")),
];

impl Recipe {
    /// The names and texts of the recipes that come with the program.
    pub fn shipped() -> &'static [(&'static str, &'static str)] {
        &SHIPPED
    }

    /// The text of a shipped recipe.
    ///
    /// # Errors
    /// When there is none of that name; the hint names the nearest.
    pub fn shipped_text(name: &str) -> Result<&'static str> {
        SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text).ok_or_else(|| {
            let names = SHIPPED.map(|(shipped, _)| shipped);
            RecipeError::Setting {
                key: "name".into(),
                expected: format!("one of {}", names.join(", ")),
                found: format!("`{name}`"),
                hint: match nearest(name, names) {
                    Some(near) => {
                        format!("did you mean `{near}`? A recipe of your own is named by its file: `{name}.toml`")
                    }
                    None => format!("a recipe of your own is named by its file: `{name}.toml`"),
                },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;
    use crate::own::AnyParts;

    #[test]
    fn every_shipped_recipe_is_valid_and_bears_its_name() {
        for (name, text) in SHIPPED {
            let recipe = Recipe::from_toml(text, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(recipe.name, name);
            assert!(text.starts_with("# "), "{name}: a header says what it is");
            assert!(name == "default" || name == "resnet18" || text.contains("\n# Expected: "), "{name}");
        }
    }

    #[test]
    fn every_recipe_in_the_reference_is_valid() {
        let blocks: Vec<&str> = include_str!("../../../docs/recipes.md").split("```toml\n").skip(1).collect();
        assert_eq!(blocks.len(), 3);
        for block in blocks {
            let text = block.split("```").next().unwrap();
            // One of its parts is settled where it is trained.
            Recipe::from_toml_with(text, &[], &AnyParts).unwrap_or_else(|error| panic!("{error}\n{text}"));
        }
    }

    #[test]
    fn a_misspelt_recipe_is_answered_with_the_nearest() {
        let error = Recipe::shipped_text("m182").unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("`m128`")), "{error}");
    }
}
