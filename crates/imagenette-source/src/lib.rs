//! The source of an idea's crate as one text, for its build script: `imagenette_source::gather()`.
//!
//! A run keeps the text and its record names the text's hash, so that two versions of an idea can be told apart and an old
//! one be brought back. It has every `.rs` file below `src`, `build.rs` and `Cargo.toml`, sorted by path, each after a line
//! `==> path`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Writes the source of the crate that is being built to `$OUT_DIR/source.txt`, where `imagenette::program!()` looks for it.
///
/// # Panics
/// Outside a build script, or when a file cannot be read or written: the build then fails and says which.
pub fn gather() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("only a build script gathers sources"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("only a build script gathers sources")).join("source.txt");
    for watched in ["src", "build.rs", "Cargo.toml"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    let text = source(&root).unwrap_or_else(|error| panic!("cannot read the source in {}: {error}", root.display()));
    fs::write(&out, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
}

/// The source of the crate in a folder.
///
/// # Errors
/// When a file cannot be read.
pub fn source(root: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files)?;
    files.extend(["build.rs", "Cargo.toml"].map(|name| root.join(name)).into_iter().filter(|path| path.is_file()));
    let mut named: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|path| {
            let parts = path.strip_prefix(root).unwrap_or(&path).components();
            let name = parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/");
            (name, path)
        })
        .collect();
    named.sort();
    let mut text = String::new();
    for (name, path) in named {
        // The same on every system, whatever ends its lines.
        let source = fs::read_to_string(&path)?.replace("\r\n", "\n");
        text += &format!("==> {name}\n{source}");
        if !source.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_file_is_there_once_under_its_path() {
        let text = source(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("==> ")).collect();
        assert_eq!(heads, ["==> Cargo.toml", "==> src/lib.rs"]);
        assert!(text.contains("\npub fn gather() {\n"));
    }
}
