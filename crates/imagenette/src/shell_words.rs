//! Words as a shell takes them: whatever a user typed reaches a command as it is.

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Words as one line of a shell.
pub(crate) fn line<W: AsRef<str>>(words: &[W]) -> String {
    words.iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_a_command_as_they_are() {
        assert_eq!(quoted("optimizer.learning_rate=0.04"), "optimizer.learning_rate=0.04");
        assert_eq!(quoted("model={ kind = 'fast' }"), "'model={ kind = '\\''fast'\\'' }'");
        assert_eq!((quoted(""), quoted("a b;c")), ("''".into(), "'a b;c'".into()));
        assert_eq!(line(&["a b", "c"]), "'a b' c");
    }
}
