//! The word that was probably meant when an unknown one was typed.

/// The known word nearest to what was typed, when it is near enough: at most one edit, and one more for every three
/// letters of the known word.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(typed, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.chars().count() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// A hint for an unknown word: the nearest known one, or else all of them.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(typed, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there is none yet".into(),
        None => format!("known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("momentun", ["momentum", "decay"]), Some("momentum"));
        assert_eq!(nearest("m129", ["m128", "default"]), Some("m128"));
        assert_eq!(nearest("xyz", ["momentum", "decay"]), None);
        assert_eq!(did_you_mean("xyz", ["momentum", "decay"]), "known here: momentum, decay");
        assert_eq!(did_you_mean("deacy", ["momentum", "decay"]), "did you mean `decay`?");
    }
}
