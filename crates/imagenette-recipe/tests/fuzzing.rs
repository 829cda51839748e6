//! Recipes, which people write by hand, damaged at random: read or refused with a key and a hint, never a panic; and
//! what is read writes itself down as the same recipe.

#[path = "../../imagenette-data/tests/mutation/mod.rs"]
mod mutation;

use std::path::Path;

use imagenette_files::Hint;
use imagenette_recipe::{Recipe, RecipeError};

#[test]
fn recipes() {
    let seeds: Vec<Vec<u8>> = Recipe::shipped().iter().map(|(_, text)| text.as_bytes().to_vec()).collect();
    let words: [&[u8]; 16] = [
        b"nan",
        b"-1",
        b"1e999",
        b"inf",
        b"[",
        b"]\n",
        b"=",
        b"\"",
        b"4294967295",
        b"4294967296",
        b"9223372036854775808",
        b"[65535, 65535]",
        b"groups = 0",
        b"depth = 50",
        b"\"\\u001b]0;x\"",
        b"[[[[[[[[",
    ];
    mutation::fuzz("recipe", &seeds, &words, Path::new(env!("CARGO_TARGET_TMPDIR")), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        match Recipe::from_toml(text, &[]) {
            Ok(recipe) => {
                let again = Recipe::from_toml(&recipe.to_toml(), &[]).expect("what is written down can be read");
                assert_eq!(again.to_toml(), recipe.to_toml());
                let canonical = Recipe::from_toml(&recipe.canonical(), &[]).expect("a canonical text can be read");
                assert_eq!(canonical.canonical_sha256(), recipe.canonical_sha256());
                // What the budget of memory asks before anything is built.
                let _ = recipe.check_steps(10_000);
                assert!(recipe.model.map_numbers(recipe.evaluation.resolution) > 0);
            }
            Err(error) => {
                assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{error}");
                match &error {
                    RecipeError::Setting { key, expected, found, .. } => {
                        assert!(![key, expected, found].into_iter().any(String::is_empty), "{error}");
                    }
                    RecipeError::Syntax { message } => assert!(message.contains("line "), "{error}"),
                    other => panic!("reading needs no dataset: {other}"),
                }
            }
        }
    });
}
