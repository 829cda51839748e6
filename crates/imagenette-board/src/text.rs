//! Texts of authors: a line that says what it shows, and nothing that looks like something else.

use imagenette_files::visible;

/// Marks that may stand above and below one letter.
const MOST_MARKS: usize = 2;

/// What is wrong with a line that an author wrote, of at most so many letters; `None` when nothing is.
pub(crate) fn wrong_line(text: &str, most: usize) -> Option<String> {
    let letters = text.chars().count();
    if text.trim().is_empty() || text.trim() != text {
        return Some("an empty text, or one with spaces around it".into());
    }
    if letters > most {
        return Some(format!("{letters} letters"));
    }
    if let Some(letter) = text.chars().find(|letter| is_hidden(*letter)) {
        return Some(format!("U+{:04X}, which is not seen or turns the line around", u32::from(letter)));
    }
    if let Some(letter) = text.chars().find(|letter| is_double(*letter)) {
        return Some(format!("`{letter}` (U+{:04X}), the twin of a plain letter", u32::from(letter)));
    }
    let mut marks = 0;
    for letter in text.chars() {
        marks = if is_mark(letter) { marks + 1 } else { 0 };
        if marks > MOST_MARKS {
            return Some("more than two marks on one letter".into());
        }
    }
    text.split(|letter: char| !letter.is_alphabetic()).find_map(|word| {
        let mut scripts = word.chars().filter_map(script);
        let first = scripts.next()?;
        let other = scripts.find(|script| *script != first)?;
        Some(format!("`{word}`, a word of {first} and {other} letters"))
    })
}

/// What is wrong with a text of several lines; `None` when nothing is.
pub(crate) fn wrong_text(text: &str) -> Option<String> {
    let is_break = |letter: char| matches!(letter, '\n' | '\t');
    let code = text.chars().find(|letter| is_hidden(*letter) && !is_break(*letter));
    code.map(|letter| format!("U+{:04X}, which is not seen or turns the line around", u32::from(letter)))
}

/// Characters that are not seen: codes, joiners, tags, private ones.
fn is_hidden(letter: char) -> bool {
    visible::is_code(letter)
        || matches!(letter, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}')
        || matches!(letter, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}')
        || matches!(letter, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}')
        || matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
        || (letter.is_whitespace() && letter != ' ')
}

/// Letters that stand for a plain one: of full width, mathematical, in circles.
fn is_double(letter: char) -> bool {
    matches!(letter, '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}' | '\u{2460}'..='\u{24ff}' | '\u{1f100}'..='\u{1f1ff}')
}

fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}')
}

/// The scripts whose letters look alike.
fn script(letter: char) -> Option<&'static str> {
    match letter {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some("Latin"),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some("Greek"),
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' => Some("Cyrillic"),
        '\u{530}'..='\u{58f}' => Some("Armenian"),
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some("Cherokee"),
        _ => None,
    }
}

/// Whether a name may be that of a folder: plain small letters, digits and hyphens, which no system reads otherwise.
pub(crate) fn is_plain_name(name: &str, most: usize) -> bool {
    (1..=most).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
}

/// What is wrong with a link to code at a commit; `None` when nothing is. Whether it leads anywhere is not asked.
pub(crate) fn wrong_code_link(link: &str) -> Option<&'static str> {
    let Some(rest) = link.strip_prefix("https://") else { return Some("a link that does not begin with https://") };
    if link.len() > 300 || !link.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("a link that is long or has other than plain letters");
    }
    if link.contains(['"', '\'', '<', '>', '\\', '`', '{', '}', '|', '^', '%']) {
        return Some("a link with letters that pages read otherwise");
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains(['@', ':']) || !host.contains('.') || host.starts_with('.') || host.ends_with('.') {
        return Some("a link to no plain host");
    }
    if commit_of(link).is_none() {
        return Some("a link without the 40 digits of a commit: what it leads to could change");
    }
    None
}

/// The commit that a link names: 40 hexadecimal digits.
pub(crate) fn commit_of(link: &str) -> Option<&str> {
    link.split(|letter: char| !letter.is_ascii_alphanumeric()).find(|part| is_commit(part))
}

/// Whether a text is the whole hash of a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_it_looks_like() {
        for fine in [
            "Muon and CutMix",
            "Łukasz Åström",
            "Иван Петров",
            "李雷",
            "résumé",
            "50% of <train> & \"more\"",
            "Γ-loss by Ann",
        ] {
            assert_eq!(wrong_line(fine, 80), None, "{fine}");
        }
        let wrong = [
            "",
            " a",
            "a\u{1b}[31mred",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\nb",
            "J\u{435}remy",
            "\u{ff21}dam",
            "\u{1d400}dam",
            "z\u{300}\u{301}\u{302}\u{303}",
            "a\u{e0041}",
            "\u{e000}",
            "a\u{a0}b",
        ];
        for text in wrong {
            assert!(wrong_line(text, 80).is_some(), "{text:?}");
        }
        assert!(wrong_line(&"a".repeat(81), 80).is_some());
        assert!(wrong_text("a\n\tb").is_none() && wrong_text("a\u{7}").is_some());
    }

    #[test]
    fn a_link_leads_to_a_commit_over_https() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(wrong_code_link(&format!("https://github.com/a/b/tree/{commit}")), None);
        let wrong = [
            format!("http://github.com/a/b/tree/{commit}"),
            format!("javascript:alert(1)//{commit}"),
            "https://github.com/a/b/tree/main".into(),
            format!("https://a@evil.example/{commit}"),
            format!("https://evil/{commit}"),
            format!("https://github.com/\"onload=x/{commit}"),
            format!("https://github.com/a b/{commit}"),
            format!("https://github.com/{commit}0"),
            format!("https://githüb.com/{commit}"),
        ];
        wrong.iter().for_each(|link| assert!(wrong_code_link(link).is_some(), "{link}"));
        assert!(is_plain_name("muon-cutmix-2", 60));
        ["", "-a", "a_b", "A", "a/b", "..", "a.b", "é"]
            .iter()
            .for_each(|name| assert!(!is_plain_name(name, 60), "{name}"));
    }
}
