//! Text as it may leave the program: names in archives, tables and records are other people's, and a terminal obeys
//! control codes.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character does something other than to stand for itself: a control code, or one that turns the direction
/// of what follows, so that a line says something else than it holds.
pub fn is_code(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of several lines for a terminal: ends of lines and tabs stay, every other code is written out, as `\u{1b}`.
///
/// # Example
/// ```
/// use imagenette_files::visible;
///
/// assert_eq!(visible::on_terminal("a\tb\n"), "a\tb\n");
/// assert_eq!(visible::on_terminal("\u{1b}]0;x\u{7}"), "\\u{1b}]0;x\\u{7}");
/// ```
pub fn on_terminal(text: &str) -> Cow<'_, str> {
    replaced(
        text,
        |character| character != '\n' && character != '\t',
        |out, code| {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(code));
        },
    )
}

/// A JSON text, whose strings may hold codes that JSON allows and terminals obey: they become `\u009b`.
pub fn in_json(text: &str) -> Cow<'_, str> {
    replaced(
        text,
        |character| character >= '\u{7f}',
        |out, code| {
            let _ = write!(out, "\\u{:04x}", u32::from(code));
        },
    )
}

/// A text within SVG or HTML: what has a meaning there is escaped, and codes, which XML forbids, are shown as `\u{1b}`.
///
/// # Example
/// ```
/// use imagenette_files::visible;
///
/// assert_eq!(visible::in_markup("<b a='x'>\"&\u{1b}"), "&lt;b a=&#39;x&#39;&gt;&quot;&amp;\\u{1b}");
/// ```
pub fn in_markup(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            character if is_noncharacter(character) => safe.push('\u{fffd}'),
            code if is_code(code) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(code));
            }
            character => safe.push(character),
        }
    }
    safe
}

/// A whole document of SVG or HTML whose texts are escaped already: codes that are left in them are shown as `\u{1b}`.
pub fn in_document(document: String) -> String {
    match on_terminal(&document) {
        Cow::Borrowed(_) if !document.contains(is_noncharacter) => document,
        shown => shown.replace(is_noncharacter, "\u{fffd}"),
    }
}

/// XML 1.0, section 2.2: these are no characters.
fn is_noncharacter(character: char) -> bool {
    matches!(character, '\u{fffe}' | '\u{ffff}')
}

/// The beginning of a text, where it is longer than so many characters, with a mark of what is missing.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

fn replaced(text: &str, matters: impl Fn(char) -> bool, write: impl Fn(&mut String, char)) -> Cow<'_, str> {
    let is_replaced = |character: char| is_code(character) && matters(character);
    if !text.contains(is_replaced) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_replaced(character) { write(&mut shown, character) } else { shown.push(character) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_out_and_words_of_every_language_stay() {
        for text in ["tench, Ærø, 日本語, עברית, e\u{301}", "two\nlines\twith a tab", ""] {
            assert!(matches!(on_terminal(text), Cow::Borrowed(shown) if shown == text));
        }
        assert_eq!(on_terminal("a\rb\u{9b}2J\u{7f}"), "a\\u{d}b\\u{9b}2J\\u{7f}");
        assert_eq!(on_terminal("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
        assert_eq!(in_markup("a\u{0}b\u{ffff}"), "a\\u{0}b\u{fffd}");
        assert_eq!(in_document("<a>b\u{1b}\u{fffe}</a>\n".into()), "<a>b\\u{1b}\u{fffd}</a>\n");
        assert_eq!(shortened("éééé", 2), "éé…");
        assert_eq!(shortened("éé", 2), "éé");
    }

    #[test]
    fn json_stays_json_of_the_same_value() {
        let value = serde_json::json!({ "name": "a\u{9b}\u{202e}\u{1b}\u{7f}é" });
        let text = serde_json::to_string(&value).unwrap();
        let shown = in_json(&text);
        assert!(!shown.contains(is_code), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
