//! A stranger's folder, looked at before anything in it is read: names, kinds and sizes.

use std::fs::Metadata;
use std::path::Path;

use imagenette_files::FileError;

use crate::error::Result;
use crate::fault::Fault;

/// A file that may lie in a folder, and its largest size in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    pub(crate) name: &'static str,
    pub(crate) most_bytes: u64,
    pub(crate) is_needed: bool,
}

/// Names that are looked at in one folder at most.
const MOST_NAMES: usize = 20_000;
const LINK_HINT: &str = "put the file itself there: links are never followed";

/// What a name in a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File(u64),
    Folder,
    Other(&'static str),
}

/// The names in a folder with their kinds, sorted; names that are no text are faults.
pub(crate) fn list(path: &Path, shown: &str, faults: &mut Vec<Fault>) -> Result<Vec<(String, Kind)>> {
    let entries = std::fs::read_dir(path).map_err(FileError::io("list", path))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FileError::io("list", path))?;
        let metadata = entry.path().symlink_metadata().map_err(FileError::io("look at", &entry.path()))?;
        match entry.file_name().into_string() {
            Ok(name) => names.push((name, kind(&metadata))),
            Err(name) => {
                let file = format!("{shown}/{}", name.to_string_lossy());
                faults.push(Fault::new(file, "a name that is text", "other bytes", "rename it, or leave it out"));
            }
        }
        if names.len() > MOST_NAMES {
            faults.push(Fault::new(shown, format!("at most {MOST_NAMES} names"), "more", "leave them out"));
            break;
        }
    }
    names.sort_by(|one: &(String, Kind), other| one.0.cmp(&other.0));
    Ok(names)
}

fn kind(metadata: &Metadata) -> Kind {
    match () {
        () if metadata.file_type().is_symlink() => Kind::Other("a link"),
        () if metadata.is_file() => Kind::File(metadata.len()),
        () if metadata.is_dir() => Kind::Folder,
        () => Kind::Other("a pipe, socket or device"),
    }
}

/// Says of a folder's names which are not allowed, too large, or missing. Folders among them are given back.
pub(crate) fn hold_to(
    names: &[(String, Kind)],
    shown: &str,
    allowed: &[Allowed],
    is_folder: impl Fn(&str) -> bool,
    faults: &mut Vec<Fault>,
) -> Vec<String> {
    let expected = || allowed.iter().map(|file| file.name).collect::<Vec<_>>().join(", ");
    let mut folders = Vec::new();
    for (name, kind) in names {
        let file = format!("{shown}/{name}");
        let known = allowed.iter().find(|known| known.name == name);
        match (kind, known) {
            (Kind::Other(what), _) => faults.push(Fault::new(file, "a plain file", *what, LINK_HINT)),
            (Kind::Folder, None) if is_folder(name) => folders.push(name.clone()),
            (Kind::File(bytes), Some(known)) if *bytes > known.most_bytes => {
                let (most, found) = (format!("at most {} bytes", known.most_bytes), format!("{bytes} bytes"));
                faults.push(Fault::new(file, most, found, "leave out what is not asked for"));
            }
            (Kind::File(_), Some(_)) => {}
            (kind, _) => {
                let what = if *kind == Kind::Folder { "another folder" } else { "another file" };
                faults.push(Fault::new(file, format!("only {}", expected()), what, "remove it"));
            }
        }
    }
    for needed in allowed.iter().filter(|known| known.is_needed) {
        if !names.iter().any(|(name, _)| name == needed.name) {
            let hint = "`imagenette board new` collects all files of an entry";
            faults.push(Fault::new(format!("{shown}/{}", needed.name), "this file", "none", hint));
        }
    }
    folders
}
