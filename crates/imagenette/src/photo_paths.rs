//! Photos as people name them: files and folders go in, the photos among them come out, one by one.

use std::io::Read;
use std::path::{Path, PathBuf};

use imagenette_data::DataError;
use imagenette_data::file_name::{is_clutter, is_photo};
use imagenette_files::input::PHOTO_BYTES;

use crate::terminal::Refusal;

/// What stands for stdin.
pub(crate) const STDIN: &str = "-";

/// What was named, with every folder replaced by the photos in it and below it, in the order of their paths. Hidden files
/// and folders are left out, and what is no photo by its name; links to folders are not followed, so that there is an end.
pub(crate) fn photos(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in named {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        add(path, &mut found)?;
        if found.len() == before {
            return Err(Refusal::error(
                format!("{}: expected photos in this folder or below it, found none", path.display()),
                "photos are files that end in .jpg, .jpeg, .png or .webp; a file of another name can be named itself",
            ));
        }
    }
    Ok(found)
}

fn add(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .map_err(DataError::io("list", folder))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let kind = entry.file_type().map_err(DataError::io("list", &path))?;
        if is_clutter(&name) {
            continue;
        }
        if kind.is_dir() {
            add(&path, found)?;
        } else if is_photo(&name) && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// All of stdin: a photo.
pub(crate) fn from_stdin() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(PHOTO_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(DataError::io("read", Path::new(STDIN)))?;
    let found = match bytes.len() as u64 {
        0 => "nothing".to_owned(),
        // A stream may never end.
        length if length > PHOTO_BYTES => format!("more than {} MiB", PHOTO_BYTES >> 20),
        _ => return Ok(bytes),
    };
    Err(Refusal::error(
        format!("{STDIN}: expected a photo on stdin, found {found}"),
        "for example `imagenette predict RUN - < photo.jpg`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_become_their_photos_in_order_and_what_is_no_photo_stays_out() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for folder in ["b/c", "b/.hidden", "empty"] {
            std::fs::create_dir_all(path(folder)).unwrap();
        }
        for file in ["b/2.JPG", "b/1.png", "b/c/3.webp", "b/.4.png", "b/.hidden/5.png", "b/notes.txt", "a.dat"] {
            std::fs::write(path(file), "x").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(path("b"), path("b/c/again")).unwrap();
        let found = photos(&[path("b"), path("a.dat"), path("no.png")]).unwrap();
        assert_eq!(found, ["b/1.png", "b/2.JPG", "b/c/3.webp", "a.dat", "no.png"].map(path));
        let error = photos(&[path("empty")]).unwrap_err().to_string();
        assert!(error.contains("empty: expected photos in this folder or below it, found none"), "{error}");
    }
}
