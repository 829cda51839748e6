//! What serde says of data that it cannot read, as people say it: a type of Rust's goes in, words come out.

/// A type as people say it: `u32` is a whole number of 0 or more.
pub fn type_name(name: &str) -> &str {
    match name {
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "bool" | "a boolean" => "true or false",
        "a string" | "string" => "a text",
        "variant identifier" => "a name",
        "a map" | "map" => "a table",
        "a sequence" | "sequence" => "a list",
        other if other.starts_with("struct ") || other.starts_with("internally tagged enum ") => "a table",
        other => other,
    }
}

/// A value that was found, as people say it: `string "many"` is the text "many".
pub fn value(found: &str) -> String {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "string" => format!("the text {value}"),
        "integer" | "boolean" => value.into(),
        "floating" => value.trim_start_matches("point ").into(),
        _ => type_name(found).into(),
    }
}

/// What is wrong with a JSON text, and where: `null where a whole number of 0 or more belongs (line 1, column 204)`.
pub fn json_error(error: &serde_json::Error) -> String {
    match error.line() {
        0 => wrong(error),
        line => format!("{} (line {line}, column {})", wrong(error), error.column()),
    }
}

/// The same of a line of a file of lines, with its number in it: `null where a text belongs (line 7, column 12)`.
pub fn json_line_error(number: usize, error: &serde_json::Error) -> String {
    match error.column() {
        // Of some values only that they are wrong is known.
        0 => format!("{} (line {number})", wrong(error)),
        column => format!("{} (line {number}, column {column})", wrong(error)),
    }
}

/// What is wrong, without the place.
fn wrong(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let message = said.rsplit_once(" at line ").map_or(&said[..], |(message, _)| message);
    let wrong = ["invalid type: ", "invalid value: "].into_iter().find_map(|start| message.strip_prefix(start));
    let length = message.strip_prefix("invalid length ").and_then(|rest| rest.split(", ").next());
    match (wrong.and_then(|wrong| wrong.split_once(", expected ")), length) {
        (Some((found, expected)), _) => format!("{} where {} belongs", value(found), type_name(expected)),
        (None, Some(length)) => format!("a list of {length} where something else belongs"),
        (None, None) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "what cannot be read is looked at, and not what can")]
    struct Counts {
        correct: u64,
        share: f64,
        name: String,
    }

    #[test]
    fn no_word_of_rust_is_left() {
        let said = |text: &str| json_error(&serde_json::from_str::<Counts>(text).unwrap_err());
        for (text, expected) in [
            (r#"{"correct":null}"#, "null where a whole number of 0 or more belongs (line 1, column 15)"),
            (r#"{"correct":-1}"#, "`-1` where a whole number of 0 or more belongs (line 1, column 13)"),
            (
                r#"{"correct":"many"}"#,
                "the text \"many\" where a whole number of 0 or more belongs (line 1, column 17)",
            ),
            ("{\n\"share\":true}", "`true` where a number belongs (line 2, column 12)"),
            (r#"{"name":1.5}"#, "`1.5` where a text belongs (line 1, column 11)"),
            (r#"{"name":[]}"#, "a list where a text belongs (line 1, column 8)"),
            ("[]", "a list of 0 where something else belongs (line 1, column 2)"),
            ("7", "`7` where a table belongs (line 1, column 1)"),
            ("{}", "missing field `correct` (line 1, column 2)"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
        let error = serde_json::from_str::<Counts>(r#"{"name":[]}"#).unwrap_err();
        assert_eq!(json_line_error(7, &error), "a list where a text belongs (line 7, column 8)");
        assert!(said("{").starts_with("EOF while parsing"), "{}", said("{"));
    }
}
