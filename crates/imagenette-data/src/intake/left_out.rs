//! What is in an archive or a folder and is no photo of its dataset: left out and said, or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::assembly::list;
use crate::error::{DataError, Result};
use crate::file_name::printable;
use crate::watch::Watch;

/// How many names are kept; the others are counted.
const KEPT: usize = 1_000;

/// What was left out so far, by path.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    strays: BTreeSet<String>,
    stray_count: u64,
    misnamed: BTreeMap<String, String>,
    misnamed_count: u64,
    hidden_count: u64,
}

impl LeftOut {
    /// A file or folder that is no photo of the dataset; told twice, it counts once.
    pub(crate) fn stray(&mut self, path: &str) {
        if self.strays.contains(path) {
            return;
        }
        self.stray_count += 1;
        if self.strays.len() < KEPT {
            self.strays.insert(path.to_owned());
        }
    }

    /// A photo or a class whose name is not one on every system, and why.
    pub(crate) fn misnamed(&mut self, path: &str, reason: String) {
        if self.misnamed.contains_key(path) {
            return;
        }
        self.misnamed_count += 1;
        if self.misnamed.len() < KEPT {
            self.misnamed.insert(path.to_owned(), reason);
        }
    }

    /// A hidden file or folder, or what a file manager left behind.
    pub(crate) fn hidden(&mut self) {
        self.hidden_count += 1;
    }

    /// Says what was left out.
    ///
    /// # Errors
    /// When photos must be renamed: all of them at once. With `strict`, when anything was left out that is not hidden.
    pub(crate) fn say(&self, origin: &Path, strict: bool, watch: &dyn Watch) -> Result<()> {
        if self.misnamed_count > 0 {
            let named: Vec<String> =
                self.misnamed.iter().map(|(path, reason)| format!("`{}` ({reason})", printable(path))).collect();
            return Err(DataError::malformed(
                origin,
                "names that every system takes",
                format!(
                    "{} that not every system takes: {}",
                    self.misnamed_count,
                    counted(&named, self.misnamed_count)
                ),
                "rename what is listed: names without \\ : * ? \" < > |, in UTF-8, that end with neither dot nor space",
            ));
        }
        if self.stray_count > 0 {
            let named: Vec<String> = self.strays.iter().map(|path| printable(path)).collect();
            let named = counted(&named, self.stray_count);
            if strict {
                return Err(DataError::malformed(
                    origin,
                    "nothing but photos in its class folders (--strict)",
                    format!("{} more: {named}", self.stray_count),
                    "move these out of the folder, or leave --strict out: they are then left out",
                ));
            }
            watch.notice(&format!("left out, since no photos of a class: {} ({named})", self.stray_count));
        }
        if self.hidden_count > 0 {
            watch.notice(&format!("left out, since hidden or a file manager's: {}", self.hidden_count));
        }
        Ok(())
    }
}

/// The first names of so many.
fn counted(named: &[String], count: u64) -> String {
    let beyond = count - named.len() as u64;
    match (list(named), beyond) {
        (text, 0) => text,
        (text, _) => format!("{text}, …"),
    }
}
