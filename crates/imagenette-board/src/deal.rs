//! Seeds that nobody chooses: a recipe goes in, and the seeds that an entry of it is run with come out.
//!
//! They follow from the season, the recipe and a number. Of the recipe counts what would train otherwise: its name does
//! not, nor do digits of numbers beyond the third, so that a rate of 0.0600000001 is dealt the same seeds as 0.06.
//! Fresh seeds follow from the commit that took an entry in as well, which no author knows beforehand.

use imagenette_files::hash::sha256;
use imagenette_recipe::Recipe;
use sha2::{Digest, Sha256};

/// What seeds are dealt from: a hash that is the same for recipes that differ in name or in far digits alone.
///
/// # Example
/// ```
/// use imagenette_board::deal;
/// use imagenette_recipe::Recipe;
///
/// let text = Recipe::shipped_text("epochs-5")?;
/// let with = |key: &str, value: &str| Recipe::from_toml(text, &[(key.into(), value.into())]);
/// let dealt = |recipe: &Recipe| deal::seed("2026", &deal::recipe_hash(recipe), 1);
/// let recipe = with("seed", "7")?;
/// assert_eq!(dealt(&recipe), dealt(&with("optimizer.learning_rate", "0.0600000001")?));
/// assert_ne!(dealt(&recipe), dealt(&with("optimizer.learning_rate", "0.061")?));
/// # Ok::<(), imagenette_recipe::RecipeError>(())
/// ```
pub fn recipe_hash(recipe: &Recipe) -> String {
    let canonical = recipe.canonical();
    // A draw is numbered with the seeds. Which precision a recipe's choice comes to, a run writes down: it is the
    // machine's.
    let keys = ["name = ", "rules = ", "draw = ", "precision = "];
    let is_named_only = |line: &&str| keys.iter().any(|key| line.starts_with(key));
    let lines = canonical.lines().filter(|line| !is_named_only(line));
    sha256(lines.map(|line| rounded(line) + "\n").collect::<String>())
}

/// A line of a canonical recipe whose numbers have three digits.
fn rounded(line: &str) -> String {
    let (mut text, mut number, mut quoted) = (String::new(), String::new(), false);
    let flush = |text: &mut String, number: &mut String| {
        match number.parse::<f64>() {
            // Whole numbers are counts and sizes.
            Ok(value) if number.contains(['e', '.']) => text.push_str(&format!("{value:.2e}")),
            _ => text.push_str(number),
        }
        number.clear();
    };
    for letter in line.chars() {
        let goes_on = letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '+' | '_');
        if !quoted && goes_on {
            number.push(letter);
            continue;
        }
        flush(&mut text, &mut number);
        quoted ^= letter == '"';
        text.push(letter);
    }
    flush(&mut text, &mut number);
    text
}

/// The seed of this number, from 1, in a season: 48 bits, so that every program can hold it. `from` is
/// [`recipe_hash`], or of an entry of any program the hash of the link to its code.
pub fn seed(season: &str, from: &str, number: u32) -> u64 {
    of(&["imagenette-board", season, from, &number.to_string()])
}

/// The fresh seed of this number, from 1, dealt after the entry was taken in by a commit.
pub fn fresh_seed(season: &str, from: &str, merge_commit: &str, number: u32) -> u64 {
    of(&["imagenette-board-fresh", season, from, merge_commit, &number.to_string()])
}

/// What the seeds of an entry of any program are dealt from: its link, with the commit.
pub fn code_hash(link: &str) -> String {
    sha256(link)
}

fn of(parts: &[&str]) -> u64 {
    let hash = Sha256::digest(parts.join("\n"));
    hash[..6].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(changes: &[(&str, &str)]) -> Recipe {
        let changes: Vec<_> = changes.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(Recipe::shipped_text("epochs-5").unwrap(), &changes).unwrap()
    }

    #[test]
    fn the_seeds_of_a_shipped_recipe_stay() {
        let hash = recipe_hash(&recipe(&[]));
        let seeds: Vec<u64> = (1..=3).map(|number| seed("2026", &hash, number)).collect();
        assert!(seeds.iter().all(|seed| *seed < 1 << 48) && seeds[0] != seeds[1]);
        // As any program computes it: the first 6 bytes of sha256("imagenette-board\n2026\nab\n1").
        assert_eq!(seed("2026", "ab", 1), 170_340_533_885_525);
    }

    #[test]
    fn what_trains_the_same_is_dealt_the_same() {
        let own = recipe_hash(&recipe(&[]));
        let same = [
            &[("name", "'other'")][..],
            &[("seed", "5")],
            &[("optimizer.learning_rate", "0.06000000001")],
            &[("optimizer.learning_rate", "0.0600000000000001"), ("loss.label_smoothing", "0.1000001")],
            &[("dataset", "'imagenette2-160'")],
        ];
        same.iter().for_each(|changes| assert_eq!(recipe_hash(&recipe(changes)), own, "{changes:?}"));
        let other = [&[("optimizer.learning_rate", "0.0601")][..], &[("epochs", "6")], &[("batch_size", "65")]];
        other.iter().for_each(|changes| assert_ne!(recipe_hash(&recipe(changes)), own, "{changes:?}"));
    }

    #[test]
    fn digits_beyond_the_third_are_rounded_outside_of_texts() {
        assert_eq!(rounded("a = [6.00001e-2, 64, 1]"), "a = [6.00e-2, 64, 1]");
        assert_eq!(rounded("a = \"6.00001e-2\""), "a = \"6.00001e-2\"");
        assert_eq!(rounded("a.b-1e5 = 8.5e-1"), "a.b-1e5 = 8.50e-1");
    }

    #[test]
    fn fresh_seeds_depend_on_the_commit_that_took_the_entry_in() {
        let hash = "ab".repeat(32);
        assert_ne!(fresh_seed("2026", &hash, "c1", 1), fresh_seed("2026", &hash, "c2", 1));
        assert_ne!(fresh_seed("2026", &hash, "c1", 1), seed("2026", &hash, 1));
    }
}
