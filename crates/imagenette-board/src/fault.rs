//! One thing that is wrong with a file of the board: which, what was expected and found, and what to do.

use std::fmt;
use std::path::Path;

use imagenette_files::{FileError, Hint, visible};
use imagenette_recipe::RecipeError;
use imagenette_results::ResultsError;
use serde::Serialize;

/// The longest part of a fault's line: what strangers write may be long.
const LONGEST: usize = 300;

/// One thing that is wrong, in a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The file or folder, from the board's folder on, with `/`.
    pub file: String,
    /// What the rules ask for.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What its author can do.
    pub hint: String,
}

impl Fault {
    /// A fault of a file. Codes that a terminal would obey are written out, and long texts are cut.
    pub fn new(
        file: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            file: clean(&file.into()),
            expected: clean(&expected.into()),
            found: clean(&found.into()),
            hint: clean(&hint.into()),
        }
    }

    /// What a file's error says, about a file of the board.
    pub(crate) fn of_file(file: &str, error: &FileError) -> Self {
        let hint = error.hint().unwrap_or_default();
        match error {
            FileError::Malformed { expected, found, .. } => Self::new(file, expected, found, hint),
            FileError::Io { source, .. } => Self::new(file, "a file that can be read", source.to_string(), hint),
            error => Self::new(file, "a file that can be read", error.to_string(), hint),
        }
    }

    /// What the check of a run says, about a file of the board.
    pub(crate) fn of_results(root: &Path, file: &str, error: &ResultsError) -> Self {
        let hint = error.hint().unwrap_or_default();
        match error {
            ResultsError::File(error @ FileError::Malformed { path, .. }) => {
                Self::of_file(&relative(root, path).unwrap_or_else(|| file.into()), error)
            }
            ResultsError::File(error) => Self::of_file(file, error),
            ResultsError::Samples { problem, path, .. } => {
                let file = relative(root, path).unwrap_or_else(|| file.into());
                Self::new(file, "predictions of each photo once", problem, hint)
            }
            error => Self::new(file, "a run whose files belong together", error.to_string(), hint),
        }
    }

    pub(crate) fn of_recipe(file: &str, error: &RecipeError) -> Self {
        let hint = error.hint().unwrap_or_default();
        match error {
            RecipeError::Setting { key, expected, found, .. } => {
                Self::new(file, format!("{key}: {expected}"), found, hint)
            }
            error => Self::new(file, "a recipe", error.to_string(), hint),
        }
    }
}

/// A path below the board's folder, with `/`.
pub(crate) fn relative(root: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?;
    Some(below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}

fn clean(text: &str) -> String {
    let line: String =
        text.chars().map(|letter| if matches!(letter, '\n' | '\r' | '\t') { ' ' } else { letter }).collect();
    visible::on_terminal(&visible::shortened(&line, LONGEST)).into_owned()
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, expected, found, hint } = self;
        write!(out, "{file}: expected {expected}, found {found}")?;
        if hint.is_empty() { Ok(()) } else { write!(out, " (hint: {hint})") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_without_codes_and_of_bounded_length() {
        let fault = Fault::new("a\u{1b}[2J", "x\ny", "z".repeat(10_000), "do\u{202e}");
        let line = fault.to_string();
        assert!(line.starts_with("a\\u{1b}[2J: expected x y, found zzz"), "{line}");
        assert!(line.len() < 1000 && !line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line}");
    }
}
