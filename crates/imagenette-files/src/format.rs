//! Versions of file formats: what a reader does with files of other versions. `docs/formats.md` has the policy.

use std::path::Path;

use serde::Deserialize;

use crate::error::FileError;
use crate::plain;

/// A file format: its name and the versions that this program reads. It writes the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The name in the file's head: `imagenette-run`.
    pub name: &'static str,
    /// The oldest version that is read.
    pub oldest: u32,
    /// The newest version that is read, and the one that is written.
    pub newest: u32,
}

/// The head that every file of ours has, whatever follows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Head {
    /// The format's name.
    pub format: String,
    /// Its version.
    pub version: u32,
}

impl Format {
    /// Checks the head of a JSON text and returns its version. Other fields are ignored here, so that a newer file is
    /// reported as newer, not by the first field that is unknown.
    ///
    /// # Errors
    /// When it is not a JSON object with a format and a version, is another format, or a version that this program
    /// does not read.
    pub fn check_json(&self, path: &Path, text: &str, hint: &str) -> Result<u32, FileError> {
        let head: Head = serde_json::from_str(text)
            .map_err(|error| FileError::malformed(path, self.expected(), plain::json_error(&error), hint))?;
        self.check(path, &head, hint)
    }

    /// Checks that this program reads files with this head, and returns their version.
    ///
    /// # Errors
    /// When it is another format, or a version that this program does not read. `hint` is for files of another format.
    pub fn check(&self, path: &Path, head: &Head, hint: &str) -> Result<u32, FileError> {
        let found = format!("{} version {}", head.format, head.version);
        if head.format != self.name {
            return Err(FileError::malformed(path, self.expected(), found, hint));
        }
        if head.version > self.newest {
            return Err(FileError::malformed(
                path,
                self.expected(),
                found,
                "a newer imagenette wrote it: update this program to read it",
            ));
        }
        if head.version < self.oldest {
            let hint = "an older imagenette wrote it: read it with that one";
            return Err(FileError::malformed(path, self.expected(), found, hint));
        }
        Ok(head.version)
    }

    /// What a reader expects: `imagenette-run version 1 or 2`.
    pub fn expected(&self) -> String {
        let Self { name, oldest, newest } = self;
        match newest - oldest {
            0 => format!("{name} version {newest}"),
            1 => format!("{name} version {oldest} or {newest}"),
            _ => format!("{name} version {oldest} to {newest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Hint;

    const FORMAT: Format = Format { name: "imagenette-run", oldest: 1, newest: 2 };

    #[test]
    fn known_versions_are_read_and_a_newer_one_is_called_newer_whatever_else_it_holds() {
        let path = Path::new("record.json");
        let check = |text: &str| FORMAT.check_json(path, text, "finish the run");
        assert_eq!(check(r#"{"format":"imagenette-run","version":1}"#).unwrap(), 1);
        assert_eq!(check(r#"{"version":2,"format":"imagenette-run","x":[]}"#).unwrap(), 2);
        let newer = check(r#"{"format":"imagenette-run","version":3,"unheard_of":{}}"#).unwrap_err();
        let message = newer.to_string();
        assert!(
            message.contains("expected imagenette-run version 1 or 2, found imagenette-run version 3"),
            "{message}"
        );
        assert!(newer.hint().unwrap().contains("update this program"));
        let other = check(r#"{"format":"other","version":1}"#).unwrap_err();
        assert_eq!(other.hint().unwrap(), "finish the run");
        assert!(check("{}").is_err() && check("").is_err());
    }
}
