//! Texts in YAML: a block where every letter of it may stand in one, else a quoted scalar with its codes escaped.

/// A text as a scalar in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            _ if is_plain(letter) => quoted.push(letter),
            _ if u32::from(letter) <= 0xff => quoted.push_str(&format!("\\x{:02x}", u32::from(letter))),
            _ => quoted.push_str(&format!("\\u{:04x}", u32::from(letter))),
        }
    }
    quoted.push('"');
    quoted
}

/// A text of lines as the value of a key, from after its colon to the end of the line: a block that is indented so
/// far.
pub(super) fn block(text: &str, indent: usize) -> String {
    let fits = text.chars().all(|letter| letter == '\n' || is_plain(letter)) && text.ends_with('\n');
    if !fits || text.starts_with(' ') || text.ends_with("\n\n") {
        return format!(" {}\n", quoted(text));
    }
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{}{line}\n", " ".repeat(indent)) };
    format!(" |\n{}", text.lines().map(line).collect::<String>())
}

/// Whether a letter stands in YAML as it is, and breaks no line.
pub(super) fn is_plain(letter: char) -> bool {
    let is_odd = matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    !letter.is_control() && !is_odd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_yaml_does_not_take_are_escaped() {
        assert_eq!(quoted("a \"b\" \\ é😀"), "\"a \\\"b\\\" \\\\ é😀\"");
        assert_eq!(quoted("\u{1b}\n\r\t\u{85}\u{2028}\u{feff}"), "\"\\x1b\\n\\x0d\\x09\\x85\\u2028\\ufeff\"");
        assert_eq!(block("a\n\n  b: '#'\n", 2), " |\n  a\n\n    b: '#'\n");
        assert_eq!(block("a\tb\n", 2), " \"a\\x09b\\n\"\n");
        assert_eq!(block("a", 2), " \"a\"\n");
    }
}
